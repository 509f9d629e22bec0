//! Objects after their last put that readers may still be looking at: a list that threads push to, and take whole.
//!
//! The links are the slots' own, so pushing allocates nothing. Nobody takes one slot off the list, so no head comes back
//! with another meaning.

use super::fresh::number;
use super::{NOWHERE, Slot, Slots};
use crate::count::Count;
use crate::rcu::InFlight;
use crate::sync::{AtomicU64, Ordering};
use crate::{at, local};
use core::ptr::NonNull;

/// The list. `closed << 63 | length << 32 | place` of the slot pushed last.
pub(crate) struct Pending(AtomicU64);

/// Whoever pushes takes the list at once.
const CLOSED: u64 = 1 << 63;

/// Slots that were taken off: the caller's alone, and out, so that the pool's memory stays while there is one. What is in
/// them is nobody's to touch before a grace period that begins with a snapshot after the taking.
#[derive(Debug)]
pub(crate) struct Taken {
    first: u32,
    len: u32,
}

#[inline]
#[allow(clippy::cast_possible_truncation)] // that is what it is for
const fn unpack(word: u64) -> Taken {
    Taken { first: word as u32, len: ((word & !CLOSED) >> 32) as u32 }
}

impl Pending {
    /// So many slots are taken off together, by the thread that pushes the last of them.
    pub(crate) const BATCH: u32 = if cfg!(any(graceref_loom, graceref_shuttle)) { 2 } else { 64 };

    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Adds a slot. Where that makes a batch, or the list is closed, takes all instead: then it is in flight.
    ///
    /// # Safety
    /// The caller owns the slot, and without a list returned does not touch it or the pool afterwards.
    pub(crate) unsafe fn push<T, C: Count>(
        &self,
        slot: NonNull<Slot<T, C>>,
        in_flight: &InFlight,
    ) -> Option<Taken> {
        let _scope = crate::sync::within("pend");
        // SAFETY: the caller's until it is pushed (RcuPool!NoUseAfterFree).
        let content = unsafe { slot.as_ref() };
        let (next, place) = (&content.next, content.place());
        loop {
            at!("head");
            // ORDERING: Relaxed; only the compare-exchange below publishes or takes.
            let seen = self.0.load(Ordering::Relaxed);
            let before = unpack(seen);
            local!(head = number(before.first));
            let full = Taken { first: place, len: before.len + 1 };
            let take = seen & CLOSED != 0 || full.len >= Self::BATCH;
            at!("next");
            // ORDERING: Relaxed; published by the compare-exchange below.
            next.store_racing(before.first, Ordering::Relaxed);
            let pushed = (u64::from(full.len) << 32) | u64::from(place);
            let new = if take { seen & CLOSED } else { pushed };
            if take {
                in_flight.leave();
            }
            at!("push");
            // ORDERING: Release pairs with the fence in the snapshot of whoever takes the list: the links, and all uses of the
            // objects by those who had references. A list that is taken here waits for that fence too.
            // ORDERING: Relaxed on failure; the next look decides anew.
            if self.0.compare_exchange(seen, new, Ordering::Release, Ordering::Relaxed).is_ok() {
                return take.then_some(full);
            }
            if take {
                in_flight.arrive();
            }
        }
    }

    /// Takes all; then it is in flight. An empty list costs no write.
    pub(crate) fn take(&self, in_flight: &InFlight) -> Taken {
        let _scope = crate::sync::within("pend");
        loop {
            at!("look");
            // ORDERING: Relaxed; only the compare-exchange below takes.
            let seen = self.0.load(Ordering::Relaxed);
            let all = unpack(seen);
            local!(head = number(all.first));
            if all.is_empty() {
                return all;
            }
            in_flight.leave();
            at!("take");
            // ORDERING: Relaxed; the fence in the snapshot, without which nobody touches what is in the list, pairs with the
            // Release of `push`.
            let taken = self.0.compare_exchange(seen, 0, Ordering::Relaxed, Ordering::Relaxed);
            if taken.is_ok() {
                local!(list = number(all.first));
                return all;
            }
            in_flight.arrive();
        }
    }

    /// Takes all, as [`take`](Self::take), and leaves the list closed: it stays empty.
    pub(crate) fn close(&self, in_flight: &InFlight) -> Taken {
        let _scope = crate::sync::within("pend");
        in_flight.leave();
        at!("close");
        // ORDERING: Relaxed, as in `take`.
        let all = unpack(self.0.swap(CLOSED, Ordering::Relaxed));
        if all.is_empty() {
            in_flight.arrive();
        }
        all
    }

    /// How many slots are in the list.
    pub(crate) fn len(&self) -> u32 {
        unpack(self.0.raw_load()).len
    }

    /// The slot pushed last, by number; for observers outside the model.
    #[cfg(any(graceref_loom, graceref_shuttle))]
    pub(crate) fn raw_first(&self) -> i64 {
        number(unpack(self.0.raw_load()).first)
    }
}

impl Taken {
    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The next slot of the list.
    ///
    /// # Safety
    /// The list is of this pool, and what was popped before is all that the caller has given back of it.
    pub(crate) unsafe fn pop<T, C: Count>(
        &mut self,
        pool: NonNull<Slots<T, C>>,
    ) -> Option<NonNull<Slot<T, C>>> {
        if self.first == NOWHERE {
            return None;
        }
        // SAFETY: there is a slot in the list, which is out and keeps the memory (RcuPool!NoUseAfterFree).
        let slot = unsafe { pool.as_ref() }.slot(self.first);
        at!("walk");
        // SAFETY: the caller's (RcuPool!NoSharedFree).
        // ORDERING: Relaxed; whoever took the list acquired it.
        self.first = unsafe { slot.as_ref() }.next.load(Ordering::Relaxed);
        self.len -= 1;
        local!(list = number(self.first));
        Some(slot)
    }
}
