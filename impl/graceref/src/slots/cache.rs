//! Each thread's own free slots: taken and given without a read-modify-write.
//!
//! A cache is one thread's, by its number ([`crate::thread`]); only that thread looks at its list. The exception is
//! the end: whoever closes the pool counts what is in the caches. So a thread raises a flag while it is at its
//! cache, and looks after that whether the pool is closed; the closer says that it is, and then waits until
//! the flags are down. Each writes one word and then reads the other's, with an [asymmetric
//! fence](crate::sync::asym) between: free for the thread, dear for the closer. The idea is the kernel's
//! `percpu_ref_kill`, the magazines are Bonwick's.

use super::{NOWHERE, NoSlot, Run, Slot, Slots};
use crate::at;
use crate::count::Count;
use crate::sync::{Flag, OncePtr, Ordering, Tracked, asym};
use crate::thread::{self, NUMBERS, Token};
use alloc::boxed::Box;
use core::ptr::NonNull;

/// So many slots go between a cache and the shared list at a time; a cache holds less than twice as many.
const BATCH: u32 = if cfg!(any(graceref_loom, graceref_shuttle)) { 2 } else { 32 };

/// A thread's free slots.
#[repr(align(64))]
struct Cache {
    busy: Flag,
    list: Tracked<List>,
}

#[derive(Clone, Copy)]
struct List {
    first: u32,
    len: u32,
}

/// The caches of all threads, by their numbers; null until needed.
pub(super) struct Caches([OncePtr<Cache>; NUMBERS as usize]);

impl Caches {
    pub(super) fn new() -> Self {
        Self(core::array::from_fn(|_| OncePtr::new()))
    }

    /// The calling thread's cache.
    #[inline]
    fn of(&self, token: Token) -> Option<&Cache> {
        let mine = self.0.get(token.index as usize)?;
        let cache = match mine.get() {
            Some(cache) => cache,
            None => Self::allocate(mine),
        };
        // SAFETY: freed with `self` only (Cache!NoUseAfterFree).
        Some(unsafe { cache.as_ref() })
    }

    #[cold]
    fn allocate(mine: &OncePtr<Cache>) -> NonNull<Cache> {
        let list = Tracked::new(List { first: NOWHERE, len: 0 });
        let cache = NonNull::from(Box::leak(Box::new(Cache { busy: Flag::new(), list })));
        at!("cache");
        assert!(mine.set(cache), "a thread's number is its own");
        cache
    }

    fn all(&self) -> impl Iterator<Item = &Cache> {
        // SAFETY: freed with `self` only (Cache!NoUseAfterFree).
        self.0.iter().filter_map(|cache| Some(unsafe { cache.get()?.as_ref() }))
    }

    /// Each cache's flag and list, by number.
    #[cfg(any(graceref_loom, graceref_shuttle))]
    pub(super) fn raw_look(&self) -> alloc::vec::Vec<super::watch::RawCache> {
        let look = |cache: &OncePtr<Cache>| {
            let Some(cache) = cache.raw_get() else { return super::watch::RawCache::default() };
            // SAFETY: the model builds never free it (Cache!NoUseAfterFree).
            let cache = unsafe { cache.as_ref() };
            // SAFETY: the model's threads take turns on one system thread (Cache!NoSharedFree).
            let list = unsafe { *cache.list.as_ptr() };
            super::watch::RawCache {
                busy: cache.busy.raw_is_up(),
                first: list.first,
                len: list.len,
            }
        };
        self.0.iter().map(look).collect()
    }
}

impl Drop for Caches {
    fn drop(&mut self) {
        for cache in &self.0 {
            if let Some(cache) = cache.raw_get() {
                // SAFETY: made by `allocate`, and nobody is at it: the flags are down (Cache!NoUseAfterFree).
                drop(unsafe { Box::from_raw(cache.as_ptr()) });
            }
        }
    }
}

impl<T, C: Count> Slots<T, C> {
    #[inline]
    pub(super) fn take_cached(&self, caches: &Caches) -> Result<NonNull<Slot<T, C>>, NoSlot> {
        let Some((token, cache)) = thread::token().and_then(|t| Some((t, caches.of(t)?))) else {
            return self.take_run(1).map(|run| self.slot(run.first));
        };
        let taken = self.visit(token, cache, |list| {
            if list.first == NOWHERE {
                return None;
            }
            let slot = self.slot(list.first);
            at!("next");
            // SAFETY: this thread's, being in its cache (Cache!NoSharedFree).
            // ORDERING: Relaxed; this thread wrote it.
            list.first = unsafe { slot.as_ref() }.next.load(Ordering::Relaxed);
            list.len -= 1;
            Some(slot)
        });
        match taken {
            Some(Some(slot)) => Ok(slot),
            Some(None) => self.refill(token, cache),
            None => Err(NoSlot::Killed),
        }
    }

    /// A slot for the caller, from elsewhere, and some for its cache, which is empty.
    #[cold]
    fn refill(&self, token: Token, cache: &Cache) -> Result<NonNull<Slot<T, C>>, NoSlot> {
        let run = self.take_run(BATCH)?;
        let slot = self.slot(run.first);
        if run.len == 1 {
            return Ok(slot);
        }
        at!("rest");
        // SAFETY: the run is this thread's (Cache!NoSharedFree).
        // ORDERING: Relaxed; as above.
        let first = unsafe { slot.as_ref() }.next.load(Ordering::Relaxed);
        at!("last");
        // SAFETY: the run is this thread's (Cache!NoSharedFree).
        // ORDERING: Relaxed; whoever gives the slot away publishes it.
        unsafe { self.slot(run.last).as_ref() }.next.store_racing(NOWHERE, Ordering::Relaxed);
        let rest = Run { first, len: run.len - 1, ..run };
        if self.visit(token, cache, |list| *list = List { first, len: rest.len }).is_none() {
            // SAFETY: the run is this thread's, and so is `slot`, which keeps the memory (Cache!NoSharedFree).
            unsafe { Self::give_run(NonNull::from(self), rest) };
        }
        Ok(slot)
    }

    /// Gives a slot to the calling thread's cache; `false` if it has none, or the pool is closed.
    ///
    /// # Safety
    /// As for [`give`](Slots::give).
    #[inline]
    pub(super) unsafe fn give_cached(
        this: NonNull<Self>,
        slot: NonNull<Slot<T, C>>,
        place: u32,
    ) -> bool {
        // SAFETY: the caller's slot keeps the memory until the cache has it, and the raised flag until
        // it is lowered; not used after that, or with a run that keeps it (Cache!NoUseAfterFree).
        let slots = unsafe { this.as_ref() };
        let Some(caches) = &slots.caches else { return false };
        let Some((token, cache)) = thread::token().and_then(|t| Some((t, caches.of(t)?))) else {
            return false;
        };
        let given = slots.visit(token, cache, |list| {
            at!("next");
            // SAFETY: the caller's (Cache!NoSharedFree).
            // ORDERING: Relaxed; the lowered flag publishes it to the closer.
            unsafe { slot.as_ref() }.next.store_racing(list.first, Ordering::Relaxed);
            list.first = place;
            list.len += 1;
            (list.len == 2 * BATCH).then(|| slots.split(list))
        });
        match given {
            None => false,
            Some(None) => true,
            Some(Some(run)) => {
                // SAFETY: the run is this thread's again, and keeps the memory (Cache!NoSharedFree).
                unsafe { Self::give_run(this, run) };
                true
            }
        }
    }

    /// Takes a batch off a cache's list.
    #[cold]
    fn split(&self, list: &mut List) -> Run {
        let mut run = Run { first: list.first, last: list.first, len: 1 };
        loop {
            let slot = self.slot(run.last);
            at!("walk");
            // SAFETY: this thread's, being in its cache (Cache!NoSharedFree).
            // ORDERING: Relaxed; this thread wrote it.
            let next = unsafe { slot.as_ref() }.next.load(Ordering::Relaxed);
            if run.len == BATCH {
                *list = List { first: next, len: list.len - BATCH };
                return run;
            }
            run = Run { last: next, len: run.len + 1, ..run };
        }
    }

    /// Does something with the cache's list while nobody counts it; `None` if the pool is closed.
    #[inline]
    fn visit<R>(&self, token: Token, cache: &Cache, f: impl FnOnce(&mut List) -> R) -> Option<R> {
        self.touch();
        at!("enter");
        cache.busy.raise(token.mark);
        if !crate::sync::mutant("cache.no_light_fence") {
            asym::light();
        }
        at!("look");
        // ORDERING: Relaxed; the fence pairs with the closer's: it sees the flag up, or is seen.
        let closed = self.closed.load(Ordering::Relaxed) != 0;
        let result = (!closed).then(|| {
            cache.list.with_mut(|list| {
                // SAFETY: this thread's, and the closer waits for the flag (Cache!NoSharedFree).
                f(unsafe { &mut *list })
            })
        });
        self.touch();
        at!("exit");
        cache.busy.lower();
        result
    }

    /// Closes the caches; how many slots were in them. From here on nobody takes from them or gives to them.
    pub(super) fn close_caches(&self) -> u32 {
        let Some(caches) = &self.caches else { return 0 };
        let mark = thread::mark();
        let count = |cache: &Cache| {
            if !crate::sync::mutant("cache.no_wait") {
                at!("wait");
                cache.busy.await_lowered(mark);
            }
            // SAFETY: the flag is down and stays down, or finds the pool closed (Cache!NoSharedFree).
            cache.list.with(|list| unsafe { (*list).len })
        };
        caches.all().map(count).sum()
    }
}
