use super::*;

fn model(question: Question, expect: Expect) -> Model {
    Model {
        name: "latch".to_owned(),
        module: "Latch".to_owned(),
        question,
        shows: String::new(),
        constants: std::collections::BTreeMap::default(),
        invariants: vec!["NeverTaken".to_owned()],
        properties: Vec::new(),
        spec: "Spec".to_owned(),
        expect,
        trace: None,
        distinct: Some(56),
        generated: Some(80),
        edges: None,
        schedules: None,
        dead: vec!["rest".to_owned()],
        line: 1,
    }
}

fn outcome(model: &Model, found: Found) -> Outcome {
    let mut outcome = Outcome::empty(model, PathBuf::new());
    outcome.found = found;
    outcome.distinct = Some(57);
    outcome.generated = Some(80);
    outcome
}

fn coverage() -> Vec<(String, u64)> {
    [("check", 3), ("wait_use", 0), ("rest", 0)].map(|(name, n)| (name.to_owned(), n)).into()
}

const NEVER: &str = "action wait_use never fires; if it is not to, list it in `dead`";

#[test]
fn every_deviation_is_a_problem() {
    let model = model(Question::Safety, Expect::Holds);
    let mut outcome = outcome(&model, Found::Holds);
    outcome.judge(&model, &coverage(), false);
    assert_eq!(outcome.problems, [NEVER, "distinct states: 56 expected, 57 found"]);
    assert!(outcome.pinned.is_empty());
}

#[test]
fn an_update_writes_numbers_but_excuses_no_dead_action() {
    let model = model(Question::Safety, Expect::Holds);
    let mut outcome = outcome(&model, Found::Holds);
    outcome.judge(&model, &coverage(), true);
    assert_eq!(outcome.problems, [NEVER]);
    assert_eq!(outcome.pinned, ["distinct states: 56 expected, 57 found"]);
    assert_eq!(outcome.pins, Pins { distinct: Some(57), ..Pins::default() });
}

#[test]
fn a_wrong_verdict_is_the_only_problem_and_pins_nothing() {
    let cases = [
        (Question::Safety, Expect::Holds, Found::Deadlock),
        (Question::Safety, Expect::Deadlock, Found::Holds),
        (Question::Safety, Expect::Violated("A".into()), Found::Violated("B".into())),
        (Question::Bait, Expect::Violated("NeverTaken".into()), Found::Holds),
        (Question::Witness, Expect::Violated("NeverTaken".into()), Found::Holds),
        (Question::Graph, Expect::Holds, Found::Error("TLC was killed".into())),
    ];
    let said: Vec<String> = cases
        .into_iter()
        .flat_map(|(question, expect, found)| {
            let model = model(question, expect);
            let mut outcome = outcome(&model, found);
            outcome.judge(&model, &coverage(), true);
            assert_eq!(outcome.pins, Pins::default());
            outcome.problems
        })
        .collect();
    insta::assert_snapshot!(said.join("\n"), @r"
    holds expected, deadlock
    deadlock expected, holds
    `A` violated expected, `B` violated
    bait `NeverTaken` holds: nothing happens in the model; look at its constants and first steps
    witness `NeverTaken` holds: the state that it denies is never reached
    TLC was killed
    ");
}

#[test]
fn without_coverage_nothing_is_known_of_dead_actions() {
    let model = model(Question::Safety, Expect::Holds);
    let mut outcome = outcome(&model, Found::Holds);
    outcome.judge(&model, &[], true);
    assert_eq!(
        outcome.problems,
        [
            "action rest is listed as dead but there is no such action",
            "TLC reports no coverage: dead actions cannot be told",
        ]
    );
}
