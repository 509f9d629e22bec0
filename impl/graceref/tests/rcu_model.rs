//! RCU's own races, explored under loom (both passes) and under shuttle.
//!
//! Nobody waits here: an updater asks once whether the grace period is over, and frees if it is.
#![cfg(any(graceref_loom, graceref_shuttle))]

mod engine;
#[path = "rcu_cases/pool.rs"]
mod pool;

#[cfg(graceref_shuttle)]
use engine::holds_in_part;
use engine::{Scene, fails, holds, shows};
use graceref::rcu::Domain;
use graceref::sync::model::{self, Ghost};
use graceref::sync::{AtomicU32, Ordering as Order, Tracked};
use std::sync::Arc;

/// What a free under a reader is called, and what a race with it is.
const USE_AFTER_FREE: [&str; 2] = ["NoUseAfterFree", "NoDataRace"];

const NOTHING: u32 = 0;
const OBJECT: u32 = 1;

/// A domain, a link to an object, and the object.
struct Shared {
    domain: Domain,
    link: AtomicU32,
    object: Tracked<()>,
    read: Ghost<bool>,
}

impl Shared {
    fn new() -> Self {
        Self {
            domain: Domain::new(),
            link: AtomicU32::new(OBJECT),
            object: Tracked::new(()),
            read: Ghost::default(),
        }
    }

    fn read(&self) {
        let guard = self.domain.read_lock();
        // ORDERING: Relaxed; the object was there from the start, and the fences are what is tried here.
        if self.link.load(Order::Relaxed) == OBJECT {
            self.object.with(|_| ());
            self.read.set(true);
        }
        drop(guard);
    }

    fn unlink(&self) {
        // ORDERING: Relaxed; the snapshot orders it.
        self.link.store(NOTHING, Order::Relaxed);
    }

    fn free(&self) {
        self.object.retire();
        model::witness("Freed", format_args!("a grace period was over"));
        if self.read.get() {
            model::witness("Read", format_args!("and the object had been read"));
        }
    }

    fn update(&self) {
        self.unlink();
        let snapshot = self.domain.snapshot();
        if self.domain.elapsed(snapshot) {
            self.free();
        }
    }
}

/// A reader and an updater.
struct ReadAndFree(Shared);

impl Scene for ReadAndFree {
    fn set() -> Self {
        let shared = Shared::new();
        shared.domain.raw_prepare(0);
        Self(shared)
    }
    fn first(&self) {
        self.0.read();
    }
    fn second(&self) {
        self.0.update();
    }
}

/// The reader comes twice: the second stamp hides that the first section is over.
struct ReadTwice(Shared);

impl Scene for ReadTwice {
    fn set() -> Self {
        let shared = Shared::new();
        shared.domain.raw_prepare(0);
        Self(shared)
    }
    fn first(&self) {
        self.0.read();
        self.0.read();
    }
    fn second(&self) {
        self.0.update();
    }
}

/// The reader's record is not there yet when the updater comes.
struct FirstRead(Shared);

impl Scene for FirstRead {
    fn set() -> Self {
        Self(Shared::new())
    }
    fn first(&self) {
        self.0.read();
    }
    fn second(&self) {
        self.0.update();
    }
}

/// Two readers come for the first time: one may find the other's record.
struct FirstReads(Shared);

impl Scene for FirstReads {
    fn set() -> Self {
        Self(Shared::new())
    }
    fn first(&self) {
        self.0.read();
    }
    fn second(&self) {
        self.0.read();
    }
}

/// Nested guards, the outer one dropped first.
struct Nested(Shared);

impl Scene for Nested {
    fn set() -> Self {
        let shared = Shared::new();
        shared.domain.raw_prepare(0);
        Self(shared)
    }
    fn second(&self) {
        self.0.update();
    }
    fn first(&self) {
        let outer = self.0.domain.read_lock();
        let inner = self.0.domain.read_lock();
        drop(outer);
        // ORDERING: Relaxed, as in `read`.
        if self.0.link.load(Order::Relaxed) == OBJECT {
            self.0.object.with(|_| ());
            self.0.read.set(true);
        }
        drop(inner);
    }
}

/// A third thread that takes grace periods further while the updater unlinks: what it began may not count, and what it
/// ends does.
struct Helped(Shared);

impl Scene for Helped {
    const THIRD: bool = true;
    fn set() -> Self {
        let shared = Shared::new();
        shared.domain.raw_prepare(0);
        Self(shared)
    }
    fn first(&self) {
        self.0.read();
    }
    fn second(&self) {
        self.0.update();
    }
    fn third(&self) {
        self.0.domain.elapsed(self.0.domain.snapshot());
    }
}

/// Two readers, one behind the other in the list.
struct TwoReaders(Shared);

impl Scene for TwoReaders {
    const THIRD: bool = true;
    fn set() -> Self {
        let shared = Shared::new();
        shared.domain.raw_prepare(0);
        shared.domain.raw_prepare(1);
        Self(shared)
    }
    fn first(&self) {
        self.0.read();
    }
    fn second(&self) {
        self.0.read();
    }
    fn third(&self) {
        self.0.update();
    }
}

impl Shared {
    /// What the update does, when its time has come.
    fn defer_free(this: &Arc<Self>) {
        let shared = Arc::downgrade(this);
        this.domain.defer(move || {
            if let Some(shared) = shared.upgrade() {
                shared.free();
            }
        });
    }
}

/// The updater's work is deferred (under a lock, and far too much of it for loom), and whoever is last runs it.
#[cfg(graceref_shuttle)]
struct Deferred(Arc<Shared>);

#[cfg(graceref_shuttle)]
impl Scene for Deferred {
    fn set() -> Self {
        let shared = Shared::new();
        shared.domain.raw_prepare(0);
        shared.domain.raw_prepare(1);
        Self(Arc::new(shared))
    }
    fn first(&self) {
        self.0.read();
    }
    fn second(&self) {
        let guard = self.0.domain.read_lock();
        self.0.unlink();
        Shared::defer_free(&self.0);
        drop(guard);
    }
}

/// The updater's work is deferred, and it runs it itself after a grace period that the reader has ended.
struct DueByAnother(Arc<Shared>);

impl Scene for DueByAnother {
    const BOUND: Option<usize> = Some(2);
    fn set() -> Self {
        let shared = Shared::new();
        shared.domain.raw_prepare(0);
        Self(Arc::new(shared))
    }
    fn first(&self) {
        self.0.read();
        self.0.domain.elapsed(self.0.domain.snapshot());
    }
    fn second(&self) {
        self.0.unlink();
        Shared::defer_free(&self.0);
        self.0.domain.defer(|| ());
    }
}

#[test]
fn what_a_reader_found_is_not_freed_before_it_leaves() {
    shows(&holds::<ReadAndFree>(), &["Freed", "Read"]);
}

#[test]
fn a_reader_that_comes_again_is_not_taken_for_one_that_is_still_inside() {
    shows(&holds::<ReadTwice>(), &["Freed", "Read"]);
}

#[test]
fn a_reader_whose_record_is_new_is_seen() {
    shows(&holds::<FirstRead>(), &["Freed", "Read"]);
}

#[test]
fn two_readers_make_their_records_at_once() {
    holds::<FirstReads>();
}

#[test]
fn the_inner_guard_keeps_the_reader_inside() {
    shows(&holds::<Nested>(), &["Freed", "Read"]);
}

#[test]
fn every_reader_is_waited_for() {
    shows(&holds::<TwoReaders>(), &["Freed", "Read"]);
}

#[test]
fn a_grace_period_that_another_thread_began_is_as_good() {
    // Too much for shuttle to see all of it.
    #[cfg(graceref_shuttle)]
    let explored = holds_in_part::<Helped>();
    #[cfg(graceref_loom)]
    let explored = holds::<Helped>();
    shows(&explored, &["Freed", "Read"]);
}

#[cfg(graceref_shuttle)]
#[test]
fn deferred_work_runs_after_the_reader() {
    shows(&holds_in_part::<Deferred>(), &["Freed", "Read"]);
}

#[test]
fn deferred_work_runs_after_a_grace_period_that_another_thread_ended() {
    // Too much for shuttle to see all of it.
    #[cfg(graceref_shuttle)]
    let explored = holds_in_part::<DueByAnother>();
    #[cfg(graceref_loom)]
    let explored = holds::<DueByAnother>();
    shows(&explored, &["Freed", "Read"]);
}

#[test]
fn a_grace_period_without_the_bump_of_the_counter_frees_under_the_reader() {
    fails::<ReadAndFree>("rcu.no_bump", &USE_AFTER_FREE);
}

/// Memory orderings, of which shuttle has none to weaken, and what random schedules do not meet.
#[cfg(graceref_loom)]
mod under_loom {
    use super::{Helped, ReadAndFree, ReadTwice, TwoReaders, USE_AFTER_FREE, fails};

    #[test]
    fn a_snapshot_that_joins_the_period_under_way_frees_under_the_reader() {
        fails::<Helped>("rcu.join", &USE_AFTER_FREE);
    }

    #[test]
    fn a_reader_without_its_fence_is_not_seen() {
        fails::<ReadAndFree>("rcu.no_light", &USE_AFTER_FREE);
    }

    #[test]
    fn an_updater_without_its_fence_does_not_see() {
        fails::<Helped>("rcu.no_heavy", &USE_AFTER_FREE);
    }

    #[test]
    fn a_snapshot_without_its_fence_is_not_in_order() {
        fails::<Helped>("rcu.no_snapshot_fence", &USE_AFTER_FREE);
    }

    #[test]
    fn leaving_without_release_races_with_the_free() {
        fails::<ReadAndFree>("weaken:rcu::record::leave::leave=Relaxed", &USE_AFTER_FREE);
    }

    #[test]
    fn entering_again_without_release_races_with_the_free() {
        fails::<ReadTwice>("weaken:rcu::record::enter::enter=Relaxed", &USE_AFTER_FREE);
    }

    #[test]
    fn looking_without_acquire_races_with_the_free() {
        fails::<ReadAndFree>("weaken:rcu::record::blocks::look=Relaxed", &USE_AFTER_FREE);
    }

    #[test]
    fn asking_without_acquire_races_with_the_free() {
        fails::<Helped>("weaken:rcu::period::elapsed::period=Relaxed", &USE_AFTER_FREE);
    }

    #[test]
    fn a_first_reader_is_not_the_only_one() {
        fails::<TwoReaders>("rcu.first", &USE_AFTER_FREE);
    }

    #[test]
    fn a_period_ended_without_release_is_not_over_for_others() {
        fails::<Helped>("weaken:rcu::period::advance::end=Relaxed", &USE_AFTER_FREE);
    }
}
