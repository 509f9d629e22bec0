//! The model builds: loom's or shuttle's atomics, each operation one step that the model's tables know of.

use super::Ordering;
use super::model::{self, Object};
use core::fmt;
use core::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

#[cfg(graceref_loom)]
use loom::sync as engine;
#[cfg(graceref_shuttle)]
use shuttle::sync as engine;

use Ordering::AcqRel;

macro_rules! modelled_atomic {
    ($Name:ident, $int:ty) => {
        /// The engine's atomic, with its place in the model's tables and a shadow that observers read.
        pub struct $Name {
            inner: engine::atomic::$Name,
            shadow: std::sync::atomic::$Name,
            object: Object,
        }

        #[allow(missing_docs, clippy::missing_errors_doc)]
        impl $Name {
            pub fn new(v: $int) -> Self {
                Self {
                    inner: engine::atomic::$Name::new(v),
                    shadow: std::sync::atomic::$Name::new(v),
                    object: Object::new(),
                }
            }

            fn set(&self, v: $int) {
                self.shadow.store(v, Ordering::Relaxed);
            }

            #[track_caller]
            pub fn load(&self, order: Ordering) -> $int {
                if model::over() {
                    return self.raw_load();
                }
                let order = model::access("load", order);
                self.object.step(|| {
                    if model::rmw_pass() {
                        self.inner.fetch_add(0, AcqRel)
                    } else {
                        self.inner.load(order)
                    }
                })
            }

            /// A load of a word that nobody writes meanwhile. It commutes with all that others do, so it is no step.
            #[track_caller]
            pub fn load_settled(&self, order: Ordering) -> $int {
                if model::over() {
                    return self.raw_load();
                }
                let order = model::access("load_settled", order);
                model::unstepped(|| {
                    let seen = self.inner.load(order);
                    // What was there before is for the native pass.
                    let stale = model::rmw_pass() && seen != self.raw_load();
                    if stale { self.inner.fetch_add(0, AcqRel) } else { seen }
                })
            }

            /// Looks until the word is another than this. Only the look that ends the waiting is a step.
            #[cfg(graceref_loom)]
            #[allow(dead_code)] // for one of the widths
            #[track_caller]
            pub(crate) fn load_while(&self, unwanted: $int, order: Ordering) {
                if model::over() {
                    return;
                }
                let order = model::access("load_while", order);
                let look = || {
                    if model::rmw_pass() {
                        self.inner.fetch_add(0, AcqRel)
                    } else {
                        self.inner.load(order)
                    }
                };
                while model::unstepped(look) == unwanted {
                    model::unstepped(loom::thread::yield_now);
                }
                // The look is done; nobody comes between it and its record.
                self.object.step(|| ());
            }

            /// A load that is not enabled while the flag is up.
            #[cfg(graceref_shuttle)]
            #[allow(dead_code)] // for one of the widths
            #[track_caller]
            pub(crate) fn load_when_down(&self, up: &Arc<AtomicBool>) -> $int {
                if model::over() {
                    return self.raw_load();
                }
                self.object.lock_step(up, || {
                    // Only the project's own schedulers know that the step is not enabled.
                    while up.load(Ordering::Relaxed) {
                        shuttle::thread::yield_now();
                    }
                    self.inner.load(Ordering::Acquire)
                })
            }

            /// A store to a word that nobody else looks at now, and so no step.
            #[track_caller]
            pub fn store_settled(&self, v: $int, order: Ordering) {
                if !model::over() {
                    let order = model::access("store_settled", order);
                    model::unstepped(|| {
                        if cfg!(graceref_loom) {
                            self.inner.swap(v, model::order(order));
                        } else {
                            self.inner.store(v, order);
                        }
                    });
                }
                self.set(v);
            }

            #[track_caller]
            pub fn store(&self, v: $int, order: Ordering) {
                if model::over() {
                    return self.shadow.store(v, Ordering::Relaxed);
                }
                let order = model::access("store", order);
                self.object.step(|| {
                    if model::rmw_pass() {
                        self.inner.swap(v, AcqRel);
                    } else {
                        self.inner.store(v, order);
                    }
                    self.set(v);
                });
            }

            #[track_caller]
            pub fn store_racing(&self, v: $int, order: Ordering) {
                if model::over() {
                    return self.shadow.store(v, Ordering::Relaxed);
                }
                let order = model::access("store_racing", order);
                self.object.step(|| {
                    if model::rmw_pass() {
                        self.inner.swap(v, AcqRel);
                    } else if cfg!(graceref_loom) {
                        self.inner.swap(v, order);
                    } else {
                        self.inner.store(v, order);
                    }
                    self.set(v);
                });
            }

            #[track_caller]
            pub fn swap(&self, v: $int, order: Ordering) -> $int {
                if model::over() {
                    return self.shadow.swap(v, AcqRel);
                }
                let order = model::access("swap", order);
                self.object.step(|| {
                    let old = self.inner.swap(v, model::order(order));
                    self.set(v);
                    old
                })
            }

            #[track_caller]
            pub fn compare_exchange(
                &self,
                current: $int,
                new: $int,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$int, $int> {
                if model::over() {
                    return self.shadow.compare_exchange(current, new, AcqRel, Ordering::Acquire);
                }
                let (success, failure) = model::exchange(success, failure);
                self.object.step(|| {
                    let failure = if model::rmw_pass() { Ordering::Acquire } else { failure };
                    let done =
                        self.inner.compare_exchange(current, new, model::order(success), failure);
                    if done.is_ok() {
                        self.set(new);
                    }
                    done
                })
            }

            #[track_caller]
            pub fn fetch_add(&self, v: $int, order: Ordering) -> $int {
                if model::over() {
                    return self.shadow.fetch_add(v, AcqRel);
                }
                let order = model::access("fetch_add", order);
                self.object.step(|| {
                    let old = self.inner.fetch_add(v, model::order(order));
                    self.set(old.wrapping_add(v));
                    old
                })
            }

            #[track_caller]
            pub fn fetch_sub(&self, v: $int, order: Ordering) -> $int {
                if model::over() {
                    return self.shadow.fetch_sub(v, AcqRel);
                }
                let order = model::access("fetch_sub", order);
                self.object.step(|| {
                    let old = self.inner.fetch_sub(v, model::order(order));
                    self.set(old.wrapping_sub(v));
                    old
                })
            }

            /// A step that is none of the code's, and so nothing to weaken: has what others had who did it, and passes it on.
            #[allow(dead_code)] // One of the types has it.
            pub(in crate::sync) fn carry(&self) {
                self.object.step(|| {
                    self.inner.fetch_add(1, AcqRel);
                });
            }

            /// Has what others had who changed it, as part of the step at hand.
            #[allow(dead_code)] // One of the types has it.
            pub(in crate::sync) fn catch_up(&self) {
                self.object.also(|| {
                    self.inner.fetch_add(0, AcqRel);
                });
            }

            /// A buffered store takes effect, as part of the step at hand.
            #[allow(dead_code)] // One of the types has it.
            pub(in crate::sync) fn land(&self, v: $int) {
                self.object.also(|| {
                    self.inner.store(v, Ordering::Release);
                    self.set(v);
                });
            }

            pub fn raw_load(&self) -> $int {
                self.shadow.load(Ordering::Relaxed)
            }
        }

        impl fmt::Debug for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.raw_load())
            }
        }

        impl Default for $Name {
            fn default() -> Self {
                Self::new(0)
            }
        }
    };
}

modelled_atomic!(AtomicU32, u32);
modelled_atomic!(AtomicU64, u64);
modelled_atomic!(AtomicUsize, usize);

/// The engine's atomic pointer, with its place in the model's tables and a shadow that observers read.
pub struct AtomicPtr<T> {
    inner: engine::atomic::AtomicPtr<T>,
    shadow: std::sync::atomic::AtomicPtr<T>,
    object: Object,
}

#[allow(missing_docs, clippy::missing_errors_doc)]
impl<T> AtomicPtr<T> {
    pub fn new(v: *mut T) -> Self {
        Self {
            inner: engine::atomic::AtomicPtr::new(v),
            shadow: std::sync::atomic::AtomicPtr::new(v),
            object: Object::new(),
        }
    }

    #[track_caller]
    pub fn load(&self, order: Ordering) -> *mut T {
        if model::over() {
            return self.raw_load();
        }
        let order = model::access("load", order);
        self.object.step(|| if model::rmw_pass() { self.newest() } else { self.inner.load(order) })
    }

    /// A load that is a read-modify-write to loom, whether or not it succeeds.
    fn newest(&self) -> *mut T {
        let null = core::ptr::null_mut();
        self.inner
            .compare_exchange(null, null, AcqRel, Ordering::Acquire)
            .unwrap_or_else(|seen| seen)
    }

    /// A load of a word that nobody writes meanwhile. It commutes with all that others do, so it is no step.
    #[track_caller]
    pub fn load_settled(&self, order: Ordering) -> *mut T {
        if model::over() {
            return self.raw_load();
        }
        let order = model::access("load_settled", order);
        model::unstepped(|| {
            let seen = self.inner.load(order);
            let stale = model::rmw_pass() && seen != self.raw_load();
            if stale { self.newest() } else { seen }
        })
    }

    #[track_caller]
    pub fn store(&self, v: *mut T, order: Ordering) {
        if model::over() {
            return self.shadow.store(v, Ordering::Relaxed);
        }
        let order = model::access("store", order);
        self.object.step(|| {
            if model::rmw_pass() {
                self.inner.swap(v, AcqRel);
            } else {
                self.inner.store(v, order);
            }
            self.shadow.store(v, Ordering::Relaxed);
        });
    }

    #[track_caller]
    pub fn store_racing(&self, v: *mut T, order: Ordering) {
        if model::over() {
            return self.shadow.store(v, Ordering::Relaxed);
        }
        let order = model::access("store_racing", order);
        self.object.step(|| {
            if cfg!(graceref_loom) {
                self.inner.swap(v, model::order(order));
            } else {
                self.inner.store(v, order);
            }
            self.shadow.store(v, Ordering::Relaxed);
        });
    }

    #[track_caller]
    pub fn swap(&self, v: *mut T, order: Ordering) -> *mut T {
        if model::over() {
            return self.shadow.swap(v, AcqRel);
        }
        let order = model::access("swap", order);
        self.object.step(|| {
            let old = self.inner.swap(v, model::order(order));
            self.shadow.store(v, Ordering::Relaxed);
            old
        })
    }

    #[track_caller]
    pub fn compare_exchange(
        &self,
        current: *mut T,
        new: *mut T,
        success: Ordering,
        failure: Ordering,
    ) -> Result<*mut T, *mut T> {
        if model::over() {
            return self.shadow.compare_exchange(current, new, AcqRel, Ordering::Acquire);
        }
        let (success, failure) = model::exchange(success, failure);
        self.object.step(|| {
            let failure = if model::rmw_pass() { Ordering::Acquire } else { failure };
            let done = self.inner.compare_exchange(current, new, model::order(success), failure);
            if done.is_ok() {
                self.shadow.store(new, Ordering::Relaxed);
            }
            done
        })
    }

    pub fn raw_load(&self) -> *mut T {
        self.shadow.load(Ordering::Relaxed)
    }
}

impl<T> fmt::Debug for AtomicPtr<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:p}", self.raw_load())
    }
}

/// The engine's fence: no step of its own.
#[track_caller]
pub fn fence(order: Ordering) {
    if model::over() {
        return;
    }
    if let Some(order) = model::fenced(order) {
        engine::atomic::fence(order);
    }
}

/// The engine's lock: acquire and release are a step each, and a thread before a held lock is not enabled.
pub struct Mutex<T> {
    inner: engine::Mutex<T>,
    held: Arc<AtomicBool>,
    object: Object,
}

/// What [`Mutex::lock`] gives; dropping it is the step that releases.
pub struct MutexGuard<'a, T> {
    inner: Option<engine::MutexGuard<'a, T>>,
    mutex: &'a Mutex<T>,
    /// Where the lock was taken: `drop` cannot say where it was given back.
    taken: &'static core::panic::Location<'static>,
}

impl<T> Mutex<T> {
    /// An unlocked lock.
    pub fn new(value: T) -> Self {
        Self {
            inner: engine::Mutex::new(value),
            held: Arc::new(AtomicBool::new(false)),
            object: Object::new(),
        }
    }

    /// Waits for the lock.
    #[track_caller]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        let inner = self.object.lock_step(&self.held, || {
            // Before a held lock shuttle's thread blocks, or panics if the lock is its own, and where all block it
            // panics too. Here it stands at a scheduling point, where the project's own schedulers leave it.
            #[cfg(graceref_shuttle)]
            if self.raw_is_locked() {
                shuttle::thread::yield_now();
            }
            let guard = match self.inner.lock() {
                Ok(guard) => guard,
                Err(poisoned) => poisoned.into_inner(),
            };
            self.held.store(true, Ordering::Relaxed);
            guard
        });
        MutexGuard { inner: Some(inner), mutex: self, taken: core::panic::Location::caller() }
    }

    /// Whether somebody holds the lock, seen from outside the model.
    pub fn raw_is_locked(&self) -> bool {
        self.held.load(Ordering::Relaxed)
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        self.mutex.object.unlock_step(self.taken, || {
            drop(self.inner.take());
            self.mutex.held.store(false, Ordering::Relaxed);
        });
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.inner.as_ref().expect("taken only by drop")
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.inner.as_mut().expect("taken only by drop")
    }
}

impl<T> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex").field("held", &self.raw_is_locked()).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MutexGuard").finish_non_exhaustive()
    }
}
