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
struct Cache<T, C> {
    busy: Flag,
    list: Tracked<List<T, C>>,
}

struct List<T, C> {
    /// Not a place, which would be one step further away.
    first: Option<NonNull<Slot<T, C>>>,
    len: u32,
}

impl<T, C> List<T, C> {
    /// The place of its first slot.
    #[inline]
    fn top(&self) -> u32 {
        // SAFETY: a slot in the list is memory, and its owner's (Cache!NoSharedFree).
        self.first.map_or(NOWHERE, |slot| unsafe { slot.as_ref() }.place())
    }
}

/// The caches of all threads, by their numbers; null until needed.
pub(super) struct Caches<T, C>([OncePtr<Cache<T, C>>; NUMBERS as usize]);

impl<T, C: Count> Caches<T, C> {
    pub(super) fn new() -> Self {
        Self(core::array::from_fn(|_| OncePtr::new()))
    }

    /// The calling thread's cache.
    #[inline]
    fn of(&self, token: Token) -> Option<&Cache<T, C>> {
        let mine = self.0.get(token.index as usize)?;
        let cache = match mine.get() {
            Some(cache) => cache,
            None => Self::allocate(mine),
        };
        // SAFETY: freed with `self` only (Cache!NoUseAfterFree).
        Some(unsafe { cache.as_ref() })
    }

    #[cold]
    fn allocate(mine: &OncePtr<Cache<T, C>>) -> NonNull<Cache<T, C>> {
        let list = Tracked::new(List { first: None, len: 0 });
        let cache = NonNull::from(Box::leak(Box::new(Cache { busy: Flag::new(), list })));
        at!("cache");
        assert!(mine.set(cache), "a thread's number is its own");
        cache
    }

    fn all(&self) -> impl Iterator<Item = &Cache<T, C>> {
        // SAFETY: freed with `self` only (Cache!NoUseAfterFree).
        self.0.iter().filter_map(|cache| Some(unsafe { cache.get()?.as_ref() }))
    }

    /// Each cache's flag and list, by number.
    #[cfg(any(graceref_loom, graceref_shuttle))]
    pub(super) fn raw_look(&self) -> alloc::vec::Vec<super::watch::RawCache> {
        let look = |cache: &OncePtr<Cache<T, C>>| {
            let Some(cache) = cache.raw_get() else { return super::watch::RawCache::default() };
            // SAFETY: the model builds never free it (Cache!NoUseAfterFree).
            let cache = unsafe { cache.as_ref() };
            // SAFETY: the model's threads take turns on one system thread (Cache!NoSharedFree).
            let list = unsafe { &*cache.list.as_ptr() };
            super::watch::RawCache {
                busy: cache.busy.raw_is_up(),
                // SAFETY: a slot of the pool, whose memory is never freed here (Cache!NoUseAfterFree).
                first: list.first.map_or(NOWHERE, |slot| unsafe { slot.as_ref() }.place()),
                len: list.len,
            }
        };
        self.0.iter().map(look).collect()
    }
}

impl<T, C> Drop for Caches<T, C> {
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
    /// The calling thread's cache; `None` if the thread has no number.
    #[inline]
    fn cache<'c>(&self, caches: &'c Caches<T, C>) -> Option<&'c Cache<T, C>> {
        if let Some(cache) = thread::remembered(self.name) {
            // SAFETY: remembered below, by the name of this pool, which keeps it (Cache!NoUseAfterFree).
            return Some(unsafe { cache.cast().as_ref() });
        }
        self.find_cache(caches)
    }

    #[inline(never)]
    fn find_cache<'c>(&self, caches: &'c Caches<T, C>) -> Option<&'c Cache<T, C>> {
        let cache = caches.of(thread::token()?)?;
        thread::remember(self.name, NonNull::from(cache).cast());
        Some(cache)
    }

    #[inline]
    pub(super) fn take_cached(&self, caches: &Caches<T, C>) -> Result<NonNull<Slot<T, C>>, NoSlot> {
        let Some(cache) = self.cache(caches) else {
            return self.take_run(1).map(|run| self.slot(run.first));
        };
        let taken = self.visit(cache, |list| {
            let slot = list.first?;
            at!("next");
            // SAFETY: this thread's, being in its cache (Cache!NoSharedFree).
            // ORDERING: Relaxed; this thread wrote it.
            list.first = self.find(unsafe { slot.as_ref() }.next.load(Ordering::Relaxed));
            list.len -= 1;
            Some(slot)
        });
        match taken {
            Some(Some(slot)) => Ok(slot),
            Some(None) => self.refill(cache),
            None => Err(NoSlot::Killed),
        }
    }

    /// A slot for the caller, from elsewhere, and some for its cache, which is empty.
    #[cold]
    fn refill(&self, cache: &Cache<T, C>) -> Result<NonNull<Slot<T, C>>, NoSlot> {
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
        if self
            .visit(cache, |list| *list = List { first: self.find(first), len: rest.len })
            .is_none()
        {
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
    pub(super) unsafe fn give_cached(this: NonNull<Self>, slot: NonNull<Slot<T, C>>) -> bool {
        // SAFETY: the caller's slot keeps the memory until the cache has it, and the raised flag until
        // it is lowered; not used after that, or with a run that keeps it (Cache!NoUseAfterFree).
        let slots = unsafe { this.as_ref() };
        let Some(caches) = &slots.caches else { return false };
        let Some(cache) = slots.cache(caches) else { return false };
        let given = slots.visit(cache, |list| {
            at!("next");
            // SAFETY: the caller's (Cache!NoSharedFree).
            // ORDERING: Relaxed; the lowered flag publishes it to the closer.
            unsafe { slot.as_ref() }.next.store_racing(list.top(), Ordering::Relaxed);
            list.first = Some(slot);
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
    fn split(&self, list: &mut List<T, C>) -> Run {
        let mut run = Run { first: list.top(), last: list.top(), len: 1 };
        loop {
            let slot = self.slot(run.last);
            at!("walk");
            // SAFETY: this thread's, being in its cache (Cache!NoSharedFree).
            // ORDERING: Relaxed; this thread wrote it.
            let next = unsafe { slot.as_ref() }.next.load(Ordering::Relaxed);
            if run.len == BATCH {
                *list = List { first: self.find(next), len: list.len - BATCH };
                return run;
            }
            run = Run { last: next, len: run.len + 1, ..run };
        }
    }

    /// Does something with the cache's list while nobody counts it; `None` if the pool is closed.
    #[inline]
    fn visit<R>(&self, cache: &Cache<T, C>, f: impl FnOnce(&mut List<T, C>) -> R) -> Option<R> {
        self.touch();
        at!("enter");
        cache.busy.raise(thread::mark());
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
        let count = |cache: &Cache<T, C>| {
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
