//! A pool that is killed while objects come and go.

use crate::Body;
use crate::engine::{Scene, holds, pinned};
use graceref::model::{Ghost, Hand, require};
use graceref::sync::Tracked;
use graceref::{CasCount, FileRefCount, Key, Pool, Ref};
use std::sync::Arc;
#[cfg(graceref_shuttle)]
use std::sync::Mutex;

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

#[test]
fn an_object_that_is_removed_while_it_is_killed_is_released_once() {
    holds::<Dying>();
}

#[test]
fn who_kills_a_pool_is_told_once_when_the_last_object_is_gone() {
    pinned(&holds::<Killed>(), (50, 0xA73E_3068));
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
