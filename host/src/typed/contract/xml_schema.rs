//! Types as XML Schema 1.0, for SOAP.
//!
//! Owns one rule, as its sister for JSON does: an element is valid under the schema exactly when the host takes it, as far as XML
//! Schema 1.0 can say it. Two things are taken beyond it: arguments in another order than that of the function (`xs:sequence`, because
//! the toolkits know wrapped messages by it), and an option in a tuple or among arguments that is there and nil.
//!
//! All elements are in the one namespace of the service, so there is one schema.

use std::collections::HashSet;

use anyhow::{Result, ensure};

use super::text::plain;
use crate::protocol::xml::{push_attribute, push_text};
use crate::typed::model::{Case, Field, Function, Integer, Service, Shape, Type};
use crate::typed::soap::namespace;

/// The element of a call: the function's own name.
#[must_use]
pub fn request(function: &Function) -> String {
    function.name.clone()
}

/// The element of the answer to a call.
#[must_use]
pub fn response(function: &Function) -> String {
    format!("{}Response", function.name)
}

/// The element of a function's own error, in the detail of a fault. The error itself is the element `error` in it.
#[must_use]
pub fn fault(function: &Function) -> String {
    format!("{}Fault", function.name)
}

/// Appends the schema of a service. The prefix `xs` is bound to XML Schema, and `tns` to the service's namespace.
///
/// # Errors
/// When two elements would have one name.
pub(super) fn push(service: &Service, out: &mut String) -> Result<()> {
    let mut schema = Schema { out, level: 2 };
    schema
        .open("xs:schema", &[("targetNamespace", &namespace(service)), ("elementFormDefault", "qualified")]);
    for of in &service.types {
        if let Some(name) = &of.name {
            schema.definition(name, of);
        }
    }
    let mut names = HashSet::new();
    let mut unique = |name: String| {
        ensure!(
            names.insert(name.clone()),
            "the messages of two functions would both be called `{name}` in SOAP; rename one of the functions"
        );
        anyhow::Ok(name)
    };
    for function in &service.functions {
        schema.wrapper(&unique(request(function))?, |schema| {
            for field in &function.parameters {
                schema.element(&field.name, &field.of, &field.docs, field.is_optional());
            }
        });
        schema.wrapper(&unique(response(function))?, |schema| {
            if let Some(of) = &function.returns.ok {
                schema.element("result", of, "", of.is_option());
            }
        });
        if let Some(of) = &function.returns.error {
            schema.wrapper(&unique(fault(function))?, |schema| {
                schema.element("error", of, "", of.is_option());
            });
        }
    }
    schema.close("xs:schema");
    Ok(())
}

/// Text as character data.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::new();
    // What XML cannot carry is gone from a plain text.
    let _ = push_text(&mut out, &plain(text));
    out
}

struct Schema<'o> {
    out: &'o mut String,
    level: usize,
}

impl Schema<'_> {
    fn indent(&mut self) {
        for _ in 0..self.level {
            self.out.push_str("  ");
        }
    }

    fn tag(&mut self, name: &str, attributes: &[(&str, &str)], end: &str) {
        self.indent();
        self.out.push('<');
        self.out.push_str(name);
        for (name, value) in attributes {
            self.out.push(' ');
            self.out.push_str(name);
            self.out.push_str("=\"");
            // Names of WIT and fixed words; the plugin's name was a file's.
            let _ = push_attribute(self.out, value);
            self.out.push('"');
        }
        self.out.push_str(end);
        self.out.push('\n');
    }

    fn open(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.tag(name, attributes, ">");
        self.level = self.level.saturating_add(1);
    }

    fn close(&mut self, name: &str) {
        self.level = self.level.saturating_sub(1);
        self.indent();
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push_str(">\n");
    }

    fn within(&mut self, name: &str, attributes: &[(&str, &str)], content: impl FnOnce(&mut Self)) {
        self.open(name, attributes);
        content(self);
        self.close(name);
    }

    fn docs(&mut self, docs: &str) {
        if docs.is_empty() {
            return;
        }
        let text = escaped(docs);
        self.indent();
        self.out.push_str("<xs:annotation><xs:documentation>");
        self.out.push_str(&text);
        self.out.push_str("</xs:documentation></xs:annotation>\n");
    }

    fn wrapper(&mut self, name: &str, content: impl FnOnce(&mut Self)) {
        self.within("xs:element", &[("name", name)], |schema| {
            schema.within("xs:complexType", &[], |schema| schema.within("xs:sequence", &[], content));
        });
    }

    /// A named type.
    fn definition(&mut self, name: &str, of: &Type) {
        let kind = if is_simple(of) { "xs:simpleType" } else { "xs:complexType" };
        self.within(kind, &[("name", name)], |schema| {
            schema.docs(&of.docs);
            schema.content(of);
        });
    }

    /// An element that holds a value of a type.
    fn element(&mut self, name: &str, of: &Type, docs: &str, may_be_absent: bool) {
        self.occurring(name, of, docs, if may_be_absent { &[("minOccurs", "0")] } else { &[] });
    }

    fn occurring(&mut self, name: &str, of: &Type, docs: &str, occurrence: &[(&str, &str)]) {
        let mut attributes = vec![("name", name)];
        let valued = valued(of);
        let reference = reference(valued);
        if let Some(reference) = &reference {
            attributes.push(("type", reference));
        }
        attributes.extend_from_slice(occurrence);
        if of.is_option() {
            attributes.push(("nillable", "true"));
        }
        if reference.is_some() && docs.is_empty() {
            return self.tag("xs:element", &attributes, "/>");
        }
        self.within("xs:element", &attributes, |schema| {
            schema.docs(docs);
            if reference.is_none() {
                let kind = if is_simple(valued) { "xs:simpleType" } else { "xs:complexType" };
                schema.within(kind, &[], |schema| schema.content(valued));
            }
        });
    }

    /// What stands inside a type's own element.
    fn content(&mut self, of: &Type) {
        match &of.shape {
            Shape::List(item) => {
                self.items(|schema, occurrence| schema.occurring("item", item, "", occurrence))
            }
            Shape::Flags(cases) => self.items(|schema, occurrence| {
                let mut attributes = vec![("name", "item")];
                attributes.extend_from_slice(occurrence);
                schema.within("xs:element", &attributes, |schema| {
                    schema.within("xs:simpleType", &[], |schema| schema.enumeration(cases));
                });
            }),
            // Only one that holds another is written out; see `valued`.
            Shape::Option(inner) => {
                self.within("xs:sequence", &[], |schema| schema.element("some", inner, "", true));
            }
            Shape::Tuple(items) => self.within("xs:all", &[], |schema| {
                for (place, item) in items.iter().enumerate() {
                    let name = format!("item{}", place.saturating_add(1));
                    schema.element(&name, item, "", item.is_option());
                }
            }),
            Shape::Record(fields) => self.within("xs:all", &[], |schema| schema.fields(fields)),
            Shape::Variant(cases) | Shape::Result { cases } => {
                self.within("xs:choice", &[], |schema| schema.cases(cases));
            }
            Shape::Enum(cases) => self.enumeration(cases),
            Shape::Char => self.within("xs:restriction", &[("base", "xs:string")], |schema| {
                schema.tag("xs:length", &[("value", "1")], "/>");
            }),
            // These are always referred to by name.
            Shape::Bool
            | Shape::Integer(_)
            | Shape::Float32
            | Shape::Float64
            | Shape::String
            | Shape::Bytes => {}
        }
    }

    fn fields(&mut self, fields: &[Field]) {
        for field in fields {
            self.element(&field.name, &field.of, &field.docs, field.is_optional());
        }
    }

    fn items(&mut self, item: impl FnOnce(&mut Self, &[(&str, &str)])) {
        self.within("xs:sequence", &[], |schema| {
            item(schema, &[("minOccurs", "0"), ("maxOccurs", "unbounded")])
        });
    }

    fn cases(&mut self, cases: &[Case]) {
        for case in cases {
            match &case.of {
                Some(of) => self.element(&case.name, of, &case.docs, false),
                None => {
                    let attributes =
                        [("name", case.name.as_str()), ("type", "xs:boolean"), ("fixed", "true")];
                    if case.docs.is_empty() {
                        self.tag("xs:element", &attributes, "/>");
                    } else {
                        self.within("xs:element", &attributes, |schema| schema.docs(&case.docs));
                    }
                }
            }
        }
    }

    fn enumeration(&mut self, cases: &[Case]) {
        self.within("xs:restriction", &[("base", "xs:string")], |schema| {
            for case in cases {
                if case.docs.is_empty() {
                    schema.tag("xs:enumeration", &[("value", &case.name)], "/>");
                } else {
                    schema
                        .within("xs:enumeration", &[("value", &case.name)], |schema| schema.docs(&case.docs));
                }
            }
        });
    }
}

/// The type of the element in which a value stands: an option is its value, or no element.
fn valued(of: &Type) -> &Type {
    match &of.shape {
        Shape::Option(inner) if !inner.is_option() => inner,
        _ => of,
    }
}

fn is_simple(of: &Type) -> bool {
    matches!(of.shape, Shape::Enum(_) | Shape::Char)
}

/// The name of a type that has one.
fn reference(of: &Type) -> Option<String> {
    if let Some(name) = &of.name {
        return Some(format!("tns:{name}"));
    }
    let name = match &of.shape {
        Shape::Bool => "boolean",
        Shape::Integer(integer) => match integer {
            Integer::S8 => "byte",
            Integer::U8 => "unsignedByte",
            Integer::S16 => "short",
            Integer::U16 => "unsignedShort",
            Integer::S32 => "int",
            Integer::U32 => "unsignedInt",
            Integer::S64 => "long",
            Integer::U64 => "unsignedLong",
        },
        Shape::Float32 => "float",
        Shape::Float64 => "double",
        Shape::String => "string",
        Shape::Bytes => "base64Binary",
        _ => return None,
    };
    Some(format!("xs:{name}"))
}
