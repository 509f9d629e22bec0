//! Forks: of the threads of the parent, the child has one.
//!
//! The epoch counts the forks between the first process and this one. A record, a lock or a grace period that was
//! begun in another epoch is a lost thread's, unless that thread is the one that forked: its records are marked anew
//! by the handler that the system calls in the child.

#[cfg(all(target_os = "linux", not(any(graceref_loom, graceref_shuttle, miri))))]
mod linux {
    use crate::at_fork::AtFork;
    use crate::rcu::thread;
    use crate::sync::{AtomicU64, Ordering, asym};

    pub(in crate::rcu) const POSSIBLE: bool = true;

    static EPOCH: AtomicU64 = AtomicU64::new(0);
    static AT_FORK: AtFork = AtFork::new();

    /// How many forks away from the first process.
    pub(in crate::rcu) fn epoch() -> u64 {
        // ORDERING: Relaxed; it changes where there is one thread.
        EPOCH.load(Ordering::Relaxed)
    }

    /// From here on the epoch counts forks. Before a thread does anything that a child would have to know for a lost
    /// thread's: claims a record, takes a lock, begins a period.
    #[inline]
    pub(in crate::rcu) fn watch() {
        AT_FORK.watch(before, child);
    }

    extern "C" fn before() {
        AT_FORK.before();
    }

    extern "C" fn child() {
        if AT_FORK.is_first() {
            // ORDERING: Relaxed; one thread.
            EPOCH.fetch_add(1, Ordering::Relaxed);
            asym::after_fork();
            thread::survive();
        }
    }
}

#[cfg(all(target_os = "linux", not(any(graceref_loom, graceref_shuttle, miri))))]
pub(super) use linux::{POSSIBLE, epoch, watch};

#[cfg(not(all(target_os = "linux", not(any(graceref_loom, graceref_shuttle, miri)))))]
mod nowhere {
    pub(in crate::rcu) const POSSIBLE: bool = false;

    pub(in crate::rcu) fn epoch() -> u64 {
        0
    }

    pub(in crate::rcu) fn watch() {}
}

#[cfg(not(all(target_os = "linux", not(any(graceref_loom, graceref_shuttle, miri)))))]
pub(super) use nowhere::*;
