//! Memory that goes back before the end: the last chunks, where all slots are free.
//!
//! It is done with the only handle, which is made dead for the time: nobody looks anything up, inserts, or gets a handle
//! from a release hook. What other threads may do is to drop references and to give the slots back. So this is what can
//! happen at the same time, and why it does not meet memory that goes:
//!
//! - A release looks at its slot, and at the header of the slot's chunk. Its slot is out, so the chunk stays.
//! - A give puts the slot into its thread's cache, or finds that closed. The caches are closed as they are at the end, and
//!   lifted when they are empty; who finds its cache closed gives to the shared list.
//! - A full cache takes half of its slots out again (`spill`). They are its thread's then and not free, as in a release.
//! - A push finds the slot it pushes by its place. That chunk stays, and its pointer does not change.
//! - A push links its slot to the head that it has seen, which may be of memory that is gone. Nobody follows the link unless
//!   the push succeeds, and then the head is in the list at that moment. No pop is on its way, so that no tag is needed.
//! - A retired slot is counted in a word of the pool's own. It is never free, so its chunk stays.
//! - A straggler (see [`owe`](Slots::owe)) looks at a slot that may be free. While there are any, nothing is done.
//!
//! A slot's generations end with its memory, while its keys are still about. So the pool remembers the last generation
//! that there was in such memory, and slots used for the first time begin after it, wherever they are.

use super::{CHUNKS, NOWHERE, Run, Slot, Slots, fresh};
use crate::at;
use crate::count::{CasCount, Count};
use crate::sync::{Ordering, mutant};
use core::ptr::NonNull;

/// The only handle, dead until this is dropped.
struct Claim<'a>(&'a CasCount);

impl<'a> Claim<'a> {
    fn new(handles: &'a CasCount) -> Option<Self> {
        // Only a claim that succeeds is given back.
        handles.word().claim().then(|| Self(handles))
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if !mutant("shrink.no_claim") {
            self.0.init();
        }
    }
}

/// The threads' caches, closed until this is dropped.
struct Closed<'a, T, C: Count>(&'a Slots<T, C>);

impl<'a, T, C: Count> Closed<'a, T, C> {
    fn new(slots: &'a Slots<T, C>) -> Option<Self> {
        slots.caches.as_ref()?;
        slots.say_closed();
        Some(Self(slots))
    }
}

impl<T, C: Count> Drop for Closed<'_, T, C> {
    fn drop(&mut self) {
        self.0.lift();
    }
}

/// Free slots that are nobody else's, linked.
struct Free {
    first: u32,
    /// How many there are of each chunk.
    len: [u32; CHUNKS],
    /// The most generations that there were in one of each chunk.
    since: [u32; CHUNKS],
}

impl Free {
    fn push<T, C: Count>(&mut self, slot: NonNull<Slot<T, C>>, origin: u32) {
        // SAFETY: a free slot of the caller's (Shrink!NoUseAfterFree).
        let slot = unsafe { slot.as_ref() };
        let place = slot.place();
        // ORDERING: Relaxed; the slot is this thread's.
        slot.next.store_settled(self.first, Ordering::Relaxed);
        self.first = place;
        let (chunk, _) = Slots::<T, C>::locate(place);
        self.len[chunk] += 1;
        self.since[chunk] = self.since[chunk].max(slot.count.word().since(origin));
    }
}

impl<T, C: Count> Slots<T, C> {
    /// Gives back the memory of the last chunks, where all slots are free: how many slots those had. `None` if there are
    /// other handles.
    ///
    /// # Safety
    /// The caller has a handle, and nobody else uses it meanwhile.
    pub(crate) unsafe fn shrink(&self) -> Option<u64> {
        let _scope = crate::sync::within("shrink");
        let _claim = Claim::new(&self.handles)?;
        // ORDERING: Relaxed; who killed the pool had a handle, which the claim acquired.
        let killed = self.closed.load_settled(Ordering::Relaxed) != 0;
        if killed || self.owes() {
            return Some(0);
        }
        let _closed = Closed::new(self);
        let mut free = Free { first: NOWHERE, len: [0; CHUNKS], since: [0; CHUNKS] };
        self.empty_caches(|slot| free.push(slot, self.origin));
        self.empty_shared(|slot| free.push(slot, self.origin));
        let end = self.first_to_go(&free);
        let staying = self.staying(&free, end);
        let before = self.capacity();
        // SAFETY: of these chunks every slot that was ever used is in `free`, and now in no list (Shrink!NoUseAfterFree).
        unsafe { self.free_from(end, &free) };
        if let Some(run) = staying {
            // SAFETY: free slots of this thread's; the caller's handle keeps the memory (Shrink!NothingLeft).
            unsafe { Self::push_run(NonNull::from(self), run) };
        }
        Some(before - self.capacity())
    }

    /// The first of the last chunks where every slot that was ever used is in `free`; beyond all if the last is none.
    fn first_to_go(&self, free: &Free) -> usize {
        // ORDERING: Relaxed; nobody takes slots.
        let used = self.shared.0.fresh.load_settled(Ordering::Relaxed);
        let all_free = |chunk: &usize| {
            let (before, _) = fresh::extent(*chunk);
            let here = used.saturating_sub(before).min(u64::from(self.lens[*chunk]));
            u64::from(free.len[*chunk]) == here
        };
        (1..CHUNKS).rev().take_while(all_free).last().unwrap_or(CHUNKS)
    }

    /// The slots of `free` that are not of these chunks.
    fn staying(&self, free: &Free, end: usize) -> Option<Run> {
        let mut staying: Option<Run> = None;
        let mut next = free.first;
        while next != NOWHERE {
            let (place, slot) = (next, self.slot(next));
            next = Self::link_of(slot);
            if Self::locate(place).0 >= end {
                continue;
            }
            let run = staying.unwrap_or(Run { first: NOWHERE, last: place, len: 0 });
            // SAFETY: a free slot of this thread's (Shrink!NoUseAfterFree).
            // ORDERING: Relaxed; `push_run` publishes it.
            unsafe { slot.as_ref() }.next.store_settled(run.first, Ordering::Relaxed);
            staying = Some(Run { first: place, len: run.len + 1, ..run });
        }
        staying
    }

    /// Frees these chunks.
    ///
    /// # Safety
    /// Of these chunks every slot that was ever used is in `free`, and in no other list; nobody uses the pool but to give
    /// slots back.
    unsafe fn free_from(&self, end: usize, free: &Free) {
        let going =
            || (end..CHUNKS).filter_map(|chunk| Some((chunk, self.chunks[chunk].raw_get()?)));
        if going().next().is_none() {
            return;
        }
        // ORDERING: Relaxed; read by who takes fresh slots, with a handle, for which the claim's end is a Release.
        let begun = self.begun.load_settled(Ordering::Relaxed);
        let since = free.since[end..].iter().copied().fold(begun, u32::max);
        if !mutant("shrink.same_generation") {
            // ORDERING: Relaxed, as above.
            self.begun.store_settled(since, Ordering::Relaxed);
        }
        // ORDERING: Relaxed, as above.
        self.shared.0.fresh.store_settled(fresh::extent(end).0, Ordering::Relaxed);
        for (chunk, first) in going().rev() {
            at!("forget");
            self.chunks[chunk].forget();
            // SAFETY: nobody has a pointer into it: none of its slots is out, in a list, or reached by a lookup
            // (Shrink!NoUseAfterFree).
            unsafe { self.give_back(first, self.lens[chunk]) };
        }
    }

    /// # Safety
    /// As for [`free_chunk`](Slots::free_chunk).
    #[cfg(not(any(graceref_loom, graceref_shuttle)))]
    #[allow(clippy::unused_self)] // The model builds count.
    unsafe fn give_back(&self, first: NonNull<Slot<T, C>>, len: u32) {
        // SAFETY: the caller's promise (Shrink!NoUseAfterFree).
        unsafe { Self::free_chunk(first, len) };
    }

    /// # Safety
    /// As for [`free_chunk`](Slots::free_chunk).
    #[cfg(any(graceref_loom, graceref_shuttle))]
    unsafe fn give_back(&self, first: NonNull<Slot<T, C>>, len: u32) {
        at!("free");
        for i in 0..len {
            // SAFETY: slot `i` of `len` (Stash!NoForeignSlot).
            let slot = unsafe { first.add(i as usize) };
            // SAFETY: the model builds leak, so that whoever comes too late is seen (Shrink!NoUseAfterFree).
            unsafe { slot.as_ref() }.place.retire();
        }
        self.shared.0.shrunk.with(|n| *n += 1);
    }
}
