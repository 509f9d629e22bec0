//! How states and edges are put into canonical form.

use std::collections::VecDeque;

use super::{Edge, Graph, GraphError, State};
use crate::value::{Value, is_name};

/// The action of PlusCal's self-loop in the states in which every process is done. It exists to
/// keep TLC from calling those states deadlocks; it is no step of any process.
const TERMINATING: &str = "Terminating";

pub(super) fn graph(
    name: String,
    module: String,
    variables: Vec<String>,
    states: Vec<State>,
    initial: Vec<usize>,
    edges: Vec<Edge>,
) -> Result<Graph, GraphError> {
    let (variables, states) = sort_variables(variables, states)?;
    let named = initial.iter().chain(edges.iter().flat_map(|edge| [&edge.from, &edge.to]));
    if let Some(node) = named.copied().find(|node| *node >= states.len()) {
        return Err(GraphError::UnknownState(node));
    }
    let numbering = Numbering::new(&states, initial, edges)?;
    Ok(numbering.renumber(name, module, variables, states))
}

fn sort_variables(
    variables: Vec<String>,
    states: Vec<State>,
) -> Result<(Vec<String>, Vec<State>), GraphError> {
    if let Some(name) = variables.iter().find(|name| !is_name(name)) {
        return Err(GraphError::VariableName(name.clone()));
    }
    let arity = variables.len();
    let odd = |(_, state): &(usize, &State)| state.len() != arity;
    if let Some((node, state)) = states.iter().enumerate().find(odd) {
        return Err(GraphError::Arity { node, found: state.len(), variables: arity });
    }
    if variables.is_sorted_by(|a, b| a < b) {
        return Ok((variables, states));
    }
    let mut sorted: Vec<_> = variables.into_iter().enumerate().collect();
    sorted.sort_by(|(_, a), (_, b)| a.cmp(b));
    if let Some(pair) = sorted.windows(2).find(|pair| pair[0].1 == pair[1].1) {
        return Err(GraphError::RepeatedVariable(pair[0].1.clone()));
    }
    let permute = |mut state: State| {
        let take = |(place, _): &(usize, String)| {
            std::mem::replace(&mut state[*place], Value::Bool(false))
        };
        sorted.iter().map(take).collect()
    };
    let states = states.into_iter().map(permute).collect();
    Ok((sorted.into_iter().map(|(_, name)| name).collect(), states))
}

/// The old numbers in the order of the new ones.
struct Numbering {
    order: Vec<usize>,
    initial: usize,
    edges: Vec<Edge>,
}

impl Numbering {
    fn new(
        states: &[State],
        mut initial: Vec<usize>,
        mut edges: Vec<Edge>,
    ) -> Result<Self, GraphError> {
        let rank = ranks(states)?;
        edges.retain(|edge| edge.from != edge.to || edge.action != TERMINATING);
        edges.sort_by(|a, b| {
            (a.from, &a.action, &a.param, rank[a.to])
                .cmp(&(b.from, &b.action, &b.param, rank[b.to]))
        });
        edges.dedup();
        let starts = starts(&edges, states.len());

        initial.sort_by_key(|node| rank[*node]);
        initial.dedup();
        if initial.is_empty() {
            return Err(GraphError::NoInitialState);
        }
        let mut seen = vec![false; states.len()];
        for node in &initial {
            seen[*node] = true;
        }
        let mut order = initial.clone();
        let mut queue = VecDeque::from(order.clone());
        while let Some(node) = queue.pop_front() {
            for edge in &edges[starts[node]..starts[node + 1]] {
                if !std::mem::replace(&mut seen[edge.to], true) {
                    order.push(edge.to);
                    queue.push_back(edge.to);
                }
            }
        }
        match seen.iter().position(|seen| !seen) {
            Some(node) => Err(GraphError::Unreachable(node)),
            None => Ok(Self { order, initial: initial.len(), edges }),
        }
    }

    fn renumber(
        self,
        name: String,
        module: String,
        variables: Vec<String>,
        mut states: Vec<State>,
    ) -> Graph {
        let Self { order, initial, mut edges } = self;
        let mut number = vec![0; order.len()];
        for (new, old) in order.iter().enumerate() {
            number[*old] = new;
        }
        for edge in &mut edges {
            edge.from = number[edge.from];
            edge.to = number[edge.to];
        }
        edges.sort_by(|a, b| {
            let key = (a.from, &a.action, &a.param, a.to);
            key.cmp(&(b.from, &b.action, &b.param, b.to))
        });
        let mut reached_by = vec![None; order.len()];
        for (nth, edge) in edges.iter().enumerate().filter(|(_, edge)| edge.to >= initial) {
            reached_by[edge.to].get_or_insert(nth);
        }
        Graph {
            name,
            module,
            variables,
            starts: starts(&edges, order.len()),
            states: order.iter().map(|old| std::mem::take(&mut states[*old])).collect(),
            initial: (0..initial).collect(),
            edges,
            reached_by,
        }
    }
}

/// The place of each state in the order of the values.
fn ranks(states: &[State]) -> Result<Vec<usize>, GraphError> {
    let mut sorted: Vec<usize> = (0..states.len()).collect();
    sorted.sort_by(|a, b| states[*a].cmp(&states[*b]));
    if let Some(pair) = sorted.windows(2).find(|pair| states[pair[0]] == states[pair[1]]) {
        return Err(GraphError::RepeatedState(pair[0], pair[1]));
    }
    let mut rank = vec![0; states.len()];
    for (place, node) in sorted.into_iter().enumerate() {
        rank[node] = place;
    }
    Ok(rank)
}

/// Where the edges from each state start, in edges sorted by their first state.
fn starts(edges: &[Edge], states: usize) -> Vec<usize> {
    let mut starts = vec![0; states + 1];
    for edge in edges {
        starts[edge.from + 1] += 1;
    }
    for node in 0..states {
        starts[node + 1] += starts[node];
    }
    starts
}
