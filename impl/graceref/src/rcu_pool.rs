//! A pool whose readers neither count nor wait.

use crate::count::Count;
use crate::key::Key;
use crate::pool::{Builder, Pool};
use crate::rcu::{Domain, Guard, WouldDeadlock};
use crate::slots::Pending;
use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;
use core::ptr;

/// A [`Pool`] whose objects are dropped a grace period after their last put, so that a reader under a guard may look at
/// them without a reference.
///
/// [`peek`](Self::peek) loads the object's word and writes nothing, so it does not slow down when many threads peek
/// at the same object. It is a `Pool` in everything else: `insert`, `get`, `remove`, `iter`, `kill` and the rest are its methods.
/// What Linux does with `SLAB_TYPESAFE_BY_RCU` and `kfree_rcu` together.
///
/// ```
/// use graceref::{RcuPool, Ref};
/// let pool = RcuPool::new();
/// let session = pool.insert("alice".to_owned()).unwrap();
/// let key = Ref::key(&session);
///
/// let guard = pool.read_lock();
/// let name: &String = pool.peek(key, &guard).unwrap();
/// drop(session);                            // the last reference:
/// assert!(pool.peek(key, &guard).is_none()); // nobody finds the object any more,
/// assert_eq!(name, "alice");                // and who found it before may look at it
/// drop(guard);
/// pool.reclaim();                           // it would be dropped later anyhow, with others
/// assert_eq!(pool.garbage(), 0);
/// ```
///
/// # When objects are dropped
/// The last put makes the object unfindable and adds its slot to a list of the pool's, which costs one
/// compare-exchange. Whoever completes a batch of [`BATCH`](Self::BATCH) takes the list, and drops the objects at once if no
/// reader is inside that could have found them. If there may be one, or if the thread is a reader itself, the batch is
/// [deferred](Domain::defer) to the domain, which costs two allocations, and runs when that reader leaves.
///
/// So a destructor runs on any thread, at any time after the last put, outside of guards of the domain and of the crate's
/// locks; therefore `T: Send + Sync + 'static`. What the caller has locked where it puts, inserts or drops a guard is locked in
/// it. It may use the pool. An object that has a handle on its own pool keeps the list from its end, and waits there for
/// the next batch, [`reclaim`](Self::reclaim) or [`flush`](Self::flush). A panic in it is reported by the panic hook and goes no
/// further; the slot is given back.
///
/// # How much garbage there can be
/// Without readers, less than a batch: fewer than [`BATCH`](Self::BATCH) objects. With readers that come and go, what is put
/// during two grace periods besides. **A reader that stays stops all dropping**: without a limit the pool then grows with
/// every object, and no put ever waits; with a [limit](Self::with_limit) `insert` says [`Full`](crate::Full) once living
/// and dead objects together reach it. [`garbage`](Self::garbage) tells how much there is. An `insert` that finds the
/// pool full first [`reclaim`](Self::reclaim)s; in a guard it cannot.
///
/// Measured, in `tests/rcu_pool.rs`:
///
/// | test | garbage |
/// |---|---|
/// | `without_readers_there_is_less_than_a_batch_of_garbage` | at most 63 objects |
/// | `readers_that_come_and_go_keep_what_is_put_during_two_grace_periods` | with 327 puts while each is there, at most 1,371 objects: four readers' and not a batch more |
/// | `a_reader_that_stays_keeps_everything_and_nobody_waits` | after 100,000 puts 100,000 objects, in 1,562 pieces of deferred work |
/// | `a_reader_that_stays_fills_a_pool_with_a_limit` | with a limit of 1,000, full after 1,000 puts |
///
/// When the last handle goes, and from a [`kill`](Pool::kill) on, every put drops at once or defers: nothing waits for a batch.
/// What is deferred runs as the domain says: a domain that nobody touches keeps what it has.
pub struct RcuPool<T> {
    pool: Pool<T>,
    /// The pool's own, where a peek need not look for it.
    domain: &'static Domain,
}

impl<T: Send + Sync + 'static> RcuPool<T> {
    /// A pool in the [default domain](crate::rcu::default); grows as needed, as [`Pool::new`].
    #[cfg(not(any(graceref_loom, graceref_shuttle)))]
    pub fn new() -> Self {
        Self::in_domain(crate::rcu::default())
    }

    /// A pool in the [default domain](crate::rcu::default) for at most so many objects at a time, those
    /// included that are not yet dropped.
    ///
    /// ```
    /// use graceref::RcuPool;
    /// let pool = RcuPool::with_limit(1);
    /// let a = pool.insert(1).unwrap();
    /// let guard = pool.read_lock();
    /// drop(a);
    /// assert!(pool.insert(2).is_err());     // this guard might have found it
    /// drop(guard);
    /// assert!(pool.insert(2).is_ok());
    /// ```
    #[cfg(not(any(graceref_loom, graceref_shuttle)))]
    pub fn with_limit(limit: u32) -> Self {
        Self::builder().limit(limit).build_in(crate::rcu::default())
    }

    /// A pool in a domain of the caller's: its readers hold back nobody else's objects.
    ///
    /// ```
    /// use graceref::{RcuPool, rcu::Domain};
    /// static SESSIONS: Domain = Domain::new();
    /// let pool: RcuPool<String> = RcuPool::in_domain(&SESSIONS);
    /// assert!(std::ptr::eq(pool.domain(), &SESSIONS));
    /// ```
    pub fn in_domain(domain: &'static Domain) -> Self {
        Self::builder().build_in(domain)
    }

    /// A pool that is described before it is made, by [`Builder::build_in`].
    pub fn builder() -> Builder<T> {
        Pool::builder()
    }
}

impl<T> RcuPool<T> {
    /// So many dead objects are dropped together; fewer wait for more.
    pub const BATCH: u32 = Pending::BATCH;

    pub(crate) fn from_parts(pool: Pool<T>, domain: &'static Domain) -> Self {
        Self { pool, domain }
    }

    /// The domain that guards must be of.
    pub fn domain(&self) -> &'static Domain {
        self.domain
    }

    /// A guard of the pool's domain: [`Domain::read_lock`].
    #[inline]
    pub fn read_lock(&self) -> Guard<'static> {
        self.domain.read_lock()
    }

    /// The object with this key, as long as the guard and the pool's handle are there.
    ///
    /// `None` if it is dead or removed, or the key is not of this pool; and `None`, always, under a guard of another
    /// domain, which would not keep the object: [`reader`](Self::reader) tells these apart. The object may have
    /// its last put while it is looked at; it is not dropped before the guard is.
    ///
    /// A load of the slot's word, after those of its chunk's address and length, which are written once; no write,
    /// no loop. Acquire: the object's fields are seen as `insert` wrote them.
    #[inline]
    pub fn peek<'g>(&'g self, key: Key, guard: &'g Guard<'_>) -> Option<&'g T> {
        if !ptr::eq(guard.domain(), self.domain) {
            return None;
        }
        // SAFETY: a guard of the pool's domain is there as long as what is returned (RcuPool!NoUseAfterFree).
        unsafe { self.look(key) }
    }

    /// The pool under this guard, for many a peek.
    ///
    /// # Errors
    /// [`ForeignGuard`] if the guard is of another domain.
    ///
    /// ```
    /// use graceref::{RcuPool, Ref, rcu::Domain};
    /// let pool = RcuPool::new();
    /// let objects: Vec<_> = (0..10).map(|n| pool.insert(n).unwrap()).collect();
    /// let guard = pool.read_lock();
    /// let reader = pool.reader(&guard).unwrap();
    /// let sum: i32 = objects.iter().filter_map(|o| reader.peek(Ref::key(o))).sum();
    /// assert_eq!(sum, 45);
    ///
    /// static OTHER: Domain = Domain::new();
    /// assert!(pool.reader(&OTHER.read_lock()).is_err());
    /// ```
    #[inline]
    pub fn reader<'g>(&'g self, guard: &'g Guard<'_>) -> Result<Reader<'g, T>, ForeignGuard> {
        if ptr::eq(guard.domain(), self.domain) {
            Ok(Reader { pool: self, guard: PhantomData })
        } else {
            Err(ForeignGuard(()))
        }
    }

    /// # Safety
    /// There is a guard of the pool's domain, of the calling thread, for as long as what is returned.
    #[inline]
    unsafe fn look(&self, key: Key) -> Option<&T> {
        let slot = self.pool.slots().find(key.place())?;
        // SAFETY: type-stable memory, which the handle keeps (RcuPool!NoUseAfterFree).
        let slot = unsafe { slot.as_ref() };
        slot.count.word().is_generation(key.generation()).then(|| {
            slot.value.with(|value| {
                // SAFETY: alive a moment ago, so it is dropped after a grace period that waits for the caller's guard
                // (RcuPool!NoUseAfterFree).
                unsafe { &*value.cast::<T>() }
            })
        })
    }

    /// Drops what no reader can be looking at any more, and leaves the rest to the domain. Never waits.
    ///
    /// Also runs other work of the domain that is due. Inside a guard of the domain it drops nothing; the guard's end will.
    /// A load if there is nothing to do, otherwise as [`Domain::elapsed`], twice.
    pub fn reclaim(&self) {
        if let Some(deferral) = self.pool.slots().kind.deferral() {
            deferral.reclaim(self.pool.slots);
        }
    }

    /// Waits until no reader can be looking at any object that had its last put before, and drops those objects.
    ///
    /// On return they are dropped, save those that another thread is dropping this moment. Costs a
    /// [`synchronize`](Domain::synchronize), and a [`barrier`](Domain::barrier) if something was left to the domain.
    ///
    /// # Errors
    /// [`WouldDeadlock`] if the calling thread has a guard of the domain, is running what was deferred to it, or is in a
    /// destructor of an object that an `RcuPool` drops.
    ///
    /// ```
    /// use graceref::{RcuPool, rcu::WouldDeadlock};
    /// let pool = RcuPool::new();
    /// drop(pool.insert(1));
    /// assert_eq!(pool.garbage(), 1);
    /// let guard = pool.read_lock();
    /// assert_eq!(pool.flush(), Err(WouldDeadlock::InReader));
    /// drop(guard);
    /// pool.flush().unwrap();
    /// assert_eq!(pool.garbage(), 0);
    /// ```
    pub fn flush(&self) -> Result<(), WouldDeadlock> {
        match self.pool.slots().kind.deferral() {
            Some(deferral) => deferral.flush(self.pool.slots),
            None => Ok(()),
        }
    }

    /// [`Pool::shrink`]. What is not yet dropped keeps its memory: [`flush`](Self::flush) first.
    ///
    /// ```
    /// use graceref::RcuPool;
    /// let mut pool = RcuPool::new();
    /// let objects: Vec<_> = (0..1000).map(|n| pool.insert(n).unwrap()).collect();
    /// drop(objects);
    /// pool.flush().unwrap();
    /// assert!(pool.shrink().unwrap() >= 1000);
    /// ```
    pub fn shrink(&mut self) -> Option<u64> {
        self.pool.shrink()
    }

    /// How many objects had their last put and are not yet being dropped. Stale as soon as it is read. Two loads.
    pub fn garbage(&self) -> u64 {
        self.pool.slots().kind.deferral().map_or(0, crate::pool::Deferral::garbage)
    }

    /// [`reclaim`](Self::reclaim) for the engines, without the domain's deferred work; whether anything was dropped.
    #[cfg(any(graceref_loom, graceref_shuttle))]
    #[doc(hidden)]
    pub fn raw_reclaim_now(&self) -> bool {
        let deferral = self.pool.slots().kind.deferral();
        deferral.is_some_and(|deferral| deferral.raw_reclaim_now(self.pool.slots))
    }

    /// The first slot of the list of dead objects, for observers outside the model.
    #[cfg(any(graceref_loom, graceref_shuttle))]
    #[doc(hidden)]
    pub fn raw_pending(&self) -> i64 {
        self.pool.slots().kind.deferral().map_or(0, crate::pool::Deferral::raw_first)
    }
}

/// All that a pool has. A handle made through this is one on the same pool: its objects, too, are dropped after a
/// grace period.
impl<T> Deref for RcuPool<T> {
    type Target = Pool<T>;

    #[inline]
    fn deref(&self) -> &Pool<T> {
        &self.pool
    }
}

impl<T> Clone for RcuPool<T> {
    /// Another handle on the same pool. One atomic add, relaxed.
    fn clone(&self) -> Self {
        Self { pool: self.pool.clone(), domain: self.domain }
    }
}

#[cfg(not(any(graceref_loom, graceref_shuttle)))]
impl<T: Send + Sync + 'static> Default for RcuPool<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for RcuPool<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RcuPool")
            .field("capacity", &self.capacity())
            .field("garbage", &self.garbage())
            .finish_non_exhaustive()
    }
}

/// A pool under a guard of its domain: [`RcuPool::reader`].
pub struct Reader<'g, T> {
    pool: &'g RcuPool<T>,
    /// The thread's own.
    guard: PhantomData<&'g Guard<'g>>,
}

impl<'g, T> Reader<'g, T> {
    /// [`RcuPool::peek`], without the look at the guard.
    #[inline]
    pub fn peek(&self, key: Key) -> Option<&'g T> {
        // SAFETY: the guard is borrowed, and of the pool's domain (RcuPool!NoUseAfterFree).
        unsafe { self.pool.look(key) }
    }
}

impl<T> Clone for Reader<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Reader<'_, T> {}

impl<T> fmt::Debug for Reader<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

/// The guard is of another domain than the pool, and would not keep its objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForeignGuard(());

impl fmt::Display for ForeignGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the guard is of another domain than the pool and would not keep its objects; take one from pool.read_lock()",
        )
    }
}

impl core::error::Error for ForeignGuard {}
