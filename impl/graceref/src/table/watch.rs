//! What the model builds see of a table's memory, also after it is gone.

use super::Inner;
use crate::count::Count;
use alloc::vec::Vec;
use core::ptr::NonNull;

/// A look at a table's own words that outlives the table, for observers outside the model.
#[doc(hidden)]
pub struct TableWatch<T, C: Count>(NonNull<Inner<T, C>>);

// SAFETY: looks at shadows of atomics only (Table!TypeOK).
unsafe impl<T, C: Count> Send for TableWatch<T, C> {}
// SAFETY: looks at shadows of atomics only (Table!TypeOK).
unsafe impl<T, C: Count> Sync for TableWatch<T, C> {}

impl<T, C: Count> TableWatch<T, C> {
    pub(super) fn new(inner: NonNull<Inner<T, C>>) -> Self {
        Self(inner)
    }

    /// The words now.
    pub fn look(&self) -> RawTable {
        // SAFETY: the model builds never really free the memory (Table!NoUseAfterExit).
        let inner = unsafe { self.0.as_ref() };
        RawTable {
            entries: inner.entries.raw_first(),
            taken: inner.taken.get(),
            locked: inner.book.raw_is_locked(),
            users: inner.users.raw_load(),
        }
    }
}

/// The words of a table's memory as they are.
#[doc(hidden)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawTable {
    /// What the first chunk's entries point to: a slot's number in its pool, from 1 on, or 0.
    pub entries: Vec<u32>,
    /// The first numbers' bits.
    pub taken: u64,
    /// Whether somebody has the lock.
    pub locked: bool,
    /// Handles.
    pub users: u64,
}
