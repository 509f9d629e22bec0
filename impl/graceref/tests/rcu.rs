//! RCU on real threads, with the fences that the system has.
#![cfg(not(any(graceref_loom, graceref_shuttle)))]

#[path = "rcu_cases/mod.rs"]
mod cases;

use graceref::rcu::{Domain, Guard, Snapshot, WouldDeadlock};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use std::fmt::Debug;
use std::panic::{RefUnwindSafe, UnwindSafe};

assert_impl_all!(Domain: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Default, Debug);
assert_not_impl_any!(Domain: Clone);
// A guard is its thread's.
assert_not_impl_any!(Guard<'static>: Send);
assert_not_impl_any!(Guard<'static>: Sync);
assert_not_impl_any!(Guard<'static>: Clone);
assert_impl_all!(Snapshot: Send, Sync, Copy, Ord, std::hash::Hash, Debug);
assert_impl_all!(WouldDeadlock: std::error::Error, Send, Sync, Copy, Eq);

fn set_up() {
    let expected = if std::env::var_os("GRACEREF_NO_MEMBARRIER").is_some() {
        graceref::rcu::FenceKind::Fence
    } else if cfg!(all(target_os = "linux", not(miri))) {
        graceref::rcu::FenceKind::Membarrier
    } else {
        return;
    };
    assert_eq!(graceref::rcu::fence_kind(), expected, "is this kernel older than 4.14?");
}
