//! Real threads that wait for each other's steps now and then, so that narrow windows are met.
//!
//! A wait is counted in the other threads' steps, not in time: on a busy machine it meets the same windows as on an
//! idle one. It ends in any case, since the others may be blocked by this very thread.

use core::hint::spin_loop;
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread_local;

/// The steps that the threads of one round have done, together.
pub type Steps = Arc<AtomicU64>;

thread_local! {
    static RNG: Cell<u64> = const { Cell::new(1) };
    static ROUND: RefCell<Option<Round>> = const { RefCell::new(None) };
}

/// A thread's waits in this round: before its first step, and before one later step.
struct Round {
    steps: Steps,
    done: u64,
    first: u64,
    later: (u64, u64),
}

/// A thread of a scenario has about so many steps.
const LENGTH: u64 = 16;
const SPINS: u32 = 100;
const YIELDS: u32 = 100;
/// What a thread that has finished counts: more steps than anybody waits for.
const FINISHED: u64 = 1 << 32;

/// Makes the calling thread wait at random in this round for the others that count with it, or not.
pub fn set_dally(steps: Option<Steps>) {
    let before = ROUND.take();
    if let Some(round) = before {
        round.steps.fetch_add(FINISHED, Ordering::Relaxed);
    }
    ROUND.set(steps.map(|steps| Round {
        steps,
        done: 0,
        first: next(LENGTH).saturating_sub(LENGTH / 2),
        later: (next(LENGTH) + 1, next(LENGTH)),
    }));
}

/// Where the calling thread's random numbers start. Not zero.
pub fn seed_dally(seed: u64) {
    RNG.set(seed);
}

fn next(bound: u64) -> u64 {
    let mut rng = RNG.get();
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    RNG.set(rng);
    (rng >> 16) % bound
}

/// Before a step.
pub(in crate::sync) fn dally() {
    // A thread that is ending has no round any more, and its destructors may still do steps.
    let _ = ROUND.try_with(|round| {
        let mut round = round.borrow_mut();
        let Some(round) = &mut *round else { return };
        let now = round.steps.load(Ordering::Relaxed);
        let far = match round.done {
            0 => round.first,
            n if n == round.later.0 => round.later.1,
            _ => 0,
        };
        let reached = || round.steps.load(Ordering::Relaxed) >= now + far;
        let mut spins = 0;
        while !reached() && spins < SPINS {
            spins += 1;
            spin_loop();
        }
        let mut yields = 0;
        while !reached() && yields < YIELDS {
            yields += 1;
            std::thread::yield_now();
        }
        round.done += 1;
        round.steps.fetch_add(1, Ordering::Relaxed);
    });
}
