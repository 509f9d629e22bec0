//! verify/mutants.toml: the mutants that no engine can see and the accesses that nothing explores, each with its reason.

use super::Decided;
use super::inventory::Inventory;
use crate::failure::Failure;
use crate::root::Root;
use crate::source::Source;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::ops::Range;

pub(super) const FILE: &str = "verify/mutants.toml";
const SOURCES: &str = "impl/graceref/src";
/// The facade: what it does to atomics is what the callers do. And what explores models, which explores not itself.
const NOT_THESE: [&str; 2] = ["impl/graceref/src/sync/", "impl/graceref/src/model/"];

/// The file's content.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listed {
    #[serde(default, rename = "survivor")]
    pub(super) survivors: Vec<Survivor>,
    #[serde(default)]
    pub(super) unexplored: Vec<Unexplored>,
}

/// A mutant that survives.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Survivor {
    pub(super) mutant: String,
    pub(super) reason: String,
}

/// An access that no scenario and no model test comes to, or all of a function or a module.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Unexplored {
    pub(super) site: String,
    pub(super) reason: String,
}

impl Unexplored {
    fn covers(&self, access: &Access) -> bool {
        access
            .site
            .strip_prefix(&self.site)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    }
}

impl Listed {
    /// Reads the file; there being none is the same as its being empty.
    pub(super) fn load(root: &Root) -> Result<Listed, Failure> {
        match std::fs::read_to_string(root.dir().join(FILE)) {
            Ok(text) => Listed::parse(&text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Listed::default()),
            Err(error) => Err(Failure::new(
                format!("cannot read {FILE}: {error}"),
                "see that it is a file that can be read",
            )),
        }
    }

    fn parse(text: &str) -> Result<Listed, Failure> {
        let next =
            "each [[survivor]] has a mutant and a reason, each [[unexplored]] a site and a reason";
        let listed: Listed = toml::from_str(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            let line = text.get(..offset).unwrap_or("").matches('\n').count() + 1;
            Failure::new(format!("{FILE}:{line}: {}", error.message().trim()), next)
        })?;
        let survivors = listed.survivors.iter().map(|one| (&one.mutant, &one.reason));
        let unexplored = listed.unexplored.iter().map(|one| (&one.site, &one.reason));
        let mut names = BTreeSet::new();
        for (name, reason) in survivors.chain(unexplored) {
            if reason.trim().is_empty() {
                return Err(Failure::new(format!("{FILE}: {name} has an empty reason"), next));
            }
            if !names.insert(name) {
                let what = format!("{FILE}: {name} is listed twice");
                return Err(Failure::new(what, "take one of the two out"));
            }
        }
        Ok(listed)
    }

    /// Why the mutant survives, if that is known.
    pub(super) fn reason(&self, mutant: &str) -> Option<&str> {
        self.survivors.iter().find(|one| one.mutant == mutant).map(|one| one.reason.as_str())
    }

    /// Survivors that are not listed, listed ones that are killed or are no mutants any more.
    pub(super) fn hold_against(&self, decided: &[Decided], everything: bool) -> Vec<String> {
        let mut problems = Vec::new();
        for one in decided {
            let name = &one.mutant.name;
            match (one.killed(), self.reason(name).is_some()) {
                (false, false) => problems.push(format!(
                    "{name} survives: write a scene that notices it, weaken the code for good, or list it in {FILE} with \
                     the reason why no engine can see it"
                )),
                (true, true) => problems.push(format!(
                    "{name} is killed, and {FILE} lists it as a survivor: take it out there"
                )),
                _ => {}
            }
        }
        let known = |name: &str| decided.iter().any(|one| one.mutant.name == name);
        if everything {
            for one in self.survivors.iter().filter(|one| !known(&one.mutant)) {
                let name = &one.mutant;
                problems.push(format!("{FILE}: there is no mutant {name} (any more): take it out"));
            }
        }
        problems
    }

    /// Accesses in the source that never ran and are not listed, and listed ones that did run or are gone.
    pub(super) fn hold_against_the_source(
        &self,
        root: &Root,
        inventory: &Inventory,
    ) -> Result<Vec<String>, Failure> {
        let sources = Source::below(root.dir(), SOURCES).map_err(|error| {
            Failure::new(format!("cannot read {SOURCES}: {error}"), "see that it is there")
        })?;
        let mut problems = Vec::new();
        let mut missed = BTreeSet::new();
        for source in sources.iter().filter(|source| !is_not_mutated(&source.file)) {
            for access in accesses(source) {
                let place = format!("{}:{}", source.file, access.line);
                if inventory.ran(&place) {
                    continue;
                }
                let listed: Vec<&str> = self
                    .unexplored
                    .iter()
                    .filter(|one| one.covers(&access))
                    .map(|one| one.site.as_str())
                    .collect();
                missed.extend(listed.iter().copied());
                if listed.is_empty() {
                    problems.push(format!(
                        "{place}: no scenario and no model test comes to {}: write a scene that does, or list it in \
                         {FILE} under [[unexplored]] with the reason",
                        access.site
                    ));
                }
            }
            for (name, line) in named(source).into_iter().filter(|(name, _)| !inventory.asked(name))
            {
                problems.push(format!(
                    "{}:{line}: no scenario and no model test comes to the mutant {name}",
                    source.file
                ));
            }
        }
        for one in self.unexplored.iter().filter(|one| !missed.contains(one.site.as_str())) {
            let site = &one.site;
            problems
                .push(format!("{FILE}: {site} does run, or is not there any more: take it out"));
        }
        Ok(problems)
    }
}

fn is_not_mutated(file: &str) -> bool {
    NOT_THESE.iter().any(|folder| file.starts_with(folder))
}

/// An access in the source.
#[derive(Debug, PartialEq, Eq)]
struct Access {
    /// `module::function::label`, as the running code has it, or `module::function` where nothing names it.
    site: String,
    line: usize,
}

/// The calls that name an ordering.
fn accesses(source: &Source) -> Vec<Access> {
    let calls = (0..source.tokens.len()).filter(|&at| {
        let names_one = |at| crate::safety::is_ordering(source, at);
        let call = source.is(at + 1, &["("]) && !source.tokens[at].literal;
        let operation = at > 0 && source.is(at - 1, &["."]) || source.is(at, &["fence"]);
        // What only a mutant does has no place in the code as it is.
        let mutants =
            || source.heads(at).any(|mut head| head.any(|at| source.is(at, &["mutant", "("])));
        call && operation
            && directly_inside(source, at + 1).any(names_one)
            && !mutants()
            && !is_its_callers(source, at)
    });
    calls
        .map(|at| {
            let token = &source.tokens[at];
            let suffix = if token.text == "fence" { "/fence" } else { "" };
            let function = format!("{}::{}", module(&source.file), source.function(at));
            let site = match label(source, at) {
                Some(label) => format!("{function}::{label}{suffix}"),
                None => function,
            };
            Access { site, line: token.line }
        })
        .collect()
}

/// The tokens between a bracket and the one that closes it, without those in further brackets.
fn directly_inside(source: &Source, open: usize) -> impl Iterator<Item = usize> {
    let mut depth = 0_usize;
    (open + 1..source.end_of(open)).filter(move |&at| {
        let is = |words: &[&str]| words.iter().any(|word| source.is(at, &[*word]));
        if is(&["(", "[", "{"]) {
            depth += 1;
        } else if is(&[")", "]", "}"]) {
            depth -= 1;
        }
        depth == 0
    })
}

/// The names that the code asks `mutant` for.
fn named(source: &Source) -> Vec<(&str, usize)> {
    let asks = (0..source.tokens.len()).filter(|&at| source.is(at, &["mutant", "("]));
    let name = asks.filter_map(|at| source.tokens.get(at + 2));
    name.filter(|token| token.literal).map(|token| (&*token.text, token.line)).collect()
}

fn module(file: &str) -> String {
    let path = file.split("/src/").nth(1).unwrap_or(file).trim_end_matches(".rs");
    path.trim_end_matches("/mod").replace('/', "::")
}

/// The label that stands nearest above in the same function.
fn label(source: &Source, at: usize) -> Option<&str> {
    let is_fn = |head: &Range<usize>| head.clone().any(|at| source.is(at, &["fn"]));
    let begins = source.heads(at).find(is_fn).map_or(0, |head| head.start);
    let mut before = (begins..at).rev();
    let found =
        before.find(|&at| source.is(at, &["at", "!", "("]) || source.is(at, &["site", "!", "("]));
    found.and_then(|at| source.tokens.get(at + 3)).map(|token| token.text.as_str())
}

/// Whether the access has its callers' names and places.
fn is_its_callers(source: &Source, at: usize) -> bool {
    source.heads(at).any(|head| head.into_iter().any(|at| source.is(at, &["track_caller"])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accesses_of_a_source_have_the_names_of_the_running_code() {
        let source = Source::read(
            "impl/graceref/src/count/mod.rs",
            "use x::Ordering;
impl A {
    fn get(&self) {
        at!(\"one\");
        if self.0
            .load(Ordering::Acquire) == 1 { fence(Ordering::Acquire); }
        at!(\"two\", x = 1);
        self.0.compare_exchange(f(1), 2, Ordering::Release, Ordering::Relaxed);
        self.raw_load();
        if mutant(\"a.wrong\") { self.0.load(Ordering::Relaxed); }
    }
    #[track_caller]
    fn callers(&self) {
        self.0.load(Ordering::Acquire);
    }
    fn nameless(&self) {
        self.0.load(Ordering::Acquire);
    }
}",
        );
        let found: Vec<(String, usize)> =
            accesses(&source).into_iter().map(|access| (access.site, access.line)).collect();
        let expected = [
            ("count::get::one", 6),
            ("count::get::one/fence", 6),
            ("count::get::two", 8),
            ("count::nameless", 17),
        ];
        assert_eq!(found, expected.map(|(site, line)| (site.to_owned(), line)));
        assert_eq!(named(&source), [("a.wrong", 10)]);
    }

    #[test]
    fn what_is_listed_as_unexplored_is_an_access_or_all_below_a_name() {
        let access = |site: &str| Access { site: site.to_owned(), line: 1 };
        let listed = Unexplored { site: "rcu::fork".to_owned(), reason: "?".to_owned() };
        assert!(listed.covers(&access("rcu::fork::epoch")) && listed.covers(&access("rcu::fork")));
        assert!(!listed.covers(&access("rcu::forks::epoch")));
    }

    #[test]
    fn a_list_without_reasons_or_with_a_name_twice_is_refused() {
        let said = |text: &str| {
            Listed::parse(text).unwrap_err().render(miette::GraphicalTheme::unicode_nocolor())
        };
        assert!(said("[[survivor]]\nmutant = \"a\"\n").contains("mutants.toml:1: missing field"));
        assert!(said("[[survivor]]\nmutant = \"a\"\nreason = \" \"\n").contains("an empty reason"));
        let twice = "[[survivor]]\nmutant = \"a\"\nreason = \"b\"\n".repeat(2);
        assert!(said(&twice).contains("a is listed twice"));
    }
}
