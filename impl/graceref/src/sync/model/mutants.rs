//! Mutants: known wrong turns of the code, of which one at a time is switched on by name.
//!
//! | form | what it does |
//! |---|---|
//! | `NAME` | the turn of this name, which the code takes where it asks [`mutant`](crate::sync::mutant) |
//! | `weaken:SITE=ORDERING` | the access at the site has this ordering where it had a stronger one |
//! | `remove-fence:SITE` | the fence at the site is none |
//! | `remove-retire:SITE` | what ends at the site goes on, for the checkers, as if it were alive |

use super::super::Ordering;
use std::borrow::ToOwned;
use std::string::String;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::vec::Vec;
use std::{eprintln, format, vec};

/// Every name that the code may pass to [`mutant`](crate::sync::mutant), and what is wrong when it is on.
pub const NAMED: &[(&str, &str)] = &[
    (
        "cache.no_heavy_fence",
        "the closer does not order its mark before it looks at the caches' flags",
    ),
    (
        "cache.no_light_fence",
        "a thread does not order its flag before it looks whether the pool is closed",
    ),
    ("cache.no_wait", "the closer does not wait for a thread that is at its cache"),
    (
        "cache.spill_unlooked",
        "a thread that has found its cache full takes half of it without a look whether the pool is closed",
    ),
    ("key.no_skip", "a slot that is given back unused keeps its generation, and so its key"),
    ("key.never_retire", "a slot whose generations are used up is used again"),
    ("key.skip_generation", "a get by key does not compare the generation"),
    ("kill.close_tells", "whoever drops a killed pool's last handle tells that it is drained"),
    ("kill.no_recheck", "an insert does not look whether the pool was killed meanwhile"),
    (
        "file_ref.pass_over_the_dying",
        "a removal passes over what has no reference, and may be revived",
    ),
    ("file_ref.no_recheck", "a get by add takes what the add finds, whichever object it is"),
    ("pool.forget_stragglers", "the memory does not wait for a put that straggles"),
    ("pool.straggler_is_slot", "a straggler weighs as much as a slot in a killed pool's sum"),
    ("pool.init_before_write", "the count says alive before the object is written"),
    (
        "pool.no_tag",
        "the free list's head has no tag, so that a pop does not notice a pop and a push",
    ),
    ("rcu.first", "a grace period waits for the readers of one record only"),
    ("rcu.join", "who comes during a grace period waits for that one only"),
    ("rcu.no_bump", "a grace period that is over does not say so"),
    ("rcu.no_heavy", "the updater has no fence against the readers' light one"),
    ("rcu.no_light", "a reader has no fence between its mark and what it reads"),
    (
        "rcu.no_snapshot_fence",
        "a grace period does not order what was unpublished before its number",
    ),
    ("rcupool.any_generation", "a peek by key does not compare the generation"),
    ("rcupool.no_grace", "an object is dropped at its last put, with readers still at it"),
    ("shrink.no_claim", "who shrinks a pool leaves the handles' count alive"),
    ("shrink.same_generation", "memory that comes anew begins with the generations of what went"),
    ("stash.extra_look", "the lookup looks at the stash once more than the spec does"),
    ("stash.skip_recheck", "the lookup does not look at the stash again after its get"),
    ("table.fork_uncounted", "a copy of a table has no references of its own"),
    ("table.local_shared", "a table that is shared lends its objects without a reference"),
    ("table.put_first", "a close drops its reference before it clears the entry"),
    ("table.skip_busy", "dup_to does not look whether the number is reserved"),
    ("table.skip_recheck", "the lookup does not look at the entry again after its get"),
    (
        "tracked.no_retire",
        "a free is nothing to the checkers: a mutant of the checker, not of the code",
    ),
];

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Mutant {
    #[default]
    None,
    Named(&'static str),
    Weaken(String, Ordering),
    RemoveFence(String),
    RemoveRetire(String),
}

impl Mutant {
    /// # Errors
    /// What is wrong with the text, and what it may have meant.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Mutant::None);
        }
        let unknown = |what: &str, known: &[&str]| {
            let near = nearest(what, known).join(", ");
            Err(format!("there is no mutant {text}: {what} is unknown; near it: {near}"))
        };
        let Some((form, site)) = text.split_once(':') else {
            let known: Vec<&str> = NAMED.iter().map(|&(name, _)| name).collect();
            return match known.iter().find(|&&name| name == text) {
                Some(&name) => Ok(Mutant::Named(name)),
                None => unknown(text, &known),
            };
        };
        match form {
            "weaken" => {
                let (site, word) = site.split_once('=').ok_or_else(|| {
                    format!("{text} names no ordering: write weaken:SITE=ORDERING")
                })?;
                match ORDERINGS.iter().find(|(name, _)| *name == word) {
                    Some(&(_, order)) => Ok(Mutant::Weaken(site.to_owned(), order)),
                    None => unknown(word, &ORDERINGS.map(|(name, _)| name)),
                }
            }
            "remove-fence" => Ok(Mutant::RemoveFence(site.to_owned())),
            "remove-retire" => Ok(Mutant::RemoveRetire(site.to_owned())),
            _ => unknown(form, &["weaken", "remove-fence", "remove-retire"]),
        }
    }

    /// The site that it changes, if it is one of a site.
    pub(super) fn site(&self) -> Option<&str> {
        match self {
            Mutant::None | Mutant::Named(_) => None,
            Mutant::Weaken(site, _) | Mutant::RemoveFence(site) | Mutant::RemoveRetire(site) => {
                Some(site)
            }
        }
    }
}

const ORDERINGS: [(&str, Ordering); 4] = [
    ("Relaxed", Ordering::Relaxed),
    ("Acquire", Ordering::Acquire),
    ("Release", Ordering::Release),
    ("AcqRel", Ordering::AcqRel),
];

/// Whether `to` promises less than `from`, and nothing that `from` does not.
pub(super) fn is_weaker(to: Ordering, from: Ordering) -> bool {
    let parts = |order| match order {
        Ordering::Acquire => (true, false, false),
        Ordering::Release => (false, true, false),
        Ordering::AcqRel => (true, true, false),
        Ordering::SeqCst => (true, true, true),
        _ => (false, false, false),
    };
    let (to, from) = (parts(to), parts(from));
    to != from && to.0 <= from.0 && to.1 <= from.1 && to.2 <= from.2
}

/// The three of `known` that are nearest to `word` by letters to change.
pub(super) fn nearest<'a>(word: &str, known: &[&'a str]) -> Vec<&'a str> {
    let mut all: Vec<(usize, &str)> = known.iter().map(|&k| (distance(word, k), k)).collect();
    all.sort_unstable();
    all.into_iter().take(3).map(|(_, name)| name).collect()
}

/// How many letters are to be changed, added or taken away to make the one word of the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let changed = row[j] + usize::from(x != *y);
            next.push(changed.min(row[j + 1] + 1).min(next[j] + 1));
        }
        row = next;
    }
    row[b.len()]
}

/// The mutants that are on: that of the environment, and one that the program itself has switched on.
static ACTIVE: OnceLock<Mutex<[Mutant; 2]>> = OnceLock::new();

/// What the environment variable `GRACEREF_MUTANT` says. A mutant that does not exist ends the process: a run
/// that seems to have it on would be taken for one that nothing noticed.
fn of_environment() -> Mutant {
    let text = std::env::var("GRACEREF_MUTANT").unwrap_or_default();
    Mutant::parse(&text).unwrap_or_else(|error| {
        eprintln!("GRACEREF_MUTANT: {error}");
        std::process::exit(2)
    })
}

pub(super) fn active() -> MutexGuard<'static, [Mutant; 2]> {
    let cell = ACTIVE.get_or_init(|| Mutex::new([of_environment(), Mutant::None]));
    cell.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Switches a mutant on, in the forms that this module's head lists, or with the empty name, the last one off. The one that
/// the environment variable `GRACEREF_MUTANT` names is on besides.
///
/// # Panics
/// If there is no such mutant; the message names the nearest.
pub fn set_mutant(name: &str) {
    let mutant = Mutant::parse(name).unwrap_or_else(|error| panic!("{error}"));
    if mutant != Mutant::None {
        super::sites::note_own_mutant(name);
    }
    active()[1] = mutant;
}

pub(in crate::sync) fn mutant_is(name: &'static str) -> bool {
    assert!(NAMED.iter().any(|&(known, _)| known == name), "{name} is not in sync::model::NAMED");
    super::sites::note_named(name);
    let is_on = |mutant: &Mutant| matches!(mutant, Mutant::Named(on) if *on == name);
    let [environment, own] = active().each_ref().map(is_on);
    if environment {
        super::sites::note_applied();
    }
    environment || own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mutant_is_named_in_one_of_four_forms() {
        let weaken = Mutant::Weaken("count::cas::get::get".to_owned(), Ordering::Relaxed);
        assert_eq!(Mutant::parse("weaken:count::cas::get::get=Relaxed"), Ok(weaken));
        assert_eq!(
            Mutant::parse("remove-fence:a::b/fence"),
            Ok(Mutant::RemoveFence("a::b/fence".into()))
        );
        assert_eq!(Mutant::parse("remove-retire:a::b"), Ok(Mutant::RemoveRetire("a::b".into())));
        assert_eq!(Mutant::parse("pool.no_tag"), Ok(Mutant::Named("pool.no_tag")));
        assert_eq!(Mutant::parse(""), Ok(Mutant::None));
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_near_ones() {
        let said = |text: &str| Mutant::parse(text).unwrap_err();
        assert!(said("pool.no_tags").contains("near it: pool.no_tag,"));
        assert!(said("weaken:a=Relxed").contains("near it: Relaxed,"));
        assert!(said("weaken:a").contains("names no ordering"));
        assert!(said("weeken:a=Relaxed").contains("near it: weaken,"));
    }

    #[test]
    fn the_code_asks_for_every_mutant_that_is_listed() {
        fn read(folder: &std::path::Path, text: &mut String) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    read(&path, text);
                } else {
                    text.push_str(&std::fs::read_to_string(&path).unwrap());
                }
            }
        }
        let mut text = String::new();
        read(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut text);
        for (name, _) in NAMED {
            assert!(text.contains(&format!("mutant(\"{name}\")")), "nobody asks for {name}");
        }
    }

    #[test]
    fn weaker_promises_less_and_nothing_else() {
        use Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
        assert!(
            is_weaker(AcqRel, SeqCst) && is_weaker(Acquire, AcqRel) && is_weaker(Relaxed, Release)
        );
        assert!(!is_weaker(Acquire, Release) && !is_weaker(Acquire, Acquire));
        assert!(!is_weaker(Relaxed, Relaxed) && !is_weaker(SeqCst, AcqRel));
    }
}
