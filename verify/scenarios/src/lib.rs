//! One scenario, every engine: the threads of a spec model as running code.
//!
//! A [`Scenario`] names its threads, makes the world on which they act, and shows that world in the spec's
//! variables. It is written once. What becomes of it depends on the build: lockstep and shuttle's passes under
//! `--cfg graceref_shuttle`, loom's under `--cfg graceref_loom`, real threads in the plain build.
//!
//! A [`Program`] is a scenario of calls instead: what programs see, on the mirror and on the running kernel.

pub mod catalogue;
pub mod programs;
pub mod record;
pub mod scenario;

mod worlds;

#[cfg(graceref_loom)]
pub mod loom_engine;
#[cfg(graceref_shuttle)]
pub mod probe;
#[cfg(graceref_shuttle)]
pub mod shuttle_engine;
#[cfg(not(any(graceref_loom, graceref_shuttle)))]
pub mod threads_engine;

pub use programs::Program;
pub use record::{Budget, Pass, Record};
pub use scenario::{Cast, Locals, Scenario, Show, World};
