//! Compiles the shim over liburcu if its header is there, and notes who compiled.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=shim/urcu.c");
    // ci/bench sets it to the version installed, so that installing liburcu makes this run again.
    println!("cargo::rerun-if-env-changed=LIBURCU_VERSION");
    println!("cargo::rustc-check-cfg=cfg(has_liburcu)");
    println!("cargo::rustc-env=BENCH_RUSTC={}", said("RUSTC", "rustc", &["--version"]));
    if header_is_there() {
        cc::Build::new().file("shim/urcu.c").opt_level(3).warnings(true).compile("graceref_urcu");
        println!("cargo::rustc-link-lib=urcu-memb");
        println!("cargo::rustc-link-lib=urcu-common");
        println!("cargo::rustc-cfg=has_liburcu");
        let version = said("PKG_CONFIG", "pkg-config", &["--modversion", "liburcu-memb"]);
        println!("cargo::rustc-env=BENCH_LIBURCU={version}");
    } else {
        println!("cargo::rustc-env=BENCH_LIBURCU=");
    }
}

/// Whether the C compiler finds the header of the memb flavour.
fn header_is_there() -> bool {
    let out = std::env::var("OUT_DIR").expect("cargo sets it for build scripts");
    let probe = Path::new(&out).join("probe.c");
    std::fs::write(&probe, "#include <urcu/urcu-memb.h>\n").expect("OUT_DIR can be written to");
    let build = cc::Build::new().file(&probe).warnings(false).cargo_output(false).try_expand();
    build.is_ok()
}

/// What a program says in one line, or "unknown".
fn said(variable: &str, program: &str, words: &[&str]) -> String {
    println!("cargo::rerun-if-env-changed={variable}");
    let program = std::env::var(variable).unwrap_or_else(|_| program.to_owned());
    let output = Command::new(program).args(words).output().ok();
    let text = output.filter(|output| output.status.success()).map(|output| output.stdout);
    let text = String::from_utf8(text.unwrap_or_default()).unwrap_or_default();
    match text.lines().next() {
        Some(line) if !line.is_empty() => line.to_owned(),
        _ => "unknown".to_owned(),
    }
}
