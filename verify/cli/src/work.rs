//! How far a pass or a model got, and what several got together.

use crate::jobs::Job;
use crate::models::ModelReport;
use crate::protocol::{Pass, PassReport};

/// How far a pass or a model got.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Work {
    pub(crate) states: Option<u64>,
    pub(crate) edges: Option<u64>,
    pub(crate) states_covered: Option<u64>,
    pub(crate) edges_covered: Option<u64>,
    pub(crate) extra_edges: Option<u64>,
    pub(crate) executions: Option<u64>,
    pub(crate) classes: Option<u64>,
    pub(crate) bound: Option<String>,
    pub(crate) seconds: f64,
}

impl Work {
    pub(crate) fn sum(parts: &[&(Job, Work)]) -> Work {
        let sum = |of: fn(&Work) -> Option<u64>| {
            parts.iter().filter_map(|(_, work)| of(work)).reduce(u64::saturating_add)
        };
        Work {
            states: sum(|work| work.states),
            edges: sum(|work| work.edges),
            states_covered: sum(|work| work.states_covered),
            edges_covered: sum(|work| work.edges_covered),
            extra_edges: sum(|work| work.extra_edges),
            executions: sum(|work| work.executions),
            classes: sum(|work| work.classes),
            bound: Work::bounds(parts),
            seconds: parts.iter().map(|(_, work)| work.seconds).sum(),
        }
    }

    /// Each bound once, with its pass where an engine has several.
    fn bounds(parts: &[&(Job, Work)]) -> Option<String> {
        let mut bounds: Vec<String> = Vec::new();
        for (job, work) in parts {
            let Some(bound) = &work.bound else { continue };
            let bound = match job {
                Job::Pass(_, Pass::Lockstep | Pass::Threads | Pass::Kernel) | Job::Model(_) => {
                    bound.clone()
                }
                Job::Pass(_, pass) => format!("{pass}: {bound}"),
            };
            if !bounds.contains(&bound) {
                bounds.push(bound);
            }
        }
        (!bounds.is_empty()).then(|| bounds.join("; "))
    }

    pub(crate) fn of_pass(report: &PassReport) -> Work {
        Work {
            states: report.states,
            edges: report.edges,
            states_covered: report.states_covered,
            edges_covered: report.edges_covered,
            extra_edges: report.extra_edges,
            executions: Some(report.executions),
            classes: report.classes,
            bound: (!report.bound.is_empty()).then(|| report.bound.clone()),
            seconds: report.seconds,
        }
    }

    pub(crate) fn of_model(report: &ModelReport) -> Work {
        Work {
            states: report.distinct,
            edges: report.edges,
            seconds: report.seconds,
            ..Work::default()
        }
    }
}
