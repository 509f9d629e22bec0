//! Properties that no configuration breaks: nobody knows that they can fail.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::lint::Problem;
use crate::model::{Expect, Model};

/// Each invariant and property that some model expects to hold and no model of its module expects to be violated.
///
/// One that is `TRUE` holds everywhere. So each must fail somewhere: under a broken variant, a scribbled state, or
/// without fairness.
pub fn unbroken(models: &[Model]) -> Vec<Problem> {
    let mut holds = BTreeMap::new();
    let mut fails = BTreeSet::new();
    for model in models {
        if let Expect::Violated(property) = &model.expect {
            fails.insert((&model.module, property));
            continue;
        }
        for property in model.invariants.iter().chain(&model.properties) {
            holds.entry((&model.module, property)).or_insert(model.line);
        }
    }
    let never = holds.into_iter().filter(|(key, _)| !fails.contains(key));
    let mut found: Vec<Problem> = never
        .map(|((module, property), line)| Problem {
            file: PathBuf::from("spec/models.toml"),
            line,
            message: format!(
                "`{property}` of {module} holds wherever it is asked for: add a configuration that violates it, \
                 of a broken variant or with `spec = \"SpecScribbled\"`, or it may be one that cannot fail"
            ),
        })
        .collect();
    found.sort_by_key(|problem| problem.line);
    found
}
