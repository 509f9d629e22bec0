use super::{Bound, Cell, Of, TARGETS, check, outcomes};
use crate::machine::{Machine, versions};
use crate::report::{Absent, Report, Row};
use crate::works::groups;

/// A report in which every cell that a target names took this long.
fn report(cells: &[(Cell, f64)]) -> Report {
    let row = |&(cell, median_ns): &(Cell, f64)| Row {
        work: cell.work.to_owned(),
        threads: cell.threads,
        subject: cell.subject.to_owned(),
        median_ns,
        p10_ns: median_ns,
        p90_ns: median_ns,
        variant: cell.variant.to_owned(),
        rounds: Vec::new(),
    };
    Report {
        machine: Machine::here(),
        versions: versions(),
        rounds: 0,
        batch_ms: 0.0,
        batches: 0,
        disturbed: 0,
        rows: cells.iter().map(row).collect(),
        overhead_bytes: 16,
        bytes: Vec::new(),
        absent: Vec::new(),
    }
}

/// Numbers by which every target is met, by a little.
fn good() -> Report {
    let ns = |cell: Cell| match (cell.work, cell.subject, cell.threads) {
        ("get", "graceref" | "graceref file_ref", 1) => 4.9,
        ("get", "arc", _) => 3.8,
        ("get", "sharded-slab", 1) => 12.3,
        ("get", "idr-ebr", 1) => 8.9,
        ("get", "graceref" | "graceref file_ref", _) => 20.0,
        ("get", _, _) => 41.0,
        ("peek", "graceref", 1) | ("stale-get", _, 1) | ("read-lock", "liburcu", _) => 1.0,
        ("peek", "graceref", _) | ("stale-get", _, _) => 1.09,
        ("peek", _, _) => 4.1,
        ("read-lock", "graceref", _) => 1.2,
        ("read-lock", _, _) => 2.5,
        ("insert-remove", "graceref" | "graceref file_ref", _) => 8.0,
        ("insert-remove", "arc", _) => 8.1,
        ("insert-remove", _, _) => 16.1,
        other => panic!("a target about {other:?}"),
    };
    let cells = TARGETS.iter().filter_map(|target| match target.of {
        Of::Times(one, other) => Some([one, other]),
        Of::OverheadBytes => None,
    });
    report(&cells.flatten().map(|cell| (cell, ns(cell))).collect::<Vec<_>>())
}

#[test]
fn every_target_is_met_by_good_numbers() {
    let report = good();
    let outcomes = outcomes(&report);
    assert!(outcomes.iter().all(|outcome| outcome.met == Some(true)), "{outcomes:#?}");
    assert_eq!(check(&report, &outcomes, false).unwrap(), Vec::<String>::new());
}

#[test]
fn each_target_is_missed_alone_and_named_with_its_number() {
    for target in &TARGETS {
        let mut report = good();
        match target.of {
            Of::OverheadBytes => report.overhead_bytes = 17,
            Of::Times(one, other) => {
                // Only this target looks at the pair in this relation: the numbers are given to copies of it.
                let known = target.out_of_reach.map(|(bound, _)| bound);
                let just_missed = |bound| match bound {
                    Bound::AtMost(bound) => [(one, bound * 1.01), (other, 1.0)],
                    Bound::AtLeast(bound) => [(one, bound * 0.99), (other, 1.0)],
                };
                if known.is_some() {
                    let report = self::report(&just_missed(target.bound));
                    let outcomes = outcomes(&report);
                    assert!(outcomes.iter().any(|outcome| outcome.note.is_some()), "{}", target.id);
                    assert!(check(&report, &outcomes, true).unwrap().is_empty(), "{}", target.id);
                }
                report.rows.clear();
                report.rows.extend(self::report(&just_missed(known.unwrap_or(target.bound))).rows);
            }
        }
        let outcomes = outcomes(&report);
        let missed = check(&report, &outcomes, true).unwrap();
        assert_eq!(missed.len(), 1, "{}: {missed:?}", target.id);
        assert!(missed[0].starts_with(target.id), "{missed:?}");
        assert!(missed[0].contains("not at "), "{missed:?}");
    }
}

#[test]
fn a_target_whose_contender_is_absent_here_is_left_open_and_no_other() {
    let mut report = good();
    report.rows.retain(|row| row.subject != "liburcu");
    let open = |report: &Report| check(report, &outcomes(report), false);
    assert!(open(&report).unwrap_err().to_string().contains("lock-vs-liburcu is open"));
    let why = "not installed".to_owned();
    report.absent.push(Absent { subject: "liburcu".to_owned(), why });
    assert!(open(&report).unwrap().is_empty());
    report.rows.retain(|row| row.subject != "arc");
    assert!(open(&report).is_err());
    // Of a part of the works nothing more is asked than it has.
    assert!(check(&report, &outcomes(&report), true).unwrap().is_empty());
}

#[test]
fn every_cell_of_a_target_is_a_row_of_the_table() {
    let absent = |cell: Cell| cell.subject == "liburcu" && cfg!(not(has_liburcu));
    for target in &TARGETS {
        let Of::Times(one, other) = target.of else { continue };
        for cell in [one, other].into_iter().filter(|&cell| !absent(cell)) {
            let groups = groups(cell.work, 64);
            let group = groups.iter().find(|group| group.variant == cell.variant);
            let group = group.unwrap_or_else(|| panic!("{}: no {}", target.id, cell.variant));
            let found = group.subjects.iter().any(|subject| subject.name == cell.subject);
            assert!(found, "{}: no {} at {}", target.id, cell.subject, cell.work);
        }
    }
}
