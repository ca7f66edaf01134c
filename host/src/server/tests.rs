//! The server as a client sees it: raw bytes in, raw bytes out, against a handler that echoes.
#![allow(
    clippy::disallowed_methods,
    reason = "a test is the other side: it dials in, and shows bytes that are not text"
)]

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use tokio::sync::Notify;

use super::{Running, start};
use crate::exchange::{Arrival, Handler, LocalFuture, Payload, Response};
use crate::failure::Failure;
use crate::limits::HostLimits;

/// No test waits longer for anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// Answers with what it was sent; some paths misbehave.
#[derive(Default)]
struct Echo {
    handled: AtomicUsize,
    /// Lets `/wait` go on.
    released: Notify,
}

impl Echo {
    async fn answer(&self, mut arrival: Arrival) -> Response {
        self.handled.fetch_add(1, Ordering::SeqCst);
        let path = arrival.head.uri.path().to_owned();
        match path.as_str() {
            "/panic" => panic!("as asked"),
            "/unread" => return plain(StatusCode::OK, "unread"),
            "/empty" => return plain(StatusCode::NO_CONTENT, ""),
            "/unchanged" => return plain(StatusCode::NOT_MODIFIED, "never sent"),
            "/large" => return plain(StatusCode::OK, "x".repeat(8 * 1024 * 1024)),
            "/wait" => self.released.notified().await,
            "/upgrade" => {
                let Some(upgrade) = arrival.upgrade else {
                    return plain(StatusCode::BAD_REQUEST, "no upgrade");
                };
                let draining = arrival.lifetime.draining.clone();
                drop(arrival.lifetime.tasks.spawn_local(async move {
                    let mut io = upgrade.ready().await.unwrap();
                    draining.cancelled().await;
                    tokio::io::AsyncWriteExt::write_all(&mut io, b"goodbye").await.unwrap();
                }));
                let mut response = plain(StatusCode::SWITCHING_PROTOCOLS, "");
                let headers = response.headers_mut();
                headers.insert("connection", HeaderValue::from_static("upgrade"));
                headers.insert("upgrade", HeaderValue::from_static("echo"));
                return response;
            }
            _ => {}
        }
        match arrival.body.read(64 * 1024).await {
            Ok(body) => {
                let head =
                    format!("{} {} {:?} body=", arrival.head.method, arrival.head.uri, arrival.head.version);
                plain(StatusCode::OK, [head.as_bytes(), &body].concat())
            }
            Err(failure) => plain(failure.status(), failure.public()),
        }
    }
}

impl Handler for Echo {
    fn handle(&self, arrival: Arrival) -> LocalFuture<'_, Response> {
        Box::pin(self.answer(arrival))
    }

    fn refuse(&self, failure: &Failure, _peer: SocketAddr, _head: Option<&Parts>) -> Response {
        plain(failure.status(), failure.public())
    }
}

fn plain(status: StatusCode, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(Payload::Whole(body.into()));
    *response.status_mut() = status;
    response
}

struct Host {
    echo: Arc<Echo>,
    running: Running,
}

impl Host {
    fn start() -> Self {
        Self::with(HostLimits::DEFAULT)
    }

    fn with(limits: HostLimits) -> Self {
        let echo = Arc::new(Echo::default());
        let listen = "127.0.0.1:0".parse().unwrap();
        let handler = Arc::clone(&echo) as Arc<dyn Handler>;
        let running = start(listen, 2, handler, Arc::new(limits)).unwrap();
        Self { echo, running }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.running.local_addr()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends the bytes and reads until the server closes.
    fn dialogue(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        // The server may have refused and closed before it has taken all of it.
        let _: std::io::Result<()> = stream.write_all(bytes);
        read_to_close(&mut stream)
    }

    /// Waits until so many requests have reached the handler.
    fn await_handled(&self, count: usize) {
        let began = Instant::now();
        while self.echo.handled.load(Ordering::SeqCst) < count {
            assert!(began.elapsed() < PATIENCE, "no request reached the handler");
            std::thread::yield_now();
        }
    }

    fn release(&self) {
        self.echo.released.notify_waiters();
    }
}

/// Everything until the end of the connection; fails when it does not end in time.
fn read_to_close(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => bytes.extend(b"<reset>"),
        Err(error) => {
            panic!("the connection stayed open after {:?}: {error}", String::from_utf8_lossy(&bytes))
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads until `end` has come.
fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    while !String::from_utf8_lossy(&bytes).contains(end) {
        let length = stream.read(&mut piece).unwrap_or_else(|error| {
            panic!("{end:?} did not come after {:?}: {error}", String::from_utf8_lossy(&bytes))
        });
        assert!(length > 0, "closed before {end:?}: {:?}", String::from_utf8_lossy(&bytes));
        bytes.extend_from_slice(&piece[..length]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn statuses(answer: &str) -> Vec<u16> {
    let after = |rest: &str| rest.get(..3).and_then(|status| status.parse().ok());
    answer.split("HTTP/1.1 ").skip(1).filter_map(after).collect()
}

/// The bytes get 400, the connection is closed, and no request reaches the handler.
fn check_refused(host: &Host, bytes: &[u8], status: u16) {
    let shown = String::from_utf8_lossy(bytes).chars().take(120).collect::<String>();
    let handled = host.echo.handled.load(Ordering::SeqCst);
    // What follows would be answered if the connection were used any further.
    let mut all = bytes.to_vec();
    all.extend_from_slice(b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
    let answer = host.dialogue(&all);
    assert_eq!(statuses(&answer), [status], "{shown:?} got {answer:?}");
    assert!(answer.contains("connection: close"), "{shown:?} got {answer:?}");
    assert_eq!(host.echo.handled.load(Ordering::SeqCst), handled, "{shown:?} reached the handler");
}

/// The bytes get 200 with this at its end.
fn check_answered(host: &Host, bytes: &str, end: &str) {
    let answer = host.dialogue(bytes.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n").as_bytes());
    assert_eq!(statuses(&answer), [200], "{bytes:?} got {answer:?}");
    assert!(answer.ends_with(end), "{bytes:?} got {answer:?}");
}

#[test]
fn heads_that_http_forbids_get_400_and_the_connection_is_closed() {
    let host = Host::start();
    let check = |bytes: &str| check_refused(&host, bytes.as_bytes(), 400);
    // The Host field (RFC 9112 section 3.2).
    check("GET / HTTP/1.1\r\n\r\n");
    check("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n");
    check("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
    for value in
        ["", "a, b", "u@h", "h/p", "a b", "a:b", "a:99999", ":80", "[::1", "[x]", "[::1]x", "a:80:80"]
    {
        check(&format!("GET / HTTP/1.1\r\nHost: {value}\r\n\r\n"));
    }
    // The target (RFC 9112 section 3.2).
    check("GET * HTTP/1.1\r\nHost: a\r\n\r\n");
    check("GET a:1 HTTP/1.1\r\nHost: a\r\n\r\n");
    check("GET http://other/ HTTP/1.1\r\nHost: a\r\n\r\n");
    check("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n");
    check("GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n");
    for target in ["/a b", "/a\tb", "/a\0b", "/\"", "/<", "/\\", "/\u{e4}", "a"] {
        check(&format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
    }
    // The version.
    for version in ["HTTP/1", "http/1.1", "HTTP/01.01"] {
        check(&format!("GET / {version}\r\nHost: a\r\n\r\n"));
    }
    for version in ["HTTP/9.9", "HTTP/1.2", "HTTP/2.0"] {
        check_refused(&host, format!("GET / {version}\r\nHost: a\r\n\r\n").as_bytes(), 505);
    }
    check("GET /\r\n\r\n");
    // Fields (RFC 9112 section 5).
    for line in
        ["X-A : v", ": v", "Bad[: v", "NoColon", " X: v", "X: a\rb", "X: a\0b", "X: a\x01b", "X: a\r\n b"]
    {
        check(&format!("GET / HTTP/1.1\r\nHost: a\r\n{line}\r\n\r\n"));
    }
    check_refused(&host, b"GET / HTTP/1.1\r\nHost: a\r\nX: \xff\xfe\r\n\r\n", 400);
}

#[test]
fn framing_that_two_readers_could_read_differently_gets_400_and_the_connection_is_closed() {
    let host = Host::start();
    let check = |lines: &str| {
        check_refused(&host, format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n").as_bytes(), 400);
    };
    check("Content-Length: 5\r\nContent-Length: 10");
    check("Content-Length: 5\r\nContent-Length: 5");
    check("Content-Length: 5\r\nTransfer-Encoding: chunked");
    check("Transfer-Encoding: chunked\r\nContent-Length: 5");
    for value in ["5, 10", "+5", "-1", "0x5", "1_0", "1 0", "", "18446744073709551616"] {
        check(&format!("Content-Length: {value}"));
    }
    for value in ["xchunked", "identity", "chunked, gzip", "chunked;p", "", "\x0bchunked", "chunked\x0c"] {
        check(&format!("Transfer-Encoding: {value}"));
    }
    check_refused(&host, b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
}

#[test]
fn a_body_whose_chunks_are_broken_is_never_a_success() {
    let host = Host::start();
    let check = |body: &str| {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        let answer = host.dialogue(format!("{head}{body}").as_bytes());
        assert_eq!(statuses(&answer), [400], "{body:?} got {answer:?}");
        assert!(answer.contains("connection: close"), "{body:?} got {answer:?}");
    };
    for size in ["0x5", "+5", "-1", "1_0", "12345678901234567", "g", "", " 5", "5 ", "5;", "5;bad[=x"] {
        check(&format!("{size}\r\nhello\r\n0\r\n\r\n"));
    }
    check("5\r\nhellospill\r\n0\r\n\r\n");
    check("5\r\nhello0\r\n\r\n");
    check(&format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(64 * 1024)));
}

#[test]
fn ordinary_requests_are_answered() {
    let host = Host::start();
    let check = |bytes: &str, end: &str| check_answered(&host, bytes, end);
    check("GET /a?b=c HTTP/1.1\r\nHost: a\r\n\r\n", "GET /a?b=c HTTP/1.1 body=");
    check("GET http://a/b HTTP/1.1\r\nHost: A\r\n\r\n", "GET http://a/b HTTP/1.1 body=");
    check("GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", "GET / HTTP/1.1 body=");
    check("GET /a[0]?q={x|y}^`%zz HTTP/1.1\r\nHost: a\r\n\r\n", "GET /a[0]?q={x|y}^`%zz HTTP/1.1 body=");
    check("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS * HTTP/1.1 body=");
    check("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1 body=");
    check("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", "body=hello");
    check(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3;x=y\r\n, w\r\n0\r\n\r\n",
        "body=hello, w",
    );
    check(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nHost: b\r\n\r\n",
        "body=hello",
    );
    check("GET / HTTP/1.1\r\nHost: a\r\nX: h\u{e9}\r\n\r\n", "body=");
}

#[test]
fn http_1_0_is_answered_and_closed_without_chunks_or_interim_answers() {
    let host = Host::start();
    let answer = host.dialogue(b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi");
    assert!(answer.starts_with("HTTP/1.0 200") || answer.starts_with("HTTP/1.1 200"), "{answer:?}");
    assert!(answer.ends_with("HTTP/1.0 body=hi"), "{answer:?}");
    assert!(answer.contains("content-length: "), "{answer:?}");
}

#[test]
fn heads_over_their_limits_get_their_own_status() {
    let host = Host::start();
    let check = |bytes: String, status| check_refused(&host, bytes.as_bytes(), status);
    let limits = HostLimits::DEFAULT;
    let path = |length: u64| format!("/{}", "x".repeat(usize::try_from(length).unwrap() - 1));
    check(format!("GET {} HTTP/1.1\r\nHost: a\r\n\r\n", path(limits.uri_bytes_max + 1)), 414);
    check_answered(
        &host,
        &format!("GET {} HTTP/1.1\r\nHost: a\r\n\r\n", path(limits.uri_bytes_max)),
        "body=",
    );
    let fields = |count: u64| (0..count).map(|number| format!("X-{number}: v\r\n")).collect::<String>();
    check(format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", fields(limits.header_count_max)), 431);
    check_answered(
        &host,
        &format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", fields(limits.header_count_max - 2)),
        "body=",
    );
    check(format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(1024 * 1024)), 431);
    check("CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n".to_owned(), 501);
}

#[test]
fn requests_in_one_packet_are_answered_in_their_order() {
    let host = Host::start();
    let answer = host.dialogue(
        b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    );
    assert_eq!(statuses(&answer), [200, 200, 200], "{answer:?}");
    let places = ["/1", "/2", "/3"].map(|path| answer.find(path).unwrap());
    assert!(places.is_sorted(), "{answer:?}");
    assert!(answer.contains("connection: close") && answer.contains("date: "), "{answer:?}");
}

#[test]
fn an_answer_that_has_no_body_sends_none_and_the_next_one_still_parses() {
    let host = Host::start();
    let check = |request: &str, has: &str, has_not: &str| {
        let close = "GET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        let answer = host.dialogue(format!("{request} HTTP/1.1\r\nHost: a\r\n\r\n{close}").as_bytes());
        let (first, second) = answer.split_once("\r\n\r\n").unwrap();
        assert!(first.contains(has), "{request}: {first:?}");
        assert!(has_not.is_empty() || !first.contains(has_not), "{request}: {first:?}");
        assert!(second.starts_with("HTTP/1.1 200"), "{request}: {second:?}");
    };
    check("HEAD /", "content-length: 21", "");
    check("GET /empty", " 204 ", "content-length");
    check("GET /unchanged", " 304 ", "content-length");
}

#[test]
fn a_client_that_asks_first_is_told_to_go_on_only_when_its_body_is_wanted() {
    let host = Host::start();
    let ask = |length: u64, path: &str| {
        let mut stream = host.connect();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream
    };
    let mut stream = ask(5, "/");
    assert_eq!(read_until(&mut stream, "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"hello").unwrap();
    assert!(read_until(&mut stream, "body=hello").starts_with("HTTP/1.1 200"));

    let check_refused = |length: u64, path: &str, status: u16| {
        let answer = read_until(&mut ask(length, path), "\r\n\r\n");
        assert_eq!(statuses(&answer), [status], "{answer:?}");
        assert!(answer.contains("connection: close"), "{answer:?}");
    };
    check_refused(100 * 1024 * 1024 * 1024, "/", 413);
    check_refused(5, "/unread", 200);

    let answer = host.dialogue(b"GET / HTTP/1.1\r\nHost: a\r\nExpect: foo\r\nConnection: close\r\n\r\n");
    assert_eq!(statuses(&answer), [417]);
}

#[test]
fn a_body_over_the_limit_is_cut_as_soon_as_that_is_known() {
    let host = Host::start();
    let mut stream = host.connect();
    stream.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
    // Endless, as far as the client is concerned: it stops when the server does.
    for _ in 0..1024 {
        if stream.write_all(chunk.as_bytes()).is_err() {
            break;
        }
    }
    let answer = read_to_close(&mut stream);
    assert_eq!(statuses(&answer), [413], "{answer:?}");
    assert!(answer.contains("connection: close"), "{answer:?}");
}

#[test]
fn a_small_body_that_nobody_read_does_not_cost_the_connection() {
    let host = Host::start();
    let next = "GET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let head = "POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    assert_eq!(statuses(&host.dialogue(format!("{head}{next}").as_bytes())), [200, 200]);
    // One that does not come does, and what comes later is not taken for a request.
    let head = "POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n";
    let mut stream = host.connect();
    stream.write_all(head.as_bytes()).unwrap();
    let answer = read_until(&mut stream, "unread");
    assert!(answer.contains("connection: close"), "{answer:?}");
    stream.write_all(next.as_bytes()).unwrap();
    assert_eq!(read_to_close(&mut stream), "");
}

fn impatient() -> HostLimits {
    HostLimits {
        first_byte_ms_max: 100,
        header_ms_max: 100,
        keep_alive_idle_ms_max: 100,
        body_idle_ms_max: 100,
        write_stall_ms_max: 300,
        ..HostLimits::DEFAULT
    }
}

#[test]
fn a_client_that_stops_is_closed_in_every_phase() {
    let host = Host::with(impatient());
    let check = |bytes: &str, expected: &[u16]| {
        let began = Instant::now();
        let answer = host.dialogue(bytes.as_bytes());
        assert_eq!(statuses(&answer), expected, "{bytes:?} got {answer:?}");
        assert!(began.elapsed() < PATIENCE);
    };
    check("", &[]);
    check("G", &[408]);
    check("GET / HTTP/1.1\r\nHost:", &[408]);
    check("GET / HTTP/1.1\r\nHost: a\r\n\r\n", &[200]);
    check("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET", &[200, 408]);
    check("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel", &[408]);
    check("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", &[408]);
    check("PRI * HTTP/2.0\r\n\r\n", &[]);
    check("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[]);
}

#[test]
fn a_head_that_comes_byte_by_byte_does_not_buy_time() {
    let host = Host::with(impatient());
    let mut stream = host.connect();
    let began = Instant::now();
    stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nX: ").unwrap();
    loop {
        assert!(began.elapsed() < PATIENCE, "still open");
        match stream.read(&mut [0; 64]) {
            Ok(0) => break,
            Ok(length) => assert!(length > 0, "408, at last"),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
        if stream.write_all(b"x").is_err() {
            break;
        }
    }
}

#[test]
fn a_client_that_does_not_read_its_answer_is_cut() {
    let host = Host::with(impatient());
    let mut stream = host.connect();
    stream.write_all(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    // Only the end of the connection frees the place of the only one that is admitted.
    host.await_handled(1);
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < PATIENCE, "not cut");
        // Writing to a connection that the server has ended fails sooner or later.
        if stream.write_all(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n").is_err() {
            break;
        }
        std::thread::yield_now();
    }
}

#[test]
fn a_panic_is_the_misfortune_of_one_request() {
    let host = Host::start();
    let request =
        "GET /panic HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    for _ in 0..4 {
        assert_eq!(statuses(&host.dialogue(request.as_bytes())), [500, 200]);
    }
}

#[test]
fn connections_over_the_cap_of_one_address_are_closed_and_their_places_come_back() {
    let host = Host::with(HostLimits { connections_per_address_max: 2, ..HostLimits::DEFAULT });
    let ask = |stream: &mut TcpStream| {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        read_until(stream, "body=")
    };
    let (mut first, mut second) = (host.connect(), host.connect());
    ask(&mut first);
    ask(&mut second);
    assert_eq!(read_to_close(&mut host.connect()), "");
    drop(first);
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < PATIENCE, "the place did not come back");
        let mut stream = host.connect();
        let _: std::io::Result<()> =
            stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        if statuses(&read_to_close(&mut stream)) == [200] {
            break;
        }
    }
}

#[test]
fn draining_answers_what_is_in_flight_and_what_is_on_its_way_and_then_ends() {
    let host = Host::with(HostLimits {
        first_byte_ms_max: 600_000,
        keep_alive_idle_ms_max: 600_000,
        drain_ms_max: 600_000,
        ..HostLimits::DEFAULT
    });
    let mut silent = host.connect();
    let mut unused = host.connect();
    unused.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    read_until(&mut unused, "body=");
    let address = host.running.local_addr();
    let mut waiting = host.connect();
    waiting.write_all(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let mut idle = host.connect();
    idle.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    read_until(&mut idle, "body=");
    let mut socket = host.connect();
    socket
        .write_all(b"GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
        .unwrap();
    assert!(read_until(&mut socket, "\r\n\r\n").starts_with("HTTP/1.1 101"));
    host.await_handled(4);

    host.running.drain();
    // The upgraded connection was told.
    assert_eq!(read_until(&mut socket, "goodbye"), "goodbye");
    // A request that was on its way is answered, and the connection then closed.
    idle.write_all(b"GET /late HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let late = read_to_close(&mut idle);
    assert!(late.contains("connection: close") && late.ends_with("GET /late HTTP/1.1 body="), "{late:?}");
    host.release();
    let answer = read_to_close(&mut waiting);
    assert!(
        answer.contains("connection: close") && answer.ends_with("GET /wait HTTP/1.1 body="),
        "{answer:?}"
    );
    // Nothing came on these.
    assert_eq!(read_to_close(&mut silent), "");
    assert_eq!(read_to_close(&mut unused), "");
    let Host { running, .. } = host;
    running.join().unwrap();
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn what_does_not_end_is_cut_at_the_end_of_the_drain() {
    let host = Host::with(HostLimits { drain_ms_max: 100, ..HostLimits::DEFAULT });
    let mut stream = host.connect();
    stream.write_all(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    host.await_handled(1);
    let Host { running, echo: _echo } = host;
    running.drain();
    running.join().unwrap();
    assert_eq!(statuses(&read_to_close(&mut stream)), [] as [u16; 0]);
}

#[test]
fn a_half_closed_client_that_waits_is_not_served_a_partial_body() {
    let host = Host::start();
    let mut stream = host.connect();
    stream.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(statuses(&read_to_close(&mut stream)), [400]);
}

#[test]
fn a_client_that_closes_its_side_behind_its_requests_is_answered() {
    let host = Host::start();
    let one = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
    for (bytes, expected) in [
        (one.to_owned(), &[200][..]),
        (one.repeat(3), &[200, 200, 200]),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello".to_owned(), &[200]),
        // Half a head, and nothing at all.
        (format!("{one}GET / HT"), &[200, 400]),
        ("\r\n".to_owned(), &[]),
    ] {
        let mut stream = host.connect();
        stream.write_all(bytes.as_bytes()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(statuses(&read_to_close(&mut stream)), expected, "{bytes:?}");
    }
    // Also one that has closed its side long before the answer is there.
    let mut stream = host.connect();
    stream.write_all(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    host.await_handled(7);
    host.release();
    assert_eq!(statuses(&read_to_close(&mut stream)), [200]);
}

#[test]
fn a_refusal_comes_behind_the_answers_to_what_came_before_it() {
    let host = Host::start();
    let one = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
    let post = "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    for (bytes, expected) in [
        (format!("{one}{post}{one}GET /\n\n{one}"), &[200, 200, 200, 400][..]),
        (format!("{post}GET / HTTP/3.0\r\n\r\n"), &[200, 505]),
        (format!("{one}POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx{one}"), &[200, 400]),
    ] {
        assert_eq!(statuses(&host.dialogue(bytes.as_bytes())), expected, "{bytes:?}");
        // The same, one byte at a time.
        let mut stream = host.connect();
        for byte in bytes.as_bytes().chunks(1) {
            let _: std::io::Result<()> = stream.write_all(byte);
        }
        assert_eq!(statuses(&read_to_close(&mut stream)), expected, "{bytes:?}");
    }
}

#[test]
fn bytes_behind_a_request_to_upgrade_are_http_only_if_it_was_declined() {
    let host = Host::start();
    let upgrade = |path: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
    };
    let close = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    assert_eq!(statuses(&host.dialogue(format!("{}{close}", upgrade("/")).as_bytes())), [200, 200]);
    assert_eq!(statuses(&host.dialogue(format!("{}\0\n", upgrade("/")).as_bytes())), [200, 400]);
    let mut stream = host.connect();
    stream.write_all(format!("{}\0\n", upgrade("/upgrade")).as_bytes()).unwrap();
    assert!(read_until(&mut stream, "\r\n\r\n").starts_with("HTTP/1.1 101"));
    host.running.drain();
    assert_eq!(read_until(&mut stream, "goodbye"), "goodbye");
}

#[test]
fn a_port_in_use_is_refused_at_start() {
    let host = Host::start();
    let again = start(host.running.local_addr(), 1, Arc::clone(&host.echo) as _, Arc::default());
    let error = format!("{:#}", again.unwrap_err());
    assert!(error.contains("cannot listen on 127.0.0.1:"), "{error}");
}

/// Runs a client that speaks HTTP/2 with prior knowledge.
fn speak_http2<F: Future<Output = ()>>(
    host: &Host,
    builder: &h2::client::Builder,
    client: impl FnOnce(h2::client::SendRequest<Bytes>, tokio::task::JoinHandle<Result<(), h2::Error>>) -> F,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let conversation = async {
        let stream = tokio::net::TcpStream::connect(host.running.local_addr()).await.unwrap();
        let (requests, connection) = builder.handshake::<_, Bytes>(stream).await.unwrap();
        client(requests, tokio::spawn(connection)).await;
    };
    runtime.block_on(async { tokio::time::timeout(PATIENCE, conversation).await.unwrap() });
}

async fn ask_http2(
    requests: &mut h2::client::SendRequest<Bytes>,
    request: http::request::Builder,
    body: &'static [u8],
) -> (http::response::Parts, Bytes) {
    let mut requests = requests.clone().ready().await.unwrap();
    let (response, mut send) = requests.send_request(request.body(()).unwrap(), body.is_empty()).unwrap();
    if !body.is_empty() {
        send.send_data(Bytes::from_static(body), true).unwrap();
    }
    let (head, mut stream) = response.await.unwrap().into_parts();
    let mut whole = Vec::new();
    while let Some(data) = stream.data().await {
        let data = data.unwrap();
        stream.flow_control().release_capacity(data.len()).unwrap();
        whole.extend_from_slice(&data);
    }
    (head, whole.into())
}

fn get(uri: &str) -> http::request::Builder {
    http::Request::get(uri)
}

#[test]
fn http_2_requests_are_answered_and_bad_ones_cost_only_themselves() {
    let host = Host::start();
    speak_http2(&host, &h2::client::Builder::new(), async |mut requests, _connection| {
        let post = http::Request::post("http://a/b");
        let (head, body) = ask_http2(&mut requests, post, b"hello").await;
        assert_eq!(head.status, 200);
        assert!(head.headers.contains_key("date"));
        assert_eq!(body, "POST http://a/b HTTP/2.0 body=hello");

        let (head, body) = ask_http2(&mut requests, http::Request::head("http://a/b"), b"").await;
        assert_eq!((head.status, &head.headers["content-length"]), (StatusCode::OK, &HeaderValue::from(30)));
        assert_eq!(body, "");

        let (_, body) = ask_http2(&mut requests, get("http://a/large"), b"").await;
        assert_eq!(body.len(), 8 * 1024 * 1024);

        let long = format!("http://a/{}", "x".repeat(9_000));
        for (request, status) in [
            (get("http://a/").header("host", "b"), 400),
            (get("http://u@a/"), 400),
            (get("http://a/").header("x", HeaderValue::from_bytes(b"\xff").unwrap()), 400),
            (get(&long), 414),
            (get("http://a/panic"), 500),
            (get("http://a/unread"), 200),
        ] {
            let (head, _) = ask_http2(&mut requests, request, b"").await;
            assert_eq!(head.status, status);
        }
    });
}

#[test]
fn an_http_2_client_that_stops_one_answer_is_cut_even_while_it_takes_others() {
    let host = Host::with(HostLimits { write_stall_ms_max: 300, ..HostLimits::DEFAULT });
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(100);
    speak_http2(&host, &builder, async |mut requests, connection| {
        let stalled = requests.clone().ready().await.unwrap();
        let (response, _send) =
            { stalled }.send_request(get("http://a/large").body(()).unwrap(), true).unwrap();
        let _never_read = response.await.unwrap();
        while !connection.is_finished() {
            let Ok(mut ready) = requests.clone().ready().await else { break };
            let Ok((response, _)) = ready.send_request(get("http://a/").body(()).unwrap(), true) else {
                break;
            };
            if response.await.is_err() {
                break;
            }
            requests = ready;
        }
    });
}

#[test]
fn draining_lets_http_2_streams_finish_and_then_says_goodbye() {
    let host = Host::start();
    speak_http2(&host, &h2::client::Builder::new(), async |mut requests, connection| {
        ask_http2(&mut requests, get("http://a/"), b"").await;
        let mut ready = requests.clone().ready().await.unwrap();
        let (response, _) = ready.send_request(get("http://a/wait").body(()).unwrap(), true).unwrap();
        while host.echo.handled.load(Ordering::SeqCst) < 2 {
            tokio::task::yield_now().await;
        }
        host.running.drain();
        // The answer comes after the host has begun to drain: nothing new is taken by then.
        while requests.clone().ready().await.is_ok() && !connection.is_finished() {
            let Ok(mut ready) = requests.clone().ready().await else { break };
            let Ok((response, _)) = ready.send_request(get("http://a/").body(()).unwrap(), true) else {
                break;
            };
            if response.await.is_err() {
                break;
            }
        }
        host.release();
        assert_eq!(response.await.unwrap().status(), 200);
        connection.await.unwrap().unwrap();
    });
    let Host { running, .. } = host;
    running.join().unwrap();
}
