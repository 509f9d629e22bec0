//! The stash: a slot that points to an object without owning it.

use crate::count::{Any, CasCount, Count};
use crate::pool::{Missed, Pool};
use crate::reference::Ref;
use crate::slots::Slot;
use crate::sync::{AtomicPtr, Ordering};
use crate::{at, local};
use core::fmt;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::ptr::{self, NonNull};

/// A non-owning pointer to an object, and the lookups that make a reference of it or say that it is dead.
///
/// The "stashed file pointer" of the kernel: a driver's singleton, a cache of one. The object's destructor clears
/// the stash ([`clear`](Stash::clear)); between its last put and that moment the stash points to a dead object,
/// and after it, had nobody cleared, to a slot that may hold another one. What each lookup does about it:
///
/// | lookup | dead object | another object in the slot | spins |
/// |---|---|---|---|
/// | [`get_active`](Stash::get_active) | `None` | noticed by a second look: `None` | never |
/// | [`get`](Stash::get) | tries again | noticed by a second look: tries again | while a dead object stays in the stash |
/// | [`get_under_lock`](Stash::get_under_lock) | `None` | not noticed: excluded by the caller's lock | never |
///
/// Use `get_active` for a stash that only the destructor clears, `get` for one that is replaced while in use.
///
/// ```
/// use graceref::{Pool, Stash};
/// use std::sync::OnceLock;
///
/// struct Device { stash: &'static OnceLock<Stash<Device>> }
/// impl Drop for Device {
///     fn drop(&mut self) {
///         self.stash.get().unwrap().clear(self);
///     }
/// }
///
/// static STASH: OnceLock<Stash<Device>> = OnceLock::new();
/// let pool: Pool<Device> = Pool::new();
/// let stash = STASH.get_or_init(|| Stash::new(&pool));
/// let device = pool.insert(Device { stash: &STASH }).ok().unwrap();
/// stash.store(&device).unwrap();
/// assert!(stash.get_active().is_some());
/// drop(device);
/// assert!(stash.get_active().is_none());
/// ```
pub struct Stash<T, C: Count = CasCount> {
    // The handle keeps the memory that the pointer points into.
    pool: Pool<T, C>,
    slot: AtomicPtr<Slot<T, C>>,
}

// SAFETY: a stash gives out `Ref`s, on any thread, to objects that any thread made (Stash!NoReuseWhileHeld).
unsafe impl<T: Send + Sync, C: Count> Send for Stash<T, C> {}
// SAFETY: a `&Stash` changes one atomic pointer, and what it gives out is counted (Stash!CountIsRefs).
unsafe impl<T: Send + Sync, C: Count> Sync for Stash<T, C> {}

// Objects are seen through `&T` only, and the pointer changes in one step.
impl<T: RefUnwindSafe, C: Count> UnwindSafe for Stash<T, C> {}
impl<T: RefUnwindSafe, C: Count> RefUnwindSafe for Stash<T, C> {}

impl<T, C: Count> Stash<T, C> {
    /// An empty stash for objects of this pool, whose memory it keeps.
    pub fn new(pool: &Pool<T, C>) -> Self {
        Self { pool: pool.clone(), slot: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Points the stash to the object. Takes no reference. One store, release.
    ///
    /// # Errors
    /// [`ForeignRef`] when the object is of another pool, whose memory the stash would not keep.
    pub fn store(&self, object: &Ref<T, C>) -> Result<(), ForeignRef> {
        if !self.pool.owns(object) {
            return Err(ForeignRef(()));
        }
        at!("stash_store");
        // ORDERING: Release pairs with the Acquire of the lookups: the slot behind the pointer is written.
        self.slot.store_racing(object.slot().as_ptr(), Ordering::Release);
        Ok(())
    }

    /// Empties the stash if it points to this very object, and says whether it did. One compare-exchange.
    ///
    /// For the object's destructor: there, whatever the outcome, the stash does not point to the object afterwards.
    pub fn clear(&self, object: &T) -> bool {
        at!("stash_clear");
        // ORDERING: Relaxed; the next object's `init` publishes it to whoever gets that object by mistake,
        // and so to that lookup's second look.
        self.slot
            .compare_exchange(
                Slot::address_of(object),
                ptr::null_mut(),
                Ordering::Relaxed,
                Ordering::Relaxed,
            )
            .is_ok()
    }

    /// A reference to the object in the stash, in one try: `None` if the stash is empty, its object is dead, or
    /// the stash changed during the call.
    ///
    /// Two loads and one read-modify-write. The object returned was in the stash at some instant of the call, if
    /// each object's destructor clears the stash. Otherwise it may be the next object in a dead one's slot.
    /// The idea is the kernel's `get_file_active`.
    pub fn get_active(&self) -> Option<Ref<T, C>> {
        self.try_get().ok().flatten()
    }

    /// A reference to the object in the stash, retrying while the stash changes; `None` only if it is empty, or what is
    /// there was removed from the pool ([`Pool::remove`], `clear`, `kill`) and still has references.
    ///
    /// Spins for as long as the stash holds a dead object: right for a stash that is replaced before the old
    /// object's last reference goes, wrong for one that the destructor clears. The idea is the kernel's `get_file_rcu`.
    pub fn get(&self) -> Option<Ref<T, C>> {
        loop {
            if let Ok(found) = self.try_get() {
                return found;
            }
            core::hint::spin_loop();
        }
    }

    /// A reference to the object in the stash under a lock that its destructor takes to clear the stash.
    ///
    /// One load and one read-modify-write: no second look. The lock is what makes it right: while the caller
    /// holds it the dead object's destructor has not finished, so its slot is nobody else's. Without it the object
    /// returned may be another one of the pool. The idea is vmwgfx's `get_dma_buf_unless_doomed`.
    pub fn get_under_lock<L>(&self, _proof: &L) -> Option<Ref<T, C>> {
        at!("stash_load");
        // ORDERING: Acquire pairs with the Release of `store`.
        let slot = NonNull::new(self.slot.load(Ordering::Acquire))?;
        self.pool.find(slot, Any)
    }

    /// `Err(())` if the stash held a dead object or changed.
    fn try_get(&self) -> Result<Option<Ref<T, C>>, ()> {
        at!("stash_load");
        // ORDERING: Acquire pairs with the Release of `store`: the slot behind the pointer is written.
        let slot = NonNull::new(self.slot.load(Ordering::Acquire));
        local!(undo = false);
        let Some(slot) = slot else { return Ok(None) };
        let object = match self.pool.look_up(slot, Any) {
            Ok(object) => object,
            Err(Missed::Removed) => return Ok(None),
            Err(Missed::Gone) => return Err(()),
        };
        if crate::sync::mutant("stash.skip_recheck") {
            return Ok(Some(object));
        }
        if crate::sync::mutant("stash.extra_look") {
            // ORDERING: Relaxed; nobody looks at what the mutant reads.
            let _ = self.slot.load(Ordering::Relaxed);
        }
        at!("stash_recheck");
        // ORDERING: Relaxed; after the Acquire of the get, which pairs with the Release of `init`: if the slot was
        // reused, the clearing of the stash before that is seen here.
        if self.slot.load(Ordering::Relaxed) == slot.as_ptr() {
            return Ok(Some(object));
        }
        local!(undo = true);
        drop(object);
        Err(())
    }

    /// The slot's address, for observers outside the model.
    #[doc(hidden)]
    pub fn raw_address(&self) -> usize {
        self.slot.raw_load().addr()
    }
}

impl<T, C: Count> fmt::Debug for Stash<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stash").finish_non_exhaustive()
    }
}

/// The object is of another pool than the stash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForeignRef(());

impl fmt::Display for ForeignRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the object lives in another pool than the stash was made for; make a stash for that pool")
    }
}

impl core::error::Error for ForeignRef {}
