//! What was found, held against what was pinned.

use std::fmt;
use std::path::PathBuf;

use crate::model::{Expect, Model, Question};
use crate::trace::Trace;

/// What TLC found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The search was complete and nothing was violated.
    Holds,
    /// This invariant or property is violated.
    Violated(String),
    /// A state without successor is reached.
    Deadlock,
    /// There is no answer, and this is why.
    Error(String),
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holds => f.write_str("holds"),
            Self::Violated(name) => write!(f, "`{name}` violated"),
            Self::Deadlock => f.write_str("deadlock"),
            Self::Error(why) => write!(f, "error: {why}"),
        }
    }
}

/// The answer to one model.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The model.
    pub name: String,
    /// What was asked.
    pub question: Question,
    /// What had to be found.
    pub expected: Expect,
    /// What was found.
    pub found: Found,
    /// Whether every reachable state was looked at. A search that stopped at a violation was not.
    pub complete: bool,
    /// Distinct states; of a search that is not complete, those seen so far.
    pub distinct: Option<u64>,
    /// Generated states, likewise.
    pub generated: Option<u64>,
    /// Depth of the search, likewise.
    pub depth: Option<u64>,
    /// Edges of the canonical graph.
    pub edges: Option<u64>,
    /// Maximal paths of the graph: a number, `cyclic` or `overflow`.
    pub schedules: Option<String>,
    /// The counterexample, or the way to the witness.
    pub trace: Option<Trace>,
    /// Wall-clock time.
    pub seconds: f64,
    /// TLC's own words.
    pub log: PathBuf,
    /// Every difference from what is pinned.
    pub problems: Vec<String>,
    /// In update mode: what was pinned anew.
    pub pinned: Vec<String>,
    /// In update mode: the numbers to write.
    pub(crate) pins: Pins,
}

impl Outcome {
    /// Whether everything is as pinned.
    pub fn ok(&self) -> bool {
        self.problems.is_empty()
    }

    pub(crate) fn error(model: &Model, log: PathBuf, why: String) -> Self {
        let mut outcome = Self::empty(model, log);
        outcome.found = Found::Error(why.clone());
        outcome.problems.push(why);
        outcome
    }

    pub(crate) fn empty(model: &Model, log: PathBuf) -> Self {
        Self {
            name: model.name.clone(),
            question: model.question,
            expected: model.expect.clone(),
            found: Found::Error("not run".to_owned()),
            complete: false,
            distinct: None,
            generated: None,
            depth: None,
            edges: None,
            schedules: None,
            trace: None,
            seconds: 0.0,
            log,
            problems: Vec::new(),
            pinned: Vec::new(),
            pins: Pins::default(),
        }
    }

    /// Holds what was found against what the model pins. In update mode a number that differs is
    /// one to write; a verdict that differs is a problem all the same.
    pub(crate) fn judge(&mut self, model: &Model, coverage: &[(String, u64)], update: bool) {
        if let Some(problem) = verdict_problem(model, &self.found) {
            self.problems.push(problem);
            return;
        }
        let mut pins = Pins::default();
        if self.found == Found::Holds {
            self.number("distinct states", model.distinct, self.distinct, &mut pins.distinct);
            self.number("generated states", model.generated, self.generated, &mut pins.generated);
            if model.question == Question::Graph {
                self.number("edges", model.edges, self.edges, &mut pins.edges);
                let (pinned, found) = (model.schedules.clone(), self.schedules.clone());
                self.number("schedules", pinned, found, &mut pins.schedules);
            }
            self.problems.extend(dead_problems(model, coverage));
        } else {
            let states = self.trace.as_ref().map(|trace| trace.states.len() as u64);
            self.number("states in the trace", model.trace, states, &mut pins.trace);
        }
        if update {
            self.pins = pins;
        } else {
            self.problems.append(&mut self.pinned);
        }
        self.pinned.retain(|_| update);
    }

    /// Notes a difference in `pinned`; [`Self::judge`] decides whether that is a problem.
    fn number<T: PartialEq + fmt::Display>(
        &mut self,
        what: &str,
        pinned: Option<T>,
        found: Option<T>,
        pin: &mut Option<T>,
    ) {
        let Some(found) = found else {
            self.problems.push(format!("{what}: TLC reports none"));
            return;
        };
        match pinned {
            Some(pinned) if pinned == found => return,
            Some(pinned) => self.pinned.push(format!("{what}: {pinned} expected, {found} found")),
            None => self.pinned.push(format!("{what}: not pinned yet, {found} found")),
        }
        *pin = Some(found);
    }
}

/// Numbers to write into `spec/models.toml`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pins {
    pub(crate) trace: Option<u64>,
    pub(crate) distinct: Option<u64>,
    pub(crate) generated: Option<u64>,
    pub(crate) edges: Option<u64>,
    pub(crate) schedules: Option<String>,
}

fn verdict_problem(model: &Model, found: &Found) -> Option<String> {
    let subject = model.invariants.first().map_or("", String::as_str);
    match (&model.expect, found) {
        (_, Found::Error(why)) => Some(why.clone()),
        (Expect::Holds, Found::Holds) | (Expect::Deadlock, Found::Deadlock) => None,
        (Expect::Violated(wanted), Found::Violated(name)) if wanted == name => None,
        (_, Found::Holds) => Some(match model.question {
            Question::Bait => format!(
                "bait `{subject}` holds: nothing happens in the model; look at its constants and first steps"
            ),
            Question::Witness => {
                format!("witness `{subject}` holds: the state that it denies is never reached")
            }
            _ => format!("{} expected, holds", model.expect),
        }),
        (expected, found) => Some(format!("{expected} expected, {found}")),
    }
}

/// Actions that never fire without the model saying so, and the other way round.
fn dead_problems(model: &Model, coverage: &[(String, u64)]) -> Vec<String> {
    let mut problems = Vec::new();
    for (action, fired) in coverage {
        let excused = model.dead.contains(action);
        if *fired == 0 && !excused {
            problems
                .push(format!("action {action} never fires; if it is not to, list it in `dead`"));
        } else if *fired > 0 && excused {
            problems.push(format!(
                "action {action} fires {fired} times; take it out of `dead`, if it is to fire"
            ));
        }
    }
    for action in &model.dead {
        if !coverage.iter().any(|(known, _)| known == action) {
            problems.push(format!("action {action} is listed as dead but there is no such action"));
        }
    }
    if coverage.is_empty() {
        problems.push("TLC reports no coverage: dead actions cannot be told".to_owned());
    }
    problems
}

#[cfg(test)]
mod tests;
