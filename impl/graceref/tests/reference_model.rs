//! Random sequences of operations on pools with keys, against a plain model; `ci/fuzz` plays the same with a fuzzer.
#![cfg(not(any(graceref_loom, graceref_shuttle)))]

mod operations;

use graceref::{CasCount, FileRefCount};
use operations::{Operation, play};
use proptest::prelude::*;

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    proptest::collection::vec(any::<[u8; 3]>().prop_map(Operation::from), 0..300)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pools_with_cas_counts_do_what_the_model_does(operations in operations()) {
        play::<CasCount>(operations);
    }

    #[test]
    fn pools_with_file_ref_counts_do_what_the_model_does(operations in operations()) {
        play::<FileRefCount>(operations);
    }
}
