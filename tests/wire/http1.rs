//! HTTP/1.1 in raw bytes (RFC 9110 and 9112). Every refusal is problem details with `Connection: close` and a line in the access
//! log, the connection ends behind it, and nothing that follows it is taken for a request.

use crate::support::{Answer, Connection, Host, Shared};

static HOST: Shared = Shared::new(|| Host::with(&["spec-rest", "todo"]));

/// Follows every row that is to be refused. Nobody may ever answer it.
const SMUGGLED: &str = "GET /spec-rest/smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

#[track_caller]
fn assert_problem(answer: &Answer, what: &str) {
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{what}: {answer:?}");
    assert_eq!(answer.json()["status"], answer.status, "{what}");
    assert!(answer.header("x-request-id").is_some() && answer.header("date").is_some(), "{what}: {answer:?}");
}

/// One answer with this status, then the end of the connection.
#[track_caller]
fn refused(host: &Host, status: u16, bytes: impl AsRef<[u8]>) {
    let bytes = bytes.as_ref();
    let what = bytes.get(..160).unwrap_or(bytes).escape_ascii().to_string();
    let mut connection = Connection::open(host.address());
    connection.send(&[bytes, SMUGGLED.as_bytes()].concat());
    let answer = connection.answer();
    assert_eq!(answer.status, status, "{what}: {answer:?}");
    assert_problem(&answer, &what);
    assert_eq!(answer.header("connection"), Some("close"), "{what}: {answer:?}");
    let rest = connection.rest();
    assert!(rest.is_empty(), "{what}: also answered {}", rest.escape_ascii());
    host.wait_for_log(answer.header("x-request-id").unwrap_or_default());
}

/// Answers with these statuses, after which the connection is in step for another request.
#[track_caller]
fn answered(host: &Host, statuses: &[u16], bytes: impl AsRef<[u8]>) -> Vec<Answer> {
    let bytes = bytes.as_ref();
    let what = bytes.escape_ascii().to_string();
    let mut connection = Connection::open(host.address());
    connection.send(bytes);
    let mut answers = Vec::new();
    for status in statuses {
        let answer = connection.answer();
        assert_eq!(answer.status, *status, "{what}: {answer:?}");
        answers.push(answer);
    }
    connection.send(b"GET /spec-rest/next HTTP/1.1\r\nHost: a\r\n\r\n");
    let next = connection.answer();
    assert_eq!((next.status, &next.json()["path"]), (200, &serde_json::json!("/next")), "{what}: {next:?}");
    answers
}

fn get(lines: &str) -> String {
    format!("GET /spec-rest/ HTTP/1.1\r\n{lines}\r\n\r\n")
}

fn post(lines: &str, body: &str) -> String {
    format!("POST /spec-rest/ HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n{body}")
}

fn chunked(body: &str) -> String {
    post("Transfer-Encoding: chunked", body)
}

#[test]
fn the_host_field_names_one_host() {
    let host = HOST.get();
    refused(&host, 400, "GET /spec-rest/ HTTP/1.1\r\n\r\n");
    for lines in ["Host: a\r\nHost: a", "Host: a\r\nHost: b", "Host: a\r\nX: y\r\nhost: a"] {
        refused(&host, 400, get(lines));
    }
    for value in
        ["", " ", "a, b", "u@h", "h/p", "a b", "a:b", "a:99999", ":80", "[::1", "[x]", "[::1]x", "a?", "a#"]
    {
        refused(&host, 400, get(&format!("Host: {value}")));
    }
    for value in ["a", "A.Example:80", "127.0.0.1:8080", "[::1]", "[::1]:80", "a:", "xn--bcher-kva.example"] {
        answered(&host, &[200], get(&format!("Host: {value}")));
    }
}

#[test]
fn the_target_is_one_that_the_method_takes() {
    let host = HOST.get();
    for line in [
        "GET * HTTP/1.1",
        "GET spec-rest HTTP/1.1",
        "GET a:80 HTTP/1.1",
        "GET /spec-rest/#f HTTP/1.1",
        "GET /spec-rest/#f?q HTTP/1.1",
        "GET /spec-rest/?q#f HTTP/1.1",
        "GET http://other/spec-rest/ HTTP/1.1",
        "GET http://u@a/spec-rest/ HTTP/1.1",
        "GET ftp://a/spec-rest/ HTTP/1.1",
        "GET http:/spec-rest/ HTTP/1.1",
        "GET http:// HTTP/1.1",
        "GET //\\ HTTP/1.1",
        "GET /spec-rest/\u{0} HTTP/1.1",
        "GET /spec-rest/\u{7f} HTTP/1.1",
        "GET /spec-rest/\t HTTP/1.1",
        "GET /spec-rest/ x HTTP/1.1",
        "GET /spec-rest/\u{e9} HTTP/1.1",
        "GET /spec-rest/<> HTTP/1.1",
        "GET /spec-rest/` HTTP/1.1",
    ] {
        refused(&host, 400, format!("{line}\r\nHost: a\r\n\r\n"));
    }
    refused(&host, 501, "CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n");
    // The absolute form, and a method that is about the host.
    answered(&host, &[200], "GET http://A/spec-rest/ HTTP/1.1\r\nHost: a\r\n\r\n");
    answered(&host, &[200], "GET /spec-rest/a;b=c/%C3%A9?x=[1]&y={2}|^` HTTP/1.1\r\nHost: a\r\n\r\n");
    let options = answered(&host, &[204], "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(options[0].header("allow").is_some(), "{options:?}");
}

#[test]
fn a_path_that_two_readers_could_read_differently_is_refused() {
    let host = HOST.get();
    for path in [
        "/spec-rest/%zz",
        "/spec-rest/%",
        "/spec-rest/%C0%AF",
        "/spec-rest/%00",
        "/spec-rest/%2e%2e/x",
        "/spec-rest/../x",
        "/spec-rest/./x",
        "/%73pec-rest%2f",
        "//spec-rest/",
    ] {
        let mut connection = Connection::open(host.address());
        connection.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
        let answer = connection.answer();
        assert!(matches!(answer.status, 400 | 404), "{path}: {answer:?}");
        assert_problem(&answer, path);
    }
}

#[test]
fn the_request_line_has_three_words_and_a_version_that_is_spoken() {
    let host = HOST.get();
    for line in [
        "GET /spec-rest/",
        "GET  /spec-rest/ HTTP/1.1",
        "GET /spec-rest/  HTTP/1.1",
        "GET /spec-rest/ HTTP/1.1 ",
        " GET /spec-rest/ HTTP/1.1",
        "GET\t/spec-rest/\tHTTP/1.1",
        "GET /spec-rest/ HTTP/1",
        "GET /spec-rest/ HTTP/11",
        "GET /spec-rest/ http/1.1",
        "GET /spec-rest/ HTTP/01.01",
        "GET /spec-rest/ HTTPS/1.1",
        "GET /spec-rest/ HTTP/1.1\r",
        "G{T /spec-rest/ HTTP/1.1",
        "/spec-rest/ HTTP/1.1",
        "\u{16}\u{3}\u{1}\u{2}",
    ] {
        refused(&host, 400, format!("{line}\r\nHost: a\r\n\r\n"));
    }
    for version in ["HTTP/0.9", "HTTP/1.2", "HTTP/2.0", "HTTP/3.0", "HTTP/9.9"] {
        refused(&host, 505, format!("GET /spec-rest/ {version}\r\nHost: a\r\n\r\n"));
    }
    // Method names are case-sensitive, and one that nobody knows is not one that is not allowed (RFC 9110 section 9.1).
    for method in ["get", "FOO"] {
        answered(&host, &[501], format!("{method} /todo/items HTTP/1.1\r\nHost: a\r\n\r\n"));
    }
    let trace = answered(&host, &[405], "TRACE /todo/items HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(trace[0].header("allow").is_some_and(|allow| !allow.contains("TRACE")), "{trace:?}");
    answered(&host, &[200], format!("\r\n\r\n{}", get("Host: a")));
}

#[test]
fn an_http_1_0_client_gets_a_whole_answer_and_the_end() {
    let host = HOST.get();
    for request in [
        "GET /spec-rest/ HTTP/1.0\r\n\r\n",
        "POST /spec-rest/ HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
    ] {
        let mut connection = Connection::open(host.address());
        connection.send(request.as_bytes());
        let answer = connection.answer();
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("transfer-encoding"), None, "{answer:?}");
        assert!(connection.rest().is_empty());
    }
    refused(
        &host,
        400,
        "POST /spec-rest/ HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    );
}

#[test]
fn a_field_is_a_name_a_colon_and_a_value_on_one_line() {
    let host = HOST.get();
    for line in [
        "X-A : v",
        "X-A\t: v",
        ": v",
        ":",
        "Bad[: v",
        "NoColon",
        " X: v",
        "\tX: v",
        "X: a\rb",
        "X: a\u{0}b",
        "X: a\u{1}b",
        "X: a\u{7f}b",
        "X: a\u{b}b",
        "X: a\r\n b",
        "X: a\r\n\tb",
        "X: a\nY: b",
        "X: a\r",
        "X\u{e9}: a",
        "X Y: a",
        "\u{0}: a",
    ] {
        refused(&host, 400, get(&format!("Host: a\r\n{line}\r\nZ: z")));
    }
    refused(&host, 400, "GET /spec-rest/ HTTP/1.1\r\n Host: a\r\n\r\n");
    refused(&host, 400, "GET /spec-rest/ HTTP/1.1\nHost: a\n\n");
    refused(&host, 400, "GET /spec-rest/ HTTP/1.1\r\nHost: a\n\r\n");
    refused(&host, 400, "GET /spec-rest/ HTTP/1.1\r\nHost: a\r\n\n");
    refused(&host, 400, b"GET /spec-rest/ HTTP/1.1\r\nHost: a\r\nX: \xff\xfe\r\n\r\n");
    answered(&host, &[200], get("Host:a\r\nX:\t a\t b \t\r\nEmpty:\r\nX-Y_z.!#$%&'*+^`|~: h\u{e9}"));
}

#[test]
fn a_length_is_one_number() {
    let host = HOST.get();
    for lines in [
        "Content-Length: 5\r\nContent-Length: 10",
        "Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: 5\r\nX: y\r\ncontent-length: 5",
    ] {
        refused(&host, 400, post(lines, "hello"));
    }
    for value in [
        "5, 10",
        "5, 5",
        "5,",
        "+5",
        "-1",
        "-0",
        "0x5",
        "1_0",
        "1 0",
        "",
        " ",
        "5;",
        "five",
        "5.0",
        "\"5\"",
        "18446744073709551616",
        "99999999999999999999999",
    ] {
        refused(&host, 400, post(&format!("Content-Length: {value}"), "hello"));
    }
    let echoed = answered(&host, &[200], post("Content-Length:\t 005 ", "hello"));
    assert_eq!(echoed[0].json()["body"], "hello");
    refused(&host, 413, post("Content-Length: 9999999999999999999", ""));
}

#[test]
fn a_transfer_coding_is_chunked_once_and_alone() {
    let host = HOST.get();
    for lines in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Transfer-Encoding: chunked\r\nContent-Length: 0",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding:\r\n chunked",
        "Transfer-Encoding : chunked",
    ] {
        refused(&host, 400, post(lines, "0\r\n\r\n"));
    }
    for value in [
        "xchunked",
        "chunkedx",
        "identity",
        "gzip",
        "chunked, gzip",
        "gzip, chunked",
        "chunked, chunked",
        "chunked, identity",
        "chunked;p",
        "chunked,",
        ",chunked",
        "\"chunked\"",
        "'chunked'",
        "",
        "\u{b}chunked",
        "chunked\u{c}",
        "chunked\u{0}",
        "\u{0}chunked",
        "chunk ed",
        "\u{a0}chunked",
    ] {
        refused(&host, 400, post(&format!("Transfer-Encoding: {value}"), "0\r\n\r\n"));
    }
    let echoed = answered(&host, &[200], post("Transfer-Encoding:\t CHUNKED ", "5\r\nhello\r\n0\r\n\r\n"));
    assert_eq!(echoed[0].json()["body"], "hello");
}

#[test]
fn a_body_whose_chunks_are_broken_is_never_a_success() {
    let host = HOST.get();
    for body in [
        "0x5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "-1\r\nhello\r\n0\r\n\r\n",
        " 5\r\nhello\r\n0\r\n\r\n",
        "5 \r\nhello\r\n0\r\n\r\n",
        "1_0\r\nhello\r\n0\r\n\r\n",
        "12345678901234567\r\nhello\r\n0\r\n\r\n",
        "g\r\nhello\r\n0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n",
        "5;\r\nhello\r\n0\r\n\r\n",
        "5;bad[=x\r\nhello\r\n0\r\n\r\n",
        "5;a\nb\r\nhello\r\n0\r\n\r\n",
        "5;a=\"b\r\nhello\r\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhellospill\r\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "5\r\nhell\r\n0\r\n\r\n",
        "0\r\n\n",
        "0\r\nX\r\n\r\n",
        "0\r\n X: y\r\n\r\n",
        "0\r\nX: a\u{0}\r\n\r\n",
    ] {
        refused(&host, 400, chunked(body));
    }
    refused(&host, 400, chunked(&format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(64 * 1024))));
    refused(&host, 400, chunked(&format!("{}0\r\n\r\n", "1;x=y\r\nz\r\n".repeat(10_000))));
    refused(&host, 400, chunked(&format!("0\r\n{}\r\n", "X: y\r\n".repeat(1_000))));
}

#[test]
fn extensions_are_ignored_and_trailers_never_become_fields() {
    let host = HOST.get();
    let body = "5;a;b=c ; d = \"e\\\"f\"\r\nhello\r\n7;x\r\n, world\r\n000;last\r\n";
    let trailers = "Content-Length: 7\r\nTransfer-Encoding: gzip\r\nHost: evil\r\nAuthorization: Basic eDp5\r\nContent-Type: evil/evil\r\n\
        X-Trailer: evil\r\n\r\n";
    let echoed = answered(&host, &[200], chunked(&format!("{body}{trailers}")));
    let request = echoed[0].json();
    assert_eq!(request["body"], "hello, world");
    assert!(!request["headers"].to_string().contains("evil"), "{request}");
    assert!(!request["headers"].to_string().contains("authorization"), "{request}");
}

#[test]
fn a_body_that_ends_too_soon_is_refused() {
    let host = HOST.get();
    for request in [
        post("Content-Length: 10", "hello"),
        chunked("a\r\nhello"),
        chunked("5\r\nhello\r\n"),
        chunked("5\r\nhello\r\n0\r\n"),
        "GET /spec-rest/ HTTP/1.1\r\nHost: a\r\n".to_owned(),
    ] {
        let mut connection = Connection::open(host.address());
        connection.send(request.as_bytes());
        connection.finish();
        let answer = connection.answer();
        assert_eq!(
            (answer.status, answer.header("connection")),
            (400, Some("close")),
            "{request:?}: {answer:?}"
        );
        assert!(connection.rest().is_empty());
    }
}

#[test]
fn requests_in_one_packet_are_answered_in_order_up_to_the_one_that_is_refused() {
    let host = HOST.get();
    let one = |path: &str| format!("GET /spec-rest/{path} HTTP/1.1\r\nHost: a\r\n\r\n");
    let mixed =
        [one("1"), post("Content-Length: 5", "hello"), chunked("2\r\nhi\r\n0\r\n\r\n"), one("4")].concat();
    let answers = answered(&host, &[200, 200, 200, 200], &mixed);
    assert_eq!(answers[0].json()["path"], "/1");
    assert_eq!(answers[2].json()["body"], "hi");
    assert_eq!(answers[3].json()["path"], "/4");

    let mut connection = Connection::open(host.address());
    connection.send(format!("{mixed}GET /\n{SMUGGLED}").as_bytes());
    let statuses: Vec<u16> = (0..5).map(|_| connection.answer().status).collect();
    assert_eq!(statuses, [200, 200, 200, 200, 400]);
    assert!(connection.rest().is_empty());

    // A client that has sent all it will ever send is owed its answers all the same (RFC 9112 section 9.6).
    let mut connection = Connection::open(host.address());
    connection.send(mixed.as_bytes());
    connection.finish();
    let statuses: Vec<u16> = (0..4).map(|_| connection.answer().status).collect();
    assert_eq!(statuses, [200, 200, 200, 200]);
    assert!(connection.rest().is_empty());
}

#[test]
fn a_client_that_asks_first_is_told_to_go_on_only_when_its_body_is_wanted() {
    let host = HOST.get();
    let mut connection = Connection::open(host.address());
    connection.send(post("Content-Length: 5\r\nExpect: 100-continue", "").as_bytes());
    assert_eq!(connection.answer().status, 100);
    connection.send(b"hello");
    assert_eq!(connection.answer().json()["body"], "hello");
    // It knows already that the answer is no.
    refused(&host, 413, post("Content-Length: 99999999\r\nExpect: 100-continue", ""));
    let mut connection = Connection::open(host.address());
    let typed = "POST /todo/items HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    connection.send(typed.as_bytes());
    assert_eq!(connection.answer().status, 415);
    // Asked, but without a body there is nothing to be told.
    answered(&host, &[200], get("Host: a\r\nExpect: 100-continue"));
    let mut connection = Connection::open(host.address());
    connection.send(get("Host: a\r\nExpect: foo").as_bytes());
    assert_problem(&connection.answer(), "an expectation that nobody knows");
}

#[test]
fn a_client_that_is_still_sending_can_send_on_and_gets_its_answer() {
    let host = HOST.get();
    let body_bytes = 2 * 1024 * 1024;
    for lines in ["", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAA\r\n"] {
        let lines_before = host.log().len();
        let mut connection = Connection::open(host.address());
        connection.send(post(&format!("{lines}Content-Length: {body_bytes}"), "").as_bytes());
        for piece in 0..body_bytes / 16_384 {
            assert!(connection.try_send(&[b'x'; 16_384]), "{lines:?}: closed at piece {piece}");
            if piece == 0 {
                // The refusal is out before the second piece.
                host.wait_for_log_after(lines_before, "status=413");
            }
        }
        assert_eq!(connection.answer().status, 413, "{lines:?}");
        assert!(connection.rest().is_empty());
    }
}

#[test]
fn what_is_over_a_limit_is_refused_with_the_status_that_says_so() {
    let host = HOST.get();
    refused(&host, 414, format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(9_000)));
    refused(&host, 414, format!("GET /{}", "x".repeat(1024 * 1024)));
    refused(&host, 431, get(&format!("Host: a\r\nX: {}", "x".repeat(1024 * 1024))));
    refused(&host, 431, get(&format!("Host: a\r\n{}Z: z", "X: y\r\n".repeat(10_000))));
    refused(&host, 431, "x".repeat(1024 * 1024));
    refused(&host, 413, post("Content-Length: 107374182400", ""));
}

#[test]
fn a_connection_that_is_told_to_close_says_so_and_does() {
    let host = HOST.get();
    let mut connection = Connection::open(host.address());
    connection.send(get("Host: a\r\nConnection: close").as_bytes());
    let answer = connection.answer();
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")), "{answer:?}");
    assert!(connection.rest().is_empty());
}

#[test]
fn a_client_that_stops_in_the_middle_is_told_that_it_took_too_long() {
    let configuration = "[limits]\nfirst_byte_ms_max = 300\nheader_ms_max = 300\nkeep_alive_idle_ms_max = 300\nbody_idle_ms_max = 300\n";
    let host = Host::builder().plugin("spec-rest").configuration(configuration).start();
    let rows: &[(&str, &[u16])] = &[
        ("", &[]),
        ("PRI * HTTP/2.0\r\n", &[]),
        ("G", &[408]),
        ("GET /spec-rest/ HTTP/1.1\r\nHost: a\r\n", &[408]),
        ("GET /spec-rest/ HTTP/1.1\r\nHost: a\r\n\r\n", &[200]),
        ("GET /spec-rest/ HTTP/1.1\r\nHost: a\r\n\r\nGET /", &[200, 408]),
        ("POST /spec-rest/ HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell", &[408]),
        ("POST /spec-rest/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhell", &[408]),
        ("POST /spec-rest/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5", &[408]),
    ];
    for (bytes, statuses) in rows {
        let mut connection = Connection::open(host.address());
        connection.send(bytes.as_bytes());
        for status in *statuses {
            let answer = connection.answer();
            assert_eq!(answer.status, *status, "{bytes:?}: {answer:?}");
            if *status == 408 {
                assert_problem(&answer, bytes);
                assert_eq!(answer.header("connection"), Some("close"), "{bytes:?}: {answer:?}");
            }
        }
        let rest = connection.rest();
        assert!(rest.is_empty(), "{bytes:?}: {}", rest.escape_ascii());
    }
}
