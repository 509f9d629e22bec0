//! A Rust source as far as its comments, its blocks and its calls: enough to see what is said above an access.

use std::fs;
use std::path::{Path, PathBuf};

/// A token; string literals are without their quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
    pub(crate) literal: bool,
}

/// A run of `//` comments on lines that follow each other, with no token between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Comment {
    pub(crate) text: String,
    pub(crate) line: usize,
    /// How many tokens stand before it.
    before: usize,
}

/// A source without its tests.
#[derive(Debug)]
pub(crate) struct Source {
    /// From the project root.
    pub(crate) file: String,
    pub(crate) tokens: Vec<Token>,
    pub(crate) comments: Vec<Comment>,
    /// For each token, the opening bracket that it stands in.
    inside: Vec<Option<usize>>,
    /// For each closing bracket, the one that it closes.
    opened: Vec<Option<usize>>,
}

impl Source {
    pub(crate) fn read(file: &str, text: &str) -> Source {
        let (tokens, comments) = lex(text);
        let mut source = Source {
            file: file.to_owned(),
            tokens,
            comments,
            inside: Vec::new(),
            opened: Vec::new(),
        };
        source.bracket();
        source.without_tests();
        source
    }

    /// All sources below a folder of the project, in order.
    pub(crate) fn below(root: &Path, folder: &str) -> std::io::Result<Vec<Source>> {
        let mut files = Vec::new();
        collect(&root.join(folder), &mut files)?;
        files.sort();
        let source = |path: &PathBuf| {
            let name = path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/");
            Ok(Source::read(&name, &fs::read_to_string(path)?))
        };
        files.iter().map(source).collect()
    }

    fn bracket(&mut self) {
        let mut open = Vec::new();
        for (at, token) in self.tokens.iter().enumerate() {
            let mut closes = None;
            if !token.literal && matches!(token.text.as_str(), ")" | "]" | "}") {
                closes = open.pop();
            }
            self.opened.push(closes);
            self.inside.push(open.last().copied());
            if !token.literal && matches!(token.text.as_str(), "(" | "[" | "{") {
                open.push(at);
            }
        }
    }

    /// Takes `#[cfg(test)]` modules out.
    fn without_tests(&mut self) {
        const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
        let starts = (0..self.tokens.len()).filter(|&at| self.is(at, &MARK)).collect::<Vec<_>>();
        for start in starts.into_iter().rev() {
            let Some(open) = (start..self.tokens.len()).find(|&at| self.is(at, &["{"])) else {
                continue;
            };
            let end = (open..self.tokens.len()).find(|&at| self.opened[at] == Some(open));
            let gone = start..end.unwrap_or(self.tokens.len() - 1) + 1;
            self.comments.retain(|comment| !gone.contains(&comment.before));
            for comment in self.comments.iter_mut().filter(|c| c.before >= gone.end) {
                comment.before -= gone.len();
            }
            self.tokens.drain(gone);
        }
        self.inside.clear();
        self.opened.clear();
        self.bracket();
    }

    /// Whether the tokens from here on are these words.
    pub(crate) fn is(&self, at: usize, words: &[&str]) -> bool {
        let found = self.tokens.get(at..at + words.len());
        found.is_some_and(|found| {
            found.iter().zip(words).all(|(token, word)| token.text == *word && !token.literal)
        })
    }

    /// The token that closes the bracket at `open`.
    pub(crate) fn end_of(&self, open: usize) -> usize {
        let end = (open..self.tokens.len()).find(|&at| self.opened[at] == Some(open));
        end.unwrap_or(self.tokens.len())
    }

    /// The first token of the statement, the match arm or the item that a token is part of.
    pub(crate) fn start(&self, mut at: usize) -> usize {
        // How deep in `Vec<A, B>` or what looks like it: its commas end nothing.
        let mut angles = 0_usize;
        while let Some(before) = at.checked_sub(1) {
            at = match self.tokens[before].text.as_str() {
                _ if self.tokens[before].literal => before,
                ")" | "]" => self.opened[before].unwrap_or(before),
                // `unsafe { a }.b()`: the block is a part of the statement.
                "}" if self.is(at, &["."]) => self.opened[before].unwrap_or(before),
                ";" | "{" | "}" => return at,
                "," if angles == 0
                    && self.inside[before].is_none_or(|open| self.is(open, &["{"])) =>
                {
                    return at;
                }
                ">" => {
                    let arrow = before > 0 && matches!(&*self.tokens[before - 1].text, "-" | "=");
                    angles += usize::from(!arrow);
                    before
                }
                "<" => {
                    angles = angles.saturating_sub(1);
                    before
                }
                _ => before,
            };
        }
        at
    }

    /// The heads of the blocks that a token stands in, the innermost first: from the block's statement to its brace.
    pub(crate) fn heads(&self, at: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
        let blocks = std::iter::successors(self.inside[at], |&block| self.inside[block]);
        blocks.map(|block| self.start(block)..block)
    }

    /// The comments that speak of a token: above its statement or in it. What stands over an `unsafe` block speaks
    /// of all that is in it.
    pub(crate) fn above(&self, at: usize) -> Vec<&Comment> {
        let start = self.start(at);
        let mut found: Vec<&Comment> =
            self.comments.iter().filter(|c| (start..=at).contains(&c.before)).collect();
        if start >= 2 && self.is(start - 2, &["unsafe", "{"]) {
            found.extend(self.above(start - 2));
        }
        found
    }

    /// The function that a token is in.
    pub(crate) fn function(&self, at: usize) -> &str {
        let is_fn =
            |head: std::ops::Range<usize>| head.into_iter().find(|&at| self.is(at, &["fn"]));
        let found = self.heads(at).find_map(is_fn);
        found.and_then(|at| self.tokens.get(at + 1)).map_or("", |name| &name.text)
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// Tokens and plain comments; comments of the documentation are neither.
fn lex(text: &str) -> (Vec<Token>, Vec<Comment>) {
    let mut tokens: Vec<Token> = Vec::new();
    let mut comments: Vec<(Comment, usize)> = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while let Some(first) = rest.chars().next() {
        let (length, token) = if rest.starts_with("//") {
            let end = rest.find('\n').unwrap_or(rest.len());
            let said = &rest[..end];
            if !said.starts_with("///") && !said.starts_with("//!") {
                let said = said[2..].trim();
                match comments.last_mut() {
                    Some((last, at)) if last.before == tokens.len() && *at + 1 == line => {
                        last.text = format!("{} {said}", last.text);
                        *at = line;
                    }
                    _ => {
                        let text = said.to_owned();
                        comments.push((Comment { text, line, before: tokens.len() }, line));
                    }
                }
            }
            (end, None)
        } else if rest.starts_with("/*") {
            (rest.find("*/").map_or(rest.len(), |end| end + 2), None)
        } else if let Some((length, content)) = string(rest) {
            (length, Some((content, true)))
        } else if first.is_alphanumeric() || first == '_' {
            let length =
                rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            (length, Some((&rest[..length], false)))
        } else {
            let length = first.len_utf8();
            (length, (!first.is_whitespace()).then(|| (&rest[..length], false)))
        };
        if let Some((text, literal)) = token {
            tokens.push(Token { text: text.to_owned(), line, literal });
        }
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    (tokens, comments.into_iter().map(|(comment, _)| comment).collect())
}

/// The string or character that the text begins with: its length, and what is between the quotes.
fn string(text: &str) -> Option<(usize, &str)> {
    let quoted = |skip: usize, quote: char| {
        let mut escaped = false;
        let inner = &text[skip..];
        let end = inner.find(|c| {
            let ends = c == quote && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        let end = end.unwrap_or(inner.len());
        Some(((skip + end + 1).min(text.len()), &inner[..end]))
    };
    if text.starts_with('"') {
        return quoted(1, '"');
    }
    if text.starts_with("b\"") || text.starts_with("c\"") {
        return quoted(2, '"');
    }
    let raw = text.strip_prefix("br").or_else(|| text.strip_prefix('r'));
    if let Some(raw) = raw {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let skip = text.len() - raw.len() + hashes + 1;
            let close = format!("\"{}", "#".repeat(hashes));
            let end = text[skip..].find(&close).unwrap_or(text.len() - skip);
            return Some(((skip + end + close.len()).min(text.len()), &text[skip..skip + end]));
        }
    }
    let character = text.strip_prefix('\'')?;
    let mut inner = character.chars();
    let first = inner.next()?;
    // A quote that no other follows is a lifetime.
    if first == '\\' || inner.next() == Some('\'') { quoted(1, '\'') } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<String> {
        Source::read("a.rs", source).tokens.into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn strings_characters_and_lifetimes_are_told_apart() {
        assert_eq!(
            texts(r##"f::<'a>("x // \" y", 'b', '\'', r#"raw " { "#, b"z") // end"##),
            [
                "f",
                ":",
                ":",
                "<",
                "'",
                "a",
                ">",
                "(",
                r#"x // \" y"#,
                ",",
                "b",
                ",",
                r"\'",
                ",",
                "raw \" { ",
                ",",
                "z",
                ")"
            ]
        );
    }

    #[test]
    fn a_comment_speaks_of_the_statement_below_it_and_of_no_other() {
        let source = Source::read(
            "a.rs",
            "fn f() {\n  // one\n  // more of it\n  a(1, b(2));\n  c();\n  // three\n  unsafe {\n    d.e(x);\n  }\n  // four\n  y = unsafe { x }.z();\n}\n",
        );
        let said = |word: &str| {
            let at = source.tokens.iter().position(|token| token.text == word).unwrap();
            source.above(at).iter().map(|c| c.text.clone()).collect::<Vec<_>>()
        };
        assert_eq!(said("2"), ["one more of it"]);
        assert_eq!(said("c"), [""; 0]);
        assert_eq!(said("z"), ["four"]);
        assert_eq!(said("e"), ["three"]);
        assert_eq!(source.function(source.tokens.iter().position(|t| t.text == "e").unwrap()), "f");
    }

    #[test]
    fn a_comment_over_a_match_arm_speaks_of_that_arm() {
        let source =
            Source::read("a.rs", "match x {\n  // one\n  A => p(),\n  // two\n  B => q(),\n}");
        let at = source.tokens.iter().position(|token| token.text == "q").unwrap();
        assert_eq!(source.above(at).iter().map(|c| &*c.text).collect::<Vec<_>>(), ["two"]);
    }

    #[test]
    fn the_commas_of_a_type_end_no_statement() {
        let source = Source::read(
            "a.rs",
            "impl A { fn f(&self) -> Result<Option<B<C, D>>, ()> {\n // one\n let a: B<C, D> = g(); } }",
        );
        let at = source.tokens.iter().position(|token| token.text == "g").unwrap();
        assert_eq!((source.function(at), source.above(at).len()), ("f", 1));
    }

    #[test]
    fn tests_are_left_out() {
        let source = Source::read(
            "a.rs",
            "fn a() {}\n#[cfg(test)]\nmod tests {\n // no\n fn b() {}\n}\n// yes\nfn c() {}",
        );
        let words: Vec<&str> = source.tokens.iter().map(|t| &*t.text).collect();
        assert_eq!(words.join(" "), "fn a ( ) { } fn c ( ) { }");
        let at = words.iter().position(|word| *word == "c").unwrap();
        assert_eq!(source.above(at)[0].text, "yes");
        assert_eq!(source.above(at)[0].line, 7);
    }
}
