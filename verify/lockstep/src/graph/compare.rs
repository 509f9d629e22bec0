//! The first difference of two graphs, in words.

use std::collections::{HashMap, HashSet};

use super::{Edge, Graph, State};

impl Graph {
    /// The first difference to another graph, for a human reader; none if the two have the same
    /// variables, states and edges.
    ///
    /// In the text "here" is `self` and "there" is `other`. Names and modules are not compared.
    /// Params are compared only where both graphs have some, for versions of TLC differ in whether
    /// they print them.
    pub fn diff(&self, other: &Graph) -> Option<String> {
        self.diff_variables(other).or_else(|| {
            let pair = Pair::new(self, other);
            pair.diff_states().or_else(|| pair.diff_initial()).or_else(|| pair.diff_edges())
        })
    }

    fn diff_variables(&self, other: &Graph) -> Option<String> {
        let missing = |from: &Graph, variables: &[String]| -> Vec<String> {
            let absent = |name: &&String| from.variable(name).is_none();
            variables.iter().filter(absent).cloned().collect()
        };
        let [here, there] = [missing(other, &self.variables), missing(self, &other.variables)];
        let part = |names: &[String], place| match names {
            [] => None,
            names => Some(format!("{} only {place}", names.join(", "))),
        };
        let parts: Vec<_> =
            [part(&here, "here"), part(&there, "there")].into_iter().flatten().collect();
        (!parts.is_empty()).then(|| format!("the variables differ: {}", parts.join("; ")))
    }

    fn has_params(&self) -> bool {
        self.edges.iter().any(|edge| edge.param.is_some())
    }

    fn numbers(&self) -> HashMap<&State, usize> {
        self.states.iter().zip(0..).collect()
    }

    /// The actions on the way to a state.
    fn route(&self, node: usize) -> String {
        let path = self.path_to(node);
        let labels: Vec<_> = path.iter().filter_map(|(edge, _)| edge.map(Edge::label)).collect();
        match labels.as_slice() {
            [] => "initial".to_owned(),
            labels => format!("after {}", labels.join(", ")),
        }
    }

    fn indented(&self, node: usize) -> String {
        format!("  {}", self.describe(node).replace('\n', "\n  "))
    }
}

/// One of two graphs, and the other's numbers of its states.
struct Side<'a> {
    graph: &'a Graph,
    place: &'static str,
    elsewhere: Vec<Option<usize>>,
}

struct Pair<'a> {
    here: Side<'a>,
    there: Side<'a>,
    params: bool,
}

impl<'a> Side<'a> {
    fn new(graph: &'a Graph, place: &'static str, other: &HashMap<&State, usize>) -> Self {
        let elsewhere = graph.states.iter().map(|state| other.get(state).copied()).collect();
        Self { graph, place, elsewhere }
    }

    /// The nearest state that the other graph lacks, and its distance.
    fn alone(&self) -> Option<(usize, usize)> {
        let node = self.elsewhere.iter().position(Option::is_none)?;
        Some((self.graph.path_to(node).len(), node))
    }

    fn tell_state(&self, node: usize) -> String {
        let Self { graph, place, .. } = self;
        format!("a state only {place}, {}:\n{}", graph.route(node), graph.indented(node))
    }
}

impl<'a> Pair<'a> {
    fn new(here: &'a Graph, there: &'a Graph) -> Self {
        Self {
            here: Side::new(here, "here", &there.numbers()),
            there: Side::new(there, "there", &here.numbers()),
            params: here.has_params() && there.has_params(),
        }
    }

    fn diff_states(&self) -> Option<String> {
        match (self.here.alone(), self.there.alone()) {
            (Some(here), Some(there)) if there.0 < here.0 => Some(self.there.tell_state(there.1)),
            (Some((_, node)), _) => Some(self.here.tell_state(node)),
            (None, Some((_, node))) => Some(self.there.tell_state(node)),
            (None, None) => None,
        }
    }

    fn diff_initial(&self) -> Option<String> {
        let one_way = |one: &Side<'_>, other: &Side<'_>| {
            let not_initial = |node: &&usize| {
                one.elsewhere[**node].is_some_and(|node| !other.graph.initial.contains(&node))
            };
            let node = one.graph.initial.iter().find(not_initial)?;
            let state = one.graph.indented(*node);
            Some(format!("a state that is initial only {}:\n{state}", one.place))
        };
        one_way(&self.here, &self.there).or_else(|| one_way(&self.there, &self.here))
    }

    fn diff_edges(&self) -> Option<String> {
        self.edge_missing(&self.here, &self.there)
            .or_else(|| self.edge_missing(&self.there, &self.here))
    }

    /// Tells of an edge of one graph that the other lacks.
    fn edge_missing<'b>(&self, one: &Side<'b>, other: &Side<'b>) -> Option<String> {
        let param = |edge: &'b Edge| edge.param.as_deref().filter(|_| self.params);
        let known: HashSet<_> = other
            .graph
            .edges
            .iter()
            .map(|edge| (edge.from, edge.to, edge.action.as_str(), param(edge)))
            .collect();
        let missing = |edge: &&'b Edge| match (one.elsewhere[edge.from], one.elsewhere[edge.to]) {
            (Some(from), Some(to)) => {
                !known.contains(&(from, to, edge.action.as_str(), param(edge)))
            }
            _ => true,
        };
        let edge = one.graph.edges.iter().find(missing)?;
        let graph = one.graph;
        Some(format!(
            "a step {} only {}, from the state {}:\n{}\nto the state:\n{}",
            edge.label(),
            one.place,
            graph.route(edge.from),
            graph.indented(edge.from),
            graph.indented(edge.to),
        ))
    }
}
