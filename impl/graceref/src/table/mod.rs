//! The descriptor table: small numbers for objects, lowest first, looked up without a lock.

mod book;
mod entries;
mod error;
mod local;
mod reserved;
#[cfg(any(graceref_loom, graceref_shuttle))]
mod watch;

pub use error::{DupError, InstallError, InstallErrorKind, NoNumber};
pub use local::Local;
pub use reserved::Reserved;
#[cfg(any(graceref_loom, graceref_shuttle))]
pub use watch::{RawTable, TableWatch};

use crate::count::{Any, CasCount, Count};
use crate::pool::{Missed, Pool};
use crate::reference::Ref;
use crate::sync::{AtomicU64, Mutex, Ordering, fence, mutant, within};
use crate::{at, local, site};
use alloc::boxed::Box;
use book::Book;
use core::fmt;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::ptr::NonNull;
use entries::{Entries, LIMIT};

/// A number in a [`Table`].
///
/// ```
/// use graceref::Fd;
/// let fd = Fd::new(3);
/// assert_eq!((fd.number(), fd.to_string()), (3, "descriptor 3".to_owned()));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fd(u32);

impl Fd {
    /// The descriptor of this number, whether or not something is installed there.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl From<u32> for Fd {
    fn from(number: u32) -> Self {
        Self(number)
    }
}

impl From<Fd> for u32 {
    fn from(fd: Fd) -> Self {
        fd.0
    }
}

impl fmt::Display for Fd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "descriptor {}", self.0)
    }
}

/// A descriptor table: objects of one [`Pool`] under small numbers, as a process has its open files.
///
/// The words and the semantics are the kernel's and POSIX's:
///
/// | here | there | takes the lock |
/// |---|---|---|
/// | [`reserve`](Table::reserve), [`Reserved::install`] | `get_unused_fd_flags`, `fd_install` | reserve |
/// | [`install`](Table::install) | both | yes |
/// | [`get`](Table::get) | `fget` | never |
/// | [`close`](Table::close) | close(2) | yes |
/// | [`dup`](Table::dup), [`dup_from`](Table::dup_from) | dup(2), `F_DUPFD` | yes |
/// | [`dup_to`](Table::dup_to) | dup2(2), dup3(2) | yes |
/// | [`set_cloexec`](Table::set_cloexec), [`close_on_exec`](Table::close_on_exec) | `FD_CLOEXEC`, execve(2) | yes |
/// | [`fork`](Table::fork) | fork(2) | yes |
/// | [`share`](Table::share), [`unshare`](Table::unshare) | `CLONE_FILES`, unshare(2) | fork's |
/// | [`local`](Table::local), [`Local::borrow`] | `fdget` | never |
///
/// A new number is the lowest free one. What is closed or replaced comes back as a [`Ref`], so that the last put, and
/// with it the destructor, runs where the caller wants it, and never under the table's lock: a destructor may use the
/// table.
///
/// A `Table` is a handle, and all its methods but two take `&self`. The table goes, and its references with it, when the
/// last handle does. It keeps its pool, so that a lookup always looks at memory of the pool's type. An object that
/// itself has a handle on a table that it is in is a cycle, as with `Arc`, and is kept for ever.
///
/// Its lock is not for forks: a child that is forked while another thread has it waits for that thread for ever.
///
/// An entry takes 8 bytes and 2 bits. Entries live in chunks of 64, 128, 256, ... that are allocated when a number in them
/// is first taken and never move, so that growing needs no grace period. (The kernel copies its table to grow it, and a
/// lookup there has to look whether the table itself is still the same.) The 2 bits are in one array up to the highest
/// number ever taken.
///
/// ```
/// use graceref::{Pool, Table};
/// let pool: Pool<String> = Pool::new();
/// let table = Table::new(&pool);
/// let a = table.install(pool.insert("a".to_owned()).unwrap()).unwrap();
/// let b = table.dup(a).unwrap();
/// assert_eq!((a.number(), b.number()), (0, 1));
/// let held = table.get(a).unwrap();      // as a read(2) does, while it runs
/// drop(table.close(a));                  // the number is free at once
/// drop(table.close(b));
/// assert!(table.get(a).is_none());
/// assert_eq!(*held, "a");                // and the object goes when the last reference does
/// ```
pub struct Table<T, C: Count = CasCount> {
    inner: NonNull<Inner<T, C>>,
}

/// What all handles share.
struct Inner<T, C: Count> {
    entries: Entries<T, C>,
    book: Mutex<Book>,
    /// Handles.
    users: AtomicU64,
    pool: Pool<T, C>,
    /// Whether this is still memory, for the model builds to watch.
    #[cfg(any(graceref_loom, graceref_shuttle))]
    life: crate::sync::Tracked<()>,
    /// The first numbers' bits, for observers outside the model.
    #[cfg(any(graceref_loom, graceref_shuttle))]
    taken: crate::sync::model::Ghost<u64>,
}

// SAFETY: a handle gives out `Ref`s and `&T` on any thread, and the last one drops what is installed; it asks of `T` what
// `Arc<T>` does (Table!NoUseAfterExit).
unsafe impl<T: Send + Sync, C: Count> Send for Table<T, C> {}
// SAFETY: entries are atomics, changed under the lock, and what a lookup gives out is counted (Table!CountIsRefs).
unsafe impl<T: Send + Sync, C: Count> Sync for Table<T, C> {}

// Objects are seen through `&T` only, and no user code runs while the table is being changed.
impl<T, C: Count> Unpin for Table<T, C> {}
impl<T: RefUnwindSafe, C: Count> UnwindSafe for Table<T, C> {}
impl<T: RefUnwindSafe, C: Count> RefUnwindSafe for Table<T, C> {}

impl<T, C: Count> Inner<T, C> {
    /// An access to the table's own memory.
    #[inline]
    #[track_caller]
    #[allow(clippy::unused_self)] // The plain build has nothing to watch it with.
    fn touch(&self) {
        #[cfg(any(graceref_loom, graceref_shuttle))]
        self.life.with(|_| ());
    }

    /// Under the lock.
    fn locked<R>(&self, f: impl FnOnce(&mut Book) -> R) -> R {
        self.touch();
        at!("lock");
        let mut book = self.book.lock();
        let result = f(&mut book);
        #[cfg(any(graceref_loom, graceref_shuttle))]
        self.taken.set(book.first());
        at!("unlock");
        drop(book);
        result
    }
}

impl<T, C: Count> Table<T, C> {
    /// The limit of [`new`](Table::new): the kernel's `sysctl_nr_open`.
    pub const DEFAULT_LIMIT: u32 = 1 << 20;

    /// An empty table for objects of this pool, with [`DEFAULT_LIMIT`](Table::DEFAULT_LIMIT) numbers.
    pub fn new(pool: &Pool<T, C>) -> Self {
        Self::with_limit(pool, Self::DEFAULT_LIMIT)
    }

    /// An empty table for objects of this pool, with the numbers below `limit`, and below 2^32 - 64.
    ///
    /// A number that is asked for ([`dup_to`](Table::dup_to)) has its chunk allocated, up to twice as many entries as the
    /// number says: the limit bounds what a number can cost.
    pub fn with_limit(pool: &Pool<T, C>, limit: u32) -> Self {
        Self::of(pool.clone(), Entries::new(limit.min(LIMIT)), Book::default())
    }

    fn of(pool: Pool<T, C>, entries: Entries<T, C>, book: Book) -> Self {
        let inner = Box::new(Inner {
            #[cfg(any(graceref_loom, graceref_shuttle))]
            life: crate::sync::Tracked::new(()),
            #[cfg(any(graceref_loom, graceref_shuttle))]
            taken: crate::sync::model::Ghost::new(book.first()),
            entries,
            book: Mutex::new(book),
            users: AtomicU64::new(1),
            pool,
        });
        Self { inner: NonNull::from(Box::leak(inner)) }
    }

    fn inner(&self) -> &Inner<T, C> {
        // SAFETY: this handle keeps it (Table!NoUseAfterExit).
        unsafe { self.inner.as_ref() }
    }

    /// The pool that the objects live in.
    pub fn pool(&self) -> &Pool<T, C> {
        &self.inner().pool
    }

    /// The numbers are below this.
    pub fn limit(&self) -> u32 {
        self.inner().entries.limit()
    }

    /// Takes the lowest free number, under which nothing is found until the [`Reserved`] is installed.
    ///
    /// Under the lock; allocates when the number is the first of its chunk.
    ///
    /// # Errors
    /// [`NoNumber`] when there is none below the limit.
    pub fn reserve(&self) -> Result<Reserved<'_, T, C>, NoNumber> {
        let _scope = within("reserve");
        let inner = self.inner();
        let number = inner.locked(|book| {
            let number = book.lowest(0, inner.entries.limit())?;
            inner.entries.get_or_grow(number);
            book.take(number);
            Some(number)
        });
        Ok(Reserved::new(self, number.ok_or(NoNumber(()))?))
    }

    /// Installs the object under the lowest free number, taking over the reference: [`reserve`](Table::reserve) and
    /// [`Reserved::install`].
    ///
    /// # Errors
    /// [`InstallError`], with the reference in it, when the object is of another pool or there is no free number.
    ///
    /// ```
    /// use graceref::{InstallErrorKind, Pool, Table};
    /// let pool: Pool<u32> = Pool::new();
    /// let table = Table::with_limit(&pool, 1);
    /// table.install(pool.insert(1).unwrap()).unwrap();
    /// let error = table.install(pool.insert(2).unwrap()).unwrap_err();
    /// assert_eq!(error.kind(), InstallErrorKind::NoNumber);
    /// assert_eq!(*error.into_inner(), 2);
    /// ```
    pub fn install(&self, object: Ref<T, C>) -> Result<Fd, InstallError<T, C>> {
        match self.reserve() {
            Ok(number) => number.install(object),
            Err(NoNumber(())) => Err(InstallError { kind: InstallErrorKind::NoNumber, object }),
        }
    }

    /// A reference to the object under the number; `None` if nothing is installed there.
    ///
    /// Takes no lock: two loads and the count's read-modify-write, one more load for numbers from 64 on, and again
    /// while other threads change the entry in between. The object returned was under the number at some instant of the
    /// call, alive. The memory is type-stable, so the reference may first be to an object that has taken the place of
    /// the one looked for; the second look at the entry tells. The idea is the kernel's `__fget_files`.
    ///
    /// What was removed from its pool ([`Pool::remove`], `clear`, `kill`) is not found here either: `None`, until the
    /// number is closed, which gives back the reference. To tell that, the table's lock is taken.
    pub fn get(&self, fd: Fd) -> Option<Ref<T, C>> {
        let inner = self.inner();
        inner.touch();
        let entry = inner.entries.get(fd.0)?;
        loop {
            at!("load");
            let slot = entry.load();
            // SAFETY: the table keeps the pool, so a slot that was ever in it is memory of this type (Table!NoForeignSlot).
            local!(undo = false, slot = slot.map_or(0, |slot| unsafe { slot.as_ref() }.number()));
            let slot = slot?;
            let object = match inner.pool.look_up(slot, Any) {
                Ok(object) => object,
                Err(Missed::Removed) => return self.get_locked(fd),
                Err(Missed::Gone) => {
                    site!("dead");
                    // ORDERING: Acquire pairs with the Release of the last put: the change of the entry before it is seen
                    // by the next load, so that a dead object is met once.
                    fence(Ordering::Acquire);
                    continue;
                }
            };
            if mutant("table.skip_recheck") {
                return Some(object);
            }
            at!("recheck");
            if entry.still_is(slot) {
                return Some(object);
            }
            local!(undo = true);
            drop(object);
        }
    }

    /// [`get`](Table::get) where the object seems to have been removed. The lock keeps the entry, and its reference the
    /// object.
    #[cold]
    #[inline(never)]
    fn get_locked(&self, fd: Fd) -> Option<Ref<T, C>> {
        let _scope = within("get");
        let inner = self.inner();
        inner.locked(|_| {
            let object = Entries::another(inner.entries.installed(fd.0)?);
            Ref::is_live(&object).then_some(object)
        })
    }

    /// Frees the number and hands back the reference that the table had; `None` if nothing is installed there.
    ///
    /// The number can be taken again at once. Lookups that already have the object keep it. A number that is reserved
    /// stays so.
    pub fn close(&self, fd: Fd) -> Option<Ref<T, C>> {
        let _scope = within("close");
        let inner = self.inner();
        inner.locked(|book| inner.entries.take_out(book, fd.0))
    }

    /// The same object under the lowest free number too.
    ///
    /// # Errors
    /// [`DupError::NotOpen`], [`DupError::NoNumber`].
    pub fn dup(&self, fd: Fd) -> Result<Fd, DupError> {
        self.dup_from(fd, Fd(0))
    }

    /// The same object under the lowest free number from `min` on too, as `F_DUPFD` does.
    ///
    /// # Errors
    /// [`DupError::NotOpen`], [`DupError::NoNumber`].
    pub fn dup_from(&self, fd: Fd, min: Fd) -> Result<Fd, DupError> {
        let _scope = within("dup");
        let inner = self.inner();
        inner.locked(|book| {
            let slot = inner.entries.installed(fd.0).ok_or(DupError::NotOpen(fd))?;
            let number = book.lowest(min.0, inner.entries.limit()).ok_or(DupError::NoNumber)?;
            let entry = inner.entries.get_or_grow(number);
            let object = Entries::another(slot);
            book.take(number);
            at!("store");
            entry.install(object);
            Ok(Fd(number))
        })
    }

    /// The same object under the number `to` too, in place of what was there, which comes back. One step for lookups:
    /// they find the one or the other, never nothing.
    ///
    /// As dup2(2) and dup3(2): `to` is not close-on-exec afterwards. If both are the same open number, nothing
    /// changes and nothing comes back (dup2's way; dup3 calls that an error).
    ///
    /// # Errors
    /// [`DupError::NotOpen`], [`DupError::BeyondLimit`]; [`DupError::Busy`] if `to` is reserved and not installed yet:
    /// otherwise that install would overwrite this one.
    ///
    /// ```
    /// use graceref::{DupError, Fd, Pool, Table};
    /// let pool: Pool<char> = Pool::new();
    /// let table = Table::new(&pool);
    /// let a = table.install(pool.insert('a').unwrap()).unwrap();
    /// let b = table.install(pool.insert('b').unwrap()).unwrap();
    /// assert_eq!(*table.dup_to(a, b).unwrap().unwrap(), 'b');
    /// assert_eq!(*table.get(b).unwrap(), 'a');
    /// let reserved = table.reserve().unwrap();
    /// assert_eq!(table.dup_to(a, reserved.fd()).unwrap_err(), DupError::Busy(Fd::new(2)));
    /// ```
    pub fn dup_to(&self, fd: Fd, to: Fd) -> Result<Option<Ref<T, C>>, DupError> {
        let _scope = within("dup2");
        let inner = self.inner();
        if to.0 >= inner.entries.limit() {
            return Err(DupError::BeyondLimit(to));
        }
        if fd == to {
            inner.touch();
            let entry = inner.entries.get(fd.0).ok_or(DupError::NotOpen(fd))?;
            at!("same");
            return entry.load().map(|_| None).ok_or(DupError::NotOpen(fd));
        }
        inner.locked(|book| {
            let slot = inner.entries.installed(fd.0).ok_or(DupError::NotOpen(fd))?;
            let entry = inner.entries.get_or_grow(to.0);
            at!("look");
            let old = entry.load();
            // SAFETY: the table keeps the pool, so a slot that was ever in it is memory of this type (Table!NoForeignSlot).
            local!(old = old.map_or(0, |slot| unsafe { slot.as_ref() }.number()));
            if old.is_none() && book.is_taken(to.0) && !mutant("table.skip_busy") {
                return Err(DupError::Busy(to));
            }
            let object = Entries::another(slot);
            book.take(to.0);
            at!("store");
            entry.install(object);
            // SAFETY: the entry's own reference, which the store has just pushed out (Table!CountIsRefs).
            Ok(old.map(|slot| unsafe { Ref::from_slot(slot) }))
        })
    }

    /// Whether exec closes the number; `None` if nothing is installed there.
    pub fn cloexec(&self, fd: Fd) -> Option<bool> {
        let _scope = within("cloexec");
        let inner = self.inner();
        inner.locked(|book| {
            let entry = inner.entries.get(fd.0)?;
            at!("load");
            entry.load().map(|_| book.is_cloexec(fd.0))
        })
    }

    /// Says whether exec closes the number, and returns what was said before; `None` if nothing is installed there.
    ///
    /// The flag is the number's, not the object's: a dup starts without it, and a fork has it as it is.
    pub fn set_cloexec(&self, fd: Fd, on: bool) -> Option<bool> {
        let _scope = within("cloexec");
        let inner = self.inner();
        inner.locked(|book| {
            let entry = inner.entries.get(fd.0)?;
            at!("load");
            entry.load()?;
            let before = book.is_cloexec(fd.0);
            book.set_cloexec(fd.0, on);
            Some(before)
        })
    }

    /// Closes every number that exec closes, and says how many. Each reference is dropped outside the lock, in the
    /// order of the numbers.
    ///
    /// On a shared table this closes them for all of its users; the kernel calls [`unshare`](Table::unshare) first. If a
    /// destructor panics, the numbers after its own are still there, and flagged.
    pub fn close_on_exec(&self) -> usize {
        let _scope = within("exec");
        let inner = self.inner();
        let (mut from, mut closed) = (0, 0);
        loop {
            let object = inner.locked(|book| {
                let number = book.next_cloexec(from)?;
                from = number + 1;
                inner.entries.take_out(book, number)
            });
            let Some(object) = object else { return closed };
            closed += 1;
            drop(object);
        }
    }

    /// What is installed, number by number from the lowest: each by a [`get`](Table::get) of its own, without a lock, so
    /// not all at one instant.
    pub fn iter(&self) -> impl Iterator<Item = (Fd, Ref<T, C>)> + '_ {
        let _scope = within("iter");
        let end = self.inner().locked(|book| book.end());
        (0..end).map(Fd).filter_map(|fd| Some((fd, self.get(fd)?)))
    }

    /// A copy of the table, as a child process gets it: the same objects under the same numbers, one more reference
    /// each, with their flags. What is reserved and not installed yet is free in the copy.
    ///
    /// Under the lock, one add an object.
    #[must_use = "the copy is a table of its own; for another handle on this one use `share`"]
    pub fn fork(&self) -> Self {
        let _scope = within("fork");
        let inner = self.inner();
        let pool = inner.pool.clone();
        let (entries, book) = inner.locked(|book| inner.entries.copy(book));
        Self::of(pool, entries, book)
    }

    /// Another handle on the same table, as `CLONE_FILES` gives it to a thread: one add, no reference to any object.
    #[must_use = "a handle that is dropped at once shares nothing"]
    pub fn share(&self) -> Self {
        let inner = self.inner();
        inner.touch();
        at!("share");
        // ORDERING: Relaxed; this handle keeps the table.
        inner.users.fetch_add(1, Ordering::Relaxed);
        Self { inner: self.inner }
    }

    /// Makes this handle the only one on its table: by a [`fork`](Table::fork) if there are others. Says whether there were.
    pub fn unshare(&mut self) -> bool {
        let shared = self.local().is_none();
        if shared {
            *self = self.fork();
        }
        shared
    }

    /// A look at the table's own words that outlives the table, for observers outside the model.
    #[cfg(any(graceref_loom, graceref_shuttle))]
    #[doc(hidden)]
    pub fn raw_watch(&self) -> TableWatch<T, C> {
        TableWatch::new(self.inner)
    }

    /// The table for this caller alone, if this is the only handle. One load.
    pub fn local(&mut self) -> Option<Local<'_, T, C>> {
        if mutant("table.local_shared") {
            return Some(Local::new(self));
        }
        let inner = self.inner();
        inner.touch();
        at!("users");
        // ORDERING: Acquire pairs with the Release of the other handles' drops: what they closed is closed.
        let users = inner.users.load(Ordering::Acquire);
        (users == 1).then(|| Local::new(self))
    }
}

impl<T, C: Count> Drop for Table<T, C> {
    /// One subtract; the last handle drops the references of the table, outside any lock.
    fn drop(&mut self) {
        let inner = self.inner();
        inner.touch();
        at!("exit");
        // ORDERING: Release pairs with the fence of the last handle's drop, and with the Acquire of `local`.
        if inner.users.fetch_sub(1, Ordering::Release) != 1 {
            return;
        }
        // ORDERING: Acquire pairs with the Release of the other handles' drops.
        fence(Ordering::Acquire);
        #[cfg(any(graceref_loom, graceref_shuttle))]
        {
            // The model builds keep the memory, so that whoever comes too late is seen and not undefined.
            site!("gone");
            inner.life.retire();
            inner.entries.drop_all();
        }
        #[cfg(not(any(graceref_loom, graceref_shuttle)))]
        // SAFETY: leaked by `of`, and no handle is left (Table!NoUseAfterExit).
        drop(unsafe { Box::from_raw(self.inner.as_ptr()) });
    }
}

impl<T, C: Count> Clone for Table<T, C> {
    /// [`share`](Table::share).
    fn clone(&self) -> Self {
        self.share()
    }
}

impl<T, C: Count> fmt::Debug for Table<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").finish_non_exhaustive()
    }
}
