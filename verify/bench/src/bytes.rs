//! What an object costs in memory: the heap before and after many were put in.

use crate::subjects::{Table, Value, maps, slabs};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// So many objects all but fill what grows by doubling, from 32 (graceref, sharded-slab, idr-ebr: 131,040 places) or
/// as powers of two (slab: 131,072). In between, up to half of the places wait for objects.
const OBJECTS: u64 = 131_000;

/// What one contender takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bytes {
    pub(crate) subject: String,
    pub(crate) objects: u64,
    /// From the heap for each object, its own bytes included.
    pub(crate) per_object: f64,
}

/// Every contender that has objects of its own; nothing where the heap cannot be asked.
pub(crate) fn measure() -> Vec<Bytes> {
    [
        of_table::<crate::subjects::graceref::Keyed<::graceref::CasCount>>(),
        of("arc", || (), |(), number| Arc::new(Value::new(number))),
        of_table::<slabs::Sharded>(),
        of_table::<slabs::Idr>(),
        of_table::<slabs::Locked>(),
        of_table::<maps::Dash>(),
        of_table::<maps::Papaya>(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn of_table<T: Table>() -> Option<Bytes> {
    of(T::NAME, T::new, |table, number| table.insert(Value::new(number)))
}

fn of<T, O>(subject: &str, new: impl Fn() -> T, insert: impl Fn(&T, u64) -> O) -> Option<Bytes> {
    // The handles are the caller's and not counted.
    let mut handles = Vec::with_capacity(usize::try_from(OBJECTS).ok()?);
    let before = heap()?;
    let table = new();
    handles.extend((0..OBJECTS).map(|number| insert(&table, number)));
    let taken = heap()?.saturating_sub(before);
    #[allow(clippy::cast_precision_loss)] // far below 2^52
    let per_object = taken as f64 / OBJECTS as f64;
    let per_object = (per_object * 10.0).round() / 10.0;
    Some(Bytes { subject: subject.to_owned(), objects: OBJECTS, per_object })
}

/// The bytes in use on the heap, with the allocator's own beside each block.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(clippy::unnecessary_wraps)] // elsewhere there is none
fn heap() -> Option<u64> {
    // SAFETY: it takes no arguments, locks what it reads, and returns numbers.
    let info = unsafe { libc::mallinfo2() };
    Some((info.uordblks + info.hblkhd) as u64)
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn heap() -> Option<u64> {
    None
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::measure;
    use crate::subjects::Value;

    #[test]
    fn no_object_takes_less_than_its_own_bytes_and_none_takes_ten_times_as_much() {
        let bytes = measure();
        assert!(bytes.len() >= 6, "{bytes:?}");
        #[allow(clippy::cast_precision_loss)] // it is 64
        let own = size_of::<Value>() as f64;
        for one in &bytes {
            assert!(one.per_object >= own && one.per_object <= own * 10.0, "{one:?}");
        }
        // Two counts and the value, in blocks of malloc.
        let arc = bytes.iter().find(|one| one.subject == "arc").unwrap();
        assert!(arc.per_object >= 80.0 && arc.per_object <= 112.0, "{arc:?}");
    }
}
