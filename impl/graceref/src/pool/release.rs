//! The end of an object: what happens between its last put and the next object in its slot.

#[cfg(any(feature = "std", graceref_loom, graceref_shuttle))]
use super::Deferral;
use super::Pool;
use crate::at;
use crate::count::{CasCount, Count};
use crate::key::Key;
use crate::slots::{Slot, Slots};
use alloc::boxed::Box;
use core::fmt;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

/// What is called with an object after its last put.
pub(super) type Hook<T, C> = Box<dyn Fn(&mut Releasing<'_, T, C>) + Send + Sync>;

/// What a pool does beyond dropping its objects; for most pools nothing.
pub(crate) struct Kind<T, C: Count>(Option<Box<Extras<T, C>>>);

struct Extras<T, C: Count> {
    hook: Option<Hook<T, C>>,
    #[cfg(any(feature = "std", graceref_loom, graceref_shuttle))]
    deferral: Option<Deferral<T, C>>,
}

impl<T, C: Count> Kind<T, C> {
    pub(super) fn new(hook: Option<Hook<T, C>>) -> Self {
        let extras = |hook| {
            Box::new(Extras {
                hook: Some(hook),
                #[cfg(any(feature = "std", graceref_loom, graceref_shuttle))]
                deferral: None,
            })
        };
        Self(hook.map(extras))
    }

    #[cfg(any(feature = "std", graceref_loom, graceref_shuttle))]
    pub(super) fn deferred(hook: Option<Hook<T, C>>, deferral: Deferral<T, C>) -> Self {
        Self(Some(Box::new(Extras { hook, deferral: Some(deferral) })))
    }

    /// What to do where objects are dropped after a grace period only.
    #[cfg(any(feature = "std", graceref_loom, graceref_shuttle))]
    pub(crate) fn deferral(&self) -> Option<&Deferral<T, C>> {
        self.0.as_ref()?.deferral.as_ref()
    }

    #[inline]
    fn hook(&self) -> Option<&Hook<T, C>> {
        self.0.as_ref()?.hook.as_ref()
    }
}

/// An object after its last put: [`Builder::on_release`](super::Builder::on_release).
///
/// It is the hook's alone; nobody finds it any more.
pub struct Releasing<'a, T, C: Count = CasCount> {
    slot: NonNull<Slot<T, C>>,
    object: PhantomData<&'a mut T>,
}

impl<T, C: Count> Releasing<'_, T, C> {
    /// The object's pool; `None` if its last handle is gone, or while somebody [shrinks](Pool::shrink) the pool.
    pub fn pool(&self) -> Option<Pool<T, C>> {
        // SAFETY: the slot is out, which keeps the memory (Pool!NoUseAfterFree).
        unsafe { Pool::revive(Slots::owner(self.slot)) }
    }

    fn content(&self) -> &Slot<T, C> {
        // SAFETY: the slot is the releaser's until it is given back (Stash!ReleasedOnce).
        unsafe { self.slot.as_ref() }
    }
}

impl<T, C: Count> Releasing<'_, T, C> {
    /// The object's key, which is dead.
    pub fn key(&self) -> Key {
        key_of(self.content())
    }
}

impl<T, C: Count> Deref for Releasing<'_, T, C> {
    type Target = T;

    fn deref(&self) -> &T {
        self.content().value.with(|value| {
            // SAFETY: alive until the hook returns, and the releaser's alone (Stash!ReleasedOnce).
            unsafe { &*value.cast::<T>() }
        })
    }
}

impl<T, C: Count> DerefMut for Releasing<'_, T, C> {
    fn deref_mut(&mut self) -> &mut T {
        self.content().value.with_mut(|value| {
            // SAFETY: alive until the hook returns, and the releaser's alone (Stash!ReleasedOnce).
            unsafe { &mut *value.cast::<T>() }
        })
    }
}

impl<T: fmt::Debug, C: Count> fmt::Debug for Releasing<'_, T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Releasing").field(&**self).finish()
    }
}

/// The key of the slot's object. The caller has a reference, or won the last put.
pub(crate) fn key_of<T, C: Count>(slot: &Slot<T, C>) -> Key {
    Key::of(slot.count.word().generation(), slot.place())
}

/// Drops the object, now or after a grace period, and gives its slot back.
///
/// # Safety
/// The caller's put was the last; nobody touches the slot through this object's references afterwards.
#[inline(never)]
pub(crate) unsafe fn release<T, C: Count>(slot: NonNull<Slot<T, C>>) {
    let owner = Slots::owner(slot);
    // SAFETY: the slot is out, which keeps the memory (Pool!NoUseAfterFree).
    if unsafe { owner.as_ref() }.kind.0.is_some() {
        // SAFETY: the caller's promise (Stash!ReleasedOnce).
        return unsafe { release_specially(owner, slot) };
    }
    // SAFETY: the caller's promise (Stash!ReleasedOnce).
    unsafe { destroy(owner, slot, || ()) };
}

/// [`release`] in a pool that does more than dropping its objects.
///
/// # Safety
/// As for [`release`].
#[cold]
unsafe fn release_specially<T, C: Count>(owner: NonNull<Slots<T, C>>, slot: NonNull<Slot<T, C>>) {
    #[cfg(any(feature = "std", graceref_loom, graceref_shuttle))]
    // SAFETY: the slot is out, which keeps the memory (Pool!NoUseAfterFree).
    if let Some(deferral) = unsafe { owner.as_ref() }.kind.deferral() {
        // SAFETY: the caller's promise (RcuPool!ReleasedOnce).
        return unsafe { Deferral::release(NonNull::from(deferral), owner, slot) };
    }
    // SAFETY: the caller's promise (Stash!ReleasedOnce).
    unsafe { destroy_hooked(owner, slot) };
}

/// [`destroy`], with the pool's hook before it.
///
/// # Safety
/// As for [`destroy`].
pub(super) unsafe fn destroy_hooked<T, C: Count>(
    owner: NonNull<Slots<T, C>>,
    slot: NonNull<Slot<T, C>>,
) {
    let hook = || {
        // SAFETY: the slot is out, which keeps the memory (Pool!NoUseAfterFree).
        if let Some(hook) = unsafe { owner.as_ref() }.kind.hook() {
            hook(&mut Releasing { slot, object: PhantomData });
        }
    };
    // SAFETY: the caller's promise (Stash!ReleasedOnce).
    unsafe { destroy(owner, slot, hook) };
}

/// Drops the object and gives its slot back, even if `before` or its destructor panics.
///
/// # Safety
/// The slot is of this pool; its object's last put was the caller's, and nobody looks at it any more.
#[inline]
unsafe fn destroy<T, C: Count>(
    owner: NonNull<Slots<T, C>>,
    slot: NonNull<Slot<T, C>>,
    before: impl FnOnce(),
) {
    /// Gives the slot back when dropped.
    struct Recycle<T, C: Count>(NonNull<Slots<T, C>>, NonNull<Slot<T, C>>);

    impl<T, C: Count> Drop for Recycle<T, C> {
        #[inline(always)]
        fn drop(&mut self) {
            crate::site!("recycle");
            // SAFETY: the slot is the releaser's until it is given (Stash!NoReuseWhileHeld).
            unsafe { self.1.as_ref() }.value.retire();
            // SAFETY: the releaser's, its value gone, and not touched afterwards (Stash!NoSharedFree).
            unsafe { Slots::give(self.0, self.1) };
        }
    }

    /// Drops the object when dropped.
    struct Destroy<T, C: Count>(NonNull<Slot<T, C>>);

    impl<T, C: Count> Drop for Destroy<T, C> {
        #[inline]
        fn drop(&mut self) {
            at!("release");
            // SAFETY: the slot is the releaser's until it is given (Stash!ReleasedOnce).
            unsafe { self.0.as_ref() }.value.with_mut(|value| {
                // SAFETY: written by `write`, dropped here and nowhere else (Stash!ReleasedOnce).
                unsafe { value.cast::<T>().drop_in_place() };
            });
        }
    }

    let _recycle = Recycle(owner, slot);
    let _destroy = Destroy(slot);
    before();
}
