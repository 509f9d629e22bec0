//! What was explored and what was found, and how it is printed.

use super::play::Cast;
use crate::sync::{ENGINE, Engine};
use core::fmt::{self, Write as _};
use core::time::Duration;
use std::collections::BTreeMap;
use std::prelude::v1::*;
use std::{format, vec};

/// What an exploration came to. Prints as a line for each pass and a diagram for each finding.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Explored {
    /// The model's name.
    pub model: String,
    /// The threads' names.
    pub threads: Vec<String>,
    /// What was run, in order.
    pub passes: Vec<Pass>,
    /// For each property that broke, the shortest execution met.
    pub findings: BTreeMap<String, Finding>,
    /// The behaviours that were [witnessed](super::witness), with their first accounts.
    pub witnesses: BTreeMap<String, String>,
}

/// One way in which the engine ran the model.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Pass {
    /// `state-cached`, `random`, `pct`, `read-modify-write`, `native` or `threads`.
    pub name: &'static str,
    /// How many executions there were.
    pub executions: u64,
    /// How many of the executions differ in the order of accesses to some shared object. 0 on real threads.
    pub classes: u64,
    /// A digest of which classes these are, the same under each engine: where it is equal, the same was explored.
    pub digest: u64,
    /// Whether that is all.
    pub extent: Extent,
    /// How long it took.
    pub time: Duration,
}

/// How far a pass went.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Extent {
    /// Every execution that the pass has was run, or ended at a state seen before.
    Complete,
    /// A sample: random schedules, or real threads.
    Sample,
    /// All within a bound, which is named.
    Bounded(String),
    /// Not all, and why.
    CutOff(String),
    /// Stopped at a finding; what comes after it is not explored.
    Stopped,
}

/// A property that broke.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// What was said about it.
    pub detail: String,
    /// The pass that found it.
    pub pass: &'static str,
    /// The steps up to it. None on real threads, which nobody watches.
    pub steps: Vec<Step>,
}

/// A step of an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// Which thread.
    pub thread: usize,
    /// The step's label, if it has one.
    pub label: Option<&'static str>,
    /// Where in the code.
    pub place: String,
}

impl Explored {
    pub(super) fn new<W>(cast: &Cast<W>) -> Self {
        Self {
            model: cast.name.clone(),
            threads: cast.threads.iter().map(|(name, _)| name.clone()).collect(),
            passes: Vec::new(),
            findings: BTreeMap::new(),
            witnesses: BTreeMap::new(),
        }
    }

    /// Whether no property broke in what was explored.
    pub fn holds(&self) -> bool {
        self.findings.is_empty()
    }

    /// Whether every pass ran all that it has. Never on real threads.
    pub fn complete(&self) -> bool {
        !self.passes.is_empty() && self.passes.iter().all(|p| p.extent == Extent::Complete)
    }

    /// How the property broke, if it did.
    pub fn found(&self, property: &str) -> Option<&Finding> {
        self.findings.get(property)
    }

    /// Panics with the report if a property broke, or, under an engine, if nothing was explored that could break one.
    ///
    /// # Panics
    /// As said: for the last line of a test.
    #[track_caller]
    pub fn assert_holds(&self) {
        assert!(self.holds(), "{self}");
        // Their ends are steps, and all that threads which share nothing can do in different orders.
        let ends: u64 = (1..=self.threads.len() as u64).product();
        let alone = ends == 1 || ENGINE == Engine::Std;
        assert!(
            alone || self.passes.iter().all(|p| p.classes > ends || p.is_bounded()),
            "{self}\nThe threads meet nowhere: what they share has to go through graceref::sync."
        );
    }

    /// Panics with the report if an engine's search was not [complete](Explored::complete). Real threads are let off.
    ///
    /// # Panics
    /// As said.
    #[track_caller]
    pub fn assert_complete(&self) {
        assert!(ENGINE == Engine::Std || self.complete(), "{self}");
    }
}

impl Pass {
    fn is_bounded(&self) -> bool {
        matches!(self.extent, Extent::Bounded(_))
    }
}

/// The last two parts of a path.
pub(super) fn short(path: &str) -> &str {
    let mut slashes = path.rmatch_indices(['/', '\\']).map(|(at, _)| at);
    slashes.nth(1).map_or(path, |at| &path[at + 1..])
}

/// 1,234,567.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl fmt::Display for Explored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let engine = match ENGINE {
            Engine::Std => "real threads",
            Engine::Loom => "loom",
            Engine::Shuttle => "shuttle",
        };
        writeln!(f, "{} ({engine})", self.model)?;
        for pass in &self.passes {
            writeln!(f, "  {pass}")?;
        }
        for (behaviour, account) in &self.witnesses {
            writeln!(f, "  seen: {behaviour}: {account}")?;
        }
        if self.holds() {
            return writeln!(f, "  nothing broke");
        }
        for (property, finding) in &self.findings {
            writeln!(f, "\n{property} broke ({} pass): {}", finding.pass, finding.detail)?;
            diagram(f, &self.threads, &finding.steps, property)?;
        }
        Ok(())
    }
}

impl fmt::Display for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<17} {:>9} executions", self.name, grouped(self.executions))?;
        if self.classes > 0 {
            let short = self.digest >> 32;
            write!(f, ", {:>7} classes (digest {short:08x})", grouped(self.classes))?;
        }
        match &self.extent {
            Extent::Complete if self.name == "state-cached" => f.write_str(": every interleaving"),
            Extent::Complete => f.write_str(": all of this pass"),
            Extent::Sample => f.write_str(": a sample"),
            Extent::Bounded(bound) => write!(f, ": all within {bound}"),
            Extent::CutOff(why) => write!(f, ": NOT ALL, cut off: {why}"),
            Extent::Stopped => f.write_str(": stopped at a finding"),
        }?;
        write!(f, " ({:.1?})", self.time)
    }
}

/// A column for each thread, time running down, and where in the code to the right.
fn diagram(
    f: &mut fmt::Formatter<'_>,
    threads: &[String],
    steps: &[Step],
    property: &str,
) -> fmt::Result {
    if steps.is_empty() {
        return Ok(());
    }
    let heads: Vec<String> =
        threads.iter().enumerate().map(|(i, name)| format!("CPU{i}: {name}")).collect();
    let mut widths: Vec<usize> = heads.iter().map(|head| head.chars().count()).collect();
    for step in steps {
        let width = &mut widths[step.thread];
        *width = (*width).max(step.label.unwrap_or(&step.place).chars().count());
    }
    let line = |f: &mut fmt::Formatter<'_>, texts: &[&str], last: &str| {
        let mut line = String::from("  ");
        for (text, &width) in texts.iter().zip(&widths) {
            write!(line, "{text:<width$}   ")?;
        }
        line += last;
        writeln!(f, "{}", line.trim_end())
    };
    writeln!(f)?;
    line(f, &heads.iter().map(String::as_str).collect::<Vec<_>>(), "")?;
    let rules: Vec<String> = widths.iter().map(|&width| "-".repeat(width)).collect();
    line(f, &rules.iter().map(String::as_str).collect::<Vec<_>>(), "")?;
    for (i, step) in steps.iter().enumerate() {
        let mut texts = vec![""; widths.len()];
        texts[step.thread] = step.label.unwrap_or(&step.place);
        let place = if step.label.is_some() { step.place.as_str() } else { "" };
        let last = i + 1 == steps.len();
        let mark = if last { format!("{place}  <== {property}") } else { place.to_owned() };
        line(f, &texts, &mark)?;
    }
    Ok(())
}
