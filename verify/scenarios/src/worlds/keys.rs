//! A pool of one slot, a key to its first object, and whoever still has it.
//!
//! Spec: `spec/Keys.tla`.

use super::held::Held;
#[cfg(graceref_shuttle)]
use super::leaving;
use crate::scenario::{Cast, Locals, Scenario, Show, World};
use graceref::sync::model::{Ghost, violated, witness};
use graceref::sync::within;
use graceref::{CasCount, Count, FileRefCount, Key, Pool, Ref, at, local};
#[cfg(graceref_shuttle)]
use lockstep::value::Value;
use std::sync::Arc;

/// Objects that the driver makes at most: one more than there are generations in the model builds.
const LAST: u32 = 9;

type Released = Arc<Ghost<[u32; LAST as usize]>>;

/// Not to be counted when it is dropped: it never was in the pool.
const NOT_INSERTED: u32 = 0;

struct Object {
    number: u32,
    released: Released,
}

impl Drop for Object {
    fn drop(&mut self) {
        if self.number == NOT_INSERTED {
            return;
        }
        let index = self.number as usize - 1;
        self.released.with(|n| n[index] += 1);
        if self.released.get()[index] > 1 {
            violated("ReleasedOnce", format_args!("object {} was released twice", self.number));
        }
    }
}

struct Keys<C: Count> {
    pool: Pool<Object, C>,
    first: Held<Ref<Object, C>>,
    key: Key,
    released: Released,
    /// The object that the driver is putting into the slot, or has put there last.
    making: Ghost<u32>,
    removed: Ghost<bool>,
    #[cfg(graceref_shuttle)]
    raw: graceref::Watch<Object, C>,
}

impl<C: Count> Keys<C> {
    fn new(generations: u32) -> Self {
        let pool = Pool::<Object, C>::builder().limit(1).generations(generations).build();
        let released = Released::default();
        let object = Object { number: 1, released: Arc::clone(&released) };
        let first = pool.insert(object).expect("there is a slot");
        Self {
            #[cfg(graceref_shuttle)]
            raw: pool.raw_watch(),
            key: Ref::key(&first),
            first: Held::new(Some(first)),
            pool,
            released,
            making: Ghost::new(1),
            removed: Ghost::new(false),
        }
    }

    fn drive(&self) {
        let mut object = self.first.take();
        let mut number = 1;
        loop {
            drop(object);
            if number == LAST {
                return;
            }
            number += 1;
            self.making.set(number);
            match self.pool.insert(Object { number, released: Arc::clone(&self.released) }) {
                Ok(next) => object = Some(next),
                Err(full) => {
                    self.making.set(number - 1);
                    full.into_inner().number = NOT_INSERTED;
                    return;
                }
            }
        }
    }

    fn look(&self) {
        let Some(found) = self.pool.get(self.key) else {
            witness("Refused", format_args!("a lookup by a key found nothing"));
            return;
        };
        local!(mine = found.number, late = self.removed.get());
        at!("use");
        if found.number != 1 {
            violated(
                "NoAlias",
                format_args!("the first object's key finds number {}", found.number),
            );
        }
        let index = found.number as usize - 1;
        if self.released.get()[index] > 0 {
            violated(
                "NoUseAfterFree",
                format_args!("object {} is used and released", found.number),
            );
        }
        drop(found);
    }
}

impl<C: Count> World for Keys<C> {
    fn run(&self, thread: usize) {
        let _scope = within(["drv", "look", "rem"][thread]);
        match thread {
            0 => self.drive(),
            1 => self.look(),
            _ => {
                if self.pool.remove(self.key) {
                    self.removed.set(true);
                }
            }
        }
    }

    #[cfg(graceref_shuttle)]
    fn show(&self, show: &mut Show) {
        const LIVE: u64 = 1 << 31;
        const MODULUS: u32 = 8;
        let raw = self.raw.look();
        let making = self.making.get();
        // The driver says what it makes before it does; the generation says when it is made.
        let made = if raw.generation[0] == making % MODULUS { making } else { making - 1 };
        show.is("count", raw.count[0]);
        show.is("gen", raw.generation[0]);
        show.is("live", raw.word[0] & LIVE != 0);
        show.is(
            "free",
            Value::record([
                ("tag", Value::from(raw.tag.cast_signed())),
                ("first", Value::from(raw.first)),
            ]),
        );
        show.is("next", raw.next[0]);
        show.is("leaving", leaving::in_spec_scale(raw.leaving));
        show.is("object", made);
        show.is("removed", self.removed.get());
        show.is("released", Value::seq(self.released.get()));
    }

    #[cfg(not(graceref_shuttle))]
    fn show(&self, _: &mut Show) {}

    fn at_end(&self) {
        let released = self.released.get();
        let made = self.making.get() as usize;
        let once = (1..=LAST as usize).all(|o| released[o - 1] == u32::from(o <= made));
        if !once {
            violated("NothingLeft", format_args!("{made} objects, releases {released:?}"));
        }
    }
}

fn scenario<C: Count>(
    name: &'static str,
    about: &'static str,
    mutant: &'static str,
    remover: bool,
) -> Scenario {
    const D: &[&str] = &["driver"];
    const L: &[&str] = &["lookup"];
    let threads: &[&'static str] =
        if remover { &["driver", "lookup", "remover"] } else { &["driver", "lookup"] };
    let removers: &'static [&'static str] = if remover { &["remover"] } else { &[] };
    // Unretired, the slot goes on until its generations wrap.
    let make = || Keys::<C>::new(2);
    Scenario {
        mutant,
        locals: vec![
            Locals::new("dpgen", D, 0).as_in_code("pgen"),
            Locals::new("dhead", D, 0).as_in_code("head"),
            Locals::new("dtag", D, 0).as_in_code("tag"),
            Locals::new("dnext", D, 0).as_in_code("next"),
            Locals::new("seen", L, 0),
            Locals::new("sgen", L, 0),
            Locals::new("mine", L, 0),
            Locals::new("late", L, false),
            Locals::new("lpgen", L, 0).as_in_code("pgen"),
            Locals::new("lhead", L, 0).as_in_code("head"),
            Locals::new("ltag", L, 0).as_in_code("tag"),
            Locals::new("rseen", removers, 0).as_in_code("seen"),
            Locals::new("rsgen", removers, 0).as_in_code("sgen"),
        ],
        ..Scenario::new(name, about, Cast::new(threads, make))
    }
}

pub(crate) fn all() -> Vec<Scenario> {
    /// Why real threads leave a mutant out.
    const MODEL_ONLY: &[(&str, &str)] = &[("threads", "the mutant is of the model builds")];
    vec![
        scenario::<CasCount>(
            "keys",
            "a lookup by a key while its slot is used again, and then retired",
            "",
            false,
        ),
        scenario::<CasCount>(
            "keys-remove",
            "the same while a third thread removes the object",
            "",
            true,
        ),
        Scenario {
            without: MODEL_ONLY,
            ..scenario::<CasCount>(
                "keys-none",
                "a lookup that does not look at the generation",
                "key.skip_generation",
                false,
            )
        },
        Scenario {
            without: MODEL_ONLY,
            ..scenario::<CasCount>(
                "keys-wrap",
                "generations that wrap, in a slot that is never retired",
                "key.never_retire",
                false,
            )
        },
        scenario::<FileRefCount>(
            "keys-file-ref",
            "a lookup that looks, adds, and gives back what it did not mean",
            "",
            false,
        ),
        Scenario {
            without: MODEL_ONLY,
            ..scenario::<FileRefCount>(
                "keys-file-ref-no-recheck",
                "the same where it does not look at what the add found",
                "file_ref.no_recheck",
                false,
            )
        },
    ]
}
