//! rcuref_put's slow path: which count it judges by.
//!
//! Spec: `spec/Rcuref.tla`.

use crate::scenario::{Cast, Locals, Scenario, Show, World};
use graceref::sync::model::{Ghost, violated};
use graceref::sync::within;
use lifetimes::counts::rcuref::{Fix, Rcuref};

struct Two {
    count: Rcuref,
    released: Ghost<u32>,
}

impl Two {
    fn new(fix: Fix) -> Self {
        Self { count: Rcuref::new(fix), released: Ghost::default() }
    }

    fn put(&self) {
        if self.count.put() {
            self.released.with(|n| *n += 1);
            if self.released.get() > 1 {
                violated("ReleasedOnce", format_args!("released a second time"));
            }
        }
    }
}

impl World for Two {
    fn run(&self, thread: usize) {
        if thread == 0 {
            let _scope = within("drop");
            self.put();
        } else {
            let _scope = within("get");
            if self.count.get() {
                self.put();
            }
        }
    }

    fn show(&self, show: &mut Show) {
        show.is("word", self.count.raw());
        show.is("released", self.released.get());
        show.is("warned", self.count.warned());
    }

    fn at_end(&self) {
        let released = self.released.get();
        if released != 1 {
            violated("NothingLeft", format_args!("released {released} times"));
        }
    }
}

fn scenario(name: &'static str, about: &'static str, fix: Fix) -> Scenario {
    let make = move || Two::new(fix);
    Scenario {
        sought: if fix == Fix::Reread { &["NoFalseAlarm"] } else { &[] },
        crowd: Some(Cast::new(&["dropper", "getter", "getter2"], make)),
        locals: vec![
            Locals::new("after", &["dropper"], 0),
            Locals::new("left", &["getter"], 0).as_in_code("after"),
            Locals::new("seen", &["getter"], 0),
        ],
        ..Scenario::new(name, about, Cast::new(&["dropper", "getter"], make))
    }
}

pub(crate) fn all() -> Vec<Scenario> {
    vec![
        scenario("rcuref-2023", "the slow path of a put reads the count again", Fix::Reread),
        scenario("rcuref-2025", "the slow path uses what the decrement returned", Fix::Returned),
    ]
}
