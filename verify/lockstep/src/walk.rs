//! The walk: drives the code along every edge of the spec's graph and compares every state.
//!
//! At each decision three things must agree between the graph's node and the running code: the values of the
//! variables, the set of threads that can do a step, and, after the step, the successor. The walk prefers an
//! edge that it has not taken and otherwise goes towards the nearest one, so that its cost follows the edges and
//! not the schedules. The step into a terminal state counts like any other.

use crate::divergence::{Divergence, Kind};
use crate::graph::Graph;
use crate::plan::Plan;
use crate::probe::{Observation, Position, Probe, TraceStep, config, enabled, unsettled};
use crate::value::Value;
use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

/// How a walk is done.
#[derive(Debug, Clone)]
pub struct Options {
    /// Variables of the spec that the code does not show. Each weakens the argument; name the reason beside it.
    pub unobserved: Vec<String>,
    /// Whole random schedules after the graph is covered.
    pub random: u64,
    /// If the graph has at most so many maximal paths, every one of them is run and counted too.
    pub blind_limit: u128,
    /// The seed of the random schedules.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { unobserved: Vec::new(), random: 200, blind_limit: 20_000, seed: 1 }
    }
}

/// What a walk found.
#[derive(Debug, Clone, Default)]
pub struct Walk {
    /// States of the graph.
    pub states: usize,
    /// Edges of the graph.
    pub edges: usize,
    /// States that the code was in.
    pub states_covered: usize,
    /// Edges that the code took.
    pub edges_covered: usize,
    /// Steps of the code that the graph lacks. The walk ends at the first.
    pub extra_edges: usize,
    /// Executions that covering took.
    pub runs: u64,
    /// Random whole schedules run after that.
    pub random_runs: u64,
    /// Schedules of the blind search, where it was run: exactly the graph's maximal paths.
    pub blind_runs: Option<u64>,
    /// Where code and graph first differ.
    pub divergence: Option<Divergence>,
}

impl Walk {
    /// Whether the code's reachable graph is the spec's: everything covered, nothing beyond it.
    pub fn same(&self) -> bool {
        self.divergence.is_none()
            && self.extra_edges == 0
            && self.states_covered == self.states
            && self.edges_covered == self.edges
    }
}

/// The graph cannot be walked at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WalkError {
    /// The graph has no or several initial states.
    #[error(
        "graph {graph} has {count} initial states; a walk needs exactly one: fix the configuration's initial values"
    )]
    Initial {
        /// The graph's name.
        graph: String,
        /// How many it has.
        count: usize,
    },
    /// No `pc`.
    #[error(
        "graph {graph} has no variable pc; write the module in PlusCal, or declare `pc` as a function from process to label"
    )]
    NoPc {
        /// The graph's name.
        graph: String,
    },
    /// An edge's thread cannot be told.
    #[error(
        "graph {graph}: edge {edge} moves {moved} threads by the difference of pc; each step must be exactly one thread's (a label that jumps to itself moves none)"
    )]
    Mover {
        /// The graph's name.
        graph: String,
        /// The edge, as text.
        edge: String,
        /// How many threads it moves.
        moved: usize,
    },
    /// A process of the spec is no thread of the code or the other way round.
    #[error(
        "graph {graph} has the processes {spec:?}, the code the threads {code:?}; give them the same names"
    )]
    Threads {
        /// The graph's name.
        graph: String,
        /// The spec's processes.
        spec: Vec<String>,
        /// The code's threads.
        code: Vec<String>,
    },
}

/// Walks the program through the graph.
///
/// `program` is run once per execution: it builds a new world, which the probe then shows, spawns the threads and
/// does the work of thread 0.
///
/// # Errors
/// [`WalkError`] when the graph is not one that can be walked. A difference between code and graph is no error: it
/// is in the result.
pub fn walk(
    graph: &Graph,
    options: Options,
    probe: impl Probe + 'static,
    program: impl Fn() + Send + Sync + 'static,
) -> Result<Walk, WalkError> {
    let map = Map::new(graph, &probe.threads())?;
    let schedules = graph.stats().schedules.exact();
    let blind = schedules.is_some_and(|paths| paths <= options.blind_limit);
    let state = Rc::new(RefCell::new(Walker {
        plan: Plan::new(graph, &map.movers),
        map,
        graph: graph.clone(),
        probe,
        rng: options.seed.max(1),
        options,
        mode: Mode::Cover,
        node: None,
        stepping: None,
        trace: Vec::new(),
        initial: Observation::new(),
        levels: Vec::new(),
        depth: 0,
        stopped: true,
        blind,
        result: Walk {
            states: graph.states().len(),
            edges: graph.edges().len(),
            ..Walk::default()
        },
    }));
    shuttle::Runner::new(Walking(Rc::clone(&state)), config()).run(program);
    let mut walker = state.borrow_mut();
    walker.conclude(schedules);
    Ok(std::mem::take(&mut walker.result))
}

/// What the walk needs to know of the graph beyond the graph itself.
struct Map {
    /// The thread that each edge moves.
    movers: Vec<usize>,
    /// Which variable is `pc`.
    pc: usize,
    /// The threads' names, by number.
    threads: Vec<String>,
}

impl Map {
    fn new(graph: &Graph, threads: &[String]) -> Result<Self, WalkError> {
        let name = || graph.name().to_owned();
        if graph.initial().len() != 1 {
            return Err(WalkError::Initial { graph: name(), count: graph.initial().len() });
        }
        let pc = graph.variable("pc").ok_or_else(|| WalkError::NoPc { graph: name() })?;
        let processes = process_names(&graph.states()[graph.initial()[0]][pc]);
        let code: BTreeSet<&String> = threads.iter().collect();
        if processes.iter().collect::<BTreeSet<_>>() != code {
            return Err(WalkError::Threads {
                graph: name(),
                spec: processes,
                code: threads.to_vec(),
            });
        }
        let mut movers = Vec::with_capacity(graph.edges().len());
        for edge in graph.edges() {
            let (from, to) = (&graph.states()[edge.from][pc], &graph.states()[edge.to][pc]);
            let moved: Vec<usize> = (0..threads.len())
                .filter(|&i| label_of(from, &threads[i]) != label_of(to, &threads[i]))
                .collect();
            let [mover] = moved[..] else {
                let edge = format!("{} -> {} ({})", edge.from, edge.to, edge.label());
                return Err(WalkError::Mover { graph: name(), edge, moved: moved.len() });
            };
            movers.push(mover);
        }
        Ok(Self { movers, pc, threads: threads.to_vec() })
    }
}

fn process_names(pc: &Value) -> Vec<String> {
    match pc {
        Value::Record(fields) => fields.keys().cloned().collect(),
        Value::Function(pairs) => pairs.keys().map(plain_name).collect(),
        _ => Vec::new(),
    }
}

fn plain_name(value: &Value) -> String {
    match value {
        Value::Str(name) | Value::Model(name) => name.clone(),
        other => other.to_string(),
    }
}

/// The label at which the spec's process of this name stands.
fn label_of<'a>(pc: &'a Value, thread: &str) -> Option<&'a str> {
    let label = match pc {
        Value::Record(fields) => fields.get(thread),
        Value::Function(pairs) => {
            pairs.iter().find(|(key, _)| plain_name(key) == thread).map(|(_, label)| label)
        }
        _ => None,
    };
    label.and_then(Value::as_str)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Taking every edge.
    Cover,
    /// Whole random schedules.
    Random,
    /// Every schedule, without looking at the graph for where to go.
    Blind,
}

struct Level {
    choices: Vec<usize>,
    at: usize,
}

struct Walker<P> {
    map: Map,
    plan: Plan,
    graph: Graph,
    probe: P,
    options: Options,
    mode: Mode,
    node: Option<usize>,
    stepping: Option<(usize, &'static str, String)>,
    trace: Vec<TraceStep>,
    initial: Observation,
    levels: Vec<Level>,
    depth: usize,
    stopped: bool,
    blind: bool,
    rng: u64,
    result: Walk,
}

struct Walking<P>(Rc<RefCell<Walker<P>>>);

impl<P: Probe> Scheduler for Walking<P> {
    fn new_execution(&mut self) -> Option<Schedule> {
        let mut walker = self.0.borrow_mut();
        walker.finish();
        walker.begin().then(|| Schedule::new(0))
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        _is_yielding: bool,
    ) -> Option<TaskId> {
        self.0.borrow_mut().decide(runnable, current)
    }

    fn next_u64(&mut self) -> u64 {
        0
    }
}

impl<P: Probe> Walker<P> {
    /// Chooses what the next execution is for; false when there is nothing left to do.
    fn begin(&mut self) -> bool {
        if self.result.divergence.is_some() {
            return false;
        }
        loop {
            match self.mode {
                Mode::Cover if self.plan.anything_left(self.graph.initial()[0]) => {
                    self.result.runs += 1;
                    break;
                }
                Mode::Cover => self.mode = Mode::Random,
                Mode::Random if self.result.random_runs < self.options.random => {
                    self.result.random_runs += 1;
                    break;
                }
                Mode::Random => self.mode = Mode::Blind,
                Mode::Blind => {
                    let first = self.result.blind_runs.is_none();
                    if !self.blind || (!first && !self.backtrack()) {
                        return false;
                    }
                    *self.result.blind_runs.get_or_insert(0) += 1;
                    // A blind search that runs past the graph's own number has found a step too many.
                    if u128::from(self.result.blind_runs.unwrap_or(0)) > self.options.blind_limit {
                        return false;
                    }
                    break;
                }
            }
        }
        self.node = None;
        self.stepping = None;
        self.depth = 0;
        self.stopped = false;
        self.trace.clear();
        true
    }

    fn decide(&mut self, runnable: &[&Task], current: Option<TaskId>) -> Option<TaskId> {
        let positions = self.probe.positions();
        if let Some(task) = unsettled(&positions, runnable, current) {
            return Some(task);
        }
        let Some(node) = self.arrive(&positions) else { return self.cut() };
        let Some(thread) = self.pick(node, &positions) else { return self.cut() };
        if let Position::At { label, location, .. } = &positions[thread] {
            self.stepping = Some((thread, label, location.clone()));
        }
        self.probe.choose(thread);
        Some(TaskId::from(thread))
    }

    fn cut(&mut self) -> Option<TaskId> {
        self.stopped = true;
        self.probe.stop();
        None
    }

    /// After an execution that ran to its end: the step into the terminal state.
    fn finish(&mut self) {
        if !self.stopped {
            self.arrive(&self.probe.positions());
            self.stopped = true;
            self.probe.stop();
        }
    }

    /// Finds the graph's node that the code is in now, and compares. `None` after a divergence.
    fn arrive(&mut self, positions: &[Position]) -> Option<usize> {
        let now = self.probe.observe();
        let from = self.node;
        let stepped = self.stepping.take();
        if let Some((thread, label, location)) = &stepped {
            let (thread, label, location) = (*thread, *label, location.clone());
            self.trace.push(TraceStep { thread, label, location, after: now.clone() });
        } else {
            self.initial.clone_from(&now);
        }
        let found = match (&stepped, from) {
            (Some((thread, ..)), Some(from)) => {
                let range = self.graph.successor_range(from);
                let mut edges = range.filter(|&e| {
                    self.map.movers[e] == *thread
                        && self.matches(self.graph.edges()[e].to, &now, positions).is_ok()
                });
                let edge = edges.next();
                if edges.next().is_some() {
                    return self.diverge(Kind::Ambiguous, from, positions, &now);
                }
                edge.map(|e| (Some(e), self.graph.edges()[e].to))
            }
            _ => {
                let initial = self.graph.initial()[0];
                self.matches(initial, &now, positions).is_ok().then_some((None, initial))
            }
        };
        let Some((edge, node)) = found else {
            self.result.extra_edges += usize::from(stepped.is_some());
            let at = from.unwrap_or(self.graph.initial()[0]);
            return self.diverge(Kind::NoSuchState, at, positions, &now);
        };
        if self.plan.visit(node) {
            self.result.states_covered += 1;
        }
        if edge.is_some_and(|edge| self.plan.take(edge)) {
            self.result.edges_covered += 1;
        }
        self.node = Some(node);
        let spec: BTreeSet<usize> =
            self.graph.successor_range(node).map(|e| self.map.movers[e]).collect();
        let code: BTreeSet<usize> = enabled(positions).into_iter().collect();
        if spec != code {
            return self.diverge(Kind::Enabled { spec, code }, node, positions, &now);
        }
        Some(node)
    }

    /// Whether the code is in this node; else the first difference, as text.
    fn matches(
        &self,
        node: usize,
        now: &Observation,
        positions: &[Position],
    ) -> Result<(), String> {
        for (i, variable) in self.graph.variables().iter().enumerate() {
            let expected = &self.graph.states()[node][i];
            if i == self.map.pc {
                self.pc_matches(expected, positions)?;
            } else if let Some(value) = now.get(variable) {
                if value != expected {
                    return Err(format!("{variable}: the spec has {expected}, the code {value}"));
                }
            } else if !self.options.unobserved.contains(variable) {
                return Err(format!(
                    "{variable}: the code does not show it; add it to the observation"
                ));
            }
        }
        match now.keys().find(|name| self.graph.variable(name).is_none()) {
            Some(name) => Err(format!("{name}: the code shows it, the spec has no such variable")),
            None => Ok(()),
        }
    }

    fn pc_matches(&self, pc: &Value, positions: &[Position]) -> Result<(), String> {
        for (thread, name) in self.map.threads.iter().enumerate() {
            let spec = label_of(pc, name).unwrap_or("?");
            let (code, place) = match &positions[thread] {
                Position::At { label, location, .. } => (*label, format!(" ({location})")),
                Position::Done => ("Done", String::new()),
                Position::Running => ("<running>", String::new()),
            };
            if spec != code {
                return Err(format!("{name}: the spec is at {spec}, the code at {code}{place}"));
            }
        }
        Ok(())
    }

    fn diverge(
        &mut self,
        kind: Kind,
        node: usize,
        positions: &[Position],
        now: &Observation,
    ) -> Option<usize> {
        let stepped = self.trace.last();
        let candidates: Vec<String> = match (&kind, stepped) {
            (Kind::NoSuchState, Some(step)) if self.node == Some(node) => self
                .graph
                .successor_range(node)
                .filter(|&e| self.map.movers[e] == step.thread)
                .map(|e| {
                    let edge = &self.graph.edges()[e];
                    let why = self.matches(edge.to, now, positions).err().unwrap_or_default();
                    format!("{}: {why}", edge.action)
                })
                .collect(),
            (Kind::NoSuchState, _) => {
                self.matches(node, now, positions).err().into_iter().collect()
            }
            _ => Vec::new(),
        };
        self.result.divergence = Some(Divergence::new(
            kind,
            self.graph.name(),
            &self.map.threads,
            positions,
            &self.initial,
            &self.trace,
            candidates,
        ));
        None
    }

    /// The thread to move; `None` to end the execution.
    fn pick(&mut self, node: usize, positions: &[Position]) -> Option<usize> {
        match self.mode {
            Mode::Cover => self.plan.next(&self.graph, node).map(|edge| self.map.movers[edge]),
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
            Mode::Blind => {
                if self.depth == self.levels.len() {
                    let choices = enabled(positions);
                    if choices.is_empty() {
                        return None;
                    }
                    self.levels.push(Level { choices, at: 0 });
                }
                let level = &self.levels[self.depth];
                self.depth += 1;
                Some(level.choices[level.at])
            }
        }
    }

    fn backtrack(&mut self) -> bool {
        while let Some(level) = self.levels.last_mut() {
            level.at += 1;
            if level.at < level.choices.len() {
                return true;
            }
            self.levels.pop();
        }
        false
    }

    /// The blind search's number must be the graph's.
    fn conclude(&mut self, schedules: Option<u128>) {
        let (Some(runs), Some(paths), None) =
            (self.result.blind_runs, schedules, &self.result.divergence)
        else {
            return;
        };
        if u128::from(runs) != paths {
            self.result.divergence =
                Some(Divergence::blind(self.graph.name(), u128::from(runs), paths));
        }
    }
}
