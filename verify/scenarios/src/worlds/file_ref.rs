//! file_ref_t in type-stable memory: the dead zone, and a slot that is used again at once.
//!
//! Spec: `spec/FileRef.tla`.

use crate::scenario::{Cast, Locals, Scenario, Show, World};
use graceref::sync::model::{Ghost, around, violated, witness};
use graceref::sync::{Tracked, within};
use graceref::{at, local};
use lifetimes::counts::file_ref::{Draft, FileRef, Merged, Zeroing};
use lockstep::value::Value;

struct Slot<R> {
    word: R,
    fields: Tracked<u32>,
    object: Ghost<u32>,
    live: Ghost<bool>,
    released: Ghost<[u32; 2]>,
    early: Ghost<bool>,
}

impl<R: FileRef> Slot<R> {
    fn new() -> Self {
        Self {
            word: R::new(),
            fields: Tracked::new(1),
            object: Ghost::new(1),
            live: Ghost::new(true),
            released: Ghost::default(),
            early: Ghost::default(),
        }
    }

    /// Gives back a reference to the object numbered `of`; whoever releases the first object opens the second.
    fn put(&self, mut of: u32) {
        while self.word.put() {
            if self.object.get() != of {
                self.early.set(true);
                witness("EarlyWinner", format_args!("a put of object {of} releases a later one"));
            }
            at!("release");
            self.fields.retire();
            let object = self.object.get();
            self.released.with(|n| n[object as usize - 1] += 1);
            self.live.set(false);
            if self.released.get()[object as usize - 1] > 1 {
                violated("ReleasedOnce", format_args!("object {object} was released twice"));
            }
            if object == 2 {
                return;
            }
            self.fields.renew();
            self.word.allocated();
            at!("write");
            self.fields.with_mut(|fields| {
                // SAFETY: the slot is this thread's alone until `init` (FileRef!OneOwner).
                unsafe { *fields = 2 };
            });
            self.object.set(2);
            of = 2;
            local!(of = of);
            around(|| self.word.init(), || self.live.set(true));
        }
    }

    fn look(&self) {
        if !self.word.get_active() {
            witness("Refused", format_args!("a lookup found the slot dead"));
            return;
        }
        let of = self.object.get();
        local!(of = of);
        if !self.live.get() {
            violated(
                "HeldIsLive",
                format_args!("a reference is held to an object that is not there"),
            );
        }
        at!("use");
        self.fields.with(|fields| {
            // SAFETY: a reference is held, or that is the bug (FileRef!HeldIsLive).
            let _ = unsafe { fields.read() };
        });
        self.put(of);
    }
}

impl<R: FileRef> World for Slot<R> {
    fn run(&self, thread: usize) {
        if thread == 0 {
            let _scope = within("close");
            self.put(1);
        } else {
            let _scope = within("look");
            self.look();
        }
    }

    fn show(&self, show: &mut Show) {
        show.is("word", self.word.raw());
        show.is("object", self.object.get());
        show.is("live", self.live.get());
        show.is("released", Value::seq(self.released.get()));
        show.is("early", self.early.get());
    }

    fn at_end(&self) {
        let released = self.released.get();
        if released != [1, 1] {
            violated(
                "NothingLeft",
                format_args!("the two objects were released {released:?} times"),
            );
        }
    }
}

fn scenario<R: FileRef>(
    name: &'static str,
    about: &'static str,
    threads: &'static [&'static str],
    sought: &'static [&'static str],
) -> Scenario {
    let mut crowd = threads.to_vec();
    crowd.push("lookup3");
    Scenario {
        sought,
        crowd: Some(Cast::new(&crowd, Slot::<R>::new)),
        locals: vec![
            Locals::new("of", &["closer"], 1),
            Locals::new("got", &threads[1..], 1).as_in_code("of"),
        ],
        ..Scenario::new(name, about, Cast::new(threads, Slot::<R>::new))
    }
}

pub(crate) fn all() -> Vec<Scenario> {
    vec![
        scenario::<Merged>(
            "file-ref",
            "the dead zone with two stale lookups and immediate reuse of the slot",
            &["closer", "lookup", "lookup2"],
            &["EarlyWinner"],
        ),
        scenario::<Draft>(
            "file-ref-draft",
            "the first posting: a failing get stores DEAD, into the next object's count",
            &["closer", "lookup"],
            &["NothingLeft"],
        ),
        scenario::<Zeroing>(
            "file-ref-zeroing",
            "an allocator that zeroes a word whose zero means one reference",
            &["closer", "lookup"],
            &["HeldIsLive"],
        ),
    ]
}
