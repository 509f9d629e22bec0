//! `cargo verify safety`: what the code's arguments rest on.
//!
//! Each `unsafe` block and impl has a `// SAFETY:` comment that names an invariant of the spec, `(Module!Invariant)`,
//! and some configuration of spec/models.toml checks that invariant and expects that it holds. Each ordering has an
//! `// ORDERING:` comment above its statement; the facade itself, whose orderings are its callers', has none.

use crate::args::SafetyArgs;
use crate::failure::Failure;
use crate::root::Root;
use crate::source::Source;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The folders whose code is held against the spec.
const FOLDERS: [&str; 2] = ["impl/graceref/src", "impl/lifetimes/src"];
/// The facade: its orderings are parameters, or those of its own books.
const FACADE: &str = "impl/graceref/src/sync/";

/// What spec/models.toml says of one module's invariants and properties.
#[derive(Debug, Default)]
struct Checked {
    /// Those that some configuration checks and expects to hold.
    hold: BTreeSet<String>,
    /// Those that are checked only where they are expected to fail.
    fail: BTreeSet<String>,
}

/// By module.
#[derive(Debug, Default)]
struct Spec(BTreeMap<String, Checked>);

impl Spec {
    fn of(models: &[tlc::Model]) -> Spec {
        let mut spec = Spec::default();
        for model in models {
            let checked = spec.0.entry(model.module.clone()).or_default();
            let names = model.invariants.iter().chain(&model.properties).cloned();
            match model.expect {
                tlc::Expect::Holds => checked.hold.extend(names),
                _ => checked.fail.extend(names),
            }
        }
        spec
    }

    /// Why the name is nothing to rest on, and what to do; `None` if it is.
    fn wrong(&self, module: &str, invariant: &str) -> Option<String> {
        let Some(checked) = self.0.get(module) else {
            let near = nearest(module, self.0.keys());
            return Some(format!(
                "there is no module {module} in spec/models.toml; {near} Else add it with its configurations"
            ));
        };
        if checked.hold.contains(invariant) {
            return None;
        }
        if checked.fail.contains(invariant) {
            return Some(format!(
                "it is checked only where it is expected to fail; add it to a configuration of \
                 {module} that expects `holds`, or name another one"
            ));
        }
        let near = nearest(invariant, checked.hold.iter());
        Some(format!(
            "no configuration of {module} checks {invariant}; {near} Else add it to the invariants of a configuration \
             in spec/models.toml"
        ))
    }
}

fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a String> + Clone) -> String {
    if let Some(near) = claims::nearest(word, known.clone().map(String::as_str)) {
        return format!("did you mean {near}?");
    }
    let all: Vec<&str> = known.map(String::as_str).collect();
    format!("there are {}.", all.join(", "))
}

/// What was looked at, and what is wrong with it.
#[derive(Debug, Default)]
struct Found {
    comments: usize,
    orderings: usize,
    problems: Vec<String>,
}

/// Runs the check.
pub(crate) fn run(args: &SafetyArgs) -> Result<(String, bool), Failure> {
    let root = Root::find(args.place.root.as_deref())?;
    let models = tlc::load(root.dir()).map_err(|error| Failure::Described(Box::new(error)))?;
    let spec = Spec::of(&models);
    let mut found = Found::default();
    for folder in FOLDERS {
        let sources = Source::below(root.dir(), folder).map_err(|error| {
            Failure::new(format!("cannot read {folder}: {error}"), "see that it is there")
        })?;
        for source in &sources {
            check(source, &spec, &mut found);
        }
    }
    let mut out = String::new();
    // Writing into a String cannot fail.
    for problem in &found.problems {
        let _ = writeln!(out, "{problem}");
    }
    let sum = format!(
        "{} SAFETY comments, {} orderings: {} wrong\n",
        found.comments,
        found.orderings,
        found.problems.len()
    );
    Ok((out + &sum, found.problems.is_empty()))
}

fn check(source: &Source, spec: &Spec, found: &mut Found) {
    for comment in source.comments.iter().filter(|c| c.text.contains("SAFETY:")) {
        found.comments += 1;
        let names = names(&comment.text);
        let place = format!("{}:{}", source.file, comment.line);
        if names.is_empty() {
            found.problems.push(format!(
                "{place}: the SAFETY comment names no invariant of the spec; end it in (Module!Invariant)"
            ));
        }
        for (module, invariant) in names {
            if let Some(wrong) = spec.wrong(&module, &invariant) {
                found.problems.push(format!("{place}: {module}!{invariant}: {wrong}"));
            }
        }
    }
    for at in 0..source.tokens.len() {
        let place = format!("{}:{}", source.file, source.tokens[at].line);
        if source.is(at, &["unsafe", "{"]) || source.is(at, &["unsafe", "impl"]) {
            if !source.above(at).iter().any(|c| c.text.contains("SAFETY:")) {
                found.problems.push(format!(
                    "{place}: unsafe without a SAFETY comment above it; say why it is sound, and end in \
                     (Module!Invariant)"
                ));
            }
        } else if is_ordering(source, at) && !source.file.starts_with(FACADE) {
            found.orderings += 1;
            if !source.above(at).iter().any(|c| c.text.contains("ORDERING:")) {
                let ordering = &source.tokens[at + 3].text;
                found.problems.push(format!(
                    "{place}: Ordering::{ordering} without an ORDERING comment above its statement; say what it pairs \
                     with"
                ));
            }
        }
    }
}

/// Whether an ordering is named here, for an access and not for an import.
pub(crate) fn is_ordering(source: &Source, at: usize) -> bool {
    const WORDS: [&str; 5] = ["Relaxed", "Acquire", "Release", "AcqRel", "SeqCst"];
    source.is(at, &["Ordering", ":", ":"])
        && source.tokens.get(at + 3).is_some_and(|token| WORDS.contains(&token.text.as_str()))
        && !matches!(source.tokens[source.start(at)].text.as_str(), "use" | "pub")
}

/// The invariants that a comment names: `Module!Invariant`.
fn names(comment: &str) -> Vec<(String, String)> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let starts_big = |name: &str| name.starts_with(|c: char| c.is_uppercase());
    let mut names = Vec::new();
    for (at, _) in comment.match_indices('!') {
        let before = &comment[..at];
        let module = &before[before.rfind(|c| !is_name(c)).map_or(0, |end| end + 1)..];
        let after = &comment[at + 1..];
        let invariant = &after[..after.find(|c| !is_name(c)).unwrap_or(after.len())];
        if starts_big(module) && starts_big(invariant) {
            names.push((module.to_owned(), invariant.to_owned()));
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODELS: &str = r#"
[[model]]
name = "lamp-safety"
module = "Lamp"
question = "safety"
shows = "The lamp goes out once."
invariants = ["TypeOK", "OutOnce"]
expect = "holds"
distinct = 1234
generated = 2345

[[model]]
name = "lamp-goes-out"
module = "Lamp"
question = "liveness"
shows = "The lamp goes out."
properties = ["GoesOut"]
expect = "holds"
distinct = 1234
generated = 2345

[[model]]
name = "lamp-twice"
module = "Lamp"
question = "safety"
shows = "Without the look the lamp burns twice."
invariants = ["BurnsOnce"]
expect = "violated"
violates = "BurnsOnce"
trace = 7
"#;

    fn problems(text: &str) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("spec")).unwrap();
        std::fs::write(dir.path().join("spec/models.toml"), MODELS).unwrap();
        std::fs::write(dir.path().join("spec/Lamp.tla"), "---- MODULE Lamp ----\n====\n").unwrap();
        let models = tlc::load(dir.path()).unwrap();
        let mut found = Found::default();
        check(&Source::read("impl/x/src/a.rs", text), &Spec::of(&models), &mut found);
        found.problems
    }

    #[test]
    fn what_rests_on_a_checked_invariant_or_property_is_in_order() {
        let code = "
            // SAFETY: once (Lamp!OutOnce).
            unsafe impl Send for A {}
            fn f() {
                at!(\"x\");
                // SAFETY: it goes (Lamp!GoesOut, Lamp!TypeOK).
                // ORDERING: Relaxed; nobody looks.
                let x = unsafe { (*a).load(Ordering::Relaxed) };
                match x {
                    // ORDERING: Acquire pairs with the Release of g.
                    1 => b.compare_exchange(1, 2, Ordering::Acquire, Ordering::Relaxed),
                }
            }";
        assert_eq!(problems(code), [""; 0]);
    }

    #[test]
    fn what_is_missing_or_unknown_or_not_checked_is_told_with_its_line_and_the_next_step() {
        let code = "use Ordering::Relaxed;
fn f() {
    unsafe { a() };
    // SAFETY: trust me.
    unsafe { b() };
    // SAFETY: (Lmap!OutOnce).
    unsafe { c() };
    // SAFETY: (Lamp!OutOnec).
    unsafe { d() };
    // SAFETY: (Lamp!Bright).
    unsafe { e() };
    // SAFETY: (Lamp!BurnsOnce).
    unsafe { f() };
    // ORDERING: Release; of another statement.
    g.store(1, Ordering::Release);
    h.load(Ordering::Acquire);
}
// SAFETY: (Lamp!OutOnce).
fn g() {}
unsafe impl Send for A {}
";
        insta::assert_snapshot!(problems(code).join("\n"));
    }
}
