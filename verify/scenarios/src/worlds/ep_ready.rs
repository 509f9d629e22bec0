//! epoll_wait goes through the ready list while a file becomes ready, or while somebody asks whether any is.
//!
//! Spec: `spec/EpReady.tla`.

use crate::scenario::{Cast, Locals, Scenario, Show, World};
use lifetimes::ep_ready::{Fix, ReadyList};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Other {
    Look,
    Wake,
}

struct List {
    ready: ReadyList,
    other: Other,
}

impl World for List {
    fn run(&self, thread: usize) {
        match (thread, self.other) {
            (0, _) => self.ready.scan(),
            (_, Other::Look) => self.ready.look(),
            (_, Other::Wake) => self.ready.wake(),
        }
    }

    fn show(&self, show: &mut Show) {
        for (name, is) in self.ready.raw() {
            show.is(name, is);
        }
        show.is("seq", self.ready.raw_seq());
    }

    fn at_end(&self) {
        self.ready.at_end();
    }
}

/// The kernel's calls.
fn describe(label: &str) -> &'static str {
    match label {
        "scan_lock" => "ep_start_scan(): spin_lock(&ep->lock)",
        "scan_seq" | "scan_done_seq" => "  write_seqcount_begin(&ep->seq)",
        "scan_splice" => "  list_splice_init(&ep->rdllist, txlist)",
        "scan_open" => "  ep->ovflist = NULL",
        "scan_seq_end" | "scan_done_seq_end" => "  write_seqcount_end(&ep->seq)",
        "scan_poll" => "ep_item_poll(), epoll_put_uevent()",
        "scan_requeue" => "list_add_tail(&epi->rdllink, &ep->rdllist)",
        "scan_done_lock" => "ep_done_scan(): spin_lock(&ep->lock)",
        "scan_done_drain" => "  ep->ovflist",
        "scan_done_add" => "  list_add(&epi->rdllink, &ep->rdllist)",
        "scan_done_close" => "  ep->ovflist = EP_UNACTIVE_PTR",
        "scan_done_splice" => "  list_splice(txlist, &ep->rdllist)",
        "look_rdllist" => "ep_events_available(): list_empty(&ep->rdllist)",
        "look_open" => "  READ_ONCE(ep->ovflist) != EP_UNACTIVE_PTR",
        "look_seq" => "  read_seqcount_retry()",
        "wake_event" => "the file becomes ready",
        "wake_lock" => "ep_poll_callback(): spin_lock(&ep->lock)",
        "wake_add" => "  list_add_tail(&epi->rdllink, &ep->rdllist)",
        "wake_overflow" => "  the list is taken: onto ep->ovflist",
        "scan_unlock" | "scan_done_unlock" | "wake_unlock" => "  spin_unlock(&ep->lock)",
        _ => "",
    }
}

fn scenario(
    name: &'static str,
    about: &'static str,
    (fix, other, fault): (Fix, Other, bool),
    sought: &'static [&'static str],
) -> Scenario {
    const LOOK: &[&str] = &["look"];
    let level = other == Other::Look;
    let (who, look): (&'static [&str], &'static [&str]) =
        if level { (&["scan", "look"], LOOK) } else { (&["scan", "wake"], &[]) };
    let make = move || List { ready: ReadyList::new(fix, level, fault), other };
    Scenario {
        describe,
        sought,
        locals: vec![
            Locals::new("got", &["scan"], false),
            Locals::new("rest", &["scan"], false),
            Locals::new("before", look, 0),
            Locals::new("some", look, false),
        ],
        ..Scenario::new(name, about, Cast::new(who, make))
    }
}

/// Why a search over histories has no end here.
const SPINS: &str = "a look that is taken again while the lists are switched has executions without end; lockstep's graph has a cycle for them";

pub(crate) fn all() -> Vec<Scenario> {
    use Fix::{Dropped, Seqcount, Twice, Unspliced};
    use Other::{Look, Wake};
    vec![
        Scenario {
            without: &[("shuttle", SPINS), ("loom", SPINS)],
            ..scenario(
                "ep-ready-seqcount",
                "a look at both lists, again if they were switched meanwhile",
                (Seqcount, Look, false),
                &["Again"],
            )
        },
        scenario(
            "ep-ready-twice",
            "a look at the one list and then at the other",
            (Twice, Look, false),
            &["NoMissedEvent"],
        ),
        scenario(
            "ep-ready-wake",
            "a file becomes ready while epoll_wait goes through the list",
            (Seqcount, Wake, false),
            &["Overflows"],
        ),
        scenario(
            "ep-ready-dropped",
            "the same without an overflow list",
            (Dropped, Wake, false),
            &["NoLostWakeup"],
        ),
        scenario(
            "ep-ready-fault",
            "a file becomes ready while epoll_wait cannot report it",
            (Seqcount, Wake, true),
            &[],
        ),
        scenario(
            "ep-ready-unspliced",
            "the same, and the rest of the list is forgotten",
            (Unspliced, Wake, true),
            &["NoLostWakeup"],
        ),
    ]
}
