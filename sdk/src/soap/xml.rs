//! XML text to a small tree of elements and back. The host has already refused what is not well formed and every
//! document type declaration, so this module owns only reading what is left into values, under a bound on depth; it
//! knows nothing of SOAP or of types. It never panics: text that the host would have refused is an [`XmlError`] here.

mod reader;

use std::fmt::Write as _;

/// The namespace of `xsi:nil` and `xsi:type` (XML Schema Part 1, section 2.6).
pub const SCHEMA_INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// How deeply elements may nest. A tree is dropped by recursion on a stack of a megabyte, and messages that people write nest ten
/// deep.
const DEPTH_MAX: usize = 100;

/// One element with everything in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// The namespace; empty for none.
    pub namespace: String,
    /// The name without its prefix.
    pub name: String,
    /// The attributes, namespace declarations excluded, with references resolved.
    pub attributes: Vec<Attribute>,
    /// The element's own text and CDATA, joined, with references resolved. Comments do not interrupt it.
    pub text: String,
    /// The child elements in document order.
    pub children: Vec<Element>,
}

/// One attribute of an [`Element`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attribute {
    /// The namespace; empty for an attribute without a prefix.
    pub namespace: String,
    /// The name without its prefix.
    pub name: String,
    /// The value with references resolved and white space normalised (XML 1.0, section 3.3.3).
    pub value: String,
}

/// Why a text is not one XML element.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// It is not well formed, or it uses what SOAP forbids. Holds what and, in bytes from the start, where.
    #[error("the XML is not acceptable at byte {position}: {reason}")]
    Malformed {
        /// Bytes from the start of the text.
        position: u64,
        /// What is wrong there.
        reason: String,
    },
    /// It nests more deeply than 100 elements.
    #[error("elements nest more than {DEPTH_MAX} deep")]
    TooDeep,
}

impl Element {
    /// Reads one element, which may be surrounded by white space, comments and an XML declaration.
    ///
    /// # Errors
    /// When the text is not exactly one well-formed element, has a document type declaration, refers to an entity that
    /// XML does not predefine, or nests too deeply.
    pub fn parse(text: &str) -> Result<Self, XmlError> {
        reader::parse(text)
    }

    /// Whether this is the element of that name in that namespace.
    #[must_use]
    pub fn is(&self, namespace: &str, name: &str) -> bool {
        self.name == name && self.namespace == namespace
    }

    /// The first child of that name, in whatever namespace.
    #[must_use]
    pub fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The value of the attribute of that name in that namespace; an empty namespace for an attribute without a prefix.
    #[must_use]
    pub fn attribute(&self, namespace: &str, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|one| one.name == name && one.namespace == namespace);
        found.map(|one| one.value.as_str())
    }

    /// Whether `xsi:nil` says that the element has no value.
    #[must_use]
    pub fn is_nil(&self) -> bool {
        matches!(self.attribute(SCHEMA_INSTANCE, "nil").map(str::trim), Some("true" | "1"))
    }

    /// The element as XML text that declares its own namespaces. Elements are written without prefixes, attributes of a
    /// namespace with one.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, "");
        out
    }

    fn write(&self, out: &mut String, inherited: &str) {
        let _ = write!(out, "<{}", self.name);
        if self.namespace != inherited {
            let _ = write!(out, " xmlns=\"{}\"", escape(&self.namespace));
        }
        for (index, attribute) in self.attributes.iter().enumerate() {
            match attribute.namespace.as_str() {
                "" => _ = write!(out, " {}=\"{}\"", attribute.name, escape(&attribute.value)),
                // The prefix `xml` is bound by definition (Namespaces in XML, section 3).
                "http://www.w3.org/XML/1998/namespace" => {
                    _ = write!(out, " xml:{}=\"{}\"", attribute.name, escape(&attribute.value));
                }
                namespace => {
                    let (name, value) = (&attribute.name, escape(&attribute.value));
                    let _ =
                        write!(out, " xmlns:n{index}=\"{}\" n{index}:{name}=\"{value}\"", escape(namespace));
                }
            }
        }
        if self.children.is_empty() && self.text.is_empty() {
            out.push_str("/>");
            return;
        }
        let _ = write!(out, ">{}", escape(&self.text));
        for child in &self.children {
            child.write(out, &self.namespace);
        }
        let _ = write!(out, "</{}>", self.name);
    }
}

/// White space as XML means it (XML 1.0, section 2.3).
pub(crate) fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}

/// Text made safe for element content and for attribute values in either kind of quotes. A character that XML 1.0 cannot
/// carry at all (section 2.2: most control characters) becomes U+FFFD, because a message that no client can parse would
/// lose the rest of the answer as well.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    // Most values have nothing to escape; then the text is copied as a whole.
    if !text.bytes().any(|byte| matches!(byte, b'<' | b'>' | b'&' | b'"' | b'\'' | 0..=0x1f | 0xef)) {
        out.push_str(text);
        return out;
    }
    for character in text.chars() {
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            // A parser would fold a literal carriage return into a line feed (section 2.11).
            '\r' => out.push_str("&#13;"),
            '\t' | '\n' => out.push(character),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Element {
        Element::parse(text).unwrap()
    }

    #[test]
    fn prefixes_comments_cdata_and_references_are_read_away() {
        let element = parse(
            "<?xml version='1.0'?><!-- c --><p:a xmlns:p='urn:x' xmlns='urn:y' k='&lt;1&#x41;'>\n t<!-- c -->&amp;<![CDATA[<&]]>\
             <b/><p:c p:k='v'>2</p:c></p:a>\n",
        );
        assert!(element.is("urn:x", "a"));
        assert_eq!(element.attribute("", "k"), Some("<1A"));
        assert_eq!(element.text, "\n t&<&");
        assert!(element.child("b").unwrap().is("urn:y", "b"));
        assert_eq!(element.child("c").unwrap().attribute("urn:x", "k"), Some("v"));
    }

    #[test]
    fn what_is_written_reads_back_as_the_same_tree() {
        let text = "<a xmlns='urn:x' k='&quot;&apos;'><b xmlns='' xml:lang='en'>a&#13;&lt;</b><c xmlns:q='urn:q' q:k='1'/></a>";
        assert_eq!(parse(&parse(text).to_xml()), parse(text));
    }

    #[test]
    fn what_is_not_one_element_is_refused() {
        let bad = [
            "",
            "  ",
            "text",
            "<a>",
            "</a>",
            "<a></b>",
            "<a/><b/>",
            "<a/>tail",
            "<a>&nope;</a>",
            "<a>&#0;</a>",
            "<a>&#xD800;</a>",
            "<p:a/>",
            "<a b='1' b='2'/>",
            "<!DOCTYPE a><a/>",
            "<a",
            "<",
            "<a b=>",
            "<a>&</a>",
            "<a><![CDATA[</a>",
            "<!-- ",
        ];
        for text in bad {
            assert!(Element::parse(text).is_err(), "{text} is accepted");
        }
        let deep = "<a>".repeat(100_000);
        assert_eq!(Element::parse(&deep), Err(XmlError::TooDeep));
    }

    #[test]
    fn no_truncation_or_flipped_byte_of_a_message_panics() {
        let text = "<?xml version='1.0'?><p:a xmlns:p='urn:x' k='&lt;1'>t<!-- c -->&amp;&#65;<![CDATA[<&]]><b x:y='1' xmlns:x='u'/></p:a>";
        for end in 0..text.len() {
            let _ = Element::parse(&text[..end]);
            for byte in [b'<', b'>', b'&', b'\'', b':', b'!', b'/', b' ', 0] {
                let mut bytes = text.as_bytes().to_vec();
                bytes[end] = byte;
                let _ = Element::parse(std::str::from_utf8(&bytes).unwrap());
            }
        }
    }

    #[test]
    fn characters_that_xml_cannot_carry_are_replaced() {
        assert_eq!(escape("a\u{0}\u{8}<\r\n\t"), "a\u{fffd}\u{fffd}&lt;&#13;\n\t");
    }
}
