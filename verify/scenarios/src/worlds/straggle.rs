//! A put that straggles between its two steps while the count is revived, dropped, and the pool's memory goes.
//!
//! Spec: `spec/Straggle.tla`.

use super::held::{Held, Object, nothing_left};
use crate::scenario::{Cast, Locals, Scenario, Show, World};
use graceref::sync::model::Ghost;
use graceref::sync::within;
use graceref::{FileRefCount, Pool, Ref, Stash};
use std::sync::Arc;

/// The stash holds the pool's last handle. The object does not clear it: the lookup may find it at any time.
struct Straggle {
    first: Held<Ref<Object, FileRefCount>>,
    stash: Held<Stash<Object, FileRefCount>>,
    released: Arc<Ghost<u32>>,
    #[cfg(any(graceref_loom, graceref_shuttle))]
    raw: graceref::Watch<Object, FileRefCount>,
}

impl Straggle {
    fn new() -> Self {
        let pool: Pool<Object, FileRefCount> = Pool::with_limit(1);
        let released = Arc::new(Ghost::new(0));
        let stash = Stash::new(&pool);
        let first = pool.insert(Object::new(&released)).ok();
        if let Some(first) = &first {
            stash.store(first).expect("of this pool");
        }
        Self {
            #[cfg(any(graceref_loom, graceref_shuttle))]
            raw: pool.raw_watch(),
            first: Held::new(first),
            stash: Held::new(Some(stash)),
            released,
        }
    }

    fn look(&self) {
        let Some(stash) = self.stash.take() else { return };
        {
            let _scope = within("look");
            drop(stash.get_active());
        }
        drop(stash);
    }
}

impl World for Straggle {
    fn run(&self, thread: usize) {
        if thread == 0 {
            let _scope = within("own");
            drop(self.first.take());
        } else {
            self.look();
        }
    }

    #[cfg(graceref_shuttle)]
    fn show(&self, show: &mut Show) {
        /// The code's mark for a pool with handles, and the spec's.
        const OPEN: i64 = i64::MIN;
        const SPEC_OPEN: i64 = 8;
        let raw = self.raw.look();
        let from_open = raw.leaving.wrapping_sub(OPEN);
        let open = from_open.unsigned_abs() < 1 << 62;
        show.is("word", lifetimes::counts::in_spec_scale(raw.word[0]));
        show.is("first", raw.first);
        show.is("next", raw.next[0]);
        show.is("handles", raw.handles);
        show.is("fresh", raw.fresh >> 32 != 0);
        show.is("leaving", if open { SPEC_OPEN + from_open } else { raw.leaving });
        show.is("released", self.released.get());
        show.is("freed", raw.freed);
    }

    #[cfg(not(graceref_shuttle))]
    fn show(&self, _: &mut Show) {}

    fn at_end(&self) {
        #[cfg(any(graceref_loom, graceref_shuttle))]
        let freed = Some(self.raw.look().freed);
        #[cfg(not(any(graceref_loom, graceref_shuttle)))]
        let freed = None;
        nothing_left(freed, self.released.get());
    }
}

fn scenario(name: &'static str, about: &'static str, mutant: &'static str) -> Scenario {
    Scenario {
        mutant,
        locals: vec![
            Locals::new("ohead", &["owner"], 0).as_in_code("head"),
            Locals::new("lhead", &["lookup"], 0).as_in_code("head"),
            Locals::new("found", &["lookup"], 0),
        ],
        ..Scenario::new(name, about, Cast::new(&["owner", "lookup"], Straggle::new))
    }
}

pub(crate) fn all() -> Vec<Scenario> {
    vec![
        scenario(
            "straggle",
            "a put whose kill comes late, while the lookup that revived the count drops the last handle",
            "",
        ),
        Scenario {
            without: &[(
                "threads",
                "the mutant is of the model builds: real memory would really be freed",
            )],
            ..scenario(
                "straggle-forgotten",
                "the same where nobody counts the straggler: its compare-exchange meets freed memory",
                "pool.forget_stragglers",
            )
        },
    ]
}
