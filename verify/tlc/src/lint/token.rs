//! The words and signs of a module, comments left out. The comment that holds the algorithm is no
//! comment.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name, a number or a keyword.
    Word,
    /// A string with its quotes.
    Text,
    /// An operator or a bracket.
    Sign,
}

/// A word or sign.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
    pub(super) kind: Kind,
    pub(super) line: usize,
    /// Whether it stands in the algorithm.
    pub(super) algorithm: bool,
}

impl PartialEq for Token<'_> {
    /// Two tokens are the same wherever they stand.
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// Signs of more than one character that must not be taken apart.
const LONG_SIGNS: [&str; 12] =
    [":=", "::", "==", "=>", "=<", "<=", ">=", "/=", "||", "/\\", "\\/", "|->"];

pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1);
    // Comments nest; the algorithm is a level that is read.
    let mut algorithm = false;
    while at < text.len() {
        let rest = &text[at..];
        let length = if rest.starts_with("(*") && !algorithm && opens_algorithm(rest) {
            algorithm = true;
            2
        } else if rest.starts_with("(*") {
            comment(rest)
        } else if algorithm && rest.starts_with("*)") {
            algorithm = false;
            2
        } else if rest.starts_with("\\*") {
            rest.find('\n').unwrap_or(rest.len())
        } else {
            let (length, kind) = token(rest);
            if let Some(kind) = kind {
                tokens.push(Token { text: &rest[..length], kind, line, algorithm });
            }
            length
        };
        line += rest[..length].matches('\n').count();
        at += length;
    }
    tokens
}

fn opens_algorithm(comment: &str) -> bool {
    let inner = comment.trim_start_matches(['(', '*']).trim_start();
    inner.starts_with("--algorithm") || inner.starts_with("--fair")
}

/// The length of a comment with those inside it.
fn comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("(*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*)") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of what the text starts with; no kind for a blank.
fn token(text: &str) -> (usize, Option<Kind>) {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let first = text.chars().next().unwrap_or(' ');
    if first.is_whitespace() {
        (first.len_utf8(), None)
    } else if is_word(first) {
        (text.find(|c| !is_word(c)).unwrap_or(text.len()), Some(Kind::Word))
    } else if first == '"' {
        let mut escaped = false;
        let end = text[1..].find(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends || c == '\n'
        });
        (end.map_or(text.len(), |end| end + 2), Some(Kind::Text))
    } else if let Some(sign) = LONG_SIGNS.iter().find(|sign| text.starts_with(**sign)) {
        (sign.len(), Some(Kind::Sign))
    } else if first == '\\' {
        let name = text[1..].find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len() - 1);
        (1 + name, Some(Kind::Sign))
    } else {
        (first.len_utf8(), Some(Kind::Sign))
    }
}
