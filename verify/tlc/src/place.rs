//! TLC speaks of lines in the translated copy of a module; a reader wants the line in `spec/`.

use std::collections::HashMap;

use crate::output::{Message, Output, code};
use crate::translate::{Place, SourceMap};

/// The maps of all modules of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    maps: HashMap<String, SourceMap>,
}

impl Places {
    pub(crate) fn insert(&mut self, module: &str, map: SourceMap) {
        self.maps.insert(module.to_owned(), map);
    }

    pub(crate) fn at(&self, found: &Location<'_>) -> Place {
        match self.maps.get(found.module) {
            Some(map) => map.place(found.module, found.line, found.column),
            None => Place {
                file: format!("{}.tla", found.module),
                line: found.line,
                column: Some(found.column),
            },
        }
    }

    /// The text with every location replaced by the place in `spec/`.
    pub(crate) fn rewrite(&self, text: &str) -> String {
        let (mut rest, mut out) = (text, String::new());
        while let Some(found) = Location::find(rest) {
            out.push_str(&rest[..found.start]);
            out.push_str(&self.at(&found).to_string());
            rest = &rest[found.end..];
        }
        out + rest
    }

    /// Why TLC gave up, in one to a few lines; none if it did not. A violation is no giving up.
    pub(crate) fn explain(&self, output: &Output) -> Option<String> {
        let (mut place, mut words) = (String::new(), Vec::new());
        for message in output.messages.iter().filter(|m| m.is_error() && !is_answer(m.code)) {
            match message.code {
                code::PARSE => words.push(self.parser_words(&output.plain)),
                code::POSITIONS => {
                    place =
                        self.innermost(&message.full_text()).map_or(place, |p| format!("{p}: "));
                }
                _ => words.push(self.rewrite(&essence(message))),
            }
        }
        words.retain(|part| !part.is_empty());
        match (words.is_empty(), place.is_empty()) {
            (true, true) => None,
            (true, false) => Some(format!("{place}this cannot be evaluated")),
            (false, _) => Some(place + &words.join("\n")),
        }
    }

    /// The innermost of the nested positions: the expression that could not be evaluated.
    fn innermost(&self, text: &str) -> Option<Place> {
        text.lines().rev().find_map(Location::find).map(|found| self.at(&found))
    }

    /// What the parser says, which stands outside of any message.
    fn parser_words(&self, plain: &str) -> String {
        let lines: Vec<&str> = plain.lines().map(str::trim).collect();
        if let Some(at) = lines.iter().position(|line| *line == "***Parse Error***") {
            return parse_error(&lines[at + 1..]);
        }
        let mut words: Vec<String> = Vec::new();
        for line in lines {
            let noise = line.is_empty()
                || line.starts_with("Parsing file")
                || line.starts_with("Semantic ")
                || line.starts_with("Fatal errors")
                || line.starts_with("tla2sany.")
                || line.starts_with("***");
            if noise {
                continue;
            }
            let whole = Location::find(line).filter(|l| l.start == 0 && l.end == line.len());
            match (whole, words.last_mut()) {
                (Some(found), _) => words.push(format!("{}:", self.at(&found))),
                (None, Some(last)) => {
                    last.push(' ');
                    last.push_str(&self.rewrite(line));
                }
                (None, None) => words.push(self.rewrite(line)),
            }
        }
        words.join("\n")
    }
}

/// Violations and the headings of traces are marked as errors too.
fn is_answer(code: u32) -> bool {
    code::is_violation(code) || matches!(code, code::BEHAVIOUR | code::COUNTEREXAMPLE)
}

/// The text without the sentences that TLC says at every exception.
fn essence(message: &Message) -> String {
    let text = message.full_text();
    let lines: Vec<&str> = text
        .lines()
        .map(|line| line.trim().trim_start_matches(": "))
        .filter(|line| {
            !matches!(*line, "" | ":")
                && !line.starts_with("TLC threw an unexpected exception")
                && !line.starts_with("This was probably caused by")
                && !line.starts_with("See the User Output")
                && !line.starts_with("The exception was a")
        })
        .collect();
    lines.join(" ")
}

/// The syntax error: what was expected, what was there, and in which file.
fn parse_error(lines: &[&str]) -> String {
    let said: Vec<&str> =
        lines.iter().take_while(|line| !line.starts_with("Residual")).copied().collect();
    let said = said.join(" ");
    let module = lines
        .iter()
        .find_map(|line| line.strip_prefix("Could not parse module "))
        .or_else(|| lines.iter().find_map(|line| line.strip_prefix("In module ")))
        .and_then(|rest| rest.split_whitespace().next())
        .unwrap_or("?");
    let Some((before, after)) = said.split_once(" at line ") else {
        return format!("spec/{module}.tla: {}", said.trim());
    };
    let mut numbers = after.split(|c: char| !c.is_ascii_digit()).filter(|w| !w.is_empty());
    let line = numbers.next().unwrap_or("?");
    let column = numbers.next().unwrap_or("?");
    let rest = after.split_once(column).map_or("", |(_, rest)| rest);
    format!("spec/{module}.tla:{line}:{column}: {}{}", before.trim(), rest.trim_end())
}

/// A location in one of the two shapes that TLC writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Location<'a> {
    /// Where it stands in the text.
    pub(crate) start: usize,
    /// Where it ends in the text.
    pub(crate) end: usize,
    pub(crate) module: &'a str,
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl<'a> Location<'a> {
    /// The first `line 41, col 1 to line 41, col 11 of module Latch` or
    /// `Line 6, column 8 to line 6, column 31 in One`.
    pub(crate) fn find(text: &'a str) -> Option<Self> {
        let mut from = 0;
        while let Some(at) = text[from..].find("ine ") {
            let after = from + at + "ine ".len();
            let start = (from + at).checked_sub(1);
            let starts = start.filter(|s| matches!(text.as_bytes()[*s], b'l' | b'L'));
            if let Some((start, found)) = starts.zip(Self::read(text, after)) {
                return Some(Self { start, ..found });
            }
            from = after;
        }
        None
    }

    fn read(text: &'a str, at: usize) -> Option<Self> {
        let mut cursor = Cursor { text, at };
        let line = cursor.number()?;
        cursor.word(", col")?;
        cursor.word("umn").unwrap_or(());
        cursor.word(" ")?;
        let column = cursor.number()?;
        if cursor.word(" to line ").is_some() {
            cursor.number()?;
            cursor.word(", col")?;
            cursor.word("umn").unwrap_or(());
            cursor.word(" ")?;
            cursor.number()?;
        }
        cursor.word(" of module ").or_else(|| cursor.word(" in "))?;
        let module = cursor.identifier()?;
        Some(Self { start: at, end: cursor.at, module, line, column })
    }
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn word(&mut self, word: &str) -> Option<()> {
        self.text[self.at..].starts_with(word).then(|| self.at += word.len())
    }

    fn take(&mut self, wanted: fn(&u8) -> bool) -> &'a str {
        let rest = &self.text[self.at..];
        let length = rest.bytes().take_while(wanted).count();
        self.at += length;
        &rest[..length]
    }

    fn number(&mut self) -> Option<usize> {
        self.take(u8::is_ascii_digit).parse().ok()
    }

    fn identifier(&mut self) -> Option<&'a str> {
        let name = self.take(|b| b.is_ascii_alphanumeric() || *b == b'_');
        (!name.is_empty()).then_some(name)
    }
}

#[cfg(test)]
mod tests;
