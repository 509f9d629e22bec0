//! The table for a program to read.

use crate::failure::Failure;
use crate::jobs::Job;
use crate::verdict::{CaseCell, Cell, Decided};
use crate::work::Work;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

#[derive(Serialize)]
struct Report<'a> {
    claims: Vec<Claim<'a>>,
}

#[derive(Serialize)]
struct Claim<'a> {
    id: &'a str,
    source: &'a str,
    statement: &'a str,
    verdict: &'a str,
    meaning: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
    ok: bool,
    engines: BTreeMap<&'static str, Engine<'a>>,
}

#[derive(Serialize)]
struct Engine<'a> {
    #[serde(flatten)]
    verdict: Verdict<'a>,
    cases: Vec<Case<'a>>,
}

#[derive(Serialize)]
struct Case<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scenario: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    property: &'a str,
    #[serde(flatten)]
    verdict: Verdict<'a>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    faults: &'a [String],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    passes: BTreeMap<&'static str, Explored>,
}

/// What holds of one case and, summed, of all cases of an engine.
#[derive(Serialize)]
struct Verdict<'a> {
    expected: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<String>,
    ok: bool,
    skipped: Option<&'a str>,
    #[serde(flatten)]
    explored: Explored,
}

#[derive(Serialize)]
struct Explored {
    #[serde(skip_serializing_if = "Option::is_none")]
    states: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    edges: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    states_covered: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    edges_covered: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra_edges: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    executions: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    classes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bound: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
}

/// The report's text.
pub(crate) fn text(decided: &[Decided<'_>]) -> Result<String, Failure> {
    let report = Report { claims: decided.iter().map(claim).collect() };
    serde_json::to_string_pretty(&report).map(|text| text + "\n").map_err(|error| {
        Failure::new(format!("the report cannot be written as JSON: {error}"), String::new())
    })
}

/// Finds out before the run whether the file can be written: a night's work is not lost for a name.
pub(crate) fn reserve(file: &Path) -> Result<(), Failure> {
    let opened = std::fs::OpenOptions::new().create(true).append(true).open(file);
    opened.map(drop).map_err(|error| cannot_write(file, &error))
}

/// Writes the report.
pub(crate) fn write(decided: &[Decided<'_>], file: &Path) -> Result<(), Failure> {
    std::fs::write(file, text(decided)?).map_err(|error| cannot_write(file, &error))
}

fn cannot_write(file: &Path, error: &std::io::Error) -> Failure {
    Failure::new(
        format!("cannot write {}: {error}", file.display()),
        "name a file in a folder that exists and can be written to",
    )
}

fn claim<'a>(decided: &'a Decided<'_>) -> Claim<'a> {
    let cells = decided.cells.iter();
    Claim {
        id: &decided.claim.id,
        source: &decided.claim.source,
        statement: &decided.claim.statement,
        verdict: decided.claim.verdict.word(),
        meaning: &decided.claim.meaning,
        note: decided.claim.note.as_deref(),
        ok: decided.ok(),
        engines: cells.map(|(engine, cell)| (engine.word(), of_cell(cell))).collect(),
    }
}

fn of_cell<'a>(cell: &'a Cell<'_>) -> Engine<'a> {
    let joined = |words: Vec<&str>| words.join(", ");
    let found: Vec<&str> = cell.cases.iter().filter_map(|case| case.found.as_deref()).collect();
    Engine {
        verdict: Verdict {
            expected: joined(cell.cases.iter().map(|case| &*case.expected).collect()),
            found: (!found.is_empty()).then(|| joined(found)),
            ok: cell.ok(),
            skipped: cell.skipped(),
            explored: explored(cell.work(), cell.skipped().is_some()),
        },
        cases: cell.cases.iter().map(of_case).collect(),
    }
}

fn of_case<'a>(case: &'a CaseCell<'_>) -> Case<'a> {
    let all: Vec<&(Job, Work)> = case.work.iter().collect();
    let mut passes = BTreeMap::new();
    for (job, work) in &case.work {
        if let Job::Pass(_, pass) = job {
            passes.insert(pass.word(), explored(work.clone(), false));
        }
    }
    Case {
        name: case.case.name.as_deref(),
        scenario: case.case.scenario.as_deref(),
        model: case.case.model.as_deref(),
        property: &case.case.property,
        verdict: Verdict {
            expected: case.expected.clone(),
            found: case.found.clone(),
            ok: case.ok(),
            skipped: case.skipped.as_deref(),
            explored: explored(Work::sum(&all), case.skipped.is_some()),
        },
        faults: &case.faults,
        passes,
    }
}

fn explored(work: Work, skipped: bool) -> Explored {
    Explored {
        states: work.states,
        edges: work.edges,
        states_covered: work.states_covered,
        edges_covered: work.edges_covered,
        extra_edges: work.extra_edges,
        executions: work.executions,
        classes: work.classes,
        bound: work.bound,
        // Milliseconds are as fine as a run of a process can be said to be.
        seconds: (!skipped).then(|| (work.seconds * 1000.0).round() / 1000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::text;
    use crate::made_up;

    #[test]
    fn the_report_has_the_shape_that_readers_rely_on() {
        made_up::with_decided(|decided| insta::assert_snapshot!(text(decided).unwrap()));
    }
}
