//! TLA+ values as TLC prints them.
//!
//! In TLA+ a sequence is a function over `1..n` and a record is a function over strings, so the
//! same value can be written in several ways. TLC settles on one of them, and so does [`Value`]:
//! two values are equal exactly when TLC says so, provided that they were made by the parser or by
//! the constructors, which keep that normal form.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

mod parse;

pub(crate) use parse::parse_prefix;

/// A TLA+ value.
///
/// [`Display`](fmt::Display) prints TLC's syntax on one line and [`FromStr`] reads it back, with
/// white space and line breaks anywhere between the tokens.
///
/// ```
/// use lockstep::value::Value;
///
/// let text = r#"[count |-> 1, log |-> <<"get", "put">>, seen |-> {NoOne, 3}]"#;
/// let value: Value = text.parse()?;
/// assert_eq!(value.field("count"), Some(&Value::Int(1)));
/// assert_eq!(value.to_string(), text.replace("NoOne, 3", "3, NoOne"));
/// # Ok::<(), lockstep::value::ValueError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// `TRUE` or `FALSE`.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A string.
    Str(String),
    /// A model value: an identifier that is equal to nothing but itself.
    Model(String),
    /// A finite set. TLC also prints sets of integers as intervals, `1..3`.
    Set(BTreeSet<Value>),
    /// A sequence, which is a function over `1..n`; the empty function is the empty sequence.
    Seq(Vec<Value>),
    /// A function over strings that all can stand as field names; never empty.
    Record(BTreeMap<String, Value>),
    /// A function over anything else; never empty.
    Function(BTreeMap<Value, Value>),
}

/// A text that is no TLA+ value: what was expected, where, and what stood there instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: expected {expected}, found {found}")]
pub struct ValueError {
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// What would have been accepted.
    pub expected: String,
    /// What stood there, in back-ticks, or `the end`.
    pub found: String,
}

impl ValueError {
    pub(crate) fn at(text: &str, offset: usize, expected: impl Into<String>) -> Self {
        let before = &text[..offset];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            expected: expected.into(),
            found: found(&text[offset..]),
        }
    }
}

/// The next word of a text, short enough for an error message.
fn found(rest: &str) -> String {
    let mut chars = rest.chars();
    match chars.next() {
        None => "the end".to_owned(),
        Some('\n' | '\r') => "the end of the line".to_owned(),
        Some(' ') => "a space".to_owned(),
        Some(first) => {
            let tail = chars.take_while(|c| first.is_alphanumeric() && c.is_alphanumeric());
            let word: String = std::iter::once(first).chain(tail.take(19)).collect();
            format!("`{word}`")
        }
    }
}

impl Value {
    /// A model value.
    pub fn model(name: impl Into<String>) -> Self {
        Self::Model(name.into())
    }

    /// The set of the given members.
    pub fn set<V: Into<Value>>(members: impl IntoIterator<Item = V>) -> Self {
        Self::Set(members.into_iter().map(Into::into).collect())
    }

    /// The sequence of the given elements.
    pub fn seq<V: Into<Value>>(elements: impl IntoIterator<Item = V>) -> Self {
        Self::Seq(elements.into_iter().map(Into::into).collect())
    }

    /// The record with the given fields.
    ///
    /// Without fields it is the empty function; with a field name that is no identifier it is a
    /// function over strings, as TLC would print it.
    pub fn record<K: Into<String>, V: Into<Value>>(
        fields: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        Self::function(fields.into_iter().map(|(name, value)| (Self::Str(name.into()), value)))
    }

    /// The function with the given pairs; of two pairs with the same argument the first counts, as
    /// in TLA+'s `@@`.
    ///
    /// A function over `1..n` is a sequence and a function over identifiers is a record:
    ///
    /// ```
    /// use lockstep::value::Value;
    ///
    /// assert_eq!(Value::function([(2, "b"), (1, "a")]).to_string(), r#"<<"a", "b">>"#);
    /// assert_eq!(Value::function([("a", 1)]).to_string(), "[a |-> 1]");
    /// assert_eq!(Value::function([(0, "a"), (1, "b")]).to_string(), r#"(0 :> "a" @@ 1 :> "b")"#);
    /// ```
    pub fn function<K: Into<Value>, V: Into<Value>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let mut map = BTreeMap::new();
        for (argument, value) in pairs {
            map.entry(argument.into()).or_insert_with(|| value.into());
        }
        let is_seq = map.keys().zip(1_i64..).all(|(key, n)| *key == Self::Int(n));
        if is_seq {
            return Self::Seq(map.into_values().collect());
        }
        let is_record = map.keys().all(|key| matches!(key, Self::Str(name) if is_name(name)));
        if !is_record {
            return Self::Function(map);
        }
        let field = |(key, value)| match key {
            Self::Str(name) => Some((name, value)),
            _ => None,
        };
        Self::Record(map.into_iter().filter_map(field).collect())
    }

    /// The field of a record.
    pub fn field(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Record(fields) => fields.get(name),
            Self::Function(pairs) => pairs.get(&Self::Str(name.to_owned())),
            _ => None,
        }
    }

    /// The value of a function, a record or a sequence (counted from 1) at an argument.
    ///
    /// ```
    /// use lockstep::value::Value;
    ///
    /// let pc: Value = r#"(t1 :> "L1" @@ t2 :> "L2")"#.parse()?;
    /// assert_eq!(pc.apply(&Value::model("t2")), Some(&"L2".into()));
    /// # Ok::<(), lockstep::value::ValueError>(())
    /// ```
    pub fn apply(&self, argument: &Value) -> Option<&Value> {
        match (self, argument) {
            (Self::Record(fields), Self::Str(name)) => fields.get(name),
            (Self::Function(pairs), argument) => pairs.get(argument),
            (Self::Seq(elements), Self::Int(n)) => {
                elements.get(usize::try_from(*n).ok()?.checked_sub(1)?)
            }
            _ => None,
        }
    }

    /// The truth value, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The integer, if it is one.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// The text of a string or the name of a model value.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) | Self::Model(text) => Some(text),
            _ => None,
        }
    }
}

/// Whether TLC lets a string stand as a field name.
pub(crate) fn is_name(text: &str) -> bool {
    let reserved = text.len() >= 4 && (text.starts_with("WF_") || text.starts_with("SF_"));
    text.chars().all(is_name_char) && text.chars().any(char::is_alphabetic) && !reserved
}

pub(crate) fn is_name_char(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(true) => f.write_str("TRUE"),
            Self::Bool(false) => f.write_str("FALSE"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Str(text) => quote(f, text),
            Self::Model(name) => f.write_str(name),
            Self::Set(members) => list(f, "{", members, "}"),
            Self::Seq(elements) => list(f, "<<", elements, ">>"),
            Self::Record(fields) => {
                for (nth, (name, value)) in fields.iter().enumerate() {
                    write!(f, "{}{name} |-> {value}", if nth == 0 { "[" } else { ", " })?;
                }
                f.write_str("]")
            }
            Self::Function(pairs) => {
                for (nth, (argument, value)) in pairs.iter().enumerate() {
                    write!(f, "{}{argument} :> {value}", if nth == 0 { "(" } else { " @@ " })?;
                }
                f.write_str(")")
            }
        }
    }
}

fn list<'a>(
    f: &mut fmt::Formatter<'_>,
    open: &str,
    items: impl IntoIterator<Item = &'a Value>,
    close: &str,
) -> fmt::Result {
    f.write_str(open)?;
    for (nth, item) in items.into_iter().enumerate() {
        write!(f, "{}{item}", if nth == 0 { "" } else { ", " })?;
    }
    f.write_str(close)
}

fn quote(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\t' => f.write_str("\\t")?,
            '\r' => f.write_str("\\r")?,
            '\x0c' => f.write_str("\\f")?,
            c => write!(f, "{c}")?,
        }
    }
    f.write_str("\"")
}

impl FromStr for Value {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        parse::parse(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Int(value.into())
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}

impl From<usize> for Value {
    /// # Panics
    ///
    /// If the number does not fit in an `i64`; TLC's own integers have 32 bits.
    fn from(value: usize) -> Self {
        Self::Int(i64::try_from(value).expect("a TLA+ integer fits in an i64"))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Str(text)
    }
}
