//! The pass on real threads: many short rounds, each on a new world, with threads that wait for each other at random.

use crate::record::{Budget, Pass, Record};
use crate::scenario::{Cast, Scenario, World};
use graceref::sync::model::{self, Report};
use graceref::sync::{ENGINE, Engine};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, PoisonError, RwLock};

const ROUNDS: u64 = 40_000;
/// So many at the most, where what is sought is not found before: on a busy machine the threads seldom meet.
const STUBBORN: u64 = 2_000_000;
/// Rounds between two meetings of all threads: meeting costs more than a round.
const BATCH: u64 = 500;
/// How long a thread that waits for the others to come to its round keeps its core.
const PATIENCE: u32 = 300;

/// One round's world, how many threads have come to it, and the steps that they have done.
struct Round {
    world: Arc<dyn World>,
    arrived: AtomicUsize,
    steps: model::Steps,
}

impl Round {
    fn new(cast: &Cast) -> Self {
        Self { world: (cast.make)(), arrived: AtomicUsize::new(0), steps: model::Steps::default() }
    }
}

/// Runs the pass.
///
/// # Panics
/// In a binary that was built for another engine.
pub fn run(scenario: &Scenario, budget: Budget) -> Record {
    assert_eq!(ENGINE, Engine::Std, "this binary was built for another engine");
    model::take_report();
    let cast = &scenario.cast;
    let threads = cast.threads.len();
    let barrier = Barrier::new(threads);
    // An empty batch sends the threads home.
    let batch: RwLock<Vec<Round>> = RwLock::new(Vec::new());
    let mut report = Report::default();
    let mut rounds = 0;
    std::thread::scope(|scope| {
        for thread in 1..threads {
            let (barrier, batch) = (&barrier, &batch);
            scope.spawn(move || {
                model::seed_dally(thread as u64 + 1);
                loop {
                    barrier.wait();
                    let played = batch.read().unwrap_or_else(PoisonError::into_inner);
                    if played.is_empty() {
                        break;
                    }
                    play(&played, thread, cast);
                    drop(played);
                    barrier.wait();
                }
            });
        }
        model::seed_dally(threads as u64 + 1);
        while rounds < enough(scenario, &report, budget)
            || (!shown(scenario, &report) && rounds < STUBBORN)
        {
            *batch.write().unwrap_or_else(PoisonError::into_inner) =
                (0..BATCH).map(|_| Round::new(cast)).collect();
            barrier.wait();
            let played = batch.read().unwrap_or_else(PoisonError::into_inner);
            play(&played, 0, cast);
            barrier.wait();
            for round in &*played {
                round.world.at_end();
            }
            rounds += BATCH;
            merge(&mut report, model::take_report());
        }
        batch.write().unwrap_or_else(PoisonError::into_inner).clear();
        barrier.wait();
    });
    let mut record = Record::new(scenario.name, Pass::Threads);
    record.executions = rounds;
    record.bound = format!("{rounds} rounds of {threads} threads");
    if !shown(scenario, &report) {
        record.bound += "; not all that is sought was seen: try again on a machine with less to do";
    }
    record.enter(report);
    record
}

/// How many rounds there are at least. A broken variant has little more to show once it is seen to be broken.
fn enough(scenario: &Scenario, report: &Report, budget: Budget) -> u64 {
    let broken = !scenario.sought.is_empty() && !report.violations.is_empty();
    if broken { Budget::Quick } else { budget }.scale(ROUNDS)
}

/// Whether everything that is sought has been seen.
fn shown(scenario: &Scenario, report: &Report) -> bool {
    let seen = |name| report.violations.contains_key(name) || report.witnesses.contains_key(name);
    scenario.sought.iter().all(|name| seen(*name))
}

fn merge(all: &mut Report, more: Report) {
    for (name, detail) in more.violations {
        all.violations.entry(name).or_insert(detail);
    }
    for (name, detail) in more.witnesses {
        all.witnesses.entry(name).or_insert(detail);
    }
}

/// Plays a thread's part in every round of the batch. Every other round goes as the machine has it.
fn play(rounds: &[Round], thread: usize, cast: &Cast) {
    for (i, round) in rounds.iter().enumerate() {
        round.arrived.fetch_add(1, Ordering::Relaxed);
        let mut spins = 0;
        while round.arrived.load(Ordering::Relaxed) < cast.threads.len() {
            spins += 1;
            if spins < PATIENCE {
                std::hint::spin_loop();
            } else {
                std::thread::yield_now();
            }
        }
        model::set_dally((i % 2 == 0).then(|| Arc::clone(&round.steps)));
        round.world.run(thread);
        model::set_dally(None);
    }
}
