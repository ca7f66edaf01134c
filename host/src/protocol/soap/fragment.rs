//! XML that a plugin hands over.
//!
//! Owns the check that it can be put into an envelope, or sent as a document, without breaking what stands around it: a guest
//! must not be able to close the host's elements, to lean on the host's prefixes, or to send what no client can read.

use super::xop;
use crate::limits::PluginLimits;
use crate::protocol::xml::{Bounds, Document, Error, Event, NotCharacters, Reader};

/// Why a plugin's answer cannot be sent, for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Invalid {
    #[error("{0}: {1}")]
    Xml(&'static str, Error),
    #[error("{0}: {1} elements, allowed are {2}")]
    Count(&'static str, usize, &'static str),
    #[error("{0}: an element that is in no namespace")]
    Unqualified(&'static str),
    #[error("{0}: {1}")]
    Text(&'static str, NotCharacters),
    #[error("a fault has no reason; at least one is needed")]
    NoReason,
    #[error("the reason's language `{0}` is not a language tag (RFC 5646)")]
    Language(String),
    #[error("the subcode `{0}` is not an XML name without a colon")]
    Subcode(String),
    #[error("the message has {0} bytes; allowed are {1} (response_bytes_max)")]
    Size(usize, u64),
    #[error("{0}: {1}")]
    Xop(&'static str, xop::Broken),
    #[error("attachment {0}: its content-id or content-type cannot be written, or is not its own")]
    Attachment(usize),
    #[error("the operating system has no random bytes")]
    Random,
}

/// A header block: one element in a namespace.
pub(super) fn check_header(text: &str, limits: &PluginLimits) -> Result<(), Invalid> {
    const WHAT: &str = "a header block";
    match elements(WHAT, text, limits)? {
        (1, true) => Ok(()),
        (1, false) => Err(Invalid::Unqualified(WHAT)),
        (count, _) => Err(Invalid::Count(WHAT, count, "1")),
    }
}

/// The content of a body: one element or none. Whether there is one.
pub(super) fn check_body(text: &str, limits: &PluginLimits) -> Result<bool, Invalid> {
    const WHAT: &str = "the body";
    match elements(WHAT, text, limits)?.0 {
        count @ (0 | 1) => Ok(count == 1),
        count => Err(Invalid::Count(WHAT, count, "0 or 1")),
    }
}

/// The content of a fault's detail: any number of elements.
pub(super) fn check_detail(text: &str, limits: &PluginLimits) -> Result<(), Invalid> {
    elements("the fault's detail", text, limits).map(|_| ())
}

/// How many elements there are, and whether all are in a namespace.
fn elements(what: &'static str, text: &str, limits: &PluginLimits) -> Result<(usize, bool), Invalid> {
    let invalid = |error| Invalid::Xml(what, error);
    let document = Document::fragment(text).map_err(invalid)?;
    let mut reader = Reader::new(&document, Bounds::of(limits));
    let (mut count, mut qualified) = (0_usize, true);
    loop {
        match reader.next().map_err(invalid)? {
            Event::Start(name) => {
                count = count.saturating_add(1);
                qualified &= !name.namespace.is_empty();
                reader.skip().map_err(invalid)?;
            }
            Event::Eof => return Ok((count, qualified)),
            // A fragment has no text of its own, and each element is skipped with its end.
            Event::Text(_) | Event::End => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: &PluginLimits = &PluginLimits::DEFAULT;

    #[test]
    fn a_body_is_one_element_or_none() {
        assert_eq!(check_body("", LIMITS), Ok(false));
        assert_eq!(check_body(" <!-- --> ", LIMITS), Ok(false));
        assert_eq!(check_body("<r xmlns='u'><a/>b</r>", LIMITS), Ok(true));
        assert_eq!(check_body("<a/><b/>", LIMITS), Err(Invalid::Count("the body", 2, "0 or 1")));
    }

    #[test]
    fn nothing_can_break_out_of_an_envelope_or_lean_on_it() {
        for text in [
            "</env:Body>",
            "<a>",
            "<a/></env:Body>",
            "<env:a/>",
            "text",
            "<a>\0</a>",
            "<!-- ",
            "<![CDATA[",
            "<?p?><a/>",
            "<?xml version='1.0'?><a/>",
            "<!DOCTYPE a><a/>",
            "<a>&b;</a>",
        ] {
            assert!(matches!(check_body(text, LIMITS), Err(Invalid::Xml(..))), "{text}");
            assert!(check_detail(text, LIMITS).is_err() && check_header(text, LIMITS).is_err(), "{text}");
        }
    }

    #[test]
    fn a_header_block_is_one_element_in_a_namespace() {
        assert!(check_header("<a xmlns='u'/>", LIMITS).is_ok());
        assert!(check_header("<a/>", LIMITS).is_err() && check_header("", LIMITS).is_err());
        assert!(check_header("<a xmlns='u'/><a xmlns='u'/>", LIMITS).is_err());
    }
}
