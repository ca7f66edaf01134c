//! Which characters XML 1.0 (fifth edition) allows where.
//!
//! Owns productions 2 to 4a. ASCII is looked up in a table, since nearly all names are ASCII.

const SPACE: u8 = 1;
const NAME_START: u8 = 2;
const NAME: u8 = 4;

/// The class of every ASCII byte. `:` is no name character here: it separates prefix and local name.
static CLASSES: [u8; 256] = classes();

#[expect(
    clippy::indexing_slicing,
    reason = "computed at compile time, where an index out of range is an error"
)]
const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        let character = byte as u8;
        if matches!(character, b' ' | b'\t' | b'\n' | b'\r') {
            classes[byte] = SPACE;
        } else if character.is_ascii_alphabetic() || character == b'_' {
            classes[byte] = NAME_START | NAME;
        } else if character.is_ascii_digit() || matches!(character, b'-' | b'.') {
            classes[byte] = NAME;
        }
        byte += 1;
    }
    classes
}

fn class(byte: u8) -> u8 {
    CLASSES.get(usize::from(byte)).copied().unwrap_or(0)
}

/// Production 3, one character of white space.
pub(super) fn is_space(byte: u8) -> bool {
    class(byte) & SPACE != 0
}

/// Production 2: a character that may stand in a document at all, be it as a reference.
#[must_use]
pub fn is_character(character: char) -> bool {
    // Surrogates are no `char`.
    match character {
        '\t' | '\n' | '\r' => true,
        '\u{FFFE}' | '\u{FFFF}' => false,
        other => other >= ' ',
    }
}

/// The first offset of a byte sequence in UTF-8 text that is no character of production 2.
pub(super) fn first_forbidden(text: &str) -> Option<usize> {
    const BLOCK: usize = 1024;
    let forbidden = |byte: u8| byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r');
    let bytes = text.as_bytes();
    let mut control = None;
    // Without an early exit inside a block the compiler checks many bytes at a time.
    for (number, block) in bytes.chunks(BLOCK).enumerate() {
        if block.iter().fold(false, |found, &byte| found | forbidden(byte)) {
            let within = block.iter().position(|&byte| forbidden(byte)).unwrap_or(0);
            control = Some(number.saturating_mul(BLOCK).saturating_add(within));
            break;
        }
    }
    // U+FFFE and U+FFFF are EF BF BE and EF BF BF.
    let noncharacter = memchr::memmem::find_iter(bytes, b"\xEF\xBF")
        .find(|&at| bytes.get(at.saturating_add(2)).is_some_and(|&third| third >= 0xBE));
    match (control, noncharacter) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

fn is_name_start_beyond_ascii(character: char) -> bool {
    matches!(character,
        '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}' | '\u{370}'..='\u{37D}'
        | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}' | '\u{2C00}'..='\u{2FEF}'
        | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}' | '\u{10000}'..='\u{EFFFF}')
}

fn is_name_beyond_ascii(character: char) -> bool {
    is_name_start_beyond_ascii(character)
        || matches!(character, '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

/// The length in bytes of the name without a colon (Namespaces in XML, production 4) that `text` has at `from`; 0 for none.
pub(super) fn name_length(text: &str, from: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = from;
    while let Some(&byte) = bytes.get(at) {
        if byte.is_ascii() {
            let wanted = if at == from { NAME_START } else { NAME };
            if class(byte) & wanted == 0 {
                break;
            }
            at = at.saturating_add(1);
        } else {
            let Some(character) = text.get(at..).and_then(|rest| rest.chars().next()) else { break };
            let allowed = if at == from {
                is_name_start_beyond_ascii(character)
            } else {
                is_name_beyond_ascii(character)
            };
            if !allowed {
                break;
            }
            at = at.saturating_add(character.len_utf8());
        }
    }
    at.saturating_sub(from)
}

/// Whether `text` is a whole name without a colon.
#[must_use]
pub fn is_name(text: &str) -> bool {
    !text.is_empty() && name_length(text, 0) == text.len()
}

/// Whether `text` has the form that XML Schema asks of `xml:lang`: parts of one to eight letters or digits with `-` between
/// them, the first of letters only.
#[must_use]
pub fn is_language_tag_like(text: &str) -> bool {
    let mut parts = text.split('-');
    let short = |part: &str| (1..=8).contains(&part.len());
    parts.next().is_some_and(|first| short(first) && first.bytes().all(|byte| byte.is_ascii_alphabetic()))
        && parts.all(|part| short(part) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_fifth_edition() {
        for name in ["a", "_", "a-b.c1", "\u{e9}t\u{e9}", "\u{10000}", "a\u{b7}", "\u{37f}"] {
            assert!(is_name(name), "{name:?}");
        }
        for name in
            ["", "1a", "-a", ".a", "a b", "a:b", "\u{d7}", "\u{b7}a", "\u{37e}", "\u{f0000}", "a\u{2190}"]
        {
            assert!(!is_name(name), "{name:?}");
        }
    }

    #[test]
    fn a_forbidden_character_is_found_where_it_stands() {
        assert_eq!(first_forbidden("a\tb\nc\rd\u{7f}\u{85}\u{fffd}"), None);
        assert_eq!(first_forbidden("ab\0"), Some(2));
        assert_eq!(first_forbidden("ab\u{fffe}\u{1}"), Some(2));
        assert_eq!(first_forbidden("\u{ffff}"), Some(0));
        let late = format!("{}\u{1b}", "x".repeat(5_000));
        assert_eq!(first_forbidden(&late), Some(5_000));
    }

    #[test]
    fn a_language_tag_has_the_form_of_the_schema_type() {
        assert!(is_language_tag_like("en") && is_language_tag_like("de-CH-1996"));
        assert!(!is_language_tag_like("") && !is_language_tag_like("e n") && !is_language_tag_like("1a"));
        assert!(!is_language_tag_like("en-") && !is_language_tag_like("abcdefghi"));
    }
}
