//! Programs: the shortest that tell two rules apart, as they are printed, and that the search finds what TLC finds.

use scenarios::{Budget, Pass, Record, programs};
use std::fmt::Write as _;
use std::path::Path;

fn lockstep(name: &str) -> Record {
    let graphs = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../spec/graphs"));
    let program = programs::find(name).expect("a set of programs of this name");
    program.run(Pass::Lockstep, Budget::Quick, graphs).expect("a graph to compare with")
}

fn listing(name: &str, property: &str) -> String {
    let record = lockstep(name);
    let found = record.programs.iter().find(|program| program.property == property);
    found.map_or("none".to_owned(), |program| program.lines.join("\n"))
}

#[test]
fn every_set_of_programs_is_the_spec_s_graph() {
    for program in programs::all() {
        let record = lockstep(&program.name);
        assert_eq!(record.divergence, None, "{}", program.name);
        assert_eq!(record.extra_edges, Some(0), "{}", program.name);
        assert_eq!(record.edges_covered, record.edges, "{}", program.name);
        assert!(record.edges > Some(20), "{}", program.name);
    }
}

#[test]
fn a_rule_is_another_graph_than_today_s() {
    let graphs = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../spec/graphs"));
    for (name, rule) in
        [("api-dup", "api-dup-if-number"), ("api-signalfd", "api-signalfd-if-reader")]
    {
        let mut mixed = programs::find(name).expect("a set of programs of this name");
        mixed.system.rule = programs::find(rule).expect("likewise").system.rule;
        let record = mixed.run(Pass::Lockstep, Budget::Quick, graphs).expect("a graph");
        assert!(
            record.divergence.is_some(),
            "{name} under another rule must differ from its graph"
        );
    }
}

#[test]
fn the_shortest_programs_that_tell_the_proposals_from_today() {
    let mut out = String::new();
    for cast in ["dup", "fork", "takeover", "trick"] {
        for rule in ["number", "file", "table"] {
            let name = format!("api-{cast}-{rule}");
            let _ = writeln!(out, "{name}\n{}\n", listing(&name, "SameAnswers"));
        }
    }
    insta::assert_snapshot!(out);
}

#[test]
fn what_can_be_seen_today() {
    let mut out = String::new();
    for (name, witness) in [
        ("api-dup", "ClosedDel"),
        ("api-dup", "Stranded"),
        ("api-pile", "PiledUp"),
        ("api-fork", "ChildDel"),
        ("api-takeover", "TakenOver"),
        ("api-signalfd", "Stolen"),
        ("api-signalfd", "OwnSignal"),
        ("api-signalfd", "Orphan"),
        ("api-modified", "OwnSignal"),
        ("api-nested", "Self"),
        ("api-nested", "Loop"),
        ("api-nested", "Through"),
        ("api-chain", "Loop"),
    ] {
        let _ = writeln!(out, "{name}: {witness}\n{}\n", listing(name, witness));
    }
    insta::assert_snapshot!(out);
}

/// A kernel that answers otherwise is noticed: the mirror is given another rule, and the kernel has today's.
#[cfg(all(target_os = "linux", not(any(graceref_loom, graceref_shuttle))))]
#[test]
fn the_kernel_does_not_answer_by_another_rule() {
    let run = |name: &str, rule: &str| {
        let mut program = programs::find(name).expect("a set of programs of this name");
        program.system.rule = programs::find(rule).expect("likewise").system.rule;
        program.system.other = None;
        program.play(Budget::Default)
    };
    for (name, rule) in [
        ("api-dup", "api-dup-if-number"),
        ("api-dup", "api-dup-if-keyfile"),
        ("api-fork", "api-fork-if-keytable"),
        ("api-takeover", "api-takeover-if-table"),
        ("api-trick", "api-trick-if-keyfd"),
        ("api-signalfd", "api-signalfd-if-reader"),
        ("api-chain", "api-chain-if-noloop"),
    ] {
        let record = run(name, rule);
        if let Some(reason) = record.skipped {
            eprintln!("skipped: {reason}");
            return;
        }
        let found: Vec<&str> = record.violations.iter().map(|v| v.property.as_str()).collect();
        assert_eq!(found, ["KernelAnswers"], "{name} by {rule}");
    }
    let same = run("api-dup", "api-dup");
    assert!(same.violations.is_empty(), "{same:?}");
}
