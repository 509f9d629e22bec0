//! A pool that gives memory back while its last objects go.

use crate::Body;
use crate::engine::{Scene, fails, holds};
use graceref::model::{Ghost, Hand, require};
use graceref::{CasCount, FileRefCount, Key, Pool, Ref};
use std::sync::{Arc, Mutex};

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
