//! The end: a pool's memory goes when its handles and its objects are gone, whichever goes last.
//!
//! Nobody counts objects while the pool is open. Closing it ends all the places where free slots are kept, and counts
//! them; the others are out, and each that comes back from then on takes one off. Whoever brings the sum to nothing
//! frees the memory. A pool that is killed is closed while there are handles: they count as one more.

use super::{Drained, Slots};
use crate::count::Count;
use crate::sync::{Ordering, asym, fence};
use crate::{at, local};
#[cfg(not(any(graceref_loom, graceref_shuttle)))]
use alloc::boxed::Box;
use core::ptr::NonNull;

/// In a killed pool's sum: somebody is to be told when no slot is out.
const NOTIFY: u64 = 1 << 40;
/// In a killed pool's sum: there are handles.
const HANDLES: u64 = 1 << 41;
/// In any pool's sum: one who straggles. Apart from the slots, since it may be settled before it is owed.
fn straggler() -> u64 {
    if crate::sync::mutant("pool.straggler_is_slot") { 1 } else { 1 << 44 }
}

impl<T, C: Count> Slots<T, C> {
    /// So many slots came back after the end.
    ///
    /// # Safety
    /// The caller owned them; neither they nor `this` may be touched afterwards.
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn leave(this: NonNull<Self>, slots: u32) {
        // SAFETY: the caller's slots are still out, which keeps the memory (Pool!NoUseAfterFree).
        let shared = unsafe { this.as_ref() };
        shared.touch();
        at!("leave");
        // ORDERING: Release pairs with the fence of whoever frees the memory.
        let before = shared.shared.0.leaving.fetch_sub(u64::from(slots), Ordering::Release);
        // SAFETY: not touched unless the sum says so (Pool!FreedOnce).
        unsafe { Self::left(this, before.wrapping_sub(u64::from(slots))) };
    }

    /// Frees the memory if the caller has just brought the sum to nothing.
    ///
    /// # Safety
    /// `this` may not be touched afterwards.
    unsafe fn free_if_last(this: NonNull<Self>, sum: u64) {
        if sum == 0 {
            crate::site!("gone");
            // ORDERING: Acquire pairs with the Release of the others who took something off the sum.
            fence(Ordering::Acquire);
            // SAFETY: no handle, no slot and nobody to be told (Pool!FreedOnce).
            unsafe { Self::free(this) };
        }
    }

    /// What follows from the sum when the slots in it have changed: the caller has just brought it to this.
    ///
    /// # Safety
    /// `this` may not be touched afterwards.
    unsafe fn left(this: NonNull<Self>, sum: u64) {
        if sum & !HANDLES == NOTIFY {
            crate::site!("drained");
            // ORDERING: Acquire pairs with the Release of the releases: the objects are gone.
            fence(Ordering::Acquire);
            // SAFETY: the mark keeps the memory until it is taken off, below, and only this thread saw the sum get
            // here (Kill!ToldOnce).
            let shared = unsafe { this.as_ref() };
            let drained = shared.drained.with_mut(|drained| {
                // SAFETY: written before the sum could get here, and taken once (Kill!ToldOnce).
                unsafe { (*drained).take() }
            });
            local!(mine = drained.is_some());
            shared.touch();
            at!("notify");
            // ORDERING: Release pairs with the fence of whoever frees the memory.
            let before = shared.shared.0.leaving.fetch_sub(NOTIFY, Ordering::Release);
            // SAFETY: not touched afterwards (Pool!FreedOnce).
            unsafe { Self::free_if_last(this, before.wrapping_sub(NOTIFY)) };
            if let Some(drained) = drained {
                drained();
            }
        } else {
            // SAFETY: the caller's, not touched afterwards (Pool!FreedOnce).
            unsafe { Self::free_if_last(this, sum) };
        }
    }

    /// Somebody's put is going to straggle: it has given up its reference and will touch the slot once more. The
    /// memory waits for it as for a slot, until it settles.
    ///
    /// The caller's handle keeps the memory open meanwhile, and its reference a killed pool from being drained. The
    /// straggler may settle first.
    #[cold]
    #[inline(never)]
    pub(crate) fn owe(&self) {
        if crate::sync::mutant("pool.forget_stragglers") {
            return;
        }
        self.touch();
        at!("owe");
        // ORDERING: Relaxed; the caller's handle goes later, and `close` after that.
        self.shared.0.leaving.fetch_add(straggler(), Ordering::Relaxed);
    }

    /// Whether somebody straggles. The caller has the only handle, so that nobody more begins to.
    pub(super) fn owes(&self) -> bool {
        if !C::STRAGGLES {
            return false;
        }
        at!("owed");
        // ORDERING: Acquire pairs with the Release of `settle`: whoever straggled is done with the slot.
        let sum = self.shared.0.leaving.load(Ordering::Acquire);
        // Retired slots were taken off it too, fewer than would make up a straggler.
        let half = straggler() / 2;
        sum.wrapping_sub(Self::OPEN).wrapping_add(half) >= straggler()
    }

    /// The put that straggled is done with the slot.
    ///
    /// # Safety
    /// Once for each [`owe`](Slots::owe), by the one who straggled; neither the slot nor `this` may be touched
    /// afterwards.
    #[cold]
    #[inline(never)]
    pub(crate) unsafe fn settle(this: NonNull<Self>) {
        // SAFETY: the memory waits for this straggler (Pool!NoUseAfterFree).
        let slots = unsafe { this.as_ref() };
        slots.touch();
        if crate::sync::mutant("pool.forget_stragglers") {
            return;
        }
        at!("settle");
        // ORDERING: Release pairs with the fence of whoever frees the memory.
        let before = slots.shared.0.leaving.fetch_sub(straggler(), Ordering::Release);
        // SAFETY: not touched unless the sum says so (Pool!FreedOnce).
        unsafe { Self::left(this, before.wrapping_sub(straggler())) };
    }

    /// Ends all places where free slots are kept; how many slots are out, as far as not given back since.
    fn close_all(&self) -> u64 {
        let cached = self.close_caches();
        let used = self.close_fresh();
        let listed = self.close_shared();
        u64::from(used).wrapping_sub(u64::from(cached)).wrapping_sub(u64::from(listed))
    }

    /// The last handle is gone: frees the memory now, or leaves it to the last release.
    ///
    /// # Safety
    /// Once, by the owner of the last handle; `this` may not be touched afterwards.
    pub(crate) unsafe fn close(this: NonNull<Self>) {
        // SAFETY: the memory lives until the sum is nothing (Pool!NoUseAfterFree).
        let slots = unsafe { this.as_ref() };
        // Settled: nobody kills a pool of which nobody has a handle.
        // ORDERING: Relaxed; the killer's handle went before, and so did the thread that dropped it.
        let killed = slots.closed.load_settled(Ordering::Relaxed) != 0;
        let add = if killed {
            0_u64.wrapping_sub(HANDLES)
        } else {
            if slots.caches.is_some() {
                slots.say_closed();
            }
            slots.close_all().wrapping_sub(Self::OPEN)
        };
        slots.touch();
        at!("count");
        // ORDERING: Release pairs with the fence of a release that comes last.
        let before = slots.shared.0.leaving.fetch_add(add, Ordering::Release);
        let sum = before.wrapping_add(add);
        if crate::sync::mutant("kill.close_tells") {
            // SAFETY: none: whoever brought the slots to nothing may be about to tell (Kill!NoUseAfterFree).
            return unsafe { Self::left(this, sum) };
        }
        // Whoever is to be told, it is not by this thread: no slot came back just now, and who brought the last one may
        // be about to tell.
        // SAFETY: not touched unless the sum says so (Kill!FreedOnce).
        unsafe { Self::free_if_last(this, sum) };
    }

    /// Tells the threads that are at their caches, or have just made an object.
    pub(super) fn say_closed(&self) {
        at!("say");
        // ORDERING: Relaxed; the fence pairs with the light ones of `visit` and `is_killed`.
        self.closed.store_racing(1, Ordering::Relaxed);
        if !crate::sync::mutant("cache.no_heavy_fence") {
            asym::heavy();
        }
    }

    /// Refuses slots from now on, lets `refuse` deal with each slot that may have an object, and has `drained` called
    /// when none is out. `false`, and nothing done, if the pool was killed before.
    pub(crate) fn kill(&self, drained: Drained, refuse: impl Fn(&super::Slot<T, C>)) -> bool {
        let _scope = crate::sync::within("kill");
        at!("claim");
        // ORDERING: Relaxed; of two who kill the one that loses has nothing to do.
        let claimed =
            self.closed.compare_exchange(0, 1, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if !claimed {
            return false;
        }
        self.drained.with_mut(|place| {
            // SAFETY: this thread killed the pool, and nobody looks before the sum says so (Kill!ToldOnce).
            unsafe { *place = Some(drained) };
        });
        asym::heavy();
        let out = self.close_all();
        for slot in self.used() {
            // SAFETY: type-stable memory (Pool!NoUseAfterFree).
            refuse(unsafe { slot.as_ref() });
        }
        self.touch();
        at!("count");
        let add = out.wrapping_add(NOTIFY + HANDLES).wrapping_sub(Self::OPEN);
        // ORDERING: Relaxed; after the heavy fence, which pairs with the fence of whoever tells that nothing is left: what
        // is to be called. All else that this thread does to the memory comes before its handle goes.
        let before = self.shared.0.leaving.fetch_add(add, Ordering::Relaxed);
        // SAFETY: the caller's handle keeps the memory (Kill!ToldOnce).
        unsafe { Self::left(NonNull::from(self), before.wrapping_add(add)) };
        true
    }

    /// What was said to be closed is not any more.
    pub(super) fn lift(&self) {
        at!("lift");
        // ORDERING: Release pairs with the Acquire of `visit`: the lists.
        self.closed.store_racing(0, Ordering::Release);
    }

    /// Whether the pool is killed, for one who has just made an object in it: if this says no, whoever kills it
    /// sees the object.
    #[inline]
    pub(crate) fn is_killed(&self) -> bool {
        at!("killed");
        asym::light();
        // ORDERING: Relaxed; the fence before it pairs with the heavy one of `kill`.
        self.closed.load(Ordering::Relaxed) != 0
    }

    /// # Safety
    /// No handle and no object is left, and nobody frees twice.
    #[cfg(any(graceref_loom, graceref_shuttle))]
    unsafe fn free(this: NonNull<Self>) {
        // SAFETY: the model builds leak, so that whoever comes too late is seen and not undefined (Pool!FreedOnce).
        let slots = unsafe { this.as_ref() };
        crate::site!("free");
        slots.shared.0.life.retire();
        slots.shared.0.freed.with(|n| *n += 1);
    }

    /// # Safety
    /// No handle and no object is left, and nobody frees twice.
    #[cfg(not(any(graceref_loom, graceref_shuttle)))]
    unsafe fn free(this: NonNull<Self>) {
        // SAFETY: `allocate` made it with `Box` (Pool!FreedOnce).
        let slots = unsafe { Box::from_raw(this.as_ptr()) };
        for (first, len) in slots.chunks.iter().zip(slots.lens) {
            if let Some(first) = first.raw_get() {
                // SAFETY: allocated with this length; nobody has a pointer into it (Pool!FreedOnce).
                unsafe { Self::free_chunk(first, len) };
            }
        }
    }
}
