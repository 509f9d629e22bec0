//! A flag that one thread raises and lowers with plain stores, and that another waits for.

use super::{AtomicU32, Ordering};

/// Says that its owner is in a short section, to somebody who waits until it is not.
///
/// The waiting is one step, which is not enabled while the flag is up, as an acquisition of a lock is.
#[derive(Debug)]
pub(crate) struct Flag {
    word: AtomicU32,
    #[cfg(graceref_shuttle)]
    up: std::sync::Arc<std::sync::atomic::AtomicBool>,
}

/// The word of a flag that is down.
const DOWN: u32 = 0;

impl Flag {
    pub(crate) fn new() -> Self {
        Self {
            word: AtomicU32::new(DOWN),
            #[cfg(graceref_shuttle)]
            up: std::sync::Arc::default(),
        }
    }

    /// The owner raises it, with a mark that is not zero.
    #[inline]
    #[track_caller]
    pub(crate) fn raise(&self, mark: u32) {
        // ORDERING: Relaxed; `asym::light` after it orders it before what the section reads.
        self.word.store(mark, Ordering::Relaxed);
        #[cfg(graceref_shuttle)]
        self.up.store(true, Ordering::Relaxed);
    }

    /// The owner lowers it.
    #[inline]
    #[track_caller]
    pub(crate) fn lower(&self) {
        // ORDERING: Release pairs with the Acquire of `await_lowered`: all that the section did.
        self.word.store(DOWN, Ordering::Release);
        #[cfg(graceref_shuttle)]
        self.up.store(false, Ordering::Relaxed);
    }

    /// Waits until the flag is down or has another mark than this.
    #[track_caller]
    pub(crate) fn await_lowered(&self, mark: u32) {
        #[cfg(graceref_shuttle)]
        {
            let _ = mark;
            self.word.load_when_down(&self.up);
        }
        // ORDERING: Acquire pairs with the Release of `lower`.
        #[cfg(graceref_loom)]
        self.word.load_while(mark, Ordering::Acquire);
        #[cfg(not(any(graceref_loom, graceref_shuttle)))]
        // ORDERING: Acquire pairs with the Release of `lower`.
        while self.word.load(Ordering::Acquire) == mark {
            #[cfg(feature = "std")]
            std::thread::yield_now();
            #[cfg(not(feature = "std"))]
            core::hint::spin_loop();
        }
    }

    /// Looks at it and does not wait: what a mutant does instead.
    pub(crate) fn look(&self) {
        // ORDERING: Relaxed; nothing follows from it.
        self.word.load(Ordering::Relaxed);
    }

    /// Whether it is up, seen from outside the model.
    #[cfg(any(graceref_loom, graceref_shuttle))]
    pub(crate) fn raw_is_up(&self) -> bool {
        self.word.raw_load() != DOWN
    }
}
