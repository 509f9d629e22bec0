//! The register: every claim, where it comes from, and the verdict expected of each engine.
//!
//! A claim is one statement about lifetimes ("taking a reference from zero brings a dying file
//! back"), and its cases are the variants of the system that decide it. The register is a folder of
//! TOML files, one per area:
//!
//! ```toml
//! [[claim]]
//! id = "count.resurrect"
//! source = "000#4 #17 #18"
//! statement = "taking a reference from zero brings a dying file back"
//! verdict = "violated"
//! meaning = "get_file() on a file whose count is zero ends in a second release."
//!
//! [[claim.case]]
//! scenario = "epoll-2023"               # what lockstep, shuttle, loom and threads run
//! model = "epoll-2023-resurrect"        # what TLC runs: an entry of spec/models.toml
//! engines = ["tlc", "lockstep", "shuttle", "loom"]
//! property = "NoResurrect"
//! expect = "violated"
//! except = { threads = "the window is a few instructions wide" }
//! ```
//!
//! Reading it is strict. Whatever is unknown, missing or contradictory is a [`Problem`] that names
//! the file and the line, shows the text and says what to write instead; all problems of a file are
//! reported at once. What lies outside the register, the models and the scenarios, is checked in a
//! second step ([`Register::check_models`], [`Register::check_scenarios`]), because listing the
//! scenarios takes a build.
//!
//! ```
//! use claims::{Expect, Register};
//!
//! let register = Register::parse([(
//!     "count.toml".to_owned(),
//!     r#"
//!     [[claim]]
//!     id = "count.inc-not-zero"
//!     source = "000#2"
//!     statement = "inc-not-zero never revives"
//!     verdict = "holds"
//!     meaning = "Once the count is zero it stays zero."
//!     [[claim.case]]
//!     scenario = "count-cas"
//!     engines = ["shuttle"]
//!     property = "NoResurrect"
//!     expect = "holds"
//!     "#
//!     .to_owned(),
//! )])?;
//! let chosen = register.select(&["count.*"]).unwrap();
//! assert_eq!(chosen[0].cases[0].expect, Expect::Holds);
//! # Ok::<(), claims::Problems>(())
//! ```

mod check;
mod nearest;
mod outside;
mod problem;
mod register;
mod schema;
mod select;
mod words;

pub use nearest::nearest;
pub use outside::Model;
pub use problem::{Problem, Problems};
pub use register::{Case, Claim, Exception, Place, Register};
pub use select::{UnknownClaim, matches};
pub use words::{Engine, Expect, Verdict};
