//! How `cargo verify` and the scenario runners talk: which passes an engine has, which build runs
//! them, and the one line of JSON that a pass answers with.

use claims::Engine;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;

/// One way to run a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Pass {
    /// The code's graph against the spec's.
    Lockstep,
    /// Every interleaving, states seen before pruned, ghost assertions on.
    Cached,
    /// Random schedules of a larger cast.
    Random,
    /// PCT schedules of a larger cast.
    Pct,
    /// loom with loads and stores as read-modify-writes: complete for interleavings.
    Rmw,
    /// loom as it is: weak memory.
    Native,
    /// Real threads.
    Threads,
    /// The running kernel.
    Kernel,
}

impl Pass {
    pub(crate) const ALL: [Pass; 8] = [
        Pass::Lockstep,
        Pass::Cached,
        Pass::Random,
        Pass::Pct,
        Pass::Rmw,
        Pass::Native,
        Pass::Threads,
        Pass::Kernel,
    ];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Pass::Lockstep => "lockstep",
            Pass::Cached => "cached",
            Pass::Random => "random",
            Pass::Pct => "pct",
            Pass::Rmw => "rmw",
            Pass::Native => "native",
            Pass::Threads => "threads",
            Pass::Kernel => "kernel",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Pass> {
        Pass::ALL.into_iter().find(|pass| pass.word() == word)
    }

    /// The passes from which an engine's verdict on a scenario is made.
    pub(crate) fn of(engine: Engine) -> &'static [Pass] {
        match engine {
            Engine::Tlc => &[],
            Engine::Lockstep => &[Pass::Lockstep],
            Engine::Shuttle => &[Pass::Cached, Pass::Random, Pass::Pct],
            Engine::Loom => &[Pass::Rmw, Pass::Native],
            Engine::Threads => &[Pass::Threads],
            Engine::Kernel => &[Pass::Kernel],
        }
    }

    /// The passes that must have run before an engine's verdict can be given: its own, and for loom
    /// the one whose classes its RMW pass must match.
    pub(crate) fn needed_by(engine: Engine) -> &'static [Pass] {
        match engine {
            Engine::Loom => &[Pass::Rmw, Pass::Native, Pass::Cached],
            other => Pass::of(other),
        }
    }

    /// The build of the runner that it needs.
    pub(crate) fn build(self) -> Build {
        match self {
            Pass::Lockstep | Pass::Cached | Pass::Random | Pass::Pct => Build::Shuttle,
            Pass::Rmw | Pass::Native => Build::Loom,
            Pass::Threads | Pass::Kernel => Build::Plain,
        }
    }

    /// Whether it does the same thing on every machine, so that its numbers are pinned.
    pub(crate) fn is_deterministic(self) -> bool {
        matches!(self, Pass::Lockstep | Pass::Cached | Pass::Rmw | Pass::Native)
    }

    /// Whether it tries schedules, of which a concurrent scenario has more than one.
    pub(crate) fn tries_schedules(self) -> bool {
        matches!(self, Pass::Cached | Pass::Random | Pass::Pct | Pass::Rmw | Pass::Native)
    }
}

impl fmt::Display for Pass {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.word())
    }
}

/// One of the three builds of the runner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Build {
    Plain,
    Loom,
    Shuttle,
}

impl Build {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Build::Plain => "plain",
            Build::Loom => "loom",
            Build::Shuttle => "shuttle",
        }
    }

    /// The cfg that makes it.
    pub(crate) fn cfg(self) -> Option<&'static str> {
        match self {
            Build::Plain => None,
            Build::Loom => Some("graceref_loom"),
            Build::Shuttle => Some("graceref_shuttle"),
        }
    }
}

impl fmt::Display for Build {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.word())
    }
}

/// A line of `scenario list`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Listed {
    pub(crate) scenario: String,
    pub(crate) engines: Vec<String>,
}

/// What a pass of a scenario answers with.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PassReport {
    pub(crate) scenario: String,
    pub(crate) pass: String,
    /// The build that the runner says it is.
    pub(crate) engine: String,
    pub(crate) violations: Vec<Violation>,
    pub(crate) witnesses: Vec<String>,
    pub(crate) executions: u64,
    pub(crate) states: Option<u64>,
    pub(crate) edges: Option<u64>,
    pub(crate) states_covered: Option<u64>,
    pub(crate) edges_covered: Option<u64>,
    pub(crate) extra_edges: Option<u64>,
    /// Equivalence classes of interleavings, and a digest of the set of them.
    pub(crate) classes: Option<u64>,
    pub(crate) class_digest: Option<String>,
    /// `unbounded`, or what bounded the search.
    pub(crate) bound: String,
    pub(crate) complete: bool,
    pub(crate) seconds: f64,
    /// Where code and spec part, as lockstep draws it.
    pub(crate) divergence: Option<String>,
    /// The way to each violation or witness, where the pass keeps it.
    pub(crate) traces: Vec<Trace>,
    /// The shortest program to each, where the scenario is one of calls.
    pub(crate) programs: Vec<Listing>,
    /// The steps in the words of the system that the scenario mirrors, by label.
    pub(crate) words: BTreeMap<String, String>,
    pub(crate) skipped: Option<String>,
}

/// A property that some execution violated.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Violation {
    pub(crate) property: String,
    pub(crate) detail: String,
}

/// A program that shows a violation or a witness, a call a line.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Listing {
    pub(crate) property: String,
    pub(crate) lines: Vec<String>,
}

/// An execution that shows a violation or a witness.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Trace {
    pub(crate) property: String,
    pub(crate) steps: Vec<TraceStep>,
}

/// A step of the way to a violation.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TraceStep {
    pub(crate) thread: usize,
    pub(crate) name: String,
    pub(crate) label: String,
    pub(crate) text: String,
    pub(crate) notes: Vec<String>,
    pub(crate) fatal: Option<String>,
}

/// Reads what a runner printed: exactly one line.
pub(crate) fn read_report(stdout: &str, scenario: &str, pass: Pass) -> Result<PassReport, String> {
    let mut lines = stdout.lines().filter(|line| !line.trim().is_empty());
    let (Some(line), None) = (lines.next(), lines.next()) else {
        let count = stdout.lines().filter(|line| !line.trim().is_empty()).count();
        return Err(format!("the runner printed {count} lines where one line of JSON is due"));
    };
    let report: PassReport = serde_json::from_str(line)
        .map_err(|error| format!("the runner's line is not what it should be: {error}"))?;
    if report.scenario != scenario || report.pass != pass.word() {
        return Err(format!(
            "asked for {scenario} {pass}, the runner answered about {} {}",
            report.scenario, report.pass
        ));
    }
    // RUSTFLAGS are easily lost on the way to a build, and a plain build passes everything.
    if report.engine != pass.build().word() {
        return Err(format!(
            "the runner was built for `{}` where the pass {pass} needs `{}`",
            report.engine,
            pass.build()
        ));
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"scenario":"s","pass":"cached","engine":"shuttle","violations":[],
        "witnesses":[],"executions":3653,"bound":"unbounded","complete":true,"seconds":0.5,
        "divergence":null,"skipped":null}"#;

    #[test]
    fn one_line_is_a_report_and_anything_else_is_an_error() {
        let line = LINE.replace('\n', "");
        assert_eq!(read_report(&line, "s", Pass::Cached).unwrap().executions, 3653);
        for (stdout, scenario, pass, message) in [
            (String::new(), "s", Pass::Cached, "printed 0 lines"),
            (format!("{line}\n{line}\n"), "s", Pass::Cached, "printed 2 lines"),
            ("{\"scenario\":1}".to_owned(), "s", Pass::Cached, "not what it should be"),
            (line.clone(), "t", Pass::Cached, "asked for t cached"),
            (line.replace("\"shuttle\"", "\"plain\""), "s", Pass::Cached, "built for `plain`"),
        ] {
            let error = read_report(&stdout, scenario, pass).unwrap_err();
            assert!(error.contains(message), "{error}");
        }
    }

    #[test]
    fn every_pass_belongs_to_an_engine() {
        for pass in Pass::ALL {
            assert_eq!(Pass::from_word(pass.word()), Some(pass));
            assert!(Engine::ALL.iter().any(|&engine| Pass::of(engine).contains(&pass)));
        }
    }
}
