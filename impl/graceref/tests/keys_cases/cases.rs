// Of both counts: `C` is the one that is meant.

use graceref::{Count, Key, ZeroKey};
use std::collections::{BTreeSet, HashSet};
use std::num::NonZeroU64;

type Pool<T> = graceref::Pool<T, C>;
type Ref<T> = graceref::Ref<T, C>;

/// Numbers that are the key's but for some of their bits.
fn neighbours(key: Key) -> impl Iterator<Item = Key> {
    let bits = key.to_u64();
    let one = (0..64).map(move |bit| bits ^ (1 << bit));
    let two = (0..64).flat_map(move |a| (0..a).map(move |b| bits ^ (1 << a) ^ (1 << b)));
    one.chain(two).filter_map(Key::from_u64)
}

/// What is asked of a pool by a number that somebody made up.
fn is_no_object<T>(pool: &Pool<T>, key: Key) -> bool {
    pool.get(key).is_none() && !pool.contains(key) && !pool.remove(key)
}

#[test]
fn every_number_but_zero_is_a_key_and_comes_back_unchanged() {
    assert_eq!(Key::from_u64(0), None);
    assert_eq!(Key::try_from(0), Err(ZeroKey::clone(&Key::try_from(0).unwrap_err())));
    assert!(Key::try_from(0).unwrap_err().to_string().contains("Option<Key>"));
    for bits in (0..64).map(|bit| 1 << bit).chain([u64::MAX, 1 << 63 | 1, u64::MAX >> 1]) {
        let key = Key::from_u64(bits).unwrap();
        assert_eq!(key.to_u64(), bits);
        assert_eq!(u64::from(key), bits);
        assert_eq!(Key::try_from(bits), Ok(key));
        assert_eq!(NonZeroU64::from(key).get(), bits);
        assert_eq!(Key::from(NonZeroU64::from(key)), key);
    }
}

#[test]
fn a_made_up_number_finds_nothing_in_a_pool_where_nothing_was_made() {
    let pool: Pool<String> = Pool::new();
    for bit in 0..64 {
        assert!(is_no_object(&pool, Key::from_u64(1 << bit).unwrap()), "bit {bit}");
    }
    assert!(is_no_object(&pool, Key::from_u64(u64::MAX).unwrap()));
}

#[test]
fn a_made_up_generation_finds_nothing_in_memory_that_no_object_was_in_yet() {
    // One takes its slots one at a time, the other in batches; it needs a second chunk.
    for (pool, others) in [(Pool::with_limit(100), 0), (Pool::new(), 32)] {
        let _others: Vec<_> = (0..others).map(|_| pool.insert(String::new()).unwrap()).collect();
        let object = pool.insert("the first".to_owned()).unwrap();
        let key = Ref::key(&object);
        let place = key.to_u64() & u64::from(u32::MAX);
        // All of the chunk's slots, and more; each with generations at the borders of what a generation can be.
        for place in place + 1..place + 100 {
            for generation in [0, 1, (1 << 31) - 1, 1 << 31, (1 << 31) + 1, u64::from(u32::MAX)] {
                let made_up = Key::from_u64(generation << 32 | place).unwrap();
                assert!(is_no_object(&pool, made_up), "{made_up:?}");
            }
        }
        assert_eq!(*pool.get(key).unwrap(), "the first");
    }
}

#[test]
fn a_key_with_other_bits_than_the_object_s_finds_nothing() {
    let pool: Pool<u32> = Pool::with_limit(1);
    for object in 0..3 {
        let object = pool.insert(object).unwrap();
        let key = Ref::key(&object);
        assert!(neighbours(key).all(|other| is_no_object(&pool, other)));
        assert!(pool.contains(key));
        drop(object);
        assert!(is_no_object(&pool, key));
        assert!(neighbours(key).all(|other| is_no_object(&pool, other)), "of a dead object");
    }
}

#[test]
fn a_removed_object_is_found_by_no_number_at_all() {
    let pool: Pool<u32> = Pool::new();
    let object = pool.insert(7).unwrap();
    let key = Ref::key(&object);
    assert!(pool.remove(key));
    assert!(is_no_object(&pool, key));
    assert!(neighbours(key).all(|other| is_no_object(&pool, other)));
    assert_eq!((*object, Ref::refs(&object)), (7, 1));
    assert_eq!(Ref::key(&object), key, "its name is still its name");
}

#[test]
fn another_pool_s_key_is_refused() {
    // As many generations in each as there are objects in the slot: none of the one's is the other's.
    let pools: Vec<Pool<u32>> = (0..64).map(|_| Pool::with_limit(4)).collect();
    let objects: Vec<Vec<Ref<u32>>> = pools
        .iter()
        .map(|pool| {
            for round in 0..100 {
                drop(pool.insert(round).unwrap());
            }
            (0..4).map(|n| pool.insert(n).unwrap()).collect()
        })
        .collect();
    for (mine, pool) in pools.iter().enumerate() {
        for (other, objects) in objects.iter().enumerate() {
            for object in objects {
                assert_eq!(pool.contains(Ref::key(object)), mine == other);
                assert_eq!(pool.get(Ref::key(object)).is_some(), mine == other);
                assert_eq!(pool.owns(object), mine == other);
            }
        }
    }
}

#[test]
fn keys_are_ordered_and_hashed_by_their_numbers() {
    let pool: Pool<u32> = Pool::new();
    let objects: Vec<Ref<u32>> = (0..200).map(|n| pool.insert(n).unwrap()).collect();
    let keys: Vec<Key> = objects.iter().map(Ref::key).collect();
    assert_eq!(keys.iter().collect::<HashSet<_>>().len(), 200);
    let ordered: Vec<u64> =
        keys.iter().collect::<BTreeSet<_>>().iter().map(|k| k.to_u64()).collect();
    let mut numbers: Vec<u64> = keys.iter().map(|key| key.to_u64()).collect();
    numbers.sort_unstable();
    assert_eq!(ordered, numbers);
    assert!(keys.iter().all(|key| key.to_u64() < 1 << 63), "the highest bit is never used");
    let (generation, place) = (keys[0].to_u64() >> 32, keys[0].to_u64() & u64::from(u32::MAX));
    assert_eq!(format!("{:?}", keys[0]), format!("Key({generation}@{place})"));
}

#[test]
fn a_slot_that_has_used_up_its_generations_is_never_used_again() {
    const SLOTS: u32 = 100;
    const GENERATIONS: u32 = 5;
    let pool = Pool::<u32>::builder().limit(SLOTS).generations(GENERATIONS).build();
    let mut keys = HashSet::new();
    let mut inserted = 0;
    let mut held = Vec::new();
    // Held for a while and dropped in another order, so that many slots take part.
    while let Ok(object) = pool.insert(inserted) {
        assert!(keys.insert(Ref::key(&object)), "a key twice");
        inserted += 1;
        held.push(object);
        if held.len() == 37 {
            held.swap_remove((inserted as usize * 7) % 37);
        }
    }
    // What is still held keeps the last generations of its slots busy.
    let alive: HashSet<Key> = held.iter().map(Ref::key).collect();
    assert!(keys.iter().all(|&key| pool.contains(key) == alive.contains(&key)));
    drop(held);
    while let Ok(object) = pool.insert(0) {
        assert!(keys.insert(Ref::key(&object)), "a key twice");
    }
    assert_eq!(keys.len(), (SLOTS * GENERATIONS) as usize, "each generation of each slot, once");
    let places: HashSet<u64> = keys.iter().map(|key| key.to_u64() & u64::from(u32::MAX)).collect();
    assert_eq!(places.len(), SLOTS as usize);
    assert!(keys.iter().all(|&key| is_no_object(&pool, key)));
    assert!(pool.vacant().is_none() && pool.is_empty());
}

#[test]
fn places_that_were_given_back_unused_use_up_generations_too() {
    let pool = Pool::<u32>::builder().limit(1).generations(4).build();
    let mut keys = Vec::new();
    for round in 0..4 {
        let place = pool.vacant().unwrap();
        keys.push(place.key());
        if round % 2 == 0 {
            drop(place.insert(round));
        }
    }
    assert!(pool.vacant().is_none() && pool.insert(7).is_err());
    keys.dedup();
    assert_eq!(keys.len(), 4);
}

#[test]
fn a_pool_that_grows_goes_on_in_other_slots_when_one_is_retired() {
    let pool = Pool::<u32>::builder().generations(1).build();
    let keys: HashSet<Key> = (0..1000).map(|n| Ref::key(&pool.insert(n).unwrap())).collect();
    let places: HashSet<u64> = keys.iter().map(|key| key.to_u64() & u64::from(u32::MAX)).collect();
    assert_eq!(places.len(), 1000, "one object in each slot");
}

#[test]
fn a_slot_s_generations_go_round_through_zero() {
    // Of so many pools, one counts its first generation from close to the end of the numbers.
    let pools: Vec<Pool<u32>> = (0..10_000).map(|_| Pool::with_limit(1)).collect();
    let generation = |object: &Ref<u32>| Ref::key(object).to_u64() >> 32;
    let (first, pool) = pools
        .iter()
        .map(|pool| (generation(&pool.insert(0).unwrap()), pool))
        .max_by_key(|&(first, _)| first)
        .unwrap();
    let to_the_end = (1 << 31) - first;
    assert!(to_the_end < 1 << 20, "the pools' first generations lie far apart: {to_the_end}");
    let mut before = None;
    for round in 1..=to_the_end + 3 {
        let object = pool.insert(1).unwrap();
        let key = Ref::key(&object);
        assert_eq!(key.to_u64() >> 32, (first + round) % (1 << 31));
        assert!(pool.contains(key) && before.is_none_or(|before| !pool.contains(before)));
        before = Some(key);
    }
}

#[test]
fn a_count_s_generations_go_round_without_touching_what_is_beside_them() {
    for steps in [0, 1, 2] {
        let count = C::dead();
        count.prepare((1 << 31) - 2);
        for _ in 0..steps {
            count.skip();
        }
        for _ in 0..3 {
            count.init();
            assert_eq!(count.refs(), 1);
            assert!(count.get_active() && !count.put() && count.put());
            assert_eq!(count.refs(), 0);
            assert!(!count.get_active());
        }
        assert_eq!(count.raw_generation(), 1 + steps);
    }
}

#[cfg(feature = "serde")]
#[test]
fn a_key_is_serialised_as_its_number_and_zero_is_refused() {
    use serde::de::IntoDeserializer;
    use serde::de::value::{Error, U64Deserializer};
    use serde::{Deserialize, Serialize};

    // The deserializer of a number, and a formatter as the serializer: it writes the number.
    struct Written<'a>(&'a Key);
    impl std::fmt::Display for Written<'_> {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.0.serialize(f)
        }
    }

    let pool: Pool<u32> = Pool::new();
    let object = pool.insert(7).unwrap();
    let key = Ref::key(&object);
    let written = Written(&key).to_string();
    assert_eq!(written, key.to_u64().to_string());
    let bits: u64 = written.parse().unwrap();
    let number: U64Deserializer<Error> = bits.into_deserializer();
    assert_eq!(Key::deserialize(number), Ok(key));
    let zero: U64Deserializer<Error> = 0_u64.into_deserializer();
    assert!(Key::deserialize(zero).is_err());
}
