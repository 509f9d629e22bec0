//! A model checker for code that is built on this crate: what some threads do at once, in every order.
//!
//! The crate's own races are explored under loom and shuttle, through [`sync`](crate::sync). This is the same for
//! yours. A [`Model`] says how the shared world is made, what each of up to four threads does with it, and what must
//! hold at the end; [`Model::explore`] runs that under whichever engine the build has and says what it explored,
//! whether that was everything, and for each property that broke the steps that broke it.
//!
//! | build | explores |
//! |---|---|
//! | `--cfg graceref_shuttle` | every interleaving, each state once; if that is more than the limit, it says so and adds random and PCT schedules |
//! | `--cfg graceref_loom` | twice: interleavings with every access a read-modify-write, then C11 weak memory |
//! | plain | real threads, many rounds; proves nothing, and needs no engine |
//!
//! ```toml
//! [dev-dependencies]
//! graceref = { version = "0.1", features = ["model"] }
//! ```
//! ```sh
//! RUSTFLAGS="--cfg graceref_shuttle" cargo test --test my_model
//! RUSTFLAGS="--cfg graceref_loom"    cargo test --test my_model --release
//! ```
//!
//! # An example
//!
//! Whoever drops the last reference has something to do. Here each thread looks whether it is the last, and then
//! drops; both may see the other.
//!
//! ```
//! use graceref::model::{Model, require};
//! use graceref::sync::{AtomicU32, Ordering};
//! use graceref::{Pool, Ref, at};
//! use std::sync::Mutex;
//!
//! struct World {
//!     refs: [Mutex<Option<Ref<()>>>; 2],     // what each thread takes with it
//!     flushed: AtomicU32,
//! }
//!
//! fn leave(world: &World, me: usize) {
//!     let mine = world.refs[me].lock().unwrap().take().unwrap();
//!     if Ref::refs(&mine) == 1 {
//!         at!("flush");                      // a step with a name; without one it is named by its line
//!         world.flushed.fetch_add(1, Ordering::Relaxed);
//!     }
//! }
//!
//! let model = Model::new("the last one flushes", || {
//!     let object = Pool::new().insert(()).unwrap();
//!     World {
//!         refs: [Mutex::new(Some(object.clone())), Mutex::new(Some(object))],
//!         flushed: AtomicU32::new(0),
//!     }
//! })
//! .thread("one", |world: &World| leave(world, 0))
//! .thread("other", |world: &World| leave(world, 1))
//! .at_end(|world| require(world.flushed.load(Ordering::Relaxed) == 1, "FlushedOnce"));
//!
//! let explored = model.explore();
//! println!("{explored}");
//! # #[cfg(any(graceref_loom, graceref_shuttle))]
//! assert!(explored.found("FlushedOnce").is_some());   // under an engine, always; on real threads, perhaps
//! ```
//!
//! Destructors know better (`impl Drop` for the object, and no look at the count). `examples/model_your_own.rs` is a
//! larger one: a cache of connections that checks a key and then acts without a reference, and the mended version.
//!
//! # What the engines see
//!
//! - Accesses through [`sync`](crate::sync): its atomics, its `Mutex`, its [`Tracked`](crate::sync::Tracked) cells,
//!   and all that this crate does with them. There are `AtomicU32`, `AtomicU64`, `AtomicUsize`, `AtomicPtr`, `Mutex` and
//!   `fence`; there are no other widths, no `AtomicBool` (a `u32` does), no `fetch_update` and no bitwise operations, no
//!   `RwLock`, no condition variable and no `park`. A `std` atomic or lock is invisible: right for hand-overs and for ghosts
//!   ([`Ghost`]), wrong for what the threads compete for, and a `std` lock must not be held over a step.
//! - Property `Deadlock` (nobody can go on), `NoPanic` (a thread or the end panicked), `NoUseAfterFree` and
//!   `NoDataRace` (of `Tracked` cells), and the names that you give to [`require`] and [`violated`].
//! - A thread that waits in a loop for another has executions without end: such a search is cut off, and says so.
//! - The world has to do the same each time: no clocks, no random numbers, no statics that are changed.
//! - shuttle tells states apart by what the threads have read. A ghost that depends on the order of steps which
//!   share nothing needs [`Model::watch`]. loom knows of no ghosts and may leave out one of two such orders.
//! - loom keeps one last access per atomic, and alone it may miss an interleaving. Its first pass is complete if it
//!   has as many classes as shuttle has, with the same digest; compare the two lines.
//! - loom says a data race, a deadlock or a panic by stopping; what comes after it is not explored.

#[cfg(graceref_loom)]
#[path = "loom.rs"]
mod engine;
#[cfg(graceref_shuttle)]
#[path = "shuttle.rs"]
mod engine;
#[cfg(not(any(graceref_loom, graceref_shuttle)))]
#[path = "threads.rs"]
mod engine;
mod explored;
mod panics;
mod play;

pub use crate::sync::model::{Ghost, around, violated, witness};
pub use explored::{Explored, Extent, Finding, Pass, Step};

use play::Cast;
use std::prelude::v1::*;
use std::sync::{Arc, Mutex, PoisonError};

/// As many threads as loom can run.
const THREADS: usize = 4;

/// Records that the property does not hold, if it does not. The execution goes on.
///
/// ```
/// graceref::model::require(1 + 1 == 2, "Arithmetic");
/// ```
#[track_caller]
pub fn require(holds: bool, property: &'static str) {
    if !holds {
        let place = core::panic::Location::caller();
        violated(
            property,
            format_args!("required at {}:{}", explored::short(place.file()), place.line()),
        );
    }
}

/// What a thread takes with it: put there when the world is made, and taken once.
///
/// No step, and invisible to the engines.
#[derive(Debug)]
pub struct Hand<T>(Mutex<Option<T>>);

impl<T> Hand<T> {
    /// A hand with something in it.
    pub fn holding(value: T) -> Self {
        Self(Mutex::new(Some(value)))
    }

    /// What is in it.
    ///
    /// # Panics
    /// When it was taken before.
    pub fn take(&self) -> T {
        let value = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        value.expect("nothing is in this hand: each is taken once, by one thread")
    }
}

/// Some threads on a shared world, to be explored.
///
/// The world is made anew for each execution, and its destructor, when all is over, is not explored.
#[must_use = "nothing is explored before `explore`"]
pub struct Model<W> {
    cast: Cast<W>,
    options: Options,
}

/// How much to explore.
#[derive(Debug, Clone)]
struct Options {
    limit: u64,
    rounds: u64,
    seed: u64,
    #[cfg_attr(not(graceref_loom), allow(dead_code))]
    bound: Option<usize>,
}

impl<W: Send + Sync + 'static> Model<W> {
    /// A model with this name, on worlds that `make` makes.
    pub fn new(name: &str, make: impl Fn() -> W + Send + Sync + 'static) -> Self {
        Self {
            cast: Cast {
                name: name.to_owned(),
                make: Box::new(make),
                threads: Vec::new(),
                end: Box::new(|_| ()),
                watch: Box::new(|_| 0),
            },
            options: Options { limit: 300_000, rounds: 4_000, seed: 1, bound: None },
        }
    }

    /// One more thread, and what it does. One to four of them.
    pub fn thread(mut self, name: &str, run: impl Fn(&W) + Send + Sync + 'static) -> Self {
        self.cast.threads.push((name.to_owned(), Box::new(run)));
        self
    }

    /// What must hold when all threads have finished: looks at the world, and calls [`require`] or [`violated`].
    ///
    /// Called by whichever thread is last, after it has synchronised with the others.
    pub fn at_end(mut self, end: impl Fn(&W) + Send + Sync + 'static) -> Self {
        self.cast.end = Box::new(end);
        self
    }

    /// Tells states apart by a number made of the world's [ghosts](Ghost), besides what the threads have read.
    ///
    /// Only needed for a ghost whose value depends on the order of steps that share nothing. Called between steps;
    /// looks, without a step.
    pub fn watch(mut self, watch: impl Fn(&W) -> u64 + Send + Sync + 'static) -> Self {
        self.cast.watch = Box::new(watch);
        self
    }

    /// So many executions in a pass of an engine, at the most; 300,000 unless told otherwise.
    pub fn limit(mut self, executions: u64) -> Self {
        self.options.limit = executions.max(1);
        self
    }

    /// So many rounds on real threads, and random and PCT schedules each where shuttle's search is cut off; 4,000 unless told
    /// otherwise.
    pub fn rounds(mut self, rounds: u64) -> Self {
        self.options.rounds = rounds;
        self
    }

    /// The seed of what is random; 1 unless told otherwise.
    pub fn seed(mut self, seed: u64) -> Self {
        self.options.seed = seed;
        self
    }

    /// loom looks only at executions in which no more than so many threads are interrupted where they could go on.
    ///
    /// For models that are too large for all; the report says so.
    pub fn preemption_bound(mut self, bound: usize) -> Self {
        self.options.bound = Some(bound);
        self
    }

    /// Explores the model under the engine of this build. One at a time in a process: others wait.
    ///
    /// # Panics
    /// When the model has no thread or more than four. What the threads panic with is caught and reported.
    pub fn explore(self) -> Explored {
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let threads = self.cast.threads.len();
        assert!(
            (1..=THREADS).contains(&threads),
            "model \"{}\" has {threads} threads, but must have 1 to {THREADS}: call `thread` for each",
            self.cast.name
        );
        let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let mut explored = Explored::new(&self.cast);
        let _ = crate::sync::model::take_report();
        engine::explore(&Arc::new(self.cast), &self.options, &mut explored);
        explored
    }
}

impl<W> core::fmt::Debug for Model<W> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Model").field("name", &self.cast.name).finish_non_exhaustive()
    }
}
