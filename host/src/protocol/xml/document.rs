//! From bytes to text that a reader can go through.
//!
//! Owns the encoding (XML 1.0 section 4.3.3 and appendix F, RFC 7303 section 3), the XML declaration, the check that every
//! character is one of XML's, and the line ends (section 2.11). After this a reader sees only `\n`, and needs no check of
//! single characters.
//!
//! Taken are UTF-8 with or without a byte order mark, UTF-16 with one, and US-ASCII and ISO-8859-1 when a label says so: the last
//! is what PHP's and Perl's XML-RPC encoders write by default. Nothing is ever decoded in two ways: where byte order mark,
//! declaration and charset parameter contradict one another, the document is refused, although RFC 7303 would let the mark win.
//! Labels of ASCII and its supersets do not contradict one another while every byte is ASCII, since the text is then the same.

use std::borrow::Cow;

use super::character::{first_forbidden, is_space};
use super::error::{Error, ErrorKind};

/// The text of a document or a fragment, decoded and checked character by character.
#[derive(Debug, Clone)]
pub struct Document<'a> {
    text: Cow<'a, str>,
    /// Where the text begins, after byte order mark and declaration.
    start: usize,
    fragment: bool,
}

const LATIN_1: &str = "iso-8859-1";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Utf8,
    /// With a byte order mark.
    Utf8Marked,
    Utf16Little,
    Utf16Big,
    /// ISO-8859-1, with at least one byte that is not ASCII.
    Latin1,
}

impl<'a> Document<'a> {
    /// Decodes a document as it came over the wire. `charset` is the parameter of its media type.
    ///
    /// # Errors
    /// When the encoding is not taken, contradicts itself or is broken, when a character is not one of XML's, or when the
    /// XML declaration is not well-formed.
    pub fn decode(bytes: &'a [u8], charset: Option<&str>) -> Result<Self, Error> {
        let refuse = |kind: ErrorKind, offset| Error { kind, offset, line: 1 };
        let (encoding, content) = match bytes {
            [0xEF, 0xBB, 0xBF, rest @ ..] => (Encoding::Utf8Marked, rest),
            [0xFF, 0xFE, rest @ ..] => (Encoding::Utf16Little, rest),
            [0xFE, 0xFF, rest @ ..] => (Encoding::Utf16Big, rest),
            // `<` in UTF-16 or UTF-32 without a byte order mark, or in EBCDIC.
            [0, ..] | [b'<', 0, ..] | [0x4C, 0x6F, 0xA7, 0x94, ..] => {
                return Err(refuse(ErrorKind::EncodingUnsupported, 0));
            }
            rest if !rest.is_ascii() && is_labelled_latin_1(rest, charset) => (Encoding::Latin1, rest),
            rest => (Encoding::Utf8, rest),
        };
        let text: Cow<'a, str> = match encoding {
            Encoding::Utf8 | Encoding::Utf8Marked => match std::str::from_utf8(content) {
                Ok(text) => Cow::Borrowed(text),
                Err(error) => {
                    // The label may say that the bytes are of another encoding, which is the better answer.
                    for label in [charset, declared(content)].into_iter().flatten() {
                        agree(label, encoding, false).map_err(|kind| refuse(kind, 0))?;
                    }
                    return Err(refuse(ErrorKind::EncodingBroken, error.valid_up_to()));
                }
            },
            // Each byte is the character of its number.
            Encoding::Latin1 => Cow::Owned(content.iter().copied().map(char::from).collect()),
            Encoding::Utf16Little => Cow::Owned(utf16(content, u16::from_le_bytes)?),
            Encoding::Utf16Big => Cow::Owned(utf16(content, u16::from_be_bytes)?),
        };
        let text = checked(text)?;
        let declaration = declaration(&text)?;
        for label in [charset, declaration.encoding].into_iter().flatten() {
            agree(label, encoding, text.is_ascii()).map_err(|kind| refuse(kind, 0))?;
        }
        let start = declaration.end;
        Ok(Self { text, start, fragment: false })
    }

    /// A whole document that is text already and will be sent as UTF-8.
    ///
    /// # Errors
    /// When a character is not one of XML's, or when the XML declaration is not well-formed or names another encoding.
    pub fn from_text(text: &'a str) -> Result<Self, Error> {
        Self::decode(text.as_bytes(), None)
    }

    /// Elements one after the other with white space between them, that will be put into a document.
    ///
    /// # Errors
    /// When a character is not one of XML's.
    pub fn fragment(text: &'a str) -> Result<Self, Error> {
        Ok(Self { text: checked(Cow::Borrowed(text))?, start: 0, fragment: true })
    }

    /// The text, decoded and with its line ends normalised. [`Reader::start`](super::Reader::start) and
    /// [`Reader::offset`](super::Reader::offset) are places in it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text from its beginning, and where what follows the XML declaration begins.
    pub(super) fn parts(&self) -> (&str, usize) {
        (&self.text, self.start)
    }

    pub(super) fn is_fragment(&self) -> bool {
        self.fragment
    }
}

/// The text with its line ends normalised, if all of its characters are allowed.
fn checked(text: Cow<'_, str>) -> Result<Cow<'_, str>, Error> {
    if let Some(offset) = first_forbidden(&text) {
        return Err(ErrorKind::Character.at(&text, offset));
    }
    if memchr::memchr(b'\r', text.as_bytes()).is_none() {
        return Ok(text);
    }
    let mut normalised = String::with_capacity(text.len());
    let mut pieces = text.split('\r');
    normalised.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        if !piece.starts_with('\n') {
            normalised.push('\n');
        }
        normalised.push_str(piece);
    }
    Ok(Cow::Owned(normalised))
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, Error> {
    let broken = |offset| Error { kind: ErrorKind::EncodingBroken, offset, line: 1 };
    let (units, odd) = bytes.as_chunks::<2>();
    if !odd.is_empty() {
        return Err(broken(bytes.len()));
    }
    let mut text = String::with_capacity(bytes.len());
    for character in char::decode_utf16(units.iter().copied().map(unit)) {
        text.push(character.map_err(|_| broken(text.len()))?);
    }
    Ok(text)
}

/// The encoding that the XML declaration names, as far as the document is ASCII.
fn declared(bytes: &[u8]) -> Option<&str> {
    let ascii =
        bytes.iter().position(|byte| !byte.is_ascii()).and_then(|end| bytes.get(..end)).unwrap_or(bytes);
    declaration(std::str::from_utf8(ascii).ok()?).ok()?.encoding
}

fn is_labelled_latin_1(bytes: &[u8], charset: Option<&str>) -> bool {
    [charset, declared(bytes)].into_iter().flatten().any(|label| label.eq_ignore_ascii_case(LATIN_1))
}

/// Whether a label names the encoding that was found.
fn agree(label: &str, found: Encoding, ascii: bool) -> Result<(), ErrorKind> {
    let is = |name: &str| label.eq_ignore_ascii_case(name);
    let agrees = if is("utf-8") || is("utf8") {
        matches!(found, Encoding::Utf8 | Encoding::Utf8Marked)
    } else if is("utf-16") {
        matches!(found, Encoding::Utf16Little | Encoding::Utf16Big)
    } else if is("utf-16le") {
        found == Encoding::Utf16Little
    } else if is("utf-16be") {
        found == Encoding::Utf16Big
    } else if is(LATIN_1) {
        found == Encoding::Latin1 || (found == Encoding::Utf8 && ascii)
    } else if is("us-ascii") {
        if !ascii && matches!(found, Encoding::Utf8 | Encoding::Latin1) {
            return Err(ErrorKind::EncodingBroken);
        }
        found == Encoding::Utf8
    } else {
        return Err(ErrorKind::EncodingUnsupported);
    };
    if agrees { Ok(()) } else { Err(ErrorKind::EncodingContradiction) }
}

#[derive(Default)]
struct Declaration<'a> {
    encoding: Option<&'a str>,
    end: usize,
}

/// Reads the XML declaration (productions 23 to 26, 32, 80, 81), if there is one.
fn declaration(text: &str) -> Result<Declaration<'_>, Error> {
    let Some(mut rest) = text.strip_prefix("<?xml").filter(|rest| rest.bytes().next().is_some_and(is_space))
    else {
        return Ok(Declaration::default());
    };
    let broken = |rest: &str| {
        ErrorKind::Malformed("the XML declaration").at(text, text.len().saturating_sub(rest.len()))
    };
    let version = pseudo_attribute(&mut rest, "version").ok_or_else(|| broken(rest))?;
    let minor = version.strip_prefix("1.").unwrap_or_default();
    if minor.is_empty() || !minor.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(broken(rest));
    }
    let encoding = pseudo_attribute(&mut rest, "encoding");
    if let Some(label) = encoding {
        let mut bytes = label.bytes();
        let first = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic());
        if !first || !bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')) {
            return Err(broken(rest));
        }
    }
    if let Some(standalone) = pseudo_attribute(&mut rest, "standalone")
        && !matches!(standalone, "yes" | "no")
    {
        return Err(broken(rest));
    }
    let Some(after) = trim(rest).strip_prefix("?>") else {
        return Err(broken(rest));
    };
    Ok(Declaration { encoding, end: text.len().saturating_sub(after.len()) })
}

fn trim(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\n', '\r'])
}

/// Takes ` name = "value"` from the front of `rest`, which stays as it is when something else is there.
fn pseudo_attribute<'a>(rest: &mut &'a str, name: &str) -> Option<&'a str> {
    let named = trim(rest);
    if named.len() == rest.len() {
        return None;
    }
    let value = trim(trim(named.strip_prefix(name)?).strip_prefix('=')?);
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let (value, after) = value.get(1..)?.split_once(quote)?;
    *rest = after;
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(bytes: &[u8], charset: Option<&str>) -> Option<ErrorKind> {
        Document::decode(bytes, charset).err().map(|error| error.kind)
    }

    fn utf16_of(text: &str, big: bool) -> Vec<u8> {
        let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
        units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    }

    #[test]
    fn utf8_and_utf16_with_a_byte_order_mark_are_decoded() {
        for text in ["<a>\u{e9}\u{1f600}</a>", "<?xml version='1.0'?><a/>"] {
            assert_eq!(Document::decode(text.as_bytes(), None).unwrap().text, text);
            let marked = format!("\u{feff}{text}");
            assert_eq!(Document::decode(marked.as_bytes(), Some("UTF-8")).unwrap().text, text);
            for big in [false, true] {
                let bytes = utf16_of(text, big);
                assert_eq!(Document::decode(&bytes, Some("utf-16")).unwrap().text, text);
            }
        }
    }

    #[test]
    fn a_utf8_document_without_carriage_returns_is_borrowed() {
        assert!(matches!(Document::decode(b"<a/>", None).unwrap().text, Cow::Borrowed(_)));
    }

    #[test]
    fn every_line_end_becomes_one_line_feed() {
        let document = Document::decode(b"\ra\r\nb\r\r\nc\n\rd\r", None).unwrap();
        assert_eq!(document.text, "\na\nb\n\nc\n\nd\n");
    }

    #[test]
    fn labels_that_contradict_the_bytes_or_one_another_are_refused() {
        let contradiction = Some(ErrorKind::EncodingContradiction);
        assert_eq!(kind(b"<a/>", Some("utf-16")), contradiction);
        assert_eq!(kind(b"\xEF\xBB\xBF<a/>", Some("us-ascii")), contradiction);
        assert_eq!(kind(b"<?xml version='1.0' encoding='UTF-16'?><a/>", None), contradiction);
        assert_eq!(kind(&utf16_of("<a/>", true), Some("utf-8")), contradiction);
        assert_eq!(kind(&utf16_of("<a/>", true), Some("utf-16le")), contradiction);
        assert_eq!(kind(&utf16_of("<?xml version='1.0' encoding='utf-8'?><a/>", false), None), contradiction);
        assert_eq!(kind(&utf16_of("<?xml version='1.0' encoding='utf-16'?><a/>", false), None), None);
        assert_eq!(kind(b"<?xml version='1.0' encoding='utf-8'?><a/>", Some("utf-16")), contradiction);
    }

    #[test]
    fn other_encodings_are_refused_by_their_kind() {
        let unsupported = Some(ErrorKind::EncodingUnsupported);
        assert_eq!(kind(b"<?xml version='1.0' encoding='UTF-7'?><a/>", None), unsupported);
        assert_eq!(kind(b"<a/>", Some("windows-1252")), unsupported);
        assert_eq!(kind(b"<\0a\0/\0>\0", None), unsupported);
        assert_eq!(kind(b"\0<\0a\0/\0>", None), unsupported);
        assert_eq!(kind(b"\x4C\x6F\xA7\x94", None), unsupported);
    }

    #[test]
    fn latin_1_is_decoded_byte_by_byte_where_a_label_says_so() {
        let declared = b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9\x80\xff</a>";
        for (bytes, charset) in [
            (&declared[..], None),
            (&declared[..], Some("iso-8859-1")),
            (b"<a>\xe9\x80\xff</a>", Some("Iso-8859-1")),
        ] {
            let document = Document::decode(bytes, charset).unwrap();
            assert!(document.text.ends_with("<a>\u{e9}\u{80}\u{ff}</a>"), "{}", document.text);
        }
        // Bytes that would be UTF-8, too, are what their label says.
        let document = Document::decode(b"<a>\xc3\xa9</a>", Some("iso-8859-1")).unwrap();
        assert_eq!(document.text, "<a>\u{c3}\u{a9}</a>");
        assert_eq!(kind(declared, Some("utf-8")), Some(ErrorKind::EncodingContradiction));
        assert_eq!(
            kind(b"\xEF\xBB\xBF<a>\xc3\xa9</a>", Some("iso-8859-1")),
            Some(ErrorKind::EncodingContradiction)
        );
        assert_eq!(
            kind(b"<?xml version='1.0' encoding='utf-8'?><a>\xe9</a>", Some("iso-8859-1")),
            Some(ErrorKind::EncodingContradiction)
        );
    }

    #[test]
    fn labels_of_ascii_agree_while_every_byte_is_ascii() {
        let text = b"<?xml version='1.0' encoding='iso-8859-1'?><a>&#233;</a>";
        for charset in [None, Some("utf-8"), Some("us-ascii"), Some("iso-8859-1")] {
            assert_eq!(kind(text, charset), None, "{charset:?}");
        }
        for charset in ["us-ascii", "US-ASCII"] {
            assert_eq!(kind("<a>\u{e9}</a>".as_bytes(), Some(charset)), Some(ErrorKind::EncodingBroken));
            assert_eq!(kind(b"<a>\xe9</a>", Some(charset)), Some(ErrorKind::EncodingBroken));
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_refused_and_never_replaced() {
        let broken = Some(ErrorKind::EncodingBroken);
        assert_eq!(kind(b"<a>\xff</a>", None), broken);
        assert_eq!(kind(b"<a>\xc0\x80</a>", Some("utf-8")), broken);
        assert_eq!(kind(b"\xfe\xff\0<\0a\0", None), broken);
        assert_eq!(kind(b"\xfe\xff\xd8\x00\0a", None), broken);
    }

    #[test]
    fn characters_that_xml_does_not_know_are_refused() {
        for text in ["<a>\0</a>", "<a>\u{1}</a>", "<a b='\u{1f}'/>", "<a>\u{ffff}</a>"] {
            assert_eq!(kind(text.as_bytes(), None), Some(ErrorKind::Character), "{text:?}");
        }
    }

    #[test]
    fn the_declaration_is_read_strictly() {
        for good in [
            "<?xml version='1.0'?><a/>",
            "<?xml version = \"1.1\" encoding='utf-8'\tstandalone='yes' ?><a/>",
            "<?xml version='1.0' standalone='no'?><a/>",
        ] {
            assert_eq!(kind(good.as_bytes(), None), None, "{good}");
        }
        for bad in [
            "<?xml encoding='utf-8'?><a/>",
            "<?xml version='2.0'?><a/>",
            "<?xml version='1.'?><a/>",
            "<?xml version='1.0' standalone='YES'?><a/>",
            "<?xml version='1.0' standalone='yes' encoding='utf-8'?><a/>",
            "<?xml version='1.0'encoding='utf-8'?><a/>",
            "<?xml version='1.0' encoding='-8'?><a/>",
            "<?xml version='1.0' encoding=''?><a/>",
            "<?xml version='1.0\"?><a/>",
            "<?xml version='1.0'><a/>",
            "<?xml version='1.0' ? ><a/>",
        ] {
            assert!(matches!(kind(bad.as_bytes(), None), Some(ErrorKind::Malformed(_))), "{bad}");
        }
    }
}
