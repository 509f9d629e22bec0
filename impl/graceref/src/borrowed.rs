//! A strong reference, borrowed: by one pointer, without a count.

use crate::count::{CasCount, Count};
use crate::key::Key;
use crate::pool::key_of;
use crate::reference::Ref;
use crate::slots::Slot;
use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::ptr::NonNull;

/// A [`Ref`] that somebody else has, borrowed: passes an object on without a count, and can become a `Ref`.
///
/// What a `&Ref<T>` is, by one pointer instead of two; what a `&T` is, and knows its [`key`](Borrowed::key) besides.
/// The size of a pointer, `Copy`, and so is `Option<Borrowed<T>>`. `Send` and `Sync` as `&Arc`. From [`Ref::borrow`].
///
/// ```
/// use graceref::{Borrowed, Pool, Ref};
///
/// /// Keeps the long ones.
/// fn keep<'a>(names: &mut Vec<Ref<String>>, name: Borrowed<'a, String>) -> &'a String {
///     if name.len() > 3 {
///         names.push(Borrowed::to_ref(name)); // the only place that counts
///     }
///     Borrowed::object(name)
/// }
///
/// let pool: Pool<String> = Pool::new();
/// let (a, b) = (pool.insert("bob".to_owned()).unwrap(), pool.insert("alice".to_owned()).unwrap());
/// let mut kept = Vec::new();
/// assert_eq!(keep(&mut kept, Ref::borrow(&a)), "bob");
/// assert_eq!(keep(&mut kept, (&b).into()), "alice");
/// assert_eq!((Ref::refs(&a), Ref::refs(&b)), (1, 2));
/// ```
///
/// It cannot outlive the reference that it is borrowed from:
///
/// ```compile_fail,E0505
/// use graceref::{Pool, Ref};
/// let pool: Pool<u32> = Pool::new();
/// let object = pool.insert(1).unwrap();
/// let borrowed = Ref::borrow(&object);
/// drop(object);
/// assert_eq!(*borrowed, 1);
/// ```
///
/// There is none from [`RcuPool::peek`](crate::RcuPool::peek): what is peeked at may have had its last put, and then there
/// is no reference to be had. [`Pool::get`](crate::Pool::get) with its key says so.
pub struct Borrowed<'a, T, C: Count = CasCount> {
    // Invariant in `T`, by the slot's cell, as `Ref` is.
    slot: NonNull<Slot<T, C>>,
    from: PhantomData<&'a Ref<T, C>>,
}

// SAFETY: as `&Ref`: gives `&T` and counted references to any thread (Stash!CountIsRefs).
unsafe impl<T: Send + Sync, C: Count> Send for Borrowed<'_, T, C> {}
// SAFETY: as `&Ref`, of which it is a copy (Stash!CountIsRefs).
unsafe impl<T: Send + Sync, C: Count> Sync for Borrowed<'_, T, C> {}

// As `&Ref`: the object does not move with it, and is seen through `&T` only.
impl<T: RefUnwindSafe, C: Count> UnwindSafe for Borrowed<'_, T, C> {}
impl<T: RefUnwindSafe, C: Count> RefUnwindSafe for Borrowed<'_, T, C> {}

impl<T, C: Count> Ref<T, C> {
    /// The reference, borrowed, by one pointer: to pass an object on without counting. No atomic operation.
    #[inline]
    pub fn borrow(this: &Self) -> Borrowed<'_, T, C> {
        Borrowed { slot: this.slot(), from: PhantomData }
    }
}

impl<'a, T, C: Count> Borrowed<'a, T, C> {
    fn content(this: Self) -> &'a Slot<T, C> {
        // SAFETY: the reference that it is borrowed from is not given back before the borrow ends
        // (Stash!NoReuseWhileHeld).
        unsafe { this.slot.as_ref() }
    }

    /// The object, for as long as the reference is borrowed. No atomic operation.
    #[inline]
    pub fn object(this: Self) -> &'a T {
        Self::content(this).value.with(|value| {
            // SAFETY: alive, as above (Stash!NoReuseWhileHeld).
            unsafe { &*value.cast::<T>() }
        })
    }

    /// A reference of one's own. One atomic add, relaxed; never fails, since the object has a reference.
    #[inline]
    pub fn to_ref(this: Self) -> Ref<T, C> {
        Self::content(this).count.get();
        // SAFETY: the reference just counted (Stash!CountIsRefs).
        unsafe { Ref::from_slot(this.slot) }
    }

    /// The object's key, as [`Ref::key`].
    #[inline]
    pub fn key(this: Self) -> Key {
        key_of(Self::content(this))
    }

    /// Whether both are references to the same object.
    pub fn ptr_eq(this: Self, other: Self) -> bool {
        this.slot == other.slot
    }
}

impl<'a, T, C: Count> From<&'a Ref<T, C>> for Borrowed<'a, T, C> {
    fn from(object: &'a Ref<T, C>) -> Self {
        Ref::borrow(object)
    }
}

impl<T, C: Count> Clone for Borrowed<'_, T, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, C: Count> Copy for Borrowed<'_, T, C> {}

impl<T, C: Count> Deref for Borrowed<'_, T, C> {
    type Target = T;

    /// The object. No atomic operation.
    #[inline]
    fn deref(&self) -> &T {
        Self::object(*self)
    }
}

impl<T: fmt::Debug, C: Count> fmt::Debug for Borrowed<'_, T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<T: fmt::Display, C: Count> fmt::Display for Borrowed<'_, T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&**self, f)
    }
}
