//! The pool: where objects live.

use crate::at;
use crate::count::{Any, CasCount, Count, Got, Wanted};
use crate::reference::Ref;
use crate::slots::{NoSlot, Slot, Slots};
use core::fmt;
use core::mem::MaybeUninit;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::ptr::NonNull;

mod builder;
#[cfg(any(feature = "std", graceref_loom, graceref_shuttle))]
mod deferral;
mod keyed;
mod release;
mod vacant;

pub use builder::Builder;
#[cfg(any(feature = "std", graceref_loom, graceref_shuttle))]
pub(crate) use deferral::Deferral;
pub use release::Releasing;
pub(crate) use release::{Kind, key_of, release};
pub use vacant::Vacant;

/// Objects in type-stable memory: a slot is reused at once, as another `T`, and never unmapped under a reader.
///
/// What the kernel calls `SLAB_TYPESAFE_BY_RCU`. Cloning gives another handle on the same pool. The memory goes
/// when the last handle and the last [`Ref`] are gone, in whichever order; some of it before, by [`shrink`](Pool::shrink).
///
/// Each thread keeps some free slots to itself (at most 128, for up to 128 threads at a time), so that threads which
/// insert and drop do not meet. A pool with a limit does without, so that the limit is exact.
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
    // Invariant in `T`, by the cells in `Slots`: an object inserted through a handle with a shorter lifetime could
    // be found, in the same slot, through a stash with a longer one.
    pub(crate) slots: NonNull<Slots<T, C>>,
}

// SAFETY: the pool moves values in and out between threads, and gives `&T` to all of them through `Ref`, so it
// asks of `T` what `Arc<T>` does; the slots themselves are atomics (Stash!NoUseAfterFree).
unsafe impl<T: Send + Sync, C: Count> Send for Pool<T, C> {}
// SAFETY: all that a `&Pool` does to the slots is atomic, and each is one thread's alone when popped (Stash!NoSharedFree).
unsafe impl<T: Send + Sync, C: Count> Sync for Pool<T, C> {}

// Objects are seen through `&T` only, and no step of the pool's can be cut short by a panic.
impl<T, C: Count> Unpin for Pool<T, C> {}
impl<T: RefUnwindSafe, C: Count> UnwindSafe for Pool<T, C> {}
impl<T: RefUnwindSafe, C: Count> RefUnwindSafe for Pool<T, C> {}

impl<T, C: Count> Drop for Pool<T, C> {
    /// The last handle closes the pool: its memory goes with the last reference. One atomic subtract.
    fn drop(&mut self) {
        let _scope = crate::sync::within("close");
        if self.slots().handles.put() {
            #[cfg(any(feature = "std", graceref_loom, graceref_shuttle))]
            if let Some(deferral) = self.slots().kind.deferral() {
                // SAFETY: the pool is not closed yet, which keeps the memory (Pool!NoUseAfterFree).
                unsafe { deferral.close(self.slots) };
            }
            // SAFETY: the last handle, once (Pool!FreedOnce).
            unsafe { Slots::close(self.slots) };
        }
    }
}

impl<T, C: Count> Pool<T, C> {
    /// What an object takes, its count and the pool's own words included.
    #[doc(hidden)]
    pub const SLOT_SIZE: usize = size_of::<Slot<T, C>>();

    /// A pool that grows as needed, up to 2^30 objects. Allocates its own words only.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A pool for at most so many objects at a time.
    ///
    /// Its free slots are in one list that all threads share, so that none is out of sight when the last is needed:
    /// an insert and the drop cost two compare-exchanges more than in a pool without a limit.
    pub fn with_limit(limit: u32) -> Self {
        Self::builder().limit(limit).build()
    }

    /// A pool that is described before it is made.
    pub fn builder() -> Builder<T, C> {
        Builder::new()
    }

    /// Puts an object into the pool; the reference returned is its first.
    ///
    /// Costs one store and no read-modify-write where the thread has a free slot; otherwise one or two for a batch of
    /// slots, and an allocation now and then.
    ///
    /// # Errors
    /// [`Full`], with the value in it, when the pool holds as many objects as it may, or was killed. An object whose
    /// destructor still runs holds its slot.
    #[inline(always)]
    pub fn insert(&self, value: T) -> Result<Ref<T, C>, Full<T>> {
        match self.take() {
            Ok(vacant) => Ok(vacant.insert(value)),
            Err(why) => Err(Full { value, why }),
        }
    }

    /// A slot for an object that is yet to be made. `None` when the pool is full or was killed.
    ///
    /// Nothing is found in it until [`Vacant::insert`]; dropping it gives the slot back.
    ///
    /// ```
    /// use graceref::Pool;
    /// let pool: Pool<String> = Pool::with_limit(1);
    /// let vacant = pool.vacant().unwrap();
    /// assert!(pool.vacant().is_none());
    /// drop(vacant);
    /// assert_eq!(*pool.vacant().unwrap().insert("made".to_owned()), "made");
    /// ```
    pub fn vacant(&self) -> Option<Vacant<'_, T, C>> {
        self.take().ok()
    }

    #[inline(always)]
    fn take(&self) -> Result<Vacant<'_, T, C>, NoSlot> {
        let slot = match self.slots().take() {
            Ok(slot) => slot,
            Err(why) => self.make_room(why)?,
        };
        // SAFETY: just taken (Stash!NoSharedFree).
        Ok(unsafe { Vacant::new(self, slot) })
    }

    /// Where objects are dropped after a grace period, some may only be waiting for somebody to look.
    #[cold]
    fn make_room(&self, why: NoSlot) -> Result<NonNull<Slot<T, C>>, NoSlot> {
        #[cfg(any(feature = "std", graceref_loom, graceref_shuttle))]
        if let (NoSlot::Full, Some(deferral)) = (why, self.slots().kind.deferral()) {
            deferral.reclaim(self.slots);
            return self.slots().take();
        }
        Err(why)
    }

    /// Another handle on a pool of which there may be none left.
    ///
    /// # Safety
    /// The memory is there.
    pub(crate) unsafe fn revive(slots: NonNull<Slots<T, C>>) -> Option<Self> {
        // SAFETY: the caller keeps the memory (Pool!NoUseAfterFree).
        unsafe { slots.as_ref() }.handles.get_active().then(|| Self { slots })
    }

    #[inline]
    pub(crate) fn slots(&self) -> &Slots<T, C> {
        // SAFETY: the handle keeps the memory (Pool!NoUseAfterFree).
        unsafe { self.slots.as_ref() }
    }

    /// Whether the reference's object lives in this pool.
    pub fn owns(&self, object: &Ref<T, C>) -> bool {
        Slots::owner(object.slot()) == self.slots
    }

    /// The objects that are alive, each as a reference of its own.
    ///
    /// What is inserted or dropped meanwhile may be seen or not. Costs a [`get_active`](Count::get_active) for each
    /// slot that was ever used.
    ///
    /// ```
    /// use graceref::Pool;
    /// let pool: Pool<u32> = Pool::new();
    /// let objects: Vec<_> = (0..3).map(|n| pool.insert(n).unwrap()).collect();
    /// assert_eq!(pool.iter().map(|object| *object).sum::<u32>(), 3);
    /// drop(objects);
    /// assert_eq!(pool.iter().count(), 0);
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = Ref<T, C>> {
        self.slots().used().filter_map(|slot| self.find(slot, Any))
    }

    /// How many objects are alive. Looks at each slot that was ever used; stale as soon as it is read.
    pub fn len(&self) -> usize {
        // SAFETY: type-stable memory, which the handle keeps (Stash!NoUseAfterFree).
        self.slots().used().filter(|slot| unsafe { slot.as_ref() }.count.refs() > 0).count()
    }

    /// Whether no object is alive, as [`len`](Pool::len) finds out.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many objects fit into the memory that is allocated.
    pub fn capacity(&self) -> u64 {
        self.slots().capacity()
    }

    /// Gives memory back that no object is in: how many objects had room in it. `None`, and nothing done, while there are
    /// other handles, clones and what has one: a [`Stash`](crate::Stash), a [`Table`](crate::Table), or a release hook
    /// that has [asked](Releasing::pool) for one.
    ///
    /// Memory comes in chunks, each twice as large as the one before. Those go that are behind the last object, so one
    /// object in the last chunk keeps everything; so does a retired slot, or one whose object's destructor still runs.
    /// What went comes again when it is needed, and the keys that were of objects in it stay dead: slots used for the first
    /// time have the generations that no slot had whose memory went.
    ///
    /// It needs no grace period: a lookup goes through a handle, and this is the only one, borrowed by the call, so none can
    /// be under way in memory that goes. A pool that is shared does not shrink: it would have to wait for its readers.
    ///
    /// References may be dropped on other threads meanwhile. Waits for those that are at their own free slots, a few
    /// instructions each, and takes these free slots from them. Looks at each free slot. A killed pool has nothing to
    /// give; nor has one with [`FileRefCount`](crate::FileRefCount)s where a put still has to look at a count that was
    /// revived. Both answers are `Some(0)`.
    ///
    /// ```
    /// use graceref::{Pool, Ref};
    /// let mut pool: Pool<u32> = Pool::new();
    /// let mut objects: Vec<_> = (0..1000).map(|n| pool.insert(n).unwrap()).collect();
    /// let key = Ref::key(&objects[999]);
    /// objects.truncate(10);
    /// let before = pool.capacity();
    /// assert_eq!(pool.shrink(), Some(before - 32));
    /// assert_eq!(pool.capacity(), 32);
    /// objects.extend((0..1000).map(|n| pool.insert(n).unwrap()));
    /// assert!(pool.get(key).is_none()); // for ever, also in memory that was given back
    /// let clone = pool.clone();
    /// assert_eq!(pool.shrink(), None);
    /// ```
    pub fn shrink(&mut self) -> Option<u64> {
        // SAFETY: the caller's handle is this call's alone, and what was borrowed from it is gone (Shrink!NoUseAfterFree).
        unsafe { self.slots().shrink() }
    }

    /// A reference to the object in this slot of the pool, if it is the one that is wanted.
    #[inline]
    pub(crate) fn find(&self, slot: NonNull<Slot<T, C>>, wanted: impl Wanted) -> Option<Ref<T, C>> {
        self.look_up(slot, wanted).ok()
    }

    /// A reference to the object in this slot of the pool, if it is the one that is wanted; or why there is none.
    #[inline]
    pub(crate) fn look_up(
        &self,
        slot: NonNull<Slot<T, C>>,
        wanted: impl Wanted,
    ) -> Result<Ref<T, C>, Missed> {
        // SAFETY: a slot of this pool is memory of this type, which the handle keeps (Stash!NoUseAfterFree).
        match unsafe { slot.as_ref() }.count.try_get(wanted) {
            // SAFETY: the reference just counted (Keys!CountIsRefs).
            Got::Counted => Ok(unsafe { Ref::from_slot(slot) }),
            Got::Nothing => Err(Missed::Gone),
            Got::Removed => Err(Missed::Removed),
            got => self.found_late(slot, got).ok_or(Missed::Gone),
        }
    }

    /// A reference was counted, though not as it was meant.
    #[cold]
    #[inline(never)]
    fn found_late(&self, slot: NonNull<Slot<T, C>>, got: Got) -> Option<Ref<T, C>> {
        if matches!(got, Got::Revived | Got::Other { revived: true }) {
            self.slots().owe();
        }
        // SAFETY: the reference just counted, to whatever object (Keys!CountIsRefs).
        let object = unsafe { Ref::from_slot(slot) };
        matches!(got, Got::Revived).then_some(object)
    }

    /// A look at the memory's own words that outlives the pool, for observers outside the model.
    #[cfg(any(graceref_loom, graceref_shuttle))]
    #[doc(hidden)]
    pub fn raw_watch(&self) -> crate::slots::Watch<T, C> {
        crate::slots::Watch::new(self.slots)
    }
}

/// Why a lookup has no object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missed {
    /// It is dead, or it is not the one that is wanted.
    Gone,
    /// Somebody has a reference to it, and it was removed from the pool.
    Removed,
}

/// Writes the object into the slot and brings its count to life.
///
/// # Safety
/// The caller owns the dead slot.
#[inline(always)]
unsafe fn write<T, C: Count>(slot: NonNull<Slot<T, C>>, value: T) -> Ref<T, C> {
    // SAFETY: this thread's alone until `init` (Stash!NoReuseWhileHeld).
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
    unsafe { Ref::from_slot(slot) }
}

impl<T, C: Count> Clone for Pool<T, C> {
    /// Another handle on the same pool. One atomic add, relaxed.
    fn clone(&self) -> Self {
        let _scope = crate::sync::within("handle");
        self.slots().handles.get();
        Self { slots: self.slots }
    }
}

impl<T, C: Count> Default for Pool<T, C> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, C: Count> fmt::Debug for Pool<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("capacity", &self.capacity()).finish_non_exhaustive()
    }
}

/// There is no slot in the pool; the value that found none is in here.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Full<T> {
    value: T,
    why: NoSlot,
}

impl<T> Full<T> {
    /// The value that found no slot.
    pub fn into_inner(self) -> T {
        self.value
    }

    /// Whether there will never be one: the pool was killed.
    pub fn is_killed(&self) -> bool {
        self.why == NoSlot::Killed
    }
}

impl<T> fmt::Debug for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Full").field("killed", &self.is_killed()).finish_non_exhaustive()
    }
}

impl<T> fmt::Display for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.why {
            NoSlot::Full => {
                "the pool is full: it holds as many objects as its limit allows; drop one, or raise the limit"
            }
            NoSlot::Killed => "the pool was killed and takes no more objects; make another pool",
        })
    }
}

impl<T> core::error::Error for Full<T> {}
