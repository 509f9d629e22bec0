//! docs/mutants.md, the same on a terminal, and the JSON.

use super::inventory::Kind;
use super::listed::Listed;
use super::subject::Engine;
use super::{Decided, Verdict};
use crate::failure::Failure;
use crate::root::Root;
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

pub(super) const FILE: &str = "docs/mutants.md";

const HEAD: &str = "\
# Mutants

Every ordering of the crate is as weak as it may be, and every fence, second look and end of life is needed: to show it, each
is weakened or removed, one at a time, and some engine must notice. `cargo verify mutants` does that and writes this page
(`--update`); it fails when a mutant survives that is not listed here, and when one that is listed is noticed after all.

A mutant's name is its site, `module::function::label`, with what is done there. To see one at work:
`GRACEREF_MUTANT=NAME` with a scenario or a model test of the engine's build. Each cell says what was found and by what; the
first of all subjects that come to the site, the smallest first. A bare \u{2013} is an engine that has nothing to say: shuttle
and lockstep know only sequential consistency, so orderings are nothing to them, and lockstep has no graph of a model test.
`survives (n)`: n subjects came to the site and none noticed; where another engine has, the large ones are not asked again.
Real threads are not asked: what a plain build does not do says nothing.

";

/// A few words for the progress line.
pub(super) fn verdict_in_words(decided: &Decided) -> String {
    let killed = decided.verdicts.iter().find_map(|verdict| match verdict {
        Verdict::Killed { found, subject } => Some(format!("{found}: {subject}")),
        _ => None,
    });
    killed.unwrap_or_else(|| "survives".to_owned())
}

fn cell(verdict: &Verdict) -> String {
    match verdict {
        Verdict::None => "\u{2013}".to_owned(),
        Verdict::Killed { found, subject } => format!("{found}: {subject}"),
        Verdict::Survived { subjects, moved } if moved.is_empty() => {
            format!("survives ({subjects})")
        }
        Verdict::Survived { subjects, moved } => {
            format!("survives ({subjects}); count changed: {}", moved.join(", "))
        }
    }
}

/// The table for a terminal, or whatever is as wide.
pub(super) fn table(decided: &[Decided], widest: usize) -> String {
    let names: Vec<&str> = decided.iter().map(|one| one.mutant.name.as_str()).collect();
    let width = names.iter().map(|name| name.len()).max().unwrap_or(0).max(widest);
    let mut out = String::new();
    for one in decided {
        let mark = if one.killed() { '\u{2713}' } else { '\u{2013}' };
        // Writing into a String cannot fail.
        let _ = writeln!(out, "{mark} {:width$}  {}", one.mutant.name, verdict_in_words(one));
    }
    out
}

/// The page.
fn page(decided: &[Decided], listed: &Listed) -> String {
    let mut out = HEAD.to_owned();
    let killed = decided.iter().filter(|one| one.killed()).count();
    // Writing into a String cannot fail.
    let _ = writeln!(
        out,
        "{} mutants, {killed} killed, {} listed as survivors.",
        decided.len(),
        decided.len() - killed
    );
    for (kinds, title) in [
        (&[Kind::Access][..], "Orderings"),
        (&[Kind::Fence], "Fences"),
        (&[Kind::Retire], "Ends of life"),
        (&[Kind::Named, Kind::Checker], "Wrong turns that have a name"),
    ] {
        let of_kind: Vec<&Decided> =
            decided.iter().filter(|one| kinds.contains(&one.mutant.kind)).collect();
        if of_kind.is_empty() {
            continue;
        }
        let engines: Vec<Engine> = Engine::ALL
            .into_iter()
            .filter(|&e| of_kind.iter().any(|one| one.mutant.is_seen_by(e)))
            .collect();
        let words: Vec<&str> = engines.iter().map(|engine| engine.word()).collect();
        let _ = writeln!(out, "\n## {title}\n\n| mutant | {} |", words.join(" | "));
        let _ = writeln!(out, "|---{}|", "|---".repeat(engines.len()));
        for one in of_kind {
            let cells: Vec<String> = Engine::ALL
                .iter()
                .zip(&one.verdicts)
                .filter(|(engine, _)| engines.contains(engine))
                .map(|(_, verdict)| cell(verdict))
                .collect();
            let was = match one.mutant.kind {
                Kind::Access => format!(" (was {})", one.mutant.from),
                _ => String::new(),
            };
            let _ = writeln!(out, "| `{}`{was} | {} |", one.mutant.name, cells.join(" | "));
        }
    }
    let survivors: Vec<_> = decided.iter().filter(|one| !one.killed()).collect();
    if !survivors.is_empty() {
        let _ = writeln!(out, "\n## Survivors, and why\n");
        for one in survivors {
            let reason = listed.reason(&one.mutant.name).unwrap_or("not listed");
            let _ = writeln!(out, "- `{}`: {}", one.mutant.name, reason.trim());
        }
    }
    if !listed.unexplored.is_empty() {
        let _ = writeln!(out, "\n## Accesses that nothing explores, and why\n");
        for one in &listed.unexplored {
            let _ = writeln!(out, "- `{}`: {}", one.site, one.reason.trim());
        }
    }
    out
}

/// Holds the page against what was found, or writes it.
pub(super) fn check(
    root: &Root,
    decided: &[Decided],
    listed: &Listed,
    update: bool,
) -> Option<String> {
    let path = root.dir().join(FILE);
    let fresh = page(decided, listed);
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    if text == fresh {
        return None;
    }
    if update {
        let folder = path.parent().unwrap_or(root.dir());
        let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, fresh));
        return written.err().map(|error| format!("{FILE} cannot be written: {error}"));
    }
    let same = text.lines().zip(fresh.lines()).take_while(|(old, new)| old == new).count();
    Some(format!("{FILE}:{}: stale; `cargo verify mutants --update` writes it", same + 1))
}

/// Who noticed a mutant first.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Killer {
    pub(super) engine: Engine,
    pub(super) subject: String,
}

/// The mutants of the page as it is, and who noticed each.
pub(super) fn rows(root: &Root) -> Result<BTreeMap<String, Option<Killer>>, Failure> {
    let text = std::fs::read_to_string(root.dir().join(FILE)).map_err(|error| {
        Failure::new(
            format!("cannot read {FILE}: {error}"),
            "`cargo verify mutants --update` writes it",
        )
    })?;
    Ok(read(&text))
}

fn read(text: &str) -> BTreeMap<String, Option<Killer>> {
    let mut rows = BTreeMap::new();
    for line in text.lines() {
        let Some((name, cells)) = line.strip_prefix("| `").and_then(|rest| rest.split_once('`'))
        else {
            continue;
        };
        let cells = cells.split(" | ").skip(1).map(|cell| cell.trim_end_matches(" |"));
        // The columns are the first of the engines.
        let killer = Engine::ALL.into_iter().zip(cells).find_map(|(engine, cell)| {
            let survives = cell.starts_with("survives (") || cell == "\u{2013}";
            let (_, subject) = cell.rsplit_once(": ").filter(|_| !survives)?;
            Some(Killer { engine, subject: subject.to_owned() })
        });
        rows.insert(name.to_owned(), killer);
    }
    rows
}

/// Writes the verdicts for a program.
pub(super) fn write_json(decided: &[Decided], file: &Path) -> Result<(), Failure> {
    let one = |one: &Decided| {
        let engines: serde_json::Map<String, serde_json::Value> = Engine::ALL
            .iter()
            .zip(&one.verdicts)
            .map(|(engine, verdict)| {
                let verdict = match verdict {
                    Verdict::None => json!(null),
                    Verdict::Killed { found, subject } => {
                        json!({ "killed": true, "found": found, "by": subject })
                    }
                    Verdict::Survived { subjects, moved } => {
                        json!({ "killed": false, "subjects": subjects, "counts_changed": moved })
                    }
                };
                (engine.word().to_owned(), verdict)
            })
            .collect();
        json!({ "mutant": one.mutant.name, "killed": one.killed(), "engines": engines })
    };
    let report = json!({ "mutants": decided.iter().map(one).collect::<Vec<_>>() });
    std::fs::write(file, format!("{report:#}\n")).map_err(|error| {
        Failure::new(
            format!("cannot write {}: {error}", file.display()),
            "name a file that can be written",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_says_who_noticed_first() {
        let text = "| mutant | loom | shuttle |
|---|---|---|
| `weaken:a::f::one=Relaxed` (was Acquire) | NoDataRace: small |
| `a.turn` | survives (3); count changed: x 1 \u{2192} 2 | no longer NoLeak: a::b of the two |
| `a.other` | survives (3) | \u{2013} |
";
        let rows = read(text);
        let killer = |engine, subject: &str| Some(Killer { engine, subject: subject.to_owned() });
        assert_eq!(rows["weaken:a::f::one=Relaxed"], killer(Engine::Loom, "small"));
        assert_eq!(rows["a.turn"], killer(Engine::Shuttle, "a::b of the two"));
        assert_eq!((&rows["a.other"], rows.len()), (&None, 3));
    }

    #[test]
    fn the_page_of_the_repository_is_the_one_that_was_looked_at() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
        let text = std::fs::read_to_string(root.join(FILE)).unwrap();
        insta::assert_snapshot!(text.strip_prefix(HEAD).expect("it begins as every such page"));
        let listed = std::fs::read_to_string(root.join(super::super::listed::FILE)).unwrap();
        for name in listed.lines().filter_map(|line| line.strip_prefix("mutant = ")) {
            assert!(text.contains(name.trim_matches('"')), "{name} is listed and not on the page");
        }
    }
}
