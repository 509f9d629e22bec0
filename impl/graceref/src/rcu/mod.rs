//! Read-copy-update: readers that pay two plain stores, and updaters that wait until those readers have gone.
//!
//! A reader holds a [`Guard`] while it looks at shared objects. An updater unlinks an object, so that no later reader finds
//! it, and frees it after a *grace period*: when every reader that was inside at the unlinking has left.
//!
//! | an updater | waits | allocates |
//! |---|---|---|
//! | [`synchronize`](Domain::synchronize), then free | yes | no |
//! | [`snapshot`](Domain::snapshot), later [`elapsed`](Domain::elapsed), then free | no | no |
//! | [`defer`](Domain::defer) the freeing | when too much is waiting | yes |
//!
//! ```
//! use graceref::rcu::Domain;
//! use std::sync::atomic::{AtomicPtr, Ordering};
//!
//! let domain = Domain::new();
//! let shared = AtomicPtr::new(Box::into_raw(Box::new(1)));
//! std::thread::scope(|s| {
//!     s.spawn(|| {
//!         let guard = domain.read_lock();
//!         // SAFETY: what is found inside is freed after a grace period only.
//!         let seen = unsafe { *shared.load(Ordering::Acquire) };
//!         assert!(seen == 1 || seen == 2);
//!         drop(guard);
//!     });
//!     let old = shared.swap(Box::into_raw(Box::new(2)), Ordering::AcqRel);
//!     domain.synchronize().unwrap();
//!     // SAFETY: unlinked before the grace period, and this thread is the only one to free it.
//!     drop(unsafe { Box::from_raw(old) });
//! });
//! # drop(unsafe { Box::from_raw(shared.into_inner()) });
//! ```
//!
//! # What it does not do
//! - A reader that never leaves stops everything: `synchronize` waits, and what was deferred stays. A forgotten guard
//!   (`mem::forget`) is such a reader.
//! - Nothing runs by itself. What was deferred runs when somebody defers, synchronizes, waits in a barrier or drops a last
//!   guard; a domain that nobody touches keeps what it has. A reader that looked in vain looks again 64 guards later.
//! - Forks are understood on Linux: in the child, readers that were other threads of the parent are gone. Elsewhere a child
//!   that goes on with the parent's domains may wait for ever. What was deferred is the parent's and the child's, each its
//!   own copy. What another thread had begun to run is the parent's alone, with all that was due at the same time: objects
//!   of an `RcuPool` among it are garbage for ever in the child, as are those to which other threads had references.
//! - Two domains do not know of each other. Two readers that wait for each other's domain wait for ever, and so do two
//!   deferred closures; [`WouldDeadlock`] is only about the caller's own.
//! - It does not go on without its fence. Where `membarrier(2)` worked at first and is refused later (a seccomp filter that
//!   comes after), whoever needs the heavy fence says so on standard error and aborts the process: `synchronize`,
//!   `elapsed`, `defer`, `barrier`, the drop of a last guard while work waits; a pool's `kill`; and of a pool without a limit
//!   `shrink` and the drop of the last handle. Allow the call in the filter, or set `GRACEREF_NO_MEMBARRIER` before the start.
//! - Like everything that registers a handler with `pthread_atfork`, it must not be unloaded with a shared library.
//!
//! The idea is the kernel's; user space knows it from liburcu, whose `memb` flavour is the model of the reader's path.

mod defer;
mod fork;
mod in_flight;
mod lock;
mod period;
mod queue;
mod record;
mod thread;
mod wait;

use crate::sync::{AtomicU64, Ordering, asym};
use crate::{at, site};
use core::fmt;
use core::marker::PhantomData;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::ptr::NonNull;
pub(crate) use in_flight::InFlight;
use lock::Lock;
use period::Periods;
pub use period::Snapshot;
use queue::Queue;
#[cfg(not(any(graceref_loom, graceref_shuttle)))]
pub(crate) use queue::contain;
use record::{Record, Records};
use wait::Wait;

pub use crate::sync::asym::FenceKind;

/// The engines' atomics cannot be made in a constant.
macro_rules! const_if_plain {
    (impl $T:ty { $(#[$doc:meta])* $vis:vis fn $name:ident() -> Self $body:block }) => {
        impl $T {
            $(#[$doc])*
            #[cfg(not(any(graceref_loom, graceref_shuttle)))]
            $vis const fn $name() -> Self $body

            $(#[$doc])*
            #[cfg(any(graceref_loom, graceref_shuttle))]
            $vis fn $name() -> Self $body
        }
    };
}
use const_if_plain;

/// How the fences between readers and updaters are made in this process. Decided once, here or at the first use.
///
/// `Fence` if the system has no private expedited membarrier, or if the environment has `GRACEREF_NO_MEMBARRIER`.
pub fn fence_kind() -> FenceKind {
    asym::kind()
}

/// Does without membarrier, if nothing has used the fences yet. For tests.
#[cfg(not(any(graceref_loom, graceref_shuttle)))]
#[doc(hidden)]
pub fn force_fence() -> FenceKind {
    asym::force_fence()
}

/// The domain for those who need no domain of their own.
///
/// ```
/// use graceref::rcu;
/// let guard = rcu::default().read_lock();
/// assert_eq!(rcu::default().synchronize(), Err(rcu::WouldDeadlock::InReader));
/// drop(guard);
/// rcu::default().synchronize().unwrap();
/// ```
#[cfg(not(any(graceref_loom, graceref_shuttle)))]
pub fn default() -> &'static Domain {
    static DEFAULT: Domain = Domain::new();
    &DEFAULT
}

/// What every reader reads and nobody writes often.
#[repr(align(128))]
struct Line {
    /// The stamp of readers who enter now.
    counter: AtomicU64,
    /// The domain's name, or 0 while it has none. No two domains of a process ever have the same.
    id: AtomicU64,
    /// Whether deferred work waits; a hint.
    pending: AtomicU64,
}

/// Readers and updaters that wait for each other, and for nobody in other domains.
///
/// ```
/// use graceref::rcu::Domain;
/// static SESSIONS: Domain = Domain::new();
/// let guard = SESSIONS.read_lock();
/// let nested = SESSIONS.read_lock();
/// drop(guard);                              // any order
/// drop(nested);
/// SESSIONS.synchronize().unwrap();
/// ```
pub struct Domain {
    line: Line,
    periods: Periods,
    records: Records,
    queue: Lock<Queue>,
    in_flight: InFlight,
    /// The model's threads and their records.
    #[cfg(any(graceref_loom, graceref_shuttle))]
    threads: std::sync::Mutex<alloc::vec::Vec<(usize, NonNull<Record>)>>,
}

// SAFETY: atomics, a lock, and records that are each one thread's (Rcu!TypeOK).
unsafe impl Send for Domain {}
// SAFETY: likewise (Rcu!TypeOK).
unsafe impl Sync for Domain {}

// Nothing is half-changed when a closure or a reader panics.
impl UnwindSafe for Domain {}
impl RefUnwindSafe for Domain {}

const_if_plain! {
    impl Domain {
        /// A domain without readers. Allocates nothing: each thread's record comes with its first guard.
        pub fn new() -> Self {
            Self {
                line: Line {
                    counter: AtomicU64::new(1),
                    id: AtomicU64::new(0),
                    pending: AtomicU64::new(0),
                },
                periods: Periods::new(),
                records: Records::new(),
                queue: Lock::new(Queue::new()),
                in_flight: InFlight::new(),
                #[cfg(any(graceref_loom, graceref_shuttle))]
                threads: std::sync::Mutex::new(alloc::vec::Vec::new()),
            }
        }
    }
}

impl Domain {
    /// Enters: what is unlinked from now on is not freed before the guard is dropped.
    ///
    /// Nests, and guards may be dropped in any order. Never waits. The outermost guard costs two plain stores (here and at
    /// its drop), four loads and a light fence: nothing where membarrier works, `fence(SeqCst)` elsewhere; a nested one
    /// costs no shared access. The first guard of a thread in a domain may allocate 128 bytes, which another thread uses
    /// again when this one ends. A thread that goes from domain to domain looks its record up among its own each time.
    #[inline]
    pub fn read_lock(&self) -> Guard<'_> {
        let record = thread::record(self);
        // SAFETY: the calling thread's record in this domain (Rcu!TypeOK).
        unsafe { record.as_ref() }.enter(&self.line.counter);
        Guard { domain: self, record, _not_send: PhantomData }
    }

    /// Waits until every reader that is inside now has left; then runs deferred work that is due.
    ///
    /// Spins, then yields, then sleeps. Never panics; may [abort](self#what-it-does-not-do) where `membarrier(2)` is refused
    /// later. Concurrent callers share grace periods. One heavy fence for each period, and the costs of
    /// [`elapsed`](Domain::elapsed).
    ///
    /// # Errors
    /// [`WouldDeadlock::InReader`] if the calling thread has a guard of this domain: it would wait for itself.
    pub fn synchronize(&self) -> Result<(), WouldDeadlock> {
        if self.is_inside() {
            return Err(WouldDeadlock::InReader);
        }
        self.wait_for(self.snapshot());
        at!("hint");
        // ORDERING: Relaxed; a hint, which the caller's own work is always in.
        if self.line.pending.load(Ordering::Relaxed) != 0 {
            self.run_due();
        }
        Ok(())
    }

    /// The pools' garbage that is on its way.
    pub(crate) fn in_flight(&self) -> &InFlight {
        &self.in_flight
    }

    /// [`synchronize`](Self::synchronize) that runs nobody's work, by a thread that is not inside.
    pub(crate) fn wait_for_readers(&self) {
        self.wait_for(self.snapshot());
    }

    fn wait_for(&self, snapshot: Snapshot) {
        let mut wait = Wait::new();
        while !self.elapsed(snapshot) {
            wait.pause();
        }
    }

    /// Whether the calling thread has a guard of this domain.
    pub fn is_inside(&self) -> bool {
        thread::existing(self).is_some_and(Record::inside)
    }

    /// How many threads' records the domain has; those of threads that ended are used again.
    #[doc(hidden)]
    pub fn records(&self) -> usize {
        self.records.len()
    }

    #[inline]
    fn id(&self) -> u64 {
        self.line.id.raw_load()
    }

    /// A record for the calling thread, and a name for the domain.
    fn claim(&self) -> NonNull<Record> {
        let mut id = self.id();
        if id == 0 {
            let new = crate::sync::unique();
            site!("name");
            // ORDERING: Relaxed; the name is all there is to know.
            let named = self.line.id.compare_exchange(0, new, Ordering::Relaxed, Ordering::Relaxed);
            id = named.map_or_else(|first| first, |_| new);
        }
        self.records.claim(id)
    }

    /// After a thread's last guard, when there is something to do.
    #[cold]
    #[inline(never)]
    fn left(&self, this: NonNull<Record>) {
        // SAFETY: the calling thread's (Rcu!TypeOK).
        let record = unsafe { this.as_ref() };
        if !record.transient.get() {
            self.help_after(record);
            return;
        }
        // SAFETY: the calling thread's, and it is outside (Rcu!TypeOK).
        unsafe { thread::give_back(this) };
    }
}

impl Default for Domain {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Domain {
    /// Runs what is still deferred: no reader is left that could mind. Closures that panic are handled as always.
    fn drop(&mut self) {
        // Nobody else is there, so the hint is the truth.
        if self.line.pending.raw_load() != 0 {
            self.take_all().run();
        }
    }
}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Domain").finish_non_exhaustive()
    }
}

/// A reader is inside while it lives.
///
/// Dropping the last of a thread may run work that others deferred, after the thread has left.
#[must_use = "the reader is inside only while the guard lives"]
pub struct Guard<'d> {
    domain: &'d Domain,
    record: NonNull<Record>,
    /// The thread's own.
    _not_send: PhantomData<*const ()>,
}

impl<'d> Guard<'d> {
    /// The domain.
    pub fn domain(&self) -> &'d Domain {
        self.domain
    }
}

impl Drop for Guard<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the calling thread's, while it has guards (Rcu!TypeOK).
        let record = unsafe { self.record.as_ref() };
        if record.leave() {
            at!("hint");
            // ORDERING: Relaxed; a hint.
            let pending = self.domain.line.pending.load(Ordering::Relaxed);
            if pending != 0 || record.transient.get() {
                self.domain.left(self.record);
            }
        }
    }
}

impl fmt::Debug for Guard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").finish_non_exhaustive()
    }
}

/// What the caller would wait for is the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WouldDeadlock {
    /// The calling thread has a guard of the domain.
    InReader,
    /// The calling thread is running what was deferred to the domain.
    InDeferred,
}

impl fmt::Display for WouldDeadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InReader => {
                "the calling thread is a reader of this domain and would wait for itself; drop its guards first, or defer"
            }
            Self::InDeferred => {
                "the caller is itself deferred work of this domain and would wait for itself; defer what is to come after"
            }
        })
    }
}

impl core::error::Error for WouldDeadlock {}

/// What observers outside the model see.
#[cfg(any(graceref_loom, graceref_shuttle))]
mod raw {
    use super::{Domain, NonNull, Record};
    use alloc::vec::Vec;
    use std::sync::PoisonError;

    #[doc(hidden)]
    impl Domain {
        /// The counter, the periods' word, and each record's state, the newest record first.
        pub fn raw_look(&self) -> (u64, u64, Vec<u64>) {
            (self.line.counter.raw_load(), self.periods.raw(), self.records.raw_states())
        }

        /// Gives the thread its record in the set-up, where that is no step.
        pub fn raw_prepare(&self, role: usize) {
            self.raw_register(role + 1);
        }

        pub(super) fn raw_register(&self, token: usize) -> NonNull<Record> {
            self.raw_find(token).unwrap_or_else(|| {
                let record = self.claim();
                let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
                threads.push((token, record));
                record
            })
        }

        pub(super) fn raw_find(&self, token: usize) -> Option<NonNull<Record>> {
            let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
            threads.iter().find(|(other, _)| *other == token).map(|&(_, record)| record)
        }
    }
}
