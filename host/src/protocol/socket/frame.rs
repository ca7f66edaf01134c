//! One frame's head and its mask (RFC 6455, section 5.2), both ways.
//!
//! Owns the bits. Refuses to know messages: which frame may follow which is the decoder's to say.

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    fn of(bits: u8) -> Option<Self> {
        Some(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xa => Self::Pong,
            _ => return None,
        })
    }

    fn bits(self) -> u8 {
        match self {
            Self::Continuation => 0x0,
            Self::Text => 0x1,
            Self::Binary => 0x2,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xa,
        }
    }

    /// Control frames may stand between the frames of a message (section 5.5).
    pub(super) fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// The most that a control frame carries (section 5.5).
pub(super) const CONTROL_BYTES_MAX: usize = 125;
/// The longest head a client sends: two bytes, a length of eight, a mask of four.
pub(super) const HEAD_BYTES_MAX: usize = 14;

const FIN: u8 = 0x80;
const COMPRESSED: u8 = 0x40;
const RESERVED: u8 = 0x30;
const MASKED: u8 = 0x80;

/// What stands before a client's payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) opcode: Opcode,
    /// Whether it is the last frame of its message.
    pub(super) last: bool,
    /// RSV1, which permessage-deflate sets on the first frame of a compressed message (RFC 7692, section 6).
    pub(super) compressed: bool,
    pub(super) length: u64,
    pub(super) mask: [u8; 4],
}

/// The head breaks the protocol, by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) &'static str);

impl Head {
    /// Reads a head and says how long it is; none while it is not complete. What its first two bytes break is found without the
    /// rest.
    pub(super) fn read(bytes: &[u8]) -> Result<Option<(Self, usize)>, Malformed> {
        let [first, second, rest @ ..] = bytes else { return Ok(None) };
        if first & RESERVED != 0 {
            return Err(Malformed("a reserved bit is set"));
        }
        let Some(opcode) = Opcode::of(first & 0x0f) else { return Err(Malformed("the opcode is unknown")) };
        if second & MASKED == 0 {
            // Section 5.1: a server must not go on with a client that does not mask.
            return Err(Malformed("the frame is not masked"));
        }
        let last = first & FIN != 0;
        let compressed = first & COMPRESSED != 0;
        let short = second & 0x7f;
        if opcode.is_control() && (!last || usize::from(short) > CONTROL_BYTES_MAX) {
            return Err(Malformed("a control frame is fragmented or too long"));
        }
        // The shortest form is the only one, and the highest of 64 bits is zero.
        const LONGER: Malformed = Malformed("the length is not in its shortest form");
        let (length, rest, extended) = match short {
            126 => {
                let Some((length, rest)) = rest.split_first_chunk() else { return Ok(None) };
                let length = u64::from(u16::from_be_bytes(*length));
                if length < 126 {
                    return Err(LONGER);
                }
                (length, rest, 2)
            }
            127 => {
                let Some((length, rest)) = rest.split_first_chunk() else { return Ok(None) };
                let length = u64::from_be_bytes(*length);
                if length <= u64::from(u16::MAX) {
                    return Err(LONGER);
                }
                if length >> 63 != 0 {
                    return Err(Malformed("the length has 64 bits"));
                }
                (length, rest, 8)
            }
            short => (u64::from(short), rest, 0),
        };
        let Some((mask, _)) = rest.split_first_chunk() else { return Ok(None) };
        Ok(Some((Self { opcode, last, compressed, length, mask: *mask }, 2 + extended + 4)))
    }
}

/// Appends the head of a whole, unmasked message or control frame.
pub(super) fn write_head(to: &mut Vec<u8>, opcode: Opcode, compressed: bool, length: usize) {
    to.push(FIN | if compressed { COMPRESSED } else { 0 } | opcode.bits());
    if let Some(short) = u8::try_from(length).ok().filter(|short| *short < 126) {
        to.push(short);
    } else if let Ok(middle) = u16::try_from(length) {
        to.push(126);
        to.extend_from_slice(&middle.to_be_bytes());
    } else {
        to.push(127);
        to.extend_from_slice(&(length as u64).to_be_bytes());
    }
}

/// Takes the mask from a piece of a payload, or puts it on, and gives the mask for the piece that follows.
pub(super) fn unmask(bytes: &mut [u8], mask: [u8; 4]) -> [u8; 4] {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    // Whole words, which the compiler makes into vector instructions.
    let (words, rest) = bytes.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip([a, b, c, d, a, b, c, d]) {
        *byte ^= mask;
    }
    match rest.len() % 4 {
        0 => mask,
        1 => [b, c, d, a],
        2 => [c, d, a, b],
        _ => [d, a, b, c],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_only_when_it_is_complete() {
        let table: &[(&[u8], u64)] = &[
            (&[0x81, 0x85, 1, 2, 3, 4], 5),
            (&[0x82, 0xfe, 0x01, 0x00, 1, 2, 3, 4], 256),
            (&[0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4], 65_536),
        ];
        for (bytes, length) in table {
            for cut in 0..bytes.len() {
                assert_eq!(Head::read(&bytes[..cut]), Ok(None), "{bytes:x?} up to {cut}");
            }
            let (head, size) = Head::read(bytes).unwrap().unwrap();
            assert_eq!((head.length, size, head.mask), (*length, bytes.len(), [1, 2, 3, 4]));
        }
    }

    #[test]
    fn a_head_that_breaks_the_protocol_is_refused_as_soon_as_it_is_seen() {
        for bytes in [
            &[0xa1, 0x80][..],
            &[0x91, 0x80],
            &[0x83, 0x80],
            &[0x8b, 0x80],
            &[0x81, 0x05],
            &[0x09, 0x80],
            &[0x89, 0xfe],
            &[0x88, 0xff],
            &[0x82, 0xfe, 0x00, 0x7d],
            &[0x82, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff],
            &[0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0],
        ] {
            assert!(Head::read(bytes).is_err(), "{bytes:x?}");
        }
    }

    #[test]
    fn a_payload_is_unmasked_the_same_in_whatever_pieces_it_comes() {
        let payload: Vec<u8> = (0..100).collect();
        let mask = [0x37, 0xfa, 0x21, 0x3d];
        let expected: Vec<u8> =
            payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
        for cut in 0..payload.len() {
            let mut bytes = payload.clone();
            let (before, after) = bytes.split_at_mut(cut);
            let mask = unmask(before, mask);
            unmask(after, mask);
            assert_eq!(bytes, expected, "cut at {cut}");
        }
    }

    #[test]
    fn lengths_are_written_in_their_shortest_form() {
        for (length, head) in [
            (0, &[0x82, 0][..]),
            (125, &[0x82, 125]),
            (126, &[0x82, 126, 0, 126]),
            (65_535, &[0x82, 126, 0xff, 0xff]),
            (65_536, &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let mut bytes = Vec::new();
            write_head(&mut bytes, Opcode::Binary, false, length);
            assert_eq!(bytes, head);
        }
    }
}
