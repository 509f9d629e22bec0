//! An item is removed while its file's wait queue is woken, or freed by its owner.
//!
//! Spec: `spec/EpWait.tla`.

use crate::scenario::{Cast, Locals, Scenario, Show, World};
use graceref::sync::model::violated;
use lifetimes::ep_wait::{Fix, Wait};
use lockstep::value::Value;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Other {
    Wake,
    Owner,
}

struct Entry {
    wait: Wait,
    other: Other,
}

impl World for Entry {
    fn run(&self, thread: usize) {
        match (thread, self.other) {
            (0, _) => self.wait.remove(),
            (_, Other::Wake) => self.wait.wake(),
            (_, Other::Owner) => self.wait.free_queue(),
        }
    }

    fn show(&self, show: &mut Show) {
        for (name, is) in self.wait.raw() {
            show.is(name, is);
        }
        let [freed, uaf] = self.wait.raw_gone();
        show.is("freed", Value::set(freed));
        show.is("uaf", Value::set(uaf));
    }

    fn at_end(&self) {
        let raw = self.wait.raw();
        let [freed, _] = self.wait.raw_gone();
        let held =
            raw.iter().any(|&(name, is)| is && ["wq", "linked", "ready", "rcu"].contains(&name));
        if held || !freed.contains(&"entry") {
            violated("NothingLeft", format_args!("{raw:?} at the end, freed {freed:?}"));
        }
    }
}

/// The kernel's calls.
fn describe(label: &str) -> &'static str {
    match label {
        "start" => "finds the entry: by the queue that it is on, or by the item that it is of",
        "wake_lock" => "__wake_up(): spin_lock(&wq->lock)",
        "callback" => "ep_poll_callback(): ep->rdllist",
        "callback_unlink" => "  POLLFREE: list_del_init(&wait->entry)",
        "callback_whead" | "callback_whead_first" => "  smp_store_release(&pwq->whead, NULL)",
        "wake_unlock" | "unreg_unlock" => "  spin_unlock(&wq->lock)",
        "gp_wait" => "synchronize_rcu()",
        "gp_over" => "  and the grace period is over",
        "wq_free" => "kfree(wq)",
        "unreg_rcu" => "ep_unregister_pollwait(): rcu_read_lock()",
        "unreg_whead" => "  smp_load_acquire(&pwq->whead)",
        "unreg_lock" => "remove_wait_queue(): spin_lock(&wq->lock)",
        "unreg_unlink" => "  list_del(&wait->entry)",
        "unreg_rcu_unlock" => "rcu_read_unlock()",
        "rdl_unlink" => "ep_remove_epi(): list_del_init(&epi->rdllink)",
        "entry_free" => "the entry is freed, and the item",
        _ => "",
    }
}

fn scenario(
    name: &'static str,
    about: &'static str,
    (fix, other): (Fix, Other),
    sought: &'static [&'static str],
) -> Scenario {
    let who: &'static [&str] =
        if other == Other::Wake { &["epoll", "wake"] } else { &["epoll", "owner"] };
    let make = move || Entry { wait: Wait::new(fix), other };
    Scenario {
        describe,
        sought,
        locals: vec![Locals::new("found", who, false)],
        ..Scenario::new(name, about, Cast::new(who, make))
    }
}

pub(crate) fn all() -> Vec<Scenario> {
    use Fix::{Early, First, Kfree, Last, Unlocked};
    use Other::{Owner, Wake};
    vec![
        scenario(
            "ep-wait",
            "an item is removed while the queue's owner frees it",
            (Last, Owner),
            &["Null"],
        ),
        scenario("ep-wait-wake", "an item is removed while its queue is woken", (Last, Wake), &[]),
        scenario(
            "ep-wait-first",
            "whead is set to NULL before the entry is unlinked",
            (First, Owner),
            &["NoLateCallback"],
        ),
        scenario(
            "ep-wait-kfree",
            "the queue is freed at once",
            (Kfree, Owner),
            &["NoUseAfterFree"],
        ),
        scenario(
            "ep-wait-unlocked",
            "the entry is unlinked without the queue's lock",
            (Unlocked, Wake),
            &["NoLateCallback"],
        ),
        scenario(
            "ep-wait-early",
            "the item is taken off the ready list before it is unregistered",
            (Early, Wake),
            &["NothingLeft"],
        ),
    ]
}
