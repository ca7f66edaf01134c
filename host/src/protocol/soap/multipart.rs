//! Messages of several parts.
//!
//! Owns `multipart/related` (RFC 2387, on RFC 2046 section 5.1) as MTOM and SOAP Messages with Attachments use it: the envelope is
//! one part, and the others are named by their Content-ID. Refuses to know what the envelope includes, which is [`super::xop`]'s.
//! One pass over the bytes, and nothing is copied but what was sent as base64.

use std::borrow::Cow;

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;

use super::Attachment;
use crate::limits::{PluginLimits, SOAP_PART_HEAD_BYTES_MAX};

/// The Content-ID of the envelope in messages that the host writes.
pub(super) const ROOT: &str = "envelope@guesthouse";

/// One part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part<'a> {
    /// Without angle brackets; empty for none.
    pub(super) content_id: String,
    /// Empty for none.
    pub(super) content_type: String,
    pub(super) content: Cow<'a, [u8]>,
}

impl Part<'_> {
    pub(super) fn into_attachment(self) -> Attachment {
        Attachment {
            content_id: self.content_id,
            content_type: self.content_type,
            content: self.content.into_owned(),
        }
    }
}

/// Takes a message apart into the part that has the envelope, and the others. The error is a sentence for the caller.
pub(super) fn read<'a>(
    body: &'a [u8],
    boundary: &str,
    start: Option<&str>,
    limits: &PluginLimits,
) -> Result<(Part<'a>, Vec<Part<'a>>), &'static str> {
    // RFC 2046, section 5.1.1.
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    if !(1..=70).contains(&boundary.len()) || boundary.ends_with(' ') || !boundary.bytes().all(allowed) {
        return Err("The media type's boundary is not one.");
    }
    let parts_max = usize::try_from(limits.soap_attachments_max).unwrap_or(usize::MAX).saturating_add(1);
    let mut parts: Vec<Part<'a>> = Vec::new();
    let delimiter = format!("\r\n--{boundary}");
    let finder = memmem::Finder::new(delimiter.as_bytes());
    // The first delimiter has no line end before it where there is no preamble.
    let mut rest = match body.strip_prefix(delimiter.trim_start().as_bytes()).and_then(line_end) {
        Some(rest) => rest,
        None => match split(body, &finder) {
            Some((_, Next::Part(rest))) => rest,
            _ => return Err("The message of several parts does not begin with its boundary."),
        },
    };
    loop {
        let (part, next) =
            split(rest, &finder).ok_or("The message of several parts ends without its boundary.")?;
        if parts.len() >= parts_max {
            return Err("The message has more attachments than this service takes.");
        }
        let part = read_part(part)?;
        if !part.content_id.is_empty() && parts.iter().any(|other| other.content_id == part.content_id) {
            return Err("Two parts of the message have the same Content-ID.");
        }
        parts.push(part);
        match next {
            Next::Part(after) => rest = after,
            Next::Epilogue => break,
        }
    }
    let root = match start.map(strip_brackets) {
        Some(start) => parts
            .iter()
            .position(|part| part.content_id == start)
            .ok_or("The message of several parts has not the one that `start` names.")?,
        None => 0,
    };
    let root = parts.remove(root);
    Ok((root, parts))
}

/// What follows a delimiter.
enum Next<'a> {
    Part(&'a [u8]),
    Epilogue,
}

/// The bytes before the next delimiter, and what follows it.
fn split<'a>(bytes: &'a [u8], finder: &memmem::Finder<'_>) -> Option<(&'a [u8], Next<'a>)> {
    // A part without content and header fields: its delimiter's line end is that of the next delimiter.
    for at in finder.find_iter(bytes) {
        let (before, rest) = bytes.split_at_checked(at)?;
        let after = rest.get(finder.needle().len()..)?;
        if after.starts_with(b"--") {
            return Some((before, Next::Epilogue));
        }
        if let Some(part) = line_end(after) {
            return Some((before, Next::Part(part)));
        }
    }
    None
}

/// What follows the line end; nothing but blanks may stand before it.
fn line_end(bytes: &[u8]) -> Option<&[u8]> {
    let blanks = bytes.iter().take_while(|&&byte| matches!(byte, b' ' | b'\t')).count();
    bytes.get(blanks..)?.strip_prefix(b"\r\n")
}

fn read_part(part: &[u8]) -> Result<Part<'_>, &'static str> {
    let (head, content) = match part.strip_prefix(b"\r\n") {
        Some(content) => (&b""[..], content),
        None => {
            let window = part.get(..SOAP_PART_HEAD_BYTES_MAX).unwrap_or(part);
            let end =
                memmem::find(window, b"\r\n\r\n").ok_or("A part of the message has no end of its head.")?;
            (part.get(..end).unwrap_or_default(), part.get(end.saturating_add(4)..).unwrap_or_default())
        }
    };
    let head = std::str::from_utf8(head).map_err(|_| "The head of a part is not UTF-8.")?;
    let mut read =
        Part { content_id: String::new(), content_type: String::new(), content: Cow::Borrowed(content) };
    // RFC 5322, section 2.2.3: a line that begins with a blank belongs to the one before.
    let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    for line in unfolded.split("\r\n").filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').ok_or("The head of a part has a line that is no field.")?;
        let value = value.trim_matches([' ', '\t']);
        match name.trim_end_matches([' ', '\t']).to_ascii_lowercase().as_str() {
            "content-id" => read.content_id = strip_brackets(value).to_owned(),
            "content-type" => read.content_type = value.to_owned(),
            "content-transfer-encoding" => match value.to_ascii_lowercase().as_str() {
                "binary" | "8bit" | "7bit" => {}
                "base64" => {
                    let text: Vec<u8> =
                        content.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
                    let decoded =
                        STANDARD.decode(text).map_err(|_| "A part of the message is not base64.")?;
                    read.content = Cow::Owned(decoded);
                }
                _ => return Err("A part of the message has a transfer encoding that is not taken."),
            },
            _ => {}
        }
    }
    Ok(read)
}

fn strip_brackets(id: &str) -> &str {
    id.strip_prefix('<').and_then(|id| id.strip_suffix('>')).unwrap_or(id)
}

/// A boundary that nobody who wrote one of the parts can know.
///
/// # Errors
/// When the operating system has no random bytes.
pub(super) fn boundary() -> Result<String, Unspecified> {
    let mut random = [0; 16];
    rand::fill(&mut random)?;
    Ok(format!("guesthouse-{:032x}", u128::from_ne_bytes(random)))
}

/// Writes a message.
pub(super) fn write(boundary: &str, root_type: &str, envelope: &str, attachments: &[Attachment]) -> Vec<u8> {
    /// The head of a part, rounded up.
    const HEAD_BYTES: usize = 256;
    let size = attachments
        .iter()
        .map(|attachment| attachment.content.len().saturating_add(HEAD_BYTES))
        .fold(envelope.len(), usize::saturating_add);
    let mut into = Vec::with_capacity(size.saturating_add(HEAD_BYTES));
    let mut part = |content_type: &str, content_id: &str, content: &[u8]| {
        let head = format!(
            "--{boundary}\r\nContent-Type: {content_type}\r\nContent-Transfer-Encoding: binary\r\n\
             Content-ID: <{content_id}>\r\n\r\n"
        );
        into.extend_from_slice(head.as_bytes());
        into.extend_from_slice(content);
        into.extend_from_slice(b"\r\n");
    };
    part(root_type, ROOT, envelope.as_bytes());
    for attachment in attachments {
        let content_type = match attachment.content_type.as_str() {
            "" => "application/octet-stream",
            content_type => content_type,
        };
        part(content_type, &attachment.content_id, &attachment.content);
    }
    into.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    into
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: &PluginLimits = &PluginLimits::DEFAULT;

    fn parts(body: &str, start: Option<&str>) -> Result<Vec<(String, String)>, &'static str> {
        read(body.as_bytes(), "b", start, LIMITS).map(|(root, others)| {
            std::iter::once(root)
                .chain(others)
                .map(|part| (part.content_id, String::from_utf8(part.content.into_owned()).unwrap()))
                .collect()
        })
    }

    fn pair(id: &str, content: &str) -> (String, String) {
        (id.to_owned(), content.to_owned())
    }

    #[test]
    fn parts_are_found_by_their_boundary_and_named_by_their_id() {
        let body = "preamble\r\n--b \t\r\nContent-ID: <one@x>\r\n\r\n1\r\n--bb\r\n\r\n--b\r\ncontent-type: a/b;\r\n c=d\r\n\
                    CONTENT-ID:\t<two@x>\r\nContent-Transfer-Encoding: BASE64\r\n\r\naGV5\r\n\r\n--b--\r\nepilogue";
        let expected = [pair("one@x", "1\r\n--bb\r\n"), pair("two@x", "hey")];
        assert_eq!(parts(body, None).unwrap(), expected);
        let (root, others) = read(body.as_bytes(), "b", Some("<two@x>"), LIMITS).unwrap();
        assert_eq!((root.content_type.as_str(), others.len()), ("a/b; c=d", 1));
        assert_eq!(parts("--b\r\n\r\n\r\n--b--", None).unwrap(), [pair("", "")]);
    }

    #[test]
    fn what_is_no_message_of_several_parts_is_refused() {
        for body in [
            "",
            "--b",
            "--b--",
            "--b\r\n",
            "--b\r\n\r\n",
            "--b\r\n\r\nx\r\n--b",
            "--b\r\n\r\nx\r\n--c--",
            "--b\r\nno head\r\n--b--",
            "--b\r\nno field\r\n\r\nx\r\n--b--",
            "--b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nx\r\n--b--",
            "--b\r\nContent-Transfer-Encoding: base64\r\n\r\n!\r\n--b--",
            "--b\r\nContent-ID: <a>\r\n\r\nx\r\n--b\r\nContent-ID: <a>\r\n\r\nx\r\n--b--",
        ] {
            assert!(parts(body, None).is_err(), "{body:?}");
        }
        assert!(parts("--b\r\nContent-ID: <a>\r\n\r\nx\r\n--b--", Some("<c>")).is_err());
        for boundary in ["", "a\"", "a ", &"x".repeat(71)] {
            assert!(read(b"--x\r\n\r\n\r\n--x--", boundary, None, LIMITS).is_err(), "{boundary}");
        }
    }

    #[test]
    fn every_bound_holds() {
        let part = "\r\n--b\r\n\r\nx";
        assert_eq!(parts(&format!("{}\r\n--b--", part.repeat(65)), None).unwrap().len(), 65);
        assert!(parts(&format!("{}\r\n--b--", part.repeat(66)), None).is_err());
        let head = format!("--b\r\nx: {}\r\n\r\n\r\n--b--", "y".repeat(SOAP_PART_HEAD_BYTES_MAX));
        assert!(parts(&head, None).is_err());
    }

    #[test]
    fn what_is_written_reads_back() {
        let attachment = Attachment {
            content_id: "a@x".to_owned(),
            content_type: String::new(),
            content: b"\r\n--guesthouse\r\n\0".to_vec(),
        };
        let boundary = boundary().unwrap();
        assert_ne!(boundary, super::boundary().unwrap());
        let bytes = write(&boundary, "text/xml", "<e/>", std::slice::from_ref(&attachment));
        let (root, others) = read(&bytes, &boundary, Some(ROOT), LIMITS).unwrap();
        assert_eq!((&*root.content, root.content_type.as_str()), (&b"<e/>"[..], "text/xml"));
        assert_eq!(&*others[0].content, attachment.content);
        assert_eq!(others[0].content_type, "application/octet-stream");
    }
}
