//! A `wasi:http` component as others build them, with nothing of Guesthouse in it. It answers what it was sent, as JSON, and its
//! other paths stream, or misbehave, so that a suite can see what the host makes of it.

use serde_json::{Value, json};
use wasip2::clocks::monotonic_clock::subscribe_duration;
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    Fields, IncomingBody, IncomingRequest, Method, OutgoingBody, OutgoingRequest, OutgoingResponse,
    ResponseOutparam, Scheme,
};
use wasip2::io::streams::{OutputStream, StreamError};

struct Component;

wasip2::http::proxy::export!(Component);

const MILLISECOND: u64 = 1_000_000;

impl Guest for Component {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target.as_str(), None),
        };
        let mut segments = path.trim_start_matches('/').split('/');
        let (verb, argument) = (segments.next().unwrap_or_default(), segments.next().unwrap_or_default());
        let number = argument.parse::<usize>().unwrap_or_default();
        match verb {
            "status" => answer(out, number as u16, &[], &[]),
            "bytes" => answer(out, 200, &[("content-type", "application/octet-stream")], &vec![b'x'; number]),
            "where" => {
                let scheme = match request.scheme() {
                    Some(Scheme::Https) => "https",
                    Some(Scheme::Http) => "http",
                    _ => "other",
                };
                json_answer(out, &json!({ "scheme": scheme, "authority": request.authority() }));
            }
            "echo" => echo(&request, out),
            "events" => events(out, number),
            "trailers" => trailers(&request, out),
            "length" => {
                length(out, number, segments.next().and_then(|sent| sent.parse().ok()).unwrap_or_default())
            }
            "field" => field(out, argument),
            "fetch" => fetch(out),
            "late" => {
                // Answers, and only then computes.
                answer(out, 200, &[], b"answered");
                subscribe_duration(200 * MILLISECOND).block();
                println!("done after the answer");
            }
            "silent" => {}
            "wait" => loop {
                subscribe_duration(1_000 * MILLISECOND).block();
            },
            "spin" => spin(out),
            "trap" => trap(out, argument),
            "log" => {
                println!("to standard output");
                eprintln!("to standard error");
                answer(out, 204, &[], &[]);
            }
            _ => json_answer(out, &seen(&request, path, query)),
        }
    }
}

/// What arrived, in the form of every other conformance plugin.
fn seen(request: &IncomingRequest, path: &str, query: Option<&str>) -> Value {
    let method = match request.method() {
        Method::Get => "GET".to_owned(),
        Method::Head => "HEAD".to_owned(),
        Method::Post => "POST".to_owned(),
        Method::Put => "PUT".to_owned(),
        Method::Delete => "DELETE".to_owned(),
        Method::Connect => "CONNECT".to_owned(),
        Method::Options => "OPTIONS".to_owned(),
        Method::Trace => "TRACE".to_owned(),
        Method::Patch => "PATCH".to_owned(),
        Method::Other(name) => name,
    };
    let headers: Vec<(String, String)> =
        request.headers().entries().into_iter().map(|(name, value)| (name, text(value))).collect();
    let mut body = Vec::new();
    if let Some(incoming) = Some(request).and_then(|request| request.consume().ok()) {
        read(incoming, |piece| body.extend_from_slice(piece));
    }
    json!({
        "method": method,
        "path": path,
        "query": query,
        "headers": headers,
        "body": text(body),
    })
}

/// Bytes as text, and what is none as its escapes.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| error.into_bytes().escape_ascii().to_string())
}

/// Reads a body to its end. False if it broke off.
fn read(body: IncomingBody, mut each: impl FnMut(&[u8])) -> bool {
    let Ok(stream) = body.stream() else { return false };
    loop {
        match stream.blocking_read(64 * 1024) {
            Ok(piece) => each(&piece),
            Err(StreamError::Closed) => return true,
            Err(StreamError::LastOperationFailed(_)) => return false,
        }
    }
}

/// The head is sent; what comes next is the body.
fn begin(out: ResponseOutparam, status: u16, fields: &[(&str, &str)]) -> Option<OutgoingBody> {
    let headers = Fields::new();
    for (name, value) in fields {
        if headers.append(name, value.as_bytes()).is_err() {
            let text = format!("`{name}` is refused");
            answer(out, 500, &[], text.as_bytes());
            return None;
        }
    }
    let response = OutgoingResponse::new(headers);
    if response.set_status_code(status).is_err() {
        answer(out, 500, &[], b"the status is refused");
        return None;
    }
    let body = response.body().ok()?;
    ResponseOutparam::set(out, Ok(response));
    Some(body)
}

/// Writes in pieces as large as are allowed. False when nobody reads any more.
fn write(stream: &OutputStream, mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        let Ok(room) = stream.check_write() else { return false };
        if room == 0 {
            stream.subscribe().block();
            continue;
        }
        let (piece, rest) = bytes.split_at(bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX)));
        if stream.write(piece).is_err() {
            return false;
        }
        bytes = rest;
    }
    stream.flush().is_ok()
}

fn answer(out: ResponseOutparam, status: u16, fields: &[(&str, &str)], bytes: &[u8]) {
    let Some(body) = begin(out, status, fields) else { return };
    if let Ok(stream) = body.write() {
        write(&stream, bytes);
    }
    // A body that nobody reads to its end is none that can be finished.
    drop(OutgoingBody::finish(body, None));
}

fn json_answer(out: ResponseOutparam, value: &Value) {
    answer(out, 200, &[("content-type", "application/json")], value.to_string().as_bytes());
}

/// Sends back each piece of the body as it comes.
fn echo(request: &IncomingRequest, out: ResponseOutparam) {
    let Some(body) = begin(out, 200, &[("content-type", "application/octet-stream")]) else { return };
    let Ok(stream) = body.write() else { return };
    if let Ok(incoming) = request.consume() {
        read(incoming, |piece| {
            write(&stream, piece);
        });
    }
    drop(stream);
    drop(OutgoingBody::finish(body, None));
}

/// So many server-sent events, a tenth of a second apart.
fn events(out: ResponseOutparam, count: usize) {
    let fields = [("content-type", "text/event-stream"), ("cache-control", "no-store")];
    let Some(body) = begin(out, 200, &fields) else { return };
    let Ok(stream) = body.write() else { return };
    for number in 0..count {
        if number > 0 {
            subscribe_duration(100 * MILLISECOND).block();
        }
        if !write(&stream, format!("id: {number}\ndata: event {number}\n\n").as_bytes()) {
            println!("nobody listens any more");
            return;
        }
    }
    drop(stream);
    drop(OutgoingBody::finish(body, None));
}

/// Answers with the trailers that it was sent, as trailers.
fn trailers(request: &IncomingRequest, out: ResponseOutparam) {
    let sent = Fields::new();
    if let Ok(incoming) = request.consume() {
        if let Ok(stream) = incoming.stream() {
            while stream.blocking_read(64 * 1024).is_ok() {}
        }
        let future = IncomingBody::finish(incoming);
        future.subscribe().block();
        if let Some(Ok(Ok(Some(trailers)))) = future.get() {
            for (name, value) in trailers.entries() {
                let _kept = sent.append(&name, &value);
            }
        }
    }
    let _kept = (sent.append("x-done", b"yes"), sent.append("content-type", b"forged/trailer"));
    let Some(body) = begin(out, 200, &[("trailer", "x-done, x-checksum")]) else { return };
    if let Ok(stream) = body.write() {
        write(&stream, b"body");
    }
    drop(OutgoingBody::finish(body, Some(sent)));
}

/// Says that the body has one length, and sends another.
fn length(out: ResponseOutparam, said: usize, sent: usize) {
    let said = said.to_string();
    let Some(body) = begin(out, 200, &[("content-length", &said)]) else { return };
    if let Ok(stream) = body.write() {
        write(&stream, &vec![b'x'; sent]);
    }
    drop(OutgoingBody::finish(body, None));
}

/// Sets a field of this name.
fn field(out: ResponseOutparam, name: &str) {
    answer(out, 200, &[(name, "x")], b"set");
}

/// Asks for something outside.
fn fetch(out: ResponseOutparam) {
    let request = OutgoingRequest::new(Fields::new());
    let asked = request
        .set_scheme(Some(&Scheme::Http))
        .and_then(|()| request.set_authority(Some("127.0.0.1:9")))
        .and_then(|()| request.set_path_with_query(Some("/")));
    let seen = match asked.map(|()| outgoing_handler::handle(request, None)) {
        Ok(Ok(future)) => {
            future.subscribe().block();
            match future.get() {
                Some(Ok(Ok(response))) => format!("answered {}", response.status()),
                Some(Ok(Err(code))) => format!("{code:?}"),
                _ => "nothing".to_owned(),
            }
        }
        Ok(Err(code)) => format!("{code:?}"),
        Err(()) => "not asked".to_owned(),
    };
    answer(out, 200, &[], seen.as_bytes());
}

/// Sends without end, as fast as it is taken.
fn spin(out: ResponseOutparam) {
    let Some(body) = begin(out, 200, &[]) else { return };
    let Ok(stream) = body.write() else { return };
    let piece = vec![b'x'; 16 * 1024];
    while write(&stream, &piece) {}
}

/// Fails before its answer, or in the middle of it.
#[allow(clippy::panic, reason = "that is what this path is for")]
fn trap(out: ResponseOutparam, moment: &str) {
    if moment == "early" {
        panic!("before the answer");
    }
    let Some(body) = begin(out, 200, &[]) else { return };
    let Ok(stream) = body.write() else { return };
    write(&stream, b"the beginning");
    if moment == "late" {
        subscribe_duration(100 * MILLISECOND).block();
    }
    panic!("in the middle of the answer");
}
