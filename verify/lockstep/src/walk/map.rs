//! What the walk needs to know of the graph beyond the graph itself.

use super::WalkError;
use crate::graph::Graph;
use crate::plan::{FAR, to_the_end};
use crate::value::Value;
use std::collections::{BTreeMap, BTreeSet};

pub(super) struct Map {
    /// The thread that each edge moves.
    pub(super) movers: Vec<usize>,
    /// Which variable is `pc`.
    pub(super) pc: usize,
    /// The threads' names, by number.
    pub(super) threads: Vec<String>,
    /// For each state, how many steps to a state without successors.
    exit: Vec<u32>,
    /// The labels that occur.
    labels: Vec<String>,
    /// For each state and thread, where the thread stands.
    stands: Vec<usize>,
}

impl Map {
    pub(super) fn new(graph: &Graph, threads: &[String]) -> Result<Self, WalkError> {
        let name = || graph.name().to_owned();
        if graph.initial().len() != 1 {
            return Err(WalkError::Initial { graph: name(), count: graph.initial().len() });
        }
        let pc = graph.variable("pc").ok_or_else(|| WalkError::NoPc { graph: name() })?;
        let processes: Vec<String> =
            labels(&graph.states()[graph.initial()[0]][pc]).into_iter().map(|(p, _)| p).collect();
        let both: [BTreeSet<&String>; 2] = [processes.iter().collect(), threads.iter().collect()];
        if both[0] != both[1] || processes.len() != threads.len() {
            let code = threads.to_vec();
            return Err(WalkError::Threads { graph: name(), spec: processes, code });
        }
        let mut map = Self {
            movers: Vec::with_capacity(graph.edges().len()),
            pc,
            threads: threads.to_vec(),
            exit: to_the_end(graph),
            labels: Vec::new(),
            stands: Vec::with_capacity(graph.states().len() * threads.len()),
        };
        map.learn_labels(graph);
        map.learn_movers(graph)?;
        Ok(map)
    }

    fn learn_labels(&mut self, graph: &Graph) {
        let mut known = BTreeMap::new();
        for state in graph.states() {
            let labels: BTreeMap<String, &str> = labels(&state[self.pc]).into_iter().collect();
            for thread in &self.threads {
                let label = labels.get(thread).copied().unwrap_or("?");
                let number = *known.entry(label.to_owned()).or_insert_with(|| {
                    self.labels.push(label.to_owned());
                    self.labels.len() - 1
                });
                self.stands.push(number);
            }
        }
    }

    fn learn_movers(&mut self, graph: &Graph) -> Result<(), WalkError> {
        for edge in graph.edges() {
            let differs = |&i: &usize| self.stand(edge.from, i) != self.stand(edge.to, i);
            let all: Vec<usize> = (0..self.threads.len()).filter(differs).collect();
            let [mover] = all[..] else {
                let graph = graph.name().to_owned();
                let edge = format!("{} -> {} ({})", edge.from, edge.to, edge.label());
                return Err(WalkError::Mover { graph, edge, moved: all.len() });
            };
            self.movers.push(mover);
        }
        Ok(())
    }

    fn stand(&self, node: usize, thread: usize) -> usize {
        self.stands[node * self.threads.len() + thread]
    }

    /// The label at which the spec has the thread in this state.
    pub(super) fn label(&self, node: usize, thread: usize) -> &str {
        &self.labels[self.stand(node, thread)]
    }

    /// Whether the spec lets the thread do a step in this state.
    pub(super) fn can_move(&self, graph: &Graph, node: usize, thread: usize) -> bool {
        graph.successor_range(node).any(|e| self.movers[e] == thread)
    }

    /// The first edge of a shortest way to a state without successors, if there is such a way.
    pub(super) fn way_out(&self, graph: &Graph, node: usize) -> Option<usize> {
        let far = |&e: &usize| self.exit[graph.edges()[e].to];
        graph.successor_range(node).min_by_key(far).filter(|e| far(e) != FAR)
    }

    /// The thread's name.
    pub(super) fn name(&self, thread: usize) -> String {
        name_of(&self.threads, thread)
    }
}

/// The thread's name; the code can have more threads than it told of.
fn name_of(threads: &[String], thread: usize) -> String {
    threads.get(thread).cloned().unwrap_or_else(|| format!("thread {thread}"))
}

/// The processes of a `pc` and where each stands.
fn labels(pc: &Value) -> Vec<(String, &str)> {
    let label = |value| Value::as_str(value).unwrap_or("?");
    match pc {
        Value::Record(fields) => fields.iter().map(|(name, l)| (name.clone(), label(l))).collect(),
        Value::Function(pairs) => pairs.iter().map(|(key, l)| (plain(key), label(l))).collect(),
        Value::Seq(all) => {
            (1..).zip(all).map(|(n, l): (u32, _)| (n.to_string(), label(l))).collect()
        }
        _ => Vec::new(),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
