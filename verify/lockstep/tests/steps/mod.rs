//! What a program needs in order to be walked and explored: labels over its operations, and a window on it. Tables
//! of this thread, for shuttle runs all of a program's threads on one.

#![allow(dead_code, reason = "each test uses a part")]

use lockstep::probe::{Event, Observation, Position, Probe};
use lockstep::value::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::SeqCst};

#[derive(Default)]
struct Role {
    pending: Option<Pending>,
    done: bool,
    history: u64,
}

struct Pending {
    label: &'static str,
    location: &'static Location<'static>,
    /// The step waits until this is zero.
    until_zero: Option<Arc<AtomicI64>>,
}

type Show = Rc<dyn Fn() -> Observation>;

#[derive(Default)]
struct Table {
    roles: Vec<Role>,
    locals: BTreeMap<(&'static str, usize), Value>,
    events: Vec<Event>,
    steps: usize,
    show: Option<Show>,
}

thread_local! {
    static TABLE: RefCell<Table> = RefCell::default();
}

fn table<R>(f: impl FnOnce(&mut Table) -> R) -> R {
    TABLE.with_borrow_mut(f)
}

/// The window on the program that runs.
pub(crate) struct Window(pub(crate) Vec<String>);

impl Window {
    pub(crate) fn on(threads: &[&str]) -> Self {
        Self(threads.iter().map(ToString::to_string).collect())
    }
}

impl Probe for Window {
    fn positions(&self) -> Vec<Position> {
        let position = |role: &Role| match &role.pending {
            Some(pending) => Position::At {
                label: pending.label,
                enabled: pending.until_zero.as_ref().is_none_or(|held| held.load(SeqCst) == 0),
                location: pending.location.to_string(),
            },
            None if role.done => Position::Done,
            None => Position::Running,
        };
        table(|t| t.roles.iter().map(position).collect())
    }

    fn observe(&self) -> Observation {
        let show = table(|t| t.show.clone());
        show.map(|show| show()).unwrap_or_default()
    }

    fn choose(&self, thread: usize) {
        table(|t| {
            t.steps += 1;
            t.roles[thread].pending = None;
        });
    }

    fn stop(&self) {
        // The next execution's first decision comes before its `begin`.
        table(|t| t.roles.clear());
    }

    fn class(&self) -> u64 {
        table(|t| {
            let mut hasher = DefaultHasher::new();
            t.roles.iter().for_each(|role| role.history.hash(&mut hasher));
            hasher.finish()
        })
    }

    fn events(&self) -> Vec<Event> {
        table(|t| t.events.clone())
    }

    fn threads(&self) -> Vec<String> {
        self.0.clone()
    }
}

/// One execution: the threads run `role` on the world, of which `show` shows the variables.
pub(crate) fn execute<W: Send + Sync + 'static>(
    threads: usize,
    world: W,
    show: impl Fn(&W) -> Observation + 'static,
    role: impl Fn(Me, &W) + Copy + Send + 'static,
) {
    let world = Arc::new(world);
    let shown = Arc::clone(&world);
    let before = table(|t| {
        let roles = (0..threads).map(|_| Role::default()).collect();
        let show: Show = Rc::new(move || show(&shown));
        std::mem::replace(t, Table { roles, show: Some(show), ..Table::default() })
    });
    drop(before);
    let run = move |thread: usize, world: &W| {
        role(Me(thread), world);
        table(|t| t.roles[thread].done = true);
    };
    for thread in 1..threads {
        let world = Arc::clone(&world);
        // A dropped handle would detach the thread, and detached threads may be cut short.
        std::mem::forget(shuttle::thread::spawn(move || run(thread, &world)));
    }
    run(0, &world);
}

/// The value of a local variable of each thread.
pub(crate) fn local(name: &'static str, threads: &[(usize, &str)], initial: &Value) -> Value {
    table(|t| {
        let value = |thread| t.locals.get(&(name, thread)).unwrap_or(initial).clone();
        Value::record(threads.iter().map(|&(thread, name)| (name, value(thread))))
    })
}

/// A shared word.
pub(crate) struct Word {
    id: u64,
    engine: shuttle::sync::atomic::AtomicI64,
    shadow: Arc<AtomicI64>,
    version: AtomicU64,
}

impl Word {
    pub(crate) fn new(id: u64, value: i64) -> Self {
        Self {
            id,
            engine: shuttle::sync::atomic::AtomicI64::new(value),
            shadow: Arc::new(AtomicI64::new(value)),
            version: AtomicU64::new(0),
        }
    }

    /// The value, without a step.
    pub(crate) fn peek(&self) -> i64 {
        self.shadow.load(SeqCst)
    }

    /// Changes the value without a step: for programs that are wrong.
    pub(crate) fn poke(&self, value: i64) {
        self.shadow.store(value, SeqCst);
    }

    pub(crate) fn is_set(&self) -> Value {
        (self.peek() != 0).into()
    }
}

/// A thread of the program, by number.
#[derive(Clone, Copy)]
pub(crate) struct Me(pub(crate) usize);

impl Me {
    #[track_caller]
    fn step<R>(
        self,
        label: &'static str,
        word: &Word,
        until_zero: Option<Arc<AtomicI64>>,
        operation: impl FnOnce(&AtomicI64) -> R,
    ) -> R {
        let location = Location::caller();
        table(|t| t.roles[self.0].pending = Some(Pending { label, location, until_zero }));
        // The switch to other threads is here, before the operation.
        word.engine.load(SeqCst);
        let result = operation(&word.shadow);
        let version = word.version.fetch_add(1, SeqCst);
        table(|t| {
            let mut hasher = DefaultHasher::new();
            (t.roles[self.0].history, word.id, version).hash(&mut hasher);
            t.roles[self.0].history = hasher.finish();
        });
        result
    }

    /// Stands before a step that is none.
    #[track_caller]
    pub(crate) fn stand(self, label: &'static str) {
        let location = Location::caller();
        table(|t| t.roles[self.0].pending = Some(Pending { label, location, until_zero: None }));
    }

    #[track_caller]
    pub(crate) fn load(self, label: &'static str, word: &Word) -> i64 {
        self.step(label, word, None, |w| w.load(SeqCst))
    }

    #[track_caller]
    pub(crate) fn store(self, label: &'static str, word: &Word, value: i64) {
        self.step(label, word, None, |w| w.store(value, SeqCst));
    }

    #[track_caller]
    pub(crate) fn add(self, label: &'static str, word: &Word, value: i64) -> i64 {
        self.step(label, word, None, |w| w.fetch_add(value, SeqCst))
    }

    #[track_caller]
    pub(crate) fn swap_if(self, label: &'static str, word: &Word, old: i64, new: i64) -> bool {
        self.step(label, word, None, |w| w.compare_exchange(old, new, SeqCst, SeqCst).is_ok())
    }

    #[track_caller]
    pub(crate) fn lock(self, label: &'static str, word: &Word) {
        self.step(label, word, Some(Arc::clone(&word.shadow)), |w| w.store(1, SeqCst));
    }

    pub(crate) fn set(self, name: &'static str, value: impl Into<Value>) {
        table(|t| t.locals.insert((name, self.0), value.into()));
    }
}

/// Records that something broke or was seen.
pub(crate) fn record(name: &str, violation: bool) {
    table(|t| t.events.push(Event { name: name.to_owned(), violation, step: t.steps }));
}

/// The report with each place of the code replaced by the text of that line, which stays when lines move and shows
/// that the place is the right one.
pub(crate) fn readable(report: &str) -> String {
    let mut text = String::new();
    let mut rest = report;
    while let Some(dot) = rest.find(".rs:") {
        // A place stands in parentheses.
        let start = rest[..dot].rfind('(').map_or(0, |at| at + 1);
        let end = dot + rest[dot..].find(')').expect("the place ends");
        let place: Vec<&str> = rest[start..end].split(':').collect();
        let at = place[0].rfind("tests/").expect("the place is in the tests");
        let file = format!("{}/{}", env!("CARGO_MANIFEST_DIR"), &place[0][at..]);
        let source = std::fs::read_to_string(&file).expect("the file is there");
        let line: usize = place[1].parse().expect("a line");
        let line = source.lines().nth(line - 1).expect("the line is there").trim();
        text.extend([&rest[..start], "`", line, "`"]);
        rest = &rest[end..];
    }
    text.push_str(rest);
    text
}
