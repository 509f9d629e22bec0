//! A pool that grows as it likes, up to where places end. In the model builds that is at 14 objects, in the plain one 2^30.
#![cfg(any(graceref_loom, graceref_shuttle))]

use graceref::model::{Model, require};
use graceref::{CasCount, Count, FileRefCount, Key, Pool, Ref};
use std::collections::BTreeSet;

/// As many places as there are.
const LIMIT: usize = 14;

/// One thread, since all free places must be in its sight.
fn to_its_end<C: Count>() {
    let explored = Model::new("to its end", Pool::<usize, C>::new).thread("one", |pool| {
        let mut objects: Vec<Ref<usize, C>> =
            (0..LIMIT).map_while(|n| pool.insert(n).ok()).collect();
        require(objects.len() == LIMIT, "EachPlaceUsed");
        let mut keys: BTreeSet<Key> = objects.iter().map(Ref::key).collect();
        require(keys.len() == LIMIT, "NoAlias");
        // Each time, not only the first.
        for _ in 0..2 {
            let full = pool.insert(LIMIT).expect_err("there is no place");
            require(!full.is_killed() && full.into_inner() == LIMIT, "FullAtTheEnd");
        }
        require(pool.vacant().is_none(), "FullAtTheEnd");
        // Neither the first nor the last.
        let dead = Ref::key(&objects.swap_remove(5));
        objects.extend(pool.insert(LIMIT).ok());
        require(objects.len() == LIMIT && pool.len() == LIMIT, "PlaceUsedAgain");
        require(pool.insert(0).is_err(), "FullAtTheEnd");
        keys.extend(objects.iter().map(Ref::key));
        require(keys.len() == LIMIT + 1 && pool.get(dead).is_none(), "NoAlias");
        let found = |object: &Ref<usize, C>| {
            pool.get(Ref::key(object)).is_some_and(|other| Ref::ptr_eq(&other, object))
        };
        require(objects.iter().all(found), "EachFoundByItsKey");
    });
    let explored = explored.explore();
    explored.assert_holds();
    explored.assert_complete();
}

#[test]
fn a_pool_without_a_limit_is_full_when_places_end_and_goes_on_when_one_comes_back() {
    to_its_end::<CasCount>();
    to_its_end::<FileRefCount>();
}
