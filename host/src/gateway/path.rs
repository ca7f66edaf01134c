//! The canonical path: one value that routing, authorisation and the plugin all read.
//!
//! Owns the only way to make one. Two readings of one path are how callers get past a policy (CVE-2019-9901), so what could be
//! read in two ways is refused, not repaired; what RFC 3986, section 6.2.2, calls equivalent becomes one form.

use std::fmt;

/// A path in its one form: begins with `/`, no dot segments, percent-encoding in upper case and only where it is needed, and
/// UTF-8 once decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CanonicalPath(String);

/// Why a path is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ambiguous(pub &'static str);

impl CanonicalPath {
    /// Reads the path of a request target (without the query).
    ///
    /// # Errors
    /// [`Ambiguous`] with one sentence for the caller.
    pub fn read(path: &str) -> Result<Self, Ambiguous> {
        if !path.starts_with('/') {
            return Err(Ambiguous("The path does not begin with a slash."));
        }
        if path.bytes().any(|byte| !byte.is_ascii_graphic() || byte == b'\\' || byte == b'#') {
            return Err(Ambiguous("The path has a character that must be percent-encoded."));
        }
        let path = if path.contains('%') { normalise(path)? } else { path.to_owned() };
        if path.split('/').any(|segment| segment == "." || segment == "..") {
            return Err(Ambiguous("The path has dot segments."));
        }
        Ok(Self(path))
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CanonicalPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Decodes what need not be encoded and writes the rest in upper case.
fn normalise(path: &str) -> Result<String, Ambiguous> {
    const BROKEN: Ambiguous = Ambiguous("The path has a percent sign without two hexadecimal digits.");
    let mut canonical = String::with_capacity(path.len());
    let mut decoded = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            canonical.push(char::from(byte));
            decoded.push(byte);
            continue;
        }
        let high = bytes.next().and_then(hexadecimal).ok_or(BROKEN)?;
        let low = bytes.next().and_then(hexadecimal).ok_or(BROKEN)?;
        let byte = high * 16 + low;
        if byte.is_ascii_control() {
            return Err(Ambiguous("The path has an encoded control character."));
        }
        decoded.push(byte);
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            canonical.push(char::from(byte));
        } else {
            canonical.push('%');
            for digit in [high, low] {
                canonical.push(char::from_digit(u32::from(digit), 16).unwrap_or('0').to_ascii_uppercase());
            }
        }
    }
    // Overlong forms and lone surrogates are not UTF-8.
    std::str::from_utf8(&decoded).map_err(|_| Ambiguous("The path is not UTF-8 once decoded."))?;
    Ok(canonical)
}

fn hexadecimal(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str) -> Result<String, &'static str> {
        CanonicalPath::read(path).map(|path| path.0).map_err(|ambiguous| ambiguous.0)
    }

    #[test]
    fn paths_have_one_form() {
        for (path, expected) in [
            ("/", "/"),
            ("/a/b", "/a/b"),
            ("/a/", "/a/"),
            ("//a", "//a"),
            ("/a%2Fb", "/a%2Fb"),
            ("/a%2fb", "/a%2Fb"),
            ("/%41%7e%2D", "/A~-"),
            ("/%252e%252e", "/%252e%252e"),
            ("/a;x=1/b", "/a;x=1/b"),
            ("/a%3bx", "/a%3Bx"),
            ("/%C3%A9", "/%C3%A9"),
            ("/%5c", "/%5C"),
            ("/...", "/..."),
            ("/a.b", "/a.b"),
            ("/A", "/A"),
        ] {
            assert_eq!(check(path).as_deref(), Ok(expected), "{path}");
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        for path in [
            "",
            "a",
            "*",
            "/a/../b",
            "/..",
            "/./a",
            "/a/.",
            "/%2e%2e/a",
            "/%2E./a",
            "/.%2e",
            "/a\\b",
            "/a#b",
            "/%",
            "/%4",
            "/%zz",
            "/%00",
            "/%0d%0a",
            "/%7f",
            "/%C0%AF",
            "/%ED%A0%80",
            "/%FF",
            "/é",
            "/a b",
            "/a\tb",
        ] {
            assert!(check(path).is_err(), "{path}");
        }
    }

    #[test]
    fn a_canonical_path_reads_as_itself() {
        // Every two-byte encoding: what is accepted once must be accepted again, unchanged.
        for first in 0..=255_u8 {
            for second in [b'.', b'/', b'a', b'%', 0x80, 0xFF] {
                if let Ok(once) = check(&format!("/%{first:02x}%{second:02x}")) {
                    assert_eq!(check(&once).as_deref(), Ok(once.as_str()));
                }
            }
        }
    }
}
