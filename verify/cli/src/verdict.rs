//! From what the passes and models answered to cells: what was found, whether that is what the
//! register expects, and everything that is wrong with it.

use crate::args::{Budget, How};
use crate::checks::{explored_too_little, gate, sameness};
use crate::jobs::{Job, Results};
use crate::models::ModelFound;
use crate::pins::Pins;
use crate::protocol::{Pass, PassReport};
use crate::work::Work;
use claims::{Case, Claim, Engine, Expect};
use std::collections::BTreeMap;

/// A claim and its cell under each engine.
#[derive(Debug)]
pub(crate) struct Decided<'a> {
    pub(crate) claim: &'a Claim,
    /// Only the engines that the claim names and the command line wants.
    pub(crate) cells: BTreeMap<Engine, Cell<'a>>,
}

/// A claim under one engine.
#[derive(Debug)]
pub(crate) struct Cell<'a> {
    pub(crate) cases: Vec<CaseCell<'a>>,
}

/// One case of a claim under one engine.
#[derive(Debug)]
pub(crate) struct CaseCell<'a> {
    pub(crate) case: &'a Case,
    pub(crate) expected: String,
    /// `None` when it was skipped.
    pub(crate) found: Option<String>,
    pub(crate) skipped: Option<String>,
    /// Why it is not in order, beyond `found` not being `expected`.
    pub(crate) faults: Vec<String>,
    /// What was run for it and how far that got. Loom's gate on the cached pass is not counted: that
    /// is shuttle's work.
    pub(crate) work: Vec<(Job, Work)>,
}

impl Decided<'_> {
    /// Every cell in order.
    pub(crate) fn ok(&self) -> bool {
        self.cells.values().all(Cell::ok)
    }
}

impl Cell<'_> {
    pub(crate) fn ok(&self) -> bool {
        self.cases.iter().all(CaseCell::ok)
    }

    /// Why nothing was decided: only when no case was.
    pub(crate) fn skipped(&self) -> Option<&str> {
        let mut reasons = self.cases.iter().map(|case| case.skipped.as_deref());
        let first = reasons.next()??;
        reasons.all(|reason| reason.is_some()).then_some(first)
    }

    /// The work of all cases; what two cases share counts once.
    pub(crate) fn work(&self) -> Work {
        let mut distinct: Vec<&(Job, Work)> = Vec::new();
        for work in self.cases.iter().flat_map(|case| &case.work) {
            if distinct.iter().all(|(job, _)| *job != work.0) {
                distinct.push(work);
            }
        }
        Work::sum(&distinct)
    }
}

impl CaseCell<'_> {
    pub(crate) fn ok(&self) -> bool {
        self.skipped.is_some()
            || (self.faults.is_empty() && self.found.as_deref() == Some(&*self.expected))
    }
}

/// What the judgement rests on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Evidence<'a> {
    pub(crate) results: &'a Results,
    pub(crate) pins: &'a Pins,
    pub(crate) budget: Budget,
}

/// Decides the claims. Those that no engine asked for decides are left out.
pub(crate) fn decide<'a>(
    claims: &[&'a Claim],
    how: &How,
    evidence: Evidence<'_>,
) -> Vec<Decided<'a>> {
    let mut decided = Vec::new();
    for &claim in claims {
        let mut cells: BTreeMap<Engine, Cell<'a>> = BTreeMap::new();
        let mut any = false;
        for case in &claim.cases {
            for &engine in case.engines.iter().filter(|&&engine| how.wants(engine)) {
                any = true;
                let cell = cells.entry(engine).or_insert_with(|| Cell { cases: Vec::new() });
                cell.cases.push(evidence.case(case, engine));
            }
            for exception in case.except.iter().filter(|except| how.wants(except.engine)) {
                let cell =
                    cells.entry(exception.engine).or_insert_with(|| Cell { cases: Vec::new() });
                cell.cases.push(CaseCell {
                    case,
                    expected: expected(case, exception.engine),
                    found: None,
                    skipped: Some(exception.reason.clone()),
                    faults: Vec::new(),
                    work: Vec::new(),
                });
            }
        }
        if any {
            decided.push(Decided { claim, cells });
        }
    }
    decided
}

/// The word that an engine must find.
fn expected(case: &Case, engine: Engine) -> String {
    match engine {
        // Whatever the variant does wrong, the code must do exactly as the spec does.
        Engine::Lockstep => "same".to_owned(),
        _ => case.expect.word().to_owned(),
    }
}

impl Evidence<'_> {
    fn case<'a>(&self, case: &'a Case, engine: Engine) -> CaseCell<'a> {
        let mut cell = CaseCell {
            case,
            expected: expected(case, engine),
            found: None,
            skipped: None,
            faults: Vec::new(),
            work: Vec::new(),
        };
        match engine {
            Engine::Tlc => self.model(&mut cell),
            _ => self.passes(&mut cell, engine),
        }
        cell
    }

    fn model(&self, cell: &mut CaseCell<'_>) {
        let name = cell.case.model.as_deref().unwrap_or_default();
        let Some(report) = self.results.models.get(name) else {
            cell.found = Some("error".to_owned());
            cell.faults.push(format!("{name}: did not run"));
            return;
        };
        cell.work.push((Job::Model(name.to_owned()), Work::of_model(report)));
        cell.faults.extend(report.problems.iter().map(|problem| format!("{name}: {problem}")));
        cell.found = Some(match (&report.found, cell.case.expect) {
            (ModelFound::Error, _) => "error".to_owned(),
            // A witness model denies the behaviour; the way there is what violates it.
            (ModelFound::Violated(_), Expect::Reachable) => "reachable".to_owned(),
            (ModelFound::Holds, Expect::Reachable) => "unreachable".to_owned(),
            (ModelFound::Holds, _) => "holds".to_owned(),
            (ModelFound::Violated(name), _) if *name == cell.case.property => "violated".to_owned(),
            (ModelFound::Violated(name), _) => format!("violated ({name})"),
        });
    }

    fn passes(&self, cell: &mut CaseCell<'_>, engine: Engine) {
        let scenario = cell.case.scenario.as_deref().unwrap_or_default();
        let mut reports: Vec<&PassReport> = Vec::new();
        let mut skipped = None;
        let mut broken = false;
        for &pass in Pass::of(engine) {
            match self.results.passes.get(&(scenario.to_owned(), pass)) {
                None => {
                    broken = true;
                    cell.faults.push(format!("{pass}: did not run"));
                }
                Some(Err(error)) => {
                    broken = true;
                    cell.faults.push(format!("{pass}: {error}"));
                }
                Some(Ok(PassReport { skipped: Some(reason), .. })) => {
                    skipped = Some(reason.clone());
                }
                Some(Ok(report)) => {
                    let job = Job::Pass(scenario.to_owned(), pass);
                    cell.work.push((job, Work::of_pass(report)));
                    cell.faults.extend(explored_too_little(pass, report));
                    let pins = self.pins;
                    cell.faults.extend(pins.differences(scenario, pass, report, self.budget));
                    reports.push(report);
                }
            }
        }
        if engine == Engine::Loom
            && let Some(Ok(rmw)) = self.results.passes.get(&(scenario.to_owned(), Pass::Rmw))
            && rmw.skipped.is_none()
        {
            let cached = self.results.passes.get(&(scenario.to_owned(), Pass::Cached));
            cell.faults.extend(gate(rmw, cached));
        }
        if reports.is_empty() && !broken {
            cell.skipped = skipped;
            return;
        }
        cell.found = Some(if broken {
            "error".to_owned()
        } else if engine == Engine::Lockstep {
            let (found, faults) = sameness(&reports);
            cell.faults.extend(faults);
            found
        } else {
            let found = found(cell.case, &reports);
            if found != cell.expected {
                cell.faults.extend(details(&reports));
            }
            found
        });
    }
}

/// What the passes of an engine say of the case's property.
fn found(case: &Case, reports: &[&PassReport]) -> String {
    let property = &case.property;
    if case.expect == Expect::Reachable {
        let seen = reports.iter().any(|report| report.witnesses.contains(property));
        return if seen { "reachable" } else { "unreachable" }.to_owned();
    }
    let mut others = reports.iter().flat_map(|report| &report.violations).peekable();
    let Some(first) = others.peek() else {
        return "holds".to_owned();
    };
    let other = first.property.clone();
    if others.any(|violation| violation.property == *property) {
        "violated".to_owned()
    } else {
        format!("violated ({other})")
    }
}

/// The violations that were not expected, each once.
fn details(reports: &[&PassReport]) -> Vec<String> {
    let mut details = Vec::new();
    for report in reports {
        for violation in &report.violations {
            let detail =
                format!("{}: {}: {}", report.pass, violation.property, violation.detail.trim());
            if !details.contains(&detail) {
                details.push(detail);
            }
        }
    }
    details
}

#[cfg(test)]
mod tests;
