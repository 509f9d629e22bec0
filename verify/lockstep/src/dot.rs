//! Reads what TLC writes with `-dump dot,actionlabels`.
//!
//! TLC names a state by its fingerprint, writes each state's values into the label of its node, and
//! marks the initial states as filled. Version 2.15 labels an edge with the bare action; newer
//! ones may add what it was applied to, a tooltip, or a second line.

use std::collections::HashMap;

use crate::graph::{Edge, Graph, GraphError, State};
use crate::value::{Value, ValueError};

mod scan;

use scan::{Attributes, Scanner, Statement};

/// Why a text is no dump of a state graph.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DotError {
    /// The text is no dot file of the form that TLC writes.
    #[error("line {line}, column {column}: expected {expected}, found {found}")]
    Syntax {
        /// The line, counted from 1.
        line: usize,
        /// The column in characters, counted from 1.
        column: usize,
        /// What would have been accepted.
        expected: String,
        /// What stood there.
        found: String,
    },
    /// A part of a label is no TLA+ value.
    #[error("line {line}: the variable `{variable}`: {source}")]
    Value {
        /// The line of the node.
        line: usize,
        /// The variable.
        variable: String,
        /// What is wrong, at a place within the unescaped value.
        source: ValueError,
    },
    /// The label of a node is no conjunction `variable = value`.
    #[error("line {line}: expected `variable = value` in the label, found `{found}`")]
    Conjunct {
        /// The line of the node.
        line: usize,
        /// The conjunct.
        found: String,
    },
    /// The states do not have the same variables.
    #[error("line {line}: the state lacks the variable `{variable}`, or has it twice")]
    Variables {
        /// The line of the node.
        line: usize,
        /// A variable that some state has.
        variable: String,
    },
    /// A state is written twice, with different values.
    #[error("line {line}: state {id} was written before, with other values")]
    Rewritten {
        /// The line of the second writing.
        line: usize,
        /// TLC's fingerprint of the state.
        id: i64,
    },
    /// An edge has no action.
    #[error("line {line}: an edge without an action; dump with `-dump dot,actionlabels`")]
    NoAction {
        /// The line of the edge.
        line: usize,
    },
    /// An edge leads from or to a state that is nowhere written.
    #[error("line {line}: state {id} is written nowhere in the dump")]
    UnknownState {
        /// The line of the edge.
        line: usize,
        /// TLC's fingerprint of the state.
        id: i64,
    },
    /// No path leads from an initial state to this one.
    #[error("state {id} cannot be reached from an initial state")]
    Unreachable {
        /// TLC's fingerprint of the state.
        id: i64,
    },
    /// Two states have the same values.
    #[error("states {first} and {second} have the same values")]
    RepeatedState {
        /// TLC's fingerprint of one of them.
        first: i64,
        /// TLC's fingerprint of the other.
        second: i64,
    },
    /// The states and edges make no graph for another reason.
    #[error(transparent)]
    Graph(GraphError),
}

/// Reads a dump into a graph with the given name and module.
///
/// ```
/// let dump = r#"strict digraph DiskGraph {
/// nodesep=0.35;
/// subgraph cluster_graph {
/// color="white";
/// -7 [label="/\\ n = 1\n/\\ who = \"closer\"",style = filled]
/// -7 -> 12 [label="Put",color="black",fontcolor="black"];
/// 12 [label="/\\ n = 0\n/\\ who = \"closer\""];
/// {rank = same; -7;}
/// }
/// }"#;
/// let graph = lockstep::dot::parse("put", "Put", dump)?;
/// assert_eq!(graph.variables(), ["n", "who"]);
/// assert_eq!(graph.states().len(), 2);
/// assert_eq!(graph.successors(0)[0].action, "Put");
/// # Ok::<(), lockstep::dot::DotError>(())
/// ```
///
/// # Errors
///
/// If the text is no such dump, is cut off, or lacks actions; see [`DotError`].
pub fn parse(name: &str, module: &str, text: &str) -> Result<Graph, DotError> {
    let mut scanner = Scanner::new(text);
    let mut reader = Reader::default();
    while let Some((offset, statement)) = scanner.next_statement()? {
        match statement {
            Statement::Node { id, attributes } => {
                reader.node(id, &attributes).map_err(|error| error.on(&scanner, offset))?;
            }
            Statement::Edge { from, to, attributes } => {
                // Only where TLC was asked for them does it draw the steps that change nothing and
                // are no action's.
                let stutters = attributes.label.is_none() && attributes.style == Some("dashed");
                if !stutters {
                    reader.edges.push((offset, from, to, attributes.label));
                }
            }
        }
    }
    reader.finish(name, module, &scanner)
}

/// An error without the place, which costs a scan of the text to tell.
enum Fault {
    Value(String, ValueError),
    Conjunct(String),
    Variables(String),
    Rewritten(i64),
}

impl Fault {
    fn on(self, scanner: &Scanner<'_>, offset: usize) -> DotError {
        let line = scanner.line(offset);
        match self {
            Self::Value(variable, source) => DotError::Value { line, variable, source },
            Self::Conjunct(found) => DotError::Conjunct { line, found },
            Self::Variables(variable) => DotError::Variables { line, variable },
            Self::Rewritten(id) => DotError::Rewritten { line, id },
        }
    }
}

#[derive(Default)]
struct Reader<'t> {
    variables: Vec<String>,
    nodes: HashMap<i64, usize>,
    ids: Vec<i64>,
    states: Vec<State>,
    initial: Vec<usize>,
    edges: Vec<(usize, i64, i64, Option<&'t str>)>,
    /// Few values occur in many states: each text is parsed once.
    values: HashMap<String, Value>,
}

impl<'t> Reader<'t> {
    fn node(&mut self, id: i64, attributes: &Attributes<'t>) -> Result<(), Fault> {
        let label = unescape(attributes.label.unwrap_or_default());
        let state = self.state(&label)?;
        let node = match self.nodes.get(&id) {
            Some(node) if self.states[*node] == state => *node,
            Some(_) => return Err(Fault::Rewritten(id)),
            None => {
                self.nodes.insert(id, self.states.len());
                self.ids.push(id);
                self.states.push(state);
                self.states.len() - 1
            }
        };
        // TLC also fills, but with a colour, the states that a constraint excludes.
        if attributes.style == Some("filled") && !attributes.coloured {
            self.initial.push(node);
        }
        Ok(())
    }

    fn state(&mut self, label: &str) -> Result<State, Fault> {
        let conjuncts: Vec<&str> = match label.strip_prefix("/\\ ") {
            // A line break inside a string is escaped, so this one separates conjuncts.
            Some(rest) => rest.split("\n/\\ ").collect(),
            None => vec![label],
        };
        let first = self.states.is_empty();
        let mut state = Vec::with_capacity(conjuncts.len());
        for (place, conjunct) in conjuncts.into_iter().enumerate() {
            let Some((variable, text)) = conjunct.split_once('=') else {
                return Err(Fault::Conjunct(conjunct.to_owned()));
            };
            let variable = variable.trim();
            if first {
                self.variables.push(variable.to_owned());
            } else if self.variables.get(place).is_none_or(|known| known != variable) {
                let expected = self.variables.get(place).map_or(variable, String::as_str);
                return Err(Fault::Variables(expected.to_owned()));
            }
            state.push(self.value(variable, text)?);
        }
        match self.variables.get(state.len()) {
            Some(missing) => Err(Fault::Variables(missing.clone())),
            None => Ok(state),
        }
    }

    fn value(&mut self, variable: &str, text: &str) -> Result<Value, Fault> {
        if let Some(value) = self.values.get(text) {
            return Ok(value.clone());
        }
        let value: Value =
            text.parse().map_err(|error| Fault::Value(variable.to_owned(), error))?;
        self.values.insert(text.to_owned(), value.clone());
        Ok(value)
    }

    fn finish(self, name: &str, module: &str, scanner: &Scanner<'_>) -> Result<Graph, DotError> {
        let Self { variables, nodes, ids, states, initial, edges, .. } = self;
        let mut numbered = Vec::with_capacity(edges.len());
        for (offset, from, to, label) in edges {
            let node = |id| {
                let line = || scanner.line(offset);
                let unknown = || DotError::UnknownState { line: line(), id };
                nodes.get(&id).copied().ok_or_else(unknown)
            };
            let (action, param) = action(label.unwrap_or_default())
                .ok_or_else(|| DotError::NoAction { line: scanner.line(offset) })?;
            numbered.push(Edge { from: node(from)?, to: node(to)?, action, param });
        }
        Graph::new(name, module, variables, states, initial, numbered).map_err(
            |error| match error {
                GraphError::Unreachable(node) => DotError::Unreachable { id: ids[node] },
                GraphError::RepeatedState(first, second) => {
                    DotError::RepeatedState { first: ids[first], second: ids[second] }
                }
                error => DotError::Graph(error),
            },
        )
    }
}

/// The action and its param in the label of an edge.
fn action(label: &str) -> Option<(String, Option<String>)> {
    let label = unescape(label);
    // Newer versions may write the reason for the step on a second line.
    let label = label.lines().next()?.trim();
    let (action, param) = match label.strip_suffix(')').and_then(|label| label.split_once('(')) {
        Some((action, param)) => (action.trim(), Some(param.trim().to_owned())),
        None => (label, None),
    };
    (!action.is_empty()).then(|| (action.to_owned(), param))
}

/// Undoes dot's escapes.
fn unescape(label: &str) -> String {
    let mut text = String::with_capacity(label.len());
    let mut rest = label;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        text.push_str(plain);
        let mut chars = escaped.chars();
        match chars.next() {
            Some('n') => text.push('\n'),
            Some(c) => text.push(c),
            None => {}
        }
        rest = chars.as_str();
    }
    text.push_str(rest);
    text
}
