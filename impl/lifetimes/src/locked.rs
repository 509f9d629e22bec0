//! Words that are under a lock: a look at one, or a change, belongs to the step that took the lock.

use graceref::sync::{AtomicU32, Ordering};

/// What it is.
pub(crate) fn get(word: &AtomicU32) -> u32 {
    // ORDERING: Relaxed; the lock orders it.
    word.load_settled(Ordering::Relaxed)
}

/// Whether it is set.
pub(crate) fn is(word: &AtomicU32) -> bool {
    get(word) != 0
}

/// Changes it.
pub(crate) fn set(word: &AtomicU32, value: u32) {
    // ORDERING: Relaxed; the lock orders it.
    word.store_settled(value, Ordering::Relaxed);
}
