//! The walk: drives the code along every edge of the spec's graph and compares every state.
//!
//! At each decision three things must agree between the graph's node and the running code: the values of the
//! variables, the set of threads that can do a step, and, after the step, the successor. The walk prefers an
//! edge that it has not taken and otherwise goes towards the nearest one, so that its cost follows the edges and
//! not the schedules. The step into a terminal state counts like any other.

use crate::divergence::Divergence;
use crate::graph::Graph;
use crate::probe::Probe;

mod compare;
mod map;
mod report;
mod walker;

use map::Map;

/// How a walk is done.
#[derive(Debug, Clone)]
pub struct Options {
    /// Variables of the spec that the code does not show. Each weakens the argument; name the reason beside it.
    pub unobserved: Vec<String>,
    /// Whole random schedules after the graph is covered.
    pub random: u64,
    /// If the graph has at most so many maximal paths, every one of them is run and counted too.
    pub blind_limit: u128,
    /// The seed of the random schedules.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { unobserved: Vec::new(), random: 200, blind_limit: 20_000, seed: 1 }
    }
}

/// What a walk found.
#[derive(Debug, Clone, Default)]
pub struct Walk {
    /// States of the graph.
    pub states: usize,
    /// Edges of the graph.
    pub edges: usize,
    /// States that the code was in.
    pub states_covered: usize,
    /// Edges that the code took.
    pub edges_covered: usize,
    /// Steps of the code that the graph lacks. The walk ends at the first.
    pub extra_edges: usize,
    /// Executions that covering took.
    pub runs: u64,
    /// Random whole schedules run after that.
    pub random_runs: u64,
    /// Schedules of the blind search, where it was run: exactly the graph's maximal paths.
    pub blind_runs: Option<u64>,
    /// Where code and graph first differ.
    pub divergence: Option<Divergence>,
}

impl Walk {
    /// Whether the code's reachable graph is the spec's: everything covered, nothing beyond it.
    pub fn same(&self) -> bool {
        self.divergence.is_none()
            && self.extra_edges == 0
            && self.states_covered == self.states
            && self.edges_covered == self.edges
    }
}

/// The graph cannot be walked at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WalkError {
    /// The graph has no or several initial states.
    #[error(
        "graph {graph} has {count} initial states; a walk needs exactly one: fix the configuration's initial values"
    )]
    Initial {
        /// The graph's name.
        graph: String,
        /// How many it has.
        count: usize,
    },
    /// No `pc`.
    #[error(
        "graph {graph} has no variable pc; write the module in PlusCal, or declare `pc` as a function from process to label"
    )]
    NoPc {
        /// The graph's name.
        graph: String,
    },
    /// An edge's thread cannot be told.
    #[error(
        "graph {graph}: edge {edge} moves {moved} threads by the difference of pc; each step must be exactly one thread's (a label that jumps to itself moves none)"
    )]
    Mover {
        /// The graph's name.
        graph: String,
        /// The edge, as text.
        edge: String,
        /// How many threads it moves.
        moved: usize,
    },
    /// A process of the spec is no thread of the code or the other way round.
    #[error(
        "graph {graph} has the processes {spec:?}, the code the threads {code:?}; give them the same names"
    )]
    Threads {
        /// The graph's name.
        graph: String,
        /// The spec's processes.
        spec: Vec<String>,
        /// The code's threads.
        code: Vec<String>,
    },
    /// A variable is said to be unobserved that is none of the graph's.
    #[error("graph {graph} has no variable {name}; take it out of the unobserved ones")]
    Unobserved {
        /// The graph's name.
        graph: String,
        /// The variable.
        name: String,
    },
}

/// Walks the program through the graph.
///
/// `program` is run once per execution: it builds a new world, which the probe then shows, spawns the threads and
/// does the work of thread 0.
///
/// # Errors
/// [`WalkError`] when the graph is not one that can be walked. A difference between code and graph is no error: it
/// is in the result.
pub fn walk(
    graph: &Graph,
    options: Options,
    probe: impl Probe + 'static,
    program: impl Fn() + Send + Sync + 'static,
) -> Result<Walk, WalkError> {
    let map = Map::new(graph, &probe.threads())?;
    if let Some(name) = options.unobserved.iter().find(|name| graph.variable(name).is_none()) {
        return Err(WalkError::Unobserved { graph: graph.name().to_owned(), name: name.clone() });
    }
    Ok(walker::run(graph, map, options, probe, program))
}
