//! RCU on real threads, with the fences that the system has.
#![cfg(not(any(graceref_loom, graceref_shuttle)))]

#[path = "rcu_cases/mod.rs"]
mod cases;

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
