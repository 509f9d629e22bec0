//! Type-stable memory: slots in chunks that never move and never go away under a reader, and their free list.
//!
//! A slot's life, with the word of its count:
//!
//! ```text
//! free list ──pop──▶ owned by insert ──init──▶ alive ──last put──▶ owned by release ──push──▶ free list
//!   (dead)              (dead)               (counted)               (dead)                   (dead)
//! ```
//!
//! The free list is a Treiber stack of indices. Its head carries a tag that each pop changes, so that a pop whose
//! head was popped and pushed meanwhile fails (the tag wraps after 2^32 pops during one pop). The head also says
//! when the last handle is gone: from then on released slots are counted instead of pushed, and the last frees
//! the memory. So a release pays for the pool's own lifetime nothing but the push that it makes anyway.

use crate::count::Count;
use crate::sync::{AtomicPtr, AtomicU32, AtomicU64, Ordering, Tracked, fence};
use crate::{at, local};
use alloc::alloc::{alloc, dealloc, handle_alloc_error};
use alloc::boxed::Box;
use core::alloc::Layout;
use core::mem::{MaybeUninit, offset_of};
use core::ptr::{self, NonNull};

#[cfg(any(graceref_loom, graceref_shuttle))]
mod watch;
#[cfg(any(graceref_loom, graceref_shuttle))]
pub use watch::{RawSlots, Watch};

/// Slots of the first chunk, a power of two; each further chunk is twice its predecessor.
const FIRST: u32 = if cfg!(any(graceref_loom, graceref_shuttle)) { 2 } else { 32 };
/// So many chunks at most.
const CHUNKS: usize = if cfg!(any(graceref_loom, graceref_shuttle)) { 3 } else { 27 };
/// All slots of all chunks. Below `CLOSED`, so that `index + 1` fits in a head beside it.
pub(crate) const LIMIT: u32 = FIRST * ((1 << CHUNKS) - 1);
/// The low half of a head: no free slot.
const EMPTY: u64 = 0;
/// The low half of a head: the last handle is gone.
const CLOSED: u64 = u32::MAX as u64;

/// The low half of a head: index + 1 of the first free slot, or a mark.
#[inline]
#[allow(clippy::cast_possible_truncation)] // that is what it is for
const fn low(head: u64) -> u32 {
    head as u32
}

/// One object's memory.
pub(crate) struct Slot<T, C> {
    pub(crate) count: C,
    /// While the slot is free: index + 1 of the next free one, or 0.
    next: AtomicU32,
    index: u32,
    pub(crate) value: Tracked<MaybeUninit<T>>,
}

impl<T, C> Slot<T, C> {
    /// The slot whose value would be at this address. Never dereferenced: only compared.
    pub(crate) fn address_of(value: &T) -> *mut Self {
        let value = ptr::from_ref(value).cast_mut().cast::<Self>();
        value.wrapping_byte_sub(Self::value_offset())
    }

    fn value_offset() -> usize {
        #[cfg(not(any(graceref_loom, graceref_shuttle)))]
        return offset_of!(Self, value);
        // The model's cell keeps its books in front of the content.
        #[cfg(any(graceref_loom, graceref_shuttle))]
        return offset_of!(Self, value) + Tracked::<MaybeUninit<T>>::CONTENT_OFFSET;
    }
}

/// A run of slots with a way back to their owner.
#[repr(C)]
struct Chunk<T, C> {
    owner: *const Slots<T, C>,
    slots: [Slot<T, C>; 0],
}

/// The memory of a pool. Heap-allocated; freed by [`Slots::close`] or by the last release after it.
pub(crate) struct Slots<T, C> {
    first: NonNull<Chunk<T, C>>,
    /// The chunks after the first; null until needed.
    more: [AtomicPtr<Chunk<T, C>>; CHUNKS - 1],
    /// `tag << 32 | index + 1` of the first free slot.
    free: AtomicU64,
    /// After `CLOSED`: slots not yet given back (wrapping below zero until `close` has counted them), and stragglers
    /// (see [`Slots::owe`]). Before, [`Slots::OPEN`] and stragglers.
    leaving: AtomicU64,
    limit: u32,
    /// Whether this is still memory: the model builds do not really free it, and watch who comes too late.
    #[cfg(any(graceref_loom, graceref_shuttle))]
    life: Tracked<()>,
    #[cfg(any(graceref_loom, graceref_shuttle))]
    freed: crate::sync::model::Ghost<u32>,
}

impl<T, C: Count> Slots<T, C> {
    /// While there are handles, `leaving` is this much more, so that the last straggler of the moment does not take
    /// itself for the last of all.
    const OPEN: u64 = if C::STRAGGLES { 1 << 63 } else { 0 };

    /// An access to the pool's own memory.
    #[inline]
    #[allow(clippy::unused_self)] // The plain build has nothing to watch it with.
    fn touch(&self) {
        #[cfg(any(graceref_loom, graceref_shuttle))]
        self.life.with(|_| ());
    }

    /// Memory for at most `limit` objects, with the first chunk allocated.
    pub(crate) fn allocate(limit: u32) -> NonNull<Self> {
        let limit = limit.min(LIMIT);
        let first_len = FIRST.min(limit);
        let owner = Box::into_raw(Box::new(Self {
            first: NonNull::dangling(),
            more: core::array::from_fn(|_| AtomicPtr::new(ptr::null_mut())),
            free: AtomicU64::new(if first_len == 0 { EMPTY } else { 1 }),
            leaving: AtomicU64::new(Self::OPEN),
            limit,
            #[cfg(any(graceref_loom, graceref_shuttle))]
            life: Tracked::new(()),
            #[cfg(any(graceref_loom, graceref_shuttle))]
            freed: crate::sync::model::Ghost::new(0),
        }));
        let first = Self::allocate_chunk(owner, 0, first_len);
        // SAFETY: `owner` was just leaked and nobody else has it (Pool!NoUseAfterFree).
        unsafe { (*owner).first = first };
        NonNull::new(owner).expect("a box is not null")
    }

    fn chunk_layout(len: u32) -> (Layout, usize) {
        let slots = Layout::array::<Slot<T, C>>(len as usize).ok();
        let layout = slots.and_then(|slots| Layout::new::<Chunk<T, C>>().extend(slots).ok());
        // An object too large for any allocation: the same end as the allocation itself would have.
        let (layout, offset) =
            layout.unwrap_or_else(|| handle_alloc_error(Layout::new::<Slot<T, C>>()));
        (layout.pad_to_align(), offset)
    }

    /// How many bytes into its chunk a slot lies.
    fn distance(place: u32) -> usize {
        let (_, offset) = Self::chunk_layout(1);
        offset + place as usize * size_of::<Slot<T, C>>()
    }

    /// A chunk of dead slots, each linked to the next, the last to none.
    fn allocate_chunk(owner: *const Self, base: u32, len: u32) -> NonNull<Chunk<T, C>> {
        let (layout, _) = Self::chunk_layout(len);
        // SAFETY: the layout holds at least the owner pointer, so it is not empty (Stash!TypeOK).
        let memory = unsafe { alloc(layout) };
        let Some(chunk) = NonNull::new(memory.cast::<Chunk<T, C>>()) else {
            handle_alloc_error(layout)
        };
        // SAFETY: fresh memory of `layout`, which begins with the chunk's header (Stash!TypeOK).
        unsafe { chunk.write(Chunk { owner, slots: [] }) };
        for i in 0..len {
            let next = if i + 1 < len { base + i + 2 } else { 0 };
            let slot = Slot {
                count: C::dead(),
                next: AtomicU32::new(next),
                index: base + i,
                value: Tracked::new(MaybeUninit::uninit()),
            };
            // SAFETY: slot `i` of `len` lies within the allocation at this distance (Stash!NoForeignSlot).
            let place = unsafe { chunk.byte_add(Self::distance(i)) };
            // SAFETY: fresh memory, aligned as its layout says (Stash!TypeOK).
            unsafe { place.cast::<Slot<T, C>>().write(slot) };
        }
        chunk
    }

    /// The chunk, and the place in it, of an index.
    fn locate(index: u32) -> (usize, u32) {
        let scaled = index / FIRST + 1;
        let chunk = scaled.ilog2();
        (chunk as usize, index - FIRST * ((1 << chunk) - 1))
    }

    /// How many slots the chunk has, given the limit.
    fn chunk_len(&self, chunk: usize) -> u32 {
        let base = u64::from(FIRST) * ((1 << chunk) - 1);
        let len = u64::from(FIRST) << chunk;
        u32::try_from(len.min(u64::from(self.limit).saturating_sub(base))).unwrap_or(0)
    }

    fn chunk(&self, chunk: usize) -> Option<NonNull<Chunk<T, C>>> {
        match chunk.checked_sub(1) {
            None => Some(self.first),
            Some(more) => {
                at!("chunk");
                // ORDERING: Relaxed; whoever has an index to follow into the chunk got it after the Release of
                // `push_run` or of `init`, which came after `grow` had written the chunk and this pointer.
                NonNull::new(self.more[more].load(Ordering::Relaxed))
            }
        }
    }

    fn slot(&self, index: u32) -> NonNull<Slot<T, C>> {
        let (chunk, place) = Self::locate(index);
        let chunk = self.chunk(chunk).expect("an index comes from a chunk that exists");
        // SAFETY: the index came from a slot of this chunk, so the place lies within its
        // allocation, whose provenance `chunk` has (Stash!NoForeignSlot).
        unsafe { chunk.byte_add(Self::distance(place)) }.cast()
    }

    /// The memory that the slot belongs to.
    pub(crate) fn owner(slot: NonNull<Slot<T, C>>) -> NonNull<Self> {
        // SAFETY: a slot is never written but by `allocate_chunk` and lives as long as its chunk (Stash!NoUseAfterFree).
        let index = unsafe { (*slot.as_ptr()).index };
        let (_, place) = Self::locate(index);
        // SAFETY: the inverse of `slot`: the chunk's header lies this far before (Stash!NoForeignSlot).
        let chunk = unsafe { slot.byte_sub(Self::distance(place)) }.cast::<Chunk<T, C>>();
        // SAFETY: as above; the header is written once, before the chunk is published (Stash!NoForeignSlot).
        let owner = unsafe { (*chunk.as_ptr()).owner };
        NonNull::new(owner.cast_mut()).expect("written by allocate_chunk")
    }

    /// Takes a free slot; `None` when there are `limit` objects.
    pub(crate) fn pop(&self) -> Option<NonNull<Slot<T, C>>> {
        let _scope = crate::sync::within("alloc");
        loop {
            self.touch();
            at!("head");
            // ORDERING: Acquire pairs with the Release of `push`: the slot's `next`, and what release did.
            let head = self.free.load(Ordering::Acquire);
            local!(head = low(head), tag = head >> 32);
            let Some(index) = low(head).checked_sub(1) else {
                if let Some(slot) = self.grow()? {
                    return Some(slot);
                }
                continue;
            };
            let slot = self.slot(index);
            at!("next");
            // SAFETY: type-stable: the slot may be somebody's by now, its `next` is still an atomic (Stash!NoUseAfterFree).
            // ORDERING: Relaxed; the compare-exchange fails if the slot was popped meanwhile.
            let next = unsafe { (*slot.as_ptr()).next.load(Ordering::Relaxed) };
            local!(next = next);
            let pops = u64::from(!crate::sync::mutant("pool.no_tag"));
            let tag = (head >> 32).wrapping_add(pops) << 32;
            at!("pop");
            // ORDERING: Relaxed; the tag makes this the head that the load saw, and the load acquired it.
            let popped = self.free.compare_exchange(
                head,
                tag | u64::from(next),
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
            if popped.is_ok() {
                return Some(slot);
            }
        }
    }

    /// Allocates the next chunk: `Some(Some(slot))` is one of it, `Some(None)` says to look at the free list again,
    /// `None` that the limit is reached.
    #[cold]
    #[allow(clippy::option_option)] // As documented: three answers, for one caller.
    fn grow(&self) -> Option<Option<NonNull<Slot<T, C>>>> {
        let mut chunk = 1;
        let len = loop {
            let len = if chunk < CHUNKS { self.chunk_len(chunk) } else { 0 };
            if len == 0 {
                return None;
            }
            if self.chunk(chunk).is_none() {
                break len;
            }
            chunk += 1;
        };
        let base = FIRST * ((1 << chunk) - 1);
        // Not `self`: the memory may be freed by this pointer, which a shared reference does not allow.
        // SAFETY: the header is written once, by `allocate_chunk` (Pool!NoUseAfterFree).
        let owner = unsafe { (*self.first.as_ptr()).owner };
        let fresh = Self::allocate_chunk(owner, base, len);
        at!("grow");
        // ORDERING: Relaxed; `push_run` and `init` publish the chunk with its indices (see `chunk`).
        let installed = self.more[chunk - 1].compare_exchange(
            ptr::null_mut(),
            fresh.as_ptr(),
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        if installed.is_err() {
            // SAFETY: nobody else saw the fresh chunk (Stash!NoUseAfterFree).
            unsafe { Self::free_chunk(fresh, len) };
            return Some(None);
        }
        let slot = self.slot(base);
        if len > 1 {
            // SAFETY: the caller's handle keeps the memory, and nobody else has these slots (Stash!NoSharedFree).
            unsafe { Self::push_run(NonNull::from(self), base + 1, self.slot(base + len - 1)) };
        }
        Some(Some(slot))
    }

    /// Gives a slot back. Its value is gone and its count dead.
    ///
    /// # Safety
    /// The caller owns the slot: it won the last put of the object in it. Neither the slot nor `self` may be
    /// touched afterwards.
    pub(crate) unsafe fn push(this: NonNull<Self>, slot: NonNull<Slot<T, C>>) {
        let _scope = crate::sync::within("free");
        // SAFETY: the caller owns the slot (Stash!NoSharedFree).
        let index = unsafe { (*slot.as_ptr()).index };
        // SAFETY: a slot of one (Stash!NoSharedFree).
        if unsafe { Self::push_run(this, index, slot) } {
            return;
        }
        // SAFETY: the caller's slot is still out, which keeps the memory (Pool!NoUseAfterFree).
        let slots = unsafe { this.as_ref() };
        slots.touch();
        at!("leave");
        // ORDERING: Release pairs with the fence of whoever frees the memory.
        let before = slots.leaving.fetch_sub(1, Ordering::Release);
        if before == 1 {
            // ORDERING: Acquire pairs with the Release of the other releases.
            fence(Ordering::Acquire);
            // SAFETY: the handles are gone and this was the last slot (Pool!FreedOnce).
            unsafe { Self::free(this) };
        }
    }

    /// Somebody's put is going to straggle: it has given up its reference and will touch the slot once more. The
    /// memory waits for it as for a slot, until it settles.
    ///
    /// The caller's handle keeps the memory open meanwhile. The straggler may settle first: `leaving` wraps.
    #[cold]
    pub(crate) fn owe(&self) {
        if crate::sync::mutant("pool.forget_stragglers") {
            return;
        }
        self.touch();
        at!("owe");
        // ORDERING: Relaxed; the caller's handle goes later, and `close` after that.
        self.leaving.fetch_add(1, Ordering::Relaxed);
    }

    /// The put that straggled is done with the slot.
    ///
    /// # Safety
    /// Once for each [`owe`](Slots::owe), by the one who straggled; neither the slot nor `this` may be touched
    /// afterwards.
    #[cold]
    pub(crate) unsafe fn settle(this: NonNull<Self>) {
        // SAFETY: the memory waits for this straggler (Pool!NoUseAfterFree).
        let slots = unsafe { this.as_ref() };
        slots.touch();
        if crate::sync::mutant("pool.forget_stragglers") {
            return;
        }
        at!("settle");
        // ORDERING: Release pairs with the fence of whoever frees the memory.
        let before = slots.leaving.fetch_sub(1, Ordering::Release);
        if before == 1 {
            // ORDERING: Acquire pairs with the Release of the releases.
            fence(Ordering::Acquire);
            // SAFETY: the handles are gone and so is every slot (Pool!FreedOnce).
            unsafe { Self::free(this) };
        }
    }

    /// Pushes the linked slots from `first` to `last`; `false` if the last handle is gone.
    ///
    /// # Safety
    /// The caller owns the run, and with it keeps the memory until the push succeeds. Not a method: others may
    /// free the memory as soon as it has, while a `&self` would still claim it.
    unsafe fn push_run(this: NonNull<Self>, first: u32, last: NonNull<Slot<T, C>>) -> bool {
        // SAFETY: the caller's run keeps the memory; not used after the push (Pool!NoUseAfterFree).
        let slots = unsafe { this.as_ref() };
        loop {
            slots.touch();
            at!("head");
            // ORDERING: Relaxed; only the compare-exchange below publishes.
            let head = slots.free.load(Ordering::Relaxed);
            let next = head & u64::from(u32::MAX);
            // The mark as -1, as in the spec.
            local!(head = low(head).cast_signed(), tag = head >> 32);
            if next == CLOSED {
                return false;
            }
            at!("next");
            #[allow(clippy::cast_possible_truncation)] // the low half
            // SAFETY: the caller owns the run (Stash!NoSharedFree).
            // ORDERING: Relaxed; published by the compare-exchange below.
            unsafe {
                (*last.as_ptr()).next.store_racing(next as u32, Ordering::Relaxed);
            }
            slots.touch();
            at!("push");
            let new = (head ^ next) | u64::from(first + 1);
            // ORDERING: Release pairs with the Acquire of `pop`.
            let pushed =
                slots.free.compare_exchange(head, new, Ordering::Release, Ordering::Relaxed);
            if pushed.is_ok() {
                return true;
            }
        }
    }

    /// The last handle is gone: frees the memory now, or leaves it to the last release.
    ///
    /// # Safety
    /// Once, by the owner of the last handle; `this` may not be touched afterwards.
    pub(crate) unsafe fn close(this: NonNull<Self>) {
        let _scope = crate::sync::within("close");
        // SAFETY: the memory lives until the free below or that of the last release (Pool!NoUseAfterFree).
        let slots = unsafe { this.as_ref() };
        slots.touch();
        at!("swap");
        // ORDERING: Acquire pairs with the Release of the pushes: the links walked below.
        let head = slots.free.swap(CLOSED, Ordering::Acquire);
        let mut free = 0_u64;
        let mut next = low(head);
        local!(list = next);
        while let Some(index) = next.checked_sub(1) {
            at!("walk");
            // SAFETY: the list is this thread's since the swap (Pool!NoUseAfterFree).
            // ORDERING: Relaxed; the swap acquired it.
            next = unsafe { (*slots.slot(index).as_ptr()).next.load(Ordering::Relaxed) };
            free += 1;
            local!(list = next, found = free);
        }
        let mut live = 0_u64.wrapping_sub(free);
        for chunk in 0..CHUNKS {
            let len = slots.chunk_len(chunk);
            if len > 0 && slots.chunk(chunk).is_some() {
                live = live.wrapping_add(u64::from(len));
            }
        }
        slots.touch();
        at!("count");
        let live = live.wrapping_sub(Self::OPEN);
        // ORDERING: Release pairs with the fence of a release that comes last.
        let before = slots.leaving.fetch_add(live, Ordering::Release);
        if before.wrapping_add(live) == 0 {
            // ORDERING: Acquire pairs with the Release of the releases that came before.
            fence(Ordering::Acquire);
            // SAFETY: the handles are gone and so is every object (Pool!FreedOnce).
            unsafe { Self::free(this) };
        }
    }

    /// # Safety
    /// No handle and no object is left, and nobody frees twice.
    #[cfg(any(graceref_loom, graceref_shuttle))]
    unsafe fn free(this: NonNull<Self>) {
        // SAFETY: the model builds leak, so that whoever comes too late is seen and not undefined (Pool!FreedOnce).
        let slots = unsafe { this.as_ref() };
        crate::site!("free");
        slots.life.retire();
        slots.freed.with(|n| *n += 1);
    }

    /// # Safety
    /// No handle and no object is left, and nobody frees twice.
    #[cfg(not(any(graceref_loom, graceref_shuttle)))]
    unsafe fn free(this: NonNull<Self>) {
        // SAFETY: `allocate` made it with `Box` (Pool!FreedOnce).
        let slots = unsafe { Box::from_raw(this.as_ptr()) };
        for chunk in 0..CHUNKS {
            let memory = match chunk.checked_sub(1) {
                None => slots.first.as_ptr(),
                Some(more) => slots.more[more].raw_load(),
            };
            if let Some(memory) = NonNull::new(memory) {
                // SAFETY: allocated with this length; nobody has a pointer into it (Pool!FreedOnce).
                unsafe { Self::free_chunk(memory, slots.chunk_len(chunk)) };
            }
        }
    }

    /// # Safety
    /// The chunk has this length and nobody has a pointer into it.
    unsafe fn free_chunk(chunk: NonNull<Chunk<T, C>>, len: u32) {
        let (layout, _) = Self::chunk_layout(len);
        for i in 0..len {
            // SAFETY: slot `i` of `len` (Stash!NoForeignSlot).
            let slot = unsafe { chunk.byte_add(Self::distance(i)) }.cast::<Slot<T, C>>();
            // SAFETY: written by `allocate_chunk`; its value is gone already (Pool!FreedOnce).
            unsafe { slot.drop_in_place() };
        }
        // SAFETY: `allocate_chunk` made it with this layout (Pool!FreedOnce).
        unsafe { dealloc(chunk.as_ptr().cast(), layout) };
    }
}
