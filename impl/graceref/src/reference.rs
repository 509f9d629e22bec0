//! The strong reference.

use crate::count::{CasCount, Count, Given};
use crate::key::Key;
use crate::pool::{key_of, release};
use crate::slots::{Slot, Slots};
use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::ptr::NonNull;

/// A strong reference to an object in a [`Pool`](crate::Pool): the object lives while one of these does.
///
/// The size of a pointer, and so is `Option<Ref<T>>`. `Send` and `Sync` exactly as `Arc`. Independent of the
/// pool's handles: a reference may outlive them all.
///
/// Dropping the last reference drops the object, on the thread that dropped it, outside every lock; then its slot
/// can be used again. If the object's destructor panics, the slot is given back all the same, once.
///
/// ```
/// use graceref::{Pool, Ref};
/// let pool: Pool<u32> = Pool::new();
/// let a = pool.insert(7).unwrap();
/// let b = a.clone();
/// drop(a);
/// assert_eq!(*b, 7);
/// assert_eq!(Ref::refs(&b), 1);
/// ```
pub struct Ref<T, C: Count = CasCount> {
    // Invariant in `T`, by the slot's cell: a `Stash` of one lifetime may find what was inserted with another.
    slot: NonNull<Slot<T, C>>,
    // Dropping a `Ref` may drop a `T`.
    owns: PhantomData<T>,
}

// SAFETY: as `Arc`: `&T` goes to other threads, and the last of them drops the `T` (Stash!ReleasedOnce).
unsafe impl<T: Send + Sync, C: Count> Send for Ref<T, C> {}
// SAFETY: as `Arc`: a `&Ref` gives `&T` and clones, each a counted reference (Stash!CountIsRefs).
unsafe impl<T: Send + Sync, C: Count> Sync for Ref<T, C> {}

// As `Arc`: the object does not move with its reference, and is seen through `&T` only.
impl<T, C: Count> Unpin for Ref<T, C> {}
impl<T: RefUnwindSafe, C: Count> UnwindSafe for Ref<T, C> {}
impl<T: RefUnwindSafe, C: Count> RefUnwindSafe for Ref<T, C> {}

impl<T, C: Count> Ref<T, C> {
    /// # Safety
    /// The caller owns one counted reference to the object in the slot and gives it to the `Ref`.
    pub(crate) unsafe fn from_slot(slot: NonNull<Slot<T, C>>) -> Self {
        Self { slot, owns: PhantomData }
    }

    pub(crate) fn slot(&self) -> NonNull<Slot<T, C>> {
        self.slot
    }

    #[inline]
    pub(crate) fn content(&self) -> &Slot<T, C> {
        // SAFETY: a counted reference keeps the slot an object's (Stash!NoReuseWhileHeld).
        unsafe { self.slot.as_ref() }
    }

    /// How many references the object has. A snapshot, stale as soon as it is read.
    pub fn refs(this: &Self) -> u64 {
        this.content().count.refs()
    }

    /// Whether both are references to the same object.
    ///
    /// ```
    /// use graceref::{Pool, Ref};
    /// let pool: Pool<u32> = Pool::new();
    /// let a = pool.insert(7).unwrap();
    /// assert!(Ref::ptr_eq(&a, &a.clone()));
    /// assert!(!Ref::ptr_eq(&a, &pool.insert(7).unwrap()));
    /// ```
    pub fn ptr_eq(this: &Self, other: &Self) -> bool {
        this.slot == other.slot
    }
}

impl<T, C: Count> Ref<T, C> {
    /// The object's key: a name of 64 bits that [`Pool::get`](crate::Pool::get) finds it by while it lives.
    ///
    /// One load, of a word that the caller's own references keep in the cache.
    #[inline]
    pub fn key(this: &Self) -> Key {
        key_of(this.content())
    }

    /// Whether the object may be found: it was not removed. One load.
    #[cfg(any(feature = "std", graceref_loom, graceref_shuttle))] // for tables
    pub(crate) fn is_live(this: &Self) -> bool {
        this.content().count.word().is_live()
    }
}

impl<T, C: Count> Deref for Ref<T, C> {
    type Target = T;

    /// The object. No atomic operation.
    #[inline]
    fn deref(&self) -> &T {
        self.content().value.with(|value| {
            // SAFETY: alive since `insert` wrote it, until the last reference is gone (Stash!NoReuseWhileHeld).
            unsafe { &*value.cast::<T>() }
        })
    }
}

impl<T, C: Count> Clone for Ref<T, C> {
    /// Another reference to the same object. One atomic add, relaxed.
    #[inline]
    fn clone(&self) -> Self {
        self.content().count.get();
        // SAFETY: the reference just counted (Stash!CountIsRefs).
        unsafe { Self::from_slot(self.slot) }
    }
}

impl<T, C: Count> Drop for Ref<T, C> {
    /// Gives the reference back. One atomic subtract; the last also releases the object, with a
    /// [`FileRefCount`](crate::FileRefCount) after one compare-exchange more.
    #[inline]
    fn drop(&mut self) {
        match self.content().count.give_back() {
            Given::Shared => {}
            // SAFETY: this put was the last (Stash!ReleasedOnce).
            Given::Last => unsafe { release(self.slot) },
            // SAFETY: whoever revived the count owes this one settlement (Pool!NoUseAfterFree).
            Given::Straggled => unsafe { Slots::settle(Slots::owner(self.slot)) },
        }
    }
}

impl<T: fmt::Debug, C: Count> fmt::Debug for Ref<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<T: fmt::Display, C: Count> fmt::Display for Ref<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&**self, f)
    }
}
