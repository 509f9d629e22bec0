//! The scheduler that drives the code along the graph.

use super::compare::Seen;
use super::map::Map;
use super::report::Kind;
use super::{Options, Walk};
use crate::drive::{Driver, Levels, drive};
use crate::graph::Graph;
use crate::plan::Plan;
use crate::probe::{Observation, Position, Probe, SPINS, TraceStep, enabled, unsettled};
use shuttle::scheduler::{Task, TaskId};

/// So many runs in a row without a new edge end the covering; what is left is reported.
const IDLE: u32 = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Taking every edge.
    Cover,
    /// Whole random schedules.
    Random,
    /// Every schedule, without looking at the graph for where to go.
    Blind,
}

pub(super) struct Walker<P> {
    pub(super) map: Map,
    plan: Plan,
    pub(super) graph: Graph,
    probe: P,
    options: Options,
    mode: Mode,
    /// The graph's state in which the code is.
    pub(super) node: Option<usize>,
    /// The edge that the plan wants the code to take.
    aim: Option<usize>,
    /// The step in progress.
    stepping: Option<(usize, &'static str, String)>,
    pub(super) trace: Vec<TraceStep>,
    pub(super) initial: Observation,
    levels: Levels,
    depth: usize,
    /// Decisions since all threads last stood before a step.
    spins: u32,
    /// A run longer than this is led to its end.
    long: usize,
    /// Runs since the last new edge.
    idle: u32,
    stopped: bool,
    /// How many maximal paths the graph has, if they are to be counted.
    paths: Option<u128>,
    rng: u64,
    result: Walk,
}

/// Runs the program as often as it takes.
pub(super) fn run<P: Probe + 'static>(
    graph: &Graph,
    map: Map,
    options: Options,
    probe: P,
    program: impl Fn() + Send + Sync + 'static,
) -> Walk {
    let stats = graph.stats();
    let walker = Walker {
        plan: Plan::new(graph),
        map,
        graph: graph.clone(),
        probe,
        // The generator knows no zero.
        rng: options.seed.max(1),
        mode: Mode::Cover,
        node: None,
        aim: None,
        stepping: None,
        trace: Vec::new(),
        initial: Observation::new(),
        levels: Levels::default(),
        depth: 0,
        spins: 0,
        long: 1_000.max(2 * stats.depth),
        idle: 0,
        stopped: true,
        paths: stats.schedules.exact().filter(|&paths| paths <= options.blind_limit),
        options,
        result: Walk { states: stats.states, edges: stats.edges, ..Walk::default() },
    };
    drive(walker, program, |walker| {
        walker.conclude();
        std::mem::take(&mut walker.result)
    })
}

impl<P: Probe> Driver for Walker<P> {
    fn begin(&mut self) -> bool {
        if self.result.divergence.is_some() {
            return false;
        }
        loop {
            match self.mode {
                Mode::Cover
                    if self.idle < IDLE && self.plan.anything_left(self.graph.initial()[0]) =>
                {
                    self.result.runs += 1;
                    self.idle += 1;
                    break;
                }
                Mode::Cover => self.mode = Mode::Random,
                Mode::Random if self.result.random_runs < self.options.random => {
                    self.result.random_runs += 1;
                    break;
                }
                Mode::Random => self.mode = Mode::Blind,
                Mode::Blind => {
                    let Some(paths) = self.paths else { return false };
                    let done = self.result.blind_runs.unwrap_or(0);
                    // A search that goes on after the graph's own number has found a path too many.
                    if done > 0 && (u128::from(done) > paths || !self.levels.backtrack()) {
                        return false;
                    }
                    self.result.blind_runs = Some(done + 1);
                    break;
                }
            }
        }
        self.node = None;
        self.aim = None;
        self.stepping = None;
        self.depth = 0;
        self.spins = 0;
        self.stopped = false;
        self.trace.clear();
        true
    }

    fn decide(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        yields: bool,
    ) -> Option<TaskId> {
        let positions = self.probe.positions();
        if let Some(task) = unsettled(&positions, runnable, current, yields) {
            self.spins += 1;
            if self.spins > SPINS {
                self.book();
                self.diverge(&Kind::Spins(task.into()), &positions);
                return self.cut();
            }
            return Some(task);
        }
        self.spins = 0;
        let Some(node) = self.arrive(&positions) else { return self.cut() };
        let Some(thread) = self.pick(node, &positions) else { return self.cut() };
        if !runnable.iter().any(|task| usize::from(task.id()) == thread) {
            self.diverge(&Kind::Blocked(thread), &positions);
            return self.cut();
        }
        if let Position::At { label, location, .. } = &positions[thread] {
            self.stepping = Some((thread, label, location.clone()));
        }
        self.probe.choose(thread);
        Some(TaskId::from(thread))
    }

    /// After an execution that ran to its end: the step into the terminal state.
    fn finish(&mut self) {
        if !self.stopped {
            self.arrive(&self.probe.positions());
            self.stopped = true;
            self.probe.stop();
        }
    }

    fn panicked(&mut self, text: &str) {
        // What the program shows after a panic is not to be asked for.
        if let Some((thread, label, location)) = self.stepping.take() {
            let after = self.trace.last().map_or(&self.initial, |step| &step.after).clone();
            self.trace.push(TraceStep { thread, label, location, after });
        }
        self.diverge(&Kind::Panicked(text.to_owned()), &[]);
        self.probe.stop();
    }
}

impl<P: Probe> Walker<P> {
    /// Ends the execution where it is. shuttle frees nothing that the threads hold then, so this is for a
    /// divergence, a deadlock and a run without end; every other run is led to its end.
    fn cut(&mut self) -> Option<TaskId> {
        self.stopped = true;
        self.probe.stop();
        None
    }

    /// Finds the graph's node that the code is in now, and compares. `None` after a divergence.
    fn arrive(&mut self, positions: &[Position]) -> Option<usize> {
        let stepped = self.book();
        let now = self.trace.last().map_or(&self.initial, |step| &step.after);
        let seen = Seen { now, positions, unobserved: &self.options.unobserved };
        let edges: Vec<usize> = if let (Some(thread), Some(from)) = (stepped, self.node) {
            let moves = self.graph.successor_range(from).filter(|&e| self.map.movers[e] == thread);
            moves.filter(|&e| seen.is(&self.graph, &self.map, self.graph.edges()[e].to)).collect()
        } else {
            Vec::new()
        };
        let node = match edges.first() {
            Some(&edge) => self.graph.edges()[edge].to,
            None => self.graph.initial()[0],
        };
        // Several edges to one state are one step; to several states, nobody knows which.
        if edges.iter().any(|&e| self.graph.edges()[e].to != node) {
            return self.diverge(&Kind::Ambiguous(edges), positions);
        }
        let lost = if stepped.is_some() {
            edges.is_empty()
        } else {
            !seen.is(&self.graph, &self.map, node)
        };
        if lost {
            self.result.extra_edges += usize::from(stepped.is_some());
            return self.diverge(&Kind::NoSuchState, positions);
        }
        self.enter(node, &edges);
        let threads = self.map.threads.len().max(positions.len());
        let differs = (0..threads).any(|thread| {
            let code = matches!(positions.get(thread), Some(Position::At { enabled: true, .. }));
            code != self.map.can_move(&self.graph, node, thread)
        });
        if differs {
            return self.diverge(&Kind::Enabled, positions);
        }
        Some(node)
    }

    /// Notes the step that has just been done, if one has, and what the code shows now; returns whose it was.
    fn book(&mut self) -> Option<usize> {
        let after = self.probe.observe();
        let Some((thread, label, location)) = self.stepping.take() else {
            self.initial = after;
            return None;
        };
        self.trace.push(TraceStep { thread, label, location, after });
        Some(thread)
    }

    fn enter(&mut self, node: usize, edges: &[usize]) {
        if self.plan.visit(node) {
            self.result.states_covered += 1;
        }
        for &edge in edges {
            if self.plan.take(&self.graph, edge) {
                self.result.edges_covered += 1;
                self.idle = 0;
            }
        }
        if let Some(aim) = self.aim.take().filter(|aim| !edges.contains(aim)) {
            self.plan.missed(&self.graph, aim);
        }
        self.node = Some(node);
    }

    fn diverge(&mut self, kind: &Kind, positions: &[Position]) -> Option<usize> {
        let divergence = self.report(kind, positions, &self.options.unobserved);
        self.result.divergence = Some(divergence);
        None
    }

    /// The thread to move; `None` to end the execution.
    fn pick(&mut self, node: usize, positions: &[Position]) -> Option<usize> {
        match self.mode {
            Mode::Blind => {
                if self.levels.end_at(self.depth) {
                    let choices = enabled(positions);
                    if choices.is_empty() {
                        return None;
                    }
                    self.levels.push(choices);
                }
                self.depth += 1;
                Some(self.levels.choice(self.depth - 1))
            }
            _ if self.trace.len() >= 2 * self.long => None,
            _ if self.trace.len() >= self.long => self.leave(node),
            Mode::Cover => {
                self.aim = self.plan.next(&self.graph, node);
                match self.aim {
                    Some(edge) => Some(self.map.movers[edge]),
                    None => self.leave(node),
                }
            }
            Mode::Random => {
                let choices = enabled(positions);
                // xorshift64: a schedule needs no better randomness, and repeats for a seed.
                self.rng ^= self.rng << 13;
                self.rng ^= self.rng >> 7;
                self.rng ^= self.rng << 17;
                let count = choices.len() as u64;
                #[allow(clippy::cast_possible_truncation)] // below the number of threads
                (count > 0).then(|| choices[(self.rng % count) as usize])
            }
        }
    }

    /// The way to the end of the execution; none from a deadlock, or where the program never ends.
    fn leave(&self, node: usize) -> Option<usize> {
        self.map.way_out(&self.graph, node).map(|edge| self.map.movers[edge])
    }

    /// What only the whole walk shows: an edge that was never taken, a wrong number of schedules.
    fn conclude(&mut self) {
        if self.result.divergence.is_some() {
            return;
        }
        let untaken: Vec<usize> = self.plan.untaken().collect();
        if !untaken.is_empty() {
            self.result.divergence = Some(self.report_untaken(&untaken));
            return;
        }
        if let (Some(runs), Some(paths)) = (self.result.blind_runs, self.paths)
            && u128::from(runs) != paths
        {
            self.result.divergence = Some(self.report_blind(runs, paths));
        }
    }
}
