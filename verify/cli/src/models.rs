//! The spec's models as `cargo verify` sees them: the part of the `tlc` library that it uses.

use crate::failure::Failure;
use crate::number::{count, time};
use crate::progress::Progress;
use crate::root::Root;
use lockstep::value::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

/// The models of spec/models.toml, and TLC if something is to be run.
pub(crate) struct Models {
    root: PathBuf,
    listed: Vec<tlc::Model>,
    tools: Option<tlc::Tools>,
}

/// What TLC found about a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ModelFound {
    Holds,
    /// This invariant or property is violated; for a witness, the one that denies it.
    Violated(String),
    /// There is no answer; the problems say why.
    Error,
}

impl fmt::Display for ModelFound {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ModelFound::Holds => out.write_str("holds"),
            ModelFound::Violated(name) => write!(out, "violated ({name})"),
            ModelFound::Error => out.write_str("error"),
        }
    }
}

/// The answer to a model.
#[derive(Debug, Clone)]
pub(crate) struct ModelReport {
    pub(crate) name: String,
    pub(crate) question: String,
    pub(crate) expected: String,
    pub(crate) found: ModelFound,
    pub(crate) distinct: Option<u64>,
    pub(crate) generated: Option<u64>,
    pub(crate) edges: Option<u64>,
    pub(crate) schedules: Option<String>,
    pub(crate) seconds: f64,
    /// Every difference from what spec/models.toml says.
    pub(crate) problems: Vec<String>,
    /// What was written to spec/models.toml.
    pub(crate) pinned: Vec<String>,
    /// The module that it is a configuration of.
    pub(crate) module: String,
    pub(crate) trace: Option<SpecTrace>,
}

/// A counterexample, or the way to a witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SpecTrace {
    pub(crate) states: Vec<SpecState>,
    pub(crate) end: tlc::TraceEnd,
}

/// A state of a counterexample, and the action that led to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SpecState {
    pub(crate) action: String,
    /// Where each process is: the variable `pc`.
    pub(crate) pc: Vec<(String, String)>,
    /// Every other variable, those of functions and records taken apart: `active[in]`, `file.count`.
    pub(crate) variables: Vec<(String, String)>,
}

/// The property that a state without successor breaks, as the engines call it.
pub(crate) const NO_DEADLOCK: &str = "NoDeadlock";

impl Models {
    /// Reads spec/models.toml.
    pub(crate) fn load(root: &Root) -> Result<Models, Failure> {
        let listed = tlc::load(root.dir()).map_err(|error| Failure::Described(Box::new(error)))?;
        Ok(Models { root: root.dir().to_owned(), listed, tools: None })
    }

    /// Finds Java and the jar: needed before [`Models::run`].
    pub(crate) fn find_tools(&mut self) -> Result<(), Failure> {
        let tools = tlc::Tools::find(&self.root).map_err(|error| {
            let next = "run ci/setup, which brings Java and TLC; lockstep, shuttle, loom and threads \
                        need neither";
            Failure::new(error.to_string(), next)
        })?;
        self.tools = Some(tools);
        Ok(())
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.listed.iter().map(|model| model.name.as_str())
    }

    /// The properties that hold in some model and are violated in none.
    pub(crate) fn unbroken(&self) -> Vec<tlc::Problem> {
        tlc::unbroken(&self.listed)
    }

    /// What the register is checked against.
    pub(crate) fn known(&self) -> BTreeMap<String, claims::Model> {
        let known = |model: &tlc::Model| {
            let mut checks = model.invariants.clone();
            checks.extend(model.properties.iter().cloned());
            if model.question.checks_deadlock() {
                checks.push(NO_DEADLOCK.to_owned());
            }
            let known = claims::Model {
                module_file: format!("{}.tla", model.module),
                checks,
                witness: model.question == tlc::Question::Witness,
            };
            (model.name.clone(), known)
        };
        self.listed.iter().map(known).collect()
    }

    /// Runs TLC on the models named, and writes what it finds into spec/models.toml if asked to. One
    /// call for all of them: each module is translated once.
    pub(crate) fn run(
        &self,
        names: &BTreeSet<&str>,
        update: bool,
        progress: &Progress,
    ) -> Vec<ModelReport> {
        let chosen = self.listed.iter().filter(|model| names.contains(&*model.name));
        let chosen: Vec<tlc::Model> = chosen.cloned().collect();
        let Some(tools) = &self.tools else {
            return Vec::new();
        };
        let watch = |event: tlc::Event<'_>| match event {
            tlc::Event::Started { name } => progress.start(&piece(name)),
            tlc::Event::Finished(outcome) => {
                let states = outcome.distinct.map_or("?".to_owned(), count);
                let said = format!("{}, {states} states, {}", outcome.found, time(outcome.seconds));
                progress.finish(&piece(&outcome.name), &said);
            }
            tlc::Event::Translating { .. } | tlc::Event::Progress { .. } => {}
        };
        let mut options = tlc::Options::new(&self.root, &watch);
        options.update = update;
        let mut reports: Vec<ModelReport> =
            tlc::run(&chosen, tools, &options).into_iter().map(ModelReport::from).collect();
        for report in &mut reports {
            let model = chosen.iter().find(|model| model.name == report.name);
            report.module = model.map(|model| model.module.clone()).unwrap_or_default();
        }
        reports
    }
}

fn piece(model: &str) -> String {
    format!("tlc {model}")
}

impl From<tlc::Outcome> for ModelReport {
    fn from(outcome: tlc::Outcome) -> ModelReport {
        ModelReport {
            found: match outcome.found {
                tlc::Found::Holds => ModelFound::Holds,
                tlc::Found::Violated(name) => ModelFound::Violated(name),
                tlc::Found::Deadlock => ModelFound::Violated(NO_DEADLOCK.to_owned()),
                tlc::Found::Error(_) => ModelFound::Error,
            },
            question: outcome.question.to_string(),
            expected: match outcome.expected {
                tlc::Expect::Holds => "holds".to_owned(),
                tlc::Expect::Violated(name) => format!("violated ({name})"),
                tlc::Expect::Deadlock => format!("violated ({NO_DEADLOCK})"),
            },
            name: outcome.name,
            distinct: outcome.distinct,
            generated: outcome.generated,
            edges: outcome.edges,
            schedules: outcome.schedules,
            seconds: outcome.seconds,
            problems: outcome.problems,
            pinned: outcome.pinned,
            module: String::new(),
            trace: outcome.trace.map(|trace| SpecTrace::from(&trace)),
        }
    }
}

impl From<&tlc::Trace> for SpecTrace {
    fn from(trace: &tlc::Trace) -> SpecTrace {
        let state = |state: &tlc::TraceState| {
            let mut out = SpecState { action: state.action.clone(), ..SpecState::default() };
            for (name, value) in &state.state {
                if name == "pc" {
                    flatten("", value, &mut |thread, label| out.pc.push((thread, label)));
                } else {
                    flatten(name, value, &mut |name, value| out.variables.push((name, value)));
                }
            }
            out
        };
        SpecTrace { states: trace.states.iter().map(state).collect(), end: trace.end }
    }
}

/// Takes functions and records apart, so that a change shows as the one thing that changed.
fn flatten(name: &str, value: &Value, each: &mut dyn FnMut(String, String)) {
    let indexed = |key: &str| {
        if name.is_empty() { key.to_owned() } else { format!("{name}[{key}]") }
    };
    match value {
        Value::Record(fields) => {
            for (field, value) in fields {
                let name = if name.is_empty() { field.clone() } else { format!("{name}.{field}") };
                flatten(&name, value, each);
            }
        }
        Value::Function(pairs) => {
            for (key, value) in pairs {
                flatten(&indexed(bare(key).as_str()), value, each);
            }
        }
        // A sequence may grow: whole, it is easier to read than by element.
        Value::Seq(elements) if name.is_empty() => {
            for (index, value) in elements.iter().enumerate() {
                flatten(&indexed(&(index + 1).to_string()), value, each);
            }
        }
        other => each(name.to_owned(), bare(other)),
    }
}

/// A value as text, strings without quotes.
fn bare(value: &Value) -> String {
    match value {
        Value::Str(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_taken_apart_into_what_can_change() {
        let value = |text: &str| text.parse::<Value>().unwrap();
        let trace = tlc::Trace {
            states: vec![tlc::TraceState {
                action: "take(1)".to_owned(),
                place: None,
                state: vec![
                    ("pc".to_owned(), value(r#"<<"get", "Done">>"#)),
                    (
                        "file".to_owned(),
                        value("[count |-> 1, active |-> (a :> TRUE @@ b :> FALSE)]"),
                    ),
                    ("log".to_owned(), value(r#"<<"x">>"#)),
                ],
            }],
            end: tlc::TraceEnd::Finite,
        };
        let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
        };
        let state = SpecTrace::from(&trace).states.remove(0);
        assert_eq!(state.pc, pairs(&[("1", "get"), ("2", "Done")]));
        assert_eq!(
            state.variables,
            pairs(&[
                ("file.active[a]", "TRUE"),
                ("file.active[b]", "FALSE"),
                ("file.count", "1"),
                ("log", "<<\"x\">>"),
            ])
        );
    }
}
