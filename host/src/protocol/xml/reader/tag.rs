//! Tags.
//!
//! Owns names, start and end tags, attributes and namespace declarations (productions 39 to 44, and Namespaces in XML), with the
//! bounds of nesting, attributes and declarations.

use std::borrow::Cow;
use std::collections::HashSet;

use super::super::character::name_length;
use super::super::error::{Error, ErrorKind};
use super::super::scope::{Namespace, XML_NAMESPACE, XMLNS_NAMESPACE};
use super::text::append;
use super::{Attribute, Event, Name, Open, Reader};

impl<'a> Reader<'a> {
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
    pub(super) fn start_tag(&mut self) -> Result<Event<'a>, Error> {
        let start = self.position;
        self.tag = start;
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
    pub(super) fn end_tag(&mut self) -> Result<Event<'a>, Error> {
        self.tag = self.position;
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
