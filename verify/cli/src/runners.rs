//! The scenario runners: building the three of them, and running a pass.

use crate::args::Budget;
use crate::failure::{Failure, tail};
use crate::protocol::{Build, Listed, Pass, PassReport, read_report};
use crate::root::Root;
use claims::Engine;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where the runners are and whether they are built here.
#[derive(Debug, Clone)]
pub(crate) struct Runners {
    root: PathBuf,
    dir: PathBuf,
    given: bool,
}

impl Runners {
    /// Runners built from the sources of `root`, or the ready ones of the folder `given`.
    pub(crate) fn new(root: &Root, given: Option<&Path>) -> Runners {
        let absolute = |dir: &Path| std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
        Runners {
            root: root.dir().to_owned(),
            dir: given.map_or_else(|| root.runners(), absolute),
            given: given.is_some(),
        }
    }

    /// Whether [`Runners::make`] has something to do.
    pub(crate) fn are_built_here(&self) -> bool {
        !self.given
    }

    /// The executable of a build.
    pub(crate) fn program(&self, build: Build) -> PathBuf {
        self.dir.join(format!("scenario-{build}{}", std::env::consts::EXE_SUFFIX))
    }

    /// Builds one of them. All share a target folder (cargo keeps what it makes apart by flags), and
    /// the executable, which each build overwrites, is copied away.
    pub(crate) fn make(&self, build: Build) -> Result<(), Failure> {
        if self.given {
            let program = self.program(build);
            return if program.is_file() {
                Ok(())
            } else {
                Err(Failure::new(
                    format!("{} is missing", program.display()),
                    "leave --runners out, and it is built",
                ))
            };
        }
        let stdout =
            self.cargo(build, &["build", "--package", "graceref-scenarios", "--bin", "scenario"])?;
        let Some(made) = executable(&stdout, "scenario") else {
            return Err(Failure::new(
                format!("cargo built the {build} engine but names no executable `scenario`"),
                "see that graceref-scenarios has a binary of that name",
            ));
        };
        self.keep(&made, &self.program(build)).map_err(|error| {
            Failure::new(
                format!("cannot put the {build} engine into {}: {error}", self.dir.display()),
                "see that the folder can be written to",
            )
        })
    }

    /// The model tests of the crate, of these test files: built, and put where the runners are.
    pub(crate) fn make_tests(&self, build: Build, files: &[String]) -> Result<(), Failure> {
        let absent = |file: &String| !self.tests(build, file).is_file();
        if self.given {
            return match files.iter().find(|file| absent(file)) {
                None => Ok(()),
                Some(file) => Err(Failure::new(
                    format!("{} is missing", self.tests(build, file).display()),
                    "leave --runners out, and it is built",
                )),
            };
        }
        let mut words = vec!["test", "--no-run", "--package", "graceref"];
        words.extend(files.iter().flat_map(|file| ["--test", file]));
        let stdout = self.cargo(build, &words)?;
        for file in files {
            let made = executable(&stdout, file).ok_or_else(|| {
                Failure::new(
                    format!("cargo built the {build} engine but names no executable `{file}`"),
                    format!("see that impl/graceref/tests/{file}.rs is a test of graceref"),
                )
            })?;
            self.keep(&made, &self.tests(build, file)).map_err(|error| {
                let what = format!("cannot put the tests of {build} into {}", self.dir.display());
                Failure::new(format!("{what}: {error}"), "see that the folder can be written to")
            })?;
        }
        Ok(())
    }

    /// The executable of a file of model tests.
    pub(crate) fn tests(&self, build: Build, file: &str) -> PathBuf {
        self.dir.join(format!("{file}-{build}{}", std::env::consts::EXE_SUFFIX))
    }

    /// Runs cargo with the words of a subcommand; returns its messages.
    fn cargo(&self, build: Build, words: &[&str]) -> Result<String, Failure> {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(&self.root).stdin(Stdio::null()).args(words).args([
            "--quiet",
            "--profile",
            "model",
            "--message-format=json-render-diagnostics",
        ]);
        if let Some(cfg) = build.cfg() {
            let set = |name| std::env::var_os(name).filter(|flags| !flags.is_empty());
            let (name, flags) = with_cfg(cfg, set("CARGO_ENCODED_RUSTFLAGS"), set("RUSTFLAGS"));
            cargo.env(name, flags);
        }
        let output = cargo.output().map_err(|error| {
            Failure::new(format!("cargo does not start: {error}"), "install a Rust toolchain")
        })?;
        if !output.status.success() {
            return Err(Failure::new(
                format!("building the {build} engine failed"),
                "correct the errors above; `cargo verify --engine tlc` needs no build",
            )
            .said(tail(&String::from_utf8_lossy(&output.stderr), 60)));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// By way of another name: a runner that is just being run cannot be written over.
    fn keep(&self, made: &Path, program: &Path) -> std::io::Result<()> {
        fs::create_dir_all(&self.dir)?;
        let fresh = program.with_extension("new");
        fs::copy(made, &fresh)?;
        fs::rename(&fresh, program)
    }

    /// The scenarios that a runner has, and the engines that each runs under.
    pub(crate) fn list(&self, build: Build) -> Result<BTreeMap<String, BTreeSet<Engine>>, Failure> {
        let program = self.program(build);
        let failed = |why: String| {
            Failure::new(
                format!("`scenario list` of the {build} engine {why}"),
                "see what `cargo run -p graceref-scenarios --bin scenario -- list` prints",
            )
        };
        let output = Command::new(&program)
            .arg("list")
            .current_dir(&self.root)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| failed(format!("does not start: {error}")))?;
        if !output.status.success() {
            let said = tail(&String::from_utf8_lossy(&output.stderr), 20);
            return Err(failed(format!("ended with {}", output.status)).said(said));
        }
        let mut scenarios: BTreeMap<String, BTreeSet<Engine>> = BTreeMap::new();
        let stdout = String::from_utf8_lossy(&output.stdout);
        for line in stdout.lines().filter(|line| !line.trim().is_empty()) {
            let listed: Listed = serde_json::from_str(line)
                .map_err(|error| failed(format!("prints a line that is not JSON: {error}")))?;
            let engines = listed.engines.iter().filter_map(|word| Engine::from_word(word));
            scenarios.entry(listed.scenario).or_default().extend(engines);
        }
        Ok(scenarios)
    }

    /// Runs a pass. The error is what to say in the cell: the run goes on without it.
    pub(crate) fn run(
        &self,
        scenario: &str,
        pass: Pass,
        budget: Budget,
    ) -> Result<PassReport, String> {
        let output = Command::new(self.program(pass.build()))
            .args(["run", scenario, "--pass", pass.word(), "--budget", budget.word()])
            .current_dir(&self.root)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("the runner does not start: {error}"))?;
        let said = || tail(&String::from_utf8_lossy(&output.stderr), 12);
        if !output.status.success() {
            return Err(format!("the runner ended with {}\n{}", output.status, said()));
        }
        read_report(&String::from_utf8_lossy(&output.stdout), scenario, pass)
            .map_err(|error| format!("{error}\n{}", said()).trim_end().to_owned())
    }
}

/// The variable that gives rustc the cfg, on top of the flags that the user has set. The encoded
/// variable, where it is set, is the only one that cargo reads.
fn with_cfg(
    cfg: &str,
    encoded: Option<OsString>,
    plain: Option<OsString>,
) -> (&'static str, OsString) {
    let joined = |before: Option<OsString>, separator: &str| {
        let mut flags = before.unwrap_or_default();
        if !flags.is_empty() {
            flags.push(separator);
        }
        flags.push(format!("--cfg{separator}{cfg}"));
        flags
    };
    if encoded.is_some() {
        ("CARGO_ENCODED_RUSTFLAGS", joined(encoded, "\u{1f}"))
    } else {
        ("RUSTFLAGS", joined(plain, " "))
    }
}

/// The executable of a target that cargo's messages name.
fn executable(messages: &str, target: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == target)
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_flags_are_kept() {
        assert_eq!(with_cfg("x", None, None), ("RUSTFLAGS", "--cfg x".into()));
        assert_eq!(
            with_cfg("x", None, Some("-C target-cpu=native".into())),
            ("RUSTFLAGS", "-C target-cpu=native --cfg x".into())
        );
        assert_eq!(
            with_cfg("x", Some("-Ca=b".into()), Some("ignored".into())),
            ("CARGO_ENCODED_RUSTFLAGS", "-Ca=b\u{1f}--cfg\u{1f}x".into())
        );
    }

    #[test]
    fn the_executable_is_found_among_cargos_messages() {
        let messages = "{\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"serde\"},\"executable\":null}\n\
            {\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"scenario\"},\"executable\":\"/t/scenario\"}\n\
            {\"reason\":\"build-finished\",\"success\":true}\n";
        assert_eq!(executable(messages, "scenario"), Some(PathBuf::from("/t/scenario")));
        assert_eq!(executable("{}\n", "scenario"), None);
    }
}
