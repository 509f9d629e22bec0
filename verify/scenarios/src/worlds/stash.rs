//! A pool of one slot, a stash that points to it without owning it, and a lookup through the stash.
//!
//! Spec: `spec/Stash.tla`.

use crate::scenario::{Cast, Locals, Scenario, Show, World};
use graceref::sync::model::{Ghost, around, violated, witness};
use graceref::sync::{Mutex, within};
use graceref::{CasCount, Pool, Ref, Stash, at, local};
#[cfg(graceref_shuttle)]
use lockstep::value::Value;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fix {
    Active,
    NoRecheck,
    Retry,
    Locked,
    Unlocked,
}

impl Fix {
    fn ttm(self) -> bool {
        matches!(self, Fix::Locked | Fix::Unlocked)
    }

    /// Where it is not stashed, a lookup that returns it is wrong in every order, which loom sees too.
    fn stashes_second(self) -> bool {
        !matches!(self, Fix::NoRecheck | Fix::Unlocked)
    }
}

/// What the objects know of the world: where they are stashed.
struct Shared {
    stash: Stash<Object>,
    mutex: Mutex<()>,
    fix: Fix,
    object: Ghost<u32>,
    ever: Ghost<[bool; 2]>,
    released: Ghost<[u32; 2]>,
}

/// The number of an object that found no place in the pool.
const NOT_INSERTED: u32 = 0;

struct Object {
    number: u32,
    shared: Arc<Shared>,
}

impl Drop for Object {
    fn drop(&mut self) {
        if self.number == NOT_INSERTED {
            return;
        }
        let shared = &*self.shared;
        let index = self.number as usize - 1;
        shared.released.with(|n| n[index] += 1);
        if shared.released.get()[index] > 1 {
            violated("ReleasedOnce", format_args!("object {} was released twice", self.number));
        }
        if shared.fix == Fix::Locked {
            at!("clear_lock");
            let guard = shared.mutex.lock();
            shared.stash.clear(self);
            at!("clear_unlock");
            drop(guard);
        } else {
            shared.stash.clear(self);
        }
    }
}

struct OneSlot {
    pool: Pool<Object>,
    shared: Arc<Shared>,
    first: StdMutex<Option<Ref<Object>>>,
    #[cfg(graceref_shuttle)]
    raw: graceref::Watch<Object, CasCount>,
}

impl OneSlot {
    fn new(fix: Fix) -> Self {
        let pool: Pool<Object, CasCount> = Pool::with_limit(1);
        let shared = Arc::new(Shared {
            stash: Stash::new(&pool),
            mutex: Mutex::new(()),
            fix,
            object: Ghost::new(1),
            ever: Ghost::new([true, false]),
            released: Ghost::default(),
        });
        let first = pool.insert(Object { number: 1, shared: Arc::clone(&shared) }).ok();
        if let Some(first) = &first {
            shared.stash.store(first).expect("of this pool");
        }
        Self {
            #[cfg(graceref_shuttle)]
            raw: pool.raw_watch(),
            pool,
            shared,
            first: StdMutex::new(first),
        }
    }

    fn take_first(&self) -> Option<Ref<Object>> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The owner of the object: drops it, and makes the next one.
    fn drive(&self) {
        drop(self.take_first());
        let object = Object { number: 2, shared: Arc::clone(&self.shared) };
        match self.pool.insert(object) {
            Err(full) => full.into_inner().number = NOT_INSERTED,
            Ok(second) => {
                self.shared.object.set(2);
                if self.shared.fix.stashes_second() {
                    around(
                        || self.shared.stash.store(&second).expect("of this pool"),
                        || self.shared.ever.with(|ever| ever[1] = true),
                    );
                }
                drop(second);
            }
        }
    }

    fn look(&self) {
        let shared = &*self.shared;
        let found = match shared.fix {
            Fix::Active => shared.stash.get_active(),
            Fix::Retry => shared.stash.get(),
            Fix::NoRecheck => shared.stash.get_under_lock(&()),
            Fix::Locked | Fix::Unlocked => {
                at!("lock");
                let guard = shared.mutex.lock();
                let found = shared.stash.get_under_lock(&guard);
                record_mine(found.as_ref());
                at!("unlock");
                drop(guard);
                found
            }
        };
        let Some(found) = found else {
            witness("Refused", format_args!("a lookup found nothing alive"));
            return;
        };
        record_mine(Some(&found));
        at!("use");
        let number = found.number;
        if !shared.ever.get()[number as usize - 1] {
            violated("RightObject", format_args!("object {number} was never in the stash"));
        }
        if shared.released.get()[number as usize - 1] > 0 {
            violated("NoUseAfterFree", format_args!("object {number} is used and released"));
        }
        drop(found);
    }
}

/// Whose reference the lookup got.
fn record_mine(found: Option<&Ref<Object>>) {
    if let Some(found) = found {
        let number = found.number;
        local!(mine = number);
    }
}

impl World for OneSlot {
    fn run(&self, thread: usize) {
        let _scope = within(match thread {
            0 => "drv",
            _ if self.shared.fix.ttm() => "ttm",
            _ => "look",
        });
        if thread == 0 { self.drive() } else { self.look() }
    }

    #[cfg(graceref_shuttle)]
    fn show(&self, show: &mut Show) {
        let raw = self.raw.look();
        let slot = |set: bool| i64::from(set);
        show.is("count", raw.count[0]);
        show.is("stash", slot(self.shared.stash.raw_address() != 0));
        show.is(
            "free",
            Value::record([
                ("tag", Value::from(raw.tag.cast_signed())),
                ("first", Value::from(raw.first)),
            ]),
        );
        show.is("next", raw.next[0]);
        show.is("mutex", self.shared.mutex.raw_is_locked());
        // The generation says it: each object is one more.
        show.is("object", raw.generation[0]);
        let ever = self.shared.ever.get();
        show.is("ever", Value::set((1..=2_i64).filter(|&n| ever[usize::from(n == 2)])));
        show.is("released", Value::seq(self.shared.released.get()));
    }

    #[cfg(not(graceref_shuttle))]
    fn show(&self, _: &mut Show) {}

    fn at_end(&self) {
        let shared = &*self.shared;
        let (object, released) = (shared.object.get(), shared.released.get());
        if shared.stash.raw_address() != 0 || released[object as usize - 1] != 1 {
            violated(
                "NothingLeft",
                format_args!("the last object was number {object}, releases {released:?}"),
            );
        }
    }
}

fn scenario(name: &'static str, about: &'static str, fix: Fix) -> Scenario {
    const D: &[&str] = &["driver"];
    const L: &[&str] = &["lookup"];
    let make = move || OneSlot::new(fix);
    let (lookups, ttm): (&[&str], &[&str]) = if fix.ttm() { (&[], L) } else { (L, &[]) };
    Scenario {
        sought: if fix.stashes_second() { &[] } else { &["RightObject"] },
        crowd: Some(Cast::new(&["driver", "lookup", "lookup2"], make)),
        locals: vec![
            Locals::new("dhead", D, 0).as_in_code("head"),
            Locals::new("dtag", D, 0).as_in_code("tag"),
            Locals::new("dnext", D, 0).as_in_code("next"),
            Locals::new("seen", lookups, 0),
            Locals::new("sgen", lookups, 0),
            Locals::new("mine", lookups, 0),
            Locals::new("undo", lookups, false),
            Locals::new("lhead", lookups, 0).as_in_code("head"),
            Locals::new("ltag", lookups, 0).as_in_code("tag"),
            Locals::new("tseen", ttm, 0).as_in_code("seen"),
            Locals::new("tsgen", ttm, 0).as_in_code("sgen"),
            Locals::new("tmine", ttm, 0).as_in_code("mine"),
            Locals::new("thead", ttm, 0).as_in_code("head"),
            Locals::new("ttag", ttm, 0).as_in_code("tag"),
        ],
        ..Scenario::new(name, about, Cast::new(&["driver", "lookup"], make))
    }
}

/// Why a search over histories has no end here.
const SPINS: &str = "a lookup that retries while its object is dead has executions without end; lockstep's graph has a cycle for them";

pub(crate) fn all() -> Vec<Scenario> {
    vec![
        scenario(
            "stash-active",
            "one try, with a second look at the stash after the get",
            Fix::Active,
        ),
        scenario(
            "stash-norecheck",
            "one try without the second look: the slot may be another object's by now",
            Fix::NoRecheck,
        ),
        Scenario {
            without: &[("shuttle", SPINS), ("loom", SPINS)],
            ..scenario(
                "stash-retry",
                "the second look, and again until the stash changes",
                Fix::Retry,
            )
        },
        scenario(
            "stash-locked",
            "no second look: lookup and clearing share a lock, as in TTM",
            Fix::Locked,
        ),
        scenario("stash-unlocked", "the same, but release clears without the lock", Fix::Unlocked),
    ]
}
