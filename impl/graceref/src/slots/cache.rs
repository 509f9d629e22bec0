//! Each thread's own free slots: taken and given without a read-modify-write.
//!
//! A cache is one thread's, by its number ([`crate::thread`]); only that thread looks at its list. The exception is
//! the end: whoever closes the pool counts what is in the caches. So a thread raises a flag while it is at its
//! cache, and looks after that whether the pool is closed; the closer says that it is, and then waits until
//! the flags are down. Each writes one word and then reads the other's, with an [asymmetric
//! fence](crate::sync::asym) between: free for the thread, dear for the closer. The idea is the kernel's
//! `percpu_ref_kill`, the magazines are Bonwick's. Who shrinks the pool closes the caches in the same way, for a while.

use super::fresh::number;
use super::{NoSlot, Run, Slot, Slots};
use crate::count::Count;
use crate::sync::{AtomicPtr, Flag, Ordering, Tracked, asym};
use crate::thread::{self, NUMBERS, Token};
use crate::{at, local};
use alloc::boxed::Box;
use core::mem::MaybeUninit;
use core::ptr::{self, NonNull};

/// So many slots go between a cache and the shared list at a time; a cache holds at most twice as many.
const BATCH: usize = if cfg!(any(graceref_loom, graceref_shuttle)) { 2 } else { 64 };

/// A thread's free slots.
#[repr(align(64))]
pub(super) struct Cache<T, C> {
    busy: Flag,
    list: Tracked<List<T, C>>,
    /// The cache that was made before it; not changed once this one can be found.
    older: *const Self,
    number: u32,
}

/// Free slots, the last one given on top.
struct List<T, C> {
    len: usize,
    slots: [MaybeUninit<NonNull<Slot<T, C>>>; 2 * BATCH],
}

impl<T, C> List<T, C> {
    #[inline]
    fn pop(&mut self) -> Option<NonNull<Slot<T, C>>> {
        self.len = self.len.checked_sub(1)?;
        // SAFETY: below `len` all is written (Cache!TypeOK).
        Some(unsafe { self.slots[self.len].assume_init() })
    }

    /// The list must not be full.
    #[inline]
    fn push(&mut self, slot: NonNull<Slot<T, C>>) {
        self.slots[self.len].write(slot);
        self.len += 1;
    }
}

/// The caches of all threads.
pub(super) struct Caches<T, C> {
    /// By the thread's number, for that thread only.
    by_number: [Tracked<*const Cache<T, C>>; NUMBERS as usize],
    /// The newest, and through it all others.
    newest: AtomicPtr<Cache<T, C>>,
}

impl<T, C: Count> Caches<T, C> {
    pub(super) fn new() -> Self {
        Self {
            by_number: core::array::from_fn(|_| Tracked::new(ptr::null())),
            newest: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// The calling thread's cache.
    #[inline]
    fn of(&self, token: Token) -> Option<&Cache<T, C>> {
        let mine = self.by_number.get(token.index as usize)?;
        // SAFETY: the thread's own, or inherited from the thread that had the number before (Cache!NoSharedFree).
        let cache = mine.with(|cache| unsafe { *cache });
        let cache = if cache.is_null() { self.allocate(token, mine) } else { cache };
        // SAFETY: freed with `self` only (Cache!NoUseAfterFree).
        unsafe { cache.as_ref() }
    }

    #[cold]
    fn allocate(&self, token: Token, mine: &Tracked<*const Cache<T, C>>) -> *const Cache<T, C> {
        let list = List { len: 0, slots: [MaybeUninit::uninit(); 2 * BATCH] };
        let cache = Box::into_raw(Box::new(Cache {
            busy: Flag::new(),
            list: Tracked::new(list),
            older: ptr::null(),
            number: token.index,
        }));
        loop {
            at!("newest");
            // ORDERING: Relaxed; only the compare-exchange below publishes.
            let newest = self.newest.load(Ordering::Relaxed);
            local!(newest = Self::number(newest));
            // SAFETY: nobody else has it yet (Cache!NoUseAfterFree).
            unsafe { (*cache).older = newest };
            at!("enlist");
            // ORDERING: Release pairs with the Acquire of `close_caches`: what is in the cache.
            let enlisted =
                self.newest.compare_exchange(newest, cache, Ordering::Release, Ordering::Relaxed);
            if enlisted.is_ok() {
                break;
            }
        }
        mine.with_mut(|mine| {
            // SAFETY: as in `of` (Cache!NoSharedFree).
            unsafe { *mine = cache };
        });
        cache
    }

    /// Whose cache this is, for the spec; 0 for none.
    fn number(cache: *const Cache<T, C>) -> u32 {
        // SAFETY: null, or freed with the pool only (Cache!NoUseAfterFree).
        unsafe { cache.as_ref() }.map_or(0, |cache| cache.number)
    }

    /// Each cache, and the number of the newest.
    #[cfg(any(graceref_loom, graceref_shuttle))]
    pub(super) fn raw_look(&self) -> (alloc::vec::Vec<super::watch::RawCache>, u32) {
        let mut caches = alloc::vec::Vec::new();
        let newest = self.newest.raw_load();
        let mut next: *const Cache<T, C> = newest;
        // SAFETY: the model builds never free it (Cache!NoUseAfterFree).
        while let Some(cache) = unsafe { next.as_ref() } {
            // SAFETY: the model's threads take turns on one system thread (Cache!NoSharedFree).
            let list = unsafe { &*cache.list.as_ptr() };
            caches.push(super::watch::RawCache {
                number: cache.number,
                older: Self::number(cache.older),
                busy: cache.busy.raw_is_up(),
                len: u32::try_from(list.len).unwrap_or(u32::MAX),
            });
            next = cache.older;
        }
        (caches, Self::number(newest))
    }
}

impl<T, C> Drop for Caches<T, C> {
    fn drop(&mut self) {
        let mut next = self.newest.raw_load().cast_const();
        while !next.is_null() {
            // SAFETY: made by `allocate`, and nobody is at it: the flags are down (Cache!NoUseAfterFree).
            next = unsafe { Box::from_raw(next.cast_mut()) }.older;
        }
    }
}

impl<T, C: Count> Slots<T, C> {
    /// The calling thread's cache, if this pool was the last where the thread asked for it.
    #[inline]
    pub(super) fn remembered_cache(&self) -> Option<NonNull<Cache<T, C>>> {
        // Remembered below, by the name of this pool, which keeps it.
        thread::remembered(self.name).map(NonNull::cast)
    }

    /// The calling thread's cache; `None` if the pool has none or the thread no number.
    #[inline(never)]
    pub(super) fn find_cache(&self) -> Option<NonNull<Cache<T, C>>> {
        let cache = NonNull::from(self.caches.as_ref()?.of(thread::token()?)?);
        thread::remember(self.name, cache.cast());
        Some(cache)
    }

    #[inline(always)]
    pub(super) fn take_cached(
        &self,
        cache: NonNull<Cache<T, C>>,
    ) -> Result<NonNull<Slot<T, C>>, NoSlot> {
        // SAFETY: the calling thread's; the caller's handle keeps the pool (Cache!NoUseAfterFree).
        match unsafe { Self::visit(NonNull::from(self), cache, List::pop) } {
            Some(Some(slot)) => Ok(slot),
            Some(None) => self.refill(cache),
            None => Err(NoSlot::Killed),
        }
    }

    /// A slot for the caller, from elsewhere, and some for its cache, which is empty.
    #[cold]
    fn refill(&self, cache: NonNull<Cache<T, C>>) -> Result<NonNull<Slot<T, C>>, NoSlot> {
        let mut run = self.take_run(u32::try_from(BATCH).unwrap_or(1))?;
        let slot = self.slot(run.first);
        if run.len == 1 {
            return Ok(slot);
        }
        run = Run { first: Self::link_of(slot), len: run.len - 1, ..run };
        let store = |list: &mut List<T, C>| {
            let mut next = run.first;
            for _ in 0..run.len {
                let slot = self.slot(next);
                list.push(slot);
                next = Self::link_of(slot);
            }
        };
        // SAFETY: the calling thread's; the caller's handle keeps the pool (Cache!NoUseAfterFree).
        let stored = unsafe { Self::visit(NonNull::from(self), cache, store) };
        if stored.is_none() {
            // SAFETY: the run is this thread's, and so is `slot`, which keeps the memory (Cache!NoSharedFree).
            unsafe { Self::give_run(NonNull::from(self), run) };
        }
        Ok(slot)
    }

    /// The link of a slot that is this thread's.
    pub(super) fn link_of(slot: NonNull<Slot<T, C>>) -> u32 {
        // SAFETY: the slot is this thread's (Cache!NoSharedFree).
        // ORDERING: Relaxed; nobody writes the link of a slot that is not in the shared list.
        unsafe { slot.as_ref() }.next.load_settled(Ordering::Relaxed)
    }

    /// Gives a slot to the calling thread's cache, or elsewhere if it is full or the pool closed.
    ///
    /// # Safety
    /// As for [`give`](Slots::give).
    #[inline(always)]
    pub(super) unsafe fn give_cached(
        this: NonNull<Self>,
        cache: NonNull<Cache<T, C>>,
        slot: NonNull<Slot<T, C>>,
    ) {
        let push = |list: &mut List<T, C>| {
            if list.len == 2 * BATCH {
                local!(full = true);
                return false;
            }
            list.push(slot);
            true
        };
        // SAFETY: the calling thread's; the caller's slot keeps the memory until the cache has it, and the raised flag until
        // it is lowered; not used after that, or with slots that keep it (Cache!NoUseAfterFree).
        let given = unsafe { Self::visit(this, cache, push) };
        match given {
            Some(true) => {}
            // SAFETY: the caller's slot (Cache!NoUseAfterFree).
            Some(false) => unsafe { Self::spill(this, cache, slot) },
            // SAFETY: the caller's slot (Stash!NoSharedFree).
            None => unsafe { Self::give_one(this, slot) },
        }
    }

    /// Gives a slot to a full cache: half of what is there goes to the shared list.
    ///
    /// # Safety
    /// As for [`give`](Slots::give).
    #[cold]
    unsafe fn spill(this: NonNull<Self>, cache: NonNull<Cache<T, C>>, slot: NonNull<Slot<T, C>>) {
        let mut run = {
            // SAFETY: the caller's slot (Cache!NoSharedFree).
            let place = unsafe { slot.as_ref() }.place();
            Run { first: place, last: place, len: 1 }
        };
        let mut halve = |list: &mut List<T, C>| {
            for _ in 0..BATCH {
                let Some(slot) = list.pop() else { break };
                // SAFETY: this thread's, being in its cache (Cache!NoSharedFree).
                let slot = unsafe { slot.as_ref() };
                // ORDERING: Relaxed; `push_run` publishes it.
                slot.next.store_settled(run.first, Ordering::Relaxed);
                run = Run { first: slot.place(), len: run.len + 1, ..run };
            }
            local!(full = false, run = number(run.first));
        };
        if crate::sync::mutant("cache.spill_unlooked") {
            at!("list");
            // SAFETY: the calling thread's, as below (Cache!NoUseAfterFree).
            let cache = unsafe { cache.as_ref() };
            // SAFETY: none: the closer may be at the list (Cache!NoSharedFree).
            cache.list.with_mut(|list| halve(unsafe { &mut *list }));
        } else {
            // Anew: the pool may have been closed since the cache was found full, and its slots counted.
            // SAFETY: the calling thread's; the caller's slot keeps the memory (Cache!NoUseAfterFree).
            unsafe { Self::visit(this, cache, halve) };
        }
        // SAFETY: the run is this thread's, and keeps the memory (Cache!NoSharedFree).
        unsafe { Self::give_run(this, run) };
    }

    /// Does something with the cache's list while nobody counts it; `None` if the pool is closed. Not a method, since others
    /// may free the memory as soon as the flag is down.
    ///
    /// # Safety
    /// The cache is the calling thread's, of this pool, and something that the caller has keeps the memory until the flag is
    /// raised.
    #[inline(always)]
    unsafe fn visit<R>(
        this: NonNull<Self>,
        cache: NonNull<Cache<T, C>>,
        f: impl FnOnce(&mut List<T, C>) -> R,
    ) -> Option<R> {
        // SAFETY: the caller's promise, and then the raised flag; not used after it is down (Cache!NoUseAfterFree).
        let this = unsafe { this.as_ref() };
        // SAFETY: likewise (Cache!NoUseAfterFree).
        let cache = unsafe { cache.as_ref() };
        this.touch();
        at!("enter");
        cache.busy.raise(thread::mark());
        if !crate::sync::mutant("cache.no_light_fence") {
            asym::light();
        }
        at!("look");
        // The fence pairs with the closer's: it sees the flag up, or is seen.
        // ORDERING: Acquire pairs with the Release of `lift`: the list is as who shrank the pool left it.
        let closed = this.closed.load(Ordering::Acquire) != 0;
        local!(shut = closed);
        let result = if closed {
            None
        } else {
            at!("list");
            Some(cache.list.with_mut(|list| {
                // SAFETY: this thread's, and the closer waits for the flag (Cache!NoSharedFree).
                f(unsafe { &mut *list })
            }))
        };
        this.touch();
        at!("exit");
        cache.busy.lower();
        result
    }

    /// Closes the caches; how many slots were in them. From here on nobody takes from them or gives to them.
    pub(super) fn close_caches(&self) -> u32 {
        // SAFETY: the closer's, as `close_each` says (Cache!NoSharedFree).
        self.close_each(|list| list.with(|list| unsafe { (*list).len }))
    }

    /// Empties the caches of a pool that is said to be closed; each slot in them is the caller's.
    pub(super) fn empty_caches(&self, mut each: impl FnMut(NonNull<Slot<T, C>>)) {
        self.close_each(|list| {
            list.with_mut(|list| {
                // SAFETY: the closer's, as `close_each` says (Shrink!NoDataRace).
                let list = unsafe { &mut *list };
                let len = list.len;
                while let Some(slot) = list.pop() {
                    each(slot);
                }
                len
            })
        });
    }

    /// Visits the threads' lists in a pool that is said to be closed; each is the caller's alone until it is lifted. The
    /// sum of what the visits return.
    fn close_each(&self, mut tally: impl FnMut(&Tracked<List<T, C>>) -> usize) -> u32 {
        let Some(caches) = &self.caches else { return 0 };
        let mark = thread::mark();
        let mut found = 0;
        at!("newest");
        // ORDERING: Acquire pairs with the Release of `allocate`. A cache that is not seen finds the pool closed.
        let mut next = caches.newest.load(Ordering::Acquire).cast_const();
        local!(each = Caches::number(next));
        // SAFETY: freed with the pool only (Cache!NoUseAfterFree).
        while let Some(cache) = unsafe { next.as_ref() } {
            at!("wait");
            if crate::sync::mutant("cache.no_wait") {
                cache.busy.look();
            } else {
                cache.busy.await_lowered(mark);
            }
            at!("tally");
            // The flag is down and stays down, or its owner finds the pool closed.
            found += tally(&cache.list);
            next = cache.older;
            local!(each = Caches::number(next), cached = u64::try_from(found).unwrap_or(0));
        }
        u32::try_from(found).expect("fewer than there are slots")
    }
}
