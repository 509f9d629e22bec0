//! Under shuttle: every interleaving, by a depth-first search that ends an execution at a state it has seen.
//!
//! It branches only where each thread stands before a step. A state is what each thread has read so far (for each
//! access, the how-manieth access to that object it was), where it stands, and what the model watches. Two orders of
//! independent steps lead to the same state; nothing else does, but for a collision of 64-bit digests.

use super::explored::{Explored, Extent};
use super::play::{Book, Cast, collect, ended, play};
use super::{Options, panics};
use crate::sync::model;
use core::cell::RefCell;
use shuttle::scheduler::{PctScheduler, RandomScheduler, Schedule, Scheduler, Task, TaskId};
use std::collections::HashSet;
use std::prelude::v1::*;
use std::sync::Arc;
use std::thread_local;

/// An execution of more steps ends the search: a loop that waits for another thread has no last execution.
const LONGEST: usize = 10_000;
/// A thread that is scheduled so often without coming to a step is taken to spin.
const SPINS: u32 = 1_000_000;

/// How many changes of threads a PCT schedule has.
const DEPTH: usize = 3;

type Watch = Box<dyn Fn() -> u64>;

thread_local! {
    static WATCH: RefCell<Option<Watch>> = const { RefCell::new(None) };
}

pub(super) fn explore<W: Send + Sync + 'static>(
    cast: &Arc<Cast<W>>,
    options: &Options,
    explored: &mut Explored,
) {
    let book = Book::new("state-cached");
    let search = Search {
        book: book.clone(),
        limit: options.limit,
        phase: Phase::Searching,
        levels: Vec::new(),
        depth: 0,
        spins: 0,
        seen: HashSet::new(),
    };
    run(search, cast, &book);
    let all = book.notes().cut_off.is_none();
    book.close(Extent::Complete, explored);
    if !all {
        // What the one misses the other finds: random schedules change threads too often for a long detour of one.
        let schedules = usize::try_from(options.rounds).unwrap_or(usize::MAX);
        let book = Book::new("random");
        run(RandomScheduler::new_from_seed(options.seed, schedules), cast, &book);
        book.close(Extent::Sample, explored);
        let book = Book::new("pct");
        run(PctScheduler::new_from_seed(options.seed, DEPTH, schedules), cast, &book);
        book.close(Extent::Sample, explored);
    }
}

fn run<W: Send + Sync + 'static>(
    scheduler: impl Scheduler + 'static,
    cast: &Arc<Cast<W>>,
    book: &Book,
) {
    let mut config = shuttle::Config::new();
    config.silence_warnings = true;
    config.failure_persistence = shuttle::FailurePersistence::None;
    config.max_steps = shuttle::MaxSteps::FailAfter(100 * LONGEST);
    let (cast, playing) = (Arc::clone(cast), book.clone());
    panics::noted(book, || {
        shuttle::Runner::new(scheduler, config).run(move || {
            let set = |scene: &Arc<super::play::Scene<W>>| {
                let (cast, scene) = (Arc::clone(&cast), Arc::downgrade(scene));
                let watch = move || scene.upgrade().map_or(0, |scene| (cast.watch)(&scene.world));
                WATCH.set(Some(Box::new(watch)));
            };
            // A dropped handle would detach the thread, and detached threads may be cut short.
            play(&cast, &playing, set, |f| std::mem::forget(shuttle::thread::spawn(f)));
        });
    });
    WATCH.set(None);
    model::stop();
}

/// Why shuttle gives up, if that is what it says.
pub(super) fn limit(said: &str) -> Option<String> {
    let gave_up = said.contains("exceeded max_steps");
    gave_up.then(|| "an execution without end: a thread waits in a loop".to_owned())
}

pub(super) fn property(said: &str) -> &'static str {
    if said.starts_with("deadlock") { "Deadlock" } else { "NoPanic" }
}

enum Phase {
    /// Looking for what was not seen.
    Searching,
    /// Done with: the threads are let run to their end, for shuttle frees nothing that a thread holds which it
    /// does not run to its end.
    Draining,
}

/// The choices at one depth, and which of them is being followed.
struct Level {
    choices: Vec<usize>,
    at: usize,
}

struct Search {
    book: Book,
    limit: u64,
    phase: Phase,
    levels: Vec<Level>,
    /// How many steps this execution has done.
    depth: usize,
    spins: u32,
    seen: HashSet<(u64, u64)>,
}

#[derive(Clone, Copy, PartialEq)]
enum Stands {
    Elsewhere,
    Enabled,
    Blocked,
}

impl Scheduler for Search {
    fn new_execution(&mut self) -> Option<Schedule> {
        let executions = self.book.notes().executions;
        model::stop();
        if executions > 0 && !self.backtrack() {
            return None;
        }
        if self.book.notes().cut_off.is_some() {
            return None;
        }
        if executions >= self.limit {
            self.cut_off(format!("more than {} executions; raise `limit`", self.limit));
            return None;
        }
        self.phase = Phase::Searching;
        self.depth = 0;
        self.spins = 0;
        Some(Schedule::new(0))
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        yields: bool,
    ) -> Option<TaskId> {
        let stands = stands();
        if let Some(task) = unsettled(&stands, runnable, current, yields) {
            self.spins += 1;
            assert!(
                self.spins <= SPINS,
                "thread {task:?} goes on and on without an access to anything of graceref::sync"
            );
            return Some(task);
        }
        self.spins = 0;
        let choices: Vec<usize> =
            (0..stands.len()).filter(|&i| stands[i] == Stands::Enabled).collect();
        let Some(thread) = self.pick(&choices) else {
            model::stop();
            return None;
        };
        self.depth += 1;
        model::choose(thread);
        Some(TaskId::from(thread))
    }

    fn next_u64(&mut self) -> u64 {
        0
    }
}

impl Search {
    fn cut_off(&self, why: String) {
        self.book.notes().cut_off.get_or_insert(why);
    }

    /// Moves on to the next path; false when there is none.
    fn backtrack(&mut self) -> bool {
        while let Some(level) = self.levels.last_mut() {
            level.at += 1;
            if level.at < level.choices.len() {
                return true;
            }
            self.levels.pop();
        }
        false
    }

    /// The thread to move; `None` to end the execution where it is.
    fn pick(&mut self, choices: &[usize]) -> Option<usize> {
        if choices.is_empty() {
            collect(&self.book);
            ended(&self.book, "Deadlock", "no thread can do its next step".to_owned());
            return None;
        }
        if matches!(self.phase, Phase::Searching) {
            if let Some(thread) = self.search(choices) {
                return Some(thread);
            }
            self.phase = Phase::Draining;
        }
        if self.depth > 2 * LONGEST {
            collect(&self.book);
            return None;
        }
        // In turn, so that a thread that waits for another in a loop comes to its end as well.
        Some(choices[self.depth % choices.len()])
    }

    /// The thread to move in search of what was not seen; `None` where all has been.
    fn search(&mut self, choices: &[usize]) -> Option<usize> {
        // A replayed prefix is not looked up: its states are this very path.
        if self.depth == self.levels.len() {
            let watched = WATCH.with_borrow(|watch| watch.as_ref().map_or(0, |watch| watch()));
            if !self.seen.insert((model::class(), model::mix(watched, ahead()))) {
                return None;
            }
            if self.depth >= LONGEST {
                self.cut_off(format!("an execution of {LONGEST} steps: a thread waits in a loop"));
                return None;
            }
            self.levels.push(Level { choices: choices.to_vec(), at: 0 });
        }
        let level = &self.levels[self.depth];
        Some(level.choices[level.at])
    }
}

/// A digest of the steps before which the threads stand.
///
/// What a thread has read says which that is, except where code looks at a word outside the model: once a pointer
/// that is set once has been set, reading it is no step.
fn ahead() -> u64 {
    let line = |pending: &model::Pending| {
        let place = pending.location;
        let file = core::ptr::from_ref(place.file()).addr() as u64;
        model::mix(file, u64::from(place.line()) << 32 | u64::from(place.column()))
    };
    let ahead = |role: &model::Role| role.pending.as_ref().map_or(0, line);
    model::roles(|roles| roles.iter().fold(0, |digest, role| model::mix(digest, ahead(role))))
}

fn stands() -> Vec<Stands> {
    let stands = |role: &model::Role| match &role.pending {
        Some(pending) if pending.enabled() => Stands::Enabled,
        Some(_) => Stands::Blocked,
        None => Stands::Elsewhere,
    };
    model::roles(|roles| roles.iter().map(stands).collect())
}

/// A thread that is between two steps runs first, until it stands before the next or has ended: which one, if any.
///
/// The current one goes on as long as it can, unless it yields: then it waits for what another has to do first.
fn unsettled(
    stands: &[Stands],
    runnable: &[&Task],
    current: Option<TaskId>,
    yields: bool,
) -> Option<TaskId> {
    let between =
        |id: &TaskId| stands.get(usize::from(*id)).is_none_or(|&s| s == Stands::Elsewhere);
    let candidates = || runnable.iter().map(|task| task.id()).filter(between);
    let first = candidates().next()?;
    let Some(current) = current else { return Some(first) };
    if yields {
        return Some(candidates().find(|&id| id > current).unwrap_or(first));
    }
    Some(candidates().find(|&id| id == current).unwrap_or(first))
}
