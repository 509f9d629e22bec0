//! What keeps a pool's memory, as a number that fits a spec.

/// The sum as the spec has it: slots by one, and the code's marks nearer to each other.
pub(super) fn in_spec_scale(leaving: i64) -> i64 {
    /// From which bit to which in the code, and by how much in the spec.
    const FIELDS: [(u32, u32, i64); 4] = [(0, 40, 1), (40, 44, 64), (44, 63, 16), (63, 64, 512)];
    let mut rest = leaving;
    let mut sum = 0;
    for (from, to, weight) in FIELDS {
        let width = 64 - (to - from);
        // Slots and stragglers may be fewer than none, which borrows from the marks above.
        let field = rest >> from << width >> width;
        let field = if to - from == 1 { field & 1 } else { field };
        rest = rest.wrapping_sub(field << from);
        sum += field * weight;
    }
    sum
}
