//! The entries: number to object, in chunks that double and never move.

use super::book::Book;
use crate::at;
use crate::count::Count;
use crate::reference::Ref;
use crate::slots::Slot;
use crate::sync::{AtomicPtr, Ordering, mutant};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem::ManuallyDrop;
use core::ptr::{self, NonNull};

/// Entries of the first chunk, a power of two; each further chunk is twice its predecessor.
const FIRST: u32 = if cfg!(any(graceref_loom, graceref_shuttle)) { 2 } else { 64 };
/// So many chunks at most.
const CHUNKS: usize = if cfg!(any(graceref_loom, graceref_shuttle)) { 3 } else { 26 };
/// All entries of all chunks.
pub(super) const LIMIT: u32 = FIRST * ((1 << CHUNKS) - 1);

/// One number's entry: null, or a pointer that owns a reference.
///
/// A table is not woken up by its contents: the pointer keeps the object, not the other way round. It is changed
/// under the table's lock, except that a reserved number's null becomes a pointer without it.
pub(super) struct Entry<T, C: Count>(AtomicPtr<Slot<T, C>>);

impl<T, C: Count> Entry<T, C> {
    fn empty() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// The pointer, for a lookup or for whoever has the lock. Over it stands the step's label.
    #[inline]
    #[track_caller]
    pub(super) fn load(&self) -> Option<NonNull<Slot<T, C>>> {
        // ORDERING: Acquire pairs with the Release of `install`, which takes no lock: the slot behind the pointer,
        // and the object in it for whoever takes the entry's own reference.
        NonNull::new(self.0.load(Ordering::Acquire))
    }

    /// The pointer, for whoever has the table alone.
    #[track_caller]
    pub(super) fn load_alone(&self) -> Option<NonNull<Slot<T, C>>> {
        // ORDERING: Relaxed; all that others installed came before their handles went, which the caller has acquired.
        NonNull::new(self.0.load(Ordering::Relaxed))
    }

    /// A lookup's second look.
    #[inline]
    #[track_caller]
    pub(super) fn still_is(&self, slot: NonNull<Slot<T, C>>) -> bool {
        // ORDERING: Relaxed; after the Acquire of the get, which pairs with the Release of `init`: if the slot was
        // reused, the change of the entry before that is seen here.
        self.0.load(Ordering::Relaxed) == slot.as_ptr()
    }

    /// Hands the reference to the entry, for lookups to find.
    #[track_caller]
    pub(super) fn install(&self, object: Ref<T, C>) {
        let object = ManuallyDrop::new(object);
        // ORDERING: Release pairs with the Acquire of `load`.
        self.0.store(object.slot().as_ptr(), Ordering::Release);
    }

    /// Nothing is found here any more.
    #[track_caller]
    pub(super) fn clear(&self) {
        // ORDERING: Relaxed; the last put, which comes later, and the next object's `init` carry it to a lookup that
        // got that object by mistake, and so to its second look.
        self.0.store(ptr::null_mut(), Ordering::Relaxed);
    }

    /// The pointer, seen from outside the model or by the entry's only owner.
    pub(super) fn raw(&self) -> Option<NonNull<Slot<T, C>>> {
        NonNull::new(self.0.raw_load())
    }
}

impl<T, C: Count> Drop for Entry<T, C> {
    fn drop(&mut self) {
        if let Some(slot) = self.raw() {
            // SAFETY: the entry owns a reference, and goes now (Table!CountIsRefs).
            drop(unsafe { Ref::from_slot(slot) });
        }
    }
}

/// A chunk after the first: null until one of its numbers is taken.
struct Chunk<T, C: Count> {
    entries: AtomicPtr<Entry<T, C>>,
    len: u32,
    /// The chunk's memory, for the model builds to watch.
    #[cfg(any(graceref_loom, graceref_shuttle))]
    memory: crate::sync::Tracked<()>,
}

impl<T, C: Count> Chunk<T, C> {
    fn new(entries: *mut Entry<T, C>, len: u32) -> Self {
        Self {
            entries: AtomicPtr::new(entries),
            len,
            #[cfg(any(graceref_loom, graceref_shuttle))]
            memory: crate::sync::Tracked::new(()),
        }
    }

    fn leak(entries: Box<[Entry<T, C>]>) -> *mut Entry<T, C> {
        Box::into_raw(entries).cast()
    }
}

impl<T, C: Count> Drop for Chunk<T, C> {
    fn drop(&mut self) {
        if let Some(entries) = NonNull::new(self.entries.raw_load()) {
            let entries = ptr::slice_from_raw_parts_mut(entries.as_ptr(), self.len as usize);
            // SAFETY: leaked with this length, and no handle is left to look at it (Table!NoUseAfterExit).
            drop(unsafe { Box::from_raw(entries) });
        }
    }
}

/// All the entries of a table. Dropping them drops the references, all of them even if a destructor panics.
pub(super) struct Entries<T, C: Count> {
    first: Box<[Entry<T, C>]>,
    more: [Chunk<T, C>; CHUNKS - 1],
    limit: u32,
}

/// The first number of the chunk.
const fn base(chunk: usize) -> u32 {
    FIRST * ((1 << chunk) - 1)
}

/// The chunk of a number, and how manieth of its entries. The number is below `LIMIT`.
const fn locate(number: u32) -> (usize, usize) {
    let chunk = (number / FIRST + 1).ilog2() as usize;
    (chunk, (number - base(chunk)) as usize)
}

/// How many entries the chunk has, given the limit.
fn chunk_len(chunk: usize, limit: u32) -> u32 {
    let len = u64::from(FIRST) << chunk;
    u32::try_from(len.min(u64::from(limit.saturating_sub(base(chunk))))).unwrap_or(0)
}

fn filled<T, C: Count>(
    chunk: usize,
    limit: u32,
    entry: impl FnMut(u32) -> Entry<T, C>,
) -> Box<[Entry<T, C>]> {
    (base(chunk)..base(chunk) + chunk_len(chunk, limit)).map(entry).collect::<Vec<_>>().into()
}

impl<T, C: Count> Entries<T, C> {
    /// Empty entries for the numbers below `limit`, the first chunk allocated.
    pub(super) fn new(limit: u32) -> Self {
        let limit = limit.min(LIMIT);
        Self {
            first: filled(0, limit, |_| Entry::empty()),
            more: core::array::from_fn(|i| Chunk::new(ptr::null_mut(), chunk_len(i + 1, limit))),
            limit,
        }
    }

    pub(super) fn limit(&self) -> u32 {
        self.limit
    }

    /// What the first chunk's entries point to, for observers outside the model.
    #[cfg(any(graceref_loom, graceref_shuttle))]
    pub(super) fn raw_first(&self) -> Vec<u32> {
        // SAFETY: the pool's memory is not really freed in the model builds (Table!NoForeignSlot).
        let number = |slot: NonNull<Slot<T, C>>| unsafe { slot.as_ref() }.number();
        self.first.iter().map(|entry| entry.raw().map_or(0, number)).collect()
    }

    /// Drops the references, as the drop of the entries would, and leaves the memory to observers. Once.
    #[cfg(any(graceref_loom, graceref_shuttle))]
    pub(super) fn drop_all(&self) {
        let more = self.more.iter().flat_map(|chunk| {
            let entries = NonNull::new(chunk.entries.raw_load());
            // SAFETY: leaked with this length (Table!NoUseAfterExit).
            entries.into_iter().flat_map(|entries| unsafe {
                core::slice::from_raw_parts(entries.as_ptr(), chunk.len as usize)
            })
        });
        for slot in self.first.iter().chain(more).filter_map(Entry::raw) {
            // SAFETY: the entry owns a reference, and nobody has the entry any more (Table!CountIsRefs).
            drop(unsafe { Ref::from_slot(slot) });
        }
    }

    /// The number's entry, if it has one yet.
    #[inline]
    pub(super) fn get(&self, number: u32) -> Option<&Entry<T, C>> {
        match self.first.get(number as usize) {
            Some(entry) => Some(entry),
            None => self.get_more(number),
        }
    }

    fn get_more(&self, number: u32) -> Option<&Entry<T, C>> {
        if number >= self.limit {
            return None;
        }
        let (chunk, i) = locate(number);
        at!("chunk");
        // ORDERING: Acquire pairs with the Release of `get_or_grow`: the chunk's entries are written.
        let entries = self.more[chunk - 1].entries.load(Ordering::Acquire);
        // SAFETY: `i` is below the chunk's length, as the number is below the limit (Table!TypeOK).
        let entry = NonNull::new(entries).map(|entries| unsafe { entries.add(i) })?;
        #[cfg(any(graceref_loom, graceref_shuttle))]
        self.more[chunk - 1].memory.with(|_| ());
        // SAFETY: a chunk stays where it is until the last handle goes (Table!NoUseAfterExit).
        Some(unsafe { entry.as_ref() })
    }

    /// The number's entry; the number is below the limit, and the caller has the lock.
    pub(super) fn get_or_grow(&self, number: u32) -> &Entry<T, C> {
        if let Some(entry) = self.get(number) {
            return entry;
        }
        let (chunk, i) = locate(number);
        let entries = Chunk::leak(filled(chunk, self.limit, |_| Entry::empty()));
        #[cfg(any(graceref_loom, graceref_shuttle))]
        self.more[chunk - 1].memory.with_mut(|_| ());
        at!("grow");
        // ORDERING: Release pairs with the Acquire of `get_more`.
        self.more[chunk - 1].entries.store(entries, Ordering::Release);
        // SAFETY: `i` is below the length that the chunk was just made with (Table!TypeOK).
        let entry = unsafe { entries.add(i) };
        // SAFETY: a chunk stays where it is until the last handle goes (Table!NoUseAfterExit).
        unsafe { &*entry }
    }

    /// The same objects under the same numbers, each with one more reference, and their numbers and flags. Numbers
    /// under which nothing is installed are left out. The caller has the lock that the book is under.
    pub(super) fn copy(&self, book: &Book) -> (Self, Book) {
        let mut copied = Book::default();
        let end = book.end();
        let mut copy = |number: u32| {
            let slot = book.is_taken(number).then(|| self.installed(number)).flatten();
            let Some(slot) = slot else { return Entry::empty() };
            copied.take(number);
            copied.set_cloexec(number, book.is_cloexec(number));
            let object = ManuallyDrop::new(Self::another(slot));
            Entry(AtomicPtr::new(object.slot().as_ptr()))
        };
        let first = filled(0, self.limit, &mut copy);
        let more = core::array::from_fn(|i| {
            let entries = if end > base(i + 1) {
                Chunk::leak(filled(i + 1, self.limit, &mut copy))
            } else {
                ptr::null_mut()
            };
            Chunk::new(entries, chunk_len(i + 1, self.limit))
        });
        (Self { first, more, limit: self.limit }, copied)
    }

    /// What is installed under the number, whose entry the caller's lock keeps.
    pub(super) fn installed(&self, number: u32) -> Option<NonNull<Slot<T, C>>> {
        let entry = self.get(number)?;
        at!("load");
        entry.load()
    }

    /// One more reference to an object whose entry the caller's lock keeps.
    pub(super) fn another(slot: NonNull<Slot<T, C>>) -> Ref<T, C> {
        // SAFETY: the entry owns a reference, which stays there under the lock (Table!CountIsRefs).
        let object = ManuallyDrop::new(unsafe { Ref::from_slot(slot) });
        if mutant("table.fork_uncounted") {
            return ManuallyDrop::into_inner(object);
        }
        Ref::clone(&object)
    }

    /// Takes out what is installed under the number; the caller has the lock that the book is under.
    pub(super) fn take_out(&self, book: &mut Book, number: u32) -> Option<Ref<T, C>> {
        let entry = self.get(number)?;
        at!("load");
        let slot = entry.load()?;
        // SAFETY: the entry's own reference, which the entry gives up below (Table!CountIsRefs).
        let mut object = Some(unsafe { Ref::from_slot(slot) });
        if mutant("table.put_first") {
            object = None;
        }
        at!("clear");
        entry.clear();
        book.give_back(number);
        object
    }
}

#[cfg(test)]
mod tests {
    use super::{CHUNKS, FIRST, LIMIT, base, chunk_len, locate};

    #[test]
    fn every_number_has_one_entry() {
        let mut expected = (0, 0);
        for number in 0..FIRST * 3 {
            assert_eq!(locate(number), expected);
            expected.1 += 1;
            if expected.1 == chunk_len(expected.0, LIMIT) as usize {
                expected = (expected.0 + 1, 0);
            }
        }
        assert_eq!(locate(LIMIT - 1), (CHUNKS - 1, chunk_len(CHUNKS - 1, LIMIT) as usize - 1));
    }

    #[test]
    fn a_limit_cuts_the_chunk_that_it_falls_into_and_all_after_it() {
        let limit = base(1) + 1;
        let lens: alloc::vec::Vec<_> = (0..CHUNKS).map(|chunk| chunk_len(chunk, limit)).collect();
        assert_eq!(lens[..3], [FIRST, 1, 0]);
        assert_eq!(lens.iter().sum::<u32>(), limit);
        assert_eq!(chunk_len(0, 0), 0);
    }
}
