//! What a run of TLC comes to: by the messages, checked against the exit code.

use crate::model::Model;
use crate::outcome::Found;
use crate::output::{Output, code};
use crate::place::Places;
use crate::process::Said;

/// The verdict: by the messages, checked against the exit code.
pub(crate) fn found(model: &Model, places: &Places, output: &Output, said: &Said) -> Found {
    let Some(exit) = said.exit else {
        return Found::Error("TLC was killed before it was done".to_owned());
    };
    // An error beside a violation wins: the violation may be its consequence.
    if let Some(why) = places.explain(output) {
        return Found::Error(why);
    }
    let violation = output
        .messages
        .iter()
        .find_map(|message| Some((message, code::exit_of_violation(message.code)?)));
    let (verdict, expected_exit) = match violation {
        Some((message, exit)) if message.code == code::DEADLOCK => (Found::Deadlock, exit),
        Some((message, exit)) => (Found::Violated(subject(model, &message.text)), exit),
        None => {
            let left = output.counts().map(|counts| counts.left);
            let done = !output.with_code(code::SUCCESS).is_empty() && left == Some(0);
            if !done || output.cut_off {
                return Found::Error(unfinished(left, exit, said));
            }
            (Found::Holds, 0)
        }
    };
    if exit == expected_exit {
        verdict
    } else {
        Found::Error(format!("TLC says: {verdict}, but its exit code {exit} says otherwise"))
    }
}

fn unfinished(left: Option<u64>, exit: i32, said: &Said) -> String {
    let how = match left {
        Some(left) if left > 0 => format!("{left} states were left"),
        _ => format!("exit code {exit}"),
    };
    let words = said.errors.lines().rfind(|line| !line.trim().is_empty());
    let words = words.map(|line| format!(": {}", line.trim())).unwrap_or_default();
    format!("TLC stopped before the search was complete ({how}){words}")
}

/// Which invariant or property a message is about. TLC names invariants; of a property it may name
/// nothing, a part, or a position, but a violated model has one property only.
fn subject(model: &Model, text: &str) -> String {
    let words = || {
        text.lines()
            .next()
            .unwrap_or_default()
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
    };
    let all = || model.invariants.iter().chain(&model.properties);
    let named = all().find(|name| words().any(|word| word == *name));
    named.cloned().unwrap_or_else(|| all().map(String::as_str).collect::<Vec<_>>().join(" or "))
}

#[cfg(test)]
mod tests;
