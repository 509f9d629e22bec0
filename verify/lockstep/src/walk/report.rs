//! The walk's differences in words.

use super::compare::{Seen, notes, spec_step};
use super::walker::Walker;
use crate::diagram::{Diagram, Step};
use crate::divergence::{Divergence, columns, race, stands};
use crate::probe::{Position, Probe};

/// So many edges that were never taken are told.
const TOLD: usize = 5;

/// In what way code and graph differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// The code is in a state that the graph does not lead to.
    NoSuchState,
    /// Other threads can do a step.
    Enabled,
    /// The observation does not tell the ends of these edges apart.
    Ambiguous(Vec<usize>),
    /// The thread runs without coming to a step.
    Spins(usize),
    /// The thread is said to be able to do its step, and shuttle has it waiting.
    Blocked(usize),
    /// The program panicked.
    Panicked(String),
}

impl<P: Probe> Walker<P> {
    pub(super) fn report(
        &self,
        kind: &Kind,
        positions: &[Position],
        unobserved: &[String],
    ) -> Divergence {
        let (map, graph) = (&self.map, &self.graph);
        let here = self.trace.last().map_or_else(
            || "before the first step".to_owned(),
            |step| format!("after {} of {} ({})", step.label, map.name(step.thread), step.location),
        );
        let now = self.trace.last().map_or(&self.initial, |step| &step.after);
        let seen = Seen { now, positions, unobserved };
        let (what, details, fatal) = match kind {
            Kind::NoSuchState => {
                let what = "the code is in a state that the spec does not lead to";
                let details = match (self.trace.last(), self.node) {
                    (Some(step), Some(from)) => {
                        let before = self.trace.iter().rev().nth(1);
                        let before = before.map_or(&self.initial, |step| &step.after);
                        seen.account(graph, map, from, step, before)
                    }
                    _ => seen.differences(graph, map, graph.initial()[0]),
                };
                (what.to_owned(), details, "the spec does not lead here")
            }
            Kind::Enabled => {
                let (details, what) = self.enabled_differ(positions);
                (what, details, "other threads can go on")
            }
            Kind::Ambiguous(edges) => {
                let what = "the observation does not tell two states of the spec apart; observe the variable in which they differ";
                let details = edges.iter().map(|&e| format!("spec: {}", spec_step(graph, map, e)));
                (what.to_owned(), details.collect(), "this or that state")
            }
            Kind::Spins(thread) => {
                let what = format!(
                    "{} goes on and on without coming to a labelled step; put a label on what it repeats",
                    map.name(*thread)
                );
                (what, Vec::new(), "no step after this")
            }
            Kind::Blocked(thread) => {
                let what = format!(
                    "{} can do its step by the probe, but shuttle has it waiting; say so in its position",
                    map.name(*thread)
                );
                let details = vec![format!("it is {}", stands(positions.get(*thread)))];
                (what, details, "nobody to schedule")
            }
            Kind::Panicked(text) => {
                let what = "the code panicked".to_owned();
                (what, text.lines().map(str::to_owned).collect(), "panic")
            }
        };
        let name = graph.name();
        let diagram = (!self.trace.is_empty())
            .then(|| race(name, &map.threads, &self.initial, &self.trace, fatal));
        Divergence { summary: format!("graph {name}: {here}, {what}"), details, diagram }
    }

    /// Who stands where, and who of them can go on.
    fn enabled_differ(&self, positions: &[Position]) -> (Vec<String>, String) {
        let (map, graph) = (&self.map, &self.graph);
        let (mut spec, mut code, mut details) = (Vec::new(), Vec::new(), Vec::new());
        for (thread, position) in positions.iter().enumerate() {
            let can = self.node.is_some_and(|node| map.can_move(graph, node, thread));
            let does = matches!(position, Position::At { enabled: true, .. });
            let name = map.name(thread);
            if can {
                spec.push(name.clone());
            }
            if does {
                code.push(name.clone());
            }
            if matches!(position, Position::At { .. }) {
                let word = |goes: bool| if goes { "goes on" } else { "waits" };
                let at = stands(Some(position));
                details.push(format!(
                    "{name} is {at}: in the spec it {}, in the code it {}",
                    word(can),
                    word(does)
                ));
            }
        }
        let list = |names: &[String]| match names {
            [] => "no thread".to_owned(),
            names => names.join(", "),
        };
        let what = format!("the spec lets {} go on, the code {}", list(&spec), list(&code));
        (details, what)
    }

    /// Steps of the spec that the code does not do, though all that it does is the spec's.
    pub(super) fn report_untaken(&self, untaken: &[usize]) -> Divergence {
        let (map, graph) = (&self.map, &self.graph);
        let name = graph.name();
        let total = graph.edges().len();
        let mut details: Vec<String> = untaken
            .iter()
            .take(TOLD)
            .map(|&e| {
                let from = graph.edges()[e].from;
                format!("spec: in state {from}, {}", spec_step(graph, map, e))
            })
            .collect();
        if untaken.len() > TOLD {
            details.push(format!("and {} more", untaken.len() - TOLD));
        }
        details.push("the spec has a choice there that the code does not have".to_owned());
        let diagram = untaken.first().map(|&edge| self.way_to(edge));
        let count = untaken.len();
        let summary = format!(
            "graph {name}: the code never does {count} of the spec's {total} steps, though all that it does is the spec's"
        );
        Divergence { summary, details, diagram }
    }

    /// The spec's way to an edge that the code never takes.
    fn way_to(&self, edge: usize) -> Diagram {
        let (map, graph) = (&self.map, &self.graph);
        let last = &graph.edges()[edge];
        let path = graph.path_to(last.from);
        let edges = path.iter().filter_map(|(edge, _)| *edge).chain([last]);
        let mut steps: Vec<Step> = edges
            .map(|e| {
                let number = graph.successor_range(e.from).find(|&i| graph.edges()[i] == *e);
                Step {
                    column: number.map_or(0, |i| map.movers[i]),
                    text: e.action.clone(),
                    notes: notes(graph, map, e.from, e.to),
                    fatal: None,
                }
            })
            .collect();
        if let Some(last) = steps.last_mut() {
            last.fatal = Some("the code never does this".to_owned());
        }
        let title = format!("{}, as the spec has it", graph.name());
        Diagram { title, columns: columns(&map.threads), steps, footer: Vec::new() }
    }

    pub(super) fn report_blind(&self, runs: u64, paths: u128) -> Divergence {
        let more = if u128::from(runs) > paths { "at least " } else { "" };
        Divergence {
            summary: format!(
                "graph {}: the code has {more}{runs} schedules, the graph {paths} maximal paths",
                self.graph.name()
            ),
            details: vec![
                "something on which the code's steps depend is neither in the spec's state nor observed"
                    .to_owned(),
            ],
            diagram: None,
        }
    }
}
