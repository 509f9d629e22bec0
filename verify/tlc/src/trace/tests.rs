use super::*;

fn state(number: usize, action: &str, text: &str) -> String {
    format!("@!@!@STARTMSG 2217:4 @!@!@\n{number}: <{action}>\n{text}\n\n@!@!@ENDMSG 2217 @!@!@\n")
}

fn read(text: &str) -> Result<Option<Trace>, String> {
    let order = ["word".to_owned(), "pc".to_owned()];
    Trace::read(&Output::parse(text), &Places::default(), &order)
}

fn two_states() -> String {
    state(1, "Initial predicate", "/\\ pc = [a |-> \"check\"]\n/\\ word = 0")
        + &state(
            2,
            "check line 41, col 16 to line 46, col 46 of module Latch",
            "/\\ pc = [ a |->\n      \"Done\" ]\n/\\ word = 1",
        )
}

#[test]
fn a_finite_trace_is_read_state_by_state() {
    let trace = read(&two_states()).expect("readable").expect("a trace");
    assert_eq!(trace.end, TraceEnd::Finite);
    assert_eq!((trace.states[0].action.as_str(), &trace.states[0].place), ("Init", &None));
    let last = &trace.states[1];
    assert_eq!(last.action, "check");
    assert_eq!(last.place.as_ref().map(|place| place.line), Some(41));
    let shown: Vec<String> = last.state.iter().map(|(n, v)| format!("{n} = {v}")).collect();
    assert_eq!(shown, ["word = 1", "pc = [a |-> \"Done\"]"]);
}

#[test]
fn a_lasso_says_how_it_goes_on() {
    let back = "@!@!@STARTMSG 2122:4 @!@!@\n1: Back to state: <rest line 1, col 1 to line 1, col 2 of module L>\n@!@!@ENDMSG 2122 @!@!@\n";
    let trace = read(&(two_states() + back)).expect("readable").expect("a trace");
    assert_eq!(trace.end, TraceEnd::BackTo(0));
    let still = "@!@!@STARTMSG 2218:4 @!@!@\n3: Stuttering\n@!@!@ENDMSG 2218 @!@!@\n";
    let trace = read(&(two_states() + still)).expect("readable").expect("a trace");
    assert_eq!((trace.end, trace.states.len()), (TraceEnd::Stuttering, 2));
    let error =
        read(&(two_states() + &back.replace("1: Back", "7: Back"))).expect_err("no state 7");
    assert!(error.starts_with("trace: no such state: 7"), "{error}");
}

#[test]
fn a_violation_in_the_initial_state_is_a_trace_of_one() {
    let text = "@!@!@STARTMSG 2107:1 @!@!@\nInvariant Zero is violated by the initial state:\n\
                word = 0\n\n@!@!@ENDMSG 2107 @!@!@\n";
    let trace = read(text).expect("readable").expect("a trace");
    assert_eq!((trace.states.len(), trace.states[0].action.as_str()), (1, "Init"));
    assert_eq!(trace.states[0].state[0].0, "word");
}

#[test]
fn a_state_that_cannot_be_read_is_said_so() {
    let error = read(&state(1, "Initial predicate", "/\\ word = [a")).expect_err("half a value");
    insta::assert_snapshot!(error, @"trace: this is not a value: word = [a");
    assert_eq!(read(""), Ok(None));
}
