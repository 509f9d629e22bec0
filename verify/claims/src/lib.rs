//! The register: every claim, where it comes from, and the verdict expected of each engine.
