//! Scenes of two threads, explored under the engine of this build.

use graceref::model::{Explored, Model};
use graceref::sync::model;

/// Executions in a pass, at the most.
const LIMIT: u64 = 300_000;

/// The scene of an execution: two threads, and what must be true when both are done.
pub(crate) trait Scene: Send + Sync + 'static {
    fn set() -> Self;
    fn first(&self);
    fn second(&self);
    fn end(&self);
}

fn explore<S: Scene>(mutant: &str, limit: u64) -> Explored {
    model::set_mutant(mutant);
    let explored = Model::new(std::any::type_name::<S>(), S::set)
        .thread("first", S::first)
        .thread("second", S::second)
        .at_end(S::end)
        .limit(limit)
        .rounds(10_000)
        .explore();
    println!("{explored}");
    explored
}

pub(crate) fn holds<S: Scene>() {
    let explored = explore::<S>("", LIMIT);
    explored.assert_holds();
    explored.assert_complete();
}

/// Of a scene that is too large to be explored in full: a part of it, and random and PCT schedules.
#[allow(dead_code)] // not every test binary has such a scene
pub(crate) fn holds_in_part<S: Scene>() {
    let explored = explore::<S>("", 1_000);
    explored.assert_holds();
    assert!(!explored.complete(), "explored in full after all: use `holds`");
}

/// A checker that cannot fail is a defect: the mutant must be noticed, and said to break one of these.
pub(crate) fn fails<S: Scene>(mutant: &str, properties: &[&str]) {
    let explored = explore::<S>(mutant, LIMIT);
    model::set_mutant("");
    assert!(properties.iter().any(|p| explored.found(p).is_some()), "{mutant}: {explored}");
}
