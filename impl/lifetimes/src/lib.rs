//! The executable mirror of Linux file, epoll and dma-buf lifetimes.
//!
//! The same objects, variants and steps as the modules in `spec/`, under the same names, built on graceref's counts
//! and pools and on its facade, so that one text runs on real threads, under loom, under shuttle, and in lockstep
//! with the spec. Each line under an `at!` is one step of the spec's process.
//!
//! The memory of the mirror is never really freed: a use after free is recorded as what it is, and the execution
//! goes on, so that a broken variant can be walked to its end.

pub mod counts;
pub mod dmabuf;
pub mod ep_list;
pub mod ep_nested;
pub mod ep_ready;
pub mod ep_remove;
pub mod ep_wait;
pub mod ep_walk;
pub mod epoll;
pub mod epoll_api;
pub mod file;
pub mod mount;
pub mod plain;
pub mod wrapper;

mod ghost;
pub use ghost::FileGhosts;
mod locked;
