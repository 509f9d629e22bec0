//! Counts that describe a graph.

use std::fmt;

use super::Graph;

/// The size and shape of a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// The number of states.
    pub states: usize,
    /// The number of initial states.
    pub initial: usize,
    /// The number of edges.
    pub edges: usize,
    /// How many states the longest of the shortest paths has; TLC calls it the depth of the
    /// complete state graph search.
    pub depth: usize,
    /// The number of states without successors.
    pub terminal: usize,
    /// The number of maximal paths.
    pub schedules: Schedules,
}

/// The number of maximal paths: those from an initial state to a state without successors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedules {
    /// Exactly this many.
    Exact(u128),
    /// More than a `u128` counts.
    Overflow,
    /// The graph has a cycle, so there are paths without end.
    Cyclic,
}

impl Schedules {
    /// The number, if it is known.
    pub fn exact(self) -> Option<u128> {
        match self {
            Self::Exact(count) => Some(count),
            Self::Overflow | Self::Cyclic => None,
        }
    }
}

impl fmt::Display for Schedules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(count) => count.fmt(f),
            Self::Overflow => f.pad("more than 2^128"),
            Self::Cyclic => f.pad("endless"),
        }
    }
}

impl Graph {
    /// The size and shape of the graph.
    pub fn stats(&self) -> Stats {
        let nodes = 0..self.states().len();
        let mut depth = vec![1; nodes.len()];
        for node in nodes.clone() {
            if let Some(edge) = self.reached_by(node) {
                depth[node] = depth[edge.from] + 1;
            }
        }
        Stats {
            states: nodes.len(),
            initial: self.initial().len(),
            edges: self.edges().len(),
            depth: depth.last().copied().unwrap_or_default(),
            terminal: nodes.filter(|node| self.successors(*node).is_empty()).count(),
            schedules: self.schedules(),
        }
    }

    /// Counts the paths to each state in topological order.
    fn schedules(&self) -> Schedules {
        let mut missing = vec![0_usize; self.states().len()];
        for edge in self.edges() {
            missing[edge.to] += 1;
        }
        let mut paths = vec![0_u128; self.states().len()];
        for node in self.initial() {
            paths[*node] = 1;
        }
        let mut ready: Vec<usize> = (0..missing.len()).filter(|node| missing[*node] == 0).collect();
        let mut done = 0;
        let mut total = Some(0_u128);
        while let Some(node) = ready.pop() {
            done += 1;
            if self.successors(node).is_empty() {
                total = total.and_then(|total| total.checked_add(paths[node]));
            }
            for edge in self.successors(node) {
                match paths[edge.to].checked_add(paths[node]) {
                    Some(sum) => paths[edge.to] = sum,
                    None => total = None,
                }
                missing[edge.to] -= 1;
                if missing[edge.to] == 0 {
                    ready.push(edge.to);
                }
            }
        }
        match total {
            _ if done < missing.len() => Schedules::Cyclic,
            Some(total) => Schedules::Exact(total),
            None => Schedules::Overflow,
        }
    }
}
