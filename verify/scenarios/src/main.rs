//! Runs one scenario under one pass and prints what it found as a line of JSON.

use clap::{Parser, Subcommand};
use scenarios::{Budget, Pass, Program, Record, Scenario, catalogue, programs};
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Runs one scenario under one pass of the engine that this binary was built for.
///
/// `cargo verify` builds it three times and calls it.
#[derive(Parser)]
#[command(
    after_help = "By hand:\n  RUSTFLAGS='--cfg graceref_shuttle' cargo run --profile model -p graceref-scenarios -- run epoll-2023 --pass cached"
)]
struct Args {
    #[command(subcommand)]
    word: Word,
}

#[derive(Subcommand)]
enum Word {
    /// Lists the scenarios, a line of JSON each.
    List,
    /// Runs a scenario.
    Run {
        /// Its name, as `list` prints it.
        scenario: String,
        /// The pass.
        #[arg(long)]
        pass: Pass,
        /// How long it may take.
        #[arg(long, default_value = "default")]
        budget: Budget,
        /// Where the graphs are.
        /// Only for lockstep.
        #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../../spec/graphs"))]
        graphs: PathBuf,
    },
}

fn main() -> ExitCode {
    match Args::parse().word {
        Word::List => {
            catalogue::all().iter().map(listed).for_each(|line| say(&line.to_string()));
            programs::all().iter().map(listed_program).for_each(|line| say(&line.to_string()));
            ExitCode::SUCCESS
        }
        Word::Run { scenario, pass, budget, graphs } => {
            let (found, program) = (catalogue::find(&scenario), programs::find(&scenario));
            if found.is_none() && program.is_none() {
                eprintln!("no scenario is called {scenario}; `scenario list` names them all");
                return ExitCode::FAILURE;
            }
            if pass.build() != BUILD {
                let (pass, build) = (pass.word(), pass.build());
                let how = match build {
                    "plain" => "without RUSTFLAGS".to_owned(),
                    model => format!("with RUSTFLAGS='--cfg graceref_{model}'"),
                };
                eprintln!(
                    "the pass {pass} needs the {build} build, this is the {BUILD} build: rebuild {how}"
                );
                return ExitCode::FAILURE;
            }
            let Some(found) = found else {
                return ended(
                    program.map_or(Ok(()), |program| play(&program, pass, budget, &graphs)),
                );
            };
            if pass == Pass::Kernel {
                eprintln!("{scenario} is a scenario of threads, which the kernel does not run");
                return ExitCode::FAILURE;
            }
            if let Some(reason) = found.skipped(pass.engine()) {
                let mut record = Record::new(found.name, pass);
                record.skipped = Some(reason.to_owned());
                print(&record);
                return ExitCode::SUCCESS;
            }
            ended(run(&found, pass, budget, &graphs))
        }
    }
}

fn ended(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

const BUILD: &str = if cfg!(graceref_loom) {
    "loom"
} else if cfg!(graceref_shuttle) {
    "shuttle"
} else {
    "plain"
};

fn listed(scenario: &Scenario) -> serde_json::Value {
    let engines: Vec<&str> = ["lockstep", "shuttle", "loom", "threads"]
        .into_iter()
        .filter(|engine| scenario.skipped(engine).is_none())
        .collect();
    serde_json::json!({ "scenario": scenario.name, "engines": engines, "about": scenario.about })
}

fn listed_program(program: &Program) -> serde_json::Value {
    serde_json::json!({
        "scenario": program.name, "engines": program.engines(), "about": program.about,
    })
}

fn play(
    program: &Program,
    pass: Pass,
    budget: Budget,
    graphs: &std::path::Path,
) -> Result<(), String> {
    let begun = std::time::Instant::now();
    let mut record = program.run(pass, budget, graphs)?;
    record.seconds = begun.elapsed().as_secs_f64();
    print(&record);
    Ok(())
}

/// A line for the reader, who may have seen enough.
fn say(line: &str) {
    match writeln!(std::io::stdout(), "{line}") {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => {
            eprintln!("the record cannot be written: {error}");
            std::process::exit(1);
        }
    }
}

fn print(record: &Record) {
    match serde_json::to_string(record) {
        Ok(line) => say(&line),
        Err(error) => eprintln!("the record cannot be written: {error}"),
    }
}

#[cfg(graceref_shuttle)]
fn run(
    scenario: &Scenario,
    pass: Pass,
    budget: Budget,
    graphs: &std::path::Path,
) -> Result<(), String> {
    let begun = std::time::Instant::now();
    let mut record = scenarios::shuttle_engine::run(scenario, pass, budget, graphs)?;
    record.seconds = begun.elapsed().as_secs_f64();
    print(&record);
    graceref::sync::model::unapplied().map_or(Ok(()), Err)
}

#[cfg(graceref_loom)]
fn run(scenario: &Scenario, pass: Pass, budget: Budget, _: &std::path::Path) -> Result<(), String> {
    scenarios::loom_engine::run(scenario, pass, budget, print);
    graceref::sync::model::unapplied().map_or(Ok(()), Err)
}

#[cfg(not(any(graceref_loom, graceref_shuttle)))]
#[allow(clippy::unnecessary_wraps)] // the other builds can fail
fn run(scenario: &Scenario, _: Pass, budget: Budget, _: &std::path::Path) -> Result<(), String> {
    let begun = std::time::Instant::now();
    let mut record = scenarios::threads_engine::run(scenario, budget);
    record.seconds = begun.elapsed().as_secs_f64();
    print(&record);
    Ok(())
}
