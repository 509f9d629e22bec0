//! An object's end: the hook, then the destructor, then the slot, whatever panics in between.
#![cfg(not(any(graceref_loom, graceref_shuttle)))]

use graceref::{FileRefCount, Pool, Ref, Stash};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

type Log = Arc<Mutex<Vec<&'static str>>>;

/// An object that writes down its end, and panics in it if it shall.
struct Object {
    log: Log,
    panics: bool,
}

impl Drop for Object {
    fn drop(&mut self) {
        self.log.lock().unwrap().push("destructor");
        assert!(!self.panics, "as the test wants");
    }
}

fn read(log: &Log) -> Vec<&'static str> {
    std::mem::take(&mut log.lock().unwrap())
}

#[test]
fn the_hook_comes_before_the_destructor_and_the_slot_after_both() {
    let log = Log::default();
    let pool = Pool::<Object>::builder()
        .limit(1)
        .on_release(|object| {
            object.log.lock().unwrap().push("hook");
            let pool = object.pool().unwrap();
            assert!(pool.get(object.key()).is_none(), "it is dead");
            assert!(pool.vacant().is_none(), "its slot is not free yet");
        })
        .build();
    for _ in 0..3 {
        let object = pool.insert(Object { log: Arc::clone(&log), panics: false }).ok().unwrap();
        let clone = object.clone();
        drop(object);
        assert_eq!(read(&log), [""; 0]);
        drop(clone);
        assert_eq!(read(&log), ["hook", "destructor"]);
        assert!(pool.vacant().is_some());
    }
}

#[test]
fn a_hook_or_a_destructor_that_panics_gives_the_slot_back() {
    for (hook_panics, panics) in [(true, false), (false, true)] {
        let log = Log::default();
        let pool = Pool::<Object>::builder()
            .limit(1)
            .on_release(move |object| {
                object.log.lock().unwrap().push("hook");
                assert!(!hook_panics, "as the test wants");
            })
            .build();
        for last in [false, false, true] {
            let object = pool.insert(Object { log: Arc::clone(&log), panics }).ok().unwrap();
            assert!(pool.vacant().is_none());
            let key = Ref::key(&object);
            if last {
                assert!(pool.kill(|| ()));
            }
            assert!(catch_unwind(AssertUnwindSafe(|| drop(object))).is_err());
            assert_eq!(read(&log), ["hook", "destructor"]);
            assert!(pool.get(key).is_none());
            assert_eq!(pool.vacant().is_some(), !last);
        }
    }
}

#[test]
fn a_hook_may_insert_into_the_pool_and_drop_its_objects() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    // Each end makes an object with one less, down to nothing.
    let pool = Pool::<u32>::builder()
        .on_release(|object| {
            CALLS.fetch_add(1, Ordering::SeqCst);
            if **object > 0 {
                drop(object.pool().unwrap().insert(**object - 1).unwrap());
            }
        })
        .build();
    drop(pool.insert(50).unwrap());
    assert_eq!(CALLS.load(Ordering::SeqCst), 51);
    assert!(pool.is_empty());
}

#[test]
fn a_hook_may_change_the_object_before_its_destructor() {
    let (first, second) = (Log::default(), Log::default());
    let other = Arc::clone(&second);
    let pool =
        Pool::<Object>::builder().on_release(move |object| object.log = Arc::clone(&other)).build();
    drop(pool.insert(Object { log: Arc::clone(&first), panics: false }).ok().unwrap());
    assert_eq!((read(&first), read(&second)), (vec![], vec!["destructor"]));
}

#[test]
fn after_the_last_handle_a_hook_finds_no_pool() {
    let pools = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&pools);
    let pool = Pool::<u32, FileRefCount>::builder()
        // To ask is not to change anything: the answer stays the same.
        .on_release(move |object| {
            for _ in 0..2 {
                seen.lock().unwrap().push(object.pool().is_some());
            }
        })
        .build();
    let (a, b) = (pool.insert(1).unwrap(), pool.insert(2).unwrap());
    drop(a);
    drop(pool);
    drop(b);
    assert_eq!(*pools.lock().unwrap(), [true, true, false, false]);
    assert_eq!(Arc::strong_count(&pools), 1, "the hook went with the pool");
}

#[test]
fn the_last_handle_may_go_in_the_hook() {
    type Owner = OnceLock<Pool<Mutex<Option<Handle>>>>;
    struct Handle(Owner);
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let pool = Pool::<Mutex<Option<Handle>>>::builder()
        .on_release(move |object| {
            count.fetch_add(1, Ordering::SeqCst);
            assert!(object.pool().is_some());
            drop(object.get_mut().unwrap().take().unwrap().0);
            assert!(object.pool().is_none(), "that was the last");
        })
        .build();
    let object = pool.insert(Mutex::default()).unwrap();
    *object.lock().unwrap() = Some(Handle(OnceLock::from(pool)));
    drop(object);
    assert_eq!((calls.load(Ordering::SeqCst), Arc::strong_count(&calls)), (1, 1));
}

#[test]
fn a_hook_that_clears_the_stash_does_what_a_destructor_would() {
    let stash: Arc<OnceLock<Stash<u32>>> = Arc::default();
    // The stash keeps the pool, which keeps the hook: no ring, please.
    let hooked = Arc::downgrade(&stash);
    let pool = Pool::<u32>::builder()
        .limit(1)
        .on_release(move |object| {
            assert!(hooked.upgrade().unwrap().get().unwrap().clear(object));
        })
        .build();
    let stash_of_the_pool = stash.get_or_init(|| Stash::new(&pool));
    for round in 0..10 {
        let object = pool.insert(round).unwrap();
        stash_of_the_pool.store(&object).unwrap();
        assert_eq!(*stash_of_the_pool.get_active().unwrap(), round);
        drop(object);
        assert!(stash_of_the_pool.get().is_none(), "empty, and not full of a dead object");
    }
}
