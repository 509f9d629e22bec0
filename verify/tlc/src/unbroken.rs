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

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "module = \"Latch\"\nquestion = \"safety\"\nshows = \"A latch.\"\n";

    fn unbroken_of(models: &[&str]) -> String {
        let root = tempfile::tempdir().expect("a temp folder");
        std::fs::create_dir(root.path().join("spec")).expect("a folder");
        std::fs::write(root.path().join("spec/Latch.tla"), "").expect("a module");
        let text: Vec<String> =
            models.iter().map(|rest| format!("[[model]]\n{HEAD}{rest}\n")).collect();
        let models = crate::parse(root.path(), &text.concat()).expect("it makes sense");
        let told: Vec<String> = unbroken(&models).iter().map(ToString::to_string).collect();
        told.join("\n")
    }

    #[test]
    fn a_property_that_nothing_breaks_is_told_at_the_first_model_that_holds_it() {
        let holds =
            "name = \"a\"\ninvariants = [\"OneOwner\", \"NothingLeft\"]\nexpect = \"holds\"";
        let breaks = "name = \"b\"\ninvariants = [\"OneOwner\"]\nexpect = \"violated\"\nviolates = \"OneOwner\"";
        insta::assert_snapshot!(unbroken_of(&[holds, breaks]), @r#"spec/models.toml:1: `NothingLeft` of Latch holds wherever it is asked for: add a configuration that violates it, of a broken variant or with `spec = "SpecScribbled"`, or it may be one that cannot fail"#);
        let both = holds.replace("OneOwner\", \"", "").replace("\"a\"", "\"c\"");
        let broken = breaks.replace("OneOwner", "NothingLeft").replace("\"b\"", "\"d\"");
        assert_eq!(unbroken_of(&[&both, &broken]), "");
    }
}
