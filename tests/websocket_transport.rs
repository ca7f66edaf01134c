//! WebSocket's transport by the letter: compression, origins, HTTP/2, slow readers, the end of credentials and of the host. What
//! Autobahn's cases do not look at.

use std::io::Write as _;
use std::time::Instant;

use flate2::write::DeflateEncoder;
use flate2::{Compression, Decompress, FlushDecompress};

use crate::support::socket::{Socket, frame};
use crate::support::wait::{self, until};
use crate::support::{Answer, Connection, Host, Shared, http, python};

static HOST: Shared = Shared::new(|| Host::with(&["chat", "spec-websocket", "spec-rest"]));

/// What every handshake has.
const HANDSHAKE: [(&str, &str); 4] = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

fn handshake(host: &Host, target: &str, more: &[(&str, &str)]) -> (Connection, Answer) {
    let mut connection = Connection::open(host.address());
    connection.send(&http::request(host.address(), "GET", target, &[&HANDSHAKE, more].concat(), b""));
    let answer = connection.answer();
    (connection, answer)
}

const EXTENSIONS: &str = "Sec-WebSocket-Extensions";
const AGREED: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

#[test]
fn compression_is_agreed_on_or_passed_over() {
    let host = HOST.get();
    for (offer, answered) in [
        ("permessage-deflate; client_max_window_bits", Some(AGREED.to_owned())),
        ("permessage-deflate; server_max_window_bits=9", Some(format!("{AGREED}; server_max_window_bits=9"))),
        ("permessage-deflate; server_max_window_bits=8", Some(format!("{AGREED}; server_max_window_bits=8"))),
        ("permessage-deflate; foo, permessage-deflate", Some(AGREED.to_owned())),
        ("permessage-deflate; server_max_window_bits=16", None),
        ("permessage-deflate; server_max_window_bits=08", None),
        ("permessage-deflate; server_no_context_takeover; server_no_context_takeover", None),
        ("permessage-bzip2", None),
    ] {
        let (_, answer) = handshake(&host, "/spec-websocket", &[(EXTENSIONS, offer)]);
        assert_eq!(
            (answer.status, answer.header("sec-websocket-extensions")),
            (101, answered.as_deref()),
            "{offer}"
        );
    }
    // Several lines are one list.
    let (_, answer) =
        handshake(&host, "/spec-websocket", &[(EXTENSIONS, "x-foo"), (EXTENSIONS, "permessage-deflate")]);
    assert_eq!(answer.header("sec-websocket-extensions"), Some(AGREED));
    let (_, answer) = handshake(&host, "/spec-websocket", &[(EXTENSIONS, "permessage-deflate;;")]);
    assert_eq!(answer.status, 400, "{answer:?}");
}

/// A message as permessage-deflate sends it.
fn deflated(message: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(message).unwrap();
    encoder.flush().unwrap();
    let bytes = encoder.get_ref().clone();
    bytes.strip_suffix(&[0, 0, 0xff, 0xff]).unwrap().to_vec()
}

fn inflated(payload: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(1024 * 1024);
    let bytes = [payload, &[0, 0, 0xff, 0xff]].concat();
    Decompress::new(false).decompress_vec(&bytes, &mut output, FlushDecompress::Sync).unwrap();
    output
}

fn compressing(host: &Host, target: &str) -> Socket {
    let (connection, answer) = handshake(host, target, &[(EXTENSIONS, "permessage-deflate")]);
    assert_eq!(answer.header("sec-websocket-extensions"), Some(AGREED));
    Socket::over(connection)
}

#[test]
fn compressed_messages_are_echoed_compressed_in_one_frame_or_several() {
    let host = HOST.get();
    let mut socket = compressing(&host, "/spec-websocket");
    let text = "to be or not to be, ".repeat(5_000);
    let sent = deflated(text.as_bytes());
    let (first, rest) = sent.split_at(sent.len() / 2);
    for _ in 0..3 {
        socket.send_frame(0xc1, &sent);
        let (head, payload) = socket.any_frame();
        assert_eq!((head, inflated(&payload)), (0xc1, text.clone().into_bytes()));
        assert!(payload.len() < text.len() / 20, "{}", payload.len());
        socket.send_frame(0x41, first);
        socket.send_frame(0x89, b"between");
        assert_eq!(socket.any_frame(), (0x8a, b"between".to_vec()));
        socket.send_frame(0x80, rest);
        let (head, payload) = socket.any_frame();
        assert_eq!((head, inflated(&payload)), (0xc1, text.clone().into_bytes()));
        // What is not compressed is taken, too.
        socket.send_frame(0x82, b"plain");
        let (head, payload) = socket.any_frame();
        assert_eq!((head, inflated(&payload)), (0xc2, b"plain".to_vec()));
    }
}

#[test]
fn short_answers_are_left_as_they_are_unless_the_manifest_says_otherwise() {
    let host = Host::builder().plugin("spec-websocket").file("spec-websocket.toml", "").start();
    let mut socket = compressing(&host, "/spec-websocket");
    socket.send_frame(0xc1, &deflated(&[b'a'; 1_023]));
    assert_eq!(socket.any_frame(), (0x81, vec![b'a'; 1_023]));
    socket.send_frame(0xc1, &deflated(&[b'a'; 1_024]));
    assert_eq!(socket.any_frame().0, 0xc1);
}

#[test]
fn what_is_inflated_is_bounded_and_must_be_what_it_says() {
    let host = Host::builder().plugin("spec-websocket").file("spec-websocket.toml", "").start();
    let bomb = deflated(&vec![0; 256 * 1024 * 1024]);
    let before = resident_kib(&host);
    for (what, sent, code) in [
        ("a bomb", frame(0xc2, &bomb), 1_009_u16),
        ("a byte too many", frame(0xc2, &deflated(&vec![7; 1024 * 1024 + 1])), 1_009),
        ("text that is not UTF-8", frame(0xc1, &deflated(b"\xc0")), 1_007),
        ("no deflate", frame(0xc1, &[0xff; 8]), 1_007),
        ("a continuation that says it is compressed", [frame(0x01, b"a"), frame(0xc0, b"b")].concat(), 1_002),
        ("a compressed ping", frame(0xc9, b""), 1_002),
    ] {
        let mut socket = compressing(&host, "/spec-websocket");
        socket.connection().send(&sent);
        let (head, payload) = socket.any_frame();
        assert_eq!((head, &payload[..2]), (0x88, &code.to_be_bytes()[..]), "{what}");
        assert!(socket.connection().rest().is_empty(), "{what}: nothing comes after the close");
    }
    assert!(resident_kib(&host) < before + 64 * 1024, "{before} KiB before, now {}", resident_kib(&host));
    // The limit itself is taken.
    let mut socket = compressing(&host, "/spec-websocket");
    socket.send_frame(0xc2, &deflated(&vec![7; 1024 * 1024]));
    assert_eq!(inflated(&socket.any_frame().1).len(), 1024 * 1024);
}

fn resident_kib(host: &Host) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", host.process_id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn pages_connect_from_the_origins_of_the_manifest_and_from_the_hosts_own() {
    let host = Host::builder()
        .plugin("spec-websocket")
        .file("spec-websocket.toml", "[websocket]\norigins = [\"https://app.example\"]\n")
        .start();
    let own = host.url();
    for (origin, status) in [
        ("https://app.example", 101),
        (own.as_str(), 101),
        ("https://evil.example", 403),
        ("https://app.example.evil.example", 403),
        ("null", 403),
    ] {
        let (_, answer) = handshake(&host, "/spec-websocket", &[("Origin", origin)]);
        assert_eq!(answer.status, status, "{origin}: {answer:?}");
        assert_eq!(answer.header("upgrade").is_some(), status == 101, "{answer:?}");
    }
    assert_eq!(handshake(&host, "/spec-websocket", &[]).1.status, 101, "a client that is no browser");
    assert_eq!(handshake(&host, "/spec-websocket", &[("Cookie", "session=1")]).1.status, 403);
    // Without a list, a page elsewhere may connect, but not with the visitor's cookies.
    let host = HOST.get();
    let elsewhere = ("Origin", "https://evil.example");
    assert_eq!(handshake(&host, "/spec-websocket", &[elsewhere]).1.status, 101);
    assert_eq!(handshake(&host, "/spec-websocket", &[elsewhere, ("Cookie", "session=1")]).1.status, 403);
}

#[test]
fn who_does_not_say_who_it_is_gets_a_challenge_and_no_socket() {
    let host =
        Host::builder().plugin("spec-websocket").configuration("[auth]\nrequire = [\"api-key\"]\n").start();
    let (mut connection, answer) = handshake(&host, "/spec-websocket", &[]);
    assert_eq!(answer.status, 401, "{answer:?}");
    assert!(answer.header("www-authenticate").is_some() && answer.header("upgrade").is_none(), "{answer:?}");
    // The connection goes on as HTTP.
    connection.send(&http::request(host.address(), "GET", "/nothing", &[], b""));
    assert_eq!(connection.answer().status, 404);
}

#[test]
fn a_host_that_shuts_down_says_so_on_every_socket_and_takes_no_new_one() {
    let mut host = Host::with(&["spec-websocket"]);
    let mut sockets: Vec<Socket> = (0..20).map(|_| Socket::open(&host, "/spec-websocket")).collect();
    let mut idle = Connection::open(host.address());
    idle.send(&http::request(host.address(), "GET", "/nothing", &[], b""));
    assert_eq!(idle.answer().status, 404);
    host.terminate();
    for socket in &mut sockets {
        let (head, payload) = socket.any_frame();
        assert_eq!((head, &payload[..2]), (0x88, &1_001_u16.to_be_bytes()[..]));
    }
    idle.send(&http::request(host.address(), "GET", "/spec-websocket", &HANDSHAKE, b""));
    let answer = idle.answer();
    assert_eq!((answer.status, answer.header("connection")), (503, Some("close")), "{answer:?}");
    for socket in &mut sockets {
        // After our close frame and theirs, the server ends the connection.
        socket.send_frame(0x82, b"ignored");
        socket.send_frame(0x88, &1_001_u16.to_be_bytes());
        assert!(socket.connection().rest().is_empty());
    }
    assert!(host.wait().success());
}

#[test]
fn whoever_does_not_read_is_cut_off_and_the_others_get_everything() {
    let host = Host::builder()
        .plugin("chat")
        .file("chat.toml", "[limits]\nwebsocket_write_buffer_bytes_max = 65536\n")
        .start();
    let join = |name: &str| {
        let mut socket = Socket::open(&host, "/chat");
        socket.send_text(&format!(r#"{{"type":"join","room":"lobby","name":"{name}"}}"#));
        while !socket.text().contains("\"welcome\"") {}
        socket
    };
    let (slow, mut quick) = (join("slow"), join("quick"));
    let say = format!(r#"{{"type":"say","room":"lobby","text":"{}"}}"#, "x".repeat(4_000));
    let mut said = 0;
    let gone = |text: &str| text.contains("\"left\"");
    // What the kernel's buffers hold for `slow`, and then what the host does.
    let mut departed = false;
    let deadline = Instant::now() + wait::DEADLINE / 2;
    while Instant::now() < deadline {
        quick.send_text(&say);
        loop {
            let text = quick.text();
            departed |= gone(&text);
            if text.contains("xxxx") {
                said += 1;
                break;
            }
        }
        if departed {
            break;
        }
    }
    assert!(departed, "the slow one is still there after {said} messages");
    assert!(resident_kib(&host) < 200 * 1024);
    // What was on its way is all that comes: it had its time to take a close frame.
    assert!(slow.into_connection().rest().len() < said * 4_000);
}

#[test]
fn whoever_pings_and_does_not_read_its_pongs_is_not_read_and_holds_no_memory() {
    let host = Host::builder()
        .plugin("spec-websocket")
        .file("spec-websocket.toml", "[limits]\nwebsocket_idle_ms_max = 2000\n")
        .start();
    let before = resident_kib(&host);
    let mut connection = Socket::open(&host, "/spec-websocket").into_connection();
    let pings: Vec<u8> = std::iter::repeat_n(frame(0x89, &[7; 125]), 2_000).flatten().collect();
    // Sending ends when the host has cut it off: nothing of what it answers is taken.
    let sender = std::thread::spawn(move || while connection.try_send(&pings) {});
    until("the connection to be cut", || sender.is_finished().then_some(()));
    sender.join().unwrap();
    assert!(resident_kib(&host) < before + 16 * 1024, "{before} KiB before, now {}", resident_kib(&host));
    Socket::open(&host, "/spec-websocket").send_text("well");
}

#[test]
fn many_small_messages_at_once_are_all_answered_in_order() {
    let host = HOST.get();
    let mut socket = Socket::open(&host, "/spec-websocket");
    let bytes: Vec<u8> = (0..20_000_u32).flat_map(|number| frame(0x82, &number.to_be_bytes())).collect();
    let mut sending = socket.connection().another_end();
    let sender = std::thread::spawn(move || sending.write_all(&bytes).unwrap());
    for number in 0..20_000_u32 {
        assert_eq!(socket.any_frame(), (0x82, number.to_be_bytes().to_vec()));
    }
    sender.join().unwrap();
}

#[test]
fn a_websocket_is_a_stream_of_http_2() {
    python("websocket_http2.py", &[HOST.get().url().as_str(), "all"]);
}
