use super::*;
use crate::model::{Expect, Question};

fn model(properties: &[&str]) -> Model {
    Model {
        name: "latch".to_owned(),
        module: "Latch".to_owned(),
        question: Question::Liveness,
        shows: String::new(),
        constants: std::collections::BTreeMap::default(),
        invariants: Vec::new(),
        properties: properties.iter().map(|p| (*p).to_owned()).collect(),
        spec: "Spec".to_owned(),
        expect: Expect::Holds,
        trace: None,
        distinct: None,
        generated: None,
        edges: None,
        schedules: None,
        dead: Vec::new(),
        line: 1,
    }
}

fn message(code: u32, severity: u32, text: &str) -> String {
    format!("@!@!@STARTMSG {code}:{severity} @!@!@\n{text}\n@!@!@ENDMSG {code} @!@!@\n")
}

fn counts(left: u64) -> String {
    let text =
        format!("17 states generated, 12 distinct states found, {left} states left on queue.");
    message(code::COUNTS, 0, &text)
}

fn verdict(text: &str, exit: Option<i32>) -> Found {
    verdict_of(&["Live"], text, exit)
}

fn verdict_of(properties: &[&str], text: &str, exit: Option<i32>) -> Found {
    let said = Said { text: text.to_owned(), errors: "\njava.lang.Error\n".to_owned(), exit };
    found(&model(properties), &Places::default(), &Output::parse(text), &said)
}

fn success() -> String {
    message(code::SUCCESS, 0, "Model checking completed. No error has been found.")
}

#[test]
fn a_complete_search_without_findings_holds() {
    assert_eq!(verdict(&(success() + &counts(0)), Some(0)), Found::Holds);
}

#[test]
fn a_search_that_was_cut_off_never_holds() {
    let half = "@!@!@STARTMSG 2217:4 @!@!@\n1: <Initial";
    let said: Vec<String> = [
        (String::new(), Some(0)),
        (String::new(), None),
        (success(), Some(0)),
        (success() + &counts(3), Some(0)),
        (counts(0), Some(0)),
        (success() + &counts(0) + half, Some(0)),
        (counts(7), Some(1)),
    ]
    .iter()
    .map(|(text, exit)| verdict(text, *exit).to_string())
    .collect();
    insta::assert_snapshot!(said.join("\n"), @r"
    error: TLC stopped before the search was complete (exit code 0): java.lang.Error
    error: TLC was killed before it was done
    error: TLC stopped before the search was complete (exit code 0): java.lang.Error
    error: TLC stopped before the search was complete (3 states were left): java.lang.Error
    error: TLC stopped before the search was complete (exit code 0): java.lang.Error
    error: TLC stopped before the search was complete (exit code 0): java.lang.Error
    error: TLC stopped before the search was complete (7 states were left): java.lang.Error
    ");
}

#[test]
fn the_exit_code_must_agree() {
    let violated = message(code::TEMPORAL, 1, "Temporal properties were violated.") + &counts(0);
    assert_eq!(verdict(&violated, Some(13)), Found::Violated("Live".to_owned()));
    for (text, exit) in [(violated, 0), (success() + &counts(0), 12)] {
        assert!(matches!(verdict(&text, Some(exit)), Found::Error(_)));
    }
}

#[test]
fn an_error_beside_a_violation_wins() {
    let text = message(code::DEADLOCK, 1, "Deadlock reached.");
    assert_eq!(verdict(&text, Some(11)), Found::Deadlock);
    let text = text + &message(code::GENERAL, 1, "TLC ran out of memory.");
    assert_eq!(verdict(&text, Some(11)), Found::Error("TLC ran out of memory.".to_owned()));
}

#[test]
fn the_property_is_named_as_well_as_tlc_allows() {
    let both = ["Live", "Refines"];
    let temporal = message(code::TEMPORAL, 1, "Temporal properties were violated.");
    let named = message(code::ACTION_PROPERTY, 1, "Action property Refines is violated.");
    let placed = message(
        code::ACTION_PROPERTY,
        1,
        "Action property line 12, col 17 to line 12, col 31 of module Parcel is violated.",
    );
    let name = |properties, text: &str| verdict_of(properties, text, Some(13)).to_string();
    assert_eq!(name(&both, &temporal), "`Live or Refines` violated");
    assert_eq!(name(&both, &named), "`Refines` violated");
    assert_eq!(name(&both[1..], &placed), "`Refines` violated");
}
