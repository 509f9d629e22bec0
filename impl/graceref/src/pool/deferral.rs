//! Objects that are dropped a grace period after their last put.
//!
//! The last put makes the word dead, so that no later reader finds the object, and pushes the slot to the pool's pending
//! list. Whoever fills a batch takes the list. If all readers that were inside have left, it drops the objects there and
//! then; otherwise it leaves them to the domain, as one piece of deferred work for the batch.

use super::release::destroy_hooked;
use crate::count::{CasCount, Count};
#[cfg(not(any(graceref_loom, graceref_shuttle)))]
use crate::rcu::contain;
use crate::rcu::{Domain, WouldDeadlock};
use crate::slots::{Pending, Slot, Slots, Taken};
use crate::sync::{AtomicU64, Ordering, mutant};
use crate::{at, site};
use core::ptr::NonNull;

/// What a pool needs whose objects are looked at by readers without references.
pub(crate) struct Deferral<T, C: Count> {
    domain: &'static Domain,
    /// [`hand_over`], which knows that `T` has no lifetime.
    hand_over: unsafe fn(&'static Domain, NonNull<Slots<T, C>>, Taken),
    written: Written,
}

/// What whoever drops an object writes, apart from what everybody reads.
#[repr(align(128))]
struct Written {
    pending: Pending,
    /// Objects that were left to the domain and are not yet dropped.
    handed: AtomicU64,
}

impl<T: Send + Sync + 'static> Deferral<T, CasCount> {
    pub(super) fn new(domain: &'static Domain) -> Self {
        let written = Written { pending: Pending::new(), handed: AtomicU64::new(0) };
        Self { domain, hand_over, written }
    }
}

/// Leaves a list to the domain; it is no more in flight.
///
/// # Safety
/// The list is of this pool and the caller's, who has it no more.
unsafe fn hand_over<T: Send + Sync + 'static>(
    domain: &'static Domain,
    pool: NonNull<Slots<T, CasCount>>,
    list: Taken,
) {
    struct Handed<T>(NonNull<Slots<T, CasCount>>, Taken);
    // SAFETY: objects that any thread may drop, and nobody else's (RcuPool!ReleasedOnce).
    unsafe impl<T: Send + Sync> Send for Handed<T> {}

    impl<T> Handed<T> {
        fn run(self) {
            let Self(pool, list) = self;
            // SAFETY: the list's slots are out, which keeps the memory (RcuPool!NoUseAfterFree).
            if let Some(deferral) = unsafe { pool.as_ref() }.kind.deferral() {
                site!("handed");
                // ORDERING: Relaxed; a number for whoever asks.
                deferral.written.handed.fetch_sub(u64::from(list.len()), Ordering::Relaxed);
            }
            // SAFETY: the domain calls this after a grace period, once (RcuPool!GracePeriod).
            unsafe { drop_all(pool, list) };
        }
    }

    let handed = Handed(pool, list);
    domain.defer_unbounded(move || handed.run(), || domain.in_flight().arrive());
}

/// Drops the objects and gives their slots back. A panic in a destructor goes no further.
///
/// # Safety
/// The list is of this pool and the caller's, and a grace period has passed since it was taken. The pool may not be touched
/// afterwards.
unsafe fn drop_all<T, C: Count>(pool: NonNull<Slots<T, C>>, mut list: Taken) {
    let _nested = running::enter();
    // SAFETY: as above, and each popped slot is given back before the next is popped (RcuPool!NoSharedFree).
    while let Some(slot) = unsafe { list.pop(pool) } {
        // SAFETY: the slot's last put was won by whoever pushed it; nobody looks at it any more (RcuPool!ReleasedOnce).
        contain(|| unsafe { destroy_hooked(pool, slot) });
    }
}

impl<T, C: Count> Deferral<T, C> {
    /// After an object's last put. Not a method, since others may free the memory meanwhile.
    ///
    /// # Safety
    /// The deferral is that pool's. The caller won the put; neither the slot nor the pool may be touched afterwards.
    pub(super) unsafe fn release(
        this: NonNull<Self>,
        pool: NonNull<Slots<T, C>>,
        slot: NonNull<Slot<T, C>>,
    ) {
        // SAFETY: the caller's slot keeps the memory until it is pushed (RcuPool!NoUseAfterFree).
        let deferral = unsafe { this.as_ref() };
        let (in_flight, pending) = (deferral.domain.in_flight(), &deferral.written.pending);
        // SAFETY: the caller's slot (RcuPool!ReleasedOnce).
        if let Some(list) = unsafe { pending.push(slot, in_flight) } {
            // SAFETY: just taken, which keeps the memory (RcuPool!NoSharedFree).
            unsafe { Self::dispose(this, pool, list) };
        }
    }

    /// Drops the objects if nobody can be looking at them, and the caller may; else gives the list back, still in flight.
    ///
    /// # Safety
    /// The list is of this pool and the caller's. Unless the caller has a handle or the list comes back, the pool may not be
    /// touched afterwards.
    unsafe fn drop_if_over(
        domain: &'static Domain,
        pool: NonNull<Slots<T, C>>,
        list: Taken,
    ) -> Result<(), Taken> {
        // A destructor that drops more must not drop them within itself, ever deeper.
        if running::is_nested() || domain.is_inside() {
            return Err(list);
        }
        let snapshot = domain.snapshot();
        if !mutant("rcupool.no_grace") && !domain.elapsed(snapshot) {
            return Err(list);
        }
        domain.in_flight().arrive();
        // SAFETY: the caller's, and a grace period has passed (RcuPool!GracePeriod).
        unsafe { drop_all(pool, list) };
        // What its destructors dropped in their turn.
        while running::had_more() {
            domain.poll();
        }
        Ok(())
    }

    /// Drops the objects now, or leaves them to the domain.
    ///
    /// # Safety
    /// The list is of this pool and the caller's. Unless the caller has a handle, the pool may not be touched afterwards.
    unsafe fn dispose(this: NonNull<Self>, pool: NonNull<Slots<T, C>>, list: Taken) {
        if list.is_empty() {
            return;
        }
        // SAFETY: the list's slots are out, which keeps the memory (RcuPool!NoUseAfterFree).
        let deferral = unsafe { this.as_ref() };
        let (domain, hand_over) = (deferral.domain, deferral.hand_over);
        // SAFETY: the caller's promise (RcuPool!NoSharedFree).
        if let Err(list) = unsafe { Self::drop_if_over(domain, pool, list) } {
            // SAFETY: as above (RcuPool!NoUseAfterFree).
            let handed = unsafe { &this.as_ref().written.handed };
            site!("handed");
            // ORDERING: Relaxed; a number for whoever asks.
            handed.fetch_add(u64::from(list.len()), Ordering::Relaxed);
            // SAFETY: the caller's (RcuPool!NoSharedFree).
            unsafe { hand_over(domain, pool, list) };
            running::note_more();
        }
    }

    /// Drops what nobody can be looking at any more.
    pub(crate) fn reclaim(&self, pool: NonNull<Slots<T, C>>) {
        let list = self.written.pending.take(self.domain.in_flight());
        // SAFETY: just taken; the caller has a handle (RcuPool!NoSharedFree).
        unsafe { Self::dispose(NonNull::from(self), pool, list) };
        self.domain.poll();
    }

    /// Waits, then drops all that had their last put before.
    pub(crate) fn flush(&self, pool: NonNull<Slots<T, C>>) -> Result<(), WouldDeadlock> {
        if self.domain.is_inside() {
            return Err(WouldDeadlock::InReader);
        }
        // What the calling thread is dropping cannot be waited for.
        if running::is_nested() {
            return Err(WouldDeadlock::InDeferred);
        }
        let list = self.written.pending.take(self.domain.in_flight());
        if !list.is_empty() {
            if !mutant("rcupool.no_grace") {
                self.domain.wait_for_readers();
            }
            self.domain.in_flight().arrive();
            // SAFETY: just taken, and a grace period has passed (RcuPool!GracePeriod).
            unsafe { drop_all(pool, list) };
        }
        self.domain.in_flight().wait();
        at!("handed");
        // ORDERING: Relaxed; what the caller knows to have been dropped is counted.
        if self.written.handed.load(Ordering::Relaxed) == 0 {
            return Ok(());
        }
        self.domain.barrier()
    }

    /// From now on nothing is kept until a batch is full.
    ///
    /// # Safety
    /// The caller keeps the memory throughout.
    pub(crate) unsafe fn close(&self, pool: NonNull<Slots<T, C>>) {
        let list = self.written.pending.close(self.domain.in_flight());
        // SAFETY: just taken (RcuPool!NoSharedFree).
        unsafe { Self::dispose(NonNull::from(self), pool, list) };
    }

    /// How many objects had their last put and are not yet being dropped.
    pub(crate) fn garbage(&self) -> u64 {
        u64::from(self.written.pending.len()) + self.written.handed.raw_load()
    }

    /// [`reclaim`](Self::reclaim) up to where it would leave something to the domain, which it forgets instead; whether
    /// something was dropped.
    #[cfg(any(graceref_loom, graceref_shuttle))]
    pub(crate) fn raw_reclaim_now(&self, pool: NonNull<Slots<T, C>>) -> bool {
        let list = self.written.pending.take(self.domain.in_flight());
        // SAFETY: just taken; the caller has a handle (RcuPool!NoSharedFree).
        !list.is_empty() && unsafe { Self::drop_if_over(self.domain, pool, list) }.is_ok()
    }

    #[cfg(any(graceref_loom, graceref_shuttle))]
    pub(crate) fn raw_first(&self) -> i64 {
        self.written.pending.raw_first()
    }
}

/// The engines report what they find by panics.
#[cfg(any(graceref_loom, graceref_shuttle))]
fn contain(run: impl FnOnce()) {
    run();
}

/// Whether the calling thread is dropping a list's objects.
#[cfg(not(any(graceref_loom, graceref_shuttle)))]
mod running {
    use core::cell::Cell;
    use std::thread_local;

    thread_local! {
        // Without destructors: they can be used to the thread's end.
        static DEPTH: Cell<u32> = const { Cell::new(0) };
        static MORE: Cell<bool> = const { Cell::new(false) };
    }

    pub(super) struct Nested;

    pub(super) fn enter() -> Nested {
        DEPTH.set(DEPTH.get() + 1);
        Nested
    }

    impl Drop for Nested {
        fn drop(&mut self) {
            DEPTH.set(DEPTH.get() - 1);
        }
    }

    pub(super) fn is_nested() -> bool {
        DEPTH.get() > 0
    }

    pub(super) fn note_more() {
        if is_nested() {
            MORE.set(true);
        }
    }

    pub(super) fn had_more() -> bool {
        MORE.replace(false)
    }
}

/// The engines' threads are all one to the system; their destructors do not go deep.
#[cfg(any(graceref_loom, graceref_shuttle))]
mod running {
    pub(super) struct Nested;

    pub(super) fn enter() -> Nested {
        Nested
    }

    pub(super) fn is_nested() -> bool {
        false
    }

    pub(super) fn note_more() {}

    pub(super) fn had_more() -> bool {
        false
    }
}
