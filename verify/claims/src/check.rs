//! From what is written to what it means: every word known, every case decidable, every verdict
//! resting on a case.

use crate::nearest::nearest;
use crate::problem::{Problem, Source};
use crate::register::{Case, CaseSpans, Claim, Exception, Place};
use crate::schema::{self, Text};
use crate::words::{Engine, Expect, Verdict};
use std::ops::Range;
use toml::Spanned;

/// Checks one file and adds its claims to those of the files before it.
pub(crate) fn file(
    source: &Source,
    file: schema::File,
    claims: &mut Vec<Claim>,
    problems: &mut Vec<Problem>,
) {
    for written in file.claim {
        let mut reader = Reader { source, problems };
        if let Some(claim) = reader.claim(written) {
            reader.not_yet_in(claims, &claim);
            claims.push(claim);
        }
    }
}

struct Reader<'a> {
    source: &'a Source,
    problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    fn problem(&mut self, span: Range<usize>, message: String, label: &'static str, help: String) {
        self.problems.push(Problem::at(self.source, span, message).label(label).help(help));
    }

    fn place(&self, span: &Range<usize>) -> Place {
        Place { source: self.source.clone(), offset: span.start }
    }

    fn not_yet_in(&mut self, claims: &[Claim], claim: &Claim) {
        if let Some(first) = claims.iter().find(|other| other.id == claim.id) {
            let message = format!("the id `{}` is taken", claim.id);
            let help = format!("{} has it already: give one of them another id", first.place);
            let start = claim.place.offset;
            self.problem(start..start + claim.id.len() + 2, message, "second use", help);
        }
    }

    fn claim(&mut self, written: Spanned<schema::Claim>) -> Option<Claim> {
        let span = written.span();
        let claim = written.into_inner();
        for (field, text) in [
            ("id", &claim.id),
            ("source", &claim.source),
            ("statement", &claim.statement),
            ("meaning", &claim.meaning),
        ] {
            self.not_empty(field, text);
        }
        if let Some(note) = &claim.note {
            self.not_empty("note", note);
        }
        if claim.case.is_empty() {
            self.problem(
                span,
                format!("the claim `{}` has no case", claim.id.get_ref()),
                "nothing decides it",
                "add a [[claim.case]] with engines, property and expect".to_owned(),
            );
            return None;
        }
        let written_cases = claim.case.len();
        let mut cases = Vec::new();
        for case in claim.case {
            if let Some(case) = self.case(case, &cases) {
                cases.push(case);
            }
        }
        let verdict = self.word("verdict", &claim.verdict, Verdict::from_word, Verdict::WORDS)?;
        if cases.len() == written_cases {
            self.rests_on(verdict, &claim.verdict, &cases);
        }
        Some(Claim {
            place: self.place(&claim.id.span()),
            id: claim.id.into_inner(),
            source: claim.source.into_inner(),
            statement: claim.statement.into_inner(),
            verdict,
            meaning: claim.meaning.into_inner(),
            note: claim.note.map(Spanned::into_inner),
            cases,
        })
    }

    fn not_empty(&mut self, field: &str, text: &Text) {
        if text.get_ref().trim().is_empty() {
            self.problem(
                text.span(),
                format!("`{field}` is empty"),
                "nothing here",
                "write it: the table and `cargo verify explain` print it".to_owned(),
            );
        }
    }

    /// A verdict that no case could bear out is a verdict that no engine checks.
    fn rests_on(&mut self, verdict: Verdict, written: &Text, cases: &[Case]) {
        for &needed in verdict.rests_on() {
            if !cases.iter().any(|case| case.expect == needed) {
                self.problem(
                    written.span(),
                    format!("the verdict is \"{verdict}\" but no case expects \"{needed}\""),
                    "rests on nothing",
                    format!("add a case with expect = \"{needed}\", or correct the verdict"),
                );
            }
        }
    }

    fn case(&mut self, written: Spanned<schema::Case>, before: &[Case]) -> Option<Case> {
        let span = written.span();
        let case = written.into_inner();
        self.not_empty("property", &case.property);
        if let Some(name) = &case.name
            && before.iter().any(|other| other.name.as_ref() == Some(name.get_ref()))
        {
            self.problem(
                name.span(),
                format!("two cases of this claim are called `{}`", name.get_ref()),
                "second use",
                "give one of them another name".to_owned(),
            );
        }
        let expect = self.word("expect", &case.expect, Expect::from_word, Expect::WORDS);
        let named = self.engines(&case.engines);
        let except = self.exceptions(&case.except);
        let (named, except, expect) = (named?, except?, expect?);
        let mut engines: Vec<Engine> = named
            .iter()
            .map(|(engine, _)| *engine)
            .filter(|engine| except.iter().all(|exception| exception.engine != *engine))
            .collect();
        engines.sort_unstable();
        if engines.is_empty() {
            let (message, help) = if named.is_empty() {
                let known = Engine::WORDS.join(", ");
                ("the case has no engines", format!("add engines = [..] with some of: {known}"))
            } else {
                let help = "take one out of `except`, or take the case out".to_owned();
                ("every engine of the case is excepted", help)
            };
            self.problem(span, message.to_owned(), "nothing decides it", help);
            return None;
        }
        self.has_what_engines_run(&case, &named);
        Some(Case {
            place: self.place(&case.expect.span()),
            spans: CaseSpans {
                property: case.property.span(),
                scenario: case.scenario.as_ref().map(Spanned::span),
                model: case.model.as_ref().map(Spanned::span),
                engines: named,
            },
            name: case.name.map(Spanned::into_inner),
            scenario: case.scenario.map(Spanned::into_inner),
            model: case.model.map(Spanned::into_inner),
            engines,
            property: case.property.into_inner(),
            expect,
            except,
        })
    }

    fn engines(&mut self, written: &[Text]) -> Option<Vec<(Engine, Range<usize>)>> {
        let mut engines: Vec<(Engine, Range<usize>)> = Vec::new();
        let mut all_known = true;
        for text in written {
            let Some(engine) = self.engine(text) else {
                all_known = false;
                continue;
            };
            if engines.iter().any(|(other, _)| *other == engine) {
                self.problem(
                    text.span(),
                    format!("the engine `{engine}` is named twice"),
                    "second use",
                    "take one out".to_owned(),
                );
            } else {
                engines.push((engine, text.span()));
            }
        }
        all_known.then_some(engines)
    }

    fn exceptions(
        &mut self,
        written: &std::collections::BTreeMap<Text, String>,
    ) -> Option<Vec<Exception>> {
        let mut exceptions = Vec::new();
        for (text, reason) in written {
            let engine = self.engine(text)?;
            if reason.trim().is_empty() {
                self.problem(
                    text.span(),
                    format!("the exception for `{engine}` gives no reason"),
                    "why?",
                    "say why the engine cannot decide this case".to_owned(),
                );
            }
            exceptions.push(Exception { engine, reason: reason.clone() });
        }
        exceptions.sort_by_key(|exception| exception.engine);
        Some(exceptions)
    }

    fn engine(&mut self, text: &Text) -> Option<Engine> {
        self.word("engine", text, Engine::from_word, Engine::WORDS)
    }

    fn word<T>(
        &mut self,
        kind: &str,
        text: &Text,
        from_word: fn(&str) -> Option<T>,
        known: &[&'static str],
    ) -> Option<T> {
        let value = from_word(text.get_ref());
        if value.is_none() {
            let word = text.get_ref();
            let help = match nearest(word, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("one of: {}", quoted(known)),
            };
            self.problem(text.span(), format!("unknown {kind} `{word}`"), "unknown", help);
        }
        value
    }

    fn has_what_engines_run(&mut self, case: &schema::Case, named: &[(Engine, Range<usize>)]) {
        for (engine, span) in named {
            let (missing, field) = if engine.runs_scenarios() {
                (case.scenario.is_none(), "scenario")
            } else {
                (case.model.is_none(), "model")
            };
            if missing {
                self.problem(
                    span.clone(),
                    format!("the case names `{engine}` but no {field}"),
                    "has nothing to run",
                    format!("add {field} = \"..\" to the case, or take the engine out"),
                );
                return;
            }
        }
    }
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
