//! Under loom: two passes without a bound, unless one is asked for.

use super::explored::{Explored, Extent};
use super::play::{Book, Cast, play};
use super::{Options, panics};
use crate::sync::model;
use std::prelude::v1::*;
use std::sync::Arc;

/// Between two looks at the limit.
const INTERVAL: usize = 1000;

pub(super) fn explore<W: Send + Sync + 'static>(
    cast: &Arc<Cast<W>>,
    options: &Options,
    explored: &mut Explored,
) {
    for (pass, rmw) in [("read-modify-write", true), ("native", false)] {
        if rmw && model::mutant_of_orderings() {
            // There are no orderings in this pass.
            continue;
        }
        model::set_rmw_pass(rmw);
        let book = Book::new(pass);
        let limit = usize::try_from(options.limit).unwrap_or(usize::MAX);
        let mut builder = loom::model::Builder::new();
        builder.max_branches = 10_000;
        builder.max_permutations = Some(limit);
        builder.max_duration = None;
        builder.checkpoint_interval = limit.min(INTERVAL);
        builder.preemption_bound = options.bound;
        let (playing, cast) = (book.clone(), Arc::clone(cast));
        let done = panics::noted(&book, || {
            builder.check(move || {
                play(&cast, &playing, |_| (), |f| drop(loom::thread::spawn(f)));
            });
        });
        model::stop();
        // loom does not say that it stopped at the limit.
        if done.is_some() && book.notes().executions + 1 >= options.limit {
            let why = format!("more than {} executions; raise `limit`", options.limit);
            book.notes().cut_off = Some(why);
        }
        let extent = match options.bound {
            Some(bound) => Extent::Bounded(format!("{bound} preemptions")),
            None => Extent::Complete,
        };
        book.close(extent, explored);
    }
    model::set_rmw_pass(false);
}

/// Why loom gives up, if that is what it says.
pub(super) fn limit(said: &str) -> Option<String> {
    let gave_up = said.contains("max_branches") || said.contains("exceeded");
    gave_up
        .then(|| "an execution of more than 10,000 branches: a thread waits in a loop".to_owned())
}

/// loom's words for what has a name.
pub(super) fn property(said: &str) -> &'static str {
    if said.contains("ausality violation") {
        // A free is a write: what races with it is a use after it.
        if model::freeing() { "NoUseAfterFree" } else { "NoDataRace" }
    } else if said.contains("deadlock") {
        "Deadlock"
    } else if said.contains("leak") {
        "NoLeak"
    } else {
        "NoPanic"
    }
}
