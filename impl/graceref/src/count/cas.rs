//! Inc-not-zero by compare-exchange, as `atomic_long_inc_not_zero` does it.

use super::{Count, Given, Got, sealed::Sealed};
use crate::sync::{AtomicU64, Ordering, fence};
use crate::{at, local};

/// The number of references as a plain number, zero is dead, and only a compare-exchange gets past zero.
///
/// ```text
/// 0          1 ............ 2^62-1     2^62 ........ 2^63 ........ 2^64-1
/// dead       references                saturated: leaked, never freed
/// ```
///
/// A `get_active` on a dead count writes nothing. The idea is the kernel's `refcount_t` and `f_count`.
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
pub struct CasCount(AtomicU64);

/// From here on the count no longer counts.
const SATURATION: u64 = 1 << 62;
/// The middle of the saturated zone: as many gets or puts as there can be threads lead out of it in neither direction.
const SATURATED: u64 = 1 << 63;

#[cfg(not(any(graceref_loom, graceref_shuttle)))]
impl CasCount {
    /// A live count with one reference.
    pub const fn new() -> Self {
        Self(AtomicU64::new(1))
    }
}

#[cfg(any(graceref_loom, graceref_shuttle))]
impl CasCount {
    /// A live count with one reference.
    pub fn new() -> Self {
        Self(AtomicU64::new(1))
    }
}

impl Default for CasCount {
    fn default() -> Self {
        Self::new()
    }
}

impl CasCount {
    #[cold]
    fn saturate(&self) {
        at!("saturate");
        // ORDERING: Relaxed; a saturated object is never released, so nothing follows from reading this.
        self.0.store_racing(SATURATED, Ordering::Relaxed);
    }

    /// A count with this word.
    #[doc(hidden)]
    pub fn from_raw_word(word: u64) -> Self {
        Self(AtomicU64::new(word))
    }
}

impl Sealed for CasCount {}

impl Count for CasCount {
    const STRAGGLES: bool = false;

    fn dead() -> Self {
        Self(AtomicU64::new(0))
    }

    #[inline]
    fn try_get(&self) -> Got {
        if self.get_active() { Got::Counted } else { Got::Nothing }
    }

    #[inline]
    fn give_back(&self) -> Given {
        if self.put() { Given::Last } else { Given::Shared }
    }

    #[inline]
    fn get(&self) {
        at!("get");
        // ORDERING: Relaxed; the caller's own reference keeps the object, and its put publishes the uses.
        let before = self.0.fetch_add(1, Ordering::Relaxed);
        if before == 0 || before >= SATURATION {
            self.saturate();
        }
    }

    #[inline]
    fn get_active(&self) -> bool {
        loop {
            at!("get_load");
            // ORDERING: Relaxed; only the compare-exchange below decides.
            let seen = self.0.load(Ordering::Relaxed);
            local!(seen = seen);
            if seen == 0 {
                return false;
            }
            if seen >= SATURATION {
                return true;
            }
            at!("get_cas");
            // ORDERING: Acquire pairs with the Release of `init`: the object's fields, and the order of
            // the caller's second look at the pointer.
            if self.0.compare_exchange(seen, seen + 1, Ordering::Acquire, Ordering::Relaxed).is_ok()
            {
                return true;
            }
        }
    }

    #[inline]
    fn put(&self) -> bool {
        at!("put");
        // ORDERING: Release pairs with the Acquire fence of the last put: every use before the release.
        let before = self.0.fetch_sub(1, Ordering::Release);
        if before == 1 {
            // ORDERING: Acquire pairs with the Release of the other puts.
            fence(Ordering::Acquire);
            return true;
        }
        if before == 0 || before >= SATURATION {
            self.saturate();
        }
        false
    }

    #[inline]
    fn put_close(&self) -> bool {
        self.put()
    }

    #[inline]
    fn init(&self) {
        at!("init");
        // ORDERING: Release pairs with the Acquire of `get_active`: whoever gets sees the whole object.
        self.0.store_racing(1, Ordering::Release);
    }

    fn raw_word(&self) -> u64 {
        self.0.raw_load()
    }

    fn refs(&self) -> u64 {
        self.0.raw_load()
    }
}
