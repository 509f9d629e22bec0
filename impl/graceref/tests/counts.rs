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
    /// The most references that it counts.
    const MOST: u64;
    /// Words from which a short sequence stays in the zone, or crosses into the next where that means something.
    const WORDS: &'static [u64];
    fn of(word: u64) -> Self;
    fn word(&self) -> u64;
    fn meaning(word: u64) -> Meaning;
    /// What a get or a put without a reference makes of the dead.
    const MISUSED: Meaning;
    /// What `get_active` says of a saturated count.
    const SATURATED_IS_ALIVE: bool;

    /// The outcome of the operation, and what the count means afterwards.
    fn expected(now: Meaning, op: Op) -> (Option<bool>, Meaning) {
        let more = |n| if n < Self::MOST { Refs(n + 1) } else { Saturated };
        match (op, now) {
            (Get, Refs(n)) => (None, more(n)),
            (Get, Saturated) => (None, Saturated),
            (Get, Dead | Unkilled) => (None, Self::MISUSED),
            (GetActive, Refs(n)) => (Some(n < Self::MOST || Self::SATURATED_IS_ALIVE), more(n)),
            (GetActive, Unkilled) => (Some(true), Refs(1)),
            (GetActive, Dead) => (Some(false), Dead),
            (GetActive, Saturated) => (Some(Self::SATURATED_IS_ALIVE), Saturated),
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
                if Self::meaning(self.word()) == Dead {
                    self.init();
                }
            }
        }
        None
    }
}

const REF: u64 = 1 << 32;
const LIVE: u64 = 1 << 31;
const DEAD: u64 = 0xFFFF_FFFF * REF;

impl Reference for CasCount {
    const MOST: u64 = 1 << 31;
    const WORDS: &'static [u64] = &[
        DEAD | LIVE,
        DEAD | LIVE | 7,
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
    const MISUSED: Meaning = Saturated;
    const SATURATED_IS_ALIVE: bool = true;

    fn of(word: u64) -> Self {
        Self::from_raw_word(word)
    }
    fn word(&self) -> u64 {
        self.raw_word()
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
    const MOST: u64 = 1 << 63;
    // At the far ends of the saturated and the dead zone a single step leads out of them, as in the kernel. It takes
    // 2^61 steps to get there; `a_step_over_the_edge_of_a_zone_...` has them.
    const WORDS: &'static [u64] = &[
        0,
        1,
        2,
        0x7FFF_FFFF_FFFF_FFFD,
        0x7FFF_FFFF_FFFF_FFFE,
        0x7FFF_FFFF_FFFF_FFFF,
        0x8000_0000_0000_1000,
        0x9FFF_FFFF_FFFF_FFFF,
        0xA000_0000_0000_0000,
        0xA000_0000_0000_0001,
        0xBFFF_FFFF_FFFF_F000,
        0xC000_0000_0000_1000,
        0xDFFF_FFFF_FFFF_FFFF,
        0xE000_0000_0000_0000,
        0xE000_0000_0000_0001,
        0xFFFF_FFFF_FFFF_F000,
        0xFFFF_FFFF_FFFF_FFFF,
    ];
    const MISUSED: Meaning = Dead;
    const SATURATED_IS_ALIVE: bool = false;

    fn of(word: u64) -> Self {
        Self::from_raw_word(word)
    }
    fn word(&self) -> u64 {
        self.raw_word()
    }
    fn meaning(word: u64) -> Meaning {
        match word {
            u64::MAX => Unkilled,
            n if n >> 63 == 0 => Refs(n + 1),
            n if n >> 62 == 0b10 => Saturated,
            _ => Dead,
        }
    }
}

fn follows_the_reference<C: Reference>(word: u64, ops: &[Op]) -> Result<(), TestCaseError> {
    let count = C::of(word);
    let mut now = C::meaning(word);
    let mut after_get_active_at_the_top = false;
    for &op in ops {
        // A `FileRefCount`'s failed get at the very top stays in the word, one step into the saturated zone; a put
        // then takes it back. Nobody counts to 2^63.
        if after_get_active_at_the_top && matches!(op, Put | PutClose) {
            break;
        }
        after_get_active_at_the_top |=
            op == GetActive && now == Refs(C::MOST) && !C::SATURATED_IS_ALIVE;
        let (outcome, then) = C::expected(now, op);
        prop_assert_eq!(count.apply(op), outcome, "{:?} on {:?}", op, now);
        prop_assert_eq!(C::meaning(count.word()), then, "{:?} on {:?}", op, now);
        match then {
            Dead | Unkilled => prop_assert_eq!(count.refs(), 0),
            Refs(n) => prop_assert_eq!(count.refs(), n),
            Saturated => prop_assert!(count.refs() > C::MOST),
        }
        now = then;
    }
    Ok(())
}

/// Any operations at all, with or without references to justify them.
fn releases_once_a_life<C: Reference>(ops: &[Op]) -> Result<(), TestCaseError> {
    let count = C::of(C::dead().word());
    count.init();
    let (mut lives, mut releases) = (1, 0);
    for &op in ops {
        lives += usize::from(op == Init && C::meaning(count.word()) == Dead);
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
    prop::sample::select(C::WORDS)
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
        prop_assert_eq!(put.word(), close.word());
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

#[test]
fn a_count_at_its_limit_saturates_and_is_leaked_instead_of_wrapping() {
    let count = CasCount::of(((CasCount::MOST - 1) * REF) | LIVE);
    count.get();
    assert!((0..1_000).all(|_| !count.put()));
    assert!(count.get_active());
    let count = FileRefCount::of(FileRefCount::MOST - 1);
    count.get();
    assert_eq!(count.word(), 0xA000_0000_0000_0000);
    assert!((0..1_000).all(|_| !count.put()));
}

#[test]
fn a_failed_get_leaves_no_trace_in_a_cas_count_and_one_step_in_a_file_ref_count() {
    let count = CasCount::dead();
    assert!(!count.get_active());
    assert_eq!(count.word(), DEAD);
    let count = FileRefCount::dead();
    assert!(!count.get_active());
    assert_eq!(count.word(), 0xE000_0000_0000_0001);
    count.init();
    assert_eq!(count.refs(), 1);
}

#[test]
fn a_get_between_the_last_put_and_its_kill_revives_a_file_ref_count() {
    let count = FileRefCount::of(u64::MAX);
    assert_eq!(count.refs(), 0);
    assert!(count.get_active());
    assert_eq!(count.refs(), 1);
    assert!(count.put());
}

#[test]
fn a_step_over_the_edge_of_a_zone_never_makes_a_file_ref_count_release() {
    for edge in [0x8000_0000_0000_0000, 0xC000_0000_0000_0000, 0xFFFF_FFFF_FFFF_FFFE_u64] {
        for start in [edge.wrapping_sub(1), edge, edge + 1] {
            for first in [Get, GetActive, Put, PutClose] {
                for second in [Put, PutClose] {
                    let count = FileRefCount::of(start);
                    let revived = first == GetActive && start == u64::MAX;
                    assert!(first == GetActive || count.apply(first) != Some(true));
                    if !revived {
                        assert_eq!(count.apply(second), Some(false), "{start:x} {first:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_misused_or_overflowing_count_goes_to_the_middle_of_its_zone() {
    const CAS_SATURATED: u64 = 0xA000_0000 * REF;
    const RELEASED: u64 = 0xC000_0000_0000_0000;
    const DEAD_ZONE: u64 = 0xE000_0000_0000_0000;
    const SATURATED: u64 = 0xA000_0000_0000_0000;
    let cas = |word: u64, op: Op| {
        let count = CasCount::of(word);
        count.apply(op);
        count.word()
    };
    for object in [LIVE, LIVE | 7, 7, 0xFFFF_FFFF] {
        let many = 0x7FFF_FFFF * REF;
        let misuses = [
            (many, Get),
            (CAS_SATURATED - REF, Put),
            (CAS_SATURATED + REF, Get),
            (DEAD, Get),
            (DEAD, Put),
        ];
        for (word, op) in misuses {
            let (word, saturated) = (word | object, CAS_SATURATED | object);
            assert_eq!(
                cas(word, op),
                saturated,
                "{word:x} {op:?}: the object's part is not the count's"
            );
        }
        assert_eq!(
            cas((many - REF) | object, Get),
            many | object,
            "the border itself still counts"
        );
    }

    let file_ref = |word: u64, op: Op| {
        let count = FileRefCount::of(word);
        count.apply(op);
        count.word()
    };
    assert_eq!(file_ref(RELEASED, Get), DEAD_ZONE);
    assert_eq!(file_ref(RELEASED - 1, Get), SATURATED);
    assert_eq!(file_ref(RELEASED + 1, Put), DEAD_ZONE);
    assert_eq!(file_ref(RELEASED, Put), SATURATED);
    assert_eq!(file_ref(0x7FFF_FFFF_FFFF_FFFF, Get), SATURATED);
    assert_eq!(file_ref(0x7FFF_FFFF_FFFF_FFFE, Get), 0x7FFF_FFFF_FFFF_FFFF);
}
