//! The list of free slots that all threads share: two threads take slots from it, and give them back.
//!
//! Spec: `spec/FreeList.tla`.

use crate::scenario::{Cast, Locals, Scenario, Show, World};
use graceref::sync::model::{Ghost, around, violated};
use graceref::sync::within;
use graceref::{CasCount, Key, Pool, Ref};
#[cfg(graceref_shuttle)]
use lockstep::value::Value;
use std::collections::BTreeSet;

/// All free at first.
const SLOTS: usize = 2;

/// So many slots each takes.
const WANTED: [usize; 3] = [1, 2, 2];

struct FreeList {
    pool: Pool<(), CasCount>,
    /// Where the slots are: the low halves of the keys.
    places: Vec<u32>,
    /// The slots that each thread has.
    mine: Ghost<[Vec<usize>; WANTED.len()]>,
    /// The slots and generations of the keys that were given out.
    keys: Ghost<BTreeSet<(usize, u64)>>,
    #[cfg(any(graceref_loom, graceref_shuttle))]
    raw: graceref::Watch<(), CasCount>,
}

#[allow(clippy::cast_possible_truncation)] // the low half
fn place(key: Key) -> u32 {
    key.to_u64() as u32
}

impl FreeList {
    fn new() -> Self {
        let pool: Pool<(), CasCount> =
            Pool::with_limit(u32::try_from(SLOTS).expect("there are few"));
        let mut objects: Vec<_> = (0..SLOTS).map_while(|_| pool.insert(()).ok()).collect();
        let places = objects.iter().map(|object| place(Ref::key(object))).collect();
        // The last first: it is at the end of the list.
        while objects.pop().is_some() {}
        Self {
            #[cfg(any(graceref_loom, graceref_shuttle))]
            raw: pool.raw_watch(),
            pool,
            places,
            mine: Ghost::default(),
            keys: Ghost::default(),
        }
    }

    /// The slot's number.
    fn slot(&self, key: Key) -> usize {
        let nth = self.places.iter().position(|&at| at == place(key));
        nth.expect("the pool has no others") + 1
    }

    fn took(&self, thread: usize, key: Key) {
        let slot = self.slot(key);
        self.mine.with(|mine| {
            if mine.iter().flatten().any(|&other| other == slot) {
                violated("NoSharedFree", format_args!("slot {slot} is taken twice"));
            }
            mine[thread].push(slot);
        });
        if !self.keys.with(|keys| keys.insert((slot, key.to_u64() >> 32))) {
            violated("NoAlias", format_args!("{key:?} is given out twice"));
        }
        self.look();
    }

    fn gave(&self, thread: usize) {
        self.mine.with(|mine| mine[thread].remove(0));
        self.look();
    }

    /// The slots in the list, as far as it goes without coming back; and whether it ends.
    #[cfg(any(graceref_loom, graceref_shuttle))]
    fn listed(&self) -> (Vec<usize>, bool) {
        let raw = self.raw.look();
        let mut listed = Vec::new();
        let mut next = raw.first;
        while let Some(slot) = usize::try_from(next).ok().filter(|&slot| slot != 0) {
            if listed.contains(&slot) {
                return (listed, false);
            }
            listed.push(slot);
            next = raw.next[slot - 1];
        }
        (listed, true)
    }

    /// Between two steps.
    #[cfg(any(graceref_loom, graceref_shuttle))]
    fn look(&self) {
        let (listed, _) = self.listed();
        let mine = self.mine.with(|mine| mine.concat());
        if let Some(slot) = listed.iter().find(|slot| mine.contains(slot)) {
            violated("NoSharedFree", format_args!("slot {slot} is taken and free"));
        }
    }

    /// On real threads nobody else stands still.
    #[cfg(not(any(graceref_loom, graceref_shuttle)))]
    #[allow(clippy::unused_self)]
    fn look(&self) {}
}

#[cfg(any(graceref_loom, graceref_shuttle))]
impl Drop for FreeList {
    fn drop(&mut self) {
        let (_, ends) = self.listed();
        if !ends {
            // Its end would count the free slots, without end.
            std::mem::forget(self.pool.clone());
        }
    }
}

impl World for FreeList {
    fn run(&self, thread: usize) {
        let mut mine = Vec::new();
        {
            let _scope = within("take");
            while mine.len() < WANTED[thread] {
                let Some(vacant) = self.pool.vacant() else { break };
                self.took(thread, vacant.key());
                mine.push(vacant);
            }
        }
        let _scope = within("give");
        for vacant in mine {
            around(|| drop(vacant), || self.gave(thread));
        }
    }

    #[cfg(graceref_shuttle)]
    fn show(&self, show: &mut Show) {
        let raw = self.raw.look();
        let number = |n: usize| i64::try_from(n).unwrap_or(-1);
        let mine = self.mine.with(|mine| {
            mine.each_ref().map(|mine| Value::seq(mine.iter().map(|&slot| number(slot))))
        });
        let keys: Vec<_> = self.keys.with(|keys| {
            let key = |&(slot, generation): &(usize, u64)| {
                Value::seq([number(slot), generation.cast_signed()])
            };
            keys.iter().map(key).collect()
        });
        show.is(
            "free",
            Value::record([
                ("tag", Value::from(raw.tag.cast_signed())),
                ("first", Value::from(raw.first)),
            ]),
        );
        show.is("next", Value::seq(raw.next[..SLOTS].iter().copied()));
        show.is("gen", Value::seq(raw.generation[..SLOTS].iter().copied()));
        show.is("mine", Value::record(["one", "two"].into_iter().zip(mine)));
        show.is("keys", Value::set(keys));
    }

    #[cfg(not(graceref_shuttle))]
    fn show(&self, _: &mut Show) {}

    #[cfg(any(graceref_loom, graceref_shuttle))]
    fn at_end(&self) {
        let (listed, ends) = self.listed();
        // Not between steps: a thread that has taken a slot looks at it before it says so.
        if let Some(slot) = (1..=SLOTS).find(|slot| !listed.contains(slot)) {
            violated("NothingLost", format_args!("slot {slot} is neither taken nor free"));
        }
        if listed.len() != SLOTS || !ends {
            let how = if ends { "" } else { ", in a circle" };
            violated("NothingLeft", format_args!("{listed:?} are free{how}"));
        }
    }

    #[cfg(not(any(graceref_loom, graceref_shuttle)))]
    fn at_end(&self) {
        let all: Vec<_> = (0..=SLOTS).map_while(|_| self.pool.vacant()).collect();
        let slots: BTreeSet<_> = all.iter().map(|vacant| self.slot(vacant.key())).collect();
        if (all.len(), slots.len()) != (SLOTS, SLOTS) {
            violated(
                "NothingLeft",
                format_args!("{} slots, {} of them free", slots.len(), all.len()),
            );
        }
    }
}

fn scenario(name: &'static str, about: &'static str, mutant: &'static str) -> Scenario {
    const T: &[&str] = &["one", "two"];
    let without: &[(&str, &str)] =
        if mutant.is_empty() { &[] } else { &[("threads", "the mutant is of the model builds")] };
    Scenario {
        mutant,
        without,
        crowd: Some(Cast::new(&["one", "two", "three"], FreeList::new)),
        locals: vec![
            Locals::new("head", T, 0),
            Locals::new("tag", T, 0),
            Locals::new("after", T, 0).as_in_code("next"),
        ],
        ..Scenario::new(name, about, Cast::new(T, FreeList::new))
    }
}

pub(crate) fn all() -> Vec<Scenario> {
    vec![
        scenario("free-list", "two threads take free slots, and give them back", ""),
        scenario(
            "free-list-no-tag",
            "the same where a pop does not notice a pop and a push",
            "pool.no_tag",
        ),
        scenario(
            "free-list-no-skip",
            "the same where a slot that was not used keeps its generation",
            "key.no_skip",
        ),
    ]
}
