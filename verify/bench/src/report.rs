//! What was measured, in the shape of the JSON file.

use crate::bytes::Bytes;
use crate::harness::{Measured, Round};
use crate::machine::{Machine, Versions};
use serde::{Deserialize, Serialize};

/// The whole result of a run; the shape of `target/bench.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) versions: Versions,
    pub(crate) rounds: usize,
    pub(crate) batch_ms: f64,
    /// Of so many batches that count.
    pub(crate) batches: usize,
    /// So many in which another program had a core for a while.
    pub(crate) disturbed: usize,
    pub(crate) rows: Vec<Row>,
    /// What an object of 64 bytes takes beside its own bytes.
    pub(crate) overhead_bytes: u64,
    /// What objects of 64 bytes take in memory, all told.
    pub(crate) bytes: Vec<Bytes>,
    /// Contenders that could not run here, and why.
    pub(crate) absent: Vec<Absent>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) work: String,
    pub(crate) threads: usize,
    pub(crate) subject: String,
    pub(crate) median_ns: f64,
    pub(crate) p10_ns: f64,
    pub(crate) p90_ns: f64,
    pub(crate) variant: String,
    /// Round by round; not written to the file.
    #[serde(skip)]
    pub(crate) rounds: Vec<Round>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Absent {
    pub(crate) subject: String,
    pub(crate) why: String,
}

/// The contenders that this build does not have.
pub(crate) fn absent() -> Vec<Absent> {
    let mut absent = Vec::new();
    let mut add = |subject: &str, why: &str| {
        absent.push(Absent { subject: subject.to_owned(), why: why.to_owned() });
    };
    if cfg!(not(has_liburcu)) {
        add(
            "liburcu",
            "its header was not found: apt-get install liburcu-dev, then ci/bench again",
        );
    }
    absent
}

impl From<Measured> for Row {
    fn from(measured: Measured) -> Row {
        let rounds = measured.rounds;
        let ns = quiet(rounds.iter().map(|&round| (round.ns, round.disturbed)));
        Row {
            work: measured.work.to_owned(),
            threads: measured.threads,
            subject: measured.subject.to_owned(),
            median_ns: rounded(quantile(&ns, 0.5)),
            p10_ns: rounded(quantile(&ns, 0.1)),
            p90_ns: rounded(quantile(&ns, 0.9)),
            variant: measured.variant,
            rounds,
        }
    }
}

/// To a thousandth: more is noise.
fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

/// So many undisturbed rounds make a median of their own.
const ENOUGH: usize = 5;

/// The numbers that were not disturbed, if there are enough of them; else all.
fn quiet(numbers: impl Iterator<Item = (f64, bool)> + Clone) -> Vec<f64> {
    let quiet = numbers.clone().filter(|(_, disturbed)| !disturbed);
    let quiet: Vec<f64> = quiet.map(|(number, _)| number).collect();
    if quiet.len() >= ENOUGH { quiet } else { numbers.map(|(number, _)| number).collect() }
}

/// The value below which that share of the numbers lies, between neighbours in proportion.
pub(crate) fn quantile(numbers: &[f64], share: f64) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    #[allow(clippy::cast_precision_loss)] // a few dozen
    let place = share * last as f64;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // within the numbers
    let below = (place.floor() as usize).min(last);
    let above = (below + 1).min(last);
    let part = place - place.floor();
    sorted[below] + (sorted[above] - sorted[below]) * part
}

/// How many times the one takes what the other takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ratio {
    /// Of the medians.
    pub(crate) of_medians: f64,
    /// The median of the rounds' ratios, which a machine that slows down for a while does not move.
    pub(crate) by_round: Option<f64>,
}

impl Ratio {
    pub(crate) fn of(row: &Row, to: &Row) -> Ratio {
        let pairs = row.rounds.iter().zip(&to.rounds);
        let ratios = quiet(pairs.map(|(a, b)| (a.ns / b.ns, a.disturbed || b.disturbed)));
        let by_round = (!ratios.is_empty()).then(|| quantile(&ratios, 0.5));
        Ratio { of_medians: row.median_ns / to.median_ns, by_round }
    }
}

impl Report {
    pub(crate) fn row(
        &self,
        work: &str,
        variant: &str,
        threads: usize,
        subject: &str,
    ) -> Option<&Row> {
        self.rows.iter().find(|row| {
            row.work == work
                && row.variant == variant
                && row.threads == threads
                && row.subject == subject
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Ratio, Row, quantile};
    use crate::harness::{Measured, Round};

    fn row(rounds: &[(f64, bool)]) -> Row {
        let round = |&(ns, disturbed)| Round { ns, disturbed };
        let rounds = rounds.iter().map(round).collect();
        let variant = "one object".to_owned();
        Row::from(Measured { work: "get", variant, threads: 1, subject: "arc", rounds })
    }

    fn close(one: f64, other: f64) -> bool {
        (one - other).abs() < 1e-9
    }

    #[test]
    fn disturbed_rounds_do_not_count_where_enough_others_are_left() {
        let mut rounds = vec![(90.0, true); 9];
        rounds.extend([(1.0, false), (2.0, false), (3.0, false), (4.0, false)]);
        assert!(close(row(&rounds).median_ns, 90.0));
        rounds.push((5.0, false));
        let five = row(&rounds);
        assert!(close(five.median_ns, 3.0) && close(five.p90_ns, 4.6), "{five:?}");
        let ratio = Ratio::of(&five, &row(&[(2.0, false); 14]));
        assert!(close(ratio.of_medians, 1.5) && close(ratio.by_round.unwrap(), 1.5), "{ratio:?}");
    }

    #[test]
    fn a_quantile_lies_between_its_neighbours() {
        let numbers = [4.0, 1.0, 3.0, 2.0, 5.0];
        for (share, expected) in [(0.0, 1.0), (0.1, 1.4), (0.5, 3.0), (0.9, 4.6), (1.0, 5.0)] {
            assert!((quantile(&numbers, share) - expected).abs() < 1e-9, "{share}");
        }
        assert!(quantile(&[], 0.5).is_nan());
    }
}
