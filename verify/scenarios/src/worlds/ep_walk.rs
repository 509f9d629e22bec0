//! An epoll is closed while a walk up through nested epolls, under RCU, is at it.
//!
//! Spec: `spec/EpWalk.tla`.

use crate::scenario::{Cast, Locals, Scenario, Show, World};
use graceref::sync::model::violated;
use lifetimes::ep_walk::{Fix, Nested};
use lockstep::value::Value;

impl World for Nested {
    fn run(&self, thread: usize) {
        if thread == 0 { self.walk() } else { self.close() }
    }

    fn show(&self, show: &mut Show) {
        for (name, is) in self.raw() {
            show.is(name, is);
        }
        let [freed, uaf] = self.raw_gone();
        show.is("count", self.raw_count());
        show.is("freed", Value::set(freed));
        show.is("uaf", Value::set(uaf));
    }

    fn at_end(&self) {
        let [freed, _] = self.raw_gone();
        if self.raw().iter().any(|&(_, is)| is) || freed.len() != 2 {
            violated("NothingLeft", format_args!("{:?} at the end, freed {freed:?}", self.raw()));
        }
    }
}

/// The kernel's calls.
fn describe(label: &str) -> &'static str {
    match label {
        "walk_lock" => "ep_get_upwards_depth_proc(): rcu_read_lock()",
        "walk_first" => "  hlist_for_each_entry_rcu(epi, &target->refs, fllink)",
        "walk_epi" => "  epi->ep",
        "walk_ep" => "  ep->refs",
        "walk_unlock" => "rcu_read_unlock()",
        "close_mtx" => "ep_clear_and_put(): mutex_lock(&ep->mtx)",
        "close_f_lock" => "ep_remove_file(): spin_lock(&file->f_lock)",
        "close_unlink" => "  hlist_del_rcu(&epi->fllink)",
        "close_f_unlock" => "  spin_unlock(&file->f_lock)",
        "close_erase" => "rb_erase(), kfree_rcu(epi)",
        "close_item_put" => "the item's reference to ep",
        "close_mtx_unlock" => "mutex_unlock(&ep->mtx)",
        "close_put" => "ep_refcount_dec_and_test(ep)",
        "close_free" => "ep_free(): kfree(ep)",
        "close_rcu_wait" => "a grace period begins",
        "close_rcu_over" => "  and is over",
        "close_rcu_free" => "the RCU callbacks",
        _ => "",
    }
}

fn scenario(
    name: &'static str,
    about: &'static str,
    fix: Fix,
    sought: &'static [&'static str],
) -> Scenario {
    let make = move || Nested::new(fix);
    Scenario {
        describe,
        sought,
        locals: vec![Locals::new("found", &["walker"], false)],
        ..Scenario::new(name, about, Cast::new(&["walker", "closer"], make))
    }
}

pub(crate) fn all() -> Vec<Scenario> {
    vec![
        scenario(
            "ep-walk-kfree",
            "an epoll that is freed at once",
            Fix::Kfree,
            &["NoUseAfterFree"],
        ),
        scenario(
            "ep-walk-kfree-rcu",
            "an epoll that is freed after a grace period",
            Fix::KfreeRcu,
            &["HeldBack", "Stale"],
        ),
    ]
}
