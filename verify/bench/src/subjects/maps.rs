//! Concurrent maps from a number that is counted up to an `Arc`. Both have foldhash, which is quicker than the
//! default hasher of either.

use super::{Peek, Table, Value, in_turn};
use foldhash::fast::FixedState;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) struct Dash {
    map: dashmap::DashMap<u64, Arc<Value>, FixedState>,
    next: AtomicU64,
}

impl Table for Dash {
    const NAME: &'static str = "dashmap";
    type Owned = ();

    fn new() -> Self {
        Dash { map: dashmap::DashMap::with_hasher(FixedState::default()), next: AtomicU64::new(1) }
    }

    #[inline(always)]
    fn insert(&self, value: Value) -> (u64, ()) {
        let key = self.next.fetch_add(1, Ordering::Relaxed);
        self.map.insert(key, Arc::new(value));
        (key, ())
    }

    #[inline(always)]
    fn remove(&self, key: u64, (): ()) -> bool {
        self.map.remove(&key).is_some()
    }

    #[inline(always)]
    fn get(&self, key: u64) -> u64 {
        let object = self.map.get(&key).map(|entry| Arc::clone(&entry));
        object.map_or(0, |object| object.read())
    }
}

impl Peek for Dash {
    /// It has no guard for all: each look locks the shard for reading.
    fn peek(&self, keys: &[u64], looks: u64) -> u64 {
        in_turn(keys, looks, |key| self.map.get(key).map_or(0, |object| object.read()))
    }
}

pub(crate) struct Papaya {
    map: papaya::HashMap<u64, Arc<Value>, FixedState>,
    next: AtomicU64,
}

impl Table for Papaya {
    const NAME: &'static str = "papaya";
    type Owned = ();

    fn new() -> Self {
        Papaya { map: papaya::HashMap::with_hasher(FixedState::default()), next: AtomicU64::new(1) }
    }

    #[inline(always)]
    fn insert(&self, value: Value) -> (u64, ()) {
        let key = self.next.fetch_add(1, Ordering::Relaxed);
        self.map.pin().insert(key, Arc::new(value));
        (key, ())
    }

    #[inline(always)]
    fn remove(&self, key: u64, (): ()) -> bool {
        self.map.pin().remove(&key).is_some()
    }

    #[inline(always)]
    fn get(&self, key: u64) -> u64 {
        let object = self.map.pin().get(&key).map(Arc::clone);
        object.map_or(0, |object| object.read())
    }
}

impl Peek for Papaya {
    fn peek(&self, keys: &[u64], looks: u64) -> u64 {
        let pinned = self.map.pin();
        in_turn(keys, looks, |key| pinned.get(key).map_or(0, |object| object.read()))
    }
}
