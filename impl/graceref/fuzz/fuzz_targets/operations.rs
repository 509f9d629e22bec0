//! Sequences of operations on pools against the model that the property test uses too (`tests/operations`).
#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;

#[path = "../../tests/operations/mod.rs"]
mod operations;

use operations::{Operation, play};

/// As many operations as the input has numbers for.
#[derive(Debug)]
struct Sequence(Vec<Operation>);

impl<'a> Arbitrary<'a> for Sequence {
    fn arbitrary(input: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let mut operations = Vec::with_capacity(input.len() / 3);
        while input.len() >= 3 {
            operations.push(<[u8; 3]>::arbitrary(input)?.into());
        }
        Ok(Self(operations))
    }
}

fuzz_target!(|sequence: Sequence| play(sequence.0));
