//! Runs TLC on small modules: each verdict, each way to fail, and the update.
//!
//! Without Java set GRACEREF_NO_JAVA=1; the tests then say that they are skipped.

use std::path::{Path, PathBuf};

use tlc::{Event, Found, Options, Outcome, Question, Tools, TraceEnd};

/// A project of its own in a temp folder.
struct Project {
    folder: tempfile::TempDir,
    tools: Tools,
}

impl Project {
    /// None where Java is not wanted; fails where it is wanted and something is missing.
    fn new(modules: &str, models: &str) -> Option<Self> {
        if std::env::var_os("GRACEREF_NO_JAVA").is_some_and(|value| value == "1") {
            eprintln!("skipped: GRACEREF_NO_JAVA=1 is set and TLC needs Java");
            return None;
        }
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let tools = Tools::find(&here.join("../..")).unwrap_or_else(|error| {
            panic!("{error} (or set GRACEREF_NO_JAVA=1 to skip the tests that need TLC)")
        });
        let folder = tempfile::tempdir().expect("a temp folder");
        let spec = folder.path().join("spec");
        std::fs::create_dir(&spec).expect("a folder");
        let fixtures = here.join("tests/fixtures").join(modules);
        for file in std::fs::read_dir(fixtures).expect("the fixtures") {
            let file = file.expect("a fixture");
            std::fs::copy(file.path(), spec.join(file.file_name())).expect("a copy");
        }
        let project = Self { folder, tools };
        project.write(models);
        Some(project)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, models: &str) {
        std::fs::write(self.path("spec/models.toml"), models).expect("the models");
    }

    fn read(&self) -> String {
        std::fs::read_to_string(self.path("spec/models.toml")).expect("the models")
    }

    fn run(&self, update: bool) -> Vec<Outcome> {
        let models = tlc::load(self.folder.path()).expect("the models make sense");
        let quiet = |_: Event<'_>| ();
        let options = Options { update, ..Options::new(self.folder.path(), &quiet) };
        tlc::run(&models, &self.tools, &options)
    }

    /// Runs one model that pins nothing in update mode.
    fn one(modules: &str, module: &str, rest: &str) -> Option<Outcome> {
        let models = format!(
            "[[model]]\nname = \"one\"\nmodule = \"{module}\"\nshows = \"A fixture.\"\n{rest}\n"
        );
        Some(Self::new(modules, &models)?.run(true).remove(0))
    }
}

const CAS: &str = "constants = { Fix = '\"cas\"' }";
const NONE: &str = "constants = { Fix = '\"none\"' }";

#[test]
fn a_correct_module_holds_and_every_number_is_compared() {
    let models = format!(
        "[[model]]\nname = \"latch\"\nmodule = \"Latch\"\nshows = \"A fixture.\"\nquestion = \"safety\"\n{CAS}\n\
         invariants = [\"TypeOK\", \"OneOwner\"]\nexpect = \"holds\"\ndistinct = 12\ngenerated = 16\n"
    );
    let Some(project) = Project::new("spec", &models) else {
        return;
    };
    let outcome = project.run(false).remove(0);
    assert_eq!(outcome.found, Found::Holds);
    assert!(outcome.complete);
    assert_eq!((outcome.distinct, outcome.generated, outcome.depth), (Some(12), Some(17), Some(5)));
    assert_eq!(outcome.problems, ["generated states: 16 expected, 17 found"]);
    assert!(std::fs::read_to_string(&outcome.log).expect("the log").contains("STARTMSG 2193"));

    let again = project.run(true).remove(0);
    assert!(again.ok(), "{:?}", again.problems);
    assert_eq!(again.pinned, ["generated states: 16 expected, 17 found"]);
    assert_eq!(project.read(), models.replace("generated = 16", "generated = 17"));
    assert!(project.run(false)[0].ok());
}

#[test]
fn a_violated_invariant_gives_its_name_and_the_trace() {
    let rest = format!(
        "question = \"safety\"\n{NONE}\ninvariants = [\"TypeOK\", \"OneOwner\"]\n\
         expect = \"violated\"\nviolates = \"OneOwner\""
    );
    let Some(outcome) = Project::one("spec", "Latch", &rest) else {
        return;
    };
    assert!(outcome.ok(), "{:?}", outcome.problems);
    assert_eq!(outcome.found, Found::Violated("OneOwner".to_owned()));
    assert!(!outcome.complete);
    assert_eq!(outcome.pinned, ["states in the trace: not pinned yet, 5 found"]);
    let trace = outcome.trace.expect("a counterexample");
    assert_eq!(trace.end, TraceEnd::Finite);
    let actions: Vec<&str> = trace.states.iter().map(|s| s.action.as_str()).collect();
    assert_eq!(actions, ["Init", "check", "check", "take", "take"]);
    let last = trace.states.last().expect("a last state");
    let names: Vec<&str> = last.state.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["word", "owners", "pc", "seen"], "in the order of declaration");
    assert_eq!(last.state[1].1.to_string(), r#"{"a", "b"}"#);
    let place = last.place.as_ref().expect("a place");
    assert_eq!(place.to_string(), "spec/Latch.tla:20", "the line of the label");
}

#[test]
fn an_unexpected_verdict_is_a_problem_in_either_direction() {
    let rest = format!(
        "question = \"safety\"\n{CAS}\ninvariants = [\"OneOwner\"]\n\
         expect = \"violated\"\nviolates = \"OneOwner\""
    );
    let Some(outcome) = Project::one("spec", "Latch", &rest) else {
        return;
    };
    assert_eq!(outcome.problems, ["`OneOwner` violated expected, holds"]);

    let rest =
        format!("question = \"safety\"\n{NONE}\ninvariants = [\"OneOwner\"]\nexpect = \"holds\"");
    let Some(outcome) = Project::one("spec", "Latch", &rest) else {
        return;
    };
    assert_eq!(outcome.problems, ["holds expected, `OneOwner` violated"]);
    assert!(outcome.pinned.is_empty(), "nothing is pinned of a wrong answer");
}

#[test]
fn a_bait_that_holds_shows_a_vacuous_model() {
    let rest = format!("question = \"bait\"\n{CAS}\ninvariants = [\"NeverPair\"]");
    let Some(outcome) = Project::one("spec", "Latch", &rest) else {
        return;
    };
    assert_eq!(
        outcome.problems,
        [
            "bait `NeverPair` holds: nothing happens in the model; look at its constants and first steps"
        ]
    );
    let rest = format!("question = \"bait\"\n{CAS}\ninvariants = [\"NeverTaken\"]");
    let Some(outcome) = Project::one("spec", "Latch", &rest) else {
        return;
    };
    assert!(outcome.ok(), "{:?}", outcome.problems);
}

#[test]
fn a_witness_is_the_way_to_the_state_that_its_invariant_denies() {
    let rest = format!("question = \"witness\"\n{CAS}\ninvariants = [\"NeverTaken\"]");
    let Some(outcome) = Project::one("spec", "Latch", &rest) else {
        return;
    };
    assert!(outcome.ok(), "{:?}", outcome.problems);
    assert_eq!(outcome.trace.expect("the way there").states.len(), 3);
    let rest = format!("question = \"witness\"\n{CAS}\ninvariants = [\"NeverPair\"]");
    let Some(outcome) = Project::one("spec", "Latch", &rest) else {
        return;
    };
    let expected = "witness `NeverPair` holds: the state that it denies is never reached";
    assert_eq!(outcome.problems, [expected]);
}

#[test]
fn an_action_that_never_fires_fails_the_run_unless_listed() {
    let rest = "question = \"liveness\"\nconstants = { Fix = '\"crossed\"' }\n\
                properties = [\"OneWay\"]\nexpect = \"holds\"\ndead = [\"give\", \"nowhere\"]";
    let Some(outcome) = Project::one("spec", "Handoff", rest) else {
        return;
    };
    assert_eq!(
        outcome.problems,
        [
            "action give fires 3 times; take it out of `dead`, if it is to fire",
            "action rest never fires; if it is not to, list it in `dead`",
            "action nowhere is listed as dead but there is no such action",
        ]
    );
}

#[test]
fn a_liveness_violation_gives_its_lasso() {
    let rest = "question = \"liveness\"\nconstants = { Fix = '\"lost\"' }\n\
                properties = [\"WaiterEnds\"]\nexpect = \"violated\"\nviolates = \"WaiterEnds\"";
    let Some(outcome) = Project::one("spec", "Handoff", rest) else {
        return;
    };
    assert!(outcome.ok(), "{:?}", outcome.problems);
    let trace = outcome.trace.expect("a counterexample");
    assert_eq!((trace.states.len(), trace.end), (7, TraceEnd::BackTo(5)));
    assert_eq!(trace.states[5].action, "poll");
}

#[test]
fn a_deadlock_is_found_by_a_safety_model_only() {
    let rest = "question = \"safety\"\nconstants = { Fix = '\"crossed\"' }\n\
                invariants = [\"TypeOK\"]\nexpect = \"violated\"\nviolates = \"Deadlock\"";
    let Some(outcome) = Project::one("spec", "Handoff", rest) else {
        return;
    };
    assert!(outcome.ok(), "{:?}", outcome.problems);
    assert_eq!(outcome.found, Found::Deadlock);
    assert_eq!(outcome.trace.expect("a counterexample").states.len(), 4);
}

#[test]
fn a_refinement_holds_or_is_violated_by_a_step() {
    let good = "question = \"refinement\"\nconstants = { Fix = '\"good\"' }\n\
                properties = [\"Refines\"]\nexpect = \"holds\"";
    let Some(outcome) = Project::one("spec", "Handoff", good) else {
        return;
    };
    assert!(outcome.ok(), "{:?}", outcome.problems);
    assert_eq!(outcome.question, Question::Refinement);

    let early = "question = \"refinement\"\nconstants = { Fix = '\"good\"' }\n\
                 properties = [\"RefinesEarly\"]\nexpect = \"violated\"\nviolates = \"RefinesEarly\"";
    let Some(outcome) = Project::one("spec", "Handoff", early) else {
        return;
    };
    assert!(outcome.ok(), "{:?}", outcome.problems);
    assert_eq!(outcome.trace.expect("a counterexample").states.len(), 3);
}

#[test]
fn a_graph_is_written_once_and_compared_from_then_on() {
    let models = format!(
        "[[model]]\nname = \"latch-none\"\nmodule = \"Latch\"\nshows = \"A fixture.\"\nquestion = \"graph\"\n{NONE}\n"
    );
    let Some(project) = Project::new("spec", &models) else {
        return;
    };
    let first = project.run(false).remove(0);
    assert!(
        first.problems.contains(&"spec/graphs/latch-none.graph does not exist yet".to_owned()),
        "{:?}",
        first.problems
    );
    assert!(project.run(true)[0].ok());
    let pinned = project.read();
    assert!(
        pinned.ends_with("distinct = 11\ngenerated = 16\nedges = 12\nschedules = \"6\"\n"),
        "{pinned}"
    );
    assert!(project.run(false)[0].ok());

    // The other variant has another graph.
    project.write(&pinned.replace("none\\\"", "cas\\\"").replace("'\"none\"'", "'\"cas\"'"));
    let other = project.run(false).remove(0);
    let difference = other.problems.first().expect("a difference");
    assert!(difference.starts_with("spec/graphs/latch-none.graph (here)"), "{difference}");
}

#[test]
fn syntax_errors_name_the_line_in_spec() {
    let rest = "question = \"safety\"\ninvariants = [\"Bound\"]\nexpect = \"holds\"";
    let Some(pcal) = Project::one("broken", "Pcal", rest) else {
        return;
    };
    let Some(sany) = Project::one("broken", "Sany", rest) else {
        return;
    };
    let Some(syntax) = Project::one("broken", "Syntax", rest) else {
        return;
    };
    let Some(evaluation) = Project::one("broken", "Evaluation", rest) else {
        return;
    };
    let said: Vec<String> =
        [pcal, sany, syntax, evaluation].iter().flat_map(|o| o.problems.clone()).collect();
    insta::assert_snapshot!(said.join("\n---\n"));
}

#[test]
fn names_that_the_module_lacks_are_errors() {
    let invariant =
        format!("question = \"safety\"\n{CAS}\ninvariants = [\"Nope\"]\nexpect = \"holds\"");
    let Some(invariant) = Project::one("spec", "Latch", &invariant) else {
        return;
    };
    let constant = "question = \"safety\"\nconstants = { Fix = '\"cas\"', Fences = \"1\" }\n\
                    invariants = [\"TypeOK\"]\nexpect = \"holds\"";
    let Some(constant) = Project::one("spec", "Latch", constant) else {
        return;
    };
    let assumed = "question = \"safety\"\nconstants = { Fix = '\"typo\"' }\n\
                   invariants = [\"TypeOK\"]\nexpect = \"holds\"";
    let Some(assumed) = Project::one("spec", "Latch", assumed) else {
        return;
    };
    let said: Vec<String> =
        [invariant, constant, assumed].iter().flat_map(|o| o.problems.clone()).collect();
    insta::assert_snapshot!(said.join("\n---\n"));
}
