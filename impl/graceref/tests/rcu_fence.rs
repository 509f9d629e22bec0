//! RCU on real threads, as on a system without membarrier.
#![cfg(not(any(graceref_loom, graceref_shuttle)))]

#[path = "rcu_cases/mod.rs"]
mod cases;

fn set_up() {
    assert_eq!(graceref::rcu::force_fence(), graceref::rcu::FenceKind::Fence);
}
