//! The count: how many references an object has, and whether it is dead.

mod cas;
mod file_ref;

pub use cas::CasCount;
pub use file_ref::FileRefCount;

mod sealed {
    pub trait Sealed {}
}

/// What a [`Count::try_get`] came to.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Got {
    /// The count is dead.
    Nothing,
    /// A reference.
    Counted,
    /// A reference, won from a put that took itself for the last, and is going to look at the word once more.
    Revived,
}

/// What a [`Count::give_back`] came to.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// Others have references; the word is theirs.
    Shared,
    /// The caller must release the object.
    Last,
    /// Somebody revived the count meanwhile. The word was touched after the reference was gone, for the last time.
    Straggled,
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
    ///
    /// [`FileRefCount`]'s may look at the word once more after its reference is gone, when another thread's
    /// [`get_active`](Count::get_active) may have revived it: the word's memory has to outlive the *call*, as the
    /// kernel's does by a grace period. [`Pool`](crate::Pool) sees to that for its objects.
    fn put(&self) -> bool;

    /// [`put`](Count::put) by an owner who believes that its reference is the last, as close(2) does.
    ///
    /// The same outcome; cheaper if the belief is right and dearer if not.
    fn put_close(&self) -> bool;

    /// Whether in memory of nothing but zeros nothing is found.
    #[doc(hidden)]
    const ZEROED_IS_NOTHING: bool;

    /// Whether the word counts generations, and can refuse references.
    #[doc(hidden)]
    const KEYED: bool;

    /// For the owner of a dead word: a generation that no object will have.
    #[doc(hidden)]
    fn skip(&self);

    /// Gives no more references to those who have none, if it can.
    #[doc(hidden)]
    fn refuse(&self);

    /// Makes the word of memory that never held an object ready for its first: dead, and before this generation.
    #[doc(hidden)]
    fn prepare(&self, generation: u32);

    /// For the owner of a dead word: whether this many generations from the first are used up.
    #[doc(hidden)]
    fn spent(&self, first: u32, generations: u32) -> bool;

    /// Whether a put may touch the word after its reference is gone, so that whoever owns the memory has to wait for it.
    #[doc(hidden)]
    const STRAGGLES: bool;

    /// [`get_active`](Count::get_active), for an owner of memory. There is one `Revived` for each `Straggled`.
    #[doc(hidden)]
    fn try_get(&self) -> Got;

    /// [`put`](Count::put), for an owner of memory.
    #[doc(hidden)]
    fn give_back(&self) -> Given;

    /// A new object in this word's memory, with one reference, the caller's. One store, release.
    ///
    /// The caller owns the dead word (it was just allocated) and has written everything else: this is the last
    /// store of an allocation. A word that counts generations counts one more.
    fn init(&self);

    /// The word as it is, for observers outside the model.
    #[doc(hidden)]
    fn raw_word(&self) -> u64;

    /// The word as the spec has it, for observers outside the model: a number of references, or what else the count has.
    #[doc(hidden)]
    fn raw_refs(&self) -> i64;

    /// The generation of the object, for observers outside the model; 0 if not counted.
    #[doc(hidden)]
    fn raw_generation(&self) -> u32 {
        0
    }

    /// How many references there are; 0 if dead. A snapshot, stale as soon as it is read: for messages and tests.
    fn refs(&self) -> u64;
}
