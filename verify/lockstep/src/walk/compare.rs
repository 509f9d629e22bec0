//! Whether the code is in a state of the graph, and in words where it is not.

use super::map::Map;
use crate::divergence::{changes, stands};
use crate::graph::Graph;
use crate::probe::{Observation, Position, TraceStep};

/// So many differences are told.
const TOLD: usize = 6;

/// What is compared with a state of the graph.
pub(super) struct Seen<'a> {
    pub(super) now: &'a Observation,
    pub(super) positions: &'a [Position],
    pub(super) unobserved: &'a [String],
}

impl Seen<'_> {
    /// Whether the code is in this state.
    pub(super) fn is(&self, graph: &Graph, map: &Map, node: usize) -> bool {
        let stands = |thread| label_of(self.positions, thread) == map.label(node, thread);
        let variables = graph.variables().iter().zip(&graph.states()[node]).enumerate();
        let mut shown = 0;
        (0..map.threads.len()).all(stands)
            && variables.into_iter().all(|(i, (name, expected))| match self.now.get(name) {
                Some(value) => {
                    shown += 1;
                    i == map.pc || value == expected
                }
                None => i == map.pc || self.unobserved.contains(name),
            })
            && shown == self.now.len()
    }

    /// In what the code's state differs from this one.
    pub(super) fn differences(&self, graph: &Graph, map: &Map, node: usize) -> Vec<String> {
        let mut told = Vec::new();
        for thread in 0..map.threads.len() {
            let (spec, code) = (map.label(node, thread), label_of(self.positions, thread));
            if spec != code {
                let code = stands(self.positions.get(thread));
                let spec = before(spec);
                told.push(format!("{}: the spec is {spec}, the code {code}", map.name(thread)));
            }
        }
        for (i, name) in graph.variables().iter().enumerate().filter(|(i, _)| *i != map.pc) {
            let expected = &graph.states()[node][i];
            match self.now.get(name) {
                Some(value) if value == expected => {}
                Some(value) => {
                    told.push(format!("{name}: the spec has {expected}, the code {value}"));
                }
                None if self.unobserved.contains(name) => {}
                None => told
                    .push(format!("{name}: the code does not show it; add it to the observation")),
            }
        }
        let unknown = self.now.keys().filter(|name| graph.variable(name).is_none());
        told.extend(
            unknown.map(|name| format!("{name}: the code shows it, the spec has no such variable")),
        );
        if told.len() > TOLD {
            let more = told.len() - TOLD;
            told.truncate(TOLD);
            told.push(format!("and {more} more"));
        }
        told
    }

    /// The step that the code did, what the spec has in its place, and the differences.
    pub(super) fn account(
        &self,
        graph: &Graph,
        map: &Map,
        from: usize,
        step: &TraceStep,
        before: &Observation,
    ) -> Vec<String> {
        let to = stands(self.positions.get(step.thread));
        let did = changes(before, &step.after);
        let name = map.name(step.thread);
        let mut lines = vec![format!("code: {} of {name}: {}; then {to}", step.label, list(&did))];
        let edges: Vec<usize> =
            graph.successor_range(from).filter(|&e| map.movers[e] == step.thread).collect();
        if edges.is_empty() {
            lines.push(format!("spec: no step of {name} here"));
        }
        for edge in edges {
            let to = graph.edges()[edge].to;
            lines.push(format!("spec: {}", spec_step(graph, map, edge)));
            lines.extend(self.differences(graph, map, to).into_iter().map(|d| format!("  {d}")));
        }
        lines
    }
}

/// A step of the spec in words: the action, the thread, what it changes and where the thread stands then.
pub(super) fn spec_step(graph: &Graph, map: &Map, edge: usize) -> String {
    let mover = map.movers[edge];
    let edge = &graph.edges()[edge];
    let did = notes(graph, map, edge.from, edge.to);
    let then = before(map.label(edge.to, mover));
    format!("{} of {}: {}; then {then}", edge.action, map.name(mover), list(&did))
}

/// What a step of the spec changes, `pc` left out.
pub(super) fn notes(graph: &Graph, map: &Map, from: usize, to: usize) -> Vec<String> {
    let state = |node: usize| -> Observation {
        let values = graph.variables().iter().cloned().zip(graph.states()[node].iter().cloned());
        values.enumerate().filter(|(i, _)| *i != map.pc).map(|(_, pair)| pair).collect()
    };
    changes(&state(from), &state(to))
}

fn before(label: &str) -> String {
    if label == "Done" { "done".to_owned() } else { format!("before {label}") }
}

fn list(changes: &[String]) -> String {
    if changes.is_empty() { "changes nothing".to_owned() } else { changes.join(", ") }
}

fn label_of(positions: &[Position], thread: usize) -> &str {
    match positions.get(thread) {
        Some(Position::At { label, .. }) => label,
        Some(Position::Done) => "Done",
        Some(Position::Running) | None => "<running>",
    }
}
