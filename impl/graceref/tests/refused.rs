//! Wrong uses of a `Table`, and of a borrowed reference, that do not compile, and what the compiler says about each.
//!
//! The messages are those of the Rust that the workspace names; with another one the test is not run.
#![cfg(not(any(graceref_loom, graceref_shuttle)))]

use std::process::Command;

/// Whether the compiler is the one whose messages are compared.
fn same_rust() -> bool {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let said = Command::new(rustc).arg("--version").output().expect("tests run beside a compiler");
    let said = String::from_utf8_lossy(&said.stdout);
    said.starts_with(concat!("rustc ", env!("CARGO_PKG_RUST_VERSION"), "."))
}

#[test]
fn wrong_uses_do_not_compile() {
    let refused = trybuild::TestCases::new();
    refused.pass("tests/refused/right_uses.rs");
    if same_rust() {
        refused.compile_fail("tests/refused/no_*.rs");
    }
}
