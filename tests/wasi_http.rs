//! A `wasi:http` component as others build them, with every liberty it has: what arrives at it, what it may answer, streams
//! both ways, and what its clients see when it fails. The same component in JavaScript and Python is asked the same by
//! `tests/conformance/suites/wasi_http.py`.

use std::io::Write as _;
use std::time::Duration;

use serde_json::json;

use crate::support::wait::until_within;
use crate::support::{Answer, Connection, Host, Shared, http, until};

static HOST: Shared = Shared::new(|| Host::with(&["wasi-http-rust"]));

/// Where the component is.
const AT: &str = "/wasi-http-rust";

/// A host with a manifest for the component.
fn with_manifest(manifest: &str) -> Host {
    Host::builder().plugin("wasi-http-rust").file("wasi-http-rust.toml", manifest).start()
}

fn at(path: &str) -> String {
    format!("{AT}{path}")
}

#[track_caller]
fn assert_problem(answer: &Answer, status: u16) {
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (status, Some("application/problem+json")),
        "{answer:?}"
    );
}

/// Sends a request by hand and gives the connection.
fn ask(host: &Host, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Connection {
    let mut connection = Connection::open(host.address());
    connection.send(&http::request(host.address(), method, &at(path), headers, body));
    connection
}

/// The next chunk of a body.
#[track_caller]
fn chunk(connection: &mut Connection) -> Vec<u8> {
    let mut size = Vec::new();
    while !size.ends_with(b"\r\n") {
        size.extend(connection.bytes(1));
    }
    let size = usize::from_str_radix(std::str::from_utf8(&size).unwrap().trim(), 16).expect("a size");
    let data = connection.bytes(size);
    assert_eq!(connection.bytes(2), b"\r\n");
    data
}

/// Reads a head to its end.
#[track_caller]
fn head(connection: &mut Connection) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.extend(connection.bytes(1));
    }
    String::from_utf8(head).unwrap()
}

#[test]
fn a_component_sees_what_was_sent() {
    let host = HOST.get();
    let headers =
        [("X-Thing", "one"), ("X-Thing", "two"), ("Connection", "x-gone"), ("X-Forwarded-Prefix", "/forged")];
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        let body = if method == "GET" { "" } else { "what is sent" };
        let seen = host.request(method, &at("/a%20b/c?x=1&x=2"), &headers, body.as_bytes());
        assert_eq!((seen.status, seen.header("content-type")), (200, Some("application/json")), "{seen:?}");
        let seen = seen.json();
        assert_eq!(
            json!([seen["method"], seen["path"], seen["query"], seen["body"]]),
            json!([method, "/a%20b/c", "x=1&x=2", body])
        );
        let fields: Vec<(&str, &str)> = seen["headers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|field| (field[0].as_str().unwrap(), field[1].as_str().unwrap()))
            .collect();
        let values = |wanted: &str| -> Vec<&str> {
            fields.iter().filter(|(name, _)| *name == wanted).map(|(_, value)| *value).collect()
        };
        assert_eq!(values("x-thing"), ["one", "two"]);
        assert_eq!(
            values("x-forwarded-prefix"),
            [AT],
            "the host says where the component is, and nobody else"
        );
        assert_eq!(values("connection"), [""; 0], "{fields:?}");
    }
    let seen = host.get(&at("/where")).json();
    assert_eq!(seen, json!({"scheme": "http", "authority": host.address().to_string()}));
}

#[test]
fn the_path_is_below_the_mount_or_whole_as_the_manifest_says() {
    let path = |manifest: &str, target: &str| with_manifest(manifest).get(target).json()["path"].clone();
    assert_eq!(HOST.get().get(&at("/a/b")).json()["path"], "/a/b");
    assert_eq!(HOST.get().get(AT).json()["path"], "/");
    assert_eq!(path("mount = \"/\"", "/a/b"), "/a/b");
    assert_eq!(path("mount = \"/x/y\"\n[wasi-http]\npath = \"whole\"", "/x/y/a/b"), "/x/y/a/b");
    assert_eq!(path("[wasi-http]\npath = \"whole\"", AT), AT);
}

#[test]
fn short_answers_have_their_length_and_none_has_more_than_its_status_allows() {
    let host = HOST.get();
    let answer = host.get(&at("/bytes/10"));
    assert_eq!((answer.status, answer.header("content-length"), answer.body.len()), (200, Some("10"), 10));
    for status in [200, 201, 301, 404, 418, 503, 599] {
        assert_eq!(host.get(&at(&format!("/status/{status}"))).status, status);
    }
    for status in [204, 304] {
        let answer = host.get(&at(&format!("/status/{status}")));
        assert_eq!((answer.status, answer.header("transfer-encoding"), answer.body.len()), (status, None, 0));
    }
    for status in [100, 101, 199, 600, 999] {
        assert_problem(&host.get(&at(&format!("/status/{status}"))), 502);
    }
}

#[test]
fn head_is_answered_without_the_body_whatever_its_length() {
    let host = HOST.get();
    for (path, length) in [("/bytes/10", Some("10")), ("/length/5/5", Some("5")), ("/bytes/1000000", None)] {
        let mut connection = ask(&host, "HEAD", path, &[], b"");
        let answer = connection.answer_to("HEAD");
        assert_eq!((answer.status, answer.header("content-length")), (200, length), "{path}: {answer:?}");
        // The connection is at the next answer, and not in a body.
        connection.send(&http::request(host.address(), "GET", &at("/bytes/3"), &[], b""));
        assert_eq!(connection.answer().body, b"xxx", "{path}");
    }
}

#[test]
fn a_declared_length_is_kept() {
    let host = HOST.get();
    let answer = host.get(&at("/length/300000/300000"));
    assert_eq!((answer.header("content-length"), answer.body.len()), (Some("300000"), 300_000));
    // Seen before anything is sent.
    assert_problem(&host.get(&at("/length/5/4")), 502);
    assert_problem(&host.get(&at("/length/5/6")), 502);
    // Seen too late for an answer: the connection says it.
    for (sent, most) in [(200_000, 200_000), (400_000, 300_000)] {
        let mut connection = ask(&host, "GET", &format!("/length/300000/{sent}"), &[], b"");
        assert!(head(&mut connection).contains("content-length: 300000"));
        let body = connection.rest();
        assert!(
            body.len() <= most && (sent > 300_000 || body.len() < 300_000),
            "{sent}: {} bytes",
            body.len()
        );
    }
}

#[test]
fn a_body_is_echoed_while_it_is_sent() {
    let host = HOST.get();
    let mut connection = Connection::open(host.address());
    connection.send(
        format!("POST {AT}/echo HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n", host.address())
            .as_bytes(),
    );
    connection.send(b"3\r\none\r\n");
    assert!(head(&mut connection).contains("transfer-encoding: chunked"));
    assert_eq!(chunk(&mut connection), b"one");
    // What comes back has left the component before the next piece is sent.
    for piece in ["two", "three"] {
        connection.send(format!("{:x}\r\n{piece}\r\n", piece.len()).as_bytes());
        assert_eq!(chunk(&mut connection), piece.as_bytes());
    }
    connection.send(b"0\r\n\r\n");
    assert_eq!(chunk(&mut connection), b"");
    // And the connection serves the next request.
    connection.send(&http::request(host.address(), "GET", &at("/bytes/3"), &[], b""));
    assert_eq!(connection.answer().body, b"xxx");
}

#[test]
fn bodies_far_larger_than_any_buffer_go_through_whole() {
    let host = HOST.get();
    let body: Vec<u8> = (0..5_000_000_u32).map(|number| (number % 251) as u8).collect();
    let mut connection = Connection::open(host.address());
    let mut sender = connection.another_end();
    let request = http::request(host.address(), "POST", &at("/echo"), &[], &body);
    let sending = std::thread::spawn(move || sender.write_all(&request));
    assert!(connection.answer().body == body, "the same bytes come back");
    sending.join().unwrap().unwrap();
}

#[test]
fn events_are_sent_as_they_are_made() {
    let host = HOST.get();
    let mut connection = ask(&host, "GET", "/events/3", &[], b"");
    assert!(head(&mut connection).contains("text/event-stream"));
    for number in 0..3 {
        assert_eq!(chunk(&mut connection), format!("id: {number}\ndata: event {number}\n\n").as_bytes());
    }
    assert_eq!(chunk(&mut connection), b"");
}

#[test]
fn an_older_client_gets_a_streamed_body_to_the_end_of_the_connection() {
    let host = HOST.get();
    let mut connection = Connection::open(host.address());
    connection.send(format!("GET {AT}/bytes/300000 HTTP/1.0\r\n\r\n").as_bytes());
    let answer = connection.answer();
    assert_eq!((answer.header("transfer-encoding"), answer.body.len()), (None, 300_000));
}

#[test]
fn trailers_go_both_ways() {
    let host = HOST.get();
    let mut connection = Connection::open(host.address());
    connection.send(
        format!(
            "POST {AT}/trailers HTTP/1.1\r\nHost: {}\r\nTE: trailers\r\nTrailer: x-checksum\r\nTransfer-Encoding: chunked\r\n\r\n\
             4\r\nbody\r\n0\r\nX-Checksum: 42\r\n\r\n",
            host.address()
        )
        .as_bytes(),
    );
    assert!(head(&mut connection).contains("transfer-encoding: chunked"));
    assert_eq!(chunk(&mut connection), b"body");
    let trailers = head(&mut connection);
    assert!(trailers.contains("x-checksum: 42") && trailers.contains("x-done: yes"), "{trailers:?}");
    assert!(!trailers.contains("forged"), "{trailers:?}");
}

#[test]
fn a_component_that_fails_before_its_answer_is_a_problem() {
    let host = HOST.get();
    assert_problem(&host.get(&at("/trap/early")), 500);
    // What it had said by then was never sent.
    assert_problem(&host.get(&at("/trap/middle")), 500);
    assert_problem(&host.get(&at("/silent")), 502);
    let host = with_manifest("[limits]\nwall_ms_max = 300");
    assert_problem(&host.get(&at("/wait")), 504);
}

#[test]
fn a_component_that_fails_in_its_answer_cuts_the_connection() {
    let host = HOST.get();
    let mut connection = ask(&host, "GET", "/trap/late", &[], b"");
    head(&mut connection);
    assert_eq!(chunk(&mut connection), b"the beginning");
    assert_eq!(connection.rest(), b"", "no last chunk: the answer is not complete");
    host.wait_for_log("the plugin's answer is cut off");
    let host = with_manifest("[limits]\nstream_ms_max = 300\nstreamed_response_bytes_max = 1000000");
    let mut connection = ask(&host, "GET", "/events/1000", &[], b"");
    let cut = connection.rest();
    assert!(!cut.ends_with(b"0\r\n\r\n") && cut.len() < 2_000, "{} bytes", cut.len());
    let mut connection = ask(&host, "GET", "/spin", &[], b"");
    let cut = connection.rest();
    assert!(!cut.ends_with(b"0\r\n\r\n") && (500_000..1_100_000).contains(&cut.len()), "{} bytes", cut.len());
}

#[test]
fn a_client_that_goes_ends_the_call() {
    let host = with_manifest("[limits]\ninstances_max = 1");
    for path in ["/events/100000", "/spin", "/wait"] {
        let mut connection = ask(&host, "GET", path, &[], b"");
        if path != "/wait" {
            head(&mut connection);
        }
        until("the only instance to be taken", || (host.get(&at("/bytes/1")).status == 503).then_some(()));
        drop(connection);
        until("the instance to be free", || (host.get(&at("/bytes/1")).status == 200).then_some(()));
    }
}

#[test]
fn a_client_that_does_not_read_holds_back_the_component() {
    let host = with_manifest("[limits]\nstreamed_response_bytes_max = 1000000000");
    let before = resident_bytes(&host);
    let mut connections: Vec<Connection> = (0..20).map(|_| ask(&host, "GET", "/spin", &[], b"")).collect();
    for connection in &mut connections {
        head(connection);
    }
    // A component that was not held back would have made gigabytes by then.
    let too_much = before + 20 * 4 * 1024 * 1024;
    let seen = until_within(Duration::from_millis(500), || {
        Some(resident_bytes(&host)).filter(|now| *now > too_much)
    });
    assert_eq!(seen, None, "bytes for 20 clients");
}

fn resident_bytes(host: &Host) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", host.process_id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[test]
fn a_request_that_breaks_off_is_never_answered_as_if_it_were_whole() {
    let host = with_manifest("[limits]\nstreamed_body_bytes_max = 1000");
    assert_problem(&host.post(&at("/"), "text/plain", vec![b'x'; 1_001]), 413);
    assert_eq!(host.post(&at("/"), "text/plain", vec![b'x'; 1_000]).status, 200);
    let chunked = |body: &[u8]| {
        let mut connection = Connection::open(host.address());
        let head =
            format!("POST {AT}/ HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n", host.address());
        connection.send(&[head.as_bytes(), body].concat());
        connection.answer()
    };
    assert_problem(&chunked(format!("7d0\r\n{}\r\n0\r\n\r\n", "x".repeat(2_000)).as_bytes()), 413);
    assert_problem(&chunked(b"3\r\nabc\r\nzz\r\n"), 400);
}

#[test]
fn a_body_is_asked_for_only_when_the_component_reads_it() {
    let host = HOST.get();
    let expects = [("Expect", "100-continue"), ("Content-Length", "5")];
    let answer = ask(&host, "DELETE", "/status/403", &expects, b"").answer();
    assert_eq!(answer.status, 403, "{answer:?}");
    let mut connection = ask(&host, "DELETE", "/", &expects, b"");
    assert_eq!(connection.answer().status, 100);
    connection.send(b"hello");
    assert_eq!(connection.answer().json()["body"], "hello");
}

#[test]
fn nothing_goes_out_and_nothing_of_the_connection_is_the_components() {
    let host = HOST.get();
    assert_eq!(host.get(&at("/fetch")).text(), "ErrorCode::HttpRequestDenied");
    for name in ["connection", "transfer-encoding", "upgrade", "keep-alive", "proxy-authenticate", "host"] {
        assert_eq!(host.get(&at(&format!("/field/{name}"))).text(), format!("`{name}` is refused"));
    }
    let answer = host.get(&at("/field/x-own"));
    assert_eq!((answer.header("x-own"), answer.text()), (Some("x"), "set"));
    assert_ne!(host.get(&at("/field/date")).header("date"), Some("x"));
    assert_eq!(host.get(&at("/field/content-length")).text(), "`content-length` is refused");
}

#[test]
fn a_component_may_go_on_after_its_answer() {
    let host = HOST.get();
    let answer = host.get(&at("/late"));
    assert_eq!((answer.header("content-length"), answer.text()), (Some("8"), "answered"));
    // The access log has a line for each, the streamed one when it has ended.
    let streamed = host.get(&at("/bytes/200000"));
    assert_eq!(streamed.body.len(), 200_000);
    host.wait_for_log("path=/wasi-http-rust/bytes/200000 status=200 bytes=200000");
}
