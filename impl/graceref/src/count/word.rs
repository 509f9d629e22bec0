//! The word of both counts: how many references, to which object, and whether it may be found.

use super::{Got, Wanted};
use crate::sync::{AtomicU64, Ordering, fence};
use crate::{at, local};

/// One word of an object's memory.
///
/// ```text
/// 63 .................................... 32  31   30 ......... 0
///  references - 1: 0x00000000 ... alive       live  generation
///                  0x80000000 ... saturated: leaked, never freed
///                  0xC0000000 ... dead; the last put leaves 0xFFFFFFFF
/// ```
#[derive(Debug)]
#[cfg_attr(not(any(graceref_loom, graceref_shuttle)), repr(transparent))]
pub struct Word(pub(super) AtomicU64);

/// One reference.
pub(super) const REF: u64 = 1 << 32;
/// The object may be found. Memory of zeros is not.
pub(super) const LIVE: u64 = 1 << 31;
const GENERATION: u64 = if cfg!(any(graceref_loom, graceref_shuttle)) { 7 } else { LIVE - 1 };
/// As many generations as a slot can have: two numbers stay, for "none yet" and for a place that was given back
/// unused after the last.
#[allow(clippy::cast_possible_truncation)] // 31 bits
pub(crate) const GENERATIONS: u32 = GENERATION as u32 - 1;
/// The part of the word that says which object it is, and whether it may be found.
pub(super) const OBJECT: u64 = LIVE | (LIVE - 1);
/// The middle of the saturated zone: as many gets or puts as there can be threads lead out of it in neither direction.
const SATURATED: u64 = 0xA000_0000 << 32;
/// As many references, less one, as there can be.
pub(super) const MOST: u64 = 0x7FFF_FFFF << 32;
/// No reference: what the last put leaves.
pub(super) const NO_REF: u64 = 0xFFFF_FFFF << 32;
/// The middle of the dead zone: as many gets as there can be threads do not lead out of it.
pub(super) const KILLED: u64 = 0xE000_0000 << 32;

/// The word as zones: negative where it does not count.
#[inline]
pub(super) const fn zone(word: u64) -> i64 {
    word.cast_signed()
}

/// Whether nothing more is counted, and nothing is released.
#[inline]
pub(super) const fn saturated(word: u64) -> bool {
    zone(word) < zone(0xC000_0000 << 32)
}

/// Whether one who has no reference may have one: alive, or saturated.
#[inline]
pub(super) const fn alive(word: u64) -> bool {
    zone(word) >= 0 || saturated(word)
}

#[inline]
#[allow(clippy::cast_possible_truncation)] // 31 bits
pub(super) const fn generation(word: u64) -> u32 {
    (word & GENERATION) as u32
}

/// The number of references, for the specs; not above zero where there are none, and near -8 where that is for good.
#[inline]
pub(super) const fn refs(word: u64) -> i64 {
    let refs = (zone(word) >> 32) + 1;
    let killed = (zone(KILLED) >> 32) + 1;
    if !saturated(word) && refs < killed / 2 { refs - killed - 8 } else { refs }
}

/// Whatever object is there.
#[derive(Clone, Copy)]
pub(crate) struct Any;

impl Wanted for Any {
    #[inline]
    fn meant(self, word: u64) -> bool {
        word & LIVE != 0
    }

    #[inline]
    fn missed(self, word: u64) -> Got {
        if alive(word) { Got::Removed } else { Got::Nothing }
    }
}

/// The object of this generation.
#[derive(Clone, Copy)]
pub(crate) struct OfGeneration(pub(crate) u32);

impl OfGeneration {
    /// The object's part of the word. A number beyond 31 bits, which anybody can make up, is no word's: the sum is
    /// beyond 32.
    #[inline]
    const fn object(self) -> u64 {
        LIVE + self.0 as u64
    }
}

impl Wanted for OfGeneration {
    #[inline]
    fn meant(self, word: u64) -> bool {
        word & OBJECT == self.object()
    }
}

impl Word {
    #[cfg(not(any(graceref_loom, graceref_shuttle)))]
    pub(super) const fn new(word: u64) -> Self {
        Self(AtomicU64::new(word))
    }

    #[cfg(any(graceref_loom, graceref_shuttle))]
    pub(super) fn new(word: u64) -> Self {
        Self(AtomicU64::new(word))
    }

    /// Another reference for one who has one. `dead` is the zone of a dead word.
    #[inline]
    pub(super) fn get(&self, dead: u64) {
        at!("get");
        // ORDERING: Relaxed; the caller's own reference keeps the object, and its put publishes the uses.
        let before = self.0.fetch_add(REF, Ordering::Relaxed);
        let after = before.wrapping_add(REF);
        // Too many, or none before this one.
        if zone(after) < zone(REF) {
            self.saturate(before, after, dead);
        }
    }

    /// Brings a count with too many references, or one that was misused, to the middle of a zone where it stays.
    #[cold]
    #[inline(never)]
    pub(super) fn saturate(&self, before: u64, after: u64, dead: u64) {
        at!("saturate");
        // What was killed, or is about to be, stays so.
        let zone = if alive(before) || dead == NO_REF { SATURATED } else { dead };
        let to = (before & OBJECT) | zone;
        // ORDERING: Relaxed; a saturated object is never released, so nothing follows from reading this. If it fails,
        // another get or put saw the same and tries after it.
        let _ = self.0.compare_exchange(after, to, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// What a get makes of a count that is not alive: saturated is as good as counted.
    #[cold]
    #[inline(never)]
    pub(super) fn not_alive(word: u64) -> Got {
        if saturated(word) {
            // ORDERING: Acquire pairs with the Release of `init`: the object's fields.
            fence(Ordering::Acquire);
            Got::Counted
        } else {
            Got::Nothing
        }
    }

    /// What comes of a word at its limit when one more gets a reference.
    pub(super) const fn full(word: u64) -> u64 {
        (word & OBJECT) | SATURATED
    }

    /// A new object in this word's memory. The caller owns the dead word.
    #[inline]
    pub(super) fn init(&self) {
        // ORDERING: Relaxed; the caller owns the dead word.
        let before = self.0.load_settled(Ordering::Relaxed);
        at!("init");
        // ORDERING: Release pairs with the Acquire of the gets: whoever gets sees the whole object.
        self.0.store_racing((before.wrapping_add(1) & GENERATION) | LIVE, Ordering::Release);
    }

    /// For the owner of a dead word: a generation that no object will have. `dead` is the zone it is left in.
    pub(super) fn skip(&self, dead: u64) {
        // ORDERING: Relaxed; the caller owns the dead word.
        let before = self.0.load_settled(Ordering::Relaxed);
        let one = u64::from(!crate::sync::mutant("key.no_skip"));
        at!("skip");
        // ORDERING: Relaxed; there is no object to publish.
        self.0.store_racing((before.wrapping_add(one) & GENERATION) | dead, Ordering::Relaxed);
    }

    /// Makes the word of memory that never held an object ready for its first: dead, and before this generation.
    pub(super) fn prepare(&self, generation: u32, dead: u64) {
        at!("prepare");
        // ORDERING: Relaxed; `init` comes before anybody gets here.
        self.0.store_racing((u64::from(generation) & GENERATION) | dead, Ordering::Relaxed);
    }

    /// For the owner of a dead word: how many generations there were after this one.
    #[inline]
    pub(crate) fn since(&self, origin: u32) -> u32 {
        // ORDERING: Relaxed; the caller owns the dead word.
        let now = self.0.load_settled(Ordering::Relaxed);
        generation(now.wrapping_sub(u64::from(origin)))
    }

    /// For the owner of a dead word: whether this many generations after the origin are used up.
    #[inline]
    pub(crate) fn spent(&self, origin: u32, generations: u32) -> bool {
        self.since(origin) >= generations && !crate::sync::mutant("key.never_retire")
    }

    /// For the owner of a reference: if it is the only one, the count is dead from now on, until [`init`](Self::init).
    /// `false`, and nothing done, if there are others.
    pub(crate) fn claim(&self) -> bool {
        at!("claim_load");
        // ORDERING: Relaxed; only the compare-exchange below decides.
        let seen = self.0.load(Ordering::Relaxed);
        local!(seen = refs(seen));
        if seen >> 32 != 0 {
            return false;
        }
        if crate::sync::mutant("shrink.no_claim") {
            return true;
        }
        at!("claim");
        // ORDERING: Acquire pairs with the Release of the puts: what the others did with their references. Where it fails
        // somebody has got one meanwhile.
        self.0
            .compare_exchange(seen, seen.wrapping_sub(REF), Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// Whether this generation's object may be found now. Acquire: a positive answer comes with the object's fields.
    #[inline]
    pub(crate) fn is_generation(&self, wanted: u32) -> bool {
        at!("peek");
        // ORDERING: Acquire pairs with the Release of `init`: the object's fields.
        let seen = self.0.load(Ordering::Acquire);
        let meant = OfGeneration(wanted).meant(seen);
        (meant || (crate::sync::mutant("rcupool.any_generation") && seen & LIVE != 0))
            && alive(seen)
    }

    /// Lets the object be found no more, if it is `wanted`; whether it was this call's doing. What has no reference
    /// but is not dead yet, and may be revived, is an object too.
    #[inline]
    pub(super) fn remove(&self, wanted: impl Wanted, dead: u64) -> bool {
        let dying = |word| {
            dead != NO_REF
                && word >> 32 == NO_REF >> 32
                && !crate::sync::mutant("file_ref.pass_over_the_dying")
        };
        loop {
            at!("remove_load");
            // ORDERING: Relaxed; only the compare-exchange below decides.
            let seen = self.0.load(Ordering::Relaxed);
            local!(seen = refs(seen), sgen = generation(seen));
            if !wanted.meant(seen) || !(alive(seen) || dying(seen)) {
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

    /// Whether the object may be found, for whoever has a reference.
    #[cfg(any(feature = "std", graceref_loom, graceref_shuttle))] // for tables
    pub(crate) fn is_live(&self) -> bool {
        at!("live_look");
        // ORDERING: Relaxed; the answer may be old as soon as it is given.
        self.0.load(Ordering::Relaxed) & LIVE != 0
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

    pub(super) fn refs(&self) -> u64 {
        let word = self.0.raw_load();
        // Zeros are memory that never held an object.
        if word == 0 || !alive(word) { 0 } else { (word >> 32) + 1 }
    }

    #[inline]
    pub(super) fn raw(&self) -> u64 {
        self.0.raw_load()
    }

    pub(super) fn raw_refs(&self) -> i64 {
        refs(self.0.raw_load())
    }
}
