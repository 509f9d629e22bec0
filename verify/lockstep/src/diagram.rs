//! The diagram of a race as kernel developers put it into commit messages: one column for each
//! CPU, time running down, one step a line.

use std::fmt::{self, Write as _};

/// How wide a diagram may get, for it is pasted into commit messages and mails.
const WIDTH: usize = 110;

/// What stands between two columns.
const GAP: &str = "   ";

/// Who did what, in which order, and what broke.
///
/// [`Display`](fmt::Display) prints plain ASCII: columns as narrow as their texts, the values that
/// matter to the right of them, and an arrow at the step that breaks something. What does not fit
/// in 110 characters is wrapped between words.
///
/// ```
/// use lockstep::diagram::{Diagram, Step};
///
/// let diagram = Diagram::new("A lookup revives a dead object", ["CPU0: closer", "CPU1: getter"])
///     .step(Step::new(0, "put").note("count 1 -> 0"))
///     .step(Step::new(1, "get").note("count 0 -> 1").fatal("NoResurrect: the count left zero"));
/// assert_eq!(
///     diagram.to_string(),
///     "\
/// A lookup revives a dead object
///
/// CPU0: closer   CPU1: getter
/// ------------   ------------
/// put                           count 1 -> 0
///                get            count 0 -> 1  <== NoResurrect: the count left zero
/// "
/// );
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagram {
    /// What the race is, in a line.
    pub title: String,
    /// The CPUs, threads or processes.
    pub columns: Vec<String>,
    /// What happens, in order.
    pub steps: Vec<Step>,
    /// What else there is to say, below.
    pub footer: Vec<String>,
}

/// One step of a [`Diagram`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Who does it; a number past the last column counts as the last column.
    pub column: usize,
    /// What is done. Leading spaces are kept, as for a call within a call.
    pub text: String,
    /// The values that matter, such as `f_count 1 -> 0`.
    pub notes: Vec<String>,
    /// What breaks here.
    pub fatal: Option<String>,
}

impl Diagram {
    /// A diagram without steps.
    pub fn new<C: Into<String>>(
        title: impl Into<String>,
        columns: impl IntoIterator<Item = C>,
    ) -> Self {
        let columns = columns.into_iter().map(Into::into).collect();
        Self { title: title.into(), columns, steps: Vec::new(), footer: Vec::new() }
    }

    /// Adds a step.
    #[must_use]
    pub fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Adds a line below.
    #[must_use]
    pub fn footer(mut self, line: impl Into<String>) -> Self {
        self.footer.push(line.into());
        self
    }
}

impl Step {
    /// A step without notes.
    pub fn new(column: usize, text: impl Into<String>) -> Self {
        Self { column, text: text.into(), notes: Vec::new(), fatal: None }
    }

    /// Adds a value that matters.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Says what breaks at this step.
    #[must_use]
    pub fn fatal(mut self, what: impl Into<String>) -> Self {
        self.fatal = Some(what.into());
        self
    }

    /// The notes and the arrow.
    fn margin(&self) -> (String, String) {
        let notes = ascii(&self.notes.join(", "));
        let fatal = self.fatal.as_ref().map(|what| ascii(&format!("<== {what}")));
        (notes, fatal.unwrap_or_default())
    }
}

impl fmt::Display for Diagram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = wrap(&ascii(&self.title), WIDTH);
        for line in &title {
            writeln!(f, "{line}")?;
        }
        if !title.is_empty() {
            writeln!(f)?;
        }
        self.table().fmt(f)?;
        if !self.footer.is_empty() {
            writeln!(f)?;
        }
        for line in &self.footer {
            let lines = wrap(&ascii(line), WIDTH);
            writeln!(f, "{}", lines.join("\n"))?;
        }
        Ok(())
    }
}

impl Diagram {
    fn table(&self) -> Table {
        let last = self.columns.len().saturating_sub(1);
        let header = self.columns.iter().map(|name| ascii(name)).collect();
        let cell = |step: &Step| (step.column.min(last), ascii(&step.text), step.margin());
        Table { header, rows: self.steps.iter().map(cell).collect() }
    }
}

/// The texts of a diagram, in ASCII.
struct Table {
    header: Vec<String>,
    /// The column, the text, and the two parts of the margin.
    rows: Vec<(usize, String, (String, String))>,
}

impl Table {
    /// The width of each column and, last, of the margin.
    fn widths(&self) -> Vec<usize> {
        let margin = self.header.len().max(1);
        let mut texts: Vec<Vec<String>> = vec![Vec::new(); margin + 1];
        for (column, name) in self.header.iter().enumerate() {
            texts[column].push(name.clone());
        }
        for (column, text, (notes, fatal)) in &self.rows {
            texts[*column].push(text.clone());
            texts[margin].push(beside(notes, fatal));
        }
        let longest = |texts: &Vec<String>, measure: fn(&str) -> usize| {
            texts.iter().map(|text| measure(text)).max().unwrap_or_default()
        };
        let mut widths: Vec<_> = texts.iter().map(|texts| longest(texts, str::len)).collect();
        let least: Vec<_> = texts.iter().map(|texts| longest(texts, least_width)).collect();
        // Take from the widest until everything fits or every word has a line of its own.
        while widths.iter().sum::<usize>() + margin * GAP.len() > WIDTH {
            let wide = (0..widths.len()).filter(|nth| widths[*nth] > least[*nth]);
            match wide.max_by_key(|nth| widths[*nth]) {
                Some(widest) => widths[widest] -= 1,
                None => break,
            }
        }
        widths
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        let margin = widths.len() - 1;
        let names = self.header.iter().zip(&widths).map(|(name, width)| wrap(name, *width));
        row(f, &widths, &names.collect::<Vec<_>>())?;
        let rule = |width: &usize| vec!["-".repeat(*width)];
        row(f, &widths, &widths[..self.header.len()].iter().map(rule).collect::<Vec<_>>())?;
        for (column, text, (notes, fatal)) in &self.rows {
            let mut cells = vec![Vec::new(); widths.len()];
            cells[*column] = wrap(text, widths[*column]);
            let both = beside(notes, fatal);
            cells[margin] = if both.len() <= widths[margin] {
                vec![both]
            } else {
                [wrap(notes, widths[margin]), wrap(fatal, widths[margin])].concat()
            };
            row(f, &widths, &cells)?;
        }
        Ok(())
    }
}

fn row(f: &mut fmt::Formatter<'_>, widths: &[usize], cells: &[Vec<String>]) -> fmt::Result {
    for nth in 0..cells.iter().map(Vec::len).max().unwrap_or_default() {
        let mut line = String::new();
        for (cell, width) in cells.iter().zip(widths) {
            let text = cell.get(nth).map_or("", String::as_str);
            write!(line, "{text:width$}{GAP}")?;
        }
        writeln!(f, "{}", line.trim_end())?;
    }
    Ok(())
}

fn beside(notes: &str, fatal: &str) -> String {
    let gap = if notes.is_empty() || fatal.is_empty() { "" } else { "  " };
    format!("{notes}{gap}{fatal}")
}

fn indent(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

/// How far the second line of a wrapped text is indented.
fn hanging(text: &str) -> usize {
    indent(text) + if text.starts_with("<== ") { 4 } else { 2 }
}

/// The width that leaves every word whole.
fn least_width(text: &str) -> usize {
    let longest = text.split_whitespace().map(str::len).max().unwrap_or_default();
    text.len().min(longest + hanging(text).max(4))
}

/// Breaks a text between words into lines of a width, but leaves a longer word whole.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = " ".repeat(indent(text));
    let mut fresh = true;
    for word in text.split_whitespace() {
        if !fresh && line.len() + 1 + word.len() > width {
            lines.push(std::mem::replace(&mut line, " ".repeat(hanging(text))));
            fresh = true;
        }
        if !fresh {
            line.push(' ');
        }
        line.push_str(word);
        fresh = false;
    }
    if !fresh {
        lines.push(line);
    }
    lines
}

/// The text in printable ASCII on one line.
fn ascii(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.trim_end().chars() {
        match c {
            ' '..='~' => plain.push(c),
            '\u{2192}' => plain.push_str("->"),
            '\u{2190}' => plain.push_str("<-"),
            '\u{2026}' => plain.push_str("..."),
            '\u{2010}'..='\u{2015}' => plain.push('-'),
            '\u{2018}' | '\u{2019}' => plain.push('\''),
            '\u{201c}' | '\u{201d}' => plain.push('"'),
            c if c.is_whitespace() => plain.push(' '),
            _ => plain.push('?'),
        }
    }
    plain
}
