//! The register as the rest of the house sees it, and how it is read.

use crate::check;
use crate::problem::{Problem, Problems, Source};
use crate::words::{Engine, Expect, Verdict};
use std::fs;
use std::ops::Range;
use std::path::Path;

/// Every claim, in the order of the files' names and of the claims in them.
#[derive(Debug, Clone)]
pub struct Register {
    /// The claims.
    pub claims: Vec<Claim>,
}

/// One statement, and what is expected of the machines that decide it.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Its name, `area.what`.
    pub id: String,
    /// Where the statement was made.
    pub source: String,
    /// The statement.
    pub statement: String,
    /// What is said of it.
    pub verdict: Verdict,
    /// What that means, in a sentence for a kernel developer.
    pub meaning: String,
    /// Where the machines say other than who made the statement, what they say.
    pub note: Option<String>,
    /// The variants of the system that decide it; at least one.
    pub cases: Vec<Case>,
    /// Where it stands.
    pub place: Place,
}

/// One variant of the system and what must be found in it.
#[derive(Debug, Clone)]
pub struct Case {
    /// A short name, where a claim has several cases.
    pub name: Option<String>,
    /// What the scenario engines run; there whenever one of them is named.
    pub scenario: Option<String>,
    /// What TLC runs; there whenever TLC is named.
    pub model: Option<String>,
    /// The engines that decide it, in table order; at least one. Those that [`Case::except`] names
    /// are not among them.
    pub engines: Vec<Engine>,
    /// The property that it is about; a witness where `expect` is [`Expect::Reachable`].
    pub property: String,
    /// What each engine must find.
    pub expect: Expect,
    /// The engines that cannot decide it.
    pub except: Vec<Exception>,
    /// Where `expect` stands: what to change when the expectation is what is wrong.
    pub place: Place,
    pub(crate) spans: CaseSpans,
}

/// An engine that cannot decide a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// The engine.
    pub engine: Engine,
    /// Why it cannot.
    pub reason: String,
}

/// A line of the register.
#[derive(Debug, Clone)]
pub struct Place {
    pub(crate) source: Source,
    pub(crate) offset: usize,
}

/// Where the names that are checked later stand.
#[derive(Debug, Clone)]
pub(crate) struct CaseSpans {
    pub(crate) property: Range<usize>,
    pub(crate) scenario: Option<Range<usize>>,
    pub(crate) model: Option<Range<usize>>,
    pub(crate) engines: Vec<(Engine, Range<usize>)>,
}

impl Place {
    /// The file, as it was named when the register was read.
    pub fn file(&self) -> &str {
        self.source.file()
    }

    /// The line, counted from 1.
    pub fn line(&self) -> usize {
        self.source.line(self.offset)
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}:{}", self.file(), self.line())
    }
}

impl Register {
    /// Reads every `*.toml` file of `folder`. In messages a file is called `shown_as/NAME`.
    ///
    /// # Errors
    /// Everything that is wrong in any of the files, or that the folder cannot be read or has none.
    pub fn load(folder: &Path, shown_as: &str) -> Result<Register, Problems> {
        let unreadable = |what: String, error: &std::io::Error| {
            let message = format!("cannot read {what}: {error}");
            Problems::one(
                Problem::without_place(message)
                    .help("run this inside the repository: the claims are in verify/claims/*.toml"),
            )
        };
        let entries =
            fs::read_dir(folder).map_err(|error| unreadable(format!("{shown_as}/"), &error))?;
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            // Cargo's own file lives in the same folder, for the crate that reads the register.
            .filter(|name| name != "Cargo.toml" && is_toml(name))
            .collect();
        names.sort();
        let mut files = Vec::new();
        for name in names {
            let shown = format!("{shown_as}/{name}");
            let text = fs::read_to_string(folder.join(&name))
                .map_err(|error| unreadable(shown.clone(), &error))?;
            files.push((shown, text));
        }
        if files.is_empty() {
            return Err(Problems::one(
                Problem::without_place(format!("{shown_as}/ has no claims"))
                    .help("write one: a file such as count.toml with a [[claim]] in it"),
            ));
        }
        Register::parse(files)
    }

    /// Reads files that are already in memory, each with the name to call it by.
    ///
    /// # Errors
    /// Everything that is wrong in any of them.
    pub fn parse(files: impl IntoIterator<Item = (String, String)>) -> Result<Register, Problems> {
        let mut problems = Vec::new();
        let mut claims = Vec::new();
        for (name, text) in files {
            let source = Source::new(&name, text);
            match toml::from_str(source.text()) {
                Ok(file) => check::file(&source, file, &mut claims, &mut problems),
                Err(error) => problems.push(syntax(&source, &error)),
            }
        }
        Problems::none_or(problems)?;
        Ok(Register { claims })
    }

    /// The claim with exactly this id.
    pub fn claim(&self, id: &str) -> Option<&Claim> {
        self.claims.iter().find(|claim| claim.id == id)
    }
}

fn is_toml(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "toml")
}

/// What the TOML reader or serde objects to.
fn syntax(source: &Source, error: &toml::de::Error) -> Problem {
    let message = error.message().trim().replace('\n', "; ");
    let help = if message.starts_with("unknown field") {
        "take it out or correct its spelling: a field that nothing reads would be lost silently"
    } else if message.starts_with("missing field") {
        "add it: a claim has id, source, statement, verdict, meaning; a case has engines, property, expect"
    } else {
        "correct the TOML"
    };
    Problem::at(source, error.span().unwrap_or(0..0), message).help(help)
}
