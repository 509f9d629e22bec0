//! A put that straggles between its two steps while the count is revived, dropped, and the pool's memory goes.
//!
//! Spec: `spec/Straggle.tla`.

use super::held::{Held, Object, nothing_left};
#[cfg(graceref_shuttle)]
use super::leaving;
use crate::scenario::{Cast, Locals, Scenario, Show, World};
use graceref::sync::model::{Ghost, violated};
use graceref::sync::within;
use graceref::{FileRefCount, Key, Pool, Ref, local};
use std::sync::Arc;

/// The lookup drops the last handle, unless there is a killer: then it stays.
struct Straggle {
    first: Held<Ref<Object, FileRefCount>>,
    key: Key,
    pool: Held<Pool<Object, FileRefCount>>,
    killed: Option<Pool<Object, FileRefCount>>,
    released: Arc<Ghost<u32>>,
    told: Arc<Ghost<u32>>,
    #[cfg(any(graceref_loom, graceref_shuttle))]
    raw: graceref::Watch<Object, FileRefCount>,
}

impl Straggle {
    fn new(killer: bool) -> Self {
        let pool: Pool<Object, FileRefCount> = Pool::with_limit(1);
        let released = Arc::new(Ghost::new(0));
        let first = pool.insert(Object::new(&released)).expect("there is a slot");
        Self {
            #[cfg(any(graceref_loom, graceref_shuttle))]
            raw: pool.raw_watch(),
            key: Ref::key(&first),
            first: Held::new(Some(first)),
            killed: killer.then(|| pool.clone()),
            pool: Held::new((!killer).then_some(pool)),
            released,
            told: Arc::default(),
        }
    }

    fn look(&self) {
        let last = self.pool.take();
        {
            let _scope = within("look");
            let pool = last.as_ref().or(self.killed.as_ref());
            drop(pool.and_then(|pool| pool.get(self.key)));
        }
        drop(last);
    }

    fn kill(&self) {
        let Some(pool) = &self.killed else { return };
        let (released, told) = (Arc::clone(&self.released), Arc::clone(&self.told));
        pool.kill(move || {
            told.with(|n| *n += 1);
            let (told, released) = (told.get(), released.get());
            if told > 1 || released == 0 {
                violated(
                    "ToldOnce",
                    format_args!("told {told} times, {released} objects released"),
                );
            }
        });
        let _scope = within("kill");
        let late = pool.contains(self.key);
        local!(late = late);
        if late {
            violated("NoGetAfterKill", format_args!("a key finds its object in a killed pool"));
        }
    }
}

impl World for Straggle {
    fn run(&self, thread: usize) {
        match thread {
            0 => {
                let _scope = within("own");
                drop(self.first.take());
            }
            1 => self.look(),
            _ => self.kill(),
        }
    }

    #[cfg(graceref_shuttle)]
    fn show(&self, show: &mut Show) {
        const LIVE: u64 = 1 << 31;
        let raw = self.raw.look();
        show.is("count", raw.count[0]);
        show.is("live", raw.word[0] & LIVE != 0);
        show.is("first", raw.first);
        show.is("next", raw.next[0]);
        show.is("leaving", leaving::in_spec_scale(raw.leaving));
        show.is("handles", raw.handles);
        show.is("fresh", raw.fresh >> 32 != 0);
        show.is("closed", raw.closed);
        show.is("drained", raw.drained);
        show.is("released", self.released.get());
        show.is("told", self.told.get());
        show.is("freed", raw.freed);
    }

    #[cfg(not(graceref_shuttle))]
    fn show(&self, _: &mut Show) {}

    fn at_end(&self) {
        #[cfg(any(graceref_loom, graceref_shuttle))]
        let freed = Some(self.raw.look().freed);
        #[cfg(not(any(graceref_loom, graceref_shuttle)))]
        let freed: Option<u32> = None;
        let killed = u32::from(self.killed.is_some());
        nothing_left(freed.map(|freed| freed + killed), self.released.get());
        if self.told.get() != killed {
            violated("NothingLeft", format_args!("told {} times", self.told.get()));
        }
    }
}

fn scenario(
    name: &'static str,
    about: &'static str,
    mutant: &'static str,
    killer: bool,
) -> Scenario {
    const O: &[&str] = &["owner"];
    const L: &[&str] = &["lookup"];
    let threads: &[&'static str] =
        if killer { &["owner", "lookup", "killer"] } else { &["owner", "lookup"] };
    let killers: &'static [&'static str] = if killer { &["killer"] } else { &[] };
    Scenario {
        mutant,
        locals: vec![
            Locals::new("oplive", O, false).as_in_code("plive"),
            Locals::new("ohead", O, 0).as_in_code("head"),
            Locals::new("omine", O, false).as_in_code("mine"),
            Locals::new("lplive", L, false).as_in_code("plive"),
            Locals::new("lhead", L, 0).as_in_code("head"),
            Locals::new("lmine", L, false).as_in_code("mine"),
            Locals::new("found", L, 0),
            Locals::new("kfound", killers, 0).as_in_code("found"),
            Locals::new("kseen", killers, 0).as_in_code("seen"),
            Locals::new("kmine", killers, false).as_in_code("mine"),
            Locals::new("klate", killers, false).as_in_code("late"),
        ],
        // Three threads at one word: minutes without a bound.
        native_bound: killer.then_some(2),
        ..Scenario::new(name, about, Cast::new(threads, move || Straggle::new(killer)))
    }
}

pub(crate) fn all() -> Vec<Scenario> {
    const MANY: &str =
        "a million executions, since loom cannot prune three threads at one word; shuttle ends";
    vec![
        scenario(
            "straggle",
            "a put whose kill comes late, while the lookup that revived the count drops the last handle",
            "",
            false,
        ),
        Scenario {
            without: &[(
                "threads",
                "the mutant is of the model builds: real memory would really be freed",
            )],
            ..scenario(
                "straggle-forgotten",
                "the same where nobody counts the straggler: its compare-exchange meets freed memory",
                "pool.forget_stragglers",
                false,
            )
        },
        Scenario {
            without: &[("loom", MANY)],
            ..scenario(
                "straggle-killed",
                "a put whose kill comes late, while the pool is killed",
                "",
                true,
            )
        },
        Scenario {
            without: &[("threads", "the mutant is of the model builds")],
            ..scenario(
                "straggle-as-slots",
                "the same where a straggler weighs as much as a slot",
                "pool.straggler_is_slot",
                true,
            )
        },
        Scenario {
            without: &[("loom", MANY), ("threads", "the mutant is of the model builds")],
            ..scenario(
                "straggle-passed",
                "the same where a kill passes over what has no reference",
                "file_ref.pass_over_the_dying",
                true,
            )
        },
    ]
}
