//! A small WebSocket client (RFC 6455) that sends any frame.

use super::http::Connection;
use super::{Host, http};

/// An open WebSocket.
#[derive(Debug)]
pub(crate) struct Socket {
    connection: Connection,
}

impl Socket {
    /// Shakes hands at this target.
    #[track_caller]
    pub(crate) fn open(host: &Host, target: &str) -> Self {
        let mut connection = Connection::open(host.address());
        let headers = [
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        connection.send(&http::request(host.address(), "GET", target, &headers, b""));
        let answer = connection.answer();
        assert_eq!(answer.status, 101, "{answer:?}");
        Self { connection }
    }

    /// A connection that is a WebSocket already.
    pub(crate) fn over(connection: Connection) -> Self {
        Self { connection }
    }

    /// The connection below.
    pub(crate) fn into_connection(self) -> Connection {
        self.connection
    }

    /// The connection below, for bytes that are no frames.
    pub(crate) fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Sends one frame with this first byte, masked with zeros.
    pub(crate) fn send_frame(&mut self, first: u8, payload: &[u8]) {
        self.connection.send(&frame(first, payload));
    }

    /// Sends a text in one frame.
    pub(crate) fn send_text(&mut self, text: &str) {
        self.send_frame(0x81, text.as_bytes());
    }

    /// The next frame: its opcode and its payload.
    #[track_caller]
    pub(crate) fn frame(&mut self) -> (u8, Vec<u8>) {
        let (first, payload) = self.any_frame();
        (first & 0x0f, payload)
    }

    /// The next frame: its first byte and its payload.
    #[track_caller]
    pub(crate) fn any_frame(&mut self) -> (u8, Vec<u8>) {
        let head = self.connection.bytes(2);
        assert_eq!(head[1] & 0x80, 0, "a server masks nothing");
        let length = match head[1] {
            126 => u64::from(u16::from_be_bytes(self.connection.bytes(2).try_into().expect("two bytes"))),
            127 => u64::from_be_bytes(self.connection.bytes(8).try_into().expect("eight bytes")),
            short => u64::from(short),
        };
        let payload = self.connection.bytes(usize::try_from(length).expect("64 bits"));
        (head[0], payload)
    }

    /// The next frame, which is to be a text.
    #[track_caller]
    pub(crate) fn text(&mut self) -> String {
        let (opcode, payload) = self.frame();
        let text = String::from_utf8(payload).expect("UTF-8");
        assert_eq!(opcode, 1, "{text:?}");
        text
    }
}

/// The bytes of a client's frame.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..126 => bytes.push(0x80 | u8::try_from(short).expect("below 126")),
        middle @ 126..65_536 => {
            bytes.push(0x80 | 126);
            bytes.extend(u16::try_from(middle).expect("16 bits").to_be_bytes());
        }
        long => {
            bytes.push(0x80 | 127);
            bytes.extend(u64::try_from(long).expect("64 bits").to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}
