//! Where the numbers come from: the machine, and the versions of what was measured.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) os: String,
    /// Whether the processor says that it runs under a hypervisor.
    pub(crate) hypervisor: bool,
}

/// The compiler, and each contender.
pub(crate) type Versions = BTreeMap<String, String>;

impl Machine {
    pub(crate) fn here() -> Machine {
        let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let field = |name: &str| {
            let line = cpuinfo.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        // Without what the builder of the kernel calls his own.
        let release = release.split('-').next().unwrap_or_default();
        let flags = field("flags").unwrap_or_default();
        Machine {
            cpu: field("model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            os: format!("{} {}", std::env::consts::OS, release.trim()).trim_end().to_owned(),
            hypervisor: flags.split(' ').any(|flag| flag == "hypervisor"),
        }
    }
}

/// The crates that are contenders.
const CRATES: [&str; 12] = [
    "graceref",
    "arc-swap",
    "crossbeam-epoch",
    "dashmap",
    "foldhash",
    "haphazard",
    "idr-ebr",
    "papaya",
    "seize",
    "sharded-slab",
    "slab",
    "triomphe",
];

#[derive(Deserialize)]
struct Lock {
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
}

pub(crate) fn versions() -> Versions {
    // The lock file that this program was built from.
    let lock: Option<Lock> = toml::from_str(include_str!("../../../Cargo.lock")).ok();
    let packages = lock.map(|lock| lock.package).unwrap_or_default();
    let mut versions: Versions = BTreeMap::new();
    for package in packages.into_iter().filter(|package| CRATES.contains(&package.name.as_str())) {
        let version = versions.entry(package.name).or_default();
        // Where another dependency brings an older one along, the contender is the newer.
        if newer(&package.version, version) {
            *version = package.version;
        }
    }
    versions.insert("rustc".to_owned(), env!("BENCH_RUSTC").to_owned());
    if !env!("BENCH_LIBURCU").is_empty() {
        versions.insert("liburcu".to_owned(), env!("BENCH_LIBURCU").to_owned());
    }
    versions
}

fn newer(one: &str, other: &str) -> bool {
    let parts = |version: &str| -> Vec<u64> {
        version.split(['.', '-', '+']).map_while(|part| part.parse().ok()).collect()
    };
    parts(one) > parts(other)
}

#[cfg(test)]
mod tests {
    use super::{CRATES, newer, versions};

    #[test]
    fn every_contender_has_a_version() {
        let versions = versions();
        for name in CRATES {
            assert!(versions.contains_key(name), "{name}: {versions:?}");
        }
        assert!(versions["rustc"].starts_with("rustc 1."), "{versions:?}");
    }

    #[test]
    fn versions_compare_by_number() {
        assert!(newer("0.10.0", "0.9.9"));
        assert!(newer("0.1.0", ""));
        assert!(!newer("1.0.0", "1.0.1"));
    }
}
