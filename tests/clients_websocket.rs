//! WebSocket: Autobahn's cases against the echo, the opening handshake by hand, and people in the chat.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::support::run::{finish, python_command};
use crate::support::{Answer, Connection, Host, Shared, python};

static HOST: Shared = Shared::new(|| Host::with(&["chat", "spec-websocket", "spec-rest"]));

/// Autobahn's cases by group, without compression (12 and 13), which takes minutes: `make conformance` runs those too.
const CASES: &[(&str, usize)] =
    &[("1", 16), ("2", 11), ("3", 7), ("4", 10), ("5", 20), ("6", 145), ("7", 37), ("9", 54), ("10", 1)];

/// How long all of Autobahn's cases may take.
const CASES_TIME: Duration = Duration::from_secs(300);

#[test]
fn autobahns_cases_all_pass() {
    let host = Host::with(&["spec-websocket"]);
    let report = host.root().join("report");
    let kosoku = std::path::Path::new(python_command().get_program()).with_file_name("kosoku");
    let mut command = Command::new(kosoku);
    command.arg(format!("ws://{}/spec-websocket", host.address()));
    command.args(["-p", "2", "-x", "12.*", "-x", "13.*", "-o"]).arg(&report);
    let output =
        finish(&mut command, b"", CASES_TIME).unwrap_or_else(|output| panic!("it did not end: {output:?}"));
    let index =
        std::fs::read(report.join("index.json")).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let index: BTreeMap<String, BTreeMap<String, Value>> = serde_json::from_slice(&index).expect("an index");
    assert_eq!(index.len(), 1, "one server");
    let cases = index.values().next().unwrap();
    let failed: Vec<_> = cases
        .iter()
        .filter(|(_, case)| {
            // NON-STRICT: text that is no UTF-8 is refused, but only when its message has ended.
            !matches!(case["behavior"].as_str(), Some("OK" | "NON-STRICT" | "INFORMATIONAL"))
                || !matches!(case["behaviorClose"].as_str(), Some("OK" | "INFORMATIONAL"))
        })
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
    for (group, count) in CASES {
        let prefix = format!("{group}.");
        assert_eq!(cases.keys().filter(|case| case.starts_with(&prefix)).count(), *count, "group {group}");
    }
    assert_eq!(cases.len(), 301);
    assert!(output.status.success(), "{output:?}");
}

/// The specification's own request (RFC 6455, section 1.3), with changes: `-Name` leaves a field out, `Name: value` sets it or
/// adds it when it is there twice with `+`.
fn handshake(host: &Host, start: &str, changes: &[&str]) -> Vec<u8> {
    let mut fields: Vec<String> = [
        &format!("Host: {}", host.address()),
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]
    .map(str::to_owned)
    .into();
    for change in changes {
        if let Some(added) = change.strip_prefix('+') {
            fields.push(added.to_owned());
            continue;
        }
        let name = change.strip_prefix('-').unwrap_or(change).split(':').next().unwrap();
        fields.retain(|field| field.split(':').next() != Some(name));
        if !change.starts_with('-') {
            fields.push((*change).to_owned());
        }
    }
    format!("{start}\r\n{}\r\n\r\n", fields.join("\r\n")).into_bytes()
}

#[track_caller]
fn answer_to(host: &Host, start: &str, changes: &[&str]) -> Answer {
    let mut connection = Connection::open(host.address());
    connection.send(&handshake(host, start, changes));
    connection.answer()
}

const GET: &str = "GET /spec-websocket HTTP/1.1";

#[test]
fn the_specifications_handshake_is_accepted() {
    let host = HOST.get();
    let accepted: &[&[&str]] = &[
        &[],
        &["Upgrade: WebSocket", "Connection: keep-alive, Upgrade"],
        &["Upgrade: h2c, websocket"],
        &["Connection: keep-alive", "+Connection: upgrade"],
        // Offered and not taken.
        &["Sec-WebSocket-Extensions: permessage-bzip2"],
        &["Sec-WebSocket-Protocol: a, b"],
        &["Origin: http://example.org"],
    ];
    for changes in accepted {
        let answer = answer_to(&host, GET, changes);
        assert_eq!(answer.status, 101, "{changes:?}: {answer:?}");
        assert_eq!(answer.header("upgrade").map(str::to_ascii_lowercase).as_deref(), Some("websocket"));
        assert_eq!(answer.header("connection").map(str::to_ascii_lowercase).as_deref(), Some("upgrade"));
        assert_eq!(answer.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        for absent in
            ["sec-websocket-extensions", "sec-websocket-protocol", "content-length", "transfer-encoding"]
        {
            assert_eq!(answer.header(absent), None, "{changes:?}: {answer:?}");
        }
    }
}

#[test]
fn one_of_the_offered_subprotocols_is_chosen() {
    let host = HOST.get();
    let offers: &[&[&str]] = &[
        &["Sec-WebSocket-Protocol: echo"],
        &["Sec-WebSocket-Protocol: a, echo, b"],
        &["Sec-WebSocket-Protocol: a", "+Sec-WebSocket-Protocol: b,echo"],
    ];
    for offer in offers {
        let answer = answer_to(&host, GET, offer);
        assert_eq!(
            (answer.status, answer.header("sec-websocket-protocol")),
            (101, Some("echo")),
            "{answer:?}"
        );
    }
}

#[test]
fn what_is_no_handshake_is_never_accepted() {
    let host = HOST.get();
    let refused: &[(&str, &[&str], u16)] = &[
        (GET, &["-Upgrade"], 426),
        (GET, &["-Upgrade", "-Connection"], 426),
        (GET, &["Upgrade: h2c"], 426),
        (GET, &["Upgrade: foo"], 426),
        (GET, &["-Connection"], 426),
        (GET, &["Connection: keep-alive"], 426),
        (GET, &["Sec-WebSocket-Version: 8"], 426),
        (GET, &["-Sec-WebSocket-Version"], 426),
        (GET, &["-Sec-WebSocket-Key"], 400),
        (GET, &["Sec-WebSocket-Key: abc"], 400),
        (GET, &["Sec-WebSocket-Key: "], 400),
        (GET, &["+Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="], 400),
        (GET, &["Sec-WebSocket-Protocol: a,,b"], 400),
        ("POST /spec-websocket HTTP/1.1", &["Content-Length: 0"], 405),
        ("GET /spec-websocket/below HTTP/1.0", &[], 400),
        ("GET /nothing HTTP/1.1", &[], 404),
    ];
    for (start, changes, status) in refused {
        let answer = answer_to(&host, start, changes);
        assert_eq!(answer.status, *status, "{start} {changes:?}: {answer:?}");
        match status {
            426 => {
                assert_eq!(answer.header("sec-websocket-version"), Some("13"), "{changes:?}: {answer:?}");
                assert_eq!(answer.header("upgrade"), Some("websocket"), "{changes:?}: {answer:?}");
                let connection = answer.header("connection").unwrap_or_default().to_ascii_lowercase();
                assert!(connection.contains("upgrade"), "{changes:?}: {answer:?}");
            }
            405 => assert_eq!(answer.header("allow"), Some("GET"), "{answer:?}"),
            _ => {}
        }
    }
}

#[test]
fn an_upgrade_is_ignored_where_there_is_no_websocket() {
    let host = HOST.get();
    let answer = answer_to(&host, "GET /spec-rest/x HTTP/1.1", &[]);
    assert_eq!((answer.status, &answer.json()["path"]), (200, &Value::from("/x")), "{answer:?}");
}

/// A masked frame of a client's (RFC 6455, section 5.2), of less than 126 bytes.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let masked = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
    [first, 0x80 | u8::try_from(payload.len()).unwrap()].into_iter().chain(mask).chain(masked).collect()
}

/// A connection that has become a WebSocket.
#[track_caller]
fn opened(host: &Host, path: &str, sent_at_once: &[u8]) -> Connection {
    let mut connection = Connection::open(host.address());
    let mut bytes = handshake(host, &format!("GET {path} HTTP/1.1"), &[]);
    bytes.extend_from_slice(sent_at_once);
    connection.send(&bytes);
    assert_eq!(connection.answer().status, 101);
    connection
}

#[test]
fn frames_sent_right_behind_the_handshake_are_the_first_frames() {
    let host = HOST.get();
    let mut connection = opened(&host, "/spec-websocket", &frame(0x81, b"Hello"));
    assert_eq!(connection.bytes(7), b"\x81\x05Hello");
    connection.send(&frame(0x82, b"\x00\xff"));
    assert_eq!(connection.bytes(4), b"\x82\x02\x00\xff");
    // A ping inside a fragmented message is answered before the message is.
    connection.send(&[frame(0x01, b"Hel"), frame(0x89, b"now"), frame(0x80, b"lo")].concat());
    assert_eq!(connection.bytes(5 + 7), b"\x8a\x03now\x81\x05Hello");
}

#[test]
fn a_connection_is_closed_with_the_code_that_says_why() {
    let host = HOST.get();
    let unmasked = b"\x81\x05Hello".to_vec();
    for (sent, code) in [
        (frame(0x88, &1000_u16.to_be_bytes()), 1000_u16),
        (frame(0x88, &[&4321_u16.to_be_bytes()[..], b"bye"].concat()), 4321),
        (frame(0x81, b"\xff"), 1007),
        (frame(0xc1, b"x"), 1002),
        (frame(0x83, b"x"), 1002),
        (frame(0x80, b"continues nothing"), 1002),
        (frame(0x09, b"a ping is never fragmented"), 1002),
        (frame(0x88, b"x"), 1002),
        (frame(0x88, &1005_u16.to_be_bytes()), 1002),
        (unmasked, 1002),
    ] {
        let mut connection = opened(&host, "/spec-websocket", &sent);
        let rest = connection.rest();
        assert_eq!((rest[0], u16::from_be_bytes([rest[2], rest[3]])), (0x88, code), "{sent:x?}: {rest:x?}");
        assert_eq!(rest.len(), 2 + usize::from(rest[1]), "nothing comes after the close: {rest:x?}");
    }
    // An empty close is answered with an empty one.
    assert_eq!(opened(&host, "/spec-websocket", &frame(0x88, b"")).rest(), b"\x88\x00");
    // Announced: over the limit of a message, which is 1 MiB where no manifest raises it.
    let too_long = [&[0x82, 0xff][..], &(1024_u64 * 1024 + 1).to_be_bytes(), &[0; 4]].concat();
    let rest = opened(&host, "/chat", &too_long).rest();
    assert_eq!((rest[0], &rest[2..4]), (0x88, &1009_u16.to_be_bytes()[..]), "{rest:x?}");
}

#[test]
fn an_open_connection_is_told_when_the_host_goes_away() {
    let mut host = Host::with(&["spec-websocket"]);
    let mut connection = opened(&host, "/spec-websocket", &frame(0x81, b"Hello"));
    assert_eq!(connection.bytes(7), b"\x81\x05Hello");
    host.terminate();
    let close = connection.bytes(4);
    assert_eq!((close[0], &close[2..4]), (0x88, &1001_u16.to_be_bytes()[..]), "{close:x?}");
    connection.send(&frame(0x88, &1001_u16.to_be_bytes()));
    assert!(host.wait().success());
}

/// Runs one function of the chat script against the shared host.
#[track_caller]
fn chat(check: &str) {
    let host = HOST.get();
    python("chat.py", &[host.url().as_str(), check]);
}

#[test]
fn two_people_in_a_room_see_each_others_messages() {
    chat("two_people");
}

#[test]
fn who_comes_late_is_told_who_is_there() {
    chat("presence");
}

#[test]
fn two_hundred_messages_of_four_people_come_to_all_in_one_order() {
    chat("order");
}

#[test]
fn leaving_and_losing_the_connection_are_told_to_the_others() {
    chat("departures");
}

#[test]
fn rooms_hear_nothing_of_each_other() {
    chat("rooms");
}

#[test]
fn what_a_chat_cannot_do_is_an_error_and_the_connection_goes_on() {
    chat("errors");
}

#[test]
fn websockets_echoes_text_binary_and_long_messages() {
    chat("echo");
}
