//! From the text of paths and query strings to values.
//!
//! Owns the mapping's side for URLs: a scalar is its text, a list of scalars and a set of flags are repeated parameters, and
//! everything else is JSON in one parameter, so that every function can be called with every value.

use wasmtime::component::Val;

use super::invalid::{self, Invalid, expected};
use super::lower_json::{self, Dialect, Refusal};
use super::model::{Field, Shape, Type};
use super::room::Room;
use super::scalar;

/// How a parameter is written in a query string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Its text, once.
    Text,
    /// Its elements' texts, each as one parameter of the same name.
    Repeated,
    /// JSON, once.
    Json,
}

/// How a type is written in a query string.
#[must_use]
pub fn form(of: &Type) -> Form {
    match &of.shape {
        Shape::Option(inner) if inner.is_scalar() => Form::Text,
        Shape::List(item) if item.is_scalar() => Form::Repeated,
        Shape::Flags(_) => Form::Repeated,
        _ if of.is_scalar() => Form::Text,
        _ => Form::Json,
    }
}

/// The value of one parameter from all that was said of it.
///
/// # Errors
/// See [`Refusal`]. The place is seen from outside the parameter.
pub fn parameter(field: &Field, texts: &[String], depth_max: u64, room: &mut Room) -> Result<Val, Refusal> {
    let at = |invalid: Invalid| Refusal::Invalid(invalid.at(&field.name));
    match (form(&field.of), &field.of.shape, texts) {
        (Form::Repeated, Shape::List(item), texts) => {
            let mut values = Vec::new();
            for (place, text) in texts.iter().enumerate() {
                room.values(1)?;
                values.push(scalar(item, text, room).map_err(|invalid| at(invalid.at_index(place)))?);
            }
            Ok(Val::List(values))
        }
        (Form::Repeated, Shape::Flags(cases), texts) => {
            let mut set: Vec<String> = Vec::new();
            for (place, text) in texts.iter().enumerate() {
                let wrong = |expected: String| {
                    at(Invalid::new(expected, format!("`{}`", invalid::cut(text))).at_index(place))
                };
                let flag = scalar::case(cases, text).ok_or_else(|| wrong(expected(&field.of)))?;
                if set.contains(&flag.wit) {
                    return Err(wrong("each flag once".to_owned()));
                }
                set.push(flag.wit.clone());
            }
            Ok(Val::Flags(set))
        }
        (_, _, []) => Ok(lower_json::missing(field)?),
        (_, _, [_, _, ..]) => {
            Err(at(Invalid::new("one parameter of this name", format!("{} of them", texts.len()))))
        }
        (Form::Json, _, [text]) => lower_json::value(&field.of, text, depth_max, Dialect::Json, room)
            .map_err(|refusal| match refusal {
                Refusal::Syntax(error) => at(Invalid::new(
                    format!("{} as JSON", expected(&field.of)),
                    format!("text that is no JSON: {error}"),
                )),
                invalid @ Refusal::Invalid(_) => invalid.at(&field.name),
            }),
        (_, Shape::Option(inner), [text]) => {
            room.values(1)?;
            Ok(Val::Option(Some(Box::new(scalar(inner, text, room).map_err(at)?))))
        }
        (_, _, [text]) => scalar(&field.of, text, room).map_err(at),
    }
}

/// The value of a scalar from its text.
///
/// # Errors
/// When the text is not one of the type.
pub fn scalar(of: &Type, text: &str, room: &mut Room) -> Result<Val, Invalid> {
    let value = match &of.shape {
        Shape::Bool => match text {
            "true" => Some(Val::Bool(true)),
            "false" => Some(Val::Bool(false)),
            _ => None,
        },
        Shape::Integer(integer) => {
            scalar::text_integer(text).and_then(|number| scalar::integer_value(*integer, number))
        }
        Shape::Float32 | Shape::Float64 => float(of, text),
        Shape::Char => scalar::character(text).map(Val::Char),
        Shape::String => {
            room.bytes(text.len())?;
            Some(Val::String(text.to_owned()))
        }
        Shape::Bytes => {
            room.values(text.len() / 4 * 3)?;
            scalar::bytes_in_url(text).map(|bytes| scalar::bytes_value(&bytes))
        }
        Shape::Enum(cases) => scalar::case(cases, text).map(|case| Val::Enum(case.wit.clone())),
        _ => None,
    };
    value.ok_or_else(|| Invalid::new(expected(of), format!("`{}`", invalid::cut(text))))
}

fn float(of: &Type, text: &str) -> Option<Val> {
    let narrow = matches!(of.shape, Shape::Float32);
    if scalar::is_json_number(text) {
        return if narrow {
            scalar::float32(text).map(Val::Float32)
        } else {
            scalar::float64(text).map(Val::Float64)
        };
    }
    let special = scalar::special_float(text)?;
    #[expect(clippy::cast_possible_truncation, reason = "only infinities and NaN, which 32 bits have, too")]
    let value = if narrow { Val::Float32(special as f32) } else { Val::Float64(special) };
    Some(value)
}
