//! Which edge to take next: one not yet taken, else the first of a shortest way to one.
//!
//! The distances are exact at every moment and repaired where they change. Targets only vanish, so that distances
//! only grow, and a repair touches no more than the states whose distance grows: planning costs no more than edges
//! times the longest distance, however many runs there are. A cycle is no trouble: what lost its way is set aside
//! first and measured again from what has not.

use crate::graph::Graph;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// No way leads there.
pub(crate) const FAR: u32 = u32::MAX;

/// So often is an edge tried that the code does not take, where the spec lets a thread do several things.
const TRIES: u8 = 8;

pub(crate) struct Plan {
    taken: Vec<bool>,
    visited: Vec<bool>,
    /// Whether a way may lead over the edge: it has not been tried in vain too often.
    open: Vec<bool>,
    tries: Vec<u8>,
    /// For each node, its open edges not yet taken.
    fresh: Vec<u32>,
    /// For each node, how many steps to a node with an edge not yet taken.
    distance: Vec<u32>,
    /// For each node, the edges that lead to it.
    incoming: Vec<Vec<usize>>,
    sources: Vec<usize>,
    targets: Vec<usize>,
    /// Set during a repair only: the node's way has gone.
    lost: Vec<bool>,
}

impl Plan {
    pub(crate) fn new(graph: &Graph) -> Self {
        let nodes = graph.states().len();
        let edges = graph.edges().len();
        let mut fresh = vec![0; nodes];
        for edge in graph.edges() {
            fresh[edge.from] += 1;
        }
        Self {
            taken: vec![false; edges],
            visited: vec![false; nodes],
            open: vec![true; edges],
            tries: vec![0; edges],
            distance: fresh.iter().map(|&n| if n > 0 { 0 } else { FAR }).collect(),
            fresh,
            incoming: incoming(graph),
            sources: graph.edges().iter().map(|e| e.from).collect(),
            targets: graph.edges().iter().map(|e| e.to).collect(),
            lost: vec![false; nodes],
        }
    }

    /// Marks the node; true the first time.
    pub(crate) fn visit(&mut self, node: usize) -> bool {
        !std::mem::replace(&mut self.visited[node], true)
    }

    /// Marks the edge; true the first time.
    pub(crate) fn take(&mut self, graph: &Graph, edge: usize) -> bool {
        let first = !std::mem::replace(&mut self.taken[edge], true);
        if first && self.open[edge] {
            self.use_up(graph, edge);
        }
        first
    }

    /// The code was to take this edge and took another.
    pub(crate) fn missed(&mut self, graph: &Graph, edge: usize) {
        self.tries[edge] = self.tries[edge].saturating_add(1);
        if self.tries[edge] >= TRIES && std::mem::replace(&mut self.open[edge], false) {
            if self.taken[edge] {
                self.repair(graph, self.sources[edge]);
            } else {
                self.use_up(graph, edge);
            }
        }
    }

    /// The edges that were never taken.
    pub(crate) fn untaken(&self) -> impl Iterator<Item = usize> {
        (0..self.taken.len()).filter(|&edge| !self.taken[edge])
    }

    /// Whether a run from here can reach anything new.
    pub(crate) fn anything_left(&self, from: usize) -> bool {
        // A graph with a lone state has no edge to take, and its state still has to be seen.
        !self.visited[from] || self.distance[from] != FAR
    }

    /// The edge to take from here; `None` when nothing new can be reached.
    pub(crate) fn next(&self, graph: &Graph, node: usize) -> Option<usize> {
        let mut open = graph.successor_range(node).filter(|&e| self.open[e]);
        if self.fresh[node] > 0 {
            return open.find(|&e| !self.taken[e]);
        }
        open.min_by_key(|&e| self.distance[self.targets[e]])
            .filter(|&e| self.distance[self.targets[e]] != FAR)
    }

    /// One edge less to look for.
    fn use_up(&mut self, graph: &Graph, edge: usize) {
        let from = self.sources[edge];
        self.fresh[from] -= 1;
        if self.fresh[from] == 0 {
            self.repair(graph, from);
        }
    }

    /// Whether the node's distance still stands.
    fn supported(&self, graph: &Graph, node: usize) -> bool {
        self.fresh[node] > 0
            || graph.successor_range(node).any(|e| {
                let to = self.targets[e];
                self.open[e]
                    && !self.lost[to]
                    && self.distance[to] != FAR
                    && self.distance[to] + 1 == self.distance[node]
            })
    }

    /// Measures anew what depended on this node's distance.
    fn repair(&mut self, graph: &Graph, start: usize) {
        if self.distance[start] == FAR || self.supported(graph, start) {
            return;
        }
        // In the order of distance, so that all that a node could stand on is known to be lost or not.
        let mut lost = vec![start];
        self.lost[start] = true;
        let mut next = 0;
        while let Some(&node) = lost.get(next) {
            next += 1;
            for &edge in &self.incoming[node] {
                let from = self.sources[edge];
                let depends = self.open[edge]
                    && !self.lost[from]
                    && self.fresh[from] == 0
                    && self.distance[from] == self.distance[node] + 1;
                if depends && !self.supported(graph, from) {
                    self.lost[from] = true;
                    lost.push(from);
                }
            }
        }
        let mut heap = BinaryHeap::new();
        for &node in &lost {
            let ways = graph.successor_range(node).filter(|&e| self.open[e]);
            let ends = ways.map(|e| self.targets[e]).filter(|&to| !self.lost[to]);
            let nearest = ends.map(|to| self.distance[to]).min().unwrap_or(FAR);
            self.distance[node] = nearest.saturating_add(1);
            if nearest != FAR {
                heap.push(Reverse((nearest + 1, node)));
            }
        }
        while let Some(Reverse((distance, node))) = heap.pop() {
            if distance > self.distance[node] {
                continue;
            }
            for &edge in &self.incoming[node] {
                let from = self.sources[edge];
                if self.open[edge] && self.lost[from] && distance + 1 < self.distance[from] {
                    self.distance[from] = distance + 1;
                    heap.push(Reverse((distance + 1, from)));
                }
            }
        }
        for node in lost {
            self.lost[node] = false;
        }
    }
}

/// For each node, how many steps to one from which no step leads.
pub(crate) fn to_the_end(graph: &Graph) -> Vec<u32> {
    let incoming = incoming(graph);
    let ends = (0..incoming.len()).filter(|&node| graph.successor_range(node).is_empty());
    let mut queue: VecDeque<usize> = ends.collect();
    let mut distance = vec![FAR; incoming.len()];
    for &node in &queue {
        distance[node] = 0;
    }
    while let Some(node) = queue.pop_front() {
        for &edge in &incoming[node] {
            let from = graph.edges()[edge].from;
            if distance[from] == FAR {
                distance[from] = distance[node] + 1;
                queue.push_back(from);
            }
        }
    }
    distance
}

fn incoming(graph: &Graph) -> Vec<Vec<usize>> {
    let mut incoming = vec![Vec::new(); graph.states().len()];
    for (i, edge) in graph.edges().iter().enumerate() {
        incoming[edge.to].push(i);
    }
    incoming
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Edge;
    use proptest::prelude::*;

    fn graph(edges: &[(usize, usize)], nodes: usize) -> Graph {
        let mut all: Vec<(usize, usize)> = (1..nodes).map(|n| (n / 2, n)).collect();
        all.extend(edges.iter().map(|(from, to)| (from % nodes, to % nodes)));
        let edge = |(from, to): (usize, usize)| Edge { from, to, action: "A".into(), param: None };
        let states = (0..nodes).map(|n| vec![n.into()]).collect();
        let edges = all.into_iter().map(edge).collect();
        Graph::new("g", "G", vec!["n".into()], states, vec![0], edges).expect("a tree and more")
    }

    /// What `distance` must be, measured anew.
    fn measured(graph: &Graph, plan: &Plan) -> Vec<u32> {
        let mut distance: Vec<u32> =
            plan.fresh.iter().map(|&n| if n > 0 { 0 } else { FAR }).collect();
        for _ in 0..distance.len() {
            for (i, edge) in graph.edges().iter().enumerate() {
                if plan.open[i] {
                    let way = distance[edge.to].saturating_add(1);
                    distance[edge.from] = distance[edge.from].min(way);
                }
            }
        }
        distance
    }

    #[test]
    fn a_large_graph_with_cycles_is_covered() {
        let nodes = 10_000;
        let next = |n: &mut usize| {
            *n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *n >> 33
        };
        let mut seed = 1;
        // Many back to the start, so that the runs begin anew all the time.
        let more: Vec<_> = (0..40_000)
            .map(|i| (next(&mut seed), if i % 4 == 0 { 0 } else { next(&mut seed) }))
            .collect();
        let graph = graph(&more, nodes);
        let mut plan = Plan::new(&graph);
        let (mut steps, mut covered) = (0, 0);
        while plan.anything_left(0) {
            let mut node = 0;
            plan.visit(0);
            while let Some(edge) = plan.next(&graph, node) {
                covered += usize::from(plan.take(&graph, edge));
                node = graph.edges()[edge].to;
                steps += 1;
            }
        }
        assert_eq!(covered, graph.edges().len());
        assert!(steps < 20 * covered, "{steps} steps");
    }

    proptest! {
        #[test]
        fn the_distances_are_exact_after_every_step(
            nodes in 1..16_usize,
            more in prop::collection::vec((0..16_usize, 0..16_usize), 0..24),
            steps in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..80),
        ) {
            let graph = graph(&more, nodes);
            let mut plan = Plan::new(&graph);
            prop_assert_eq!(&plan.distance, &measured(&graph, &plan));
            for (index, take) in steps {
                if graph.edges().is_empty() {
                    break;
                }
                let edge = index.index(graph.edges().len());
                if take {
                    plan.take(&graph, edge);
                } else {
                    (0..TRIES).for_each(|_| plan.missed(&graph, edge));
                }
                prop_assert_eq!(&plan.distance, &measured(&graph, &plan));
            }
        }
    }
}
