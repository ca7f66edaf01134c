//! A value that does not fit its type: where, what was expected, what was found.
//!
//! Owns the one form of that error and its texts. Each style says it in its own way, and all from here, so that the same mistake
//! reads the same everywhere. What a caller sent is repeated only as far as it helps to find the place: literals, and names that
//! were looked up, cut short.

use super::model::{Case, Integer, Shape, Type};
use crate::limits::TYPED_FOUND_CHARS_MAX;
use crate::protocol::json;

/// A value that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// From the innermost step out: it is put together while the error travels up.
    steps: Vec<Step>,
    /// `an integer from 0 to 255`.
    pub expected: String,
    /// `the number 300`.
    pub found: String,
}

/// One step from a value to a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A parameter, field or case.
    Name(String),
    /// An element of a list or tuple, from 0.
    Index(usize),
}

impl Invalid {
    /// At the value itself.
    pub fn new(expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { steps: Vec::new(), expected: expected.into(), found: found.into() }
    }

    /// The same seen from one step further out, at a named part.
    #[must_use]
    pub fn at(mut self, name: &str) -> Self {
        self.steps.push(Step::Name(name.to_owned()));
        self
    }

    /// The same seen from one step further out, at an element.
    #[must_use]
    pub fn at_index(mut self, index: usize) -> Self {
        self.steps.push(Step::Index(index));
        self
    }

    /// The place as a JSON pointer (RFC 6901); empty for the whole.
    #[must_use]
    pub fn pointer(&self) -> String {
        let mut out = String::new();
        for step in self.steps.iter().rev() {
            out.push('/');
            match step {
                Step::Name(name) => out.push_str(&name.replace('~', "~0").replace('/', "~1")),
                Step::Index(index) => out.push_str(&index.to_string()),
            }
        }
        out
    }

    /// In one sentence, with its place.
    #[must_use]
    pub fn sentence(&self) -> String {
        let pointer = self.pointer();
        let place = if pointer.is_empty() { String::new() } else { format!("{pointer}: ") };
        format!("{place}expected {}, found {}", self.expected, self.found)
    }

    /// `{"pointer":"/lines/0","expected":"...","found":"..."}`.
    #[must_use]
    pub fn json(&self) -> String {
        let mut out = String::from("{\"pointer\":");
        json::push_string(&mut out, &self.pointer());
        out.push_str(",\"expected\":");
        json::push_string(&mut out, &self.expected);
        out.push_str(",\"found\":");
        json::push_string(&mut out, &self.found);
        out.push('}');
        out
    }
}

/// What a type expects, in words.
#[must_use]
pub fn expected(of: &Type) -> String {
    match &of.shape {
        Shape::Bool => "true or false".to_owned(),
        Shape::Integer(integer) => expected_integer(*integer),
        Shape::Float32 => {
            "a number within the range of 32 bits, \"NaN\", \"Infinity\" or \"-Infinity\"".to_owned()
        }
        Shape::Float64 => {
            "a number within the range of 64 bits, \"NaN\", \"Infinity\" or \"-Infinity\"".to_owned()
        }
        Shape::Char => "a string of one character".to_owned(),
        Shape::String => "a string".to_owned(),
        Shape::Bytes => "bytes in base64".to_owned(),
        Shape::List(_) => "a list".to_owned(),
        Shape::Option(of) => format!("{} or nothing", expected(of)),
        Shape::Tuple(items) => format!("a list of exactly {}", items.len()),
        Shape::Record(_) => "an object".to_owned(),
        Shape::Variant(cases) | Shape::Result { cases } | Shape::Enum(cases) => {
            format!("one of {}", names(cases))
        }
        Shape::Flags(cases) => format!("a list of {}", names(cases)),
    }
}

/// What an integer expects, in words.
#[must_use]
pub fn expected_integer(integer: Integer) -> String {
    let (min, max) = integer.range();
    format!("an integer from {min} to {max}")
}

/// The names of cases, as many as help.
fn names(cases: &[Case]) -> String {
    const SHOWN: usize = 12;
    let shown: Vec<&str> = cases.iter().take(SHOWN).map(|case| case.name.as_str()).collect();
    let more = if cases.len() > SHOWN { ", ..." } else { "" };
    format!("{}{more}", shown.join(", "))
}

/// A piece of a caller's text, cut short.
#[must_use]
pub fn cut(text: &str) -> String {
    let mut shown: String = text.chars().take(TYPED_FOUND_CHARS_MAX).collect();
    if shown.len() < text.len() {
        shown.push_str("...");
    }
    shown
}

/// The kind of a JSON value that begins with this byte, in words.
#[must_use]
pub fn found_json(text: &str) -> String {
    match text.as_bytes().first() {
        Some(b'{') => "an object".to_owned(),
        Some(b'[') => "a list".to_owned(),
        Some(b'"') => format!("the string {}", cut(text)),
        Some(b't' | b'f') => text.to_owned(),
        Some(b'n') => "null".to_owned(),
        Some(_) => format!("the number {}", cut(text)),
        None => "nothing".to_owned(),
    }
}
