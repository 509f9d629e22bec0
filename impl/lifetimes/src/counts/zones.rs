//! The zones of a dead-zone word, and the small numbers that stand for them in the specs.

pub(crate) const ONE_REF: u64 = 0;
pub(crate) const VALID_MAX: u64 = 0x7FFF_FFFF_FFFF_FFFF;
pub(crate) const RELEASED: u64 = 0xC000_0000_0000_0000;
pub(crate) const DEAD: u64 = 0xE000_0000_0000_0000;
pub(crate) const NO_REF: u64 = 0xFFFF_FFFF_FFFF_FFFF;

/// The spec's `Dead`.
const SPEC_DEAD: i64 = -8;

/// A dead-zone word in the specs' scale: what lies near DEAD near -8, everything else as it is.
pub fn show(word: u64) -> i64 {
    let from_dead = word.wrapping_sub(DEAD).cast_signed();
    if (-8..8).contains(&from_dead) { SPEC_DEAD + from_dead } else { word.cast_signed() }
}
