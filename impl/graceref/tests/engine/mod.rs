//! Runs a scene of two threads under the engine of this build.

use graceref::sync::model;
use graceref::sync::{AtomicU32, ENGINE, Engine, Ordering as Order};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// What the executions came to.
pub(crate) struct Explored {
    pub(crate) executions: usize,
    /// How many of them differ in the order of accesses to a shared object.
    pub(crate) classes: usize,
    /// The properties that did not hold.
    pub(crate) violated: Vec<&'static str>,
}

/// The scene of an execution: two threads, and what must be true when both are done.
pub(crate) trait Scene: Send + Sync + 'static {
    fn set() -> Self;
    fn first(&self);
    fn second(&self);
    fn end(&self);
}

/// What a thread of the scene takes with it.
pub(crate) struct Hand<T>(Mutex<Option<T>>);

impl<T> Hand<T> {
    pub(crate) fn holding(value: T) -> Self {
        Self(Mutex::new(Some(value)))
    }

    pub(crate) fn take(&self) -> T {
        self.0.lock().unwrap().take().expect("a thread takes its things once")
    }
}

static EXECUTIONS: AtomicUsize = AtomicUsize::new(0);
static CLASSES: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());

fn play<S: Scene>(spawn: fn(Box<dyn FnOnce() + Send>)) {
    EXECUTIONS.fetch_add(1, Ordering::Relaxed);
    model::begin(2);
    let scene = Arc::new((S::set(), AtomicU32::new(0)));
    model::start();
    let other = Arc::clone(&scene);
    spawn(Box::new(move || role(&other, 1)));
    role(&scene, 0);
}

fn role<S: Scene>((scene, done): &(S, AtomicU32), role: usize) {
    model::enter(role);
    if role == 0 {
        scene.first();
    } else {
        scene.second();
    }
    // Whoever comes last sees what the other did.
    done.fetch_add(1, Order::AcqRel);
    if model::leave(role) {
        scene.end();
        CLASSES.lock().unwrap().insert(model::class());
        model::stop();
    }
}

#[cfg(graceref_loom)]
fn run<S: Scene>() {
    assert_eq!(ENGINE, Engine::Loom, "this binary was built for another engine");
    for rmw in [true, false] {
        model::set_rmw_pass(rmw);
        // No bound: every interleaving of the two, as far as the pass goes.
        let mut builder = loom::model::Builder::new();
        builder.max_branches = 10_000;
        builder.check(|| play::<S>(|f| drop(loom::thread::spawn(f))));
    }
}

#[cfg(graceref_shuttle)]
fn run<S: Scene>() {
    assert_eq!(ENGINE, Engine::Shuttle, "this binary was built for another engine");
    let mut config = shuttle::Config::new();
    config.silence_warnings = true;
    config.failure_persistence = shuttle::FailurePersistence::None;
    let random = shuttle::scheduler::RandomScheduler::new_from_seed(0x67_7261_6365, 10_000);
    // A dropped handle would detach the thread, and detached threads may be cut short.
    shuttle::Runner::new(random, config)
        .run(|| play::<S>(|f| std::mem::forget(shuttle::thread::spawn(f))));
}

pub(crate) fn explore<S: Scene>(mutant: &str) -> Explored {
    model::set_mutant(mutant);
    EXECUTIONS.store(0, Ordering::Relaxed);
    CLASSES.lock().unwrap().clear();
    let _ = model::take_report();
    run::<S>();
    let explored = Explored {
        executions: EXECUTIONS.load(Ordering::Relaxed),
        classes: CLASSES.lock().unwrap().len(),
        violated: model::take_report().violations.into_keys().collect(),
    };
    let Explored { executions, classes, .. } = explored;
    println!("{executions} executions, {classes} classes");
    explored
}

pub(crate) fn holds<S: Scene>() {
    let Explored { executions, classes, violated } = explore::<S>("");
    assert_eq!(violated, [""; 0]);
    assert!(executions > 1 && classes > 1, "{executions} executions of {classes} classes explored");
}

/// A checker that cannot fail is a defect: the mutant must be noticed, and said to break one of these.
///
/// In a process of its own, since loom says it by a panic, perhaps in a destructor.
pub(crate) fn fails<S: Scene>(mutant: &str, properties: &[&str]) {
    const CHILD: &str = "GRACEREF_MODEL_CHILD";
    if std::env::var_os(CHILD).is_some() {
        assert_eq!(explore::<S>(mutant).violated, [""; 0]);
        return;
    }
    let test = std::thread::current().name().expect("a test's thread has its name").to_owned();
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &test, "--nocapture"])
        .env(CHILD, "1")
        .env("RUST_BACKTRACE", "0")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stderr);
    assert!(!child.status.success(), "nothing noticed {mutant}");
    assert!(properties.iter().any(|p| said.contains(p)), "{mutant} was noticed as\n{said}");
}

/// loom's word for a data race.
pub(crate) const LOOM_RACE: &str = "Causality violation";

pub(crate) fn require(holds: bool, property: &'static str) {
    if !holds {
        model::violated(property, format_args!("at the end"));
    }
}
