//! The worlds: one file for each module of the spec.

pub(crate) mod epoll;
