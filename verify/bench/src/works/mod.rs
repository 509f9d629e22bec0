//! The works: what is done, and who does it.

mod look;
mod reactor;
mod renew;
mod under_guard;

use crate::harness::Group;

pub(crate) use look::ONE_PLACE;
pub(crate) use renew::AT_ONCE;
pub(crate) use under_guard::LOCK;

/// The six works, in the order of the table: name, and what one step of it is.
pub(crate) const WORKS: [(&str, &str); 6] = [
    ("get", "find an object so that it may be kept, read it, let it go"),
    ("peek", "look at an object without keeping it, under a guard that is held all along"),
    ("read-lock", "enter and leave a read-side section; or enter, load a pointer, read, leave"),
    ("insert-remove", "put an object in, learn its key, take it out again"),
    ("stale-get", "as get, with a share of keys whose objects are gone and replaced"),
    ("reactor", "an event: by its key, at 100,000 objects that come and go, or gone already"),
];

/// Every group of a work. `live` is how many objects the reactor has.
pub(crate) fn groups(work: &str, live: usize) -> Vec<Group> {
    match work {
        "get" => look::get(),
        "stale-get" => look::stale_get(),
        "peek" => under_guard::peek(),
        "read-lock" => under_guard::read_lock(),
        "insert-remove" => renew::insert_remove(),
        "reactor" => reactor::reactor(live),
        _ => Vec::new(),
    }
}

/// How many objects a thread goes through where they differ. A power of two; all fit the first-level cache.
const MANY: usize = 64;
/// A thread's own objects, or one that all share.
pub(crate) const ONE: &str = "one object";
pub(crate) const EACH: &str = "different objects";

/// How many objects a thread sees, and where its own begin.
fn share(variant: &str, thread: usize) -> (usize, usize) {
    if variant == ONE { (0, 1) } else { (thread * MANY, MANY) }
}

/// The n-th object holds n + 1, so that 0 is "not found".
fn number(place: usize) -> u64 {
    place as u64 + 1
}

/// The sum of so many looks at numbers in turn.
fn sum_in_turn(numbers: &[u64], looks: u64) -> u64 {
    let len = numbers.len() as u64;
    let whole = numbers.iter().sum::<u64>().wrapping_mul(looks / len);
    let rest = numbers.iter().zip(0..looks % len).map(|(number, _)| number).sum::<u64>();
    whole.wrapping_add(rest)
}

/// Numbers as random as need be, the same in every run: Steele, Lea and Flood's `SplitMix64`.
#[derive(Clone)]
struct Random(u64);

impl Random {
    #[inline(always)]
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Below the bound, evenly enough.
    #[inline(always)]
    fn below(&mut self, bound: u64) -> u64 {
        // The high half of the product: no division in what is timed.
        let wide = u128::from(self.next()) * u128::from(bound);
        #[allow(clippy::cast_possible_truncation)] // below the bound
        let below = (wide >> 64) as u64;
        below
    }
}

#[cfg(test)]
mod tests;
