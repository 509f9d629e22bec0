//! Counts as kernels had them, beside graceref's own.

mod atomic_long;
pub mod file_ref;
pub mod rcuref;
pub mod refcount;
mod zones;

pub use atomic_long::AtomicLong;
pub use zones::show as in_spec_scale;

use graceref::{CasCount, Count};

/// The count of a struct file, as the kernel calls its operations.
pub trait FCount: Send + Sync + 'static {
    /// One reference.
    fn new() -> Self;
    /// `get_file`: never fails, and does not look.
    fn get_file(&self);
    /// inc-not-zero.
    fn get_active(&self) -> bool;
    /// `true` if it was the last.
    fn put(&self) -> bool;
    /// `file_count`: what a caller without a reference may see, and no promise.
    ///
    /// # Panics
    /// Of a count that keeps its number to itself.
    fn file_count(&self) -> u64 {
        panic!("this count cannot be looked at from outside");
    }
    /// The number of references, for observers outside the model.
    fn raw(&self) -> i64;
}

impl FCount for CasCount {
    fn new() -> Self {
        CasCount::new()
    }
    fn get_file(&self) {
        self.get();
    }
    fn get_active(&self) -> bool {
        Count::get_active(self)
    }
    fn put(&self) -> bool {
        Count::put(self)
    }
    fn raw(&self) -> i64 {
        self.raw_refs()
    }
}
