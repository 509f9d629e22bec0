//! The tables of one execution: each thread's next step, its local variables, and the order of its accesses.

use super::super::{Local, Ordering, Place};
use super::sites::{Doing, Site};
use core::panic::Location;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::prelude::v1::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::{format, thread_local, vec};

/// The label of an operation over which none stands.
pub const UNLABELLED: &str = "<no label>";
/// The label of a thread that has finished, as PlusCal calls it.
pub const DONE: &str = "Done";

/// A thread of the model.
#[derive(Debug, Clone, Default)]
pub struct Role {
    /// The operation before which the thread stands, if it has come to one.
    pub pending: Option<Pending>,
    /// The thread's local variables as last named by [`at!`](crate::at).
    pub locals: BTreeMap<&'static str, Local>,
    /// Whether the thread has finished.
    pub done: bool,
    /// The thread's accesses so far: which object, and the how-manieth access to it.
    pub history: u64,
    label: Option<&'static str>,
    prefixes: Vec<&'static str>,
    /// The name of the access to come, and that of the last one, with its place.
    site: Option<Site>,
    last: Option<Site>,
    last_place: Option<&'static Location<'static>>,
}

/// An operation that a thread is about to do.
#[derive(Debug, Clone)]
pub struct Pending {
    /// The step's label.
    pub label: &'static str,
    /// Where in the code.
    pub location: &'static Location<'static>,
    held: Option<Arc<AtomicBool>>,
}

impl Pending {
    /// Whether the operation can be done now: false before a lock that is held.
    pub fn enabled(&self) -> bool {
        !self.held.as_ref().is_some_and(|held| held.load(Ordering::Relaxed))
    }
}

/// Something recorded during an execution: a property that broke, or a behaviour seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The property's or behaviour's name.
    pub name: &'static str,
    /// Whether it is a violation.
    pub violation: bool,
    /// How many steps had been done.
    pub step: usize,
}

#[derive(Default)]
struct Execution {
    running: bool,
    over: bool,
    roles: Vec<Role>,
    objects: HashMap<usize, u64>,
    steps: Vec<(usize, Pending)>,
    events: Vec<Event>,
}

const NOBODY: usize = usize::MAX;

thread_local! {
    static EXECUTION: RefCell<Execution> = RefCell::new(Execution::default());
    static CURRENT: Cell<usize> = const { Cell::new(NOBODY) };
    static NAMES: RefCell<HashMap<String, &'static str>> = RefCell::new(HashMap::new());
}

static RMW_PASS: AtomicBool = AtomicBool::new(false);
static FREEING: AtomicBool = AtomicBool::new(false);

/// Turns loom's read-modify-write pass on or off: every load a `fetch_add(0)`, every store a swap.
///
/// loom keeps one last access per atomic and so loses interleavings of loads with later stores; in this pass
/// there are none to lose.
pub fn set_rmw_pass(on: bool) {
    RMW_PASS.store(on, Ordering::Relaxed);
}

/// Whether the access at hand is a free: a race that the engine reports now is a use after free.
pub fn freeing() -> bool {
    FREEING.load(Ordering::Relaxed)
}

pub(in crate::sync) fn set_freeing(on: bool) {
    FREEING.store(on, Ordering::Relaxed);
}

pub(in crate::sync) fn rmw_pass() -> bool {
    cfg!(graceref_loom) && RMW_PASS.load(Ordering::Relaxed)
}

pub(in crate::sync) fn order(order: Ordering) -> Ordering {
    if rmw_pass() { Ordering::AcqRel } else { order }
}

fn with<R>(f: impl FnOnce(&mut Execution) -> R) -> R {
    EXECUTION.with(|e| f(&mut e.borrow_mut()))
}

/// Begins an execution with so many threads; what happens before [`start`] is set-up and no step.
pub fn begin(roles: usize) {
    CURRENT.set(NOBODY);
    super::super::asym::unbuffer();
    with(|e| {
        *e = Execution { roles: vec![Role::default(); roles], ..Execution::default() };
    });
}

/// Ends the set-up: from here on, operations are steps.
pub fn start() {
    with(|e| e.running = true);
}

/// Ends the execution: what destructors do from here on is no step.
pub fn stop() {
    with(|e| {
        e.running = false;
        e.over = true;
        // The next execution's first decision comes before its `begin`.
        e.roles.clear();
    });
    CURRENT.set(NOBODY);
}

/// Whether the execution has ended: what destructors do now reaches the shadows only, not the engine.
pub(in crate::sync) fn over() -> bool {
    with(|e| e.over)
}

/// Whether steps are being recorded.
pub fn running() -> bool {
    with(|e| e.running)
}

/// The calling thread is this one of the model's threads.
pub fn enter(role: usize) {
    CURRENT.set(role);
}

/// Which of the model's threads calls, if it is one.
pub fn current() -> Option<usize> {
    let me = CURRENT.get();
    (me != NOBODY).then_some(me)
}

/// The calling thread has finished; returns whether all have.
pub fn leave(role: usize) -> bool {
    with(|e| {
        let Some(this) = e.roles.get_mut(role) else { return false };
        this.done = true;
        e.roles.iter().all(|r| r.done)
    })
}

/// Where the threads stand.
pub fn roles<R>(f: impl FnOnce(&[Role]) -> R) -> R {
    with(|e| f(&e.roles))
}

/// The scheduler lets this thread do its pending operation.
pub fn choose(role: usize) {
    with(|e| {
        if let Some(pending) = e.roles[role].pending.take() {
            e.steps.push((role, pending));
        }
    });
}

/// The events recorded so far in this execution.
pub fn events() -> Vec<Event> {
    with(|e| e.events.clone())
}

/// A digest of the execution so far, the same for all orders of steps that touch different objects, and the same
/// in every build of this crate.
pub fn class() -> u64 {
    with(|e| e.roles.iter().fold(0, |digest, role| mix(digest, role.history)))
}

/// One more word into a digest (the finalizer of SplitMix64).
pub fn mix(digest: u64, word: u64) -> u64 {
    let mut z = digest.rotate_left(23) ^ word.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The steps so far: thread, and what it did.
pub fn steps() -> Vec<(usize, Pending)> {
    with(|e| e.steps.clone())
}

pub(super) fn note_event(name: &'static str, violation: bool) -> bool {
    with(|e| {
        // Outside an execution (a teardown, say) nothing counts.
        if e.running {
            let step = e.steps.len();
            e.events.push(Event { name, violation, step });
        }
        e.running
    })
}

fn intern(name: String) -> &'static str {
    NAMES.with(|names| {
        *names
            .borrow_mut()
            .entry(name)
            .or_insert_with_key(|name| Box::leak(name.clone().into_boxed_str()))
    })
}

pub(in crate::sync) fn set_locals(locals: &[(&'static str, Local)]) {
    let me = CURRENT.get();
    with(|e| {
        if e.running && me != NOBODY {
            e.roles[me].locals.extend(locals.iter().copied());
        }
    });
}

pub(in crate::sync) fn set_label(label: &'static str) {
    let me = CURRENT.get();
    with(|e| {
        if !e.running || me == NOBODY {
            return;
        }
        let role = &mut e.roles[me];
        role.label = Some(if role.prefixes.is_empty() {
            label
        } else {
            intern(format!("{}_{label}", role.prefixes.join("_")))
        });
    });
}

pub(in crate::sync) fn set_site(label: &'static str, place: Place) {
    let me = CURRENT.get();
    with(|e| {
        if e.running && me != NOBODY {
            e.roles[me].site = Some(Site { place, label });
        }
    });
}

/// What a thread of the model does now; `None` if none of them is running.
pub(super) fn take_site(place: &'static Location<'static>) -> Option<Doing> {
    let me = CURRENT.get();
    with(|e| {
        if !e.running || me == NOBODY || std::thread::panicking() {
            return None;
        }
        let role = &mut e.roles[me];
        // The second round of a loop around one access has that access's name.
        let again = role.last_place == Some(place);
        role.last = role.site.take().or(role.last.filter(|_| again));
        role.last_place = Some(place);
        Some(Doing { site: role.last })
    })
}

/// The same for a fence, which goes by the access that it stands before or after.
pub(super) fn site_of_fence() -> Option<Doing> {
    let me = CURRENT.get();
    with(|e| {
        let counts = e.running && me != NOBODY && !std::thread::panicking();
        counts.then(|| Doing { site: e.roles[me].site.or(e.roles[me].last) })
    })
}

pub(in crate::sync) fn push_prefix(prefix: &'static str) {
    let me = CURRENT.get();
    with(|e| {
        if me != NOBODY {
            e.roles[me].prefixes.push(prefix);
        }
    });
}

pub(in crate::sync) fn pop_prefix() {
    let me = CURRENT.get();
    with(|e| {
        if me != NOBODY {
            e.roles[me].prefixes.pop();
        }
    });
}

/// An operation of the engine that is no step. Other threads may run meanwhile, on this same system thread.
pub(in crate::sync) fn unstepped<R>(operation: impl FnOnce() -> R) -> R {
    let me = CURRENT.get();
    let result = operation();
    CURRENT.set(me);
    result
}

/// A shared thing as the model's tables know it: which one it is, and how often it was accessed.
#[derive(Debug)]
pub(in crate::sync) struct Object {
    id: u64,
    version: AtomicU64,
    #[cfg(graceref_shuttle)]
    switch: shuttle::sync::atomic::AtomicBool,
}

impl Object {
    pub(in crate::sync) fn new() -> Self {
        let me = CURRENT.get();
        let id = with(|e| {
            // Numbered by creator, so that the order in which threads create does not show.
            let created = e.objects.entry(me).or_default();
            *created += 1;
            ((me.wrapping_add(1) as u64) << 32) | *created
        });
        Self {
            id,
            version: AtomicU64::new(0),
            #[cfg(graceref_shuttle)]
            switch: shuttle::sync::atomic::AtomicBool::new(false),
        }
    }

    /// One access to the object: a scheduling point, then the operation, then the record.
    #[track_caller]
    pub(in crate::sync) fn step<R>(&self, operation: impl FnOnce() -> R) -> R {
        self.recorded(Location::caller(), None, true, operation)
    }

    #[track_caller]
    pub(in crate::sync) fn lock_step<R>(
        &self,
        held: &Arc<AtomicBool>,
        operation: impl FnOnce() -> R,
    ) -> R {
        self.recorded(Location::caller(), Some(held), true, operation)
    }

    /// A release orders nothing that the next acquire does not: it counts as the thread's own step.
    pub(in crate::sync) fn unlock_step<R>(
        &self,
        taken: &'static Location<'static>,
        operation: impl FnOnce() -> R,
    ) -> R {
        self.recorded(taken, None, false, operation)
    }

    /// One more access in the step at hand.
    pub(in crate::sync) fn also(&self, operation: impl FnOnce()) {
        let me = CURRENT.get();
        operation();
        // Other threads may have run meanwhile, on this same system thread.
        CURRENT.set(me);
        if me == NOBODY {
            return;
        }
        let version = self.version.fetch_add(1, Ordering::Relaxed);
        with(|e| {
            let role = &mut e.roles[me];
            role.history = mix(mix(role.history, self.id), version);
        });
    }

    /// A step of the spec that is no operation of the engine, where a label stands over it.
    #[track_caller]
    pub(in crate::sync) fn local_step(&self) {
        let me = CURRENT.get();
        if me == NOBODY || !with(|e| e.running && e.roles[me].label.is_some()) {
            return;
        }
        self.recorded(Location::caller(), None, false, || {
            #[cfg(graceref_shuttle)]
            self.switch.load(Ordering::SeqCst);
        });
    }

    fn recorded<R>(
        &self,
        location: &'static Location<'static>,
        held: Option<&Arc<AtomicBool>>,
        shared: bool,
        operation: impl FnOnce() -> R,
    ) -> R {
        let me = CURRENT.get();
        let counts = me != NOBODY
            && !std::thread::panicking()
            && with(|e| {
                if e.running {
                    let role = &mut e.roles[me];
                    let label = role.label.take().unwrap_or(UNLABELLED);
                    if let Some(site) = role.site.take() {
                        role.last = Some(site);
                        role.last_place = None;
                    }
                    role.pending = Some(Pending { label, location, held: held.cloned() });
                }
                e.running
            });
        let result = operation();
        if counts {
            // Other threads ran meanwhile, on this same system thread.
            CURRENT.set(me);
            with(|e| {
                let role = &mut e.roles[me];
                if let Some(pending) = role.pending.take() {
                    e.steps.push((me, pending));
                }
                role.history = if shared {
                    let version = self.version.fetch_add(1, Ordering::Relaxed);
                    mix(mix(role.history, self.id), version)
                } else {
                    mix(role.history, u64::MAX)
                };
            });
        }
        result
    }
}
