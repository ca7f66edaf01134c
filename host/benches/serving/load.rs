//! The load: wrk for everything that is one request and one answer, and a client of our own for WebSocket.

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
    pub(crate) failed: u64,
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
        let path = self.path;
        match &self.kind {
            Kind::Get => wrk(address, path, seconds, None),
            Kind::Post { content_type, body, expected } => {
                // wrk counts statuses; that the answer is the right one is seen once, here.
                let answer = post(address, path, content_type, body);
                assert!(answer.contains(expected), "{}: {answer}", self.name);
                let script = format!(
                    "wrk.method = 'POST'\nwrk.headers['Content-Type'] = '{content_type}'\nwrk.body = [[{body}]]\n"
                );
                wrk(address, path, seconds, Some(&script))
            }
            Kind::WebSocket => {
                let seconds = seconds.to_string();
                let output = pinned(LOAD_CORE)
                    .arg(own)
                    .args(["websocket-load", address, path, &seconds])
                    .output()
                    .expect("the client runs");
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                let text = String::from_utf8(output.stdout).expect("UTF-8");
                let mut words = text.split_whitespace();
                let mut next = || words.next().and_then(|word| word.parse::<f64>().ok()).expect("a figure");
                Run { requests: next(), seconds: next(), failed: 0 }
            }
        }
    }
}

fn wrk(address: &str, path: &str, seconds: u32, script: Option<&str>) -> Run {
    let mut command = pinned(LOAD_CORE);
    command.args(["wrk", "-t1", "-c32", &format!("-d{seconds}s")]);
    let file = std::env::temp_dir().join(format!("guesthouse-bench-{}.lua", std::process::id()));
    // Prints the figures in a form of our own, so that nothing depends on how wrk words them.
    let done = "function done(summary) io.write(string.format('FIGURES %d %d %d\\n', summary.requests, \
                summary.duration, summary.errors.status + summary.errors.connect + summary.errors.read + \
                summary.errors.write + summary.errors.timeout)) end\n";
    std::fs::write(&file, format!("{}{done}", script.unwrap_or_default())).expect("the script is written");
    let output = command
        .arg("-s")
        .arg(&file)
        .arg(format!("http://{address}{path}"))
        .output()
        .expect("wrk runs: `apt-get install wrk`");
    std::fs::remove_file(&file).expect("the script is removed");
    let text = String::from_utf8_lossy(&output.stdout);
    let figures = text.lines().find_map(|line| line.strip_prefix("FIGURES ")).expect("wrk's figures");
    let figures: Vec<u64> = figures.split(' ').map(|word| word.parse().expect("a figure")).collect();
    Run { requests: figures[0] as f64, seconds: figures[1] as f64 / 1e6, failed: figures[2] }
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
    let (_, rest) = answer.split_once("account>").unwrap_or_else(|| panic!("no account: {answer}"));
    rest.split('<').next().expect("its number").to_owned()
}

fn post(address: &str, path: &str, content_type: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the server accepts");
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .expect("the request is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the answer is read");
    answer
}

/// Echoes on 64 connections: sends, waits for the answer, sends again. Prints messages and seconds.
pub(crate) fn websocket(arguments: &[String]) {
    let [address, path, seconds] = arguments else { panic!("address, path, seconds") };
    let duration = Duration::from_secs(seconds.parse().expect("seconds"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (messages, elapsed) = runtime.block_on(async {
        let started = Instant::now();
        let clients = (0..64).map(|_| echoes(address.clone(), path.clone(), started + duration));
        let counts = futures_util::future::join_all(clients).await;
        (counts.iter().sum::<u64>(), started.elapsed())
    });
    println!("{messages} {}", elapsed.as_secs_f64());
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
