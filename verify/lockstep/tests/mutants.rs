//! The walk catches code that is not the spec's, and its report points at the step.

mod common;
mod lookup;
mod steps;

use lockstep::walk::{Options, Walk, walk};
use lookup::{graph, program, window};
use steps::readable;

fn walked(mutant: &'static str, options: Options) -> Walk {
    walk(&graph(1), options, window(1), program(1, mutant)).expect("it can be walked")
}

/// The report of the mutant's divergence.
fn report(mutant: &'static str) -> String {
    let found = walked(mutant, Options::default());
    assert!(!found.same(), "{mutant} is the same");
    readable(&found.divergence.expect("what is not the same is told").to_string())
}

macro_rules! caught {
    ($($name:ident: $mutant:literal;)*) => {$(
        #[test]
        fn $name() {
            insta::assert_snapshot!(report($mutant));
        }
    )*};
}

caught! {
    skipped_recheck: "a skipped re-check";
    wrong_order: "two steps in the wrong order";
    extra_step: "an extra step";
    missing_step: "a missing step";
    wrong_value: "a wrong value";
    blind_increment: "a blind increment";
    early_release: "a lock released too early";
    no_wait: "a lock that does not wait";
    never_released: "a lock never released";
    unlabelled: "an unlabelled operation";
    unlabelled_spin: "an unlabelled spin";
    before_the_first: "a step before the first";
    after_the_last: "a step after the last";
    panics: "a panic";
    not_shown: "a variable is not shown";
    too_many_shown: "a variable too many is shown";
    hides: "a variable that hides a difference";
}
