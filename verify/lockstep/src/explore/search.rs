//! The scheduler that looks at every interleaving.

use super::{DEADLOCK, Exploration, Finding, LONGEST};
use crate::divergence::race;
use crate::drive::{Driver, Levels, drive};
use crate::probe::{Event, Observation, Position, Probe, SPINS, TraceStep, enabled, unsettled};
use shuttle::scheduler::{Task, TaskId};
use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

/// What an execution is for, and how far it is.
enum Phase {
    /// Before the first.
    New,
    /// Looking for what was not seen.
    Searching,
    /// Done with: the threads are let run to their end, for shuttle frees nothing that a thread holds which it
    /// does not run to its end.
    Draining,
    /// Over.
    Over,
}

struct Search<P> {
    probe: P,
    limit: u64,
    phase: Phase,
    levels: Levels,
    /// How many steps this execution has done.
    depth: usize,
    spins: u32,
    seen: HashSet<u128>,
    trace: Vec<TraceStep>,
    initial: Observation,
    stepping: Option<(usize, &'static str, String)>,
    /// How many events had been recorded when the threads last stood still.
    events: usize,
    result: Exploration,
}

pub(super) fn run<P: Probe + 'static>(
    probe: P,
    limit: u64,
    program: impl Fn() + Send + Sync + 'static,
) -> Exploration {
    let search = Search {
        probe,
        limit,
        phase: Phase::New,
        levels: Levels::default(),
        depth: 0,
        spins: 0,
        seen: HashSet::new(),
        trace: Vec::new(),
        initial: Observation::new(),
        stepping: None,
        events: 0,
        result: Exploration { complete: true, ..Exploration::default() },
    };
    drive(search, program, |search| {
        search.result.states = search.seen.len() as u64;
        std::mem::take(&mut search.result)
    })
}

impl<P: Probe> Driver for Search<P> {
    fn begin(&mut self) -> bool {
        let first = matches!(self.phase, Phase::New);
        if !self.result.complete || !(first || self.levels.backtrack()) {
            return false;
        }
        if self.result.executions >= self.limit {
            self.result.complete = false;
            return false;
        }
        self.result.executions += 1;
        self.phase = Phase::Searching;
        self.depth = 0;
        self.spins = 0;
        self.events = 0;
        self.trace.clear();
        self.stepping = None;
        true
    }

    fn decide(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        yields: bool,
    ) -> Option<TaskId> {
        let positions = self.probe.positions();
        if let Some(task) = unsettled(&positions, runnable, current, yields) {
            self.spins += 1;
            assert!(self.spins <= SPINS, "task {task:?} goes on and on without a labelled step");
            return Some(task);
        }
        self.spins = 0;
        let choices = enabled(&positions);
        let thread = self.pick(&choices);
        let Some(thread) = thread else {
            self.phase = Phase::Over;
            self.probe.stop();
            return None;
        };
        assert!(
            runnable.iter().any(|task| usize::from(task.id()) == thread),
            "thread {thread} can do its step by the probe, but shuttle has it waiting"
        );
        if let Position::At { label, location, .. } = &positions[thread] {
            self.stepping = Some((thread, label, location.clone()));
        }
        self.depth += 1;
        self.probe.choose(thread);
        Some(TaskId::from(thread))
    }

    /// After an execution that ran to its end.
    fn finish(&mut self) {
        match self.phase {
            Phase::New | Phase::Over => return,
            Phase::Searching => {
                let now = self.book();
                self.arrive(&now, false);
                self.result.classes.insert(self.probe.class());
            }
            Phase::Draining => {}
        }
        self.phase = Phase::Over;
        self.probe.stop();
    }

    fn panicked(&mut self, text: &str) {
        if let Some((thread, label, location)) = self.stepping.take() {
            let after = self.trace.last().map_or(&self.initial, |step| &step.after).clone();
            self.trace.push(TraceStep { thread, label, location, after });
        }
        let threads = self.probe.threads();
        panic!("{}", race(text, &threads, &self.initial, &self.trace, "panic"));
    }
}

impl<P: Probe> Search<P> {
    /// The thread to move; `None` to end the execution where it is.
    fn pick(&mut self, choices: &[usize]) -> Option<usize> {
        if matches!(self.phase, Phase::Searching) {
            if let Some(thread) = self.search(choices) {
                return Some(thread);
            }
            self.phase = Phase::Draining;
        }
        // In turn, so that a thread that waits for another in a loop comes to its end as well.
        if choices.is_empty() || self.depth > 2 * LONGEST {
            return None;
        }
        Some(choices[self.depth % choices.len()])
    }

    /// The thread to move in search of what was not seen; `None` where all has been.
    fn search(&mut self, choices: &[usize]) -> Option<usize> {
        let now = self.book();
        if self.levels.end_at(self.depth) {
            // A replayed prefix is not looked up: its states are this very path.
            let new = self.arrive(&now, choices.is_empty());
            if !new || choices.is_empty() {
                return None;
            }
            if self.depth >= LONGEST {
                self.result.complete = false;
                return None;
            }
            self.result.edges += choices.len() as u64;
            self.levels.push(choices.to_vec());
        } else {
            self.events = self.probe.events().len();
        }
        Some(self.levels.choice(self.depth))
    }

    /// Notes the step that has just been done, and returns what the code shows now.
    fn book(&mut self) -> Observation {
        let now = self.probe.observe();
        match self.stepping.take() {
            Some((thread, label, location)) => {
                self.trace.push(TraceStep { thread, label, location, after: now.clone() });
            }
            None => self.initial.clone_from(&now),
        }
        now
    }

    /// Enters the state and what was recorded on the way to it; returns whether it is new.
    fn arrive(&mut self, now: &Observation, deadlock: bool) -> bool {
        let mut events = self.probe.events();
        let known = self.events.min(events.len());
        for event in events.drain(known..) {
            self.find(event);
        }
        if deadlock {
            let step = self.depth;
            self.find(Event { name: DEADLOCK.to_owned(), violation: true, step });
        }
        self.seen.insert(self.key(now))
    }

    fn find(&mut self, event: Event) {
        let known = self.result.found.get(&event.name);
        if known.is_none_or(|known| self.trace.len() < known.trace.len()) {
            let finding = Finding {
                violation: event.violation || known.is_some_and(|known| known.violation),
                trace: self.trace.clone(),
                initial: self.initial.clone(),
            };
            self.result.found.insert(event.name, finding);
        }
    }

    fn key(&self, now: &Observation) -> u128 {
        let (class, positions) = (self.probe.class(), self.probe.positions());
        let digest = |salt: u64| {
            let mut hasher = DefaultHasher::new();
            (salt, class, now, &positions).hash(&mut hasher);
            u128::from(hasher.finish())
        };
        digest(0) << 64 | digest(1)
    }
}
