//! Free slots in the threads' own caches when the pool ends.
//!
//! Spec: `spec/Cache.tla`.

use super::held::Held;
use crate::scenario::{Cast, Locals, Scenario, Show, World};
use graceref::sync::model::{Ghost, violated};
use graceref::sync::within;
use graceref::{Pool, Ref, local};
#[cfg(graceref_shuttle)]
use lockstep::value::Value;
use std::sync::Arc;

/// So many slots a cache has room for.
const FULL: usize = if cfg!(any(graceref_loom, graceref_shuttle)) { 4 } else { 128 };

struct Object(Arc<Ghost<u32>>);

impl Drop for Object {
    fn drop(&mut self) {
        self.0.with(|n| *n += 1);
    }
}

/// A pool without a limit, and each holder's objects.
struct Caches {
    pool: Held<Pool<Object>>,
    objects: Vec<Held<Vec<Ref<Object>>>>,
    /// So many each.
    own: usize,
    released: Arc<Ghost<u32>>,
    #[cfg(any(graceref_loom, graceref_shuttle))]
    raw: graceref::Watch<Object, graceref::CasCount>,
}

impl Caches {
    fn new(holders: usize, own: usize) -> Self {
        let pool = Pool::new();
        let released = Arc::new(Ghost::new(0));
        let object = |_| pool.insert(Object(Arc::clone(&released))).ok();
        let objects = |_| Held::new((0..own).map(object).collect());
        Self {
            objects: (0..holders).map(objects).collect(),
            own,
            #[cfg(any(graceref_loom, graceref_shuttle))]
            raw: pool.raw_watch(),
            pool: Held::new(Some(pool)),
            released,
        }
    }
}

impl World for Caches {
    fn run(&self, thread: usize) {
        if thread == 0 {
            drop(self.pool.take());
        } else {
            let _scope = within("hold");
            for (nth, object) in (1..).zip(self.objects[thread - 1].take().into_iter().flatten()) {
                if nth > 1 {
                    local!(nth = nth);
                }
                drop(object);
            }
        }
    }

    #[cfg(graceref_shuttle)]
    fn show(&self, show: &mut Show) {
        let raw = self.raw.look();
        let cache = |n| raw.caches.iter().find(|cache| cache.number == n);
        let caches = || (1..=2).map(cache);
        let all = self.objects.len() * self.own;
        show.is("count", Value::seq(raw.count[..all].iter().copied()));
        show.is("handles", raw.handles);
        show.is("closed", raw.closed);
        show.is("newest", raw.newest);
        show.is("older", Value::seq(caches().map(|cache| cache.map_or(0, |c| c.older))));
        show.is("busy", Value::seq(caches().map(|cache| cache.is_some_and(|c| c.busy))));
        show.is("len", Value::seq(caches().map(|cache| cache.map_or(0, |c| c.len))));
        show.is("fresh", raw.fresh >> 32 != 0);
        show.is("first", raw.first);
        show.is("next", Value::seq(raw.next[..all].iter().copied()));
        show.is("leaving", raw.leaving);
        show.is("released", self.released.get());
        show.is("freed", raw.freed);
    }

    #[cfg(not(graceref_shuttle))]
    fn show(&self, _: &mut Show) {}

    fn at_end(&self) {
        #[cfg(any(graceref_loom, graceref_shuttle))]
        let freed = self.raw.look().freed;
        #[cfg(not(any(graceref_loom, graceref_shuttle)))]
        let freed = 1;
        let released = self.released.get();
        if freed != 1 || released as usize != self.objects.len() * self.own {
            violated("NothingLeft", format_args!("freed {freed} times, released {released}"));
        }
    }
}

fn scenario(
    name: &'static str,
    about: &'static str,
    mutant: &'static str,
    threads: &'static [&'static str],
    own: usize,
) -> Scenario {
    const C: &[&str] = &["closer"];
    let make = move || Caches::new(threads.len() - 1, own);
    Scenario {
        mutant,
        locals: vec![
            Locals::new("each", C, 0),
            Locals::new("cached", C, 0),
            Locals::new("found", C, 0),
            Locals::new("top", &threads[1..], 0).as_in_code("newest"),
            Locals::new("shut", &threads[1..], false),
            Locals::new("head", &threads[1..], 0),
            Locals::new("nth", &threads[1..], 1),
            Locals::new("full", &threads[1..], false),
            Locals::new("run", &threads[1..], 0),
        ],
        ..Scenario::new(name, about, Cast::new(threads, make))
    }
}

pub(crate) fn all() -> Vec<Scenario> {
    /// Why a search over histories is left out.
    const LONG: &str =
        "five drops beside a close: minutes without an end in loom's native pass; shuttle ends";
    const MANY: &str =
        "the histories of three threads take minutes; lockstep walks the whole graph";
    vec![
        scenario(
            "cache",
            "the last handle is dropped while a thread gives its slot to its cache",
            "",
            &["closer", "holder"],
            1,
        ),
        Scenario {
            without: &[("shuttle", MANY), ("loom", MANY)],
            ..scenario(
                "cache-two",
                "the same with two threads",
                "",
                &["closer", "holder", "holder2"],
                1,
            )
        },
        Scenario {
            without: &[("threads", "the mutant is of the model builds")],
            ..scenario(
                "cache-no-wait",
                "the same where the closer does not wait for a thread that is at its cache",
                "cache.no_wait",
                &["closer", "holder"],
                1,
            )
        },
        Scenario {
            without: &[("loom", LONG)],
            ..scenario(
                "cache-spill",
                "the same where the thread drops one object more than its cache has room for",
                "",
                &["closer", "holder"],
                FULL + 1,
            )
        },
        Scenario {
            without: &[("threads", "the mutant is of the model builds"), ("loom", LONG)],
            ..scenario(
                "cache-spill-unlooked",
                "the same where it takes half of its cache without a look",
                "cache.spill_unlooked",
                &["closer", "holder"],
                FULL + 1,
            )
        },
    ]
}
