//! The end of a pool: its last handle is dropped while references remain.
//!
//! Spec: `spec/Pool.tla`.

use super::held::{Held, Object, nothing_left};
use crate::scenario::{Cast, Locals, Scenario, Show, World};
use graceref::sync::model::Ghost;
use graceref::sync::within;
use graceref::{CasCount, Pool, Ref};
use std::sync::Arc;

struct Closing {
    pool: Held<Pool<Object>>,
    refs: Vec<Held<Ref<Object>>>,
    dropped: Arc<Ghost<u32>>,
    #[cfg(any(graceref_loom, graceref_shuttle))]
    raw: graceref::Watch<Object, CasCount>,
}

impl Closing {
    fn new(holders: usize) -> Self {
        let pool: Pool<Object, CasCount> = Pool::with_limit(1);
        let dropped = Arc::new(Ghost::new(0));
        let first = pool.insert(Object::new(&dropped)).ok();
        let mut refs: Vec<_> = (1..holders).map(|_| Held::new(first.clone())).collect();
        refs.push(Held::new(first));
        Self {
            #[cfg(any(graceref_loom, graceref_shuttle))]
            raw: pool.raw_watch(),
            pool: Held::new(Some(pool)),
            refs,
            dropped,
        }
    }
}

impl World for Closing {
    fn run(&self, thread: usize) {
        if thread == 0 {
            drop(self.pool.take());
        } else {
            let _scope = within("hold");
            drop(self.refs[thread - 1].take());
        }
    }

    #[cfg(graceref_shuttle)]
    fn show(&self, show: &mut Show) {
        let raw = self.raw.look();
        show.is("count", raw.count[0]);
        show.is("handles", raw.handles);
        show.is("fresh", raw.fresh >> 32 != 0);
        show.is("first", raw.first);
        show.is("next", raw.next[0]);
        show.is("leaving", raw.leaving);
        show.is("freed", raw.freed);
    }

    #[cfg(not(graceref_shuttle))]
    fn show(&self, _: &mut Show) {}

    fn at_end(&self) {
        #[cfg(any(graceref_loom, graceref_shuttle))]
        let freed = Some(self.raw.look().freed);
        #[cfg(not(any(graceref_loom, graceref_shuttle)))]
        let freed = None;
        nothing_left(freed, self.dropped.get());
    }
}

pub(crate) fn all() -> Vec<Scenario> {
    const H: &[&str] = &["holder", "holder2"];
    let mark = Locals::new("head", H, 0);
    vec![Scenario {
        crowd: Some(Cast::new(&["closer", "holder", "holder2", "holder3"], || Closing::new(3))),
        locals: vec![Locals::new("found", &["closer"], 0), mark],
        ..Scenario::new(
            "pool-close",
            "the last handle is dropped while two threads drop the last references",
            Cast::new(&["closer", "holder", "holder2"], || Closing::new(2)),
        )
    }]
}
