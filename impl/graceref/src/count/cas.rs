//! Inc-not-zero by compare-exchange, as `atomic_long_inc_not_zero` does it, with a generation beside the count.

use super::{Count, Given, Got, sealed::Sealed};
use crate::sync::{AtomicU64, Ordering, fence};
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
pub struct CasCount(AtomicU64);

/// One reference.
const REF: u64 = 1 << 32;
/// The object may be found. Memory of zeros is not.
const LIVE: u64 = 1 << 31;
const GENERATION: u64 = if cfg!(any(graceref_loom, graceref_shuttle)) { 7 } else { LIVE - 1 };
/// As many generations as a slot can have: two numbers stay, for "none yet" and for a place that was given back
/// unused after the last.
#[allow(clippy::cast_possible_truncation)] // 31 bits
pub(crate) const GENERATIONS: u32 = GENERATION as u32 - 1;
/// The part of the word that says which object it is, and whether it may be found.
const OBJECT: u64 = LIVE | (LIVE - 1);
/// The middle of the saturated zone: as many gets or puts as there can be threads lead out of it in neither direction.
const SATURATED: u64 = 0xA000_0000 << 32;
/// No reference.
const DEAD: u64 = 0xFFFF_FFFF << 32;

/// The word as zones: negative where it does not count.
#[inline]
const fn zone(word: u64) -> i64 {
    word.cast_signed()
}

/// Whether nothing more is counted, and nothing is released.
#[inline]
const fn saturated(word: u64) -> bool {
    zone(word) < zone(0xC000_0000 << 32)
}

#[inline]
#[allow(clippy::cast_possible_truncation)] // 31 bits
const fn generation(word: u64) -> u32 {
    (word & GENERATION) as u32
}

/// How the low half of the word of this generation's object reads while it may be found. A number beyond 31 bits,
/// which anybody can make up, is no word's: the sum is beyond 32.
#[inline]
const fn findable(generation: u32) -> u64 {
    LIVE + generation as u64
}

/// The number of references, for the spec; below zero where it does not count.
#[inline]
const fn refs(word: u64) -> i64 {
    (zone(word) >> 32) + 1
}

#[cfg(not(any(graceref_loom, graceref_shuttle)))]
impl CasCount {
    /// A live count with one reference.
    pub const fn new() -> Self {
        Self(AtomicU64::new(LIVE))
    }
}

#[cfg(any(graceref_loom, graceref_shuttle))]
impl CasCount {
    /// A live count with one reference.
    pub fn new() -> Self {
        Self(AtomicU64::new(LIVE))
    }
}

impl Default for CasCount {
    fn default() -> Self {
        Self::new()
    }
}

impl CasCount {
    /// Brings a count with too many references, or one that was misused, to where it stays.
    #[cold]
    fn saturate(&self, before: u64, after: u64) {
        at!("saturate");
        let to = (before & OBJECT) | SATURATED;
        // ORDERING: Relaxed; a saturated object is never released, so nothing follows from reading this. If it fails,
        // another get or put saw the same and tries after it.
        let _ = self.0.compare_exchange(after, to, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// A reference if the object is `wanted`, may be found, and is alive.
    #[inline]
    fn get_if(&self, wanted: impl Fn(u64) -> bool) -> bool {
        loop {
            at!("get_load");
            // ORDERING: Relaxed; only the compare-exchange below decides.
            let seen = self.0.load(Ordering::Relaxed);
            local!(seen = refs(seen), sgen = generation(seen));
            if !wanted(seen) {
                return false;
            }
            let counted = seen.wrapping_add(REF);
            // Dead, saturated, or about to be.
            let counted = if zone(counted) < zone(REF) {
                if zone(seen) < 0 {
                    // Saturated is as good as counted.
                    // ORDERING: Acquire pairs with the Release of `init`, as below.
                    fence(Ordering::Acquire);
                    return saturated(seen);
                }
                (seen & OBJECT) | SATURATED
            } else {
                counted
            };
            at!("get_cas");
            // ORDERING: Acquire pairs with the Release of `init`: the object's fields, and the order of
            // the caller's second look at the pointer.
            let got = self.0.compare_exchange(seen, counted, Ordering::Acquire, Ordering::Relaxed);
            if got.is_ok() {
                return true;
            }
        }
    }

    /// [`get_active`](Count::get_active) of this generation's object only.
    #[inline]
    pub(crate) fn get_generation(&self, wanted: u32) -> bool {
        if crate::sync::mutant("key.skip_generation") {
            return self.get_active();
        }
        self.get_if(|seen| seen & OBJECT == findable(wanted))
    }

    /// Whether this generation's object may be found now. Acquire: a positive answer comes with the object's fields.
    #[inline]
    pub(crate) fn is_generation(&self, wanted: u32) -> bool {
        at!("peek");
        // ORDERING: Acquire pairs with the Release of `init`: the object's fields.
        let seen = self.0.load(Ordering::Acquire);
        let meant = seen & OBJECT == findable(wanted);
        (meant || (crate::sync::mutant("rcupool.any_generation") && seen & LIVE != 0))
            && (zone(seen) >= 0 || saturated(seen))
    }

    /// Lets the object be found no more, if it is `wanted`; whether it was this call's doing.
    #[inline]
    fn remove_if(&self, wanted: impl Fn(u64) -> bool) -> bool {
        loop {
            at!("remove_load");
            // ORDERING: Relaxed; only the compare-exchange below decides.
            let seen = self.0.load(Ordering::Relaxed);
            local!(seen = refs(seen), sgen = generation(seen));
            if !wanted(seen) || (zone(seen) < 0 && !saturated(seen)) {
                return false;
            }
            at!("remove_cas");
            // ORDERING: Relaxed; the references that are left order the object's end.
            let removed =
                self.0.compare_exchange(seen, seen & !LIVE, Ordering::Relaxed, Ordering::Relaxed);
            if removed.is_ok() {
                return true;
            }
        }
    }

    /// Lets this generation's object be found no more.
    #[inline]
    pub(crate) fn remove_generation(&self, wanted: u32) -> bool {
        self.remove_if(|seen| seen & OBJECT == findable(wanted))
    }

    /// The same for whatever object is there.
    pub(crate) fn remove_any(&self) {
        self.remove_if(|seen| seen & LIVE != 0);
    }

    /// The generation of the object, for whoever has a reference or owns the dead word.
    #[inline]
    pub(crate) fn generation(&self) -> u32 {
        generation(self.0.raw_load())
    }

    /// The generation of the next object, for whoever owns the dead word.
    #[inline]
    pub(crate) fn next_generation(&self) -> u32 {
        generation(self.0.raw_load().wrapping_add(1))
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
    const ZEROED_IS_NOTHING: bool = true;
    const KEYED: bool = true;

    fn dead() -> Self {
        Self(AtomicU64::new(DEAD))
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
        let before = self.0.fetch_add(REF, Ordering::Relaxed);
        let after = before.wrapping_add(REF);
        // Too many, or none before this one.
        if zone(after) < zone(REF) {
            self.saturate(before, after);
        }
    }

    #[inline]
    fn get_active(&self) -> bool {
        self.get_if(|seen| seen & LIVE != 0)
    }

    #[inline]
    fn put(&self) -> bool {
        at!("put");
        // ORDERING: Release pairs with the Acquire fence of the last put: every use before the release.
        let before = self.0.fetch_sub(REF, Ordering::Release);
        let after = before.wrapping_sub(REF);
        if zone(after) >= 0 {
            return false;
        }
        if after >> 32 == DEAD >> 32 {
            // ORDERING: Acquire pairs with the Release of the other puts.
            fence(Ordering::Acquire);
            return true;
        }
        self.saturate(before, after);
        false
    }

    #[inline]
    fn put_close(&self) -> bool {
        self.put()
    }

    #[inline]
    fn init(&self) {
        // ORDERING: Relaxed; the caller owns the dead word.
        let before = self.0.load_settled(Ordering::Relaxed);
        at!("init");
        // ORDERING: Release pairs with the Acquire of `get_active`: whoever gets sees the whole object.
        self.0.store_racing((before.wrapping_add(1) & GENERATION) | LIVE, Ordering::Release);
    }

    fn skip(&self) {
        // ORDERING: Relaxed; the caller owns the dead word.
        let before = self.0.load_settled(Ordering::Relaxed);
        at!("skip");
        // ORDERING: Relaxed; there is no object to publish.
        self.0.store_racing((before.wrapping_add(1) & GENERATION) | DEAD, Ordering::Relaxed);
    }

    #[cold]
    fn refuse(&self) {
        self.remove_any();
    }

    fn prepare(&self, generation: u32) {
        at!("prepare");
        // ORDERING: Relaxed; `init` comes before anybody gets here.
        self.0.store_racing((u64::from(generation) & GENERATION) | DEAD, Ordering::Relaxed);
    }

    fn spent(&self, first: u32, generations: u32) -> bool {
        // ORDERING: Relaxed; the caller owns the dead word.
        let now = self.0.load_settled(Ordering::Relaxed);
        let used = (now & GENERATION).wrapping_sub(u64::from(first)) & GENERATION;
        used >= u64::from(generations) && !crate::sync::mutant("key.never_retire")
    }

    fn raw_word(&self) -> u64 {
        self.0.raw_load()
    }

    fn raw_generation(&self) -> u32 {
        self.generation()
    }

    fn raw_refs(&self) -> i64 {
        refs(self.0.raw_load())
    }

    fn refs(&self) -> u64 {
        let word = self.0.raw_load();
        // Zeros are memory that never held an object.
        if word == 0 || (zone(word) < 0 && !saturated(word)) { 0 } else { (word >> 32) + 1 }
    }
}
