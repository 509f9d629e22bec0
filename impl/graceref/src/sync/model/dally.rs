//! Real threads that dally before a step, now and then, so that narrow windows are met.

use std::cell::Cell;
use std::thread_local;

thread_local! {
    static RNG: Cell<u64> = const { Cell::new(0) };
}

/// Makes the calling thread dally at random before its steps (a seed), or not (zero, as at first). Returns where
/// its random numbers stood: the seed to go on with.
pub fn set_dally(seed: u64) -> u64 {
    RNG.replace(seed)
}

/// Before a step: mostly nothing, often a short wait, seldom a time slice.
pub(in crate::sync) fn dally() {
    let mut rng = RNG.get();
    if rng == 0 {
        return;
    }
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    RNG.set(rng);
    match rng % 128 {
        0 => std::thread::yield_now(),
        1..16 => (0..rng >> 7 & 0x3FF).for_each(|_| core::hint::spin_loop()),
        _ => {}
    }
}
