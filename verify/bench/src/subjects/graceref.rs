//! graceref itself.

use super::counted::Counted;
use super::guarded::{Guarded, boxed, free, repeat};
use super::{Table, Value, in_turn};
use graceref::rcu::{Domain, Guard};
use graceref::{CasCount, Count, FileRefCount, Key, Pool, Ref, Stash};
use std::sync::atomic::{AtomicPtr, Ordering};

pub(crate) use peek::KeyedRcu;

/// What an object takes beside its own bytes: its slot, less the object. Slots lie side by side in blocks of growing
/// size, of which an unfilled part may be waiting.
pub(crate) fn overhead_bytes() -> u64 {
    (Pool::<Value>::SLOT_SIZE - size_of::<Value>()) as u64
}

/// A reference cloned and dropped.
pub(crate) struct Cloned(Ref<Value>);

impl Counted for Cloned {
    const NAME: &'static str = "graceref clone";

    fn all(values: Vec<Value>) -> Vec<Self> {
        let pool = Pool::new();
        values.into_iter().map(|value| Cloned(insert(&pool, value))).collect()
    }

    #[inline(always)]
    fn get(&self) -> u64 {
        let object = Ref::clone(&self.0);
        object.read()
    }
}

/// An object found through a stash.
pub(crate) struct Stashed {
    stash: Stash<Value>,
    _strong: Ref<Value>,
}

impl Counted for Stashed {
    const NAME: &'static str = "graceref stash";

    fn all(values: Vec<Value>) -> Vec<Self> {
        let pool: Pool<Value> = Pool::new();
        let stashed = |value| {
            let strong = insert(&pool, value);
            let stash = Stash::new(&pool);
            stash.store(&strong).expect("the object is of the stash's pool");
            Stashed { stash, _strong: strong }
        };
        values.into_iter().map(stashed).collect()
    }

    #[inline(always)]
    fn get(&self) -> u64 {
        self.stash.get_active().map_or(0, |object| object.read())
    }
}

fn insert(pool: &Pool<Value>, value: Value) -> Ref<Value> {
    pool.insert(value).expect("a pool without a limit has room for these few")
}

/// Objects found by their keys. The pool owns nothing: whoever inserted keeps the reference, and an object ends
/// with its last one, and its key with it.
pub(crate) struct Keyed<C: Count>(Pool<Value, C>);

/// A count by the name that its pool has here.
pub(crate) trait Named: Count {
    const NAME: &'static str;
}

impl Named for CasCount {
    const NAME: &'static str = "graceref";
}

impl Named for FileRefCount {
    const NAME: &'static str = "graceref file_ref";
}

impl<C: Named> Table for Keyed<C> {
    const NAME: &'static str = C::NAME;
    type Owned = Option<Ref<Value, C>>;

    fn new() -> Self {
        Keyed(Pool::new())
    }

    #[inline(always)]
    fn insert(&self, value: Value) -> (u64, Self::Owned) {
        let object = self.0.insert(value).ok();
        (object.as_ref().map_or(0, |object| Ref::key(object).to_u64()), object)
    }

    #[inline(always)]
    fn remove(&self, _: u64, owned: Self::Owned) -> bool {
        owned.is_some()
    }

    #[inline(always)]
    fn get(&self, key: u64) -> u64 {
        let object = Key::from_u64(key).and_then(|key| self.0.get(key));
        object.map_or(0, |object| object.read())
    }
}

/// A read-side section of a domain, around pointers as others have them.
pub(crate) struct ReadLock {
    places: Vec<AtomicPtr<Value>>,
    domain: Domain,
}

#[inline(always)]
fn read(place: &AtomicPtr<Value>, _inside: &Guard<'_>) -> u64 {
    let object = place.load(Ordering::Acquire);
    // SAFETY: never null, and freed only with the contender.
    unsafe { &*object }.read()
}

impl Guarded for ReadLock {
    const NAME: &'static str = "graceref";

    fn new(values: Vec<Value>) -> Self {
        ReadLock { places: boxed(values), domain: Domain::new() }
    }

    fn peek(&self, from: usize, count: usize, looks: u64) -> u64 {
        let guard = self.domain.read_lock();
        in_turn(&self.places[from..from + count], looks, |place| read(place, &guard))
    }

    fn lock_load(&self, from: usize, count: usize, looks: u64) -> u64 {
        in_turn(&self.places[from..from + count], looks, |place| {
            read(place, &self.domain.read_lock())
        })
    }

    const LOCK: Option<fn(&Self, u64) -> u64> =
        Some(|this, rounds| repeat(rounds, || drop(this.domain.read_lock())));
}

impl Drop for ReadLock {
    fn drop(&mut self) {
        free(&mut self.places);
    }
}

mod peek {
    use super::super::{Peek, Table, Value, in_turn};
    use graceref::rcu::{self, Domain};
    use graceref::{Key, RcuPool, Ref};

    /// Objects whose memory outlives a grace period, looked at under a guard without a count.
    pub(crate) struct KeyedRcu {
        pool: RcuPool<Value>,
        domain: &'static Domain,
    }

    impl Table for KeyedRcu {
        const NAME: &'static str = "graceref";
        type Owned = Option<Ref<Value>>;

        fn new() -> Self {
            KeyedRcu { pool: RcuPool::new(), domain: rcu::default() }
        }

        #[inline(always)]
        fn insert(&self, value: Value) -> (u64, Self::Owned) {
            let object = self.pool.insert(value).ok();
            (object.as_ref().map_or(0, |object| Ref::key(object).to_u64()), object)
        }

        #[inline(always)]
        fn remove(&self, _: u64, owned: Self::Owned) -> bool {
            owned.is_some()
        }

        #[inline(always)]
        fn get(&self, key: u64) -> u64 {
            let object = Key::from_u64(key).and_then(|key| self.pool.get(key));
            object.map_or(0, |object| object.read())
        }
    }

    impl Peek for KeyedRcu {
        fn peek(&self, keys: &[u64], looks: u64) -> u64 {
            let guard = self.domain.read_lock();
            in_turn(keys, looks, |&key| {
                let key = Key::from_u64(key);
                key.and_then(|key| self.pool.peek(key, &guard)).map_or(0, Value::read)
            })
        }
    }
}
