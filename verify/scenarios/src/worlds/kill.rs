//! A pool is killed while a thread drops its last reference, or makes an object in it.
//!
//! Spec: `spec/Kill.tla`.

use super::held::Held;
use crate::scenario::{Cast, Locals, Scenario, Show, World};
use graceref::sync::model::{Ghost, violated, witness};
use graceref::sync::{AtomicU32, Ordering, within};
use graceref::{Key, Pool, Ref, at, local};
use std::sync::Arc;

/// Counts its drop, if it ever was in the pool.
struct Object(Option<Arc<Ghost<u32>>>);

impl Drop for Object {
    fn drop(&mut self) {
        let Some(released) = &self.0 else { return };
        released.with(|n| *n += 1);
        if released.get() > 1 {
            violated("ReleasedOnce", format_args!("the object was dropped twice"));
        }
    }
}

/// Who is there besides the killer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Other {
    Holder,
    Inserter,
}

struct Kill {
    other: Other,
    /// The killer's handle, and the inserter's.
    handles: [Held<Pool<Object>>; 2],
    /// The holder's, and its key.
    object: Held<Ref<Object>>,
    key: Option<Key>,
    /// The kill has returned: the killer says so to the inserter.
    returned: AtomicU32,
    released: Arc<Ghost<u32>>,
    /// Objects that were made.
    made: Arc<Ghost<u32>>,
    told: Arc<Ghost<u32>>,
    #[cfg(any(graceref_loom, graceref_shuttle))]
    raw: graceref::Watch<Object, graceref::CasCount>,
}

impl Kill {
    fn new(other: Other) -> Self {
        let pool = Pool::<Object>::with_limit(1);
        let released = Arc::new(Ghost::new(0));
        let holds = other == Other::Holder;
        let object = holds
            .then(|| pool.insert(Object(Some(Arc::clone(&released)))).expect("there is a slot"));
        Self {
            other,
            key: object.as_ref().map(Ref::key),
            object: Held::new(object),
            returned: AtomicU32::new(0),
            released,
            made: Arc::new(Ghost::new(u32::from(holds))),
            told: Arc::default(),
            #[cfg(any(graceref_loom, graceref_shuttle))]
            raw: pool.raw_watch(),
            handles: [Held::new((!holds).then(|| pool.clone())), Held::new(Some(pool))],
        }
    }

    fn handle(&self, which: usize) -> Pool<Object> {
        self.handles[which].take().expect("one for each thread")
    }

    fn kill(&self) {
        let pool = self.handle(1);
        let (released, made, told) =
            (Arc::clone(&self.released), Arc::clone(&self.made), Arc::clone(&self.told));
        pool.kill(move || {
            told.with(|n| *n += 1);
            let (told, released, made) = (told.get(), released.get(), made.get());
            if told > 1 || released != made {
                violated(
                    "ToldOnce",
                    format_args!("told {told} times, {released} of {made} objects released"),
                );
            }
        });
        {
            let _scope = within("kill");
            at!("return");
            // ORDERING: Release pairs with the Acquire of the inserter: what the kill has done.
            self.returned.store(1, Ordering::Release);
            if let Some(key) = self.key {
                let late = pool.contains(key);
                local!(late = late);
                refuse(late);
            }
        }
        drop(pool);
    }

    fn insert(&self) {
        let pool = self.handle(0);
        match pool.insert(Object(Some(Arc::clone(&self.released)))) {
            Err(full) => {
                witness("Refused", format_args!("the pool is killed and takes no more"));
                drop(full.into_inner().0.take());
            }
            Ok(object) => {
                self.made.set(1);
                at!("look");
                // ORDERING: Acquire pairs with the Release of the killer.
                let after = self.returned.load(Ordering::Acquire) != 0;
                local!(after = after);
                if after {
                    let late = pool.contains(Ref::key(&object));
                    local!(late = late);
                    refuse(late);
                }
                drop(object);
            }
        }
        drop(pool);
    }
}

/// The kill has returned, and so has the insert.
fn refuse(found: bool) {
    if found {
        violated("NoGetAfterKill", format_args!("a key finds its object in a killed pool"));
    }
}

impl World for Kill {
    fn run(&self, thread: usize) {
        match (thread, self.other) {
            (0, _) => self.kill(),
            (_, Other::Holder) => {
                let _scope = within("hold");
                drop(self.object.take());
            }
            (_, Other::Inserter) => {
                let _scope = within("ins");
                self.insert();
            }
        }
    }

    #[cfg(graceref_shuttle)]
    fn show(&self, show: &mut Show) {
        const LIVE: u64 = 1 << 31;
        /// Where the code's marks begin, and what the spec has in their place.
        const MARKS: (i64, i64) = (1 << 40, 10);
        let raw = self.raw.look();
        // Before the first object there is no slot yet.
        let word = raw.word.first().copied().unwrap_or_default();
        // The slots may be fewer than none.
        let marks = (raw.leaving + MARKS.0 / 2).div_euclid(MARKS.0);
        show.is("count", raw.count.first().copied().unwrap_or_default());
        show.is("gen", raw.generation.first().copied().unwrap_or_default());
        show.is("live", word & LIVE != 0);
        show.is("next", raw.next.first().copied().unwrap_or_default());
        show.is("first", raw.first);
        show.is("used", (raw.fresh & u64::from(u32::MAX)).cast_signed());
        show.is("fresh", raw.fresh >> 32 != 0);
        show.is("closed", raw.closed);
        show.is("drained", raw.drained);
        show.is("leaving", raw.leaving - marks * MARKS.0 + marks * MARKS.1);
        show.is("handles", raw.handles);
        show.is("returned", self.returned.raw_load() != 0);
        show.is("released", self.released.get());
        show.is("told", self.told.get());
        show.is("freed", raw.freed);
    }

    #[cfg(not(graceref_shuttle))]
    fn show(&self, _: &mut Show) {}

    fn at_end(&self) {
        #[cfg(any(graceref_loom, graceref_shuttle))]
        let (freed, leaving) = (self.raw.look().freed, self.raw.look().leaving);
        // Memory that was freed cannot be asked; AddressSanitizer and the allocator tests see to it.
        #[cfg(not(any(graceref_loom, graceref_shuttle)))]
        let (freed, leaving) = (1, 0);
        let (told, released, made) = (self.told.get(), self.released.get(), self.made.get());
        if told != 1 || freed != 1 || released != made || leaving != 0 {
            violated(
                "NothingLeft",
                format_args!(
                    "told {told} times, freed {freed}, released {released} of {made}, left {leaving}"
                ),
            );
        }
    }
}

fn scenario(
    name: &'static str,
    about: &'static str,
    mutant: &'static str,
    other: Other,
) -> Scenario {
    const K: &[&str] = &["killer"];
    let (holder, inserter): (&'static [&str], &'static [&str]) = match other {
        Other::Holder => (&["holder"], &[]),
        Other::Inserter => (&[], &["inserter"]),
    };
    let threads = [K, holder, inserter].concat();
    Scenario {
        mutant,
        without: if mutant.is_empty() {
            &[]
        } else {
            &[("threads", "the mutant is of the model builds")]
        },
        locals: vec![
            Locals::new("found", K, 0),
            Locals::new("kseen", K, 0).as_in_code("seen"),
            Locals::new("ksgen", K, 0).as_in_code("sgen"),
            Locals::new("kmine", K, false).as_in_code("mine"),
            Locals::new("klate", K, false).as_in_code("late"),
            Locals::new("hhead", holder, 0).as_in_code("head"),
            Locals::new("hmine", holder, false).as_in_code("mine"),
            Locals::new("ihead", inserter, 0).as_in_code("head"),
            Locals::new("iseen", inserter, 0).as_in_code("seen"),
            Locals::new("isgen", inserter, 0).as_in_code("sgen"),
            Locals::new("imine", inserter, false).as_in_code("mine"),
            Locals::new("after", inserter, false),
            Locals::new("ilate", inserter, false).as_in_code("late"),
        ],
        ..Scenario::new(name, about, Cast::new(&threads, move || Kill::new(other)))
    }
}

pub(crate) fn all() -> Vec<Scenario> {
    vec![
        scenario(
            "kill",
            "a pool is killed while a thread drops the last reference",
            "",
            Other::Holder,
        ),
        scenario(
            "kill-insert",
            "a pool is killed while a thread makes an object in it",
            "",
            Other::Inserter,
        ),
        scenario(
            "kill-no-recheck",
            "the same where an insert does not look whether the pool was killed",
            "kill.no_recheck",
            Other::Inserter,
        ),
        scenario(
            "kill-close-tells",
            "whoever drops a killed pool's last handle tells that it is drained",
            "kill.close_tells",
            Other::Holder,
        ),
    ]
}
