//! What the project's own models must have between them.

use std::path::Path;

#[test]
fn every_property_that_holds_somewhere_fails_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let models = tlc::load(&root).unwrap_or_else(|error| panic!("{error}"));
    assert!(models.len() > 100);
    let never: Vec<_> = tlc::unbroken(&models).iter().map(ToString::to_string).collect();
    assert!(never.is_empty(), "{never:#?}");
}
