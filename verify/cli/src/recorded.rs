//! What the engines said about the published bugs, as they printed it, for tests of what is drawn from it.
//!
//! In tests/recorded, `SCENARIO.PASS.json` is what `scenario run SCENARIO --pass PASS` prints, and `MODEL.out` the
//! counterexample in TLC's log, target/spec/log/MODEL.out. After a change of the code or the spec they are copied again.

use crate::jobs::Results;
use crate::made_up;
use crate::models::{ModelReport, SpecTrace};
use crate::protocol::{Pass, read_report};
use claims::Register;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The register itself.
pub(crate) fn register() -> Register {
    Register::load(&root().join("verify/claims"), "verify/claims").unwrap()
}

/// Everything that was recorded.
pub(crate) fn results() -> &'static Results {
    static RESULTS: LazyLock<Results> = LazyLock::new(read);
    &RESULTS
}

fn read() -> Results {
    let mut results = Results::default();
    for model in tlc::load(&root()).unwrap() {
        let report = ModelReport { name: model.name, module: model.module, ..made_up::model() };
        results.models.insert(report.name.clone(), report);
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded");
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let (name, text) = (entry.file_name(), fs::read_to_string(entry.path()).unwrap());
        let mut parts = name.to_str().unwrap().split('.');
        let (name, pass) = (parts.next().unwrap(), parts.next().unwrap());
        if pass == "out" {
            results.models.get_mut(name).unwrap().trace = Some(trace(&text));
        } else {
            let pass = Pass::from_word(pass).unwrap();
            let report = read_report(&text, name, pass).unwrap();
            results.passes.insert((name.to_owned(), pass), Ok(report));
        }
    }
    results
}

/// `2: <walk_lock line 119, col 15 to line 124, col 43 of module EpWalk>`, and then the variables; at the end perhaps
/// `3: Stuttering`, or `2: Back to state: <...>`.
fn trace(text: &str) -> SpecTrace {
    let mut trace = tlc::Trace { states: Vec::new(), end: tlc::TraceEnd::Finite };
    for state in text.split("\n\n").map(str::trim).filter(|state| !state.is_empty()) {
        let (head, variables) = state.split_once("\n/\\ ").unwrap_or((state, ""));
        let (number, action) = head.split_once(": ").unwrap();
        if variables.is_empty() {
            trace.end = match action {
                "Stuttering" => tlc::TraceEnd::Stuttering,
                _ => tlc::TraceEnd::BackTo(number.parse::<usize>().unwrap() - 1),
            };
            break;
        }
        let action = action.trim_start_matches('<');
        let value = |line: &str| {
            let (name, value) = line.split_once(" = ").unwrap();
            (name.to_owned(), value.parse().unwrap())
        };
        trace.states.push(tlc::TraceState {
            action: action.split(' ').next().unwrap().to_owned(),
            place: None,
            state: variables.split("\n/\\ ").map(value).collect(),
        });
    }
    SpecTrace::from(&trace)
}
