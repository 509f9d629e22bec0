//! All scenarios by name.

use crate::scenario::Scenario;
use crate::worlds::{
    cache, count, dmabuf, ep_list, ep_nested, ep_ready, ep_remove, ep_wait, ep_walk, epoll,
    file_ref, free_list, keys, kill, litmus, numbers, overflow, pool, rcu, rcu_pool, rcuref,
    shrink, stash, straggle, table, wrapper,
};

/// Every scenario, in the order of the spec's modules.
pub fn all() -> Vec<Scenario> {
    [
        count::all(),
        file_ref::all(),
        rcuref::all(),
        shrink::all(),
        overflow::all(),
        stash::all(),
        pool::all(),
        free_list::all(),
        keys::all(),
        cache::all(),
        kill::all(),
        straggle::all(),
        table::all(),
        numbers::all(),
        rcu::all(),
        rcu_pool::all(),
        epoll::all(),
        dmabuf::all(),
        wrapper::all(),
        ep_remove::all(),
        ep_walk::all(),
        ep_list::all(),
        ep_nested::all(),
        ep_wait::all(),
        ep_ready::all(),
        litmus::all(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The scenario of this name.
pub fn find(name: &str) -> Option<Scenario> {
    all().into_iter().find(|scenario| scenario.name == name)
}
