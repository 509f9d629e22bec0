//! The crate's own races, explored under loom (both passes) and under shuttle, on the public facade.
//!
//! Two threads each. An execution's end is checked by whichever thread comes last.
#![cfg(any(graceref_loom, graceref_shuttle))]

mod engine;

#[cfg(graceref_shuttle)]
use engine::holds_in_part;
use engine::{Scene, fails, holds, pinned};
use graceref::model::{Ghost, Hand, require};
use graceref::sync::Tracked;
use graceref::{CasCount, Count, FileRefCount, Key, Pool, Ref, Stash};
use std::sync::{Arc, Mutex};

/// An object whose uses and whose end the model watches.
struct Body<C: Count> {
    id: usize,
    uses: Tracked<usize>,
    released: Arc<Ghost<[usize; 2]>>,
    stash: Option<Arc<Stash<Body<C>, C>>>,
}

impl<C: Count> Body<C> {
    fn new(id: usize, released: &Arc<Ghost<[usize; 2]>>) -> Self {
        Self { id, uses: Tracked::new(0), released: Arc::clone(released), stash: None }
    }

    fn look(&self) {
        self.uses.with(|_| ());
    }
}

impl<C: Count> Drop for Body<C> {
    fn drop(&mut self) {
        if let Some(stash) = &self.stash {
            stash.clear(self);
        }
        self.uses.with_mut(|_| ());
        self.uses.retire();
        self.released.with(|n| n[self.id] += 1);
    }
}

/// Both threads drop the last two references.
struct LastTwo<C: Count> {
    refs: [Hand<Ref<Body<C>, C>>; 2],
    released: Arc<Ghost<[usize; 2]>>,
}

impl<C: Count> LastTwo<C> {
    fn drop_mine(&self, me: usize) {
        let object = self.refs[me].take();
        object.look();
        drop(object);
    }
}

impl<C: Count> Scene for LastTwo<C> {
    fn set() -> Self {
        let released = Arc::default();
        let object = Pool::new().insert(Body::new(0, &released)).ok().unwrap();
        Self { refs: [Hand::holding(object.clone()), Hand::holding(object)], released }
    }
    fn first(&self) {
        self.drop_mine(0);
    }
    fn second(&self) {
        self.drop_mine(1);
    }
    fn end(&self) {
        require(self.released.get()[0] == 1, "ReleasedOnce");
    }
}

/// The last put against a get by somebody who has no reference, on the count alone.
struct LastPut<C: Count> {
    count: C,
    body: Tracked<usize>,
    released: Ghost<usize>,
    close: bool,
}

impl<C: Count> LastPut<C> {
    fn put(&self, close: bool) {
        self.body.with(|_| ());
        if if close { self.count.put_close() } else { self.count.put() } {
            self.body.with_mut(|_| ());
            self.body.retire();
            self.released.with(|n| *n += 1);
        }
    }
}

impl<C: Count> Scene for LastPut<C> {
    fn set() -> Self {
        let count = C::dead();
        count.init();
        Self { count, body: Tracked::new(0), released: Ghost::new(0), close: false }
    }
    fn first(&self) {
        self.put(self.close);
    }
    fn second(&self) {
        if self.count.get_active() {
            self.put(false);
        }
    }
    fn end(&self) {
        require(self.released.get() == 1, "ReleasedOnce");
        require(self.count.refs() == 0 && !self.count.get_active(), "CountIsRefs");
    }
}

/// The same by `put_close`.
struct LastClose<C: Count>(LastPut<C>);

impl<C: Count> Scene for LastClose<C> {
    fn set() -> Self {
        Self(LastPut { close: true, ..LastPut::set() })
    }
    fn first(&self) {
        self.0.first();
    }
    fn second(&self) {
        self.0.second();
    }
    fn end(&self) {
        self.0.end();
    }
}

/// The stashed object dies, its destructor clears the stash, and its slot becomes another object; a lookup.
struct Reuse<C: Count> {
    pool: Pool<Body<C>, C>,
    stash: Arc<Stash<Body<C>, C>>,
    object: Hand<Ref<Body<C>, C>>,
    other: Mutex<Option<Ref<Body<C>, C>>>,
    released: Arc<Ghost<[usize; 2]>>,
}

impl<C: Count> Scene for Reuse<C> {
    fn set() -> Self {
        let released = Arc::default();
        let pool = Pool::with_limit(1);
        let stash = Arc::new(Stash::new(&pool));
        let mut body = Body::new(0, &released);
        body.stash = Some(Arc::clone(&stash));
        let object = pool.insert(body).ok().unwrap();
        stash.store(&object).unwrap();
        Self { pool, stash, object: Hand::holding(object), other: Mutex::default(), released }
    }
    fn first(&self) {
        drop(self.object.take());
        // Full while the lookup holds the first.
        let other = self.pool.insert(Body::new(1, &self.released)).ok();
        *self.other.lock().unwrap() = other;
    }
    fn second(&self) {
        if let Some(found) = self.stash.get_active() {
            require(found.id == 0, "RightObject");
            found.look();
        }
    }
    fn end(&self) {
        require(self.released.get()[0] == 1, "ReleasedOnce");
        require(self.stash.get_active().is_none(), "Cleared");
        if let Some(other) = &*self.other.lock().unwrap() {
            require(Ref::refs(other) == 1, "CountIsRefs");
        }
    }
}

/// The last handle of a pool against the last references to the objects in it.
struct End<C: Count> {
    pool: Hand<Pool<Body<C>, C>>,
    objects: Hand<[Ref<Body<C>, C>; 2]>,
    released: Arc<Ghost<[usize; 2]>>,
    freed: Box<dyn Fn() -> u32 + Send + Sync>,
}

impl<C: Count> Scene for End<C> {
    fn set() -> Self {
        let released = Arc::default();
        let pool = Pool::with_limit(2);
        let objects = [0, 1].map(|id| pool.insert(Body::new(id, &released)).ok().unwrap());
        let watch = pool.raw_watch();
        Self {
            pool: Hand::holding(pool),
            objects: Hand::holding(objects),
            released,
            freed: Box::new(move || watch.look().freed),
        }
    }
    fn first(&self) {
        drop(self.pool.take());
    }
    fn second(&self) {
        // The free list that the end of the pool finds is not in the order that it had at first.
        drop(self.objects.take());
    }
    fn end(&self) {
        require(self.released.get() == [1, 1], "ReleasedOnce");
        require((self.freed)() == 1, "FreedOnce");
    }
}

/// A put that takes itself for the last; a lookup that revives the object, drops it, and ends the pool.
struct Straggler<C: Count> {
    stash: Hand<Stash<Body<C>, C>>,
    object: Hand<Ref<Body<C>, C>>,
    released: Arc<Ghost<[usize; 2]>>,
    freed: Box<dyn Fn() -> u32 + Send + Sync>,
}

impl<C: Count> Scene for Straggler<C> {
    fn set() -> Self {
        let released = Arc::default();
        let pool = Pool::with_limit(1);
        let object = pool.insert(Body::new(0, &released)).ok().unwrap();
        let stash = Stash::new(&pool);
        stash.store(&object).unwrap();
        let watch = pool.raw_watch();
        Self {
            stash: Hand::holding(stash),
            object: Hand::holding(object),
            released,
            freed: Box::new(move || watch.look().freed),
        }
    }
    fn first(&self) {
        drop(self.object.take());
    }
    fn second(&self) {
        let stash = self.stash.take();
        drop(stash.get_active());
        drop(stash);
    }
    fn end(&self) {
        require(self.released.get()[0] == 1, "ReleasedOnce");
        require((self.freed)() == 1, "FreedOnce");
    }
}

/// One thread takes a slot from the free list; the other takes both, and gives the first back first, so that the
/// list's head is what it was and the slot behind it is not.
struct FreeList {
    pool: Pool<Tracked<usize>>,
    held: Mutex<Vec<Ref<Tracked<usize>>>>,
}

impl FreeList {
    fn insert(&self, me: usize) -> Option<Ref<Tracked<usize>>> {
        let object = self.pool.insert(Tracked::new(me)).ok()?;
        object.with_mut(|_| ());
        Some(object)
    }

    fn keep(&self, object: Option<Ref<Tracked<usize>>>) {
        self.held.lock().unwrap().extend(object);
    }
}

impl Scene for FreeList {
    fn set() -> Self {
        let pool = Pool::with_limit(2);
        // Both slots have been used, and are in the list.
        drop([0, 0].map(|_| pool.insert(Tracked::new(0)).unwrap()));
        Self { pool, held: Mutex::default() }
    }
    fn first(&self) {
        self.keep(self.insert(1));
    }
    fn second(&self) {
        let a = self.insert(2);
        let b = self.insert(3);
        drop(a);
        if let Some(b) = &b {
            b.with_mut(|_| ());
        }
        self.keep(b);
    }
    fn end(&self) {
        while let Some(object) = self.insert(4) {
            self.keep(Some(object));
        }
        let held = self.held.lock().unwrap();
        require(held.len() == 2, "NothingLost");
        require(!Ref::ptr_eq(&held[0], &held[1]), "NoSharedFree");
    }
}

/// Both threads find the pool's first slots taken and add the next.
struct Growth {
    pool: Pool<usize>,
    held: Mutex<Vec<Ref<usize>>>,
}

impl Growth {
    fn insert(&self, value: usize) {
        let object = self.pool.insert(value).expect("more slots are to be added");
        require(*object == value, "NoReuseWhileHeld");
        self.held.lock().unwrap().push(object);
    }
}

impl Scene for Growth {
    fn set() -> Self {
        let pool = Pool::with_limit(14);
        let held = vec![pool.insert(1).unwrap(), pool.insert(2).unwrap()];
        Self { pool, held: Mutex::new(held) }
    }
    fn first(&self) {
        self.insert(3);
    }
    fn second(&self) {
        self.insert(4);
    }
    fn end(&self) {
        let mut held = self.held.lock().unwrap();
        while let Ok(object) = self.pool.insert(0) {
            held.push(object);
        }
        require(held.len() == 14, "NothingLost");
        let shared = |(i, a)| held[..i].iter().any(|b| Ref::ptr_eq(a, b));
        require(!held.iter().enumerate().any(shared), "NoSharedFree");
    }
}

/// How a lookup looks.
trait Look: Send + Sync + 'static {
    fn look<T, C: Count>(stash: &Stash<T, C>) -> Option<Ref<T, C>>;
}

struct ByLook;
impl Look for ByLook {
    fn look<T, C: Count>(stash: &Stash<T, C>) -> Option<Ref<T, C>> {
        stash.get_active()
    }
}

struct UnderLock;
impl Look for UnderLock {
    fn look<T, C: Count>(stash: &Stash<T, C>) -> Option<Ref<T, C>> {
        stash.get_under_lock(&())
    }
}

/// A pool that must grow for an object, which is then found through a stash: nothing else says that the slots are made.
struct FreshSlots<L, C: Count> {
    pool: Pool<Tracked<usize>, C>,
    stash: Stash<Tracked<usize>, C>,
    held: Mutex<Vec<Ref<Tracked<usize>, C>>>,
    look: std::marker::PhantomData<L>,
}

impl<L: Look, C: Count> Scene for FreshSlots<L, C> {
    fn set() -> Self {
        let pool = Pool::with_limit(14);
        let stash = Stash::new(&pool);
        let held = [0, 0].map(|n| pool.insert(Tracked::new(n)).unwrap()).into();
        Self { pool, stash, held: Mutex::new(held), look: std::marker::PhantomData }
    }
    fn first(&self) {
        let object = self.pool.insert(Tracked::new(7)).expect("more slots are to be added");
        self.stash.store(&object).unwrap();
        self.held.lock().unwrap().push(object);
    }
    fn second(&self) {
        if let Some(found) = L::look(&self.stash) {
            found.with(|_| ());
        }
    }
    fn end(&self) {
        require(L::look(&self.stash).is_some(), "Stashed");
    }
}

/// A mistake of an `unsafe` caller: a reference that is not counted. The crate's own cell has to see it.
struct Uncounted {
    object: Hand<Ref<Tracked<usize>>>,
    pool: Pool<Tracked<usize>>,
}

impl Scene for Uncounted {
    fn set() -> Self {
        let pool = Pool::with_limit(2);
        Self { object: Hand::holding(pool.insert(Tracked::new(0)).unwrap()), pool }
    }
    fn first(&self) {
        let object = self.object.take();
        // SAFETY: none: that is the mistake. The memory itself stays, and the content is not read.
        let copy = std::mem::ManuallyDrop::new(unsafe { std::ptr::read(&raw const object) });
        drop(object);
        let _ = &**copy;
    }
    fn second(&self) {
        drop(self.pool.clone());
    }
}

/// Two threads with more references than a count can count, of which they give more back than they took.
struct Saturated<C: Count>(C);

trait Word: Count {
    /// One more get, and the count no longer counts.
    fn full() -> Self;
}

impl Word for CasCount {
    fn full() -> Self {
        CasCount::from_raw_word(0x7FFF_FFFF_8000_0000)
    }
}

impl Word for FileRefCount {
    fn full() -> Self {
        FileRefCount::from_raw_word(0x7FFF_FFFF_FFFF_FFFF)
    }
}

impl<C: Word> Scene for Saturated<C> {
    fn set() -> Self {
        Self(C::full())
    }
    fn first(&self) {
        self.0.get();
        self.0.get();
        require(!self.0.put(), "NeverReleased");
    }
    fn second(&self) {
        self.0.get();
        require(!self.0.put() && !self.0.put(), "NeverReleased");
    }
    fn end(&self) {
        require(self.0.refs() > 0, "NeverDead");
    }
}

/// Both threads clone what they have and give it back.
struct Cloned<C: Count>(LastTwo<C>);

impl<C: Count> Cloned<C> {
    fn clone_mine(&self, me: usize) {
        let object = self.0.refs[me].take();
        let other = object.clone();
        drop(object);
        other.look();
    }
}

impl<C: Count> Scene for Cloned<C> {
    fn set() -> Self {
        Self(LastTwo::set())
    }
    fn first(&self) {
        self.clone_mine(0);
    }
    fn second(&self) {
        self.clone_mine(1);
    }
    fn end(&self) {
        self.0.end();
    }
}

/// Two references and three puts: a mistake of the caller's, of which a count that can tell makes no second release (and
/// perhaps not the first).
struct OnePutTooMany {
    count: FileRefCount,
    released: Ghost<usize>,
}

impl OnePutTooMany {
    fn put(&self) {
        if self.count.put() {
            self.released.with(|n| *n += 1);
        }
    }
}

impl Scene for OnePutTooMany {
    fn set() -> Self {
        let count = FileRefCount::new();
        count.get();
        Self { count, released: Ghost::new(0) }
    }
    fn first(&self) {
        self.put();
        self.put();
    }
    fn second(&self) {
        self.put();
    }
    fn end(&self) {
        require(self.released.get() <= 1, "ReleasedOnce");
        require(!self.count.get_active(), "DeadForGood");
    }
}

/// An object dies and its slot becomes another; a lookup by the key of the first.
struct KeyOfTheDead {
    pool: Pool<Body<CasCount>>,
    key: Key,
    object: Hand<Ref<Body<CasCount>>>,
    other: Mutex<Option<Ref<Body<CasCount>>>>,
    released: Arc<Ghost<[usize; 2]>>,
}

impl Scene for KeyOfTheDead {
    fn set() -> Self {
        let released = Arc::default();
        let pool = Pool::with_limit(1);
        let object = pool.insert(Body::new(0, &released)).ok().unwrap();
        let (key, object) = (Ref::key(&object), Hand::holding(object));
        Self { pool, key, object, other: Mutex::default(), released }
    }
    fn first(&self) {
        drop(self.object.take());
        *self.other.lock().unwrap() = self.pool.insert(Body::new(1, &self.released)).ok();
    }
    fn second(&self) {
        if let Some(found) = self.pool.get(self.key) {
            require(found.id == 0, "RightObject");
            found.look();
        }
    }
    fn end(&self) {
        require(self.released.get()[0] == 1, "ReleasedOnce");
        require(!self.pool.contains(self.key) && self.pool.get(self.key).is_none(), "NoAlias");
    }
}

/// A key is removed while somebody looks it up.
struct Removed(KeyOfTheDead);

impl Scene for Removed {
    fn set() -> Self {
        Self(KeyOfTheDead::set())
    }
    fn first(&self) {
        require(self.0.pool.remove(self.0.key), "RemovedOnce");
        drop(self.0.object.take());
    }
    fn second(&self) {
        if let Some(found) = self.0.pool.get(self.0.key) {
            found.look();
        }
    }
    fn end(&self) {
        self.0.end();
    }
}

/// A slot that is given back unused, whose key somebody kept, and an object that comes into it.
struct GivenBack {
    pool: Pool<usize>,
    held: Mutex<Option<Ref<usize>>>,
}

impl Scene for GivenBack {
    fn set() -> Self {
        Self { pool: Pool::with_limit(1), held: Mutex::default() }
    }
    fn first(&self) {
        if let Some(vacant) = self.pool.vacant() {
            let key = vacant.key();
            drop(vacant);
            require(self.pool.get(key).is_none(), "NoAlias");
        }
    }
    fn second(&self) {
        *self.held.lock().unwrap() = self.pool.insert(7).ok();
    }
}

/// The only slot has had all the generations that it may have.
struct Spent(KeyOfTheDead);

impl Scene for Spent {
    fn set() -> Self {
        let released = Arc::default();
        let pool = Pool::builder().limit(1).generations(1).build();
        let object = pool.insert(Body::new(0, &released)).ok().unwrap();
        let (key, object) = (Ref::key(&object), Hand::holding(object));
        Self(KeyOfTheDead { pool, key, object, other: Mutex::default(), released })
    }
    fn first(&self) {
        drop(self.0.object.take());
    }
    fn second(&self) {
        drop(self.0.pool.get(self.0.key));
    }
    fn end(&self) {
        self.0.end();
        require(self.0.pool.insert(Body::new(1, &self.0.released)).is_err(), "NoAlias");
    }
}

/// The last handle of a pool whose threads keep free slots, against a thread that is at its own.
struct CachedEnd {
    pool: Hand<Pool<Body<CasCount>>>,
    object: Hand<Ref<Body<CasCount>>>,
    released: Arc<Ghost<[usize; 2]>>,
    freed: Box<dyn Fn() -> u32 + Send + Sync>,
}

impl Scene for CachedEnd {
    fn set() -> Self {
        let released = Arc::default();
        let pool = Pool::new();
        let object = Hand::holding(pool.insert(Body::new(0, &released)).ok().unwrap());
        let watch = pool.raw_watch();
        let freed = Box::new(move || watch.look().freed);
        Self { pool: Hand::holding(pool), object, released, freed }
    }
    fn first(&self) {
        drop(self.pool.take());
    }
    fn second(&self) {
        drop(self.object.take());
    }
    fn end(&self) {
        require(self.released.get()[0] == 1, "ReleasedOnce");
        require((self.freed)() == 1, "FreedOnce");
    }
}

/// A pool is killed while its last object goes.
struct Killed {
    pool: Pool<Body<CasCount>>,
    object: Hand<Ref<Body<CasCount>>>,
    released: Arc<Ghost<[usize; 2]>>,
    told: Arc<Ghost<[usize; 2]>>,
}

impl Scene for Killed {
    fn set() -> Self {
        let released = Arc::default();
        let pool = Pool::new();
        let object = Hand::holding(pool.insert(Body::new(0, &released)).ok().unwrap());
        Self { pool, object, released, told: Arc::default() }
    }
    fn first(&self) {
        let (told, released) = (Arc::clone(&self.told), Arc::clone(&self.released));
        let tell = move || told.with(|n| *n = [n[0] + 1, released.get()[0]]);
        require(self.pool.kill(tell), "KilledOnce");
    }
    fn second(&self) {
        drop(self.object.take());
    }
    fn end(&self) {
        require(self.told.get() == [1, 1], "ToldOnce");
        require(self.pool.insert(Body::new(1, &self.released)).is_err(), "KilledForGood");
    }
}

/// An object is removed between its last put and the kill, by one who has put a reference before.
struct Dying {
    pool: Pool<Body<FileRefCount>, FileRefCount>,
    refs: [Hand<Ref<Body<FileRefCount>, FileRefCount>>; 2],
    key: Key,
    released: Arc<Ghost<[usize; 2]>>,
}

impl Scene for Dying {
    fn set() -> Self {
        let released = Arc::default();
        let pool = Pool::with_limit(1);
        let object = pool.insert(Body::new(0, &released)).ok().unwrap();
        let key = Ref::key(&object);
        let refs = [Hand::holding(object.clone()), Hand::holding(object)];
        Self { pool, refs, key, released }
    }
    fn first(&self) {
        drop(self.refs[0].take());
    }
    fn second(&self) {
        let object = self.refs[1].take();
        object.look();
        drop(object);
        self.pool.remove(self.key);
    }
    fn end(&self) {
        require(self.released.get() == [1, 0], "ReleasedOnce");
        require(self.pool.get(self.key).is_none(), "NoAlias");
    }
}

/// Two threads take their first slots; then one of them takes more than it keeps, and gives them back.
///
/// Too much for loom; every access in it is relaxed.
#[cfg(graceref_shuttle)]
struct Batches {
    pool: Pool<Tracked<usize>>,
    held: Mutex<Vec<Ref<Tracked<usize>>>>,
}

#[cfg(graceref_shuttle)]
impl Batches {
    fn insert(&self, me: usize) -> Ref<Tracked<usize>> {
        let object = self.pool.insert(Tracked::new(me)).expect("there are more slots");
        object.with_mut(|_| ());
        object
    }
}

#[cfg(graceref_shuttle)]
impl Scene for Batches {
    fn set() -> Self {
        Self { pool: Pool::new(), held: Mutex::default() }
    }
    fn first(&self) {
        let object = self.insert(1);
        self.held.lock().unwrap().push(object);
    }
    fn second(&self) {
        let object = self.insert(2);
        self.held.lock().unwrap().push(object);
    }
    fn end(&self) {
        let mut held = self.held.lock().unwrap();
        drop([3, 4, 5, 6].map(|n| self.insert(n)));
        held.extend([7, 8, 9, 10].map(|n| self.insert(n)));
        let shared = |(i, a)| held[..i].iter().any(|b| Ref::ptr_eq(a, b));
        require(!held.iter().enumerate().any(shared), "NoSharedFree");
    }
}

/// A pool is killed while an object is inserted: nobody finds that object afterwards.
///
/// Too much for loom.
#[cfg(graceref_shuttle)]
struct KilledInsert {
    pool: Pool<Body<CasCount>>,
    inserted: Mutex<Option<Ref<Body<CasCount>>>>,
    released: Arc<Ghost<[usize; 2]>>,
    told: Arc<Ghost<usize>>,
}

#[cfg(graceref_shuttle)]
impl Scene for KilledInsert {
    fn set() -> Self {
        let pool = Pool::new();
        Self { pool, inserted: Mutex::default(), released: Arc::default(), told: Arc::default() }
    }
    fn first(&self) {
        let told = Arc::clone(&self.told);
        require(self.pool.kill(move || told.with(|n| *n += 1)), "KilledOnce");
    }
    fn second(&self) {
        let object = self.pool.insert(Body::new(1, &self.released)).ok();
        *self.inserted.lock().unwrap() = object;
    }
    fn end(&self) {
        if let Some(object) = self.inserted.lock().unwrap().take() {
            require(self.told.get() == 0, "ToldOnce");
            require(self.pool.get(Ref::key(&object)).is_none(), "KilledForGood");
        }
        require(self.told.get() == 1, "ToldOnce");
    }
}

/// The last reference and the last handle of a killed pool.
struct LastOfKilled {
    object: Hand<Ref<Tracked<usize>>>,
    pool: Hand<Pool<Tracked<usize>>>,
    told: Arc<Ghost<usize>>,
}

impl Scene for LastOfKilled {
    fn set() -> Self {
        let (pool, told) = (Pool::with_limit(1), Arc::<Ghost<usize>>::default());
        let object = pool.insert(Tracked::new(0)).ok().unwrap();
        let tell = Arc::clone(&told);
        assert!(pool.kill(move || tell.with(|n| *n += 1)));
        Self { object: Hand::holding(object), pool: Hand::holding(pool), told }
    }
    fn first(&self) {
        drop(self.object.take());
    }
    fn second(&self) {
        drop(self.pool.take());
    }
    fn end(&self) {
        require(self.told.get() == 1, "ToldOnce");
    }
}

/// A pool gives memory back while another thread drops the last references to its objects: one before, one after the
/// caches were closed, perhaps.
struct Shrunk {
    pool: Mutex<Option<Pool<Body<CasCount>>>>,
    objects: [Hand<Ref<Body<CasCount>>>; 2],
    keys: [Key; 2],
    released: Arc<Ghost<[usize; 2]>>,
}

impl Scene for Shrunk {
    fn set() -> Self {
        let released = Arc::default();
        let pool = Pool::new();
        let objects = [0, 1].map(|id| pool.insert(Body::new(id, &released)).ok().unwrap());
        let keys = [0, 1].map(|id: usize| Ref::key(&objects[id]));
        Self { pool: Mutex::new(Some(pool)), objects: objects.map(Hand::holding), keys, released }
    }
    fn first(&self) {
        let mut pool = self.pool.lock().unwrap().take().unwrap();
        let freed = pool.shrink();
        require(freed == Some(0) || freed == Some(2), "NoSharedFree");
        *self.pool.lock().unwrap() = Some(pool);
    }
    fn second(&self) {
        for object in &self.objects {
            drop(object.take());
        }
    }
    fn end(&self) {
        require(self.released.get() == [1, 1], "ReleasedOnce");
        let mut pool = self.pool.lock().unwrap().take().unwrap();
        let objects: Vec<_> =
            (0..3).map(|_| pool.insert(Body::new(0, &self.released)).ok()).collect();
        require(!self.keys.iter().any(|&key| pool.contains(key)), "NoAlias");
        drop(objects);
        let all = pool.capacity();
        require(pool.shrink() == Some(all), "NothingLeft");
    }
}

/// A pool shrinks with a slot free that a put is about to look at once more.
struct ShrunkStraggler {
    pool: Mutex<Option<Pool<Body<FileRefCount>, FileRefCount>>>,
    object: Hand<Ref<Body<FileRefCount>, FileRefCount>>,
    key: Key,
    released: Arc<Ghost<[usize; 2]>>,
}

impl Scene for ShrunkStraggler {
    fn set() -> Self {
        let released = Arc::default();
        let pool = Pool::with_limit(1);
        let object = pool.insert(Body::new(0, &released)).ok().unwrap();
        let key = Ref::key(&object);
        Self { pool: Mutex::new(Some(pool)), object: Hand::holding(object), key, released }
    }
    fn first(&self) {
        let mut pool = self.pool.lock().unwrap().take().unwrap();
        drop(pool.get(self.key));
        require(pool.shrink().is_some(), "NoOtherHandle");
        *self.pool.lock().unwrap() = Some(pool);
    }
    fn second(&self) {
        drop(self.object.take());
    }
    fn end(&self) {
        require(self.released.get()[0] == 1, "ReleasedOnce");
        let mut pool = self.pool.lock().unwrap().take().unwrap();
        let all = pool.capacity();
        require(pool.shrink() == Some(all), "NothingLeft");
    }
}

#[test]
fn of_two_threads_that_drop_the_last_two_references_one_releases() {
    holds::<LastTwo<CasCount>>();
}

#[test]
fn of_two_threads_that_drop_the_last_two_file_references_one_releases() {
    holds::<LastTwo<FileRefCount>>();
}

#[test]
fn a_get_against_the_last_put_of_a_cas_count_fails_or_keeps_the_object() {
    holds::<LastPut<CasCount>>();
}

#[test]
fn a_get_against_the_last_put_of_a_file_ref_count_fails_or_keeps_the_object() {
    holds::<LastPut<FileRefCount>>();
}

#[test]
fn a_get_against_the_last_close_of_a_file_ref_count_fails_or_keeps_the_object() {
    holds::<LastClose<FileRefCount>>();
}

#[test]
fn a_lookup_finds_the_stashed_object_or_none_while_its_slot_is_used_again() {
    holds::<Reuse<CasCount>>();
}

#[test]
fn a_lookup_with_file_ref_counts_finds_the_stashed_object_or_none_while_its_slot_is_used_again() {
    holds::<Reuse<FileRefCount>>();
}

#[test]
fn a_lookup_without_its_second_look_finds_another_object() {
    fails::<Reuse<CasCount>>("stash.skip_recheck", &["RightObject"]);
}

#[test]
fn the_last_handle_and_the_last_references_free_the_memory_once() {
    holds::<End<CasCount>>();
}

#[test]
fn the_last_handle_and_the_last_file_references_free_the_memory_once() {
    holds::<End<FileRefCount>>();
}

#[test]
fn the_memory_waits_for_a_put_that_straggles() {
    holds::<Straggler<FileRefCount>>();
}

#[test]
fn memory_that_does_not_wait_for_a_put_that_straggles_is_freed_under_it() {
    let properties = ["NoUseAfterFree", "NoDataRace"];
    fails::<Straggler<FileRefCount>>("pool.forget_stragglers", &properties);
}

#[test]
fn a_cas_put_does_not_straggle() {
    holds::<Straggler<CasCount>>();
}

#[test]
fn a_slot_is_in_one_place_while_two_threads_pop_and_push() {
    holds::<FreeList>();
}

#[test]
fn a_free_list_without_its_tag_hands_a_slot_out_twice() {
    let properties = ["NoSharedFree", "NothingLost", "NoDataRace", "NoUseAfterFree"];
    fails::<FreeList>("pool.no_tag", &properties);
}

#[test]
fn two_threads_that_grow_the_pool_at_once_lose_no_slot() {
    holds::<Growth>();
}

#[test]
fn who_looks_an_object_in_new_slots_up_sees_the_slots() {
    holds::<FreshSlots<ByLook, CasCount>>();
}

/// Where there are keys, an insert ends in a look whether the pool was killed, behind a fence that publishes too.
#[test]
fn who_looks_an_object_with_file_ref_counts_in_new_slots_up_sees_the_slots() {
    holds::<FreshSlots<ByLook, FileRefCount>>();
}

#[test]
fn who_looks_an_object_in_new_slots_up_under_a_lock_sees_the_slots() {
    holds::<FreshSlots<UnderLock, CasCount>>();
}

#[test]
fn a_reference_that_nobody_counted_is_seen_to_look_at_a_released_object() {
    fails::<Uncounted>("", &["NoUseAfterFree"]);
}

#[test]
fn a_cas_count_with_too_many_references_is_never_given_up() {
    holds::<Saturated<CasCount>>();
}

#[test]
fn a_file_ref_count_with_too_many_references_is_never_given_up() {
    holds::<Saturated<FileRefCount>>();
}

#[test]
fn file_references_are_cloned_while_others_go() {
    holds::<Cloned<FileRefCount>>();
}

#[test]
fn references_are_cloned_while_others_go() {
    holds::<Cloned<CasCount>>();
}

#[test]
fn an_object_that_is_removed_while_it_is_killed_is_released_once() {
    holds::<Dying>();
}

#[test]
fn of_more_puts_than_file_references_one_releases_at_most() {
    holds::<OnePutTooMany>();
}

#[test]
fn a_key_finds_its_object_or_none_while_the_slot_is_used_again() {
    holds::<KeyOfTheDead>();
}

#[test]
fn a_key_that_is_removed_finds_nothing() {
    holds::<Removed>();
}

#[test]
fn the_key_of_a_slot_that_is_given_back_finds_nothing() {
    holds::<GivenBack>();
}

#[test]
fn a_slot_whose_generations_are_used_up_is_not_used_again() {
    holds::<Spent>();
}

#[test]
fn the_last_handle_and_a_thread_at_its_own_slots_free_the_memory_once() {
    pinned(&holds::<CachedEnd>(), (42, 0x4912_6A7B));
}

#[test]
fn who_kills_a_pool_is_told_once_when_the_last_object_is_gone() {
    pinned(&holds::<Killed>(), (50, 0xA73E_3068));
}

#[test]
#[cfg(graceref_shuttle)]
fn a_slot_is_in_one_place_while_threads_keep_their_own() {
    holds_in_part::<Batches>();
}

#[test]
#[cfg(graceref_shuttle)]
fn nobody_finds_what_is_inserted_while_the_pool_is_killed() {
    holds::<KilledInsert>();
}

#[test]
fn of_the_last_reference_and_the_last_handle_of_a_killed_pool_one_tells_and_one_frees() {
    holds::<LastOfKilled>();
}

#[test]
fn a_pool_shrinks_while_a_thread_drops_its_last_objects() {
    holds::<Shrunk>();
}

#[test]
fn a_pool_that_does_not_wait_for_a_thread_at_its_slots_takes_them_under_it() {
    fails::<Shrunk>("cache.no_wait", &["NoDataRace", "NothingLeft", "NoUseAfterFree"]);
}

#[test]
fn a_pool_that_forgets_its_generations_finds_a_new_object_by_an_old_key() {
    fails::<Shrunk>("shrink.same_generation", &["NoAlias"]);
}

#[test]
fn a_pool_does_not_shrink_while_a_put_straggles() {
    holds::<ShrunkStraggler>();
}

#[test]
fn a_pool_that_forgets_a_straggler_frees_the_slot_under_it() {
    let properties = ["NoUseAfterFree", "NoDataRace"];
    fails::<ShrunkStraggler>("pool.forget_stragglers", &properties);
}
