//! The slots that were never used, and the chunks that they come in.

#[cfg(test)]
use super::CHUNKS;
use super::{BITS, FIRST, LARGEST, NOWHERE, NoSlot, Run, Slots};
use crate::at;
use crate::count::Count;
use crate::sync::Ordering;

/// The run is closed.
const CLOSED: u64 = 1 << 32;
/// The last chunk that is twice its predecessor.
const DOUBLED: usize = (BITS - FIRST.ilog2() + 1) as usize;

/// The place of the `i`th slot of a chunk.
#[allow(clippy::cast_possible_truncation)] // there are few chunks
pub(super) const fn place(chunk: usize, i: u32) -> u32 {
    ((chunk as u32) << BITS) | i
}

/// The first of the chunk's slots, by the order in which they are used, and how many it has.
pub(super) fn extent(chunk: usize) -> (u64, u64) {
    let (first, largest) = (u64::from(FIRST), u64::from(LARGEST));
    match chunk {
        0 => (0, 0),
        1..=DOUBLED => ((first << (chunk - 1)) - first, first << (chunk - 1)),
        _ => (2 * largest - first + (chunk - DOUBLED - 1) as u64 * largest, largest),
    }
}

/// How many slots the chunk has in a pool of at most `limit`.
#[allow(clippy::cast_possible_truncation)] // at most `LARGEST`
pub(super) fn chunk_len(chunk: usize, limit: u32) -> u32 {
    let (before, len) = extent(chunk);
    len.min(u64::from(limit).saturating_sub(before)) as u32
}

/// Where the `nth` slot to be used is.
pub(super) fn nth_place(nth: u32) -> u32 {
    let scaled = nth + FIRST;
    if scaled < 2 * LARGEST {
        let bit = scaled.ilog2();
        place((bit - FIRST.ilog2() + 1) as usize, scaled - (1 << bit))
    } else {
        let beyond = scaled - 2 * LARGEST;
        place(DOUBLED + 1 + (beyond >> BITS) as usize, beyond & (LARGEST - 1))
    }
}

/// The number of the slot at a place; 0 for none, -1 for the mark.
pub(super) fn number(place: u32) -> i64 {
    let (chunk, i) = (place >> BITS, place & (LARGEST - 1));
    match place {
        NOWHERE => 0,
        super::CLOSED => -1,
        _ => extent(chunk as usize).0.cast_signed() + i64::from(i) + 1,
    }
}

/// How many slots were used.
#[inline]
#[allow(clippy::cast_possible_truncation)] // that is what it is for
const fn count(fresh: u64) -> u32 {
    fresh as u32
}

impl<T, C: Count> Slots<T, C> {
    /// Takes up to `want` slots that were never used, from one chunk, which it allocates where needed.
    pub(super) fn fresh_run(&self, want: u32) -> Result<Run, NoSlot> {
        let (first, len) = loop {
            self.touch();
            at!("fresh");
            // ORDERING: Relaxed; the compare-exchange below decides who has a slot, and `OncePtr` publishes chunks.
            let fresh = self.shared.0.fresh.load(Ordering::Relaxed);
            if fresh >= CLOSED {
                return Err(NoSlot::Killed);
            }
            if count(fresh) >= self.limit {
                return Err(NoSlot::Full);
            }
            let first = nth_place(count(fresh));
            let (chunk, i) = Self::locate(first);
            let len = want.min(self.lens[chunk] - i);
            self.ensure_chunk(chunk);
            at!("bump");
            // ORDERING: Relaxed, as the load above.
            let bumped = self.shared.0.fresh.compare_exchange(
                fresh,
                fresh + u64::from(len),
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
            if bumped.is_ok() {
                break (first, len);
            }
        };
        for place in first..first + len {
            self.prepare(place, if place + 1 < first + len { place + 1 } else { NOWHERE });
        }
        Ok(Run { first, last: first + len - 1, len })
    }

    /// Makes a slot that nobody had before ready for use.
    fn prepare(&self, place: u32, next: u32) {
        let slot = self.slot(place);
        // SAFETY: type-stable memory (Stash!NoUseAfterFree).
        let slot = unsafe { slot.as_ref() };
        slot.place.with_mut(|at| {
            // SAFETY: the caller owns the slot, and nobody reads a slot's place but its owner (Cache!NoSharedFree).
            unsafe { at.write(place) };
        });
        if next != NOWHERE {
            at!("link");
            // ORDERING: Relaxed; whoever gives the slot away publishes it.
            slot.next.store_racing(next, Ordering::Relaxed);
        }
        // ORDERING: Relaxed; changes while there are no other handles.
        slot.count.prepare(self.origin.wrapping_add(self.begun.load_settled(Ordering::Relaxed)));
    }

    fn ensure_chunk(&self, chunk: usize) {
        at!("chunk");
        if !self.chunks[chunk].is_set() {
            self.grow(chunk);
        }
    }

    #[cold]
    fn grow(&self, chunk: usize) {
        let len = self.lens[chunk];
        let fresh = Self::allocate_chunk(self.this, chunk, len);
        at!("grow");
        if !self.chunks[chunk].set(fresh) {
            // SAFETY: nobody else saw the fresh chunk (Stash!NoUseAfterFree).
            unsafe { Self::free_chunk(fresh, len) };
        }
    }

    /// Closes the run; how many slots were ever taken from it.
    pub(super) fn close_fresh(&self) -> u32 {
        self.touch();
        at!("fresh");
        // ORDERING: Relaxed; the slots taken are counted until they come back, which says all else.
        count(self.shared.0.fresh.fetch_add(CLOSED, Ordering::Relaxed))
    }

    /// How many slots were ever taken.
    pub(super) fn used_len(&self) -> u32 {
        at!("used");
        // ORDERING: Relaxed; a slot taken meanwhile may be seen or not.
        count(self.shared.0.fresh.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_slot_has_one_place_of_its_own_in_the_order_of_use() {
        let limit = crate::slots::LIMIT;
        let lens: [u32; CHUNKS] = core::array::from_fn(|chunk| chunk_len(chunk, limit));
        assert_eq!(lens.iter().sum::<u32>(), limit);
        let mut nth = 0;
        for (chunk, len) in (0..).zip(lens).filter(|&(_, len)| len > 0) {
            assert_ne!(chunk, 0, "no place is zero");
            for i in [0, 1, len / 2, len - 1] {
                assert_eq!(nth_place(nth + i), place(chunk, i));
                assert_eq!(number(place(chunk, i)), i64::from(nth + i) + 1);
            }
            nth += len;
        }
        assert!(nth_place(limit - 1) < crate::slots::CLOSED);
        for small in [0, 1, FIRST, FIRST + 1, 3 * FIRST] {
            assert_eq!(
                (0..CHUNKS).map(|chunk| chunk_len(chunk, small)).sum::<u32>(),
                small.min(limit)
            );
        }
    }
}
