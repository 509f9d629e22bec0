//! The contenders, each in its own words: how it makes, names, finds and drops an object.
//!
//! All do the same work: find the object, read one word of it, let go. What one is spared, or pays beside, is said
//! where it is written.

pub(crate) mod counted;
pub(crate) mod graceref;
pub(crate) mod guarded;
pub(crate) mod maps;
pub(crate) mod slabs;

use std::hint::black_box;

/// What everybody looks up: an object of 64 bytes.
#[derive(Clone)]
#[repr(C)] // the shim over liburcu reads it too
pub(crate) struct Value {
    words: [u64; 8],
}

impl Value {
    pub(crate) fn new(number: u64) -> Value {
        Value { words: [number; 8] }
    }

    /// The reading that every contender does.
    #[inline(always)]
    pub(crate) fn read(&self) -> u64 {
        black_box(self.words[0])
    }
}

/// So many looks at the items, in turn; the sum of what they gave is the check sum. What is looked up is hidden
/// from the compiler each time. The number of items is a power of two.
#[inline(always)]
pub(crate) fn in_turn<T>(items: &[T], looks: u64, mut look: impl FnMut(&T) -> u64) -> u64 {
    let mask = items.len() - 1;
    let mut sum = 0_u64;
    for (_, at) in (0..looks).zip(0_usize..) {
        sum = sum.wrapping_add(look(black_box(&items[at & mask])));
    }
    sum
}

/// Objects that are found by a number.
pub(crate) trait Table: Send + Sync + 'static {
    /// Its name in every table.
    const NAME: &'static str;
    /// What keeps an object there: a reference for those that own nothing, `()` for those that do.
    type Owned: Send + 'static;

    fn new() -> Self;
    /// Puts an object in; its key is never 0.
    fn insert(&self, value: Value) -> (u64, Self::Owned);
    /// Ends it, and says whether it was there.
    fn remove(&self, key: u64, owned: Self::Owned) -> bool;
    /// Finds the object in a way that it may be kept, reads it, and lets it go. 0 if it is not there.
    fn get(&self, key: u64) -> u64;
}

/// Tables that let an object be looked at without a count, under a guard or a lock that is held.
pub(crate) trait Peek: Table {
    /// Looks at the keys in turn, so many times, under one guard where it has one.
    fn peek(&self, keys: &[u64], looks: u64) -> u64;
}
