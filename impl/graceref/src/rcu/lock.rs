//! A lock that a fork does not leave locked.
//!
//! What it guards is a few pointers; nobody allocates, frees or calls out under it. A holder that is lost has got some way
//! with its stores, in the order of its program: the content is written such that it can be repaired at each of them.

/// What can be made whole after a holder who was lost between two of its stores.
#[cfg_attr(any(graceref_loom, graceref_shuttle), allow(dead_code))] // The engines do not fork.
pub(super) trait Repair {
    fn repair(&mut self);
}

#[cfg(any(graceref_loom, graceref_shuttle))]
pub(super) use crate::sync::Mutex as Lock;

#[cfg(not(any(graceref_loom, graceref_shuttle)))]
pub(super) use plain::Lock;

#[cfg(not(any(graceref_loom, graceref_shuttle)))]
mod plain {
    use super::Repair;
    use crate::rcu::fork;
    use crate::rcu::wait::Wait;
    use crate::sync::{AtomicU64, Ordering};
    use core::cell::UnsafeCell;
    use core::ops::{Deref, DerefMut};

    const FREE: u64 = 0;

    /// `FREE`, or the holder's epoch + 1.
    pub(in crate::rcu) struct Lock<T> {
        word: AtomicU64,
        content: UnsafeCell<T>,
    }

    // SAFETY: the content is the holder's alone. The counter and what is deferred change under it (Rcu!CounterFollows).
    unsafe impl<T: Send> Sync for Lock<T> {}

    impl<T> Lock<T> {
        pub(in crate::rcu) const fn new(content: T) -> Self {
            Self { word: AtomicU64::new(FREE), content: UnsafeCell::new(content) }
        }

        /// The content, for one who needs no lock.
        #[cfg(target_os = "linux")]
        #[cfg_attr(miri, allow(dead_code))]
        pub(in crate::rcu) const fn content(&self) -> *mut T {
            self.content.get()
        }
    }

    impl<T: Repair> Lock<T> {
        /// Waits for the lock. If its holder was lost in a fork, perhaps half-way, the content is repaired.
        pub(in crate::rcu) fn lock(&self) -> Held<'_, T> {
            fork::watch();
            let mine = fork::epoch() + 1;
            let mut wait = Wait::new();
            loop {
                // ORDERING: Acquire pairs with the Release of the drop.
                let taken =
                    self.word.compare_exchange(FREE, mine, Ordering::Acquire, Ordering::Relaxed);
                match taken {
                    Ok(_) => return Held(self),
                    Err(holder) if holder == mine => wait.pause(),
                    Err(lost) => {
                        // ORDERING: Relaxed; the holder's thread is gone, and this one's copy of its memory complete.
                        let taken = self.word.compare_exchange(
                            lost,
                            mine,
                            Ordering::Relaxed,
                            Ordering::Relaxed,
                        );
                        if taken.is_ok() {
                            let mut held = Held(self);
                            held.repair();
                            return held;
                        }
                    }
                }
            }
        }
    }

    /// Dropping it unlocks.
    pub(in crate::rcu) struct Held<'a, T>(&'a Lock<T>);

    impl<T> Deref for Held<'_, T> {
        type Target = T;
        fn deref(&self) -> &T {
            // SAFETY: the lock is held (Rcu!CounterFollows).
            unsafe { &*self.0.content.get() }
        }
    }

    impl<T> DerefMut for Held<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            // SAFETY: the lock is held (Rcu!CounterFollows).
            unsafe { &mut *self.0.content.get() }
        }
    }

    impl<T> Drop for Held<'_, T> {
        fn drop(&mut self) {
            // ORDERING: Release pairs with the Acquire of `lock`.
            self.0.word.store_racing(FREE, Ordering::Release);
        }
    }
}
