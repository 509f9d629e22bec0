//! Type-stable memory: slots in chunks that never move and never go away under a reader.
//!
//! A slot's life, with the word of its count:
//!
//! ```text
//! fresh ─┐
//!        ├─take─▶ owned by insert ─init─▶ alive ─last put─▶ owned by release ─give─▶ free ─┐
//!   ┌────┘           (dead)             (counted)              (dead)            (dead)  │
//!   └────────────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! A slot's *place* is where it is, the chunk and which of its slots: what links and keys have in them. Its *number* is what
//! the specs and those who watch have: 1, 2, ... in the order in which slots are first used.
//!
//! Free slots are kept in three ways: the calling thread's cache ([`cache`]), a list that all threads share
//! ([`shared`]), and the run of slots that were never used ([`fresh`]). How the memory goes when the handles and
//! the references are gone is in [`close`], and how some of it goes before in [`shrink`].

use crate::count::{CasCount, Count};
use crate::sync::{AtomicU32, AtomicU64, OncePtr, Tracked};
use alloc::alloc::{alloc_zeroed, dealloc, handle_alloc_error};
use alloc::boxed::Box;
use core::alloc::Layout;
use core::mem::{MaybeUninit, offset_of};
use core::ptr::{self, NonNull};

mod cache;
mod close;
mod fresh;
#[cfg(any(feature = "std", graceref_loom, graceref_shuttle))]
mod pending;
mod shared;
mod shrink;
#[cfg(any(graceref_loom, graceref_shuttle))]
mod watch;

use cache::Caches;
#[cfg(any(feature = "std", graceref_loom, graceref_shuttle))]
pub(crate) use pending::{Pending, Taken};
#[cfg(any(graceref_loom, graceref_shuttle))]
pub use watch::{RawCache, RawSlots, Watch};

/// Slots of the first chunk, a power of two; each further chunk is twice its predecessor, up to `LARGEST`.
const FIRST: u32 = if cfg!(any(graceref_loom, graceref_shuttle)) { 2 } else { 32 };
/// A place is the number of a chunk, from 1, and under it so many bits for which of its slots.
const BITS: u32 = 27;
const LARGEST: u32 = 1 << BITS;
const CHUNKS: usize = 32;
/// So many slots at most.
pub(crate) const LIMIT: u32 = if cfg!(any(graceref_loom, graceref_shuttle)) { 14 } else { 1 << 30 };
/// No place.
const NOWHERE: u32 = 0;
/// A place for which there is no slot: the list is closed.
const CLOSED: u32 = u32::MAX;

/// One object's memory.
// The count first, so that it lies beside the beginning of the object.
#[repr(C)]
pub(crate) struct Slot<T, C> {
    pub(crate) count: C,
    /// While the slot is free: the place of the next free one, or none.
    next: AtomicU32,
    /// Where it is; written when it is first taken.
    place: Tracked<u32>,
    pub(crate) value: Tracked<MaybeUninit<T>>,
}

impl<T, C> Slot<T, C> {
    /// The slot whose value would be at this address. Never dereferenced: only compared.
    pub(crate) fn address_of(value: &T) -> *mut Self {
        let value = ptr::from_ref(value).cast_mut().cast::<Self>();
        value.wrapping_byte_sub(Self::value_offset())
    }

    pub(crate) fn value_offset() -> usize {
        #[cfg(not(any(graceref_loom, graceref_shuttle)))]
        return offset_of!(Self, value);
        // The model's cell keeps its books in front of the content.
        #[cfg(any(graceref_loom, graceref_shuttle))]
        return offset_of!(Self, value) + Tracked::<MaybeUninit<T>>::CONTENT_OFFSET;
    }

    /// Where in its pool this is. The caller has a reference or owns the slot.
    #[inline]
    pub(crate) fn place(&self) -> u32 {
        self.place.with(|place| {
            // SAFETY: written when the slot was first taken, and never since (Cache!NoSharedFree).
            unsafe { *place }
        })
    }
}

impl<T, C> Slot<T, C> {
    /// After an access by somebody who has only looked the slot up.
    #[inline]
    #[allow(clippy::unused_self)] // The plain build has nothing to watch it with.
    pub(crate) fn looked_at(&self) {
        #[cfg(any(graceref_loom, graceref_shuttle))]
        self.place.still_there();
    }

    /// The slot's number. The caller has a reference or owns the slot.
    #[cfg(any(feature = "std", graceref_loom, graceref_shuttle))]
    pub(crate) fn number(&self) -> u32 {
        // Not an access of the model's: observers ask between steps.
        // SAFETY: written when the slot was first taken, and never since (Cache!NoSharedFree).
        let place = unsafe { *self.place.as_ptr() };
        u32::try_from(fresh::number(place)).unwrap_or(0)
    }
}

/// A run of slots with a way back to their owner.
// A cache line, so that the slots begin with one.
#[repr(C, align(64))]
struct Chunk<T, C: Count> {
    owner: *const Slots<T, C>,
    slots: [Slot<T, C>; 0],
}

/// The memory of a pool. Heap-allocated; freed by [`Slots::close`] or by the last release after it.
// The first line: what every lookup reads and nobody writes.
#[repr(C)]
pub(crate) struct Slots<T, C: Count> {
    /// Null until needed; the first is never used.
    chunks: [OncePtr<Slot<T, C>>; CHUNKS],
    /// How many slots each chunk has, given the limit.
    lens: [u32; CHUNKS],
    /// No other pool's, ever.
    name: u64,
    /// Itself, by the pointer that may free it, which a shared reference may not.
    this: *const Self,
    /// So many slots at most.
    limit: u32,
    /// The generation before the first of all.
    pub(crate) origin: u32,
    generations: u32,
    /// How many generations there were in slots whose memory went back: those that come in their place begin after them.
    begun: AtomicU32,
    pub(crate) kind: crate::pool::Kind<T, C>,
    /// None for a pool with a limit: a slot in another thread's cache would be missing.
    caches: Option<Box<Caches<T, C>>>,
    /// Not zero once the pool is killed, or closed and with caches; and while it is shrunk.
    closed: AtomicU32,
    /// The pool's handles.
    pub(crate) handles: CasCount,
    /// To be called when a killed pool has no object left.
    drained: Tracked<Option<Drained>>,
    shared: Line<Shared>,
}

/// What all threads write.
struct Shared {
    /// `tag << 32 | place` of the first slot of the list.
    free: AtomicU64,
    /// How many slots were ever used, and a mark once the run is closed.
    fresh: AtomicU64,
    /// Once closed: slots not yet given back (wrapping below zero until `close` has counted them), stragglers
    /// (see [`Slots::owe`]), and for a killed pool `HANDLES` and `NOTIFY`. Before, [`Slots::OPEN`] and stragglers.
    leaving: AtomicU64,
    /// Whether this is still memory: the model builds do not really free it, and watch who comes too late.
    #[cfg(any(graceref_loom, graceref_shuttle))]
    life: Tracked<()>,
    #[cfg(any(graceref_loom, graceref_shuttle))]
    freed: crate::sync::model::Ghost<u32>,
    /// How many chunks went before.
    #[cfg(any(graceref_loom, graceref_shuttle))]
    shrunk: crate::sync::model::Ghost<u32>,
}

/// What somebody wants done when a killed pool has no object left.
pub(crate) type Drained = Box<dyn FnOnce() + Send>;

/// Something with its cache lines to itself; two of them, since they are fetched in pairs.
#[repr(align(128))]
struct Line<T>(T);

/// Slots in a row, linked by `next`: from `first` to `last`.
#[derive(Clone, Copy)]
struct Run {
    first: u32,
    last: u32,
    len: u32,
}

/// Why there is no slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NoSlot {
    /// All are taken.
    Full,
    /// The pool was killed.
    Killed,
}

impl<T, C: Count> Slots<T, C> {
    /// While there are handles, `leaving` is this much more, so that the last straggler of the moment does not take
    /// itself for the last of all.
    const OPEN: u64 = if C::STRAGGLES { 1 << 63 } else { 0 };

    /// Memory that grows to at most `limit` objects.
    pub(crate) fn allocate(
        limit: u32,
        cached: bool,
        (origin, generations): (u32, u32),
        kind: crate::pool::Kind<T, C>,
    ) -> NonNull<Self> {
        let limit = limit.min(LIMIT);
        let slots = Box::new(Self {
            chunks: core::array::from_fn(|_| OncePtr::new()),
            lens: core::array::from_fn(|chunk| fresh::chunk_len(chunk, limit)),
            name: crate::thread::name(),
            this: ptr::null(),
            limit,
            origin,
            generations,
            begun: AtomicU32::new(0),
            kind,
            caches: cached.then(|| Box::new(Caches::new())),
            closed: AtomicU32::new(0),
            handles: CasCount::new(),
            drained: Tracked::new(None),
            shared: Line(Shared {
                free: AtomicU64::new(u64::from(NOWHERE)),
                fresh: AtomicU64::new(0),
                leaving: AtomicU64::new(Self::OPEN),
                #[cfg(any(graceref_loom, graceref_shuttle))]
                life: Tracked::new(()),
                #[cfg(any(graceref_loom, graceref_shuttle))]
                freed: crate::sync::model::Ghost::new(0),
                #[cfg(any(graceref_loom, graceref_shuttle))]
                shrunk: crate::sync::model::Ghost::new(0),
            }),
        });
        let slots = NonNull::from(Box::leak(slots));
        // SAFETY: just allocated, and nobody else's yet (Pool!NoUseAfterFree).
        unsafe { (*slots.as_ptr()).this = slots.as_ptr() };
        slots
    }

    /// An access to the pool's own memory.
    #[inline]
    #[allow(clippy::unused_self)] // The plain build has nothing to watch it with.
    fn touch(&self) {
        #[cfg(any(graceref_loom, graceref_shuttle))]
        self.shared.0.life.with(|_| ());
    }

    fn chunk_layout(len: u32) -> (Layout, usize) {
        let slots = Layout::array::<Slot<T, C>>(len as usize).ok();
        let layout = slots.and_then(|slots| Layout::new::<Chunk<T, C>>().extend(slots).ok());
        // An object too large for any allocation: the same end as the allocation itself would have.
        let (layout, offset) =
            layout.unwrap_or_else(|| handle_alloc_error(Layout::new::<Slot<T, C>>()));
        (layout.pad_to_align(), offset)
    }

    /// How many bytes before its first slot a chunk begins.
    fn header() -> usize {
        Self::chunk_layout(1).1
    }

    /// The chunk that a place is in, and how manieth of its slots.
    #[inline]
    const fn locate(place: u32) -> (usize, u32) {
        ((place >> BITS) as usize, place & (LARGEST - 1))
    }

    /// The first slot of a fresh chunk of dead slots.
    fn allocate_chunk(owner: *const Self, chunk: usize, len: u32) -> NonNull<Slot<T, C>> {
        let (layout, offset) = Self::chunk_layout(len);
        // SAFETY: the layout holds at least the owner pointer, so it is not empty (Stash!TypeOK).
        let memory = unsafe { alloc_zeroed(layout) };
        let Some(header) = NonNull::new(memory.cast::<Chunk<T, C>>()) else {
            handle_alloc_error(layout)
        };
        // SAFETY: fresh memory of `layout`, which begins with the chunk's header (Stash!TypeOK).
        unsafe { header.write(Chunk { owner, slots: [] }) };
        // SAFETY: the slots lie behind the header, within the allocation (Stash!NoForeignSlot).
        let first = unsafe { header.byte_add(offset) }.cast::<Slot<T, C>>();
        // Large chunks are not touched before they are used, where zeros will do.
        if cfg!(any(graceref_loom, graceref_shuttle)) {
            for i in 0..len {
                let slot = Slot {
                    count: C::dead(),
                    next: AtomicU32::new(NOWHERE),
                    place: Tracked::new(fresh::place(chunk, i)),
                    value: Tracked::new(MaybeUninit::uninit()),
                };
                // SAFETY: slot `i` of `len` lies within the allocation (Stash!NoForeignSlot).
                let place = unsafe { first.add(i as usize) };
                // SAFETY: fresh memory, aligned as its layout says (Stash!TypeOK).
                unsafe { place.write(slot) };
            }
        }
        first
    }

    /// The slot at this place, if there is one: any number will do.
    #[inline]
    pub(crate) fn find(&self, place: u32) -> Option<NonNull<Slot<T, C>>> {
        let (chunk, i) = Self::locate(place);
        let first = self.chunks[chunk].get()?;
        if i >= self.lens[chunk] {
            return None;
        }
        // SAFETY: the chunk has so many slots (Stash!NoForeignSlot).
        Some(unsafe { first.add(i as usize) })
    }

    /// The slot at the place of one that was taken before.
    #[inline]
    fn slot(&self, place: u32) -> NonNull<Slot<T, C>> {
        self.find(place).expect("the place of a slot of this pool")
    }

    /// The memory that the slot belongs to. The caller has a reference or owns the slot.
    #[inline]
    pub(crate) fn owner(slot: NonNull<Slot<T, C>>) -> NonNull<Self> {
        // SAFETY: a slot lives as long as its chunk (Stash!NoUseAfterFree).
        let (_, i) = Self::locate(unsafe { slot.as_ref() }.place());
        // SAFETY: the inverse of `find`: the chunk's first slot (Stash!NoForeignSlot).
        let first = unsafe { slot.sub(i as usize) };
        // SAFETY: the inverse of `allocate_chunk`: the header lies before it (Stash!NoForeignSlot).
        let chunk = unsafe { first.byte_sub(Self::header()) }.cast::<Chunk<T, C>>();
        // SAFETY: the header is written once, before the chunk is published (Stash!NoForeignSlot).
        let owner = unsafe { (*chunk.as_ptr()).owner };
        NonNull::new(owner.cast_mut()).expect("written by allocate_chunk")
    }

    /// Takes a free slot.
    #[inline(always)]
    pub(crate) fn take(&self) -> Result<NonNull<Slot<T, C>>, NoSlot> {
        let _scope = crate::sync::within("alloc");
        match self.remembered_cache() {
            Some(cache) => self.take_cached(cache),
            None => self.take_elsewhere(),
        }
    }

    /// Takes a slot where the thread has no cache at hand.
    #[inline(never)]
    fn take_elsewhere(&self) -> Result<NonNull<Slot<T, C>>, NoSlot> {
        match self.find_cache() {
            Some(cache) => self.take_cached(cache),
            None => self.take_run(1).map(|run| self.slot(run.first)),
        }
    }

    /// Takes up to `want` free slots, which are linked.
    fn take_run(&self, want: u32) -> Result<Run, NoSlot> {
        match self.pop_run(want)? {
            Some(run) => Ok(run),
            None => self.fresh_run(want),
        }
    }

    /// Gives a slot back. Its value is gone and its count dead.
    ///
    /// # Safety
    /// The caller owns the slot: it won the last put of the object in it, or took it and has put nothing there.
    /// Neither the slot nor `this` may be touched afterwards.
    #[inline(always)]
    pub(crate) unsafe fn give(this: NonNull<Self>, slot: NonNull<Slot<T, C>>) {
        let _scope = crate::sync::within("free");
        // SAFETY: the caller's slot keeps the memory; not used after the slot is given (Pool!NoUseAfterFree).
        let slots = unsafe { this.as_ref() };
        // SAFETY: the caller owns the slot (Stash!NoSharedFree).
        let content = unsafe { slot.as_ref() };
        if content.count.word().spent(slots.origin, slots.generations) {
            // Retired: it never comes back, which for the pool's end is as good as free.
            // SAFETY: the caller's slot, not touched afterwards (Keys!NoAlias).
            return unsafe { Self::leave(this, 1) };
        }
        match slots.remembered_cache() {
            // SAFETY: the caller's slot (Cache!NoSharedFree).
            Some(cache) => unsafe { Self::give_cached(this, cache, slot) },
            // SAFETY: the caller's slot (Stash!NoSharedFree).
            None => unsafe { Self::give_elsewhere(this, slot) },
        }
    }

    /// Gives a slot back where the thread has no cache at hand.
    ///
    /// # Safety
    /// As [`give`](Slots::give).
    #[inline(never)]
    unsafe fn give_elsewhere(this: NonNull<Self>, slot: NonNull<Slot<T, C>>) {
        // SAFETY: the caller's slot keeps the memory (Pool!NoUseAfterFree).
        match unsafe { this.as_ref() }.find_cache() {
            // SAFETY: the caller's slot (Cache!NoSharedFree).
            Some(cache) => unsafe { Self::give_cached(this, cache, slot) },
            // SAFETY: the caller's slot (Stash!NoSharedFree).
            None => unsafe { Self::give_one(this, slot) },
        }
    }

    /// Gives a slot to the shared list.
    ///
    /// # Safety
    /// As [`give`](Slots::give).
    #[cold]
    unsafe fn give_one(this: NonNull<Self>, slot: NonNull<Slot<T, C>>) {
        // SAFETY: the caller owns the slot (Stash!NoSharedFree).
        let place = unsafe { slot.as_ref() }.place();
        // SAFETY: a run of one, the caller's (Stash!NoSharedFree).
        unsafe { Self::give_run(this, Run { first: place, last: place, len: 1 }) };
    }

    /// Gives a run of slots back.
    ///
    /// # Safety
    /// As [`give`](Slots::give), for each.
    unsafe fn give_run(this: NonNull<Self>, run: Run) {
        // SAFETY: the caller's (Stash!NoSharedFree).
        if !unsafe { Self::push_run(this, run) } {
            // SAFETY: the caller's, not touched afterwards (Pool!FreedOnce).
            unsafe { Self::leave(this, run.len) };
        }
    }

    /// The slots ever used, from the first on.
    pub(crate) fn used(&self) -> impl Iterator<Item = NonNull<Slot<T, C>>> {
        (0..self.used_len()).filter_map(|nth| self.find(fresh::nth_place(nth)))
    }

    /// How many slots can be used without allocating: those of the chunks that there are.
    pub(crate) fn capacity(&self) -> u64 {
        let chunks = self.chunks.iter().zip(self.lens);
        chunks.filter(|(chunk, _)| chunk.raw_get().is_some()).map(|(_, len)| u64::from(len)).sum()
    }

    /// # Safety
    /// The chunk has this length and nobody has a pointer into it, nor will have.
    unsafe fn free_chunk(first: NonNull<Slot<T, C>>, len: u32) {
        let (layout, offset) = Self::chunk_layout(len);
        // What the model's slots hold on to; in the plain build there is nothing to drop.
        if core::mem::needs_drop::<Slot<T, C>>() {
            for i in 0..len {
                // SAFETY: slot `i` of `len` (Stash!NoForeignSlot).
                let slot = unsafe { first.add(i as usize) };
                // SAFETY: written by `allocate_chunk`; its value is gone already (Pool!FreedOnce).
                unsafe { slot.drop_in_place() };
            }
        }
        // SAFETY: the inverse of `allocate_chunk` (Stash!NoForeignSlot).
        let memory = unsafe { first.byte_sub(offset) };
        // SAFETY: `allocate_chunk` made it with this layout (Pool!FreedOnce).
        unsafe { dealloc(memory.as_ptr().cast(), layout) };
    }
}
