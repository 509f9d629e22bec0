//! Reads `spec/models.toml` and refuses what makes no sense, with the file and the line.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, NamedSource};
use serde::Deserialize;
use toml::Spanned;

use crate::model::{Model, Question};

mod check;

use check::Check;

/// The register of models, relative to the project root.
pub(crate) const MODELS: &str = "spec/models.toml";

/// Something in `spec/models.toml` makes no sense. Displays as one line with file and line number;
/// miette shows every place in the text.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("{first}")]
pub struct ModelsError {
    first: String,
    #[source_code]
    // Behind a pointer, to keep the error small.
    text: Arc<NamedSource<String>>,
    #[label(collection)]
    labels: Vec<LabeledSpan>,
    #[help]
    help: Option<String>,
}

impl ModelsError {
    fn new(text: &str, faults: Vec<Fault>) -> Self {
        let first = faults.first().map_or_else(String::new, |fault| {
            let line = line_of(text, fault.span.start);
            let more = match faults.len() {
                0 | 1 => String::new(),
                n => format!(" (and {} more)", n - 1),
            };
            format!("{MODELS}:{line}: {}{more}", fault.message)
        });
        let labels = faults
            .into_iter()
            .map(|fault| LabeledSpan::new_with_span(Some(fault.message), fault.span))
            .collect();
        let text = Arc::new(NamedSource::new(MODELS, text.to_owned()));
        Self { first, text, labels, help: None }
    }

    fn unreadable(error: &std::io::Error) -> Self {
        Self {
            first: format!("{MODELS}: {error}"),
            text: Arc::new(NamedSource::new(MODELS, String::new())),
            labels: Vec::new(),
            help: Some("run from the project root".to_owned()),
        }
    }
}

struct Fault {
    span: Range<usize>,
    message: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    model: Vec<Spanned<Entry>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Holds,
    Violated,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: Spanned<String>,
    module: Spanned<String>,
    question: Spanned<Question>,
    shows: Spanned<String>,
    #[serde(default)]
    constants: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    invariants: Vec<Spanned<String>>,
    #[serde(default)]
    properties: Vec<Spanned<String>>,
    spec: Option<Spanned<String>>,
    expect: Option<Spanned<Verdict>>,
    violates: Option<Spanned<String>>,
    trace: Option<Spanned<u64>>,
    distinct: Option<Spanned<u64>>,
    generated: Option<Spanned<u64>>,
    edges: Option<Spanned<u64>>,
    schedules: Option<Spanned<String>>,
    dead: Option<Spanned<Vec<Spanned<String>>>>,
}

/// Reads `spec/models.toml` under the project root.
///
/// # Errors
/// The file cannot be read, is not TOML, has a field or word that is not known, or asks something
/// that makes no sense; the error names file and line.
pub fn load(root: &Path) -> Result<Vec<Model>, ModelsError> {
    let text =
        std::fs::read_to_string(root.join(MODELS)).map_err(|e| ModelsError::unreadable(&e))?;
    parse(root, &text)
}

/// Like [`load`], on the text of the file. The root is asked only whether the modules exist.
///
/// # Errors
/// As [`load`].
pub fn parse(root: &Path, text: &str) -> Result<Vec<Model>, ModelsError> {
    let document: Document = toml::from_str(text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        let message = error.message().trim().to_owned();
        ModelsError::new(text, vec![Fault { span, message }])
    })?;
    let mut check = Check { spec: root.join("spec"), faults: Vec::new() };
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut models = Vec::new();
    for entry in document.model {
        let line = line_of(text, entry.span().start);
        let entry = entry.into_inner();
        if let Some(before) = seen.insert(entry.name.get_ref().clone(), line) {
            check.fault(
                &entry.name,
                format!("there is a model `{}` at line {before} already", entry.name.get_ref()),
            );
        }
        models.push(check.model(entry, line));
    }
    if check.faults.is_empty() { Ok(models) } else { Err(ModelsError::new(text, check.faults)) }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|b| *b == b'\n').count() + 1
}

#[cfg(test)]
mod tests;
