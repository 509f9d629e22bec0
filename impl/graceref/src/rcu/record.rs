//! A thread's word in a domain, and the list of them.
//!
//! ```text
//! state   0            outside
//!         n            inside, since the domain's counter was n
//! owner   FREE         nobody's: the next thread that comes takes it
//!         ORPHAN       its domain is gone; the owner frees it
//!         e + 1        a thread's, in the process that is e forks away from the first
//! ```

use super::fork;
use crate::sync::{AtomicPtr, AtomicU64, Ordering, asym, mutant};
use crate::{at, site};
use alloc::boxed::Box;
use core::cell::Cell;
use core::ptr::{self, NonNull};

const FREE: u64 = 0;
const ORPHAN: u64 = u64::MAX;

/// One thread in one domain. The first half of its line is its readers' path; nobody else writes there.
#[repr(align(128))]
#[cfg_attr(any(graceref_loom, graceref_shuttle), allow(dead_code))] // The engines' threads do not end.
pub(super) struct Record {
    state: AtomicU64,
    /// How many guards the owner has beside the first. The owner's alone, as are the cells below.
    nesting: Cell<u64>,
    /// Whether the last guard gives the record back: the thread is past its destructors.
    pub(super) transient: Cell<bool>,
    /// So many guards are dropped before the owner looks again for work that is pending.
    pub(super) skip: Cell<u32>,
    /// The domain's name, and the owner's next record.
    pub(super) domain: Cell<u64>,
    pub(super) next_mine: Cell<*const Record>,
    owner: AtomicU64,
    /// The next in the domain; written before the record is in the list, and never again.
    next: AtomicPtr<Record>,
}

// SAFETY: atomics, and cells that only the owner touches (Rcu!TypeOK).
unsafe impl Sync for Record {}

#[cfg_attr(any(graceref_loom, graceref_shuttle), allow(dead_code))] // The engines' threads do not end.
impl Record {
    fn new(domain: u64) -> Self {
        Self {
            state: AtomicU64::new(0),
            nesting: Cell::new(0),
            transient: Cell::new(false),
            skip: Cell::new(0),
            domain: Cell::new(domain),
            next_mine: Cell::new(ptr::null()),
            owner: AtomicU64::new(fork::epoch() + 1),
            next: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// The owner enters; `counter` is the domain's.
    #[inline]
    pub(super) fn enter(&self, counter: &AtomicU64) {
        // By the state: a count of all guards would have each section's stores wait for those before.
        if self.inside() {
            self.nesting.set(self.nesting.get() + 1);
        } else {
            at!("count");
            // ORDERING: Relaxed; if the value is that of a grace period that has begun, the heavy fence before it comes
            // before the light one below, which orders all that follows.
            let now = counter.load(Ordering::Relaxed);
            crate::local!(stamp = now);
            at!("enter");
            // ORDERING: Release pairs with the Acquire of `blocks`: who sees this stamp instead of the nought before it
            // has what the section before read.
            asym::store(&self.state, now, Ordering::Release);
            // ORDERING: light, pairs with the heavy fence that begins a grace period.
            asym::light();
        }
    }

    /// The owner leaves; whether it is outside now.
    #[inline]
    pub(super) fn leave(&self) -> bool {
        let nesting = self.nesting.get();
        if nesting > 0 {
            self.nesting.set(nesting - 1);
        } else {
            at!("leave");
            // ORDERING: Release pairs with the Acquire of `blocks`: the section's reads come before what follows the
            // grace period.
            asym::store(&self.state, 0, Ordering::Release);
        }
        nesting == 0
    }

    /// Whether the owner is inside.
    #[inline]
    pub(super) fn inside(&self) -> bool {
        asym::own(&self.state) != 0
    }

    /// The next in the domain.
    fn next(&self) -> *mut Self {
        // ORDERING: Relaxed; whoever found this record has acquired those behind it.
        self.next.load(Ordering::Relaxed)
    }

    /// Whether this record holds back the grace period that has this number.
    fn blocks(&self, period: u64) -> bool {
        at!("look");
        // ORDERING: Acquire pairs with the Release of `leave` and `enter`.
        let state = self.state.load(Ordering::Acquire);
        state != 0 && state < period && !self.is_gone()
    }

    /// Whether the owner was a thread of the process that this one was forked from.
    #[cold]
    fn is_gone(&self) -> bool {
        if !fork::POSSIBLE {
            return false;
        }
        // ORDERING: Relaxed; no thread that could tell more is left.
        let owner = self.owner.load(Ordering::Relaxed);
        owner != FREE && owner != ORPHAN && owner != fork::epoch() + 1
    }

    /// In the child of a fork: the owner is the thread that forked.
    pub(super) fn survive(&self) {
        // ORDERING: Relaxed; one thread.
        if self.owner.load(Ordering::Relaxed) != ORPHAN {
            // ORDERING: Relaxed, likewise.
            self.owner.store_racing(fork::epoch() + 1, Ordering::Relaxed);
        }
    }

    /// Whether the domain is gone.
    pub(super) fn is_orphan(&self) -> bool {
        // ORDERING: Relaxed; what follows is a give_back, which acquires.
        self.owner.load(Ordering::Relaxed) == ORPHAN
    }

    /// The owner has no more use for the record.
    ///
    /// # Safety
    /// By the owner, outside; the record may not be touched afterwards.
    pub(super) unsafe fn give_back(this: NonNull<Self>) {
        // SAFETY: the owner's, so it is memory (Rcu!TypeOK).
        let record = unsafe { this.as_ref() };
        record.transient.set(false);
        // ORDERING: Release pairs with the Acquire of the next owner's claim, and of the domain's end; Acquire with
        // the Release of that end.
        if record.owner.swap(FREE, Ordering::AcqRel) == ORPHAN {
            // SAFETY: the domain has left it to its owner (Rcu!TypeOK).
            drop(unsafe { Box::from_raw(this.as_ptr()) });
        }
    }
}

/// All records of a domain, the newest first. Grows only.
pub(super) struct Records {
    head: AtomicPtr<Record>,
}

crate::rcu::const_if_plain! {
    impl Records {
        /// None.
        pub(super) fn new() -> Self {
            Self { head: AtomicPtr::new(ptr::null_mut()) }
        }
    }
}

impl Records {
    /// A record for the calling thread. Allocates if none is free.
    pub(super) fn claim(&self, domain: u64) -> NonNull<Record> {
        let mine = fork::epoch() + 1;
        site!("list");
        // ORDERING: Acquire pairs with the Release of the push.
        let mut next = self.head.load(Ordering::Acquire);
        while let Some(this) = NonNull::new(next) {
            // SAFETY: in the list, so it lives as long as the domain (Rcu!TypeOK).
            let record = unsafe { this.as_ref() };
            site!("owner");
            // ORDERING: Relaxed; the compare-exchange below decides.
            let owner = record.owner.load(Ordering::Relaxed);
            if owner == FREE || record.is_gone() {
                site!("claim");
                // ORDERING: Acquire pairs with the Release of `give_back`.
                let claimed = record.owner.compare_exchange(
                    owner,
                    mine,
                    Ordering::Acquire,
                    Ordering::Relaxed,
                );
                if claimed.is_ok() {
                    record.reset();
                    return this;
                }
            }
            site!("behind");
            next = record.next();
        }
        let this = NonNull::from(Box::leak(Box::new(Record::new(domain))));
        // SAFETY: just made (Rcu!TypeOK).
        let record = unsafe { this.as_ref() };
        site!("head");
        // ORDERING: Relaxed; the compare-exchange below publishes.
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            site!("link");
            // ORDERING: Relaxed; published by the compare-exchange below.
            record.next.store(head, Ordering::Relaxed);
            site!("push");
            // ORDERING: Release pairs with the Acquire of whoever walks the list. Release suffices for the records
            // behind this one too: theirs was a read-modify-write of the same word.
            let pushed = self.head.compare_exchange(
                head,
                this.as_ptr(),
                Ordering::Release,
                Ordering::Relaxed,
            );
            match pushed {
                Ok(_) => return this,
                Err(seen) => head = seen,
            }
        }
    }

    /// Whether anybody holds back the grace period that has this number. One load, and one for each record.
    pub(super) fn block(&self, period: u64) -> bool {
        at!("head");
        // ORDERING: Acquire pairs with the Release of the push.
        let mut next = self.head.load(Ordering::Acquire);
        let mut nth = 1;
        crate::local!(nth = nth);
        // SAFETY: in the list, so it lives as long as the domain (Rcu!TypeOK).
        while let Some(record) = unsafe { next.as_ref() } {
            if record.blocks(period) {
                return true;
            }
            if mutant("rcu.first") {
                return false;
            }
            at!("next");
            next = record.next();
            if !next.is_null() {
                nth += 1;
                crate::local!(nth = nth);
            }
        }
        false
    }

    /// The number of records, for observers.
    pub(super) fn len(&self) -> usize {
        let mut next = self.head.raw_load();
        let mut n = 0;
        // SAFETY: as above (Rcu!TypeOK).
        while let Some(record) = unsafe { next.as_ref() } {
            n += 1;
            next = record.next.raw_load();
        }
        n
    }

    /// Each record's state, the newest record first, for observers outside the model.
    #[cfg(any(graceref_loom, graceref_shuttle))]
    pub(super) fn raw_states(&self) -> alloc::vec::Vec<u64> {
        let mut next = self.head.raw_load();
        let mut states = alloc::vec::Vec::new();
        // SAFETY: as above (Rcu!TypeOK).
        while let Some(record) = unsafe { next.as_ref() } {
            states.push(record.state.raw_load());
            next = record.next.raw_load();
        }
        states
    }
}

impl Record {
    fn reset(&self) {
        if self.inside() {
            // Only where its owner was lost in a fork.
            self.nesting.set(0);
            // ORDERING: Relaxed; the record's new owner is outside.
            self.state.store(0, Ordering::Relaxed);
        }
        self.transient.set(false);
        self.skip.set(0);
        self.next_mine.set(ptr::null());
    }
}

impl Drop for Records {
    fn drop(&mut self) {
        let mut next = self.head.raw_load();
        while let Some(this) = NonNull::new(next) {
            // SAFETY: not freed yet: the domain has not given it up (Rcu!TypeOK).
            let record = unsafe { this.as_ref() };
            next = record.next.raw_load();
            let gone = record.is_gone();
            // ORDERING: Acquire and Release pair with those of `give_back`: of the owner and the domain, the second
            // frees.
            if record.owner.swap(ORPHAN, Ordering::AcqRel) == FREE || gone {
                // SAFETY: nobody owns it, and the list goes with the domain (Rcu!TypeOK).
                drop(unsafe { Box::from_raw(this.as_ptr()) });
            }
        }
    }
}
