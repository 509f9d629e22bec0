//! insert-remove: an object's whole life.

use super::MANY;
use crate::harness::{Group, Steps, Subject};
use crate::subjects::graceref::Keyed;
use crate::subjects::{Table, Value, maps, slabs};
use ::graceref::{CasCount, FileRefCount};
use std::hint::black_box;
use std::sync::Arc;

/// Out again at once: the same place each time.
pub(crate) const AT_ONCE: &str = "at once";
/// So many in, then all out, the oldest first.
const HELD: &str = "64 held";

pub(super) fn insert_remove() -> Vec<Group> {
    [(AT_ONCE, 1), (HELD, MANY)]
        .into_iter()
        .map(|(variant, held)| Group {
            work: "insert-remove",
            variant: variant.to_owned(),
            stretch: 1,
            subjects: vec![
                keyed::<Keyed<CasCount>>(held),
                keyed::<Keyed<FileRefCount>>(held),
                plain("graceref unkeyed", held, || {
                    let pool = graceref::Pool::<Value>::new();
                    move |value| pool.insert(value).ok()
                }),
                plain("arc", held, || Arc::<Value>::new),
                plain("triomphe", held, || triomphe::Arc::<Value>::new),
                keyed::<slabs::Sharded>(held),
                keyed::<slabs::Idr>(held),
                keyed::<slabs::Locked>(held),
                keyed::<maps::Dash>(held),
                keyed::<maps::Papaya>(held),
            ],
            expected: Some(Box::new(|_, rounds| rounds)),
        })
        .collect()
}

/// So many rounds in blocks: fills the block, empties it, counts what was taken out.
#[inline(always)]
fn blocks<O>(
    held: &mut Vec<O>,
    room: usize,
    rounds: u64,
    mut insert: impl FnMut(Value) -> O,
    mut remove: impl FnMut(O) -> bool,
) -> u64 {
    let mut removed = 0;
    if room == 1 {
        for round in 0..rounds {
            removed += u64::from(remove(insert(Value::new(black_box(round)))));
        }
        return removed;
    }
    let mut left = rounds;
    while left > 0 {
        let block = left.min(room as u64);
        for round in 0..block {
            held.push(insert(Value::new(black_box(round))));
        }
        for object in held.drain(..) {
            removed += u64::from(remove(object));
        }
        left -= block;
    }
    removed
}

fn keyed<T: Table>(room: usize) -> Subject {
    let make = move |threads| {
        let table = Arc::new(T::new());
        let steps = |_| {
            let table = Arc::clone(&table);
            let mut held = Vec::with_capacity(room);
            Box::new(move |rounds| {
                blocks(
                    &mut held,
                    room,
                    rounds,
                    |value| {
                        let (key, owned) = table.insert(value);
                        (black_box(key), owned)
                    },
                    |(key, owned)| table.remove(key, owned),
                )
            }) as Steps
        };
        (0..threads).map(steps).collect()
    };
    Subject { name: T::NAME, make: Box::new(make) }
}

/// Without a key: made and dropped.
fn plain<O: Send + 'static, F: Fn(Value) -> O + Clone + Send + 'static>(
    name: &'static str,
    room: usize,
    world: impl Fn() -> F + 'static,
) -> Subject {
    let make = move |threads| {
        let insert = world();
        let steps = |_| {
            let insert = insert.clone();
            let mut held = Vec::with_capacity(room);
            Box::new(move |rounds| {
                blocks(&mut held, room, rounds, &insert, |object| {
                    // Its address is known, as a key would be.
                    black_box(&object);
                    true
                })
            }) as Steps
        };
        (0..threads).map(steps).collect()
    };
    Subject { name, make: Box::new(make) }
}
