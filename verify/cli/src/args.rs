//! The words of `cargo verify`.

use claims::Engine;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  cargo verify                             every claim under every engine that it names
  cargo verify epoll.poll-dead             one claim
  cargo verify count 'epoll.*'             the claims whose ids begin so, or match the glob
  cargo verify --engine tlc --engine loom  two engines only
  cargo verify --quick                     smaller budgets, for a look while you write
  cargo verify --list                      what there is, without running anything
  cargo verify explain count.resurrect     one claim in full, with the race drawn
  cargo verify spec                        TLC on every model of spec/models.toml
  cargo verify mutants                     every small break of the crate, and who notices it
  cargo verify safety                      what the SAFETY and ORDERING comments rest on
  cargo verify --json report.json          the same table for a program to read
  cargo verify --bless                     records the numbers of executions found now

Reading the table: \u{2713} as expected, \u{2717} not, \u{2013} skipped (why stands below). A claim that is
expected to be violated is in order only when the engine finds the violation.

Exit status: 0 if every cell is as expected, 1 if one is not, 2 if nothing could be decided.";

/// Decides every claim by machine and prints the verdicts side by side.
#[derive(Debug, Parser)]
#[command(
    name = "cargo verify",
    bin_name = "cargo verify",
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    subcommand_precedence_over_arg = true,
    disable_help_subcommand = true
)]
pub(crate) struct Words {
    #[command(subcommand)]
    pub(crate) word: Option<Word>,
    #[command(flatten)]
    pub(crate) verify: VerifyArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Word {
    /// Prints one claim in full: statement, source, verdict, each case, and the race as a diagram.
    Explain(ExplainArgs),
    /// Runs TLC on the models of spec/models.toml and compares every number, and the table of spec/README.md.
    Spec(SpecArgs),
    /// Breaks the crate in every small way, one at a time, and says which engine notices.
    Mutants(MutantsArgs),
    /// Checks that each SAFETY comment rests on something that TLC checks, and each ordering says why.
    Safety(SafetyArgs),
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Ids, beginnings of ids, or globs; all claims when there is none.
    #[arg(value_name = "CLAIM")]
    pub(crate) claims: Vec<String>,
    /// Lists the claims and the engines that decide them, and runs nothing.
    #[arg(long)]
    pub(crate) list: bool,
    /// Also writes the result to FILE as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Records the numbers of executions found now in verify/counts.toml.
    #[arg(long, conflicts_with_all = ["quick", "soak", "list"])]
    pub(crate) bless: bool,
    #[command(flatten)]
    pub(crate) how: How,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The claim's id.
    #[arg(value_name = "CLAIM")]
    pub(crate) claim: String,
    #[command(flatten)]
    pub(crate) how: How,
}

#[derive(Debug, Args)]
pub(crate) struct SpecArgs {
    /// Names of models or globs; all models when there is none.
    #[arg(value_name = "MODEL")]
    pub(crate) models: Vec<String>,
    /// Writes what was found into spec/models.toml, spec/graphs and the table of spec/README.md.
    #[arg(long)]
    pub(crate) update: bool,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct MutantsArgs {
    /// Parts of mutants' names; all mutants when there is none.
    #[arg(value_name = "FILTER")]
    pub(crate) filters: Vec<String>,
    /// Also writes the result to FILE as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Writes what was found into docs/mutants.md.
    #[arg(long, conflicts_with = "filters")]
    pub(crate) update: bool,
    /// Only what docs/mutants.md says was noticed, by who noticed it first.
    #[arg(long, conflicts_with_all = ["filters", "update", "json"])]
    pub(crate) quick: bool,
    /// The crate's own model tests only, without the scenarios: for a look while those do not compile.
    #[arg(long, hide_short_help = true, conflicts_with = "update")]
    pub(crate) tests_only: bool,
    /// A folder with scenario-loom, model-loom and so on: nothing is built then.
    #[arg(long, value_name = "DIR", hide_short_help = true)]
    pub(crate) runners: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SafetyArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

/// How engines are run.
#[derive(Debug, Args)]
pub(crate) struct How {
    /// Only this engine; can be given several times.
    #[arg(long = "engine", value_name = "ENGINE",
          value_parser = PossibleValuesParser::new(Engine::WORDS).try_map(engine))]
    pub(crate) engines: Vec<Engine>,
    /// Smaller budgets for the passes that have one.
    #[arg(long, conflicts_with = "soak")]
    pub(crate) quick: bool,
    /// Larger budgets, for a night.
    #[arg(long)]
    pub(crate) soak: bool,
    /// A folder with scenario-plain, scenario-loom and scenario-shuttle: nothing is built then.
    #[arg(long, value_name = "DIR", hide_short_help = true)]
    pub(crate) runners: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PlaceArgs {
    /// The project root, where it is not the folder above that has spec/ and verify/.
    #[arg(long, value_name = "DIR", hide_short_help = true)]
    pub(crate) root: Option<PathBuf>,
}

/// How much a pass that could go on for ever may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Budget {
    Quick,
    Default,
    Soak,
}

impl Budget {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Budget::Quick => "quick",
            Budget::Default => "default",
            Budget::Soak => "soak",
        }
    }
}

impl How {
    pub(crate) fn budget(&self) -> Budget {
        match (self.quick, self.soak) {
            (true, _) => Budget::Quick,
            (_, true) => Budget::Soak,
            _ => Budget::Default,
        }
    }

    /// Whether the command line asks for `engine`.
    pub(crate) fn wants(&self, engine: Engine) -> bool {
        self.engines.is_empty() || self.engines.contains(&engine)
    }
}

fn engine(word: String) -> Result<Engine, String> {
    Engine::from_word(&word).ok_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    fn parse(line: &str) -> Words {
        Words::parse_from(std::iter::once("cargo verify").chain(line.split_whitespace()))
    }

    #[test]
    fn the_command_line_makes_sense_to_clap() {
        Words::command().debug_assert();
    }

    #[test]
    fn the_first_word_may_be_a_subcommand_and_else_is_a_claim() {
        assert!(matches!(parse("explain count.resurrect").word, Some(Word::Explain(_))));
        assert!(matches!(parse("spec --update").word, Some(Word::Spec(_))));
        let words = parse("count epoll.* --engine tlc --engine loom --quick");
        assert!(words.word.is_none());
        assert_eq!(words.verify.claims, ["count", "epoll.*"]);
        assert_eq!(words.verify.how.engines, [Engine::Tlc, Engine::Loom]);
        assert_eq!(words.verify.how.budget(), Budget::Quick);
    }

    #[test]
    fn the_help_teaches_with_examples() {
        insta::assert_snapshot!(Words::command().render_help());
    }
}
