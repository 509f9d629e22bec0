//! The end of a pool: its last handle is dropped while references remain.
//!
//! Spec: `spec/Pool.tla`.

use crate::scenario::{Cast, Locals, Scenario, Show, World};
use graceref::sync::model::{Ghost, violated};
use graceref::sync::within;
use graceref::{CasCount, Pool, Ref};
use std::sync::{Arc, Mutex, PoisonError};

/// Counts its drops.
struct Object(Arc<Ghost<u32>>);

impl Drop for Object {
    fn drop(&mut self) {
        self.0.with(|n| *n += 1);
        if self.0.get() > 1 {
            violated("ReleasedOnce", format_args!("the object was dropped twice"));
        }
    }
}

type Held<T> = Mutex<Option<T>>;

struct Closing {
    pool: Held<Pool<Object>>,
    refs: Vec<Held<Ref<Object>>>,
    dropped: Arc<Ghost<u32>>,
    #[cfg(any(graceref_loom, graceref_shuttle))]
    raw: graceref::Watch<Object, CasCount>,
}

fn take<T>(held: &Held<T>) -> Option<T> {
    held.lock().unwrap_or_else(PoisonError::into_inner).take()
}

impl Closing {
    fn new(holders: usize) -> Self {
        let pool: Pool<Object, CasCount> = Pool::with_limit(1);
        let dropped = Arc::new(Ghost::new(0));
        let first = pool.insert(Object(Arc::clone(&dropped))).ok();
        let mut refs: Vec<_> = (1..holders).map(|_| Mutex::new(first.clone())).collect();
        refs.push(Mutex::new(first));
        Self {
            #[cfg(any(graceref_loom, graceref_shuttle))]
            raw: pool.raw_watch(),
            pool: Mutex::new(Some(pool)),
            refs,
            dropped,
        }
    }
}

impl World for Closing {
    fn run(&self, thread: usize) {
        if thread == 0 {
            drop(take(&self.pool));
        } else {
            let _scope = within("hold");
            drop(take(&self.refs[thread - 1]));
        }
    }

    #[cfg(graceref_shuttle)]
    fn show(&self, show: &mut Show) {
        let raw = self.raw.look();
        // The low half; the mark is -1, as in the spec.
        #[allow(clippy::cast_possible_truncation)]
        let head = raw.free as i32;
        show.is("count", raw.count[0].cast_signed());
        show.is("first", head);
        show.is("next", raw.next[0]);
        show.is("leaving", raw.leaving);
        show.is("freed", raw.freed);
    }

    #[cfg(not(graceref_shuttle))]
    fn show(&self, _: &mut Show) {}

    fn at_end(&self) {
        #[cfg(any(graceref_loom, graceref_shuttle))]
        let freed = self.raw.look().freed;
        // Real memory that was freed cannot be asked; AddressSanitizer and the allocator tests see to it there.
        #[cfg(not(any(graceref_loom, graceref_shuttle)))]
        let freed = 1;
        let dropped = self.dropped.get();
        if freed != 1 || dropped != 1 {
            violated("NothingLeft", format_args!("freed {freed} times, dropped {dropped} times"));
        }
    }
}

pub(crate) fn all() -> Vec<Scenario> {
    const H: &[&str] = &["holder", "holder2"];
    let mark = Locals::new("head", H, 0);
    vec![Scenario {
        crowd: Some(Cast::new(&["closer", "holder", "holder2", "holder3"], || Closing::new(3))),
        locals: vec![
            Locals::new("list", &["closer"], 0),
            Locals::new("found", &["closer"], 0),
            mark,
        ],
        ..Scenario::new(
            "pool-close",
            "the last handle is dropped while two threads drop the last references",
            Cast::new(&["closer", "holder", "holder2"], || Closing::new(2)),
        )
    }]
}
