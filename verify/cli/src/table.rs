//! The table: one line per claim, one column per engine, and below it what is not in order, what was
//! skipped and the sum.

use crate::number::{count, short, time};
use crate::verdict::{Cell, Decided};
use claims::{Engine, Verdict};
use comfy_table::{ContentArrangement, Table};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// As expected.
pub(crate) const OK: char = '\u{2713}';
/// Not as expected.
pub(crate) const FAILED: char = '\u{2717}';
/// Skipped.
pub(crate) const SKIPPED: char = '\u{2013}';

/// What the number in an engine's column counts.
fn counts(engine: Engine) -> &'static str {
    match engine {
        Engine::Tlc => "states",
        Engine::Lockstep => "edges",
        Engine::Shuttle | Engine::Loom | Engine::Threads | Engine::Kernel => "runs",
    }
}

/// The whole answer, without colours.
pub(crate) fn render(decided: &[Decided<'_>], wall: Duration) -> String {
    let mut out = table(decided);
    failures(&mut out, decided);
    skips(&mut out, decided);
    summary(&mut out, decided, wall);
    out
}

fn table(decided: &[Decided<'_>]) -> String {
    let engines: Vec<Engine> = Engine::ALL
        .iter()
        .copied()
        .filter(|engine| decided.iter().any(|claim| claim.cells.contains_key(engine)))
        .collect();
    let mut table = plain_table();
    let mut header = vec!["claim".to_owned(), "verdict".to_owned()];
    header.extend(engines.iter().map(|&engine| format!("  {engine}\n  {}", counts(engine))));
    table.set_header(header);
    let mut columns: Vec<Vec<String>> = Vec::new();
    for &engine in &engines {
        columns.push(column(engine, decided));
    }
    for (row, claim) in decided.iter().enumerate() {
        let mut cells = vec![claim.claim.id.clone(), verdict(claim.claim.verdict).to_owned()];
        cells.extend(columns.iter().map(|column| column[row].clone()));
        table.add_row(cells);
    }
    trimmed(table)
}

/// A table that is only columns: no borders, two spaces between.
pub(crate) fn plain_table() -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table
}

/// The table's lines without the spaces at their ends.
pub(crate) fn trimmed(mut table: Table) -> String {
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let mut out = String::new();
    for line in table.lines() {
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// The verdict in a word or two, for a column.
fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::ViolatedWithoutHoldsWith => "violated/holds",
        other => other.word(),
    }
}

/// An engine's cells, numbers and times aligned within the column.
fn column(engine: Engine, decided: &[Decided<'_>]) -> Vec<String> {
    let parts: Vec<Option<(char, String, String)>> = decided
        .iter()
        .map(|claim| {
            let cell = claim.cells.get(&engine)?;
            Some(parts(engine, cell))
        })
        .collect();
    let width = |of: fn(&(char, String, String)) -> usize| {
        parts.iter().flatten().map(of).max().unwrap_or(0)
    };
    let number = width(|(_, number, _)| number.chars().count());
    let seconds = width(|(_, _, seconds)| seconds.chars().count());
    let text = |part: Option<(char, String, String)>| match part {
        None => String::new(),
        Some((mark, explored, time)) => format!("{mark} {explored:>number$} {time:>seconds$}"),
    };
    parts.into_iter().map(text).collect()
}

fn parts(engine: Engine, cell: &Cell<'_>) -> (char, String, String) {
    if cell.skipped().is_some() {
        return (SKIPPED, String::new(), String::new());
    }
    let work = cell.work();
    let explored = match engine {
        Engine::Tlc => work.states,
        Engine::Lockstep => work.edges_covered,
        Engine::Shuttle | Engine::Loom | Engine::Threads | Engine::Kernel => work.executions,
    };
    let mark = if cell.ok() { OK } else { FAILED };
    (mark, explored.map(short).unwrap_or_default(), time(work.seconds))
}

/// What is not in order, by what was run: one fault of a pass shows in every claim that rests on it,
/// and is said once.
fn failures(out: &mut String, decided: &[Decided<'_>]) {
    const NEXT: &str =
        "docs/adding-a-claim.md, \"When something does not fit\", says what each of these means";
    let mut groups: BTreeMap<(Engine, String, &[String]), Vec<String>> = BTreeMap::new();
    for claim in decided {
        for (&engine, cell) in &claim.cells {
            for case in cell.cases.iter().filter(|case| !case.ok()) {
                let group = (engine, ran(case.case, engine), case.faults.as_slice());
                let found = case.found.as_deref().unwrap_or("nothing");
                let verdict = if found == case.expected {
                    format!("{found} as expected, but")
                } else {
                    format!("expected {}, found {found}", case.expected)
                };
                let (id, property, place) =
                    (&claim.claim.id, &case.case.property, &case.case.place);
                groups
                    .entry(group)
                    .or_default()
                    .push(format!("{id}: {property} {verdict} ({place})"));
            }
        }
    }
    let any = !groups.is_empty();
    for ((engine, ran, faults), claims) in groups {
        // Writing into a String cannot fail.
        let _ = writeln!(out, "\n{FAILED} {engine}, {ran}");
        for claim in claims {
            let _ = writeln!(out, "    {claim}");
        }
        for line in faults.iter().flat_map(|fault| fault.lines()) {
            let _ = writeln!(out, "      {line}");
        }
    }
    if any {
        let _ = writeln!(out, "\nnext:  {NEXT}");
    }
}

/// What an engine ran for a case.
pub(crate) fn ran(case: &claims::Case, engine: Engine) -> String {
    let (kind, name) =
        if engine.runs_scenarios() { ("scenario", &case.scenario) } else { ("model", &case.model) };
    format!("{kind} {}", name.as_deref().unwrap_or("?"))
}

/// Why cells were skipped, each reason once.
fn skips(out: &mut String, decided: &[Decided<'_>]) {
    let mut reasons: BTreeMap<(Engine, &str), Vec<String>> = BTreeMap::new();
    for claim in decided {
        for (&engine, cell) in &claim.cells {
            for case in &cell.cases {
                let Some(reason) = case.skipped.as_deref() else { continue };
                let skipped = match &case.case.name {
                    // The cell shows the claim's other cases.
                    Some(name) if cell.skipped().is_none() => {
                        format!("{} ({name})", claim.claim.id)
                    }
                    _ => claim.claim.id.clone(),
                };
                let claims = reasons.entry((engine, reason)).or_default();
                if !claims.contains(&skipped) {
                    claims.push(skipped);
                }
            }
        }
    }
    if !reasons.is_empty() {
        out.push('\n');
    }
    for ((engine, reason), claims) in reasons {
        let _ = writeln!(out, "{SKIPPED} {engine} skips {}: {reason}", claims.join(", "));
    }
}

fn summary(out: &mut String, decided: &[Decided<'_>], wall: Duration) {
    let cells = || decided.iter().flat_map(|claim| claim.cells.values());
    let skipped = cells().filter(|cell| cell.skipped().is_some()).count();
    let failed = cells().filter(|cell| !cell.ok()).count();
    let all = cells().count();
    let number = |number: usize| count(number as u64);
    let plural = |number: usize, noun: &str| {
        format!("{} {noun}{}", count(number as u64), if number == 1 { "" } else { "s" })
    };
    let mark = if failed == 0 { OK } else { FAILED };
    let _ = writeln!(
        out,
        "\n{mark} {}, {}: {} as expected, {} not, {} skipped; {}",
        plural(decided.len(), "claim"),
        plural(all, "cell"),
        number(all - failed - skipped),
        number(failed),
        number(skipped),
        time(wall.as_secs_f64()),
    );
}

/// Colours the marks: nothing else in the text uses these letters.
pub(crate) fn coloured(text: &str) -> String {
    use anstyle::{AnsiColor, Style};
    let style = |colour: AnsiColor| Style::new().fg_color(Some(colour.into())).bold();
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        let style = match letter {
            OK => style(AnsiColor::Green),
            FAILED => style(AnsiColor::Red),
            SKIPPED => style(AnsiColor::Yellow),
            plain => {
                out.push(plain);
                continue;
            }
        };
        let _ = write!(out, "{style}{letter}{style:#}");
    }
    out
}

#[cfg(test)]
mod tests;
