//! Every interleaving, once: a depth-first search over schedules that ends a run at a state it has seen.
//!
//! shuttle's own depth-first search has no reduction. This one branches only where every thread stands before a
//! step, and its notion of a state needs no trust in the observation: it is what each thread has read so far (for
//! each of its accesses, the how-manieth access to that object it was), together with the observed values, which
//! hold the ghosts. Two orders of independent steps lead to the same state; nothing else does, but for a collision
//! of 128-bit digests.

use crate::probe::{Event, Observation, Position, Probe, TraceStep, config, enabled, unsettled};
use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};
use std::cell::RefCell;
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{Hash, Hasher};
use std::rc::Rc;

/// What an exploration found.
#[derive(Debug, Clone, Default)]
pub struct Exploration {
    /// How many executions it took, the pruned ones included.
    pub executions: u64,
    /// Distinct states.
    pub states: u64,
    /// Steps from a state, each taken once.
    pub edges: u64,
    /// The complete executions up to the order of independent steps.
    pub classes: BTreeSet<u64>,
    /// For each property that broke or behaviour that was seen, the shortest execution that shows it.
    pub found: BTreeMap<String, Finding>,
    /// False if the limit on executions ended the search.
    pub complete: bool,
}

/// A property that broke or a behaviour that was seen, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whether it is a violation.
    pub violation: bool,
    /// The steps up to it; its own is the last.
    pub trace: Vec<TraceStep>,
    /// The values before the first step.
    pub initial: Observation,
}

/// The property that breaks when no thread can do its next step and not all have finished.
pub const DEADLOCK: &str = "Deadlock";

struct Level {
    choices: Vec<usize>,
    at: usize,
}

struct State<P> {
    probe: P,
    limit: u64,
    levels: Vec<Level>,
    depth: usize,
    seen: HashSet<u128>,
    trace: Vec<TraceStep>,
    initial: Observation,
    stepping: Option<(usize, &'static str, String)>,
    deadlocked: bool,
    stopped: bool,
    started: bool,
    result: Exploration,
}

/// Runs the program under every schedule that the search needs. The first execution's `program` builds the world
/// that the probe shows; so does each further one.
pub fn explore(
    probe: impl Probe + 'static,
    limit: u64,
    program: impl Fn() + Send + Sync + 'static,
) -> Exploration {
    let state = Rc::new(RefCell::new(State {
        probe,
        limit,
        levels: Vec::new(),
        depth: 0,
        seen: HashSet::new(),
        trace: Vec::new(),
        initial: Observation::new(),
        stepping: None,
        deadlocked: false,
        stopped: false,
        started: false,
        result: Exploration { complete: true, ..Exploration::default() },
    }));
    shuttle::Runner::new(Cached(Rc::clone(&state)), config()).run(program);
    let mut state = state.borrow_mut();
    std::mem::take(&mut state.result)
}

struct Cached<P>(Rc<RefCell<State<P>>>);

impl<P: Probe> Scheduler for Cached<P> {
    fn new_execution(&mut self) -> Option<Schedule> {
        let mut state = self.0.borrow_mut();
        if state.started {
            state.finish();
            if !state.backtrack() {
                return None;
            }
            if state.result.executions >= state.limit {
                state.result.complete = false;
                return None;
            }
        }
        state.begin();
        Some(Schedule::new(0))
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        _is_yielding: bool,
    ) -> Option<TaskId> {
        self.0.borrow_mut().decide(runnable, current)
    }

    fn next_u64(&mut self) -> u64 {
        0
    }
}

impl<P: Probe> State<P> {
    fn begin(&mut self) {
        self.started = true;
        self.stopped = false;
        self.deadlocked = false;
        self.depth = 0;
        self.trace.clear();
        self.initial.clear();
        self.stepping = None;
        self.result.executions += 1;
    }

    fn decide(&mut self, runnable: &[&Task], current: Option<TaskId>) -> Option<TaskId> {
        let positions = self.probe.positions();
        if let Some(task) = unsettled(&positions, runnable, current) {
            return Some(task);
        }
        let choices = enabled(&positions);
        if choices.is_empty() {
            self.deadlocked = true;
            return self.cut();
        }
        let now = self.settle();
        if self.depth == self.levels.len() {
            // A replayed prefix is not looked up: its states are this very path.
            if !self.seen.insert(self.key(&now)) {
                return self.cut();
            }
            self.result.states += 1;
            self.result.edges += choices.len() as u64;
            self.levels.push(Level { choices, at: 0 });
        }
        let level = &self.levels[self.depth];
        let thread = level.choices[level.at];
        self.depth += 1;
        if let Position::At { label, location, .. } = &positions[thread] {
            self.stepping = Some((thread, label, location.clone()));
        }
        self.probe.choose(thread);
        Some(TaskId::from(thread))
    }

    /// Books the step that has just been done.
    fn settle(&mut self) -> Observation {
        let now = self.probe.observe();
        match self.stepping.take() {
            Some((thread, label, location)) => {
                self.trace.push(TraceStep { thread, label, location, after: now.clone() });
            }
            None => self.initial.clone_from(&now),
        }
        now
    }

    fn key(&self, now: &Observation) -> u128 {
        let digest = |salt: u64| {
            let mut hasher = DefaultHasher::new();
            (salt, self.probe.class(), now).hash(&mut hasher);
            u128::from(hasher.finish())
        };
        digest(0) << 64 | digest(1)
    }

    /// Ends this execution.
    fn cut(&mut self) -> Option<TaskId> {
        self.settle();
        self.stopped = true;
        self.collect();
        self.probe.stop();
        None
    }

    /// After an execution that ran to its end.
    fn finish(&mut self) {
        if self.stopped {
            return;
        }
        let now = self.settle();
        if self.seen.insert(self.key(&now)) {
            self.result.states += 1;
        }
        self.result.classes.insert(self.probe.class());
        self.collect();
        self.probe.stop();
    }

    fn collect(&mut self) {
        let mut events = self.probe.events();
        if self.deadlocked {
            let step = self.trace.len();
            events.push(Event { name: DEADLOCK.to_owned(), violation: true, step });
        }
        for event in events {
            let trace = &self.trace[..event.step.min(self.trace.len())];
            let known = self.result.found.get(&event.name);
            if known.is_none_or(|known| trace.len() < known.trace.len()) {
                let finding = Finding {
                    violation: event.violation,
                    trace: trace.to_vec(),
                    initial: self.initial.clone(),
                };
                self.result.found.insert(event.name, finding);
            }
        }
    }

    /// Moves on to the next schedule; false when there is none.
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
}
