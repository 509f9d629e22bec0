//! Objects of odd sizes and alignments, and limits at the borders.
#![cfg(not(any(graceref_loom, graceref_shuttle)))]

use graceref::{CasCount, Count, FileRefCount, Key, Pool, Ref, Stash};
use std::collections::BTreeSet;

fn address<T, C: Count>(object: &Ref<T, C>) -> usize {
    std::ptr::from_ref(&**object).addr()
}

#[derive(Clone, Copy, PartialEq, Debug)]
struct Empty;
#[repr(align(64))]
#[derive(Clone, Copy, PartialEq, Debug)]
struct EmptyLine;
#[repr(align(128))]
#[derive(Clone, Copy, PartialEq, Debug)]
struct Lines(u8);
#[repr(align(4096))]
#[derive(Clone, Copy, PartialEq, Debug)]
struct Page(u8);
#[repr(C, packed)]
#[derive(Clone, Copy, PartialEq, Debug)]
struct Packed(u8, u64);

/// Objects in more than one chunk: each aligned, in a place of its own, found by its key and through a stash.
fn live<T: Copy + PartialEq + std::fmt::Debug, C: Count>(values: &[T], pool: &Pool<T, C>) {
    let objects: Vec<_> =
        (0..100).map(|i| pool.insert(values[i % values.len()]).expect("a hundred fit")).collect();
    let mut places: Vec<usize> = objects.iter().map(address).collect();
    assert!(places.iter().all(|place| place % align_of::<T>() == 0));
    places.sort_unstable();
    let apart = size_of::<T>().max(1);
    assert!(places.windows(2).all(|pair| pair[1] - pair[0] >= apart), "objects overlap");
    let stash = Stash::new(pool);
    for (i, object) in objects.iter().enumerate() {
        assert_eq!(**object, values[i % values.len()]);
        assert!(pool.owns(object));
        stash.store(object).unwrap();
        assert!(Ref::ptr_eq(&stash.get_active().unwrap(), object));
        assert!(stash.clear(object) && !stash.clear(object));
    }
    assert_eq!(pool.iter().count(), 100);
    drop(objects);
    assert!(pool.is_empty());
}

fn lives<T: Copy + PartialEq + std::fmt::Debug>(values: &[T]) {
    live::<T, CasCount>(values, &Pool::new());
    live::<T, CasCount>(values, &Pool::with_limit(100));
    live::<T, FileRefCount>(values, &Pool::new());
    live::<T, FileRefCount>(values, &Pool::with_limit(101));
    let pool: Pool<T> = Pool::new();
    let objects: Vec<Ref<T>> =
        values.iter().map(|&value| pool.insert(value).ok().unwrap()).collect();
    let keys: BTreeSet<Key> = objects.iter().map(Ref::key).collect();
    assert_eq!(keys.len(), values.len());
    for object in &objects {
        assert!(Ref::ptr_eq(&pool.get(Ref::key(object)).unwrap(), object));
    }
    assert!(pool.kill(|| ()));
}

#[test]
fn objects_of_no_size_live_like_others() {
    lives(&[Empty]);
    lives(&[EmptyLine]);
    lives(&[()]);
    lives(&[[0_u64; 0]]);
}

#[test]
fn over_aligned_objects_live_like_others() {
    lives(&[Lines(1), Lines(2)]);
    lives(&[Page(1), Page(2), Page(3)]);
}

#[test]
fn packed_and_large_objects_live_like_others() {
    lives(&[Packed(1, 2), Packed(3, 4)]);
    lives(&[[1_u8; 3], [2; 3]]);
    lives(&[[1_u64; 1_000], [2; 1_000]]);
}

#[test]
fn a_pool_of_none_takes_none() {
    let pool: Pool<u32> = Pool::with_limit(0);
    assert_eq!(pool.insert(1).unwrap_err().into_inner(), 1);
    assert!(pool.vacant().is_none() && pool.insert_with_key(|_| 1).is_err());
    assert_eq!((pool.len(), pool.capacity(), pool.iter().count()), (0, 0, 0));
    assert!(Key::from_u64(1 << 27).is_some_and(|key| pool.get(key).is_none()));
    pool.clear();
    assert!(pool.kill_and_wait());
}

#[test]
fn a_limit_is_exact_around_the_ends_of_chunks() {
    for limit in [1, 2, 31, 32, 33, 95, 96, 97, 223, 224, 225, 1_000] {
        let pool: Pool<u32> = Pool::with_limit(limit);
        for _ in 0..2 {
            let objects: Vec<_> = (0..limit).map(|n| pool.insert(n).unwrap()).collect();
            assert!(pool.insert(0).is_err(), "one more than {limit}");
            assert_eq!(pool.capacity(), u64::from(limit), "and no memory for more");
            assert_eq!(objects.iter().map(address).collect::<BTreeSet<_>>().len(), objects.len());
        }
    }
}

#[test]
fn a_limit_beyond_all_numbers_costs_nothing_until_it_is_used() {
    for limit in [1 << 30, (1 << 30) + 1, u32::MAX] {
        let pool: Pool<u32> = Pool::with_limit(limit);
        let objects: Vec<_> = (0..100).map(|n| pool.insert(n).unwrap()).collect();
        assert!(pool.capacity() < 1_000);
        assert_eq!(objects.iter().map(|object| **object).sum::<u32>(), 4950);
    }
    let pool = Pool::<u32>::builder().generations(u32::MAX).build();
    assert_eq!(*pool.insert(1).unwrap(), 1);
    let pool = Pool::<u32>::builder().limit(1).generations(0).build();
    assert!(pool.insert(1).is_ok() && pool.insert(2).is_err(), "at least one generation");
}

#[test]
fn a_million_objects_of_no_size_have_a_million_keys() {
    const MANY: usize = 1_000_000;
    let pool: Pool<()> = Pool::new();
    let objects: Vec<_> = (0..MANY).map(|_| pool.insert(()).unwrap()).collect();
    let mut keys: Vec<Key> = objects.iter().map(Ref::key).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), MANY);
    assert!(objects.iter().step_by(997).all(|object| pool.contains(Ref::key(object))));
    assert!(pool.kill(|| ()));
    assert!(keys.iter().step_by(997).all(|&key| !pool.contains(key)));
}
