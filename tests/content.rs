//! What HTTP says of content: codings, conditions, ranges, negotiation and methods, as a client meets them at the host.

use std::io::{Read as _, Write as _};
use std::process::Command;

use serde_json::json;

use crate::support::{Answer, Host, Shared, run};

static HOST: Shared = Shared::new(|| {
    ["todo", "spec-rest", "users", "bank"]
        .iter()
        .fold(Host::builder(), |builder, plugin| builder.plugin(plugin))
        .configuration("decompression = true\n")
        .start()
});

const JSON: &str = "application/json";
const CODINGS: [&str; 3] = ["gzip", "br", "zstd"];

fn pack(coding: &str, plain: &[u8]) -> Vec<u8> {
    let mut coded = Vec::new();
    match coding {
        "gzip" => {
            let level = flate2::Compression::best();
            flate2::write::GzEncoder::new(&mut coded, level).write_all(plain).expect("memory takes it");
        }
        "deflate" => {
            let level = flate2::Compression::best();
            flate2::write::ZlibEncoder::new(&mut coded, level).write_all(plain).expect("memory takes it");
        }
        "br" => {
            brotli::CompressorWriter::new(&mut coded, 4096, 9, 22).write_all(plain).expect("memory takes it");
        }
        "zstd" => coded = zstd::bulk::compress(plain, 9).expect("memory takes it"),
        other => panic!("no coding: {other}"),
    }
    coded
}

fn unpack(coding: &str, coded: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let read = match coding {
        "gzip" => flate2::read::GzDecoder::new(coded).read_to_end(&mut plain),
        "br" => brotli::Decompressor::new(coded, 4096).read_to_end(&mut plain),
        "zstd" => zstd::stream::read::Decoder::new(coded).expect("a decoder").read_to_end(&mut plain),
        other => panic!("no coding: {other}"),
    };
    read.unwrap_or_else(|error| panic!("not {coding}: {error}"));
    plain
}

/// Adds an item of some kilobytes and gives where it is.
#[track_caller]
fn add(host: &Host) -> String {
    let title = "all work and no play ".repeat(200);
    let added = host.post("/todo/items", JSON, json!({ "title": title }).to_string());
    assert_eq!(added.status, 201, "{added:?}");
    added.header("location").expect("a location").to_owned()
}

#[track_caller]
fn with(host: &Host, method: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
    host.request(method, target, headers, b"")
}

#[test]
fn an_answer_is_sent_in_the_coding_that_the_client_wants_most() {
    let host = &HOST.get();
    let location = add(host);
    let plain = host.get(&location);
    assert_eq!((plain.header("content-encoding"), plain.header("vary")), (None, Some("accept-encoding")));
    for coding in CODINGS {
        let coded = with(host, "GET", &location, &[("Accept-Encoding", coding)]);
        assert_eq!(coded.header("content-encoding"), Some(coding), "{coded:?}");
        assert_eq!(coded.header("vary"), Some("accept-encoding"));
        assert_eq!(unpack(coding, &coded.body), plain.body);
        assert!(coded.body.len() * 4 < plain.body.len(), "{coding}: {} bytes", coded.body.len());
        assert_eq!(coded.header("content-length"), Some(coded.body.len().to_string().as_str()));
    }
    for (wanted, expected) in [
        ("gzip;q=0.9, br;q=0.1", Some("gzip")),
        ("gzip, deflate, br, zstd", Some("zstd")),
        ("gzip;q=0", None),
        ("identity, gzip;q=0.5", None),
        ("deflate", None),
        ("compress", None),
    ] {
        let answer = with(host, "GET", &location, &[("Accept-Encoding", wanted)]);
        assert_eq!(answer.header("content-encoding"), expected, "{wanted}");
        assert_eq!(answer.header("vary"), Some("accept-encoding"), "{wanted}");
    }
}

#[test]
fn curl_reads_every_coding_over_both_versions_of_http() {
    let host = &HOST.get();
    let location = add(host);
    let plain = host.get(&location);
    for coding in CODINGS {
        for version in ["--http1.1", "--http2-prior-knowledge"] {
            let mut curl = Command::new("curl");
            curl.args(["--silent", "--show-error", "--fail", "--compressed", version]);
            curl.args(["-H", &format!("Accept-Encoding: {coding}")]).arg(format!("{}{location}", host.url()));
            assert_eq!(run(&mut curl, b"").success().as_bytes(), plain.body, "{coding} {version}");
        }
    }
}

#[test]
fn what_would_not_get_smaller_is_sent_as_it_is() {
    let host = &HOST.get();
    for target in ["/spec-rest/bytes/5000", "/spec-rest/", "/spec-rest/status/204", "/spec-rest/status/304"] {
        let answer = with(host, "GET", target, &[("Accept-Encoding", "gzip, br, zstd")]);
        assert_eq!(answer.header("content-encoding"), None, "{target}: {answer:?}");
    }
}

#[test]
fn a_client_that_takes_nothing_that_can_be_had_is_told_so() {
    let host = &HOST.get();
    let location = add(host);
    for wanted in ["identity;q=0, *;q=0", "compress, identity;q=0", "*;q=0"] {
        let answer = with(host, "GET", &location, &[("Accept-Encoding", wanted)]);
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (406, Some("application/problem+json")),
            "{wanted}: {answer:?}"
        );
    }
    let small = with(host, "GET", "/spec-rest/", &[("Accept-Encoding", "br, identity;q=0")]);
    assert_eq!((small.status, small.header("content-encoding")), (200, Some("br")), "{small:?}");
}

#[test]
fn head_says_what_get_would_in_every_coding() {
    let host = &HOST.get();
    let location = add(host);
    for coding in ["gzip", "br", "zstd", "identity"] {
        let headers = [("Accept-Encoding", coding)];
        let (get, head) = (with(host, "GET", &location, &headers), with(host, "HEAD", &location, &headers));
        assert_eq!((head.status, head.body.len()), (200, 0));
        for field in ["content-type", "content-length", "content-encoding", "etag", "vary"] {
            assert_eq!(head.header(field), get.header(field), "{coding} {field}");
        }
    }
}

#[test]
fn conditions_hold_whatever_coding_the_client_holds_an_answer_in() {
    let host = &HOST.get();
    let location = add(host);
    for coding in CODINGS {
        let own = host.get(&location).header("etag").expect("a tag").to_owned();
        let accept = ("Accept-Encoding", coding);
        let coded = with(host, "GET", &location, &[accept]);
        let tag = coded.header("etag").expect("a tag").to_owned();
        assert_ne!(tag, own, "other bytes, another strong tag");
        for condition in [tag.clone(), format!("\"other\", {tag}"), format!("W/{tag}")] {
            let answer = with(host, "GET", &location, &[accept, ("If-None-Match", &condition)]);
            assert_eq!((answer.status, answer.body.len()), (304, 0), "{condition}: {answer:?}");
            assert_eq!(answer.header("etag"), Some(tag.as_str()), "{condition}");
            assert_eq!(answer.header("vary"), Some("accept-encoding"), "{condition}");
            assert!(answer.header("date").is_some(), "{answer:?}");
        }
        // A cache that asks for somebody who cannot read the coding must not be told to use it.
        let answer = with(host, "GET", &location, &[("If-None-Match", &tag)]);
        assert_eq!((answer.status, answer.header("etag")), (200, Some(own.as_str())), "{answer:?}");
        // Nobody else's change in between, whatever the client accepts now.
        let headers = [("If-Match", tag.as_str()), ("Content-Type", "application/merge-patch+json")];
        let changed = host.request("PATCH", &location, &headers, br#"{"done":true}"#);
        assert_eq!(changed.status, 200, "{coding}: {changed:?}");
        assert_eq!(host.request("PATCH", &location, &headers, br#"{"done":true}"#).status, 412);
        let title = json!({"done": false}).to_string();
        let headers = [("Content-Type", "application/merge-patch+json")];
        assert_eq!(host.request("PATCH", &location, &headers, title.as_bytes()).status, 200);
        let own_now = host.get(&location).header("etag").expect("a tag").to_owned();
        assert_ne!(own_now, own);
    }
}

#[test]
fn every_style_is_coded_both_ways() {
    let host = &HOST.get();
    let padding = " ".repeat(3_000);
    let envelope = format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>{padding}<x/></s:Body></s:Envelope>"
    );
    let call = format!("<methodCall>{padding}<methodName>system.listMethods</methodName></methodCall>");
    let discover = format!("{{\"jsonrpc\":\"2.0\",{padding}\"id\":1,\"method\":\"rpc.discover\"}}");
    let item = json!({"title": padding}).to_string();
    for (target, media_type, body) in [
        ("/spec-rest/", "text/plain", &item),
        ("/users", JSON, &discover),
        ("/users", "text/xml", &call),
        ("/bank", "text/xml", &envelope),
    ] {
        let plain = host.post(target, media_type, body);
        for coding in ["gzip", "deflate", "br", "zstd"] {
            let headers = [("Content-Type", media_type), ("Content-Encoding", coding)];
            let answer = host.request("POST", target, &headers, &pack(coding, body.as_bytes()));
            assert_eq!(answer.status, plain.status, "{target} {coding}: {answer:?}");
            if target != "/spec-rest/" {
                assert_eq!(answer.text(), plain.text(), "{target} {coding}");
            } else {
                let seen = answer.json();
                assert_eq!(seen["body"], *body, "{coding}");
                let names: Vec<&str> = seen["headers"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|field| field[0].as_str().unwrap())
                    .collect();
                assert!(
                    !names.contains(&"content-encoding") && !names.contains(&"content-length"),
                    "{names:?}"
                );
            }
        }
    }
    let twice = pack("zstd", &pack("gzip", discover.as_bytes()));
    let headers = [("Content-Type", JSON), ("Content-Encoding", "gzip, zstd"), ("Accept-Encoding", "br")];
    let answer = host.request("POST", "/users", &headers, &twice);
    assert_eq!((answer.status, answer.header("content-encoding")), (200, Some("br")), "{answer:?}");
    assert!(unpack("br", &answer.body).starts_with(b"{\"jsonrpc\""));
    let wsdl = with(host, "GET", "/bank?wsdl", &[("Accept-Encoding", "gzip")]);
    assert_eq!(wsdl.header("content-encoding"), Some("gzip"), "{wsdl:?}");
    assert_eq!(unpack("gzip", &wsdl.body), host.get("/bank?wsdl").body);
}

#[test]
fn a_request_in_a_coding_that_is_not_read_is_told_which_are() {
    let host = &HOST.get();
    let send = |host: &Host, coding: &str, body: &[u8]| {
        host.request("POST", "/todo/items", &[("Content-Type", JSON), ("Content-Encoding", coding)], body)
    };
    for coding in ["compress", "gzip, compress", "gzip, gzip, gzip"] {
        let answer = send(host, coding, b"x");
        assert_eq!(answer.status, 415, "{answer:?}");
        assert_eq!(answer.header("accept-encoding"), Some("gzip, br, zstd, deflate"), "{answer:?}");
        assert_eq!(answer.header("accept"), None, "it is not the media type that is wrong");
    }
    // And one that fails for its media type does not speak of codings (RFC 7694, section 3).
    let answer = host.post("/todo/items", "text/plain", "x");
    assert_eq!((answer.status, answer.header("accept-encoding")), (415, None), "{answer:?}");
    for body in [&b"plain"[..], b"", &pack("gzip", br#"{"title":"x"}"#)[..20]] {
        assert_eq!(send(host, "gzip", body).status, 400);
    }
    let trailing = [pack("gzip", br#"{"title":"x"}"#), b"more".to_vec()].concat();
    assert_eq!(send(host, "gzip", &trailing).status, 400);
    // Unless the operator turns it on, none is read.
    let shy = Host::with(&["todo"]);
    let answer = send(&shy, "gzip", &pack("gzip", br#"{"title":"x"}"#));
    assert_eq!((answer.status, answer.header("accept-encoding")), (415, Some("identity")), "{answer:?}");
    assert_eq!(send(&shy, "identity", br#"{"title":"x"}"#).status, 201);
}

#[test]
fn compression_is_off_where_the_manifest_says_so() {
    let host = Host::builder().plugin("spec-rest").file("spec-rest.toml", "compression = false\n").start();
    let target = format!("/spec-rest/?{}", "x".repeat(2_000));
    let answer = with(&host, "GET", &target, &[("Accept-Encoding", "gzip")]);
    assert_eq!((answer.status, answer.header("content-encoding"), answer.header("vary")), (200, None, None));
    assert_eq!(with(&host, "GET", &target, &[("Accept-Encoding", "gzip, identity;q=0")]).status, 406);
}

/// The most memory that a process has had, in bytes.
fn memory_peak_bytes(process_id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process_id}/status")).expect("a process");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("VmHWM");
    line.split_whitespace().nth(1).expect("a number").parse::<u64>().expect("a number") * 1024
}

/// Promise P23.
#[test]
fn bombs_are_refused_in_bounded_memory() {
    let host = Host::builder().plugin("spec-rest").configuration("decompression = true\n").start();
    const UNPACKED_BYTES: usize = 256 * 1024 * 1024;
    let zeros = vec![0; UNPACKED_BYTES];
    let bombs: Vec<(&str, Vec<u8>)> =
        ["gzip", "deflate", "br", "zstd"].iter().map(|coding| (*coding, pack(coding, &zeros))).collect();
    drop(zeros);
    let twice = ("gzip, gzip", pack("gzip", &bombs[0].1));
    let send = |coding: &str, bomb: &[u8]| {
        let headers = [("Content-Type", "text/plain"), ("Content-Encoding", coding)];
        host.request("POST", "/spec-rest/", &headers, bomb).status
    };
    assert_eq!(host.post("/spec-rest/", "text/plain", "x".repeat(1024 * 1024)).status, 200);
    let before = memory_peak_bytes(host.process_id());
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for (coding, bomb) in bombs.iter().chain([&twice]) {
                    assert_eq!(send(coding, bomb), 413, "{coding}");
                }
            });
        }
    });
    // Sixteen at a time, each with at most a mebibyte of output, one of input and a window.
    let grown = memory_peak_bytes(host.process_id()).saturating_sub(before);
    assert!(grown < UNPACKED_BYTES as u64 / 2, "grown by {grown} bytes");
    assert_eq!(host.get("/spec-rest/").status, 200);
}

#[test]
fn what_a_client_accepts_is_answered_or_refused_with_what_there_is() {
    let host = &HOST.get();
    let location = add(host);
    for (accept, status) in [
        ("application/json", 200),
        ("application/*;q=0.5", 200),
        ("*/*", 200),
        ("text/csv, */*;q=0.1", 200),
        ("garbage", 200),
        ("text/csv", 406),
        ("*/*;q=0", 406),
        ("application/json;q=0, */*", 406),
    ] {
        let answer = with(host, "GET", &location, &[("Accept", accept)]);
        assert_eq!(answer.status, status, "{accept}: {answer:?}");
        if status == 406 {
            assert_eq!(answer.header("content-type"), Some("application/problem+json"));
            assert_eq!(answer.json()["available"], json!([JSON]), "{accept}");
        }
    }
    // What went wrong is said as problem details whatever is accepted.
    let missing = with(host, "GET", "/todo/items/0", &[("Accept", "application/*;q=0.5, application/json")]);
    assert_eq!((missing.status, missing.header("content-type")), (404, Some("application/problem+json")));
}

#[test]
fn a_range_is_left_alone_by_plugins_that_know_none() {
    let host = &HOST.get();
    let location = add(host);
    let whole = host.get(&location);
    let tag = whole.header("etag").expect("a tag");
    for (range, condition) in [
        ("bytes=0-0", None),
        ("bytes=999999-", None),
        ("bytes=x", None),
        ("lines=1-2", None),
        ("bytes=0-0,0-1,0-2,0-3,0-4", None),
        ("bytes=0-0", Some(tag)),
        ("bytes=0-0", Some("W/\"1\"")),
    ] {
        let mut headers = vec![("Range", range)];
        headers.extend(condition.map(|tag| ("If-Range", tag)));
        let answer = with(host, "GET", &location, &headers);
        assert_eq!((answer.status, &answer.body), (200, &whole.body), "{headers:?}");
        assert_eq!(answer.header("content-range"), None, "{headers:?}");
    }
    // A part of a representation must not be taken for the whole (RFC 9110, section 14.5).
    let headers = [("Content-Type", JSON), ("Content-Range", "bytes 0-9/20")];
    assert_eq!(host.request("PUT", &location, &headers, br#"{"title":"x"}"#).status, 400);
}

#[test]
fn methods_are_known_allowed_or_neither() {
    let host = &HOST.get();
    let location = add(host);
    for (method, status, has_allow) in [
        ("TRACE", 405, true),
        ("POST", 405, true),
        ("FOO", 501, false),
        ("get", 501, false),
        ("OPTIONS", 204, true),
    ] {
        let answer = with(host, method, &location, &[]);
        assert_eq!(
            (answer.status, answer.header("allow").is_some()),
            (status, has_allow),
            "{method}: {answer:?}"
        );
        assert!(answer.header("date").is_some(), "{method}");
    }
    assert_eq!(with(host, "FOO", "/todo/nothing", &[]).status, 404, "the path comes first");
    let removed = with(host, "DELETE", &location, &[]);
    assert_eq!((removed.status, removed.header("content-length")), (204, None), "{removed:?}");
}

#[test]
fn a_body_must_say_what_it_is() {
    let host = &HOST.get();
    let bare = host.request("POST", "/todo/items", &[], br#"{"title":"x"}"#);
    assert_eq!((bare.status, bare.header("accept")), (415, Some(JSON)), "{bare:?}");
    for media_type in ["application/json; charset=utf-16", "json", "application/json, text/plain", "*/*"] {
        assert_eq!(host.post("/todo/items", media_type, r#"{"title":"x"}"#).status, 415, "{media_type}");
    }
}
