//! The crate's own races, explored under loom (both passes) and under shuttle, on the public facade.
//!
//! Two threads each. An execution's end is checked by whichever thread comes last.
#![cfg(any(graceref_loom, graceref_shuttle))]

mod engine;

use engine::{Scene, fails, holds};
use graceref::model::{Ghost, Hand, require};
use graceref::sync::Tracked;
use graceref::{CasCount, Count, FileRefCount, Pool, Ref, Stash};
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
