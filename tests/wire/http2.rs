//! HTTP/2 in raw frames (RFC 9113 and 7541): the errors it names, and the floods that have names of their own. A flood ends its
//! connection or costs its sender as much as the host, and the host's other clients see nothing of it.

use std::time::Instant;

use crate::support::{Connection, Host, Shared};

static HOST: Shared = Shared::new(|| Host::with(&["spec-rest"]));

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

const NO_ERROR: u32 = 0;
const PROTOCOL_ERROR: u32 = 1;
const FLOW_CONTROL_ERROR: u32 = 3;
const STREAM_CLOSED: u32 = 5;
const FRAME_SIZE_ERROR: u32 = 6;
const REFUSED_STREAM: u32 = 7;
const COMPRESSION_ERROR: u32 = 9;
const ENHANCE_YOUR_CALM: u32 = 11;

/// A frame as it is sent.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame is small").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A field as a literal without indexing and without Huffman coding (RFC 7541 section 6.2.2).
fn literal(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![0];
    for text in [name, value] {
        string(&mut bytes, text.as_bytes());
    }
    bytes
}

fn string(bytes: &mut Vec<u8>, text: &[u8]) {
    if text.len() < 127 {
        bytes.push(u8::try_from(text.len()).expect("below 127"));
    } else {
        bytes.push(127);
        let mut rest = text.len() - 127;
        while rest >= 128 {
            bytes.push(u8::try_from(rest % 128).expect("seven bits") | 128);
            rest /= 128;
        }
        bytes.push(u8::try_from(rest).expect("seven bits"));
    }
    bytes.extend_from_slice(text);
}

fn fields(fields: &[(&str, &str)]) -> Vec<u8> {
    fields.iter().flat_map(|(name, value)| literal(name, value)).collect()
}

fn request(method: &str, path: &str) -> Vec<u8> {
    fields(&[(":method", method), (":scheme", "http"), (":path", path), (":authority", "a")])
}

fn get(stream: u32, path: &str) -> Vec<u8> {
    frame(HEADERS, END_STREAM | END_HEADERS, stream, &request("GET", path))
}

fn post(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream, &request("POST", "/spec-rest/"))
}

#[derive(Debug)]
struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

impl Frame {
    /// The four bytes at this place, as in the error code of RST_STREAM (0) and GOAWAY (4).
    fn number(&self, at: usize) -> u32 {
        u32::from_be_bytes(self.payload[at..at + 4].try_into().expect("four bytes"))
    }
}

struct Client {
    connection: Connection,
    pings: u8,
}

impl Client {
    fn open(host: &Host) -> Self {
        Self::with_settings(host, &[])
    }

    fn with_settings(host: &Host, settings: &[u8]) -> Self {
        let mut connection = Connection::open(host.address());
        connection.send(&[PREFACE, &frame(SETTINGS, 0, 0, settings)].concat());
        Self { connection, pings: 0 }
    }

    fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.connection.send(bytes.as_ref());
    }

    fn frame(&mut self) -> Frame {
        let head = self.connection.bytes(9);
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let payload = self.connection.bytes(usize::try_from(length).expect("a usize"));
        let stream = u32::from_be_bytes(head[5..9].try_into().expect("four bytes"));
        Frame { kind: head[3], flags: head[4], stream, payload }
    }

    /// Everything up to the answer to a PING, by which time what was sent before is dealt with.
    fn until_pong(&mut self) -> Vec<Frame> {
        self.pings += 1;
        let token = [self.pings; 8];
        self.send(frame(PING, 0, 0, &token));
        let mut frames = Vec::new();
        loop {
            let frame = self.frame();
            if frame.kind == PING && frame.flags & ACK != 0 && frame.payload == token {
                return frames;
            }
            frames.push(frame);
        }
    }

    /// Everything up to a frame of this kind on this stream.
    fn until(&mut self, kind: u8, stream: u32) -> Frame {
        loop {
            let frame = self.frame();
            assert_ne!(frame.kind, GOAWAY, "{frame:?}");
            if (frame.kind, frame.stream) == (kind, stream) {
                return frame;
            }
        }
    }

    /// The error that ended the connection; none if it just ended.
    fn ended(mut self) -> Option<u32> {
        let rest = self.connection.rest();
        let mut rest = &rest[..];
        let mut error = None;
        while let [a, b, c, kind, _flags, _, _, _, _, after @ ..] = rest {
            let length = usize::try_from(u32::from_be_bytes([0, *a, *b, *c])).expect("a usize");
            let (payload, next) = after.split_at(length.min(after.len()));
            if *kind == GOAWAY {
                error = Some(u32::from_be_bytes(payload[4..8].try_into().expect("four bytes")));
            }
            rest = next;
        }
        error
    }
}

/// The host answers another client as ever.
#[track_caller]
fn assert_well(host: &Host) {
    let answer = host.get("/spec-rest/well");
    assert_eq!((answer.status, &answer.json()["path"]), (200, &serde_json::json!("/well")), "{answer:?}");
}

fn resident_kib(host: &Host) -> u64 {
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", host.process_id())).expect("the host runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[test]
fn a_preface_that_is_none_ends_the_connection() {
    let host = HOST.get();
    for bytes in [
        &b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"[..],
        b"PRI * HTTP/2.0\r\n\r\n\r\n\r\n",
        b"PRI * HTTP/2.0\nSM\r\n\r\n\r\n",
    ] {
        let mut connection = Connection::open(host.address());
        connection.send(bytes);
        let answer = connection.answer();
        assert!(matches!(answer.status, 400 | 505), "{answer:?}");
        assert!(connection.rest().is_empty());
    }
    // The preface of a client is these bytes and SETTINGS (RFC 9113 section 3.4).
    for first in [
        frame(PING, 0, 0, &[0; 8]),
        get(1, "/spec-rest/"),
        frame(SETTINGS, ACK, 0, &[]),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
    ] {
        let mut connection = Connection::open(host.address());
        connection.send(&[PREFACE, &first].concat());
        let error = Client { connection, pings: 0 }.ended();
        assert!(matches!(error, None | Some(PROTOCOL_ERROR | FRAME_SIZE_ERROR)), "{first:?}: {error:?}");
    }
    assert_well(&host);
}

#[test]
fn what_the_host_takes_is_said_in_its_settings() {
    let host = HOST.get();
    let mut client = Client::open(&host);
    let settings = client.until(SETTINGS, 0);
    let value = |wanted: u16| {
        let of = |entry: &&[u8]| u16::from_be_bytes([entry[0], entry[1]]) == wanted;
        let entry = settings.payload.chunks(6).find(of)?;
        Some(u32::from_be_bytes(entry[2..6].try_into().expect("four bytes")))
    };
    // MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_HEADER_LIST_SIZE; frames of the smallest maximum need no mention.
    assert_eq!((value(3), value(4), value(6)), (Some(100), Some(65_536), Some(16_384)), "{settings:?}");
    assert!(value(5).is_none_or(|size| size == 16_384), "{settings:?}");
    // Unknown settings and frames are ignored (RFC 9113 sections 5.5 and 6.5.2).
    client.send(frame(SETTINGS, 0, 0, &[0xff, 0xff, 1, 2, 3, 4]));
    client.send(frame(0xfa, 0xff, 1, b"whatever"));
    client.send(get(1, "/spec-rest/"));
    client.until(DATA, 1);
}

#[test]
fn errors_of_the_connection_end_it_with_their_code() {
    let host = HOST.get();
    let open = post(1);
    let rows: Vec<(&str, Vec<u8>, &[u32])> = vec![
        ("DATA on no stream", frame(DATA, 0, 0, b"x"), &[PROTOCOL_ERROR]),
        ("DATA on an idle stream", frame(DATA, 0, 5, b"x"), &[PROTOCOL_ERROR, STREAM_CLOSED]),
        (
            "DATA with more padding than data",
            [&open[..], &frame(DATA, 8, 1, &[9, 0])].concat(),
            &[PROTOCOL_ERROR],
        ),
        ("HEADERS on no stream", get(0, "/"), &[PROTOCOL_ERROR]),
        ("HEADERS on a stream of the server", get(2, "/"), &[PROTOCOL_ERROR]),
        (
            "HEADERS on an older stream",
            [get(5, "/spec-rest/"), get(3, "/spec-rest/")].concat(),
            &[PROTOCOL_ERROR, STREAM_CLOSED],
        ),
        (
            "HEADERS within HEADERS",
            [frame(HEADERS, END_STREAM, 1, &request("GET", "/")), get(3, "/")].concat(),
            &[PROTOCOL_ERROR],
        ),
        ("CONTINUATION of nothing", frame(CONTINUATION, END_HEADERS, 1, &[]), &[PROTOCOL_ERROR]),
        (
            "CONTINUATION of another stream",
            [frame(HEADERS, END_STREAM, 1, &request("GET", "/")), frame(CONTINUATION, END_HEADERS, 3, &[])]
                .concat(),
            &[PROTOCOL_ERROR],
        ),
        ("an index of no field", frame(HEADERS, END_STREAM | END_HEADERS, 1, &[0xfe]), &[COMPRESSION_ERROR]),
        (
            "an index that overflows",
            frame(HEADERS, END_STREAM | END_HEADERS, 1, &[0xff; 12]),
            &[COMPRESSION_ERROR],
        ),
        (
            "a field that is cut short",
            frame(HEADERS, END_STREAM | END_HEADERS, 1, &[0, 9, b'x']),
            &[COMPRESSION_ERROR],
        ),
        (
            "a table larger than was agreed",
            frame(HEADERS, END_STREAM | END_HEADERS, 1, &[0x3f, 0xff, 0xff, 7]),
            &[COMPRESSION_ERROR],
        ),
        ("a frame that is too large", frame(DATA, 0, 1, &[0; 16_385]), &[FRAME_SIZE_ERROR]),
        ("PING of the wrong size", frame(PING, 0, 0, &[0; 7]), &[FRAME_SIZE_ERROR]),
        ("PING on a stream", frame(PING, 0, 1, &[0; 8]), &[PROTOCOL_ERROR]),
        ("SETTINGS of the wrong size", frame(SETTINGS, 0, 0, &[0; 5]), &[FRAME_SIZE_ERROR]),
        ("SETTINGS on a stream", frame(SETTINGS, 0, 1, &[]), &[PROTOCOL_ERROR]),
        ("an acknowledgement with content", frame(SETTINGS, ACK, 0, &[0; 6]), &[FRAME_SIZE_ERROR]),
        ("a push that is neither on nor off", frame(SETTINGS, 0, 0, &[0, 2, 0, 0, 0, 2]), &[PROTOCOL_ERROR]),
        (
            "a window that is too large",
            frame(SETTINGS, 0, 0, &[0, 4, 0x80, 0, 0, 0]),
            &[FLOW_CONTROL_ERROR, PROTOCOL_ERROR],
        ),
        ("frames that are too small", frame(SETTINGS, 0, 0, &[0, 5, 0, 0, 0, 1]), &[PROTOCOL_ERROR]),
        ("WINDOW_UPDATE by nothing", frame(WINDOW_UPDATE, 0, 0, &[0; 4]), &[PROTOCOL_ERROR]),
        ("WINDOW_UPDATE of the wrong size", frame(WINDOW_UPDATE, 0, 0, &[0; 3]), &[FRAME_SIZE_ERROR]),
        (
            "WINDOW_UPDATE past the maximum",
            frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff]),
            &[FLOW_CONTROL_ERROR],
        ),
        ("WINDOW_UPDATE on an idle stream", frame(WINDOW_UPDATE, 0, 7, &[0, 0, 0, 1]), &[PROTOCOL_ERROR]),
        ("RST_STREAM on no stream", frame(RST_STREAM, 0, 0, &[0; 4]), &[PROTOCOL_ERROR]),
        ("RST_STREAM on an idle stream", frame(RST_STREAM, 0, 7, &[0; 4]), &[PROTOCOL_ERROR]),
        (
            "RST_STREAM of the wrong size",
            [&open[..], &frame(RST_STREAM, 0, 1, &[0; 3])].concat(),
            &[FRAME_SIZE_ERROR],
        ),
        (
            "PUSH_PROMISE of a client",
            [&open[..], &frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2])].concat(),
            &[PROTOCOL_ERROR],
        ),
    ];
    for (what, bytes, expected) in rows {
        let mut client = Client::open(&host);
        client.send(&bytes);
        let error = client.ended();
        // h2 names PROTOCOL_ERROR in some places where the specification names a more particular code.
        let is_named = |error| error == PROTOCOL_ERROR || expected.contains(&error);
        assert!(error.is_some_and(is_named), "{what}: {error:?}");
    }
    assert_well(&host);
}

#[test]
fn requests_that_are_malformed_are_never_served() {
    let host = HOST.get();
    let headers = |list: &[(&str, &str)]| frame(HEADERS, END_STREAM | END_HEADERS, 1, &fields(list));
    let with = |name: &'static str, value: &'static str| {
        headers(&[
            (":method", "GET"),
            (":scheme", "http"),
            (":path", "/spec-rest/"),
            (":authority", "a"),
            (name, value),
        ])
    };
    let rows: Vec<(&str, Vec<u8>)> = vec![
        ("an upper-case name", with("X", "y")),
        ("a connection-specific field", with("connection", "close")),
        ("another one", with("transfer-encoding", "chunked")),
        ("te other than trailers", with("te", "gzip")),
        ("an unknown pseudo-field", with(":x", "y")),
        ("a pseudo-field of answers", with(":status", "200")),
        ("a pseudo-field twice", with(":path", "/spec-rest/")),
        (
            "a pseudo-field behind the fields",
            headers(&[(":method", "GET"), (":scheme", "http"), ("x", "y"), (":path", "/")]),
        ),
        ("no method", headers(&[(":scheme", "http"), (":path", "/spec-rest/"), (":authority", "a")])),
        ("no path", headers(&[(":method", "GET"), (":scheme", "http"), (":authority", "a")])),
        ("no scheme", headers(&[(":method", "GET"), (":path", "/spec-rest/"), (":authority", "a")])),
        (
            "an empty path",
            headers(&[(":method", "GET"), (":scheme", "http"), (":path", ""), (":authority", "a")]),
        ),
        ("a value with a line feed", with("x", "a\nb")),
        ("a value with a null", with("x", "a\0b")),
        ("a name with a space", with("x y", "z")),
        (
            "less than was promised",
            [
                frame(
                    HEADERS,
                    END_HEADERS,
                    1,
                    &[request("POST", "/spec-rest/"), literal("content-length", "5")].concat(),
                ),
                frame(DATA, END_STREAM, 1, b"hell"),
            ]
            .concat(),
        ),
        (
            "more than was promised",
            [
                frame(
                    HEADERS,
                    END_HEADERS,
                    1,
                    &[request("POST", "/spec-rest/"), literal("content-length", "5")].concat(),
                ),
                frame(DATA, END_STREAM, 1, b"hello!"),
            ]
            .concat(),
        ),
        ("a window opened by nothing", [post(1), frame(WINDOW_UPDATE, 0, 1, &[0; 4])].concat()),
        (
            "a window opened too far",
            [post(1), frame(WINDOW_UPDATE, 0, 1, &[0x7f, 0xff, 0xff, 0xff])].concat(),
        ),
    ];
    for (what, bytes) in rows {
        let mut client = Client::open(&host);
        client.send(&bytes);
        // A malformed request is reset, or answered with 400: never served. Section 5.4.2 lets a host end the connection instead.
        let first = loop {
            let frame = client.frame();
            if frame.kind == GOAWAY || (frame.stream == 1 && frame.kind != WINDOW_UPDATE) {
                break frame;
            }
        };
        if first.kind == GOAWAY {
            assert!(matches!(first.number(4), PROTOCOL_ERROR | FLOW_CONTROL_ERROR), "{what}: {first:?}");
            continue;
        }
        if first.kind == RST_STREAM {
            assert!(matches!(first.number(0), PROTOCOL_ERROR | FLOW_CONTROL_ERROR), "{what}: {first:?}");
        } else {
            // `:status: 400` is the twelfth field of the static table (RFC 7541 appendix A).
            assert_eq!((first.kind, first.payload.first()), (HEADERS, Some(&0x8c)), "{what}: {first:?}");
        }
        client.send(get(3, "/spec-rest/"));
        client.until(DATA, 3);
    }
}

#[test]
fn a_client_that_is_still_sending_can_send_on_and_gets_its_answer() {
    let host = HOST.get();
    for (length, is_taken_in) in [("2000000", true), ("20000000", false)] {
        let mut client = Client::open(&host);
        let head = [request("POST", "/spec-rest/"), literal("content-length", length)].concat();
        client.send(frame(HEADERS, END_HEADERS, 1, &head));
        client.until(HEADERS, 1);
        while client.until(DATA, 1).flags & END_STREAM == 0 {}
        let frames = client.until_pong();
        // RFC 9113 section 8.1 has this code for a request whose rest is not needed.
        let reset = frames.iter().find(|frame| frame.kind == RST_STREAM).map(|frame| frame.number(0));
        assert_eq!(reset, if is_taken_in { None } else { Some(NO_ERROR) }, "{length}: {frames:?}");
        if is_taken_in {
            let mut window: u32 = 65_535;
            let mut left: u32 = 2_000_000;
            while left > 0 {
                let piece = left.min(window).min(16_384);
                if piece == 0 {
                    window += client.until(WINDOW_UPDATE, 1).number(0);
                    continue;
                }
                left -= piece;
                window -= piece;
                let payload = vec![b'x'; usize::try_from(piece).expect("a usize")];
                client.send(frame(DATA, if left == 0 { END_STREAM } else { 0 }, 1, &payload));
            }
            let frames = client.until_pong();
            assert!(frames.iter().all(|frame| frame.kind == WINDOW_UPDATE), "{frames:?}");
        }
        client.send(get(3, "/spec-rest/after"));
        client.until(HEADERS, 3);
    }
}

#[test]
fn a_stream_over_the_limit_is_refused_and_the_others_are_not() {
    let host = Host::builder().plugin("spec-rest").configuration("[limits]\nhttp2_streams_max = 5\n").start();
    let mut client = Client::open(&host);
    let settings = client.until(SETTINGS, 0);
    assert!(settings.payload.chunks(6).any(|entry| entry == [0, 3, 0, 0, 0, 5]), "{settings:?}");
    for stream in [1, 3, 5, 7, 9, 11] {
        client.send(post(stream));
    }
    let refused = client.until(RST_STREAM, 11);
    assert_eq!(refused.number(0), REFUSED_STREAM, "{refused:?}");
    client.send(frame(DATA, END_STREAM, 1, b"hello"));
    client.until(DATA, 1);
    client.send(get(13, "/spec-rest/"));
    client.until(DATA, 13);
}

#[test]
fn streams_that_are_opened_and_reset_end_the_connection() {
    // CVE-2023-44487.
    let host = HOST.get();
    let before = resident_kib(&host);
    let mut client = Client::open(&host);
    let cancel = frame(RST_STREAM, 0, 1, &[0, 0, 0, 8]);
    let mut bytes = Vec::new();
    for number in 0..100_000_u32 {
        let stream = number * 2 + 1;
        bytes.extend(get(stream, "/spec-rest/"));
        bytes.extend(frame(RST_STREAM, 0, stream, &cancel[9..]));
    }
    client.send(&bytes);
    let error = client.ended();
    assert!(matches!(error, Some(ENHANCE_YOUR_CALM) | None), "{error:?}");
    let grown = resident_kib(&host).saturating_sub(before);
    assert!(grown < 8 * 1024, "{grown} KiB");
    assert_well(&host);
}

#[test]
fn streams_whose_errors_the_host_must_answer_end_the_connection() {
    // CVE-2025-8671: the resets are the host's, but the client causes them.
    let host = HOST.get();
    let mut client = Client::open(&host);
    let mut bytes = Vec::new();
    for number in 0..20_000_u32 {
        let stream = number * 2 + 1;
        bytes.extend(post(stream));
        bytes.extend(frame(WINDOW_UPDATE, 0, stream, &[0; 4]));
    }
    client.send(&bytes);
    let error = client.ended();
    assert_ne!(error, Some(NO_ERROR));
    assert_well(&host);
}

#[test]
fn a_head_that_is_continued_without_end_ends_the_connection() {
    // CVE-2024-27316 and its kin.
    let host = HOST.get();
    let before = resident_kib(&host);
    for piece in [literal("x", &"y".repeat(1_000)), Vec::new()] {
        let mut client = Client::open(&host);
        client.send(frame(HEADERS, END_STREAM, 1, &request("GET", "/spec-rest/")));
        client.send(frame(CONTINUATION, 0, 1, &piece).repeat(100_000));
        let error = client.ended();
        assert!(
            matches!(error, Some(ENHANCE_YOUR_CALM | PROTOCOL_ERROR | COMPRESSION_ERROR) | None),
            "{error:?}"
        );
    }
    let grown = resident_kib(&host).saturating_sub(before);
    assert!(grown < 8 * 1024, "{grown} KiB");
    assert_well(&host);
}

#[test]
fn a_small_head_that_unpacks_to_a_large_one_is_refused() {
    let host = HOST.get();
    let before = resident_kib(&host);
    // A field of 4,000 bytes that is put into the table, and then named again and again by one byte each (CVE-2016-6581).
    let mut bomb = request("GET", "/spec-rest/");
    bomb.push(0x40);
    string(&mut bomb, b"x");
    string(&mut bomb, &[b'y'; 4_000]);
    for (references, answer) in [(2, 0x88), (10, 0)] {
        let block = [&bomb[..], &vec![0xbe; references]].concat();
        let mut client = Client::open(&host);
        client.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, &block));
        let head = client.until(HEADERS, 1);
        if answer != 0 {
            assert_eq!(head.payload.first(), Some(&answer), "{head:?}");
        } else {
            // 431 is not in the static table: `:status` with a literal value.
            assert!(
                head.payload.windows(3).any(|window| window == b"431") || head.payload[0] == 0x48,
                "{head:?}"
            );
        }
    }
    let mut client = Client::open(&host);
    client.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, &[&bomb[..], &[0xbe; 10_000]].concat()));
    let error = client.ended();
    assert!(error.is_some_and(|error| error != NO_ERROR) || error.is_none(), "{error:?}");
    let grown = resident_kib(&host).saturating_sub(before);
    assert!(grown < 8 * 1024, "{grown} KiB");
    assert_well(&host);
}

#[test]
fn an_answer_that_is_not_taken_ends_the_connection() {
    let configuration = "[limits]\nwrite_stall_ms_max = 500\n";
    let host = Host::builder().plugin("spec-rest").configuration(configuration).start();
    // A window of nothing, for each of as many streams as there may be.
    let mut client = Client::with_settings(&host, &[0, 4, 0, 0, 0, 0]);
    let streams: Vec<u8> =
        (0..100).flat_map(|number| get(number * 2 + 1, "/spec-rest/bytes/100000")).collect();
    client.send(&streams);
    let began = Instant::now();
    client.ended();
    assert!(began.elapsed().as_millis() >= 400, "not before its time");
    assert_well(&host);
}

#[test]
fn floods_of_frames_that_ask_for_nothing_end_the_connection() {
    let host = HOST.get();
    let before = resident_kib(&host);
    let rows: Vec<(&str, Vec<u8>)> = vec![
        ("PING", frame(PING, 0, 0, &[0; 8])),
        ("SETTINGS", frame(SETTINGS, 0, 0, &[])),
        ("PRIORITY", frame(PRIORITY, 0, 3, &[0, 0, 0, 0, 1])),
        ("WINDOW_UPDATE", frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1])),
        ("empty DATA", frame(DATA, 0, 1, &[])),
        ("padded DATA of nothing", frame(DATA, 8, 1, &[0])),
        ("frames of no known kind", frame(0xfa, 0, 0, &[])),
    ];
    for (what, one) in rows {
        let mut client = Client::open(&host);
        client.send(post(1));
        client.until_pong();
        client.send(one.repeat(400_000));
        let error = client.ended();
        assert!(matches!(error, Some(ENHANCE_YOUR_CALM) | None), "{what}: {error:?}");
        assert_well(&host);
    }
    let grown = resident_kib(&host).saturating_sub(before);
    assert!(grown < 8 * 1024, "{grown} KiB");
}
