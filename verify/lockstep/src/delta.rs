//! What a step changes: the difference of two states, as deep as their shapes agree.

use std::fmt;

use crate::graph::State;
use crate::value::Value;

/// One place of a state that a step changes.
///
/// ```
/// use lockstep::delta::changes;
///
/// let variables = ["count".to_owned(), "pc".to_owned()];
/// let before = vec![1.into(), r#"[closer |-> "C1", getter |-> "G1"]"#.parse()?];
/// let after = vec![0.into(), r#"[closer |-> "C2", getter |-> "G1"]"#.parse()?];
/// let changes: Vec<String> =
///     changes(&variables, &before, &after).iter().map(ToString::to_string).collect();
/// assert_eq!(changes, ["count 1 -> 0", r#"pc.closer "C1" -> "C2""#]);
/// # Ok::<(), lockstep::value::ValueError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The variable, followed by `.field` for each record and `[argument]` for each function or
    /// sequence on the way to the place.
    pub path: String,
    /// The value before the step.
    pub before: Value,
    /// The value after it.
    pub after: Value,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} -> {}", self.path, self.before, self.after)
    }
}

/// The places where two states over the same variables differ, in the order of the variables.
pub fn changes(variables: &[String], before: &State, after: &State) -> Vec<Change> {
    let mut changes = Vec::new();
    for (variable, (before, after)) in variables.iter().zip(before.iter().zip(after)) {
        collect(variable.clone(), before, after, &mut changes);
    }
    changes
}

/// Adds the places below `path` where the two values differ.
pub(crate) fn collect(path: String, before: &Value, after: &Value, changes: &mut Vec<Change>) {
    match (before, after) {
        _ if before == after => {}
        (Value::Record(old), Value::Record(new)) if old.keys().eq(new.keys()) => {
            for ((name, old), new) in old.iter().zip(new.values()) {
                collect(format!("{path}.{name}"), old, new, changes);
            }
        }
        (Value::Function(old), Value::Function(new)) if old.keys().eq(new.keys()) => {
            for ((argument, old), new) in old.iter().zip(new.values()) {
                collect(format!("{path}[{argument}]"), old, new, changes);
            }
        }
        (Value::Seq(old), Value::Seq(new)) if old.len() == new.len() => {
            for (nth, (old, new)) in (1..).zip(old.iter().zip(new)) {
                collect(format!("{path}[{nth}]"), old, new, changes);
            }
        }
        _ => changes.push(Change { path, before: before.clone(), after: after.clone() }),
    }
}
