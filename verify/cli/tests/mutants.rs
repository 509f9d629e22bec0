//! `cargo verify mutants` against a stand-in for the engines: what it must not let pass.

#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const SOURCE: &str = "fn f() {
    at!(\"one\");
    x.load(Ordering::Acquire);
    at!(\"two\");
    y.store(1, Ordering::Release);
}
";

const SURVIVOR: &str = "[[survivor]]
mutant = \"weaken:a::f::two=Relaxed\"
reason = \"Nobody made up looks.\"
";

struct Project(tempfile::TempDir);

impl Project {
    fn new(listed: &str) -> Project {
        let project = Project(tempfile::tempdir().unwrap());
        for folder in ["spec", "verify", "impl/graceref/src", "impl/graceref/tests", "runners"] {
            fs::create_dir_all(project.path(folder)).unwrap();
        }
        fs::write(project.path("impl/graceref/src/a.rs"), SOURCE).unwrap();
        let mark = "#![cfg(any(graceref_loom, graceref_shuttle))]\n";
        fs::write(project.path("impl/graceref/tests/model.rs"), mark).unwrap();
        fs::write(project.path("verify/mutants.toml"), listed).unwrap();
        let runner = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/mutated.sh");
        for name in ["scenario-loom", "scenario-shuttle", "model-loom", "model-shuttle"] {
            let name = project.path("runners").join(name);
            std::os::unix::fs::symlink(&runner, name).unwrap();
        }
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, words: &[&str], environment: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_graceref-verify"));
        command.current_dir(self.0.path()).args(["mutants", "--runners", "runners"]).args(words);
        command.envs(environment.iter().map(|name| (name, "1")));
        command.output().unwrap()
    }

    fn fails(&self, words: &[&str], environment: &[&str]) -> String {
        let output = self.run(words, environment);
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
        steady(&output)
    }
}

/// Without the time that all of it took.
fn steady(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (all, _) = text.rsplit_once("; ").expect("it ends in the time");
    format!("{all}; TIME\n")
}

#[test]
fn a_survivor_that_is_not_listed_fails_even_where_a_count_changed() {
    insta::assert_snapshot!(Project::new("").fails(&[], &[]));
}

#[test]
fn a_survivor_that_is_listed_is_in_order_and_on_the_page_with_its_reason() {
    let project = Project::new(SURVIVOR);
    let output = project.run(&["--update"], &[]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    let page = fs::read_to_string(project.path("docs/mutants.md")).unwrap();
    insta::assert_snapshot!(page);
    let output = project.run(&["--json", "report.json"], &[]);
    assert_eq!(output.status.code(), Some(0), "the page that was just written is not stale");
    insta::assert_snapshot!(fs::read_to_string(project.path("report.json")).unwrap());
    fs::write(project.path("docs/mutants.md"), page.replace("NoDataRace", "Nothing")).unwrap();
    assert!(project.fails(&[], &[]).contains("stale"));
}

#[test]
fn a_listed_survivor_that_is_killed_or_is_no_mutant_fails() {
    let also = "[[survivor]]\nmutant = \"weaken:a::f::one=Relaxed\"\nreason = \"?\"\n
[[survivor]]\nmutant = \"weaken:a::f::gone=Relaxed\"\nreason = \"?\"\n";
    let project = Project::new(&format!("{SURVIVOR}{also}"));
    insta::assert_snapshot!(project.fails(&["--update"], &[]));
}

#[test]
fn an_engine_that_notices_nothing_fails() {
    let said = Project::new(SURVIVOR).fails(&["--update"], &["BLIND"]);
    assert!(said.contains("weaken:a::f::one=Relaxed survives"), "{said}");
}

#[test]
fn a_mutant_that_changes_nothing_is_no_survivor() {
    let said = Project::new(SURVIVOR).fails(&["--update"], &["IDLE"]);
    assert!(said.contains("weaken:a::f::two=Relaxed: it changed nothing in any run"), "{said}");
}

#[test]
fn an_access_that_never_runs_fails_unless_it_is_listed() {
    let said = Project::new("").fails(&["--update"], &["LAZY"]);
    assert!(said.contains("a.rs:5: no scenario and no model test comes to a::f::two"), "{said}");
    let listed = "[[unexplored]]\nsite = \"a::f::two\"\nreason = \"Made up.\"\n";
    let project = Project::new(listed);
    assert_eq!(project.run(&["--update"], &["LAZY"]).status.code(), Some(0));
    let said = project.fails(&["--update"], &[]);
    assert!(said.contains("a::f::two does run"), "{said}");
}

#[test]
fn the_quick_run_fails_when_what_the_page_says_is_no_longer_so() {
    let project = Project::new(SURVIVOR);
    assert_eq!(project.run(&["--update"], &[]).status.code(), Some(0));
    let output = project.run(&["--quick"], &[]);
    assert_eq!(output.status.code(), Some(0), "{}", steady(&output));
    insta::assert_snapshot!(steady(&output));
    let said = project.fails(&["--quick"], &["BLIND"]);
    assert!(said.contains("weaken:a::f::one=Relaxed: small native no longer notices"), "{said}");
    let page = fs::read_to_string(project.path("docs/mutants.md")).unwrap();
    fs::write(project.path("docs/mutants.md"), page.replace("a::f::two", "a::f::three")).unwrap();
    let said = project.fails(&["--quick"], &[]);
    assert!(said.contains("weaken:a::f::two=Relaxed is not on the page"), "{said}");
}

#[test]
fn a_part_of_a_name_chooses_and_one_that_fits_nothing_is_an_error() {
    let project = Project::new(SURVIVOR);
    let output = project.run(&["one"], &[]);
    assert_eq!(output.status.code(), Some(0), "{}", steady(&output));
    let output = project.run(&["three"], &[]);
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(
        String::from_utf8_lossy(&output.stderr)
            .lines()
            .filter(|line| !line.starts_with('['))
            .collect::<Vec<_>>()
            .join("\n")
    );
}
