//! The pass on real threads: many short rounds, each on a new world, with threads that dally at random.

use crate::record::{Budget, Pass, Record};
use crate::scenario::{Cast, Scenario, World};
use graceref::sync::{ENGINE, Engine, model};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, PoisonError, RwLock};

const ROUNDS: u64 = 100_000;
/// Rounds between two meetings of all threads: meeting costs more than a round.
const BATCH: u64 = 500;
/// How long a thread waits in a round for the others to come to it before it goes ahead alone.
const PATIENCE: u32 = 300;

/// One round's world, and how many threads have come to it.
struct Round {
    world: Arc<dyn World>,
    arrived: AtomicUsize,
}

/// Runs the pass.
pub fn run(scenario: &Scenario, budget: Budget) -> Record {
    assert_eq!(ENGINE, Engine::Std, "this binary was built for another engine");
    model::take_report();
    let cast = &scenario.cast;
    let rounds = budget.scale(ROUNDS);
    let barrier = Barrier::new(cast.threads.len());
    let batch: RwLock<Vec<Round>> = RwLock::new(Vec::new());
    std::thread::scope(|scope| {
        for thread in 1..cast.threads.len() {
            let (barrier, batch) = (&barrier, &batch);
            scope.spawn(move || {
                let mut rng = seed(thread);
                for _ in 0..rounds / BATCH {
                    barrier.wait();
                    let played = batch.read().unwrap_or_else(PoisonError::into_inner);
                    rng = play(&played, thread, cast, rng);
                    drop(played);
                    barrier.wait();
                }
            });
        }
        let mut rng = seed(0);
        for _ in 0..rounds / BATCH {
            let fresh = || Round { world: (cast.make)(), arrived: AtomicUsize::new(0) };
            *batch.write().unwrap_or_else(PoisonError::into_inner) =
                (0..BATCH).map(|_| fresh()).collect();
            barrier.wait();
            let played = batch.read().unwrap_or_else(PoisonError::into_inner);
            rng = play(&played, 0, cast, rng);
            barrier.wait();
            for round in &*played {
                round.world.at_end();
            }
        }
    });
    let mut record = Record::new(scenario.name, Pass::Threads);
    record.executions = rounds;
    record.bound = format!("{rounds} rounds of {} threads", cast.threads.len());
    record.enter(model::take_report());
    record
}

fn seed(thread: usize) -> u64 {
    0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(thread as u64 + 1)
}

/// Returns the state of the thread's random numbers, for the next batch.
fn play(rounds: &[Round], thread: usize, cast: &Cast, mut rng: u64) -> u64 {
    for round in rounds {
        round.arrived.fetch_add(1, Ordering::Relaxed);
        let mut patience = PATIENCE;
        while round.arrived.load(Ordering::Relaxed) < cast.threads.len() && patience > 0 {
            patience -= 1;
            std::hint::spin_loop();
        }
        model::set_dally(rng);
        round.world.run(thread);
        rng = model::set_dally(0);
    }
    rng
}
