//! get and stale-get: an owned look-up.

use super::{EACH, MANY, ONE, Random, number, share, sum_in_turn};
use crate::harness::{Group, Steps, Subject};
use crate::subjects::counted::{Counted, Weakly};
use crate::subjects::{Table, Value, graceref, in_turn, maps, slabs};
use ::graceref::{CasCount, FileRefCount};
use std::sync::Arc;

pub(super) fn get() -> Vec<Group> {
    [ONE, EACH]
        .into_iter()
        .map(|variant| Group {
            work: "get",
            variant: variant.to_owned(),
            stretch: 1,
            subjects: vec![
                by_key::<graceref::Keyed<CasCount>>(variant),
                by_key::<graceref::Keyed<FileRefCount>>(variant),
                counted::<graceref::Cloned>(variant),
                counted::<graceref::Stashed>(variant),
                counted::<Arc<Value>>(variant),
                counted::<Weakly>(variant),
                counted::<triomphe::Arc<Value>>(variant),
                counted::<arc_swap::ArcSwap<Value>>(variant),
                by_key::<slabs::Sharded>(variant),
                by_key::<slabs::Idr>(variant),
                by_key::<slabs::Locked>(variant),
                by_key::<maps::Dash>(variant),
                by_key::<maps::Papaya>(variant),
            ],
            expected: Some(Box::new(move |thread, looks| {
                let (from, count) = share(variant, thread);
                let numbers: Vec<u64> = (from..from + count).map(number).collect();
                sum_in_turn(&numbers, looks)
            })),
        })
        .collect()
}

fn counted<C: Counted>(variant: &'static str) -> Subject {
    Subject {
        name: C::NAME,
        make: Box::new(move |threads| {
            let values = (0..threads * MANY).map(|place| Value::new(number(place))).collect();
            let all = Arc::new(C::all(values));
            (0..threads)
                .map(|thread| {
                    let all = Arc::clone(&all);
                    let (from, count) = share(variant, thread);
                    Box::new(move |looks| in_turn(&all[from..from + count], looks, C::get)) as Steps
                })
                .collect()
        }),
    }
}

fn by_key<T: Table>(variant: &'static str) -> Subject {
    Subject {
        name: T::NAME,
        make: Box::new(move |threads| {
            let table = T::new();
            let all: Vec<(u64, T::Owned)> =
                (0..threads * MANY).map(|place| table.insert(Value::new(number(place)))).collect();
            let keys = (0..threads).map(|thread| {
                let (from, count) = share(variant, thread);
                all[from..from + count].iter().map(|(key, _)| *key).collect()
            });
            looks(keys.collect(), table, all)
        }),
    }
}

/// A thread for each list of keys. What owns the objects lives as long as they look.
fn looks<T: Table>(keys: Vec<Vec<u64>>, table: T, owned: Vec<(u64, T::Owned)>) -> Vec<Steps> {
    let table = Arc::new(table);
    let owned = Arc::new(std::sync::Mutex::new(owned));
    keys.into_iter()
        .map(|keys| {
            let (table, owned) = (Arc::clone(&table), Arc::clone(&owned));
            Box::new(move |looks| {
                let _ = &owned;
                in_turn(&keys, looks, |&key| table.get(key))
            }) as Steps
        })
        .collect()
}

/// Percentages of stale keys, among the keys of different objects; and all stale, of one place.
const SHARES: [u64; 5] = [0, 10, 25, 50, 100];
/// The keys of a thread, longer than what a branch predictor learns at once.
const KEYS: usize = 4096;
/// All threads ask the same place.
pub(crate) const ONE_PLACE: &str = "100% stale, one place";

/// A stale key is of a place in which another object lives by now.
pub(super) fn stale_get() -> Vec<Group> {
    let shares = SHARES.into_iter().map(|stale| {
        let pattern = move |thread: usize| pattern(thread, stale);
        group(format!("{stale}% stale"), pattern)
    });
    let one_place = group(ONE_PLACE.to_owned(), |_| vec![(0, true)]);
    shares.chain([one_place]).collect()
}

/// What a thread asks for: the number of an object, and whether by its stale key.
fn pattern(thread: usize, stale: u64) -> Vec<(usize, bool)> {
    let mut random = Random(thread as u64);
    let mut one = || {
        let place = usize::try_from(random.below(MANY as u64)).unwrap_or(0);
        (thread * MANY + place, random.below(100) < stale)
    };
    (0..KEYS).map(|_| one()).collect()
}

fn group(variant: String, pattern: impl Fn(usize) -> Vec<(usize, bool)> + Copy + 'static) -> Group {
    let numbers = move |thread| -> Vec<u64> {
        let asked = pattern(thread).into_iter();
        asked.map(|(place, stale)| if stale { 0 } else { number(place) }).collect()
    };
    let expected: Vec<Vec<u64>> = (0..2).map(numbers).collect();
    Group {
        work: "stale-get",
        variant,
        stretch: 1,
        subjects: vec![
            with_stale::<graceref::Keyed<CasCount>>(pattern),
            with_stale::<graceref::Keyed<FileRefCount>>(pattern),
            weak_with_stale(pattern),
            with_stale::<slabs::Sharded>(pattern),
            with_stale::<slabs::Idr>(pattern),
            with_stale::<slabs::Locked>(pattern),
            with_stale::<maps::Dash>(pattern),
            with_stale::<maps::Papaya>(pattern),
        ],
        expected: Some(Box::new(move |thread, looks| sum_in_turn(&expected[thread], looks))),
    }
}

fn with_stale<T: Table>(pattern: impl Fn(usize) -> Vec<(usize, bool)> + 'static) -> Subject {
    Subject {
        name: T::NAME,
        make: Box::new(move |threads| {
            let table = T::new();
            let mut all = Vec::new();
            let mut old = Vec::new();
            for place in 0..threads * MANY {
                let (key, owned) = table.insert(Value::new(u64::MAX));
                table.remove(key, owned);
                old.push(key);
                all.push(table.insert(Value::new(number(place))));
            }
            let keys = (0..threads).map(|thread| {
                let asked = pattern(thread).into_iter();
                asked.map(|(place, stale)| if stale { old[place] } else { all[place].0 }).collect()
            });
            looks(keys.collect(), table, all)
        }),
    }
}

/// `Weak` has no keys, but its pointers go stale too.
fn weak_with_stale(pattern: impl Fn(usize) -> Vec<(usize, bool)> + 'static) -> Subject {
    Subject {
        name: Weakly::NAME,
        make: Box::new(move |threads| {
            let strong: Vec<Arc<Value>> =
                (0..threads * MANY).map(|place| Arc::new(Value::new(number(place)))).collect();
            let gone: Vec<_> = strong
                .iter()
                .map(|object| Arc::downgrade(&Arc::new(Value::clone(object))))
                .collect();
            let strong = Arc::new(strong);
            (0..threads)
                .map(|thread| {
                    let strong = Arc::clone(&strong);
                    let asked = pattern(thread).into_iter();
                    let weaks: Vec<_> = asked
                        .map(|(place, stale)| {
                            if stale { gone[place].clone() } else { Arc::downgrade(&strong[place]) }
                        })
                        .collect();
                    Box::new(move |looks| {
                        let _ = &strong;
                        in_turn(&weaks, looks, |weak| {
                            weak.upgrade().map_or(0, |object| object.read())
                        })
                    }) as Steps
                })
                .collect()
        }),
    }
}
