//! What the types are: their sizes, and which auto traits they have, held against `Arc`.
#![cfg(not(any(graceref_loom, graceref_shuttle)))]

use graceref::sync::{self, Tracked, Within};
use graceref::{Borrowed, CasCount, Count, FileRefCount, ForeignRef, Full, Pool, Ref, Stash};
use static_assertions::{
    assert_eq_align, assert_eq_size, assert_impl_all, assert_not_impl_any, const_assert,
    const_assert_eq,
};
use std::cell::{Cell, UnsafeCell};
use std::fmt::{Debug, Display};
use std::marker::PhantomPinned;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;
use std::sync::{Arc, MutexGuard};

/// `Send` and not `Sync`.
type NotSync = Cell<u8>;
/// `Sync` and not `Send`.
type NotSend = MutexGuard<'static, u8>;
/// Neither.
type Neither = Rc<u8>;
/// Neither `RefUnwindSafe` nor `Sync`, but `UnwindSafe` and `Send`.
type NotRefUnwindSafe = UnsafeCell<u8>;

// Send and Sync: what `Arc` has, we have, and what `Arc` lacks, we lack.
assert_impl_all!(Arc<u8>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Ref<u8>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Clone, Debug, Display);
assert_impl_all!(Ref<u8, FileRefCount>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_not_impl_any!(Arc<NotSync>: Send, Sync);
assert_not_impl_any!(Arc<NotSend>: Send, Sync);
assert_not_impl_any!(Arc<Neither>: Send, Sync);
assert_not_impl_any!(Ref<NotSync>: Send, Sync);
assert_not_impl_any!(Ref<NotSend>: Send, Sync);
assert_not_impl_any!(Ref<Neither>: Send, Sync);
assert_not_impl_any!(Ref<NotSync, FileRefCount>: Send, Sync);
assert_not_impl_any!(Ref<NotSend, FileRefCount>: Send, Sync);

// A borrowed reference is a `&Ref`, of which anybody can make a `Ref`; a `&T` may go where those may not.
assert_impl_all!(Borrowed<'static, u8>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Copy, Debug, Display);
assert_impl_all!(Borrowed<'static, u8, FileRefCount>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Copy);
assert_impl_all!(&'static NotSend: Send);
assert_not_impl_any!(&'static Arc<NotSend>: Send, Sync);
assert_not_impl_any!(Borrowed<'static, NotSend>: Send, Sync);
assert_not_impl_any!(Borrowed<'static, NotSync>: Send, Sync);
assert_not_impl_any!(Borrowed<'static, Neither>: Send, Sync);
assert_not_impl_any!(Borrowed<'static, NotRefUnwindSafe>: UnwindSafe, RefUnwindSafe);
assert_impl_all!(Borrowed<'static, Neither>: Copy);

// The object does not move with its reference.
assert_impl_all!(Arc<PhantomPinned>: Unpin);
assert_impl_all!(Ref<PhantomPinned>: Unpin);
assert_impl_all!(Borrowed<'static, PhantomPinned>: Unpin);
assert_impl_all!(Pool<PhantomPinned>: Unpin);
assert_impl_all!(Stash<PhantomPinned>: Unpin);

// Unwinding: an object that must not be seen half-changed must not be seen through a reference either.
assert_not_impl_any!(Arc<NotRefUnwindSafe>: UnwindSafe, RefUnwindSafe);
assert_not_impl_any!(Ref<NotRefUnwindSafe>: UnwindSafe, RefUnwindSafe);
assert_not_impl_any!(Pool<NotRefUnwindSafe>: UnwindSafe, RefUnwindSafe);
assert_not_impl_any!(Stash<NotRefUnwindSafe>: UnwindSafe, RefUnwindSafe);

// The pool and the stash hand objects from thread to thread.
assert_impl_all!(Pool<u8>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Clone, Default, Debug);
assert_not_impl_any!(Pool<NotSync>: Send, Sync);
assert_not_impl_any!(Pool<NotSend>: Send, Sync);
assert_not_impl_any!(Pool<Neither>: Send, Sync);
assert_impl_all!(Stash<u8>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Debug);
assert_not_impl_any!(Stash<u8>: Clone);
assert_not_impl_any!(Stash<NotSync>: Send, Sync);
assert_not_impl_any!(Stash<NotSend>: Send, Sync);
assert_not_impl_any!(Stash<Neither>: Send, Sync);

// The counts: shared by all, owned by one.
assert_impl_all!(CasCount: Count, Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Debug, Default);
assert_impl_all!(FileRefCount: Count, Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Debug, Default);
assert_not_impl_any!(CasCount: Clone);
assert_not_impl_any!(FileRefCount: Clone);

// The errors.
assert_impl_all!(Full<Neither>: std::error::Error, Debug, Display);
assert_impl_all!(Full<u8>: Send, Sync, Copy, Eq);
assert_not_impl_any!(Full<Neither>: Send, Sync, Copy);
assert_impl_all!(ForeignRef: std::error::Error, Send, Sync, Copy, Eq, Unpin, UnwindSafe, RefUnwindSafe);

// The facade's cell is `UnsafeCell`, but for `Sync`.
assert_impl_all!(Tracked<NotSync>: Send, Sync);
assert_not_impl_any!(Tracked<Neither>: Send, Sync);
assert_not_impl_any!(Tracked<NotSend>: Send, Sync);
assert_not_impl_any!(Tracked<u8>: RefUnwindSafe);

// A reference is a pointer, and so is one that may be missing.
assert_eq_size!(Ref<[u8; 100]>, *const u8);
assert_eq_size!(Option<Ref<[u8; 100]>>, *const u8);
assert_eq_size!(Ref<()>, *const u8);
assert_eq_size!(Option<Ref<(), FileRefCount>>, *const u8);
assert_eq_size!(Borrowed<'static, [u8; 100]>, *const u8);
assert_eq_size!(Option<Borrowed<'static, (), FileRefCount>>, *const u8);
assert_eq_size!(Pool<[u8; 100]>, *const u8);
assert_eq_size!(Option<Pool<u8>>, *const u8);
assert_eq_size!(Stash<[u8; 100]>, [*const u8; 2]);
assert_eq_size!(CasCount, u64);
assert_eq_size!(FileRefCount, u64);
assert_eq_align!(CasCount, u64);
assert_eq_align!(FileRefCount, u64);
assert_eq_size!(ForeignRef, ());

// The facade is free.
assert_eq_size!(Tracked<u8>, u8);
assert_eq_align!(Tracked<u8>, u8);
assert_eq_size!(Tracked<[u64; 3]>, [u64; 3]);
assert_eq_align!(Tracked<[u64; 3]>, u64);
assert_eq_size!(Within, ());
assert_eq_size!(sync::AtomicU32, u32);
assert_eq_size!(sync::AtomicU64, u64);
assert_eq_size!(sync::AtomicPtr<u8>, *const u8);

// An object costs its count and eight bytes more, and what its alignment rounds up.
const_assert_eq!(Pool::<()>::SLOT_SIZE, 16);
const_assert_eq!(Pool::<u64>::SLOT_SIZE, 8 + 16);
const_assert_eq!(Pool::<u64, FileRefCount>::SLOT_SIZE, 8 + 16);
const_assert!(Pool::<[u64; 6]>::SLOT_SIZE - size_of::<[u64; 6]>() <= 16);
const_assert!(Pool::<u8>::SLOT_SIZE <= 8 + 16);

#[test]
fn the_assertions_above_compiled_for_real_threads() {
    assert_eq!(sync::ENGINE, sync::Engine::Std);
}

#[test]
fn an_error_says_what_to_do_next() {
    let pool: Pool<u8> = Pool::with_limit(0);
    let full = pool.insert(7).unwrap_err();
    assert!(full.to_string().contains("raise the limit"));
    assert_eq!(full.into_inner(), 7);
    let other: Pool<u8> = Pool::new();
    let object = other.insert(1).unwrap();
    let foreign = Stash::new(&pool).store(&object).unwrap_err();
    assert!(foreign.to_string().contains("another pool"));
}
