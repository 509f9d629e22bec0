//! All scenarios by name.

use crate::scenario::Scenario;
use crate::worlds::{
    cache, count, dmabuf, epoll, file_ref, keys, kill, litmus, numbers, pool, rcu, rcu_pool,
    rcuref, shrink, stash, straggle, table, wrapper,
};

/// Every scenario, in the order of the spec's modules.
pub fn all() -> Vec<Scenario> {
    [
        count::all(),
        file_ref::all(),
        rcuref::all(),
        shrink::all(),
        stash::all(),
        pool::all(),
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
