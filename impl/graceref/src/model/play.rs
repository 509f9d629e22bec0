//! One execution: the same for every engine.

use super::explored::{Explored, Extent, Finding, Pass};
#[cfg(any(graceref_loom, graceref_shuttle))]
use super::explored::{Step, short};
use crate::sync::AtomicU32;
#[cfg(any(graceref_loom, graceref_shuttle))]
use crate::sync::{Ordering, model};
use std::collections::{BTreeMap, BTreeSet};
use std::prelude::v1::*;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

type Part<W> = Box<dyn Fn(&W) + Send + Sync>;

pub(super) struct Cast<W> {
    pub(super) name: String,
    pub(super) make: Box<dyn Fn() -> W + Send + Sync>,
    pub(super) threads: Vec<(String, Part<W>)>,
    pub(super) end: Part<W>,
    #[cfg_attr(not(graceref_shuttle), allow(dead_code))]
    pub(super) watch: Box<dyn Fn(&W) -> u64 + Send + Sync>,
}

/// The world of an execution, and how many threads are done with it.
pub(super) struct Scene<W> {
    pub(super) world: W,
    #[cfg_attr(not(any(graceref_loom, graceref_shuttle)), allow(dead_code))]
    done: AtomicU32,
}

impl<W> Scene<W> {
    pub(super) fn set(cast: &Cast<W>) -> Self {
        Self { world: (cast.make)(), done: AtomicU32::new(0) }
    }
}

/// What a pass has met so far.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) executions: u64,
    classes: BTreeSet<u64>,
    findings: BTreeMap<String, Finding>,
    witnesses: BTreeMap<String, String>,
    /// Why the search ended before its end.
    pub(super) cut_off: Option<String>,
    /// A panic ended it.
    pub(super) stopped: bool,
}

/// The notes of a pass, for everybody who adds to them.
#[derive(Clone)]
pub(super) struct Book {
    pub(super) pass: &'static str,
    begun: Instant,
    notes: Arc<Mutex<Notes>>,
}

impl Book {
    pub(super) fn new(pass: &'static str) -> Self {
        Self { pass, begun: Instant::now(), notes: Arc::default() }
    }

    pub(super) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a finding, unless a shorter way to it is known.
    pub(super) fn find(&self, property: &str, finding: Finding) {
        let mut notes = self.notes();
        let known = notes.findings.get(property);
        if known.is_none_or(|known| finding.steps.len() < known.steps.len()) {
            notes.findings.insert(property.to_owned(), finding);
        }
    }

    pub(super) fn see(&self, behaviour: &str, account: String) {
        self.notes().witnesses.entry(behaviour.to_owned()).or_insert(account);
    }

    /// Puts the pass into the report. `extent`: if neither a finding nor a limit ended it.
    pub(super) fn close(self, extent: Extent, explored: &mut Explored) {
        let notes = std::mem::take(&mut *self.notes());
        let extent = match notes.cut_off {
            _ if notes.stopped => Extent::Stopped,
            Some(why) => Extent::CutOff(why),
            None => extent,
        };
        explored.passes.push(Pass {
            name: self.pass,
            executions: notes.executions,
            classes: notes.classes.len() as u64,
            digest: digest(&notes.classes),
            extent,
            time: self.begun.elapsed(),
        });
        for (property, finding) in notes.findings {
            let known = explored.findings.get(&property);
            // A later pass's only where the earlier have none.
            if known.is_none_or(|known| known.steps.is_empty()) {
                explored.findings.insert(property, finding);
            }
        }
        for (behaviour, account) in notes.witnesses {
            explored.witnesses.entry(behaviour).or_insert(account);
        }
    }
}

#[cfg(any(graceref_loom, graceref_shuttle))]
fn digest(classes: &BTreeSet<u64>) -> u64 {
    classes.iter().fold(0, |digest, &class| model::mix(digest, class))
}

#[cfg(not(any(graceref_loom, graceref_shuttle)))]
fn digest(_: &BTreeSet<u64>) -> u64 {
    0
}

/// One execution: makes the world, spawns the threads, and is thread 0.
#[cfg(any(graceref_loom, graceref_shuttle))]
pub(super) fn play<W: Send + Sync + 'static>(
    cast: &Arc<Cast<W>>,
    book: &Book,
    set: impl FnOnce(&Arc<Scene<W>>),
    spawn: impl Fn(Box<dyn FnOnce() + Send>),
) {
    book.notes().executions += 1;
    model::begin(cast.threads.len());
    let scene = Arc::new(Scene::set(cast));
    set(&scene);
    model::start();
    for thread in 1..cast.threads.len() {
        let (cast, book, scene) = (Arc::clone(cast), book.clone(), Arc::clone(&scene));
        spawn(Box::new(move || role(&cast, &book, &scene, thread)));
    }
    role(cast, book, &scene, 0);
}

#[cfg(any(graceref_loom, graceref_shuttle))]
fn role<W>(cast: &Cast<W>, book: &Book, scene: &Scene<W>, thread: usize) {
    model::enter(thread);
    (cast.threads[thread].1)(&scene.world);
    crate::at!("finish");
    // ORDERING: AcqRel pairs with itself: whoever is last sees what the others did.
    scene.done.fetch_add(1, Ordering::AcqRel);
    if model::leave(thread) {
        (cast.end)(&scene.world);
        collect(book);
        book.notes().classes.insert(model::class());
        model::stop();
    }
}

/// Enters what this execution has recorded so far.
#[cfg(any(graceref_loom, graceref_shuttle))]
pub(super) fn collect(book: &Book) {
    let events = model::events();
    if events.is_empty() {
        return;
    }
    let steps = model::steps();
    let report = model::take_report();
    for event in events {
        if event.violation {
            let detail = report.violations.get(event.name).cloned().unwrap_or_default();
            let steps = steps.iter().take(event.step).map(step).collect();
            book.find(event.name, Finding { detail, pass: book.pass, steps });
        } else {
            book.see(event.name, report.witnesses.get(event.name).cloned().unwrap_or_default());
        }
    }
}

/// Enters what ended this execution where it is.
#[cfg(any(graceref_loom, graceref_shuttle))]
pub(super) fn ended(book: &Book, property: &str, detail: String) {
    collect(book);
    let mut steps: Vec<Step> = model::steps().iter().map(step).collect();
    if let Some(me) = model::current() {
        let pending = model::roles(|roles| roles.get(me).and_then(|role| role.pending.clone()));
        steps.extend(pending.map(|pending| step(&(me, pending))));
    }
    book.find(property, Finding { detail, pass: book.pass, steps });
}

#[cfg(any(graceref_loom, graceref_shuttle))]
fn step((thread, done): &(usize, model::Pending)) -> Step {
    let place = done.location;
    Step {
        thread: *thread,
        label: (done.label != model::UNLABELLED).then_some(done.label),
        place: format!("{}:{}", short(place.file()), place.line()),
    }
}
