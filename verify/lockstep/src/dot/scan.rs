//! The part of the dot language that TLC writes.

use super::DotError;
use crate::value::ValueError;

/// What a statement about a state says.
pub(super) enum Statement<'t> {
    Node { id: i64, attributes: Attributes<'t> },
    Edge { from: i64, to: i64, attributes: Attributes<'t> },
}

/// The attributes that matter; texts are as escaped as they stand in the file.
#[derive(Default)]
pub(super) struct Attributes<'t> {
    pub(super) label: Option<&'t str>,
    pub(super) style: Option<&'t str>,
    pub(super) coloured: bool,
}

pub(super) struct Scanner<'t> {
    text: &'t str,
    offset: usize,
    /// How many braces are open, so that a dump that was cut off is told from a whole one.
    open: usize,
    /// Whether any brace was ever opened.
    begun: bool,
}

impl<'t> Scanner<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, offset: 0, open: 0, begun: false }
    }

    /// The line of a place, counted from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.text[..offset].matches('\n').count() + 1
    }

    /// The next statement about a state or an edge, and where it starts. Everything else, such as
    /// settings, ranks and the legend, is skipped.
    pub(super) fn next_statement(&mut self) -> Result<Option<(usize, Statement<'t>)>, DotError> {
        loop {
            self.skip(|c| c.is_whitespace() || c == ';');
            let start = self.offset;
            let Some(first) = self.peek() else {
                return match (self.begun, self.open) {
                    (true, 0) => Ok(None),
                    (false, _) => self.expected("`digraph`"),
                    _ => self.expected("`}`: the dump was cut off"),
                };
            };
            match first {
                '{' => self.braces()?,
                '}' if self.open == 0 => return self.expected("the end"),
                '}' => {
                    self.open -= 1;
                    self.offset += 1;
                }
                _ if self.open == 0 => self.opening()?,
                '-' | '0'..='9' => return Ok(Some((start, self.state_or_edge()?))),
                _ => self.setting()?,
            }
        }
    }

    fn rest(&self) -> &'t str {
        &self.text[self.offset..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn expected<T>(&self, expected: &str) -> Result<T, DotError> {
        let ValueError { line, column, expected, found } =
            ValueError::at(self.text, self.offset, expected);
        Err(DotError::Syntax { line, column, expected, found })
    }

    /// Passes over the characters that satisfy a predicate.
    fn skip(&mut self, predicate: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c| !predicate(c)).unwrap_or(rest.len());
        self.offset += end;
        &rest[..end]
    }

    fn spaces(&mut self) {
        self.skip(char::is_whitespace);
    }

    fn token(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.offset += token.len();
        }
        found
    }

    /// `strict digraph NAME {`
    fn opening(&mut self) -> Result<(), DotError> {
        let head = self.rest().split('{').next().unwrap_or_default();
        let known = head.split_whitespace().any(|word| word == "digraph");
        if self.begun || !known || head.len() == self.rest().len() {
            return self.expected(if self.begun { "the end" } else { "`digraph`" });
        }
        self.offset += head.len() + 1;
        self.begun = true;
        self.open = 1;
        Ok(())
    }

    /// `{rank = same; ...}`
    fn braces(&mut self) -> Result<(), DotError> {
        let Some(end) = self.rest().find('}') else {
            self.offset = self.text.len();
            return self.expected("`}`: the dump was cut off");
        };
        self.offset += end + 1;
        Ok(())
    }

    /// `name=value`, `name [...]` or `subgraph NAME {`.
    fn setting(&mut self) -> Result<(), DotError> {
        loop {
            match self.peek() {
                None | Some(';' | '\n' | '}') => return Ok(()),
                Some('{') => {
                    self.offset += 1;
                    self.open += 1;
                    return Ok(());
                }
                Some('"') => {
                    self.quoted()?;
                }
                Some('[') => {
                    self.attributes()?;
                }
                Some(c) => self.offset += c.len_utf8(),
            }
        }
    }

    fn state_or_edge(&mut self) -> Result<Statement<'t>, DotError> {
        let id = self.id()?;
        self.spaces();
        if !self.token("->") {
            return match self.peek() {
                Some('[') => Ok(Statement::Node { id, attributes: self.attributes()? }),
                _ => self.expected("`->` or `[`"),
            };
        }
        self.spaces();
        let to = self.id()?;
        // An edge without attributes ends here.
        self.skip(|c| c == ' ');
        let attributes = match self.peek() {
            Some('[') => self.attributes()?,
            Some(';' | '\n') => Attributes::default(),
            _ => return self.expected("`[` or `;`"),
        };
        Ok(Statement::Edge { from: id, to, attributes })
    }

    fn id(&mut self) -> Result<i64, DotError> {
        let start = self.offset;
        let text = self.skip(|c| c == '-' || c.is_ascii_digit());
        // The `-` of an arrow that follows at once is not the number's.
        let text = text.strip_suffix('-').unwrap_or(text);
        self.offset = start + text.len();
        text.parse().or_else(|_| {
            self.offset = start;
            self.expected("the fingerprint of a state")
        })
    }

    /// `[name=value, ...]`
    fn attributes(&mut self) -> Result<Attributes<'t>, DotError> {
        let mut attributes = Attributes::default();
        self.offset += 1;
        loop {
            self.skip(|c| c.is_whitespace() || c == ',' || c == ';');
            if self.token("]") {
                return Ok(attributes);
            }
            let name = self.skip(|c| c == '_' || c.is_alphanumeric());
            if name.is_empty() {
                return self.expected("an attribute or `]`");
            }
            self.spaces();
            if !self.token("=") {
                return self.expected("`=`");
            }
            self.spaces();
            let value = match self.peek() {
                Some('"') => self.quoted()?,
                _ => self.skip(|c| !c.is_whitespace() && !",;]".contains(c)),
            };
            match name {
                "label" => attributes.label = Some(value),
                "style" => attributes.style = Some(value),
                "fillcolor" => attributes.coloured = true,
                _ => {}
            }
        }
    }

    /// The text between two quotation marks, as it stands.
    fn quoted(&mut self) -> Result<&'t str, DotError> {
        let start = self.offset + 1;
        let bytes = self.text.as_bytes();
        let mut end = start;
        loop {
            match bytes.get(end) {
                Some(b'"') => break,
                Some(b'\\') => end += 2,
                Some(_) => end += 1,
                None => {
                    self.offset = self.text.len();
                    return self.expected("`\"`: the dump was cut off");
                }
            }
        }
        self.offset = end + 1;
        Ok(&self.text[start..end])
    }
}
