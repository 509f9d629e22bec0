//! The dead zone, as Linux's `file_ref_t` has it: a get is one unconditional add.

use super::{Count, Given, Got, sealed::Sealed};
use crate::at;
use crate::sync::{AtomicU64, Ordering};

/// References counted from zero, with a dead zone so wide that failed gets cannot climb out of it.
///
/// ```text
/// 0000... (1 ref)  ...  7FFF...   8000... ... A000... ... BFFF...   C000... ... E000... ... FFFF...
/// valid: references - 1           saturated: leaked                 dead          DEAD        NOREF
/// ```
///
/// The put that brings the word below zero finds NOREF and tries to kill it (compare-exchange to DEAD). A get that
/// comes between makes that fail, and the reference so won is as good as any: the object lives on. 2^61 failed gets
/// in a row would be needed to climb from DEAD to a valid count.
///
/// In type-stable memory the thread whose kill succeeds may have dropped an *earlier* object's reference: it
/// stalls between the two steps, the word goes round once, and its compare-exchange kills, and releases, the next
/// object, whose own last put then fails. Every object is still released once, after its count was gone.
///
/// ```
/// use graceref::{Count, FileRefCount};
/// let count = FileRefCount::new();
/// assert!(count.get_active());
/// assert!(!count.put());
/// assert!(count.put());         // the last: release the object
/// assert!(!count.get_active()); // dead for good
/// ```
#[derive(Debug)]
#[cfg_attr(not(any(graceref_loom, graceref_shuttle)), repr(transparent))]
pub struct FileRefCount(AtomicU64);

const ONE_REF: u64 = 0;
const VALID_MAX: u64 = 0x7FFF_FFFF_FFFF_FFFF;
const SATURATED: u64 = 0xA000_0000_0000_0000;
const RELEASED: u64 = 0xC000_0000_0000_0000;
const DEAD: u64 = 0xE000_0000_0000_0000;
const NO_REF: u64 = 0xFFFF_FFFF_FFFF_FFFF;

#[cfg(not(any(graceref_loom, graceref_shuttle)))]
impl FileRefCount {
    /// A live count with one reference.
    pub const fn new() -> Self {
        Self(AtomicU64::new(ONE_REF))
    }
}

#[cfg(any(graceref_loom, graceref_shuttle))]
impl FileRefCount {
    /// A live count with one reference.
    pub fn new() -> Self {
        Self(AtomicU64::new(ONE_REF))
    }
}

impl Default for FileRefCount {
    fn default() -> Self {
        Self::new()
    }
}

impl FileRefCount {
    /// The put that left the word at `after`, outside the valid zone.
    #[cold]
    fn put_slow(&self, after: u64) -> Given {
        if after == NO_REF {
            at!("kill");
            // ORDERING: Acquire pairs with the Release of the puts; on failure somebody else owns the release.
            let killed =
                self.0.compare_exchange(NO_REF, DEAD, Ordering::Acquire, Ordering::Relaxed);
            return if killed.is_ok() { Given::Last } else { Given::Straggled };
        }
        at!("put_misuse");
        let to = if after >= RELEASED { DEAD } else { SATURATED };
        // ORDERING: Relaxed; more puts than gets, or a leaked object: nothing is released after this.
        self.0.store_racing(to, Ordering::Relaxed);
        Given::Shared
    }

    /// A count with this word.
    #[doc(hidden)]
    pub fn from_raw_word(word: u64) -> Self {
        Self(AtomicU64::new(word))
    }
}

impl Sealed for FileRefCount {}

impl Count for FileRefCount {
    const STRAGGLES: bool = true;
    const ZEROED_IS_NOTHING: bool = false;
    const KEYED: bool = false;

    // All of the word is zones: it has no room for generations.
    fn prepare(&self, _: u32) {}

    fn skip(&self) {}

    fn refuse(&self) {}

    fn spent(&self, _: u32, _: u32) -> bool {
        false
    }

    fn dead() -> Self {
        Self(AtomicU64::new(DEAD))
    }

    #[inline]
    fn get(&self) {
        at!("get");
        // ORDERING: Relaxed; the caller's own reference keeps the object, and its put publishes the uses.
        let before = self.0.fetch_add(1, Ordering::Relaxed);
        if before >= VALID_MAX {
            at!("saturate");
            let to = if before >= RELEASED { DEAD } else { SATURATED };
            // ORDERING: Relaxed; a saturated object is never released.
            self.0.store_racing(to, Ordering::Relaxed);
        }
    }

    #[inline]
    fn get_active(&self) -> bool {
        self.try_get() != Got::Nothing
    }

    #[inline]
    fn try_get(&self) -> Got {
        at!("get");
        // ORDERING: Acquire pairs with the Release of `init`: the object's fields, and the order of the
        // caller's second look at the pointer.
        let before = self.0.fetch_add(1, Ordering::Acquire);
        if before == NO_REF {
            // Now it is one reference: its put has not killed it yet, and now fails to.
            Got::Revived
        } else if before < VALID_MAX {
            Got::Counted
        } else {
            Got::Nothing
        }
    }

    #[inline]
    fn put(&self) -> bool {
        self.give_back() == Given::Last
    }

    #[inline]
    fn give_back(&self) -> Given {
        at!("put");
        // ORDERING: Release pairs with the Acquire of the kill: every use before the release.
        let before = self.0.fetch_sub(1, Ordering::Release);
        let after = before.wrapping_sub(1);
        if after <= VALID_MAX {
            return Given::Shared;
        }
        self.put_slow(after)
    }

    #[inline]
    fn put_close(&self) -> bool {
        at!("close");
        // ORDERING: Acquire pairs with the Release of the other puts; on failure `put` has its own.
        let killed = self.0.compare_exchange(ONE_REF, DEAD, Ordering::Acquire, Ordering::Relaxed);
        killed.is_ok() || self.put()
    }

    #[inline]
    fn init(&self) {
        at!("init");
        // ORDERING: Release pairs with the Acquire of `get_active`: whoever gets sees the whole object.
        self.0.store_racing(ONE_REF, Ordering::Release);
    }

    fn raw_word(&self) -> u64 {
        self.0.raw_load()
    }

    fn raw_refs(&self) -> i64 {
        self.0.raw_load().cast_signed()
    }

    fn refs(&self) -> u64 {
        let word = self.0.raw_load();
        if word >= RELEASED { 0 } else { word + 1 }
    }
}
