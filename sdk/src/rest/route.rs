//! The way from a path to a handler: segments split before they are decoded, so that an encoded slash is part of a
//! segment and no separator (RFC 3986, section 2.2).

use super::{IntoResponse, Problem, Response};

/// A path's segments, at most `N`. What [`#[rest]`](macro@crate::rest) matches on.
#[derive(Debug)]
pub struct Segments<'a, const N: usize> {
    places: [&'a str; N],
    count: usize,
}

impl<'a, const N: usize> Segments<'a, N> {
    /// Splits a path behind its first slash. A path of more than `N` segments, or one that does not begin with a slash, has
    /// none, which no template matches.
    pub fn split(path: &'a str) -> Self {
        let mut segments = Self { places: [""; N], count: 0 };
        let Some(below) = path.strip_prefix('/') else { return segments };
        for segment in below.split('/') {
            match segments.places.get_mut(segments.count) {
                Some(place) => *place = segment,
                None => {
                    segments.count = 0;
                    return segments;
                }
            }
            segments.count += 1;
        }
        segments
    }

    /// The segments, still percent-encoded.
    pub fn as_slice(&self) -> &[&'a str] {
        self.places.get(..self.count).unwrap_or_default()
    }
}

/// What a path segment can be read as. Numbers are taken in their one usual spelling only, so that one resource has one
/// path.
pub trait FromSegment: Sized {
    /// Reads a decoded segment, which is never empty; none when it does not fit.
    fn from_segment(segment: &str) -> Option<Self>;
}

impl FromSegment for String {
    fn from_segment(segment: &str) -> Option<Self> {
        Some(segment.to_owned())
    }
}

macro_rules! numbers {
    ($($ty:ty)*) => {
        $(impl FromSegment for $ty {
            fn from_segment(segment: &str) -> Option<Self> {
                let digits = segment.strip_prefix('-').unwrap_or(segment);
                let usual = match digits.as_bytes() {
                    [b'0'] => digits.len() == segment.len(),
                    [b'1'..=b'9', ..] => true,
                    _ => false,
                };
                if usual { segment.parse().ok() } else { None }
            }
        })*
    };
}

numbers!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize);

impl FromSegment for bool {
    fn from_segment(segment: &str) -> Option<Self> {
        segment.parse().ok()
    }
}

/// Reads a segment as an argument: 400 when its encoding is broken, 404 when there can be no such resource.
pub fn path_argument<T: FromSegment>(name: &str, segment: &str) -> Result<T, Problem> {
    let decoded = decode(segment, false)
        .ok_or_else(|| Problem::bad_request(&format!("The path's `{name}` is not percent-encoded UTF-8.")))?;
    T::from_segment(&decoded).ok_or_else(|| Problem::not_found(&format!("There is no such `{name}`.")))
}

/// Decodes percent-encoding, and `+` as a space where `form` says so. None for a broken escape and for bytes that are not
/// UTF-8.
pub(crate) fn decode(text: &str, form: bool) -> Option<String> {
    let is_encoded = |byte: u8| byte == b'%' || (form && byte == b'+');
    if !text.bytes().any(is_encoded) {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => hex(rest.next()?)? << 4 | hex(rest.next()?)?,
            b'+' if form => b' ',
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// The answer of a handler, or of what kept it from being called.
pub fn answer(outcome: Result<Response, Problem>) -> Response {
    outcome.unwrap_or_else(IntoResponse::into_response)
}

/// 404 for a path that no template matches.
pub fn unknown_path() -> Response {
    Problem::not_found("Nothing is served at this path.").into()
}

/// What a known path answers to a method that it has no handler for: OPTIONS by itself, anything else 405 with `Allow`
/// (RFC 9110, section 15.5.6).
pub fn other_method(method: &str, allowed: &str) -> Response {
    if method == "OPTIONS" {
        return Response::new(204).header("allow", allowed);
    }
    Problem::new(405).detail(&format!("This path takes {allowed}.")).header("allow", allowed).into()
}
