//! What a pass must be able to say of itself before its verdict counts: that code and spec are the
//! same, that it explored what it claims, and that loom's classes are shuttle's.

use crate::hints::hints;
use crate::number::count;
use crate::protocol::{Pass, PassReport};

/// Whether the code's graph is the spec's, and what is missing if it is not.
pub(crate) fn sameness(reports: &[&PassReport]) -> (String, Vec<String>) {
    let mut faults = Vec::new();
    let mut diverges = false;
    for report in reports {
        if let Some(divergence) = &report.divergence {
            diverges = true;
            faults.push(format!("code and spec part:\n{divergence}"));
            faults.extend(hints(divergence).iter().map(|hint| format!("next:  {hint}")));
        }
        if let Some(extra @ 1..) = report.extra_edges {
            diverges = true;
            faults.push(format!("the code takes {} that the spec lacks", plural(extra, "step")));
        }
        for (what, covered, all) in [
            ("states", report.states_covered, report.states),
            ("edges", report.edges_covered, report.edges),
        ] {
            match (covered, all) {
                (Some(covered), Some(all)) if covered == all => {}
                (Some(covered), Some(all)) => faults.push(format!(
                    "the code reaches {} of the spec's {} {what}",
                    count(covered),
                    count(all)
                )),
                _ => faults.push(format!("the runner does not say how many {what} it covered")),
            }
        }
        if report.extra_edges.is_none() {
            faults.push("the runner does not say how many steps the spec lacks".to_owned());
        }
        if !report.complete {
            faults.push("the walk ended before it was complete".to_owned());
        }
    }
    let found = match (diverges, faults.is_empty()) {
        (true, _) => "diverges",
        (false, true) => "same",
        (false, false) => "incomplete",
    };
    (found.to_owned(), faults)
}

/// A search that says less than it seems to. One that stopped at a violation has said enough.
pub(crate) fn explored_too_little(pass: Pass, report: &PassReport) -> Option<String> {
    if !report.violations.is_empty() || !pass.tries_schedules() {
        return None;
    }
    if report.executions <= 1 {
        return Some(format!(
            "{pass}: explored {}: a concurrent scenario has more",
            plural(report.executions, "execution")
        ));
    }
    (!report.complete).then(|| format!("{pass}: did not complete: {}", report.bound))
}

/// loom loses interleavings by itself; its RMW pass counts as every interleaving only when it finds
/// the same classes as the state-cached pass.
pub(crate) fn gate(
    rmw: &PassReport,
    cached: Option<&Result<PassReport, String>>,
) -> Option<String> {
    // Stopped at a violation, it has no set of classes and claims nothing about the rest.
    if rmw.class_digest.is_none() && !rmw.violations.is_empty() {
        return None;
    }
    let cached = match cached {
        Some(Ok(cached)) if cached.skipped.is_none() => cached,
        Some(Err(_)) => {
            return Some("gate: the cached pass failed, so nothing vouches for rmw".to_owned());
        }
        _ => {
            return Some(
                "gate: the cached pass did not run, so nothing vouches for rmw".to_owned(),
            );
        }
    };
    let (Some(of_rmw), Some(of_cached)) = (&rmw.class_digest, &cached.class_digest) else {
        let missing = if rmw.class_digest.is_none() { Pass::Rmw } else { Pass::Cached };
        return Some(format!("gate: the {missing} pass gives no digest of its classes"));
    };
    if of_rmw == of_cached {
        return None;
    }
    let classes = |report: &PassReport| report.classes.map_or("?".to_owned(), count);
    Some(format!(
        "gate: rmw found {} classes of interleavings ({of_rmw}), shuttle cached {} ({of_cached}): \
         loom's pass is not every interleaving",
        classes(rmw),
        classes(cached)
    ))
}

fn plural(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(number), if number == 1 { "" } else { "s" })
}
