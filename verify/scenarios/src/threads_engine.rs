//! The pass on real threads: many short rounds, each on a new world, started together with a random stagger.

use crate::record::{Budget, Pass, Record};
use crate::scenario::{Scenario, World};
use graceref::sync::{ENGINE, Engine, model};
use std::sync::{Arc, Barrier, Mutex, PoisonError};

const ROUNDS: u64 = 20_000;
/// At most so many spins before a thread's first step: longer than a whole scenario takes.
const STAGGER: u64 = 600;

/// Runs the pass.
pub fn run(scenario: &Scenario, budget: Budget) -> Record {
    assert_eq!(ENGINE, Engine::Std, "this binary was built for another engine");
    model::take_report();
    let cast = scenario.crowd.clone().unwrap_or_else(|| scenario.cast.clone());
    let rounds = budget.scale(ROUNDS);
    let barrier = Barrier::new(cast.threads.len());
    let current: Mutex<Option<Arc<dyn World>>> = Mutex::new(None);
    std::thread::scope(|scope| {
        for thread in 1..cast.threads.len() {
            let (barrier, current) = (&barrier, &current);
            scope.spawn(move || {
                let mut rng = seed(thread);
                for _ in 0..rounds {
                    barrier.wait();
                    let world = current.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    play(world.as_deref(), thread, &mut rng);
                    drop(world);
                    barrier.wait();
                }
            });
        }
        let mut rng = seed(0);
        for _ in 0..rounds {
            let world = (cast.make)();
            *current.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&world));
            barrier.wait();
            play(Some(&*world), 0, &mut rng);
            barrier.wait();
            world.at_end();
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

fn play(world: Option<&dyn World>, thread: usize, rng: &mut u64) {
    *rng ^= *rng << 13;
    *rng ^= *rng >> 7;
    *rng ^= *rng << 17;
    for _ in 0..*rng % STAGGER {
        std::hint::spin_loop();
    }
    if let Some(world) = world {
        world.run(thread);
    }
}
