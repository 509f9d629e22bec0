//! Memory that goes back while a thread drops the last reference to an object.
//!
//! Spec: `spec/Shrink.tla`.

use super::held::{Held, Object};
use crate::scenario::{Cast, Locals, Scenario, Show, World};
use graceref::sync::model::{Ghost, violated};
use graceref::sync::within;
use graceref::{Key, Pool, Ref, at};
#[cfg(graceref_shuttle)]
use lockstep::value::Value;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// A pool without a limit. Slot 1 has an object; slots 2 and 3, the last in a chunk of its own, had.
struct Shrunk {
    pool: Mutex<Option<Pool<Object>>>,
    object: Held<Ref<Object>>,
    keys: Vec<Key>,
    released: Arc<Ghost<u32>>,
    #[cfg(any(graceref_loom, graceref_shuttle))]
    raw: graceref::Watch<Object, graceref::CasCount>,
}

impl Shrunk {
    /// As many slots as there are in the first chunk.
    const FIRST: usize = if cfg!(any(graceref_loom, graceref_shuttle)) { 2 } else { 32 };

    fn new() -> Self {
        let last = Arc::new(OnceLock::<Key>::new());
        let wanted = Arc::clone(&last);
        let pool = Pool::<Object>::builder()
            .on_release(move |object| {
                let Some(pool) = object.pool() else { return };
                let Some(&key) = wanted.get() else { return };
                // Read where its chunk is gone.
                at!("chunk");
                let found = pool.contains(key);
                if found {
                    violated("NoAlias", format_args!("a dead object is found"));
                }
            })
            .build();
        let (released, other) = (Arc::default(), Arc::<Ghost<u32>>::default());
        let object = pool.insert(Object::new(&released)).ok();
        let mut keys: Vec<Key> = object.iter().map(Ref::key).collect();
        let mut free: Vec<_> =
            (0..Self::FIRST).map(|_| pool.insert(Object::new(&other)).ok()).collect();
        keys.extend(free.iter().flatten().map(Ref::key));
        // The last first: it is at the end of the list.
        while let Some(one) = free.pop() {
            other.set(0);
            drop(one);
        }
        last.set(keys[Self::FIRST]).expect("once");
        Self {
            #[cfg(any(graceref_loom, graceref_shuttle))]
            raw: pool.raw_watch(),
            pool: Mutex::new(Some(pool)),
            object: Held::new(object),
            keys,
            released,
        }
    }

    fn pool(&self) -> std::sync::MutexGuard<'_, Option<Pool<Object>>> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shrink(&self) {
        // Not locked while it shrinks: the other thread would be held up by what the model does not see.
        let Some(mut pool) = self.pool().take() else { return };
        pool.shrink();
        *self.pool() = Some(pool);
    }
}

impl World for Shrunk {
    fn run(&self, thread: usize) {
        if thread == 0 {
            self.shrink();
        } else {
            let _scope = within("hold");
            drop(self.object.take());
        }
    }

    #[cfg(graceref_shuttle)]
    fn show(&self, show: &mut Show) {
        let raw = self.raw.look();
        let links = (0..3).map(|i| raw.next.get(i).copied().unwrap_or(0));
        let counts = (0..3).map(|i| raw.count.get(i).copied().unwrap_or(0));
        let there = [0, 2].map(|first| raw.next.len() > first);
        let cache = raw.caches.first();
        show.is("count", Value::seq(counts));
        show.is("next", Value::seq(links));
        show.is("first", raw.first);
        show.is("fresh", i64::try_from(raw.fresh).unwrap_or(-1));
        show.is("begun", raw.begun);
        show.is("there", Value::seq(there));
        show.is("handles", raw.handles);
        show.is("hgen", raw.handles_generation);
        show.is("closed", raw.closed);
        show.is("newest", raw.newest);
        show.is("busy", cache.is_some_and(|cache| cache.busy));
        show.is("len", cache.map_or(0, |cache| cache.len));
        show.is("released", self.released.get());
        show.is("freed", raw.shrunk);
    }

    #[cfg(not(graceref_shuttle))]
    fn show(&self, _: &mut Show) {}

    #[cfg(any(graceref_loom, graceref_shuttle))]
    fn at_end(&self) {
        let raw = self.raw.look();
        let mut free: Vec<i64> = Vec::new();
        let mut next = raw.first;
        while let Some(after) = usize::try_from(next - 1).ok().and_then(|i| raw.next.get(i)) {
            free.push(next);
            next = *after;
            if free.len() > self.keys.len() {
                break;
            }
        }
        let free = free.len() + raw.caches.iter().map(|cache| cache.len as usize).sum::<usize>();
        let (used, released) = (raw.fresh, self.released.get());
        if free as u64 != used || raw.handles != 1 || raw.closed || released != 1 {
            violated(
                "NothingLeft",
                format_args!(
                    "{free} slots free of {used}, {} handles, released {released}",
                    raw.handles
                ),
            );
        }
        if raw.shrunk > 0 && raw.begun == 0 {
            violated("NoAlias", format_args!("new memory begins with the generations of the old"));
        }
    }

    #[cfg(not(any(graceref_loom, graceref_shuttle)))]
    fn at_end(&self) {
        let Some(mut pool) = self.pool().take() else { return };
        let objects: Vec<_> = (0..=Self::FIRST)
            .map(|_| pool.insert(Object::new(&Arc::default())).expect("it has no limit"))
            .collect();
        if self.keys.iter().any(|&key| pool.contains(key)) {
            violated("NoAlias", format_args!("a key of before is a new object's"));
        }
        drop(objects);
        let (all, freed, released) = (pool.capacity(), pool.shrink(), self.released.get());
        if freed != Some(all) || released != 1 {
            violated(
                "NothingLeft",
                format_args!("freed {freed:?} of {all} when all are free, released {released}"),
            );
        }
    }
}

fn scenario(name: &'static str, about: &'static str, mutant: &'static str) -> Scenario {
    const H: &[&str] = &["holder"];
    let without: &[(&str, &str)] =
        if mutant.is_empty() { &[] } else { &[("threads", "the mutant is of the model builds")] };
    Scenario {
        mutant,
        without,
        locals: vec![
            Locals::new("cached", &["shrinker"], 0),
            Locals::new("khead", &["shrinker"], 0).as_in_code("head"),
            Locals::new("seen", H, 0),
            Locals::new("sgen", H, 0),
            Locals::new("shut", H, false),
            Locals::new("head", H, 0),
        ],
        ..Scenario::new(name, about, Cast::new(&["shrinker", "holder"], Shrunk::new))
    }
}

pub(crate) fn all() -> Vec<Scenario> {
    vec![
        scenario("shrink", "a pool gives memory back while a last reference is dropped", ""),
        Scenario {
            without: &[
                ("threads", "the mutant is of the model builds"),
                (
                    "loom",
                    "the look at a chunk's pointer is no step once it is set, and with the mutant it is changed \
                     nonetheless: the classes of interleavings cannot be held against shuttle's",
                ),
            ],
            ..scenario(
                "shrink-no-claim",
                "the same where the handle stays alive, and a release hook gets another",
                "shrink.no_claim",
            )
        },
        scenario(
            "shrink-no-wait",
            "the same where the shrinker does not wait for a thread that is at its cache",
            "cache.no_wait",
        ),
        scenario(
            "shrink-same-generation",
            "the same where new memory begins with the generations of the old",
            "shrink.same_generation",
        ),
    ]
}
