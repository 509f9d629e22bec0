//! The worlds: one file for each module of the spec.

pub(crate) mod cache;
pub(crate) mod count;
pub(crate) mod dmabuf;
pub(crate) mod ep_list;
pub(crate) mod ep_nested;
pub(crate) mod ep_ready;
pub(crate) mod ep_remove;
pub(crate) mod ep_wait;
pub(crate) mod ep_walk;
pub(crate) mod epoll;
pub(crate) mod file_ref;
pub(crate) mod free_list;
mod held;
pub(crate) mod keys;
pub(crate) mod kill;
#[cfg(graceref_shuttle)]
mod leaving;
pub(crate) mod litmus;
pub(crate) mod numbers;
pub(crate) mod overflow;
pub(crate) mod pool;
pub(crate) mod rcu;
pub(crate) mod rcu_pool;
pub(crate) mod rcuref;
pub(crate) mod shrink;
pub(crate) mod stash;
pub(crate) mod straggle;
pub(crate) mod table;
pub(crate) mod wrapper;
