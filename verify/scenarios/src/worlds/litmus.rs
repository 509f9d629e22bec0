//! Checks of the checkers: two or three lines each, of which it is known which engine sees what.

use crate::scenario::{Cast, Scenario, Show, World};
use graceref::at;
use graceref::sync::model::{Ghost, violated, witness};
use graceref::sync::{AtomicU32, Ordering, Tracked};

/// `load` beside `load; store`: stock loom explores one order and never sees the store.
#[derive(Default)]
struct LostLoad(AtomicU32);

impl World for LostLoad {
    fn run(&self, thread: usize) {
        at!("load");
        // ORDERING: Relaxed; the litmus is about interleavings.
        let seen = self.0.load(Ordering::Relaxed);
        if thread == 1 {
            at!("store");
            // ORDERING: Relaxed, likewise.
            self.0.store(1, Ordering::Relaxed);
        } else if seen == 1 {
            witness("SawStore", format_args!("the load came after the store"));
        }
    }

    fn show(&self, _: &mut Show) {}
}

/// Two stores to two words, and a ghost that sees their order: no reduction keeps both orders for its sake.
#[derive(Default)]
struct GhostOrder {
    words: [AtomicU32; 2],
    first: Ghost<Option<usize>>,
}

impl World for GhostOrder {
    fn run(&self, thread: usize) {
        at!("store");
        // ORDERING: Relaxed; the litmus is about interleavings.
        self.words[thread].store(1, Ordering::Relaxed);
        let first = self.first.with(|first| *first.get_or_insert(thread));
        // Whichever order the search tries first, the other one is the bug.
        if first == BUGGY_FIRST {
            violated("GhostOrder", format_args!("thread {first} was first"));
        }
    }

    fn show(&self, show: &mut Show) {
        if let Some(first) = self.first.get() {
            show.is("first", first);
        }
    }
}

/// The thread that loom's one order does not let go first.
const BUGGY_FIRST: usize = 1;

/// A reader without a reference, and a free.
struct FreedUnderReader(Tracked<u32>);

impl World for FreedUnderReader {
    fn run(&self, thread: usize) {
        if thread == 0 {
            at!("read");
            self.0.with(|content| {
                // SAFETY: the mirror's memory is never really freed; that it might be is the litmus.
                // (Invariant: none of the spec.)
                let _ = unsafe { content.read() };
            });
        } else {
            at!("free");
            self.0.retire();
        }
    }

    fn show(&self, _: &mut Show) {}
}

pub(crate) fn all() -> Vec<Scenario> {
    const TWO: &[&str] = &["one", "two"];
    let litmus = |name, about, cast| Scenario { graph: false, ..Scenario::new(name, about, cast) };
    let freed = || Cast::new(TWO, || FreedUnderReader(Tracked::new(7)));
    vec![
        litmus(
            "litmus-lost-load",
            "stock loom loses an interleaving; the read-modify-write pass finds it",
            Cast::new(TWO, LostLoad::default),
        ),
        litmus(
            "litmus-ghost-order",
            "only a ghost sees the order of two steps: the state-cached pass finds it, loom does not",
            Cast::new(TWO, GhostOrder::default),
        ),
        litmus("litmus-retire", "a free is a write: loom sees the use after it", freed()),
        Scenario {
            mutant: "tracked.no_retire",
            ..litmus("litmus-no-retire", "the same where a free is nothing: loom is blind", freed())
        },
    ]
}
