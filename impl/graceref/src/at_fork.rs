//! Handlers that the system calls at forks, registered at the first use.

use crate::sync::{AtomicU32, Ordering};

/// A pair of handlers: `before` in the parent, `child` in the child, where one thread is left.
///
/// No lock, and nobody waits: the fork may take away a thread that is registering. So two threads may register the same pair,
/// and a child calls it twice; `is_first` tells the first call.
pub(crate) struct AtFork {
    registered: AtomicU32,
    forking: AtomicU32,
}

impl AtFork {
    pub(crate) const fn new() -> Self {
        Self { registered: AtomicU32::new(0), forking: AtomicU32::new(0) }
    }

    /// From here on the handlers are called at each fork. `before` calls [`before`](Self::before), and `child` does nothing
    /// unless it [is first](Self::is_first).
    #[inline]
    pub(crate) fn watch(&self, before: extern "C" fn(), child: extern "C" fn()) {
        // ORDERING: Acquire pairs with the Release below: the handlers are registered.
        if self.registered.load(Ordering::Acquire) == 0 {
            self.register(before, child);
        }
    }

    #[cold]
    fn register(&self, before: extern "C" fn(), child: extern "C" fn()) {
        // SAFETY: the handlers are functions that live as long as the process (Rcu!TypeOK).
        if unsafe { libc::pthread_atfork(Some(before), None, Some(child)) } == 0 {
            // ORDERING: Release pairs with the Acquire above.
            self.registered.store(1, Ordering::Release);
        }
    }

    /// A fork is coming.
    pub(crate) fn before(&self) {
        // ORDERING: Relaxed; the forking thread reads its own store, in the child.
        self.forking.store(1, Ordering::Relaxed);
    }

    /// Whether this is the first call in this child.
    pub(crate) fn is_first(&self) -> bool {
        // ORDERING: Relaxed; one thread.
        self.forking.swap(0, Ordering::Relaxed) == 1
    }
}
