//! The XML Schema of the values a service takes and gives, gathered while their types are walked. It owns which types
//! are defined and how their definitions are spelled, and knows nothing of WSDL. All types of one service live in its one
//! namespace, which the prefix `tns` names; `xs` is XML Schema's own.

use super::xml::escape;

/// The named types of one service.
#[derive(Debug, Default)]
pub struct Schema {
    types: Vec<NamedType>,
}

#[derive(Debug)]
struct NamedType {
    name: String,
    rust: &'static str,
    definition: String,
}

/// How often an element stands in its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occurs {
    /// Exactly once.
    Once,
    /// Once or not at all, or once with `xsi:nil`.
    Optional,
    /// Any number of times, none included.
    Many,
}

impl Schema {
    /// Defines a type and gives its qualified name. `rust` identifies the Rust type, so that a type which is used twice, or
    /// inside of itself, is defined once; `define` receives the schema and the chosen name. A second Rust type of the
    /// same name is defined with a number behind its name, which changes nothing on the wire.
    pub fn define(
        &mut self,
        name: &str,
        rust: &'static str,
        define: impl FnOnce(&mut Self, &str) -> String,
    ) -> String {
        if let Some(known) = self.types.iter().find(|known| known.rust == rust) {
            return format!("tns:{}", known.name);
        }
        let mut chosen = name.to_owned();
        let mut number = 2_u32;
        while self.types.iter().any(|known| known.name == chosen) {
            chosen = format!("{name}{number}");
            number = number.saturating_add(1);
        }
        let index = self.types.len();
        self.types.push(NamedType { name: chosen.clone(), rust, definition: String::new() });
        let definition = define(self, &chosen);
        if let Some(entry) = self.types.get_mut(index) {
            entry.definition = definition;
        }
        format!("tns:{chosen}")
    }

    /// The definitions of all types, in the order in which they were first used.
    #[must_use]
    pub fn definitions(&self) -> String {
        self.types.iter().map(|one| one.definition.as_str()).collect()
    }
}

/// Declares an element of a sequence.
#[must_use]
pub fn element(name: &str, type_name: &str, occurs: Occurs, documentation: &str) -> String {
    let occurs = match occurs {
        Occurs::Once => "",
        Occurs::Optional => " minOccurs=\"0\" nillable=\"true\"",
        Occurs::Many => " minOccurs=\"0\" maxOccurs=\"unbounded\"",
    };
    let start = format!("<xs:element name=\"{}\" type=\"{}\"{occurs}", escape(name), escape(type_name));
    match annotation(documentation).as_str() {
        "" => format!("{start}/>"),
        annotation => format!("{start}>{annotation}</xs:element>"),
    }
}

/// Declares an element of the schema's top level whose content is a sequence of `elements`.
#[must_use]
pub fn wrapper(name: &str, documentation: &str, elements: &str) -> String {
    format!(
        "<xs:element name=\"{}\">{}<xs:complexType>{}</xs:complexType></xs:element>",
        escape(name),
        annotation(documentation),
        group("sequence", elements)
    )
}

/// Defines a complex type: `compositor` is `sequence` or `choice`.
#[must_use]
pub fn complex_type(name: &str, documentation: &str, compositor: &str, elements: &str) -> String {
    format!(
        "<xs:complexType name=\"{}\">{}{}</xs:complexType>",
        escape(name),
        annotation(documentation),
        group(compositor, elements)
    )
}

/// Defines a simple type that takes one of some words, each with its documentation.
#[must_use]
pub fn enumeration(name: &str, documentation: &str, words: &[(&str, &str)]) -> String {
    let words: String = words
        .iter()
        .map(|(word, documentation)| {
            let start = format!("<xs:enumeration value=\"{}\"", escape(word));
            match annotation(documentation).as_str() {
                "" => format!("{start}/>"),
                annotation => format!("{start}>{annotation}</xs:enumeration>"),
            }
        })
        .collect();
    format!(
        "<xs:simpleType name=\"{}\">{}<xs:restriction base=\"xs:string\">{words}</xs:restriction></xs:simpleType>",
        escape(name),
        annotation(documentation)
    )
}

fn group(compositor: &str, elements: &str) -> String {
    match elements {
        "" => format!("<xs:{compositor}/>"),
        elements => format!("<xs:{compositor}>{elements}</xs:{compositor}>"),
    }
}

fn annotation(documentation: &str) -> String {
    match documentation {
        "" => String::new(),
        text => {
            format!("<xs:annotation><xs:documentation>{}</xs:documentation></xs:annotation>", escape(text))
        }
    }
}
