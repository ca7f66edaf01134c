//! What stands between tags, and references wherever they stand.
//!
//! Owns character data, CDATA sections, comments, processing instructions (productions 14 to 21) and references (66 to 68).

use std::borrow::Cow;

use super::super::character::{is_character, name_length};
use super::super::error::{Error, ErrorKind};
use super::{Event, Instructions, Reader};

impl<'a> Reader<'a> {
    pub(super) fn inside(&mut self) -> Result<Event<'a>, Error> {
        let mut run: Cow<'a, str> = Cow::Borrowed("");
        // Where the text begins that is not in `run` yet.
        let mut from = self.position;
        loop {
            let Some(found) = memchr::memchr3(b'<', b'&', b']', self.rest()) else {
                self.position = self.text.len();
                return Err(self.malformed("the document ends inside an element"));
            };
            self.advance(found);
            match self.rest() {
                [b']', b']', b'>', ..] => return Err(self.malformed("`]]>` in text")),
                [b']', ..] => {
                    self.advance(1);
                    continue;
                }
                _ => append(&mut run, self.slice(from, self.position)),
            }
            match self.rest() {
                [b'&', ..] => {
                    let character = self.reference()?;
                    run.to_mut().push(character);
                }
                [b'<', b'!', b'-', b'-', ..] => self.comment()?,
                [b'<', b'!', rest @ ..] if rest.starts_with(b"[CDATA[") => {
                    self.advance(9);
                    let Some(length) = memchr::memmem::find(self.rest(), b"]]>") else {
                        return Err(self.malformed("a CDATA section without an end"));
                    };
                    append(&mut run, self.slice(self.position, self.position.saturating_add(length)));
                    self.advance(length.saturating_add(3));
                }
                [b'<', b'?', ..] => self.instruction()?,
                [b'<', b'!', ..] => return Err(self.malformed("`<!` begins only a comment or CDATA")),
                _ if !run.is_empty() => return Ok(Event::Text(run)),
                [b'<', b'/', ..] => return self.end_tag(),
                _ => return self.start_tag(),
            }
            from = self.position;
        }
    }

    /// Production 15.
    pub(super) fn comment(&mut self) -> Result<(), Error> {
        self.advance(4);
        let Some(length) = memchr::memmem::find(self.rest(), b"--") else {
            return Err(self.malformed("a comment without an end"));
        };
        self.advance(length.saturating_add(2));
        if self.peek() != Some(b'>') {
            return Err(self.malformed("`--` in a comment"));
        }
        self.advance(1);
        Ok(())
    }

    /// Production 16.
    pub(super) fn instruction(&mut self) -> Result<(), Error> {
        if self.bounds.instructions == Instructions::Refuse {
            return Err(self.error(ErrorKind::ProcessingInstruction));
        }
        self.advance(2);
        let length = name_length(self.text, self.position);
        let target = self.slice(self.position, self.position.saturating_add(length));
        if target.is_empty() || target.eq_ignore_ascii_case("xml") {
            return Err(self.malformed("the target of a processing instruction"));
        }
        self.advance(length);
        let spaced = self.skip_space();
        let Some(length) = memchr::memmem::find(self.rest(), b"?>") else {
            return Err(self.malformed("a processing instruction without an end"));
        };
        if length > 0 && !spaced {
            return Err(self.malformed("the target of a processing instruction"));
        }
        self.advance(length.saturating_add(2));
        Ok(())
    }

    /// Productions 66 and 68, with the five predefined entities of section 4.6.
    pub(super) fn reference(&mut self) -> Result<char, Error> {
        let (character, length) = match self.rest() {
            [b'&', b'l', b't', b';', ..] => ('<', 4),
            [b'&', b'g', b't', b';', ..] => ('>', 4),
            [b'&', b'a', b'm', b'p', b';', ..] => ('&', 5),
            [b'&', b'q', b'u', b'o', b't', b';', ..] => ('"', 6),
            [b'&', b'a', b'p', b'o', b's', b';', ..] => ('\'', 6),
            [b'&', b'#', b'x', digits @ ..] => self.character(digits, 16, 3)?,
            [b'&', b'#', digits @ ..] => self.character(digits, 10, 2)?,
            _ => return Err(self.malformed("a reference to an entity that is not predefined")),
        };
        self.advance(length);
        Ok(character)
    }

    fn character(&self, digits: &[u8], radix: u32, before: usize) -> Result<(char, usize), Error> {
        let mut code: u32 = 0;
        for (count, &byte) in digits.iter().enumerate() {
            match char::from(byte).to_digit(radix) {
                // Saturating: past the last character there is none however many digits follow.
                Some(digit) => code = code.saturating_mul(radix).saturating_add(digit),
                None if byte == b';' && count > 0 => {
                    let length = before.saturating_add(count).saturating_add(1);
                    return match char::from_u32(code).filter(|&character| is_character(character)) {
                        Some(character) => Ok((character, length)),
                        None => Err(self.malformed("a reference to a character that XML does not allow")),
                    };
                }
                None => break,
            }
        }
        Err(self.malformed("a character reference"))
    }
}

/// Appends to a text that borrows as long as it is of one piece.
pub(super) fn append<'a>(run: &mut Cow<'a, str>, piece: &'a str) {
    if run.is_empty() {
        if let Cow::Owned(owned) = run {
            owned.push_str(piece);
        } else {
            *run = Cow::Borrowed(piece);
        }
    } else if !piece.is_empty() {
        run.to_mut().push_str(piece);
    }
}
