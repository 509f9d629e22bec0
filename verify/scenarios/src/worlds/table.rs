//! A descriptor table over a pool: lookups beside close and dup_to, and borrows without a reference.
//!
//! Spec: `spec/Table.tla`.

use super::held::Held;
use crate::scenario::{Cast, Locals, Scenario, Show, World};
use graceref::sync::model::{Ghost, around, violated, witness};
use graceref::sync::{Tracked, within};
#[cfg(any(graceref_loom, graceref_shuttle))]
use graceref::{CasCount, TableWatch, Watch};
use graceref::{Fd, Pool, Ref, Table, at, local};
#[cfg(graceref_shuttle)]
use lockstep::value::Value;
use std::sync::Arc;

const ZERO: Fd = Fd::new(0);
const ONE: Fd = Fd::new(1);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fix {
    Recheck,
    NoRecheck,
    PutFirst,
    DupTo,
    Light,
    LightShared,
}

impl Fix {
    /// Two users, each with a handle of its own.
    fn light(self) -> bool {
        matches!(self, Fix::Light | Fix::LightShared)
    }
}

/// What the objects know of the world.
#[derive(Default)]
struct Shared {
    ever: Ghost<[bool; 3]>,
    released: Ghost<[u32; 3]>,
    /// What one uses of an object: it stays when the object's memory is used again.
    bodies: [Tracked<()>; 3],
}

/// The number of an object that found no place in the pool.
const NOT_INSERTED: usize = 0;

struct Object {
    number: usize,
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "object {}", self.number)
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        let Some(index) = self.number.checked_sub(1) else { return };
        self.shared.released.with(|n| n[index] += 1);
        self.shared.bodies[index].retire();
        if self.shared.released.get()[index] > 1 {
            violated("ReleasedOnce", format_args!("object {} was released twice", self.number));
        }
    }
}

struct Numbers {
    fix: Fix,
    pool: Pool<Object>,
    shared: Arc<Shared>,
    /// The threads' handles; the lookup shares the first where there is one user.
    table: Option<Table<Object>>,
    handles: [Held<Table<Object>>; 2],
    second: Held<Ref<Object>>,
    #[cfg(any(graceref_loom, graceref_shuttle))]
    raw: (Watch<Object, CasCount>, TableWatch<Object, CasCount>),
}

impl Numbers {
    fn new(fix: Fix) -> Self {
        let two = fix.light() || fix == Fix::DupTo;
        let pool: Pool<Object> = Pool::with_limit(if two { 2 } else { 1 });
        let shared = Arc::new(Shared {
            ever: Ghost::new([true, fix == Fix::DupTo, false]),
            ..Shared::default()
        });
        let table = Table::with_limit(&pool, 2);
        let insert = |number| {
            pool.insert(Object { number, shared: Arc::clone(&shared) }).expect("a free slot")
        };
        table.install(insert(1)).expect("a free number");
        let second = two.then(|| insert(2));
        let second = if fix == Fix::DupTo {
            second.map(|object| table.install(object).expect("a free number"));
            None
        } else {
            second
        };
        Self {
            fix,
            #[cfg(any(graceref_loom, graceref_shuttle))]
            raw: (pool.raw_watch(), table.raw_watch()),
            pool,
            shared,
            second: Held::new(second),
            handles: [0, 1].map(|_| Held::new(fix.light().then(|| table.share()))),
            table: (!fix.light()).then_some(table),
        }
    }

    fn table(&self) -> &Table<Object> {
        self.table.as_ref().expect("one user")
    }

    /// Makes an object in the slot that is free, if it is.
    fn insert(&self, number: usize) -> Option<Ref<Object>> {
        let object = Object { number, shared: Arc::clone(&self.shared) };
        match self.pool.insert(object) {
            Err(full) => {
                full.into_inner().number = NOT_INSERTED;
                None
            }
            Ok(object) => Some(object),
        }
    }

    fn install(&self, table: &Table<Object>, object: Ref<Object>) {
        around(
            || table.install(object).expect("number 0 is free"),
            || self.shared.ever.with(|ever| ever[1] = true),
        );
    }

    fn drive(&self) {
        if self.fix.light() {
            let Some(table) = self.handles[0].take() else { return };
            drop(table.close(ZERO));
            let Some(second) = self.second.take() else { return };
            self.install(&table, second);
            let _scope = within("bye");
            drop(table);
            return;
        }
        drop(self.table().close(ZERO));
        match self.insert(2) {
            Some(object) if self.fix == Fix::Recheck => self.install(self.table(), object),
            other => drop(other),
        }
    }

    fn replace(&self) {
        let old = self.table().dup_to(ONE, ZERO).expect("number 1 is open, and 0 is too");
        drop(old);
        drop(self.insert(3));
    }

    /// What a lookup found is used here.
    fn check(&self, number: usize) {
        let index = number - 1;
        if !self.shared.ever.get()[index] {
            violated("RightObject", format_args!("object {number} was never under the number"));
        }
        if self.shared.released.get()[index] > 0 {
            violated("NoUseAfterFree", format_args!("object {number} is used and released"));
        }
    }

    fn look(&self, table: &Table<Object>) {
        let Some(found) = table.get(ZERO) else { return };
        let number = found.number;
        local!(mine = number as u64);
        if number == 2 {
            witness("Replaced", format_args!("a lookup found what took the number"));
        }
        at!("use");
        self.shared.bodies[number - 1].with(|_| ());
        self.check(number);
        drop(found);
    }

    fn borrow(&self) {
        let Some(mut table) = self.handles[1].take() else { return };
        match table.local() {
            Some(local) => {
                let _scope = within("lend");
                if let Some(object) = local.borrow(ZERO) {
                    let number = object.number;
                    local!(mine = number as u64);
                    witness("Alone", format_args!("an object was borrowed without a reference"));
                    at!("use");
                    self.shared.bodies[number - 1].with(|_| ());
                    self.check(number);
                }
            }
            None => self.look(&table),
        }
        let _scope = within("bye");
        drop(table);
    }
}

impl World for Numbers {
    fn run(&self, thread: usize) {
        let _scope = within(match (thread, self.fix) {
            (0, Fix::DupTo) => "rep",
            (0, _) => "drv",
            (_, Fix::Light) => "bor",
            (_, Fix::LightShared) => "rk",
            _ => "look",
        });
        match (thread, self.fix) {
            (0, Fix::DupTo) => self.replace(),
            (0, _) => self.drive(),
            (_, Fix::Light | Fix::LightShared) => self.borrow(),
            _ => self.look(self.table()),
        }
    }

    #[cfg(graceref_shuttle)]
    fn show(&self, show: &mut Show) {
        let (pool, table) = (self.raw.0.look(), self.raw.1.look());
        show.is("count", Value::seq(pool.count.iter().copied()));
        show.is("gen", Value::seq(pool.generation.iter().copied()));
        show.is("entry", Value::function((0_i64..).zip(table.entries)));
        show.is("taken", Value::set((0..2_i64).filter(|n| table.taken >> n & 1 == 1)));
        show.is("lock", table.locked);
        show.is("users", table.users.cast_signed());
        show.is(
            "free",
            Value::record([
                ("tag", Value::from(pool.tag.cast_signed())),
                ("first", Value::from(pool.first)),
            ]),
        );
        // The slot that is used again has its second object from `init` on.
        let third = if self.fix == Fix::DupTo { 3_i64 } else { 2 };
        let object =
            |(first, &generation): (i64, &u32)| if generation == 1 { first } else { third };
        show.is("object", Value::seq((1..).zip(&pool.generation).map(object)));
        show.is("next", Value::seq(pool.next));
        let ever = self.shared.ever.get();
        show.is("ever", Value::set((1..=3_i64).zip(ever).filter(|e| e.1).map(|e| e.0)));
        show.is("released", Value::seq(self.shared.released.get()));
    }

    #[cfg(not(graceref_shuttle))]
    fn show(&self, _: &mut Show) {}

    fn at_end(&self) {
        let released = self.shared.released.get();
        let expected: &[[u32; 3]] = match self.fix {
            // The last user has closed everything.
            Fix::Light | Fix::LightShared => &[[1, 1, 0]],
            Fix::Recheck => &[[1, 0, 0]],
            // The pool was full while the lookup had the first.
            Fix::NoRecheck | Fix::PutFirst => &[[1, 0, 0], [1, 1, 0]],
            Fix::DupTo => &[[1, 0, 0], [1, 0, 1]],
        };
        if !expected.contains(&released) {
            violated("NothingLeft", format_args!("releases {released:?}"));
        }
        #[cfg(any(graceref_loom, graceref_shuttle))]
        if self.raw.1.look().locked {
            violated("NothingLeft", format_args!("the lock is held, and nobody is there"));
        }
    }
}

fn scenario(name: &'static str, about: &'static str, fix: Fix, mutant: &'static str) -> Scenario {
    let none: &[&str] = &[];
    let (dup, light) = (fix == Fix::DupTo, fix.light());
    let driver: &[&str] = if dup { none } else { &["driver"] };
    let replacer: &[&str] = if dup { &["replacer"] } else { none };
    let lookup: &[&str] = if light { none } else { &["lookup"] };
    let borrower: &[&str] = if fix == Fix::Light { &["borrower"] } else { none };
    let reckless: &[&str] = if fix == Fix::LightShared { &["borrower"] } else { none };
    let make = move || Numbers::new(fix);
    let threads =
        [if dup { "replacer" } else { "driver" }, if light { "borrower" } else { "lookup" }];
    let local = Locals::new;
    Scenario {
        mutant,
        crowd: (!light).then(|| Cast::new(&[threads[0], "lookup", "lookup2"], make)),
        locals: vec![
            local("dhead", driver, 0).as_in_code("head"),
            local("dtag", driver, 0).as_in_code("tag"),
            local("dnext", driver, 0).as_in_code("next"),
            local("rhead", replacer, 0).as_in_code("head"),
            local("rtag", replacer, 0).as_in_code("tag"),
            local("rnext", replacer, 0).as_in_code("next"),
            local("slot", lookup, 0),
            local("seen", lookup, 0),
            local("sgen", lookup, 0),
            local("mine", lookup, 0),
            Locals::new("undo", lookup, false),
            local("lhead", lookup, 0).as_in_code("head"),
            local("ltag", lookup, 0).as_in_code("tag"),
            local("bslot", borrower, 0).as_in_code("slot"),
            local("bseen", borrower, 0).as_in_code("seen"),
            local("bsgen", borrower, 0).as_in_code("sgen"),
            local("bmine", borrower, 0).as_in_code("mine"),
            Locals::new("bundo", borrower, false).as_in_code("undo"),
            local("bhead", borrower, 0).as_in_code("head"),
            local("btag", borrower, 0).as_in_code("tag"),
            local("kmine", reckless, 0).as_in_code("mine"),
            local("khead", reckless, 0).as_in_code("head"),
            local("ktag", reckless, 0).as_in_code("tag"),
        ],
        ..Scenario::new(name, about, Cast::new(&threads, make))
    }
}

/// Why real threads leave the broken variants out.
const MUTANT: &str = "the mutant is of the model builds: the crate's own code has no such way";
const SPINS: &str = "a lookup that meets the dead object in its entry has executions without end; lockstep's graph has a cycle for them";

pub(crate) fn all() -> Vec<Scenario> {
    vec![
        scenario(
            "table-get",
            "a lookup beside close, reuse of the slot, and install under the same number",
            Fix::Recheck,
            "",
        ),
        Scenario {
            sought: &["RightObject"],
            without: &[("threads", MUTANT)],
            ..scenario(
                "table-norecheck",
                "the same without the second look at the entry, and the next object under no number",
                Fix::NoRecheck,
                "table.skip_recheck",
            )
        },
        Scenario {
            without: &[("threads", MUTANT), ("shuttle", SPINS), ("loom", SPINS)],
            ..scenario(
                "table-put-first",
                "close drops its reference before it clears the entry",
                Fix::PutFirst,
                "table.put_first",
            )
        },
        scenario(
            "table-dup-to",
            "a lookup beside dup_to and reuse of the slot of what was replaced",
            Fix::DupTo,
            "",
        ),
        scenario(
            "table-light",
            "two users of a table; one borrows without a reference if it is alone",
            Fix::Light,
            "",
        ),
        Scenario {
            without: &[("threads", MUTANT)],
            ..scenario(
                "table-light-shared",
                "the same without asking whether it is alone",
                Fix::LightShared,
                "table.local_shared",
            )
        },
    ]
}
