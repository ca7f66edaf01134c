//! The pull reader.
//!
//! Owns well-formedness with namespaces, but for what [`super::document`] has already checked, and the bounds of nesting,
//! attributes and declarations. What it gives out borrows from the document wherever nothing had to be resolved.

use std::borrow::Cow;
use std::collections::HashSet;

use super::character::{is_character, is_space, name_length};
use super::document::Document;
use super::error::{Error, ErrorKind};
use super::scope::{Namespace, Scope, XML_NAMESPACE, XMLNS_NAMESPACE};
use super::write::push_attribute;
use crate::limits::{PluginLimits, XML_CAPTURE_BYTES_MAX};

/// What one document may ask of its reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Elements within elements, the root included.
    pub depth_max: usize,
    /// Attributes of one element, namespace declarations not counted.
    pub attributes_max: usize,
    /// Namespace declarations of one element.
    pub namespaces_max: usize,
    /// What becomes of processing instructions.
    pub instructions: Instructions,
}

/// What becomes of processing instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instructions {
    /// They are an error: SOAP forbids them (SOAP 1.1 section 3, SOAP 1.2 part 1 section 5), XML-RPC has no use for them.
    Refuse,
    /// They are checked and skipped, as in a contract that is only passed on.
    Skip,
}

impl Bounds {
    /// The bounds that a plugin's limits set.
    #[must_use]
    pub fn of(limits: &PluginLimits) -> Self {
        let size = |limit: u64| usize::try_from(limit).unwrap_or(usize::MAX);
        Self {
            depth_max: size(limits.xml_depth_max),
            attributes_max: size(limits.xml_attributes_max),
            namespaces_max: size(limits.xml_namespaces_max),
            instructions: Instructions::Refuse,
        }
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self::of(&PluginLimits::DEFAULT)
    }
}

/// An expanded name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name<'a> {
    /// The namespace; empty for none.
    pub namespace: Namespace<'a>,
    /// The local name.
    pub local: &'a str,
}

impl Name<'_> {
    /// Whether this is that name.
    #[must_use]
    pub fn is(&self, namespace: &str, local: &str) -> bool {
        self.local == local && *self.namespace == *namespace
    }
}

/// An attribute that is no namespace declaration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// Its name; without a prefix it is in no namespace.
    pub name: Name<'a>,
    /// Its value, references resolved and white space made spaces.
    pub value: Cow<'a, str>,
    prefix: &'a str,
}

/// What comes next in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<'a> {
    /// An element begins; [`Reader::attributes`] has its attributes until the next event.
    Start(Name<'a>),
    /// All character data up to the next tag: never empty, references resolved, CDATA sections and the text round comments
    /// put together. Only inside the root.
    Text(Cow<'a, str>),
    /// The element that began last and has not ended ends. An empty element has this event, too.
    End,
    /// The document ends here and was well-formed. Asked again, the reader says so again.
    Eof,
}

/// An element that has begun.
#[derive(Debug)]
struct Open<'a> {
    /// Its name as written.
    name: &'a str,
    /// Where its start tag begins.
    start: usize,
    /// How many bindings were in scope before it.
    bindings: usize,
}

/// Goes through a document once. After an error it must not be used further: the place it stands at is not defined.
#[derive(Debug)]
pub struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    position: usize,
    bounds: Bounds,
    fragment: bool,
    seen_root: bool,
    /// The last start tag was that of an empty element.
    end_follows: bool,
    open: Vec<Open<'a>>,
    scope: Scope<'a>,
    attributes: Vec<Attribute<'a>>,
    /// Bytes of namespace declarations that captures have added.
    captured_bytes: usize,
}

impl<'a> Reader<'a> {
    /// Begins a document or a fragment.
    #[must_use]
    pub fn new(document: &'a Document<'_>, bounds: Bounds) -> Self {
        let (text, position) = document.parts();
        Self {
            text,
            bytes: text.as_bytes(),
            position,
            bounds,
            fragment: document.is_fragment(),
            seen_root: false,
            end_follows: false,
            open: Vec::new(),
            scope: Scope::default(),
            attributes: Vec::new(),
            captured_bytes: 0,
        }
    }

    /// The attributes of the element that has just begun, in document order.
    #[must_use]
    pub fn attributes(&self) -> &[Attribute<'a>] {
        &self.attributes
    }

    /// The value of one of these attributes.
    #[must_use]
    pub fn attribute(&self, namespace: &str, local: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|attribute| attribute.name.is(namespace, local))
            .map(|found| &*found.value)
    }

    /// How many elements are open. 1 after the root has begun.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.open.len()
    }

    /// The bytes read so far; see [`Error::offset`] for what is counted.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.position
    }

    /// An error of this kind at this place, for what the reader itself cannot know to be wrong.
    #[must_use]
    pub fn error(&self, kind: ErrorKind) -> Error {
        kind.at(self.text, self.position)
    }

    /// What comes next.
    ///
    /// # Errors
    /// When the document is not well-formed, or asks for more than its bounds.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator could not say that it must stop after an error"
    )]
    pub fn next(&mut self) -> Result<Event<'a>, Error> {
        if self.end_follows {
            self.end_follows = false;
            self.close();
            return Ok(Event::End);
        }
        if self.open.is_empty() { self.outside() } else { self.inside() }
    }

    /// Goes to the end of the element that began last and has not ended, over its [`Event::End`].
    ///
    /// # Errors
    /// As [`Reader::next`].
    pub fn skip(&mut self) -> Result<(), Error> {
        let depth = self.open.len();
        while self.open.len() >= depth && depth > 0 {
            self.next()?;
        }
        Ok(())
    }

    /// Goes to the end of the element that has just begun, over its [`Event::End`], and gives it as XML text that means the same
    /// anywhere: with every namespace in scope declared on it, since prefixes may also stand in its text and values.
    ///
    /// # Errors
    /// As [`Reader::next`], and when the namespaces that captures of this document add are too long in total.
    pub fn capture(&mut self) -> Result<Cow<'a, str>, Error> {
        let Some(open) = self.open.last() else { return Ok(Cow::Borrowed("")) };
        let (start, bindings) = (open.start, open.bindings);
        let name_end = start.saturating_add(1).saturating_add(open.name.len());
        let mut declarations = String::new();
        for binding in self.scope.inherited(bindings) {
            declarations.push_str(if binding.prefix.is_empty() { " xmlns" } else { " xmlns:" });
            declarations.push_str(binding.prefix);
            declarations.push_str("=\"");
            // A namespace name was read from a document, so each of its characters can be written.
            let written = push_attribute(&mut declarations, &binding.namespace);
            declarations.push('"');
            let total = self.captured_bytes.saturating_add(declarations.len());
            if written.is_err() || total > XML_CAPTURE_BYTES_MAX {
                return Err(self.error(ErrorKind::Capture));
            }
        }
        self.captured_bytes = self.captured_bytes.saturating_add(declarations.len());
        self.skip()?;
        if declarations.is_empty() {
            return Ok(Cow::Borrowed(self.slice(start, self.position)));
        }
        let (head, rest) = (self.slice(start, name_end), self.slice(name_end, self.position));
        Ok(Cow::Owned([head, &declarations, rest].concat()))
    }

    fn malformed(&self, rule: &'static str) -> Error {
        self.error(ErrorKind::Malformed(rule))
    }

    fn slice(&self, from: usize, to: usize) -> &'a str {
        self.text.get(from..to).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.position).copied()
    }

    fn advance(&mut self, bytes: usize) {
        self.position = self.position.saturating_add(bytes);
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.position..).unwrap_or_default()
    }

    fn skip_space(&mut self) -> bool {
        let from = self.position;
        while self.peek().is_some_and(is_space) {
            self.advance(1);
        }
        self.position > from
    }

    fn close(&mut self) {
        if let Some(open) = self.open.pop() {
            self.scope.truncate(open.bindings);
        }
    }

    /// Before, between and after roots: production 27 and, in the prolog, what is not taken.
    fn outside(&mut self) -> Result<Event<'a>, Error> {
        loop {
            self.skip_space();
            match self.rest() {
                [] if self.seen_root || self.fragment => return Ok(Event::Eof),
                [] => return Err(self.malformed("there is no element")),
                [b'<', b'!', b'-', b'-', ..] => self.comment()?,
                [b'<', b'?', ..] => self.instruction()?,
                [b'<', b'!', rest @ ..] => {
                    let doctype = rest.starts_with(b"DOCTYPE") && !self.seen_root && !self.fragment;
                    return Err(if doctype {
                        self.error(ErrorKind::Doctype)
                    } else {
                        self.malformed("`<!` outside of the root begins only a comment")
                    });
                }
                [b'<', b'/', ..] => return Err(self.malformed("an end tag without a start tag")),
                [b'<', ..] if self.seen_root && !self.fragment => {
                    return Err(self.malformed("a second root element"));
                }
                [b'<', ..] => return self.start_tag(),
                _ => return Err(self.malformed("text outside of the root element")),
            }
        }
    }

    fn inside(&mut self) -> Result<Event<'a>, Error> {
        let mut run: Cow<'a, str> = Cow::Borrowed("");
        // Where the text begins that is not in `run` yet.
        let mut from = self.position;
        loop {
            let Some(found) = memchr::memchr3(b'<', b'&', b']', self.rest()) else {
                self.position = self.text.len();
                return Err(self.malformed("the document ends inside an element"));
            };
            self.advance(found);
            match self.rest() {
                [b']', b']', b'>', ..] => return Err(self.malformed("`]]>` in text")),
                [b']', ..] => {
                    self.advance(1);
                    continue;
                }
                _ => append(&mut run, self.slice(from, self.position)),
            }
            match self.rest() {
                [b'&', ..] => {
                    let character = self.reference()?;
                    run.to_mut().push(character);
                }
                [b'<', b'!', b'-', b'-', ..] => self.comment()?,
                [b'<', b'!', rest @ ..] if rest.starts_with(b"[CDATA[") => {
                    self.advance(9);
                    let Some(length) = memchr::memmem::find(self.rest(), b"]]>") else {
                        return Err(self.malformed("a CDATA section without an end"));
                    };
                    append(&mut run, self.slice(self.position, self.position.saturating_add(length)));
                    self.advance(length.saturating_add(3));
                }
                [b'<', b'?', ..] => self.instruction()?,
                [b'<', b'!', ..] => return Err(self.malformed("`<!` begins only a comment or CDATA")),
                _ if !run.is_empty() => return Ok(Event::Text(run)),
                [b'<', b'/', ..] => return self.end_tag(),
                _ => return self.start_tag(),
            }
            from = self.position;
        }
    }

    /// Production 15.
    fn comment(&mut self) -> Result<(), Error> {
        self.advance(4);
        let Some(length) = memchr::memmem::find(self.rest(), b"--") else {
            return Err(self.malformed("a comment without an end"));
        };
        self.advance(length.saturating_add(2));
        if self.peek() != Some(b'>') {
            return Err(self.malformed("`--` in a comment"));
        }
        self.advance(1);
        Ok(())
    }

    /// Production 16.
    fn instruction(&mut self) -> Result<(), Error> {
        if self.bounds.instructions == Instructions::Refuse {
            return Err(self.error(ErrorKind::ProcessingInstruction));
        }
        self.advance(2);
        let length = name_length(self.text, self.position);
        let target = self.slice(self.position, self.position.saturating_add(length));
        if target.is_empty() || target.eq_ignore_ascii_case("xml") {
            return Err(self.malformed("the target of a processing instruction"));
        }
        self.advance(length);
        let spaced = self.skip_space();
        let Some(length) = memchr::memmem::find(self.rest(), b"?>") else {
            return Err(self.malformed("a processing instruction without an end"));
        };
        if length > 0 && !spaced {
            return Err(self.malformed("the target of a processing instruction"));
        }
        self.advance(length.saturating_add(2));
        Ok(())
    }

    /// Productions 66 and 68, with the five predefined entities of section 4.6.
    fn reference(&mut self) -> Result<char, Error> {
        let (character, length) = match self.rest() {
            [b'&', b'l', b't', b';', ..] => ('<', 4),
            [b'&', b'g', b't', b';', ..] => ('>', 4),
            [b'&', b'a', b'm', b'p', b';', ..] => ('&', 5),
            [b'&', b'q', b'u', b'o', b't', b';', ..] => ('"', 6),
            [b'&', b'a', b'p', b'o', b's', b';', ..] => ('\'', 6),
            [b'&', b'#', b'x', digits @ ..] => self.character(digits, 16, 3)?,
            [b'&', b'#', digits @ ..] => self.character(digits, 10, 2)?,
            _ => return Err(self.malformed("a reference to an entity that is not predefined")),
        };
        self.advance(length);
        Ok(character)
    }

    fn character(&self, digits: &[u8], radix: u32, before: usize) -> Result<(char, usize), Error> {
        let mut code: u32 = 0;
        for (count, &byte) in digits.iter().enumerate() {
            match char::from(byte).to_digit(radix) {
                // Saturating: past the last character there is none however many digits follow.
                Some(digit) => code = code.saturating_mul(radix).saturating_add(digit),
                None if byte == b';' && count > 0 => {
                    let length = before.saturating_add(count).saturating_add(1);
                    return match char::from_u32(code).filter(|&character| is_character(character)) {
                        Some(character) => Ok((character, length)),
                        None => Err(self.malformed("a reference to a character that XML does not allow")),
                    };
                }
                None => break,
            }
        }
        Err(self.malformed("a character reference"))
    }

    /// A name with at most one colon (Namespaces in XML, production 7): its whole text, prefix and local name.
    fn name(&mut self) -> Result<(&'a str, &'a str, &'a str), Error> {
        let start = self.position;
        let first = name_length(self.text, start);
        self.advance(first);
        if self.peek() != Some(b':') {
            let name = self.slice(start, self.position);
            if name.is_empty() {
                return Err(self.malformed("a name"));
            }
            return Ok((name, "", name));
        }
        self.advance(1);
        let colon = self.position;
        let second = name_length(self.text, colon);
        self.advance(second);
        if first == 0 || second == 0 || self.peek() == Some(b':') {
            return Err(self.malformed("a name with a colon has one name before and one after it"));
        }
        let local = self.slice(colon, self.position);
        Ok((self.slice(start, self.position), self.slice(start, start.saturating_add(first)), local))
    }

    /// Productions 40 and 44.
    fn start_tag(&mut self) -> Result<Event<'a>, Error> {
        let start = self.position;
        if self.open.len() >= self.bounds.depth_max {
            return Err(self.error(ErrorKind::Depth));
        }
        self.advance(1);
        let (name, prefix, local) = self.name()?;
        let bindings = self.scope.len();
        self.attributes.clear();
        loop {
            let spaced = self.skip_space();
            match self.rest() {
                [b'>', ..] => {
                    self.advance(1);
                    break;
                }
                [b'/', b'>', ..] => {
                    self.advance(2);
                    self.end_follows = true;
                    break;
                }
                [] => return Err(self.malformed("the document ends inside a tag")),
                _ if !spaced => return Err(self.malformed("attributes are separated by white space")),
                _ => self.attribute_or_declaration(bindings)?,
            }
        }
        if !self.attributes.is_empty() {
            self.resolve_attributes()?;
        }
        let Some(namespace) = self.scope.resolve(prefix) else {
            return Err(self.malformed("a prefix that is not declared"));
        };
        if prefix == "xmlns" {
            return Err(self.malformed("an element must not have the prefix `xmlns`"));
        }
        self.open.push(Open { name, start, bindings });
        self.seen_root = true;
        Ok(Event::Start(Name { namespace, local }))
    }

    /// Production 42.
    fn end_tag(&mut self) -> Result<Event<'a>, Error> {
        self.advance(2);
        let expected = self.open.last().map_or("", |open| open.name);
        let other = "an end tag that does not match its start tag";
        let Some(after) = self.rest().strip_prefix(expected.as_bytes()) else {
            return Err(self.malformed(other));
        };
        self.advance(expected.len());
        if after.first() != Some(&b'>') && !self.skip_space() {
            return Err(self.malformed(other));
        }
        if self.peek() != Some(b'>') {
            return Err(self.malformed("an end tag has nothing but a name"));
        }
        self.advance(1);
        self.close();
        Ok(Event::End)
    }

    fn attribute_or_declaration(&mut self, bindings: usize) -> Result<(), Error> {
        let (name, prefix, local) = self.name()?;
        self.skip_space();
        if self.peek() != Some(b'=') {
            return Err(self.malformed("an attribute without a value"));
        }
        self.advance(1);
        self.skip_space();
        let value = self.attribute_value()?;
        let declared = if name == "xmlns" {
            ""
        } else if prefix == "xmlns" {
            local
        } else {
            if self.attributes.len() >= self.bounds.attributes_max {
                return Err(self.error(ErrorKind::Attributes));
            }
            let name = Name { namespace: Namespace::Borrowed(""), local };
            self.attributes.push(Attribute { name, value, prefix });
            return Ok(());
        };
        if self.scope.len().saturating_sub(bindings) >= self.bounds.namespaces_max {
            return Err(self.error(ErrorKind::Namespaces));
        }
        // Namespaces in XML 1.0, section 3 (reserved prefixes) and section 5 (undeclaring).
        if declared == "xmlns" || value == XMLNS_NAMESPACE {
            return Err(self.malformed("the prefix `xmlns` and its namespace must not be declared"));
        }
        if (declared == "xml") != (value == XML_NAMESPACE) {
            return Err(self.malformed("the prefix `xml` and its namespace belong to each other"));
        }
        if value.is_empty() && !declared.is_empty() {
            return Err(self.malformed("a prefix cannot be undeclared"));
        }
        let namespace = match value {
            Cow::Borrowed(value) => Namespace::Borrowed(value),
            Cow::Owned(value) => Namespace::Shared(value.into()),
        };
        if !self.scope.declare(bindings, declared, namespace) {
            return Err(self.malformed("an attribute appears twice"));
        }
        Ok(())
    }

    /// Production 10, normalised by section 3.3.3.
    fn attribute_value(&mut self) -> Result<Cow<'a, str>, Error> {
        let quote = match self.peek() {
            Some(quote @ (b'"' | b'\'')) => quote,
            _ => return Err(self.malformed("an attribute's value stands in quotes")),
        };
        self.advance(1);
        let mut value: Cow<'a, str> = Cow::Borrowed("");
        let mut from = self.position;
        loop {
            let special = |byte: u8| byte == quote || matches!(byte, b'<' | b'&' | b'\t' | b'\n');
            let Some(found) = self.rest().iter().position(|&byte| special(byte)) else {
                self.position = self.text.len();
                return Err(self.malformed("the document ends inside an attribute's value"));
            };
            self.advance(found);
            append(&mut value, self.slice(from, self.position));
            match self.peek() {
                Some(b'<') => return Err(self.malformed("`<` in an attribute's value")),
                Some(b'&') => {
                    let character = self.reference()?;
                    value.to_mut().push(character);
                }
                Some(b'\t' | b'\n') => {
                    self.advance(1);
                    value.to_mut().push(' ');
                }
                _ => {
                    self.advance(1);
                    return Ok(value);
                }
            }
            from = self.position;
        }
    }

    /// Gives attributes their namespaces, now that all declarations of the tag are known, and finds duplicates: by expanded
    /// name, which covers equal names as written.
    fn resolve_attributes(&mut self) -> Result<(), Error> {
        /// Up to here, comparing each with each is faster than hashing.
        const COMPARED_MAX: usize = 8;
        for attribute in &mut self.attributes {
            // The default namespace does not apply to attributes.
            if !attribute.prefix.is_empty() {
                let Some(namespace) = self.scope.resolve(attribute.prefix) else {
                    return Err(
                        ErrorKind::Malformed("a prefix that is not declared").at(self.text, self.position)
                    );
                };
                attribute.name.namespace = namespace;
            }
        }
        let names =
            || self.attributes.iter().map(|attribute| (attribute.name.local, &*attribute.name.namespace));
        let twice = if self.attributes.len() <= COMPARED_MAX {
            names().enumerate().any(|(index, name)| names().take(index).any(|other| other == name))
        } else {
            let mut seen = HashSet::with_capacity(self.attributes.len());
            !names().all(|name| seen.insert(name))
        };
        if twice { Err(self.malformed("an attribute appears twice")) } else { Ok(()) }
    }
}

/// Appends to a text that borrows as long as it is of one piece.
fn append<'a>(run: &mut Cow<'a, str>, piece: &'a str) {
    if run.is_empty() {
        if let Cow::Owned(owned) = run {
            owned.push_str(piece);
        } else {
            *run = Cow::Borrowed(piece);
        }
    } else if !piece.is_empty() {
        run.to_mut().push_str(piece);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skipping() -> Bounds {
        Bounds { instructions: Instructions::Skip, ..Bounds::default() }
    }

    /// Every event as a line, or what is wrong.
    fn events(text: &str, bounds: Bounds) -> Result<Vec<String>, ErrorKind> {
        let document = Document::from_text(text).map_err(|error| error.kind)?;
        let mut reader = Reader::new(&document, bounds);
        let mut lines = Vec::new();
        loop {
            match reader.next().map_err(|error| error.kind)? {
                Event::Start(name) => {
                    let mut line = format!("<{{{}}}{}", &*name.namespace, name.local);
                    for attribute in reader.attributes() {
                        let name = &attribute.name;
                        line.push_str(&format!(
                            " {{{}}}{}={:?}",
                            &*name.namespace, name.local, attribute.value
                        ));
                    }
                    lines.push(line);
                }
                Event::Text(text) => lines.push(format!("{text:?}")),
                Event::End => lines.push(">".to_owned()),
                Event::Eof => return Ok(lines),
            }
        }
    }

    fn malformed(text: &str) -> bool {
        matches!(events(text, skipping()), Err(ErrorKind::Malformed(_)))
    }

    #[test]
    fn elements_attributes_and_text_come_in_document_order() {
        let text = "<?xml version='1.0'?>\n<!-- a -->\n<a b='1' c = \"2\" ><d/>x<e >y</e\n> </a >\n<!---->\n";
        let expected = ["<{}a {}b=\"1\" {}c=\"2\"", "<{}d", ">", "\"x\"", "<{}e", "\"y\"", ">", "\" \"", ">"];
        assert_eq!(events(text, Bounds::default()).unwrap(), expected);
    }

    #[test]
    fn text_is_one_event_over_comments_cdata_and_references() {
        let text =
            "<a>x&lt;<!-- & < -->&#x1F600;&#10;<![CDATA[<&]]]]><![CDATA[>]]>]] y&quot;&apos;&gt;&amp;</a>";
        let expected = ["<{}a", "\"x<😀\\n<&]]>]] y\\\"'>&\"", ">"];
        assert_eq!(events(text, Bounds::default()).unwrap(), expected);
        assert_eq!(events("<a><![CDATA[]]><!-- --></a>", Bounds::default()).unwrap(), ["<{}a", ">"]);
    }

    #[test]
    fn what_needs_no_resolving_is_borrowed() {
        let document = Document::from_text("<a b='c]d'>e]f</a>").unwrap();
        let mut reader = Reader::new(&document, Bounds::default());
        assert!(matches!(reader.next().unwrap(), Event::Start(_)));
        assert!(matches!(reader.attributes()[0].value, Cow::Borrowed("c]d")));
        assert!(matches!(reader.next().unwrap(), Event::Text(Cow::Borrowed("e]f"))));
    }

    #[test]
    fn white_space_in_attributes_becomes_spaces_but_references_to_it_stay() {
        let text = "<a b='x\ty\r\nz&#9;&#10;&#13;' c=\"'&lt;\"/>";
        assert_eq!(events(text, Bounds::default()).unwrap()[0], "<{}a {}b=\"x y z\\t\\n\\r\" {}c=\"'<\"");
    }

    #[test]
    fn names_are_expanded_by_the_declarations_in_scope() {
        let text = "<p:a xmlns:p='urn:1' xmlns='urn:d' p:x='' y='' xml:lang='en'>\
            <b xmlns='' xmlns:p='urn:&#50;'><p:c/></b><p:d/><e/></p:a>";
        let expected = [
            "<{urn:1}a {urn:1}x=\"\" {}y=\"\" {http://www.w3.org/XML/1998/namespace}lang=\"en\"",
            "<{}b",
            "<{urn:2}c",
            ">",
            ">",
            "<{urn:1}d",
            ">",
            "<{urn:d}e",
            ">",
            ">",
        ];
        assert_eq!(events(text, Bounds::default()).unwrap(), expected);
    }

    #[test]
    fn documents_that_are_not_well_formed_are_refused() {
        for text in [
            "",
            " ",
            "x",
            "<",
            "<a",
            "<a>",
            "<a/",
            "<a b",
            "<a b=",
            "<a b='",
            "<a></",
            "<a></a",
            "</a>",
            "<a></b>",
            "<a></ab>",
            "<ab></a>",
            "<a/><b/>",
            "<a/>x",
            "x<a/>",
            "<a/>&#32;",
            "<a/><![CDATA[]]>",
            "<![CDATA[]]><a/>",
            "<a></a b='1'>",
            "< a/>",
            "<1a/>",
            "<-a/>",
            "<a b=1/>",
            "<a b/>",
            "<a b='1'c='2'/>",
            "<a b='<'/>",
            "<a b='1' b='2'/>",
            "<a b=\"1'/>",
            "<a / >",
            "<a>]]></a>",
            "<a>]]]></a>",
            "<a><!-- -- --></a>",
            "<a><!-- ---></a>",
            "<a><!--></a>",
            "<a><!- x --></a>",
            "<!-- <a/>",
            "<a><![CDATA[</a>",
            "<a><![cdata[]]></a>",
            "<a>&</a>",
            "<a>& b;</a>",
            "<a>&nbsp;</a>",
            "<a>&lt</a>",
            "<a>&#;</a>",
            "<a>&#x;</a>",
            "<a>&#X41;</a>",
            "<a>&#0;</a>",
            "<a>&#1;</a>",
            "<a>&#xD800;</a>",
            "<a>&#xFFFE;</a>",
            "<a>&#x110000;</a>",
            "<a>&#99999999999;</a>",
            "<a>&#4 1;</a>",
            "<a b='&x;'/>",
            "<a><!DOCTYPE a></a>",
            "<a/><!DOCTYPE a>",
            "<!doctype a><a/>",
            " <?xml version='1.0'?><a/>",
            "<a><?xml version='1.0'?></a>",
            "<?XML x?><a/>",
            "<?1?><a/>",
            "<?p?x?><a/>",
            "<?p x><a/>",
            "<? p?><a/>",
            "<a/>\u{feff}",
            "<a/><",
            "<a>\u{e9}",
        ] {
            assert!(malformed(text), "{text:?}: {:?}", events(text, skipping()));
        }
    }

    #[test]
    fn documents_that_are_not_well_formed_with_namespaces_are_refused() {
        for text in [
            "<p:a/>",
            "<a p:b=''/>",
            "<:a/>",
            "<a:/>",
            "<a:b:c xmlns:a='u'/>",
            "<a :b=''/>",
            "<p:1 xmlns:p='u'/>",
            "<a xmlns:p=''/>",
            "<a xmlns:xmlns='u'/>",
            "<a xmlns:p='http://www.w3.org/2000/xmlns/'/>",
            "<a xmlns='http://www.w3.org/2000/xmlns/'/>",
            "<a xmlns:xml='u'/>",
            "<xmlns:a/>",
            "<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>",
            "<a xmlns='http://www.w3.org/XML/1998/namespace'/>",
            "<a xmlns='u' xmlns='u'/>",
            "<a xmlns:p='u' xmlns:p='v'/>",
            "<a xmlns:p='u' xmlns:q='u' p:b='' q:b=''/>",
            "<a><b xmlns:p='u'/><p:c/></a>",
            "<a xmlns:p='u' xmlns:q='u' c='' d='' e='' f='' g='' h='' p:b='' i='' q:b=''/>",
        ] {
            assert!(malformed(text), "{text:?}: {:?}", events(text, skipping()));
        }
        for text in [
            "<a xmlns:p='u' b='' p:b=''/>",
            "<a xmlns='u' xmlns:p='u' b='' p:b=''/>",
            "<a xmlns=''/>",
            "<a xmlns:xml='http://www.w3.org/XML/1998/namespace'/>",
            "<p:a xmlns:p='u'><b xmlns:p='v'/></p:a>",
        ] {
            assert!(events(text, skipping()).is_ok(), "{text:?}: {:?}", events(text, skipping()));
        }
    }

    #[test]
    fn document_type_declarations_and_instructions_have_errors_of_their_own() {
        for text in
            ["<!DOCTYPE a><a/>", "<?xml version='1.0'?><!-- --><!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"]
        {
            assert_eq!(events(text, skipping()), Err(ErrorKind::Doctype), "{text}");
        }
        for text in ["<?p?><a/>", "<a><?p q?></a>", "<a/><?p q?>"] {
            assert_eq!(events(text, Bounds::default()), Err(ErrorKind::ProcessingInstruction), "{text}");
            assert!(events(text, skipping()).is_ok(), "{text}");
        }
    }

    #[test]
    fn every_bound_holds_and_its_last_value_is_taken() {
        let bounds = Bounds { depth_max: 3, attributes_max: 2, namespaces_max: 1, ..Bounds::default() };
        assert!(events("<a><b><c/><c/></b></a>", bounds).is_ok());
        assert_eq!(events("<a><b><c><d/></c></b></a>", bounds), Err(ErrorKind::Depth));
        assert!(events("<a b='' c='' xmlns='u'/>", bounds).is_ok());
        assert_eq!(events("<a b='' c='' d=''/>", bounds), Err(ErrorKind::Attributes));
        assert_eq!(events("<a xmlns='u' xmlns:p='v'/>", bounds), Err(ErrorKind::Namespaces));
    }

    #[test]
    fn a_captured_element_means_the_same_by_itself() {
        let text = "<e:E xmlns:e='urn:e' xmlns='urn:d' xmlns:q='a&amp;\"&lt;b'><x xmlns:e='urn:f'>\
            <y t='q:n'><e:z/>a&lt;b<!-- c --></y><w xmlns=''/></x><p:v xmlns:p='urn:p'/></e:E>";
        let document = Document::from_text(text).unwrap();
        let mut reader = Reader::new(&document, Bounds::default());
        reader.next().unwrap();
        reader.next().unwrap();
        reader.next().unwrap();
        assert_eq!(
            reader.capture().unwrap(),
            "<y xmlns=\"urn:d\" xmlns:q=\"a&amp;&quot;&lt;b\" xmlns:e=\"urn:f\" t='q:n'><e:z/>a&lt;b<!-- c --></y>"
        );
        assert!(matches!(reader.next().unwrap(), Event::Start(name) if name.is("", "w")));
        assert_eq!(
            reader.capture().unwrap(),
            "<w xmlns:q=\"a&amp;&quot;&lt;b\" xmlns:e=\"urn:f\" xmlns=''/>"
        );
        assert_eq!(reader.next().unwrap(), Event::End);
        assert_eq!(reader.depth(), 1);
    }

    #[test]
    fn captures_do_not_multiply_long_declarations() {
        let long = "u".repeat(100_000);
        let text = format!("<a xmlns:p='{long}'>{}</a>", "<p:b/>".repeat(5));
        let document = Document::from_text(&text).unwrap();
        let mut reader = Reader::new(&document, Bounds::default());
        reader.next().unwrap();
        for _ in 0..2 {
            reader.next().unwrap();
            reader.capture().unwrap();
        }
        reader.next().unwrap();
        assert_eq!(reader.capture().unwrap_err().kind, ErrorKind::Capture);
    }

    #[test]
    fn skipping_ends_after_the_end_of_the_element() {
        let document = Document::from_text("<a><b><b/>x<b></b></b><c/></a>").unwrap();
        let mut reader = Reader::new(&document, Bounds::default());
        reader.next().unwrap();
        reader.next().unwrap();
        reader.skip().unwrap();
        assert!(matches!(reader.next().unwrap(), Event::Start(name) if name.local == "c"));
        reader.skip().unwrap();
        reader.skip().unwrap();
        assert_eq!(reader.next().unwrap(), Event::Eof);
        assert_eq!(reader.next().unwrap(), Event::Eof);
    }

    #[test]
    fn a_fragment_is_any_number_of_elements_and_no_text() {
        let read = |text: &str| {
            let document = Document::fragment(text).unwrap();
            let mut reader = Reader::new(&document, Bounds::default());
            let mut roots = 0;
            loop {
                match reader.next() {
                    Ok(Event::Start(_)) => {
                        roots += 1;
                        reader.skip()?;
                    }
                    Ok(Event::Eof) => return Ok(roots),
                    Ok(other) => panic!("{other:?}"),
                    Err(error) => return Err(error),
                }
            }
        };
        assert_eq!(read(""), Ok(0));
        assert_eq!(read(" <a/>\n<b xmlns='u'>x</b><!-- --> "), Ok(2));
        for text in [
            "x",
            "<a/>x",
            "<a>",
            "<p:a/>",
            "<?xml version='1.0'?><a/>",
            "<!DOCTYPE a><a/>",
            "</a>",
            "<a/>&amp;",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_error_says_where_it_is() {
        let document = Document::from_text("<a>\r\n<b>\r\n</c></a>").unwrap();
        let mut reader = Reader::new(&document, Bounds::default());
        let error = loop {
            if let Err(error) = reader.next() {
                break error;
            }
        };
        assert_eq!((error.line, error.offset), (3, 10));
        assert_eq!(
            error.to_string(),
            "line 3, byte 10: not well-formed: an end tag that does not match its start tag"
        );
    }

    /// Small and good enough to choose mutations; the seed is fixed so that a failure comes again.
    struct Random(u64);

    impl Random {
        fn below(&mut self, limit: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(self.0 >> 33).unwrap() % limit
        }
    }

    #[test]
    fn whatever_bytes_come_it_ends_without_a_panic() {
        let seeds: [&[u8]; 4] = [
            b"<?xml version='1.0' encoding='utf-8'?><e:E xmlns:e='urn:e' xmlns='d'><e:B a='1' e:a=\"&lt;\"/>x&#x41;</e:E>",
            b"<a><!-- c --><![CDATA[ ]]]>]]>&amp;<b c='d'>\r\n\xc3\xa9\xf0\x9f\x98\x80</b></a>",
            b"\xff\xfe<\0a\0>\0x\0<\0/\0a\0>\0",
            b"<a xmlns:p='u'><p:b><?x y?></p:b><!DOCTYPE z></a>",
        ];
        let markup = b"<>/!?&;'\"=:-[]# \t\r\nxa0\0\xef\xbf\xbe\xff\xc3";
        let mut random = Random(42);
        let mut well_formed = 0;
        for round in 0..100_000 {
            let mut bytes = seeds[round % seeds.len()].to_vec();
            for _ in 0..=random.below(3) {
                let at = random.below(bytes.len());
                match random.below(4) {
                    0 => bytes[at] = markup[random.below(markup.len())],
                    1 => bytes.insert(at, markup[random.below(markup.len())]),
                    2 => bytes.truncate(at.max(1)),
                    _ => {
                        let piece = bytes[at..].to_vec();
                        bytes.extend(piece);
                    }
                }
            }
            let Ok(document) = Document::decode(&bytes, None) else { continue };
            let mut reader = Reader::new(&document, skipping());
            let mut steps = 0;
            loop {
                let event = if random.below(8) == 0 {
                    reader.capture().map(|_| None)
                } else {
                    reader.next().map(Some)
                };
                match event {
                    Ok(Some(Event::Eof)) => {
                        well_formed += 1;
                        break;
                    }
                    Err(_) => break,
                    _ => steps += 1,
                }
                assert!(steps < 10_000);
            }
        }
        assert!(well_formed > 1_000, "{well_formed}");
    }
}
