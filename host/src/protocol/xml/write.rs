//! Escaping.
//!
//! Owns how text becomes character data and attribute values that every reader gives back as it was: `\r` is escaped in text,
//! and in attributes white space too, because readers normalise what stands there plainly.

use super::character::first_forbidden;

/// The text has a character that XML cannot carry, not even as a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a character that XML cannot carry, at byte {0}")]
pub struct NotCharacters(pub usize);

/// Appends text as character data.
///
/// # Errors
/// When a character is none that XML allows; nothing is appended then.
pub fn push_text(into: &mut String, text: &str) -> Result<(), NotCharacters> {
    push(into, text, |byte| match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        // Needed only in `]]>`, but a reader of this text cannot know what follows it.
        b'>' => Some("&gt;"),
        b'\r' => Some("&#13;"),
        _ => None,
    })
}

/// Appends text as the value of an attribute, without the quotes; either kind may stand around it.
///
/// # Errors
/// When a character is none that XML allows; nothing is appended then.
pub fn push_attribute(into: &mut String, text: &str) -> Result<(), NotCharacters> {
    push(into, text, |byte| match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'"' => Some("&quot;"),
        b'\'' => Some("&#39;"),
        b'\t' => Some("&#9;"),
        b'\n' => Some("&#10;"),
        b'\r' => Some("&#13;"),
        _ => None,
    })
}

fn push(
    into: &mut String,
    text: &str,
    escape: impl Fn(u8) -> Option<&'static str>,
) -> Result<(), NotCharacters> {
    if let Some(offset) = first_forbidden(text) {
        return Err(NotCharacters(offset));
    }
    into.reserve(text.len());
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        if let Some(reference) = escape(byte) {
            into.push_str(text.get(from..at).unwrap_or_default());
            into.push_str(reference);
            from = at.saturating_add(1);
        }
    }
    into.push_str(text.get(from..).unwrap_or_default());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Bounds, Document, Event, Reader};
    use super::*;

    #[test]
    fn what_is_escaped_reads_back_as_it_was() {
        let text = "a<b>&\"' \t\r\n ]]> \u{e9}\u{1f600} &amp; ";
        let mut xml = String::from("<a b=\"");
        push_attribute(&mut xml, text).unwrap();
        xml.push_str("\" c='");
        push_attribute(&mut xml, text).unwrap();
        xml.push_str("'>");
        push_text(&mut xml, text).unwrap();
        xml.push_str("</a>");
        let document = Document::from_text(&xml).unwrap();
        let mut reader = Reader::new(&document, Bounds::default());
        assert!(matches!(reader.next().unwrap(), Event::Start(_)));
        assert_eq!(reader.attributes().len(), 2);
        assert!(reader.attributes().iter().all(|attribute| attribute.value == text));
        assert_eq!(reader.next().unwrap(), Event::Text(text.into()));
    }

    #[test]
    fn what_xml_cannot_carry_is_refused_and_nothing_is_written() {
        let mut into = String::new();
        assert_eq!(push_text(&mut into, "ab\0"), Err(NotCharacters(2)));
        assert_eq!(push_attribute(&mut into, "\u{ffff}"), Err(NotCharacters(0)));
        assert!(into.is_empty());
    }
}
