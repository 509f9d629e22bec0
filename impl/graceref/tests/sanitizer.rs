//! Faults that a sanitizer must find, or it is not on: `ci/asan` runs them and wants them stopped.
#![cfg(not(any(graceref_loom, graceref_shuttle)))]

use std::hint::black_box;

#[test]
#[ignore = "a seeded use after free: it must fail, and does only under the sanitizer; ci/asan runs it first and demands that"]
fn freed_memory_is_read() {
    let freed = Box::into_raw(Box::new(7_u64));
    // SAFETY: it is the box's own pointer. (Invariant: none of the spec.)
    drop(unsafe { Box::from_raw(freed) });
    // SAFETY: none: the fault that the sanitizer has to find. (Invariant: none of the spec.)
    black_box(unsafe { freed.read_volatile() });
}

#[test]
#[ignore = "a seeded leak: it must fail, and does only under the sanitizer; ci/asan runs it first and demands that"]
fn memory_is_leaked() {
    for _ in 0..100 {
        black_box(Box::into_raw(black_box(Box::new([7_u64; 100]))));
    }
}
