//! Which fields go with which question.

use std::path::PathBuf;

use toml::Spanned;

use super::{Entry, Fault, Verdict};
use crate::model::{Expect, Model, Question};

/// Collects what makes no sense, entry by entry.
pub(super) struct Check {
    /// Where the modules are.
    pub(super) spec: PathBuf,
    pub(super) faults: Vec<Fault>,
}

impl Check {
    pub(super) fn fault<T>(&mut self, at: &Spanned<T>, message: impl Into<String>) {
        self.faults.push(Fault { span: at.span(), message: message.into() });
    }

    pub(super) fn model(&mut self, entry: Entry, line: usize) -> Model {
        self.names(&entry);
        self.shows(&entry.shows);
        self.subjects(&entry);
        let expect = self.expect(&entry);
        self.pins(&entry, &expect);
        let strings = |list: Vec<Spanned<String>>| list.into_iter().map(Spanned::into_inner);
        Model {
            name: entry.name.into_inner(),
            module: entry.module.into_inner(),
            question: entry.question.into_inner(),
            shows: entry.shows.into_inner(),
            constants: entry.constants.into_iter().map(|(k, v)| (k, v.into_inner())).collect(),
            invariants: strings(entry.invariants).collect(),
            properties: strings(entry.properties).collect(),
            spec: entry.spec.map_or_else(|| "Spec".to_owned(), Spanned::into_inner),
            expect,
            trace: entry.trace.map(Spanned::into_inner),
            distinct: entry.distinct.map(Spanned::into_inner),
            generated: entry.generated.map(Spanned::into_inner),
            edges: entry.edges.map(Spanned::into_inner),
            schedules: entry.schedules.map(Spanned::into_inner),
            dead: entry.dead.map_or_else(Vec::new, |d| strings(d.into_inner()).collect()),
            line,
        }
    }

    fn names(&mut self, entry: &Entry) {
        let name = entry.name.get_ref();
        let kebab = name.split('-').all(|part| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        });
        if !kebab {
            self.fault(&entry.name, format!("`{name}` is not kebab-case"));
        }
        let module = entry.module.get_ref();
        if !identifier(module) {
            self.fault(&entry.module, format!("`{module}` is not the name of a module"));
        } else if !self.spec.join(format!("{module}.tla")).is_file() {
            self.fault(&entry.module, format!("there is no spec/{module}.tla"));
        }
        let named = entry.invariants.iter().chain(&entry.properties).chain(&entry.spec);
        for name in named {
            if !identifier(name.get_ref()) {
                self.fault(name, format!("`{}` is not the name of a definition", name.get_ref()));
            }
        }
        for (constant, value) in &entry.constants {
            if !identifier(constant) {
                self.fault(value, format!("`{constant}` is not the name of a constant"));
            }
            // TLC answers an unclosed string with a null pointer exception, so it is caught here.
            if let Some(what) = unbalanced(value.get_ref()) {
                self.fault(value, format!("the value of `{constant}` {what}"));
            }
        }
    }

    /// The sentence stands in a cell of a table, so it is one line.
    fn shows(&mut self, shows: &Spanned<String>) {
        let text = shows.get_ref();
        if text.trim().is_empty() {
            self.fault(shows, "say in a sentence what the model shows");
        } else if text.contains(['\n', '|']) {
            self.fault(shows, "what a model shows is one line without `|`");
        }
    }

    /// Which invariants and properties the question wants.
    fn subjects(&mut self, entry: &Entry) {
        let question = *entry.question.get_ref();
        let (invariants, properties) = (&entry.invariants, &entry.properties);
        match question {
            Question::Safety if invariants.is_empty() => {
                self.fault(&entry.question, "a safety model names at least one invariant");
            }
            Question::Bait | Question::Witness if invariants.len() != 1 => {
                self.fault(
                    &entry.question,
                    format!("a {question} model names exactly one invariant"),
                );
            }
            Question::Liveness | Question::Refinement if properties.is_empty() => {
                self.fault(
                    &entry.question,
                    format!("a {question} model names at least one property"),
                );
            }
            _ => {}
        }
        let wants_properties = matches!(question, Question::Liveness | Question::Refinement);
        if let (Some(first), true) =
            (invariants.first(), wants_properties || question == Question::Graph)
        {
            self.fault(first, format!("a {question} model has no invariants"));
        }
        if let (Some(first), false) = (properties.first(), wants_properties) {
            self.fault(first, format!("a {question} model has no properties"));
        }
    }

    fn expect(&mut self, entry: &Entry) -> Expect {
        let question = *entry.question.get_ref();
        let (always, said) = (fixed_verdict(question), entry.expect.as_ref());
        let verdict = match (always, said) {
            (Some(always), Some(said)) if *said.get_ref() != always => {
                let word = if always == Verdict::Holds { "holds" } else { "violated" };
                self.fault(said, format!("a {question} model always expects `{word}`"));
                always
            }
            (Some(always), _) => always,
            (None, Some(said)) => *said.get_ref(),
            (None, None) => {
                self.fault(
                    &entry.question,
                    format!("a {question} model says what it expects: `holds` or `violated`"),
                );
                Verdict::Holds
            }
        };
        if verdict == Verdict::Holds {
            if let Some(violates) = &entry.violates {
                self.fault(violates, "a model that holds violates nothing");
            }
            return Expect::Holds;
        }
        let subjects: Vec<&str> = entry
            .invariants
            .iter()
            .chain(&entry.properties)
            .map(|name| name.get_ref().as_str())
            .collect();
        // TLC does not say which of several temporal properties failed.
        if let Some(second) = entry.properties.get(1) {
            self.fault(
                second,
                "a violated model names one property: TLC does not say which failed",
            );
        }
        match &entry.violates {
            Some(name) if name.get_ref() == "Deadlock" && question.checks_deadlock() => {
                Expect::Deadlock
            }
            Some(name) => {
                if !subjects.contains(&name.get_ref().as_str()) {
                    let message =
                        format!("`{}` is not among what the model checks", name.get_ref());
                    self.fault(name, message);
                }
                Expect::Violated(name.get_ref().clone())
            }
            None => {
                if always.is_none() {
                    self.fault(&entry.question, "a violated model says what it violates");
                }
                Expect::Violated(subjects.first().copied().unwrap_or_default().to_owned())
            }
        }
    }

    /// A number is pinned only where the search makes one.
    fn pins(&mut self, entry: &Entry, expect: &Expect) {
        let question = *entry.question.get_ref();
        if *expect == Expect::Holds {
            if let Some(trace) = &entry.trace {
                self.fault(trace, "a model that holds has no counterexample");
            }
        } else {
            for number in entry.distinct.iter().chain(&entry.generated) {
                self.fault(number, "a violated search stops early: pin `trace`, not its states");
            }
            if let Some(dead) = &entry.dead {
                self.fault(dead, "a violated search stops early: no action is known to be dead");
            }
        }
        if question != Question::Graph {
            if let Some(edges) = &entry.edges {
                self.fault(edges, "only a graph model counts edges");
            }
            if let Some(schedules) = &entry.schedules {
                self.fault(schedules, "only a graph model counts schedules");
            }
        }
        if let Some(schedules) = &entry.schedules {
            let word = schedules.get_ref().as_str();
            let number = !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
            if !number && !matches!(word, "cyclic" | "overflow") {
                self.fault(schedules, "schedules is a number in quotes, `cyclic` or `overflow`");
            }
        }
    }
}

fn fixed_verdict(question: Question) -> Option<Verdict> {
    match question {
        Question::Graph => Some(Verdict::Holds),
        Question::Bait | Question::Witness => Some(Verdict::Violated),
        Question::Safety | Question::Liveness | Question::Refinement => None,
    }
}

fn identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// What is wrong with the brackets and quotes of a piece of TLA+ text, if anything.
fn unbalanced(text: &str) -> Option<&'static str> {
    let (mut open, mut quoted, mut escaped) = (Vec::new(), false, false);
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '(' | '[' | '{' if !quoted => open.push(c),
            ')' | ']' | '}' if !quoted => {
                let pair = matches!(
                    (open.pop(), c),
                    (Some('('), ')') | (Some('['), ']') | (Some('{'), '}')
                );
                if !pair {
                    return Some("has a bracket too many");
                }
            }
            '\n' => return Some("has more than one line"),
            _ => {}
        }
    }
    if quoted {
        Some("has a string that is not closed")
    } else if !open.is_empty() {
        Some("has a bracket that is not closed")
    } else if text.trim().is_empty() {
        Some("is empty")
    } else {
        None
    }
}
