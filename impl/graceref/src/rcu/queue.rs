//! Work that waits for a grace period, oldest first, and who has taken some of it.

use super::lock::Repair;
use super::{Domain, fork};
use alloc::boxed::Box;
use core::cell::Cell;
use core::ptr;
use core::sync::atomic::{Ordering, compiler_fence};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// One closure.
struct Node {
    next: *mut Node,
    /// The snapshot that must have elapsed.
    due: u64,
    ticket: u64,
    run: Box<dyn FnOnce() + Send>,
}

/// Some closures, no longer in the queue, oldest first.
pub(super) struct Batch(*mut Node);

/// A thread that runs a batch. On its stack; in the queue's list while it does, and in the thread's own.
#[cfg_attr(any(graceref_loom, graceref_shuttle, not(target_os = "linux")), allow(dead_code))] // Forks are Linux's.
pub(super) struct Hand {
    next: Cell<*const Hand>,
    /// Where its queue is, and the hand in whose batch this one's is run.
    pub(super) domain: *const Domain,
    pub(super) outer: Cell<*const Hand>,
    token: usize,
    /// All tickets of its batch are from here on.
    lowest: Cell<u64>,
}

/// The queue itself. Under a lock, so nothing in here allocates, frees or calls out.
///
/// A fork may take away the holder between any two stores. So what is linked from `head` is whole after each of them,
/// and says what the rest must be: work is in the queue or not, by one store.
pub(super) struct Queue {
    head: *mut Node,
    tail: *mut Node,
    len: usize,
    /// The next ticket.
    tickets: u64,
    hands: *const Hand,
    epoch: u64,
}

// SAFETY: closures that are `Send`, and hands that are only compared and unlinked (Rcu!TypeOK).
unsafe impl Send for Queue {}

impl Repair for Queue {
    fn repair(&mut self) {
        self.tail = ptr::null_mut();
        self.len = 0;
        let mut next = self.head;
        // SAFETY: the queue's own, and whole from the head on (Rcu!TypeOK).
        while let Some(node) = unsafe { next.as_mut() } {
            self.tail = node;
            self.len += 1;
            self.tickets = self.tickets.max(node.ticket + 1);
            next = node.next;
        }
    }
}

/// What stands before is stored first, for a fork to see. The processor keeps to the order: a copy of the memory has what
/// the thread's program had done at one point.
fn stored() {
    // ORDERING: SeqCst, the compiler's alone; pairs with the fork.
    compiler_fence(Ordering::SeqCst);
}

/// A closure that is not in the queue yet.
pub(super) struct Work(Box<Node>);

impl Work {
    pub(super) fn new(run: Box<dyn FnOnce() + Send>) -> Self {
        Self(Box::new(Node { next: ptr::null_mut(), due: 0, ticket: 0, run }))
    }
}

impl Queue {
    pub(super) const fn new() -> Self {
        let (head, tail, hands) = (ptr::null_mut(), ptr::null_mut(), ptr::null());
        Self { head, tail, len: 0, tickets: 0, hands, epoch: 0 }
    }

    /// In the child of a fork the other threads' hands are gone, and what they held with them; so may be the stacks
    /// where they were.
    pub(super) fn survive(&mut self) {
        if self.epoch != fork::epoch() {
            self.keep(ptr::null());
        }
    }

    /// The one hand that is left, or none. A thread has one in a queue at most.
    pub(super) fn keep(&mut self, hand: *const Hand) {
        self.epoch = fork::epoch();
        self.hands = hand;
    }

    /// Appends work that is due then. Dues never go down, since each is taken under the lock.
    pub(super) fn push(&mut self, Work(mut node): Work, due: u64) {
        node.due = due;
        node.ticket = self.tickets;
        let node = Box::into_raw(node);
        stored();
        // SAFETY: the queue's own (Rcu!TypeOK).
        match unsafe { self.tail.as_mut() } {
            Some(tail) => tail.next = node,
            None => self.head = node,
        }
        stored();
        self.tail = node;
        self.tickets += 1;
        self.len += 1;
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// When the oldest is due.
    pub(super) fn due(&self) -> Option<u64> {
        // SAFETY: the queue's own (Rcu!TypeOK).
        unsafe { self.head.as_ref() }.map(|node| node.due)
    }

    /// The ticket that the next closure will get.
    pub(super) fn next_ticket(&self) -> u64 {
        self.tickets
    }

    /// Takes what is due by now, and registers the hand that takes it. `None` if there is nothing, or if the same thread
    /// has a batch already.
    pub(super) fn take(&mut self, now: u64, hand: &Hand) -> Option<Batch> {
        let first = self.head;
        // SAFETY: the queue's own (Rcu!TypeOK).
        let oldest = unsafe { first.as_ref() }.filter(|node| node.due <= now)?;
        hand.lowest.set(oldest.ticket);
        if self.is_held_by(hand.token) {
            return None;
        }
        // SAFETY: the queue's own, and not null: its first was just seen (Rcu!TypeOK).
        let mut last = unsafe { &mut *first };
        let mut taken = 1;
        // SAFETY: likewise (Rcu!TypeOK).
        while let Some(next) = unsafe { last.next.as_mut() }.filter(|next| next.due <= now) {
            last = next;
            taken += 1;
        }
        // From here on the batch is this thread's, and lost with it.
        self.head = last.next;
        stored();
        last.next = ptr::null_mut();
        self.len -= taken;
        if self.head.is_null() {
            self.tail = ptr::null_mut();
        }
        hand.next.set(self.hands);
        self.hands = hand;
        Some(Batch(first))
    }

    /// The hand has run its batch.
    pub(super) fn drop_hand(&mut self, hand: &Hand) {
        let mut place: Option<&Hand> = None;
        // SAFETY: registered hands live until they are dropped here (Rcu!TypeOK).
        while let Some(other) = unsafe { place.map_or(self.hands, |p| p.next.get()).as_ref() } {
            if ptr::eq(other, hand) {
                match place {
                    Some(before) => before.next.set(hand.next.get()),
                    None => self.hands = hand.next.get(),
                }
                return;
            }
            place = Some(other);
        }
    }

    fn hands(&self) -> impl Iterator<Item = &Hand> {
        // SAFETY: as in `drop_hand` (Rcu!TypeOK).
        let first = unsafe { self.hands.as_ref() };
        // SAFETY: likewise (Rcu!TypeOK).
        core::iter::successors(first, |hand| unsafe { hand.next.get().as_ref() })
    }

    /// Whether this thread is running a batch.
    pub(super) fn is_held_by(&self, token: usize) -> bool {
        self.hands().any(|hand| hand.token == token)
    }

    /// Whether all with a lower ticket have run.
    pub(super) fn is_past(&self, ticket: u64) -> bool {
        // SAFETY: the queue's own (Rcu!TypeOK).
        let waits = unsafe { self.head.as_ref() }.is_some_and(|node| node.ticket < ticket);
        !waits && self.hands().all(|hand| hand.lowest.get() >= ticket)
    }

    /// Everything, due or not; for the end of a domain.
    pub(super) fn take_all(&mut self) -> Batch {
        self.tail = ptr::null_mut();
        self.len = 0;
        Batch(core::mem::replace(&mut self.head, ptr::null_mut()))
    }
}

impl Hand {
    pub(super) fn new(domain: &Domain, token: usize) -> Self {
        let (next, outer) = (Cell::new(ptr::null()), Cell::new(ptr::null()));
        Self { next, domain, outer, token, lowest: Cell::new(0) }
    }

    /// In the child of a fork: the thread that runs the batch is the one that forked.
    #[cfg(all(target_os = "linux", not(any(graceref_loom, graceref_shuttle))))]
    #[cfg_attr(miri, allow(dead_code))]
    pub(super) fn survive(&self) {
        self.next.set(ptr::null());
        // SAFETY: the domain is borrowed while the batch runs (Rcu!TypeOK).
        let queue = unsafe { &(*self.domain).queue }.content();
        // SAFETY: no other thread is there, and this one has left the lock to run the batch (Rcu!TypeOK).
        unsafe { &mut *queue }.keep(self);
    }
}

impl Batch {
    /// Runs the closures. One that panics has its message from the panic hook; the others run.
    pub(super) fn run(mut self) {
        while !self.0.is_null() {
            // SAFETY: the batch's own, made by `push` (Rcu!TypeOK).
            let node = unsafe { Box::from_raw(self.0) };
            self.0 = node.next;
            contain(node.run);
        }
    }
}

/// Calls something that may panic. The message comes from the panic hook, and the panic goes no further.
pub(crate) fn contain(run: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(run)) {
        // A payload may panic in its turn.
        if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            core::mem::forget(again);
        }
    }
}
