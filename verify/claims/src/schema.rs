//! The TOML as it is written, each value with its place.

use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

pub(crate) type Text = Spanned<String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    #[serde(default)]
    pub(crate) claim: Vec<Spanned<Claim>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Claim {
    pub(crate) id: Text,
    pub(crate) source: Text,
    pub(crate) statement: Text,
    pub(crate) verdict: Text,
    pub(crate) meaning: Text,
    pub(crate) note: Option<Text>,
    #[serde(default)]
    pub(crate) case: Vec<Spanned<Case>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: Option<Text>,
    pub(crate) scenario: Option<Text>,
    pub(crate) model: Option<Text>,
    // Absent and empty get the same message, which serde's "missing field" would not be.
    #[serde(default)]
    pub(crate) engines: Vec<Text>,
    pub(crate) property: Text,
    pub(crate) expect: Text,
    #[serde(default)]
    pub(crate) except: BTreeMap<Text, String>,
}
