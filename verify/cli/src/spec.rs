//! `cargo verify spec`: TLC on the models, and every number that is not as spec/models.toml says.

use crate::args::SpecArgs;
use crate::failure::Failure;
use crate::models::{ModelFound, ModelReport, Models};
use crate::number::{count, schedules, time};
use crate::progress::Progress;
use crate::readme;
use crate::root::Root;
use crate::table::{FAILED, OK, plain_table, trimmed};
use claims::nearest;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// Runs the models chosen; the text to print, and whether everything is as it should be.
pub(crate) fn run(args: &SpecArgs) -> Result<(String, bool), Failure> {
    let began = Instant::now();
    let root = Root::find(args.place.root.as_deref())?;
    let mut models = Models::load(&root)?;
    let names: Vec<String> = models.names().map(str::to_owned).collect();
    let chosen = choose(&names, &args.models)?;
    models.find_tools()?;
    let progress = Progress::new(chosen.len());
    let reports = models.run(&chosen, args.update, &progress);
    drop(progress);
    let mut text = render(&reports, began.elapsed());
    // After the run: an update has moved the numbers that it shows.
    let stale = readme::check(&root, args.update)?;
    if let Some(problem) = &stale {
        let _ = writeln!(text, "{FAILED} {problem}");
    }
    let mut broken_rules = tlc::lint_spec(root.dir()).map_err(|error| {
        Failure::new(format!("the modules in spec/ cannot be read: {error}"), "see that they can")
    })?;
    broken_rules.extend(models.unbroken());
    for problem in &broken_rules {
        let _ = writeln!(text, "{FAILED} {problem}");
    }
    let as_it_should_be = reports.iter().all(|report| report.problems.is_empty());
    Ok((text, as_it_should_be && stale.is_none() && broken_rules.is_empty()))
}

/// The models that the words name; all when there are none.
fn choose<'a>(names: &'a [String], words: &[String]) -> Result<BTreeSet<&'a str>, Failure> {
    let mut chosen = BTreeSet::new();
    for word in words {
        let exact = names.contains(word);
        let is_meant = |name: &&String| {
            if exact { *name == word } else { claims::matches(word, name) }
        };
        let mut found = names.iter().filter(is_meant).peekable();
        if found.peek().is_none() {
            let next = match nearest(word, names.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "see spec/models.toml for the names".to_owned(),
            };
            return Err(Failure::new(format!("no model `{word}`"), next));
        }
        chosen.extend(found.map(String::as_str));
    }
    if words.is_empty() {
        chosen.extend(names.iter().map(String::as_str));
    }
    Ok(chosen)
}

fn render(reports: &[ModelReport], wall: Duration) -> String {
    let mut table = plain_table();
    table.set_header([
        "  model",
        "question",
        "expected",
        "found",
        "distinct",
        "generated",
        "edges",
        "schedules",
        "time",
    ]);
    for report in reports {
        let number = |number: Option<u64>| number.map(count).unwrap_or_default();
        let mark = if report.problems.is_empty() { OK } else { FAILED };
        table.add_row([
            format!("{mark} {}", report.name),
            report.question.clone(),
            report.expected.clone(),
            report.found.to_string(),
            number(report.distinct),
            number(report.generated),
            number(report.edges),
            report.schedules.as_deref().map(schedules).unwrap_or_default(),
            time(report.seconds),
        ]);
    }
    for column in 4..9 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(comfy_table::CellAlignment::Right);
        }
    }
    let mut out = trimmed(table);
    for report in reports {
        for problem in &report.problems {
            let _ = writeln!(out, "\n{FAILED} {}: {problem}", report.name);
        }
        for pinned in &report.pinned {
            let _ = writeln!(out, "\n  {}: {pinned}", report.name);
        }
    }
    let mut next = BTreeSet::new();
    for (report, problem) in reports.iter().flat_map(|r| r.problems.iter().map(move |p| (r, p))) {
        next.extend(next_step(report, problem));
    }
    for step in next {
        let _ = writeln!(out, "\nnext:  {step}");
    }
    let failed = reports.iter().filter(|report| !report.problems.is_empty()).count();
    let mark = if failed == 0 { OK } else { FAILED };
    let _ = writeln!(
        out,
        "\n{mark} {} models: {} as expected, {failed} not; {}",
        reports.len(),
        reports.len() - failed,
        time(wall.as_secs_f64())
    );
    out
}

/// What to do about a problem that does not say so itself.
fn next_step(report: &ModelReport, problem: &str) -> Option<String> {
    if problem.contains("not pinned yet") || problem.contains("not exist yet") {
        Some("--update writes the numbers and graphs that are not there yet".to_owned())
    } else if problem.ends_with(" found") || problem.contains(" differ: ") {
        Some(
            "what has moved is a bug, or a change that you can explain; then --update writes it"
                .to_owned(),
        )
    } else if matches!(report.found, ModelFound::Violated(_)) {
        Some(format!("the steps that lead there are in target/spec/log/{}.out", report.name))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(name: &str, problems: &[&str]) -> ModelReport {
        ModelReport {
            name: name.to_owned(),
            question: "graph".to_owned(),
            expected: "holds".to_owned(),
            found: ModelFound::Holds,
            distinct: Some(831),
            generated: Some(1_955),
            edges: Some(1_954),
            schedules: Some("32000000000".to_owned()),
            seconds: 1.25,
            problems: problems.iter().map(|&problem| problem.to_owned()).collect(),
            pinned: Vec::new(),
            module: String::new(),
            trace: None,
        }
    }

    #[test]
    fn the_table_shows_every_number_and_every_problem() {
        let reports = [
            report("epoll-2023-graph", &[]),
            ModelReport {
                question: "safety".to_owned(),
                expected: "violated (NoResurrect)".to_owned(),
                edges: None,
                schedules: None,
                ..report("epoll-2023-resurrect", &["`NoResurrect` violated expected, holds"])
            },
        ];
        insta::assert_snapshot!(render(&reports, Duration::from_millis(2_500)));
    }

    #[test]
    fn each_kind_of_problem_has_its_next_step_once() {
        let reports = [
            report("lamp", &["edges: not pinned yet, 9 found", "edges: 8 expected, 9 found"]),
            report("bulb", &["distinct states: 8 expected, 9 found"]),
            ModelReport {
                found: ModelFound::Violated("NoDeadlock".to_owned()),
                ..report("wire", &["holds expected, deadlock"])
            },
        ];
        let text = render(&reports, Duration::ZERO);
        let next: Vec<&str> = text.lines().filter(|line| line.starts_with("next:")).collect();
        insta::assert_snapshot!(next.join("\n"), @r"
        next:  --update writes the numbers and graphs that are not there yet
        next:  the steps that lead there are in target/spec/log/wire.out
        next:  what has moved is a bug, or a change that you can explain; then --update writes it
        ");
    }

    #[test]
    fn words_choose_models_by_name_beginning_or_glob() {
        let names = ["count-cas", "count-dead", "epoll"].map(str::to_owned);
        let chosen = |word: &str| choose(&names, &[word.to_owned()]).unwrap().len();
        assert_eq!((chosen("count-cas"), chosen("count"), chosen("*o*")), (1, 2, 3));
        let error = choose(&names, &["count-cass".to_owned()]).unwrap_err();
        insta::assert_snapshot!(error.render(miette::GraphicalTheme::unicode_nocolor()));
    }
}
