//! The count: how many references an object has, and whether it is dead.

mod cas;
mod file_ref;
mod word;

pub use cas::CasCount;
pub use file_ref::FileRefCount;
#[allow(unreachable_pub)] // named by a method of `Count` that is not for users
pub use word::Word;
pub(crate) use word::{Any, GENERATIONS, OfGeneration};

mod sealed {
    pub trait Sealed {}
}

/// Which object a get means, told by the word.
#[doc(hidden)]
pub trait Wanted: Copy {
    /// Whether it is the object's, if there is one.
    fn meant(self, word: u64) -> bool;

    /// What a get comes to that finds a word which is not meant.
    #[inline]
    fn missed(self, _word: u64) -> Got {
        Got::Nothing
    }

    /// Whether it is the object's, with references, and room for one more.
    #[inline]
    fn counts(self, word: u64) -> bool {
        word >> 32 < word::MOST >> 32 && self.meant(word)
    }
}

/// What both counts have in common.
macro_rules! constructors {
    ($Count:ident) => {
        #[cfg(not(any(graceref_loom, graceref_shuttle)))]
        impl $Count {
            /// A live count with one reference.
            pub const fn new() -> Self {
                Self(Word::new(LIVE))
            }
        }

        #[cfg(any(graceref_loom, graceref_shuttle))]
        impl $Count {
            /// A live count with one reference.
            pub fn new() -> Self {
                Self(Word::new(LIVE))
            }
        }

        impl $Count {
            /// A count with this word.
            #[doc(hidden)]
            pub fn from_raw_word(word: u64) -> Self {
                Self(Word::new(word))
            }
        }

        impl Default for $Count {
            fn default() -> Self {
                Self::new()
            }
        }
    };
}
use constructors;

/// What a [`Count::try_get`] came to.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Got {
    /// The count is dead, or of another object.
    Nothing,
    /// Whatever object is there has references, and was removed: nobody is to find it.
    Removed,
    /// A reference.
    Counted,
    /// A reference, won from a put that took itself for the last, and is going to look at the word once more.
    Revived,
    /// A reference to another object than was wanted: the caller must give it back.
    Other {
        /// As `Revived`.
        revived: bool,
    },
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
/// | `get_active` | 1 load and 1 compare-exchange, again if another thread came between | 1 load and 1 add, always |
/// | `get_active` on a dead count | a load, no write | a load, no write |
/// | `put` | 1 subtract | 1 subtract; the last also 1 compare-exchange |
///
/// So one has the cheaper look-up, above all where threads meet, and the other the cheaper end. Neither spins on a
/// dead object. Sealed: the proofs are about these two.
pub trait Count: sealed::Sealed + Send + Sync + Sized + 'static {
    /// A dead count: the word of memory that holds no object.
    fn dead() -> Self;

    /// Another reference for a caller who owns one. One add, relaxed (the caller's own reference keeps the object).
    ///
    /// A count that has too many references saturates: the object is leaked, not freed early. So is one on
    /// which `get` is called without owning a reference, where the count can tell (it is dead).
    #[inline]
    fn get(&self) {
        self.word().get(Self::DEAD);
    }

    /// A reference for a caller who owns none: `true` if the object was alive and now has one more reference.
    ///
    /// In type-stable memory the object may be another one than the caller looked for: compare the pointer
    /// again after success. Acquire, so that this second look comes after, and sees what
    /// [`init`](Count::init) published.
    #[inline]
    fn get_active(&self) -> bool {
        match self.try_get(Any) {
            Got::Counted | Got::Revived => true,
            Got::Nothing | Got::Removed => false,
            Got::Other { .. } => {
                // Only a pool's objects can be removed, and a pool gives back what it did not want. Here none is lost.
                self.put();
                false
            }
        }
    }

    /// Gives a reference back; `true` if it was the last, and the caller must release the object.
    ///
    /// Release, so that all uses come before; acquire for the last, so that the release comes after them.
    /// More puts than gets saturate the count where it can tell.
    ///
    /// [`FileRefCount`]'s may look at the word once more after its reference is gone, when another thread's
    /// [`get_active`](Count::get_active) may have revived it: the word's memory has to outlive the *call*, as the
    /// kernel's does by a grace period. [`Pool`](crate::Pool) sees to that for its objects.
    #[inline]
    fn put(&self) -> bool {
        self.give_back() == Given::Last
    }

    /// [`put`](Count::put) by an owner who believes that its reference is the last, as close(2) does.
    ///
    /// The same outcome; with [`FileRefCount`] cheaper if the belief is right (1 load and 1 compare-exchange) and
    /// dearer if not.
    fn put_close(&self) -> bool;

    /// A new object in this word's memory, with one reference, the caller's. One store, release.
    ///
    /// The caller owns the dead word (it was just allocated) and has written everything else: this is the last
    /// store of an allocation. The word counts one generation more.
    #[inline]
    fn init(&self) {
        self.word().init();
    }

    /// How many references there are; 0 if dead. A snapshot, stale as soon as it is read: for messages and tests.
    fn refs(&self) -> u64 {
        self.word().refs()
    }

    /// Whether a put may touch the word after its reference is gone, so that whoever owns the memory has to wait for it.
    #[doc(hidden)]
    const STRAGGLES: bool;

    /// The zone of a dead word.
    #[doc(hidden)]
    const DEAD: u64;

    #[doc(hidden)]
    fn word(&self) -> &Word;

    /// [`get_active`](Count::get_active) of the wanted object only, for an owner of memory. There is one `Revived` or
    /// `revived` for each `Straggled`.
    #[doc(hidden)]
    fn try_get(&self, wanted: impl Wanted) -> Got;

    /// [`put`](Count::put), for an owner of memory.
    #[doc(hidden)]
    fn give_back(&self) -> Given;

    /// The word as it is, for observers outside the model.
    #[doc(hidden)]
    fn raw_word(&self) -> u64 {
        self.word().raw()
    }

    /// The number of references as the specs have it, for observers outside the model.
    #[doc(hidden)]
    fn raw_refs(&self) -> i64 {
        self.word().raw_refs()
    }

    /// The object's generation, for observers outside the model.
    #[doc(hidden)]
    fn raw_generation(&self) -> u32 {
        self.word().generation()
    }

    /// For the owner of a dead word: a generation that no object will have.
    #[doc(hidden)]
    fn skip(&self) {
        self.word().skip(Self::DEAD);
    }

    /// Lets the object be found no more, if it is `wanted`; whether it was this call's doing.
    #[doc(hidden)]
    #[inline]
    fn remove(&self, wanted: impl Wanted) -> bool {
        self.word().remove(wanted, Self::DEAD)
    }

    /// Makes the word of memory that never held an object ready for its first: dead, and before this generation.
    #[doc(hidden)]
    fn prepare(&self, generation: u32) {
        self.word().prepare(generation, Self::DEAD);
    }
}
