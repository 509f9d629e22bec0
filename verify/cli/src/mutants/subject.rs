//! What can be run: a scenario under a pass, or one of the crate's model tests.

use super::BUILDS;
use super::inventory::{Inventory, Kind, Mutant};
use crate::failure::{Failure, tail};
use crate::number::count;
use crate::protocol::{Build, Pass, PassReport, read_report};
use crate::root::Root;
use crate::runners::Runners;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// An engine that a mutant is shown to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Engine {
    /// The native pass: the one that knows of orderings.
    Loom,
    /// The state-cached pass, and random schedules of the model tests.
    Shuttle,
    Lockstep,
}

impl Engine {
    pub(super) const ALL: [Engine; 3] = [Engine::Loom, Engine::Shuttle, Engine::Lockstep];

    pub(super) fn word(self) -> &'static str {
        match self {
            Engine::Loom => "loom",
            Engine::Shuttle => "shuttle",
            Engine::Lockstep => "lockstep",
        }
    }

    fn pass(self) -> Pass {
        match self {
            Engine::Loom => Pass::Native,
            Engine::Shuttle => Pass::Cached,
            Engine::Lockstep => Pass::Lockstep,
        }
    }
}

#[derive(Debug, Clone)]
enum What {
    Scenario(String),
    /// A test in a file of impl/graceref/tests.
    Test {
        file: String,
        name: String,
    },
}

/// Something that runs the crate's code under an engine.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    pub(super) engine: Engine,
    what: What,
}

/// What a run came to.
#[derive(Debug, Default)]
pub(super) struct Ran {
    /// The properties that broke, and other ways to fail.
    pub(super) found: BTreeSet<String>,
    pub(super) executions: u64,
    pub(super) inventory: Inventory,
    seconds: f64,
}

/// A run that takes longer than this many times as long as without the mutant is given up.
const PATIENCE: f64 = 20.0;
/// However short it was.
const AT_LEAST: Duration = Duration::from_secs(20);
/// Without a mutant.
const AT_MOST: Duration = Duration::from_mins(5);

/// Everything there is to run, built.
pub(super) fn all(
    root: &Root,
    runners: &Runners,
    tests_only: bool,
) -> Result<Vec<Subject>, Failure> {
    let files = model_tests(root).map_err(|error| {
        Failure::new(
            format!("cannot read impl/graceref/tests: {error}"),
            "see that the folder is there",
        )
    })?;
    let mut subjects = Vec::new();
    for build in BUILDS {
        let mut scenarios = BTreeMap::new();
        if !tests_only {
            runners.make(build)?;
            scenarios = runners.list(build)?;
        }
        runners.make_tests(build, &files)?;
        for (scenario, engines) in scenarios {
            for engine in Engine::ALL.into_iter().filter(|engine| engine.pass().build() == build) {
                if engines.iter().any(|word| word.word() == engine.word()) {
                    subjects.push(Subject { engine, what: What::Scenario(scenario.clone()) });
                }
            }
        }
        let engine = if build == Build::Loom { Engine::Loom } else { Engine::Shuttle };
        for file in &files {
            for name in tests_of(&runners.tests(build, file))? {
                subjects.push(Subject { engine, what: What::Test { file: file.clone(), name } });
            }
        }
    }
    Ok(subjects)
}

/// The test files of the crate that are for the engines' builds only.
fn model_tests(root: &Root) -> std::io::Result<Vec<String>> {
    const MARK: &str = "#![cfg(any(graceref_loom, graceref_shuttle))]";
    let mut files = Vec::new();
    for entry in fs::read_dir(root.dir().join("impl/graceref/tests"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "rs") && fs::read_to_string(&path)?.contains(MARK)
        {
            files.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    files.sort();
    Ok(files)
}

fn tests_of(program: &Path) -> Result<Vec<String>, Failure> {
    let wrong = |error: String| {
        Failure::new(
            format!("{} does not list its tests: {error}", program.display()),
            "see what it prints with --list --format terse",
        )
    };
    let output = Command::new(program)
        .args(["--list", "--format", "terse"])
        .output()
        .map_err(|error| wrong(error.to_string()))?;
    if !output.status.success() {
        return Err(wrong(output.status.to_string()));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect())
}

impl Subject {
    pub(super) fn name(&self) -> String {
        match &self.what {
            What::Scenario(name) => format!("{name} {}", self.engine.pass().word()),
            What::Test { .. } => format!("{} ({})", self.short(), self.engine.word()),
        }
    }

    /// The name without the engine, for a table that has a column for each.
    pub(super) fn short(&self) -> String {
        match &self.what {
            What::Scenario(name) => name.clone(),
            What::Test { name, .. } => name.replace('_', " "),
        }
    }

    fn command(&self, runners: &Runners) -> Command {
        let build = self.engine.pass().build();
        match &self.what {
            What::Scenario(name) => {
                let mut command = Command::new(runners.program(build));
                command.args(["run", name, "--pass", self.engine.pass().word()]);
                command
            }
            What::Test { file, name } => {
                let mut command = Command::new(runners.tests(build, file));
                command.args(["--exact", name, "--nocapture", "--test-threads", "1"]);
                command
            }
        }
    }

    /// The same for a person.
    pub(super) fn by_hand(&self) -> String {
        let build = self.engine.pass().build();
        let flags = build.cfg().map(|cfg| format!("RUSTFLAGS='--cfg {cfg}' ")).unwrap_or_default();
        match &self.what {
            What::Scenario(name) => format!(
                "{flags}cargo run --profile model -p graceref-scenarios -- run {name} --pass {}",
                self.engine.pass().word()
            ),
            What::Test { file, name } => {
                format!(
                    "{flags}cargo test --profile model -p graceref --test {file} -- --exact {name}"
                )
            }
        }
    }

    /// Runs it, with a mutant on, if there is one, that is compared with the run without. The error says why there is no
    /// answer.
    pub(super) fn run(
        &self,
        runners: &Runners,
        mutant: Option<(&Mutant, &Ran)>,
    ) -> Result<Ran, String> {
        let scratch = Scratch::new().map_err(|error| format!("no scratch folder: {error}"))?;
        let file = |name: &str| File::create(scratch.0.join(name)).map_err(|e| e.to_string());
        let mut command = self.command(runners);
        command
            .stdin(Stdio::null())
            .stdout(file("out")?)
            .stderr(file("err")?)
            .env("GRACEREF_SITES", scratch.0.join("sites"))
            .env("GRACEREF_MUTANT", mutant.map_or("", |(mutant, _)| &mutant.name))
            .env("RUST_BACKTRACE", "0");
        let began = Instant::now();
        let child = command.spawn().map_err(|error| format!("it does not start: {error}"))?;
        let limit = mutant.map_or(AT_MOST, |(_, before)| {
            AT_LEAST.max(Duration::from_secs_f64(before.seconds * PATIENCE))
        });
        let Some(status) = wait(child, limit) else {
            return Err(format!("it was given up after {} s", limit.as_secs()));
        };
        let read = |name: &str| {
            let bytes = fs::read(scratch.0.join(name)).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let (out, err) = (read("out"), read("err"));
        let mut ran = match &self.what {
            What::Scenario(name) => read_scenario(status, &out, &err, name, self.engine.pass())?,
            What::Test { .. } => read_test(status, &out, &err),
        };
        ran.seconds = began.elapsed().as_secs_f64();
        ran.inventory = Inventory::read(&read("sites"))?;
        // A test that fails on the code as it is has nothing to be compared with.
        let fails = matches!(self.what, What::Test { .. }) && !ran.found.is_empty();
        if mutant.is_none() && fails {
            return Err(tail(&err, 12));
        }
        Ok(ran)
    }
}

/// The status of a process that ends in time.
fn wait(mut child: Child, limit: Duration) -> Option<ExitStatus> {
    let began = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if began.elapsed() < limit => std::thread::sleep(Duration::from_millis(2)),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
        }
    }
}

/// What the process does when the mutant's site did not run, or the mutant does not exist.
const UNAPPLIED: &str = "the mutant changed nothing";
const UNKNOWN: &str = "GRACEREF_MUTANT:";

fn read_scenario(
    status: ExitStatus,
    out: &str,
    err: &str,
    name: &str,
    pass: Pass,
) -> Result<Ran, String> {
    let mut ran = Ran::default();
    if err.contains(UNKNOWN) {
        return Err(tail(err, 3));
    }
    match read_report(out, name, pass) {
        Ok(report) => ran.enter(&report),
        // loom may end in a panic within a panic, before the record is written.
        Err(_) if !status.success() && !err.contains(UNAPPLIED) => {
            ran.found.insert(first_panic(err).unwrap_or_else(|| format!("ended with {status}")));
        }
        Err(error) => return Err(format!("{error}\n{}", tail(err, 6))),
    }
    Ok(ran)
}

fn read_test(status: ExitStatus, out: &str, err: &str) -> Ran {
    let number = |line: &str| {
        let head = &line[..line.find(" executions")?];
        head.rsplit(' ').next()?.replace(',', "").parse::<u64>().ok()
    };
    let mut ran = Ran { executions: out.lines().filter_map(number).sum(), ..Ran::default() };
    if !status.success() {
        ran.found.insert(first_panic(err).unwrap_or_else(|| format!("ended with {status}")));
    }
    ran
}

/// What the first panic said, in the properties' names where it says them.
fn first_panic(err: &str) -> Option<String> {
    let mut lines = err.lines().skip_while(|line| !line.contains("panicked at"));
    let said = lines.nth(1)?.trim();
    if said.contains("ausality violation") {
        return Some("NoDataRace".to_owned());
    }
    if said.starts_with("deadlock") {
        return Some("Deadlock".to_owned());
    }
    if said.contains("exceeded maximum") {
        return Some("Bounded".to_owned());
    }
    // A report that was not to be like that: the properties that broke, or its end that says none did.
    let report = || lines.clone().map(str::trim);
    let broke: Vec<&str> =
        report().filter_map(|line| line.split_once(" broke (").map(|(name, _)| name)).collect();
    if !broke.is_empty() {
        return Some(broke.join(", "));
    }
    if report().any(|line| line == "nothing broke") {
        return Some("finds nothing".to_owned());
    }
    Some(format!("panic: {}", said.chars().take(60).collect::<String>()))
}

impl Ran {
    fn enter(&mut self, report: &PassReport) {
        self.executions = report.executions;
        self.found.extend(report.violations.iter().map(|violation| violation.property.clone()));
        if report.divergence.is_some() {
            self.found.insert(DIVERGED.to_owned());
        }
    }

    /// What was found that was not found before; of a mutant that blinds the checkers, also what is no longer found.
    pub(super) fn news(&self, before: &Ran, kind: Kind) -> Option<String> {
        let difference = |here: &Ran, there: &Ran| -> Vec<String> {
            here.found.difference(&there.found).cloned().collect()
        };
        let lost = difference(before, self);
        if kind.blinds() && !lost.is_empty() {
            return Some(format!("no longer {}", lost.join(", ")));
        }
        let news = difference(self, before);
        (!news.is_empty()).then(|| news.join(", "))
    }

    pub(super) fn say(&self) -> String {
        let found: Vec<&str> = self.found.iter().map(String::as_str).collect();
        format!(
            "{} executions, {} sites {}",
            count(self.executions),
            self.inventory.len(),
            found.join(", ")
        )
    }
}

/// The code takes a step that the spec does not, or lacks one.
const DIVERGED: &str = "diverges";

/// A folder for what one process writes.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> std::io::Result<Scratch> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!(
            "graceref-mutants-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let dir = std::env::temp_dir().join(name);
        fs::create_dir(&dir)?;
        Ok(Scratch(dir))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Best effort: it lies in the folder for such things.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_fails_says_what_broke() {
        let said =
            |text: &str| first_panic(&format!("\nthread 'x' panicked at a.rs:1:2:\n{text}\n"));
        assert_eq!(
            said(
                "a::B (loom)\n  native  1 executions\nReleasedOnce broke (native pass): x\n\nNoLeak broke (native pass)"
            ),
            Some("ReleasedOnce, NoLeak".to_owned())
        );
        assert_eq!(said("x: a::B (loom)\n  nothing broke"), Some("finds nothing".to_owned()));
        assert_eq!(said("Causality violation: Concurrent write"), Some("NoDataRace".to_owned()));
        assert_eq!(said("an index comes"), Some("panic: an index comes".to_owned()));
        assert_eq!(first_panic("nothing"), None);
    }

    #[test]
    fn the_executions_of_a_test_are_those_of_all_its_passes() {
        let out = "a (loom)\n  read-modify-write  5,784 executions,  2 classes\n  native  16 executions: all\n";
        let status = <ExitStatus as std::os::unix::process::ExitStatusExt>::from_raw(0);
        assert_eq!(read_test(status, out, "").executions, 5_800);
    }

    #[test]
    fn a_changed_number_of_executions_is_no_news() {
        let before = Ran { executions: 3, ..Ran::default() };
        let mut after = Ran { executions: 4, ..Ran::default() };
        assert_eq!(after.news(&before, Kind::Access), None);
        after.found.insert("NoDataRace".to_owned());
        assert_eq!(after.news(&before, Kind::Access), Some("NoDataRace".to_owned()));
        assert_eq!(before.news(&after, Kind::Access), None);
        assert_eq!(before.news(&after, Kind::Retire), Some("no longer NoDataRace".to_owned()));
    }
}
