//! A count, a list that holds no reference, and lookups through it.
//!
//! Spec: `spec/Count.tla`.

use crate::scenario::{Cast, Locals, Scenario, Show, World};
use graceref::sync::model::{Ghost, violated, witness};
use graceref::sync::{AtomicU32, Ordering, Tracked, within};
use graceref::{CasCount, at};
use lifetimes::counts::{AtomicLong, FCount};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Get {
    Inc,
    IncNotZero,
}

struct Object<C> {
    count: C,
    listed: AtomicU32,
    content: Tracked<u32>,
    get: Get,
    died: Ghost<bool>,
    released: Ghost<u32>,
    freed: Ghost<bool>,
}

impl<C: FCount> Object<C> {
    fn new(get: Get) -> Self {
        Self {
            count: C::new(),
            listed: AtomicU32::new(1),
            content: Tracked::new(7),
            get,
            died: Ghost::default(),
            released: Ghost::default(),
            freed: Ghost::default(),
        }
    }

    fn put(&self) {
        if !self.count.put() {
            return;
        }
        self.died.set(true);
        at!("unlist");
        // ORDERING: Relaxed; who still finds the object asks its count.
        self.listed.store(0, Ordering::Relaxed);
        at!("release");
        self.content.with_mut(|content| {
            // SAFETY: the last put's thread has the content to itself (Count!ReleasedOnce).
            unsafe { *content = 0 };
        });
        self.released.with(|n| *n += 1);
        if self.released.get() > 1 {
            violated("ReleasedOnce", format_args!("released a second time"));
        }
        at!("free");
        self.content.retire();
        self.freed.set(true);
    }

    fn look(&self) {
        at!("find");
        // ORDERING: Relaxed; the count decides.
        if self.listed.load(Ordering::Relaxed) == 0 {
            return;
        }
        match self.get {
            Get::Inc => {
                self.count.get_file();
                if self.died.get() {
                    violated("NoResurrect", format_args!("a count that was gone came back"));
                }
            }
            Get::IncNotZero => {
                if !self.count.get_active() {
                    witness("Refused", format_args!("a lookup found the object dead"));
                    return;
                }
            }
        }
        if self.released.get() > 0 {
            violated("HeldIsLive", format_args!("a reference is held to what was released"));
        }
        at!("use");
        self.content.with(|content| {
            // SAFETY: a reference is held, or that is the bug (Count!HeldIsLive).
            let _ = unsafe { content.read() };
        });
        self.put();
    }
}

impl<C: FCount> World for Object<C> {
    fn run(&self, thread: usize) {
        if thread == 0 {
            let _scope = within("own");
            self.put();
        } else {
            let _scope = within("look");
            self.look();
        }
    }

    fn show(&self, show: &mut Show) {
        show.is("count", self.count.raw());
        show.is("listed", self.listed.raw_load() == 1);
        show.is("died", self.died.get());
        show.is("released", self.released.get());
        show.is("freed", self.freed.get());
    }

    fn at_end(&self) {
        let (count, released) = (self.count.raw(), self.released.get());
        if count != 0 || released != 1 {
            violated("NothingLeft", format_args!("count {count}, released {released} times"));
        }
    }
}

pub(crate) fn all() -> Vec<Scenario> {
    const ONE: &[&str] = &["owner", "lookup"];
    const TWO: &[&str] = &["owner", "lookup", "lookup2"];
    const CROWD: &[&str] = &["owner", "lookup", "lookup2", "lookup3"];
    let inc = || Object::<AtomicLong>::new(Get::Inc);
    let inc_not_zero = || Object::<CasCount>::new(Get::IncNotZero);
    vec![
        Scenario {
            sought: &["NoResurrect"],
            crowd: Some(Cast::new(TWO, inc)),
            locals: vec![Locals::new("seen", &["lookup"], 0)],
            ..Scenario::new(
                "count-inc",
                "a lookup takes its reference by get_file: from zero, if it comes late",
                Cast::new(ONE, inc),
            )
        },
        Scenario {
            crowd: Some(Cast::new(CROWD, inc_not_zero)),
            locals: vec![Locals::new("seen", &["lookup", "lookup2"], 0)],
            ..Scenario::new(
                "count-inc-not-zero",
                "two lookups take their references by inc-not-zero",
                Cast::new(TWO, inc_not_zero),
            )
        },
    ]
}
