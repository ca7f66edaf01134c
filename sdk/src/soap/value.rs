//! Rust values as the content of XML elements: reading, writing and describing them. It owns which Rust types an operation
//! may take and give, how strict reading is, and how a wrong value is reported; it knows nothing of envelopes or WSDL.
//!
//! Reading is strict about what is there (a missing, unknown, repeated or misspelt element is refused with its path) and
//! lenient about how it is written (any prefix, order, white space, comment, CDATA or `xsi:type`), because clients differ
//! in the second and err in the first.

use std::fmt;

use super::decimal::{Decimal, DecimalError};
use super::schema::{self, Occurs, Schema};
use super::xml::{Element, escape, is_space};

/// How much of a wrong value its message repeats, in characters.
const FOUND_CHARACTERS_MAX: usize = 64;

/// A type whose values are the content of one element. Derive it for structs (a sequence of elements), for enums without
/// data (an enumeration of words) and for enums whose variants hold one value each (a choice of elements).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand in a SOAP message",
    note = "derive `XmlValue` for it, or use one of the types that `guesthouse_sdk::soap` lists"
)]
pub trait XmlValue: Sized {
    /// The qualified name of the type in a schema, which it is added to unless XML Schema has it built in.
    fn type_name(schema: &mut Schema) -> String;

    /// Reads the content of `element`, whose name the caller has checked.
    ///
    /// # Errors
    /// When the content is not of this type.
    fn read(element: &Element) -> Result<Self, Mismatch>;

    /// Writes the content.
    fn write(&self, out: &mut Writer);
}

/// A type that a parameter, a field or a named result may have: an [`XmlValue`], an [`Option`] of one (an element that
/// may be absent or nil) or a [`Vec`] of them (an element that may be repeated).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an element of a SOAP message",
    note = "use a type that implements `XmlValue`, or an `Option` or a `Vec` of one; for bytes use `soap::Bytes`"
)]
pub trait XmlField: Sized {
    /// Declares the element of that name.
    fn declare(name: &str, documentation: &str, schema: &mut Schema) -> String;

    /// Reads all elements of that name.
    ///
    /// # Errors
    /// When they are too few, too many, or hold something else.
    fn read(name: &str, elements: &[&Element]) -> Result<Self, Mismatch>;

    /// Writes the element, as often as there are values.
    fn write(&self, name: &str, out: &mut Writer);
}

/// A type whose fields are a sequence of elements: every struct that derives [`XmlValue`], and `()` for none. An operation
/// that does not name its result gives one of these, and its fields become the elements of the response.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a struct of elements, so the response's element has no name",
    note = "name it with `#[operation(returns = \"...\")]`, or return a struct that derives `XmlValue`"
)]
pub trait XmlSequence: Sized {
    /// Declares the elements in their order.
    fn declare(schema: &mut Schema) -> String;

    /// Writes the elements in their order.
    fn write_fields(&self, out: &mut Writer);
}

impl XmlSequence for () {
    fn declare(_schema: &mut Schema) -> String {
        String::new()
    }

    fn write_fields(&self, _out: &mut Writer) {}
}

/// A message that does not have the form its operation asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The names from the innermost element outwards.
    path: Vec<String>,
    expected: String,
    found: String,
}

impl Mismatch {
    /// A mismatch at the element that is being read.
    pub fn new(expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { path: Vec::new(), expected: expected.into(), found: found.into() }
    }

    /// The same mismatch, seen from the parent of the element `name`.
    #[must_use]
    pub fn under(mut self, name: impl Into<String>) -> Self {
        self.path.push(name.into());
        self
    }

    /// Where: names from the body's first child inwards, divided by `/`.
    #[must_use]
    pub fn path(&self) -> String {
        self.path.iter().rev().map(String::as_str).collect::<Vec<_>>().join("/")
    }

    /// What should have been there.
    #[must_use]
    pub fn expected(&self) -> &str {
        &self.expected
    }

    /// What was there, shortened.
    #[must_use]
    pub fn found(&self) -> &str {
        &self.found
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: expected {}, found {}", self.path(), self.expected, self.found)
    }
}

impl std::error::Error for Mismatch {}

/// XML text in the making. Elements are written without prefixes, in the default namespace of the element that wraps them.
#[derive(Debug, Default)]
pub struct Writer {
    out: String,
}

impl Writer {
    /// Writes an element; `content` writes what is in it.
    pub fn element(&mut self, name: &str, content: impl FnOnce(&mut Self)) {
        self.tag(name, "", content);
    }

    /// Writes text, escaped.
    pub fn text(&mut self, text: &str) {
        self.out.push_str(&escape(text));
    }

    /// One whole element that declares `namespace` as the default namespace.
    pub fn document(namespace: &str, name: &str, content: impl FnOnce(&mut Self)) -> String {
        let mut writer = Self::default();
        writer.tag(name, &format!(" xmlns=\"{}\"", escape(namespace)), content);
        writer.out
    }

    fn tag(&mut self, name: &str, attributes: &str, content: impl FnOnce(&mut Self)) {
        self.out.push('<');
        self.out.push_str(name);
        self.out.push_str(attributes);
        self.out.push('>');
        content(self);
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }
}

/// Takes an element apart into the fields of a struct or the parameters of an operation.
#[derive(Debug)]
pub struct Fields<'a> {
    element: &'a Element,
    names: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// Begins with an element that must hold elements only.
    ///
    /// # Errors
    /// When it is nil or holds text.
    pub fn new(element: &'a Element) -> Result<Self, Mismatch> {
        if element.is_nil() {
            return Err(Mismatch::new("a value", "xsi:nil"));
        }
        if !element.text.chars().all(is_space) {
            return Err(Mismatch::new("elements only", shorten(&element.text)));
        }
        Ok(Self { element, names: Vec::new() })
    }

    /// Takes the field of that name.
    ///
    /// # Errors
    /// When it is missing, repeated or of another type.
    pub fn take<T: XmlField>(&mut self, name: &'static str) -> Result<T, Mismatch> {
        self.names.push(name);
        // All types of a service live in one namespace and local elements are qualified, so that the namespace of the
        // parent is the namespace of the child.
        let namespace = self.element.namespace.as_str();
        let found: Vec<&Element> =
            self.element.children.iter().filter(|child| child.is(namespace, name)).collect();
        match T::read(name, &found) {
            // The name is right and the namespace is not: say that instead of claiming that the element is absent.
            Err(mismatch) if found.is_empty() => {
                Err(self.element.child(name).map_or(mismatch, |child| self.misplaced(child)))
            }
            read => read,
        }
    }

    /// Ends: nothing but the fields that were taken may be there.
    ///
    /// # Errors
    /// When there is an element of another name or namespace.
    pub fn finish(self) -> Result<(), Mismatch> {
        for child in &self.element.children {
            if !self.names.contains(&child.name.as_str()) {
                let expected = match self.names.as_slice() {
                    [] => "no elements".to_owned(),
                    names => format!("only {}", list(names)),
                };
                return Err(Mismatch::new(expected, format!("`{}`", shorten(&child.name))));
            }
            if child.namespace != self.element.namespace {
                return Err(self.misplaced(child));
            }
        }
        Ok(())
    }

    fn misplaced(&self, child: &Element) -> Mismatch {
        let found = match child.namespace.as_str() {
            "" => "no namespace".to_owned(),
            other => format!("namespace `{}`", shorten(other)),
        };
        Mismatch::new(format!("namespace `{}`", self.element.namespace), found).under(shorten(&child.name))
    }
}

fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// A value as far as a message repeats it.
fn shorten(text: &str) -> String {
    let mut characters = text.trim_matches(is_space).chars();
    let mut short: String = characters.by_ref().take(FOUND_CHARACTERS_MAX).collect();
    if characters.next().is_some() {
        short.push('…');
    }
    short
}

/// The text of an element that must hold text only.
///
/// # Errors
/// When it is nil or holds elements.
pub fn text<'a>(element: &'a Element, expected: &str) -> Result<&'a str, Mismatch> {
    if element.is_nil() {
        return Err(Mismatch::new(expected, "xsi:nil"));
    }
    match element.children.first() {
        Some(child) => Err(Mismatch::new(expected, format!("the element `{}`", shorten(&child.name)))),
        None => Ok(&element.text),
    }
}

/// The text of an element whose type collapses white space (XML Schema Part 2, section 4.3.6), as all built-in types but
/// strings do.
///
/// # Errors
/// As [`text`].
pub fn token<'a>(element: &'a Element, expected: &str) -> Result<&'a str, Mismatch> {
    Ok(text(element, expected)?.trim_matches(is_space))
}

/// A mismatch that repeats the text that was found.
#[must_use]
pub fn unexpected(expected: impl Into<String>, found: &str) -> Mismatch {
    let found = match shorten(found) {
        short if short.is_empty() => "nothing".to_owned(),
        short => format!("`{short}`"),
    };
    Mismatch::new(expected, found)
}

/// Reads the one child element of a choice.
///
/// # Errors
/// When there is none, more than one, or text; `names` are those that may be there.
pub fn choice<'a>(element: &'a Element, names: &[&str]) -> Result<&'a Element, Mismatch> {
    let expected = || format!("exactly one of {}", list(names));
    let _ = Fields::new(element)?;
    match element.children.as_slice() {
        [child] if child.namespace == element.namespace && names.contains(&child.name.as_str()) => Ok(child),
        [child] => Err(Mismatch::new(expected(), format!("`{}`", shorten(&child.name)))),
        children => Err(Mismatch::new(expected(), format!("{} elements", children.len()))),
    }
}

impl<T: XmlValue> XmlField for T {
    fn declare(name: &str, documentation: &str, schema: &mut Schema) -> String {
        schema::element(name, &T::type_name(schema), Occurs::Once, documentation)
    }

    fn read(name: &str, elements: &[&Element]) -> Result<Self, Mismatch> {
        match elements {
            [element] => T::read(element).map_err(|mismatch| mismatch.under(name)),
            [] => Err(Mismatch::new("one element", "none").under(name)),
            more => Err(Mismatch::new("one element", more.len().to_string()).under(name)),
        }
    }

    fn write(&self, name: &str, out: &mut Writer) {
        out.element(name, |out| XmlValue::write(self, out));
    }
}

impl<T: XmlValue> XmlField for Option<T> {
    fn declare(name: &str, documentation: &str, schema: &mut Schema) -> String {
        schema::element(name, &T::type_name(schema), Occurs::Optional, documentation)
    }

    fn read(name: &str, elements: &[&Element]) -> Result<Self, Mismatch> {
        match elements {
            [] => Ok(None),
            [element] if element.is_nil() => Ok(None),
            [element] => T::read(element).map(Some).map_err(|mismatch| mismatch.under(name)),
            more => Err(Mismatch::new("at most one element", more.len().to_string()).under(name)),
        }
    }

    fn write(&self, name: &str, out: &mut Writer) {
        if let Some(value) = self {
            XmlField::write(value, name, out);
        }
    }
}

impl<T: XmlValue> XmlField for Vec<T> {
    fn declare(name: &str, documentation: &str, schema: &mut Schema) -> String {
        schema::element(name, &T::type_name(schema), Occurs::Many, documentation)
    }

    fn read(name: &str, elements: &[&Element]) -> Result<Self, Mismatch> {
        let one = |(index, element): (usize, &&Element)| {
            T::read(element)
                .map_err(|mismatch| mismatch.under(format!("{name}[{}]", index.saturating_add(1))))
        };
        elements.iter().enumerate().map(one).collect()
    }

    fn write(&self, name: &str, out: &mut Writer) {
        for value in self {
            XmlField::write(value, name, out);
        }
    }
}

impl<T: XmlValue> XmlValue for Box<T> {
    fn type_name(schema: &mut Schema) -> String {
        T::type_name(schema)
    }

    fn read(element: &Element) -> Result<Self, Mismatch> {
        T::read(element).map(Box::new)
    }

    fn write(&self, out: &mut Writer) {
        T::write(self, out);
    }
}

impl XmlValue for String {
    fn type_name(_schema: &mut Schema) -> String {
        "xs:string".into()
    }

    fn read(element: &Element) -> Result<Self, Mismatch> {
        text(element, "xs:string").map(str::to_owned)
    }

    fn write(&self, out: &mut Writer) {
        out.text(self);
    }
}

impl XmlValue for bool {
    fn type_name(_schema: &mut Schema) -> String {
        "xs:boolean".into()
    }

    fn read(element: &Element) -> Result<Self, Mismatch> {
        let expected = "xs:boolean (true, false, 1 or 0)";
        match token(element, expected)? {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            found => Err(unexpected(expected, found)),
        }
    }

    fn write(&self, out: &mut Writer) {
        out.text(if *self { "true" } else { "false" });
    }
}

macro_rules! integers {
    ($($rust:ty => $schema:literal),* $(,)?) => {$(
        impl XmlValue for $rust {
            fn type_name(_schema: &mut Schema) -> String {
                $schema.into()
            }

            fn read(element: &Element) -> Result<Self, Mismatch> {
                let expected = || format!("{} ({} to {})", $schema, <$rust>::MIN, <$rust>::MAX);
                let found = token(element, $schema)?;
                // `-0` is nought in every integer type of XML Schema; Rust's unsigned types take no sign.
                let digits = match found.strip_prefix('-') {
                    Some(rest) if !rest.is_empty() && rest.bytes().all(|byte| byte == b'0') => rest,
                    _ => found,
                };
                digits.parse().map_err(|_| unexpected(expected(), found))
            }

            fn write(&self, out: &mut Writer) {
                out.text(&self.to_string());
            }
        }
    )*};
}

integers! {
    i8 => "xs:byte", i16 => "xs:short", i32 => "xs:int", i64 => "xs:long",
    u8 => "xs:unsignedByte", u16 => "xs:unsignedShort", u32 => "xs:unsignedInt", u64 => "xs:unsignedLong",
}

impl XmlValue for f64 {
    fn type_name(_schema: &mut Schema) -> String {
        "xs:double".into()
    }

    fn read(element: &Element) -> Result<Self, Mismatch> {
        match token(element, "xs:double")? {
            "INF" => Ok(Self::INFINITY),
            "-INF" => Ok(Self::NEG_INFINITY),
            "NaN" => Ok(Self::NAN),
            // Rust also reads `inf`, `infinity` and `nan` in any case, which XML Schema does not know.
            found => match found.parse() {
                Ok(value)
                    if found
                        .bytes()
                        .all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')) =>
                {
                    Ok(value)
                }
                _ => Err(unexpected("xs:double", found)),
            },
        }
    }

    fn write(&self, out: &mut Writer) {
        match *self {
            Self::INFINITY => out.text("INF"),
            Self::NEG_INFINITY => out.text("-INF"),
            value if value.is_nan() => out.text("NaN"),
            value => out.text(&format!("{value:?}")),
        }
    }
}

impl XmlValue for Decimal {
    fn type_name(_schema: &mut Schema) -> String {
        "xs:decimal".into()
    }

    fn read(element: &Element) -> Result<Self, Mismatch> {
        let found = token(element, "xs:decimal")?;
        found.parse().map_err(|error| match error {
            DecimalError::Lexical => unexpected("xs:decimal", found),
            DecimalError::Digits => {
                unexpected("xs:decimal of at most 38 digits, 28 of them behind the point", found)
            }
        })
    }

    fn write(&self, out: &mut Writer) {
        out.text(&self.to_string());
    }
}
