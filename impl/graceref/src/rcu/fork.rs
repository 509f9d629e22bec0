//! Forks: of the threads of the parent, the child has one.
//!
//! The epoch counts the forks between the first process and this one. A record, a lock or a grace period that was
//! begun in another epoch is a lost thread's, unless that thread is the one that forked: its records are marked anew
//! by the handler that the system calls in the child.

#[cfg(all(target_os = "linux", not(any(graceref_loom, graceref_shuttle, miri))))]
mod linux {
    use crate::rcu::thread;
    use crate::sync::{AtomicU64, Ordering, asym};

    pub(in crate::rcu) const POSSIBLE: bool = true;

    static EPOCH: AtomicU64 = AtomicU64::new(0);
    static WATCHED: AtomicU64 = AtomicU64::new(0);

    /// How many forks away from the first process.
    pub(in crate::rcu) fn epoch() -> u64 {
        // ORDERING: Relaxed; it changes where there is one thread.
        EPOCH.load(Ordering::Relaxed)
    }

    /// From here on the handler runs in each child.
    pub(in crate::rcu) fn watch() {
        // ORDERING: Relaxed; twice would do no harm, and a fork while another thread is here is that thread's loss.
        if WATCHED.load(Ordering::Relaxed) == 0 {
            // ORDERING: Relaxed, likewise.
            if WATCHED.swap(1, Ordering::Relaxed) == 0 {
                // SAFETY: the handler is a function that lives as long as the process. (Invariant: none of the spec.)
                unsafe { libc::pthread_atfork(None, None, Some(child)) };
            }
        }
    }

    unsafe extern "C" fn child() {
        // ORDERING: Relaxed; one thread.
        EPOCH.fetch_add(1, Ordering::Relaxed);
        asym::after_fork();
        thread::survive();
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

    #[cfg(not(any(graceref_loom, graceref_shuttle)))]
    pub(in crate::rcu) fn watch() {}
}

#[cfg(not(all(target_os = "linux", not(any(graceref_loom, graceref_shuttle, miri)))))]
pub(super) use nowhere::*;
