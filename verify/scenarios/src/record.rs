//! What a pass reports: one line of JSON.

use clap::ValueEnum;
use serde::Serialize;
use std::collections::BTreeMap;

/// One way of running a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Pass {
    /// shuttle: the code walked along the spec's graph.
    Lockstep,
    /// shuttle: every interleaving, state-cached, with the ghost assertions.
    Cached,
    /// shuttle: random schedules, with one more thread where the scenario has a crowd.
    Random,
    /// shuttle: probabilistic concurrency testing, likewise.
    Pct,
    /// loom: every access a read-modify-write; complete for interleavings.
    Rmw,
    /// loom: C11 weak memory.
    Native,
    /// Real threads.
    Threads,
    /// The running kernel.
    Kernel,
}

impl Pass {
    /// The claim register's name of the engine.
    pub fn engine(self) -> &'static str {
        match self {
            Pass::Lockstep => "lockstep",
            Pass::Cached | Pass::Random | Pass::Pct => "shuttle",
            Pass::Rmw | Pass::Native => "loom",
            Pass::Threads => "threads",
            Pass::Kernel => "kernel",
        }
    }

    /// The build that it needs.
    pub fn build(self) -> &'static str {
        match self {
            Pass::Lockstep | Pass::Cached | Pass::Random | Pass::Pct => "shuttle",
            Pass::Rmw | Pass::Native => "loom",
            Pass::Threads | Pass::Kernel => "plain",
        }
    }

    /// The pass's word.
    pub fn word(self) -> String {
        self.to_possible_value().map(|v| v.get_name().to_owned()).unwrap_or_default()
    }
}

/// How long a pass may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Budget {
    /// A tenth of the random schedules and rounds. The exhaustive passes stay exhaustive.
    Quick,
    /// What the numbers in the documentation are from.
    #[default]
    Default,
    /// A hundred times the random schedules and rounds.
    Soak,
}

impl Budget {
    /// So many at the default budget.
    pub fn scale(self, default: u64) -> u64 {
        match self {
            Budget::Quick => default / 10,
            Budget::Default => default,
            Budget::Soak => default * 100,
        }
    }
}

/// A property that broke.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct Violation {
    /// Its name.
    pub property: String,
    /// How.
    pub detail: String,
}

/// One step of the execution that shows what was found.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct Step {
    /// The thread's number.
    pub thread: usize,
    /// Its name.
    pub name: String,
    /// The step's label.
    pub label: String,
    /// What the step is in the system's own words; empty where the label says it.
    pub text: String,
    /// What the step changed.
    pub notes: Vec<String>,
    /// What broke here.
    pub fatal: Option<String>,
}

/// An execution that shows a property broken or a behaviour possible.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct Trace {
    /// The property's or behaviour's name.
    pub property: String,
    /// The steps; what it is about happens in the last.
    pub steps: Vec<Step>,
}

/// A program, as a list of calls with their answers, that shows a property broken or a behaviour possible.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct Listing {
    /// The property's or behaviour's name.
    pub property: String,
    /// A call a line.
    pub lines: Vec<String>,
}

/// What a pass found.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Record {
    /// The scenario's name.
    pub scenario: String,
    /// The pass's word.
    pub pass: String,
    /// The build: plain, loom or shuttle.
    pub engine: String,
    /// The properties that broke.
    pub violations: Vec<Violation>,
    /// The behaviours that were seen.
    pub witnesses: Vec<String>,
    /// How many executions were run.
    pub executions: u64,
    /// States of the graph (lockstep) or of the search (cached).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub states: Option<u64>,
    /// Edges likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edges: Option<u64>,
    /// States of the graph that the code was in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub states_covered: Option<u64>,
    /// Edges of the graph that the code took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edges_covered: Option<u64>,
    /// Steps of the code that the graph lacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extra_edges: Option<u64>,
    /// Complete executions up to the order of independent steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<u64>,
    /// A digest of that set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_digest: Option<String>,
    /// What bounded the search.
    pub bound: String,
    /// False if the search was cut off.
    pub complete: bool,
    /// How long it took.
    pub seconds: f64,
    /// Where code and graph first differ.
    pub divergence: Option<String>,
    /// The shortest execution for each violation and witness.
    pub traces: Vec<Trace>,
    /// The shortest program for each violation and witness, where the scenario is one of calls.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub programs: Vec<Listing>,
    /// The graph's steps in the words of the system that the scenario mirrors, by label.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub words: BTreeMap<String, &'static str>,
    /// Why the pass was not run.
    pub skipped: Option<String>,
}

impl Record {
    /// A record with nothing in it yet.
    pub fn new(scenario: &str, pass: Pass) -> Self {
        Self {
            scenario: scenario.to_owned(),
            pass: pass.word(),
            engine: pass.build().to_owned(),
            bound: "unbounded".to_owned(),
            complete: true,
            ..Self::default()
        }
    }

    /// Enters what the code recorded about itself.
    pub fn enter(&mut self, report: graceref::sync::model::Report) {
        for (property, detail) in report.violations {
            self.violations.push(Violation { property: property.to_owned(), detail });
        }
        self.witnesses.extend(report.witnesses.keys().map(|&name| name.to_owned()));
    }

    /// Enters the set of classes.
    #[cfg(any(graceref_loom, graceref_shuttle))]
    pub fn enter_classes(&mut self, classes: &std::collections::BTreeSet<u64>) {
        use graceref::sync::model::mix;
        let digest = classes.iter().fold(0, |digest, &class| mix(digest, class));
        self.classes = Some(classes.len() as u64);
        self.class_digest = Some(format!("{digest:016x}"));
    }
}
