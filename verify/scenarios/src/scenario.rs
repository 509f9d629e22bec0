//! What a scenario is.

use graceref::sync::Local;
use lockstep::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The objects on which a scenario's threads act.
pub trait World: Send + Sync {
    /// What this thread does. Every access to something shared is one step, with its label over it.
    fn run(&self, thread: usize);

    /// Shows the spec's variables, `pc` and the processes' local variables excepted. Called between steps.
    fn show(&self, show: &mut Show);

    /// What must hold when all threads have finished; reports with `model::violated`. Looks at raw values only.
    fn at_end(&self) {}
}

/// The spec's variables and their values.
#[derive(Debug, Default)]
pub struct Show(pub(crate) BTreeMap<String, Value>);

impl Show {
    /// The variable has this value.
    pub fn is(&mut self, variable: &str, value: impl Into<Value>) {
        self.0.insert(variable.to_owned(), value.into());
    }
}

/// A local variable of one of the spec's processes.
#[derive(Debug, Clone)]
pub struct Locals {
    /// Its name in the spec, where no two processes share one.
    pub name: &'static str,
    /// Its name in the code.
    pub code: &'static str,
    /// The members of its process set.
    pub threads: Vec<&'static str>,
    /// Its first value.
    pub initial: Local,
}

impl Locals {
    /// A local variable of these threads.
    pub fn new(name: &'static str, threads: &[&'static str], initial: impl Into<Local>) -> Self {
        Self { name, code: name, threads: threads.to_vec(), initial: initial.into() }
    }

    /// The same under another name in the code.
    #[must_use]
    pub fn as_in_code(self, code: &'static str) -> Self {
        Self { code, ..self }
    }
}

/// The threads of a scenario and how their world is made.
#[derive(Clone)]
pub struct Cast {
    /// The threads' names: the spec's processes.
    pub threads: Vec<&'static str>,
    /// Makes the world anew.
    pub make: Arc<dyn Fn() -> Arc<dyn World> + Send + Sync>,
}

impl Cast {
    /// These threads on such a world.
    pub fn new<W: World + 'static>(
        threads: &[&'static str],
        make: impl Fn() -> W + Send + Sync + 'static,
    ) -> Self {
        Self { threads: threads.to_vec(), make: Arc::new(move || Arc::new(make())) }
    }
}

/// One model of the spec as running code.
#[derive(Clone)]
pub struct Scenario {
    /// Its name; also that of the graph in `spec/graphs`, if it has one.
    pub name: &'static str,
    /// What it is about, in one line.
    pub about: &'static str,
    /// Whether the spec has a graph of it.
    pub graph: bool,
    /// The threads that every engine explores in full.
    pub cast: Cast,
    /// One more thread, for the random schedulers.
    pub crowd: Option<Cast>,
    /// The local variables of the spec's processes.
    pub locals: Vec<Locals>,
    /// Variables of the spec that the world cannot show, each with the reason.
    pub unobserved: &'static [(&'static str, &'static str)],
    /// What real threads can show here and random rounds may miss: they go on, up to a limit, until they have.
    pub sought: &'static [&'static str],
    /// loom's preemption bound in its weak-memory pass; `None` where the unbounded search ends soon enough.
    pub native_bound: Option<usize>,
    /// A step in the words of the system that the scenario mirrors; empty where the label says it.
    pub describe: fn(&str) -> &'static str,
    /// The mutant that is switched on throughout, if this scenario is a checker's own check.
    pub mutant: &'static str,
    /// Engines that this scenario leaves out, each with the reason.
    pub without: &'static [(&'static str, &'static str)],
}

impl Scenario {
    /// A scenario with a graph and nothing special.
    pub fn new(name: &'static str, about: &'static str, cast: Cast) -> Self {
        Self {
            name,
            about,
            graph: true,
            cast,
            crowd: None,
            locals: Vec::new(),
            unobserved: &[],
            sought: &[],
            native_bound: None,
            describe: |_| "",
            mutant: "",
            without: &[],
        }
    }

    /// Why the engine is left out, if it is.
    pub fn skipped(&self, engine: &str) -> Option<&'static str> {
        if engine == "lockstep" && !self.graph {
            return Some("the spec has no graph of this scenario");
        }
        self.without.iter().find(|(name, _)| *name == engine).map(|(_, why)| *why)
    }
}
