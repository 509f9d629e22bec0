//! verify/counts.toml: how much each deterministic pass explored when it was last looked at. A
//! search that quietly explores less, or more, than it did is news.

use crate::args::Budget;
use crate::failure::Failure;
use crate::jobs::Results;
use crate::number::count;
use crate::protocol::{Pass, PassReport};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

const HEADER: &str = "\
# How much each deterministic pass explores. `cargo verify` fails when a number differs.
# Written by `cargo verify --bless`; commit it together with the change that moved a number.
";

/// What to do about a number that is another one now.
const MOVED: &str = "next:  a bug, or a change that you can explain; then `--bless` records it";

/// The numbers of one pass of one scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pin {
    bound: String,
    executions: u64,
    classes: Option<u64>,
    digest: Option<String>,
}

impl Pin {
    fn of(report: &PassReport) -> Pin {
        Pin {
            bound: report.bound.clone(),
            executions: report.executions,
            classes: report.classes,
            digest: report.class_digest.clone(),
        }
    }
}

/// All pinned numbers, by scenario and pass.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Pins(BTreeMap<String, BTreeMap<String, Pin>>);

impl Pins {
    /// Reads the file; there being none is the same as its being empty.
    pub(crate) fn load(file: &Path) -> Result<Pins, Failure> {
        match std::fs::read_to_string(file) {
            Ok(text) => Pins::parse(&text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Pins::default()),
            Err(error) => Err(Failure::new(
                format!("cannot read verify/counts.toml: {error}"),
                "see that it is a file that can be read",
            )),
        }
    }

    fn parse(text: &str) -> Result<Pins, Failure> {
        let wrong = |offset: usize, message: &str| {
            let line = text.get(..offset).unwrap_or("").matches('\n').count() + 1;
            Failure::new(
                format!("verify/counts.toml:{line}: {}", message.trim()),
                "take the line out and run `cargo verify --bless`, which writes the file anew",
            )
        };
        let pins: BTreeMap<String, BTreeMap<String, Pin>> = toml::from_str(text)
            .map_err(|error| wrong(error.span().map_or(0, |span| span.start), error.message()))?;
        for (scenario, passes) in &pins {
            for pass in passes.keys() {
                if !Pass::from_word(pass).is_some_and(Pass::is_deterministic) {
                    let header = format!("{}.{pass}", key(scenario));
                    return Err(wrong(
                        text.find(&header).unwrap_or(0),
                        &format!("`{pass}` is no deterministic pass"),
                    ));
                }
            }
        }
        Ok(Pins(pins))
    }

    /// Takes over what was found now. After a run of `everything`, what did not run is gone.
    pub(crate) fn bless(&mut self, results: &Results, everything: bool) {
        let mut ran: BTreeSet<(&str, &str)> = BTreeSet::new();
        for ((scenario, pass), report) in &results.passes {
            let Ok(report) = report else { continue };
            // A walk that was cut off where code and spec part has no numbers to keep.
            let whole = report.skipped.is_none() && report.divergence.is_none();
            if pass.is_deterministic() && whole {
                let passes = self.0.entry(scenario.clone()).or_default();
                passes.insert(pass.word().to_owned(), Pin::of(report));
            }
        }
        if everything {
            ran.extend(results.passes.keys().map(|(scenario, pass)| (&**scenario, pass.word())));
            for (scenario, passes) in &mut self.0 {
                passes.retain(|pass, _| ran.contains(&(&**scenario, &**pass)));
            }
            self.0.retain(|_, passes| !passes.is_empty());
        }
    }

    /// The file's text: sorted, so that the same numbers are the same bytes.
    pub(crate) fn text(&self) -> String {
        let mut out = HEADER.to_owned();
        for (scenario, passes) in &self.0 {
            for (pass, pin) in passes {
                // Writing into a String cannot fail.
                let _ = writeln!(out, "\n[{}.{pass}]", key(scenario));
                let _ = writeln!(out, "bound = {}", toml::Value::from(pin.bound.as_str()));
                let _ = writeln!(out, "executions = {}", pin.executions);
                if let Some(classes) = pin.classes {
                    let _ = writeln!(out, "classes = {classes}");
                }
                if let Some(digest) = &pin.digest {
                    let _ = writeln!(out, "digest = {}", toml::Value::from(digest.as_str()));
                }
            }
        }
        out
    }

    /// What differs from the pinned numbers, in words; empty if nothing does.
    pub(crate) fn differences(
        &self,
        scenario: &str,
        pass: Pass,
        report: &PassReport,
        budget: Budget,
    ) -> Vec<String> {
        if !pass.is_deterministic() || report.divergence.is_some() {
            return Vec::new();
        }
        let found = Pin::of(report);
        let Some(pinned) = self.0.get(scenario).and_then(|passes| passes.get(pass.word())) else {
            return vec![format!(
                "{pass}: no pinned count; the same command with `--bless` records it"
            )];
        };
        if pinned.bound != found.bound {
            // Another budget may bound the search differently; then the numbers say nothing.
            return match budget {
                Budget::Default => vec![
                    format!(
                        "{pass}: bound: \"{}\" pinned, \"{}\" found",
                        pinned.bound, found.bound
                    ),
                    MOVED.to_owned(),
                ],
                Budget::Quick | Budget::Soak => Vec::new(),
            };
        }
        let number = |number: Option<u64>| number.map_or("none".to_owned(), count);
        let mut differences = Vec::new();
        let mut compare = |what: &str, pinned: String, found: String| {
            if pinned != found {
                differences.push(format!("{pass}: {what}: {pinned} pinned, {found} found"));
            }
        };
        compare("executions", count(pinned.executions), count(found.executions));
        compare("classes", number(pinned.classes), number(found.classes));
        let digest = |digest: Option<String>| digest.unwrap_or_else(|| "none".to_owned());
        compare("class digest", digest(pinned.digest.clone()), digest(found.digest));
        if !differences.is_empty() {
            differences.push(MOVED.to_owned());
        }
        differences
    }
}

/// A scenario's name as a TOML key.
fn key(scenario: &str) -> String {
    toml::Value::from(scenario).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(executions: u64) -> PassReport {
        PassReport {
            bound: "unbounded".to_owned(),
            executions,
            classes: Some(77),
            class_digest: Some("ab12".to_owned()),
            ..PassReport::default()
        }
    }

    fn results(found: &[(&str, Pass, u64)]) -> Results {
        let mut results = Results::default();
        for &(scenario, pass, executions) in found {
            results.passes.insert((scenario.to_owned(), pass), Ok(report(executions)));
        }
        results
    }

    #[test]
    fn a_difference_is_said_with_both_numbers() {
        let mut pins = Pins::default();
        pins.bless(&results(&[("epoll-2023", Pass::Cached, 3653)]), false);
        let differences = |executions, budget| {
            pins.differences("epoll-2023", Pass::Cached, &report(executions), budget)
        };
        assert!(differences(3653, Budget::Default).is_empty());
        assert_eq!(
            differences(3700, Budget::Default),
            ["cached: executions: 3,653 pinned, 3,700 found", MOVED]
        );
    }

    #[test]
    fn a_missing_pin_names_the_next_step_and_a_random_pass_has_none() {
        let pins = Pins::default();
        assert_eq!(
            pins.differences("s", Pass::Cached, &report(1), Budget::Default),
            ["cached: no pinned count; the same command with `--bless` records it"]
        );
        assert!(pins.differences("s", Pass::Random, &report(1), Budget::Default).is_empty());
    }

    #[test]
    fn a_walk_that_was_cut_off_is_neither_compared_nor_kept() {
        let cut_off = PassReport { divergence: Some("a step too many".to_owned()), ..report(1) };
        let mut results = results(&[("s", Pass::Lockstep, 374)]);
        let mut pins = Pins::default();
        pins.bless(&results, true);
        assert!(pins.differences("s", Pass::Lockstep, &cut_off, Budget::Default).is_empty());
        results.passes.insert(("s".to_owned(), Pass::Lockstep), Ok(cut_off));
        let before = pins.clone();
        pins.bless(&results, true);
        assert_eq!(pins, before);
    }

    #[test]
    fn another_bound_is_a_difference_only_under_the_default_budget() {
        let mut pins = Pins::default();
        pins.bless(&results(&[("s", Pass::Native, 5)]), false);
        let bounded = PassReport { bound: "preemption bound 3".to_owned(), ..report(9) };
        assert!(pins.differences("s", Pass::Native, &bounded, Budget::Quick).is_empty());
        assert_eq!(
            pins.differences("s", Pass::Native, &bounded, Budget::Default),
            ["native: bound: \"unbounded\" pinned, \"preemption bound 3\" found", MOVED]
        );
    }

    #[test]
    fn the_file_is_sorted_and_reads_back() {
        let mut pins = Pins::default();
        pins.bless(
            &results(&[
                ("stash", Pass::Rmw, 9),
                ("epoll-2023", Pass::Lockstep, 374),
                ("epoll-2023", Pass::Cached, 3653),
                ("epoll-2023", Pass::Random, 10_000),
            ]),
            true,
        );
        assert_eq!(Pins::parse(&pins.text()).unwrap(), pins);
        insta::assert_snapshot!(pins.text());
    }

    #[test]
    fn blessing_a_part_keeps_the_rest_and_blessing_everything_does_not() {
        let mut pins = Pins::default();
        pins.bless(&results(&[("a", Pass::Rmw, 1), ("b", Pass::Rmw, 2)]), true);
        pins.bless(&results(&[("a", Pass::Rmw, 3)]), false);
        assert_eq!(pins.0.keys().collect::<Vec<_>>(), ["a", "b"]);
        pins.bless(&results(&[("a", Pass::Rmw, 3)]), true);
        assert_eq!(pins.0.keys().collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn a_file_with_a_mistake_names_its_line() {
        let shown = |text: &str| {
            Pins::parse(text).unwrap_err().render(miette::GraphicalTheme::unicode_nocolor())
        };
        insta::assert_snapshot!(shown("\n[\"a\".rmw]\nbound = \"x\"\nexecutons = 3\n"));
        insta::assert_snapshot!(shown("\n[\"a\".random]\nbound = \"x\"\nexecutions = 3\n"));
    }
}
