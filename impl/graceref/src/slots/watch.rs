//! What the model builds see of a pool's memory, also after it is gone.

use super::fresh::{self, number};
use super::{Slot, Slots};
use crate::count::Count;
use alloc::vec::Vec;
use core::ptr::NonNull;

/// A look at a pool's own words that outlives the pool, for observers outside the model.
#[doc(hidden)]
pub struct Watch<T, C: Count>(NonNull<Slots<T, C>>);

// SAFETY: looks at shadows of atomics only (Pool!TypeOK).
unsafe impl<T, C: Count> Send for Watch<T, C> {}
// SAFETY: looks at shadows of atomics only (Pool!TypeOK).
unsafe impl<T, C: Count> Sync for Watch<T, C> {}

impl<T, C: Count> Watch<T, C> {
    pub(crate) fn new(slots: NonNull<Slots<T, C>>) -> Self {
        Self(slots)
    }

    /// The words now. Slots are numbered from 1.
    pub fn look(&self) -> RawSlots {
        // SAFETY: the model builds never really free the memory (Pool!FreedOnce).
        let slots = unsafe { self.0.as_ref() };
        let each = |place: u32| {
            let (chunk, i) = Slots::<T, C>::locate(place);
            let first = slots.chunks[chunk].raw_get()?;
            // SAFETY: slot `i` of the chunk (Stash!NoForeignSlot).
            let slot: NonNull<Slot<T, C>> = unsafe { first.add(i as usize) };
            // SAFETY: never freed, as above (Pool!FreedOnce).
            Some(unsafe { slot.as_ref() })
        };
        let all = || (0..slots.limit).map(fresh::nth_place).map_while(each);
        let free = slots.shared.0.free.raw_load();
        let (caches, newest) =
            slots.caches.as_ref().map(|caches| caches.raw_look()).unwrap_or_default();
        RawSlots {
            tag: free >> 32,
            first: number(u32::try_from(free & u64::from(u32::MAX)).unwrap_or_default()),
            fresh: slots.shared.0.fresh.raw_load(),
            leaving: slots.shared.0.leaving.raw_load().cast_signed(),
            closed: slots.closed.raw_load() != 0,
            // SAFETY: observers look between steps, and nobody moves the callback but in one (Kill!TypeOK).
            drained: unsafe { (*slots.drained.as_ptr()).is_some() },
            freed: slots.shared.0.freed.get(),
            shrunk: slots.shared.0.shrunk.get(),
            next: all().map(|slot| number(slot.next.raw_load())).collect(),
            count: all().map(|slot| slot.count.raw_refs()).collect(),
            word: all().map(|slot| slot.count.raw_word()).collect(),
            generation: all().map(|slot| slot.count.raw_generation()).collect(),
            begun: slots.begun.raw_load(),
            handles: slots.handles.raw_refs(),
            handles_generation: slots.handles.raw_generation(),
            caches,
            newest,
        }
    }
}

/// The words of a pool's memory as they are. Slots are numbered from 1; 0 is none, -1 is closed.
#[doc(hidden)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawSlots {
    /// How many pops there were.
    pub tag: u64,
    /// The first free slot of the shared list.
    pub first: i64,
    /// How many slots were used, and a mark from the 33rd bit on.
    pub fresh: u64,
    /// Slots still to come back after the end.
    pub leaving: i64,
    /// Whether the pool is killed, or closed and with caches.
    pub closed: bool,
    /// Whether somebody is still to be told that the killed pool is drained.
    pub drained: bool,
    /// How often the memory was freed.
    pub freed: u32,
    /// How many chunks were freed before that.
    pub shrunk: u32,
    /// Each slot's link, for the chunks that there are.
    pub next: Vec<i64>,
    /// Each slot's count, likewise.
    pub count: Vec<i64>,
    /// The whole word.
    pub word: Vec<u64>,
    /// The generation of each slot's object; in the model builds they begin at 1.
    pub generation: Vec<u32>,
    /// The generation before that of slots used for the first time.
    pub begun: u32,
    /// The pool's handles.
    pub handles: i64,
    /// How often they were claimed and given back.
    pub handles_generation: u32,
    /// The threads' caches, the newest first.
    pub caches: Vec<RawCache>,
    /// The number of the newest's thread, or 0.
    pub newest: u32,
}

/// A thread's cache as it is.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawCache {
    /// The thread.
    pub number: u32,
    /// The thread of the cache made before, or 0.
    pub older: u32,
    /// Whether the thread is at it.
    pub busy: bool,
    /// How many slots it has.
    pub len: u32,
}
