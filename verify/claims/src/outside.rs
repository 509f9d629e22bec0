//! What the register says about the models and the scenarios, held against those that exist.

use crate::nearest::nearest;
use crate::problem::{Problem, Problems};
use crate::register::{Case, Claim, Register};
use crate::words::{Engine, Expect};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;

/// A model as spec/models.toml has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// The file of its module, relative to the spec folder: `EpollDmabuf.tla`.
    pub module_file: String,
    /// The invariants and properties that it checks.
    pub checks: Vec<String>,
    /// Whether it asks for the way to a state, which is what a reachable case needs.
    pub witness: bool,
}

impl Register {
    /// Checks that every model that a case names is in spec/models.toml, that its module is in
    /// `spec`, and that it asks about what the case is about: a model that does not check a property
    /// cannot say that it holds.
    ///
    /// # Errors
    /// One problem for each case whose model is not there or cannot decide it.
    pub fn check_models(
        &self,
        known: &BTreeMap<String, Model>,
        spec: &Path,
    ) -> Result<(), Problems> {
        let mut problems = Vec::new();
        for (case, name, span) in self.named(|case| (&case.model, &case.spans.model)) {
            let at = |message: String| Problem::at(&case.place.source, span.clone(), message);
            let Some(model) = known.get(name) else {
                let help = or_list(name, known.keys(), "add it to spec/models.toml");
                problems.push(
                    at(format!("no model `{name}` in spec/models.toml"))
                        .label("unknown")
                        .help(help),
                );
                continue;
            };
            if !spec.join(&model.module_file).is_file() {
                let file = &model.module_file;
                problems.push(
                    at(format!("the module of model `{name}`, spec/{file}, is missing"))
                        .label("no spec to check")
                        .help(format!(
                            "write spec/{file}, or correct the model's module in spec/models.toml"
                        )),
                );
            }
            if case.engines.contains(&Engine::Tlc)
                && let Some((message, help)) = cannot_decide(case, name, model)
            {
                let span = case.spans.property.clone();
                let source = &case.place.source;
                problems
                    .push(Problem::at(source, span, message).label("not asked there").help(help));
            }
        }
        Problems::none_or(problems)
    }

    /// Checks that every scenario that a case names exists and runs under the engines named.
    ///
    /// # Errors
    /// One problem for each case whose scenario does not exist, and for each engine that the
    /// scenario does not run under.
    pub fn check_scenarios(
        &self,
        known: &BTreeMap<String, BTreeSet<Engine>>,
    ) -> Result<(), Problems> {
        let mut problems = Vec::new();
        for (case, name, span) in self.named(|case| (&case.scenario, &case.spans.scenario)) {
            let source = &case.place.source;
            let Some(engines) = known.get(name) else {
                let help = or_list(
                    name,
                    known.keys(),
                    "write it in verify/scenarios/src/worlds, and put its file into catalogue.rs",
                );
                problems.push(
                    Problem::at(source, span, format!("no scenario `{name}`"))
                        .label("unknown")
                        .help(help),
                );
                continue;
            };
            for (engine, span) in &case.spans.engines {
                let decides = case.engines.contains(engine) && engine.runs_scenarios();
                if decides && !engines.contains(engine) {
                    let runs: Vec<&str> = engines.iter().map(|engine| engine.word()).collect();
                    let message = format!("the scenario `{name}` does not run under `{engine}`");
                    problems.push(
                        Problem::at(source, span.clone(), message).label("not this one").help(
                            format!(
                                "it runs under {}: take `{engine}` out, or say why in `except`",
                                runs.join(", ")
                            ),
                        ),
                    );
                }
            }
        }
        Problems::none_or(problems)
    }

    /// Every case in which `of` names something, with the name and its place.
    fn named<'a>(
        &'a self,
        of: impl Fn(&'a Case) -> (&'a Option<String>, &'a Option<Range<usize>>) + 'a,
    ) -> impl Iterator<Item = (&'a Case, &'a str, Range<usize>)> + 'a {
        self.claims.iter().flat_map(|claim: &Claim| &claim.cases).filter_map(move |case| {
            let (name, span) = of(case);
            Some((case, name.as_deref()?, span.clone()?))
        })
    }
}

/// Why TLC's answer to `model` says nothing about the case, and what to do.
fn cannot_decide(case: &Case, name: &str, model: &Model) -> Option<(String, String)> {
    let property = &case.property;
    if case.expect == Expect::Reachable {
        return (!model.witness).then(|| {
            (
                format!(
                    "the model `{name}` is no witness: it cannot show that `{property}` happens"
                ),
                "name a model with question = \"witness\"".to_owned(),
            )
        });
    }
    if model.checks.contains(property) {
        return None;
    }
    let known = model.checks.iter().map(String::as_str);
    let help = match nearest(property, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None if model.checks.is_empty() => "name a model that checks it".to_owned(),
        None => format!("it checks: {}", model.checks.join(", ")),
    };
    Some((format!("the model `{name}` does not check `{property}`"), help))
}

fn or_list<'a>(name: &str, known: impl Iterator<Item = &'a String>, add: &str) -> String {
    let known: Vec<&str> = known.map(String::as_str).collect();
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => format!("there is none yet: {add}"),
        None => format!("{add}; there are: {}", known.join(", ")),
    }
}
