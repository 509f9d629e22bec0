//! `f_count` as it was up to 6.12: an `atomic_long_t`.

use super::FCount;
use graceref::sync::{AtomicU64, Ordering, fence};
use graceref::{at, local};

/// The plain number of references. Nothing stops a get at zero, which is how a dying file comes back.
#[derive(Debug)]
pub struct AtomicLong(AtomicU64);

impl FCount for AtomicLong {
    fn new() -> Self {
        Self(AtomicU64::new(1))
    }

    fn get_file(&self) {
        at!("get");
        // ORDERING: Relaxed; the caller is supposed to own a reference.
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get_active(&self) -> bool {
        loop {
            at!("get_load");
            // ORDERING: Relaxed; the compare-exchange decides.
            let seen = self.0.load(Ordering::Relaxed);
            local!(seen = seen);
            if seen == 0 {
                return false;
            }
            at!("get_cas");
            // ORDERING: Acquire pairs with the Release of the puts.
            if self.0.compare_exchange(seen, seen + 1, Ordering::Acquire, Ordering::Relaxed).is_ok()
            {
                return true;
            }
        }
    }

    fn put(&self) -> bool {
        at!("put");
        // ORDERING: Release pairs with the Acquire fence of the last put.
        let last = self.0.fetch_sub(1, Ordering::Release) == 1;
        if last {
            // ORDERING: Acquire pairs with the Release of the other puts.
            fence(Ordering::Acquire);
        }
        last
    }

    fn file_count(&self) -> u64 {
        at!("count");
        // ORDERING: Relaxed; nothing follows from it.
        let seen = self.0.load(Ordering::Relaxed);
        local!(seen = seen);
        seen
    }

    fn raw(&self) -> i64 {
        self.0.raw_load().cast_signed()
    }
}
