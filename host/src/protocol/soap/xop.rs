//! What an envelope includes.
//!
//! Owns XML-binary Optimized Packaging (W3C Recommendation of 25 January 2005) as far as a message's meaning goes: `xop:Include`
//! stands for the base64 text of a part, and is replaced by it. A plugin, and a caller who does not speak MTOM, see the text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::limits::PluginLimits;
use crate::protocol::xml::{Bounds, Document, Error, Event, Reader};

const NAMESPACE: &str = "http://www.w3.org/2004/08/xop/include";

/// Why an envelope's inclusions cannot be followed. The text is for the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Broken {
    #[error("{0}")]
    Xml(#[from] Error),
    #[error("{0}")]
    Rule(&'static str),
}

/// The parts that can be included.
pub(super) struct Parts<'a> {
    parts: Vec<(&'a str, &'a [u8])>,
    included: Vec<bool>,
    /// How many bytes of text inclusions may still become.
    room: usize,
}

impl<'a> Parts<'a> {
    /// Parts by their Content-ID. All inclusions together may become `bytes_max` of text: one part can be included often.
    pub(super) fn new(parts: impl Iterator<Item = (&'a str, &'a [u8])>, bytes_max: u64) -> Self {
        let parts: Vec<_> = parts.collect();
        let included = vec![false; parts.len()];
        Self { parts, included, room: usize::try_from(bytes_max).unwrap_or(usize::MAX) }
    }

    /// Whether the part of that number was included.
    pub(super) fn is_included(&self, index: usize) -> bool {
        self.included.get(index).copied().unwrap_or(false)
    }

    /// The XML with every `xop:Include` replaced by the text that it stands for; nothing if there is none.
    ///
    /// # Errors
    /// When one names no part, does not stand alone in its element, or the text would be too long.
    pub(super) fn inlined(&mut self, xml: &str, limits: &PluginLimits) -> Result<Option<String>, Broken> {
        self.walk(xml, limits, true)
    }

    /// Notes which parts are included, and replaces nothing.
    ///
    /// # Errors
    /// As [`Parts::inlined`].
    pub(super) fn check(&mut self, xml: &str, limits: &PluginLimits) -> Result<(), Broken> {
        self.walk(xml, limits, false).map(|_| ())
    }

    fn walk(&mut self, xml: &str, limits: &PluginLimits, replace: bool) -> Result<Option<String>, Broken> {
        let document = Document::fragment(xml)?;
        let text = document.text();
        let mut reader = Reader::new(&document, Bounds::of(limits));
        let mut into: Option<String> = None;
        let (mut from, mut first) = (0, false);
        loop {
            match reader.next()? {
                Event::Start(name) if name.is(NAMESPACE, "Include") => {
                    let rule = "An xop:Include is not the whole content of its element.";
                    if !first {
                        return Err(Broken::Rule(rule));
                    }
                    let part = self.find(reader.attribute("", "href"))?;
                    let start = reader.start();
                    reader.skip()?;
                    if reader.next()? != Event::End {
                        return Err(Broken::Rule(rule));
                    }
                    first = false;
                    if replace {
                        let into = into.get_or_insert_default();
                        into.push_str(text.get(from..start).unwrap_or_default());
                        self.push(part, into)?;
                        // Behind the Include, before its parent's end tag.
                        from = reader.start();
                    }
                }
                Event::Start(_) => first = true,
                Event::Text(_) | Event::End => first = false,
                Event::Eof => break,
            }
        }
        if let Some(into) = &mut into {
            into.push_str(text.get(from..).unwrap_or_default());
        }
        Ok(into)
    }

    fn find(&mut self, href: Option<&str>) -> Result<usize, Broken> {
        let id = href.and_then(|href| href.trim().strip_prefix("cid:"));
        let id = id.ok_or(Broken::Rule("An xop:Include has no `href` that begins with `cid:`."))?;
        // RFC 2392: the URL is the identifier with characters escaped.
        let id = percent_encoding::percent_decode_str(id).decode_utf8_lossy();
        let found = self.parts.iter().position(|(other, _)| *other == id && !other.is_empty());
        let found = found.ok_or(Broken::Rule("An xop:Include names a part that the message has not."))?;
        if let Some(included) = self.included.get_mut(found) {
            *included = true;
        }
        Ok(found)
    }

    fn push(&mut self, index: usize, into: &mut String) -> Result<(), Broken> {
        let content = self.parts.get(index).map_or(&b""[..], |(_, content)| *content);
        let length = base64::encoded_len(content.len(), true).unwrap_or(usize::MAX);
        self.room = self
            .room
            .checked_sub(length)
            .ok_or(Broken::Rule("What the message includes is larger than this service takes."))?;
        STANDARD.encode_string(content, into);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inlined(xml: &str, bytes_max: u64) -> Result<Option<String>, Broken> {
        let parts = [("a b@x", &b"hello"[..]), ("", b"")];
        Parts::new(parts.into_iter(), bytes_max).inlined(xml, &PluginLimits::DEFAULT)
    }

    #[test]
    fn an_inclusion_becomes_base64_in_its_place() {
        let xml = "<r><x:a xmlns:x='u'><i:Include href='cid:a%20b@x' xmlns:i='http://www.w3.org/2004/08/xop/include' b='c'> \
                   <i:extension/> </i:Include></x:a ><b>&lt;</b></r>";
        let expected = "<r><x:a xmlns:x='u'>aGVsbG8=</x:a ><b>&lt;</b></r>";
        assert_eq!(inlined(xml, 8), Ok(Some(expected.to_owned())));
        assert!(inlined(xml, 7).is_err());
        assert_eq!(inlined("<r/>", 0), Ok(None));
    }

    #[test]
    fn a_wrong_inclusion_is_refused() {
        let include = |href: &str| format!("<Include xmlns='http://www.w3.org/2004/08/xop/include' {href}/>");
        let good = include("href='cid:a b@x'");
        assert!(inlined(&format!("<r>{good}</r>"), 100).is_ok());
        for xml in [
            format!("<r>x{good}</r>"),
            format!("<r>{good}x</r>"),
            format!("<r>{good}{good}</r>"),
            format!("<r><a/>{good}</r>"),
            good,
            format!("<r>{}</r>", include("href='cid:other'")),
            format!("<r>{}</r>", include("href='cid:'")),
            format!("<r>{}</r>", include("href='http://example.org/'")),
            format!("<r>{}</r>", include("")),
        ] {
            assert!(inlined(&xml, 100).is_err(), "{xml}");
        }
    }

    #[test]
    fn one_part_cannot_be_included_without_end() {
        let include = "<r><Include xmlns='http://www.w3.org/2004/08/xop/include' href='cid:a b@x'/></r>";
        let xml = format!("<r>{}</r>", include.repeat(1_000));
        assert!(inlined(&xml, 8_000).is_ok() && inlined(&xml, 7_999).is_err());
    }
}
