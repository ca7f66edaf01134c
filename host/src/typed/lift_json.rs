//! From values to JSON text, by the types, in one pass.
//!
//! Owns the mapping's JSON side on the way out, and the bound on the text. A field that is an empty option is left out, so that
//! the same answer can be said in protocols that have no null. Its recursion is bounded by the depth of the types.

use std::fmt::Write as _;

use wasmtime::component::Val;

use super::lower_json::Dialect;
use super::model::{Case, Field, Shape, Type};
use super::scalar;
use crate::protocol::json;

/// Why a result has no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    /// It is over `response_bytes_max`.
    #[error("is larger than response_bytes_max")]
    TooLarge,
    /// It is not of the function's type. The engine checks that, so this is a defect of the host.
    #[error("is not of the type that the component declares")]
    Mismatch,
}

/// Appends a value. `out` may grow to `bytes_max`.
///
/// # Errors
/// See [`Unwritable`].
pub fn value(
    of: &Type,
    value: &Val,
    dialect: Dialect,
    bytes_max: u64,
    out: &mut String,
) -> Result<(), Unwritable> {
    let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
    Writer { dialect, bytes_max, out }.value(of, value)
}

struct Writer<'o> {
    dialect: Dialect,
    bytes_max: usize,
    out: &'o mut String,
}

impl Writer<'_> {
    fn value(&mut self, of: &Type, value: &Val) -> Result<(), Unwritable> {
        match (&of.shape, value) {
            (Shape::Bool, Val::Bool(value)) => self.out.push_str(if *value { "true" } else { "false" }),
            (Shape::Integer(_), value) => self.integer(value)?,
            (Shape::Float32, Val::Float32(value)) => self.float(value, f64::from(*value)),
            (Shape::Float64, Val::Float64(value)) => self.float(value, *value),
            (Shape::Char, Val::Char(value)) => json::push_string(self.out, value.encode_utf8(&mut [0; 4])),
            (Shape::String, Val::String(value)) => json::push_string(self.out, value),
            (Shape::Bytes, Val::List(values)) => {
                let bytes = scalar::value_bytes(values).ok_or(Unwritable::Mismatch)?;
                let (before, after) = match self.dialect {
                    Dialect::Json => ("\"", "\""),
                    Dialect::XmlRpc => ("{\"$base64\":\"", "\"}"),
                };
                self.out.push_str(before);
                scalar::push_bytes(&bytes, self.out);
                self.out.push_str(after);
            }
            (Shape::List(item), Val::List(values)) => {
                self.items(values.iter().map(|value| (&**item, value)))?;
            }
            (Shape::Tuple(items), Val::Tuple(values)) if items.len() == values.len() => {
                self.items(items.iter().map(|item| &**item).zip(values))?;
            }
            (Shape::Option(_), Val::Option(None)) => self.out.push_str("null"),
            (Shape::Option(inner), Val::Option(Some(value))) if inner.is_option() => {
                self.out.push_str("{\"some\":");
                self.value(inner, value)?;
                self.out.push('}');
            }
            (Shape::Option(inner), Val::Option(Some(value))) => self.value(inner, value)?,
            (Shape::Record(fields), Val::Record(values)) if fields.len() == values.len() => {
                self.members(fields, values)?;
            }
            (Shape::Variant(cases), Val::Variant(name, value)) => {
                self.case(cases, name, value.as_deref())?;
            }
            (Shape::Result { cases }, Val::Result(value)) => match value {
                Ok(value) => self.case(cases, "ok", value.as_deref())?,
                Err(value) => self.case(cases, "err", value.as_deref())?,
            },
            (Shape::Enum(cases), Val::Enum(name)) => self.case(cases, name, None)?,
            (Shape::Flags(cases), Val::Flags(set)) => {
                self.out.push('[');
                let mut is_first = true;
                // In the order of the type, so that equal sets are equal texts.
                for case in cases.iter().filter(|case| set.contains(&case.wit)) {
                    if !std::mem::take(&mut is_first) {
                        self.out.push(',');
                    }
                    json::push_string(self.out, &case.name);
                }
                self.out.push(']');
            }
            _ => return Err(Unwritable::Mismatch),
        }
        if self.out.len() > self.bytes_max { Err(Unwritable::TooLarge) } else { Ok(()) }
    }

    fn integer(&mut self, value: &Val) -> Result<(), Unwritable> {
        let written = match value {
            Val::S8(value) => write!(self.out, "{value}"),
            Val::U8(value) => write!(self.out, "{value}"),
            Val::S16(value) => write!(self.out, "{value}"),
            Val::U16(value) => write!(self.out, "{value}"),
            Val::S32(value) => write!(self.out, "{value}"),
            Val::U32(value) => write!(self.out, "{value}"),
            Val::S64(value) => write!(self.out, "\"{value}\""),
            Val::U64(value) => write!(self.out, "\"{value}\""),
            _ => return Err(Unwritable::Mismatch),
        };
        // Writing to a string does not fail.
        written.map_err(|_| Unwritable::Mismatch)
    }

    fn float(&mut self, shortest: &dyn std::fmt::Debug, value: f64) {
        if value.is_finite() {
            // The shortest digits that come back as the same number, always with a fraction or an exponent.
            self.out.push_str(&format!("{shortest:?}"));
        } else {
            json::push_string(self.out, special(value));
        }
    }

    fn items<'v>(&mut self, items: impl Iterator<Item = (&'v Type, &'v Val)>) -> Result<(), Unwritable> {
        self.out.push('[');
        for (place, (of, value)) in items.enumerate() {
            if place > 0 {
                self.out.push(',');
            }
            self.value(of, value)?;
        }
        self.out.push(']');
        Ok(())
    }

    fn members(&mut self, fields: &[Field], values: &[(String, Val)]) -> Result<(), Unwritable> {
        self.out.push('{');
        let mut is_first = true;
        for (field, (_, value)) in fields.iter().zip(values) {
            if matches!(value, Val::Option(None)) {
                continue;
            }
            if !std::mem::take(&mut is_first) {
                self.out.push(',');
            }
            json::push_string(self.out, &field.name);
            self.out.push(':');
            self.value(&field.of, value)?;
        }
        self.out.push('}');
        Ok(())
    }

    fn case(&mut self, cases: &[Case], name: &str, value: Option<&Val>) -> Result<(), Unwritable> {
        let case = cases.iter().find(|case| case.wit == name).ok_or(Unwritable::Mismatch)?;
        match (&case.of, value) {
            (None, None) => json::push_string(self.out, &case.name),
            (Some(of), Some(value)) => {
                self.out.push('{');
                json::push_string(self.out, &case.name);
                self.out.push(':');
                self.value(of, value)?;
                self.out.push('}');
            }
            _ => return Err(Unwritable::Mismatch),
        }
        Ok(())
    }
}

/// How JSON and its kin say what is no number.
#[must_use]
pub fn special(value: f64) -> &'static str {
    if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}
