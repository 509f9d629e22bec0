//! Scenes of a pool whose readers do not count. Without the domain's deferred work, but for the last.

use super::USE_AFTER_FREE;
#[cfg(graceref_shuttle)]
use super::engine::holds_in_part;
use super::engine::{Scene, fails, holds, shows};
#[cfg(graceref_shuttle)]
use graceref::model::Hand;
use graceref::model::require;
use graceref::rcu::Domain;
use graceref::sync::model::{self, Ghost};
use graceref::sync::{AtomicU32, Ordering as Order, Tracked};
use graceref::{Key, RcuPool, Ref};
use std::sync::{Arc, Mutex};

/// What the model watches: a value that its maker wrote, and its end.
struct Body {
    id: u32,
    content: Tracked<u32>,
    dropped: Arc<Ghost<[u32; 2]>>,
}

impl Drop for Body {
    fn drop(&mut self) {
        self.content.with_mut(|_| ());
        self.content.retire();
        self.dropped.with(|n| n[self.id as usize] += 1);
        model::witness("Freed", format_args!("an object was dropped"));
    }
}

/// A pool of one slot with an object in it, and the keys of that and of the next object.
struct Shared {
    domain: &'static Domain,
    pool: RcuPool<Body>,
    keys: [Key; 2],
    held: Mutex<Vec<Ref<Body>>>,
    dropped: Arc<Ghost<[u32; 2]>>,
}

impl Shared {
    fn new(references: usize, readers: &[usize]) -> Self {
        let domain: &'static Domain = Box::leak(Box::default());
        for &role in readers {
            domain.raw_prepare(role);
        }
        let pool = RcuPool::builder().limit(1).build_in(domain);
        let dropped = Arc::default();
        let object = pool.insert(Self::body(0, &dropped)).ok().unwrap();
        let key = Ref::key(&object);
        let keys = [key, Key::from_u64(key.to_u64() + (1 << 32)).unwrap()];
        Self { domain, pool, keys, held: Mutex::new(vec![object; references]), dropped }
    }

    fn body(id: u32, dropped: &Arc<Ghost<[u32; 2]>>) -> Body {
        let body = Body { id, content: Tracked::new(0), dropped: Arc::clone(dropped) };
        body.content.with_mut(|content| {
            // SAFETY: nobody else has it yet. (Invariant: none of the spec.)
            unsafe { *content = id };
        });
        body
    }

    fn read(&self, key: usize) {
        let guard = self.domain.read_lock();
        if let Some(body) = self.pool.peek(self.keys[key], &guard) {
            body.content.with(|_| ());
            require(body.id as usize == key, "NoAlias");
            require(self.dropped.get()[key] == 0, "NoUseAfterFree");
            model::witness("Read", format_args!("a reader found an object"));
        }
        drop(guard);
    }

    fn put(&self) {
        let object = self.held.lock().unwrap().pop().expect("one for each");
        object.content.with(|_| ());
        drop(object);
    }

    fn replace(&self) {
        if let Ok(object) = self.pool.insert(Self::body(1, &self.dropped)) {
            self.held.lock().unwrap().push(object);
        }
    }
}

/// A reader by the first key; the last put, the drop, and the next object in the same slot.
struct PeekAndDrop(Shared);

impl Scene for PeekAndDrop {
    fn set() -> Self {
        Self(Shared::new(1, &[0]))
    }
    fn first(&self) {
        self.0.read(0);
    }
    fn second(&self) {
        self.0.put();
        if self.0.pool.raw_reclaim_now() {
            self.0.replace();
        }
    }
}

/// The same by the key of the object that is yet to come.
struct PeekAtNew(Shared);

impl Scene for PeekAtNew {
    fn set() -> Self {
        Self(Shared::new(1, &[0]))
    }
    fn first(&self) {
        self.0.read(1);
    }
    fn second(&self) {
        self.0.put();
        if self.0.pool.raw_reclaim_now() {
            self.0.replace();
        }
    }
}

/// Two threads have the last two references, and both look for something to drop.
struct TwoHolders(Shared);

impl Scene for TwoHolders {
    fn set() -> Self {
        Self(Shared::new(2, &[]))
    }
    fn first(&self) {
        self.0.put();
        self.0.pool.raw_reclaim_now();
    }
    fn second(&self) {
        self.first();
    }
    fn end(&self) {
        require(self.0.dropped.get()[0] == 1, "NothingLeft");
    }
}

/// One thread pushes; the other takes and drops what the first has used.
struct PushAndTake {
    shared: Shared,
    rounds: AtomicU32,
}

impl Scene for PushAndTake {
    fn set() -> Self {
        Self { shared: Shared::new(1, &[]), rounds: AtomicU32::new(0) }
    }
    fn first(&self) {
        self.shared.put();
        // ORDERING: Relaxed; a hint that orders nothing.
        self.rounds.store(1, Order::Relaxed);
    }
    fn second(&self) {
        // ORDERING: Relaxed, likewise.
        if self.rounds.load(Order::Relaxed) == 1 {
            self.shared.pool.raw_reclaim_now();
        }
    }
}

/// The last handle goes beside the last put, in a guard; far too much for loom. The guards' ends drop the object.
#[cfg(graceref_shuttle)]
struct EndInGuard {
    pool: Hand<RcuPool<Body>>,
    domain: &'static Domain,
    held: Hand<Ref<Body>>,
    dropped: Arc<Ghost<[u32; 2]>>,
    freed: Box<dyn Fn() -> u32 + Send + Sync>,
}

#[cfg(graceref_shuttle)]
impl Scene for EndInGuard {
    fn set() -> Self {
        let Shared { domain, pool, held, dropped, .. } = Shared::new(1, &[0, 1]);
        let watch = pool.raw_watch();
        let freed = Box::new(move || watch.look().freed);
        let held = Hand::holding(held.into_inner().unwrap().pop().unwrap());
        Self { pool: Hand::holding(pool), domain, held, dropped, freed }
    }
    fn first(&self) {
        let guard = self.domain.read_lock();
        drop(self.pool.take());
        drop(guard);
    }
    fn second(&self) {
        let guard = self.domain.read_lock();
        drop(self.held.take());
        drop(guard);
    }
    fn end(&self) {
        // What the guards' ends did not get to.
        self.domain.barrier().unwrap();
        require(self.dropped.get()[0] == 1, "ReleasedOnce");
        require((self.freed)() == 1, "FreedOnce");
    }
}

#[test]
fn what_a_reader_peeks_at_is_not_dropped_before_it_leaves() {
    shows(&holds::<PeekAndDrop>(), &["Freed", "Read"]);
}

#[test]
fn a_new_object_is_whole_when_it_is_found() {
    shows(&holds::<PeekAtNew>(), &["Freed", "Read"]);
}

#[test]
fn of_two_holders_one_drops() {
    shows(&holds::<TwoHolders>(), &["Freed"]);
}

#[test]
fn who_takes_the_list_has_all_that_was_done_before_the_put() {
    shows(&holds::<PushAndTake>(), &["Freed"]);
}

#[cfg(graceref_shuttle)]
#[test]
fn the_end_of_a_pool_in_guards_loses_nothing() {
    shows(&holds_in_part::<EndInGuard>(), &["Freed"]);
}

#[test]
fn without_a_grace_period_the_object_goes_under_the_reader() {
    fails::<PeekAndDrop>("rcupool.no_grace", &USE_AFTER_FREE);
}

#[test]
fn a_peek_that_does_not_look_at_the_generation_finds_another_object() {
    fails::<PeekAtNew>("rcupool.any_generation", &["NoAlias"]);
}

/// Memory orderings, of which shuttle has none to weaken.
#[cfg(graceref_loom)]
mod under_loom {
    use super::{PeekAtNew, PushAndTake, USE_AFTER_FREE, fails};

    #[test]
    fn a_peek_without_acquire_sees_an_object_that_is_not_written() {
        fails::<PeekAtNew>("weaken:count::word::is_generation::peek=Relaxed", &USE_AFTER_FREE);
    }

    #[test]
    fn a_push_without_release_races_with_the_drop() {
        fails::<PushAndTake>("weaken:slots::pending::push::push=Relaxed", &USE_AFTER_FREE);
    }
}
