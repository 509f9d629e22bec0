//! `cargo verify`: decides every claim of the register by machine.
//!
//! The register (`verify/claims`) says which engines decide a claim and what each must find. TLC runs
//! on the models of `spec/models.toml`; every other engine runs a scenario, in one of three builds of
//! the scenario runner. This program builds them, runs each model and each pass of each scenario
//! once, holds what they found against what is expected and pinned, and prints one line per claim.
//!
//! | module | what lives there |
//! |---|---|
//! | `args`, `list` | the command line |
//! | `root`, `runners`, `models`, `protocol` | the outside: folders, scenario runners, TLC |
//! | `jobs`, `progress` | what has to run, and running it |
//! | `verdict`, `checks`, `hints`, `work`, `pins` | what the answers mean |
//! | `mutants`, `safety`, `source` | the crate broken on purpose, and the comments that argue for it |
//! | `table`, `json`, `explain`, `race`, `spec`, `readme`, `number`, `failure` | what is printed |

mod args;
mod checks;
mod explain;
mod failure;
mod hints;
mod jobs;
mod json;
mod list;
#[cfg(test)]
mod made_up;
mod models;
mod mutants;
mod number;
mod pins;
mod progress;
mod protocol;
mod race;
mod readme;
#[cfg(test)]
mod recorded;
mod root;
mod runners;
mod safety;
mod source;
mod spec;
mod table;
mod verdict;
mod work;

use crate::args::{ExplainArgs, How, VerifyArgs, Word, Words};
use crate::failure::Failure;
use crate::jobs::Results;
use crate::models::Models;
use crate::pins::Pins;
use crate::progress::Progress;
use crate::root::Root;
use crate::runners::Runners;
use crate::verdict::{Evidence, decide};
use claims::{Claim, Register};
use clap::Parser as _;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let words = Words::parse();
    let result = match &words.word {
        None => verify(&words.verify),
        Some(Word::Explain(args)) => explain(args),
        Some(Word::Spec(args)) => said(spec::run(args)),
        Some(Word::Mutants(args)) => said(mutants::run(args)),
        Some(Word::Safety(args)) => said(safety::run(args)),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(failure) => {
            failure.print();
            ExitCode::from(2)
        }
    }
}

/// Prints what a subcommand says.
fn said(result: Result<(String, bool), Failure>) -> Result<bool, Failure> {
    result.map(|(text, ok)| {
        print(&text);
        ok
    })
}

fn verify(args: &VerifyArgs) -> Result<bool, Failure> {
    let began = Instant::now();
    let root = Root::find(args.how.place.root.as_deref())?;
    let register = Register::load(&root.claims(), "verify/claims")?;
    let mut models = models_of(&register, &root)?;
    let chosen = select(&register, &args.claims)?;
    if args.list {
        print(&list::render(&chosen, &args.how));
        return Ok(true);
    }
    if let Some(file) = &args.json {
        json::reserve(file)?;
    }
    let mut pins = Pins::load(&root.counts())?;
    let results = gather(&register, &chosen, &args.how, &root, &mut models)?;
    if args.bless {
        pins.bless(&results, args.claims.is_empty() && args.how.engines.is_empty());
        std::fs::write(root.counts(), pins.text()).map_err(|error| {
            let what = format!("cannot write verify/counts.toml: {error}");
            Failure::new(what, "see that the file can be written to")
        })?;
    }
    let evidence = Evidence { results: &results, pins: &pins, budget: args.how.budget() };
    let decided = decide(&chosen, &args.how, evidence);
    print(&table::render(&decided, began.elapsed()));
    if let Some(file) = &args.json {
        json::write(&decided, file)?;
    }
    Ok(decided.iter().all(verdict::Decided::ok))
}

fn explain(args: &ExplainArgs) -> Result<bool, Failure> {
    let root = Root::find(args.how.place.root.as_deref())?;
    let register = Register::load(&root.claims(), "verify/claims")?;
    let mut models = models_of(&register, &root)?;
    let chosen = select(&register, std::slice::from_ref(&args.claim))?;
    let pins = Pins::load(&root.counts())?;
    let results = gather(&register, &chosen, &args.how, &root, &mut models)?;
    let evidence = Evidence { results: &results, pins: &pins, budget: args.how.budget() };
    let decided = decide(&chosen, &args.how, evidence);
    for (index, claim) in decided.iter().enumerate() {
        if index > 0 {
            print("\n");
        }
        print(&explain::render(claim, &results));
    }
    Ok(decided.iter().all(verdict::Decided::ok))
}

/// The models, checked against the register; none are needed when no case names one.
fn models_of(register: &Register, root: &Root) -> Result<Option<Models>, Failure> {
    if register.claims.iter().flat_map(|claim| &claim.cases).all(|case| case.model.is_none()) {
        return Ok(None);
    }
    let models = Models::load(root)?;
    register.check_models(&models.known(), &root.spec())?;
    Ok(Some(models))
}

fn select<'a>(register: &'a Register, words: &[String]) -> Result<Vec<&'a Claim>, Failure> {
    register.select(words).map_err(|unknown| {
        let next = match &unknown.nearest {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`cargo verify --list` lists the claims".to_owned(),
        };
        Failure::new(unknown.to_string(), next)
    })
}

/// Builds and runs whatever the claims rest on.
fn gather(
    register: &Register,
    chosen: &[&Claim],
    how: &How,
    root: &Root,
    models: &mut Option<Models>,
) -> Result<Results, Failure> {
    let jobs = jobs::plan(chosen, how);
    if jobs.is_empty() {
        let engines: Vec<&str> = how.engines.iter().map(|engine| engine.word()).collect();
        return Err(Failure::new(
            format!("no claim chosen is decided by {}", engines.join(" or ")),
            "`cargo verify --list` shows the engines of each claim",
        ));
    }
    // Before the builds, which take longer than finding out that Java is missing.
    if let Some(models) = models.as_mut().filter(|_| jobs.iter().any(jobs::Job::is_model)) {
        models.find_tools()?;
    }
    let runners = Runners::new(root, how.runners.as_deref());
    let builds = jobs::builds(&jobs);
    let progress = Progress::new(jobs.len() + builds.len());
    let mut known = std::collections::BTreeMap::new();
    for &build in &builds {
        let name = if runners.are_built_here() {
            format!("building the {build} engine")
        } else {
            format!("looking at the {build} engine")
        };
        progress.start(&name);
        runners.make(build)?;
        for (scenario, engines) in runners.list(build)? {
            known.entry(scenario).or_insert_with(std::collections::BTreeSet::new).extend(engines);
        }
        progress.finish(&name, "ready");
    }
    if !builds.is_empty() {
        register.check_scenarios(&known)?;
    }
    Ok(Results::of(&jobs, &runners, models.as_ref(), how.budget(), &progress))
}

/// Prints to stdout, with colours where they are wanted.
fn print(text: &str) {
    // A reader that has seen enough (`| head`) is no reason to fail.
    let _ = anstream::stdout().lock().write_all(table::coloured(text).as_bytes());
}
