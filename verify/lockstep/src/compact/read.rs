//! The reader of the committed form.

use super::{CompactError, MAGIC, is_word_char};
use crate::graph::{Edge, Graph, State};
use crate::value::{Value, ValueError, is_name_char, parse_prefix};

/// Reads a graph that [`write`](super::write()) wrote.
///
/// # Errors
///
/// If the text is of another form or its counts do not agree with its header; see
/// [`CompactError`].
pub fn read(text: &str) -> Result<Graph, CompactError> {
    let mut lines = text.lines().zip(1..).map(|(text, number)| Line::new(number, text));
    let mut header = |word: &'static str| {
        let mut line = lines.next().unwrap_or_else(|| Line::new(text.lines().count() + 1, ""));
        line.token(word).map(|()| line)
    };
    header(MAGIC)?.end()?;
    let module = header("module ")?.last_word()?;
    let name = header("name ")?.last_word()?;
    let variables = header("variables")?.names()?;
    let counts = [
        ("initial states", header("initial ")?.last_number()?),
        ("states", header("states ")?.last_number()?),
        ("edges", header("edges ")?.last_number()?),
    ];

    let mut body =
        Body { variables, states: Vec::new(), initial: 0, edges: Vec::new(), from: None };
    for line in lines {
        body.line(line)?;
    }
    let found = [body.initial, body.states.len(), body.edges.len()];
    for ((what, header), found) in counts.into_iter().zip(found) {
        if header != found {
            return Err(CompactError::Count { what, header, found });
        }
    }
    let initial = (0..body.initial).collect();
    Ok(Graph::new(name, module, body.variables, body.states, initial, body.edges)?)
}

/// What of a line is still to be read.
struct Line<'t> {
    number: usize,
    text: &'t str,
    rest: &'t str,
}

impl<'t> Line<'t> {
    fn new(number: usize, text: &'t str) -> Self {
        Self { number, text, rest: text }
    }

    fn expected<T>(&self, expected: &str) -> Result<T, CompactError> {
        let offset = self.text.len() - self.rest.len();
        Err(self.syntax(ValueError::at(self.text, offset, expected)))
    }

    fn syntax(&self, error: ValueError) -> CompactError {
        let ValueError { column, expected, found, .. } = error;
        CompactError::Syntax { line: self.number, column, expected, found }
    }

    fn token(&mut self, token: &str) -> Result<(), CompactError> {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                Ok(())
            }
            None if token == " " => self.expected("a space"),
            None => self.expected(&format!("`{token}`")),
        }
    }

    fn end(&self) -> Result<(), CompactError> {
        if self.rest.is_empty() { Ok(()) } else { self.expected("the end of the line") }
    }

    fn take_while(&mut self, predicate: impl Fn(char) -> bool) -> &'t str {
        let end = self.rest.find(|c| !predicate(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn word(&mut self) -> Result<String, CompactError> {
        if self.rest.starts_with('"') {
            // What starts with a quotation mark is a string.
            return Ok(self.value()?.as_str().unwrap_or_default().to_owned());
        }
        match self.take_while(is_word_char) {
            "" => self.expected("a word"),
            word => Ok(word.to_owned()),
        }
    }

    fn last_word(mut self) -> Result<String, CompactError> {
        let word = self.word()?;
        self.end().map(|()| word)
    }

    fn number(&mut self) -> Result<usize, CompactError> {
        let before = self.rest;
        self.take_while(|c| c.is_ascii_digit()).parse().or_else(|_| {
            self.rest = before;
            self.expected("a number")
        })
    }

    fn last_number(mut self) -> Result<usize, CompactError> {
        let number = self.number()?;
        self.end().map(|()| number)
    }

    fn names(mut self) -> Result<Vec<String>, CompactError> {
        let mut names = Vec::new();
        while !self.rest.is_empty() {
            self.token(" ")?;
            match self.take_while(is_name_char) {
                "" => return self.expected("a variable"),
                name => names.push(name.to_owned()),
            }
        }
        Ok(names)
    }

    fn value(&mut self) -> Result<Value, CompactError> {
        let (value, rest) = parse_prefix(self.rest).map_err(|mut error| {
            let before = self.text.len() - self.rest.len();
            error.column += self.text[..before].chars().count();
            self.syntax(error)
        })?;
        self.rest = rest;
        Ok(value)
    }
}

struct Body {
    variables: Vec<String>,
    states: Vec<State>,
    initial: usize,
    edges: Vec<Edge>,
    /// The state whose edges are being read.
    from: Option<usize>,
}

impl Body {
    fn line(&mut self, mut line: Line<'_>) -> Result<(), CompactError> {
        match (line.rest.chars().next(), self.from) {
            (None, _) => Ok(()),
            (Some('*'), None) => self.initial_state(line),
            (Some(' '), Some(from)) => self.edge(from, line),
            (Some('0'..='9'), _) => {
                let node = self.known(&mut line)?;
                self.from = Some(node);
                Ok(())
            }
            (_, None) => line.expected("`*` or the number of a state"),
            (_, Some(_)) => line.expected("an edge or the number of a state"),
        }
    }

    /// Reads the number of a state at the end of a line.
    fn known(&self, line: &mut Line<'_>) -> Result<usize, CompactError> {
        let node = line.number()?;
        line.end()?;
        if node < self.states.len() {
            Ok(node)
        } else {
            Err(CompactError::UnknownState { line: line.number, node })
        }
    }

    fn initial_state(&mut self, mut line: Line<'_>) -> Result<(), CompactError> {
        line.token("*")?;
        let mut state = State::new();
        for variable in &self.variables {
            if line.rest.is_empty() {
                let variable = variable.clone();
                return Err(CompactError::MissingVariable { line: line.number, variable });
            }
            line.token(&format!(" {variable}="))?;
            state.push(line.value()?);
        }
        line.end()?;
        self.states.push(state);
        self.initial += 1;
        Ok(())
    }

    fn edge(&mut self, from: usize, mut line: Line<'_>) -> Result<(), CompactError> {
        line.token(" ")?;
        let action = line.word()?;
        let mut param = None;
        if line.rest.starts_with('(') {
            line.token("(")?;
            param = Some(line.word()?);
            line.token(")")?;
        }
        line.token(" ")?;
        let is_number = |c: char| c.is_ascii_digit();
        let to = if line.rest.chars().all(is_number) {
            self.known(&mut line)?
        } else {
            let state = self.changed(self.states[from].clone(), line)?;
            self.states.push(state);
            self.states.len() - 1
        };
        self.edges.push(Edge { from, to, action, param });
        Ok(())
    }

    fn changed(&self, mut state: State, mut line: Line<'_>) -> Result<State, CompactError> {
        loop {
            let start = line.rest;
            let place = self.place(&mut state, &mut line)?;
            let path = &start[..start.len() - line.rest.len()];
            line.token("=")?;
            let value = line.value()?;
            let Some(place) = place else {
                let place = path.to_owned();
                return Err(CompactError::UnknownPlace { line: line.number, place });
            };
            *place = value;
            if line.rest.is_empty() {
                return Ok(state);
            }
            line.token(" ")?;
        }
    }

    /// Reads a path and follows it into a state.
    fn place<'s>(
        &self,
        state: &'s mut State,
        line: &mut Line<'_>,
    ) -> Result<Option<&'s mut Value>, CompactError> {
        let variable = match line.take_while(is_name_char) {
            "" => return line.expected("a variable or the number of a state"),
            variable => variable,
        };
        let nth = self.variables.iter().position(|known| known == variable);
        let mut place = nth.and_then(|nth| state.get_mut(nth));
        loop {
            if line.rest.starts_with('.') {
                line.token(".")?;
                let field = line.take_while(is_name_char);
                place = place.and_then(|value| match value {
                    Value::Record(fields) => fields.get_mut(field),
                    _ => None,
                });
            } else if line.rest.starts_with('[') {
                line.token("[")?;
                let argument = line.value()?;
                line.token("]")?;
                place = place.and_then(|value| element(value, &argument));
            } else {
                return Ok(place);
            }
        }
    }
}

fn element<'v>(value: &'v mut Value, argument: &Value) -> Option<&'v mut Value> {
    match (value, argument) {
        (Value::Function(pairs), argument) => pairs.get_mut(argument),
        (Value::Seq(elements), Value::Int(n)) => {
            elements.get_mut(usize::try_from(*n).ok()?.checked_sub(1)?)
        }
        _ => None,
    }
}
