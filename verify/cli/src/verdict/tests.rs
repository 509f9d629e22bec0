use crate::jobs::Results;
use crate::made_up::{report, results, violated, with_pins, with_results};
use crate::models::ModelFound;
use crate::pins::Pins;
use crate::protocol::{Pass, PassReport};
use crate::verdict::CaseCell;
use claims::Engine;

/// What is said of the first case of a claim under an engine, given these results.
fn cell(results: &Results, claim: &str, engine: Engine, check: impl Fn(&CaseCell<'_>)) {
    with_results(results, |decided| {
        let decided = decided.iter().find(|decided| decided.claim.id == claim).unwrap();
        check(&decided.cells[&engine].cases[0]);
    });
}

fn change(scenario: &str, pass: Pass, change: impl Fn(&mut PassReport)) -> Results {
    let mut results = results();
    let report = results.passes.get_mut(&(scenario.to_owned(), pass)).unwrap();
    change(report.as_mut().unwrap());
    results
}

#[test]
fn everything_as_expected_is_in_order() {
    with_results(&results(), |decided| {
        for claim in decided {
            assert!(claim.ok(), "{claim:#?}");
        }
    });
}

#[test]
fn a_violation_that_one_pass_sees_is_enough() {
    let mut results = results();
    for pass in [Pass::Random, Pass::Pct] {
        let key = ("epoll-2023".to_owned(), pass);
        results.passes.insert(key, Ok(report("epoll-2023", pass, 10_000)));
    }
    cell(&results, "count.resurrect", Engine::Shuttle, |cell| assert!(cell.ok()));
}

#[test]
fn a_violation_of_something_else_is_not_the_one_expected() {
    let results = change("count-cas", Pass::Random, |report| {
        *report = violated(report.clone(), "ReleasedOnce");
    });
    cell(&results, "count.inc-not-zero", Engine::Shuttle, |cell| {
        assert!(!cell.ok());
        assert_eq!(cell.found.as_deref(), Some("violated (ReleasedOnce)"));
        assert_eq!(cell.faults, ["random: ReleasedOnce: f_count 0 -> 1"]);
    });
}

#[test]
fn lockstep_is_the_same_only_when_everything_is_covered_and_nothing_added() {
    for (edit, found) in [
        ((|_| ()) as fn(&mut PassReport), "same"),
        (|report| report.edges_covered = Some(1_953), "incomplete"),
        (|report| report.states_covered = None, "incomplete"),
        (|report| report.complete = false, "incomplete"),
        (|report| report.extra_edges = None, "incomplete"),
        (|report| report.extra_edges = Some(2), "diverges"),
        (|report| report.divergence = Some("CPU0 does what it must not".to_owned()), "diverges"),
    ] {
        let results = change("count-cas", Pass::Lockstep, edit);
        cell(&results, "count.inc-not-zero", Engine::Lockstep, |cell| {
            assert_eq!(cell.found.as_deref(), Some(found));
            assert_eq!(cell.ok(), found == "same", "{:?}", cell.faults);
        });
    }
}

#[test]
fn loom_s_rmw_pass_counts_only_with_shuttle_s_classes() {
    let results = change("count-cas", Pass::Rmw, |report| {
        report.classes = Some(76);
        report.class_digest = Some("cd34".to_owned());
    });
    cell(&results, "count.inc-not-zero", Engine::Loom, |cell| {
        assert!(!cell.ok());
        assert_eq!(cell.found.as_deref(), Some("holds"));
        insta::assert_snapshot!(cell.faults.join("\n"));
    });
    let results = change("count-cas", Pass::Cached, |report| report.class_digest = None);
    cell(&results, "count.inc-not-zero", Engine::Loom, |cell| {
        assert_eq!(cell.faults, ["gate: the cached pass gives no digest of its classes"]);
    });
    let mut results = crate::made_up::results();
    results.passes.remove(&("count-cas".to_owned(), Pass::Cached));
    cell(&results, "count.inc-not-zero", Engine::Loom, |cell| {
        assert_eq!(cell.faults, ["gate: the cached pass did not run, so nothing vouches for rmw"]);
    });
}

#[test]
fn an_rmw_pass_that_stopped_at_a_violation_needs_no_gate() {
    let results = change("epoll-2023", Pass::Rmw, |report| report.class_digest = None);
    cell(&results, "count.resurrect", Engine::Loom, |cell| assert!(cell.ok(), "{cell:?}"));
}

#[test]
fn a_search_that_explored_one_execution_decides_nothing() {
    let results = change("count-cas", Pass::Native, |report| report.executions = 1);
    cell(&results, "count.inc-not-zero", Engine::Loom, |cell| {
        assert!(!cell.ok());
        assert_eq!(cell.faults, ["native: explored 1 execution: a concurrent scenario has more"]);
    });
}

#[test]
fn a_search_that_was_cut_off_fails_the_cell_and_says_where() {
    let results = change("count-cas", Pass::Cached, |report| {
        report.complete = false;
        "cut off after 9 executions".clone_into(&mut report.bound);
    });
    cell(&results, "count.inc-not-zero", Engine::Shuttle, |cell| {
        assert!(!cell.ok());
        assert_eq!(cell.faults, ["cached: did not complete: cut off after 9 executions"]);
    });
}

#[test]
fn a_number_that_moved_fails_the_cell_though_the_verdict_is_right() {
    let mut pins = Pins::default();
    pins.bless(&results(), true);
    let moved = change("count-cas", Pass::Cached, |report| report.executions = 59_000);
    with_pins(&moved, &pins, |decided| {
        let cell = &decided[1].cells[&Engine::Shuttle].cases[0];
        assert_eq!(cell.found.as_deref(), Some("holds"));
        assert_eq!(cell.faults[0], "cached: executions: 58,999 pinned, 59,000 found");
        assert!(!cell.ok());
    });
}

#[test]
fn a_pass_that_failed_makes_the_cell_an_error() {
    let mut results = results();
    let key = ("count-cas".to_owned(), Pass::Pct);
    results.passes.insert(key, Err("the runner ended with 1".to_owned()));
    cell(&results, "count.inc-not-zero", Engine::Shuttle, |cell| {
        assert_eq!(cell.found.as_deref(), Some("error"));
        assert_eq!(cell.faults, ["pct: the runner ended with 1"]);
    });
}

#[test]
fn a_skipped_pass_is_said_and_does_not_fail() {
    let results = change("count-cas", Pass::Threads, |report| {
        report.skipped = Some("one core".to_owned());
    });
    cell(&results, "count.inc-not-zero", Engine::Threads, |cell| {
        assert_eq!((cell.skipped.as_deref(), &cell.found), (Some("one core"), &None));
        assert!(cell.ok());
    });
}

#[test]
fn tlc_s_answer_is_about_the_property_of_the_case() {
    let found = |found: ModelFound| {
        let mut results = results();
        results.models.get_mut("epoll-2023-resurrect").unwrap().found = found;
        results
    };
    let other = found(ModelFound::Violated("TypeOK".to_owned()));
    cell(&other, "count.resurrect", Engine::Tlc, |cell| {
        assert_eq!(cell.found.as_deref(), Some("violated (TypeOK)"));
        assert!(!cell.ok());
    });
    cell(&found(ModelFound::Holds), "count.resurrect", Engine::Tlc, |cell| {
        assert_eq!(cell.found.as_deref(), Some("holds"));
        assert!(!cell.ok());
    });
}

#[test]
fn work_that_two_cases_share_counts_once() {
    with_results(&results(), |decided| {
        let cell = &decided[2].cells[&Engine::Threads];
        assert_eq!(cell.cases.len(), 2);
        assert_eq!(cell.work().executions, Some(3_653 + 58_999));
        let twice = crate::verdict::Cell {
            cases: decided[2].cells[&Engine::Threads]
                .cases
                .iter()
                .chain(&decided[2].cells[&Engine::Threads].cases)
                .map(|case| CaseCell {
                    case: case.case,
                    expected: case.expected.clone(),
                    found: case.found.clone(),
                    skipped: None,
                    faults: Vec::new(),
                    work: case.work.clone(),
                })
                .collect(),
        };
        assert_eq!(twice.work(), cell.work());
    });
}
