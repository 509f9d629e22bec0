//! Scenes of two or three threads, explored under the engine of this build.

use graceref::model::{Explored, Extent, Model};
use graceref::sync::model;

/// Executions in a pass, at the most.
const LIMIT: u64 = 300_000;

/// The scene of an execution: its threads, and what must be true when all are done.
pub(crate) trait Scene: Send + Sync + 'static {
    /// Whether there is a third thread.
    const THIRD: bool = false;
    /// How many threads loom interrupts, where it cannot try all.
    const BOUND: Option<usize> = if Self::THIRD { Some(3) } else { None };
    fn set() -> Self;
    fn first(&self);
    fn second(&self);
    fn third(&self) {}
    fn end(&self) {}
}

fn explore<S: Scene>(mutant: &str, limit: u64) -> Explored {
    model::set_mutant(mutant);
    let mut model = Model::new(std::any::type_name::<S>(), S::set)
        .thread("first", S::first)
        .thread("second", S::second)
        .at_end(S::end)
        .limit(limit)
        .rounds(10_000);
    if S::THIRD {
        model = model.thread("third", S::third);
    }
    if let Some(bound) = S::BOUND {
        model = model.preemption_bound(bound);
    }
    let explored = model.explore();
    println!("{explored}");
    explored
}

/// Explores all that there is, or all within the bound.
pub(crate) fn holds<S: Scene>() -> Explored {
    let explored = explore::<S>("", LIMIT);
    explored.assert_holds();
    let whole =
        |extent: &Extent| *extent == Extent::Complete || matches!(extent, Extent::Bounded(_));
    assert!(explored.passes.iter().all(|pass| whole(&pass.extent)), "{explored}");
    explored
}

/// The number and the digest of the first pass's classes, so that the engines can be held against each other. They move with
/// the accesses of the code; what a mutant makes of them is no finding.
#[allow(dead_code)] // not every test binary pins
pub(crate) fn pinned(explored: &Explored, classes: (u64, u64)) {
    if std::env::var_os("GRACEREF_MUTANT").is_none_or(|mutant| mutant.is_empty()) {
        let pass = &explored.passes[0];
        assert_eq!((pass.classes, pass.digest >> 32), classes, "{explored}");
    }
}

/// A scene in which nothing happens says nothing: these behaviours must have been seen.
#[allow(dead_code)] // not every test binary has such scenes
pub(crate) fn shows(explored: &Explored, behaviours: &[&str]) {
    for behaviour in behaviours {
        assert!(explored.witnesses.contains_key(*behaviour), "{behaviour} was never seen");
    }
}

/// Of a scene that is too large to be explored in full: a part of it, and random and PCT schedules.
#[allow(dead_code)] // not every test binary has such a scene
pub(crate) fn holds_in_part<S: Scene>() -> Explored {
    let explored = explore::<S>("", 1_000);
    explored.assert_holds();
    assert!(!explored.complete(), "explored in full after all: use `holds`");
    explored
}

/// A checker that cannot fail is a defect: the mutant must be noticed, and said to break one of these.
pub(crate) fn fails<S: Scene>(mutant: &str, properties: &[&str]) {
    let explored = explore::<S>(mutant, LIMIT);
    model::set_mutant("");
    assert!(properties.iter().any(|p| explored.found(p).is_some()), "{mutant}: {explored}");
}
