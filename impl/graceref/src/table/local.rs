//! A table that nobody else has: lookups without a reference.

use super::{Fd, Table};
use crate::at;
use crate::count::{CasCount, Count};
use crate::reference::Ref;
use core::fmt;

/// A table that is not shared, held exclusively: what is installed can be borrowed without a reference.
///
/// From [`Table::local`]. While it lives nobody else has a handle, and the table cannot be used through this one; so an
/// object stays where it is until it is closed, and closing needs the `Local` itself, which a borrow keeps. The
/// kernel's `fdget`, which asks whether the table is shared and leaves the rest to the caller.
///
/// ```
/// use graceref::{Pool, Table};
/// let pool: Pool<String> = Pool::new();
/// let mut table = Table::new(&pool);
/// let fd = table.install(pool.insert("a".to_owned()).unwrap()).unwrap();
/// let mut local = table.local().expect("not shared");
/// assert_eq!(local.borrow(fd).unwrap(), "a");
/// assert!(local.close(fd).is_some());
/// ```
///
/// Closing while something is borrowed does not compile:
///
/// ```compile_fail,E0502
/// use graceref::{Pool, Table};
/// let pool: Pool<String> = Pool::new();
/// let mut table = Table::new(&pool);
/// let fd = table.install(pool.insert("a".to_owned()).unwrap()).unwrap();
/// let mut local = table.local().expect("not shared");
/// let a = local.borrow(fd).unwrap();
/// local.close(fd);
/// assert_eq!(a, "a");
/// ```
pub struct Local<'a, T, C: Count = CasCount> {
    table: &'a mut Table<T, C>,
}

impl<'a, T, C: Count> Local<'a, T, C> {
    pub(super) fn new(table: &'a mut Table<T, C>) -> Self {
        Self { table }
    }

    /// The object under the number, without a reference to it: one load, no read-modify-write.
    ///
    /// `None` if nothing is installed there. For one that must outlive the borrow, [`Table::get`].
    pub fn borrow(&self, fd: Fd) -> Option<&T> {
        let inner = self.table.inner();
        inner.touch();
        let entry = inner.entries.get(fd.0)?;
        at!("load");
        let slot = entry.load_alone()?;
        // SAFETY: the entry's own reference keeps the object; it goes by a close, which needs this `Local` or
        // another handle, and there is none (Table!NoUseAfterFree).
        let content = unsafe { slot.as_ref() };
        Some(content.value.with(|value| {
            // SAFETY: alive, as above (Table!NoUseAfterFree).
            unsafe { &*value.cast::<T>() }
        }))
    }

    /// As [`Table::close`].
    pub fn close(&mut self, fd: Fd) -> Option<Ref<T, C>> {
        self.table.close(fd)
    }
}

impl<T, C: Count> fmt::Debug for Local<'_, T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Local").finish_non_exhaustive()
    }
}
