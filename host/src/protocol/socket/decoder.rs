//! Bytes of a client to messages and control frames (RFC 6455, sections 5 and 8.1), without input or output of its own.
//!
//! Owns which frame may follow which, how large a message may become, and that text is UTF-8. It is handed bytes as they come,
//! takes the mask off in place, and holds nothing but the message that is being put together: what has no message under way
//! holds no buffer. Refuses to know compression: a compressed message is handed on as it is.
//!
//! Text is refused at the piece that shows it is no UTF-8, not at the end of its message, and a size that is announced is
//! refused before a byte of it is taken.

use super::close::{Close, Code};
use super::frame::{HEAD_BYTES_MAX, Head, Malformed, Opcode, unmask};

/// A message's buffer begins with its announced length, up to this; more comes with the bytes. What a head announces is only a
/// claim.
const RESERVE_BYTES_MAX: u64 = 16 * 1024;

/// What a connection takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// Of a whole message, as sent.
    pub(super) message_bytes_max: u64,
    /// Of one frame.
    pub(super) frame_bytes_max: u64,
    /// Whether messages may be compressed.
    pub(super) takes_compressed: bool,
}

/// What has come.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Item {
    Text(String),
    Binary(Vec<u8>),
    Compressed {
        is_text: bool,
        bytes: Vec<u8>,
    },
    Ping(Vec<u8>),
    Pong,
    /// The last item.
    Close(Option<Close>),
}

/// Why the connection must be failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Violation {
    Protocol(&'static str),
    NotUtf8,
    NotDeflate,
    TooLarge,
}

impl Violation {
    /// What the peer is told of its error.
    pub(super) fn close(self) -> Close {
        match self {
            Self::Protocol(rule) => Close::new(Code::PROTOCOL, rule),
            Self::NotUtf8 => Close::new(Code::INVALID, "text is not UTF-8"),
            Self::NotDeflate => Close::new(Code::INVALID, "compressed data cannot be inflated"),
            Self::TooLarge => Close::new(Code::TOO_LARGE, "the message is too large"),
        }
    }
}

impl From<Malformed> for Violation {
    fn from(malformed: Malformed) -> Self {
        Self::Protocol(malformed.0)
    }
}

/// The frame whose payload is being read.
#[derive(Debug)]
struct Frame {
    opcode: Opcode,
    last: bool,
    left: u64,
    mask: [u8; 4],
}

/// The message that is being put together.
#[derive(Debug)]
struct Message {
    is_text: bool,
    compressed: bool,
    bytes: Vec<u8>,
    /// So much of it is known to be UTF-8.
    checked: usize,
    /// Its size as it counts against the limit.
    counted: u64,
}

#[derive(Debug)]
pub(super) struct Decoder {
    rules: Rules,
    /// The beginning of a head that is not complete.
    head: [u8; HEAD_BYTES_MAX],
    head_length: usize,
    frame: Option<Frame>,
    message: Option<Message>,
    control: Vec<u8>,
    discards: bool,
}

impl Decoder {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            rules,
            head: [0; HEAD_BYTES_MAX],
            head_length: 0,
            frame: None,
            message: None,
            control: Vec::new(),
            discards: false,
        }
    }

    /// From now on only the peer's close frame matters; messages are read and thrown away.
    pub(super) fn discard(&mut self) {
        self.discards = true;
        self.message = None;
    }

    /// Takes bytes up to the end of the next item, and says how many. All of them when there is no item.
    pub(super) fn decode(&mut self, input: &mut [u8]) -> Result<(usize, Option<Item>), Violation> {
        let mut taken = 0_usize;
        loop {
            let rest = input.get_mut(taken..).unwrap_or_default();
            let mut frame = match self.frame.take() {
                Some(frame) => frame,
                None => {
                    let (read, head) = self.read_head(rest)?;
                    taken = taken.saturating_add(read);
                    let Some(head) = head else { return Ok((taken, None)) };
                    self.begin(&head)?
                }
            };
            let rest = input.get_mut(taken..).unwrap_or_default();
            let length = usize::try_from(frame.left).map_or(rest.len(), |left| left.min(rest.len()));
            let piece = rest.get_mut(..length).unwrap_or_default();
            frame.mask = unmask(piece, frame.mask);
            frame.left = frame.left.saturating_sub(length as u64);
            taken = taken.saturating_add(length);
            let ended = frame.left == 0;
            self.take(&frame, piece)?;
            if !ended {
                self.frame = Some(frame);
                return Ok((taken, None));
            }
            if let Some(item) = self.end(&frame)? {
                return Ok((taken, Some(item)));
            }
        }
    }

    /// Reads a head that may have come in pieces, and says how many bytes of the input belong to it.
    fn read_head(&mut self, input: &[u8]) -> Result<(usize, Option<Head>), Violation> {
        let before = self.head_length;
        if before == 0
            && let Some((head, size)) = Head::read(input)?
        {
            return Ok((size, Some(head)));
        }
        let mut length = before;
        for (place, byte) in self.head.iter_mut().skip(before).zip(input) {
            *place = *byte;
            length = length.saturating_add(1);
        }
        match Head::read(self.head.get(..length).unwrap_or_default())? {
            Some((head, size)) => {
                self.head_length = 0;
                Ok((size.saturating_sub(before), Some(head)))
            }
            None => {
                self.head_length = length;
                Ok((length.saturating_sub(before), None))
            }
        }
    }

    fn begin(&mut self, head: &Head) -> Result<Frame, Violation> {
        let starts = matches!(head.opcode, Opcode::Text | Opcode::Binary);
        if head.compressed && !(starts && self.rules.takes_compressed) {
            // RFC 7692, section 6.1: on the first frame of a message only.
            return Err(Violation::Protocol("a reserved bit is set"));
        }
        if !head.opcode.is_control() && !self.discards {
            if starts && self.message.is_some() {
                return Err(Violation::Protocol("a message begins inside another"));
            }
            if starts {
                self.message = Some(Message {
                    is_text: head.opcode == Opcode::Text,
                    compressed: head.compressed,
                    bytes: Vec::new(),
                    checked: 0,
                    counted: 0,
                });
            }
            let Some(message) = &mut self.message else {
                return Err(Violation::Protocol("a frame continues nothing"));
            };
            // An empty frame that goes on counts as a byte, so that a message has no more frames than it may have bytes.
            let counts = if head.last { head.length } else { head.length.max(1) };
            message.counted = message.counted.saturating_add(counts);
            if head.length > self.rules.frame_bytes_max || message.counted > self.rules.message_bytes_max {
                return Err(Violation::TooLarge);
            }
            let reserved = usize::try_from(head.length.min(RESERVE_BYTES_MAX)).unwrap_or(0);
            if message.bytes.is_empty() {
                message.bytes.reserve_exact(reserved);
            }
        }
        Ok(Frame { opcode: head.opcode, last: head.last, left: head.length, mask: head.mask })
    }

    /// Takes a piece of a frame's payload.
    fn take(&mut self, frame: &Frame, piece: &[u8]) -> Result<(), Violation> {
        if frame.opcode.is_control() {
            self.control.extend_from_slice(piece);
            return Ok(());
        }
        let Some(message) = &mut self.message else { return Ok(()) };
        message.bytes.extend_from_slice(piece);
        let ended = frame.left == 0 && frame.last;
        if message.is_text && !message.compressed && !ended {
            message.check()?;
        }
        Ok(())
    }

    /// What a frame that has ended completes.
    fn end(&mut self, frame: &Frame) -> Result<Option<Item>, Violation> {
        match frame.opcode {
            Opcode::Ping => return Ok(Some(Item::Ping(std::mem::take(&mut self.control)))),
            Opcode::Pong => {
                self.control.clear();
                return Ok(Some(Item::Pong));
            }
            Opcode::Close => return read_close(&self.control).map(|close| Some(Item::Close(close))),
            Opcode::Continuation | Opcode::Text | Opcode::Binary => {}
        }
        if !frame.last {
            return Ok(None);
        }
        let Some(Message { is_text, compressed, bytes, .. }) = self.message.take() else { return Ok(None) };
        Ok(Some(if compressed {
            Item::Compressed { is_text, bytes }
        } else if is_text {
            Item::Text(String::from_utf8(bytes).map_err(|_| Violation::NotUtf8)?)
        } else {
            Item::Binary(bytes)
        }))
    }
}

impl Message {
    /// Looks at what has come since the last time. A character may still be cut off at the end.
    fn check(&mut self) -> Result<(), Violation> {
        match std::str::from_utf8(self.bytes.get(self.checked..).unwrap_or_default()) {
            Ok(text) => self.checked = self.checked.saturating_add(text.len()),
            Err(error) if error.error_len().is_some() => return Err(Violation::NotUtf8),
            Err(error) => self.checked = self.checked.saturating_add(error.valid_up_to()),
        }
        Ok(())
    }
}

/// The payload of a close frame (section 5.5.1): nothing, or a code and a reason.
fn read_close(payload: &[u8]) -> Result<Option<Close>, Violation> {
    if payload.is_empty() {
        return Ok(None);
    }
    let Some((code, reason)) = payload.split_first_chunk() else {
        return Err(Violation::Protocol("a close frame has half a code"));
    };
    let code = u16::from_be_bytes(*code);
    if !Code::may_be_sent(code) {
        return Err(Violation::Protocol("a close frame has a code that is never sent"));
    }
    let reason = std::str::from_utf8(reason).map_err(|_| Violation::NotUtf8)?;
    Ok(Some(Close { code: Code(code), reason: reason.to_owned().into() }))
}
