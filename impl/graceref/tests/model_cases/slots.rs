//! Slots and their memory: free lists, growth, keys, and the end of a pool.

use crate::Body;
#[cfg(graceref_shuttle)]
use crate::engine::holds_in_part;
use crate::engine::{Scene, fails, holds, pinned};
use graceref::model::{Ghost, Hand, require};
use graceref::sync::Tracked;
use graceref::{CasCount, Count, FileRefCount, Key, Pool, Ref, Stash};
use std::sync::{Arc, Mutex};

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

/// One thread inserts an object into new slots, another stashes it, and a third finds it: it has the slots and the object
/// from one who did not make them.
struct HandedOver {
    fresh: FreshSlots<ByLook, CasCount>,
    handed: graceref::sync::Mutex<Option<Ref<Tracked<usize>>>>,
}

impl Scene for HandedOver {
    const THIRD: bool = true;
    const BOUND: Option<usize> = Some(2);

    fn set() -> Self {
        Self { fresh: FreshSlots::set(), handed: graceref::sync::Mutex::new(None) }
    }
    fn first(&self) {
        *self.handed.lock() = self.fresh.pool.insert(Tracked::new(7)).ok();
    }
    fn second(&self) {
        if let Some(object) = self.handed.lock().take() {
            self.fresh.stash.store(&object).unwrap();
            self.fresh.held.lock().unwrap().push(object);
        }
    }
    fn third(&self) {
        self.fresh.second();
    }
    fn end(&self) {}
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
fn an_object_that_another_than_its_maker_has_stashed_is_found_whole() {
    holds::<HandedOver>();
}

#[test]
fn an_object_that_is_stashed_without_its_content_is_a_race() {
    if cfg!(graceref_loom) {
        fails::<HandedOver>("weaken:stash::store::stash_store=Relaxed", &["NoDataRace"]);
    }
}

#[test]
fn who_looks_an_object_with_file_ref_counts_in_new_slots_up_sees_the_slots() {
    holds::<FreshSlots<ByLook, FileRefCount>>();
}

#[test]
fn who_looks_an_object_in_new_slots_up_under_a_lock_sees_the_slots() {
    holds::<FreshSlots<UnderLock, CasCount>>();
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
#[cfg(graceref_shuttle)]
fn a_slot_is_in_one_place_while_threads_keep_their_own() {
    holds_in_part::<Batches>();
}
