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

#[cfg(test)]
mod tests {
    use tokio_tungstenite::tungstenite::Error;
    use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
    use tokio_tungstenite::tungstenite::protocol::{
        CloseFrame, Message as Theirs, Role, WebSocket, WebSocketConfig,
    };

    use super::*;

    const RULES: Rules = Rules { message_bytes_max: 2_000, frame_bytes_max: 1_000, takes_compressed: false };

    /// Decodes bytes that come in pieces of these lengths, over and over.
    fn decode(rules: Rules, bytes: &[u8], pieces: &[usize]) -> (Vec<Item>, Option<Violation>) {
        let mut decoder = Decoder::new(rules);
        let mut items = Vec::new();
        let mut rest = bytes;
        for length in pieces.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at((*length).clamp(1, rest.len()));
            rest = after;
            let mut piece = piece.to_vec();
            let mut from = 0;
            while from < piece.len() {
                match decoder.decode(&mut piece[from..]) {
                    Ok((taken, item)) => {
                        from += taken;
                        if let Some(close @ Item::Close(_)) = item {
                            items.push(close);
                            return (items, None);
                        }
                        items.extend(item);
                    }
                    Err(violation) => return (items, Some(violation)),
                }
            }
        }
        (items, None)
    }

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [0x37, 0xfa, 0x21, 0x3d];
        let mut bytes = vec![first];
        match payload.len() {
            length @ 0..126 => bytes.push(0x80 | u8::try_from(length).unwrap()),
            length => {
                bytes.push(0x80 | 126);
                bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
        }
        bytes.extend(mask);
        bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        bytes
    }

    /// The violation that these frames are, and none but that, whatever the pieces are.
    #[track_caller]
    fn check(frames: &[Vec<u8>], expected: Result<usize, Violation>) {
        for pieces in [&[usize::MAX][..], &[1], &[2, 3, 5, 7]] {
            let (items, violation) = decode(RULES, &frames.concat(), pieces);
            assert_eq!(
                violation.map_or(Ok(items.len()), Err),
                expected,
                "{frames:x?} in {pieces:?}: {items:?}"
            );
        }
    }

    #[test]
    fn messages_keep_to_the_order_of_frames_and_to_their_limits() {
        let protocol = |rule| Err(Violation::Protocol(rule));
        check(&[frame(0x01, b"a"), frame(0x89, b"p"), frame(0x00, b""), frame(0x80, b"b")], Ok(2));
        check(&[frame(0x81, &[b'x'; 1_000])], Ok(1));
        check(&[frame(0x80, b"a")], protocol("a frame continues nothing"));
        check(&[frame(0x01, b"a"), frame(0x81, b"b")], protocol("a message begins inside another"));
        check(&[frame(0xc1, b"a")], protocol("a reserved bit is set"));
        check(&[frame(0x88, b"x")], protocol("a close frame has half a code"));
        check(&[frame(0x88, &[3, 0xed])], protocol("a close frame has a code that is never sent"));
        check(&[frame(0x88, &[3, 0xe8, 0xff])], Err(Violation::NotUtf8));
        check(&[frame(0x81, b"\xc3\xa9"), frame(0x81, b"\xc3")], Err(Violation::NotUtf8));
        check(&[frame(0x81, &[b'x'; 1_001])], Err(Violation::TooLarge));
        check(&[frame(0x02, &[0; 1_000]), frame(0x00, &[0; 1_000]), frame(0x80, b"")], Ok(1));
        check(
            &[frame(0x02, &[0; 1_000]), frame(0x00, &[0; 1_000]), frame(0x80, b"x")],
            Err(Violation::TooLarge),
        );
        // Empty frames without an end.
        check(&[vec![frame(0x02, b"")], vec![frame(0x00, b""); 2_000]].concat(), Err(Violation::TooLarge));
    }

    #[test]
    fn text_is_refused_at_the_byte_that_shows_it() {
        let start = frame(0x01, "κό".as_bytes());
        let broken = frame(0x00, b"\xf4\x90\x80\x80 and what would follow");
        let upto = start.len() + 6 + 2;
        let bytes = [start, broken].concat();
        assert_eq!(decode(RULES, &bytes[..upto - 1], &[1]).1, None);
        assert_eq!(decode(RULES, &bytes[..upto], &[1]).1, Some(Violation::NotUtf8));
    }

    const LONGER: [Violation; 2] = [
        Violation::Protocol("the length is not in its shortest form"),
        Violation::Protocol("a control frame is fragmented or too long"),
    ];

    /// What tungstenite makes of the same bytes.
    fn theirs(bytes: &[u8]) -> (Vec<Item>, Option<Violation>) {
        let config = WebSocketConfig::default().max_message_size(Some(1 << 20)).max_frame_size(Some(1 << 20));
        let stream = ReadOnly(std::io::Cursor::new(bytes.to_vec()));
        let mut socket = WebSocket::from_raw_socket(stream, Role::Server, Some(config));
        let mut items = Vec::new();
        loop {
            items.push(match socket.read() {
                Ok(Theirs::Text(text)) => Item::Text(text.as_str().to_owned()),
                Ok(Theirs::Binary(bytes)) => Item::Binary(bytes.into()),
                Ok(Theirs::Ping(payload)) => Item::Ping(payload.into()),
                Ok(Theirs::Pong(_)) => Item::Pong,
                Ok(Theirs::Close(close)) => {
                    // It hands a code that may not be sent on as 1002, with a reason of its own.
                    let is_made_up = |close: &CloseFrame| {
                        close.reason.as_str() == "Protocol violation" || !Code::may_be_sent(close.code.into())
                    };
                    if close.as_ref().is_some_and(is_made_up) {
                        return (items, Some(Violation::Protocol("")));
                    }
                    items.push(Item::Close(close.map(|close| Close {
                        code: Code(CloseCode::into(close.code)),
                        reason: close.reason.as_str().to_owned().into(),
                    })));
                    return (items, None);
                }
                Ok(Theirs::Frame(_)) => unreachable!("only when it is asked for"),
                Err(Error::Utf8(_)) => return (items, Some(Violation::NotUtf8)),
                Err(Error::Protocol(error)) if error.to_string().contains("without closing handshake") => {
                    return (items, None);
                }
                Err(Error::Io(_)) => return (items, None),
                Err(_) => return (items, Some(Violation::Protocol(""))),
            });
        }
    }

    /// What is written is of no interest.
    struct ReadOnly(std::io::Cursor<Vec<u8>>);

    impl std::io::Read for ReadOnly {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.0.read(buffer)
        }
    }

    impl std::io::Write for ReadOnly {
        fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
            Ok(buffer.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn random_streams_are_read_as_tungstenite_reads_them_in_whatever_pieces() {
        let rules = Rules { message_bytes_max: 1 << 20, frame_bytes_max: 1 << 20, takes_compressed: false };
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut random = |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state >> 33).unwrap() % below
        };
        for round in 0..80_000 {
            let mut bytes = Vec::new();
            for _ in 0..=random(6) {
                // Mostly what may be, so that the streams get somewhere.
                let kinds = if random(8) == 0 { 13 } else { 9 };
                let first = [0x81, 0x82, 0x01, 0x02, 0x00, 0x80, 0x89, 0x8a, 0x88, 0xc1, 0x83, 0x09, 0x0b]
                    [random(kinds)];
                let length = [0, 1, 2, 5, 124, 125, 126, 130, 300][random(9)];
                let payload: Vec<u8> = match random(4) {
                    0 => (0..length).map(|_| u8::try_from(random(256)).unwrap()).collect(),
                    1 => "1000 κόσμε €𝄞".bytes().cycle().take(length).collect(),
                    2 => [&[3, 0xe8][..], &vec![b'a'; length]].concat(),
                    _ => vec![b'a'; length],
                };
                bytes.extend(frame(first, &payload));
            }
            if random(4) == 0 {
                let place = random(bytes.len());
                bytes[place] ^= 1 << random(8);
            }
            let cut = if random(3) == 0 { random(bytes.len()) } else { 0 };
            bytes.truncate(bytes.len() - cut);
            let (items, violation) = decode(rules, &bytes, &[1 + random(20), 1 + random(200)]);
            let (their_items, their_violation) = theirs(&bytes);
            // A length in a longer form than it needs is taken by tungstenite; on a control frame it is too long by its form.
            let agrees = if violation.is_some_and(|violation| LONGER.contains(&violation)) {
                their_items.starts_with(&items)
            } else {
                // We see a violation before the end of a frame that it waits for.
                items == their_items && (violation.is_some() || their_violation.is_none())
            };
            assert!(
                agrees,
                "round {round}: {bytes:x?}\nours {items:?} {violation:?}\ntheirs {their_items:?} {their_violation:?}"
            );
        }
    }

    #[test]
    fn nothing_is_held_between_messages() {
        let mut decoder = Decoder::new(RULES);
        let mut bytes = [frame(0x82, &[0; 900]), frame(0x89, b"")].concat();
        let (taken, item) = decoder.decode(&mut bytes).unwrap();
        assert_eq!(item, Some(Item::Binary(vec![0; 900])));
        assert_eq!(decoder.decode(&mut bytes[taken..]).unwrap().1, Some(Item::Ping(Vec::new())));
        assert!(decoder.message.is_none() && decoder.frame.is_none() && decoder.control.capacity() == 0);
    }
}
