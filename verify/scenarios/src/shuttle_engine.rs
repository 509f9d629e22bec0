//! The passes under shuttle: lockstep, state-cached, random, PCT.

use crate::probe::{Window, finish, program};
use crate::record::{Budget, Pass, Record, Step, Trace, Violation};
use crate::scenario::{Cast, Scenario};
use graceref::sync::{ENGINE, Engine, model};
use lockstep::divergence::changes;
use lockstep::explore::{DEADLOCK, Finding, explore};
use lockstep::walk::{Options, walk};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const SEED: u64 = 1;
/// A search of a scenario that needs more executions is too large for its purpose.
const LIMIT: u64 = 300_000;

/// Runs the pass.
///
/// # Errors
/// A text for people when the graph is missing or not one that can be walked.
///
/// # Panics
/// In a binary that was built for another engine.
pub fn run(
    scenario: &Scenario,
    pass: Pass,
    budget: Budget,
    graphs: &Path,
) -> Result<Record, String> {
    assert_eq!(ENGINE, Engine::Shuttle, "this binary was built for another engine");
    if !scenario.mutant.is_empty() {
        model::set_mutant(scenario.mutant);
    }
    model::take_report();
    let record = match pass {
        Pass::Lockstep => {
            lockstep(scenario, budget, &graphs.join(format!("{}.graph", scenario.name)))
        }
        Pass::Cached => Ok(cached(scenario)),
        _ => Ok(sampled(scenario, pass, budget)),
    };
    finish();
    record
}

/// Walks the scenario along the graph in this file.
///
/// # Errors
/// As [`run`].
pub fn lockstep(scenario: &Scenario, budget: Budget, file: &Path) -> Result<Record, String> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        format!(
            "{}: {error}; make it with `cargo verify spec {} --update`",
            file.display(),
            scenario.name
        )
    })?;
    let graph =
        lockstep::compact::read(&text).map_err(|error| format!("{}: {error}", file.display()))?;
    let words =
        graph.edges().iter().map(|edge| (edge.action.clone(), (scenario.describe)(&edge.action)));
    let words = words.filter(|(_, words)| !words.is_empty()).collect();
    let options = Options {
        unobserved: scenario.unobserved.iter().map(|&(name, _)| name.to_owned()).collect(),
        random: budget.scale(500),
        seed: SEED,
        ..Options::default()
    };
    let cast = scenario.cast.clone();
    let walk = walk(&graph, options, Window::new(scenario), move || program(&cast))
        .map_err(|error| error.to_string())?;
    let mut record = Record::new(scenario.name, Pass::Lockstep);
    record.executions = walk.runs;
    record.states = Some(walk.states as u64);
    record.edges = Some(walk.edges as u64);
    record.states_covered = Some(walk.states_covered as u64);
    record.edges_covered = Some(walk.edges_covered as u64);
    record.extra_edges = Some(walk.extra_edges as u64);
    record.bound = match walk.blind_runs {
        Some(n) => format!("every edge; {} random and all {n} schedules besides", walk.random_runs),
        None => format!("every edge; {} random schedules besides", walk.random_runs),
    };
    record.words = words;
    record.divergence = walk.divergence.map(|divergence| divergence.to_string());
    record.enter(model::take_report());
    Ok(record)
}

fn cached(scenario: &Scenario) -> Record {
    let cast = scenario.cast.clone();
    let found = explore(Window::new(scenario), LIMIT, move || program(&cast));
    let mut record = Record::new(scenario.name, Pass::Cached);
    record.executions = found.executions;
    record.states = Some(found.states);
    record.edges = Some(found.edges);
    record.complete = found.complete;
    if !found.complete {
        record.bound = format!(
            "cut off after {} executions: the cast is too large, or a thread waits in a loop",
            found.executions
        );
    }
    record.enter_classes(&found.classes);
    record.enter(model::take_report());
    if found.found.contains_key(DEADLOCK) {
        let detail = "no thread can do its next step".to_owned();
        record.violations.push(Violation { property: DEADLOCK.to_owned(), detail });
    }
    for (name, finding) in &found.found {
        record.traces.push(trace(name, finding, scenario));
    }
    record
}

fn trace(name: &str, finding: &Finding, scenario: &Scenario) -> Trace {
    let (threads, describe) = (&scenario.cast.threads, scenario.describe);
    let mut before = &finding.initial;
    let mut steps: Vec<Step> = Vec::new();
    for step in &finding.trace {
        steps.push(Step {
            thread: step.thread,
            name: threads[step.thread].to_owned(),
            label: step.label.to_owned(),
            text: describe(step.label).to_owned(),
            notes: changes(before, &step.after),
            fatal: None,
        });
        before = &step.after;
    }
    if let Some(last) = steps.last_mut() {
        last.fatal = Some(name.to_owned());
    }
    Trace { property: name.to_owned(), steps }
}

fn sampled(scenario: &Scenario, pass: Pass, budget: Budget) -> Record {
    let cast = scenario.crowd.clone().unwrap_or_else(|| scenario.cast.clone());
    let schedules = budget.scale(4_000);
    let mut record = Record::new(scenario.name, pass);
    let threads = cast.threads.len();
    if pass == Pass::Random {
        record.executions = sample(
            shuttle::scheduler::RandomScheduler::new_from_seed(SEED, to_usize(schedules)),
            cast,
            &mut record,
        );
        record.bound = format!("{schedules} random schedules of {threads} threads, seed {SEED}");
    } else {
        // Depth 3 alone never finds some small races.
        for depth in [3, 5] {
            record.executions += sample(
                shuttle::scheduler::PctScheduler::new_from_seed(
                    SEED,
                    depth,
                    to_usize(schedules / 2),
                ),
                cast.clone(),
                &mut record,
            );
        }
        record.bound =
            format!("{schedules} PCT schedules of {threads} threads, depths 3 and 5, seed {SEED}");
    }
    record.enter(model::take_report());
    record
}

fn to_usize(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

/// Returns how many executions were run; a panic out of shuttle (a deadlock) is a violation.
fn sample(
    scheduler: impl shuttle::scheduler::Scheduler + 'static,
    cast: Cast,
    record: &mut Record,
) -> u64 {
    let mut config = shuttle::Config::new();
    config.silence_warnings = true;
    config.failure_persistence = shuttle::FailurePersistence::None;
    let runs = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&runs);
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        shuttle::Runner::new(scheduler, config).run(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            program(&cast);
        });
    }));
    model::stop();
    if let Err(panic) = done {
        let text = panic.downcast_ref::<String>().cloned().unwrap_or_default();
        let property = if text.starts_with("deadlock") { DEADLOCK } else { "NoPanic" };
        record.violations.push(Violation { property: property.to_owned(), detail: text });
    }
    runs.load(Ordering::Relaxed)
}
