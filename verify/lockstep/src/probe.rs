//! What the code under test shows of itself: where its threads stand, and the values of the spec's variables.

use crate::value::Value;
use std::collections::BTreeMap;

/// Where a thread stands.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// How many steps had been done when it was recorded.
    pub step: usize,
}

/// The values of the spec's variables, `pc` excepted, as the code has them.
pub type Observation = BTreeMap<String, Value>;

/// The window through which a scheduler of this crate looks at the program that it drives.
///
/// Thread `i` is shuttle's task `i`: the program's main function is thread 0 and spawns the others in order,
/// before its own first step. All methods are called on the system thread that runs shuttle, between steps.
pub trait Probe {
    /// Where each thread stands, by number.
    fn positions(&self) -> Vec<Position>;
    /// The values of the spec's variables now.
    fn observe(&self) -> Observation;
    /// The scheduler lets this thread do the step before which it stands.
    fn choose(&self, thread: usize);
    /// The scheduler ends the execution here, before all threads have finished.
    fn stop(&self);
    /// A digest of the history so far that is the same for every order of independent steps.
    fn class(&self) -> u64;
    /// What was recorded in this execution.
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

/// The threads that have neither finished nor stand before a step must run first: which one, if any.
pub(crate) fn unsettled(
    positions: &[Position],
    runnable: &[&shuttle::scheduler::Task],
    current: Option<shuttle::scheduler::TaskId>,
) -> Option<shuttle::scheduler::TaskId> {
    let between = |id: shuttle::scheduler::TaskId| {
        !matches!(positions.get(usize::from(id)), Some(Position::At { .. }))
    };
    let mut candidates = runnable.iter().map(|task| task.id()).filter(|&id| between(id));
    let first = candidates.next()?;
    let stays = current.filter(|&id| between(id) && runnable.iter().any(|task| task.id() == id));
    Some(stays.unwrap_or(first))
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
