//! The model builds' cell: every access is checked for races and for use after free.
//!
//! Plain loom does not see use after free; with [`Tracked::retire`] a free counts as a write to the cell, and an
//! access after it is reported whatever orders the two. Under shuttle a vector clock finds data races.

use super::model::{self, Object};
use core::cell::UnsafeCell;
use core::fmt;
use core::panic::Location;
use std::sync::Mutex as StdMutex;

/// A cell whose accesses the model watches.
///
/// The pointers that it hands out are the caller's to use soundly, as with `UnsafeCell`.
pub struct Tracked<T> {
    content: UnsafeCell<T>,
    #[cfg(graceref_loom)]
    watch: loom::cell::UnsafeCell<()>,
    life: StdMutex<Life>,
    object: Object,
}

#[derive(Default)]
struct Life {
    retired: Option<&'static Location<'static>>,
    #[cfg(graceref_shuttle)]
    race: race::Accesses,
}

impl<T> Tracked<T> {
    /// A cell with a live value.
    pub fn new(value: T) -> Self {
        Self {
            content: UnsafeCell::new(value),
            #[cfg(graceref_loom)]
            watch: loom::cell::UnsafeCell::new(()),
            life: StdMutex::default(),
            object: Object::new(),
        }
    }

    /// A read of the content; a step of its own where a label stands over it.
    #[track_caller]
    pub fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        self.object.local_step();
        self.check(false);
        f(self.content.get())
    }

    /// A write to the content; a step of its own where a label stands over it.
    #[track_caller]
    pub fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        self.object.local_step();
        self.check(true);
        f(self.content.get())
    }

    /// The content's life ends: a free counts as a write, and every later access is a use after free.
    #[track_caller]
    pub fn retire(&self) {
        let stands = model::retires(Location::caller());
        self.object.local_step();
        if !stands || super::mutant("tracked.no_retire") {
            return;
        }
        model::set_freeing(true);
        self.check(true);
        self.life().retired = Some(Location::caller());
    }

    /// A look whether the content is still there, by one who does not use it.
    #[track_caller]
    pub fn still_there(&self) {
        let retired = self.life().retired;
        if let (true, Some(freed)) = (model::running(), retired) {
            let here = Location::caller();
            model::violated("NoUseAfterFree", format_args!("used at {here}, freed at {freed}"));
        }
    }

    /// A new life begins in the same memory (type-stable reuse).
    #[track_caller]
    pub fn renew(&self) {
        self.life().retired = None;
    }

    /// How far into the cell the content lies.
    pub const CONTENT_OFFSET: usize = core::mem::offset_of!(Self, content);

    /// Where the content is, for addresses that are not accesses, and for observers outside the model.
    pub fn as_ptr(&self) -> *mut T {
        self.content.get()
    }

    fn life(&self) -> std::sync::MutexGuard<'_, Life> {
        self.life.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    #[track_caller]
    fn check(&self, write: bool) {
        if !model::running() {
            return;
        }
        let here = Location::caller();
        #[allow(unused_mut)]
        let mut life = self.life();
        if let Some(freed) = life.retired {
            let what = if write { "written" } else { "read" };
            model::violated("NoUseAfterFree", format_args!("{what} at {here}, freed at {freed}"));
            // A race with that free is the same bug.
            model::set_freeing(true);
        }
        #[cfg(graceref_shuttle)]
        if let Some(other) = life.race.record(write, here) {
            let property = if model::freeing() { "NoUseAfterFree" } else { "NoDataRace" };
            model::violated(property, format_args!("{here} races with {other}"));
        }
        #[cfg(graceref_loom)]
        if write {
            self.watch.with_mut(|_| ());
        } else {
            self.watch.with(|_| ());
        }
        model::set_freeing(false);
    }
}

// SAFETY: the cell leaves exclusion to its user, as the pool sees to it for its objects; what the model adds is behind a
// lock, and the engines run all threads on one system thread (Stash!NoReuseWhileHeld).
unsafe impl<T: Send> Sync for Tracked<T> {}

impl<T> fmt::Debug for Tracked<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracked").finish_non_exhaustive()
    }
}

impl<T: Default> Default for Tracked<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

#[cfg(graceref_shuttle)]
mod race {
    use core::panic::Location;
    use shuttle::current::{self, TaskId};
    use std::vec::Vec;

    /// An access: who, at which time of its own, where.
    type Access = (TaskId, u32, &'static Location<'static>);

    /// Since the last write: that write and the reads after it.
    #[derive(Default)]
    pub(super) struct Accesses {
        write: Option<Access>,
        reads: Vec<Access>,
    }

    impl Accesses {
        /// Records an access; returns the earlier one that nothing orders before it.
        pub(super) fn record(
            &mut self,
            write: bool,
            here: &'static Location<'static>,
        ) -> Option<&'static Location<'static>> {
            let me = current::me();
            let clock = current::clock();
            // A thread that began before another knows nothing of it: its clock is that much shorter.
            let known = |who| <[u32]>::get(&clock, usize::from(who)).copied().unwrap_or(0);
            let unordered = |&(who, time, _): &Access| who != me && known(who) < time;
            let race = self
                .write
                .iter()
                .find(|a| unordered(a))
                .or_else(|| self.reads.iter().filter(|_| write).find(|a| unordered(a)))
                .map(|&(_, _, place)| place);
            let access = (me, clock.get(usize::from(me)), here);
            if write {
                self.write = Some(access);
                self.reads.clear();
            } else {
                self.reads.retain(|a| a.0 != me);
                self.reads.push(access);
            }
            race
        }
    }
}
