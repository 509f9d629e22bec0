//! Deferred work: who runs it, and when the deferring thread has to help.

use super::queue::{Batch, Hand, Queue, Work};
use super::record::Record;
use super::{Domain, Snapshot, Wait, WouldDeadlock, thread};
use crate::site;
use crate::sync::Ordering;
use alloc::boxed::Box;
use core::ops::DerefMut;

impl Domain {
    /// So many closures wait at most, and one more for each thread that is deferring, unless readers defer: beyond it a
    /// thread that defers outside of a guard waits for a grace period first.
    pub const BACKLOG: usize = 1024;

    /// After so many, a thread that defers begins a grace period.
    const BATCH: usize = 64;

    /// A thread that has looked in vain for work does not look again for so many guards.
    const PATIENCE: u32 = 64;

    /// Runs the closure after a grace period: when every reader that is inside now has left.
    ///
    /// It runs on whatever thread comes by (see the [module](super#what-it-does-not-do)), outside of guards of the domain and
    /// of locks. It may use the domain: take guards, defer, synchronize. A panic in it is reported by the panic hook
    /// and goes no further; the others run.
    ///
    /// Beyond [`BACKLOG`](Self::BACKLOG) closures that wait, it waits itself until one grace period has passed and runs what
    /// is due: garbage is bounded. Inside a guard it cannot wait, nor inside a deferred closure, and there is no bound: a
    /// reader that defers for ever and never leaves collects everything. Measured, in `tests/rcu_cases/mod.rs`
    /// (`garbage_is_bounded_while_a_reader_stalls_unless_the_reader_makes_it`): under a stalled reader three threads that
    /// defer have 1,024 to 1,027 closures waiting, and a reader that defers 2,048 has all of them.
    ///
    /// Two allocations, a `fence(SeqCst)` and two writes; now and then a heavy fence.
    ///
    /// ```
    /// use graceref::rcu::Domain;
    /// use std::sync::atomic::{AtomicBool, Ordering};
    /// static RAN: AtomicBool = AtomicBool::new(false);
    /// let domain = Domain::new();
    /// let guard = domain.read_lock();
    /// domain.defer(|| RAN.store(true, Ordering::Relaxed));
    /// assert!(!RAN.load(Ordering::Relaxed));
    /// drop(guard);                              // the last reader leaves, and runs it
    /// assert!(RAN.load(Ordering::Relaxed));
    /// ```
    pub fn defer(&self, run: impl FnOnce() + Send + 'static) {
        self.defer_within(Self::BACKLOG, run, || ());
    }

    /// [`defer`](Self::defer) for those who must not wait, however much does. Says when the closure is in the queue, before
    /// any that is due is run.
    pub(crate) fn defer_unbounded(
        &self,
        run: impl FnOnce() + Send + 'static,
        queued: impl FnOnce(),
    ) {
        self.defer_within(usize::MAX, run, queued);
    }

    fn defer_within(
        &self,
        backlog: usize,
        run: impl FnOnce() + Send + 'static,
        queued: impl FnOnce(),
    ) {
        let work = Work::new(Box::new(run));
        let mut queue = self.lock_queue();
        let due = self.snapshot();
        if queue.len() == 0 {
            // Before there is something, so that a child of a fork has no work without the hint.
            site!("pending");
            // ORDERING: Relaxed; a hint.
            self.line.pending.store(1, Ordering::Relaxed);
        }
        queue.push(work, due.0);
        let (len, oldest) = (queue.len(), queue.due());
        let ready = oldest.is_some_and(|oldest| oldest <= self.periods.glance());
        let in_deferred = queue.is_held_by(thread::token());
        drop(queue);
        queued();
        let inside = self.is_inside();
        let mut over = ready;
        if len > backlog && !inside && !in_deferred {
            if let Some(oldest) = oldest {
                self.wait_for(Snapshot(oldest));
            }
            over = true;
        } else if !ready && len.is_multiple_of(Self::BATCH) {
            over = self.help();
        }
        if over && !inside {
            self.run_due();
        }
    }

    /// Waits until all closures that were deferred before the call have run, on whatever thread.
    ///
    /// Two domains do not know of each other: two threads that each run a closure of one domain and wait there for the
    /// other domain's barrier wait for ever. So do two readers that synchronize each other's domain.
    ///
    /// # Errors
    /// [`WouldDeadlock`] if the calling thread has a guard of the domain, or is running one of its closures.
    pub fn barrier(&self) -> Result<(), WouldDeadlock> {
        if self.is_inside() {
            return Err(WouldDeadlock::InReader);
        }
        let queue = self.lock_queue();
        if queue.is_held_by(thread::token()) {
            return Err(WouldDeadlock::InDeferred);
        }
        let ticket = queue.next_ticket();
        drop(queue);
        let mut wait = Wait::new();
        while !self.lock_queue().is_past(ticket) {
            if self.help() {
                self.run_due();
            } else {
                wait.pause();
            }
        }
        Ok(())
    }

    /// Runs what is due, if the caller may. Never waits.
    pub(crate) fn poll(&self) {
        // What is deferred is due after one more period or two.
        for _ in 0..2 {
            if !self.is_inside() && self.help() {
                self.run_due();
            }
        }
    }

    /// How many closures wait. A moment later it may be another number.
    pub fn backlog(&self) -> usize {
        self.lock_queue().len()
    }

    /// Takes the oldest closure's grace period further; whether it is over.
    fn help(&self) -> bool {
        let due = self.lock_queue().due();
        due.is_some_and(|due| self.elapsed(Snapshot(due)))
    }

    /// The owner of the record has left, and work waits.
    pub(super) fn help_after(&self, record: &Record) {
        let skip = record.skip.get();
        if skip > 0 {
            record.skip.set(skip - 1);
            return;
        }
        // Of two readers that leave, one sees that both have: the later to have the lock, in here.
        if self.help() {
            self.run_due();
        } else {
            record.skip.set(Self::PATIENCE);
        }
    }

    /// Runs what is due, outside of the lock.
    pub(super) fn run_due(&self) {
        let hand = Hand::new(self, thread::token());
        let mut queue = self.lock_queue();
        site!("now");
        let Some(batch) = queue.take(self.periods.now(), &hand) else { return };
        if queue.len() == 0 {
            site!("pending");
            // ORDERING: Relaxed; a hint.
            self.line.pending.store(0, Ordering::Relaxed);
        }
        drop(queue);
        thread::run(batch, &hand);
        self.lock_queue().drop_hand(&hand);
    }

    /// Everything that waits, due or not.
    pub(super) fn take_all(&mut self) -> Batch {
        self.lock_queue().take_all()
    }

    fn lock_queue(&self) -> impl DerefMut<Target = Queue> {
        let mut queue = self.queue.lock();
        queue.survive();
        queue
    }
}
