//! A state graph in canonical form.

use std::ops::Range;

use crate::delta::{self, Change};
use crate::value::Value;

mod canonical;
mod compare;
mod stats;

pub use stats::{Schedules, Stats};

/// A state: one value for each of [`Graph::variables`], in that order.
pub type State = Vec<Value>;

/// A step of the specification.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Edge {
    /// The state before the step.
    pub from: usize,
    /// The state after it.
    pub to: usize,
    /// The action, which in PlusCal is the label.
    pub action: String,
    /// What the action was applied to, where TLC printed it: for PlusCal the process.
    pub param: Option<String>,
}

impl Edge {
    /// The action as TLC prints it: `Label` or `Label(param)`.
    pub fn label(&self) -> String {
        match &self.param {
            Some(param) => format!("{}({param})", self.action),
            None => self.action.clone(),
        }
    }
}

/// Why states and edges make no graph.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// There is no initial state.
    #[error("there is no initial state")]
    NoInitialState,
    /// A variable has no identifier for its name.
    #[error("`{0}` is no name for a variable")]
    VariableName(String),
    /// A variable occurs twice.
    #[error("the variable `{0}` occurs twice")]
    RepeatedVariable(String),
    /// A state has more or fewer values than there are variables.
    #[error("state {node} has {found} values, but there are {variables} variables")]
    Arity {
        /// The state, as the caller numbered it.
        node: usize,
        /// How many values it has.
        found: usize,
        /// How many variables there are.
        variables: usize,
    },
    /// An edge or the list of initial states names a state that does not exist.
    #[error("state {0} is named but does not exist")]
    UnknownState(usize),
    /// Two states have the same values.
    #[error("states {0} and {1} are the same")]
    RepeatedState(usize, usize),
    /// No path leads from an initial state to this one.
    #[error("state {0} cannot be reached from an initial state")]
    Unreachable(usize),
}

/// A state graph in canonical form: graphs of the same behaviour are equal, whatever order TLC
/// wrote them in.
///
/// - Variables are sorted by name.
/// - States are numbered breadth-first: first the initial states, sorted by value, then the
///   successors of each state in the order of action, param and value. So the initial states are
///   the first ones, and the first state with some property is as near as any.
/// - Edges are sorted by state before, action, param and state after; duplicates are dropped.
/// - PlusCal's `Terminating` self-loop is dropped. Other self-loops are kept.
///
/// ```
/// use lockstep::graph::{Edge, Graph};
///
/// let edge = |from, to, action: &str| Edge { from, to, action: action.into(), param: None };
/// let graph = Graph::new(
///     "countdown",
///     "Countdown",
///     vec!["n".into()],
///     vec![vec![0.into()], vec![1.into()], vec![2.into()]],
///     vec![2],
///     vec![edge(2, 1, "Step"), edge(1, 0, "Step"), edge(0, 0, "Terminating")],
/// )?;
/// assert_eq!(graph.value(0, "n"), Some(&2.into()));
/// assert_eq!(graph.successors(0), [edge(0, 1, "Step")]);
/// assert!(graph.successors(2).is_empty());
/// # Ok::<(), lockstep::graph::GraphError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graph {
    name: String,
    module: String,
    variables: Vec<String>,
    states: Vec<State>,
    initial: Vec<usize>,
    edges: Vec<Edge>,
    /// The edges from state `n` are `edges[starts[n]..starts[n + 1]]`.
    starts: Vec<usize>,
    /// The edge that numbered each state: the last one of a shortest path to it.
    reached_by: Vec<Option<usize>>,
}

impl Graph {
    /// Brings states and edges into canonical form.
    ///
    /// # Errors
    ///
    /// If the parts do not fit together; see [`GraphError`]. The numbers in the error are those of
    /// the arguments.
    pub fn new(
        name: impl Into<String>,
        module: impl Into<String>,
        variables: Vec<String>,
        states: Vec<State>,
        initial: Vec<usize>,
        edges: Vec<Edge>,
    ) -> Result<Self, GraphError> {
        canonical::graph(name.into(), module.into(), variables, states, initial, edges)
    }

    /// The name of the configuration.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The TLA+ module.
    pub fn module(&self) -> &str {
        &self.module
    }

    /// The variables, sorted by name.
    pub fn variables(&self) -> &[String] {
        &self.variables
    }

    /// The states by number.
    pub fn states(&self) -> &[State] {
        &self.states
    }

    /// The initial states.
    pub fn initial(&self) -> &[usize] {
        &self.initial
    }

    /// The edges, sorted by (from, action, param, to).
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// The edges from a state; none for a state that does not exist.
    pub fn successors(&self, node: usize) -> &[Edge] {
        &self.edges[self.successor_range(node)]
    }

    /// Where in [`Graph::edges`] the edges from a state are.
    pub fn successor_range(&self, node: usize) -> Range<usize> {
        match (self.starts.get(node), self.starts.get(node.saturating_add(1))) {
            (Some(start), Some(end)) => *start..*end,
            _ => 0..0,
        }
    }

    /// The value of a variable in a state.
    pub fn value(&self, node: usize, variable: &str) -> Option<&Value> {
        self.states.get(node)?.get(self.variable(variable)?)
    }

    /// Where in a [`State`] a variable is.
    pub fn variable(&self, name: &str) -> Option<usize> {
        self.variables.binary_search_by(|variable| variable.as_str().cmp(name)).ok()
    }

    /// The last edge of the shortest path to a state that the numbering followed; none for an
    /// initial state.
    pub fn reached_by(&self, node: usize) -> Option<&Edge> {
        self.edges.get((*self.reached_by.get(node)?)?)
    }

    /// The places that a step from one state to another changes.
    pub fn changes(&self, before: &State, after: &State) -> Vec<Change> {
        delta::changes(&self.variables, before, after)
    }

    /// A state as TLC prints it: one line `/\ variable = value` for each variable.
    pub fn describe(&self, node: usize) -> String {
        let state = self.states.get(node).map(Vec::as_slice).unwrap_or_default();
        let conjuncts = self.variables.iter().zip(state);
        let lines: Vec<_> =
            conjuncts.map(|(variable, value)| format!("/\\ {variable} = {value}")).collect();
        lines.join("\n")
    }

    /// A shortest path from an initial state to a state: each entry is a state and the edge that
    /// led to it, none for the first. Empty for a state that does not exist.
    pub fn path_to(&self, node: usize) -> Vec<(Option<&Edge>, usize)> {
        let mut path = Vec::new();
        let mut next = (node < self.states.len()).then_some(node);
        while let Some(node) = next {
            let edge = self.reached_by(node);
            path.push((edge, node));
            next = edge.map(|edge| edge.from);
        }
        path.reverse();
        path
    }

    /// A shortest path from an initial state to a state that satisfies a predicate, as
    /// [`Graph::path_to`] returns it; none if no state does.
    pub fn shortest_trace(
        &self,
        predicate: impl Fn(&State) -> bool,
    ) -> Option<Vec<(Option<&Edge>, usize)>> {
        // States are numbered breadth-first, so the first is a nearest.
        self.states.iter().position(predicate).map(|node| self.path_to(node))
    }
}
