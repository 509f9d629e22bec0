//! Two `EPOLL_CTL_ADD`s that would make epolls watch each other, or a chain of them that is too long.
//!
//! Spec: `spec/EpNested.tla`.

use crate::scenario::{Cast, Locals, Scenario, Show, World};
use graceref::sync::model::{violated, witness};
use lifetimes::ep_nested::{Check, Epolls};
use lockstep::value::Value;

struct Nested {
    epolls: Epolls,
    adds: [(u32, u32); 2],
}

impl World for Nested {
    fn run(&self, thread: usize) {
        let (from, to) = self.adds[thread];
        if !self.epolls.add(from, to) {
            witness("Refused", format_args!("ELOOP"));
        }
    }

    fn show(&self, show: &mut Show) {
        let raw = self.epolls.raw();
        show.is("nested", self.epolls.raw_nested());
        show.is("mtx", Value::seq(raw.iter().map(|ep| ep.0)));
        show.is("watches", Value::seq(raw.iter().map(|ep| ep.1)));
        show.is("refs", Value::seq(raw.iter().map(|ep| ep.2)));
    }

    fn at_end(&self) {
        let raw = self.epolls.raw();
        if self.epolls.raw_nested() || raw.iter().any(|ep| ep.0) {
            violated("NothingLeft", format_args!("a mutex is held at the end"));
        }
    }
}

/// The kernel's calls.
fn describe(label: &str) -> &'static str {
    match label {
        "nested_lock" => "mutex_lock(&epnested_mutex)",
        "nested_unlock" => "mutex_unlock(&epnested_mutex)",
        "down_lock" => "ep_loop_check_proc(): mutex_lock(&ep->mtx), ep->rbr",
        "up_first" => "ep_get_upwards_depth_proc(): the first item in ep->refs",
        "up_ep" => "  epi->ep",
        "mtx_lock" => "ep_insert(): mutex_lock(&ep->mtx)",
        "attach" => "  ep_attach_file()",
        "insert" => "  ep_rbtree_insert()",
        "poll_lock" => "__ep_eventpoll_poll(): mutex_lock_nested(&ep->mtx, 1)",
        "poll_next_lock" => "__ep_eventpoll_poll(): mutex_lock_nested(&ep->mtx, 2)",
        "down_unlock" | "mtx_unlock" | "poll_unlock" | "poll_next_unlock" => {
            "mutex_unlock(&ep->mtx)"
        }
        _ => "",
    }
}

fn scenario(
    name: &'static str,
    about: &'static str,
    (check, serial, chain): (Check, bool, bool),
    sought: &'static [&'static str],
) -> Scenario {
    const TASKS: &[&str] = &["first", "second"];
    let (adds, watched): (_, &[(u32, u32)]) =
        if chain { ([(1, 2), (3, 4)], &[(2, 3)]) } else { ([(1, 2), (2, 1)], &[]) };
    let make = move || Nested { epolls: Epolls::new(check, serial, watched), adds };
    Scenario {
        describe,
        sought,
        locals: vec![
            Locals::new("at", TASKS, 0),
            Locals::new("next", TASKS, 0),
            Locals::new("depth", TASKS, 1),
        ],
        ..Scenario::new(name, about, Cast::new(TASKS, make))
    }
}

const HANGS: &str = "threads that wait for each other do not come back";

pub(crate) fn all() -> Vec<Scenario> {
    use Check::{Both, Down, None};
    let hangs = |scenario| Scenario { without: &[("threads", HANGS)], ..scenario };
    vec![
        scenario(
            "ep-nested",
            "two epolls are added to each other, under epnested_mutex",
            (Both, true, false),
            &["Refused"],
        ),
        scenario(
            "ep-nested-chain",
            "a chain of epolls grows at both ends, under epnested_mutex",
            (Both, true, true),
            &["Refused"],
        ),
        hangs(scenario(
            "ep-nested-unlocked",
            "two epolls are added to each other, without epnested_mutex",
            (Both, false, false),
            &[],
        )),
        scenario(
            "ep-nested-down",
            "a chain of epolls grows at both ends, and nobody looks up",
            (Down, true, true),
            &["BoundedDepth"],
        ),
        hangs(scenario(
            "ep-nested-unchecked",
            "two epolls are added to each other, and nobody looks",
            (None, true, false),
            &[],
        )),
    ]
}
