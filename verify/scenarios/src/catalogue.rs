//! All scenarios by name.

use crate::scenario::Scenario;
use crate::worlds::epoll;

/// Every scenario, in the order of the spec's modules.
pub fn all() -> Vec<Scenario> {
    [epoll::all()].into_iter().flatten().collect()
}

/// The scenario of this name.
pub fn find(name: &str) -> Option<Scenario> {
    all().into_iter().find(|scenario| scenario.name == name)
}
