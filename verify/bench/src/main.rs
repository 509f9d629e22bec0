//! `ci/bench`: graceref beside what else there is.
//!
//! | module | what lives there |
//! |---|---|
//! | `subjects` | the contenders, each in its own words |
//! | `works` | the works: what is done, and who does it |
//! | `harness` | how a contender is run and timed |
//! | `bytes` | what an object costs in memory |
//! | `targets` | the ratios to reach |
//! | `report`, `machine` | what was measured, and where |
//! | `args`, `table`, `docs`, `failure` | what is read and printed |

// A call that the harness adds would be timed with what it calls.
#![allow(clippy::inline_always)]

mod args;
mod bytes;
mod docs;
mod failure;
mod harness;
mod machine;
mod report;
mod subjects;
mod table;
mod targets;
mod works;

use crate::args::Args;
use crate::failure::Failure;
use crate::harness::{Budget, Crew, Group, measure};
use crate::report::{Report, Row};
use crate::table::Shape;
use crate::targets::{Outcome, outcomes};
use crate::works::WORKS;
use clap::Parser as _;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// How many objects live in the reactor's program.
const LIVE: usize = 100_000;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(failure) => {
            let _ = writeln!(anstream::stderr(), "{failure}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> Result<bool, Failure> {
    let works = chosen(&args.works)?;
    if args.list {
        print(&list(&works));
        return Ok(true);
    }
    let root = root()?;
    let file = args.json.clone().unwrap_or_else(|| root.join("target").join("bench.json"));
    reserve(&file)?;
    let report = measured(&works, args)?;
    let outcomes = outcomes(&report);
    write_json(&file, &report, &outcomes)?;
    print(&said(&report, &outcomes));
    if args.update_docs {
        docs::update(&root.join("docs").join("benchmarks.md"), &report)?;
    }
    if !args.check {
        return Ok(true);
    }
    let missed = targets::check(&report, &outcomes, !args.works.is_empty())?;
    for line in &missed {
        let _ = writeln!(anstream::stderr(), "missed: {line}");
    }
    Ok(missed.is_empty())
}

/// The works asked for, or all; in the order of the table.
fn chosen(asked: &[String]) -> Result<Vec<&'static str>, Failure> {
    let names: Vec<&str> = WORKS.iter().map(|(name, _)| *name).collect();
    if let Some(unknown) = asked.iter().find(|name| !names.contains(&name.as_str())) {
        let what = format!("there is no work {unknown}");
        return Err(Failure::new(what, format!("name one of: {}", names.join(", "))));
    }
    let wanted = |name: &&str| asked.is_empty() || asked.iter().any(|other| other == name);
    Ok(names.into_iter().filter(wanted).collect())
}

fn list(works: &[&'static str]) -> String {
    let mut out = String::new();
    for (work, step) in WORKS.iter().filter(|(work, _)| works.contains(work)) {
        let _ = writeln!(out, "{work}: {step}");
        for group in works::groups(work, LIVE) {
            let names: Vec<&str> = group.subjects.iter().map(|subject| subject.name).collect();
            let _ = writeln!(out, "  {}: {}", group.variant, names.join(", "));
        }
    }
    for absent in report::absent() {
        let _ = writeln!(out, "absent: {}: {}", absent.subject, absent.why);
    }
    out
}

fn measured(works: &[&'static str], args: &Args) -> Result<Report, Failure> {
    let (rounds, batch) = if args.quick { (7, 1) } else { (41, 4) };
    let budget = Budget {
        rounds: args.rounds.map_or(rounds, usize::from),
        batch: Duration::from_millis(batch),
    };
    // First, while the heap is empty.
    let bytes = bytes::measure();
    let groups: Vec<Group> = works.iter().flat_map(|work| works::groups(work, LIVE)).collect();
    let progress = progress(groups.len() * (budget.rounds + 1));
    let mut crew = Crew::new();
    let mut rows: Vec<Row> = Vec::new();
    for group in &groups {
        progress.set_message(format!("{} ({})", group.work, group.variant));
        if progress.is_hidden() {
            eprintln!("{} ({})", group.work, group.variant);
        }
        let measured = measure(group, &mut crew, budget, || progress.inc(1))?;
        rows.extend(measured.into_iter().map(Row::from));
    }
    progress.finish_and_clear();
    Ok(Report {
        machine: machine::Machine::here(),
        versions: machine::versions(),
        rounds: budget.rounds,
        batch_ms: budget.batch.as_secs_f64() * 1e3,
        batches: rows.len() * budget.rounds,
        disturbed: rows.iter().flat_map(|row| &row.rounds).filter(|round| round.disturbed).count(),
        rows,
        overhead_bytes: subjects::graceref::overhead_bytes(),
        bytes,
        absent: report::absent(),
    })
}

/// A line that moves on a terminal; elsewhere each group is named as it begins.
fn progress(steps: usize) -> ProgressBar {
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(Some(steps as u64), target);
    // The template is a constant; were it wrong, the default style would do. No ticking thread: it would
    // disturb what is measured.
    if let Ok(style) = ProgressStyle::with_template("[{pos}/{len}] {elapsed} {msg}") {
        bar.set_style(style);
    }
    bar
}

/// The nearest folder above that has spec/ and verify/, else the one that this program was built in.
fn root() -> Result<PathBuf, Failure> {
    let is_root = |dir: &&Path| dir.join("spec").is_dir() && dir.join("verify").is_dir();
    let here = std::env::current_dir().unwrap_or_default();
    let built_in = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = here.ancestors().find(is_root).or_else(|| built_in.ancestors().find(is_root));
    found.map(Path::to_owned).ok_or_else(|| {
        let what = "this is not inside the project: no folder above has spec/ and verify/";
        Failure::new(what, "change into the repository")
    })
}

/// Sees now, and not after minutes, that the file can be written.
fn reserve(file: &Path) -> Result<(), Failure> {
    if let Some(dir) = file.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        std::fs::create_dir_all(dir).map_err(|error| cannot_write(file, &error))?;
    }
    let open = std::fs::OpenOptions::new().create(true).append(true).open(file);
    open.map(drop).map_err(|error| cannot_write(file, &error))
}

fn cannot_write(file: &Path, error: &std::io::Error) -> Failure {
    Failure::new(
        format!("cannot write {}: {error}", file.display()),
        "name another with --json FILE",
    )
}

/// The report and what became of the targets, as the file has them.
#[derive(Serialize)]
struct File<'a> {
    #[serde(flatten)]
    report: &'a Report,
    targets: &'a [Outcome],
}

fn json(report: &Report, targets: &[Outcome]) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(&File { report, targets }).map(|text| text + "\n")
}

fn write_json(file: &Path, report: &Report, targets: &[Outcome]) -> Result<(), Failure> {
    let text = json(report, targets).map_err(std::io::Error::from);
    text.and_then(|text| std::fs::write(file, text)).map_err(|error| cannot_write(file, &error))
}

/// Everything for the terminal.
fn said(report: &Report, outcomes: &[Outcome]) -> String {
    let mut out = table::render(report, Shape::Plain);
    out.push_str(&table::bytes(report, Shape::Plain));
    for absent in &report.absent {
        let _ = writeln!(out, "absent: {}: {}", absent.subject, absent.why);
    }
    if !report.absent.is_empty() {
        out.push('\n');
    }
    out.push_str(&table::targets(outcomes, Shape::Plain));
    out.push('\n');
    out.push_str(&table::disturbed(report));
    out
}

fn print(text: &str) {
    // A reader that has gone away is no failure.
    let _ = anstream::stdout().lock().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::{chosen, json};
    use crate::harness::Round;
    use crate::report::{Absent, Report, Row};
    use crate::targets::outcomes;

    #[test]
    fn the_file_has_the_promised_shape() {
        let row = Row {
            work: "get".to_owned(),
            threads: 2,
            subject: "arc".to_owned(),
            median_ns: 4.5,
            p10_ns: 4.25,
            p90_ns: 5.0,
            variant: "one object".to_owned(),
            rounds: vec![Round { ns: 4.5, disturbed: false }],
        };
        let absent = Absent { subject: "liburcu".to_owned(), why: "not here".to_owned() };
        let report = Report {
            machine: crate::machine::Machine::here(),
            versions: crate::machine::versions(),
            rounds: 1,
            batch_ms: 2.0,
            batches: 1,
            disturbed: 0,
            rows: vec![row.clone()],
            overhead_bytes: 16,
            bytes: Vec::new(),
            absent: vec![absent],
        };
        let text = json(&report, &outcomes(&report)).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let mut keys: Vec<&String> = value["rows"][0].as_object().unwrap().keys().collect();
        keys.sort();
        let promised = ["median_ns", "p10_ns", "p90_ns", "subject", "threads", "variant", "work"];
        assert_eq!(keys, promised);
        assert!(value["machine"]["cores"].as_u64().unwrap() >= 1);
        assert!(value["versions"]["graceref"].is_string());
        assert_eq!(value["targets"].as_array().unwrap().len(), crate::targets::TARGETS.len());
        let back: Report = serde_json::from_str(&text).unwrap();
        assert_eq!(back.rows, [Row { rounds: Vec::new(), ..row }]);
    }

    #[test]
    fn works_are_run_in_the_order_of_the_table_whatever_the_order_asked_for() {
        let asked = ["reactor".to_owned(), "get".to_owned()];
        assert_eq!(chosen(&asked).unwrap(), ["get", "reactor"]);
        assert_eq!(chosen(&[]).unwrap().len(), 6);
    }

    #[test]
    fn an_unknown_work_is_named_with_the_known_ones() {
        let failure = chosen(&["gets".to_owned()]).unwrap_err().to_string();
        assert!(failure.contains("no work gets"), "{failure}");
        assert!(failure.contains("read-lock"), "{failure}");
    }
}
