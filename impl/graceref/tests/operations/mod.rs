//! Sequences of operations on pools, held against a plain model of what they should do.
//!
//! Shared by the property test beside it and the fuzz target (`fuzz/`): both make the numbers, this makes calls of them.

use graceref::{Count, Key, Pool, Ref, Stash};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Writes down its end.
struct Object {
    id: usize,
    ended: Arc<Mutex<Vec<usize>>>,
}

impl Drop for Object {
    fn drop(&mut self) {
        self.ended.lock().unwrap().push(self.id);
    }
}

/// One call. The numbers choose among what there is, modulo how many there are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Operation {
    /// A pool of one of the kinds.
    NewPool(u8),
    Insert(u8),
    InsertWithKey(u8),
    /// The pool; how many places, and which of them are used.
    Places(u8, u8),
    CloneRef(u8),
    DropRef(u8),
    /// Any key that ever was, in its own pool.
    Get(u8),
    Remove(u8),
    /// In another pool, perhaps.
    GetElsewhere(u8, u8),
    /// With one bit changed.
    MadeUp(u8, u8),
    Clear(u8),
    Kill(u8),
    ClonePool(u8),
    DropPool(u8),
    Iterate(u8),
    Shrink(u8),
    NewStash(u8),
    /// The stash, the reference.
    Store(u8, u8),
    GetStashed(u8),
    ClearStash(u8, u8),
    DropStash(u8),
}

impl From<[u8; 3]> for Operation {
    fn from([what, a, b]: [u8; 3]) -> Self {
        match what % 26 {
            0 => Self::NewPool(a),
            1..=3 => Self::Insert(a),
            4 => Self::InsertWithKey(a),
            5 => Self::Places(a, b),
            6 => Self::CloneRef(a),
            7..=10 => Self::DropRef(a),
            11 => Self::Get(a),
            12 => Self::Remove(a),
            13 => Self::GetElsewhere(a, b),
            14 => Self::MadeUp(a, b),
            // Rare, since they leave little to do.
            15 if b < 64 => Self::Clear(a),
            16 if b < 32 => Self::Kill(a),
            17 => Self::ClonePool(a),
            18 => Self::DropPool(a),
            19 => Self::Shrink(a),
            20 => Self::NewStash(a),
            21 | 22 => Self::Store(a, b),
            23 => Self::GetStashed(a),
            24 => Self::ClearStash(a, b),
            25 => Self::DropStash(a),
            _ => Self::Iterate(a),
        }
    }
}

/// What the model knows of a pool.
struct PoolModel<C: Count> {
    handles: Vec<Pool<Object, C>>,
    limit: Option<usize>,
    generations: usize,
    hooked: bool,
    killed: bool,
    told: Arc<AtomicUsize>,
    /// How often each place was used, what was in its stead before the pool shrank included.
    uses: BTreeMap<u64, usize>,
    /// So often was a place used that went when the pool shrank.
    begun: usize,
    /// Every key there was, and its object; none for a place that was given back.
    keys: BTreeMap<Key, Option<usize>>,
}

/// What the model knows of an object that is alive.
struct ObjectModel {
    pool: usize,
    key: Key,
    address: usize,
    refs: u64,
    findable: bool,
}

struct StashModel<C: Count> {
    stash: Stash<Object, C>,
    pool: usize,
    address: Option<usize>,
}

struct World<C: Count> {
    pools: Vec<PoolModel<C>>,
    alive: BTreeMap<usize, ObjectModel>,
    refs: Vec<Ref<Object, C>>,
    stashes: Vec<StashModel<C>>,
    /// Every key there was, with its pool.
    keys: Vec<(usize, Key)>,
    made: usize,
    ended: Arc<Mutex<Vec<usize>>>,
    hooks: Arc<Mutex<Vec<usize>>>,
    /// What should have ended, and what hooks should have seen, in this order.
    expected: Vec<usize>,
    expected_hooks: Vec<usize>,
}

fn pick(n: u8, len: usize) -> Option<usize> {
    (len > 0).then(|| usize::from(n) % len)
}

fn place(key: Key) -> u64 {
    key.to_u64() & u64::from(u32::MAX)
}

/// The number of the chunk that a place is in, from 1.
fn chunk(place: u64) -> u64 {
    place >> 27
}

fn address<C: Count>(object: &Ref<Object, C>) -> usize {
    std::ptr::from_ref(&**object).addr()
}

impl<C: Count> World<C> {
    fn new() -> Self {
        Self {
            pools: Vec::new(),
            alive: BTreeMap::new(),
            refs: Vec::new(),
            stashes: Vec::new(),
            keys: Vec::new(),
            made: 0,
            ended: Arc::default(),
            hooks: Arc::default(),
            expected: Vec::new(),
            expected_hooks: Vec::new(),
        }
    }

    fn new_pool(&mut self, kind: u8) {
        if self.pools.len() == 6 {
            return;
        }
        let mut builder = Pool::<Object, C>::builder();
        let limit = (kind & 1 == 1).then_some(usize::from(kind >> 5));
        if let Some(limit) = limit {
            builder = builder.limit(u32::try_from(limit).unwrap());
        }
        let generations = if kind & 2 == 2 { 1 + usize::from(kind >> 3 & 3) } else { usize::MAX };
        if generations < usize::MAX {
            builder = builder.generations(u32::try_from(generations).unwrap());
        }
        let hooked = kind & 4 == 4;
        if hooked {
            let seen = Arc::clone(&self.hooks);
            builder = builder.on_release(move |object| {
                assert!(!object.ended.lock().unwrap().contains(&object.id), "the hook comes first");
                if let Some(pool) = object.pool() {
                    assert!(pool.get(object.key()).is_none(), "an object after its last put");
                }
                seen.lock().unwrap().push(object.id);
            });
        }
        self.pools.push(PoolModel {
            handles: vec![builder.build()],
            limit,
            generations,
            hooked,
            killed: false,
            told: Arc::default(),
            uses: BTreeMap::new(),
            begun: 0,
            keys: BTreeMap::new(),
        });
    }

    /// A pool that has a handle, and the handle.
    fn handle(&self, n: u8) -> Option<(usize, Pool<Object, C>)> {
        let open: Vec<usize> =
            (0..self.pools.len()).filter(|&pool| !self.pools[pool].handles.is_empty()).collect();
        let pool = open[pick(n, open.len())?];
        Some((pool, self.pools[pool].handles[0].clone()))
    }

    fn value(&mut self) -> Object {
        self.made += 1;
        Object { id: self.made, ended: Arc::clone(&self.ended) }
    }

    fn living(&self, pool: usize) -> impl Iterator<Item = (&usize, &ObjectModel)> {
        self.alive.iter().filter(move |(_, object)| object.pool == pool)
    }

    /// Whether the pool has a place, with so many more taken than there are objects.
    fn has_place(&self, pool: usize, taken: &[Key]) -> bool {
        let model = &self.pools[pool];
        let Some(limit) = model.limit else { return !model.killed };
        let busy: Vec<u64> = self
            .living(pool)
            .map(|(_, object)| place(object.key))
            .chain(taken.iter().map(|&key| place(key)))
            .collect();
        let retired = model
            .uses
            .iter()
            .filter(|&(place, &uses)| uses >= model.generations && !busy.contains(place));
        !model.killed && busy.len() + retired.count() < limit
    }

    /// A key is given out: for the first and the only time.
    fn new_key(&mut self, pool: usize, key: Key, id: Option<usize>) {
        let model = &mut self.pools[pool];
        assert_eq!(model.keys.insert(key, id), None, "{key:?} was a key before");
        let uses = model.uses.entry(place(key)).or_insert(model.begun);
        *uses += 1;
        assert!(*uses <= model.generations, "{key:?} is in a slot that should be retired");
        self.keys.push((pool, key));
    }

    fn inserted(&mut self, pool: usize, object: Ref<Object, C>) {
        let (id, key) = (object.id, Ref::key(&object));
        assert_eq!(Ref::refs(&object), 1);
        let address = address(&object);
        assert!(
            self.alive.values().all(|other| other.address != address),
            "one address, two objects"
        );
        let findable = !self.pools[pool].killed;
        self.alive.insert(id, ObjectModel { pool, key, address, refs: 1, findable });
        self.refs.push(object);
    }

    fn insert(&mut self, n: u8, with_key: bool) {
        let Some((pool, handle)) = self.handle(n) else { return };
        let expected = self.has_place(pool, &[]);
        let value = self.value();
        let id = value.id;
        let mut told = None;
        let inserted = if with_key {
            let make = |key| {
                told = Some(key);
                value
            };
            handle
                .insert_with_key(make)
                .map_err(|full| (full.is_killed(), drop(full.into_inner())).0)
        } else {
            handle.insert(value).map_err(|full| (full.is_killed(), drop(full.into_inner())).0)
        };
        match inserted {
            Ok(object) => {
                assert!(expected, "more objects than there are places");
                assert!(told.is_none_or(|key| key == Ref::key(&object)));
                self.new_key(pool, Ref::key(&object), Some(id));
                self.inserted(pool, object);
            }
            Err(killed) => {
                assert!(!expected, "no place, though there is one");
                assert_eq!(killed, self.pools[pool].killed);
                self.expected.push(id);
            }
        }
    }

    fn places(&mut self, n: u8, how: u8) {
        let Some((pool, handle)) = self.handle(n) else { return };
        let (mut places, mut keys) = (Vec::new(), Vec::new());
        for _ in 0..=how & 3 {
            let expected = self.has_place(pool, &keys);
            let Some(place) = handle.vacant() else {
                assert!(!expected, "no place, though there is one");
                break;
            };
            assert!(expected, "more places than there are");
            let key = place.key();
            assert!(!handle.contains(key) && handle.get(key).is_none() && !handle.remove(key));
            self.new_key(pool, key, None);
            keys.push(key);
            places.push(place);
        }
        for (i, place) in places.into_iter().enumerate() {
            let key = place.key();
            assert_eq!(key, keys[i], "its key stays its key");
            if how >> (2 + i) & 1 == 1 {
                let value = self.value();
                self.pools[pool].keys.insert(key, Some(value.id));
                let object = place.insert(value);
                assert_eq!(Ref::key(&object), key);
                self.inserted(pool, object);
            }
        }
    }

    fn found(&mut self, got: Option<Ref<Object, C>>, expected: Option<usize>) {
        assert_eq!(got.as_ref().map(|object| object.id), expected);
        if let Some(object) = got {
            self.alive.get_mut(&object.id).unwrap().refs += 1;
            self.refs.push(object);
        }
    }

    fn drop_ref(&mut self, i: usize) {
        let object = self.refs.swap_remove(i);
        let id = object.id;
        let model = self.alive.get_mut(&id).unwrap();
        model.refs -= 1;
        if model.refs == 0 {
            let model = self.alive.remove(&id).unwrap();
            self.expected.push(id);
            if self.pools[model.pool].hooked {
                self.expected_hooks.push(id);
            }
        }
        drop(object);
    }

    /// The object that this key should find in the pool.
    fn to_be_found(&self, pool: usize, key: Key) -> Option<usize> {
        let id = self.pools[pool].keys.get(&key).copied().flatten()?;
        self.alive.get(&id).filter(|object| object.findable).map(|_| id)
    }

    /// Asks a pool for a key, in each of the ways.
    fn look(&mut self, pool: usize, key: Key, remove: bool) {
        let Some(handle) = self.pools[pool].handles.first().cloned() else { return };
        let expected = self.to_be_found(pool, key);
        assert_eq!(handle.contains(key), expected.is_some(), "{key:?}");
        if remove {
            assert_eq!(handle.remove(key), expected.is_some(), "{key:?}");
            if let Some(id) = expected {
                self.alive.get_mut(&id).unwrap().findable = false;
            }
        } else {
            self.found(handle.get(key), expected);
        }
    }

    fn kill(&mut self, n: u8) {
        let Some((pool, handle)) = self.handle(n) else { return };
        let told = Arc::clone(&self.pools[pool].told);
        let killed = handle.kill(move || {
            told.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(killed, !self.pools[pool].killed);
        self.pools[pool].killed = true;
        self.hide(pool);
    }

    fn hide(&mut self, pool: usize) {
        for object in self.alive.values_mut().filter(|object| object.pool == pool) {
            object.findable = false;
        }
    }

    fn iterate(&self, n: u8) {
        let Some((pool, handle)) = self.handle(n) else { return };
        let mut seen: Vec<usize> = handle.iter().map(|object| object.id).collect();
        seen.sort_unstable();
        let findable = self.living(pool).filter(|(_, object)| object.findable);
        assert_eq!(seen, findable.map(|(&id, _)| id).collect::<Vec<_>>());
        let living = self.living(pool).count();
        assert_eq!((handle.len(), handle.is_empty()), (living, living == 0));
        assert!(handle.capacity() >= living as u64);
    }

    fn stash(&mut self, operation: Operation) {
        match operation {
            Operation::NewStash(n) if self.stashes.len() < 8 => {
                let Some((pool, handle)) = self.handle(n) else { return };
                let stash = Stash::new(&handle);
                self.stashes.push(StashModel { stash, pool, address: None });
            }
            Operation::Store(s, n) => {
                let (Some(s), Some(i)) = (pick(s, self.stashes.len()), pick(n, self.refs.len()))
                else {
                    return;
                };
                let (stash, object) = (&mut self.stashes[s], &self.refs[i]);
                let own = self.alive[&object.id].pool == stash.pool;
                assert_eq!(stash.stash.store(object).is_ok(), own);
                if own {
                    stash.address = Some(address(object));
                }
            }
            Operation::GetStashed(s) => {
                let Some(s) = pick(s, self.stashes.len()) else { return };
                let got = self.stashes[s].stash.get_active();
                let stashed = self.stashes[s].address;
                let expected = self
                    .alive
                    .iter()
                    .find(|(_, object)| Some(object.address) == stashed && object.findable);
                let expected = expected.map(|(&id, _)| id);
                self.found(got, expected);
            }
            Operation::ClearStash(s, n) => {
                let (Some(s), Some(i)) = (pick(s, self.stashes.len()), pick(n, self.refs.len()))
                else {
                    return;
                };
                let (stash, object) = (&mut self.stashes[s], &self.refs[i]);
                let there = stash.address == Some(address(object));
                assert_eq!(stash.stash.clear(object), there);
                if there {
                    stash.address = None;
                }
            }
            Operation::DropStash(s) => {
                let Some(s) = pick(s, self.stashes.len()) else { return };
                drop(self.stashes.swap_remove(s));
            }
            _ => {}
        }
    }

    /// Gives back the chunks behind the last that has an object in it or a retired slot.
    fn shrink(&mut self, n: u8) {
        let Some((pool, handle)) = self.handle(n) else { return };
        drop(handle);
        let alone = self.pools[pool].handles.len() == 1
            && self.stashes.iter().all(|stash| stash.pool != pool);
        let busy: Vec<u64> = self.living(pool).map(|(_, object)| place(object.key)).collect();
        let model = &mut self.pools[pool];
        let before = model.handles[0].capacity();
        let shrunk = model.handles[0].shrink();
        let freed = before - model.handles[0].capacity();
        if !alone || model.killed {
            assert_eq!((shrunk, freed), (alone.then_some(0), 0));
            return;
        }
        assert_eq!(shrunk, Some(freed));
        let stays = |(place, uses): (&u64, &usize)| {
            (busy.contains(place) || *uses >= model.generations).then_some(chunk(*place))
        };
        let last = model.uses.iter().filter_map(stays).max().unwrap_or(0);
        let room = (32 << last) - 32;
        let left = model.limit.map_or(room, |limit| room.min(limit as u64));
        assert_eq!(model.handles[0].capacity(), left.min(before), "what is left");
        let gone = |place: &u64, _: &mut usize| chunk(*place) > last;
        let most = model.uses.extract_if(.., gone).map(|(_, uses)| uses).max();
        model.begun = model.begun.max(most.unwrap_or(0));
    }

    fn apply(&mut self, operation: Operation) {
        match operation {
            Operation::NewPool(kind) => self.new_pool(kind),
            Operation::Insert(n) => self.insert(n, false),
            Operation::InsertWithKey(n) => self.insert(n, true),
            Operation::Places(n, how) => self.places(n, how),
            Operation::CloneRef(n) => {
                let Some(i) = pick(n, self.refs.len()) else { return };
                let clone = self.refs[i].clone();
                assert!(Ref::ptr_eq(&clone, &self.refs[i]));
                let id = clone.id;
                self.found(Some(clone), Some(id));
            }
            Operation::DropRef(n) => {
                let Some(i) = pick(n, self.refs.len()) else { return };
                self.drop_ref(i);
            }
            Operation::Get(n) | Operation::Remove(n) => {
                let Some(i) = pick(n, self.keys.len()) else { return };
                let (pool, key) = self.keys[i];
                self.look(pool, key, matches!(operation, Operation::Remove(_)));
            }
            Operation::GetElsewhere(n, other) => {
                let (Some(i), Some(pool)) =
                    (pick(n, self.keys.len()), pick(other, self.pools.len()))
                else {
                    return;
                };
                self.look(pool, self.keys[i].1, other >= 128);
            }
            Operation::MadeUp(n, bit) => {
                let Some(i) = pick(n, self.keys.len()) else { return };
                let (pool, key) = self.keys[i];
                // The highest bit, which no key has, as often as all others together.
                let changed = if bit & 64 == 0 { bit & 63 } else { 63 };
                if let Some(made_up) = Key::from_u64(key.to_u64() ^ 1 << changed) {
                    self.look(pool, made_up, bit >= 128);
                }
            }
            Operation::Clear(n) => {
                let Some((pool, handle)) = self.handle(n) else { return };
                handle.clear();
                self.hide(pool);
            }
            Operation::Kill(n) => self.kill(n),
            Operation::ClonePool(n) => {
                let Some((pool, handle)) = self.handle(n) else { return };
                self.pools[pool].handles.push(handle);
            }
            Operation::DropPool(n) => {
                let Some((pool, _)) = self.handle(n) else { return };
                self.pools[pool].handles.pop();
            }
            Operation::Iterate(n) => self.iterate(n),
            Operation::Shrink(n) => self.shrink(n),
            _ => self.stash(operation),
        }
    }

    /// What must be true between any two operations.
    fn check(&self) {
        assert_eq!(*self.ended.lock().unwrap(), self.expected, "the objects' ends");
        assert_eq!(*self.hooks.lock().unwrap(), self.expected_hooks, "the hooks' calls");
        for object in &self.refs {
            let model = &self.alive[&object.id];
            assert_eq!(Ref::refs(object), model.refs);
            assert_eq!((Ref::key(object), address(object)), (model.key, model.address));
        }
        for (pool, model) in self.pools.iter().enumerate() {
            let drained = model.killed && self.living(pool).next().is_none();
            assert_eq!(model.told.load(Ordering::Relaxed), usize::from(drained), "told");
        }
    }
}

/// Plays the operations; panics where a pool does something else than the model.
pub(crate) fn play<C: Count>(operations: impl IntoIterator<Item = Operation>) {
    let mut world = World::<C>::new();
    world.new_pool(0);
    let mut pools_first = false;
    for operation in operations.into_iter().take(500) {
        pools_first ^= matches!(operation, Operation::DropRef(_));
        world.apply(operation);
        world.check();
    }
    // The end, from one side or the other.
    if pools_first {
        world.stashes.clear();
        for pool in &mut world.pools {
            pool.handles.clear();
        }
    }
    while !world.refs.is_empty() {
        world.drop_ref(0);
        world.check();
    }
    let made = world.made;
    let ended = Arc::clone(&world.ended);
    drop(world);
    let mut ended = ended.lock().unwrap().clone();
    ended.sort_unstable();
    assert_eq!(ended, (1..=made).collect::<Vec<_>>(), "each object ends once");
}
