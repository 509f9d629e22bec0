//! House rules for the PlusCal text, as far as a lint can tell.

use std::fmt;
use std::path::{Path, PathBuf};

mod token;

use token::{Kind, Token};

/// A rule that a module breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file as it was named to [`lint`].
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.message)
    }
}

/// Checks the text of a module; `file` is only named, `root` is where the `Code:` files are looked
/// for.
///
/// - Each module has a comment with a line `Code: path/to/file.rs, other.rs` that names the Rust
///   side; a name without a folder is beside the one before it.
/// - Each label is lower-case snake_case, for the code writes it as `at!("label")`.
/// - No label jumps to itself: a spin is two labels.
/// - No procedures: they put a stack into the state.
/// - No masked underflow, `IF x = 0 THEN 0 ELSE x - 1`: it hides the bug that is looked for.
/// - No translation: it is made at run time.
pub fn lint(text: &str, file: &Path, root: &Path) -> Vec<Problem> {
    let mut found = header(text, root);
    let tokens = token::tokens(text);
    found.extend(masked_underflow(&tokens));
    let algorithm: Vec<Token<'_>> = tokens.iter().copied().filter(|t| t.algorithm).collect();
    if let Some(first) = algorithm.first() {
        found.extend(algorithm_rules(&algorithm, first.line));
    }
    if let Some(line) = committed_translation(text) {
        found.push((line, "a translation is committed; it is made at run time".to_owned()));
    }
    found.sort();
    found
        .into_iter()
        .map(|(line, message)| Problem { file: file.to_owned(), line, message })
        .collect()
}

/// Checks every module of `spec`.
///
/// # Errors
/// A file cannot be read.
pub fn lint_spec(root: &Path) -> std::io::Result<Vec<Problem>> {
    let mut files = std::fs::read_dir(root.join("spec"))?
        .map(|entry| entry.map(|entry| entry.file_name()))
        .collect::<std::io::Result<Vec<_>>>()?;
    files.retain(|name| Path::new(name).extension().is_some_and(|extension| extension == "tla"));
    files.sort();
    let mut problems = Vec::new();
    for name in files {
        let file = Path::new("spec").join(name);
        problems.extend(lint(&std::fs::read_to_string(root.join(&file))?, &file, root));
    }
    Ok(problems)
}

type Finding = (usize, String);

fn header(text: &str, root: &Path) -> Vec<Finding> {
    let Some((line, files)) = code(text) else {
        return vec![(1, "no comment says which Rust file this mirrors (`Code: path`)".to_owned())];
    };
    let mut found = Vec::new();
    if files.is_empty() {
        found.push((line, "`Code:` names no file".to_owned()));
    }
    for path in files {
        if !root.join(&path).is_file() {
            let message = format!("`Code:` names {}, which does not exist", path.display());
            found.push((line, message));
        } else if path.extension().is_none_or(|extension| extension != "rs") {
            let message = format!("`Code:` names {}, which is no Rust file", path.display());
            found.push((line, message));
        }
    }
    found
}

/// The Rust files that a module mirrors, by its comment `Code: path/to/file.rs, other.rs`, and the line where it
/// says so. A line that ends in a comma goes on in the next one.
pub fn code(text: &str) -> Option<(usize, Vec<PathBuf>)> {
    // `Code:` elsewhere than in a comment would be a label of that name, which is not lower-case.
    let (index, first) = text.lines().enumerate().find_map(|(index, line)| {
        let words = line.trim_start_matches([' ', '(', '*', '\\', '|']);
        words.strip_prefix("Code:").map(|rest| (index, rest))
    })?;
    let mut list = first.trim_end().to_owned();
    let mut rest = text.lines().skip(index + 1);
    while list.ends_with(',')
        && let Some(line) = rest.next()
    {
        list.push_str(line.trim_end());
    }
    let names = list
        .split(|c: char| c.is_whitespace() || c == ',')
        .map(|word| word.trim_matches(['*', '(', ')', '`', '.', ';', '\\']))
        .filter(|word| !word.is_empty());
    let mut folder = PathBuf::new();
    let resolved = names.map(|name| {
        // `impl/x/src/file.rs, epoll.rs`: a bare name is beside the one before it.
        let path = if name.contains('/') { PathBuf::from(name) } else { folder.join(name) };
        folder = path.parent().map(Path::to_owned).unwrap_or_default();
        path
    });
    Some((index + 1, resolved.collect()))
}

fn committed_translation(text: &str) -> Option<usize> {
    let marked = |word: &str| {
        text.lines().position(|l| l.trim_start().starts_with("\\*") && l.contains(word))
    };
    let (begin, end) = (marked("BEGIN TRANSLATION")?, marked("END TRANSLATION")?);
    let between = text.lines().take(end).skip(begin + 1);
    between.map(str::trim).any(|line| !line.is_empty()).then_some(begin + 1)
}

/// `IF x = 0 THEN 0 ELSE x - 1`, with the comparison and the branches in any of the usual orders.
fn masked_underflow(tokens: &[Token<'_>]) -> Vec<Finding> {
    let mut found = Vec::new();
    for (index, token) in tokens.iter().enumerate().filter(|(_, t)| t.text == "IF") {
        let rest = &tokens[index + 1..];
        let until = |from: usize, word: &str| {
            rest.get(from..)?.iter().take(40).position(|t| t.text == word).map(|n| from + n)
        };
        let Some(then) = until(0, "THEN") else {
            continue;
        };
        let Some(otherwise) = until(then + 1, "ELSE") else {
            continue;
        };
        let condition = &rest[..then];
        let branch = &rest[then + 1..otherwise];
        let Some(at) = condition.iter().position(|t| is_comparison(t.text)) else {
            continue;
        };
        let counter = &condition[..at];
        let lowered = |branch: &[Token<'_>]| {
            branch.len() > counter.len()
                && branch.iter().zip(counter).all(|(a, b)| a.text == b.text)
                && branch[counter.len()].text == "-"
        };
        let stays = |branch: &[Token<'_>]| {
            branch.first().is_some_and(|t| t.text == "0") || branch == counter
        };
        let after = &rest[otherwise + 1..];
        let compares_low = condition[at + 1..].iter().all(|t| matches!(t.text, "0" | "1"));
        let masked =
            (stays(branch) && lowered(after)) || (lowered(branch) && stays_first(after, counter));
        if !counter.is_empty() && compares_low && masked {
            let counter: Vec<&str> = counter.iter().map(|t| t.text).collect();
            let counter = counter.concat();
            found.push((token.line, format!("`{counter}` is kept from going below 0: let it, and have an invariant say that it does not")));
        }
    }
    found
}

/// Whether a branch with an open end starts with 0 or with the counter left as it is.
fn stays_first(branch: &[Token<'_>], counter: &[Token<'_>]) -> bool {
    let same = branch.len() >= counter.len()
        && branch.iter().zip(counter).all(|(a, b)| a.text == b.text)
        && branch.get(counter.len()).is_none_or(|t| t.text != "-" && t.text != "+");
    same || branch.first().is_some_and(|t| t.text == "0")
}

fn is_comparison(text: &str) -> bool {
    matches!(text, "=" | "#" | "/=" | "<" | "<=" | "=<" | "\\leq" | ">" | ">=" | "\\geq")
}

/// A `while` whose body is being read.
struct Loop<'a> {
    depth: usize,
    label: Option<&'a str>,
    line: usize,
    has_label: bool,
}

fn algorithm_rules(tokens: &[Token<'_>], first_line: usize) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut braces: Vec<bool> = Vec::new();
    let mut loops: Vec<Loop<'_>> = Vec::new();
    let mut label: Option<&str> = None;
    let mut label_at = tokens.len();
    let mut in_definitions = None;
    if !tokens.iter().any(|t| t.text == "{") {
        found.push((first_line, "the algorithm is not in PlusCal's C syntax".to_owned()));
    }
    for (index, token) in tokens.iter().enumerate() {
        let before = index.checked_sub(1).map(|i| tokens[i]);
        let after = tokens.get(index + 1).map_or("", |t| t.text);
        match token.text {
            "{" => {
                // The outermost brace is the algorithm's, whatever its name.
                let block = braces.is_empty()
                    || opens_block(before, label_at + 2 == index, in_definitions.is_some());
                if before.is_some_and(|t| t.text == "define") {
                    in_definitions = Some(braces.len());
                }
                braces.push(block);
            }
            "}" => {
                let closes_block = braces.pop() == Some(true);
                if in_definitions == Some(braces.len()) {
                    in_definitions = None;
                }
                if closes_block && let Some(done) = loops.pop_if(|l| l.depth == braces.len()) {
                    found.extend(spin(&done));
                }
            }
            "procedure" | "call" => {
                found.push((
                    token.line,
                    "procedures put a stack into the state: use a macro".to_owned(),
                ));
            }
            "process" => label = None,
            "goto" if label == Some(after) => {
                let message = format!("label `{after}` jumps to itself: a spin is two labels");
                found.push((token.line, message));
            }
            "while" => {
                let line = token.line;
                let body = Loop { depth: braces.len(), label, line, has_label: false };
                if body_is_block(&tokens[index + 1..]) {
                    loops.push(body);
                } else {
                    found.extend(spin(&body));
                }
            }
            name if token.kind == Kind::Word
                && after == ":"
                && in_definitions.is_none()
                && starts_statement(before, &braces) =>
            {
                if !snake_case(name) {
                    let message = format!("label `{name}` is not lower-case snake_case");
                    found.push((token.line, message));
                }
                (label, label_at) = (Some(name), index);
                for l in &mut loops {
                    l.has_label = true;
                }
            }
            _ => {}
        }
    }
    found
}

fn spin(done: &Loop<'_>) -> Option<Finding> {
    let label = done.label.unwrap_or("while");
    let message = format!("label `{label}` jumps to itself: its `while` has no other label");
    (!done.has_label).then_some((done.line, message))
}

/// Whether the tokens after `while` are a test in parentheses and a block.
fn body_is_block(tokens: &[Token<'_>]) -> bool {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate() {
        match token.text {
            "(" => depth += 1,
            ")" => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return tokens.get(index + 1).is_some_and(|t| t.text == "{");
                }
            }
            _ => {}
        }
    }
    false
}

/// A brace is a block after the end of a head or of a statement, and a set everywhere else.
fn opens_block(before: Option<Token<'_>>, after_label: bool, in_definitions: bool) -> bool {
    let Some(before) = before else { return false };
    if in_definitions {
        return false;
    }
    match before.text {
        ")" | ";" | "{" | "}" | "else" | "either" | "or" | "define" => true,
        ":" => after_label,
        word => before.kind == Kind::Word && word.bytes().any(|b| b.is_ascii_lowercase()),
    }
}

fn starts_statement(before: Option<Token<'_>>, braces: &[bool]) -> bool {
    let in_block = braces.last().copied().unwrap_or(false);
    let after = before.map_or("", |t| t.text);
    in_block && matches!(after, ";" | "{" | "}" | ")" | "else" | "either" | "or")
}

fn snake_case(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

#[cfg(test)]
mod tests;
