//! A register and answers for tests: every kind of cell occurs.

use crate::args::{Budget, Words};
use crate::jobs::Results;
use crate::models::{ModelFound, ModelReport};
use crate::pins::Pins;
use crate::protocol::{Pass, PassReport, Trace, TraceStep, Violation};
use crate::verdict::{Decided, Evidence, decide};
use claims::Register;
use clap::Parser as _;

const REGISTER: &str = r#"
[[claim]]
id = "count.resurrect"
source = "000#4 #17 #18"
statement = "taking a reference from zero brings a dying file back"
verdict = "violated"
meaning = "get_file() on a file whose count is zero ends in a second release of an object that is being freed."
[[claim.case]]
scenario = "epoll-2023"
model = "epoll-2023-resurrect"
engines = ["tlc", "lockstep", "shuttle", "loom"]
property = "NoResurrect"
expect = "violated"
except = { threads = "the window is a few instructions wide" }

[[claim]]
id = "count.inc-not-zero"
source = "000#2 #10"
statement = "inc-not-zero never revives"
verdict = "holds"
meaning = "Once the count is zero it stays zero."
[[claim.case]]
scenario = "count-cas"
engines = ["lockstep", "shuttle", "loom", "threads"]
property = "NoResurrect"
expect = "holds"

[[claim]]
id = "dmabuf.one-ref-per-direction"
source = "000"
statement = "the re-check after the get makes a lookup right"
verdict = "violated without, holds with"
meaning = "A slot may hold another object by the time the get succeeds."
note = "The thread asks for a lock as well; the re-check alone is enough."
[[claim.case]]
name = "without"
scenario = "epoll-2023"
engines = ["shuttle", "threads"]
property = "NoResurrect"
expect = "violated"
except = { loom = "loom has no such slot" }
[[claim.case]]
name = "with"
scenario = "count-cas"
engines = ["shuttle", "threads"]
property = "Identity"
expect = "holds"
except = { loom = "loom has no such slot" }
"#;

pub(crate) fn register() -> Register {
    Register::parse([("verify/claims/made-up.toml".to_owned(), REGISTER.to_owned())]).unwrap()
}

/// A pass that found nothing wrong and has nothing wrong.
pub(crate) fn report(scenario: &str, pass: Pass, executions: u64) -> PassReport {
    let mut report = PassReport {
        scenario: scenario.to_owned(),
        pass: pass.word().to_owned(),
        engine: pass.build().word().to_owned(),
        executions,
        bound: "unbounded".to_owned(),
        complete: true,
        seconds: 0.5,
        ..PassReport::default()
    };
    match pass {
        Pass::Lockstep => {
            report.states = Some(831);
            report.states_covered = Some(831);
            report.edges = Some(1_954);
            report.edges_covered = Some(1_954);
            report.extra_edges = Some(0);
        }
        Pass::Cached | Pass::Rmw => {
            report.classes = Some(77);
            report.class_digest = Some("ab12".to_owned());
        }
        Pass::Random | Pass::Pct => report.bound = "10000 schedules, seed 1".to_owned(),
        Pass::Native => {}
        Pass::Threads | Pass::Kernel => report.bound = "2 s".to_owned(),
    }
    report
}

pub(crate) fn violated(mut report: PassReport, property: &str) -> PassReport {
    report.violations =
        vec![Violation { property: property.to_owned(), detail: "f_count 0 -> 1".to_owned() }];
    report
}

fn trace() -> Vec<TraceStep> {
    let step = |thread: usize, name: &str, text: &str, note: &str| TraceStep {
        thread,
        name: name.to_owned(),
        label: "label".to_owned(),
        text: text.to_owned(),
        notes: vec![note.to_owned()],
        fatal: None,
    };
    vec![
        step(0, "closer", "fput()", "f_count 1 -> 0"),
        step(1, "waiter", "get_file()", "f_count 0 -> 1"),
    ]
}

pub(crate) fn model() -> ModelReport {
    ModelReport {
        name: "epoll-2023-resurrect".to_owned(),
        question: "safety".to_owned(),
        expected: "violated (NoResurrect)".to_owned(),
        found: ModelFound::Violated("NoResurrect".to_owned()),
        distinct: Some(412),
        generated: Some(900),
        edges: None,
        schedules: None,
        seconds: 1.1,
        problems: Vec::new(),
        pinned: Vec::new(),
        module: "EpollDmabuf".to_owned(),
        trace: None,
    }
}

pub(crate) fn results() -> Results {
    let mut results = Results::default();
    let all = [
        Pass::Lockstep,
        Pass::Cached,
        Pass::Random,
        Pass::Pct,
        Pass::Rmw,
        Pass::Native,
        Pass::Threads,
    ];
    for (scenario, executions) in [("epoll-2023", 3_653), ("count-cas", 58_999)] {
        for pass in all {
            let mut report = report(scenario, pass, executions);
            if scenario == "epoll-2023" && pass != Pass::Lockstep {
                report = violated(report, "NoResurrect");
            }
            if pass == Pass::Cached && scenario == "epoll-2023" {
                report.traces = vec![Trace { property: "NoResurrect".to_owned(), steps: trace() }];
            }
            results.passes.insert((scenario.to_owned(), pass), Ok(report));
        }
    }
    let model = model();
    results.models.insert(model.name.clone(), model);
    results
}

pub(crate) fn with_evidence(check: impl Fn(&[Decided<'_>], &Results)) {
    with_results(&results(), |decided| check(decided, &results()));
}

pub(crate) fn with_decided(check: impl Fn(&[Decided<'_>])) {
    with_results(&results(), check);
}

/// Decides the whole register on results whose numbers are all pinned as they are.
pub(crate) fn with_results(results: &Results, check: impl Fn(&[Decided<'_>])) {
    let mut pins = Pins::default();
    pins.bless(results, true);
    with_pins(results, &pins, check);
}

pub(crate) fn with_pins(results: &Results, pins: &Pins, check: impl Fn(&[Decided<'_>])) {
    let register = register();
    let claims: Vec<_> = register.claims.iter().collect();
    let how = Words::parse_from(["cargo verify"]).verify.how;
    let evidence = Evidence { results, pins, budget: Budget::Default };
    check(&decide(&claims, &how, evidence));
}
