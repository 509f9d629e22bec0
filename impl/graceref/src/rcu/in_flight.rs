//! Garbage on its way: taken off a pool's list, and neither left to the domain nor being dropped yet.
//!
//! Whoever waits until all garbage of before is dropped or being dropped looks at the list, then waits for what is on its
//! way, then looks at what was left to the domain. No code of a user runs while something is on its way by this thread.

#[cfg(not(any(graceref_loom, graceref_shuttle)))]
mod counted {
    use crate::rcu::fork;
    use crate::rcu::wait::Wait;
    use crate::sync::{AtomicU64, Ordering, fence};

    /// How many lists there are on their way: `forks << 32 | lists`. What a thread had that a fork lost arrives nowhere.
    pub(crate) struct InFlight(AtomicU64);

    impl InFlight {
        pub(in crate::rcu) const fn new() -> Self {
            Self(AtomicU64::new(0))
        }

        fn of(word: u64) -> u64 {
            if word >> 32 == fork::epoch() & u64::from(u32::MAX) {
                word & u64::from(u32::MAX)
            } else {
                0
            }
        }

        fn change(&self, by: impl Fn(u64) -> u64) {
            // ORDERING: Relaxed; only the compare-exchange decides.
            let mut seen = self.0.load(Ordering::Relaxed);
            loop {
                let new = (fork::epoch() << 32) | by(Self::of(seen));
                // ORDERING: Release pairs with the Acquire of `wait`: where the list has gone to. Relaxed on failure.
                match self.0.compare_exchange(seen, new, Ordering::Release, Ordering::Relaxed) {
                    Ok(_) => return,
                    Err(now) => seen = now,
                }
            }
        }

        /// Before a list is taken.
        pub(crate) fn leave(&self) {
            self.change(|lists| lists + 1);
            // ORDERING: Release pairs with the Acquire fence of `wait`: who sees the list taken sees it on its way.
            fence(Ordering::Release);
        }

        /// After it was left to the domain, before its first object is dropped, or when nothing was taken.
        pub(crate) fn arrive(&self) {
            self.change(|lists| lists.saturating_sub(1));
        }

        /// Waits for all that was taken before what the caller has seen of the list.
        pub(crate) fn wait(&self) {
            // ORDERING: Acquire pairs with the Release fence of `leave`.
            fence(Ordering::Acquire);
            let mut wait = Wait::new();
            // ORDERING: Acquire pairs with the Release of `arrive`.
            while Self::of(self.0.load(Ordering::Acquire)) != 0 {
                wait.pause();
            }
        }
    }
}
#[cfg(not(any(graceref_loom, graceref_shuttle)))]
pub(crate) use counted::InFlight;

/// The engines do not wait for garbage: that would have executions without end.
#[cfg(any(graceref_loom, graceref_shuttle))]
pub(crate) struct InFlight;

#[cfg(any(graceref_loom, graceref_shuttle))]
#[allow(clippy::unused_self)]
impl InFlight {
    pub(in crate::rcu) const fn new() -> Self {
        Self
    }
    pub(crate) fn leave(&self) {}
    pub(crate) fn arrive(&self) {}
    pub(crate) fn wait(&self) {}
}

#[cfg(all(test, not(any(graceref_loom, graceref_shuttle))))]
mod tests {
    use crate::RcuPool;
    use crate::rcu::Domain;
    use std::thread;
    use std::time::Duration;

    #[test]
    fn a_flush_waits_for_what_another_thread_has_taken_off_the_list() {
        static DOMAIN: Domain = Domain::new();
        let pool = RcuPool::in_domain(&DOMAIN);
        drop(pool.insert(1).unwrap());
        DOMAIN.in_flight().leave();
        let flushed = thread::spawn(move || pool.flush());
        thread::sleep(Duration::from_millis(30));
        assert!(!flushed.is_finished());
        DOMAIN.in_flight().arrive();
        assert_eq!(flushed.join().unwrap(), Ok(()));
    }
}
