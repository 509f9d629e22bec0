//! What ends the run before anything is decided: one clear line, and the next step.

use claims::Problems;
use miette::{GraphicalReportHandler, GraphicalTheme};
use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};

/// Why nothing could be decided.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A line, what a tool said about it (may be empty), and what to do.
    Plain { what: String, said: String, next: String },
    /// Mistakes in the register, each with its file and line.
    Register(Problems),
    /// Mistakes in a file that another crate reads and describes.
    Described(Box<dyn miette::Diagnostic + Send + Sync>),
}

impl Failure {
    pub(crate) fn new(what: impl Into<String>, next: impl Into<String>) -> Self {
        Failure::Plain { what: what.into(), said: String::new(), next: next.into() }
    }

    pub(crate) fn said(self, said: impl Into<String>) -> Self {
        match self {
            Failure::Plain { what, next, .. } => Failure::Plain { what, said: said.into(), next },
            other => other,
        }
    }

    /// The text for the terminal.
    pub(crate) fn render(&self, theme: GraphicalTheme) -> String {
        let handler = GraphicalReportHandler::new_themed(theme).with_width(100);
        let mut out = String::new();
        // Writing into a String cannot fail.
        match self {
            Failure::Plain { what, said, next } => {
                let _ = writeln!(out, "error: {what}");
                for line in said.lines() {
                    let _ = writeln!(out, "  | {line}");
                }
                if !next.is_empty() {
                    let _ = writeln!(out, "next:  {next}");
                }
            }
            Failure::Register(problems) => {
                for problem in problems.iter() {
                    let _ = handler.render_report(&mut out, problem);
                }
            }
            Failure::Described(diagnostic) => {
                let _ = handler.render_report(&mut out, diagnostic.as_ref());
            }
        }
        out
    }

    pub(crate) fn print(&self) {
        let plain = !std::io::stderr().is_terminal() || std::env::var_os("NO_COLOR").is_some();
        let theme =
            if plain { GraphicalTheme::unicode_nocolor() } else { GraphicalTheme::unicode() };
        let text = self.render(theme);
        let _ = anstream::stderr().lock().write_all(text.as_bytes());
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Failure::Register(problems)
    }
}

/// The end of what a tool printed: its errors come last, and a thousand lines help nobody.
pub(crate) fn tail(text: &str, lines: usize) -> String {
    let text = text.trim_end();
    let start = text.rmatch_indices('\n').nth(lines.saturating_sub(1)).map_or(0, |(at, _)| at + 1);
    text[start..].to_owned()
}

#[cfg(test)]
mod tests {
    use super::tail;

    #[test]
    fn the_tail_is_the_last_lines() {
        assert_eq!(tail("a\nb\nc\n", 2), "b\nc");
        assert_eq!(tail("a\nb\n", 5), "a\nb");
        assert_eq!(tail("", 3), "");
    }
}
