//! What the code under test shows of itself: where its threads stand, and the values of the spec's variables.

use crate::value::Value;
use shuttle::scheduler::{Task, TaskId};
use std::collections::BTreeMap;

/// Where a thread stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Position {
    /// Between two steps, or not yet started.
    Running,
    /// Right before a step.
    At {
        /// The step's label, as in the spec.
        label: &'static str,
        /// Whether the step can be done now; false before a lock that somebody holds.
        enabled: bool,
        /// The line of code.
        location: String,
    },
    /// Finished.
    Done,
}

/// Something that the code recorded about itself during an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The property that broke, or the behaviour that was seen.
    pub name: String,
    /// Whether it is a violation.
    pub violation: bool,
    /// How many steps had been done when it was recorded, the one in progress included.
    pub step: usize,
}

/// The values of the spec's variables, `pc` excepted, as the code has them.
pub type Observation = BTreeMap<String, Value>;

/// The window through which a scheduler of this crate looks at the program that it drives.
///
/// Thread `i` is shuttle's task `i`: the program's main function is thread 0 and spawns the others in order,
/// before its own first step. Each step begins with one operation of shuttle's, which gives the scheduler its turn,
/// and goes on up to the next; where it begins, the thread enters its [`Position::At`]. Further tasks are helpers:
/// they run as soon as they can, and nobody looks at them.
///
/// All methods are called on the system thread that runs shuttle, between steps, and once more after the last, when
/// the program's threads are gone. So what they show is kept in thread-local tables and plain fields, never read
/// with an operation of shuttle's.
pub trait Probe {
    /// Where each thread stands, by number. Before the program has begun there may be none.
    ///
    /// A thread that has done its last step is [`Position::Done`], even where it then waits for others.
    fn positions(&self) -> Vec<Position>;
    /// The values of the spec's variables now.
    fn observe(&self) -> Observation;
    /// The scheduler lets this thread do the step before which it stands; it is between two steps from here on.
    fn choose(&self, thread: usize);
    /// The execution is over: its threads have finished or are never scheduled again. Called once per execution.
    fn stop(&self);
    /// A digest of the history so far that is the same for every order of independent steps, and for nothing else:
    /// for each thread in turn, which objects it accessed and the how-manieth access to each that was. For
    /// [`explore`](crate::explore) only.
    fn class(&self) -> u64;
    /// What was recorded in this execution so far, in order. For [`explore`](crate::explore) only.
    fn events(&self) -> Vec<Event>;
    /// The names of the threads, by number; those of the spec's processes.
    fn threads(&self) -> Vec<String>;
}

/// A step as it was done: which thread, its label, and the values afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceStep {
    /// The thread's number.
    pub thread: usize,
    /// The step's label.
    pub label: &'static str,
    /// The line of code.
    pub location: String,
    /// The values of the spec's variables after the step.
    pub after: Observation,
}

/// A thread that is scheduled so often without coming to a step is taken to spin.
pub(crate) const SPINS: u32 = 1_000_000;

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a value that is no text")
}

/// A thread that is between two steps runs first, until it stands before the next or has ended: which one, if any.
///
/// The current one goes on as long as it can, unless it yields: then it waits for what another has to do first.
pub(crate) fn unsettled(
    positions: &[Position],
    runnable: &[&Task],
    current: Option<TaskId>,
    yields: bool,
) -> Option<TaskId> {
    let between =
        |id: &TaskId| !matches!(positions.get(usize::from(*id)), Some(Position::At { .. }));
    let candidates = || runnable.iter().map(|task| task.id()).filter(between);
    let first = candidates().next()?;
    let Some(current) = current else { return Some(first) };
    if yields {
        return Some(candidates().find(|&id| id > current).unwrap_or(first));
    }
    Some(candidates().find(|&id| id == current).unwrap_or(first))
}

/// The threads whose next step can be done now, in order.
pub(crate) fn enabled(positions: &[Position]) -> Vec<usize> {
    let can = |p: &Position| matches!(p, Position::At { enabled: true, .. });
    (0..positions.len()).filter(|&i| can(&positions[i])).collect()
}

/// The configuration under which this crate runs shuttle: silent, and no limit but the scheduler's.
pub(crate) fn config() -> shuttle::Config {
    let mut config = shuttle::Config::new();
    config.silence_warnings = true;
    config.failure_persistence = shuttle::FailurePersistence::None;
    config.max_steps = shuttle::MaxSteps::None;
    config
}
