//! Codings from the outside: a request in, an answer out, without a plugin between.

use std::io::{Read as _, Write as _};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{ETAG, VARY};
use http_body::Frame;
use http_body_util::BodyExt as _;

use super::*;
use crate::exchange::{LocalFuture, Payload, ReadBody};
use crate::limits::COMPRESSION_BYTES_MIN;

const MIB: u64 = 1024 * 1024;

/// A body that is there. Piece by piece, it comes in pieces of this many bytes.
struct Ready(Bytes);

const PIECE_BYTES: usize = 7;

impl ReadBody for Ready {
    fn read(&mut self, bytes_max: u64) -> LocalFuture<'_, Result<Bytes, Failure>> {
        let fits = self.0.len() as u64 <= bytes_max;
        let read = if fits { Ok(self.0.clone()) } else { Err(Failure::BodyTooLarge) };
        Box::pin(std::future::ready(read))
    }

    fn poll_frame(
        &mut self,
        _context: &mut Context<'_>,
        bytes_max: u64,
    ) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        if self.0.len() as u64 > bytes_max {
            return Poll::Ready(Some(Err(Failure::BodyTooLarge)));
        }
        let length = self.0.len().min(PIECE_BYTES);
        Poll::Ready((length > 0).then(|| Ok(Frame::data(self.0.split_to(length)))))
    }

    fn is_absent(&self) -> bool {
        false
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn codings() -> Codings {
    Codings::new(Defaults { compression: true, decompression: true })
}

fn head(fields: &[(&str, &str)]) -> Parts {
    let request =
        fields.iter().fold(http::Request::builder(), |request, (name, value)| request.header(*name, *value));
    request.body(()).unwrap().into_parts().0
}

fn text(length: usize) -> String {
    "all work and no play ".chars().cycle().take(length).collect()
}

/// Bytes that look random: each of the alphabet, without a pattern.
fn noise(length: usize, alphabet: &[u8]) -> Vec<u8> {
    let mut state = 7_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        alphabet[usize::try_from(state >> 33).unwrap() % alphabet.len()]
    };
    (0..length).map(|_| next()).collect()
}

fn answer(fields: &[(&str, &str)], body: impl Into<Bytes>) -> Response {
    let response = fields
        .iter()
        .fold(http::Response::builder(), |response, (name, value)| response.header(*name, *value));
    response.body(Payload::Whole(body.into())).unwrap()
}

/// Sends an answer to a request with these fields.
fn send(request: &[(&str, &str)], response: Response) -> (http::response::Parts, Bytes) {
    let codings = codings();
    let body = Body::new(Box::new(Ready(Bytes::new())));
    let Ok((_, agreed)) = codings.receive(&Manifest::default(), None, &mut head(request), body) else {
        panic!("the request was refused");
    };
    let (head, body) = run(codings.send(&agreed, response)).into_parts();
    (head, run(body.collect()).unwrap().to_bytes())
}

fn unpack(coding: &str, coded: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    match coding {
        "gzip" => flate2::read::GzDecoder::new(coded).read_to_end(&mut plain).unwrap(),
        "br" => brotli::Decompressor::new(coded, 4096).read_to_end(&mut plain).unwrap(),
        "zstd" => zstd::stream::read::Decoder::new(coded).unwrap().read_to_end(&mut plain).unwrap(),
        other => panic!("no coding: {other}"),
    };
    plain
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn deflate(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn brotli(plain: &[u8]) -> Vec<u8> {
    let mut coded = Vec::new();
    brotli::CompressorWriter::new(&mut coded, 4096, 9, 22).write_all(plain).unwrap();
    coded
}

fn zstandard(plain: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(plain, 9).unwrap()
}

/// Reads a request body in a coding.
fn receive(content_encoding: &str, coded: &[u8], bytes_max: u64) -> Result<Bytes, Failure> {
    let mut head = head(&[("content-encoding", content_encoding), ("content-length", "1")]);
    let body = Body::new(Box::new(Ready(Bytes::copy_from_slice(coded))));
    let (mut body, _) = codings().receive(&Manifest::default(), None, &mut head, body)?;
    assert!(!head.headers.contains_key(CONTENT_ENCODING), "{head:?}");
    let whole = run(body.read(bytes_max));
    // Whoever takes it piece by piece sees the same.
    assert_eq!(receive_pieces(content_encoding, coded, bytes_max), whole, "{content_encoding}");
    whole
}

fn receive_pieces(content_encoding: &str, coded: &[u8], bytes_max: u64) -> Result<Bytes, Failure> {
    let body = Body::new(Box::new(Ready(Bytes::copy_from_slice(coded))));
    let mut head = head(&[("content-encoding", content_encoding)]);
    let (mut body, _) = codings().receive(&Manifest::default(), None, &mut head, body)?;
    let mut whole = Vec::new();
    while let Some(frame) = run(body.frame(bytes_max)) {
        whole.extend_from_slice(&frame?.into_data().expect("data"));
    }
    Ok(whole.into())
}

#[test]
fn an_answer_of_any_size_comes_out_of_each_coding_as_it_went_in() {
    for coding in ["gzip", "br", "zstd"] {
        for length in [1_024, 1_025, 32_768, 32_769, 500_000] {
            let text = text(length);
            let sent = answer(&[("content-type", "application/json"), ("content-length", "1")], text.clone());
            let (head, body) = send(&[("accept-encoding", coding)], sent);
            assert_eq!(head.headers[CONTENT_ENCODING], coding);
            assert_eq!(head.headers[VARY], "accept-encoding");
            assert!(!head.headers.contains_key(CONTENT_LENGTH));
            assert!(body.len() < length / 4, "{coding} {length}: {}", body.len());
            assert_eq!(unpack(coding, &body), text.as_bytes(), "{coding} {length}");
        }
    }
}

#[test]
fn what_must_not_be_coded_is_sent_as_it_is() {
    let long = text(4_096);
    for (status, fields, depends) in [
        (200, vec![("content-type", "image/png")], false),
        (200, vec![("content-type", "application/octet-stream")], false),
        (200, vec![("content-type", "application/zip")], false),
        (200, vec![("content-type", "video/mp4")], false),
        (200, vec![("content-type", "multipart/related; type=\"text/xml\"")], false),
        (200, vec![], false),
        (200, vec![("content-type", "text/plain"), ("content-encoding", "br")], false),
        (200, vec![("content-type", "text/plain"), ("content-range", "bytes 0-9/10")], false),
        (206, vec![("content-type", "text/plain")], false),
        (200, vec![("content-type", "text/plain"), ("cache-control", "private, No-Transform")], false),
        (200, vec![("content-type", "text/plain"), ("repr-digest", "sha-256=:AA==:")], false),
        (200, vec![("content-type", "text/plain"), ("vary", "Origin, Accept-Encoding")], true),
    ] {
        let mut sent = answer(&fields, long.clone());
        *sent.status_mut() = status.try_into().unwrap();
        let accept = if depends { "identity" } else { "gzip, br, zstd" };
        let (head, body) = send(&[("accept-encoding", accept)], sent);
        assert_eq!(body, long.as_bytes(), "{fields:?}");
        assert_eq!(head.headers.contains_key(VARY), depends, "{fields:?}");
        let own = fields.iter().find(|(name, _)| *name == "content-encoding").map(|(_, value)| *value);
        let said = head.headers.get(CONTENT_ENCODING).map(|value| value.to_str().unwrap());
        assert_eq!(said, own, "{fields:?}");
        assert_eq!(head.headers.get_all(VARY).iter().count(), usize::from(depends), "said once: {fields:?}");
    }
}

#[test]
fn every_type_of_text_is_coded() {
    for content_type in [
        "text/html; charset=utf-8",
        "application/json",
        "Application/Problem+JSON",
        "application/soap+xml; charset=utf-8; action=\"urn:x\"",
        "text/xml",
        "image/svg+xml",
        "application/javascript",
    ] {
        let sent = answer(&[("content-type", content_type)], text(2_000));
        let (head, _) = send(&[("accept-encoding", "gzip")], sent);
        assert!(head.headers.contains_key(CONTENT_ENCODING), "{content_type}");
    }
}

#[test]
fn an_answer_that_fits_into_a_packet_is_sent_as_it_is() {
    let edge = COMPRESSION_BYTES_MIN as usize;
    let sent = |length| answer(&[("content-type", "text/plain")], text(length));
    let (head, body) = send(&[("accept-encoding", "gzip")], sent(edge - 1));
    assert_eq!((body.len(), head.headers.len()), (edge - 1, 1), "{head:?}");
    let (head, _) = send(&[("accept-encoding", "gzip")], sent(edge));
    assert_eq!(head.headers[CONTENT_ENCODING], "gzip");
    // Unless the client cannot take it so.
    let (head, body) = send(&[("accept-encoding", "gzip, identity;q=0")], sent(10));
    assert_eq!(head.headers[CONTENT_ENCODING], "gzip");
    assert_eq!(unpack("gzip", &body), text(10).as_bytes());
}

#[test]
fn an_answer_says_that_it_depends_also_where_it_was_not_coded() {
    for request in [&[][..], &[("accept-encoding", "identity")], &[("accept-encoding", "gzip;q=0")]] {
        let sent = answer(&[("content-type", "text/plain"), ("etag", "\"1\"")], text(2_000));
        let (head, body) = send(request, sent);
        assert_eq!((body.len(), &head.headers[VARY]), (2_000, &HeaderValue::from_static("accept-encoding")));
        assert_eq!(head.headers[ETAG], "\"1\"");
    }
}

#[test]
fn text_that_does_not_compress_is_sent_as_it_is() {
    let noise = noise(4_096, &(0..=255).collect::<Vec<u8>>());
    for coding in ["gzip", "br", "zstd"] {
        let sent = answer(&[("content-type", "text/plain"), ("cache-control", "no-cache")], noise.clone());
        let (head, body) = send(&[("accept-encoding", coding)], sent);
        assert_eq!(body, noise, "{coding}");
        assert!(!head.headers.contains_key(CONTENT_ENCODING), "{coding}: {head:?}");
    }
}

#[test]
fn each_coding_has_its_own_tag_and_conditions_reach_the_plugin_with_its_own() {
    let sent = answer(&[("content-type", "text/plain"), ("etag", "\"v1\"")], text(2_000));
    let (answered, _) = send(&[("accept-encoding", "br")], sent);
    assert_eq!(answered.headers[ETAG], "\"v1--br\"");
    let weak = answer(&[("content-type", "text/plain"), ("etag", "W/\"v1\"")], text(2_000));
    assert_eq!(send(&[("accept-encoding", "br")], weak).0.headers[ETAG], "W/\"v1\"");

    let codings = codings();
    let seen = |fields: &[(&str, &str)], name: &str| {
        let mut head = head(fields);
        let body = Body::new(Box::new(Ready(Bytes::new())));
        assert!(codings.receive(&Manifest::default(), None, &mut head, body).is_ok());
        head.headers[name].to_str().unwrap().to_owned()
    };
    let if_none_match = ("if-none-match", "\"v1--br\"");
    assert_eq!(seen(&[if_none_match, ("accept-encoding", "br")], "if-none-match"), "\"v1--br\", \"v1\"");
    // A client that cannot read Brotli must not be told to use a Brotli answer.
    assert_eq!(seen(&[if_none_match, ("accept-encoding", "gzip")], "if-none-match"), "\"v1--br\"");
    assert_eq!(seen(&[if_none_match], "if-none-match"), "\"v1--br\"");
    // Whoever changes something need not accept what it had accepted when it read.
    assert_eq!(seen(&[("if-match", "\"v1--br\"")], "if-match"), "\"v1--br\", \"v1\"");
}

#[test]
fn an_answer_that_has_not_changed_is_named_as_the_client_holds_it() {
    let not_modified = || {
        let mut response = answer(&[("etag", "\"v1\"")], "");
        *response.status_mut() = http::StatusCode::NOT_MODIFIED;
        response
    };
    let request = [("if-none-match", "\"v0\", \"v1--gzip\""), ("accept-encoding", "gzip, br")];
    let (head, _) = send(&request, not_modified());
    assert_eq!(head.headers[ETAG], "\"v1--gzip\"");
    assert_eq!(head.headers[VARY], "accept-encoding");
    let (head, _) = send(&[("if-none-match", "\"v1\"")], not_modified());
    assert_eq!(
        (&head.headers[ETAG], &head.headers[VARY]),
        (&"\"v1\"".parse().unwrap(), &"accept-encoding".parse().unwrap())
    );
}

#[test]
fn a_request_that_a_foreign_site_may_have_made_is_answered_as_it_is() {
    let code = |fields: &[(&str, &str)]| {
        let fields = [&[("accept-encoding", "gzip")], fields].concat();
        let (head, _) = send(&fields, answer(&[("content-type", "text/html")], text(2_000)));
        assert_eq!(head.headers[VARY], "accept-encoding");
        head.headers.contains_key(CONTENT_ENCODING)
    };
    let cookie = ("cookie", "session=1");
    assert!(!code(&[cookie, ("sec-fetch-site", "cross-site")]));
    assert!(!code(&[cookie, ("sec-fetch-site", "same-site")]));
    assert!(code(&[cookie, ("sec-fetch-site", "same-origin")]));
    assert!(code(&[cookie, ("sec-fetch-site", "none")]));
    assert!(code(&[cookie]), "not a browser");
    assert!(code(&[("sec-fetch-site", "cross-site")]), "nothing to steal");
}

#[test]
fn a_plugin_that_does_not_want_it_is_left_alone() {
    let codings = codings();
    let manifest = Manifest { compression: Some(false), ..Manifest::default() };
    let receive = |fields: &[(&str, &str)]| {
        codings.receive(&manifest, None, &mut head(fields), Body::new(Box::new(Ready(Bytes::new()))))
    };
    let Ok((_, agreed)) = receive(&[("accept-encoding", "gzip")]) else { panic!("it was refused") };
    let response = run(codings.send(&agreed, answer(&[("content-type", "text/html")], text(2_000))));
    assert_eq!(response.headers().len(), 1, "{response:?}");
    let refused = receive(&[("accept-encoding", "gzip, identity;q=0")]).err();
    assert_eq!(refused, Some(Failure::CodingNotAcceptable));
}

#[test]
fn a_client_that_takes_nothing_gets_406() {
    let body = || Body::new(Box::new(Ready(Bytes::new())));
    let receive = |value| {
        codings().receive(&Manifest::default(), None, &mut head(&[("accept-encoding", value)]), body()).err()
    };
    assert_eq!(receive("identity;q=0, *;q=0"), Some(Failure::CodingNotAcceptable));
    assert_eq!(receive("compress, identity;q=0"), Some(Failure::CodingNotAcceptable));
    assert_eq!(receive("*;q=0, br"), None);
}

#[test]
fn a_request_body_is_read_out_of_every_coding() {
    let plain = noise(100_000, b"etaoin shrdlu");
    for (content_encoding, coded) in [
        ("gzip", gzip(&plain)),
        ("X-GZip", gzip(&plain)),
        ("deflate", deflate(&plain)),
        ("br", brotli(&plain)),
        ("zstd", zstandard(&plain)),
        ("identity, gzip", gzip(&plain)),
        ("gzip, zstd", zstandard(&gzip(&plain))),
        ("identity", plain.clone()),
    ] {
        assert_eq!(receive(content_encoding, &coded, MIB).unwrap(), plain, "{content_encoding}");
        assert_eq!(receive(content_encoding, &[], MIB), Ok(Bytes::new()), "{content_encoding}: nothing");
    }
}

#[test]
fn members_of_one_body_follow_each_other() {
    let two = [gzip(b"one, "), gzip(b"two")].concat();
    assert_eq!(receive("gzip", &two, MIB), Ok(Bytes::from_static(b"one, two")));
    let two = [zstandard(b"one, "), zstandard(b"two")].concat();
    assert_eq!(receive("zstd", &two, MIB), Ok(Bytes::from_static(b"one, two")));
    let many = gzip(b"").repeat(65);
    assert_eq!(receive("gzip", &many, MIB), Err(Failure::BodyMiscoded));
    let two = [deflate(b"one, "), deflate(b"two")].concat();
    assert_eq!(receive("deflate", &two, MIB), Err(Failure::BodyMiscoded));
}

#[test]
fn what_is_not_of_its_coding_is_refused() {
    let plain = text(5_000);
    for (name, coded) in [
        ("gzip", gzip(plain.as_bytes())),
        ("deflate", deflate(plain.as_bytes())),
        ("br", brotli(plain.as_bytes())),
        ("zstd", zstandard(plain.as_bytes())),
    ] {
        assert_eq!(receive(name, &coded, MIB).unwrap(), plain.as_bytes(), "{name}");
        for cut in 1..coded.len() {
            assert_eq!(receive(name, &coded[..cut], MIB), Err(Failure::BodyMiscoded), "{name}, cut at {cut}");
        }
        for garbage in [&b"x"[..], b"\0", b"\0\0\0\0", b"garbage behind the end of it"] {
            let longer = [coded.as_slice(), garbage].concat();
            assert_eq!(receive(name, &longer, MIB), Err(Failure::BodyMiscoded), "{name} and {garbage:?}");
        }
        assert_eq!(receive(name, plain.as_bytes(), MIB), Err(Failure::BodyMiscoded), "{name}: plain");
        assert_eq!(receive(name, b"\0", MIB), Err(Failure::BodyMiscoded), "{name}: a zero");
    }
    // The checksum is looked at.
    let mut changed = gzip(plain.as_bytes());
    let at = changed.len() - 8;
    changed[at] ^= 1;
    assert_eq!(receive("gzip", &changed, MIB), Err(Failure::BodyMiscoded));
}

#[test]
fn a_coding_that_is_not_read_is_said_with_those_that_are() {
    let refused = Err(Failure::CodingUnsupported { accept: "gzip, br, zstd, deflate" });
    for name in ["compress", "gzip, compress", "gzip, gzip, gzip", "*", "gzip;q=1", "exi"] {
        assert_eq!(receive(name, &gzip(b"x"), MIB), refused, "{name}");
    }
    let off = Codings::new(Defaults { compression: true, decompression: false });
    let receive = |name| {
        let body = Body::new(Box::new(Ready(Bytes::new())));
        off.receive(&Manifest::default(), None, &mut head(&[("content-encoding", name)]), body).err()
    };
    assert_eq!(receive("gzip"), Some(Failure::CodingUnsupported { accept: "identity" }));
    assert_eq!(receive("identity"), None);
}

#[test]
fn a_bomb_stops_at_the_limit_on_bodies_and_at_its_ratio() {
    let zeros = vec![0; 50 * MIB as usize];
    for (name, bomb) in [
        ("gzip", gzip(&zeros)),
        ("deflate", deflate(&zeros)),
        ("br", brotli(&zeros)),
        ("zstd", zstandard(&zeros)),
        ("gzip, gzip", gzip(&gzip(&zeros))),
        ("br, zstd", zstandard(&brotli(&zeros))),
    ] {
        assert_eq!(receive(name, &bomb, MIB), Err(Failure::BodyTooLarge), "{name}");
        assert_eq!(receive(name, &bomb, 64 * MIB), Err(Failure::BodyTooLarge), "{name}: the ratio");
    }
    // Within the ratio, the limit holds to the byte.
    let noise = noise(100_000, b"etaoin shrdlu");
    for (name, coded) in [("gzip", gzip(&noise)), ("br", brotli(&noise)), ("zstd", zstandard(&noise))] {
        assert_eq!(receive(name, &coded, 100_000).unwrap(), noise.as_slice(), "{name}");
        assert_eq!(receive(name, &coded, 99_999), Err(Failure::BodyTooLarge), "{name}");
    }
    // And little is not measured at all.
    assert_eq!(receive("gzip", &gzip(&zeros[..64 * 1024]), MIB).unwrap().len(), 64 * 1024);
    assert_eq!(receive("gzip", &gzip(&zeros[..64 * 1024 + 1]), MIB), Err(Failure::BodyTooLarge));
}

#[test]
fn a_window_that_is_larger_than_the_coding_allows_is_refused() {
    // A Zstandard frame that declares a window of 2 GiB and no size (RFC 8878, section 3.1.1.1.2).
    let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x01, 0x00, 0x00];
    assert_eq!(receive("zstd", &frame, MIB), Err(Failure::BodyMiscoded));
    // Brotli's extension for large windows: 0x11, then the logarithm.
    assert_eq!(receive("br", &[0x11, 0x1e, 0x03], MIB), Err(Failure::BodyMiscoded));
}
