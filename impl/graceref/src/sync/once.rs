//! A pointer that is written once, and forgotten while nobody looks.

use super::{AtomicPtr, Ordering};
use core::ptr::{self, NonNull};

/// A pointer that is null until somebody sets it, and then does not change before [`forget`](Self::forget).
///
/// Reading it once it is set is no step of a spec: nobody writes it any more, so the read commutes with everything. Who
/// makes it null again sees to it that nobody reads it.
#[derive(Debug)]
pub(crate) struct OncePtr<T>(AtomicPtr<T>);

impl<T> OncePtr<T> {
    pub(crate) fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// The pointer, if it is set; acquire.
    #[inline]
    pub(crate) fn get(&self) -> Option<NonNull<T>> {
        #[cfg(any(graceref_loom, graceref_shuttle))]
        if self.0.raw_load().is_null() {
            // ORDERING: Acquire, as below.
            return NonNull::new(self.0.load(Ordering::Acquire));
        }
        crate::site!("settled");
        // ORDERING: Acquire pairs with the Release of `set`: what the pointer points to is written.
        NonNull::new(self.0.load_settled(Ordering::Acquire))
    }

    /// Whether it is set, for one who would set it otherwise and gets what it points to later.
    #[inline]
    #[track_caller]
    pub(crate) fn is_set(&self) -> bool {
        #[cfg(any(graceref_loom, graceref_shuttle))]
        if self.0.raw_load().is_null() {
            // ORDERING: Relaxed, as below.
            return !self.0.load(Ordering::Relaxed).is_null();
        }
        // ORDERING: Relaxed; only whether it is null matters. Who has seen that it is not, gets it by `get`.
        !self.0.load_settled(Ordering::Relaxed).is_null()
    }

    /// Sets the pointer, unless somebody has: whether it was this call that did.
    pub(crate) fn set(&self, to: NonNull<T>) -> bool {
        // ORDERING: Release pairs with the Acquire of `get`.
        self.0
            .compare_exchange(ptr::null_mut(), to.as_ptr(), Ordering::Release, Ordering::Relaxed)
            .is_ok()
    }

    /// Makes it null again, while nobody else reads or sets it.
    #[track_caller]
    pub(crate) fn forget(&self) {
        // ORDERING: Relaxed; who reads it later is ordered after this by other means.
        self.0.store(ptr::null_mut(), Ordering::Relaxed);
    }

    /// The pointer, seen from outside the model.
    pub(crate) fn raw_get(&self) -> Option<NonNull<T>> {
        NonNull::new(self.0.raw_load())
    }
}
