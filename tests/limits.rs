//! Limits at their edges, and input that was never meant to be read: what is one over is refused in the standard's own way,
//! what is exactly at the limit is not, and whatever the bytes are, the host answers or closes.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::random::Random;
use crate::support::socket::{Socket, frame};
use crate::support::{Answer, Connection, Host, guest, http, until};

/// Sends bytes on a connection of their own and reads one answer.
#[track_caller]
fn exchange(host: &Host, bytes: &[u8]) -> Answer {
    let mut connection = Connection::open(host.address());
    connection.send(bytes);
    connection.answer()
}

#[test]
fn heads_are_taken_up_to_their_limits() {
    let host = Host::builder()
        .plugin("spec-rest")
        .configuration("[limits]\nuri_bytes_max = 512\nheader_count_max = 10\nheader_bytes_max = 8192\n")
        .start();
    for (length, status) in [(511, 200), (512, 200), (513, 414), (5_000, 414)] {
        let target = format!("/spec-rest/{}", "a".repeat(length - "/spec-rest/".len()));
        assert_eq!(host.get(&target).status, status, "a target of {length} bytes");
    }
    for (count, status) in [(9, 200), (10, 200), (11, 431), (100, 431)] {
        let fields = "X-A: b\r\n".repeat(count - 1);
        let answer =
            exchange(&host, format!("GET /spec-rest/ HTTP/1.1\r\nHost: a\r\n{fields}\r\n").as_bytes());
        assert_eq!(answer.status, status, "{count} fields");
    }
    for (length, status) in [(8_191, 200), (8_192, 200), (8_193, 431), (60_000, 431), (1_000_000, 431)] {
        let start = "GET /spec-rest/ HTTP/1.1\r\nHost: a\r\nX-Long: ";
        let filling = "b".repeat(length - start.len() - 4);
        let answer = exchange(&host, format!("{start}{filling}\r\n\r\n").as_bytes());
        assert_eq!(answer.status, status, "a head of {length} bytes");
    }
}

#[test]
fn bodies_are_taken_up_to_their_limit_whether_their_length_is_told_or_not() {
    let limit = "[limits]\nbody_bytes_max = 1000\n";
    let host = Host::builder()
        .plugin("spec-rest")
        .plugin("spec-rpc")
        .plugin("spec-soap")
        .file("spec-rest.toml", limit)
        .file("spec-rpc.toml", limit)
        .file("spec-soap.toml", limit)
        .start();
    for (length, status) in [(0, 200), (999, 200), (1_000, 200), (1_001, 413), (100_000, 413)] {
        let body = "b".repeat(length);
        assert_eq!(host.post("/spec-rest/", "text/plain", &body).status, status, "{length} bytes, announced");
        let head = "POST /spec-rest/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        let chunks: String = body
            .as_bytes()
            .chunks(7)
            .map(|chunk| format!("{:x}\r\n{}\r\n", chunk.len(), std::str::from_utf8(chunk).expect("ASCII")))
            .collect();
        let answer = exchange(&host, format!("{head}{chunks}0\r\n\r\n").as_bytes());
        assert_eq!(answer.status, status, "{length} bytes in chunks");
    }
    // A claim of 100 GiB is refused before any of it came.
    let claim = "POST /spec-rest/ HTTP/1.1\r\nHost: a\r\nContent-Length: 107374182400\r\n\r\n";
    assert_eq!(exchange(&host, claim.as_bytes()).status, 413);
    for (target, kind) in
        [("/spec-rpc", "application/json"), ("/spec-rpc", "text/xml"), ("/spec-soap", "text/xml")]
    {
        let answer = host.post(target, kind, "x".repeat(1_001));
        assert_eq!(answer.status, 413, "{target} as {kind}: {answer:?}");
    }
}

#[test]
fn answers_are_sent_up_to_their_limit() {
    let host = Host::builder()
        .plugin("spec-rest")
        .file("spec-rest.toml", "[limits]\nresponse_bytes_max = 2000\n")
        .start();
    for (length, status) in [(1_999, 200), (2_000, 200), (2_001, 502), (1_000_000, 502)] {
        let answer = host.get(&format!("/spec-rest/bytes/{length}"));
        assert_eq!(answer.status, status, "{length}");
        if status == 200 {
            assert_eq!(answer.body.len(), length);
        }
    }
}

#[test]
fn json_is_read_up_to_its_depth_and_batches_up_to_their_size() {
    let host = Host::builder()
        .plugin("spec-rpc")
        .file("spec-rpc.toml", "[limits]\njson_depth_max = 16\nbatch_calls_max = 5\n")
        .start();
    // The call and its parameters are two levels.
    for (depth, fits) in [(15, true), (16, true), (17, false), (1_000, false), (100_000, false)] {
        let value = format!("{}{}", "[".repeat(depth - 2), "]".repeat(depth - 2));
        let call = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"echo","params":[{value}]}}"#);
        let answer = host.post("/spec-rpc", "application/json", call).json();
        assert_eq!(answer.get("result").is_some(), fits, "{depth} levels: {answer}");
        if !fits {
            assert_eq!(answer["error"]["code"], -32_700, "{answer}");
        }
    }
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"subtract","params":[2,1]}"#;
    for (count, fits) in [(4, true), (5, true), (6, false), (10_000, false)] {
        let batch = format!("[{}]", vec![call; count].join(","));
        let answer = host.post("/spec-rpc", "application/json", batch).json();
        if fits {
            assert_eq!(answer.as_array().map(Vec::len), Some(count), "{answer}");
        } else {
            assert!(answer["error"]["code"].is_i64(), "one error for all: {answer}");
        }
    }
}

#[test]
fn xml_is_read_up_to_its_limits() {
    let host = Host::builder()
        .plugin("spec-soap")
        .file(
            "spec-soap.toml",
            "[limits]\nxml_depth_max = 16\nxml_attributes_max = 8\nxml_namespaces_max = 8\nsoap_header_blocks_max = 4\n",
        )
        .start();
    let call = |head: &str, content: &str| {
        let text = format!(
            "<e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\"><e:Header>{head}</e:Header><e:Body><Echo \
             xmlns=\"urn:guesthouse:spec\">{content}</Echo></e:Body></e:Envelope>"
        );
        let answer = host.post("/spec-soap", "text/xml; charset=utf-8", text);
        assert!(matches!(answer.status, 200 | 500), "{answer:?}");
        let is_fault = answer.text().contains("Fault>");
        assert_eq!(is_fault, answer.status == 500, "{}", answer.text());
        !is_fault
    };
    // Envelope, Body and Echo are three levels.
    for (depth, fits) in [(15, true), (16, true), (17, false), (10_000, false)] {
        let nested = format!("{}{}", "<a>".repeat(depth - 3), "</a>".repeat(depth - 3));
        assert_eq!(call("", &nested), fits, "{depth} levels");
    }
    for (count, fits) in [(7, true), (8, true), (9, false), (10_000, false)] {
        let attributes: String = (0..count).map(|number| format!(" a{number}=\"\"")).collect();
        assert_eq!(call("", &format!("<a{attributes}/>")), fits, "{count} attributes");
    }
    for (count, fits) in [(7, true), (8, true), (9, false), (5_000, false)] {
        let namespaces: String =
            (0..count).map(|number| format!(" xmlns:n{number}=\"urn:{number}\"")).collect();
        assert_eq!(call("", &format!("<a{namespaces}/>")), fits, "{count} namespaces");
    }
    for (count, fits) in [(3, true), (4, true), (5, false), (1_000, false)] {
        let blocks = "<Trace xmlns=\"urn:guesthouse:spec\">1</Trace>".repeat(count);
        assert_eq!(call(&blocks, ""), fits, "{count} header blocks");
    }
}

#[test]
fn bombs_of_markup_are_refused_at_once() {
    let host = Host::with(&["spec-soap", "spec-rpc"]);
    let entities: String =
        (1..10).map(|n| format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10))).collect();
    let bombs = [
        format!("<?xml version=\"1.0\"?><!DOCTYPE b [<!ENTITY l0 \"lol\">{entities}]><b>&l9;</b>"),
        "<?xml version=\"1.0\"?><!DOCTYPE b SYSTEM \"file:///etc/passwd\"><b/>".to_owned(),
        "<?xml version=\"1.0\"?><!DOCTYPE b [<!ENTITY x SYSTEM \"file:///etc/hostname\">]><b>&x;</b>"
            .to_owned(),
        "<!DOCTYPE methodCall><methodCall><methodName>echo</methodName></methodCall>".to_owned(),
        "<b>&undeclared;</b>".to_owned(),
        "<a>".repeat(300_000),
        format!("<b {}/>", "a=\"\" ".repeat(200_000)),
        format!("<b>{}</b>", "&amp;".repeat(200_000)),
        "\u{feff}<b/>".to_owned(),
    ];
    for bomb in &bombs {
        for target in ["/spec-soap", "/spec-rpc"] {
            let answer = host.post(target, "text/xml; charset=utf-8", bomb);
            let text = answer.text();
            assert!(text.contains("ault"), "{target}: {:.80}: {text}", bomb);
            assert!(!text.contains("root:") && !text.contains("lollol"), "{text}");
        }
    }
}

#[test]
fn websocket_messages_and_frames_are_taken_up_to_their_limits() {
    let host = Host::builder()
        .plugin("spec-websocket")
        .file(
            "spec-websocket.toml",
            "[limits]\nwebsocket_message_bytes_max = 1000\nwebsocket_frame_bytes_max = 500\n",
        )
        .start();
    let mut socket = Socket::open(&host, "/spec-websocket");
    for length in [0, 499, 500] {
        socket.send_text(&"a".repeat(length));
        assert_eq!(socket.text().len(), length);
    }
    socket.send_frame(0x01, &[b'a'; 500]);
    socket.send_frame(0x80, &[b'b'; 500]);
    assert_eq!(socket.text().len(), 1_000, "a message of exactly its limit");
    socket.send_frame(0x01, &[b'a'; 500]);
    socket.send_frame(0x00, &[b'b'; 499]);
    socket.send_frame(0x80, &[b'c'; 2]);
    assert_closed(&mut socket, 1_009, "a message of a byte too many");

    let mut socket = Socket::open(&host, "/spec-websocket");
    socket.send_text(&"a".repeat(501));
    assert_closed(&mut socket, 1_009, "a frame of a byte too many");

    // A gigabyte is refused when it is announced.
    let mut socket = Socket::open(&host, "/spec-websocket");
    let announced = [&[0x82, 0xff][..], &(1_u64 << 30).to_be_bytes(), &[0; 4]].concat();
    socket.connection().send(&announced);
    assert_closed(&mut socket, 1_009, "a frame of a gigabyte");

    // A fragmented message without an end.
    let mut socket = Socket::open(&host, "/spec-websocket");
    socket.send_frame(0x02, b"a");
    for _ in 0..1_100 {
        socket.send_frame(0x00, b"a");
    }
    assert_closed(&mut socket, 1_009, "a message of endless fragments");
}

#[track_caller]
fn assert_closed(socket: &mut Socket, code: u16, what: &str) {
    let (opcode, payload) = socket.frame();
    assert_eq!((opcode, payload.get(..2)), (8, Some(&code.to_be_bytes()[..])), "{what}: {payload:?}");
}

#[test]
fn broken_frames_end_their_connection_with_a_protocol_error() {
    let host = Host::with(&["spec-websocket"]);
    let table: [(&str, Vec<u8>, u16); 9] = [
        ("a reserved bit", frame(0xc1, b"a"), 1_002),
        ("an opcode that is reserved", frame(0x83, b"a"), 1_002),
        ("a control opcode that is reserved", frame(0x8b, b"a"), 1_002),
        ("a ping in fragments", frame(0x09, b"a"), 1_002),
        ("a ping of 126 bytes", frame(0x89, &[b'a'; 126]), 1_002),
        ("a continuation of nothing", frame(0x80, b"a"), 1_002),
        ("no mask", vec![0x81, 0x01, b'a'], 1_002),
        ("text that is not UTF-8", frame(0x81, &[0xff]), 1_007),
        ("a close code that may not be sent", frame(0x88, &1_005_u16.to_be_bytes()), 1_002),
    ];
    for (what, bytes, code) in table {
        let mut socket = Socket::open(&host, "/spec-websocket");
        socket.connection().send(&bytes);
        assert_closed(&mut socket, code, what);
    }
}

#[test]
fn one_address_has_so_many_connections_and_no_more() {
    let host = Host::builder()
        .plugin("spec-rest")
        .configuration("[limits]\nconnections_per_address_max = 4\n")
        .start();
    let request = http::request(host.address(), "GET", "/spec-rest/", &[], b"");
    let mut kept: Vec<Connection> = (0..4)
        .map(|number| {
            let mut connection = Connection::open(host.address());
            connection.send(&request);
            assert_eq!(connection.answer().status, 200, "connection {number}");
            connection
        })
        .collect();
    let mut fifth = Connection::open(host.address());
    fifth.send(&request);
    let answer = fifth.rest();
    assert!(!answer.starts_with(b"HTTP/1.1 200"), "the fifth is not served");
    kept.pop();
    let last = http::request(host.address(), "GET", "/spec-rest/", &[("Connection", "close")], b"");
    until("the place of a connection that was closed", || {
        let mut next = Connection::open(host.address());
        next.send(&last);
        next.rest().starts_with(b"HTTP/1.1 200").then_some(())
    });
}

#[test]
fn a_plugin_has_so_many_instances_and_then_its_callers_are_told_to_come_back() {
    let host = Host::builder()
        .plugin("spec-rest")
        .file("guest.wasm", guest::rest(include_str!("hostile/loops.wat")))
        .file("guest.toml", "[limits]\ninstances_max = 2\ncpu_ms_max = 600000\nwall_ms_max = 3600000\n")
        .start();
    let mut busy: Vec<Connection> = (0..2)
        .map(|_| {
            let mut connection = Connection::open(host.address());
            connection.send(&http::request(host.address(), "GET", "/guest/h", &[], b""));
            connection
        })
        .collect();
    let refused = until("both instances to be taken", || {
        let answer = host.get("/guest");
        (answer.status != 200).then_some(answer)
    });
    assert_eq!(refused.status, 503, "{refused:?}");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    assert_eq!(host.get("/spec-rest/").status, 200, "another plugin has its own");
    busy.pop();
    until("an instance whose caller has gone", || (host.get("/guest").status == 200).then_some(()));
}

/// Requests in order, one of each kind that the plugins take.
fn corpus() -> Vec<Vec<u8>> {
    let request = |method: &str, target: &str, headers: &[(&str, &str)], body: &str| {
        http::request(([127, 0, 0, 1], 80).into(), method, target, headers, body.as_bytes())
    };
    let json = [("Content-Type", "application/json")];
    let xml = [("Content-Type", "text/xml; charset=utf-8"), ("SOAPAction", "\"\"")];
    let handshake = |target: &str| {
        request(
            "GET",
            target,
            &[
                ("Connection", "Upgrade"),
                ("Upgrade", "websocket"),
                ("Sec-WebSocket-Version", "13"),
                ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ],
            "",
        )
    };
    let soap = |namespace: &str, content: &str| {
        format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\">\
             <s:Header><h:a xmlns:h=\"urn:h\" s:mustUnderstand=\"0\">&lt;x&gt;</h:a></s:Header><s:Body><{content} \
             xmlns=\"{namespace}\"/></s:Body></s:Envelope>"
        )
    };
    let transfer = "<e:Envelope xmlns:e=\"http://www.w3.org/2003/05/soap-envelope\"><e:Body><Transfer \
                    xmlns=\"urn:guesthouse:bank\"><from>1</from><to>2</to><amount>1.50</amount></Transfer></e:Body></e:Envelope>";
    let chunked =
        b"POST /spec-rest/chunks?a=b%20c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: \
        100-continue\r\n\r\n5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: z\r\n\r\n";
    let text = r#"{"type":"join","room":"lobby","name":"Ada"}"#;
    vec![
        request("GET", "/todo/items?limit=3&cursor=", &[("Accept", "application/json")], ""),
        request("POST", "/todo/items", &json, r#"{"title":"Grüße \u00e4 \ud83d\ude00","done":false}"#),
        request("PATCH", "/todo/items/1", &[("Content-Type", "application/merge-patch+json"), ("If-Match", "\"1\"")], r#"{"done":true}"#),
        request("GET", "/spec-rest/a%2Fb/../c?x=%00", &[("X-Twice", "1"), ("X-Twice", "2"), ("Cookie", "a=b; c=d")], ""),
        chunked.to_vec(),
        request("POST", "/users", &json, r#"{"jsonrpc":"2.0","id":9007199254740993,"method":"createUser","params":{"name":"A","email":"a@b.c"}}"#),
        request("POST", "/spec-rpc", &json, r#"[{"jsonrpc":"2.0","id":1.50,"method":"echo","params":[{"a":[1e400,-0,"\ud834\udd1e",null]}]},{"jsonrpc":"2.0","method":"sum","params":[1,2]}]"#),
        request("POST", "/spec-rpc", &xml, "<?xml version=\"1.0\"?><methodCall><methodName>echo</methodName><params><param><value><struct><member><name>n</name><value><array><data><value><i4>-7</i4></value><value><double>1.5</double></value><value><base64>aGk=</base64></value><value><dateTime.iso8601>19980717T14:08:55</dateTime.iso8601></value><value>text</value></data></array></value></member></struct></value></param></params></methodCall>"),
        request("POST", "/users", &xml, "<methodCall><methodName>system.multicall</methodName><params><param><value><array><data><value><struct><member><name>methodName</name><value>listUsers</value></member><member><name>params</name><value><array><data><value><int>0</int></value><value><int>9</int></value></data></array></value></member></struct></value></data></array></value></param></params></methodCall>"),
        request("POST", "/bank", &xml, &soap("urn:guesthouse:bank", "GetBalance")),
        request("POST", "/bank", &[("Content-Type", "application/soap+xml; charset=utf-8; action=\"urn:guesthouse:bank/Transfer\"")], transfer),
        request("POST", "/spec-soap", &xml, &soap("urn:guesthouse:spec", "Echo")),
        request("GET", "/bank?wsdl", &[], ""),
        [handshake("/chat"), frame(0x81, text.as_bytes()), frame(0x89, b"ping"), frame(0x88, &1_000_u16.to_be_bytes())].concat(),
        [handshake("/spec-websocket"), frame(0x01, b"hel"), frame(0x80, b"lo"), frame(0x82, &[7; 300])].concat(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80\0\x04\0\x01\0\0\0\x05\0\0\x40\0\0\0\x04\x08\0\0\0\0\0\0\x0f\0\x01\0\0\x0d\x01\x05\0\0\0\x01\x82\x86\x84\x41\x88\xaa\x69\xd2\x9a\xc4\xb9\xec\x9b".to_vec(),
    ]
}

/// A request that is no longer quite in order.
fn mutate(random: &mut Random, original: &[u8], others: &[Vec<u8>]) -> Vec<u8> {
    // Half of the time what stands behind the head only, and its length is told as it then is: past the framing begins the
    // reading.
    let head_end = original.windows(4).position(|window| window == b"\r\n\r\n").map_or(0, |at| at + 4);
    if head_end < original.len() && random.below(2) == 0 {
        let body = scramble(random, &original[head_end..], others);
        let head = &original[..head_end];
        let mark = b"Content-Length: ";
        let Some(at) = head.windows(mark.len()).position(|part| part == mark) else {
            return [head, &body].concat();
        };
        // The last field of these requests.
        return [&head[..at], format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes(), &body].concat();
    }
    scramble(random, original, others)
}

/// Breaks a few places.
fn scramble(random: &mut Random, original: &[u8], others: &[Vec<u8>]) -> Vec<u8> {
    const SPECIAL: [&[u8]; 20] = [
        b"\0",
        b"\r",
        b"\n",
        b"\r\n\r\n",
        b"\xff",
        b"\xc0\xaf",
        b"%00",
        b"%2e%2e/",
        b"<!DOCTYPE a>",
        b"<![CDATA[",
        b"]]>",
        b"&#0;",
        b"<",
        b"\"",
        b"[[[[",
        b"{",
        b"99999999999999999999",
        b"-1",
        b"Content-Length: 5\r\n",
        b"Transfer-Encoding: chunked\r\n",
    ];
    let mut bytes = original.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len().max(1)).min(bytes.len());
        match random.below(7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            1 if at < bytes.len() => bytes[at] = u8::try_from(random.below(256)).expect("a byte"),
            2 => {
                let end = (at + random.below(20)).min(bytes.len());
                bytes.drain(at..end);
            }
            3 => {
                let end = (at + random.below(40)).min(bytes.len());
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            4 => bytes.truncate(at),
            5 => {
                let special = SPECIAL[random.below(SPECIAL.len())];
                bytes.splice(at..at, special.iter().copied());
            }
            _ => {
                let other = &others[random.below(others.len())];
                let from = random.below(other.len());
                let end = (from + random.below(60)).min(other.len());
                bytes.splice(at..at, other[from..end].iter().copied());
            }
        }
    }
    bytes
}

#[test]
fn whatever_is_sent_is_answered_or_its_connection_is_closed() {
    const REQUESTS: usize = 4_000;
    const CLIENTS: usize = 64;
    let plugins = ["todo", "users", "bank", "chat", "spec-rest", "spec-rpc", "spec-soap", "spec-websocket"];
    let mut host = plugins
        .iter()
        .fold(Host::builder(), |builder, plugin| builder.plugin(plugin))
        .configuration(
            "access-log = \"off\"\n[limits]\nfirst_byte_ms_max = 300\nheader_ms_max = 300\nbody_idle_ms_max = 300\n\
             keep_alive_idle_ms_max = 300\n[plugin-limits]\nwebsocket_idle_ms_max = 1000\n",
        )
        .start();
    let corpus = corpus();
    let mut random = Random::new(20_261_122);
    let requests: Vec<Vec<u8>> = (0..REQUESTS)
        .map(|number| match number / corpus.len() {
            // First as they are.
            0 => corpus[number % corpus.len()].clone(),
            _ => mutate(&mut random, &corpus[number % corpus.len()], &corpus),
        })
        .collect();
    let next = AtomicUsize::new(0);
    let statuses: Mutex<BTreeMap<String, usize>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                while let Some((number, bytes)) = {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    requests.get(number).map(|bytes| (number, bytes))
                } {
                    let mut connection = Connection::open(host.address());
                    connection.send(bytes);
                    if number % 4 == 3 {
                        // Some clients say no more than that; others wait.
                        connection.finish();
                    }
                    // Fails when the host neither answers nor closes.
                    let answer = connection.rest();
                    let status = match answer.get(..12) {
                        Some(line) if line.starts_with(b"HTTP/1.1 ") => line[9..].escape_ascii().to_string(),
                        Some(_) => "HTTP/2".to_owned(),
                        None => "closed".to_owned(),
                    };
                    assert!(
                        !answer.windows(31).any(|part| part == b"The host failed on this request"),
                        "request {number} broke the host: {}",
                        bytes.escape_ascii()
                    );
                    *statuses.lock().expect("no client panicked").entry(status).or_default() += 1;
                }
            });
        }
    });
    println!("{REQUESTS} requests: {:?}", statuses.into_inner().expect("no client panicked"));
    assert!(host.is_running());
    let log = host.log();
    let bad: Vec<&String> = log
        .iter()
        .filter(|line| {
            line.contains("panicked") || line.contains("trapped") || line.contains("ms of CPU time")
        })
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
    assert_eq!(host.get("/todo/items").status, 200);
    assert_eq!(host.get("/spec-rest/").status, 200);
    assert_eq!(host.get("/bank?wsdl").status, 200);
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"subtract","params":[42,23]}"#;
    assert_eq!(host.post("/spec-rpc", "application/json", call).json()["result"], 19);
    Socket::open(&host, "/spec-websocket").send_text("well");
}
