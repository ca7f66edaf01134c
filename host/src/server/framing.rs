//! Where the messages on an HTTP/1 connection begin and end, read from its raw bytes.
//!
//! Owns the grammar of a request's head and of its body's framing (RFC 9112), to the letter: line ends, request line, field
//! lines, `Content-Length`, `Transfer-Encoding`, chunks with their extensions, trailers. hyper takes a good deal more than that
//! (a bare line feed, two equal lengths, a length beside chunks, `5;` as a chunk's size), and hides what it took; each of those
//! is a chance for two readers of the same bytes to see two different requests (RFC 9112 section 11.2). So the bytes are followed
//! here before hyper sees them, and nothing is passed on that could be read in two ways.
//!
//! Refuses to know what a request means: authority, expectation and method are `check`'s. Keeps no bytes, allocates nothing, and
//! looks at each byte of a head once, however it was cut into packets.

use http::Uri;
use memchr::memchr;

use super::check::is_target_byte;
use crate::failure::Failure;
use crate::limits::{CHUNK_EXTENSION_BYTES_MAX, HostLimits};

/// How far the bytes may be passed on, and why no further.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// So many of the bytes are in order.
    pub(super) passed: usize,
    /// What the rest is.
    pub(super) rest: Rest,
}

/// What follows the bytes that were passed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// Nothing: all were passed.
    Nothing,
    /// The beginning of a head, which has to be given again, with more behind it.
    Head,
    /// Not known to be HTTP: the request before it offers to leave it. See [`Framing::stay`].
    Unknown,
    /// A head that must not be passed on. Nothing behind it is looked at.
    Refused(Failure),
    /// A body that is not framed as it should be. Nothing behind it is looked at.
    Broken,
}

/// Follows the bytes of one HTTP/1 connection.
#[derive(Debug)]
pub(super) struct Framing {
    state: State,
    /// Heads that were passed on.
    heads: u64,
    header_bytes_max: usize,
    header_count_max: usize,
    uri_bytes_max: usize,
}

#[derive(Debug)]
enum State {
    Head(Head),
    Length {
        remaining: u64,
        offers: bool,
    },
    Chunked {
        chunks: Chunks,
        offers: bool,
    },
    /// A request with `Upgrade` is being answered.
    Offered,
    Ended,
}

impl Framing {
    /// The beginning of a connection.
    pub(super) fn new(limits: &HostLimits) -> Self {
        let number = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
        Self {
            state: State::Head(Head::default()),
            heads: 0,
            header_bytes_max: number(limits.header_bytes_max),
            header_count_max: number(limits.header_count_max),
            uri_bytes_max: number(limits.uri_bytes_max),
        }
    }

    /// How many heads were passed on.
    pub(super) fn heads(&self) -> u64 {
        self.heads
    }

    /// Whether a head has begun and is not complete. Empty lines begin nothing.
    pub(super) fn is_in_head(&self) -> bool {
        matches!(&self.state, State::Head(head) if head.has_request_line || head.line < head.searched)
    }

    /// Whether there is more of a body to come.
    pub(super) fn is_in_body(&self) -> bool {
        matches!(&self.state, State::Length { .. } | State::Chunked { .. })
    }

    /// The offer to leave HTTP was not taken: what comes is another request.
    pub(super) fn stay(&mut self) {
        if matches!(self.state, State::Offered) {
            self.state = State::Head(Head::default());
        }
    }

    /// Looks at what has come since, or at a head that was begun and now has more behind it.
    pub(super) fn follow(&mut self, bytes: &[u8]) -> Step {
        let mut passed = 0;
        loop {
            let rest = bytes.get(passed..).unwrap_or_default();
            if rest.is_empty() {
                return Step { passed, rest: Rest::Nothing };
            }
            match &mut self.state {
                State::Head(head) => {
                    let bounds = (self.header_bytes_max, self.header_count_max, self.uri_bytes_max);
                    match head.follow(rest, bounds) {
                        Ok(None) => return Step { passed, rest: Rest::Head },
                        Ok(Some(length)) => {
                            passed = passed.saturating_add(length);
                            self.heads = self.heads.saturating_add(1);
                            self.state = head.body();
                        }
                        Err(failure) => {
                            self.state = State::Ended;
                            return Step { passed, rest: Rest::Refused(failure) };
                        }
                    }
                }
                State::Length { remaining, offers } => {
                    let length = usize::try_from(*remaining).unwrap_or(usize::MAX).min(rest.len());
                    passed = passed.saturating_add(length);
                    *remaining = remaining.saturating_sub(length as u64);
                    if *remaining == 0 {
                        self.state = after(*offers);
                    }
                }
                State::Chunked { chunks, offers } => {
                    let (length, is_done) = chunks.follow(rest, self.header_bytes_max, self.header_count_max);
                    passed = passed.saturating_add(length);
                    match is_done {
                        Ok(true) => self.state = after(*offers),
                        Ok(false) => {}
                        Err(Broken) => {
                            self.state = State::Ended;
                            return Step { passed, rest: Rest::Broken };
                        }
                    }
                }
                State::Offered => return Step { passed, rest: Rest::Unknown },
                State::Ended => return Step { passed, rest: Rest::Broken },
            }
        }
    }
}

fn after(offers: bool) -> State {
    if offers { State::Offered } else { State::Head(Head::default()) }
}

/// What is known of a head that is not complete.
#[derive(Debug, Default)]
struct Head {
    /// Where the current line begins.
    line: usize,
    /// How far its end has been looked for.
    searched: usize,
    /// Field lines so far.
    fields: usize,
    has_request_line: bool,
    is_version_1_1: bool,
    content_length: Option<u64>,
    is_chunked: bool,
    has_upgrade: bool,
}

impl Head {
    /// Goes on with a head that begins where `bytes` begins. Its length, once it is complete.
    fn follow(
        &mut self,
        bytes: &[u8],
        (bytes_max, count_max, uri_bytes_max): (usize, usize, usize),
    ) -> Result<Option<usize>, Failure> {
        loop {
            let found = memchr(b'\n', bytes.get(self.searched..).unwrap_or_default());
            let end = found.map_or(bytes.len(), |found| self.searched.saturating_add(found));
            let line = bytes.get(self.line..end).unwrap_or_default();
            if !self.has_request_line && line.len() > uri_bytes_max {
                // Long before it is complete, so that no more of it is kept than must be.
                self.long_request_line(line, uri_bytes_max)?;
            }
            if end >= bytes_max {
                return Err(Failure::HeadTooLarge);
            }
            if found.is_none() {
                self.searched = bytes.len();
                return self.beginning_of_line(line).map(|()| None);
            }
            let Some((b'\r', line)) = line.split_last() else {
                return Err(Failure::BadRequest("A line of the head does not end with CR LF."));
            };
            let next = end.saturating_add(1);
            (self.line, self.searched) = (next, next);
            if !line.is_empty() {
                if self.has_request_line {
                    self.field(line, count_max)?;
                } else {
                    self.request_line(line, uri_bytes_max)?;
                }
            } else if self.has_request_line {
                return self.whole().map(|()| Some(next));
            }
            // Else an empty line before the request, which RFC 9112 section 2.2 wants ignored.
        }
    }

    /// What cannot become a line of a head is not waited for: a TLS handshake, for example, has no line ends.
    fn beginning_of_line(&self, line: &[u8]) -> Result<(), Failure> {
        match line.first() {
            None | Some(b'\r') => Ok(()),
            Some(&byte) if is_token_byte(byte) => Ok(()),
            Some(_) if self.has_request_line => Err(BAD_FIELD),
            Some(_) => Err(BAD_REQUEST_LINE),
        }
    }

    fn long_request_line(&self, line: &[u8], uri_bytes_max: usize) -> Result<(), Failure> {
        self.beginning_of_line(line)?;
        let target =
            memchr(b' ', line).and_then(|space| line.get(space.saturating_add(1)..)).unwrap_or_default();
        let length = memchr(b' ', target).unwrap_or(target.len());
        if length > uri_bytes_max { Err(Failure::UriTooLong) } else { Ok(()) }
    }

    /// `method SP request-target SP HTTP-version`, with single spaces (RFC 9112 section 3).
    fn request_line(&mut self, line: &[u8], uri_bytes_max: usize) -> Result<(), Failure> {
        let (method, rest) = split(line, b' ').ok_or(BAD_REQUEST_LINE)?;
        // Of HTTP/0.9, which has no version, RFC 9112 knows nothing any more.
        let (target, version) = split(rest, b' ').ok_or(BAD_REQUEST_LINE)?;
        if method.is_empty() || !method.iter().all(|&byte| is_token_byte(byte)) {
            return Err(BAD_REQUEST_LINE);
        }
        if target.len() > uri_bytes_max {
            return Err(Failure::UriTooLong);
        }
        self.is_version_1_1 = match version {
            b"HTTP/1.1" => true,
            b"HTTP/1.0" => false,
            [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => {
                return Err(Failure::VersionNotSupported);
            }
            _ => return Err(BAD_REQUEST_LINE),
        };
        if !(target.starts_with(b"/") && target.iter().all(|&byte| has(&PLAIN, byte))) {
            unusual_target(target)?;
        }
        self.has_request_line = true;
        Ok(())
    }

    /// `field-name ":" OWS field-value OWS` (RFC 9112 section 5).
    fn field(&mut self, line: &[u8], count_max: usize) -> Result<(), Failure> {
        self.fields = self.fields.saturating_add(1);
        if self.fields > count_max {
            return Err(Failure::HeadTooLarge);
        }
        // A name ends at its colon: white space before it, or a line that begins with some (a folded one), would be read by
        // one recipient as this field and by the next as another (sections 5.1 and 5.2).
        let length = line.iter().position(|&byte| !is_token_byte(byte)).unwrap_or(line.len());
        let (name, rest) = line.split_at_checked(length).unwrap_or_default();
        let [b':', value @ ..] = rest else { return Err(BAD_FIELD) };
        if name.is_empty() {
            return Err(BAD_FIELD);
        }
        if has_control(value) {
            return Err(Failure::BadRequest("A header field has a control character."));
        }
        // Most names have another length than these.
        match name.len() {
            14 if name.eq_ignore_ascii_case(b"content-length") => self.content_length(value),
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => self.transfer_encoding(value),
            7 if name.eq_ignore_ascii_case(b"upgrade") => {
                // RFC 9110 section 7.8: of an HTTP/1.0 client it is ignored.
                self.has_upgrade = self.is_version_1_1;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// One field of digits only. RFC 9112 section 6.3 would let a recipient take a list of equal values for one.
    fn content_length(&mut self, value: &[u8]) -> Result<(), Failure> {
        let digits = trim(value);
        // Nineteen digits are below 2^64.
        let is_number = matches!(digits.len(), 1..=19) && digits.iter().all(u8::is_ascii_digit);
        if !is_number || self.content_length.is_some() {
            return Err(Failure::BadRequest("The Content-Length field is not one number."));
        }
        let digit = |length: u64, &digit: &u8| {
            length.saturating_mul(10).saturating_add(u64::from(digit.saturating_sub(b'0')))
        };
        self.content_length = Some(digits.iter().fold(0, digit));
        Ok(())
    }

    /// Nothing but `chunked`, once. Other codings are not offered here (section 7), and how a list of them is written is what
    /// readers disagree about.
    fn transfer_encoding(&mut self, value: &[u8]) -> Result<(), Failure> {
        if self.is_chunked || !trim(value).eq_ignore_ascii_case(b"chunked") {
            return Err(Failure::BadRequest("The Transfer-Encoding field is not `chunked`."));
        }
        self.is_chunked = true;
        Ok(())
    }

    fn whole(&self) -> Result<(), Failure> {
        if self.is_chunked && !self.is_version_1_1 {
            // RFC 9112 section 6.1: such a message is to be treated as if the framing is faulty.
            return Err(Failure::BadRequest("Transfer-Encoding is not part of HTTP/1.0."));
        }
        if self.is_chunked && self.content_length.is_some() {
            // Section 6.1 again: it ought to be handled as an error, and the connection must be closed anyway.
            return Err(Failure::BadRequest("There is a Content-Length beside Transfer-Encoding."));
        }
        Ok(())
    }

    /// What follows the head (RFC 9112 section 6.3).
    fn body(&self) -> State {
        let offers = self.has_upgrade;
        if self.is_chunked {
            return State::Chunked { chunks: Chunks::default(), offers };
        }
        match self.content_length {
            None | Some(0) => after(offers),
            Some(remaining) => State::Length { remaining, offers },
        }
    }
}

/// A target that is not a path of the characters that need no thought.
fn unusual_target(target: &[u8]) -> Result<(), Failure> {
    if !target.iter().all(|&byte| is_target_byte(byte)) {
        return Err(Failure::BadRequest("The request target has a character that must be percent-encoded."));
    }
    // What hyper would refuse in its own way.
    Uri::try_from(target)
        .map(drop)
        .map_err(|_| Failure::BadRequest("The request target must be a path or an absolute URI."))
}

const BAD_REQUEST_LINE: Failure =
    Failure::BadRequest("The request line is not a method, a target and a version with single spaces.");
const BAD_FIELD: Failure =
    Failure::BadRequest("A header field is not a name, a colon and a value on one line.");

fn split(bytes: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let (before, rest) = bytes.split_at_checked(memchr(at, bytes)?)?;
    Some((before, rest.get(1..)?))
}

/// Without the white space that RFC 9110 section 5.5 allows round a value.
fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = value {
        value = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// What a field value must not have (RFC 9110 section 5.5). Without an early end, so that it runs at the width of a register.
fn has_control(value: &[u8]) -> bool {
    value.iter().fold(false, |found, &byte| found | is_control(byte))
}

fn is_control(byte: u8) -> bool {
    (byte < 0x20 && byte != b'\t') || byte == 0x7f
}

/// `tchar` of RFC 9110 section 5.6.2.
static TOKEN: Set = set(b"!#$%&'*+-.^_`|~");

/// What may stand in the path and the query of a URI (RFC 3986 section 3).
static PLAIN: Set = set(b"-._~%!$&'()*+,;=:@/?");

/// Which bytes are in it. Looked up for every byte of a name or a target; a table is faster than comparing or shifting.
type Set = [bool; 256];

/// The letters, the digits and these.
const fn set(others: &[u8]) -> Set {
    let mut set = [false; 256];
    let mut rest: &mut [bool] = &mut set;
    let mut byte = 0_u8;
    while let [is_in, after @ ..] = rest {
        *is_in = byte.is_ascii_alphanumeric();
        let mut listed = others;
        while let [other, more @ ..] = listed {
            *is_in = *is_in || *other == byte;
            listed = more;
        }
        rest = after;
        byte = byte.wrapping_add(1);
    }
    set
}

fn has(set: &Set, byte: u8) -> bool {
    set.get(usize::from(byte)).is_some_and(|is_in| *is_in)
}

fn is_token_byte(byte: u8) -> bool {
    has(&TOKEN, byte)
}

/// A body in chunks, up to the empty line behind its trailers (RFC 9112 section 7.1).
#[derive(Debug, Default)]
struct Chunks {
    at: At,
    /// Of the current chunk: what is still to come.
    size: u64,
    digits: u8,
    /// Of all chunks together.
    extension_bytes: usize,
    trailer_bytes: usize,
    trailers: usize,
}

/// Where in the chunked coding the next byte stands.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum At {
    #[default]
    Size,
    /// White space before a semicolon, which is grammar ("bad white space") only if there is one.
    BeforeExtension,
    ExtensionStart,
    ExtensionName,
    AfterExtensionName,
    ExtensionValueStart,
    ExtensionToken,
    ExtensionQuoted,
    ExtensionQuotedPair,
    AfterExtensionQuoted,
    /// White space behind a value.
    AfterExtensionValue,
    SizeLineFeed,
    Data,
    DataReturn,
    DataLineFeed,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerLineFeed,
    LastLineFeed,
}

/// The bytes are not the chunked coding.
#[derive(Debug)]
struct Broken;

impl Chunks {
    /// How many of the bytes belong to the body, and whether they are its end.
    fn follow(&mut self, bytes: &[u8], bytes_max: usize, count_max: usize) -> (usize, Result<bool, Broken>) {
        let mut passed = 0_usize;
        while let Some((&byte, _)) = bytes.get(passed..).and_then(<[u8]>::split_first) {
            if self.at == At::Data {
                let here = bytes.len().saturating_sub(passed);
                let length = usize::try_from(self.size).unwrap_or(usize::MAX).min(here);
                passed = passed.saturating_add(length);
                self.size = self.size.saturating_sub(length as u64);
                if self.size == 0 {
                    self.at = At::DataReturn;
                }
                continue;
            }
            let Some(next) = self.next(byte, bytes_max, count_max) else { return (passed, Err(Broken)) };
            passed = passed.saturating_add(1);
            if self.at == At::LastLineFeed && next == At::Size {
                return (passed, Ok(true));
            }
            self.at = next;
        }
        (passed, Ok(false))
    }

    /// Where the byte leads; nowhere, if it is out of place.
    fn next(&mut self, byte: u8, bytes_max: usize, count_max: usize) -> Option<At> {
        match self.at {
            At::Size => return self.size_byte(byte),
            At::SizeLineFeed => {
                return match (byte, self.size) {
                    (b'\n', 0) => Some(At::TrailerStart),
                    (b'\n', _) => Some(At::Data),
                    _ => None,
                };
            }
            At::Data => return None,
            At::DataReturn => return (byte == b'\r').then_some(At::DataLineFeed),
            At::DataLineFeed => {
                (self.size, self.digits) = (0, 0);
                return (byte == b'\n').then_some(At::Size);
            }
            At::TrailerStart
            | At::TrailerName
            | At::TrailerValue
            | At::TrailerLineFeed
            | At::LastLineFeed => {
                self.trailer_bytes = self.trailer_bytes.saturating_add(1);
                if self.trailer_bytes >= bytes_max {
                    return None;
                }
                return self.trailer_byte(byte, count_max);
            }
            _ => {}
        }
        self.extension_bytes = self.extension_bytes.saturating_add(1);
        if self.extension_bytes > CHUNK_EXTENSION_BYTES_MAX {
            return None;
        }
        extension_byte(self.at, byte)
    }

    /// Hexadecimal digits and nothing else; sixteen are all that a size can need.
    fn size_byte(&mut self, byte: u8) -> Option<At> {
        if let Some(digit) = char::from(byte).to_digit(16) {
            self.digits = self.digits.saturating_add(1);
            self.size = (self.size << 4) | u64::from(digit);
            return (self.digits <= 16).then_some(At::Size);
        }
        match byte {
            _ if self.digits == 0 => None,
            b'\r' => Some(At::SizeLineFeed),
            b';' => Some(At::ExtensionStart),
            b' ' | b'\t' => Some(At::BeforeExtension),
            _ => None,
        }
    }

    fn trailer_byte(&mut self, byte: u8, count_max: usize) -> Option<At> {
        match (self.at, byte) {
            (At::TrailerStart, b'\r') => Some(At::LastLineFeed),
            (At::TrailerStart, _) => {
                self.trailers = self.trailers.saturating_add(1);
                (self.trailers <= count_max && is_token_byte(byte)).then_some(At::TrailerName)
            }
            (At::TrailerName, b':') => Some(At::TrailerValue),
            (At::TrailerName, _) => is_token_byte(byte).then_some(At::TrailerName),
            (At::TrailerValue, b'\r') => Some(At::TrailerLineFeed),
            (At::TrailerValue, _) => (!is_control(byte)).then_some(At::TrailerValue),
            (At::TrailerLineFeed, b'\n') => Some(At::TrailerStart),
            (At::LastLineFeed, b'\n') => Some(At::Size),
            _ => None,
        }
    }
}

/// `*( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )` (RFC 9112 section 7.1.1).
fn extension_byte(at: At, byte: u8) -> Option<At> {
    let next = match (at, byte) {
        (At::ExtensionQuoted, b'"') => At::AfterExtensionQuoted,
        (At::ExtensionQuoted, b'\\') => At::ExtensionQuotedPair,
        (At::ExtensionQuoted | At::ExtensionQuotedPair, _) if !is_control(byte) => At::ExtensionQuoted,
        (
            At::BeforeExtension
            | At::ExtensionStart
            | At::AfterExtensionName
            | At::ExtensionValueStart
            | At::AfterExtensionValue,
            b' ' | b'\t',
        ) => at,
        (At::ExtensionName, b' ' | b'\t') => At::AfterExtensionName,
        (At::ExtensionToken | At::AfterExtensionQuoted, b' ' | b'\t') => At::AfterExtensionValue,
        (
            At::BeforeExtension
            | At::ExtensionName
            | At::AfterExtensionName
            | At::ExtensionToken
            | At::AfterExtensionQuoted
            | At::AfterExtensionValue,
            b';',
        ) => At::ExtensionStart,
        (At::ExtensionName | At::AfterExtensionName, b'=') => At::ExtensionValueStart,
        (At::ExtensionValueStart, b'"') => At::ExtensionQuoted,
        // Not behind white space: at the end of the line it belongs to nothing.
        (At::ExtensionName | At::ExtensionToken | At::AfterExtensionQuoted, b'\r') => At::SizeLineFeed,
        (At::ExtensionStart | At::ExtensionName, _) if is_token_byte(byte) => At::ExtensionName,
        (At::ExtensionValueStart | At::ExtensionToken, _) if is_token_byte(byte) => At::ExtensionToken,
        _ => return None,
    };
    Some(next)
}

#[cfg(test)]
mod tests;
