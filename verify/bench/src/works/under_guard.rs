//! peek and read-lock: reading under a guard.

use super::{EACH, MANY, ONE, number, share, sum_in_turn};
use crate::harness::{Group, Steps, Subject};
use crate::subjects::graceref::ReadLock;
use crate::subjects::guarded::{Epoch, EpochHandle, Guarded, Hazard, Seize, Swap};
#[cfg(has_liburcu)]
use crate::subjects::guarded::{Urcu, UrcuCalled};
use crate::subjects::{Peek, Value, maps, slabs};
use std::sync::{Arc, Mutex};

pub(super) fn peek() -> Vec<Group> {
    [ONE, EACH]
        .into_iter()
        .map(|variant| Group {
            work: "peek",
            variant: variant.to_owned(),
            stretch: 1,
            subjects: vec![
                peeking::<crate::subjects::graceref::KeyedRcu>(variant),
                peeking::<slabs::Sharded>(variant),
                peeking::<slabs::Idr>(variant),
                peeking::<slabs::Locked>(variant),
                peeking::<maps::Dash>(variant),
                peeking::<maps::Papaya>(variant),
                guarded::<Epoch>(variant, Epoch::peek),
                guarded::<Seize>(variant, Seize::peek),
                guarded::<Hazard>(variant, Hazard::peek),
                guarded::<Swap>(variant, Swap::peek),
                #[cfg(has_liburcu)]
                guarded::<Urcu>(variant, Urcu::peek),
            ],
            expected: Some(Box::new(move |thread, looks| read(variant, thread, looks))),
        })
        .collect()
}

/// What the looks of a thread sum up to.
fn read(variant: &str, thread: usize, looks: u64) -> u64 {
    let (from, count) = share(variant, thread);
    let numbers: Vec<u64> = (from..from + count).map(number).collect();
    sum_in_turn(&numbers, looks)
}

fn peeking<T: Peek>(variant: &'static str) -> Subject {
    Subject {
        name: T::NAME,
        make: Box::new(move |threads| {
            let table = Arc::new(T::new());
            let all: Vec<_> =
                (0..threads * MANY).map(|place| table.insert(Value::new(number(place)))).collect();
            let keys: Vec<u64> = all.iter().map(|(key, _)| *key).collect();
            let owned = Arc::new(Mutex::new(all));
            (0..threads)
                .map(|thread| {
                    let (table, owned) = (Arc::clone(&table), Arc::clone(&owned));
                    let (from, count) = share(variant, thread);
                    let keys = keys[from..from + count].to_vec();
                    Box::new(move |looks| {
                        let _ = &owned;
                        table.peek(&keys, looks)
                    }) as Steps
                })
                .collect()
        }),
    }
}

type Look<G> = fn(&G, usize, usize, u64) -> u64;

fn guarded<G: Guarded>(variant: &'static str, look: Look<G>) -> Subject {
    Subject {
        name: G::NAME,
        make: Box::new(move |threads| {
            let values = (0..threads * MANY).map(|place| Value::new(number(place))).collect();
            let all = Arc::new(G::new(values));
            (0..threads)
                .map(|thread| {
                    let all = Arc::clone(&all);
                    let (from, count) = share(variant, thread);
                    Box::new(move |looks| look(&all, from, count, looks)) as Steps
                })
                .collect()
        }),
    }
}

/// The section alone.
pub(crate) const LOCK: &str = "lock, unlock";
/// The section around one look at an object that all threads share.
const LOAD: &str = "lock, read, unlock";

pub(super) fn read_lock() -> Vec<Group> {
    vec![
        Group {
            work: "read-lock",
            variant: LOCK.to_owned(),
            stretch: 1,
            subjects: [
                locking::<ReadLock>(),
                locking::<Epoch>(),
                locking::<EpochHandle>(),
                locking::<Seize>(),
                Some(idr_guard()),
                #[cfg(has_liburcu)]
                locking::<Urcu>(),
                #[cfg(has_liburcu)]
                locking::<UrcuCalled>(),
            ]
            .into_iter()
            .flatten()
            .collect(),
            expected: Some(Box::new(|_, rounds| rounds)),
        },
        Group {
            work: "read-lock",
            variant: LOAD.to_owned(),
            stretch: 1,
            subjects: vec![
                guarded(ONE, ReadLock::lock_load),
                guarded(ONE, Epoch::lock_load),
                guarded(ONE, EpochHandle::lock_load),
                guarded(ONE, Seize::lock_load),
                guarded(ONE, Hazard::lock_load),
                guarded(ONE, Swap::lock_load),
                #[cfg(has_liburcu)]
                guarded(ONE, Urcu::lock_load),
                #[cfg(has_liburcu)]
                guarded(ONE, UrcuCalled::lock_load),
            ],
            expected: Some(Box::new(|thread, looks| read(ONE, thread, looks))),
        },
    ]
}

fn locking<G: Guarded>() -> Option<Subject> {
    let lock = G::LOCK?;
    let make = move |threads| {
        let all = Arc::new(G::new(Vec::new()));
        let steps = |_| {
            let all = Arc::clone(&all);
            Box::new(move |rounds| lock(&all, rounds)) as Steps
        };
        (0..threads).map(steps).collect()
    };
    Some(Subject { name: G::NAME, make: Box::new(make) })
}

/// The guard of idr-ebr, which is that of the epochs it is built on (sdd).
fn idr_guard() -> Subject {
    let rounds = |rounds: u64| {
        for _ in 0..rounds {
            drop(idr_ebr::EbrGuard::new());
        }
        rounds
    };
    let make = move |threads| (0..threads).map(|_| Box::new(rounds) as Steps).collect();
    Subject { name: "idr-ebr", make: Box::new(make) }
}
