//! The list of free slots that all threads share.
//!
//! A Treiber stack of places. Its head carries a tag that each pop changes, so that a pop whose head was popped and
//! pushed meanwhile fails (the tag wraps after 2^32 pops during one pop). The head also says when the pool is
//! closed: from then on released slots are counted instead of pushed.

use super::fresh::number;
use super::{CLOSED, NOWHERE, NoSlot, Run, Slot, Slots};
use crate::count::Count;
use crate::sync::Ordering;
use crate::{at, local};
use core::ptr::NonNull;

/// The low half of a head: the place of the first free slot, or a mark.
#[inline]
#[allow(clippy::cast_possible_truncation)] // that is what it is for
const fn low(head: u64) -> u32 {
    head as u32
}

impl<T, C: Count> Slots<T, C> {
    /// Takes up to `want` slots off the list; `None` if it is empty.
    pub(super) fn pop_run(&self, want: u32) -> Result<Option<Run>, NoSlot> {
        loop {
            self.touch();
            at!("head");
            // ORDERING: Acquire pairs with the Release of `push_run`: the slots' `next`, and what release did.
            let head = self.shared.0.free.load(Ordering::Acquire);
            local!(head = number(low(head)), tag = head >> 32);
            let first = low(head);
            match first {
                NOWHERE => return Ok(None),
                CLOSED => return Err(NoSlot::Killed),
                _ => {}
            }
            let Some((run, next)) = self.run_from(first, want) else { continue };
            let pops = u64::from(!crate::sync::mutant("pool.no_tag"));
            let tag = (head >> 32).wrapping_add(pops) << 32;
            at!("pop");
            // ORDERING: Relaxed; the tag makes this the head that the load saw, and the load acquired it.
            let popped = self.shared.0.free.compare_exchange(
                head,
                tag | u64::from(next),
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
            if popped.is_ok() {
                return Ok(Some(run));
            }
        }
    }

    /// Up to `want` slots from this one on, and what comes after them, as the links say at the moment.
    ///
    /// `None` where a link names a slot whose chunk this thread does not know. The load of the head acquired every
    /// slot that was in the list then, so that link is a later one: the slot before it was popped meanwhile, and a pop
    /// of what the head was would fail by the tag.
    fn run_from(&self, first: u32, want: u32) -> Option<(Run, u32)> {
        let mut run = Run { first, last: first, len: 1 };
        loop {
            let next = self.next_of(run.last)?;
            local!(next = number(next));
            if run.len == want || next == NOWHERE {
                return Some((run, next));
            }
            run = Run { last: next, len: run.len + 1, ..run };
        }
    }

    fn next_of(&self, place: u32) -> Option<u32> {
        let slot = self.find(place)?;
        at!("next");
        // SAFETY: type-stable: the slot may be somebody's by now, its `next` is still an atomic (Stash!NoUseAfterFree).
        // ORDERING: Relaxed; the compare-exchange fails if the slot was popped meanwhile.
        Some(unsafe { (*slot.as_ptr()).next.load(Ordering::Relaxed) })
    }

    /// Pushes the linked slots; `false` if the pool is closed.
    ///
    /// # Safety
    /// The caller owns the run, and with it keeps the memory until the push succeeds. Not a method: others may
    /// free the memory as soon as it has, while a `&self` would still claim it.
    pub(super) unsafe fn push_run(this: NonNull<Self>, run: Run) -> bool {
        // SAFETY: the caller's run keeps the memory; not used after the push (Pool!NoUseAfterFree).
        let slots = unsafe { this.as_ref() };
        let last = slots.slot(run.last);
        loop {
            slots.touch();
            at!("head");
            // ORDERING: Relaxed; only the compare-exchange below publishes.
            let head = slots.shared.0.free.load(Ordering::Relaxed);
            let next = low(head);
            local!(head = number(next), tag = head >> 32);
            if next == CLOSED {
                return false;
            }
            at!("next");
            // SAFETY: the caller owns the run (Stash!NoSharedFree).
            // ORDERING: Relaxed; published by the compare-exchange below.
            unsafe { (*last.as_ptr()).next.store_racing(next, Ordering::Relaxed) };
            slots.touch();
            at!("push");
            let new = (head ^ u64::from(next)) | u64::from(run.first);
            // ORDERING: Release pairs with the Acquire of `pop_run`.
            let pushed = slots.shared.0.free.compare_exchange(
                head,
                new,
                Ordering::Release,
                Ordering::Relaxed,
            );
            if pushed.is_ok() {
                return true;
            }
        }
    }

    /// Closes the list; how many slots were in it.
    pub(super) fn close_shared(&self) -> u32 {
        let mut found = 0;
        self.take_list(CLOSED, |_| found += 1);
        local!(found = found);
        found
    }

    /// Empties the list; each slot in it is the caller's. Nobody may be popping: the tag begins anew.
    pub(super) fn empty_shared(&self, each: impl FnMut(NonNull<Slot<T, C>>)) {
        self.take_list(NOWHERE, each);
    }

    /// Takes the list, and leaves this instead.
    fn take_list(&self, leave: u32, mut each: impl FnMut(NonNull<Slot<T, C>>)) {
        self.touch();
        at!("swap");
        // ORDERING: Acquire pairs with the Release of the pushes: the links walked below.
        let head = self.shared.0.free.swap(u64::from(leave), Ordering::Acquire);
        let mut next = low(head);
        while next != NOWHERE {
            // This thread's since the swap.
            let slot = self.slot(next);
            next = Self::link_of(slot);
            each(slot);
        }
    }
}
