//! How a pool is described before it is made.

use super::release::{Hook, Kind};
use super::{Pool, Releasing};
use crate::count::{CasCount, Count, GENERATIONS};
use crate::slots::{LIMIT, Slots};
use crate::sync::asym;
use alloc::boxed::Box;
use core::fmt;

/// A pool's description: [`Pool::builder`].
///
/// ```
/// use graceref::{Pool, Ref};
/// use std::sync::atomic::{AtomicU32, Ordering};
/// use std::sync::Arc;
///
/// let released = Arc::new(AtomicU32::new(0));
/// let told = Arc::clone(&released);
/// let pool = Pool::<u32>::builder()
///     .limit(100)
///     .on_release(move |object| {
///         assert!(object.pool().unwrap().get(object.key()).is_none()); // already dead
///         told.fetch_add(**object, Ordering::Relaxed);
///     })
///     .build();
/// drop(pool.insert(7));
/// assert_eq!(released.load(Ordering::Relaxed), 7);
/// ```
#[must_use = "a description does nothing until `build`"]
pub struct Builder<T, C: Count = CasCount> {
    limit: Option<u32>,
    generations: u32,
    hook: Option<Hook<T, C>>,
}

impl<T, C: Count> Builder<T, C> {
    pub(super) fn new() -> Self {
        Self { limit: None, generations: GENERATIONS, hook: None }
    }

    /// At most so many objects at a time, exactly; see [`Pool::with_limit`].
    pub fn limit(self, limit: u32) -> Self {
        Self { limit: Some(limit), ..self }
    }

    /// So many objects in one slot after each other, and then it is retired; at most, and if not said, 2^31 - 2.
    ///
    /// For tests of what happens when generations run out.
    pub fn generations(self, generations: u32) -> Self {
        Self { generations: generations.clamp(1, GENERATIONS), ..self }
    }

    /// What is done with an object after its last put and before its destructor.
    ///
    /// For objects whose teardown needs their key or their pool. Called on the thread of the last put, outside every
    /// lock; may use the pool. If it panics, the object's destructor still runs and the slot is given back.
    pub fn on_release(
        self,
        hook: impl Fn(&mut Releasing<'_, T, C>) + Send + Sync + 'static,
    ) -> Self {
        Self { hook: Some(Box::new(hook)), ..self }
    }

    /// The pool.
    pub fn build(self) -> Pool<T, C> {
        let Self { limit, generations, hook } = self;
        Self::allocate(limit, generations, Kind::new(hook))
    }

    fn allocate(limit: Option<u32>, generations: u32, kind: Kind<T, C>) -> Pool<T, C> {
        // Decided before the first insert, which would otherwise pay for full fences until it is.
        asym::kind();
        let cached = limit.is_none();
        let limit = limit.unwrap_or(LIMIT);
        Pool { slots: Slots::allocate(limit, cached, (origin(), generations), kind) }
    }
}

#[cfg(any(feature = "std", graceref_loom, graceref_shuttle))]
impl<T: Send + Sync + 'static> Builder<T> {
    /// The pool, whose objects are dropped after a grace period of this domain: [`RcuPool`](crate::RcuPool).
    ///
    /// What [`on_release`](Self::on_release) was given is called after that grace period too, on whatever thread; a panic
    /// in it goes no further.
    ///
    /// ```
    /// use graceref::{RcuPool, Ref, rcu::Domain};
    /// static SESSIONS: Domain = Domain::new();
    /// let pool = RcuPool::<u32>::builder().limit(100).build_in(&SESSIONS);
    /// let object = pool.insert(1).unwrap();
    /// assert_eq!(pool.peek(Ref::key(&object), &SESSIONS.read_lock()), Some(&1));
    /// ```
    pub fn build_in(self, domain: &'static crate::rcu::Domain) -> crate::RcuPool<T> {
        let Self { limit, generations, hook } = self;
        let kind = Kind::deferred(hook, super::Deferral::new(domain));
        crate::RcuPool::from_parts(Self::allocate(limit, generations, kind), domain)
    }
}

impl<T, C: Count> fmt::Debug for Builder<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("limit", &self.limit)
            .field("generations", &self.generations)
            .finish_non_exhaustive()
    }
}

/// The generation before a new pool's first: another one for each pool, so that one pool's key is no other's.
///
/// They lie far apart: the k-th multiples of this number are, for any number of them, about as far from each other
/// as so many numbers of 31 bits can be.
#[cfg(not(any(graceref_loom, graceref_shuttle)))]
fn origin() -> u32 {
    use core::sync::atomic::{AtomicU32, Ordering};
    /// 2^31 over the golden ratio, odd.
    const STEP: u32 = 0x4F1B_BCDD;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // ORDERING: Relaxed; only the number counts.
    NEXT.fetch_add(STEP, Ordering::Relaxed) & (u32::MAX >> 1)
}

/// The same in each execution.
#[cfg(any(graceref_loom, graceref_shuttle))]
fn origin() -> u32 {
    0
}
