//! What the worlds of a pool's end share: things that a thread takes to drop, and an object that counts its drops.

use graceref::sync::model::{Ghost, violated};
use std::sync::{Arc, Mutex, PoisonError};

/// Something that one thread will drop.
pub(super) struct Held<T>(Mutex<Option<T>>);

impl<T> Held<T> {
    pub(super) fn new(thing: Option<T>) -> Self {
        Self(Mutex::new(thing))
    }

    pub(super) fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Counts its drops.
pub(super) struct Object(Arc<Ghost<u32>>);

impl Object {
    pub(super) fn new(drops: &Arc<Ghost<u32>>) -> Self {
        Self(Arc::clone(drops))
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        self.0.with(|n| *n += 1);
        if self.0.get() > 1 {
            violated("ReleasedOnce", format_args!("the object was dropped twice"));
        }
    }
}

/// At the end the object is dropped once and the memory freed once. `freed` is `None` on real threads, where memory
/// that was freed cannot be asked; AddressSanitizer and the allocator tests see to it there.
pub(super) fn nothing_left(freed: Option<u32>, dropped: u32) {
    let freed = freed.unwrap_or(1);
    if freed != 1 || dropped != 1 {
        violated("NothingLeft", format_args!("freed {freed} times, dropped {dropped} times"));
    }
}
