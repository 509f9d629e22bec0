//! TLC's `-tool` output: messages with codes, one inside another at times. The codes are read, the
//! prose is not, save for the names in it.

/// Codes of the messages that matter here.
pub mod code {
    /// Any exception: the cause is nested or follows.
    pub const GENERAL: u32 = 1000;
    /// Where in the text an evaluation failed, outermost first.
    pub const POSITIONS: u32 = 2103;
    /// An invariant fails in an initial state; the state is in the text.
    pub const INVARIANT_INITIAL: u32 = 2107;
    /// A property fails in an initial state; the state is in the text.
    pub const PROPERTY_INITIAL: u32 = 2108;
    /// An invariant fails.
    pub const INVARIANT: u32 = 2110;
    /// A property of single steps fails: also a refinement.
    pub const ACTION_PROPERTY: u32 = 2112;
    /// A state has no successor.
    pub const DEADLOCK: u32 = 2114;
    /// A property of behaviours fails. The text does not say which.
    pub const TEMPORAL: u32 = 2116;
    /// Heading of a finite trace.
    pub const BEHAVIOUR: u32 = 2121;
    /// The trace returns to an earlier state.
    pub const BACK_TO_STATE: u32 = 2122;
    /// Everything was searched and nothing was found.
    pub const SUCCESS: u32 = 2193;
    /// Depth of the search.
    pub const DEPTH: u32 = 2194;
    /// The final counts.
    pub const COUNTS: u32 = 2199;
    /// The counts so far.
    pub const PROGRESS: u32 = 2200;
    /// A coverage report begins; a long search makes one each minute.
    pub const COVERAGE: u32 = 2201;
    /// One state of a trace.
    pub const STATE: u32 = 2217;
    /// The trace stays in its last state for ever.
    pub const STUTTERING: u32 = 2218;
    /// Heading of a trace with a loop.
    pub const COUNTEREXAMPLE: u32 = 2264;
    /// Coverage of an action.
    pub const COVERAGE_NEXT: u32 = 2772;
    /// The parser refused the text; its words are outside of any message.
    pub const PARSE: u32 = 3002;

    /// Whether the code says that something was violated.
    pub fn is_violation(code: u32) -> bool {
        exit_of_violation(code).is_some()
    }

    /// The exit code that goes with a violation.
    pub fn exit_of_violation(code: u32) -> Option<i32> {
        match code {
            DEADLOCK => Some(11),
            INVARIANT | INVARIANT_INITIAL => Some(12),
            PROPERTY_INITIAL | ACTION_PROPERTY | TEMPORAL => Some(13),
            _ => None,
        }
    }
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its code, see [`code`].
    pub code: u32,
    /// 0 plain, 1 error, 2 bug in TLC, 3 warning, 4 state.
    pub severity: u32,
    /// Its own text, without that of the messages inside it.
    pub text: String,
    /// The messages inside it.
    pub nested: Vec<Message>,
}

impl Message {
    /// Whether TLC calls it an error.
    pub fn is_error(&self) -> bool {
        matches!(self.severity, 1 | 2)
    }

    /// Its text and that of all messages inside it, innermost last.
    pub fn full_text(&self) -> String {
        let mut text = self.text.clone();
        for inner in &self.nested {
            text.push_str(&inner.full_text());
        }
        text
    }
}

/// A whole run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// The messages, in order.
    pub messages: Vec<Message>,
    /// What stands outside of any message: the parser's words.
    pub plain: String,
    /// A message was begun and not ended: TLC was stopped.
    pub cut_off: bool,
}

const START: &str = "@!@!@STARTMSG ";
const END: &str = "@!@!@ENDMSG ";

impl Output {
    /// Reads the output. Never fails: what is not a message is plain text.
    pub fn parse(text: &str) -> Self {
        let mut output = Self::default();
        let mut open: Vec<Message> = Vec::new();
        for line in text.lines() {
            // A nested message may start in the middle of a line of the outer one.
            if let Some((before, (code, severity))) = start(line) {
                if !before.is_empty() {
                    output.push_text(&mut open, before);
                }
                open.push(Message { code, severity, text: String::new(), nested: Vec::new() });
            } else if let Some(at) = line.find(END).filter(|_| !open.is_empty()) {
                if at > 0 {
                    output.push_text(&mut open, &line[..at]);
                }
                output.close(&mut open);
            } else {
                output.push_text(&mut open, line);
            }
        }
        output.cut_off = !open.is_empty();
        while !open.is_empty() {
            output.close(&mut open);
        }
        output
    }

    fn push_text(&mut self, open: &mut [Message], line: &str) {
        let into = open.last_mut().map_or(&mut self.plain, |message| &mut message.text);
        if !line.is_empty() || !into.is_empty() {
            into.push_str(line);
            into.push('\n');
        }
    }

    fn close(&mut self, open: &mut Vec<Message>) {
        if let Some(message) = open.pop() {
            let into = open.last_mut().map_or(&mut self.messages, |outer| &mut outer.nested);
            into.push(message);
        }
    }

    /// The messages with this code, wherever they are nested.
    pub fn with_code(&self, code: u32) -> Vec<&Message> {
        fn walk<'a>(messages: &'a [Message], code: u32, found: &mut Vec<&'a Message>) {
            for message in messages {
                if message.code == code {
                    found.push(message);
                }
                walk(&message.nested, code, found);
            }
        }
        let mut found = Vec::new();
        walk(&self.messages, code, &mut found);
        found
    }

    /// The final counts.
    pub fn counts(&self) -> Option<Counts> {
        Counts::parse(&self.with_code(code::COUNTS).last()?.text)
    }

    /// The depth of the search.
    pub fn depth(&self) -> Option<u64> {
        let text = &self.with_code(code::DEPTH).last()?.text;
        numbers(text).next()
    }

    /// Each action and how often it fired, by the last report. Actions of the same name are added up: one label may be
    /// reached on several ways through the next-state relation.
    pub fn coverage(&self) -> Vec<(String, u64)> {
        let mut fired: Vec<(String, u64)> = Vec::new();
        let report = self.messages.iter().rposition(|m| m.code == code::COVERAGE).unwrap_or(0);
        let last = self.messages.get(report..).unwrap_or_default();
        for message in last.iter().filter(|m| m.code == code::COVERAGE_NEXT) {
            let Some((name, times)) = coverage_line(&message.text) else {
                continue;
            };
            match fired.iter_mut().find(|(known, _)| *known == name) {
                Some((_, sum)) => *sum += times,
                None => fired.push((name, times)),
            }
        }
        fired
    }
}

/// States generated, distinct states, states not yet looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Successors computed, initial states included.
    pub generated: u64,
    /// Distinct states.
    pub distinct: u64,
    /// States whose successors were not computed.
    pub left: u64,
}

impl Counts {
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = numbers(text);
        Some(Self { generated: numbers.next()?, distinct: numbers.next()?, left: numbers.next()? })
    }

    /// `Progress(5) at 2026-01-31 10:21:59: 17 states generated (3,400 s/min), 12 distinct ...`
    pub(crate) fn parse_progress(line: &str) -> Option<Self> {
        let rest = line.strip_prefix("Progress(")?.split_once(": ")?.1;
        let field = |word: &str| {
            let before = &rest[..rest.find(word)?];
            numbers(before.rsplit(", ").next()?).last()
        };
        Some(Self {
            generated: field(" states generated")?,
            distinct: field(" distinct states")?,
            left: field(" states left")?,
        })
    }
}

fn start(line: &str) -> Option<(&str, (u32, u32))> {
    let at = line.find(START)?;
    let (code, severity) = line[at + START.len()..].split_whitespace().next()?.split_once(':')?;
    Some((&line[..at], (code.parse().ok()?, severity.parse().ok()?)))
}

/// `<check line 41, col 1 to line 41, col 11 of module Latch>: 5:6` fired 6 times, 5 of them to a
/// state that was new.
fn coverage_line(text: &str) -> Option<(String, u64)> {
    let (action, counts) = text.trim().strip_prefix('<')?.rsplit_once(">: ")?;
    let name = action.split([' ', '(']).next()?;
    let times = counts.rsplit(':').next()?.trim().replace(',', "");
    Some((name.to_owned(), times.parse().ok()?))
}

/// The numbers in a text; commas inside a number are dropped.
fn numbers(text: &str) -> impl Iterator<Item = u64> + '_ {
    text.split(|c: char| !c.is_ascii_digit() && c != ',')
        .filter_map(|word| word.replace(',', "").parse().ok())
}

#[cfg(test)]
mod tests;
