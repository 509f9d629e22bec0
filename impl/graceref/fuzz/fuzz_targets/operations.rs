//! Sequences of operations on pools against the model that the property test uses too (`tests/operations`); the input's first
//! number chooses the count.
#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use graceref::{CasCount, FileRefCount};
use libfuzzer_sys::fuzz_target;

#[path = "../../tests/operations/mod.rs"]
mod operations;

use operations::{Operation, play};

/// As many operations as the input has numbers for.
#[derive(Debug)]
struct Sequence {
    file_ref: bool,
    operations: Vec<Operation>,
}

impl<'a> Arbitrary<'a> for Sequence {
    fn arbitrary(input: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let file_ref = u8::arbitrary(input)? % 2 == 1;
        let mut operations = Vec::with_capacity(input.len() / 3);
        while input.len() >= 3 {
            operations.push(<[u8; 3]>::arbitrary(input)?.into());
        }
        Ok(Self { file_ref, operations })
    }
}

fuzz_target!(|sequence: Sequence| {
    if sequence.file_ref {
        play::<FileRefCount>(sequence.operations);
    } else {
        play::<CasCount>(sequence.operations);
    }
});
