use super::{Ordering, fence};
#[inline]
pub(crate) fn light() {
    fence(Ordering::SeqCst);
}
pub(crate) fn heavy() {
    fence(Ordering::SeqCst);
}
