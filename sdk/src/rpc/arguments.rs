//! Arguments by position or by name, read one at a time as the types a method takes. Their texts are split once and
//! borrowed; no tree of values is built.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Failure, Kind, kind_of};
use crate::schema::Schema;

/// Further positional arguments, each read as a `T`: the last argument of a method that takes any number of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Variadic<T>(pub Vec<T>);

/// All arguments as they were sent: the only argument of a method that wants to look at them itself.
#[derive(Debug, Clone)]
pub enum Params {
    /// The caller sent none.
    None,
    /// In their order.
    Positional(Vec<super::Raw>),
    /// With their names, in the order sent.
    Named(Vec<(String, super::Raw)>),
}

/// The arguments of one call on their way into a function. What [`#[rpc]`](macro@crate::rpc) uses.
#[derive(Debug)]
pub struct Arguments<'a>(Sent<'a>);

#[derive(Debug)]
enum Sent<'a> {
    None,
    Positional(Vec<&'a RawValue>),
    Named(Named<'a>),
}

/// Named arguments. One that has been taken is none.
#[derive(Debug)]
struct Named<'a>(Vec<(Cow<'a, str>, Option<&'a RawValue>)>);

impl<'de> Deserialize<'de> for Named<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Named<'de>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((Name(name), value)) = map.next_entry::<Name<'de>, &'de RawValue>()? {
                    members.push((name, Some(value)));
                }
                Ok(Named(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// A member's name, borrowed when it has no escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Arguments<'a> {
    /// Splits what the host hands over: JSON text of an array or an object, or none.
    pub fn parse(params: Option<&'a str>) -> Result<Self, Failure> {
        let Some(text) = params else { return Ok(Self(Sent::None)) };
        let refuse = || Failure::invalid_params("an array or an object", found(text));
        match text.trim_start().as_bytes().first() {
            Some(b'[') => {
                serde_json::from_str(text).map(|values| Self(Sent::Positional(values))).map_err(|_| refuse())
            }
            Some(b'{') => {
                serde_json::from_str(text).map(|members| Self(Sent::Named(members))).map_err(|_| refuse())
            }
            _ => Err(refuse()),
        }
    }

    /// Takes the argument at `position`, or the one called `name`, and reads it as a `T`.
    pub fn take<T: DeserializeOwned + Schema>(&mut self, position: usize, name: &str) -> Result<T, Failure> {
        let sent = match &mut self.0 {
            Sent::None => None,
            Sent::Positional(values) => values.get(position).copied(),
            Sent::Named(Named(members)) => {
                let mut same = members.iter_mut().filter(|(member, value)| value.is_some() && member == name);
                let first = same.next().and_then(|(_, value)| value.take());
                if same.next().is_some() {
                    return Err(Failure::invalid_argument(
                        name,
                        "one argument of this name",
                        "more than one",
                    ));
                }
                first
            }
        };
        match sent {
            Some(value) => read(name, value),
            // An argument that may be left out is read as if null had been sent.
            None if T::optional() => read(name, RawValue::NULL),
            None => Err(Failure::invalid_argument(name, &expected::<T>(), "nothing")),
        }
    }

    /// Takes all positional arguments from `position` on.
    pub fn take_rest<T: DeserializeOwned + Schema>(
        &mut self,
        position: usize,
        name: &str,
    ) -> Result<Variadic<T>, Failure> {
        match &mut self.0 {
            Sent::None | Sent::Named(_) => Ok(Variadic(Vec::new())),
            Sent::Positional(values) => {
                let rest = values.split_off(position.min(values.len()));
                rest.into_iter().map(|value| read(name, value)).collect::<Result<_, _>>().map(Variadic)
            }
        }
    }

    /// Refuses what nobody has taken: positional arguments past the first `known`, and unknown names.
    pub fn finish(self, known: usize) -> Result<(), Failure> {
        match self.0 {
            Sent::Positional(values) if values.len() > known => {
                Err(Failure::invalid_params(&format!("at most {known} arguments"), &values.len().to_string()))
            }
            Sent::Named(Named(members)) => match members.iter().find(|(_, value)| value.is_some()) {
                Some((name, Some(value))) => {
                    Err(Failure::invalid_argument(name, "no argument of this name", found(value.get())))
                }
                _ => Ok(()),
            },
            Sent::None | Sent::Positional(_) => Ok(()),
        }
    }

    /// All arguments as they were sent.
    pub fn into_params(self) -> Params {
        match self.0 {
            Sent::None => Params::None,
            Sent::Positional(values) => {
                Params::Positional(values.into_iter().map(ToOwned::to_owned).collect())
            }
            Sent::Named(Named(members)) => Params::Named(
                members
                    .into_iter()
                    .filter_map(|(name, value)| Some((name.into_owned(), value?.to_owned())))
                    .collect(),
            ),
        }
    }
}

/// Reads one argument as its type.
fn read<T: DeserializeOwned + Schema>(name: &str, value: &RawValue) -> Result<T, Failure> {
    if T::OBJECT && value.get().starts_with('[') {
        return Err(Failure::invalid_argument(name, "object", "array"));
    }
    serde_json::from_str(value.get()).map_err(|error| {
        let mut expected = expected::<T>();
        // Where the kind is right already, serde's words say what is wrong inside.
        let found = found(value.get());
        if found == expected || expected == "any" {
            expected = detail(&error);
        }
        Failure::invalid_argument(name, &expected, found)
    })
}

/// serde's words without the position, which means nothing to a caller whose request was longer.
fn detail(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map(|(words, _)| words.to_owned()).unwrap_or(text)
}

/// The kind of a type in a word.
fn expected<T: Schema>() -> String {
    word(kind_of(&T::schema())).to_owned()
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Any => "any",
        Kind::Boolean => "boolean",
        Kind::Integer => "integer",
        Kind::Number => "number",
        Kind::Text => "string",
        Kind::DateTime => "dateTime",
        Kind::Bytes => "base64",
        Kind::Array => "array",
        Kind::Object => "object",
        Kind::Nothing => "null",
    }
}

/// The kind of a JSON text in a word, from its first letter.
fn found(text: &str) -> &'static str {
    let text = text.trim_start();
    match text.as_bytes().first() {
        Some(b'"') => "string",
        Some(b'[') => "array",
        Some(b'{') => {
            match serde_json::from_str::<Named<'_>>(text).ok().as_ref().map(|members| members.0.as_slice()) {
                Some([(name, _)]) if name == super::values::DATE_TIME_MEMBER => "dateTime",
                Some([(name, _)]) if name == super::values::BYTES_MEMBER => "base64",
                _ => "object",
            }
        }
        Some(b't' | b'f') => "boolean",
        Some(b'n') => "null",
        Some(b'-' | b'0'..=b'9') if text.contains(['.', 'e', 'E']) => "number",
        Some(b'-' | b'0'..=b'9') => "integer",
        _ => "nothing",
    }
}
