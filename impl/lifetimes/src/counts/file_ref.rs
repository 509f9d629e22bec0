//! `file_ref_t` as it was merged, as it was posted, and as it might have gone wrong.
//!
//! Spec: `FileRef`.

use super::zones::{DEAD, NO_REF, ONE_REF, VALID_MAX, show};
use graceref::at;
use graceref::sync::{AtomicU64, Ordering};

/// A `file_ref_t` in type-stable memory.
pub trait FileRef: Send + Sync + 'static {
    /// One reference.
    fn new() -> Self;
    /// A get by somebody who owns no reference.
    fn get_active(&self) -> bool;
    /// `true` if the caller must release.
    fn put(&self) -> bool;
    /// What the allocator does to the word before the fields are written.
    fn allocated(&self);
    /// The last store of an allocation.
    fn init(&self);
    /// The word in the spec's scale: references less one, NoRef -1, Dead -8.
    fn raw(&self) -> i64;
}

/// The merged algorithm: a get is one add, whatever the word was.
#[derive(Debug)]
pub struct Merged(AtomicU64);

/// The first posting: a get that fails looks again, and stores DEAD.
#[derive(Debug)]
pub struct Draft(AtomicU64);

/// The merged algorithm with an allocator that zeroes the word, where zero means one reference.
#[derive(Debug)]
pub struct Zeroing(AtomicU64);

impl FileRef for Merged {
    fn new() -> Self {
        Self(AtomicU64::new(ONE_REF))
    }
    fn get_active(&self) -> bool {
        get(&self.0)
    }
    fn put(&self) -> bool {
        put(&self.0)
    }
    fn allocated(&self) {}
    fn init(&self) {
        init(&self.0);
    }
    fn raw(&self) -> i64 {
        show(self.0.raw_load())
    }
}

impl FileRef for Draft {
    fn new() -> Self {
        Self(AtomicU64::new(ONE_REF))
    }

    fn get_active(&self) -> bool {
        if get(&self.0) {
            return true;
        }
        at!("slow_read");
        // ORDERING: Acquire, as the get's.
        if self.0.load(Ordering::Acquire) <= VALID_MAX {
            return true;
        }
        at!("slow_store");
        // ORDERING: Relaxed; the store is the bug, whatever its ordering.
        self.0.store_racing(DEAD, Ordering::Relaxed);
        false
    }

    fn put(&self) -> bool {
        put(&self.0)
    }
    fn allocated(&self) {}
    fn init(&self) {
        init(&self.0);
    }
    fn raw(&self) -> i64 {
        show(self.0.raw_load())
    }
}

impl FileRef for Zeroing {
    fn new() -> Self {
        Self(AtomicU64::new(ONE_REF))
    }

    fn get_active(&self) -> bool {
        get(&self.0)
    }

    fn put(&self) -> bool {
        put(&self.0)
    }

    fn allocated(&self) {
        at!("zero");
        // ORDERING: Relaxed; memset knows nothing of orderings.
        self.0.store_racing(ONE_REF, Ordering::Relaxed);
    }

    fn init(&self) {
        init(&self.0);
    }
    fn raw(&self) -> i64 {
        show(self.0.raw_load())
    }
}

fn get(word: &AtomicU64) -> bool {
    at!("get");
    // ORDERING: Acquire pairs with the Release of `init`.
    word.fetch_add(1, Ordering::Acquire).wrapping_add(1) <= VALID_MAX
}

fn put(word: &AtomicU64) -> bool {
    at!("put");
    // ORDERING: Release pairs with the Acquire of the kill.
    let after = word.fetch_sub(1, Ordering::Release).wrapping_sub(1);
    if after <= VALID_MAX {
        return false;
    }
    if after == NO_REF {
        at!("kill");
        // ORDERING: Acquire pairs with the Release of the puts.
        return word.compare_exchange(NO_REF, DEAD, Ordering::Acquire, Ordering::Relaxed).is_ok();
    }
    at!("put_misuse");
    // ORDERING: Relaxed; nothing is released after this.
    word.store_racing(DEAD, Ordering::Relaxed);
    false
}

fn init(word: &AtomicU64) {
    at!("init");
    // ORDERING: Release pairs with the Acquire of `get_active`.
    word.store_racing(ONE_REF, Ordering::Release);
}
