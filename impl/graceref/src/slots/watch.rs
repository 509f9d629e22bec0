//! What the model builds see of a pool's memory, also after it is gone.

use super::{Slot, Slots};
use crate::count::Count;
use alloc::vec::Vec;
use core::ptr::NonNull;

/// A look at a pool's own words that outlives the pool, for observers outside the model.
#[doc(hidden)]
pub struct Watch<T, C>(NonNull<Slots<T, C>>);

// SAFETY: looks at shadows of atomics only (Pool!TypeOK).
unsafe impl<T, C> Send for Watch<T, C> {}
// SAFETY: looks at shadows of atomics only (Pool!TypeOK).
unsafe impl<T, C> Sync for Watch<T, C> {}

impl<T, C: Count> Watch<T, C> {
    pub(crate) fn new(slots: NonNull<Slots<T, C>>) -> Self {
        Self(slots)
    }

    /// The words now.
    pub fn look(&self) -> RawSlots {
        // SAFETY: the model builds never really free the memory (Pool!FreedOnce).
        let slots = unsafe { self.0.as_ref() };
        let slot = |i: u32| {
            // SAFETY: slot `i` of the first chunk (Stash!NoForeignSlot).
            let slot = unsafe { slots.first.byte_add(Slots::<T, C>::distance(i)) };
            // SAFETY: never freed, as above (Pool!FreedOnce).
            unsafe { slot.cast::<Slot<T, C>>().as_ref() }
        };
        let first = 0..slots.chunk_len(0);
        RawSlots {
            free: slots.free.raw_load(),
            leaving: slots.leaving.raw_load().cast_signed(),
            freed: slots.freed.get(),
            next: first.clone().map(|i| slot(i).next.raw_load()).collect(),
            count: first.map(|i| slot(i).count.raw_word()).collect(),
        }
    }
}

/// The words of a pool's memory as they are.
#[doc(hidden)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawSlots {
    /// `tag << 32 | index + 1` of the first free slot; the low half all ones when the last handle is gone.
    pub free: u64,
    /// Slots still to come back after that.
    pub leaving: i64,
    /// How often the memory was freed.
    pub freed: u32,
    /// Each slot's link, for the first chunk.
    pub next: Vec<u32>,
    /// Each slot's count, likewise.
    pub count: Vec<u64>,
}
