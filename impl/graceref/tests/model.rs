//! The crate's own races, explored under loom (both passes) and under shuttle, on the public facade.
//!
//! Two threads each. An execution's end is checked by whichever thread comes last.
#![cfg(any(graceref_loom, graceref_shuttle))]

mod engine;

#[path = "model_cases/count.rs"]
mod count;
#[path = "model_cases/kill.rs"]
mod kill;
#[path = "model_cases/shrink.rs"]
mod shrink;
#[path = "model_cases/slots.rs"]
mod slots;

use graceref::model::Ghost;
use graceref::sync::Tracked;
use graceref::{Count, Stash};
use std::sync::Arc;

/// An object whose uses and whose end the model watches.
struct Body<C: Count> {
    id: usize,
    uses: Tracked<usize>,
    released: Arc<Ghost<[usize; 2]>>,
    stash: Option<Arc<Stash<Body<C>, C>>>,
}

impl<C: Count> Body<C> {
    fn new(id: usize, released: &Arc<Ghost<[usize; 2]>>) -> Self {
        Self { id, uses: Tracked::new(0), released: Arc::clone(released), stash: None }
    }

    fn look(&self) {
        self.uses.with(|_| ());
    }
}

impl<C: Count> Drop for Body<C> {
    fn drop(&mut self) {
        if let Some(stash) = &self.stash {
            stash.clear(self);
        }
        self.uses.with_mut(|_| ());
        self.uses.retire();
        self.released.with(|n| n[self.id] += 1);
    }
}
