use std::path::Path;

use super::*;
use crate::model::Expect;

/// Parses models of a project that has the module `Latch` only.
fn parsed(text: &str) -> Result<Vec<Model>, ModelsError> {
    let root = tempfile::tempdir().expect("a temp folder");
    std::fs::create_dir(root.path().join("spec")).expect("a folder");
    std::fs::write(root.path().join("spec/Latch.tla"), "").expect("a module");
    parse(root.path(), text)
}

fn model(rest: &str) -> String {
    format!(
        "# The register.\n[[model]]\nname = \"latch\"\nmodule = \"Latch\"\nshows = \"One owner.\"\n{rest}\n"
    )
}

fn error(text: &str) -> String {
    parsed(text).expect_err("this makes no sense").to_string()
}

#[test]
fn a_model_is_read_with_its_defaults() {
    let text = model(
        "question = \"graph\"\nconstants = { Fix = '\"2023\"', Fences = \"1\" }\n\
         distinct = 831\ngenerated = 1955\nedges = 1954\nschedules = \"12345\"",
    );
    let models = parsed(&text).expect("it makes sense");
    assert_eq!(models.len(), 1);
    assert_eq!((models[0].spec.as_str(), models[0].line), ("Spec", 2));
    assert_eq!(models[0].expect, Expect::Holds);
    assert_eq!(models[0].constants["Fix"], "\"2023\"");
    assert_eq!((models[0].edges, models[0].schedules.as_deref()), (Some(1954), Some("12345")));
}

#[test]
fn a_bait_expects_its_invariant_to_be_violated() {
    let models = parsed(&model("question = \"bait\"\ninvariants = [\"Never\"]")).expect("sense");
    assert_eq!(models[0].expect, Expect::Violated("Never".to_owned()));
}

#[test]
fn every_mistake_names_file_and_line() {
    let safety = "question = \"safety\"\ninvariants = [\"TypeOK\"]\n";
    let held = format!("{safety}expect = \"holds\"\n");
    let live = "question = \"liveness\"\nexpect = \"violated\"\n";
    let mistakes = [
        "not toml".to_owned(),
        model("question = \"savety\""),
        model(&format!("{held}colour = \"red\"")),
        model(&format!("{held}distinct = -1")),
        model("question = \"graph\"").replace("shows = \"One owner.\"\n", ""),
        model("question = \"graph\"").replace("One owner.", " "),
        model("question = \"graph\"").replace("One owner.", "One | owner."),
        model(safety),
        model("question = \"safety\"\nexpect = \"holds\""),
        model(&format!("{safety}expect = \"violated\"")),
        model(&format!("{safety}expect = \"violated\"\nviolates = \"Other\"")),
        model(&format!("{safety}expect = \"violated\"\nviolates = \"TypeOK\"\ndistinct = 3")),
        model(&format!("{held}violates = \"TypeOK\"")),
        model(&format!("{held}trace = 3")),
        model(&format!("{held}edges = 3")),
        model(&format!("{held}constants = {{ Fix = '\"2023' }}")),
        model(&format!("{held}properties = [\"Live\"]")),
        model(&format!("{live}properties = [\"A\", \"B\"]\nviolates = \"B\"")),
        model(&format!("{live}properties = [\"A\"]\nviolates = \"Deadlock\"")),
        model("question = \"graph\"\nexpect = \"violated\""),
        model("question = \"graph\"\nschedules = \"many\""),
        model("question = \"bait\"\ninvariants = [\"A\", \"B\"]"),
        model(&held).replace("\"latch\"", "\"Latch_1\""),
        model(&held).replace("\"Latch\"", "\"Epoll\""),
        format!("{}{}", model(&held), model(&held)),
    ];
    let said: Vec<String> = mistakes.iter().map(|text| error(text)).collect();
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn a_mistake_is_shown_in_the_text() {
    let text = model("question = \"graph\"\ninvariants = [\"TypeOK\"]\nschedules = \"many\"");
    let error = parsed(&text).expect_err("this makes no sense");
    let mut shown = String::new();
    let handler = miette::GraphicalReportHandler::new_themed(miette::GraphicalTheme::none());
    handler.render_report(&mut shown, &error).expect("a report");
    insta::assert_snapshot!(shown);
}

#[test]
fn a_missing_file_says_where_to_run() {
    let root = tempfile::tempdir().expect("a temp folder");
    let error = load(Path::new(root.path())).expect_err("there is none");
    assert!(error.to_string().starts_with("spec/models.toml: "));
}
