//! `cargo verify explain CLAIM`: everything about one claim.

use crate::jobs::Results;
use crate::number::{count, time};
use crate::protocol::Pass;
use crate::race::{self, Words};
use crate::table::{FAILED, OK, SKIPPED, ran};
use crate::verdict::{CaseCell, Decided};
use crate::work::Work;
use claims::{Case, Claim, Engine, Expect};
use lockstep::diagram::Diagram;
use std::collections::BTreeSet;
use std::fmt::Write as _;

const WIDTH: usize = 100;

/// The text, without colours.
pub(crate) fn render(decided: &Decided<'_>, results: &Results) -> String {
    let claim = decided.claim;
    let mut out = format!("{}\n\n", claim.id);
    let place = claim.place.to_string();
    for (name, text) in [
        ("statement", Some(&*claim.statement)),
        ("source", Some(&*claim.source)),
        ("verdict", Some(claim.verdict.word())),
        ("meaning", Some(&*claim.meaning)),
        ("note", claim.note.as_deref()),
        ("written", Some(&*place)),
    ] {
        if let Some(text) = text {
            field(&mut out, name, text);
        }
    }
    for (index, case) in claim.cases.iter().enumerate() {
        let name = case.name.clone().unwrap_or_else(|| format!("{}", index + 1));
        // Writing into a String cannot fail.
        let _ = writeln!(out, "\ncase {name}: {} expected {}", case.property, case.expect);
        for (engine, cell) in &decided.cells {
            for cell in cell.cases.iter().filter(|cell| std::ptr::eq(cell.case, case)) {
                line(&mut out, *engine, cell);
            }
        }
    }
    let drawings = drawings(claim, results);
    for drawing in &drawings {
        let _ = write!(out, "\n{drawing}");
    }
    if claim.cases.iter().all(|case| case.expect == Expect::Holds) {
        out.push_str("\nNothing to draw: no case expects a violation.\n");
    } else if drawings.is_empty() {
        out.push_str("\nNo diagram: no engine that ran kept the steps.\n");
    }
    out
}

fn field(out: &mut String, name: &str, text: &str) {
    let mut line = format!("{name:<11}");
    for word in text.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(out, "{}", line.trim_end());
            line = " ".repeat(11);
        }
        line.push_str(word);
        line.push(' ');
    }
    let _ = writeln!(out, "{}", line.trim_end());
}

/// An engine's line, and one below it for each pass where it has several.
fn line(out: &mut String, engine: Engine, cell: &CaseCell<'_>) {
    if let Some(reason) = &cell.skipped {
        let _ = writeln!(out, "  {SKIPPED} {engine:<9} skipped: {reason}");
        return;
    }
    let mark = if cell.ok() { OK } else { FAILED };
    let found = cell.found.as_deref().unwrap_or("nothing");
    let _ = write!(out, "  {mark} {engine:<9} {found}, {}", ran(cell.case, engine));
    if let [(_, work)] = &cell.work[..] {
        let _ = writeln!(out, ": {}", explored(work));
    } else {
        out.push('\n');
        for (job, work) in &cell.work {
            let pass = match job {
                crate::jobs::Job::Pass(_, pass) => pass.word(),
                crate::jobs::Job::Model(model) => model,
            };
            let _ = writeln!(out, "      {pass:<9} {}", explored(work));
        }
    }
    for line in cell.faults.iter().flat_map(|fault| fault.lines()) {
        let _ = writeln!(out, "      {line}");
    }
}

/// How far a pass got, in words.
fn explored(work: &Work) -> String {
    let mut parts = Vec::new();
    let mut part = |number: Option<u64>, what: &str| {
        if let Some(number) = number {
            parts.push(format!("{} {what}", count(number)));
        }
    };
    if let (Some(states), Some(edges)) = (work.states_covered, work.edges_covered) {
        let of = |number: Option<u64>| number.map_or("?".to_owned(), count);
        part(Some(states), &format!("of {} states", of(work.states)));
        part(Some(edges), &format!("of {} edges", of(work.edges)));
        part(work.extra_edges, "extra");
    } else {
        part(work.states, "states");
        part(work.edges, "edges");
    }
    part(work.executions, "executions");
    part(work.classes, "classes");
    parts.extend(work.bound.clone());
    parts.push(time(work.seconds));
    parts.join(", ")
}

/// One drawing for each case that is to be violated or reached: its shortest program, else its race. Two cases of the
/// same variant and property share one.
fn drawings(claim: &Claim, results: &Results) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let cases = claim.cases.iter().filter(|case| case.expect != Expect::Holds);
    let new = cases.filter(|case| {
        let variant = case.scenario.as_ref().or(case.model.as_ref());
        seen.insert((variant, &case.property))
    });
    new.filter_map(|case| {
        program(claim, case, results)
            .or_else(|| race(claim, case, results).map(|race| race.to_string()))
    })
    .collect()
}

/// The program of a case that has one: that which the kernel has played before that of the mirror alone.
fn program(claim: &Claim, case: &Case, results: &Results) -> Option<String> {
    let reports = [Pass::Kernel, Pass::Lockstep]
        .map(|pass| results.passes.get(&(case.scenario.clone()?, pass))?.as_ref().ok());
    let mut reports = reports.into_iter().flatten();
    reports.find_map(|report| race::program(&title(claim, case), &case.property, report))
}

/// With the case's name: what one variant does wrong is not what the claim is about.
fn title(claim: &Claim, case: &Case) -> String {
    let what = match case.expect {
        Expect::Reachable => format!("the way to {}", case.property),
        Expect::Violated | Expect::Holds => format!("how {} is violated", case.property),
    };
    let name = case.name.as_ref().map_or(String::new(), |name| format!(" ({name})"));
    format!("{}: {what}{name}", claim.id)
}

/// The race of a case: as the code ran it if that shows what breaks, else as TLC found it.
fn race(claim: &Claim, case: &Case, results: &Results) -> Option<Diagram> {
    let (title, property) = (title(claim, case), &case.property);
    let cached = case.scenario.clone().and_then(|scenario| {
        let report = results.passes.get(&(scenario, Pass::Cached))?;
        report.as_ref().ok()
    });
    let code = cached.and_then(|report| race::from_code(&title, property, report));
    if code.is_some() && cached.is_some_and(|report| race::shows(property, report)) {
        return code;
    }
    let model = case.model.as_ref().and_then(|model| results.models.get(model));
    let spec = model.and_then(|model| {
        race::from_spec(&title, property, model, &words(claim, &model.module, results))
    });
    spec.or(code)
}

/// The steps of a module in the words of the system, by label: those of the claim's scenarios of the same module.
fn words(claim: &Claim, module: &str, results: &Results) -> Words {
    let of = |case: &Case| {
        let model = results.models.get(case.model.as_ref()?)?;
        let key = (case.scenario.clone()?, Pass::Lockstep);
        let report = results.passes.get(&key)?.as_ref().ok()?;
        (model.module == module).then(|| report.words.clone())
    };
    claim.cases.iter().filter_map(of).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::{drawings, render};
    use crate::{made_up, recorded};

    #[test]
    fn a_claim_is_told_in_full_with_its_race() {
        made_up::with_evidence(|decided, results| {
            let claim = decided.iter().find(|decided| decided.claim.id == "count.resurrect");
            insta::assert_snapshot!(render(claim.unwrap(), results));
        });
    }

    #[test]
    fn a_note_stands_below_the_meaning_and_each_title_names_its_case() {
        made_up::with_evidence(|decided, results| {
            let id = "dmabuf.one-ref-per-direction";
            let claim = decided.iter().find(|decided| decided.claim.id == id);
            insta::assert_snapshot!(render(claim.unwrap(), results));
        });
    }

    #[test]
    fn each_published_bug_ends_where_it_bites() {
        let (register, results) = (recorded::register(), recorded::results());
        for id in [
            "count.resurrect",
            "dmabuf.release-cancels",
            "epoll.flock-invalid",
            "epoll.poll-dead",
            "epoll.rcu-walk",
            "epoll.unlock-after-put",
        ] {
            let claim = register.claim(id).unwrap();
            insta::assert_snapshot!(id, drawings(claim, results).join("\n"));
        }
    }

    #[test]
    fn what_never_happens_goes_on_for_ever_or_stops() {
        let (register, results) = (recorded::register(), recorded::results());
        for id in ["dmabuf.fence-bounded", "epoll.eventually"] {
            let claim = register.claim(id).unwrap();
            insta::assert_snapshot!(id, drawings(claim, results).join("\n"));
        }
    }

    #[test]
    fn a_deadlock_ends_with_what_waits() {
        let (register, results) = (recorded::register(), recorded::results());
        let claim = register.claim("epoll.deferred-fput").unwrap();
        insta::assert_snapshot!(claim.id.as_str(), drawings(claim, results).join("\n"));
    }

    #[test]
    fn cases_of_the_same_variant_and_property_share_a_drawing() {
        let (register, results) = (recorded::register(), recorded::results());
        let mut claim = register.claim("epoll.rcu-walk").unwrap().clone();
        assert_eq!(drawings(&claim, results).len(), 1);
        let again = claim.cases[0].clone();
        claim.cases.push(again);
        assert_eq!(drawings(&claim, results).len(), 1);
        let other = register.claim("epoll.unlock-after-put").unwrap().cases.clone();
        claim.cases.extend(other);
        assert_eq!(drawings(&claim, results).len(), 3);
    }

    #[test]
    fn a_claim_that_holds_has_nothing_to_draw() {
        made_up::with_evidence(|decided, results| {
            let claim = decided.iter().find(|decided| decided.claim.id == "count.inc-not-zero");
            insta::assert_snapshot!(render(claim.unwrap(), results));
        });
    }
}
