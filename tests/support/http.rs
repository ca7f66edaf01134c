//! A small HTTP/1.1 client that sends exactly the bytes it is given, malformed ones included, and reads answers by the
//! letter of RFC 9112. Real clients refuse to send what a server must refuse to take.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Instant;

use super::wait::DEADLINE;

/// An answer as it came.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Status line and header fields, as sent.
    pub(crate) head: String,
    /// Names in lower case, in the order they came.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The value of a header field that occurs at most once.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values =
            self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let value = values.next();
        assert!(values.next().is_none(), "`{name}` came more than once: {}", self.head);
        value
    }

    /// The body as text.
    #[track_caller]
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap_or_else(|_| panic!("not UTF-8: {self:?}"))
    }

    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("not JSON ({error}): {self:?}"))
    }
}

/// A connection that keeps what it has read too much of.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Connection {
    #[expect(clippy::disallowed_methods, reason = "a test is a client")]
    pub(crate) fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address)
            .unwrap_or_else(|error| panic!("cannot connect to {address}: {error}"));
        stream.set_nodelay(true).expect("a socket takes its options");
        Self { stream, unread: Vec::new() }
    }

    /// Sends these bytes. A peer that has closed already is seen when its answer is read.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Sends these bytes, for as long as the peer takes some; false when it has closed.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// The same connection, for sending from another thread.
    pub(crate) fn another_end(&self) -> TcpStream {
        self.stream.try_clone().expect("a descriptor can be made")
    }

    /// Says that nothing more will be sent, and goes on reading.
    pub(crate) fn finish(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Reads an answer to a request that was not HEAD.
    #[track_caller]
    pub(crate) fn answer(&mut self) -> Answer {
        self.answer_to("GET")
    }

    /// Reads an answer to a request of this method, which decides whether there is a body (RFC 9112, section 6.3).
    #[track_caller]
    pub(crate) fn answer_to(&mut self, method: &str) -> Answer {
        let head = self.head();
        let mut lines = head.split("\r\n");
        let status_line = lines.next().unwrap_or_default();
        let status = status_line
            .strip_prefix("HTTP/1.1 ")
            // To a client that speaks the older version.
            .or_else(|| status_line.strip_prefix("HTTP/1.0 "))
            .and_then(|rest| rest.get(..3)?.parse().ok())
            .unwrap_or_else(|| panic!("not a status line: {status_line:?}"));
        let headers: Vec<(String, String)> = lines
            .filter(|line| !line.is_empty())
            .map(|line| line.split_once(':').unwrap_or_else(|| panic!("not a header field: {line:?}")))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut answer = Answer { status, head, headers, body: Vec::new() };
        if method == "HEAD" || (100..200).contains(&status) || status == 204 || status == 304 {
            return answer;
        }
        answer.body = if answer.header("transfer-encoding") == Some("chunked") {
            self.chunks()
        } else if let Some(length) = answer.header("content-length") {
            self.bytes(length.parse().expect("a length is a number"))
        } else {
            self.rest()
        };
        answer
    }

    #[track_caller]
    fn head(&mut self) -> String {
        let end = self.read_until(|unread| unread.windows(4).position(|window| window == b"\r\n\r\n"));
        let head = self.bytes(end + 4);
        String::from_utf8(head).expect("a head is ASCII")
    }

    #[track_caller]
    fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let end = self.read_until(|unread| unread.windows(2).position(|window| window == b"\r\n"));
            let line = String::from_utf8(self.bytes(end + 2)).expect("a chunk's size is ASCII");
            let size = usize::from_str_radix(line.trim(), 16).expect("a chunk's size is hexadecimal");
            body.extend(self.bytes(size));
            assert_eq!(self.bytes(2), b"\r\n", "a chunk ends with a line break");
            if size == 0 {
                return body;
            }
        }
    }

    /// The next bytes, exactly as many.
    #[track_caller]
    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        self.read_until(|unread| (unread.len() >= count).then_some(()));
        let rest = self.unread.split_off(count);
        std::mem::replace(&mut self.unread, rest)
    }

    /// Everything until the peer closes. A reset counts as closing: the bytes before it did arrive.
    #[track_caller]
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while self.read_more() {}
        std::mem::take(&mut self.unread)
    }

    #[track_caller]
    fn read_until<T>(&mut self, complete: impl Fn(&[u8]) -> Option<T>) -> T {
        loop {
            if let Some(found) = complete(&self.unread) {
                return found;
            }
            assert!(
                self.read_more(),
                "the connection was closed after {:?}",
                self.unread.escape_ascii().to_string()
            );
        }
    }

    /// Reads what there is; false at the end.
    #[track_caller]
    fn read_more(&mut self) -> bool {
        let started = Instant::now();
        self.stream.set_read_timeout(Some(DEADLINE)).expect("a socket takes its options");
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(0) => false,
            Ok(count) => {
                self.unread.extend_from_slice(&buffer[..count]);
                true
            }
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => false,
            Err(error) => panic!(
                "nothing more came in {:?} after {:?}: {error}",
                started.elapsed(),
                self.unread.escape_ascii().to_string()
            ),
        }
    }
}

/// The bytes of a request with `Host` and, if there is a body or the method usually has one, `Content-Length`.
pub(crate) fn request(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Vec<u8> {
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {address}\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() || matches!(method, "POST" | "PUT" | "PATCH") {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    head.push_str("\r\n");
    [head.as_bytes(), body].concat()
}
