//! Readers that look at a pool's objects by their keys, and holders whose last put may be under them.
//!
//! Spec: `spec/RcuPool.tla`.

use super::held::Held;
use crate::scenario::{Cast, Locals, Scenario, Show, World};
use graceref::rcu::Domain;
use graceref::sync::model::{Ghost, violated, witness};
use graceref::sync::{Tracked, within};
use graceref::{Key, RcuPool, Ref, at, local};
#[cfg(graceref_shuttle)]
use lockstep::value::Value;
use std::sync::Arc;

const READERS: [&str; 2] = ["reader", "reader2"];
const HOLDERS: [&str; 2] = ["holder", "holder2"];

/// Not to be counted when it is dropped: it never was in the pool.
const NOT_INSERTED: u32 = 0;

type Released = Arc<Ghost<[u32; 2]>>;

struct Object {
    number: u32,
    content: Tracked<()>,
    released: Released,
}

impl Object {
    fn new(number: u32, released: &Released) -> Self {
        Self { number, content: Tracked::new(()), released: Arc::clone(released) }
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        if self.number == NOT_INSERTED {
            return;
        }
        self.content.retire();
        let index = self.number as usize - 1;
        self.released.with(|n| n[index] += 1);
        if self.released.get()[index] > 1 {
            violated("ReleasedOnce", format_args!("object {} was released twice", self.number));
        }
    }
}

/// A pool's objects may outlive everything, so its domain does.
#[cfg(any(graceref_loom, graceref_shuttle))]
fn domain() -> &'static Domain {
    Box::leak(Box::default())
}

/// Real threads have a record in each domain for as long as it lives: one for all rounds.
#[cfg(not(any(graceref_loom, graceref_shuttle)))]
fn domain() -> &'static Domain {
    graceref::rcu::default()
}

#[derive(Clone, Copy)]
struct Setting {
    readers: usize,
    holders: usize,
}

struct Readers {
    setting: Setting,
    pool: RcuPool<Object>,
    domain: &'static Domain,
    first: [Held<Ref<Object>>; 2],
    second: Ghost<bool>,
    keys: [Key; 2],
    released: Released,
    /// The second object. It outlives the pool, and so ends at once.
    #[cfg(not(any(graceref_loom, graceref_shuttle)))]
    kept: std::sync::OnceLock<Ref<Object>>,
    #[cfg(graceref_shuttle)]
    raw: graceref::Watch<Object, graceref::CasCount>,
}

impl Readers {
    fn new(setting: Setting) -> Self {
        let domain = domain();
        // The newest record is looked at first.
        #[cfg(any(graceref_loom, graceref_shuttle))]
        (0..setting.readers).rev().for_each(|reader| domain.raw_prepare(reader));
        let pool = RcuPool::builder().limit(1).build_in(domain);
        let released = Released::default();
        let object = pool.insert(Object::new(1, &released)).expect("there is a slot");
        let key = Ref::key(&object);
        // The same slot's next generation.
        let next = Key::from_u64(key.to_u64() + (1 << 32)).expect("not zero");
        let other = (setting.holders > 1).then(|| object.clone());
        Self {
            #[cfg(graceref_shuttle)]
            raw: pool.raw_watch(),
            setting,
            pool,
            domain,
            first: [Held::new(Some(object)), Held::new(other)],
            second: Ghost::default(),
            keys: [key, next],
            released,
            #[cfg(not(any(graceref_loom, graceref_shuttle)))]
            kept: std::sync::OnceLock::new(),
        }
    }

    fn read(&self, me: usize) {
        let _scope = within("read");
        let wanted = [1, 2][me];
        let guard = self.domain.read_lock();
        let Some(found) = self.pool.peek(self.keys[me], &guard) else {
            witness("Refused", format_args!("a reader found nothing"));
            return;
        };
        local!(mine = found.number);
        at!("use");
        found.content.with(|_| ());
        if found.number != wanted {
            violated("NoAlias", format_args!("key {wanted} finds object {}", found.number));
        }
        if self.released.get()[found.number as usize - 1] > 0 {
            violated("NoUseAfterFree", format_args!("the reader uses what was dropped"));
        }
        drop(guard);
    }

    fn hold(&self, me: usize) {
        let _scope = within("hold");
        drop(self.first[me].take());
        if !self.drop_dead() {
            return;
        }
        match self.pool.insert(Object::new(2, &self.released)) {
            Ok(object) => {
                self.second.set(true);
                witness("Reused", format_args!("the slot is used again"));
                self.keep(object);
            }
            Err(full) => {
                full.into_inner().number = NOT_INSERTED;
                violated("NothingLeft", format_args!("the slot was given back and is not there"));
            }
        }
    }

    /// The second object's end is no part of the model.
    #[cfg(any(graceref_loom, graceref_shuttle))]
    #[allow(clippy::unused_self)] // Real threads keep it.
    fn keep(&self, object: Ref<Object>) {
        std::mem::forget(object);
    }

    #[cfg(not(any(graceref_loom, graceref_shuttle)))]
    fn keep(&self, object: Ref<Object>) {
        assert!(self.kept.set(object).is_ok(), "only the one holder puts a second object there");
    }

    /// Whether this thread has dropped the first object.
    #[cfg(any(graceref_loom, graceref_shuttle))]
    fn drop_dead(&self) -> bool {
        self.pool.raw_reclaim_now()
    }

    /// On real threads what cannot be dropped yet is left to the domain, and whoever leaves it drops it.
    #[cfg(not(any(graceref_loom, graceref_shuttle)))]
    fn drop_dead(&self) -> bool {
        self.pool.reclaim();
        self.setting.holders == 1 && self.released.get()[0] == 1
    }
}

impl World for Readers {
    fn run(&self, thread: usize) {
        let Setting { readers, .. } = self.setting;
        if thread < readers {
            self.read(thread);
        } else {
            self.hold(thread - readers);
        }
    }

    #[cfg(graceref_shuttle)]
    fn show(&self, show: &mut Show) {
        let number = |n: u64| Value::Int(n.cast_signed());
        let raw = self.raw.look();
        let (counter, periods, states) = self.domain.raw_look();
        show.is("count", raw.count[0]);
        show.is("gen", raw.generation[0]);
        let first = Value::from(raw.first);
        show.is("free", Value::record([("tag", number(raw.tag)), ("first", first)]));
        show.is("next", raw.next[0]);
        show.is("pending", self.pool.raw_pending());
        show.is("counter", number(counter));
        show.is("periods", number(periods));
        let states = READERS.iter().zip(states).map(|(&r, s)| (Value::from(r), number(s)));
        show.is("state", Value::function(states));
        show.is("object", raw.generation[0]);
        show.is("released", Value::seq(self.released.get()));
    }

    #[cfg(not(graceref_shuttle))]
    fn show(&self, _: &mut Show) {}

    fn at_end(&self) {
        let released = self.released.get();
        if self.domain.is_inside() || released[0] > 1 || released[1] != 0 {
            violated("NothingLeft", format_args!("releases {released:?} and nobody is there"));
        }
        if self.second.get() && released[0] != 1 {
            violated("NothingLeft", format_args!("the second object is there, the first not gone"));
        }
    }
}

const IN_THE_MODEL: &str =
    "the mutant is of the model builds: real readers would really use what is dropped";

fn scenario(
    name: &'static str,
    about: &'static str,
    mutant: &'static str,
    setting: Setting,
) -> Scenario {
    let Setting { readers, holders } = setting;
    let readers: &'static [&str] = if readers == 1 { &["reader"] } else { &READERS };
    let holders: &'static [&str] = if holders == 1 { &["holder"] } else { &HOLDERS };
    let cast = [readers, holders].concat();
    Scenario {
        mutant,
        locals: vec![
            Locals::new("stamp", readers, 0),
            Locals::new("mine", readers, 0),
            Locals::new("head", holders, 0),
            Locals::new("tag", holders, 0),
            Locals::new("link", holders, 0).as_in_code("next"),
            Locals::new("list", holders, 0),
            Locals::new("due", holders, 0),
            Locals::new("now", holders, 0),
            Locals::new("nth", holders, 0),
        ],
        native_bound: (cast.len() > 2).then_some(3),
        without: if mutant.is_empty() { &[] } else { &[("threads", IN_THE_MODEL)] },
        ..Scenario::new(name, about, Cast::new(&cast, move || Readers::new(setting)))
    }
}

pub(crate) fn all() -> Vec<Scenario> {
    let cast = |readers, holders| Setting { readers, holders };
    vec![
        scenario("rcu-pool", "a reader, and two holders with the last references", "", cast(1, 2)),
        scenario(
            "rcu-pool-keys",
            "readers by the first and the second object's key, and a holder",
            "",
            cast(2, 1),
        ),
        scenario(
            "rcu-pool-nograce",
            "an object that is dropped at its last put",
            "rcupool.no_grace",
            cast(1, 1),
        ),
        scenario(
            "rcu-pool-anygen",
            "a peek that does not look at the generation",
            "rcupool.any_generation",
            cast(2, 1),
        ),
    ]
}
