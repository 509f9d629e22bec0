//! The report of a difference: the execution that led there as a diagram, and what differs.

use crate::delta;
use crate::diagram::{Diagram, Step};
use crate::probe::{Observation, Position, TraceStep};
use std::fmt;

/// Where code and graph first differ.
#[derive(Debug, Clone)]
pub struct Divergence {
    /// What differs, in one line.
    pub summary: String,
    /// What the code did, what the spec has in its place, and in what they differ, line by line.
    pub details: Vec<String>,
    /// The execution that led there; of the spec, where it is one that the code does not do.
    pub diagram: Option<Diagram>,
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.summary)?;
        for detail in &self.details {
            writeln!(f, "  {detail}")?;
        }
        match &self.diagram {
            Some(diagram) => write!(f, "\n{diagram}"),
            None => Ok(()),
        }
    }
}

/// Where a thread of the code stands, in words.
pub(crate) fn stands(position: Option<&Position>) -> String {
    match position {
        Some(Position::At { label, location, .. }) => format!("before {label} ({location})"),
        Some(Position::Done) => "done".to_owned(),
        Some(Position::Running) | None => "between two steps, where it waits or ended".to_owned(),
    }
}

/// The execution as a race diagram, with what each step changed and the last step marked.
pub fn race(
    title: &str,
    threads: &[String],
    initial: &Observation,
    trace: &[TraceStep],
    fatal: &str,
) -> Diagram {
    let mut before = initial;
    let mut steps: Vec<Step> = Vec::new();
    for step in trace {
        steps.push(Step {
            column: step.thread,
            text: step.label.to_owned(),
            notes: changes(before, &step.after),
            fatal: None,
        });
        before = &step.after;
    }
    if let Some(last) = steps.last_mut() {
        last.fatal = Some(fatal.to_owned());
    }
    Diagram { title: title.to_owned(), columns: columns(threads), steps, footer: Vec::new() }
}

/// A heading for each thread.
pub(crate) fn columns(threads: &[String]) -> Vec<String> {
    threads.iter().enumerate().map(|(i, name)| format!("CPU{i}: {name}")).collect()
}

/// What changed, one note a variable or component.
pub fn changes(before: &Observation, after: &Observation) -> Vec<String> {
    let names: Vec<String> =
        after.keys().filter(|name| before.contains_key(*name)).cloned().collect();
    let values = |of: &Observation| names.iter().map(|name| of[name].clone()).collect::<Vec<_>>();
    delta::changes(&names, &values(before), &values(after))
        .iter()
        .map(ToString::to_string)
        .collect()
}
