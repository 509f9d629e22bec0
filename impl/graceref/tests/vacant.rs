//! Places that are reserved: given back, used, and never two objects' by one key.
#![cfg(not(any(graceref_loom, graceref_shuttle)))]

use graceref::{Key, Pool, Ref};
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::thread;

#[test]
fn a_slot_that_is_given_back_can_be_taken_again_and_never_under_its_old_key() {
    let pool: Pool<u32> = Pool::with_limit(1);
    let mut keys = HashSet::new();
    for round in 0..100 {
        let vacant = pool.vacant().unwrap();
        assert!(pool.vacant().is_none() && pool.insert(1).is_err(), "the one slot is taken");
        let key = vacant.key();
        assert!(keys.insert(key), "this key was given out before");
        assert_eq!(vacant.key(), key);
        if round % 3 == 0 {
            let object = vacant.insert(round);
            assert_eq!(Ref::key(&object), key);
            assert!(Ref::ptr_eq(&pool.get(key).unwrap(), &object));
        } else {
            drop(vacant);
        }
        assert!(keys.iter().all(|&key| pool.get(key).is_none()));
    }
}

#[test]
fn what_is_reserved_is_no_object_yet() {
    let pool: Pool<u32> = Pool::new();
    let vacant = pool.vacant().unwrap();
    assert_eq!((pool.len(), pool.is_empty(), pool.iter().count()), (0, true, 0));
    assert!(!pool.contains(vacant.key()) && !pool.remove(vacant.key()));
    pool.clear();
    let object = vacant.insert(1);
    assert!(pool.contains(Ref::key(&object)), "cleared before it was there");
}

#[test]
fn a_panic_while_the_object_is_made_gives_the_slot_back_and_the_key_up() {
    let pool: Pool<u32> = Pool::with_limit(1);
    let mut keys: Vec<Key> = Vec::new();
    for _ in 0..10 {
        let made = catch_unwind(AssertUnwindSafe(|| {
            pool.insert_with_key(|key| {
                assert!(pool.get(key).is_none());
                keys.push(key);
                panic!("as the test wants")
            })
            .is_ok()
        }));
        assert!(made.is_err());
    }
    let object = pool.insert(1).unwrap();
    assert!(keys.iter().all(|&key| !pool.contains(key)));
    keys.push(Ref::key(&object));
    assert_eq!(keys.iter().collect::<HashSet<_>>().len(), 11);
}

#[test]
fn making_an_object_may_use_the_pool_itself() {
    let pool: Pool<Option<Ref<u32>>> = Pool::new();
    let numbers: Pool<u32> = Pool::with_limit(2);
    let outer = pool
        .insert_with_key(|_| {
            drop(pool.insert(None).unwrap());
            let inner = numbers.insert_with_key(|_| numbers.insert(1).map_or(0, |one| *one + 1));
            inner.ok()
        })
        .ok()
        .unwrap();
    assert_eq!(outer.as_deref(), Some(&2));
    assert_eq!((pool.len(), numbers.len()), (1, 1));
}

#[test]
fn a_slot_may_be_used_or_given_back_by_another_thread() {
    let pool: Pool<u32> = Pool::with_limit(2);
    thread::scope(|s| {
        let (used, unused) = (pool.vacant().unwrap(), pool.vacant().unwrap());
        let key = used.key();
        let object = s.spawn(move || (used.insert(7), drop(unused)).0).join().unwrap();
        assert_eq!((Ref::key(&object), *pool.get(key).unwrap()), (key, 7));
    });
    assert!(pool.vacant().is_some() && pool.is_empty());
}

#[test]
fn a_slot_that_is_forgotten_is_lost_to_the_pool_and_nothing_else_is() {
    // Its memory waits for the slot, for ever; kept here, it is no leak for a checker.
    static KEPT: OnceLock<Pool<u32>> = OnceLock::new();
    let pool = KEPT.get_or_init(|| Pool::with_limit(2));
    std::mem::forget(pool.vacant());
    let object = pool.insert(1).unwrap();
    assert!(pool.insert(2).is_err());
    drop(object);
    assert!(pool.insert(3).is_ok());
}
