//! Counterexamples.

use lockstep::value::Value;

use crate::output::{Message, Output, code};
use crate::place::{Location, Places};
use crate::translate::Place;

/// A counterexample, or the way to a witness.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// The states from an initial one on.
    pub states: Vec<TraceState>,
    /// How it goes on after the last state.
    pub end: TraceEnd,
}

/// One state, and the action that led to it.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceState {
    /// The action; `Init` for the first state. Newer versions of TLC add the parameters: `take(1)`.
    pub action: String,
    /// Where the action is written; none for the first state.
    pub place: Option<Place>,
    /// The variables in the order in which the module declares them.
    pub state: Vec<(String, Value)>,
}

/// How a counterexample goes on after its last state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceEnd {
    /// It is finite: the last state or step is the violation.
    Finite,
    /// It stays in the last state for ever.
    Stuttering,
    /// It returns to this state, an index into the states, and goes round for ever.
    BackTo(usize),
}

impl Trace {
    /// Reads the trace of a run, none if there is none.
    ///
    /// # Errors
    /// A state that cannot be read, with its text.
    pub(crate) fn read(
        output: &Output,
        places: &Places,
        variables: &[String],
    ) -> Result<Option<Self>, String> {
        let mut states = Vec::new();
        for message in output.with_code(code::STATE) {
            states.push(state_message(message, places, variables)?);
        }
        let mut end = TraceEnd::Finite;
        if !output.with_code(code::STUTTERING).is_empty() {
            end = TraceEnd::Stuttering;
        } else if let Some(back) = output.with_code(code::BACK_TO_STATE).last() {
            let to = first_number(&back.text).filter(|n| (1..=states.len()).contains(n));
            let to = to.ok_or_else(|| format!("trace: no such state: {}", back.text.trim()))?;
            end = TraceEnd::BackTo(to - 1);
        }
        if states.is_empty() {
            let initial = [code::INVARIANT_INITIAL, code::PROPERTY_INITIAL];
            let Some(message) = initial.iter().find_map(|c| output.with_code(*c).pop()) else {
                return Ok(None);
            };
            let (_, text) = message.text.split_once('\n').unwrap_or_default();
            let state = assignments(text, variables)?;
            states.push(TraceState { action: "Init".to_owned(), place: None, state });
        }
        Ok(Some(Self { states, end }))
    }
}

/// `2: <check line 41, col 16 to line 46, col 46 of module Latch>` and the state below.
fn state_message(
    message: &Message,
    places: &Places,
    variables: &[String],
) -> Result<TraceState, String> {
    let (head, text) = message.text.split_once('\n').unwrap_or((&message.text, ""));
    let action = head.split_once('<').map_or(head, |(_, rest)| rest);
    let place = Location::find(action).map(|found| places.at(&found));
    let name = action.split(" line ").next().unwrap_or(action).trim().trim_end_matches('>');
    let name = if name == "Initial predicate" { "Init" } else { name };
    Ok(TraceState { action: name.to_owned(), place, state: assignments(text, variables)? })
}

/// `/\ word = 0` per variable, long values on several lines; a single variable has no `/\`.
fn assignments(text: &str, order: &[String]) -> Result<Vec<(String, Value)>, String> {
    let mut parts: Vec<String> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        match (line.strip_prefix("/\\ "), parts.last_mut()) {
            (Some(rest), _) => parts.push(rest.to_owned()),
            (None, None) => parts.push(line.to_owned()),
            (None, Some(last)) => {
                last.push('\n');
                last.push_str(line);
            }
        }
    }
    let mut state = Vec::new();
    for part in parts {
        let read = part.split_once(" =").and_then(|(name, value)| {
            let value = value.trim().parse::<Value>().ok()?;
            Some((name.trim().to_owned(), value))
        });
        state.push(read.ok_or_else(|| format!("trace: this is not a value: {part}"))?);
    }
    let rank = |name: &str| order.iter().position(|known| known == name).unwrap_or(order.len());
    state.sort_by_key(|(name, _)| rank(name));
    Ok(state)
}

fn first_number(text: &str) -> Option<usize> {
    text.split(|c: char| !c.is_ascii_digit()).find(|w| !w.is_empty())?.parse().ok()
}

#[cfg(test)]
mod tests;
