//! What is wrong in a register, with its file and line.

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};
use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// The text of one file of the register, kept so that later checks can still point into it.
#[derive(Debug, Clone)]
pub(crate) struct Source(Arc<NamedSource<String>>);

impl Source {
    pub(crate) fn new(file: &str, text: String) -> Self {
        Source(Arc::new(NamedSource::new(file, text).with_language("toml")))
    }

    pub(crate) fn file(&self) -> &str {
        self.0.name()
    }

    pub(crate) fn text(&self) -> &str {
        self.0.inner()
    }

    /// The line, counted from 1, on which `offset` lies.
    pub(crate) fn line(&self, offset: usize) -> usize {
        let before = self.text().get(..offset).unwrap_or(self.text());
        before.bytes().filter(|&byte| byte == b'\n').count() + 1
    }
}

/// One thing that is wrong, where it stands, and what to do about it.
///
/// Its `Display` is one line, `FILE:LINE: what is wrong`; as a [`Diagnostic`] it also shows the text
/// in question and the next step.
#[derive(Debug, Clone)]
pub struct Problem {
    source: Option<Source>,
    span: Range<usize>,
    message: String,
    label: &'static str,
    help: String,
}

impl Problem {
    pub(crate) fn at(source: &Source, span: Range<usize>, message: impl Into<String>) -> Self {
        // A span of a whole table would underline half the file: its header is enough.
        let text = source.text();
        let start = span.start.min(text.len());
        let end = span.end.clamp(start, text.len());
        let first_line = text.get(start..end).and_then(|rest| rest.find('\n'));
        let span = start..first_line.map_or(end, |length| start + length);
        Problem {
            source: Some(source.clone()),
            span,
            message: message.into(),
            label: "here",
            help: String::new(),
        }
    }

    pub(crate) fn without_place(message: impl Into<String>) -> Self {
        Problem {
            source: None,
            span: 0..0,
            message: message.into(),
            label: "",
            help: String::new(),
        }
    }

    pub(crate) fn label(mut self, label: &'static str) -> Self {
        self.label = label;
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    /// The file it is in, if it is about a file that could be read.
    pub fn file(&self) -> Option<&Path> {
        self.source.as_ref().map(|source| Path::new(source.file()))
    }

    /// Its line, counted from 1.
    pub fn line(&self) -> Option<usize> {
        self.source.as_ref().map(|source| source.line(self.span.start))
    }

    /// What to do about it.
    pub fn next_step(&self) -> &str {
        &self.help
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(source), Some(line)) = (&self.source, self.line()) {
            write!(out, "{}:{line}: ", source.file())?;
        }
        out.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        (!self.help.is_empty()).then(|| Box::new(&self.help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| &*source.0 as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.source.as_ref()?;
        let label = LabeledSpan::new_with_span(Some(self.label.to_owned()), self.span.clone());
        Some(Box::new(std::iter::once(label)))
    }
}

/// Everything that is wrong in a register, in the order of the files and lines.
#[derive(Debug, Clone)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// `Ok` when there is nothing to report.
    pub(crate) fn none_or(mut found: Vec<Problem>) -> Result<(), Problems> {
        if found.is_empty() {
            return Ok(());
        }
        found.sort_by_key(|problem| {
            (problem.file().map(Path::to_path_buf), problem.span.start, problem.message.clone())
        });
        Err(Problems(found))
    }

    pub(crate) fn one(problem: Problem) -> Self {
        Problems(vec![problem])
    }

    /// Each of them; never empty.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(out, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl Diagnostic for Problems {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.0.iter().map(|problem| problem as &dyn Diagnostic)))
    }
}
