//! How a contender is run and timed: workers pinned to cores, calibrated batches, rounds that alternate.

use crate::failure::Failure;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What one thread of a contender does: so many steps, giving their check sum.
pub(crate) type Steps = Box<dyn FnMut(u64) -> u64 + Send>;

/// One contender of a group.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    /// Makes its world for that many threads, and what each of them does there.
    pub(crate) make: Box<dyn Fn(usize) -> Vec<Steps>>,
}

/// The check sum of so many steps of a thread.
pub(crate) type Expected = Box<dyn Fn(usize, u64) -> u64>;

/// Contenders at the same work, which are run in alternation and may be compared.
pub(crate) struct Group {
    pub(crate) work: &'static str,
    pub(crate) variant: String,
    pub(crate) subjects: Vec<Subject>,
    /// None where threads disturb each other on purpose.
    pub(crate) expected: Option<Expected>,
    /// How many times as long as others its batches are: what has much memory is slow to get warm.
    pub(crate) stretch: u32,
}

/// With how many threads each is run.
pub(crate) const THREADS: [usize; 2] = [1, 2];

/// How long to measure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    pub(crate) rounds: usize,
    pub(crate) batch: Duration,
}

/// A contender with a number of threads, and what its rounds took.
pub(crate) struct Measured {
    pub(crate) work: &'static str,
    pub(crate) variant: String,
    pub(crate) threads: usize,
    pub(crate) subject: &'static str,
    pub(crate) rounds: Vec<Round>,
}

/// What a round took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Round {
    /// Nanoseconds a step, of the slowest thread.
    pub(crate) ns: f64,
    /// Whether another program had one of the cores for a while, at the last try too.
    pub(crate) disturbed: bool,
}

struct Running {
    subject: usize,
    threads: usize,
    steps: Vec<Steps>,
    count: u64,
    rounds: Vec<Round>,
}

/// How often a batch is tried when another program takes a core away in the midst of it.
const TRIES: usize = 3;

/// Measures a group: every contender once a round, each round beginning with another one and every second round
/// in the other direction, so that no contender always follows the same one.
pub(crate) fn measure(
    group: &Group,
    crew: &mut Crew,
    budget: Budget,
    mut round_done: impl FnMut(),
) -> Result<Vec<Measured>, Failure> {
    let mut running: Vec<Running> = Vec::new();
    for threads in THREADS {
        for (subject, made) in group.subjects.iter().enumerate() {
            let steps = (made.make)(threads);
            running.push(Running { subject, threads, steps, count: 1, rounds: Vec::new() });
        }
    }
    for one in &mut running {
        calibrate(group, one, crew, budget.batch * group.stretch)?;
    }
    round_done();
    let places = running.len();
    for round in 0..budget.rounds {
        for place in 0..places {
            let place = (place + round * 5) % places;
            let place = if round % 2 == 0 { place } else { places - 1 - place };
            let one = &mut running[place];
            let mut best = batch(group, one, crew)?;
            for _ in 1..TRIES {
                if best.preempted == 0 {
                    break;
                }
                let again = batch(group, one, crew)?;
                if again.preempted <= best.preempted {
                    best = again;
                }
            }
            let ns = best.took.as_secs_f64() * 1e9 / per_step(one.count);
            one.rounds.push(Round { ns, disturbed: best.preempted > 0 });
        }
        round_done();
    }
    Ok(running
        .into_iter()
        .map(|one| Measured {
            work: group.work,
            variant: group.variant.clone(),
            threads: one.threads,
            subject: group.subjects[one.subject].name,
            rounds: one.rounds,
        })
        .collect())
}

#[allow(clippy::cast_precision_loss)] // far below 2^52
fn per_step(count: u64) -> f64 {
    count as f64
}

/// More steps than fit a batch of any length, were there one instruction to a step.
const IMPOSSIBLE: u64 = 1 << 40;

/// Finds how many steps fill a batch, which warms the contender as well.
fn calibrate(
    group: &Group,
    one: &mut Running,
    crew: &mut Crew,
    goal: Duration,
) -> Result<(), Failure> {
    // The first step sets the world up.
    batch(group, one, crew)?;
    loop {
        let took = batch(group, one, crew)?.took;
        if took * 4 >= goal {
            let share = goal.as_secs_f64() / took.as_secs_f64().max(1e-9);
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // positive and small
            let count = (per_step(one.count) * share) as u64;
            one.count = count.max(1);
            return Ok(());
        }
        one.count *= 4;
        if one.count > IMPOSSIBLE {
            let name = group.subjects[one.subject].name;
            let what = format!("{name} takes no time at {} ({})", group.work, group.variant);
            return Err(Failure::new(what, "see that the compiler does not remove its work"));
        }
    }
}

/// A batch as a whole.
struct Batch {
    took: Duration,
    preempted: u64,
}

/// One batch, its check sums compared: a contender that is quick because it does not do the work is no contender.
fn batch(group: &Group, one: &mut Running, crew: &mut Crew) -> Result<Batch, Failure> {
    let name = group.subjects[one.subject].name;
    let done = crew.run(&mut one.steps, one.count).ok_or_else(|| {
        let what = format!("{name} panicked at {} ({})", group.work, group.variant);
        Failure::new(what, "its words are above; run this work alone with --work")
    })?;
    if let Some(expected) = &group.expected {
        for (thread, end) in done.iter().enumerate() {
            let expected = expected(thread, one.count);
            if end.sum != expected {
                let what = format!(
                    "{name} did not do its work at {} ({}): the check sum is {}, not {expected}",
                    group.work, group.variant, end.sum
                );
                return Err(Failure::new(what, "run `cargo nextest run -p graceref-bench`"));
            }
        }
    }
    let took = done.iter().map(|end| end.took).max().unwrap_or_default();
    Ok(Batch { took, preempted: done.iter().map(|end| end.preempted).sum() })
}

/// What a thread of a batch took, and its check sum.
pub(crate) struct End {
    pub(crate) took: Duration,
    pub(crate) sum: u64,
    /// How often the thread was put off its core meanwhile.
    pub(crate) preempted: u64,
}

struct Job {
    steps: Steps,
    count: u64,
    start: Arc<Start>,
}

/// Where the threads of a batch wait for each other. They spin: waking up takes longer than a start may differ.
struct Start {
    missing: AtomicUsize,
}

impl Start {
    fn wait(&self) {
        self.missing.fetch_sub(1, Ordering::AcqRel);
        let mut spins = 0_u32;
        while self.missing.load(Ordering::Acquire) != 0 {
            spins += 1;
            // With fewer cores than threads the other one needs this core.
            if spins.is_multiple_of(1024) {
                std::thread::yield_now();
            } else {
                std::hint::spin_loop();
            }
        }
    }
}

struct Worker {
    jobs: Option<Sender<Job>>,
    ends: Receiver<(Steps, End)>,
    thread: Option<JoinHandle<()>>,
}

/// The workers, one a core; they live as long as the run, so that what is thread-local stays warm.
pub(crate) struct Crew {
    workers: Vec<Worker>,
}

impl Crew {
    pub(crate) fn new() -> Crew {
        let most = THREADS.into_iter().max().unwrap_or(1);
        Crew { workers: (0..most).map(Crew::worker).collect() }
    }

    fn worker(place: usize) -> Worker {
        let (jobs, todo) = channel::<Job>();
        let (done, ends) = channel();
        let thread = std::thread::spawn(move || {
            pin_to(place);
            while let Ok(Job { mut steps, count, start }) = todo.recv() {
                // What the contender before has driven out of the caches comes back untimed.
                steps(count / 4 + 1);
                let before = preemptions();
                start.wait();
                let began = Instant::now();
                let sum = steps(count);
                let took = began.elapsed();
                let preempted = preemptions().saturating_sub(before);
                if done.send((steps, End { took, sum, preempted })).is_err() {
                    return;
                }
            }
        });
        Worker { jobs: Some(jobs), ends, thread: Some(thread) }
    }

    /// Runs so many steps of each, all at once; none if one of them panicked.
    pub(crate) fn run(&mut self, all: &mut Vec<Steps>, count: u64) -> Option<Vec<End>> {
        let start = Arc::new(Start { missing: AtomicUsize::new(all.len()) });
        let threads = all.len();
        for (worker, steps) in self.workers.iter().zip(all.drain(..)) {
            let job = Job { steps, count, start: Arc::clone(&start) };
            worker.jobs.as_ref()?.send(job).ok()?;
        }
        let mut done = Vec::new();
        for worker in &self.workers[..threads] {
            let (steps, end) = worker.ends.recv().ok()?;
            all.push(steps);
            done.push(end);
        }
        Some(done)
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        for worker in &mut self.workers {
            worker.jobs = None;
            if let Some(thread) = worker.thread.take() {
                // Its panic has been reported where its answer was missing.
                let _ = thread.join();
            }
        }
    }
}

/// How often the system has put this thread off its core so far; 0 where it does not say.
fn preemptions() -> u64 {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    let mut lines = status.lines();
    let count = lines.find_map(|line| line.strip_prefix("nonvoluntary_ctxt_switches:"));
    count.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}

/// The thread stays on one core, where that can be had.
#[cfg(target_os = "linux")]
fn pin_to(place: usize) {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    let Ok(allowed) = sched_getaffinity(None) else { return };
    let mut cores = (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core));
    if let Some(core) = cores.nth(place) {
        let mut only = CpuSet::new();
        only.set(core);
        // Unpinned it measures as well, with more spread.
        let _ = sched_setaffinity(None, &only);
    }
}

#[cfg(not(target_os = "linux"))]
fn pin_to(_: usize) {}
