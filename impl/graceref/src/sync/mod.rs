//! The one module that names the atomics that the crate's algorithms use: the same code runs on real threads, under loom and
//! under shuttle. (Others only number threads and pools, or run the engines.)
//!
//! | build | types |
//! |---|---|
//! | plain | `core::sync::atomic`; [`at!`](crate::at) and [`within`] are nothing, [`Tracked`] is its content |
//! | `--cfg graceref_loom` | loom's, with a pass that turns every access into a read-modify-write |
//! | `--cfg graceref_shuttle` | shuttle's, with a scheduling point that knows which spec step it stands before |
//!
//! A step of a specification is written [`at!`](crate::at)`("label")` on the line over the one shared access that
//! it stands for. The label is the PlusCal label, so that code and spec can be held against each other.

// The facade has to be free in an unoptimised build as well, where `inline` alone does nothing: hence `inline(always)`.

#[cfg(all(graceref_loom, graceref_shuttle))]
compile_error!("choose one engine: graceref_loom and graceref_shuttle exclude each other");

pub use core::sync::atomic::Ordering;

#[cfg(any(graceref_loom, graceref_shuttle))]
mod modelled;
#[cfg(any(graceref_loom, graceref_shuttle))]
pub use modelled::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Mutex, MutexGuard, fence};

#[cfg(not(any(graceref_loom, graceref_shuttle)))]
mod plain;
#[cfg(not(any(graceref_loom, graceref_shuttle)))]
pub use plain::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Tracked, fence};
#[cfg(all(feature = "std", not(any(graceref_loom, graceref_shuttle))))]
pub use plain::{Mutex, MutexGuard};

mod flag;
mod once;
pub(crate) use flag::Flag;
pub(crate) use once::OncePtr;

#[cfg(any(graceref_loom, graceref_shuttle))]
mod tracked;
#[cfg(any(graceref_loom, graceref_shuttle))]
pub use tracked::Tracked;

pub mod asym;

#[cfg(any(feature = "model", graceref_loom, graceref_shuttle))]
pub mod model;

/// The engine that this build runs under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Engine {
    /// Real threads, `core::sync::atomic`.
    Std,
    /// loom: C11 memory, partial-order reduction.
    Loom,
    /// shuttle: sequential consistency, schedules chosen by a scheduler.
    Shuttle,
}

/// The engine of this build.
///
/// A test that is meant for one engine asserts it: a lost `RUSTFLAGS` would run the plain build, all green.
///
/// ```
/// use graceref::sync::{ENGINE, Engine};
/// # #[cfg(not(any(graceref_loom, graceref_shuttle)))]
/// assert_eq!(ENGINE, Engine::Std);
/// ```
pub const ENGINE: Engine = if cfg!(graceref_loom) {
    Engine::Loom
} else if cfg!(graceref_shuttle) {
    Engine::Shuttle
} else {
    Engine::Std
};

/// Names the spec step that the next shared access is, and the step's local variables.
///
/// Costs nothing outside the model builds. `at!("get_cas", seen = value)` also records that the thread's local
/// variable `seen` (of the spec's process) is now `value`.
///
/// ```
/// use graceref::{at, sync::{AtomicU64, Ordering}};
/// let word = AtomicU64::new(1);
/// at!("get_load");
/// let seen = word.load(Ordering::Relaxed);
/// at!("get_cas", seen = seen);
/// let _ = word.compare_exchange(seen, seen + 1, Ordering::Relaxed, Ordering::Relaxed);
/// ```
#[macro_export]
macro_rules! at {
    ($label:literal $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::sync::label(
            $label,
            || $crate::__place!(),
            || [$((stringify!($name), $crate::sync::Local::from($value))),*],
        )
    };
}

/// Names the next access that is no step of a specification: a fence without a step before it, the end of something
/// that the model builds watch. Costs nothing outside the model builds.
///
/// ```
/// use graceref::{site, sync::Tracked};
/// let cell = Tracked::new(7);
/// site!("end");
/// cell.retire();
/// ```
#[macro_export]
macro_rules! site {
    ($label:literal) => {
        $crate::sync::site($label, || $crate::__place!())
    };
}

/// The function that a macro is expanded in. The item has no other purpose than that its path goes through it.
#[doc(hidden)]
#[macro_export]
macro_rules! __place {
    () => {{
        fn here() {}
        $crate::sync::Place {
            module: ::core::module_path!(),
            function: ::core::any::type_name_of_val(&here),
        }
    }};
}

/// Where in the source: what [`at!`](crate::at) knows of its own place.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// `module_path!()`.
    pub module: &'static str,
    /// The type name of an item inside the function, whose path goes through the function.
    pub function: &'static str,
}

/// Says that the thread's local variable of the spec's process is now this; part of the step before it.
///
/// Costs nothing outside the model builds.
#[macro_export]
macro_rules! local {
    ($($name:ident = $value:expr),* $(,)?) => {
        $crate::sync::locals(|| [$((stringify!($name), $crate::sync::Local::from($value))),*])
    };
}

/// A local variable of a thread as the spec sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Local {
    /// A number.
    Int(i64),
    /// A truth value.
    Bool(bool),
    /// A name.
    Str(&'static str),
}

impl From<bool> for Local {
    fn from(v: bool) -> Self {
        Local::Bool(v)
    }
}

impl From<&'static str> for Local {
    fn from(v: &'static str) -> Self {
        Local::Str(v)
    }
}

macro_rules! local_from_int {
    ($($int:ty),*) => {$(
        impl From<$int> for Local {
            // A model's numbers are small; a 64-bit pattern keeps its bits.
            #[allow(clippy::cast_possible_wrap, clippy::cast_lossless)]
            fn from(v: $int) -> Self {
                Local::Int(v as i64)
            }
        }
    )*};
}
local_from_int!(i32, i64, u32, u64);

/// What [`at!`](crate::at) expands to.
#[doc(hidden)]
#[inline(always)]
pub fn label<const N: usize>(
    label: &'static str,
    place: impl FnOnce() -> Place,
    locals: impl FnOnce() -> [(&'static str, Local); N],
) {
    #[cfg(any(graceref_loom, graceref_shuttle))]
    {
        model::set_locals(&locals());
        model::set_label(label);
        model::set_site(label, place());
    }
    #[cfg(not(any(graceref_loom, graceref_shuttle)))]
    let _ = (label, place, locals);
    #[cfg(all(feature = "model", not(any(graceref_loom, graceref_shuttle))))]
    model::dally();
}

/// What [`site!`](crate::site) expands to.
#[doc(hidden)]
#[inline(always)]
pub fn site(label: &'static str, place: impl FnOnce() -> Place) {
    #[cfg(any(graceref_loom, graceref_shuttle))]
    model::set_site(label, place());
    #[cfg(not(any(graceref_loom, graceref_shuttle)))]
    let _ = (label, place);
}

/// What [`local!`](crate::local) expands to.
#[doc(hidden)]
#[inline(always)]
pub fn locals<const N: usize>(locals: impl FnOnce() -> [(&'static str, Local); N]) {
    #[cfg(any(graceref_loom, graceref_shuttle))]
    model::set_locals(&locals());
    #[cfg(not(any(graceref_loom, graceref_shuttle)))]
    let _ = locals;
}

/// Puts a prefix before the labels of the calls made while the guard lives: inside `within("poll")`, the
/// label `get_cas` of [`Count::get_active`](crate::Count::get_active) is the step `poll_get_cas`.
///
/// Costs nothing outside the model builds.
#[must_use]
#[inline(always)]
pub fn within(prefix: &'static str) -> Within {
    #[cfg(any(graceref_loom, graceref_shuttle))]
    model::push_prefix(prefix);
    #[cfg(not(any(graceref_loom, graceref_shuttle)))]
    let _ = prefix;
    Within(())
}

/// A number that no other call in this process returns, from 1 on: a name, not a step.
#[cfg(any(feature = "std", graceref_loom, graceref_shuttle))]
pub(crate) fn unique() -> u64 {
    static NEXT: core::sync::atomic::AtomicU64 = core::sync::atomic::AtomicU64::new(1);
    // ORDERING: Relaxed; it only counts.
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The guard of [`within`].
#[derive(Debug)]
pub struct Within(());

impl Drop for Within {
    #[inline(always)]
    fn drop(&mut self) {
        #[cfg(any(graceref_loom, graceref_shuttle))]
        model::pop_prefix();
    }
}

/// Whether the named mutant is switched on; always `false` outside the model builds.
///
/// A mutant is a known wrong turn in the code that a checker must catch: each of them is run, and the run
/// fails if nothing notices.
#[inline(always)]
pub fn mutant(name: &'static str) -> bool {
    #[cfg(any(graceref_loom, graceref_shuttle))]
    return model::mutant_is(name);
    #[cfg(not(any(graceref_loom, graceref_shuttle)))]
    {
        let _ = name;
        false
    }
}
