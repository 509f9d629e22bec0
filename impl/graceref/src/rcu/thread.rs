//! Which records are the calling thread's, and which batches it is running.

use super::Domain;
use super::queue::{Batch, Hand};
use super::record::Record;
use core::ptr::NonNull;

#[cfg(not(any(graceref_loom, graceref_shuttle)))]
pub(super) use plain::*;

#[cfg(not(any(graceref_loom, graceref_shuttle)))]
mod plain {
    use super::{Batch, Domain, Hand, NonNull, Record};
    use crate::rcu::{asym, fork};
    use core::cell::Cell;
    use core::ptr;
    use std::thread_local;

    /// No domain has this name.
    const NOBODY: u64 = u64::MAX;

    thread_local! {
        /// The domain used last and the record there, which is one of `MINE`.
        static LAST: Cell<(u64, *const Record)> = const { Cell::new((NOBODY, ptr::null())) };
        /// All of the thread's records, linked by `next_mine`.
        static MINE: Cell<*const Record> = const { Cell::new(ptr::null()) };
        /// The innermost of the batches that the thread is running. These have no destructor: they can be used to the end.
        static HANDS: Cell<*const Hand> = const { Cell::new(ptr::null()) };
        static EXIT: Exit = const { Exit };
    }

    struct Exit;

    impl Drop for Exit {
        fn drop(&mut self) {
            give_back_where(|record| {
                // A guard in another thread-local: it gives the record back when it goes.
                record.transient.set(record.inside());
                !record.inside()
            });
        }
    }

    /// Gives back the thread's records that are chosen: they are outside, or their domain is gone.
    fn give_back_where(chosen: impl Fn(&Record) -> bool) {
        let (_, last) = LAST.get();
        let mut kept = ptr::null();
        let mut next = MINE.replace(ptr::null());
        while let Some(this) = NonNull::new(next.cast_mut()) {
            // SAFETY: the thread's until it is given back (Rcu!TypeOK).
            let record = unsafe { this.as_ref() };
            next = record.next_mine.get();
            if chosen(record) {
                if ptr::eq(last, this.as_ptr()) {
                    LAST.set((NOBODY, ptr::null()));
                }
                // SAFETY: out of both of the thread's places, and no guard is left that could be dropped (Rcu!TypeOK).
                unsafe { Record::give_back(this) };
            } else {
                record.next_mine.set(kept);
                kept = record;
            }
        }
        MINE.set(kept);
    }

    /// The thread's record in the domain, which gets one if need be.
    #[inline]
    pub(in crate::rcu) fn record(domain: &Domain) -> NonNull<Record> {
        let (id, record) = LAST.get();
        if id == domain.id() {
            // SAFETY: names are not used twice, so the record is this domain's, which lives (Rcu!TypeOK).
            unsafe { NonNull::new_unchecked(record.cast_mut()) }
        } else {
            find_or_claim(domain)
        }
    }

    /// The thread's record in the domain, if it has one.
    pub(in crate::rcu) fn existing(domain: &Domain) -> Option<&Record> {
        let (id, last) = LAST.get();
        let mut next = if id == domain.id() { last } else { MINE.get() };
        // SAFETY: the thread's records are memory (Rcu!TypeOK).
        while let Some(record) = unsafe { next.as_ref() } {
            if record.domain.get() == domain.id() {
                return Some(record);
            }
            next = record.next_mine.get();
        }
        None
    }

    #[cold]
    #[inline(never)]
    fn find_or_claim(domain: &Domain) -> NonNull<Record> {
        if let Some(record) = existing(domain) {
            LAST.set((domain.id(), record));
            return NonNull::from(record);
        }
        fork::watch();
        // The fences decide before the first reader relies on it; not needed for safety, and spares it full fences.
        asym::kind();
        // In domains that are gone, where no guard is left that could be dropped.
        give_back_where(Record::is_orphan);
        let this = domain.claim();
        // SAFETY: just claimed (Rcu!TypeOK).
        let record = unsafe { this.as_ref() };
        record.transient.set(EXIT.try_with(|_| ()).is_err());
        record.next_mine.set(MINE.replace(record));
        LAST.set((domain.id(), record));
        this
    }

    /// Gives a transient record back after its last guard.
    ///
    /// # Safety
    /// The calling thread's, outside; not to be touched afterwards.
    pub(in crate::rcu) unsafe fn give_back(this: NonNull<Record>) {
        give_back_where(|record| ptr::eq(record, this.as_ptr()));
    }

    /// In the child of a fork: the calling thread is the one that is left.
    #[cfg(target_os = "linux")]
    #[cfg_attr(miri, allow(dead_code))]
    pub(in crate::rcu) fn survive() {
        let mut next = MINE.get();
        // SAFETY: the thread's records are memory (Rcu!TypeOK).
        while let Some(record) = unsafe { next.as_ref() } {
            record.survive();
            next = record.next_mine.get();
        }
        let mut next = HANDS.get();
        // SAFETY: further down the thread's stack (Rcu!TypeOK).
        while let Some(hand) = unsafe { next.as_ref() } {
            hand.survive();
            next = hand.outer.get();
        }
    }

    /// Runs the batch that the hand has taken.
    pub(in crate::rcu) fn run(batch: Batch, hand: &Hand) {
        hand.outer.set(HANDS.replace(hand));
        batch.run();
        HANDS.set(hand.outer.get());
    }

    /// What no other thread that lives at the same time has.
    pub(in crate::rcu) fn token() -> usize {
        LAST.with(|last| ptr::from_ref(last).addr())
    }
}

#[cfg(any(graceref_loom, graceref_shuttle))]
pub(super) use modelled::*;

/// The engines' threads are all one to the system: they are told apart by their role.
#[cfg(any(graceref_loom, graceref_shuttle))]
mod modelled {
    use super::{Batch, Domain, Hand, NonNull, Record};
    use crate::sync::model;

    pub(in crate::rcu) fn record(domain: &Domain) -> NonNull<Record> {
        domain.raw_register(token())
    }

    pub(in crate::rcu) fn existing(domain: &Domain) -> Option<&Record> {
        let found = domain.raw_find(token());
        // SAFETY: the domain's records live as long as it (Rcu!TypeOK).
        found.map(|this| unsafe { this.as_ref() })
    }

    pub(in crate::rcu) unsafe fn give_back(_: NonNull<Record>) {}

    pub(in crate::rcu) fn run(batch: Batch, _: &Hand) {
        batch.run();
    }

    pub(in crate::rcu) fn token() -> usize {
        model::current().map_or(0, |role| role + 1)
    }
}
