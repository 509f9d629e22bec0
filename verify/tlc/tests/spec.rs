//! What the project's own models must have between them.

use std::collections::BTreeSet;
use std::path::Path;
use tlc::Expect;

/// An invariant that is `TRUE` holds everywhere: each must fail somewhere, under a broken variant, a scribbled state
/// or without fairness.
#[test]
fn every_property_that_holds_somewhere_fails_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let models = tlc::load(&root).unwrap_or_else(|error| panic!("{error}"));
    let mut holds = BTreeSet::new();
    let mut fails = BTreeSet::new();
    for model in &models {
        match &model.expect {
            Expect::Violated(property) => {
                fails.insert((model.module.clone(), property.clone()));
            }
            _ => holds.extend(
                model
                    .invariants
                    .iter()
                    .chain(&model.properties)
                    .map(|property| (model.module.clone(), property.clone())),
            ),
        }
    }
    let never: Vec<_> = holds.difference(&fails).collect();
    assert!(!holds.is_empty());
    assert!(never.is_empty(), "add a configuration that violates each of {never:?}");
}
