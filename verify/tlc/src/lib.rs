//! Runs TLC on the models that spec/models.toml lists and compares every number with what is expected.
