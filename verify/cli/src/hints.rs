//! What to do about a difference between code and spec, by what the walk says of it.

/// Words that stand in a line of the report, and the next step.
const HINTS: [(&[&str], &str); 8] = [
    (
        &["before <no label>"],
        "put `at!(\"label\")` over that access, or take out an access that the spec lacks",
    ),
    (
        &[": the spec is before ", ", the code before "],
        "a step is missing on one side, stands elsewhere, or has another label or `within`",
    ),
    (
        &[": the spec is ", ", the code "],
        "one side goes on where the other ends: a step or a branch is missing",
    ),
    (
        &[": the code does not show it"],
        "a line in `World::show`; for a process's own variable one in the scenario's `locals`",
    ),
    (
        &[": the code shows it, the spec has no such variable"],
        "declare it in the module, or take it out of `World::show` or of `locals`",
    ),
    (
        &[": the spec has ", ", the code "],
        "the step changes it on one side only: the access itself, a `local!` under another name than in `locals`, \
         or a ghost that is changed before the access",
    ),
    (
        &["in the spec it waits, in the code it goes on"],
        "an `await` of the spec is `Mutex::lock` of the facade in the code",
    ),
    (
        &["the spec has a choice there that the code does not have"],
        "see what the spec branches on: the code never decides so",
    ),
];

/// What to do next, each step once.
pub(crate) fn hints(divergence: &str) -> Vec<&'static str> {
    let mut found = Vec::new();
    for line in divergence.lines() {
        let hint = HINTS.iter().find(|(words, _)| words.iter().all(|word| line.contains(word)));
        if let Some((_, hint)) = hint.filter(|(_, hint)| !found.contains(hint)) {
            found.push(*hint);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::hints;
    use std::path::Path;

    /// The walk's own reports, as its tests have them, so that another wording there is noticed here.
    #[test]
    fn each_kind_of_difference_has_its_next_step() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lockstep/tests/snapshots");
        let told = [
            "mutants__unlabelled",
            "mutants__missing_step",
            "mutants__never_released",
            "mutants__not_shown",
            "mutants__too_many_shown",
            "mutants__hides",
            "mutants__no_wait",
            "memory__a_choice_that_the_code_never_makes_is_told",
        ]
        .map(|name| {
            let report = std::fs::read_to_string(folder.join(format!("{name}.snap"))).unwrap();
            format!("{name}: {}", hints(&report).join("; "))
        });
        insta::assert_snapshot!(told.join("\n"));
    }
}
