//! The dead zone, as Linux's `file_ref_t` has it: a get is one add.

use super::word::{KILLED, LIVE, NO_REF, OBJECT, REF, Word, alive, generation, refs, zone};
use super::{Count, Given, Got, Wanted, sealed::Sealed};
use crate::sync::Ordering;
use crate::{at, local};

/// References counted by an add, which may come too late: then it is into a zone of the dead, and counts for nothing.
///
/// ```text
/// 63 .................................... 32  31   30 ......... 0
///  references - 1: 0x00000000 ... alive       live  generation
///                  0x80000000 ... saturated: leaked, never freed
///                  0xC0000000 ... dead, 0xE0000000 for good
///                  0xFFFFFFFF     no reference, about to be killed
/// ```
///
/// The put that brings the word below zero tries to kill it (compare-exchange into the middle of the zone). A get
/// that comes between makes that fail, and the reference so won is as good as any: the object lives on. A get looks
/// before it adds, so that only as many adds come too late as there are threads, and one that finds nothing writes
/// nothing. If the object was exchanged for another one between the two, the reference is given back.
///
/// The kernel's `file_ref_t` has 64 bits of zones, and need not look. Half of ours are for the generation, which also
/// keeps a put that stalls between its two steps from killing the next object in the same memory.
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
pub struct FileRefCount(Word);

super::constructors!(FileRefCount);

impl FileRefCount {
    /// The add found something else than the look before it.
    #[cold]
    #[inline(never)]
    fn too_late(&self, before: u64, wanted: bool) -> Got {
        let after = before.wrapping_add(REF);
        if before >> 32 == NO_REF >> 32 {
            // Now it is one reference: its put has not killed it yet, and now fails to.
            return if wanted { Got::Revived } else { Got::Other { revived: true } };
        }
        if zone(before) >= 0 && zone(after) >= zone(REF) {
            return if wanted { Got::Counted } else { Got::Other { revived: false } };
        }
        if !alive(before) {
            return Got::Nothing;
        }
        // Saturated, or so by this very get: leaked, and nothing need be given back.
        self.0.saturate(before, after, Self::DEAD);
        if wanted { Got::Counted } else { Got::Nothing }
    }

    /// The object was removed while it was about to be killed. Perhaps it was revived and put before that too: then
    /// this is that put's kill, and that put straggles.
    #[cold]
    #[inline(never)]
    fn kill_again(&self, now: u64) -> Given {
        at!("kill_again");
        let dead = KILLED | (now & OBJECT);
        // ORDERING: Acquire pairs with the Release of the puts, as above.
        let killed = self.0.0.compare_exchange(now, dead, Ordering::Acquire, Ordering::Relaxed);
        if killed.is_ok() { Given::Last } else { Given::Straggled }
    }

    /// The put left no reference, or was one too many.
    #[inline]
    fn kill(&self, before: u64, after: u64) -> Given {
        if after >> 32 == NO_REF >> 32 {
            local!(pgen = generation(after), plive = after & LIVE != 0);
            at!("kill");
            let dead = KILLED | (after & OBJECT);
            // ORDERING: Acquire pairs with the Release of the puts; on failure somebody else owns the release.
            let killed =
                self.0.0.compare_exchange(after, dead, Ordering::Acquire, Ordering::Relaxed);
            return match killed {
                Ok(_) => Given::Last,
                Err(now) if now == after & !LIVE => self.kill_again(now),
                Err(_) => Given::Straggled,
            };
        }
        self.0.saturate(before, after, Self::DEAD);
        Given::Shared
    }
}

impl Sealed for FileRefCount {}

impl Count for FileRefCount {
    const STRAGGLES: bool = true;
    const DEAD: u64 = KILLED;

    fn dead() -> Self {
        Self(Word::new(KILLED))
    }

    #[inline]
    fn word(&self) -> &Word {
        &self.0
    }

    #[inline]
    fn try_get(&self, wanted: impl Wanted) -> Got {
        at!("get_load");
        // ORDERING: Relaxed; the add below decides.
        let seen = self.0.0.load(Ordering::Relaxed);
        local!(seen = refs(seen), sgen = generation(seen));
        if !wanted.counts(seen) {
            if !wanted.meant(seen) {
                return wanted.missed(seen);
            }
            if zone(seen) < 0 {
                return Word::not_alive(seen);
            }
        }
        at!("get");
        // ORDERING: Acquire pairs with the Release of `init`: the object's fields, and the order of the
        // caller's second look at the pointer.
        let before = self.0.0.fetch_add(REF, Ordering::Acquire);
        if wanted.counts(before) {
            return Got::Counted;
        }
        let meant = wanted.meant(before) || crate::sync::mutant("file_ref.no_recheck");
        self.too_late(before, meant)
    }

    #[inline]
    fn give_back(&self) -> Given {
        at!("put");
        // ORDERING: Release pairs with the Acquire of the kill: every use before the release.
        let before = self.0.0.fetch_sub(REF, Ordering::Release);
        let after = before.wrapping_sub(REF);
        if zone(after) >= 0 {
            return Given::Shared;
        }
        self.kill(before, after)
    }

    #[inline]
    fn put_close(&self) -> bool {
        at!("close_look");
        // ORDERING: Relaxed; the compare-exchange below decides.
        let seen = self.0.0.load(Ordering::Relaxed);
        if seen >> 32 == 0 {
            at!("close");
            let dead = KILLED | (seen & OBJECT);
            // ORDERING: Acquire pairs with the Release of the other puts; on failure `put` has its own.
            let killed =
                self.0.0.compare_exchange(seen, dead, Ordering::Acquire, Ordering::Relaxed);
            if killed.is_ok() {
                return true;
            }
        }
        self.put()
    }
}
