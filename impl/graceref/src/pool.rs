//! The pool: where objects live.

use crate::at;
use crate::count::{CasCount, Count};
use crate::reference::Ref;
use crate::slots::{LIMIT, Slots};
use alloc::sync::Arc;
use core::fmt;
use core::mem::MaybeUninit;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::ptr::NonNull;

/// Objects in type-stable memory: a slot is reused at once, as another `T`, and never unmapped under a reader.
///
/// What the kernel calls `SLAB_TYPESAFE_BY_RCU`. Cloning gives another handle on the same pool. The memory goes
/// when the last handle and the last [`Ref`] are gone, in whichever order.
///
/// ```
/// use graceref::Pool;
/// let pool: Pool<&str> = Pool::with_limit(1);
/// let a = pool.insert("a").unwrap();
/// assert_eq!(pool.insert("b").unwrap_err().into_inner(), "b"); // full: the value comes back
/// drop(a);
/// let b = pool.insert("b").unwrap();                            // in the slot that "a" had
/// drop(pool);
/// assert_eq!(*b, "b");                                          // a reference keeps its object
/// ```
pub struct Pool<T, C: Count = CasCount> {
    handle: Arc<Handle<T, C>>,
}

/// What all handles share; its drop closes the memory.
struct Handle<T, C: Count> {
    // Invariant in `T`, by the cells in `Slots`: an object inserted through a handle with a shorter lifetime could
    // be found, in the same slot, through a stash with a longer one.
    slots: NonNull<Slots<T, C>>,
}

// SAFETY: the pool moves values in and out between threads, and gives `&T` to all of them through `Ref`, so it
// asks of `T` what `Arc<T>` does; the slots themselves are atomics (Stash!NoUseAfterFree).
unsafe impl<T: Send + Sync, C: Count> Send for Handle<T, C> {}
// SAFETY: all that a `&Pool` does to the slots is atomic, and each is one thread's alone when popped (Stash!NoSharedFree).
unsafe impl<T: Send + Sync, C: Count> Sync for Handle<T, C> {}

// Objects are seen through `&T` only, and no step of the pool's can be cut short by a panic.
impl<T: RefUnwindSafe, C: Count> UnwindSafe for Pool<T, C> {}
impl<T: RefUnwindSafe, C: Count> RefUnwindSafe for Pool<T, C> {}

impl<T, C: Count> Drop for Handle<T, C> {
    fn drop(&mut self) {
        // SAFETY: the last handle, once (Pool!FreedOnce).
        unsafe { Slots::close(self.slots) };
    }
}

impl<T, C: Count> Pool<T, C> {
    /// What an object takes, its count and the pool's own words included.
    #[doc(hidden)]
    pub const SLOT_SIZE: usize = size_of::<crate::slots::Slot<T, C>>();

    /// A pool that grows as needed, up to 2^32 - 32 objects. Allocates the first slots.
    pub fn new() -> Self {
        Self::with_limit(LIMIT)
    }

    /// A pool for at most so many objects at a time.
    pub fn with_limit(limit: u32) -> Self {
        Self { handle: Arc::new(Handle { slots: Slots::allocate(limit) }) }
    }

    /// Puts an object into the pool; the reference returned is its first.
    ///
    /// Costs one read-modify-write on the pool's free list and one store, and an allocation now and then.
    ///
    /// # Errors
    /// [`Full`], with the value in it, when the pool holds as many objects as it may; and in the instant in which
    /// another thread adds the last slots to a pool that grows, before it has them in the free list.
    pub fn insert(&self, value: T) -> Result<Ref<T, C>, Full<T>> {
        let Some(slot) = self.slots().pop() else { return Err(Full(value)) };
        // SAFETY: popped: this thread's alone until `init` (Stash!NoReuseWhileHeld).
        let content = unsafe { slot.as_ref() };
        content.value.renew();
        if crate::sync::mutant("pool.init_before_write") {
            content.count.init();
        }
        at!("write");
        content.value.with_mut(|place| {
            // SAFETY: nobody reads the value of a dead slot (Stash!NoReuseWhileHeld).
            unsafe { place.write(MaybeUninit::new(value)) };
        });
        if !crate::sync::mutant("pool.init_before_write") {
            content.count.init();
        }
        // SAFETY: `init` made the one reference that this is (Stash!CountIsRefs).
        Ok(unsafe { Ref::from_slot(slot) })
    }

    pub(crate) fn slots(&self) -> &Slots<T, C> {
        // SAFETY: the handle keeps the memory (Pool!NoUseAfterFree).
        unsafe { self.handle.slots.as_ref() }
    }

    /// Whether the reference's object lives in this pool.
    pub fn owns(&self, object: &Ref<T, C>) -> bool {
        Slots::owner(object.slot()) == self.handle.slots
    }

    /// A look at the memory's own words that outlives the pool, for observers outside the model.
    #[cfg(any(graceref_loom, graceref_shuttle))]
    #[doc(hidden)]
    pub fn raw_watch(&self) -> crate::slots::Watch<T, C> {
        crate::slots::Watch::new(self.handle.slots)
    }
}

impl<T, C: Count> Clone for Pool<T, C> {
    fn clone(&self) -> Self {
        Self { handle: Arc::clone(&self.handle) }
    }
}

impl<T, C: Count> Default for Pool<T, C> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, C: Count> fmt::Debug for Pool<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}

/// The pool holds as many objects as it may; the value that found no place is in here.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Full<T>(T);

impl<T> Full<T> {
    /// The value that found no place.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Full").finish_non_exhaustive()
    }
}

impl<T> fmt::Display for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the pool is full: it holds as many objects as its limit allows; drop one, or raise the limit")
    }
}

impl<T> core::error::Error for Full<T> {}
