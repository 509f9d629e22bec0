//! The count: how many references an object has, and whether it is dead.

mod cas;
mod file_ref;

pub use cas::CasCount;
pub use file_ref::FileRefCount;

mod sealed {
    pub trait Sealed {}
}

/// A reference count that is dead for good once it is dead.
///
/// The word's life: dead (no object) → [`init`](Count::init): one reference → gets and puts → the put that
/// finds itself the last returns `true`, and its caller releases the object → dead. In type-stable memory the
/// word goes round again for the next object, and a thread that still holds the old address may call
/// [`get_active`](Count::get_active) on it at any time.
///
/// | | [`CasCount`] | [`FileRefCount`] |
/// |---|---|---|
/// | `get` | 1 add | 1 add |
/// | `get_active` | 1 load and 1 compare-exchange, again if another thread came between | 1 add, always |
/// | `get_active` on a dead count | a load, no write | 1 add, which stays |
/// | `put` | 1 subtract | 1 subtract; the last also 1 compare-exchange |
///
/// Neither spins on a dead object. Sealed: the proofs are about these two.
pub trait Count: sealed::Sealed + Send + Sync + 'static {
    /// A dead count: the word of memory that holds no object.
    fn dead() -> Self;

    /// Another reference for a caller who owns one. One add, relaxed (the caller's own reference keeps the object).
    ///
    /// A count that has too many references saturates: the object is leaked, not freed early. So is one on
    /// which `get` is called without owning a reference, where the count can tell (it is dead).
    fn get(&self);

    /// A reference for a caller who owns none: `true` if the object was alive and now has one more reference.
    ///
    /// In type-stable memory the object may be another one than the caller looked for: compare the pointer
    /// again after success. Acquire, so that this second look comes after, and sees what
    /// [`init`](Count::init) published.
    fn get_active(&self) -> bool;

    /// Gives a reference back; `true` if it was the last, and the caller must release the object.
    ///
    /// Release, so that all uses come before; acquire for the last, so that the release comes after them.
    /// More puts than gets saturate the count where it can tell.
    fn put(&self) -> bool;

    /// [`put`](Count::put) by an owner who believes that its reference is the last, as close(2) does.
    ///
    /// The same outcome; cheaper if the belief is right and dearer if not.
    fn put_close(&self) -> bool;

    /// A new object in this word's memory, with one reference, the caller's. One store, release.
    ///
    /// The caller owns the dead word (it was just allocated) and has written everything else: this is the last
    /// store of an allocation.
    fn init(&self);

    /// How many references there are; 0 if dead. A snapshot, stale as soon as it is read: for messages and tests.
    fn refs(&self) -> u64;
}
