//! What was measured, in the shape of the JSON file.

use crate::bytes::Bytes;
use crate::harness::Measured;
use crate::machine::{Machine, Versions};
use serde::{Deserialize, Serialize};

/// The whole result of a run; the shape of `target/bench.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) versions: Versions,
    pub(crate) rounds: usize,
    pub(crate) batch_ms: f64,
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
    /// Nanoseconds a step, round by round; not written to the file.
    #[serde(skip)]
    pub(crate) rounds: Vec<f64>,
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
    if cfg!(not(feature = "keys")) {
        add("graceref get, stale-get, reactor", "this build has no look-up by key (feature keys)");
    }
    if cfg!(not(feature = "rcu")) {
        add("graceref peek, read-lock", "this build has no RCU (feature rcu)");
    }
    absent
}

impl From<Measured> for Row {
    fn from(measured: Measured) -> Row {
        let rounds = measured.rounds;
        Row {
            work: measured.work.to_owned(),
            threads: measured.threads,
            subject: measured.subject.to_owned(),
            median_ns: rounded(quantile(&rounds, 0.5)),
            p10_ns: rounded(quantile(&rounds, 0.1)),
            p90_ns: rounded(quantile(&rounds, 0.9)),
            variant: measured.variant,
            rounds,
        }
    }
}

/// To a thousandth: more is noise.
fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
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
        let rounds: Vec<f64> = row.rounds.iter().zip(&to.rounds).map(|(a, b)| a / b).collect();
        let by_round = (!rounds.is_empty()).then(|| quantile(&rounds, 0.5));
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
    use super::quantile;

    #[test]
    fn a_quantile_lies_between_its_neighbours() {
        let numbers = [4.0, 1.0, 3.0, 2.0, 5.0];
        for (share, expected) in [(0.0, 1.0), (0.1, 1.4), (0.5, 3.0), (0.9, 4.6), (1.0, 5.0)] {
            assert!((quantile(&numbers, share) - expected).abs() < 1e-9, "{share}");
        }
        assert!(quantile(&[], 0.5).is_nan());
    }
}
