//! Inc-not-zero by compare-exchange, as `atomic_long_inc_not_zero` does it.

use super::word::{LIVE, NO_REF, REF, Word, generation, refs, zone};
use super::{Count, Given, Got, Wanted, sealed::Sealed};
use crate::sync::{Ordering, fence};
use crate::{at, local};

/// References counted by a compare-exchange that never gets past dead, and which object they are references to.
///
/// ```text
/// 63 .................................... 32  31   30 ......... 0
///  references - 1: 0x00000000 ... alive       live  generation
///                  0x80000000 ... saturated: leaked, never freed
///                  0xC0000000 ... dead; the last put leaves 0xFFFFFFFF
/// ```
///
/// The generation is one more for each object in the same memory, so that one compare-exchange both finds out
/// whether it is still the object meant and counts the reference. An object that is not *live* gives no more
/// references to those who have none; those who have may clone theirs. A `get_active` that finds nothing writes
/// nothing. The ideas are the kernel's `refcount_t`, `file_ref_t` and `percpu_ref_kill`.
///
/// ```
/// use graceref::{CasCount, Count};
/// let count = CasCount::new();
/// assert!(count.get_active());
/// assert!(!count.put());
/// assert!(count.put());         // the last: release the object
/// assert!(!count.get_active()); // dead for good
/// ```
#[derive(Debug)]
#[cfg_attr(not(any(graceref_loom, graceref_shuttle)), repr(transparent))]
pub struct CasCount(Word);

super::constructors!(CasCount);

impl Sealed for CasCount {}

impl Count for CasCount {
    const STRAGGLES: bool = false;
    const DEAD: u64 = NO_REF;

    fn dead() -> Self {
        Self(Word::new(NO_REF))
    }

    #[inline]
    fn word(&self) -> &Word {
        &self.0
    }

    #[inline]
    fn try_get(&self, wanted: impl Wanted) -> Got {
        loop {
            at!("get_load");
            // ORDERING: Relaxed; only the compare-exchange below decides.
            let seen = self.0.0.load(Ordering::Relaxed);
            local!(seen = refs(seen), sgen = generation(seen));
            let counted = if wanted.counts(seen) {
                seen.wrapping_add(REF)
            } else if !wanted.meant(seen) {
                return wanted.missed(seen);
            } else if zone(seen) < 0 {
                return Word::not_alive(seen);
            } else {
                Word::full(seen)
            };
            at!("get_cas");
            // ORDERING: Acquire pairs with the Release of `init`: the object's fields, and the order of
            // the caller's second look at the pointer.
            let got =
                self.0.0.compare_exchange(seen, counted, Ordering::Acquire, Ordering::Relaxed);
            if got.is_ok() {
                return Got::Counted;
            }
        }
    }

    #[inline]
    fn give_back(&self) -> Given {
        at!("put");
        // ORDERING: Release pairs with the Acquire fence of the last put: every use before the release.
        let before = self.0.0.fetch_sub(REF, Ordering::Release);
        let after = before.wrapping_sub(REF);
        if zone(after) >= 0 {
            return Given::Shared;
        }
        if after >> 32 == NO_REF >> 32 {
            // ORDERING: Acquire pairs with the Release of the other puts.
            fence(Ordering::Acquire);
            return Given::Last;
        }
        self.0.saturate(before, after, Self::DEAD);
        Given::Shared
    }

    #[inline]
    fn put_close(&self) -> bool {
        self.put()
    }
}
