//! Both counts, one thread, against what the words are documented to mean.
#![cfg(not(any(graceref_loom, graceref_shuttle)))]

use graceref::{CasCount, Count, FileRefCount};
use proptest::prelude::*;

/// What a count is to those who hold references.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Dead,
    /// No reference, and the put that made it so has not killed it yet (`FileRefCount` only).
    Unkilled,
    Refs(u64),
    Saturated,
}
use Meaning::{Dead, Refs, Saturated, Unkilled};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    Get,
    GetActive,
    Put,
    PutClose,
    /// Only on a dead count, as its owner would.
    Init,
}
use Op::{Get, GetActive, Init, Put, PutClose};

trait Reference: Count {
    /// What a get or a put without a reference makes of the dead.
    const MISUSED: Meaning;
    /// Words that are dead.
    const DEAD_WORDS: &'static [u64];
    fn of(word: u64) -> Self;
    fn meaning(word: u64) -> Meaning;

    /// The outcome of the operation, and what the count means afterwards.
    fn expected(now: Meaning, op: Op) -> (Option<bool>, Meaning) {
        let more = |n| if n < MOST { Refs(n + 1) } else { Saturated };
        match (op, now) {
            (Get, Refs(n)) => (None, more(n)),
            (Get, Saturated) => (None, Saturated),
            (Get, Dead | Unkilled) => (None, Self::MISUSED),
            (GetActive, Refs(n)) => (Some(true), more(n)),
            // Alone: only one who has looked before finds it so.
            (GetActive, Dead | Unkilled) => (Some(false), now),
            (GetActive, Saturated) => (Some(true), Saturated),
            (Put | PutClose, Refs(1)) => (Some(true), Dead),
            (Put | PutClose, Refs(n)) => (Some(false), Refs(n - 1)),
            (Put | PutClose, Saturated) => (Some(false), Saturated),
            (Put | PutClose, Dead | Unkilled) => (Some(false), Self::MISUSED),
            (Init, Dead) => (None, Refs(1)),
            (Init, other) => (None, other),
        }
    }

    fn apply(&self, op: Op) -> Option<bool> {
        match op {
            Get => self.get(),
            GetActive => return Some(self.get_active()),
            Put => return Some(self.put()),
            PutClose => return Some(self.put_close()),
            Init => {
                if Self::meaning(self.raw_word()) == Dead {
                    self.init();
                }
            }
        }
        None
    }
}

const REF: u64 = 1 << 32;
const LIVE: u64 = 1 << 31;
const NO_REF: u64 = 0xFFFF_FFFF * REF;
const KILLED: u64 = 0xE000_0000 * REF;
/// The most references that are counted.
const MOST: u64 = 1 << 31;
/// Words that are alive or saturated.
const WORDS: [u64; 13] = [
    LIVE,
    LIVE | 7,
    REF | LIVE,
    (2 * REF) | LIVE | 7,
    (0x7FFF_FFFD * REF) | LIVE,
    (0x7FFF_FFFE * REF) | LIVE,
    (0x7FFF_FFFF * REF) | LIVE,
    (0x7FFF_FFFF * REF) | 0xFFFF_FFFF,
    (0x8000_0010 * REF) | LIVE,
    (0x9FFF_FFFF * REF) | LIVE,
    (0xA000_0000 * REF) | LIVE,
    (0xA000_0001 * REF) | 0xFFFF_FFFF,
    (0xBFFF_FFFF * REF) | LIVE,
];

impl Reference for CasCount {
    const MISUSED: Meaning = Saturated;
    const DEAD_WORDS: &'static [u64] = &[NO_REF | LIVE, NO_REF | LIVE | 7];

    fn of(word: u64) -> Self {
        Self::from_raw_word(word)
    }
    fn meaning(word: u64) -> Meaning {
        match word >> 32 {
            n if n >> 31 == 0 => Refs(n + 1),
            n if n >> 30 == 0b10 => Saturated,
            _ => Dead,
        }
    }
}

impl Reference for FileRefCount {
    const MISUSED: Meaning = Dead;
    const DEAD_WORDS: &'static [u64] = &[
        KILLED | LIVE,
        KILLED | LIVE | 7,
        (KILLED + 5 * REF) | LIVE,
        NO_REF | LIVE,
        NO_REF | 0xFFFF_FFFF,
    ];

    fn of(word: u64) -> Self {
        Self::from_raw_word(word)
    }
    fn meaning(word: u64) -> Meaning {
        match word >> 32 {
            0xFFFF_FFFF => Unkilled,
            n if n >> 31 == 0 => Refs(n + 1),
            n if n >> 30 == 0b10 => Saturated,
            _ => Dead,
        }
    }
}

fn follows_the_reference<C: Reference>(word: u64, ops: &[Op]) -> Result<(), TestCaseError> {
    let count = C::of(word);
    let mut now = C::meaning(word);
    for &op in ops {
        let (outcome, then) = C::expected(now, op);
        prop_assert_eq!(count.apply(op), outcome, "{:?} on {:?}", op, now);
        prop_assert_eq!(C::meaning(count.raw_word()), then, "{:?} on {:?}", op, now);
        match then {
            Dead | Unkilled => prop_assert_eq!(count.refs(), 0),
            Refs(n) => prop_assert_eq!(count.refs(), n),
            Saturated => prop_assert!(count.refs() > MOST),
        }
        now = then;
    }
    Ok(())
}

/// Any operations at all, with or without references to justify them.
fn releases_once_a_life<C: Reference>(ops: &[Op]) -> Result<(), TestCaseError> {
    let count = C::of(C::dead().raw_word());
    count.init();
    let (mut lives, mut releases) = (1, 0);
    for &op in ops {
        lives += usize::from(op == Init && C::meaning(count.raw_word()) == Dead);
        releases += usize::from(count.apply(op) == Some(true) && op != GetActive);
        prop_assert!(releases <= lives, "{} releases of {} objects", releases, lives);
    }
    Ok(())
}

fn op() -> impl Strategy<Value = Op> {
    prop::sample::select(vec![Get, GetActive, Put, PutClose, Init])
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    prop::collection::vec(op(), 0..48)
}

fn word<C: Reference>() -> impl Strategy<Value = u64> {
    prop::sample::select([&WORDS, C::DEAD_WORDS].concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_cas_count_follows_its_documented_zones(start in word::<CasCount>(), ops in ops()) {
        follows_the_reference::<CasCount>(start, &ops)?;
    }

    #[test]
    fn the_file_ref_count_follows_its_documented_zones(start in word::<FileRefCount>(), ops in ops()) {
        follows_the_reference::<FileRefCount>(start, &ops)?;
    }

    #[test]
    fn a_cas_count_with_puts_beyond_its_gets_never_releases_twice(ops in ops()) {
        releases_once_a_life::<CasCount>(&ops)?;
    }

    #[test]
    fn a_file_ref_count_with_puts_beyond_its_gets_never_releases_twice(ops in ops()) {
        releases_once_a_life::<FileRefCount>(&ops)?;
    }

    #[test]
    fn a_put_and_a_put_close_have_the_same_outcome(start in word::<FileRefCount>()) {
        let (put, close) = (FileRefCount::of(start), FileRefCount::of(start));
        prop_assert_eq!(put.put(), close.put_close());
        prop_assert_eq!(put.raw_word(), close.raw_word());
    }
}

#[test]
fn both_counts_agree_while_gets_and_puts_are_in_balance() {
    let (a, b) = (CasCount::new(), FileRefCount::new());
    for _ in 0..10 {
        a.get();
        b.get();
        assert!(a.get_active() && b.get_active());
        assert_eq!(a.refs(), b.refs());
    }
    for left in (1..=20).rev() {
        assert!(!a.put() && !b.put());
        assert_eq!((a.refs(), b.refs()), (left, left));
    }
    assert!(a.put() && b.put_close());
    assert_eq!((a.refs(), b.refs()), (0, 0));
    assert!(!a.get_active() && !b.get_active());
}

fn saturates_at_its_limit<C: Reference>() {
    let count = C::of(((MOST - 1) * REF) | LIVE);
    count.get();
    assert!((0..1_000).all(|_| !count.put()));
    assert!(count.get_active());
}

#[test]
fn a_count_at_its_limit_saturates_and_is_leaked_instead_of_wrapping() {
    saturates_at_its_limit::<CasCount>();
    saturates_at_its_limit::<FileRefCount>();
}

fn a_failed_get_writes_nothing<C: Reference>() {
    for word in [&[0, C::dead().raw_word()], C::DEAD_WORDS].concat() {
        let count = C::of(word);
        assert!(!count.get_active());
        assert_eq!(count.raw_word(), word);
    }
    let count = C::dead();
    count.init();
    assert_eq!(count.refs(), 1);
}

#[test]
fn a_failed_get_leaves_no_trace() {
    a_failed_get_writes_nothing::<CasCount>();
    a_failed_get_writes_nothing::<FileRefCount>();
}

fn goes_to_the_middle<C: Reference>() {
    const SATURATED: u64 = 0xA000_0000 * REF;
    let after = |word: u64, op: Op| {
        let count = C::of(word);
        count.apply(op);
        count.raw_word()
    };
    for object in [LIVE, LIVE | 7, 7, 0xFFFF_FFFF] {
        let many = (MOST - 1) * REF;
        let dead = if C::MISUSED == Dead { KILLED } else { SATURATED };
        let misuses = [
            (many, Get, SATURATED),
            (SATURATED - REF, Put, SATURATED),
            (SATURATED + REF, Get, SATURATED),
            (NO_REF, Put, dead),
            (NO_REF, Get, dead),
            (C::dead().raw_word(), Put, dead),
        ];
        for (word, op, middle) in misuses {
            assert_eq!(
                after(word | object, op),
                middle | object,
                "{word:x} {op:?}: the object's part is not the count's"
            );
        }
        let below = (many - REF) | object;
        assert_eq!(after(below, Get), many | object, "the border itself still counts");
    }
}

#[test]
fn a_misused_or_overflowing_count_goes_to_the_middle_of_its_zone() {
    goes_to_the_middle::<CasCount>();
    goes_to_the_middle::<FileRefCount>();
}
