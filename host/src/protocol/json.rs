//! A strict JSON scanner: finds where values begin and end, and builds nothing.
//!
//! Owns the grammar of RFC 8259 and the depth bound. Refuses to know what a value means. JSON-RPC must echo ids and hand on
//! parameters exactly as they were sent (big numbers, `1.0`, the order of members), so what is wanted is the text of a value,
//! checked, and not a tree: one pass, no allocation, no recursion, at a fixed cost per byte whatever the nesting.
//!
//! Where RFC 8259 leaves a choice: a string with half of a surrogate pair is refused (it cannot be text in any language that
//! holds strings as Unicode), a member name may repeat here (whoever reads an object decides), a leading byte order mark is
//! ignored (section 8.1 allows it).

use std::borrow::Cow;

/// The deepest nesting that can be asked for: one bit per open container has to fit the scanner's word.
pub(crate) const DEPTH_CEILING: u32 = u128::BITS;

/// Why a text is not JSON, or is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxError {
    /// RFC 8259 section 8.1.
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// The text ends within a value, or is empty.
    #[error("the text ends too early")]
    EndsEarly,
    /// A byte that cannot stand here.
    #[error("unexpected character at byte {0}")]
    Unexpected(usize),
    /// An escape that is none, or half a surrogate pair.
    #[error("invalid escape at byte {0}")]
    Escape(usize),
    /// More containers in one another than `json_depth_max`.
    #[error("nested too deeply at byte {0}")]
    TooDeep(usize),
}

/// A position in a JSON text.
#[derive(Debug, Clone)]
pub(crate) struct Scanner<'a> {
    text: &'a str,
    position: usize,
    depth_max: u32,
    depth: u32,
    /// One bit per open container, the innermost in the lowest: 1 for an object.
    objects: u128,
}

/// What an array or object says next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Another element or member follows.
    Item,
    /// The container ended.
    End,
}

impl<'a> Scanner<'a> {
    /// Begins at the start of a text. Containers may nest `depth_max` deep, at most [`DEPTH_CEILING`].
    pub(crate) fn new(text: &'a str, depth_max: u64) -> Self {
        let depth_max = u32::try_from(depth_max).unwrap_or(u32::MAX).min(DEPTH_CEILING);
        Self { text, position: 0, depth_max, depth: 0, objects: 0 }
    }

    /// The first byte of what comes next, whitespace left out.
    pub(crate) fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = self.byte()?;
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(byte);
            }
            self.position += 1;
        }
    }

    /// Whether nothing but whitespace is left.
    ///
    /// # Errors
    /// When something is.
    pub(crate) fn end(&mut self) -> Result<(), SyntaxError> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(SyntaxError::Unexpected(self.position)),
        }
    }

    /// Enters the array or object that stands here, and says whether it has an item.
    ///
    /// # Errors
    /// When none begins here, or it is one too deep.
    pub(crate) fn enter(&mut self) -> Result<Next, SyntaxError> {
        let closing = match self.peek() {
            Some(b'{') => b'}',
            Some(b'[') => b']',
            _ => return Err(self.unexpected()),
        };
        if self.depth >= self.depth_max {
            return Err(SyntaxError::TooDeep(self.position));
        }
        self.position += 1;
        self.depth += 1;
        self.objects = (self.objects << 1) | u128::from(closing == b'}');
        if self.peek() == Some(closing) {
            self.leave();
            return Ok(Next::End);
        }
        Ok(Next::Item)
    }

    /// After an item of the innermost container: goes to the next one, or past the container's end.
    ///
    /// # Errors
    /// When neither a comma nor the right bracket stands here.
    pub(crate) fn next(&mut self) -> Result<Next, SyntaxError> {
        let closing = if self.in_object() { b'}' } else { b']' };
        match self.peek() {
            Some(b',') => {
                self.position += 1;
                Ok(Next::Item)
            }
            Some(byte) if byte == closing => {
                self.leave();
                Ok(Next::End)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn leave(&mut self) {
        self.position += 1;
        self.depth = self.depth.saturating_sub(1);
        self.objects >>= 1;
    }

    fn in_object(&self) -> bool {
        self.objects & 1 == 1
    }

    /// A member's name with its quotes, and the colon after it.
    ///
    /// # Errors
    /// When that does not stand here.
    pub(crate) fn name(&mut self) -> Result<&'a str, SyntaxError> {
        if self.peek() != Some(b'"') {
            return Err(self.unexpected());
        }
        let name = self.string()?;
        if self.peek() != Some(b':') {
            return Err(self.unexpected());
        }
        self.position += 1;
        Ok(name)
    }

    /// One whole value, as it is written.
    ///
    /// # Errors
    /// When it is not JSON or nests too deeply.
    pub(crate) fn value(&mut self) -> Result<&'a str, SyntaxError> {
        self.peek();
        let start = self.position;
        let outer = self.depth;
        loop {
            // A value begins here. If it is a container with items, the first of them is the next to begin.
            match self.peek() {
                Some(b'{' | b'[') => {
                    if self.enter()? == Next::Item {
                        if self.in_object() {
                            self.name()?;
                        }
                        continue;
                    }
                }
                Some(_) => {
                    self.scalar()?;
                }
                None => return Err(SyntaxError::EndsEarly),
            }
            // A value has ended, and with it perhaps the containers it was the last item of.
            loop {
                if self.depth == outer {
                    return self.since(start);
                }
                if self.next()? == Next::Item {
                    if self.in_object() {
                        self.name()?;
                    }
                    break;
                }
            }
        }
    }

    /// A string, number or literal, as it is written.
    ///
    /// # Errors
    /// When none of them stands here.
    pub(crate) fn scalar(&mut self) -> Result<&'a str, SyntaxError> {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            _ => Err(self.unexpected()),
        }
    }

    fn literal(&mut self, word: &'static str) -> Result<&'a str, SyntaxError> {
        let rest = self.text.get(self.position..).unwrap_or_default();
        if !rest.starts_with(word) {
            return Err(self.unexpected());
        }
        let start = self.position;
        self.position += word.len();
        self.since(start)
    }

    fn number(&mut self) -> Result<&'a str, SyntaxError> {
        let start = self.position;
        if self.byte() == Some(b'-') {
            self.position += 1;
        }
        match self.byte() {
            // No digit may follow a leading zero: what does is found to be no separator by whoever reads on.
            Some(b'0') => self.position += 1,
            _ => self.digits()?,
        }
        if self.byte() == Some(b'.') {
            self.position += 1;
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.position += 1;
            if matches!(self.byte(), Some(b'+' | b'-')) {
                self.position += 1;
            }
            self.digits()?;
        }
        self.since(start)
    }

    fn digits(&mut self) -> Result<(), SyntaxError> {
        let start = self.position;
        while matches!(self.byte(), Some(b'0'..=b'9')) {
            self.position += 1;
        }
        if self.position == start { Err(self.unexpected()) } else { Ok(()) }
    }

    fn string(&mut self) -> Result<&'a str, SyntaxError> {
        let start = self.position;
        self.position += 1;
        loop {
            self.position += plain_length(self.rest());
            match self.byte() {
                Some(b'"') => {
                    self.position += 1;
                    return self.since(start);
                }
                Some(b'\\') => self.escape()?,
                Some(_) => return Err(self.unexpected()),
                None => return Err(SyntaxError::EndsEarly),
            }
        }
    }

    fn escape(&mut self) -> Result<(), SyntaxError> {
        let start = self.position;
        self.position += 1;
        match self.byte() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.position += 1;
                Ok(())
            }
            Some(b'u') => match self.unit()? {
                0xD800..=0xDBFF => {
                    if self.byte() != Some(b'\\') {
                        return Err(SyntaxError::Escape(start));
                    }
                    self.position += 1;
                    if self.byte() != Some(b'u') || !(0xDC00..=0xDFFF).contains(&self.unit()?) {
                        return Err(SyntaxError::Escape(start));
                    }
                    Ok(())
                }
                0xDC00..=0xDFFF => Err(SyntaxError::Escape(start)),
                _ => Ok(()),
            },
            Some(_) => Err(SyntaxError::Escape(start)),
            None => Err(SyntaxError::EndsEarly),
        }
    }

    /// The four digits after a `u`, which stands here.
    fn unit(&mut self) -> Result<u32, SyntaxError> {
        self.position += 1;
        let mut unit = 0;
        for _ in 0..4 {
            let byte = self.byte().ok_or(SyntaxError::EndsEarly)?;
            let digit = char::from(byte).to_digit(16).ok_or(SyntaxError::Escape(self.position))?;
            unit = unit * 16 + digit;
            self.position += 1;
        }
        Ok(unit)
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.position..).unwrap_or_default()
    }

    fn since(&self, start: usize) -> Result<&'a str, SyntaxError> {
        self.text.get(start..self.position).ok_or(SyntaxError::Unexpected(start))
    }

    fn unexpected(&self) -> SyntaxError {
        if self.position >= self.text.len() {
            SyntaxError::EndsEarly
        } else {
            SyntaxError::Unexpected(self.position)
        }
    }
}

/// How many bytes stand before the next quote, backslash or control character. Eight at a time, because texts are the bulk
/// of most documents.
fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);
    let is_plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
    let mut length = 0;
    let (words, _) = bytes.as_chunks::<8>();
    for word in words {
        let word = u64::from_ne_bytes(*word);
        let zero_in = |value: u64| value.wrapping_sub(ONES) & !value;
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let quote = zero_in(word ^ (ONES * u64::from(b'"')));
        let backslash = zero_in(word ^ (ONES * u64::from(b'\\')));
        // A borrow between bytes can only mark one behind a true mark, so "none is marked" is exact.
        if (control | quote | backslash) & HIGHS != 0 {
            break;
        }
        length += 8;
    }
    let rest = bytes.get(length..).unwrap_or_default();
    length + rest.iter().position(|&byte| !is_plain(byte)).unwrap_or(rest.len())
}

/// The bytes of a request as text: UTF-8, a leading byte order mark left out.
///
/// # Errors
/// [`SyntaxError::NotUtf8`].
pub(crate) fn text(bytes: &[u8]) -> Result<&str, SyntaxError> {
    let text = std::str::from_utf8(bytes).map_err(|_| SyntaxError::NotUtf8)?;
    Ok(text.strip_prefix('\u{FEFF}').unwrap_or(text))
}

/// The one value that a text consists of, without the whitespace around it.
///
/// # Errors
/// When the text is not exactly one JSON value.
pub(crate) fn document(text: &str, depth_max: u64) -> Result<&str, SyntaxError> {
    let mut scanner = Scanner::new(text, depth_max);
    let value = scanner.value()?;
    scanner.end()?;
    Ok(value)
}

/// What a string that the scanner has passed says.
pub(crate) fn unquoted(string: &str) -> Cow<'_, str> {
    let inner = string.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default();
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    // The scanner has checked every escape, so this cannot fail.
    Cow::Owned(serde_json::from_str(string).unwrap_or_default())
}

/// Appends a text as a JSON string.
pub(crate) fn push_string(out: &mut String, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push('"');
    let mut rest = text;
    loop {
        let (plain, special) = rest.split_at_checked(plain_length(rest.as_bytes())).unwrap_or((rest, ""));
        out.push_str(plain);
        let Some(first) = special.chars().next() else { break };
        match first {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control => {
                let code = usize::try_from(u32::from(control)).unwrap_or_default();
                out.push_str("\\u00");
                for digit in [code >> 4, code & 15] {
                    out.push(HEX.get(digit).copied().map_or('0', char::from));
                }
            }
        }
        rest = special.get(first.len_utf8()..).unwrap_or_default();
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::super::rpc::testing::Random;
    use super::*;

    fn accepts(text: &str) -> bool {
        document(text, 64).is_ok()
    }

    #[test]
    fn what_rfc_8259_allows_is_taken_and_nothing_else() {
        for good in [
            "null",
            "true",
            "false",
            "0",
            "-0",
            "1.0",
            "-1.5e+10",
            "1E-7",
            "\"\"",
            "\"a\\u0041\\n\"",
            "[]",
            "{}",
            "[1,2]",
            "{\"a\":[{}]}",
            " \r\n\t1 ",
            "\"\u{7f}\u{2028}\"",
            "\"\\ud83d\\ude00\"",
            "{\"a\":1,\"a\":2}",
            "123456789012345678901234567890",
        ] {
            assert!(accepts(good), "{good}");
        }
        for bad in [
            "",
            " ",
            "nul",
            "nulll",
            "True",
            "NaN",
            "Infinity",
            "-Infinity",
            "-",
            "01",
            "-01",
            "1.",
            ".5",
            "1e",
            "1e+",
            "+1",
            "0x10",
            "'a'",
            "\"",
            "\"a",
            "\"\\\"",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u123g\"",
            "\"\n\"",
            "\"\0\"",
            "[",
            "[1",
            "[1,",
            "[1,]",
            "[,1]",
            "[1 2]",
            "{",
            "{\"a\"",
            "{\"a\":",
            "{\"a\":1,}",
            "{a:1}",
            "{1:1}",
            "[}",
            "{]",
            "[1}",
            "{\"a\":1]",
            "1 2",
            "{} {}",
            "[]]",
            "/**/1",
            "\"\\ud800\"",
            "\"\\udc00\"",
            "\"\\ud800\\u0041\"",
            "\"\\ud800x\"",
            "\"\\ud800\\n\"",
            "\u{a0}1",
        ] {
            assert!(!accepts(bad), "{bad}");
        }
    }

    #[test]
    fn the_scanner_and_serde_json_agree_on_mutated_documents() {
        let seed =
            br#"{"a":[1,-2.5e3,"x\u00e9\ud83d\ude00\n",{"b":null,"c":[true,false,[]]}],"d":{}, "e" : 0}"#;
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        for _ in 0..200_000 {
            let bytes = random.mutated(seed, br#"{}[]",:\u0d8e+-.1 tfn"#);
            let Ok(candidate) = text(&bytes) else { continue };
            let theirs = serde_json::from_str::<serde::de::IgnoredAny>(candidate).is_ok()
                // IgnoredAny skips over lone surrogates; a typed reading does not.
                && serde_json::from_str::<serde_json::Value>(candidate)
                    .map_or_else(|error| error.to_string().contains("out of range"), |_| true);
            assert_eq!(accepts(candidate), theirs, "{candidate}");
        }
    }

    #[test]
    fn a_value_is_given_back_exactly_as_it_was_written() {
        let mut scanner = Scanner::new(" [ 1.0 , {\"b\" :\t2} ] ", 8);
        assert_eq!(scanner.enter(), Ok(Next::Item));
        assert_eq!(scanner.value(), Ok("1.0"));
        assert_eq!(scanner.next(), Ok(Next::Item));
        assert_eq!(scanner.value(), Ok("{\"b\" :\t2}"));
        assert_eq!(scanner.next(), Ok(Next::End));
        assert_eq!(scanner.end(), Ok(()));
    }

    #[test]
    fn nesting_stops_at_the_bound_without_using_the_stack() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(document(&nested(64), 64).is_ok());
        assert_eq!(document(&nested(65), 64), Err(SyntaxError::TooDeep(64)));
        assert!(document(&nested(128), 128).is_ok());
        assert_eq!(document(&nested(1_000_000), u64::MAX), Err(SyntaxError::TooDeep(128)));
        assert_eq!(document(&"{\"a\":".repeat(1_000_000), 64), Err(SyntaxError::TooDeep(64 * 5)));
    }

    #[test]
    fn a_special_byte_is_found_wherever_it_stands_in_a_word() {
        for special in ["\"", "\\", "\0", "\u{1f}"] {
            for before in 0..40 {
                for after in [0, 1, 9, 30] {
                    let text =
                        "é".repeat(before / 2) + &"!".repeat(before % 2) + special + &"\u{80}".repeat(after);
                    assert_eq!(plain_length(text.as_bytes()), (before / 2) * 2 + before % 2, "{text:?}");
                }
            }
        }
        assert_eq!(plain_length("ÿ\u{80} #[]~".repeat(9).as_bytes()), "ÿ\u{80} #[]~".repeat(9).len());
    }

    #[test]
    fn a_byte_order_mark_is_left_out_and_broken_utf8_is_refused() {
        assert_eq!(text(b"\xEF\xBB\xBF1"), Ok("1"));
        for bad in [&b"\"\xff\""[..], b"\xC0\x80", b"\xED\xA0\x80", b"\xFE\xFF\x001"] {
            assert_eq!(text(bad), Err(SyntaxError::NotUtf8));
        }
    }

    #[test]
    fn strings_are_written_as_they_were_meant() {
        for text in ["", "plain", "a\"b\\c", "line\nbreak\r\ttab", "\0\u{1}\u{1f}", "é😀\u{2028}\u{7f}", "/"]
        {
            let mut out = String::new();
            push_string(&mut out, text);
            assert_eq!(document(&out, 1), Ok(out.as_str()));
            assert_eq!(unquoted(&out), text);
        }
    }
}
