//! Reference counts that never come back from the dead: inc-not-zero, type-stable pools, stashes.
