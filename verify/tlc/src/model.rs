//! What a model is: one configuration of one module, one question, the expected answer.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

/// What is asked of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Question {
    /// Do the invariants hold in every reachable state, and is there no deadlock?
    Safety,
    /// Do the temporal properties hold on every behaviour?
    Liveness,
    /// Is every behaviour one of the abstract module's?
    Refinement,
    /// Which states and edges are there at all? Answered without invariants, so that a broken
    /// variant gives its whole graph too.
    Graph,
    /// Does an invariant that must fail fail? If it holds, the model is vacuous.
    Bait,
    /// Is a state reachable? The invariant denies it; the counterexample is the way there.
    Witness,
}

impl Question {
    /// Whether TLC is to report a state without successor. Only safety asks: a graph is wanted whole,
    /// and the other questions are about something else.
    pub fn checks_deadlock(self) -> bool {
        self == Self::Safety
    }

    /// The word that `spec/models.toml` uses.
    pub fn word(self) -> &'static str {
        match self {
            Self::Safety => "safety",
            Self::Liveness => "liveness",
            Self::Refinement => "refinement",
            Self::Graph => "graph",
            Self::Bait => "bait",
            Self::Witness => "witness",
        }
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The answer that a model must give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// The search is complete and nothing was violated.
    Holds,
    /// This invariant or property is violated.
    Violated(String),
    /// A state without successor is reached.
    Deadlock,
}

impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holds => f.write_str("holds"),
            Self::Violated(name) => write!(f, "`{name}` violated"),
            Self::Deadlock => f.write_str("deadlock"),
        }
    }
}

/// One `[[model]]` of `spec/models.toml`, checked for sense.
#[derive(Clone, Debug)]
pub struct Model {
    /// Unique, kebab-case.
    pub name: String,
    /// The module: `Epoll` is `spec/Epoll.tla`.
    pub module: String,
    /// What is asked.
    pub question: Question,
    /// What the configuration shows, in one sentence.
    pub shows: String,
    /// Constants and their values as TLA+ text; a value that starts with `<-` names a definition.
    pub constants: BTreeMap<String, String>,
    /// Invariants of a safety, bait or witness model.
    pub invariants: Vec<String>,
    /// Properties of a liveness or refinement model.
    pub properties: Vec<String>,
    /// The behaviour specification, `Spec` unless said otherwise.
    pub spec: String,
    /// The expected answer.
    pub expect: Expect,
    /// States in the counterexample.
    pub trace: Option<u64>,
    /// Distinct states of the complete search.
    pub distinct: Option<u64>,
    /// Generated states of the complete search.
    pub generated: Option<u64>,
    /// Edges of the canonical graph.
    pub edges: Option<u64>,
    /// Maximal paths of the graph: a number, `cyclic` or `overflow`.
    pub schedules: Option<String>,
    /// Actions that never fire in this configuration.
    pub dead: Vec<String>,
    /// The line of `spec/models.toml` that the model starts at.
    pub line: usize,
}
