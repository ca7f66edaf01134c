//! XML text to a small tree of elements and back. The host has already refused what is not well formed and every
//! document type declaration, so this module owns only reading what is left into values, under a bound on depth; it
//! knows nothing of SOAP or of types. It never panics: text that the host would have refused is an [`XmlError`] here.

use std::fmt::Write as _;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;

/// The namespace of `xsi:nil` and `xsi:type` (XML Schema Part 1, section 2.6).
pub const SCHEMA_INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// How deeply elements may nest. A tree is read and dropped by recursion on a stack of a megabyte, and messages that
/// people write nest ten deep.
const DEPTH_MAX: usize = 100;

/// How many namespace declarations may be in scope at once: those of the whole envelope arrive on the element.
const NAMESPACES_MAX: usize = 1024;

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
        let mut reader = NsReader::from_str(text);
        let _ = reader.resolver_mut().set_max_namespace_bindings(NAMESPACES_MAX);
        let mut open: Vec<Element> = Vec::new();
        let mut root: Option<Element> = None;
        loop {
            let event = reader.read_event();
            let malformed =
                |reason: String| XmlError::Malformed { position: reader.buffer_position(), reason };
            let text = match event.map_err(|error| malformed(error.to_string()))? {
                Event::Start(start) => {
                    if open.len() >= DEPTH_MAX {
                        return Err(XmlError::TooDeep);
                    }
                    open.push(Self::start(&reader, &start).map_err(malformed)?);
                    continue;
                }
                Event::Empty(start) => {
                    if open.len() >= DEPTH_MAX {
                        return Err(XmlError::TooDeep);
                    }
                    let element = Self::start(&reader, &start).map_err(malformed)?;
                    place(element, &mut open, &mut root).map_err(malformed)?;
                    continue;
                }
                Event::End(_) => {
                    let element =
                        open.pop().ok_or_else(|| malformed("an end tag without its start".into()))?;
                    place(element, &mut open, &mut root).map_err(malformed)?;
                    continue;
                }
                Event::Text(text) => text.xml10_content().into_owned(),
                Event::CData(text) => text.xml10_content().into_owned(),
                Event::GeneralRef(reference) => match reference.resolve_char_ref() {
                    Ok(Some(character)) => character.to_string(),
                    Ok(None) => match predefined(&reference.into_inner()) {
                        Some(character) => character.to_string(),
                        None => return Err(malformed("an entity that XML does not predefine".into())),
                    },
                    Err(error) => return Err(malformed(error.to_string())),
                },
                Event::DocType(_) => return Err(malformed("a document type declaration".into())),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => continue,
                Event::Eof if open.is_empty() => return root.ok_or_else(|| malformed("no element".into())),
                Event::Eof => return Err(malformed("the text ends inside an element".into())),
            };
            match open.last_mut() {
                Some(element) => element.text.push_str(&text),
                None if text.chars().all(is_space) => {}
                None => return Err(malformed("text outside of the element".into())),
            }
        }
    }

    fn start(reader: &NsReader<&[u8]>, start: &BytesStart<'_>) -> Result<Self, String> {
        let (namespace, name) = reader.resolver().resolve_element(start.name());
        let mut element =
            Self { namespace: bound(namespace)?, name: name.into_inner().into(), ..Self::default() };
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| error.to_string())?;
            if attribute.key.as_namespace_binding().is_some() {
                continue;
            }
            let (namespace, name) = reader.resolver().resolve_attribute(attribute.key);
            let value =
                attribute.normalized_value(XmlVersion::Explicit1_0).map_err(|error| error.to_string())?;
            element.attributes.push(Attribute {
                namespace: bound(namespace)?,
                name: name.into_inner().into(),
                value: value.into_owned(),
            });
        }
        Ok(element)
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

fn place(element: Element, open: &mut [Element], root: &mut Option<Element>) -> Result<(), String> {
    match open.last_mut() {
        Some(parent) => parent.children.push(element),
        None if root.is_none() => *root = Some(element),
        None => return Err("a second element beside the first".into()),
    }
    Ok(())
}

fn bound(namespace: ResolveResult<'_>) -> Result<String, String> {
    match namespace {
        ResolveResult::Bound(namespace) => Ok(namespace.into_inner().into()),
        ResolveResult::Unbound => Ok(String::new()),
        ResolveResult::Unknown(prefix) => Err(format!("the prefix `{prefix}` is not declared")),
    }
}

/// The entities that need no declaration (XML 1.0, section 4.6).
fn predefined(name: &str) -> Option<char> {
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "apos" => Some('\''),
        "quot" => Some('"'),
        _ => None,
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
