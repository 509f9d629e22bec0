//! A slot of a pool for an object that is yet to be made.

use super::Pool;
use crate::count::{Any, CasCount, Count};
use crate::key::Key;
use crate::reference::Ref;
use crate::slots::{Slot, Slots};
use core::fmt;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;

/// A slot of a pool: [`Pool::vacant`]. Nothing is found in it until something is inserted; dropping it gives the
/// slot back.
///
/// ```
/// use graceref::{Key, Pool, Ref};
/// struct Node { me: Key }
/// let pool: Pool<Node> = Pool::new();
/// let vacant = pool.vacant().unwrap();
/// let me = vacant.key();
/// assert!(pool.get(me).is_none());       // not yet
/// let node = vacant.insert(Node { me });
/// assert_eq!(Ref::key(&node), node.me);
/// ```
#[must_use = "dropping it gives the slot back"]
pub struct Vacant<'p, T, C: Count = CasCount> {
    slot: NonNull<Slot<T, C>>,
    pool: &'p Pool<T, C>,
}

// SAFETY: a slot that is the `Vacant`'s alone, in a pool that may be used from any thread (Stash!NoSharedFree).
unsafe impl<T: Send + Sync, C: Count> Send for Vacant<'_, T, C> {}
// SAFETY: a `&Vacant` gives its key only (Stash!NoSharedFree).
unsafe impl<T: Send + Sync, C: Count> Sync for Vacant<'_, T, C> {}

impl<'p, T, C: Count> Vacant<'p, T, C> {
    /// # Safety
    /// The caller owns the dead slot of this pool and gives it to the `Vacant`.
    #[inline]
    pub(super) unsafe fn new(pool: &'p Pool<T, C>, slot: NonNull<Slot<T, C>>) -> Self {
        Self { slot, pool }
    }

    /// Puts the object into it; the reference returned is its first. One store, release.
    #[inline(always)]
    pub fn insert(self, value: T) -> Ref<T, C> {
        let this = ManuallyDrop::new(self);
        // SAFETY: the `Vacant`'s slot, dead, and this thread's alone (Stash!NoReuseWhileHeld).
        let object = unsafe { super::write(this.slot, value) };
        if !crate::sync::mutant("kill.no_recheck") && this.pool.slots().is_killed() {
            // Killed meanwhile, perhaps without seeing the object: nobody shall find it (Kill!NoGetAfterKill).
            object.content().count.remove(Any);
        }
        object
    }
}

impl<T, C: Count> Vacant<'_, T, C> {
    /// The key that the object will have.
    pub fn key(&self) -> Key {
        // SAFETY: the `Vacant`'s slot (Stash!NoSharedFree).
        let slot = unsafe { self.slot.as_ref() };
        Key::of(slot.count.word().next_generation(), slot.place())
    }
}

impl<T, C: Count> Drop for Vacant<'_, T, C> {
    fn drop(&mut self) {
        // SAFETY: the `Vacant`'s slot (Stash!NoSharedFree).
        let slot = unsafe { self.slot.as_ref() };
        // Somebody may have kept the key: it must not become another object's.
        slot.count.skip();
        // SAFETY: the `Vacant`'s slot, not touched afterwards; nothing is in it (Stash!NoSharedFree).
        unsafe { Slots::give(self.pool.slots, self.slot) };
    }
}

impl<T, C: Count> fmt::Debug for Vacant<'_, T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vacant").finish_non_exhaustive()
    }
}
