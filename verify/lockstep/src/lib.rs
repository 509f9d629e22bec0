//! Holds a TLC state graph against running Rust code, state by state and edge by edge.
