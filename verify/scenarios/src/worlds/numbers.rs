//! What happens to a table's numbers under its lock: a dup_to onto a number that is being opened, and a copy of the
//! table beside a close.
//!
//! Spec: `spec/Numbers.tla`.

use super::held::Held;
use crate::scenario::{Cast, Locals, Scenario, Show, World};
use graceref::sync::model::{Ghost, violated, witness};
use graceref::sync::{Tracked, within};
#[cfg(any(graceref_loom, graceref_shuttle))]
use graceref::{CasCount, TableWatch, Watch};
use graceref::{DupError, Fd, Pool, Ref, Table, at};
#[cfg(graceref_shuttle)]
use lockstep::value::Value;
use std::sync::Arc;
#[cfg(any(graceref_loom, graceref_shuttle))]
use std::sync::{Mutex, PoisonError};

const ZERO: Fd = Fd::new(0);
const ONE: Fd = Fd::new(1);

/// What one uses of an object, and how often the first was released: they stay when the object goes.
#[derive(Default)]
struct Shared {
    body: Tracked<()>,
    released: Ghost<u32>,
}

struct Object {
    first: bool,
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.first { "object 1" } else { "object 2" })
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        if self.first {
            self.shared.released.with(|n| *n += 1);
            self.shared.body.retire();
        }
    }
}

struct Numbers {
    forks: bool,
    table: Table<Object>,
    /// The caller's references, which stay, so that no put is the last; none where the table is copied.
    kept: Vec<Ref<Object>>,
    second: Held<Ref<Object>>,
    shared: Arc<Shared>,
    #[cfg(any(graceref_loom, graceref_shuttle))]
    raw: (Watch<Object, CasCount>, TableWatch<Object, CasCount>),
    #[cfg(any(graceref_loom, graceref_shuttle))]
    child: Mutex<Option<TableWatch<Object, CasCount>>>,
    // The pool outlives the table and the references.
    _pool: Pool<Object>,
}

impl Numbers {
    fn new(forks: bool) -> Self {
        let pool: Pool<Object> = Pool::with_limit(if forks { 1 } else { 2 });
        let shared = Arc::<Shared>::default();
        let insert = |first| {
            pool.insert(Object { first, shared: Arc::clone(&shared) }).expect("a free slot")
        };
        let table = Table::with_limit(&pool, 2);
        let first = insert(true);
        let mut kept = Vec::new();
        let mut second = None;
        if !forks {
            kept.push(first.clone());
            kept.push(insert(false));
            second = Some(kept[1].clone());
        }
        table.install(first).expect("a free number");
        if !forks {
            // Number 0 is free, and 1 has its object.
            table.dup(ZERO).expect("a free number");
            drop(table.close(ZERO));
        }
        Self {
            forks,
            kept,
            second: Held::new(second),
            shared,
            #[cfg(any(graceref_loom, graceref_shuttle))]
            raw: (pool.raw_watch(), table.raw_watch()),
            #[cfg(any(graceref_loom, graceref_shuttle))]
            child: Mutex::new(None),
            table,
            _pool: pool,
        }
    }

    fn open(&self) {
        let Some(second) = self.second.take() else { return };
        match self.table.reserve() {
            Ok(reserved) => {
                reserved.install(second).expect("of the table's own pool");
            }
            // The dup_to has taken the last number.
            Err(_) => drop(second),
        }
    }

    fn duplicate(&self) {
        match self.table.dup_to(ONE, ZERO) {
            Ok(Some(old)) => {
                witness("Replaced", format_args!("dup_to came after the install"));
                drop(old);
            }
            Ok(None) => {}
            Err(error) => {
                witness("Busy", format_args!("dup_to met a number that is reserved"));
                if error != DupError::Busy(ZERO) {
                    violated("NoPanic", format_args!("{error}"));
                }
            }
        }
    }

    fn fork(&self) {
        let mut child = self.table.fork();
        #[cfg(any(graceref_loom, graceref_shuttle))]
        {
            *self.child.lock().unwrap_or_else(PoisonError::into_inner) = Some(child.raw_watch());
        }
        {
            let _scope = within("child");
            let local = child.local().expect("nobody else has the copy");
            if local.borrow(ZERO).is_some() {
                witness("Copied", format_args!("the copy has the object"));
                at!("use");
                self.shared.body.with(|_| ());
                if self.shared.released.get() > 0 {
                    violated("NoUseAfterFree", format_args!("the copy's object is released"));
                }
            }
        }
        let _scope = within("bye");
        drop(child);
    }

    /// Which objects are in the table's entries, by their place in the pool from 1 on, or 0.
    #[cfg(any(graceref_loom, graceref_shuttle))]
    fn entries(&self) -> Vec<u32> {
        self.raw.1.look().entries
    }

    #[cfg(not(any(graceref_loom, graceref_shuttle)))]
    fn entries(&self) -> Vec<u32> {
        let number = |fd| self.table.get(fd).map_or(0, |object| if object.first { 1 } else { 2 });
        vec![number(ZERO), number(ONE)]
    }
}

impl World for Numbers {
    fn run(&self, thread: usize) {
        let _scope = within(match (thread, self.forks) {
            (0, false) => "open",
            (_, false) => "dup",
            (0, true) => "clo",
            (_, true) => "frk",
        });
        match (thread, self.forks) {
            (0, false) => self.open(),
            (_, false) => self.duplicate(),
            (0, true) => drop(self.table.close(ZERO)),
            (_, true) => self.fork(),
        }
    }

    #[cfg(graceref_shuttle)]
    fn show(&self, show: &mut Show) {
        /// The spec's word for a count that leaks its object.
        const SATURATED: i64 = 99;
        let (pool, table) = (self.raw.0.look(), self.raw.1.look());
        let count = |&count: &i64| if count < i64::from(i16::MIN) { SATURATED } else { count };
        let child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        show.is("count", Value::seq(pool.count.iter().map(count)));
        show.is("entry", Value::function((0_i64..).zip(table.entries)));
        show.is("taken", Value::set((0..2_i64).filter(|n| table.taken >> n & 1 == 1)));
        show.is("handles", pool.handles);
        show.is("lock", table.locked);
        show.is("child", child.as_ref().map_or(0, |child| child.look().entries[0]));
        show.is(
            "free",
            Value::record([
                ("tag", Value::from(pool.tag.cast_signed())),
                ("first", Value::from(pool.first)),
            ]),
        );
        show.is("next", Value::seq(pool.next));
        show.is("released", self.shared.released.get());
    }

    #[cfg(not(graceref_shuttle))]
    fn show(&self, _: &mut Show) {}

    fn at_end(&self) {
        let entries = self.entries();
        if self.forks && self.shared.released.get() != 1 {
            let times = self.shared.released.get();
            violated("NothingLeft", format_args!("the object was released {times} times"));
        }
        for (object, number) in self.kept.iter().zip(1_u32..) {
            let expected = 1 + entries.iter().filter(|&&entry| entry == number).count() as u64;
            let refs = Ref::refs(object);
            if refs != expected {
                violated(
                    "NothingLeft",
                    format_args!("{object:?} has {refs} references, and {expected} are there"),
                );
            }
        }
    }
}

/// Why real threads leave the broken variants out.
const MUTANT: &[(&str, &str)] =
    &[("threads", "the mutant is of the model builds: the crate's own code has no such way")];

fn scenario(
    name: &'static str,
    about: &'static str,
    forks: bool,
    mutant: &'static str,
) -> Scenario {
    let threads = if forks { ["closer", "forker"] } else { ["opener", "duper"] };
    let none: &[&str] = &[];
    let (closer, forker): (&[&str], &[&str]) =
        if forks { (&["closer"], &["forker"]) } else { (none, none) };
    let duper: &[&str] = if forks { none } else { &["duper"] };
    Scenario {
        mutant,
        without: if mutant.is_empty() { &[] } else { MUTANT },
        locals: vec![
            Locals::new("old", duper, 0),
            Locals::new("chead", closer, 0).as_in_code("head"),
            Locals::new("ctag", closer, 0).as_in_code("tag"),
            Locals::new("fhead", forker, 0).as_in_code("head"),
            Locals::new("ftag", forker, 0).as_in_code("tag"),
        ],
        ..Scenario::new(name, about, Cast::new(&threads, move || Numbers::new(forks)))
    }
}

pub(crate) fn all() -> Vec<Scenario> {
    vec![
        scenario(
            "numbers-busy",
            "a dup_to onto a number that is being opened, which it refuses",
            false,
            "",
        ),
        scenario(
            "numbers-overwrite",
            "the same where it does not ask whether the number is reserved",
            false,
            "table.skip_busy",
        ),
        scenario("numbers-fork", "a copy of a table beside a close", true, ""),
        scenario(
            "numbers-fork-uncounted",
            "the same where the copy takes no references",
            true,
            "table.fork_uncounted",
        ),
    ]
}
