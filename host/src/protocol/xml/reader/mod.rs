//! The pull reader.
//!
//! Owns well-formedness with namespaces, but for what [`super::document`] has already checked, and the bounds of nesting,
//! attributes and declarations. What it gives out borrows from the document wherever nothing had to be resolved.

mod capture;
mod tag;
#[cfg(test)]
mod tests;
mod text;

use std::borrow::Cow;

use super::character::is_space;
use super::document::Document;
use super::error::{Error, ErrorKind};
use super::scope::{Namespace, Scope};
use crate::limits::PluginLimits;

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
    /// Where the last tag begins.
    tag: usize,
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
            tag: position,
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

    /// Where the tag begins that the last [`Event::Start`] or [`Event::End`] was made of.
    #[must_use]
    pub fn start(&self) -> usize {
        self.tag
    }

    /// The namespace that a prefix is bound to here; the empty prefix is the default namespace. None when it is not declared.
    #[must_use]
    pub fn namespace(&self, prefix: &str) -> Option<Namespace<'a>> {
        self.scope.resolve(prefix)
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
}
