//! Sites: the name of each access in the source, the inventory of those that ran, and what a mutant does to them.
//!
//! A site is `module::function::label`: where in the crate, and the label that [`at!`](crate::at) gives the access
//! (or [`site!`](crate::site), where there is no step). `/failure` after it is the ordering of a compare-exchange
//! that fails, `/fence` a fence that stands with the access.
//!
//! With the environment variable `GRACEREF_SITES`, a line is appended to that file when a thread of a model comes to a
//! site for the first time: kind, site, orderings and place, with a tab between. Besides:
//!
//! | line | says |
//! |---|---|
//! | `mutant NAME` | the code asked whether this mutant is on |
//! | `own-mutant NAME` | the program itself switched this mutant on: not a run of the code as it is |
//! | `applied` | the mutant that is on changed something |

use super::super::{Ordering, Place};
use super::mutants::{Mutant, active, is_weaker, nearest};
use super::steps;
use core::panic::Location;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::prelude::v1::*;
use std::sync::atomic::{AtomicBool, Ordering as Order};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::{eprintln, format};

/// The name of an access.
#[derive(Debug, Clone, Copy)]
pub(super) struct Site {
    pub(super) place: Place,
    pub(super) label: &'static str,
}

/// What a thread of the model does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Doing {
    /// The name of the access, unless nobody has named it: a mistake in the source.
    pub(super) site: Option<Site>,
}

impl Site {
    /// `module::function::label`; modules of this crate without the crate's name.
    fn text(self) -> String {
        let module = self.place.module;
        let module = module.strip_prefix("graceref::").unwrap_or(module);
        // The path ends in the item itself and, before it, the closures around it.
        let mut path = self.place.function.rsplit("::").skip(1);
        let function = path.find(|part| *part != "{{closure}}").unwrap_or("");
        format!("{module}::{function}::{}", self.label)
    }
}

/// By the addresses of place, label and function, and by kind: a fence inside a function of the facade goes by many names.
type Key = (usize, usize, usize, &'static str);

/// What one process has come to; the text of each, for messages.
#[derive(Default)]
struct Inventory {
    seen: BTreeMap<Key, String>,
}

static INVENTORY: Mutex<Inventory> = Mutex::new(Inventory { seen: BTreeMap::new() });
static FILE: OnceLock<Option<File>> = OnceLock::new();
static APPLIED: AtomicBool = AtomicBool::new(false);

/// The file that the inventory goes to, if one is wanted.
fn file() -> Option<&'static File> {
    let open = || {
        let name = std::env::var_os("GRACEREF_SITES").filter(|name| !name.is_empty())?;
        let opened = File::options().create(true).append(true).open(&name);
        Some(opened.unwrap_or_else(|error| {
            eprintln!("GRACEREF_SITES: {}: {error}", name.display());
            std::process::exit(2)
        }))
    };
    FILE.get_or_init(open).as_ref()
}

fn append(line: &str) {
    if let Some(mut file) = file() {
        // One write a line: processes may share the file.
        if let Err(error) = file.write_all(format!("{line}\n").as_bytes()) {
            eprintln!("GRACEREF_SITES: {error}");
            std::process::exit(2);
        }
    }
}

/// Notes that something was come to, if it is the first time. The text is made only then.
fn note(key: Key, line: impl FnOnce() -> (String, String)) {
    let mut inventory = INVENTORY.lock().unwrap_or_else(PoisonError::into_inner);
    inventory.seen.entry(key).or_insert_with(|| {
        let (name, line) = line();
        append(&line);
        name
    });
}

pub(super) fn note_named(name: &'static str) {
    if file().is_some() {
        note((name.as_ptr().addr(), 0, 0, "mutant"), || {
            (name.to_owned(), format!("mutant\t{name}"))
        });
    }
}

pub(super) fn note_own_mutant(name: &str) {
    append(&format!("own-mutant\t{name}"));
}

pub(super) fn note_applied() {
    if !APPLIED.swap(true, Order::Relaxed) {
        append("applied");
    }
}

/// What a person is told whose mutant of a site changed nothing, with the sites near it that ran.
pub fn unapplied() -> Option<String> {
    let [mutant, _] = &*active();
    let site = mutant.site()?;
    if APPLIED.load(Order::Relaxed) {
        return None;
    }
    let inventory = INVENTORY.lock().unwrap_or_else(PoisonError::into_inner);
    let known: Vec<&str> = inventory.seen.values().map(String::as_str).collect();
    let near = nearest(site, &known).join(", ");
    Some(format!(
        "the mutant changed nothing: {site} did not run, or is as weak already; near it ran: {near}"
    ))
}

/// The site at hand as the inventory names it.
fn name(doing: Doing, location: &Location<'_>, suffix: &str) -> String {
    match doing.site {
        Some(site) => site.text() + suffix,
        // Its place says where.
        None => format!("{}:{}{suffix}", location.file(), location.line()),
    }
}

/// Notes the site and answers whether the active mutant changes it, and how.
fn change<R>(
    kind: &'static str,
    orders: &[Ordering],
    suffix: &str,
    doing: Doing,
    location: &'static Location<'static>,
    mutate: impl Fn(&Mutant) -> Option<R>,
) -> Option<R> {
    let active = active();
    if file().is_none() && active.iter().all(|mutant| mutant.site().is_none()) {
        return None;
    }
    let named = |site: Site| [site.label.as_ptr().addr(), site.place.function.as_ptr().addr()];
    let [label, function] = doing.site.map_or([0, 0], named);
    note((core::ptr::from_ref(location).addr(), label, function, kind), || {
        let name = name(doing, location, suffix);
        let orders: Vec<String> = orders.iter().map(|order| format!("{order:?}")).collect();
        let line = format!(
            "{kind}\t{name}\t{}\t{}:{}",
            orders.join(" "),
            location.file(),
            location.line()
        );
        (name, line)
    });
    let mut wanted = active.iter().filter(|mutant| mutant.site().is_some()).peekable();
    wanted.peek()?;
    let name = name(doing, location, suffix);
    let changed = wanted.filter(|mutant| mutant.site() == Some(&name)).find_map(mutate);
    if changed.is_some() {
        note_applied();
    }
    changed
}

fn weakened(
    kind: &'static str,
    order: Ordering,
    suffix: &str,
    doing: Doing,
    location: &'static Location<'static>,
) -> Ordering {
    let weaken = |mutant: &Mutant| match *mutant {
        Mutant::Weaken(_, to) if is_weaker(to, order) => Some(to),
        _ => None,
    };
    change(kind, &[order], suffix, doing, location, weaken).unwrap_or(order)
}

/// The ordering of the access at hand, as the active mutant wants it.
#[track_caller]
pub(in crate::sync) fn access(kind: &'static str, order: Ordering) -> Ordering {
    let here = Location::caller();
    match steps::take_site(here) {
        Some(doing) => weakened(kind, order, "", doing, here),
        None => order,
    }
}

/// The two orderings of the compare-exchange at hand, likewise.
#[track_caller]
pub(in crate::sync) fn exchange(success: Ordering, failure: Ordering) -> (Ordering, Ordering) {
    let here = Location::caller();
    let Some(doing) = steps::take_site(here) else { return (success, failure) };
    (
        weakened("compare_exchange", success, "", doing, here),
        weakened("failure", failure, "/failure", doing, here),
    )
}

/// The ordering of the fence at hand; `None` if the active mutant has removed it.
#[track_caller]
pub(in crate::sync) fn fenced(order: Ordering) -> Option<Ordering> {
    let Some(doing) = steps::site_of_fence() else { return Some(order) };
    let change_fence = |mutant: &Mutant| match *mutant {
        Mutant::RemoveFence(_) => Some(None),
        // A fence is never relaxed: that is its removal.
        Mutant::Weaken(_, to) if is_weaker(to, order) && to != Ordering::Relaxed => Some(Some(to)),
        _ => None,
    };
    change("fence", &[order], "/fence", doing, Location::caller(), change_fence)
        .unwrap_or(Some(order))
}

/// Whether the end of life at hand stands, or is removed by the active mutant.
pub(in crate::sync) fn retires(location: &'static Location<'static>) -> bool {
    let Some(doing) = steps::take_site(location) else { return true };
    let remove = |mutant: &Mutant| matches!(mutant, Mutant::RemoveRetire(_)).then_some(());
    change("retire", &[], "", doing, location, remove).is_none()
}

/// Whether the active mutant changes orderings only: it is nothing to a pass in which all is acquire and release.
pub fn mutant_of_orderings() -> bool {
    let orders = |mutant: &Mutant| matches!(mutant, Mutant::Weaken(..) | Mutant::RemoveFence(_));
    active().iter().any(orders)
}
