//! The sites that ran, and the mutants of them.

use super::subject::Engine;
use std::collections::{BTreeMap, BTreeSet};

/// The crate whose code is mutated; sites in worlds and tests are theirs.
const SOURCES: &str = "impl/graceref/src/";
/// The facade over the engines' atomics.
const FACADE: &str = "impl/graceref/src/sync/";
/// What explores models: its own accesses are no part of what it explores.
const EXPLORER: &str = "impl/graceref/src/model/";

/// What a mutant is a mutant of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// An access's ordering.
    Access,
    Fence,
    /// The end of something's life, which only the checkers know of.
    Retire,
    /// A turn that the code has a name for.
    Named,
    /// The same in the checker: it hides what must be found.
    Checker,
}

impl Kind {
    /// Whether a mutant of this kind does nothing but hide what is to be found: the code is as right as before.
    pub(super) fn blinds(self) -> bool {
        matches!(self, Kind::Retire | Kind::Checker)
    }
}

/// One small break of the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mutant {
    /// As `GRACEREF_MUTANT` takes it.
    pub(super) name: String,
    pub(super) kind: Kind,
    /// The site, or the name itself.
    site: String,
    /// The ordering as it is, for an access.
    pub(super) from: String,
}

impl Mutant {
    /// Orderings are nothing to engines that know only sequential consistency.
    pub(super) fn is_seen_by(&self, engine: Engine) -> bool {
        engine == Engine::Loom || !matches!(self.kind, Kind::Access | Kind::Fence)
    }
}

/// Something with a name that ran: an access, a fence, an end of life.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Site {
    name: String,
    kind: String,
    orderings: String,
    /// File and line.
    place: String,
}

impl Site {
    /// Its place instead of a name.
    fn is_unnamed(&self) -> bool {
        self.name.starts_with("impl/")
    }
}

/// What a run, or all runs, came to.
#[derive(Debug, Default, Clone)]
pub(super) struct Inventory {
    sites: BTreeSet<Site>,
    named: BTreeSet<String>,
    /// The program switched a mutant on by itself.
    pub(super) own_mutant: bool,
    /// The mutant changed something.
    pub(super) applied: bool,
}

impl Inventory {
    /// Reads what `GRACEREF_SITES` made.
    pub(super) fn read(text: &str) -> Result<Inventory, String> {
        let mut inventory = Inventory::default();
        for line in text.lines() {
            let parts: Vec<&str> = line.split('\t').collect();
            match *parts {
                ["applied"] => inventory.applied = true,
                ["own-mutant", _] => inventory.own_mutant = true,
                ["mutant", name] => {
                    inventory.named.insert(name.to_owned());
                }
                [kind, name, orderings, place] => {
                    inventory.sites.insert(Site {
                        name: name.to_owned(),
                        kind: kind.to_owned(),
                        orderings: orderings.to_owned(),
                        place: place.to_owned(),
                    });
                }
                _ => return Err(format!("a line of the inventory is not one: {line}")),
            }
        }
        Ok(inventory)
    }

    pub(super) fn merge(&mut self, other: &Inventory) {
        self.sites.extend(other.sites.iter().cloned());
        self.named.extend(other.named.iter().cloned());
    }

    pub(super) fn len(&self) -> usize {
        self.sites.len()
    }

    /// Whether the run came to what the mutant changes.
    pub(super) fn has(&self, mutant: &Mutant) -> bool {
        match mutant.kind {
            Kind::Named | Kind::Checker => self.named.contains(&mutant.site),
            _ => self.sites.iter().any(|site| site.name == mutant.site),
        }
    }

    /// Whether an access at this place ran.
    pub(super) fn ran(&self, place: &str) -> bool {
        self.sites.iter().any(|site| site.place == place)
    }

    /// Whether the code asked for this mutant.
    pub(super) fn asked(&self, name: &str) -> bool {
        self.named.contains(name)
    }

    /// What the facade does goes by the accesses that it is done for; without a name it is the engine's own.
    fn of_the_crate(&self) -> impl Iterator<Item = &Site> {
        let is_below = |site: &Site, folder| site.place.starts_with(folder);
        let counts = move |site: &&Site| {
            is_below(site, SOURCES)
                && !is_below(site, EXPLORER)
                && !(is_below(site, FACADE) && site.is_unnamed())
        };
        self.sites.iter().filter(counts)
    }

    /// Accesses without a name, and names that two accesses share.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut places: BTreeMap<(&str, &str), &str> = BTreeMap::new();
        let mut problems = Vec::new();
        for site in self.of_the_crate() {
            if site.is_unnamed() {
                // What nobody else is at is no step, and relaxed it has nothing to weaken.
                if site.kind.ends_with("_settled") && site.orderings == "Relaxed" {
                    continue;
                }
                problems.push(format!(
                    "{}: a {} without a name: put at!(\"...\") or site!(\"...\") above it",
                    site.place, site.kind
                ));
            } else if let Some(other) = places.insert((&site.name, &site.kind), &site.place)
                && other != site.place
                && !site.place.starts_with(FACADE)
            {
                problems.push(format!(
                    "{}: {} is the name of another {} too, at {other}: give one of them another label",
                    site.place, site.name, site.kind
                ));
            }
        }
        problems
    }

    /// Every mutant of what ran: each ordering one notch weaker, each fence and each end of life removed, each named turn.
    pub(super) fn mutants(&self) -> Vec<Mutant> {
        let mut mutants = Vec::new();
        for site in self.of_the_crate() {
            let mut add = |name: String, kind: Kind| {
                let from = site.orderings.clone();
                mutants.push(Mutant { name, kind, site: site.name.clone(), from });
            };
            let kind = match site.kind.as_str() {
                "retire" => {
                    add(format!("remove-retire:{}", site.name), Kind::Retire);
                    continue;
                }
                "fence" => {
                    add(format!("remove-fence:{}", site.name), Kind::Fence);
                    Kind::Fence
                }
                _ => Kind::Access,
            };
            for to in weaker(&site.kind, &site.orderings) {
                add(format!("weaken:{}={to}", site.name), kind);
            }
        }
        mutants.extend(self.named.iter().map(|name| Mutant {
            name: name.clone(),
            kind: if name.starts_with("tracked.") { Kind::Checker } else { Kind::Named },
            site: name.clone(),
            from: String::new(),
        }));
        mutants.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
        mutants.dedup_by(|a, b| a.name == b.name);
        mutants
    }
}

/// The orderings one notch below, as far as the operation takes them. A fence is never relaxed: that is its removal.
fn weaker(kind: &str, ordering: &str) -> &'static [&'static str] {
    match (kind, ordering) {
        ("load" | "load_settled" | "failure", "SeqCst") => &["Acquire"],
        ("store" | "store_racing", "SeqCst") => &["Release"],
        (_, "SeqCst") => &["AcqRel"],
        (_, "AcqRel") => &["Acquire", "Release"],
        ("fence", _) => &[],
        (_, "Acquire" | "Release") => &["Relaxed"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAN: &str = "load\ta::f::look\tAcquire\timpl/graceref/src/a.rs:3
load\ta::f::look\tAcquire\timpl/graceref/src/a.rs:3
swap\ta::f::swap\tAcqRel\timpl/graceref/src/a.rs:5
fence\ta::f::swap/fence\tSeqCst\timpl/graceref/src/a.rs:6
compare_exchange\ta::f::cas\tRelease\timpl/graceref/src/a.rs:7
failure\ta::f::cas/failure\tAcquire\timpl/graceref/src/a.rs:7
store\tworlds::x::store\tRelease\tverify/scenarios/src/worlds/x.rs:7
retire\ta::g::end\t\timpl/graceref/src/a.rs:9
mutant\ta.wrong
mutant\ttracked.blind
";

    #[test]
    fn the_mutants_are_one_notch_each_and_of_the_crate_only() {
        let inventory = Inventory::read(RAN).unwrap();
        let names: Vec<String> = inventory.mutants().into_iter().map(|m| m.name).collect();
        assert_eq!(
            names,
            [
                "weaken:a::f::cas/failure=Relaxed",
                "weaken:a::f::cas=Relaxed",
                "weaken:a::f::look=Relaxed",
                "weaken:a::f::swap=Acquire",
                "weaken:a::f::swap=Release",
                "remove-fence:a::f::swap/fence",
                "weaken:a::f::swap/fence=AcqRel",
                "remove-retire:a::g::end",
                "a.wrong",
                "tracked.blind",
            ]
        );
        assert!(inventory.problems().is_empty());
        assert!(Inventory::read("load\tx\n").is_err());
    }

    #[test]
    fn a_name_for_two_accesses_and_an_access_without_a_name_are_told() {
        let twice = "load\ta::f::look\tAcquire\timpl/graceref/src/a.rs:3
load\ta::f::look\tRelaxed\timpl/graceref/src/a.rs:13
store\timpl/graceref/src/a.rs:20\tRelaxed\timpl/graceref/src/a.rs:20
";
        let problems = Inventory::read(twice).unwrap().problems();
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].contains("is the name of another load too"), "{problems:?}");
        assert!(problems[1].contains("a store without a name"), "{problems:?}");
    }
}
