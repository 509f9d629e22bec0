//! Which edge to take next: one not yet taken, else the first of a shortest way to one.
//!
//! Distances are computed for all nodes at once and used until they have gone stale: planning anew for every run
//! would cost more than the walk.

use crate::graph::Graph;
use std::collections::VecDeque;

const FAR: u32 = u32::MAX;

pub(crate) struct Plan {
    taken: Vec<bool>,
    visited: Vec<bool>,
    /// For each node, its edges not yet taken.
    fresh: Vec<u32>,
    /// For each node, how many steps to a node with an edge not yet taken, as of the last planning.
    distance: Vec<u32>,
    /// For each node, the edges that lead to it.
    incoming: Vec<Vec<usize>>,
    sources: Vec<usize>,
    left: usize,
    left_when_planned: usize,
}

impl Plan {
    pub(crate) fn new(graph: &Graph, movers: &[usize]) -> Self {
        debug_assert_eq!(movers.len(), graph.edges().len());
        let nodes = graph.states().len();
        let mut fresh = vec![0; nodes];
        let mut incoming = vec![Vec::new(); nodes];
        for (i, edge) in graph.edges().iter().enumerate() {
            fresh[edge.from] += 1;
            incoming[edge.to].push(i);
        }
        let left = graph.edges().len();
        let mut plan = Self {
            taken: vec![false; left],
            visited: vec![false; nodes],
            fresh,
            distance: vec![FAR; nodes],
            incoming,
            sources: graph.edges().iter().map(|e| e.from).collect(),
            left,
            left_when_planned: left,
        };
        plan.replan();
        plan
    }

    /// Marks the node; true the first time.
    pub(crate) fn visit(&mut self, node: usize) -> bool {
        !std::mem::replace(&mut self.visited[node], true)
    }

    /// Marks the edge; true the first time.
    pub(crate) fn take(&mut self, edge: usize) -> bool {
        let first = !std::mem::replace(&mut self.taken[edge], true);
        if first {
            self.left -= 1;
            self.fresh[self.sources[edge]] -= 1;
        }
        first
    }

    /// Whether a run from here can reach anything new.
    pub(crate) fn anything_left(&mut self, from: usize) -> bool {
        // A graph with a lone state has no edge to take, and its state still has to be seen.
        if !self.visited[from] {
            return true;
        }
        if self.left > 0 && self.left != self.left_when_planned {
            self.replan();
        }
        self.left > 0 && self.distance[from] != FAR
    }

    /// The edge to take from here; `None` when nothing new can be reached.
    pub(crate) fn next(&mut self, graph: &Graph, node: usize) -> Option<usize> {
        let fresh = |plan: &Self| graph.successor_range(node).find(|&e| !plan.taken[e]);
        if self.fresh[node] > 0 {
            return fresh(self);
        }
        let done = self.left_when_planned - self.left;
        if done > (self.left / 64).max(16) {
            self.replan();
        }
        let nearer = |plan: &Self| {
            graph
                .successor_range(node)
                .min_by_key(|&e| plan.distance[graph.edges()[e].to])
                .filter(|&e| plan.distance[graph.edges()[e].to] < plan.distance[node])
        };
        if let Some(edge) = nearer(self) {
            return Some(edge);
        }
        if done > 0 {
            self.replan();
        }
        nearer(self)
    }

    /// Breadth first, backwards, from every node that has an edge not yet taken.
    fn replan(&mut self) {
        self.left_when_planned = self.left;
        self.distance.fill(FAR);
        let mut queue: VecDeque<usize> =
            (0..self.fresh.len()).filter(|&node| self.fresh[node] > 0).collect();
        for &node in &queue {
            self.distance[node] = 0;
        }
        while let Some(node) = queue.pop_front() {
            for &edge in &self.incoming[node] {
                let from = self.sources[edge];
                if self.distance[from] == FAR {
                    self.distance[from] = self.distance[node] + 1;
                    queue.push_back(from);
                }
            }
        }
    }
}
