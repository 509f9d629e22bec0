//! The program of Lookup.tla, and its mutants.

#![allow(dead_code, reason = "each test uses a part")]

use crate::steps::{Me, Window, Word, execute, local};
use lockstep::graph::Graph;
use lockstep::probe::Observation;

pub(crate) struct Lookup {
    pub(crate) count: Word,
    pub(crate) listed: Word,
    pub(crate) locked: Word,
    pub(crate) freed: Word,
    mutant: &'static str,
}

/// The threads of the program with so many getters.
pub(crate) fn window(getters: usize) -> Window {
    Window::on(&["closer", "g1", "g2"][..=getters])
}

pub(crate) fn graph(getters: usize) -> Graph {
    crate::common::dumped(&format!("Lookup{}", getters + 1))
}

/// One execution; the empty mutant is the program as it should be.
pub(crate) fn program(getters: usize, mutant: &'static str) -> impl Fn() + Send + Sync {
    move || {
        let world = Lookup {
            count: Word::new(1, 1),
            listed: Word::new(2, 1),
            locked: Word::new(3, 0),
            freed: Word::new(4, 0),
            mutant,
        };
        execute(
            getters + 1,
            world,
            move |w| show(w, getters),
            |me, w| match me {
                Me(0) => closer(me, w),
                _ => getter(me, w),
            },
        );
    }
}

fn show(w: &Lookup, getters: usize) -> Observation {
    let threads = &[(1, "g1"), (2, "g2")][..getters];
    let mut shown = vec![
        ("count", w.count.peek().into()),
        ("listed", w.listed.is_set()),
        ("locked", w.locked.is_set()),
        ("freed", w.freed.is_set()),
        ("saw", local("saw", threads, &0.into())),
        ("got", local("got", threads, &false.into())),
        ("last", local("last", &[(0, "closer")], &false.into())),
    ];
    if w.mutant == "a variable is not shown" {
        shown.retain(|(name, _)| *name != "listed");
    }
    if w.mutant == "a variable too many is shown" {
        shown.push(("epoch", 1.into()));
    }
    shown.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn closer(me: Me, w: &Lookup) {
    if w.mutant == "a step before the first" {
        me.load("c_peek", &w.count);
    }
    let drop = if w.mutant == "a wrong value" { -2 } else { -1 };
    let last = me.add("c_put", &w.count, drop) == 1;
    me.set("last", last);
    if w.mutant == "an unlabelled spin" {
        while w.freed.peek() == 0 {
            shuttle::thread::yield_now();
        }
    }
    me.lock("c_lock", &w.locked);
    if w.mutant == "two steps in the wrong order" {
        me.store("c_unlock", &w.locked, 0);
        me.store("c_unlist", &w.listed, 0);
    } else {
        if w.mutant != "a missing step" {
            me.store("c_unlist", &w.listed, 0);
        }
        if w.mutant == "an extra step" {
            me.load("c_unlist", &w.count);
        }
        me.store("c_unlock", &w.locked, 0);
    }
    assert!(w.mutant != "a panic" || last, "the closer is not the last");
    if last {
        me.store("c_free", &w.freed, 1);
    }
}

fn getter(me: Me, w: &Lookup) {
    if w.mutant == "a lock that does not wait" {
        me.store("g_lock", &w.locked, 1);
    } else {
        me.lock("g_lock", &w.locked);
    }
    let got = me.load("g_find", &w.listed) != 0 && get(me, w);
    if w.mutant != "a lock never released" {
        me.store("g_unlock", &w.locked, 0);
    }
    if got && me.add("g_put", &w.count, -1) == 1 {
        me.store("g_free", &w.freed, 1);
    }
    if w.mutant == "a step after the last" {
        me.load("g_free", &w.freed);
    }
}

/// Increments the count unless it is zero.
fn get(me: Me, w: &Lookup) -> bool {
    if w.mutant == "a lock released too early" {
        w.locked.poke(0);
    }
    loop {
        let label = if w.mutant == "an unlabelled operation" { "<no label>" } else { "g_load" };
        let saw = me.load(label, &w.count);
        if w.mutant != "a variable that hides a difference" {
            me.set("saw", saw);
        }
        if saw == 0 && w.mutant != "a skipped re-check" {
            return false;
        }
        let done = if w.mutant == "a blind increment" {
            me.store("g_cas", &w.count, saw + 1);
            true
        } else {
            me.swap_if("g_cas", &w.count, saw, saw + 1)
        };
        if done {
            me.set("got", true);
            return true;
        }
    }
}
