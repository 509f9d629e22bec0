//! The report of a difference: the execution that led there as a diagram, and what differs.

use crate::delta;
use crate::diagram::{Diagram, Step};
use crate::probe::{Observation, Position, TraceStep};
use std::collections::BTreeSet;
use std::fmt;

/// Where code and graph first differ.
#[derive(Debug, Clone)]
pub struct Divergence {
    /// What differs, in one line.
    pub summary: String,
    /// For each way the spec could have gone: why the code did not go it.
    pub details: Vec<String>,
    /// The execution that led there.
    pub diagram: Option<Diagram>,
}

/// In what way they differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The code is in a state that the graph does not lead to.
    NoSuchState,
    /// Other threads can do a step.
    Enabled { spec: BTreeSet<usize>, code: BTreeSet<usize> },
    /// The observation does not tell two successors apart.
    Ambiguous,
}

impl Divergence {
    pub(crate) fn new(
        kind: Kind,
        graph: &str,
        threads: &[String],
        positions: &[Position],
        initial: &Observation,
        trace: &[TraceStep],
        candidates: Vec<String>,
    ) -> Self {
        let names = |set: &BTreeSet<usize>| {
            let mut names: Vec<&str> = set.iter().map(|&i| threads[i].as_str()).collect();
            if names.is_empty() {
                names.push("no thread");
            }
            names.join(", ")
        };
        let last = trace.last();
        let step = last.map_or_else(
            || "before the first step".to_owned(),
            |step| format!("after {} of {} ({})", step.label, threads[step.thread], step.location),
        );
        let mut details = candidates;
        let summary = match &kind {
            Kind::NoSuchState if last.is_none() => {
                format!("graph {graph}: the code does not start in the initial state")
            }
            Kind::NoSuchState => {
                if details.is_empty() {
                    details.push("the spec has no step of this thread here".to_owned());
                }
                format!(
                    "graph {graph}: {step}, the code is in a state that the spec does not lead to"
                )
            }
            Kind::Ambiguous => format!(
                "graph {graph}: {step}, the observation does not tell two states of the spec apart; observe the variable in which they differ"
            ),
            Kind::Enabled { spec, code } => {
                for (thread, position) in positions.iter().enumerate() {
                    if let Position::At { label, location, enabled } = position {
                        let can = if *enabled { "can go on" } else { "waits for a lock" };
                        details.push(format!(
                            "{} stands before {label} ({location}) and {can}",
                            threads[thread]
                        ));
                    }
                }
                format!(
                    "graph {graph}: {step}, the spec lets {} go on, the code {}",
                    names(spec),
                    names(code)
                )
            }
        };
        let diagram = (!trace.is_empty()).then(|| race(graph, threads, initial, trace, &summary));
        Self { summary, details, diagram }
    }

    pub(crate) fn blind(graph: &str, runs: u128, paths: u128) -> Self {
        Self {
            summary: format!(
                "graph {graph}: a blind search ran {runs} schedules, the graph has {paths} maximal paths"
            ),
            details: vec![
                "the observation leaves out something on which the code's steps depend".to_owned(),
            ],
            diagram: None,
        }
    }
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
    let columns = threads.iter().enumerate().map(|(i, name)| format!("CPU{i}: {name}")).collect();
    Diagram { title: title.to_owned(), columns, steps, footer: Vec::new() }
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
