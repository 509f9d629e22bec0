//! The form in which graphs are committed: text, small, and the same bytes for the same graph.
//!
//! ```text
//! lockstep graph 1
//! module Countdown
//! name countdown-from-1
//! variables n pc
//! initial 1
//! states 3
//! edges 3
//!
//! * n=1 pc=[t1 |-> "A", t2 |-> "A"]
//! 0
//!  A n=0 pc.t1="Done"
//!  A n=0 pc.t2="Done"
//! 1
//!  Wait 1
//! ```
//!
//! After the header come the initial states, each on a line that starts with `*`. Then come the
//! edges in canonical order: the number of a state on a line of its own, and below it a line for
//! each of its edges with the action and, in parentheses, the param. Where an edge leads to a state
//! that was written before, the line ends with that state's number. Where it is the first to
//! reach a state, the line ends with what it changes, and the state gets the next number.
//!
//! A change is a place and its new value. A place is a variable, followed by `.field` or
//! `[argument]` for each step into a record or a function; it is written that deep where that is
//! shorter than the whole.

use std::fmt::Write as _;

use crate::delta;
use crate::graph::{Edge, Graph, GraphError, State};
use crate::value::Value;

mod read;

pub use read::read;

/// The first line of every file; the number changes with the format.
const MAGIC: &str = "lockstep graph 1";

/// Why a text is no committed graph.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompactError {
    /// A line is not of the form that it should have.
    #[error("line {line}, column {column}: expected {expected}, found {found}")]
    Syntax {
        /// The line, counted from 1.
        line: usize,
        /// The column in characters, counted from 1.
        column: usize,
        /// What would have been accepted.
        expected: String,
        /// What stood there.
        found: String,
    },
    /// A step changes a place that the state before it does not have.
    #[error("line {line}: the state before the step has no `{place}`")]
    UnknownPlace {
        /// The line of the step.
        line: usize,
        /// The variable and the path into its value.
        place: String,
    },
    /// An initial state lacks a variable.
    #[error("line {line}: the initial state lacks the variable `{variable}`")]
    MissingVariable {
        /// The line of the state.
        line: usize,
        /// The variable.
        variable: String,
    },
    /// A line names a state that no line before it wrote.
    #[error("line {line}: state {node} is not written yet")]
    UnknownState {
        /// The line.
        line: usize,
        /// The number of the state.
        node: usize,
    },
    /// The header counts something else than the file holds.
    #[error("the header says {header} {what}, but there are {found}")]
    Count {
        /// What is counted.
        what: &'static str,
        /// The number in the header.
        header: usize,
        /// The number in the file.
        found: usize,
    },
    /// The states and edges make no graph.
    #[error(transparent)]
    Graph(#[from] GraphError),
}

/// Writes a graph; [`read`] gives back an equal one.
///
/// ```
/// use lockstep::{compact, dot};
///
/// let dump = r#"digraph G {
/// 1 [label="n = 1",style = filled]
/// 1 -> 2 [label="Put"];
/// 2 [label="n = 0"];
/// }"#;
/// let graph = dot::parse("put", "Put", dump)?;
/// let text = compact::write(&graph);
/// assert!(text.ends_with("\n\n* n=1\n0\n Put n=0\n"));
/// assert_eq!(compact::read(&text)?, graph);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write(graph: &Graph) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_header(&mut text, graph);
    let _ = write_body(&mut text, graph);
    text
}

fn write_header(text: &mut String, graph: &Graph) -> std::fmt::Result {
    writeln!(text, "{MAGIC}")?;
    writeln!(text, "module {}", word(graph.module()))?;
    writeln!(text, "name {}", word(graph.name()))?;
    text.push_str("variables");
    for variable in graph.variables() {
        write!(text, " {variable}")?;
    }
    writeln!(text, "\ninitial {}", graph.initial().len())?;
    writeln!(text, "states {}", graph.states().len())?;
    writeln!(text, "edges {}\n", graph.edges().len())
}

fn write_body(text: &mut String, graph: &Graph) -> std::fmt::Result {
    for node in graph.initial() {
        text.push('*');
        for (variable, value) in graph.variables().iter().zip(&graph.states()[*node]) {
            write!(text, " {variable}={value}")?;
        }
        text.push('\n');
    }
    // The states are numbered in the order in which the edges first reach them.
    let mut written = graph.initial().len();
    for (node, state) in graph.states().iter().enumerate() {
        if !graph.successors(node).is_empty() {
            writeln!(text, "{node}")?;
        }
        for edge in graph.successors(node) {
            write_action(text, edge)?;
            if edge.to < written {
                writeln!(text, " {}", edge.to)?;
            } else {
                write_changes(text, graph.variables(), state, &graph.states()[edge.to])?;
                text.push('\n');
                written += 1;
            }
        }
    }
    Ok(())
}

fn write_action(text: &mut String, edge: &Edge) -> std::fmt::Result {
    write!(text, " {}", word(&edge.action))?;
    match &edge.param {
        Some(param) => write!(text, "({})", word(param)),
        None => Ok(()),
    }
}

fn write_changes(
    text: &mut String,
    variables: &[String],
    before: &State,
    after: &State,
) -> std::fmt::Result {
    for (variable, (before, after)) in variables.iter().zip(before.iter().zip(after)) {
        if before == after {
            continue;
        }
        let whole = format!(" {variable}={after}");
        let mut changes = Vec::new();
        delta::collect(variable.clone(), before, after, &mut changes);
        let mut parts = String::new();
        for change in changes {
            write!(parts, " {}={}", change.path, change.after)?;
        }
        text.push_str(if parts.len() < whole.len() { &parts } else { &whole });
    }
    Ok(())
}

/// A text that stands for itself, or else in quotation marks.
fn word(text: &str) -> String {
    if !text.is_empty() && text.chars().all(is_word_char) {
        text.to_owned()
    } else {
        Value::from(text).to_string()
    }
}

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || "_!-./:".contains(c)
}
