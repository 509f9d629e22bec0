//! Readers that stamp their records, and updaters that unlink, wait for a grace period, and free.
//!
//! Specs: `spec/Rcu.tla`, and with a store buffer under shuttle `spec/Membarrier.tla`.

use crate::scenario::{Cast, Locals, Scenario, Show, World};
use graceref::at;
use graceref::rcu::Domain;
#[cfg(graceref_shuttle)]
use graceref::sync::asym::{self, Fences};
use graceref::sync::model::{Ghost, violated, witness};
use graceref::sync::{AtomicU32, Ordering, Tracked, within};
#[cfg(graceref_shuttle)]
use lockstep::value::Value;

/// What an updater does after it has unlinked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// Frees at once.
    Not,
    /// Asks once whether a grace period is over, and gives up if not.
    Once,
    /// Waits for it.
    Patient,
}

/// Who orders the reader's stores.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Buffer {
    /// They take effect at once: the scenario is about something else.
    None,
    Fence,
    Membarrier,
    Nobody,
}

#[derive(Clone, Copy)]
struct Setting {
    readers: usize,
    updaters: usize,
    wait: Wait,
    buffer: Buffer,
}

const UPDATERS: [&str; 2] = ["updater", "updater2"];
const READERS: [&str; 2] = ["reader", "reader2"];

/// An object that an updater owns, and where readers find it.
struct Object {
    linked: AtomicU32,
    content: Tracked<()>,
}

struct Rcu {
    setting: Setting,
    domain: Domain,
    objects: [Object; 2],
    freed: Ghost<[bool; 2]>,
}

impl Rcu {
    fn new(setting: Setting) -> Self {
        let domain = Domain::new();
        // The newest record is looked at first.
        #[cfg(any(graceref_loom, graceref_shuttle))]
        (0..setting.readers).rev().for_each(|reader| domain.raw_prepare(reader));
        #[cfg(graceref_shuttle)]
        match setting.buffer {
            Buffer::None => {}
            Buffer::Fence => asym::buffer_stores(&[0], Fences::Reader),
            Buffer::Membarrier => asym::buffer_stores(&[0], Fences::Barrier),
            Buffer::Nobody => asym::buffer_stores(&[0], Fences::Nobody),
        }
        #[cfg(not(any(graceref_loom, graceref_shuttle)))]
        if setting.buffer == Buffer::Fence {
            graceref::rcu::force_fence();
        }
        let object = || Object { linked: AtomicU32::new(1), content: Tracked::new(()) };
        Self { setting, domain, objects: [object(), object()], freed: Ghost::default() }
    }

    fn read(&self) {
        let _scope = within("read");
        let guard = self.domain.read_lock();
        let object = &self.objects[0];
        at!("link");
        // ORDERING: Relaxed; the object was there from the start, and the grace period is all that keeps it.
        if object.linked.load(Ordering::Relaxed) != 0 {
            at!("use");
            object.content.with(|_| ());
            if self.freed.get()[0] {
                violated("NoUseAfterFree", format_args!("the reader uses what has been freed"));
            }
        }
        drop(guard);
    }

    fn update(&self, me: usize) {
        let _scope = within("upd");
        let object = &self.objects[me];
        at!("unlink");
        // ORDERING: Relaxed; the snapshot's fence orders it.
        object.linked.store(0, Ordering::Relaxed);
        let over = match self.setting.wait {
            Wait::Not => true,
            Wait::Once => self.domain.elapsed(self.domain.snapshot()),
            Wait::Patient => self.domain.synchronize().is_ok(),
        };
        if !over {
            witness("HeldBack", format_args!("the grace period is not over"));
            return;
        }
        at!("free");
        object.content.retire();
        self.freed.with(|freed| freed[me] = true);
        if me == 0 {
            witness("Freed", format_args!("the grace period is over"));
        }
    }
}

impl World for Rcu {
    fn run(&self, thread: usize) {
        let Setting { readers, updaters, .. } = self.setting;
        if thread < readers {
            self.read();
        } else if thread < readers + updaters {
            self.update(thread - readers);
        } else {
            #[cfg(graceref_shuttle)]
            {
                let _scope = within("cpu");
                asym::drain_one(0);
            }
        }
    }

    #[cfg(graceref_shuttle)]
    fn show(&self, show: &mut Show) {
        let number = |n: u64| Value::Int(n.cast_signed());
        let (counter, periods, states) = self.domain.raw_look();
        let linked = |object: &Object| Value::from(object.linked.raw_load() != 0);
        show.is("counter", number(counter));
        show.is("periods", number(periods));
        if self.setting.buffer == Buffer::None {
            let updaters = &UPDATERS[..self.setting.updaters];
            let states = READERS.iter().zip(states).map(|(&r, s)| (Value::from(r), number(s)));
            show.is("state", Value::function(states));
            let each = updaters.iter().zip(&self.objects);
            let each = each.map(|(&u, object)| (Value::from(u), linked(object)));
            show.is("linked", Value::function(each));
            let freed = updaters.iter().zip(self.freed.get());
            let freed = freed.map(|(&u, freed)| (Value::from(u), Value::from(freed)));
            show.is("freed", Value::function(freed));
        } else {
            show.is("state", number(states[0]));
            show.is("buffer", Value::seq(asym::raw_buffer(0).into_iter().map(number)));
            show.is("linked", linked(&self.objects[0]));
            show.is("freed", self.freed.get()[0]);
        }
    }

    #[cfg(not(graceref_shuttle))]
    fn show(&self, _: &mut Show) {}

    fn at_end(&self) {
        if self.domain.is_inside() {
            violated("NothingLeft", format_args!("a reader is inside, and nobody is there"));
        }
        if self.setting.wait == Wait::Patient && !self.freed.get()[0] {
            violated("NothingLeft", format_args!("the updater has waited and not freed"));
        }
    }
}

const IN_THE_MODEL: &str =
    "the mutant is of the model builds: real readers would really use what is freed";
/// Why a search over histories has no end here.
const WAITS: &str = "an updater that waits for readers has executions without end; lockstep's graph has a cycle for them";
/// What stands instead: lockstep's walk of the whole graph, and the crate's own model tests under loom.
const HISTORIES: &str = "two updaters that help each other have far more histories than states";
/// The crate's own model tests have reader and updater under loom, with their fences and without.
const NO_BUFFER: &str =
    "loom has a memory of its own, where there is no store buffer to play and no membarrier";

fn scenario(name: &'static str, about: &'static str, setting: Setting) -> Scenario {
    let Setting { readers, updaters, buffer, .. } = setting;
    let readers: &'static [&str] = if readers == 1 { &["reader"] } else { &READERS };
    let updaters: &'static [&str] = if updaters == 1 { &["updater"] } else { &UPDATERS };
    let mut cast = [readers, updaters].concat();
    // Elsewhere the processor needs nobody to play it.
    if buffer != Buffer::None && cfg!(graceref_shuttle) {
        cast.extend(["cpu", "cpu2"]);
    }
    let mut locals = vec![
        Locals::new("stamp", readers, 0),
        Locals::new("due", updaters, 0),
        Locals::new("now", updaters, 0),
    ];
    if buffer == Buffer::None {
        locals.push(Locals::new("nth", updaters, 0));
    }
    Scenario {
        locals,
        native_bound: (cast.len() > 2).then_some(3),
        ..Scenario::new(name, about, Cast::new(&cast, move || Rcu::new(setting)))
    }
}

pub(crate) fn all() -> Vec<Scenario> {
    let once =
        |readers, updaters| Setting { readers, updaters, wait: Wait::Once, buffer: Buffer::None };
    let buffered = |buffer| Setting { buffer, ..once(1, 1) };
    vec![
        scenario("rcu", "two readers, and an updater that asks once", once(2, 1)),
        Scenario {
            without: &[("shuttle", HISTORIES), ("loom", HISTORIES)],
            ..scenario(
                "rcu-helped",
                "a reader, and two updaters that take each other's grace periods further",
                once(1, 2),
            )
        },
        Scenario {
            without: &[("shuttle", WAITS), ("loom", WAITS)],
            ..scenario(
                "rcu-patient",
                "two readers, and an updater that waits",
                Setting { wait: Wait::Patient, ..once(2, 1) },
            )
        },
        Scenario {
            sought: &["NoUseAfterFree"],
            ..scenario(
                "rcu-nowait",
                "an updater that frees at once",
                Setting { wait: Wait::Not, ..once(1, 1) },
            )
        },
        Scenario {
            mutant: "rcu.no_bump",
            without: &[("threads", IN_THE_MODEL)],
            ..scenario("rcu-nobump", "a grace period that does not move the counter", once(1, 1))
        },
        Scenario {
            mutant: "rcu.join",
            without: &[("shuttle", HISTORIES), ("loom", HISTORIES), ("threads", IN_THE_MODEL)],
            ..scenario(
                "rcu-join",
                "a snapshot that is content with the period under way",
                once(1, 2),
            )
        },
        Scenario {
            mutant: "rcu.first",
            without: &[("threads", IN_THE_MODEL)],
            ..scenario("rcu-first", "an updater that looks at one reader only", once(2, 1))
        },
        Scenario {
            without: &[("loom", NO_BUFFER)],
            ..scenario(
                "membarrier-fence",
                "a store buffer, and a reader with a fence",
                buffered(Buffer::Fence),
            )
        },
        Scenario {
            without: &[("loom", NO_BUFFER)],
            ..scenario(
                "membarrier",
                "a store buffer, a reader without a fence, an updater with membarrier",
                buffered(Buffer::Membarrier),
            )
        },
        Scenario {
            without: &[("loom", NO_BUFFER), ("threads", IN_THE_MODEL)],
            ..scenario(
                "membarrier-none",
                "a store buffer, and a fence on neither side",
                buffered(Buffer::Nobody),
            )
        },
    ]
}
