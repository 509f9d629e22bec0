//! What the engines share: where each thread stands, what it did, and what was found wrong.
//!
//! Compiled into the model builds, and with feature `model` into the plain build, where only
//! [`violated`], [`witness`], [`around`] and [`Ghost`] mean something.

use super::{ENGINE, Engine};
use core::fmt;
use std::collections::BTreeMap;
use std::string::{String, ToString};
use std::sync::{Mutex, PoisonError};

#[cfg(any(graceref_loom, graceref_shuttle))]
mod mutants;
#[cfg(any(graceref_loom, graceref_shuttle))]
mod sites;
#[cfg(any(graceref_loom, graceref_shuttle))]
mod steps;
#[cfg(any(graceref_loom, graceref_shuttle))]
pub(super) use mutants::mutant_is;
#[cfg(any(graceref_loom, graceref_shuttle))]
pub use mutants::{NAMED, set_mutant};
#[cfg(any(graceref_loom, graceref_shuttle))]
pub(super) use sites::{access, exchange, fenced, retires};
#[cfg(any(graceref_loom, graceref_shuttle))]
pub use sites::{mutant_of_orderings, unapplied};
#[cfg(any(graceref_loom, graceref_shuttle))]
pub use steps::*;

/// What the executions so far showed: the properties that broke and the behaviours that were witnessed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Property to the first account of how it broke.
    pub violations: BTreeMap<&'static str, String>,
    /// Behaviours that a claim says are possible and that were seen.
    pub witnesses: BTreeMap<&'static str, String>,
}

static REPORT: Mutex<Report> =
    Mutex::new(Report { violations: BTreeMap::new(), witnesses: BTreeMap::new() });

fn report() -> std::sync::MutexGuard<'static, Report> {
    REPORT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Records that the named property does not hold here. The execution goes on: what a broken variant does
/// next is part of its graph.
pub fn violated(property: &'static str, detail: fmt::Arguments<'_>) {
    #[cfg(any(graceref_loom, graceref_shuttle))]
    if !steps::note_event(property, true) {
        return;
    }
    report().violations.entry(property).or_insert_with(|| detail.to_string());
}

/// Records that the named behaviour was seen.
pub fn witness(behaviour: &'static str, detail: fmt::Arguments<'_>) {
    #[cfg(any(graceref_loom, graceref_shuttle))]
    if !steps::note_event(behaviour, false) {
        return;
    }
    report().witnesses.entry(behaviour).or_insert_with(|| detail.to_string());
}

/// What was recorded since the last call.
pub fn take_report() -> Report {
    std::mem::take(&mut *report())
}

#[cfg(not(any(graceref_loom, graceref_shuttle)))]
mod dally;
#[cfg(not(any(graceref_loom, graceref_shuttle)))]
pub(super) use dally::dally;
#[cfg(not(any(graceref_loom, graceref_shuttle)))]
pub use dally::{Steps, seed_dally, set_dally};

/// A step, and what the proof looks at or notes with it.
///
/// An engine does so right after the step, which is the step's own time. Real threads must do it before: after the step,
/// which may let others go on, what was there may rightly be gone.
///
/// ```
/// use graceref::model::{Ghost, around, require};
/// use graceref::sync::{AtomicU32, Ordering};
///
/// let (freed, users) = (Ghost::new(false), AtomicU32::new(2));
/// let left = around(
///     || users.fetch_sub(1, Ordering::Release) - 1,       // who is last may free it at once
///     || require(!freed.get(), "NoUseAfterFree"),
/// );
/// assert_eq!(left, 1);
/// ```
pub fn around<R>(step: impl FnOnce() -> R, ghost: impl FnOnce()) -> R {
    if ENGINE == Engine::Std {
        ghost();
        step()
    } else {
        let result = step();
        ghost();
        result
    }
}

/// A variable of the proof, not of the program: no step, no ordering, invisible to the engines.
#[derive(Debug, Default)]
pub struct Ghost<T>(Mutex<T>);

impl<T> Ghost<T> {
    /// A ghost with a first value.
    pub const fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    /// Looks at or changes the value.
    pub fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T: Copy> Ghost<T> {
    /// The value.
    pub fn get(&self) -> T {
        self.with(|v| *v)
    }

    /// A new value.
    pub fn set(&self, value: T) {
        self.with(|v| *v = value);
    }
}
