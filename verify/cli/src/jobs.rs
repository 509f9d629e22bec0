//! What has to run for the claims chosen: each pass and each model once, however many claims rest on
//! it, two at a time.

use crate::args::{Budget, How};
use crate::models::{ModelReport, Models};
use crate::number::{count, time};
use crate::progress::Progress;
use crate::protocol::{Build, Pass, PassReport};
use crate::runners::Runners;
use claims::{Claim, Engine};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// How many processes run at once: what is measured here is measured on two cores. Real threads want both cores
/// to themselves.
const AT_ONCE: usize = 2;

/// A process to run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Job {
    /// TLC on a model.
    Model(String),
    /// A pass of a scenario.
    Pass(String, Pass),
}

impl Job {
    pub(crate) fn is_model(&self) -> bool {
        matches!(self, Job::Model(_))
    }

    /// The long ones first, so that the last to finish is a short one.
    fn rank(&self) -> usize {
        const ORDER: [Pass; 8] = [
            Pass::Native,
            Pass::Rmw,
            Pass::Threads,
            Pass::Kernel,
            Pass::Pct,
            Pass::Random,
            Pass::Cached,
            Pass::Lockstep,
        ];
        match self {
            Job::Pass(_, pass) => ORDER.iter().position(|other| other == pass).unwrap_or(0),
            Job::Model(_) => ORDER.len(),
        }
    }
}

/// The jobs that the claims need under the engines asked for, in the order to start them.
pub(crate) fn plan(claims: &[&Claim], how: &How) -> Vec<Job> {
    let mut jobs = BTreeSet::new();
    for case in claims.iter().flat_map(|claim| &claim.cases) {
        for &engine in case.engines.iter().filter(|&&engine| how.wants(engine)) {
            if engine == Engine::Tlc {
                jobs.extend(case.model.clone().map(Job::Model));
            } else if let Some(scenario) = &case.scenario {
                let passes = Pass::needed_by(engine).iter();
                jobs.extend(passes.map(|&pass| Job::Pass(scenario.clone(), pass)));
            }
        }
    }
    let mut jobs: Vec<Job> = jobs.into_iter().collect();
    jobs.sort_by_key(Job::rank);
    jobs
}

/// The builds that the jobs need.
pub(crate) fn builds(jobs: &[Job]) -> BTreeSet<Build> {
    let build = |job: &Job| match job {
        Job::Model(_) => None,
        Job::Pass(_, pass) => Some(pass.build()),
    };
    jobs.iter().filter_map(build).collect()
}

/// What every job answered; an error is what to say in the cells that rest on it.
#[derive(Debug, Default)]
pub(crate) struct Results {
    pub(crate) passes: BTreeMap<(String, Pass), Result<PassReport, String>>,
    pub(crate) models: BTreeMap<String, ModelReport>,
}

impl Results {
    /// Runs the jobs: the models first, then the passes, two at a time, then those on real threads, one by one.
    pub(crate) fn of(
        jobs: &[Job],
        runners: &Runners,
        models: Option<&Models>,
        budget: Budget,
        progress: &Progress,
    ) -> Results {
        let mut names = BTreeSet::new();
        let mut passes = Vec::new();
        for job in jobs {
            match job {
                Job::Model(model) => {
                    names.insert(model.as_str());
                }
                Job::Pass(scenario, pass) => passes.push((scenario.as_str(), *pass)),
            }
        }
        let mut results = Results::default();
        if let Some(models) = models.filter(|_| !names.is_empty()) {
            let reports = models.run(&names, false, progress);
            results.models =
                reports.into_iter().map(|report| (report.name.clone(), report)).collect();
        }
        let (threads, models): (Vec<_>, Vec<_>) =
            passes.into_iter().partition(|(_, pass)| *pass == Pass::Threads);
        results.passes = run_passes(&models, AT_ONCE, runners, budget, progress);
        results.passes.extend(run_passes(&threads, 1, runners, budget, progress));
        results
    }
}

type Passes = BTreeMap<(String, Pass), Result<PassReport, String>>;

fn run_passes(
    passes: &[(&str, Pass)],
    at_once: usize,
    runners: &Runners,
    budget: Budget,
    progress: &Progress,
) -> Passes {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Passes::new());
    let work = || {
        while let Some(&(scenario, pass)) = passes.get(next.fetch_add(1, Ordering::Relaxed)) {
            let name = format!("{scenario} {pass}");
            progress.start(&name);
            let report = runners.run(scenario, pass, budget);
            progress.finish(&name, &say(&report));
            let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
            results.insert((scenario.to_owned(), pass), report);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..at_once.min(passes.len()) {
            scope.spawn(work);
        }
    });
    results.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// The result of a pass in a few words.
fn say(report: &Result<PassReport, String>) -> String {
    match report {
        Err(error) => error.lines().next().unwrap_or("error").to_owned(),
        Ok(PassReport { skipped: Some(reason), .. }) => format!("skipped: {reason}"),
        Ok(report) => format!("{} executions, {}", count(report.executions), time(report.seconds)),
    }
}
