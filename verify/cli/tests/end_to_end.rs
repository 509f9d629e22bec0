//! The whole program against a stand-in for the scenario runner, and against TLC where it is
//! installed.

#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const CLAIMS: &str = r#"
[[claim]]
id = "count.resurrect"
source = "000#4"
statement = "taking a reference from zero brings a dying file back"
verdict = "violated without, holds with"
meaning = "get_file() on a file whose count is zero ends in a second release."
[[claim.case]]
name = "without"
scenario = "broken"
engines = ["lockstep", "shuttle", "loom"]
property = "NoResurrect"
expect = "violated"
except = { threads = "the window is a few instructions wide" }
[[claim.case]]
name = "with"
scenario = "fixed"
engines = ["lockstep", "shuttle", "loom", "threads"]
property = "NoResurrect"
expect = "holds"

[[claim]]
id = "epoll.poll-dead"
source = "000#17"
statement = "epoll polls a file whose count is zero"
verdict = "reachable"
meaning = "The item does not hold a reference."
[[claim.case]]
scenario = "broken"
engines = ["shuttle"]
property = "PollDead"
expect = "reachable"
"#;

struct Project {
    dir: tempfile::TempDir,
}

impl Project {
    fn new(claims: &str) -> Project {
        let project = Project { dir: tempfile::tempdir().unwrap() };
        for folder in ["spec", "verify/claims", "runners"] {
            fs::create_dir_all(project.path(folder)).unwrap();
        }
        fs::write(project.path("verify/claims/made-up.toml"), claims).unwrap();
        let runner = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/runner.sh");
        for build in ["plain", "loom", "shuttle"] {
            let name = project.path(&format!("runners/scenario-{build}"));
            std::os::unix::fs::symlink(&runner, name).unwrap();
        }
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_graceref-verify"));
        command.current_dir(self.dir.path()).args(words).env_remove("CARGO_TARGET_DIR");
        command
    }

    /// Runs on the ready runners.
    fn verify(&self, words: &[&str]) -> Output {
        self.command(words).args(["--runners", "runners"]).output().unwrap()
    }

    fn blessed(claims: &str) -> Project {
        let project = Project::new(claims);
        let output = project.verify(&["--bless"]);
        assert_eq!(output.status.code(), Some(0), "{}", both(&output));
        project
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn both(output: &Output) -> String {
    text(&output.stdout) + &text(&output.stderr)
}

/// Without what differs from run to run: the time that all of it took.
fn steady(stdout: &[u8]) -> String {
    let text = text(stdout);
    let (table, wall) = text.rsplit_once("; ").expect("a summary ends in the time");
    assert!(wall.trim_end().ends_with('s'), "{wall}");
    format!("{table}; TIME\n")
}

#[test]
fn every_cell_as_expected_is_status_0_and_a_table() {
    let project = Project::blessed(CLAIMS);
    let output = project.verify(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", both(&output));
    insta::assert_snapshot!(steady(&output.stdout));
    insta::assert_snapshot!(fs::read_to_string(project.path("verify/counts.toml")).unwrap());
    let stderr = text(&output.stderr);
    assert!(stderr.contains("broken cached: 3,653 executions, 0.5s"), "{stderr}");
    assert!(!text(&output.stdout).contains('\u{1b}'), "no colours where there is no terminal");
}

#[test]
fn each_pass_runs_once_however_many_claims_rest_on_it() {
    let output = Project::blessed(CLAIMS).verify(&[]);
    let stderr = text(&output.stderr);
    assert_eq!(stderr.matches("broken cached:").count(), 1, "{stderr}");
}

#[test]
fn a_number_that_moved_is_status_1() {
    let project = Project::blessed(CLAIMS);
    let output = project
        .command(&["count.resurrect", "--engine", "lockstep", "--runners", "runners"])
        .env("EXECUTIONS", "3700")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(steady(&output.stdout));
}

#[test]
fn an_expectation_that_is_wrong_names_its_file_and_line() {
    let claims = CLAIMS.replacen("expect = \"holds\"", "expect = \"violated\"", 1).replacen(
        "violated without, holds with",
        "violated",
        1,
    );
    let project = Project::new(&claims);
    let output = project.verify(&["count", "--engine", "shuttle", "--bless"]);
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(steady(&output.stdout));
}

#[test]
fn a_runner_that_ends_badly_fails_its_cells_with_what_it_said() {
    let claims = CLAIMS.replacen("scenario = \"fixed\"", "scenario = \"dies\"", 1);
    let project = Project::new(&claims);
    let output = project.verify(&["count", "--engine", "threads"]);
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(steady(&output.stdout));
}

#[test]
fn the_report_is_json_with_every_claim_and_engine() {
    let project = Project::blessed(CLAIMS);
    let output = project.verify(&["--json", "report.json"]);
    assert_eq!(output.status.code(), Some(0));
    let report = fs::read_to_string(project.path("report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let shuttle = &report["claims"][0]["engines"]["shuttle"];
    assert_eq!(shuttle["found"], "violated, holds");
    assert_eq!(shuttle["skipped"], serde_json::Value::Null);
    assert_eq!(report["claims"][1]["engines"]["shuttle"]["found"], "reachable");
    assert_eq!(report["claims"][0]["engines"]["lockstep"]["extra_edges"], 0);
}

#[test]
fn explain_draws_the_race() {
    let output = Project::blessed(CLAIMS).verify(&["explain", "count.resurrect"]);
    assert_eq!(output.status.code(), Some(0), "{}", both(&output));
    insta::assert_snapshot!(text(&output.stdout));
}

#[test]
fn the_list_runs_nothing() {
    let project = Project::new(CLAIMS);
    let output = project.command(&["--list"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!(text(&output.stdout));
}

#[test]
fn mistakes_are_one_line_and_a_next_step_and_status_2() {
    let project = Project::new(CLAIMS);
    let refused = |claims: &str, words: &[&str]| {
        fs::write(project.path("verify/claims/made-up.toml"), claims).unwrap();
        let output = project.verify(words);
        assert_eq!(output.status.code(), Some(2), "{}", both(&output));
        let stderr = text(&output.stderr);
        // Progress comes before.
        stderr.lines().filter(|line| !line.starts_with('[')).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!("unknown_claim", refused(CLAIMS, &["count.resurect"]));
    insta::assert_snapshot!("no_such_engine", refused(CLAIMS, &["count", "--engine", "kernel"]));
    let misspelt = CLAIMS.replacen("\"fixed\"", "\"fixd\"", 1);
    insta::assert_snapshot!("unknown_scenario", refused(&misspelt, &[]));
    let unknown = CLAIMS.replacen("\"loom\"]", "\"lom\"]", 1);
    insta::assert_snapshot!("unknown_engine", refused(&unknown, &[]));
    let outside = tempfile::tempdir().unwrap();
    let root = outside.path().to_str().unwrap();
    let output = refused(CLAIMS, &["--root", root]).replace(root, "DIR");
    insta::assert_snapshot!("not_the_project", output);
}

#[test]
fn the_three_engines_are_built_apart_and_kept() {
    let claim = &CLAIMS[..CLAIMS.find("[[claim.case]]").unwrap()]
        .replace("violated without, holds with", "holds");
    let case = "[[claim.case]]\nscenario = \"fixed\"\nengines = [\"shuttle\", \"loom\", \"threads\"]\n\
                property = \"NoResurrect\"\nexpect = \"holds\"\n";
    let project = Project::new(&format!("{claim}{case}"));
    fs::write(
        project.path("Cargo.toml"),
        "[package]\nname = \"graceref-scenarios\"\nedition = \"2024\"\n\
         [[bin]]\nname = \"scenario\"\npath = \"scenario.rs\"\n\
         [profile.model]\ninherits = \"dev\"\n[workspace]\n",
    )
    .unwrap();
    let runner = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/scenario.rs");
    fs::copy(runner, project.path("scenario.rs")).unwrap();
    let output = project.command(&["--bless"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", both(&output));
    assert!(text(&output.stderr).contains("building the loom engine: ready"));
    for build in ["plain", "loom", "shuttle"] {
        assert!(project.path(&format!("target/verify/scenario-{build}")).is_file());
    }

    fs::write(project.path("scenario.rs"), "fn main() { nonsense }").unwrap();
    let output = project.command(&[]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = text(&output.stderr);
    assert!(stderr.contains("error: building the plain engine failed\n"), "{stderr}");
    assert!(stderr.contains("cannot find value `nonsense`"), "{stderr}");
    assert!(stderr.contains("next:  correct the errors above"), "{stderr}");
}

mod with_tlc {
    use super::*;

    const MODULE: &str = r#"---- MODULE Lamp ----
\* Code: lamp.rs
EXTENDS Naturals
VARIABLES count, pc
vars == <<count, pc>>
Init == count = 1 /\ pc = [closer |-> "put", waiter |-> "get"]
Put == pc["closer"] = "put" /\ count' = count - 1 /\ pc' = [pc EXCEPT !["closer"] = "Done"]
Get == pc["waiter"] = "get" /\ count' = count + 1 /\ pc' = [pc EXCEPT !["waiter"] = "Done"]
Idle == pc["closer"] = "Done" /\ pc["waiter"] = "Done" /\ UNCHANGED vars
Next == Put \/ Get \/ Idle
Spec == Init /\ [][Next]_vars
NoResurrect == ~(pc["closer"] = "Done" /\ pc["waiter"] = "Done" /\ count = 1)
====
"#;

    const MODELS: &str = r#"
[[model]]
name = "lamp"
module = "Lamp"
question = "safety"
shows = "The count comes back."
invariants = ["NoResurrect"]
expect = "violated"
violates = "NoResurrect"
trace = 3
"#;

    const README: &str = "\n<!-- models: written by `cargo verify spec --update` from models.toml -->\n\
                          <!-- end of the models -->\n";

    const CLAIM: &str = r#"
[[claim]]
id = "count.resurrect"
source = "000#4"
statement = "taking a reference from zero brings a dying file back"
verdict = "violated"
meaning = "get_file() on a file whose count is zero ends in a second release."
[[claim.case]]
model = "lamp"
engines = ["tlc"]
property = "NoResurrect"
expect = "violated"
"#;

    fn project() -> Project {
        let project = Project::new(CLAIM);
        fs::write(project.path("spec/Lamp.tla"), MODULE).unwrap();
        fs::write(project.path("spec/models.toml"), MODELS).unwrap();
        fs::write(project.path("spec/README.md"), README).unwrap();
        fs::write(project.path("lamp.rs"), "").unwrap();
        project
    }

    /// The jar that ci/setup brings; these tests say nothing on a machine without it.
    fn jar() -> Option<PathBuf> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2)?;
        let jar = root.join("target/tools/tla2tools.jar");
        let java = Command::new("java").arg("-version").output().is_ok();
        (java && jar.is_file()).then_some(jar)
    }

    #[test]
    fn a_claim_is_decided_and_its_race_drawn_from_the_spec() {
        let Some(jar) = jar() else { return eprintln!("skipped: no TLC; run ci/setup") };
        let output = project()
            .command(&["explain", "count.resurrect"])
            .env("TLA2TOOLS_JAR", &jar)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", both(&output));
        let stdout = text(&output.stdout);
        let (_, drawn) = stdout.split_once("\n\ncount.resurrect: ").unwrap_or(("", &stdout));
        insta::assert_snapshot!(drawn);
    }

    #[test]
    fn a_number_in_models_toml_that_is_wrong_is_status_1() {
        let Some(jar) = jar() else { return eprintln!("skipped: no TLC; run ci/setup") };
        let project = project();
        fs::write(project.path("spec/models.toml"), MODELS.replace("trace = 3", "trace = 4"))
            .unwrap();
        let run =
            |words: &[&str]| project.command(words).env("TLA2TOOLS_JAR", &jar).output().unwrap();
        let output = run(&["spec"]);
        assert_eq!(output.status.code(), Some(1), "{}", both(&output));
        let stdout = text(&output.stdout);
        assert!(
            stdout.contains("\u{2717} lamp: states in the trace: 4 expected, 3 found"),
            "{stdout}"
        );
        assert!(
            stdout.contains("\u{2717} spec/README.md:3: the table of the models is stale"),
            "{stdout}"
        );
        assert_eq!(run(&["spec", "--update"]).status.code(), Some(0));
        fs::remove_file(project.path("lamp.rs")).unwrap();
        let output = run(&["spec"]);
        assert_eq!(output.status.code(), Some(1), "{}", both(&output));
        let stdout = text(&output.stdout);
        assert!(
            stdout
                .contains("\u{2717} spec/Lamp.tla:2: `Code:` names lamp.rs, which does not exist"),
            "{stdout}"
        );
        fs::write(project.path("lamp.rs"), "").unwrap();
        assert_eq!(run(&["spec", "lamp"]).status.code(), Some(0));
        assert_eq!(run(&["count.resurrect"]).status.code(), Some(0));
    }

    #[test]
    fn without_java_the_next_step_is_to_set_up() {
        let project = project();
        let jar = project.path("some.jar");
        fs::write(&jar, "PK\u{3}\u{4}").unwrap();
        let output = project
            .command(&["count.resurrect"])
            .env("TLA2TOOLS_JAR", &jar)
            .env("PATH", "")
            .env_remove("JAVA_HOME")
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2));
        insta::assert_snapshot!(text(&output.stderr));
    }

    #[test]
    fn a_model_that_is_not_listed_is_an_error_at_its_line() {
        let project = project();
        fs::write(project.path("spec/models.toml"), MODELS.replace("\"lamp\"", "\"lamps\""))
            .unwrap();
        let output = project.command(&["--list"]).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        insta::assert_snapshot!(text(&output.stderr));
    }
}
