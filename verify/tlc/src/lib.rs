//! Runs TLC on the models that `spec/models.toml` lists and compares every number with what is
//! expected.
//!
//! A model is one configuration of one TLA+ module with one [`Question`]: do its invariants hold, is
//! it live, does it refine the abstract module, what is its state graph, does a bait fail, is a
//! state reachable. The file says what the answer must be, down to the number of states; [`run`]
//! asks TLC and lists every difference, in either direction.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let root = std::path::Path::new(".");
//! let models = tlc::load(root)?;
//! let tools = tlc::Tools::find(root)?;
//! let quiet = |_: tlc::Event<'_>| ();
//! for outcome in tlc::run(&models, &tools, &tlc::Options::new(root, &quiet)) {
//!     println!("{} {}", outcome.name, if outcome.ok() { "ok" } else { "differs" });
//! }
//! # Ok(())
//! # }
//! ```
//!
//! | module | what lives there |
//! |---|---|
//! | [`model`] | what a model is, and `spec/models.toml` as text |
//! | [`tools`] | the Java runtime and the TLC jar |
//! | [`mod@lint`] | house rules for the PlusCal text |
//! | [`translate`] | PlusCal to TLA+, and the way back from a translated line to the line that was written |
//! | [`output`] | TLC's messages by code |
//! | [`trace`] | counterexamples |
//! | [`outcome`] | what was found, held against what was pinned |
//! | [`unbroken()`] | properties that no configuration breaks |

pub mod lint;
pub mod model;
pub mod outcome;
pub mod output;
pub mod tools;
pub mod trace;
pub mod translate;

mod config;
mod graph;
mod load;
mod pin;
mod place;
mod process;
mod run;
mod unbroken;
mod verdict;

pub use lint::{Problem, lint, lint_spec};
pub use load::{ModelsError, load, parse};
pub use model::{Expect, Model, Question};
pub use outcome::{Found, Outcome};
pub use run::{Event, Options, run};
pub use tools::{Jar, Java, ToolError, Tools, find_jar, find_java};
pub use trace::{Trace, TraceEnd, TraceState};
pub use unbroken::unbroken;
