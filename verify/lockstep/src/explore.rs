//! Every interleaving, once: a depth-first search over schedules that ends a run at a state it has seen.
//!
//! shuttle's own depth-first search has no reduction. This one branches only where every thread stands before a
//! step, and its notion of a state needs no trust in the observation: it is what each thread has read so far (for
//! each of its accesses, the how-manieth access to that object it was: [`Probe::class`]), where it stands, and the
//! observed values, which hold the ghosts. What a thread has read says where it stands, except in code that looks at
//! something without a step. Two orders of independent steps lead to the same state; nothing else does, but for
//! a collision of the probe's 64-bit digests.
//!
//! Each way to a state has the same number of steps, as many as accesses. So the shortest execution that shows
//! something is among those that the search runs.
//!
//! What it does not see: a ghost that is not observed. Where two independent steps come to the same digest and the
//! same observation, one of the two orders is followed no further.

use crate::probe::{Observation, Probe, TraceStep};
use std::collections::{BTreeMap, BTreeSet};

mod search;

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
    /// Whether every interleaving was looked at: false if the limit ended the search, or an execution of more than
    /// [`LONGEST`] steps, which is taken for one without end.
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
pub const DEADLOCK: &str = "NoDeadlock";

/// An execution of more steps ends the search: a loop that waits for another thread has no last execution, and a
/// search that remembers what was read finds no state twice in it.
pub const LONGEST: usize = 10_000;

/// Runs the program under every schedule that the search needs.
///
/// `program` is run once per execution: it builds a new world, which the probe then shows, spawns the threads and
/// does the work of thread 0. At most `limit` executions are run.
///
/// # Panics
/// If the program does, with the execution that led there.
pub fn explore(
    probe: impl Probe + 'static,
    limit: u64,
    program: impl Fn() + Send + Sync + 'static,
) -> Exploration {
    search::run(probe, limit, program)
}
