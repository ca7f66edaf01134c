//! From values to XML, by the types, in one pass.
//!
//! Owns the mapping's XML side on the way out, and the bound on the text. Whoever stands around declares the service's namespace as
//! the default one, and `xsi`. Its recursion is bounded by the depth of the types.

use wasmtime::component::Val;

use super::model::{Case, Shape, Type};
use super::scalar;
use crate::protocol::xml::push_text;

/// Why a result has no XML.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    /// It is over `response_bytes_max`.
    #[error("is larger than response_bytes_max")]
    TooLarge,
    /// XML has no way to write most control characters.
    #[error("has text with a character that XML cannot carry; return it as bytes")]
    Character,
    /// It is not of the function's type. The engine checks that, so this is a defect of the host.
    #[error("is not of the type that the component declares")]
    Mismatch,
}

/// Appends an element of this name with a value; nothing for an option that is empty. `out` may grow to `bytes_max`.
///
/// # Errors
/// See [`Unwritable`].
pub fn element(
    name: &str,
    of: &Type,
    value: &Val,
    bytes_max: u64,
    out: &mut String,
) -> Result<(), Unwritable> {
    let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
    Writer { bytes_max, out }.optional(name, of, value)
}

struct Writer<'o> {
    bytes_max: usize,
    out: &'o mut String,
}

impl Writer<'_> {
    /// An element that is left out when it is an empty option.
    fn optional(&mut self, name: &str, of: &Type, value: &Val) -> Result<(), Unwritable> {
        if matches!(value, Val::Option(None)) { Ok(()) } else { self.always(name, of, value) }
    }

    /// An element that is there also when it is an empty option.
    fn always(&mut self, name: &str, of: &Type, value: &Val) -> Result<(), Unwritable> {
        self.out.push('<');
        self.out.push_str(name);
        if matches!(value, Val::Option(None)) {
            self.out.push_str(" xsi:nil=\"true\"/>");
            return Ok(());
        }
        let open = self.out.len();
        self.out.push('>');
        let start = self.out.len();
        self.content(of, value)?;
        if self.out.len() == start {
            self.out.truncate(open);
            self.out.push_str("/>");
        } else {
            self.out.push_str("</");
            self.out.push_str(name);
            self.out.push('>');
        }
        if self.out.len() > self.bytes_max { Err(Unwritable::TooLarge) } else { Ok(()) }
    }

    fn content(&mut self, of: &Type, value: &Val) -> Result<(), Unwritable> {
        match (&of.shape, value) {
            (Shape::Bool, Val::Bool(value)) => self.out.push_str(if *value { "true" } else { "false" }),
            (Shape::Integer(_), value) => self.integer(value)?,
            (Shape::Float32, Val::Float32(value)) => self.float(value, f64::from(*value)),
            (Shape::Float64, Val::Float64(value)) => self.float(value, *value),
            (Shape::Char, Val::Char(value)) => self.text(value.encode_utf8(&mut [0; 4]))?,
            (Shape::String, Val::String(value)) => self.text(value)?,
            (Shape::Bytes, Val::List(values)) => {
                let bytes = scalar::value_bytes(values).ok_or(Unwritable::Mismatch)?;
                scalar::push_bytes(&bytes, self.out);
            }
            (Shape::List(item), Val::List(values)) => {
                for value in values {
                    self.always("item", item, value)?;
                }
            }
            (Shape::Tuple(items), Val::Tuple(values)) if items.len() == values.len() => {
                for (place, (item, value)) in items.iter().zip(values).enumerate() {
                    self.optional(&format!("item{}", place.saturating_add(1)), item, value)?;
                }
            }
            (Shape::Option(inner), Val::Option(Some(value))) if inner.is_option() => {
                self.inner_option(inner, value)?;
            }
            (Shape::Option(inner), Val::Option(Some(value))) => self.content(inner, value)?,
            (Shape::Record(fields), Val::Record(values)) if fields.len() == values.len() => {
                for (field, (_, value)) in fields.iter().zip(values) {
                    self.optional(&field.name, &field.of, value)?;
                }
            }
            (Shape::Variant(cases), Val::Variant(name, value)) => self.case(cases, name, value.as_deref())?,
            (Shape::Result { cases }, Val::Result(value)) => match value {
                Ok(value) => self.case(cases, "ok", value.as_deref())?,
                Err(value) => self.case(cases, "err", value.as_deref())?,
            },
            (Shape::Enum(cases), Val::Enum(name)) => {
                let case = cases.iter().find(|case| case.wit == *name).ok_or(Unwritable::Mismatch)?;
                self.out.push_str(&case.name);
            }
            (Shape::Flags(cases), Val::Flags(set)) => {
                for case in cases.iter().filter(|case| set.contains(&case.wit)) {
                    self.out.push_str("<item>");
                    self.out.push_str(&case.name);
                    self.out.push_str("</item>");
                }
            }
            _ => return Err(Unwritable::Mismatch),
        }
        Ok(())
    }

    /// The inner one of two options, of which the outer one is an element that is there.
    fn inner_option(&mut self, inner: &Type, value: &Val) -> Result<(), Unwritable> {
        match (&inner.shape, value) {
            (_, Val::Option(None)) => Ok(()),
            _ => self.always("some", inner, value),
        }
    }

    fn case(&mut self, cases: &[Case], name: &str, value: Option<&Val>) -> Result<(), Unwritable> {
        let case = cases.iter().find(|case| case.wit == name).ok_or(Unwritable::Mismatch)?;
        match (&case.of, value) {
            // An empty element would be valid, too, but some toolkits do not tell one from none.
            (None, None) => {
                for part in ["<", &case.name, ">true</", &case.name, ">"] {
                    self.out.push_str(part);
                }
                Ok(())
            }
            (Some(of), Some(value)) => self.always(&case.name, of, value),
            _ => Err(Unwritable::Mismatch),
        }
    }

    fn text(&mut self, text: &str) -> Result<(), Unwritable> {
        push_text(self.out, text).map_err(|_| Unwritable::Character)
    }

    fn integer(&mut self, value: &Val) -> Result<(), Unwritable> {
        let text = match value {
            Val::S8(value) => value.to_string(),
            Val::U8(value) => value.to_string(),
            Val::S16(value) => value.to_string(),
            Val::U16(value) => value.to_string(),
            Val::S32(value) => value.to_string(),
            Val::U32(value) => value.to_string(),
            Val::S64(value) => value.to_string(),
            Val::U64(value) => value.to_string(),
            _ => return Err(Unwritable::Mismatch),
        };
        self.out.push_str(&text);
        Ok(())
    }

    fn float(&mut self, shortest: &dyn std::fmt::Debug, value: f64) {
        if value.is_nan() {
            self.out.push_str("NaN");
        } else if value.is_infinite() {
            self.out.push_str(if value > 0.0 { "INF" } else { "-INF" });
        } else {
            self.out.push_str(&format!("{shortest:?}"));
        }
    }
}
