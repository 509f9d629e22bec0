//! The grammar of TLC's values.

use winnow::ascii::{digit1, multispace0};
use winnow::combinator::opt;
use winnow::error::{ContextError, StrContext, StrContextValue};
use winnow::prelude::*;
use winnow::stream::{LocatingSlice, Location, Stream};
use winnow::token::take_while;

use super::{Value, ValueError, is_name, is_name_char};

type Input<'i> = LocatingSlice<&'i str>;
type Parsed<T> = winnow::Result<T, ContextError>;

/// Deeper nesting is refused, for each level costs a stack frame.
const MAX_DEPTH: usize = 100;

/// A longer interval is refused, for its members are enumerated.
const MAX_INTERVAL: i64 = 1 << 16;

pub(super) fn parse(text: &str) -> Result<Value, ValueError> {
    let (value, rest) = parse_prefix(text)?;
    let rest = rest.trim_start();
    if rest.is_empty() {
        Ok(value)
    } else {
        Err(ValueError::at(text, text.len() - rest.len(), "the end of the value"))
    }
}

/// Reads a value at the start of a text and returns the text after it as well.
pub(crate) fn parse_prefix(text: &str) -> Result<(Value, &str), ValueError> {
    let mut input = LocatingSlice::new(text);
    let parsed = multispace0.parse_next(&mut input).and_then(|_| value(&mut input, 0));
    let offset = input.current_token_start();
    match parsed {
        Ok(value) => Ok((value, &text[offset..])),
        Err(error) => Err(ValueError::at(text, offset, described(&error))),
    }
}

fn expected<T>(what: &'static str) -> Parsed<T> {
    let mut error = ContextError::new();
    error.push(StrContext::Expected(StrContextValue::Description(what)));
    Err(error)
}

fn described(error: &ContextError) -> String {
    let mut expectations = error.context().filter_map(|context| match context {
        StrContext::Expected(what) => Some(what.to_string()),
        _ => None,
    });
    expectations.next().unwrap_or_else(|| "a value".to_owned())
}

fn value(input: &mut Input<'_>, depth: usize) -> Parsed<Value> {
    if depth > MAX_DEPTH {
        return expected("a value nested less deeply");
    }
    let inner = |input: &mut Input<'_>| value(input, depth + 1);
    match input.chars().next() {
        Some('"') => string(input).map(Value::Str),
        Some('{') => items(input, ["{", ",", "}", "`,` or `}`"], inner).map(Value::set),
        Some('<') => items(input, ["<<", ",", ">>", "`,` or `>>`"], inner).map(Value::Seq),
        Some('[') => {
            let field = |input: &mut Input<'_>| pair(input, field_name, "|->", "`|->`", inner);
            items(input, ["[", ",", "]", "`,` or `]`"], field).map(Value::record)
        }
        Some('(') => {
            let maplet = |input: &mut Input<'_>| pair(input, inner, ":>", "`:>`", inner);
            items(input, ["(", "@@", ")", "`@@` or `)`"], maplet).map(Value::function)
        }
        Some(c) if c == '-' || is_name_char(c) => word(input),
        _ => expected("a value"),
    }
}

/// What stands between two brackets; the last of the four tokens describes the two before it.
fn items<'i, T>(
    input: &mut Input<'i>,
    [open, separator, close, either]: [&'static str; 4],
    mut item: impl FnMut(&mut Input<'i>) -> Parsed<T>,
) -> Parsed<Vec<T>> {
    if opt(open).parse_next(input)?.is_none() {
        return expected("a value");
    }
    multispace0.parse_next(input)?;
    let mut items = Vec::new();
    if opt(close).parse_next(input)?.is_some() {
        return Ok(items);
    }
    loop {
        items.push(item(input)?);
        multispace0.parse_next(input)?;
        if opt(close).parse_next(input)?.is_some() {
            return Ok(items);
        }
        if opt(separator).parse_next(input)?.is_none() {
            return expected(either);
        }
        multispace0.parse_next(input)?;
    }
}

fn pair<'i, K, V>(
    input: &mut Input<'i>,
    key: impl FnOnce(&mut Input<'i>) -> Parsed<K>,
    arrow: &'static str,
    arrow_name: &'static str,
    value: impl FnOnce(&mut Input<'i>) -> Parsed<V>,
) -> Parsed<(K, V)> {
    let key = key(input)?;
    multispace0.parse_next(input)?;
    if opt(arrow).parse_next(input)?.is_none() {
        return expected(arrow_name);
    }
    multispace0.parse_next(input)?;
    Ok((key, value(input)?))
}

fn field_name(input: &mut Input<'_>) -> Parsed<String> {
    let start = input.checkpoint();
    let name: &str = take_while(0.., is_name_char).parse_next(input)?;
    if is_name(name) {
        return Ok(name.to_owned());
    }
    input.reset(&start);
    expected("a field name")
}

fn word(input: &mut Input<'_>) -> Parsed<Value> {
    let start = input.checkpoint();
    let text: &str = take_while(0.., is_name_char).parse_next(input)?;
    match text {
        "TRUE" => return Ok(Value::Bool(true)),
        "FALSE" => return Ok(Value::Bool(false)),
        _ if text.chars().any(|c| !c.is_ascii_digit()) => return Ok(Value::model(text)),
        _ => input.reset(&start),
    }
    let low = integer(input)?;
    if opt((multispace0, "..", multispace0)).parse_next(input)?.is_none() {
        return Ok(Value::Int(low));
    }
    let high = integer(input)?;
    if high.saturating_sub(low) >= MAX_INTERVAL {
        input.reset(&start);
        return expected("an interval of at most 65536 members");
    }
    Ok(Value::set(low..=high))
}

fn integer(input: &mut Input<'_>) -> Parsed<i64> {
    let start = input.checkpoint();
    let digits = (opt('-'), opt(digit1)).take().parse_next(input)?;
    digits.parse().or_else(|_| {
        input.reset(&start);
        expected("an integer of 64 bits")
    })
}

fn string(input: &mut Input<'_>) -> Parsed<String> {
    '"'.parse_next(input)?;
    let mut text = String::new();
    loop {
        text.push_str(take_while(0.., |c| c != '"' && c != '\\').parse_next(input)?);
        if opt('"').parse_next(input)?.is_some() {
            return Ok(text);
        }
        let mut escape = input.chars();
        text.push(match (escape.next(), escape.next()) {
            (None, _) => return expected("the closing `\"` of a string"),
            (_, Some(c @ ('"' | '\\'))) => c,
            (_, Some('n')) => '\n',
            (_, Some('t')) => '\t',
            (_, Some('r')) => '\r',
            (_, Some('f')) => '\x0c',
            _ => return expected(r#"one of the escapes \" \\ \n \t \r \f"#),
        });
        take_while(2..=2, |_| true).parse_next(input)?;
    }
}
