//! RCU's own races, explored under loom (both passes) and under shuttle.
//!
//! Nobody waits here: an updater asks once whether the grace period is over, and frees if it is.
#![cfg(any(graceref_loom, graceref_shuttle))]

#[path = "rcu_cases/pool.rs"]
mod pool;

use graceref::rcu::Domain;
use graceref::sync::model::{self, Ghost};
use graceref::sync::{AtomicU32, ENGINE, Engine, Ordering as Order, Tracked};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// The scene of an execution: its threads, and what must be true when all are done.
trait Scene: Send + Sync + 'static {
    const ROLES: usize;
    fn set() -> Self;
    fn play(&self, role: usize);
    fn end(&self) {}
}

/// What the executions came to.
struct Explored {
    executions: usize,
    /// How many of them differ in the order of accesses to a shared object.
    classes: usize,
    /// The properties that did not hold, and the behaviours that were seen.
    violated: Vec<&'static str>,
    seen: Vec<&'static str>,
}

static EXECUTIONS: AtomicUsize = AtomicUsize::new(0);
static CLASSES: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());

fn execution<S: Scene>(spawn: fn(Box<dyn FnOnce() + Send>)) {
    EXECUTIONS.fetch_add(1, Ordering::Relaxed);
    model::begin(S::ROLES);
    let scene = Arc::new((S::set(), AtomicU32::new(0)));
    model::start();
    for other in 1..S::ROLES {
        let scene = Arc::clone(&scene);
        spawn(Box::new(move || role(&scene, other)));
    }
    role(&scene, 0);
}

fn role<S: Scene>((scene, done): &(S, AtomicU32), role: usize) {
    model::enter(role);
    scene.play(role);
    // Whoever comes last sees what the others did.
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
        let mut builder = loom::model::Builder::new();
        builder.max_branches = 10_000;
        // Two threads: every interleaving, as far as the pass goes.
        builder.preemption_bound = (S::ROLES > 2).then_some(3);
        builder.check(|| execution::<S>(|f| drop(loom::thread::spawn(f))));
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
        .run(|| execution::<S>(|f| std::mem::forget(shuttle::thread::spawn(f))));
}

fn explore<S: Scene>(mutant: &str) -> Explored {
    model::set_mutant(mutant);
    EXECUTIONS.store(0, Ordering::Relaxed);
    CLASSES.lock().unwrap().clear();
    let _ = model::take_report();
    run::<S>();
    let report = model::take_report();
    let explored = Explored {
        executions: EXECUTIONS.load(Ordering::Relaxed),
        classes: CLASSES.lock().unwrap().len(),
        violated: report.violations.into_keys().collect(),
        seen: report.witnesses.into_keys().collect(),
    };
    println!("{} executions, {} classes", explored.executions, explored.classes);
    explored
}

fn holds<S: Scene>(shown: &[&str]) {
    let Explored { executions, classes, violated, seen } = explore::<S>("");
    assert_eq!(violated, [""; 0]);
    assert!(executions > 1 && classes > 1, "{executions} executions of {classes} classes explored");
    // A model in which nothing is ever freed, or nobody ever reads, says nothing.
    for name in shown {
        assert!(seen.contains(name), "{name} was never seen");
    }
}

/// A checker that cannot fail is a defect: the mutant must be noticed, in a process of its own, since loom says it by
/// a panic.
fn fails<S: Scene>(mutant: &str) {
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
    let properties = ["Causality violation", "NoUseAfterFree", "NoDataRace", "NoAlias"];
    assert!(properties.iter().any(|p| said.contains(p)), "{mutant} was noticed as\n{said}");
}

const NOTHING: u32 = 0;
const OBJECT: u32 = 1;

/// A domain, a link to an object, and the object.
struct Shared {
    domain: Domain,
    link: AtomicU32,
    object: Tracked<()>,
    read: Ghost<bool>,
}

impl Shared {
    fn new() -> Self {
        Self {
            domain: Domain::new(),
            link: AtomicU32::new(OBJECT),
            object: Tracked::new(()),
            read: Ghost::default(),
        }
    }

    fn read(&self) {
        let guard = self.domain.read_lock();
        // ORDERING: Relaxed; the object was there from the start, and the fences are what is tried here.
        if self.link.load(Order::Relaxed) == OBJECT {
            self.object.with(|_| ());
            self.read.set(true);
        }
        drop(guard);
    }

    fn unlink(&self) {
        // ORDERING: Relaxed; the snapshot orders it.
        self.link.store(NOTHING, Order::Relaxed);
    }

    fn free(&self) {
        self.object.retire();
        model::witness("Freed", format_args!("a grace period was over"));
        if self.read.get() {
            model::witness("Read", format_args!("and the object had been read"));
        }
    }

    fn update(&self) {
        self.unlink();
        let snapshot = self.domain.snapshot();
        if self.domain.elapsed(snapshot) {
            self.free();
        }
    }
}

/// A reader and an updater.
struct ReadAndFree(Shared);

impl Scene for ReadAndFree {
    const ROLES: usize = 2;
    fn set() -> Self {
        let shared = Shared::new();
        shared.domain.raw_prepare(0);
        Self(shared)
    }
    fn play(&self, role: usize) {
        if role == 0 { self.0.read() } else { self.0.update() }
    }
}

/// The reader comes twice: the second stamp hides that the first section is over.
struct ReadTwice(Shared);

impl Scene for ReadTwice {
    const ROLES: usize = 2;
    fn set() -> Self {
        let shared = Shared::new();
        shared.domain.raw_prepare(0);
        Self(shared)
    }
    fn play(&self, role: usize) {
        if role == 0 {
            self.0.read();
            self.0.read();
        } else {
            self.0.update();
        }
    }
}

/// The reader's record is not there yet when the updater comes.
struct FirstRead(Shared);

impl Scene for FirstRead {
    const ROLES: usize = 2;
    fn set() -> Self {
        Self(Shared::new())
    }
    fn play(&self, role: usize) {
        if role == 0 { self.0.read() } else { self.0.update() }
    }
}

/// Nested guards, the outer one dropped first.
struct Nested(Shared);

impl Scene for Nested {
    const ROLES: usize = 2;
    fn set() -> Self {
        let shared = Shared::new();
        shared.domain.raw_prepare(0);
        Self(shared)
    }
    fn play(&self, role: usize) {
        if role == 1 {
            return self.0.update();
        }
        let outer = self.0.domain.read_lock();
        let inner = self.0.domain.read_lock();
        drop(outer);
        // ORDERING: Relaxed, as in `read`.
        if self.0.link.load(Order::Relaxed) == OBJECT {
            self.0.object.with(|_| ());
            self.0.read.set(true);
        }
        drop(inner);
    }
}

/// A third thread that takes grace periods further while the updater unlinks: what it began may not count, and what it
/// ends does.
struct Helped(Shared);

impl Scene for Helped {
    const ROLES: usize = 3;
    fn set() -> Self {
        let shared = Shared::new();
        shared.domain.raw_prepare(0);
        Self(shared)
    }
    fn play(&self, role: usize) {
        match role {
            0 => self.0.read(),
            1 => self.0.update(),
            _ => {
                self.0.domain.elapsed(self.0.domain.snapshot());
            }
        }
    }
}

/// Two readers, one behind the other in the list.
struct TwoReaders(Shared);

impl Scene for TwoReaders {
    const ROLES: usize = 3;
    fn set() -> Self {
        let shared = Shared::new();
        shared.domain.raw_prepare(0);
        shared.domain.raw_prepare(1);
        Self(shared)
    }
    fn play(&self, role: usize) {
        if role == 2 { self.0.update() } else { self.0.read() }
    }
}

/// The updater's work is deferred (under a lock, and far too much of it for loom), and whoever is last runs it.
#[cfg(graceref_shuttle)]
struct Deferred(Arc<Shared>);

#[cfg(graceref_shuttle)]
impl Scene for Deferred {
    const ROLES: usize = 2;
    fn set() -> Self {
        let shared = Shared::new();
        shared.domain.raw_prepare(0);
        shared.domain.raw_prepare(1);
        Self(Arc::new(shared))
    }
    fn play(&self, role: usize) {
        if role == 0 {
            self.0.read();
        } else {
            let guard = self.0.domain.read_lock();
            self.0.unlink();
            let shared = Arc::downgrade(&self.0);
            self.0.domain.defer(move || {
                if let Some(shared) = shared.upgrade() {
                    shared.free();
                }
            });
            drop(guard);
        }
    }
}

#[test]
fn what_a_reader_found_is_not_freed_before_it_leaves() {
    holds::<ReadAndFree>(&["Freed", "Read"]);
}

#[test]
fn a_reader_that_comes_again_is_not_taken_for_one_that_is_still_inside() {
    holds::<ReadTwice>(&["Freed", "Read"]);
}

#[test]
fn a_reader_whose_record_is_new_is_seen() {
    holds::<FirstRead>(&["Freed", "Read"]);
}

#[test]
fn the_inner_guard_keeps_the_reader_inside() {
    holds::<Nested>(&["Freed", "Read"]);
}

#[test]
fn every_reader_is_waited_for() {
    holds::<TwoReaders>(&["Freed", "Read"]);
}

#[test]
fn a_grace_period_that_another_thread_began_is_as_good() {
    holds::<Helped>(&["Freed", "Read"]);
}

#[cfg(graceref_shuttle)]
#[test]
fn deferred_work_runs_after_the_reader() {
    holds::<Deferred>(&["Freed", "Read"]);
}

#[test]
fn a_grace_period_without_the_bump_of_the_counter_frees_under_the_reader() {
    fails::<ReadAndFree>("rcu.no_bump");
}

/// Memory orderings, of which shuttle has none to weaken, and what random schedules do not meet.
#[cfg(graceref_loom)]
mod under_loom {
    use super::{Helped, ReadAndFree, ReadTwice, TwoReaders, fails};

    #[test]
    fn a_snapshot_that_joins_the_period_under_way_frees_under_the_reader() {
        fails::<Helped>("rcu.join");
    }

    #[test]
    fn a_reader_without_its_fence_is_not_seen() {
        fails::<ReadAndFree>("rcu.no_light");
    }

    #[test]
    fn an_updater_without_its_fence_does_not_see() {
        fails::<Helped>("rcu.no_heavy");
    }

    #[test]
    fn a_snapshot_without_its_fence_is_not_in_order() {
        fails::<Helped>("rcu.no_snapshot_fence");
    }

    #[test]
    fn leaving_without_release_races_with_the_free() {
        fails::<ReadAndFree>("weaken:rcu::record::leave::leave=Relaxed");
    }

    #[test]
    fn entering_again_without_release_races_with_the_free() {
        fails::<ReadTwice>("weaken:rcu::record::enter::enter=Relaxed");
    }

    #[test]
    fn looking_without_acquire_races_with_the_free() {
        fails::<ReadAndFree>("weaken:rcu::record::blocks::look=Relaxed");
    }

    #[test]
    fn asking_without_acquire_races_with_the_free() {
        fails::<Helped>("weaken:rcu::period::elapsed::period=Relaxed");
    }

    #[test]
    fn a_first_reader_is_not_the_only_one() {
        fails::<TwoReaders>("rcu.first");
    }

    #[test]
    fn a_period_ended_without_release_is_not_over_for_others() {
        fails::<Helped>("weaken:rcu::period::advance::end=Relaxed");
    }
}
