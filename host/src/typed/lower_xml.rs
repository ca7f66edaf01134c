//! From XML to values, by the types, in one pass over the reader's events.
//!
//! Owns the mapping's XML side on the way in: elements in the service's namespace, each known and there once, scalars in the lexical
//! forms of XML Schema. Refuses to know envelopes. Attributes other than `xsi:nil` are passed over, because toolkits send types and
//! ids that say nothing new. Its recursion is bounded by the depth of the types, what it allocates by the [`Room`].

use std::borrow::Cow;

use wasmtime::component::Val;

use super::invalid::{self, Invalid, expected};
use super::lower_json::missing;
use super::model::{Case, Field, Shape, Type};
use super::room::Room;
use super::scalar;
use crate::protocol::xml::{self, Event, Name, Reader};

/// The namespace of `nil`.
pub const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// Why an element is not the arguments of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It is not XML that is taken here.
    Xml(xml::Error),
    /// A value in it does not fit its type.
    Invalid(Invalid),
}

impl From<xml::Error> for Refusal {
    fn from(error: xml::Error) -> Self {
        Self::Xml(error)
    }
}

impl From<Invalid> for Refusal {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

impl Refusal {
    fn at(self, name: &str) -> Self {
        match self {
            Self::Invalid(invalid) => Self::Invalid(invalid.at(name)),
            xml @ Self::Xml(_) => xml,
        }
    }

    fn at_index(self, index: usize) -> Self {
        match self {
            Self::Invalid(invalid) => Self::Invalid(invalid.at_index(index)),
            xml @ Self::Xml(_) => xml,
        }
    }
}

/// Reads the arguments of a function from the element that has just begun, to its end.
///
/// # Errors
/// See [`Refusal`].
pub fn arguments(
    reader: &mut Reader<'_>,
    namespace: &str,
    parameters: &[Field],
    room: &mut Room,
) -> Result<Vec<Val>, Refusal> {
    room.values(parameters.len())?;
    Lowering { namespace, room }.fields(reader, parameters)
}

struct Lowering<'r> {
    namespace: &'r str,
    room: &'r mut Room,
}

impl Lowering<'_> {
    /// The next child element; none at the end of the element they are in.
    fn child<'t>(&self, reader: &mut Reader<'t>) -> Result<Option<Name<'t>>, Refusal> {
        loop {
            match reader.next()? {
                Event::Start(name) => return Ok(Some(name)),
                Event::End | Event::Eof => return Ok(None),
                Event::Text(text) if text.trim_matches(SPACE).is_empty() => {}
                Event::Text(text) => {
                    let found = format!("the text `{}`", invalid::cut(text.trim_matches(SPACE)));
                    return Err(Invalid::new("only elements", found).into());
                }
            }
        }
    }

    fn is(&self, name: &Name<'_>, local: &str) -> bool {
        name.is(self.namespace, local)
    }

    /// The text of an element that has no children.
    fn text<'t>(
        &self,
        reader: &mut Reader<'t>,
        wanted: impl Fn() -> String,
    ) -> Result<Cow<'t, str>, Refusal> {
        let mut whole = Cow::Borrowed("");
        loop {
            match reader.next()? {
                Event::Text(text) if whole.is_empty() => whole = text,
                Event::Text(text) => whole.to_mut().push_str(&text),
                Event::End | Event::Eof => return Ok(whole),
                Event::Start(name) => {
                    let found = format!("the element `{}`", invalid::cut(name.local));
                    return Err(Invalid::new(wanted(), found).into());
                }
            }
        }
    }

    fn fields(&mut self, reader: &mut Reader<'_>, fields: &[Field]) -> Result<Vec<Val>, Refusal> {
        let mut slots: Vec<Option<Val>> = Vec::with_capacity(fields.len());
        slots.resize_with(fields.len(), || None);
        while let Some(name) = self.child(reader)? {
            let place = fields.iter().position(|field| self.is(&name, &field.name));
            let found = place.and_then(|place| Some((fields.get(place)?, slots.get_mut(place)?)));
            let Some((field, slot)) = found else {
                let found = if *name.namespace == *self.namespace {
                    "an unknown element"
                } else {
                    "an element in another namespace"
                };
                return Err(Invalid::new(known(fields), found).at(&invalid::cut(name.local)).into());
            };
            if slot.is_some() {
                return Err(Invalid::new("one element of this name", "a second one").at(&field.name).into());
            }
            *slot = Some(self.value(reader, &field.of).map_err(|refusal| refusal.at(&field.name))?);
        }
        slots
            .into_iter()
            .zip(fields)
            .map(|(slot, field)| match slot {
                Some(value) => Ok(value),
                None => Ok(missing(field)?),
            })
            .collect()
    }

    /// The value of the element that has just begun, to its end.
    fn value(&mut self, reader: &mut Reader<'_>, of: &Type) -> Result<Val, Refusal> {
        let nil = reader
            .attribute(INSTANCE, "nil")
            .is_some_and(|nil| matches!(nil.trim_matches(SPACE), "true" | "1"));
        if nil {
            if !of.is_option() {
                return Err(Invalid::new(expected(of), "nil").into());
            }
            let content = self.text(reader, || expected(of))?;
            if !content.trim_matches(SPACE).is_empty() {
                return Err(Invalid::new("nothing in an element that is nil", "text").into());
            }
            return Ok(Val::Option(None));
        }
        match &of.shape {
            Shape::Option(inner) => {
                self.room.values(1)?;
                let value = if inner.is_option() {
                    self.inner_option(reader, inner)?
                } else {
                    self.value(reader, inner)?
                };
                Ok(Val::Option(Some(Box::new(value))))
            }
            Shape::List(item) => {
                let mut values = Vec::new();
                self.items(reader, |lowering, reader, place| {
                    lowering.room.values(1)?;
                    values.push(lowering.value(reader, item).map_err(|refusal| refusal.at_index(place))?);
                    Ok(())
                })?;
                Ok(Val::List(values))
            }
            Shape::Flags(cases) => {
                let mut set: Vec<String> = Vec::new();
                self.items(reader, |lowering, reader, place| {
                    let text = lowering.text(reader, || expected(of))?;
                    let text = text.trim_matches(SPACE);
                    let wrong =
                        |expected: String, found: String| Invalid::new(expected, found).at_index(place);
                    let flag = scalar::case(cases, text)
                        .ok_or_else(|| wrong(one_of(cases), format!("`{}`", invalid::cut(text))))?;
                    if set.contains(&flag.wit) {
                        return Err(wrong("each flag once".to_owned(), format!("`{text}` twice")).into());
                    }
                    lowering.room.values(1)?;
                    set.push(flag.wit.clone());
                    Ok(())
                })?;
                Ok(Val::Flags(set))
            }
            Shape::Tuple(items) => self.tuple(reader, of, items),
            Shape::Record(fields) => {
                self.room.fields(fields.len())?;
                let values = self.fields(reader, fields)?;
                Ok(Val::Record(fields.iter().map(|field| field.wit.clone()).zip(values).collect()))
            }
            Shape::Variant(cases) => {
                let (case, value) = self.case(reader, of, cases)?;
                Ok(Val::Variant(case.wit.clone(), value.map(Box::new)))
            }
            Shape::Result { cases } => {
                let (case, value) = self.case(reader, of, cases)?;
                let value = value.map(Box::new);
                Ok(Val::Result(if case.wit == "ok" { Ok(value) } else { Err(value) }))
            }
            _ => {
                let text = self.text(reader, || expected(of))?;
                Ok(self.scalar(of, &text)?)
            }
        }
    }

    /// `item1`, `item2` and so on, of which empty options may be missing.
    fn tuple(
        &mut self,
        reader: &mut Reader<'_>,
        of: &Type,
        items: &[std::sync::Arc<Type>],
    ) -> Result<Val, Refusal> {
        self.room.values(items.len())?;
        let mut slots: Vec<Option<Val>> = Vec::with_capacity(items.len());
        slots.resize_with(items.len(), || None);
        while let Some(name) = self.child(reader)? {
            let is_own = *name.namespace == *self.namespace;
            let number = name.local.strip_prefix("item").filter(|number| is_own && !number.starts_with('0'));
            let place = number.and_then(|number| number.parse::<usize>().ok()?.checked_sub(1));
            let found = place.and_then(|place| Some((place, items.get(place)?, slots.get_mut(place)?)));
            let Some((place, item, slot)) = found else {
                let found = format!("the element `{}`", invalid::cut(name.local));
                return Err(Invalid::new(expected(of), found).into());
            };
            if slot.is_some() {
                return Err(Invalid::new("one element of this name", "a second one").at_index(place).into());
            }
            *slot = Some(self.value(reader, item).map_err(|refusal| refusal.at_index(place))?);
        }
        let values = slots.into_iter().zip(items).enumerate().map(|(place, (slot, item))| match slot {
            Some(value) => Ok(value),
            None if item.is_option() => Ok(Val::Option(None)),
            None => Err(Invalid::new(expected(item), "nothing").at_index(place)),
        });
        Ok(Val::Tuple(values.collect::<Result<_, _>>()?))
    }

    /// The children of a list, each called `item`.
    fn items(
        &mut self,
        reader: &mut Reader<'_>,
        mut item: impl FnMut(&mut Self, &mut Reader<'_>, usize) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let mut place = 0_usize;
        while let Some(name) = self.child(reader)? {
            if !self.is(&name, "item") {
                return Err(Invalid::new("only elements `item`", "another")
                    .at(&invalid::cut(name.local))
                    .into());
            }
            item(self, reader, place)?;
            place = place.saturating_add(1);
        }
        Ok(())
    }

    /// The inner one of two options: nothing, or an element `some`.
    fn inner_option(&mut self, reader: &mut Reader<'_>, inner: &Type) -> Result<Val, Refusal> {
        const SOME: &str = "nothing, or an element `some`";
        let Some(name) = self.child(reader)? else { return Ok(Val::Option(None)) };
        if !self.is(&name, "some") {
            return Err(Invalid::new(SOME, "another element").into());
        }
        let value = self.value(reader, inner).map_err(|refusal| refusal.at("some"))?;
        if self.child(reader)?.is_some() {
            return Err(Invalid::new(SOME, "more elements").into());
        }
        Ok(value)
    }

    fn case<'c>(
        &mut self,
        reader: &mut Reader<'_>,
        of: &Type,
        cases: &'c [Case],
    ) -> Result<(&'c Case, Option<Val>), Refusal> {
        let unknown = |found: String| Invalid::new(expected(of), found);
        let Some(name) = self.child(reader)? else { return Err(unknown("nothing".to_owned()).into()) };
        let case = cases
            .iter()
            .find(|case| self.is(&name, &case.name))
            .ok_or_else(|| unknown(format!("the element `{}`", invalid::cut(name.local))))?;
        self.room.bytes(case.wit.len())?;
        let value = match &case.of {
            Some(payload) => {
                self.room.values(1)?;
                Some(self.value(reader, payload).map_err(|refusal| refusal.at(&case.name))?)
            }
            None => {
                self.bare(reader).map_err(|refusal| refusal.at(&case.name))?;
                None
            }
        };
        if self.child(reader)?.is_some() {
            return Err(unknown("more than one element".to_owned()).into());
        }
        Ok((case, value))
    }

    /// The element of a case without payload: a boolean whose value is fixed, so that it may be left out of it (XML Schema part 1,
    /// section 3.3.4, "Element Locally Valid", clause 5.1).
    fn bare(&self, reader: &mut Reader<'_>) -> Result<(), Refusal> {
        let wanted = || "`true`, or an empty element".to_owned();
        let text = self.text(reader, wanted)?;
        match text.trim_matches(SPACE) {
            "" | "true" | "1" => Ok(()),
            other => Err(Invalid::new(wanted(), format!("`{}`", invalid::cut(other))).into()),
        }
    }

    /// A scalar from its lexical form in XML Schema (part 2, section 3.3): white space around it is nothing, but in strings.
    fn scalar(&mut self, of: &Type, text: &str) -> Result<Val, Invalid> {
        let bare = text.trim_matches(SPACE);
        let value = match &of.shape {
            Shape::Bool => match bare {
                "true" | "1" => Some(Val::Bool(true)),
                "false" | "0" => Some(Val::Bool(false)),
                _ => None,
            },
            Shape::Integer(integer) => {
                schema_integer(bare).and_then(|number| scalar::integer_value(*integer, number))
            }
            Shape::Float32 => schema_float(bare, scalar::float32, f32::NAN, f32::INFINITY).map(Val::Float32),
            Shape::Float64 => schema_float(bare, scalar::float64, f64::NAN, f64::INFINITY).map(Val::Float64),
            Shape::Char => scalar::character(text).map(Val::Char),
            Shape::String => {
                self.room.bytes(text.len())?;
                Some(Val::String(text.to_owned()))
            }
            Shape::Bytes => {
                self.room.values(text.len() / 4 * 3)?;
                let packed: String = text.split(SPACE).collect();
                scalar::bytes(&packed).map(|bytes| scalar::bytes_value(&bytes))
            }
            Shape::Enum(cases) => scalar::case(cases, bare).map(|case| Val::Enum(case.wit.clone())),
            _ => None,
        };
        value.ok_or_else(|| Invalid::new(expected(of), format!("`{}`", invalid::cut(bare))))
    }
}

/// XML's white space.
const SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// A sign or none, and digits with any zeros before them.
fn schema_integer(text: &str) -> Option<i128> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = digits.trim_start_matches('0');
    match digits {
        "" => Some(0),
        digits => scalar::text_integer(&format!("{sign}{digits}")),
    }
}

fn schema_float<F: std::ops::Neg<Output = F>>(
    text: &str,
    parse: impl Fn(&str) -> Option<F>,
    nan: F,
    infinity: F,
) -> Option<F> {
    match text {
        "NaN" => Some(nan),
        "INF" | "+INF" => Some(infinity),
        "-INF" => Some(-infinity),
        _ => {
            let plain = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
            if text.bytes().all(plain) { parse(text) } else { None }
        }
    }
}

fn known(fields: &[Field]) -> String {
    if fields.is_empty() {
        return "no elements".to_owned();
    }
    let names: Vec<&str> = fields.iter().take(12).map(|field| field.name.as_str()).collect();
    let more = if fields.len() > names.len() { ", ..." } else { "" };
    format!("only the elements {}{more}", names.join(", "))
}

fn one_of(cases: &[Case]) -> String {
    format!("one of {}", cases.iter().map(|case| &*case.name).collect::<Vec<_>>().join(", "))
}
