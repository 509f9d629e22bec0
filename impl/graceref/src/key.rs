//! The key: a 64-bit name of an object that dies with it.

use core::fmt;
use core::num::NonZeroU64;

/// The name of an object in a [`Pool`](crate::Pool): a weak reference that fits in a `u64`.
///
/// For `epoll_event.data`, a file handle, a completion's user data: whatever carries 64 bits through somebody
/// else's hands. [`Pool::get`](crate::Pool::get) makes a [`Ref`](crate::Ref) of it while the object lives, and
/// never again after: a slot's generations are counted in 31 bits, and a slot that has used them up is retired.
///
/// ```text
/// 63 62 ......... 32 31 ............. 0
///  0  generation       place of the slot, never zero
/// ```
///
/// Keys of one pool are ordered (by generation, then place), though not by age. A key says nothing about its pool.
/// Pools count their generations from different numbers, so that another pool's key is refused, save where that
/// slot's generation happens to be the same.
///
/// ```
/// use graceref::{Key, Pool};
/// let pool: Pool<&str> = Pool::new();
/// let object = pool.insert("hello").unwrap();
/// let data: u64 = graceref::Ref::key(&object).to_u64();       // goes through the kernel, say
/// let key = Key::from_u64(data).unwrap();
/// assert_eq!(*pool.get(key).unwrap(), "hello");
/// drop(object);
/// assert!(pool.get(key).is_none());
/// assert!(Key::from_u64(0).is_none());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(NonZeroU64);

impl Key {
    /// The key of the slot's object. No slot is at place zero; what would be its key is refused by every pool.
    #[inline]
    pub(crate) fn of(generation: u32, place: u32) -> Self {
        let bits = (u64::from(generation) << 32) | u64::from(place);
        Self(NonZeroU64::new(bits).unwrap_or(NonZeroU64::MAX))
    }

    /// The key with these bits; `None` for zero, which is no key.
    ///
    /// Total: any other number is a key, if of no object. A pool looks it up and finds nothing.
    pub const fn from_u64(bits: u64) -> Option<Self> {
        match NonZeroU64::new(bits) {
            Some(bits) => Some(Self(bits)),
            None => None,
        }
    }

    /// The key's bits.
    pub const fn to_u64(self) -> u64 {
        self.0.get()
    }

    #[inline]
    #[allow(clippy::cast_possible_truncation)] // the low half
    pub(crate) const fn place(self) -> u32 {
        self.0.get() as u32
    }

    #[inline]
    pub(crate) const fn generation(self) -> u32 {
        (self.0.get() >> 32) as u32
    }
}

impl From<Key> for u64 {
    fn from(key: Key) -> u64 {
        key.to_u64()
    }
}

impl From<Key> for NonZeroU64 {
    fn from(key: Key) -> NonZeroU64 {
        key.0
    }
}

impl From<NonZeroU64> for Key {
    fn from(bits: NonZeroU64) -> Self {
        Self(bits)
    }
}

/// Zero, which is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZeroKey(());

impl fmt::Display for ZeroKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("zero is not a key: keep an Option<Key> where there may be none")
    }
}

impl core::error::Error for ZeroKey {}

impl TryFrom<u64> for Key {
    type Error = ZeroKey;

    fn try_from(bits: u64) -> Result<Self, ZeroKey> {
        Self::from_u64(bits).ok_or(ZeroKey(()))
    }
}

/// `Key(7@40)`: generation 7 of the slot at place 40.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}@{})", self.generation(), self.place())
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Key {
    /// As a number.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Key {
    /// From a number that is not zero.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        NonZeroU64::deserialize(deserializer).map(Self)
    }
}
