//! The query as a typed value: `name=value` pairs in form encoding, read by serde.

use std::fmt;

use serde::de::value::{MapDeserializer, SeqDeserializer, StrDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Visitor};

use super::contract::{self, Endpoint};
use super::route::decode;
use super::{FromRequest, Problem, Request};
use crate::schema::Schema;

/// The most pairs a query may have; more is 400. Names are compared with one another, so the bound keeps that cheap.
const PAIRS_MAX: usize = 256;

/// The query, read as a struct of plain values: text, numbers, booleans, names of an enum, `Option` of these for what may
/// miss, `Vec` of these for what may come several times. What comes several times without a `Vec` is refused, as is a
/// value that does not fit, with 400 and the parameter's name. Unknown names are ignored unless the struct says
/// `#[serde(deny_unknown_fields)]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + Schema> FromRequest for Query<T> {
    fn from_request(request: &Request) -> Result<Self, Problem> {
        read(request.query.as_deref().unwrap_or_default()).map(Self)
    }

    fn describe(endpoint: &mut Endpoint) {
        contract::query_parameters(endpoint, &T::schema());
    }
}

fn read<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let mut pairs: Vec<(String, Values)> = Vec::new();
    for (count, pair) in query.split('&').filter(|pair| !pair.is_empty()).enumerate() {
        if count == PAIRS_MAX {
            return Err(Problem::bad_request(&format!("The query has more than {PAIRS_MAX} parameters.")));
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (Some(name), Some(value)) = (decode(name, true), decode(value, true)) else {
            return Err(Problem::bad_request("The query is not percent-encoded UTF-8."));
        };
        match pairs.iter_mut().find(|(other, _)| *other == name) {
            Some((_, values)) => values.texts.push(value),
            None => pairs.push((name.clone(), Values { name, texts: vec![value] })),
        }
    }
    T::deserialize(MapDeserializer::new(pairs.into_iter())).map_err(|Refusal { parameter, detail }| {
        match parameter {
            Some(parameter) => {
                Problem::bad_request(&format!("The query's `{parameter}` does not fit: {detail}."))
                    .with("errors", &serde_json::json!([{"detail": detail, "parameter": parameter}]))
            }
            None => Problem::bad_request(&format!("The query does not fit: {detail}.")),
        }
    })
}

/// Why a query was refused, and where.
#[derive(Debug)]
struct Refusal {
    parameter: Option<String>,
    detail: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.detail)
    }
}

impl std::error::Error for Refusal {}

impl serde::de::Error for Refusal {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { parameter: None, detail: message.to_string() }
    }

    fn missing_field(field: &'static str) -> Self {
        Self { parameter: Some(field.to_owned()), detail: "it is missing".to_owned() }
    }

    fn unknown_field(field: &str, _expected: &'static [&'static str]) -> Self {
        Self { parameter: Some(field.to_owned()), detail: "there is no such parameter".to_owned() }
    }
}

/// All values of one name.
struct Values {
    name: String,
    texts: Vec<String>,
}

impl<'de> IntoDeserializer<'de, Refusal> for Values {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl Values {
    /// The one value, for everything but lists.
    fn one<T>(self, read: impl FnOnce(&str) -> Result<T, Refusal>) -> Result<T, Refusal> {
        let outcome = match self.texts.as_slice() {
            [text] => read(text),
            _ => Err(Refusal::custom("it is there more than once")),
        };
        outcome.map_err(|refusal| Refusal { parameter: Some(self.name), ..refusal })
    }
}

macro_rules! parsed {
    ($($method:ident $visit:ident $ty:ty, $what:literal;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
            self.one(|text| match text.parse::<$ty>() {
                Ok(value) => visitor.$visit(value),
                Err(_) => Err(Refusal::custom(concat!("it is not ", $what))),
            })
        })*
    };
}

impl<'de> Deserializer<'de> for Values {
    type Error = Refusal;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.one(|text| visitor.visit_str(text))
    }

    parsed! {
        deserialize_bool visit_bool bool, "true or false";
        deserialize_i8 visit_i8 i8, "an integer of -128 to 127";
        deserialize_i16 visit_i16 i16, "an integer of -32768 to 32767";
        deserialize_i32 visit_i32 i32, "an integer of -2147483648 to 2147483647";
        deserialize_i64 visit_i64 i64, "an integer of 64 bits";
        deserialize_u8 visit_u8 u8, "an integer of 0 to 255";
        deserialize_u16 visit_u16 u16, "an integer of 0 to 65535";
        deserialize_u32 visit_u32 u32, "an integer of 0 to 4294967295";
        deserialize_u64 visit_u64 u64, "an integer of 0 and more";
        deserialize_f32 visit_f32 f32, "a number";
        deserialize_f64 visit_f64 f64, "a number";
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        let Self { name, texts } = self;
        let each = texts.into_iter().map(|text| Self { name: name.clone(), texts: vec![text] });
        visitor.visit_seq(SeqDeserializer::new(each))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        self.one(|text| visitor.visit_enum(StrDeserializer::new(text)))
    }

    serde::forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct tuple tuple_struct map struct identifier ignored_any
    }
}
