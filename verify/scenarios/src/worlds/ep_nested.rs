//! Two `EPOLL_CTL_ADD`s that would make epolls watch each other, or a chain of them that is too long; and one beside the
//! close of an epoll further down.
//!
//! Spec: `spec/EpNested.tla`.

use crate::scenario::{Cast, Locals, Scenario, Show, World};
use graceref::sync::model::{violated, witness};
use lifetimes::ep_nested::{Check, Epolls};
use lockstep::value::Value;

/// What a task does.
#[derive(Debug, Clone, Copy)]
enum Task {
    /// `EPOLL_CTL_ADD(epoll, target)`.
    Add(u32, u32),
    /// `close`.
    Close(u32),
}

/// Which epolls there are, and what is done with them.
#[derive(Clone, Copy)]
enum Shape {
    /// Two that are added to each other.
    Circle,
    /// One watches another; the chain grows at both ends.
    Chain,
    /// It grows at the upper end, and the lower one is closed.
    Close,
}

impl Shape {
    fn tasks(self) -> [Task; 2] {
        match self {
            Self::Circle => [Task::Add(1, 2), Task::Add(2, 1)],
            Self::Chain => [Task::Add(1, 2), Task::Add(3, 4)],
            Self::Close => [Task::Add(1, 2), Task::Close(3)],
        }
    }

    fn watched(self) -> &'static [(u32, u32)] {
        match self {
            Self::Circle => &[],
            Self::Chain | Self::Close => &[(2, 3)],
        }
    }
}

struct Nested {
    epolls: Epolls,
    shape: Shape,
}

impl World for Nested {
    fn run(&self, thread: usize) {
        match self.shape.tasks()[thread] {
            Task::Add(from, to) => {
                if !self.epolls.add(from, to) {
                    witness("Refused", format_args!("ELOOP"));
                }
            }
            Task::Close(number) => self.epolls.close(number),
        }
    }

    fn show(&self, show: &mut Show) {
        let raw = self.epolls.raw();
        let [freed, uaf] = self.epolls.raw_gone();
        show.is("nested", self.epolls.raw_nested());
        show.is("mtx", Value::seq(raw.iter().map(|ep| ep.0)));
        show.is("watches", Value::seq(raw.iter().map(|ep| ep.1)));
        show.is("refs", Value::seq(raw.iter().map(|ep| ep.2)));
        show.is("freed", Value::set(freed));
        show.is("uaf", Value::set(uaf));
    }

    fn at_end(&self) {
        let raw = self.epolls.raw();
        let [freed, _] = self.epolls.raw_gone();
        if self.epolls.raw_nested() || raw.iter().any(|ep| ep.0) {
            violated("NothingLeft", format_args!("a mutex is held at the end"));
        }
        let closed = matches!(self.shape, Shape::Close);
        if closed && (freed != [3] || raw[1].1 != 0 || raw[2].2 != 0) {
            violated("NothingLeft", format_args!("3 is closed: {raw:?}, freed {freed:?}"));
        }
    }
}

/// The kernel's calls.
fn describe(label: &str) -> &'static str {
    match label {
        "fd" => "epoll_ctl(EPOLL_CTL_ADD): fdget() of both",
        "nested_lock" => "mutex_lock(&epnested_mutex)",
        "nested_unlock" => "mutex_unlock(&epnested_mutex)",
        "down_lock" => "ep_loop_check_proc(): mutex_lock(&ep->mtx), ep->rbr",
        "down_next_lock" => "ep_loop_check_proc(): mutex_lock_nested(&ep->mtx, depth + 1), ep->rbr",
        "up_first" => "ep_get_upwards_depth_proc(): the first item in ep->refs",
        "up_ep" => "  epi->ep",
        "mtx_lock" => "ep_insert(): mutex_lock(&ep->mtx)",
        "tep_lock" => "  mutex_lock_nested(&tep->mtx, 1)",
        "attach" => "  ep_attach_file()",
        "insert" => "  ep_rbtree_insert()",
        "tep_unlock" => "  mutex_unlock(&tep->mtx)",
        "poll_lock" => "__ep_eventpoll_poll(): mutex_lock_nested(&ep->mtx, 1)",
        "poll_next_lock" => "__ep_eventpoll_poll(): mutex_lock_nested(&ep->mtx, 2)",
        "close_first" => "eventpoll_release_file(): the first item in ep->refs",
        "close_lock" => "  mutex_lock(&ep->mtx) of the one above",
        "close_unlink" => "  ep_remove_file(): hlist_del_rcu(&epi->fllink)",
        "close_erase" => "  ep_remove_epi(): rb_erase()",
        "close_own_lock" => "ep_clear_and_put(): mutex_lock(&ep->mtx)",
        "close_free" => "ep_free(): kfree_rcu(ep)",
        "down_unlock" | "down_next_unlock" | "mtx_unlock" | "poll_unlock" | "poll_next_unlock"
        | "close_unlock" | "close_own_unlock" => "mutex_unlock(&ep->mtx)",
        _ => "",
    }
}

fn scenario(
    name: &'static str,
    about: &'static str,
    (check, serial, shape): (Check, bool, Shape),
    sought: &'static [&'static str],
) -> Scenario {
    let (tasks, adds, closes): (&'static [&str], &'static [&str], &'static [&str]) = match shape {
        Shape::Close => (&["first", "close"], &["first"], &["close"]),
        _ => (&["first", "second"], &["first", "second"], &[]),
    };
    let make = move || Nested { epolls: Epolls::new(check, serial, shape.watched()), shape };
    Scenario {
        describe,
        sought,
        locals: vec![
            Locals::new("at", adds, 0),
            Locals::new("next", adds, 0),
            Locals::new("depth", adds, 1),
            Locals::new("above", closes, 0),
        ],
        ..Scenario::new(name, about, Cast::new(tasks, make))
    }
}

const HANGS: &str = "threads that wait for each other do not come back";

pub(crate) fn all() -> Vec<Scenario> {
    use Check::{Both, Down, None, Released};
    use Shape::{Chain, Circle, Close};
    let hangs = |scenario| Scenario { without: &[("threads", HANGS)], ..scenario };
    vec![
        scenario(
            "ep-nested",
            "two epolls are added to each other, under epnested_mutex",
            (Both, true, Circle),
            &["Refused"],
        ),
        scenario(
            "ep-nested-chain",
            "a chain of epolls grows at both ends, under epnested_mutex",
            (Both, true, Chain),
            &["Refused"],
        ),
        hangs(scenario(
            "ep-nested-unlocked",
            "two epolls are added to each other, without epnested_mutex",
            (Both, false, Circle),
            &[],
        )),
        scenario(
            "ep-nested-unlocked-chain",
            "a chain of epolls grows at both ends, without epnested_mutex",
            (Both, false, Chain),
            &["BoundedDepth"],
        ),
        scenario(
            "ep-nested-close",
            "the last epoll of a chain is closed while the chain grows at the other end",
            (Both, true, Close),
            &["HeldBack"],
        ),
        scenario(
            "ep-nested-released",
            "the same, and the walk down gives each mutex back before it goes on",
            (Released, true, Close),
            &["NoUseAfterFree"],
        ),
        scenario(
            "ep-nested-down",
            "a chain of epolls grows at both ends, and nobody looks up",
            (Down, true, Chain),
            &["BoundedDepth"],
        ),
        hangs(scenario(
            "ep-nested-unchecked",
            "two epolls are added to each other, and nobody looks",
            (None, true, Circle),
            &[],
        )),
    ]
}
