//! The passes under loom: read-modify-write and native.
//!
//! loom says what it finds by a panic, perhaps in a destructor, perhaps twice. So the panic hook writes the record
//! and ends the process: one scenario and pass a process.

use crate::record::{Budget, Pass, Record, Violation};
use crate::scenario::{Scenario, World};
use graceref::sync::{ENGINE, Engine, model};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

static EXECUTIONS: AtomicU64 = AtomicU64::new(0);
static CLASSES: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());

/// The preemption bound of the quick budget's weak-memory pass.
const QUICK_BOUND: usize = 2;

/// Runs the pass. `finish` writes the record; it is also called from the panic hook, before the process ends.
///
/// # Panics
/// In a binary that was built for another engine.
pub fn run(scenario: &Scenario, pass: Pass, budget: Budget, finish: fn(&Record)) {
    assert_eq!(ENGINE, Engine::Loom, "this binary was built for another engine");
    if !scenario.mutant.is_empty() {
        model::set_mutant(scenario.mutant);
    }
    model::set_rmw_pass(pass == Pass::Rmw);
    let begun = Instant::now();
    let mut record = Record::new(scenario.name, pass);
    let mut builder = loom::model::Builder::new();
    builder.max_branches = 10_000;
    builder.max_permutations = None;
    builder.max_duration = None;
    builder.preemption_bound = match (pass, scenario.native_bound, budget) {
        (Pass::Rmw, ..) | (_, None, _) => None,
        (_, Some(bound), Budget::Quick) => Some(bound.min(QUICK_BOUND)),
        (_, bound, _) => bound,
    };
    if let Some(bound) = builder.preemption_bound {
        record.bound = format!("preemption bound {bound}");
    }
    let stopped = record.clone();
    std::panic::set_hook(Box::new(move |info| {
        let text = info.payload_as_str().unwrap_or("panic").to_owned();
        let mut record = stopped.clone();
        record.enter(model::take_report());
        let property = property_of(&text);
        if record.violations.iter().all(|v| v.property != property) {
            let detail = text.lines().next().unwrap_or("panic").to_owned();
            record.violations.push(Violation { property: property.to_owned(), detail });
        }
        "until loom's first finding".clone_into(&mut record.bound);
        record.executions = EXECUTIONS.load(Ordering::Relaxed);
        record.seconds = begun.elapsed().as_secs_f64();
        finish(&record);
        std::process::exit(0);
    }));
    let cast = scenario.cast.clone();
    builder.check(move || {
        EXECUTIONS.fetch_add(1, Ordering::Relaxed);
        model::begin(cast.threads.len());
        let world = (cast.make)();
        model::start();
        for thread in 1..cast.threads.len() {
            let world = Arc::clone(&world);
            loom::thread::spawn(move || role(&*world, thread));
        }
        role(&*world, 0);
    });
    record.executions = EXECUTIONS.load(Ordering::Relaxed);
    record.enter(model::take_report());
    if pass == Pass::Rmw {
        record.enter_classes(&CLASSES.lock().unwrap_or_else(PoisonError::into_inner));
    }
    record.seconds = begun.elapsed().as_secs_f64();
    finish(&record);
}

fn role(world: &dyn World, thread: usize) {
    model::enter(thread);
    world.run(thread);
    if model::leave(thread) {
        world.at_end();
        CLASSES.lock().unwrap_or_else(PoisonError::into_inner).insert(model::class());
        model::stop();
    }
}

/// loom's words for what the register has names for.
fn property_of(text: &str) -> &'static str {
    if text.contains("ausality violation") {
        // A free is a write: what races with it is a use after it.
        if model::freeing() { "NoUseAfterFree" } else { "NoDataRace" }
    } else if text.contains("deadlock") {
        "NoDeadlock"
    } else if text.contains("leak") {
        "NoLeak"
    } else if text.contains("max_branches") || text.contains("exceeded") {
        "Bounded"
    } else {
        "NoPanic"
    }
}
