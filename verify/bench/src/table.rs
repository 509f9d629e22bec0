//! The table: a block for each work and variant, a line for each contender.

use crate::report::{Ratio, Report, Row};
use crate::targets::Outcome;
use crate::works::WORKS;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use std::fmt::Write as _;

/// How the tables look: for the terminal, or as Markdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Plain,
    Markdown,
}

impl Shape {
    fn table(self) -> Table {
        let mut table = Table::new();
        table.load_style(match self {
            Shape::Plain => comfy_table::presets::NOTHING,
            Shape::Markdown => comfy_table::presets::ASCII_MARKDOWN,
        });
        table.set_content_arrangement(ContentArrangement::Disabled);
        table
    }

    fn render(self, mut table: Table, numbers: std::ops::Range<usize>) -> String {
        for (at, column) in table.column_iter_mut().enumerate() {
            if self == Shape::Plain {
                column.set_padding((0, 2));
            }
            if numbers.contains(&at) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let mut out = String::new();
        for line in table.lines() {
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}

/// Every block.
pub(crate) fn render(report: &Report, shape: Shape) -> String {
    let mut out = String::new();
    for (work, step) in WORKS {
        let rows: Vec<&Row> = report.rows.iter().filter(|row| row.work == work).collect();
        if rows.is_empty() {
            continue;
        }
        let _ = match shape {
            Shape::Plain => writeln!(out, "{work}: {step}\n"),
            Shape::Markdown => writeln!(out, "### {work}\n\n{step}\n"),
        };
        let mut variants: Vec<&str> = rows.iter().map(|row| row.variant.as_str()).collect();
        variants.dedup();
        for variant in variants {
            let rows = rows.iter().copied().filter(|row| row.variant == variant);
            let _ = writeln!(out, "{}", block(variant, &rows.collect::<Vec<_>>(), shape));
        }
    }
    out
}

/// One variant: the contenders down, the numbers of threads across.
fn block(variant: &str, rows: &[&Row], shape: Shape) -> String {
    let mut threads: Vec<usize> = rows.iter().map(|row| row.threads).collect();
    threads.sort_unstable();
    threads.dedup();
    let mut subjects: Vec<&str> = Vec::new();
    for row in rows {
        if !subjects.contains(&row.subject.as_str()) {
            subjects.push(&row.subject);
        }
    }
    let find = |subject: &str, threads: usize| {
        rows.iter().copied().find(|row| row.subject == subject && row.threads == threads)
    };
    let base = subjects[0];
    let mut table = shape.table();
    let mut header = vec![variant.to_owned()];
    for &threads in &threads {
        let threads =
            if threads == 1 { "1 thread".to_owned() } else { format!("{threads} threads") };
        header.push(format!("{threads}, ns"));
        header.push("p10 to p90".to_owned());
        header.push(format!("to {base}"));
        header.push("by round".to_owned());
    }
    let columns = header.len();
    table.set_header(header);
    for &subject in &subjects {
        let mut cells = vec![subject.to_owned()];
        for &threads in &threads {
            let (Some(row), Some(base)) = (find(subject, threads), find(base, threads)) else {
                cells.extend(std::iter::repeat_n(String::new(), 4));
                continue;
            };
            let ratio = Ratio::of(row, base);
            cells.push(format!("{:.2}", row.median_ns));
            cells.push(format!("{:.2} to {:.2}", row.p10_ns, row.p90_ns));
            cells.push(format!("{:.2}", ratio.of_medians));
            cells.push(ratio.by_round.map(|ratio| format!("{ratio:.2}")).unwrap_or_default());
        }
        table.add_row(cells);
    }
    shape.render(table, 1..columns)
}

/// Whether the machine was left alone.
pub(crate) fn disturbed(report: &Report) -> String {
    let (all, disturbed) = (report.batches, report.disturbed);
    let advice = if disturbed * 4 > all { " Run again when the machine is quiet." } else { "" };
    format!(
        "In {disturbed} of {all} batches another program had a core for a while, at the last try too; they count only \
         where fewer than five others are left.{advice}\n"
    )
}

/// What objects take in memory.
pub(crate) fn bytes(report: &Report, shape: Shape) -> String {
    let Some(first) = report.bytes.first() else { return String::new() };
    let mut out = match shape {
        Shape::Plain => "memory: heap for each object of 64 bytes, of so many that all chunks are full".to_owned(),
        Shape::Markdown => "### memory\n\nheap for each object of 64 bytes, of so many that all chunks are full; just after a chunk was added as much again may be waiting for objects".to_owned(),
    };
    let _ = writeln!(out, ", at {} objects\n", first.objects);
    let mut table = shape.table();
    table.set_header(["", "bytes", "beside its own"]);
    for one in &report.bytes {
        let beside = one.per_object - 64.0;
        let [all, beside] = [one.per_object, beside].map(|bytes| format!("{bytes:.1}"));
        table.add_row([one.subject.clone(), all, beside]);
    }
    out + &shape.render(table, 1..3) + "\n"
}

/// The targets, and what became of them.
pub(crate) fn targets(outcomes: &[Outcome], shape: Shape) -> String {
    let mut table = shape.table();
    table.set_header(["target", "what is asked", "bound", "measured", "by round", ""]);
    let number = |number: Option<f64>| number.map(|number| format!("{number:.2}"));
    for outcome in outcomes {
        let verdict = match outcome.met {
            Some(true) => "met".to_owned(),
            Some(false) => "missed".to_owned(),
            None => format!("not measured: {}", outcome.missing.unwrap_or("no contender")),
        };
        table.add_row([
            outcome.target.to_owned(),
            outcome.says.to_owned(),
            outcome.bound.clone(),
            number(outcome.measured).unwrap_or_default(),
            number(outcome.by_round).unwrap_or_default(),
            verdict,
        ]);
    }
    let mut out = shape.render(table, 3..5);
    for outcome in outcomes {
        if let Some(note) = outcome.note {
            let _ = write!(out, "\n{} is out of reach: {note}\n", outcome.target);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Shape, block};
    use crate::harness::{Measured, Round};
    use crate::report::Row;

    fn row(subject: &'static str, threads: usize, ns: f64) -> Row {
        let rounds = vec![Round { ns, disturbed: false }; 5];
        let variant = "one object".to_owned();
        Row::from(Measured { work: "get", variant, threads, subject, rounds })
    }

    #[test]
    fn a_block_has_a_line_for_each_contender_and_its_ratio_to_the_first() {
        let rows = [
            row("graceref", 1, 4.0),
            row("arc", 1, 3.0),
            row("graceref", 2, 20.0),
            row("arc", 2, 30.0),
        ];
        let rows: Vec<&Row> = rows.iter().collect();
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let plain = block("one object", &rows, Shape::Plain);
        let plain: Vec<String> = plain.lines().map(words).collect();
        let columns = "p10 to p90 to graceref by round";
        assert_eq!(plain[0], format!("one object 1 thread, ns {columns} 2 threads, ns {columns}"));
        assert_eq!(plain[1], "graceref 4.00 4.00 to 4.00 1.00 1.00 20.00 20.00 to 20.00 1.00 1.00");
        assert_eq!(plain[2], "arc 3.00 3.00 to 3.00 0.75 0.75 30.00 30.00 to 30.00 1.50 1.50");
        let markdown = block("one object", &rows, Shape::Markdown);
        let markdown: Vec<&str> = markdown.lines().collect();
        assert!(markdown[1].starts_with("|---"), "{markdown:#?}");
        assert!(markdown.iter().all(|line| line.starts_with('|') && line.ends_with('|')));
    }
}
