//! Slabs with keys.

use super::{Peek, Table, Value, in_turn};
use std::sync::{Arc, PoisonError, RwLock};

/// Its owned look-up consumes an `Arc` of the slab, so a clone of that is part of each: an entry that outlives the
/// look-up cannot be had for less.
pub(crate) struct Sharded(Arc<sharded_slab::Slab<Value>>);

#[allow(clippy::cast_possible_truncation)] // the key came from a usize
fn place(key: u64) -> usize {
    key as usize
}

impl Table for Sharded {
    const NAME: &'static str = "sharded-slab";
    type Owned = ();

    fn new() -> Self {
        let sharded = Sharded(Arc::new(sharded_slab::Slab::new()));
        // Its first key is 0, which here means "no key".
        sharded.0.insert(Value::new(0));
        sharded
    }

    #[inline(always)]
    fn insert(&self, value: Value) -> (u64, ()) {
        // Full at 2^38 objects a thread.
        (self.0.insert(value).unwrap_or(0) as u64, ())
    }

    #[inline(always)]
    fn remove(&self, key: u64, (): ()) -> bool {
        self.0.remove(place(key))
    }

    #[inline(always)]
    fn get(&self, key: u64) -> u64 {
        Arc::clone(&self.0).get_owned(place(key)).map_or(0, |object| object.read())
    }
}

impl Peek for Sharded {
    /// It has no guard: the entry, which is counted, is the least that it gives.
    fn peek(&self, keys: &[u64], looks: u64) -> u64 {
        in_turn(keys, looks, |&key| self.0.get(place(key)).map_or(0, |object| object.read()))
    }
}

pub(crate) struct Idr(idr_ebr::Idr<Value>);

impl Table for Idr {
    const NAME: &'static str = "idr-ebr";
    type Owned = ();

    fn new() -> Self {
        Idr(idr_ebr::Idr::new())
    }

    #[inline(always)]
    fn insert(&self, value: Value) -> (u64, ()) {
        (self.0.insert(value).map_or(0, u64::from), ())
    }

    #[inline(always)]
    fn remove(&self, key: u64, (): ()) -> bool {
        idr_ebr::Key::try_from(key).is_ok_and(|key| self.0.remove(key))
    }

    #[inline(always)]
    fn get(&self, key: u64) -> u64 {
        let key = idr_ebr::Key::try_from(key).ok();
        key.and_then(|key| self.0.get_owned(key)).map_or(0, |object| object.read())
    }
}

impl Peek for Idr {
    fn peek(&self, keys: &[u64], looks: u64) -> u64 {
        let guard = idr_ebr::EbrGuard::new();
        in_turn(keys, looks, |&key| {
            let key = idr_ebr::Key::try_from(key).ok();
            key.and_then(|key| self.0.get(key, &guard)).map_or(0, |object| object.read())
        })
    }
}

/// What one writes without a crate for it: a lock, a slab of `Arc`s, and a generation beside each so that an old
/// key does not find a new object.
pub(crate) struct Locked(RwLock<Inner>);

struct Inner {
    slab: slab::Slab<(u32, Arc<Value>)>,
    generation: u32,
}

impl Inner {
    #[inline(always)]
    fn find(&self, key: u64) -> Option<&Arc<Value>> {
        let (generation, object) = self.slab.get(place(key & u64::from(u32::MAX)))?;
        (u64::from(*generation) == key >> 32).then_some(object)
    }
}

impl Table for Locked {
    const NAME: &'static str = "rwlock-slab";
    type Owned = ();

    fn new() -> Self {
        Locked(RwLock::new(Inner { slab: slab::Slab::new(), generation: 0 }))
    }

    #[inline(always)]
    fn insert(&self, value: Value) -> (u64, ()) {
        // The allocation is not under the lock.
        let object = Arc::new(value);
        let mut inner = self.0.write().unwrap_or_else(PoisonError::into_inner);
        inner.generation = inner.generation.wrapping_add(1).max(1);
        let generation = inner.generation;
        let place = inner.slab.insert((generation, object));
        (u64::from(generation) << 32 | place as u64, ())
    }

    #[inline(always)]
    fn remove(&self, key: u64, (): ()) -> bool {
        let mut inner = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let object =
            inner.find(key).is_some().then(|| inner.slab.remove(place(key & u64::from(u32::MAX))));
        // The destructor does not run under the lock.
        drop(inner);
        object.is_some()
    }

    #[inline(always)]
    fn get(&self, key: u64) -> u64 {
        let inner = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let object = inner.find(key).map(Arc::clone);
        drop(inner);
        object.map_or(0, |object| object.read())
    }
}

impl Peek for Locked {
    /// The lock is held for reading all the while, which no writer would thank it for.
    fn peek(&self, keys: &[u64], looks: u64) -> u64 {
        let inner = self.0.read().unwrap_or_else(PoisonError::into_inner);
        in_turn(keys, looks, |&key| inner.find(key).map_or(0, |object| object.read()))
    }
}
