//! A count that stray references overflow.
//!
//! Spec: `spec/Overflow.tla`.

use crate::scenario::{Cast, Locals, Scenario, Show, World};
use graceref::sync::model::{Ghost, violated};
use graceref::sync::{Tracked, within};
use graceref::{at, local};
use lifetimes::counts::refcount::{Overflow, Refcount};

struct Object {
    count: Refcount,
    /// What the count keeps; RCU keeps the count's own memory.
    fields: Tracked<()>,
    leaks: u32,
    released: Ghost<u32>,
    early: Ghost<bool>,
    uaf: Ghost<bool>,
}

impl Object {
    /// One reference is the user's; the leaker, if there is one, has taken what the count can hold.
    fn new(overflow: Overflow, leaks: u32) -> Self {
        Self {
            count: if leaks == 0 { Refcount::new(overflow) } else { Refcount::full(overflow) },
            fields: Tracked::new(()),
            leaks,
            released: Ghost::default(),
            early: Ghost::default(),
            uaf: Ghost::default(),
        }
    }

    /// A system call, again and again, that gets and looks, fails, and on its way out does not put.
    fn leak(&self) {
        for leaks in 1..=self.leaks {
            self.count.get();
            self.use_it();
            local!(leaks = leaks);
        }
    }

    fn look(&self) {
        if self.count.get_active() {
            self.use_it();
            self.put();
        }
    }

    fn use_it(&self) {
        at!("use");
        self.fields.with(|_| ());
        if self.released.get() > 0 {
            self.uaf.set(true);
            violated("NoUseAfterFree", format_args!("a reference is held to what was released"));
        }
    }

    fn put(&self) {
        if !self.count.put() {
            return;
        }
        at!("release");
        self.fields.retire();
        self.released.with(|n| *n += 1);
        let refs = self.count.refs();
        if refs > 0 {
            self.early.set(true);
            violated("NoEarlyRelease", format_args!("released, and there are {refs} references"));
        }
        if self.released.get() > 1 {
            violated("ReleasedOnce", format_args!("released a second time"));
        }
    }
}

impl World for Object {
    fn run(&self, thread: usize) {
        match (thread, self.leaks) {
            (0, _) => {
                let _scope = within("user");
                self.use_it();
                self.put();
            }
            (1, 1..) => {
                let _scope = within("leak");
                self.leak();
            }
            _ => {
                let _scope = within("look");
                self.look();
            }
        }
    }

    fn show(&self, show: &mut Show) {
        show.is("word", self.count.raw());
        show.is("refs", self.count.refs());
        show.is("released", self.released.get());
        show.is("early", self.early.get());
        show.is("uaf", self.uaf.get());
    }

    fn at_end(&self) {
        let (refs, released) = (self.count.refs(), self.released.get());
        if refs == 0 {
            if released != 1 || self.count.raw() != 0 {
                violated(
                    "NothingLeft",
                    format_args!("no reference, and released {released} times"),
                );
            }
        } else if released != 0 || !self.count.is_saturated() {
            violated(
                "LeakedNotFreed",
                format_args!(
                    "{refs} references, released {released} times, the count is {}",
                    self.count.raw()
                ),
            );
        }
    }
}

fn scenario(
    name: &'static str,
    about: &'static str,
    overflow: Overflow,
    leaks: u32,
    sought: &'static [&'static str],
) -> Scenario {
    let threads: &[&str] =
        if leaks == 0 { &["user", "lookup"] } else { &["user", "leaker", "lookup"] };
    Scenario {
        sought,
        native_bound: (leaks != 0 && sought.is_empty()).then_some(3),
        locals: vec![
            Locals::new("leaks", if leaks == 0 { &[] } else { &["leaker"] }, 0),
            Locals::new("seen", &["lookup"], 0),
        ],
        ..Scenario::new(name, about, Cast::new(threads, move || Object::new(overflow, leaks)))
    }
}

pub(crate) fn all() -> Vec<Scenario> {
    vec![
        scenario(
            "overflow-wrap",
            "stray gets, and a plain atomic that wraps",
            Overflow::Wrap,
            4,
            &["NoUseAfterFree"],
        ),
        scenario(
            "overflow-saturate",
            "stray gets, and a count that is brought to the middle of its saturated zone",
            Overflow::Saturate,
            2,
            &[],
        ),
        scenario(
            "overflow-narrow",
            "stray gets, and a saturated zone that two threads can cross",
            Overflow::Narrow,
            2,
            &["NoEarlyRelease"],
        ),
        scenario(
            "overflow-edge",
            "stray gets, and a count that is brought to the end of its saturated zone",
            Overflow::Edge,
            2,
            &["NoEarlyRelease"],
        ),
        scenario(
            "overflow-balanced",
            "no stray gets: a saturating count like any other",
            Overflow::Saturate,
            0,
            &[],
        ),
    ]
}
