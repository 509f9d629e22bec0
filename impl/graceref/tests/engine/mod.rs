//! Scenes of two threads, explored under the engine of this build.

use graceref::model::{Explored, Model};
use graceref::sync::model;

/// The scene of an execution: two threads, and what must be true when both are done.
pub(crate) trait Scene: Send + Sync + 'static {
    fn set() -> Self;
    fn first(&self);
    fn second(&self);
    fn end(&self);
}

fn explore<S: Scene>(mutant: &str) -> Explored {
    model::set_mutant(mutant);
    let explored = Model::new(std::any::type_name::<S>(), S::set)
        .thread("first", S::first)
        .thread("second", S::second)
        .at_end(S::end)
        .rounds(20_000)
        .explore();
    println!("{explored}");
    explored
}

pub(crate) fn holds<S: Scene>() {
    let explored = explore::<S>("");
    explored.assert_holds();
    explored.assert_complete();
}

/// A checker that cannot fail is a defect: the mutant must be noticed, and said to break one of these.
pub(crate) fn fails<S: Scene>(mutant: &str, properties: &[&str]) {
    let explored = explore::<S>(mutant);
    model::set_mutant("");
    assert!(properties.iter().any(|p| explored.found(p).is_some()), "{mutant}: {explored}");
}
