//! The plain build: `core`'s atomics under the facade's names, all of it free.

use core::cell::UnsafeCell;
pub use core::sync::atomic::fence;
use core::sync::atomic::{self, Ordering};

macro_rules! plain_atomic {
    ($Name:ident, $int:ty) => {
        #[doc = concat!("`core`'s ", stringify!($Name), " with the facade's extra operations.")]
        #[derive(Debug, Default)]
        #[repr(transparent)]
        pub struct $Name(atomic::$Name);

        #[allow(missing_docs, clippy::missing_errors_doc)]
        impl $Name {
            #[inline(always)]
            pub const fn new(v: $int) -> Self {
                Self(atomic::$Name::new(v))
            }
            #[inline(always)]
            pub fn load(&self, order: Ordering) -> $int {
                self.0.load(order)
            }
            /// A load of a word that nobody writes meanwhile. It commutes with all that others do, so it is no step.
            #[inline(always)]
            pub fn load_settled(&self, order: Ordering) -> $int {
                self.0.load(order)
            }
            /// A store to a word that nobody else looks at now, and so no step.
            #[inline(always)]
            pub fn store_settled(&self, v: $int, order: Ordering) {
                self.0.store(v, order);
            }
            #[inline(always)]
            pub fn store(&self, v: $int, order: Ordering) {
                self.0.store(v, order);
            }
            /// A store to a word on which other threads do read-modify-writes at the same time, as
            /// type-stable re-initialisation does. A swap under loom, whose histories such a store breaks.
            #[inline(always)]
            pub fn store_racing(&self, v: $int, order: Ordering) {
                self.0.store(v, order);
            }
            #[inline(always)]
            pub fn swap(&self, v: $int, order: Ordering) -> $int {
                self.0.swap(v, order)
            }
            #[inline(always)]
            pub fn compare_exchange(
                &self,
                current: $int,
                new: $int,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$int, $int> {
                self.0.compare_exchange(current, new, success, failure)
            }
            #[inline(always)]
            pub fn fetch_add(&self, v: $int, order: Ordering) -> $int {
                self.0.fetch_add(v, order)
            }
            #[inline(always)]
            pub fn fetch_sub(&self, v: $int, order: Ordering) -> $int {
                self.0.fetch_sub(v, order)
            }
            /// The value, seen from outside the model: no step, no ordering. For observations and tests.
            #[inline(always)]
            pub fn raw_load(&self) -> $int {
                self.0.load(Ordering::Relaxed)
            }
        }
    };
}

plain_atomic!(AtomicU32, u32);
plain_atomic!(AtomicU64, u64);
plain_atomic!(AtomicUsize, usize);

/// `core`'s AtomicPtr with the facade's extra operation.
#[derive(Debug)]
#[repr(transparent)]
pub struct AtomicPtr<T>(atomic::AtomicPtr<T>);

#[allow(missing_docs, clippy::missing_errors_doc)]
impl<T> AtomicPtr<T> {
    #[inline(always)]
    pub const fn new(v: *mut T) -> Self {
        Self(atomic::AtomicPtr::new(v))
    }
    #[inline(always)]
    pub fn load(&self, order: Ordering) -> *mut T {
        self.0.load(order)
    }
    /// A load of a word that nobody writes meanwhile. It commutes with all that others do, so it is no step.
    #[inline(always)]
    pub fn load_settled(&self, order: Ordering) -> *mut T {
        self.0.load(order)
    }
    #[inline(always)]
    pub fn store(&self, v: *mut T, order: Ordering) {
        self.0.store(v, order);
    }
    /// A store to a word on which other threads do read-modify-writes at the same time. A swap under loom.
    #[inline(always)]
    pub fn store_racing(&self, v: *mut T, order: Ordering) {
        self.0.store(v, order);
    }
    #[inline(always)]
    pub fn swap(&self, v: *mut T, order: Ordering) -> *mut T {
        self.0.swap(v, order)
    }
    #[inline(always)]
    pub fn compare_exchange(
        &self,
        current: *mut T,
        new: *mut T,
        success: Ordering,
        failure: Ordering,
    ) -> Result<*mut T, *mut T> {
        self.0.compare_exchange(current, new, success, failure)
    }
    /// The value, seen from outside the model: no step, no ordering. For observations and tests.
    #[inline(always)]
    pub fn raw_load(&self) -> *mut T {
        self.0.load(Ordering::Relaxed)
    }
}

/// A cell whose accesses the model builds watch; here, its content and nothing else.
///
/// The pointers that it hands out are the caller's to use soundly, as with `UnsafeCell`.
#[derive(Debug, Default)]
#[repr(transparent)]
pub struct Tracked<T>(UnsafeCell<T>);

// SAFETY: the cell only tells where its content is; whoever follows the pointer sees to exclusion, as the pool does for
// its objects (Stash!NoReuseWhileHeld).
unsafe impl<T: Send> Sync for Tracked<T> {}

impl<T> Tracked<T> {
    /// A cell with a live value.
    #[inline(always)]
    pub const fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    /// A read of the content.
    #[inline(always)]
    pub fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        f(self.0.get())
    }

    /// A write to the content.
    #[inline(always)]
    pub fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }

    /// The content's life ends: a free counts as a write, and every later access is a use after free.
    #[inline(always)]
    pub fn retire(&self) {}

    /// A new life begins in the same memory (type-stable reuse).
    #[inline(always)]
    pub fn renew(&self) {}

    /// Where the content is, for addresses that are not accesses.
    #[inline(always)]
    pub const fn as_ptr(&self) -> *mut T {
        self.0.get()
    }
}

#[cfg(feature = "std")]
pub use locks::{Mutex, MutexGuard};

#[cfg(feature = "std")]
mod locks {
    use core::ops::{Deref, DerefMut};
    use std::sync::{self, PoisonError};

    /// A lock whose acquire and release are each one step of a spec. Not poisoned by a panic.
    #[derive(Debug, Default)]
    pub struct Mutex<T>(sync::Mutex<T>);

    /// What [`Mutex::lock`] gives; dropping it is the step that releases.
    #[derive(Debug)]
    pub struct MutexGuard<'a, T>(sync::MutexGuard<'a, T>);

    impl<T> Mutex<T> {
        /// An unlocked lock.
        pub const fn new(value: T) -> Self {
            Self(sync::Mutex::new(value))
        }

        /// Waits for the lock.
        pub fn lock(&self) -> MutexGuard<'_, T> {
            MutexGuard(self.0.lock().unwrap_or_else(PoisonError::into_inner))
        }

        /// Whether somebody holds the lock, seen from outside the model.
        pub fn raw_is_locked(&self) -> bool {
            matches!(self.0.try_lock(), Err(sync::TryLockError::WouldBlock))
        }
    }

    impl<T> Deref for MutexGuard<'_, T> {
        type Target = T;
        fn deref(&self) -> &T {
            &self.0
        }
    }

    impl<T> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            &mut self.0
        }
    }
}
