//! The words of `ci/bench`.

use clap::Parser;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  ci/bench                          everything: the table, the targets, target/bench.json
  ci/bench --work get --work peek   two works only
  ci/bench --quick                  fewer and shorter rounds, for a look while you write
  ci/bench --check                  fails when a target is missed, and names it
  ci/bench --update-docs            rewrites the numbers in docs/benchmarks.md
  ci/bench --list                   the works and their contenders, without running anything

Reading the table: nanoseconds a step, the median of the rounds; between which numbers eight of ten
rounds lie; how many times the first contender's time that is, as the ratio of the medians and as the
median of the ratios within each round. The two differ when the machine was not alone: then run again.
With two threads it is the time of each thread, not of both together.

Exit status: 0 if measured (with --check: and every target is met), 1 if a target is missed, 2 if
something could not be measured.";

/// Times graceref beside what else there is: one process, warm, in rounds that alternate the contenders.
#[derive(Debug, Parser)]
#[command(name = "ci/bench", bin_name = "ci/bench", after_help = EXAMPLES)]
#[allow(clippy::struct_excessive_bools)] // they are switches
pub(crate) struct Args {
    /// Only this work: get, peek, read-lock, insert-remove, stale-get or reactor. May be repeated.
    #[arg(long = "work", value_name = "NAME")]
    pub(crate) works: Vec<String>,
    /// Lists the works, their variants and contenders, and runs nothing.
    #[arg(long)]
    pub(crate) list: bool,
    /// Fewer and shorter rounds.
    #[arg(long)]
    pub(crate) quick: bool,
    /// How many rounds.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) rounds: Option<u16>,
    /// Fails when a target is missed.
    #[arg(long)]
    pub(crate) check: bool,
    /// Writes the result to FILE instead of target/bench.json.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Rewrites the generated part of docs/benchmarks.md. Of a whole run only.
    #[arg(long, conflicts_with_all = ["quick", "works", "rounds", "list"])]
    pub(crate) update_docs: bool,
}

#[cfg(test)]
mod tests {
    use super::Args;
    use clap::CommandFactory as _;

    #[test]
    fn the_words_are_consistent() {
        Args::command().debug_assert();
    }
}
