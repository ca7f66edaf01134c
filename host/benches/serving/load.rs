//! The load: as many connections as the row wants, each of which sends, waits for the answer, looks at it and sends again.
//!
//! The clients never sleep. A client that does is woken by the server's write, which on a virtual machine costs the server 1 to
//! 11 us (the interrupt to the other core) the oftener the slower it is, and which a fast server that keeps its client busy
//! does not pay: the same work would look dearer for being slower. wrk sleeps, and was measured to do that.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Message, Role};

use super::{LOAD_CORE, pinned};

/// One kind of request.
pub(crate) struct Load {
    pub(crate) name: &'static str,
    path: &'static str,
    kind: Kind,
}

enum Kind {
    Get,
    Post { content_type: &'static str, body: String, expected: &'static str },
    WebSocket,
}

/// What a round measured.
pub(crate) struct Run {
    pub(crate) requests: f64,
    pub(crate) seconds: f64,
}

impl Load {
    pub(crate) fn get(name: &'static str, path: &'static str) -> Self {
        Self { name, path, kind: Kind::Get }
    }

    pub(crate) fn json_rpc(name: &'static str, path: &'static str) -> Self {
        let body = r#"{"jsonrpc":"2.0","method":"subtract","params":[42,23],"id":1}"#.to_owned();
        let kind = Kind::Post { content_type: "application/json", body, expected: "\"result\":19" };
        Self { name, path, kind }
    }

    /// Ten calls in one request.
    pub(crate) fn json_rpc_batch(name: &'static str, path: &'static str) -> Self {
        let call = |id| format!(r#"{{"jsonrpc":"2.0","method":"subtract","params":[42,{id}],"id":{id}}}"#);
        let body = format!("[{}]", (0..10).map(call).collect::<Vec<_>>().join(","));
        // The last one's result.
        let kind = Kind::Post { content_type: "application/json", body, expected: "\"result\":33" };
        Self { name, path, kind }
    }

    pub(crate) fn xml_rpc(name: &'static str, path: &'static str) -> Self {
        let body = "<?xml version=\"1.0\"?><methodCall><methodName>subtract</methodName><params><param><value><int>42</int>\
                    </value></param><param><value><int>23</int></value></param></params></methodCall>";
        let kind = Kind::Post { content_type: "text/xml", body: body.to_owned(), expected: "<int>19</int>" };
        Self { name, path, kind }
    }

    pub(crate) fn soap(name: &'static str, path: &'static str, account: &str) -> Self {
        let body = envelope(&format!(
            "<GetBalance xmlns=\"urn:guesthouse:bank\"><account>{account}</account></GetBalance>"
        ));
        let kind = Kind::Post { content_type: "text/xml; charset=utf-8", body, expected: "100" };
        Self { name, path, kind }
    }

    pub(crate) fn websocket(name: &'static str, path: &'static str) -> Self {
        Self { name, path, kind: Kind::WebSocket }
    }

    pub(crate) fn run(&self, address: &str, seconds: u32, own: &Path) -> Run {
        let seconds = seconds.to_string();
        let mut command = pinned(LOAD_CORE);
        command.arg(own);
        let output = match &self.kind {
            Kind::Get => command.args(["http-load", address, &seconds, "200", &self.request(address)]),
            Kind::Post { expected, .. } => {
                command.args(["http-load", address, &seconds, expected, &self.request(address)])
            }
            Kind::WebSocket => command.args(["websocket-load", address, &seconds, self.path]),
        }
        .output()
        .expect("the client runs");
        assert!(output.status.success(), "{}: {}", self.name, String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let mut words = text.split_whitespace();
        let mut next = || words.next().and_then(|word| word.parse::<f64>().ok()).expect("a figure");
        Run { requests: next(), seconds: next() }
    }

    /// The request as it is sent.
    fn request(&self, address: &str) -> String {
        match &self.kind {
            Kind::Post { content_type, body, .. } => post_request(address, self.path, content_type, body),
            Kind::Get | Kind::WebSocket => {
                format!("GET {} HTTP/1.1\r\nHost: {address}\r\n\r\n", self.path)
            }
        }
    }
}

fn envelope(body: &str) -> String {
    format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>{body}</s:Body></s:Envelope>"
    )
}

/// An account of the bank with a hundred in it.
pub(crate) fn open_account(address: &str) -> String {
    let open = "<OpenAccount xmlns=\"urn:guesthouse:bank\"><owner>Ada</owner><openingBalance>100</openingBalance></OpenAccount>";
    let answer = post(address, "/bank", "text/xml; charset=utf-8", &envelope(open));
    account_in(&answer).to_owned()
}

/// The account in `bank`'s answer to OpenAccount.
pub(crate) fn account_in(answer: &str) -> &str {
    let (_, rest) = answer.split_once("account>").unwrap_or_else(|| panic!("no account: {answer}"));
    rest.split('<').next().expect("its number")
}

fn post(address: &str, path: &str, content_type: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the server accepts");
    stream
        .write_all(post_request(address, path, content_type, body).as_bytes())
        .expect("the request is sent");
    let mut answer = Vec::new();
    while !is_whole(&answer) {
        let mut piece = [0; 1024];
        let length = stream.read(&mut piece).expect("the answer is read");
        assert!(length > 0, "the server hung up");
        answer.extend_from_slice(&piece[..length]);
    }
    String::from_utf8(answer).expect("UTF-8")
}

fn post_request(address: &str, path: &str, content_type: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Requests on 32 connections. Prints how many were answered and seconds.
pub(crate) fn http(arguments: &[String]) {
    let [address, seconds, expected, request] = arguments else {
        panic!("address, seconds, expected, request")
    };
    clients(32, seconds, |until| requests(address.clone(), expected.clone(), request.clone(), until));
}

/// Echoes on 64 connections. Prints messages and seconds.
pub(crate) fn websocket(arguments: &[String]) {
    let [address, seconds, path] = arguments else { panic!("address, seconds, path") };
    clients(64, seconds, |until| echoes(address.clone(), path.clone(), until));
}

fn clients<C: Future<Output = u64>>(connections: u32, seconds: &str, client: impl Fn(Instant) -> C) {
    let duration = Duration::from_secs(seconds.parse().expect("seconds"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (answers, elapsed) = runtime.block_on(async {
        // A task that is always ready keeps the runtime from waiting for events: it only asks for them.
        tokio::spawn(async {
            loop {
                tokio::task::yield_now().await;
            }
        });
        let started = Instant::now();
        let counts =
            futures_util::future::join_all((0..connections).map(|_| client(started + duration))).await;
        (counts.iter().sum::<u64>(), started.elapsed())
    });
    println!("{answers} {}", elapsed.as_secs_f64());
}

async fn requests(address: String, expected: String, request: String, until: Instant) -> u64 {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(&address).await.expect("the server accepts");
    stream.set_nodelay(true).expect("no delay");
    let expected = memchr::memmem::Finder::new(expected.as_bytes());
    let mut answer = Vec::with_capacity(64 * 1024);
    let mut count = 0;
    while Instant::now() < until {
        stream.write_all(request.as_bytes()).await.expect("the request is sent");
        answer.clear();
        while !is_whole(&answer) {
            assert!(
                stream.read_buf(&mut answer).await.expect("the answer is read") > 0,
                "the server hung up"
            );
        }
        assert!(
            answer.starts_with(b"HTTP/1.1 200 ") && expected.find(&answer).is_some(),
            "{}",
            String::from_utf8_lossy(&answer)
        );
        count += 1;
    }
    count
}

/// Whether an answer has come to the end that its Content-Length gives it.
fn is_whole(answer: &[u8]) -> bool {
    let Some(head) = memchr::memmem::find(answer, b"\r\n\r\n") else { return false };
    let fields = std::str::from_utf8(&answer[..head]).expect("the fields are text");
    let length = fields
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.parse::<usize>().ok())
        .expect("the answer has a length");
    answer.len() == head + 4 + length
}

async fn echoes(address: String, path: String, until: Instant) -> u64 {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(&address).await.expect("the server accepts");
    stream.set_nodelay(true).expect("no delay");
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.expect("the handshake is sent");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("the handshake is answered"));
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Client, None).await;
    let message = Message::binary(vec![7_u8; 64]);
    let mut count = 0;
    while Instant::now() < until {
        socket.send(message.clone()).await.expect("it is sent");
        let echo = socket.next().await.expect("an answer").expect("a message");
        assert_eq!(echo, message);
        count += 1;
    }
    count
}
