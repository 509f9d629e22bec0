//! What is to be reached: ratios within one run, and the bytes an object costs. All of it is in [`TARGETS`].

use crate::failure::Failure;
use crate::report::{Ratio, Report};
use crate::works::{AT_ONCE, EACH, LOCK, ONE, ONE_PLACE};
use serde::Serialize;

/// What "no slower" means on a machine that is not alone: the medians of one and the same thing, measured twice in
/// a run, differ by up to this much.
const NOISE: f64 = 1.1;

/// A number to reach.
pub(crate) struct Target {
    pub(crate) id: &'static str,
    /// What is asked, in a sentence.
    pub(crate) says: &'static str,
    pub(crate) of: Of,
    pub(crate) bound: Bound,
    /// What is within reach instead, and why, where that is known.
    pub(crate) out_of_reach: Option<(Bound, &'static str)>,
}

/// What is bounded.
pub(crate) enum Of {
    /// The median of one cell over that of another.
    Times(Cell, Cell),
    /// Bytes that an object takes beside its own.
    OverheadBytes,
}

/// A row of the table, named.
#[derive(Clone, Copy)]
pub(crate) struct Cell {
    pub(crate) work: &'static str,
    pub(crate) variant: &'static str,
    pub(crate) threads: usize,
    pub(crate) subject: &'static str,
}

#[derive(Clone, Copy)]
pub(crate) enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Bound {
    fn has(self, measured: f64) -> bool {
        match self {
            Self::AtMost(bound) => measured <= bound,
            Self::AtLeast(bound) => measured >= bound,
        }
    }
}

const fn cell(
    work: &'static str,
    variant: &'static str,
    threads: usize,
    subject: &'static str,
) -> Cell {
    Cell { work, variant, threads, subject }
}

const fn get(threads: usize, subject: &'static str) -> Cell {
    cell("get", ONE, threads, subject)
}

const fn peek(threads: usize, subject: &'static str) -> Cell {
    cell("peek", ONE, threads, subject)
}

const fn lock(subject: &'static str) -> Cell {
    cell("read-lock", LOCK, 1, subject)
}

const fn renew(subject: &'static str) -> Cell {
    cell("insert-remove", AT_ONCE, 1, subject)
}

const fn stale(threads: usize) -> Cell {
    cell("stale-get", ONE_PLACE, threads, GRACEREF)
}

/// A pool with the default count, whose last put is the cheapest.
const GRACEREF: &str = "graceref";
/// A pool with the count whose gets are the cheapest.
const FILE_REF: &str = "graceref file_ref";

use Bound::{AtLeast, AtMost};
use Of::{OverheadBytes, Times};

const fn target(id: &'static str, says: &'static str, of: Of, bound: Bound) -> Target {
    Target { id, says, of, bound, out_of_reach: None }
}

impl Target {
    const fn reach(self, bound: Bound, why: &'static str) -> Self {
        Self { out_of_reach: Some((bound, why)), ..self }
    }
}

const CAS_GET: &str = "a get of the default count is a compare-exchange, which has to wait for what it read and may have to \
                       try again; an add does neither. A pool of FileRefCounts has the add, and a dearer end";
const FILE_REF_PUT: &str = "the last put of a FileRefCount is two read-modify-writes, and Arc's is one. The default count has one";

pub(crate) const TARGETS: [Target; 20] = [
    target(
        "get-vs-arc",
        "get, read and drop in a pool of FileRefCounts over Arc clone, read and drop",
        Times(get(1, FILE_REF), get(1, "arc")),
        AtMost(1.3),
    ),
    target(
        "each-get-vs-arc",
        "the same, where each look is at another object",
        Times(cell("get", EACH, 1, FILE_REF), cell("get", EACH, 1, "arc")),
        AtMost(1.3),
    ),
    target(
        "get-vs-sharded-slab",
        "sharded-slab get_owned over get",
        Times(get(1, "sharded-slab"), get(1, FILE_REF)),
        AtLeast(2.5),
    ),
    target(
        "get-vs-idr-ebr",
        "idr-ebr get_owned over get",
        Times(get(1, "idr-ebr"), get(1, FILE_REF)),
        AtLeast(1.8),
    )
    .reach(
        AtLeast(1.5),
        "of idr-ebr's time the two read-modify-writes alone, which are all that row arc does, leave a factor of \
         about 2.1; the look before the add, which keeps a stale key from writing and an old one from finding \
         the next object, and the way from the key to its slot take the rest",
    ),
    target(
        "shared-get-vs-sharded-slab",
        "the same, two threads on one object",
        Times(get(2, "sharded-slab"), get(2, FILE_REF)),
        AtLeast(2.0),
    ),
    target(
        "shared-get-vs-idr-ebr",
        "the same, two threads on one object",
        Times(get(2, "idr-ebr"), get(2, FILE_REF)),
        AtLeast(2.0),
    )
    .reach(
        AtLeast(1.1),
        "both move one cache line to and fro for each of two read-modify-writes; where row arc, which does \
         nothing else, is not twice as fast as idr-ebr, nothing that counts references is",
    ),
    target(
        "cas-get-vs-arc",
        "get, read and drop in a pool with the default count over Arc clone, read and drop",
        Times(get(1, GRACEREF), get(1, "arc")),
        AtMost(1.3),
    )
    .reach(AtMost(1.65), CAS_GET),
    target(
        "cas-get-vs-sharded-slab",
        "sharded-slab get_owned over that get",
        Times(get(1, "sharded-slab"), get(1, GRACEREF)),
        AtLeast(2.5),
    )
    .reach(AtLeast(2.2), CAS_GET),
    target(
        "cas-get-vs-idr-ebr",
        "idr-ebr get_owned over that get",
        Times(get(1, "idr-ebr"), get(1, GRACEREF)),
        AtLeast(1.8),
    )
    .reach(AtLeast(1.25), CAS_GET),
    target(
        "shared-cas-get-vs-sharded-slab",
        "the same, two threads on one object",
        Times(get(2, "sharded-slab"), get(2, GRACEREF)),
        AtLeast(2.0),
    ),
    target(
        "shared-cas-get-vs-idr-ebr",
        "the same, two threads on one object",
        Times(get(2, "idr-ebr"), get(2, GRACEREF)),
        AtLeast(2.0),
    )
    .reach(AtLeast(0.8), CAS_GET),
    target(
        "peek-vs-sharded-slab",
        "sharded-slab get over peek under a guard that is held",
        Times(peek(1, "sharded-slab"), peek(1, GRACEREF)),
        AtLeast(4.0),
    ),
    target(
        "peek-scales",
        "peek by two threads at one object over peek by one, each thread's time",
        Times(peek(2, GRACEREF), peek(1, GRACEREF)),
        AtMost(NOISE),
    ),
    target(
        "lock-vs-crossbeam-epoch",
        "read lock and unlock over crossbeam-epoch's pin and unpin",
        Times(lock(GRACEREF), lock("crossbeam-epoch")),
        AtMost(0.5),
    ),
    target(
        "lock-vs-liburcu",
        "read lock and unlock over liburcu's, inlined",
        Times(lock(GRACEREF), lock("liburcu")),
        AtMost(1.3),
    ),
    target(
        "insert-vs-arc",
        "insert and remove over Arc::new and drop",
        Times(renew(GRACEREF), renew("arc")),
        AtMost(1.0),
    ),
    target(
        "insert-vs-sharded-slab",
        "sharded-slab insert and remove over insert and remove",
        Times(renew("sharded-slab"), renew(GRACEREF)),
        AtLeast(2.0),
    ),
    target(
        "file-ref-insert-vs-arc",
        "insert and remove in a pool of FileRefCounts over Arc::new and drop",
        Times(renew(FILE_REF), renew("arc")),
        AtMost(1.0),
    )
    .reach(AtMost(1.15), FILE_REF_PUT),
    target(
        "stale-writes-nothing",
        "a stale key of one place asked by two threads over asked by one, each thread's time",
        Times(stale(2), stale(1)),
        AtMost(NOISE),
    ),
    target(
        "slot-bytes",
        "bytes of a slot beside those of its object",
        OverheadBytes,
        AtMost(16.0),
    ),
];

/// A target as it came out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Outcome {
    pub(crate) target: &'static str,
    pub(crate) says: &'static str,
    /// "at most 1.3", "at least 2".
    pub(crate) bound: String,
    /// The ratio of the medians, or the bytes; none when a side of it was not measured.
    pub(crate) measured: Option<f64>,
    /// The median of the rounds' ratios.
    pub(crate) by_round: Option<f64>,
    pub(crate) met: Option<bool>,
    /// It is met, or as near as is known to be within reach.
    pub(crate) kept: bool,
    /// Why it is out of reach, where it was missed and that is known.
    pub(crate) note: Option<&'static str>,
    /// The contender that was not there, where it was not measured.
    pub(crate) missing: Option<&'static str>,
}

/// Every target against what was measured.
pub(crate) fn outcomes(report: &Report) -> Vec<Outcome> {
    TARGETS.iter().map(|target| outcome(target, report)).collect()
}

fn outcome(target: &Target, report: &Report) -> Outcome {
    let mut missing = None;
    let mut find = |cell: Cell| {
        let row = report.row(cell.work, cell.variant, cell.threads, cell.subject);
        if row.is_none() && missing.is_none() {
            missing = Some(cell.subject);
        }
        row
    };
    let (measured, by_round) = match target.of {
        Times(one, other) => match (find(one), find(other)) {
            (Some(one), Some(other)) => {
                let ratio = Ratio::of(one, other);
                (Some(ratio.of_medians), ratio.by_round)
            }
            _ => (None, None),
        },
        #[allow(clippy::cast_precision_loss)] // a few bytes
        OverheadBytes => (Some(report.overhead_bytes as f64), None),
    };
    let met = measured.map(|measured| target.bound.has(measured));
    let note = target.out_of_reach.filter(|_| met == Some(false)).map(|(_, why)| why);
    let kept = met == Some(true)
        || measured.zip(target.out_of_reach).is_some_and(|(is, (bound, _))| bound.has(is));
    let bound = match target.bound {
        AtMost(bound) => format!("at most {bound}"),
        AtLeast(bound) => format!("at least {bound}"),
    };
    let says = target.says;
    Outcome { target: target.id, says, bound, measured, by_round, met, kept, note, missing }
}

/// What `--check` says: a line for each target missed by more than is known to be out of reach. A run of `part` of the works is asked only about what it
/// measured; else a target is left out only when a contender is absent on this machine.
///
/// # Errors
/// A target that should have been decided and was not.
pub(crate) fn check(
    report: &Report,
    outcomes: &[Outcome],
    part: bool,
) -> Result<Vec<String>, Failure> {
    let mut missed = Vec::new();
    for outcome in outcomes {
        match (outcome.met, outcome.measured, outcome.missing) {
            (Some(false), Some(measured), _) if !outcome.kept => {
                missed.push(format!("{} is {measured:.2}, not {}", outcome.target, outcome.bound));
            }
            (None, _, Some(subject)) if !part => {
                let absent = report.absent.iter().any(|absent| absent.subject == subject);
                if !absent {
                    let what = format!("{} is open: {subject} was not measured", outcome.target);
                    let why = report.absent.iter().map(|absent| absent.why.as_str());
                    let why: Vec<&str> = why.collect();
                    return Err(Failure::new(what, why.join("; ")));
                }
            }
            _ => {}
        }
    }
    Ok(missed)
}

#[cfg(test)]
mod tests;
