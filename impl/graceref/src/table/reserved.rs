//! A number that is taken before its object is ready.

use super::{Fd, InstallError, InstallErrorKind, Table};
use crate::at;
use crate::count::{CasCount, Count};
use crate::reference::Ref;
use core::fmt;
use core::mem;

/// A number that is taken and under which nothing is found yet.
///
/// From [`Table::reserve`]. Do what may fail while you hold it, then [`install`](Reserved::install). Dropping it gives the
/// number back. That a number is used once is in the types: installing consumes it. The kernel's
/// `get_unused_fd_flags`, `fd_install` and `put_unused_fd`, where it was not (a number put back after its install is
/// CVE-2022-48771).
///
/// ```
/// use graceref::{Pool, Table};
/// let pool: Pool<String> = Pool::new();
/// let table = Table::new(&pool);
/// let number = table.reserve().unwrap();
/// let fd = number.fd();
/// assert!(table.get(fd).is_none());
/// number.install(pool.insert("ready".to_owned()).unwrap()).unwrap();
/// assert_eq!(*table.get(fd).unwrap(), "ready");
/// ```
#[must_use = "dropping it gives the number back"]
pub struct Reserved<'a, T, C: Count = CasCount> {
    table: &'a Table<T, C>,
    number: u32,
}

impl<'a, T, C: Count> Reserved<'a, T, C> {
    pub(super) fn new(table: &'a Table<T, C>, number: u32) -> Self {
        Self { table, number }
    }

    /// The number.
    pub fn fd(&self) -> Fd {
        Fd(self.number)
    }

    /// Installs the object: from now on lookups find it. Takes over the reference. No lock; one store, release.
    ///
    /// # Errors
    /// Cannot fail for an object of the table's own pool. One of another pool comes back in an [`InstallError`], and
    /// the number is given back.
    pub fn install(self, object: Ref<T, C>) -> Result<Fd, InstallError<T, C>> {
        if !self.table.pool().owns(&object) {
            return Err(InstallError { kind: InstallErrorKind::Foreign, object });
        }
        let _scope = crate::sync::within("install");
        let fd = self.fd();
        let inner = self.table.inner();
        inner.touch();
        // The entry is there since the reserve.
        let entry = inner.entries.get_or_grow(self.number);
        mem::forget(self);
        at!("store");
        entry.install(object);
        Ok(fd)
    }
}

impl<T, C: Count> Drop for Reserved<'_, T, C> {
    /// Gives the number back. Takes the table's lock.
    fn drop(&mut self) {
        let _scope = crate::sync::within("rollback");
        self.table.inner().locked(|book| book.give_back(self.number));
    }
}

impl<T, C: Count> fmt::Debug for Reserved<'_, T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reserved").field(&self.number).finish()
    }
}
