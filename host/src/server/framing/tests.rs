//! Every row whole, byte by byte and in every two pieces.

use super::*;

/// How a run of bytes ended.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// In order so far: so many heads, and whether the next one has begun.
    Fine(u64, bool),
    Refused(u16),
    Broken,
}

/// Feeds the pieces as `intake` does, and checks that what is passed on is what came.
fn feed<'a>(limits: &HostLimits, pieces: impl Iterator<Item = &'a [u8]>) -> (Verdict, Vec<u8>) {
    let mut framing = Framing::new(limits);
    let (mut held, mut passed) = (Vec::new(), Vec::new());
    for piece in pieces {
        held.extend_from_slice(piece);
        loop {
            let step = framing.follow(&held);
            passed.extend(held.drain(..step.passed));
            match step.rest {
                Rest::Nothing => assert!(held.is_empty()),
                Rest::Head => assert!(!held.is_empty()),
                Rest::Unknown => {
                    framing.stay();
                    continue;
                }
                Rest::Refused(failure) => return (Verdict::Refused(failure.status().as_u16()), passed),
                Rest::Broken => return (Verdict::Broken, passed),
            }
            break;
        }
    }
    (Verdict::Fine(framing.heads(), framing.is_in_head()), passed)
}

/// The same verdict, whole, byte by byte, and cut in two at every place.
#[track_caller]
fn check(bytes: &[u8], expected: &Verdict) {
    let limits = &HostLimits::DEFAULT;
    let shown = bytes.get(..200).unwrap_or(bytes).escape_ascii().to_string();
    let (whole, passed) = feed(limits, std::iter::once(bytes));
    assert_eq!(&whole, expected, "{shown}");
    assert!(bytes.starts_with(&passed), "{shown}");
    assert_eq!(feed(limits, bytes.chunks(1)), (whole, passed.clone()), "byte by byte: {shown}");
    for cut in 1..bytes.len().min(300) {
        let (first, second) = bytes.split_at(cut);
        let (verdict, also) = feed(limits, [first, second].into_iter());
        assert_eq!((&verdict, &also), (expected, &passed), "cut at {cut}: {shown}");
    }
}

#[track_caller]
fn check_head(lines: &str, expected: &Verdict) {
    check(format!("{lines}\r\n\r\n").as_bytes(), expected);
}

#[track_caller]
fn check_body(body: &str, expected: &Verdict) {
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    check(format!("{head}{body}").as_bytes(), expected);
}

#[test]
fn heads_are_passed_whole_and_what_follows_them_is_followed() {
    check(b"", &Verdict::Fine(0, false));
    check(b"\r\n\r\n", &Verdict::Fine(0, false));
    check(b"G", &Verdict::Fine(0, true));
    check_head("GET / HTTP/1.1\r\nHost: a", &Verdict::Fine(1, false));
    check_head("\r\n\r\nGET / HTTP/1.0", &Verdict::Fine(1, false));
    check_head("OPTIONS * HTTP/1.1\r\nHost: a", &Verdict::Fine(1, false));
    check_head("GET http://a:1/b?c HTTP/1.1\r\nHost:a:1", &Verdict::Fine(1, false));
    check_head("GET /a[0]?q={x|y}^`%zz HTTP/1.1\r\nX:\t a \tb \t", &Verdict::Fine(1, false));
    check_head("GET / HTTP/1.1\r\nX:\r\nX-Y_z.!#$%&'*+^`|~: h\u{e9}", &Verdict::Fine(1, false));
    check(&b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(3), &Verdict::Fine(3, false));
    let post = "POST / HTTP/1.1\r\nHost: a\r\ncontent-LENGTH:\t 005 \r\n\r\n";
    check(format!("{post}hello{post}hell").as_bytes(), &Verdict::Fine(2, false));
    check(format!("{post}hello{post}hello\r\nG").as_bytes(), &Verdict::Fine(2, true));
    check_head("POST / HTTP/1.1\r\nContent-Length: 9999999999999999999", &Verdict::Fine(1, false));
    // Whatever a body holds is not looked at.
    check(format!("{post}\n\0 :\r{post}hello").as_bytes(), &Verdict::Fine(2, false));
}

#[test]
fn request_lines_that_are_not_one_are_refused() {
    for line in [
        "GET /",
        "GET  / HTTP/1.1",
        "GET /  HTTP/1.1",
        "GET / HTTP/1.1 ",
        " GET / HTTP/1.1",
        "GET\t/ HTTP/1.1",
        "GET / HTTP/1",
        "GET / http/1.1",
        "GET / HTTP/01.01",
        "GET / HTTP/1.1x",
        "GET / HTTP/1.x",
        "G\"T / HTTP/1.1",
        " / HTTP/1.1",
        "GET /a b HTTP/1.1",
        "GET /a\tb HTTP/1.1",
        "GET /a\0b HTTP/1.1",
        "GET /a#b HTTP/1.1",
        "GET /\u{e4} HTTP/1.1",
        "GET /\" HTTP/1.1",
        "GET /\\ HTTP/1.1",
        "GET http:///x HTTP/1.1",
        "GET http:// HTTP/1.1",
        "GET http://[::1/ HTTP/1.1",
        "GET / HTTP/1.1\rX: y",
        "GET / HTTP/1.1\nX: y",
        "\u{16}\u{3}\u{1}",
    ] {
        check_head(line, &Verdict::Refused(400));
    }
    check(b"\nGET / HTTP/1.1\r\n\r\n", &Verdict::Refused(400));
    // Not even waited for.
    check(b"\x16\x03\x01\x02", &Verdict::Refused(400));
    for version in ["HTTP/1.2", "HTTP/9.9", "HTTP/2.0", "HTTP/0.9"] {
        check_head(&format!("GET / {version}"), &Verdict::Refused(505));
    }
}

#[test]
fn field_lines_that_are_not_one_are_refused() {
    for line in [
        "X-A : v",
        ": v",
        ":",
        "Bad[: v",
        "NoColon",
        " X: v",
        "\tX: v",
        "X: a\rb",
        "X: a\0b",
        "X: a\x01b",
        "X: a\x7fb",
        "X: a\r\n b",
        "X: a\r\n\tb",
        "X: a\nY: b",
        "X\0: a",
        "X\u{e4}: a",
        "X: a\r",
        "X Y: a",
    ] {
        check_head(&format!("GET / HTTP/1.1\r\nHost: a\r\n{line}\r\nZ: z"), &Verdict::Refused(400));
    }
    check(b"GET / HTTP/1.1\r\nHost: a\r\n\n", &Verdict::Refused(400));
    check(b"GET / HTTP/1.1\r\nHost: a\n\n", &Verdict::Refused(400));
}

#[test]
fn framing_that_two_readers_could_read_differently_is_refused() {
    for lines in [
        "Content-Length: 5\r\nContent-Length: 10",
        "Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: 5\r\nX: y\r\ncONTENT-lENGTH: 5",
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Transfer-Encoding: chunked\r\nContent-Length: 0",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    ] {
        check_head(&format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}"), &Verdict::Refused(400));
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
        "1.0",
        "\"5\"",
        "18446744073709551616",
        "00000000000000000005",
        "\u{665}",
    ] {
        let lines = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {value}");
        check_head(&lines, &Verdict::Refused(400));
    }
    for value in [
        "xchunked",
        "chunkedx",
        "identity",
        "chunked, gzip",
        "gzip, chunked",
        "chunked, chunked",
        "chunked, identity",
        "chunked;p",
        "chunked,",
        ",chunked",
        "\"chunked\"",
        "",
        "\x0bchunked",
        "chunked\x0c",
        "chunked\0",
        "chunk ed",
        "\u{a0}chunked",
    ] {
        let lines = format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: {value}");
        check_head(&lines, &Verdict::Refused(400));
    }
    check_head("POST / HTTP/1.0\r\nTransfer-Encoding: chunked", &Verdict::Refused(400));
}

#[test]
fn chunks_are_followed_to_their_end() {
    let next = "GET / HTTP/1.1\r\n\r\n";
    for body in [
        "0\r\n\r\n",
        "5\r\nhello\r\n0\r\n\r\n",
        "5\r\n\r\n0\r\n\r\n000\r\n\r\n",
        "0000000000000005\r\nhello\r\n0\r\n\r\n",
        "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n",
        "5;a\r\nhello\r\n0;b\r\n\r\n",
        "5 ; a = b ;\tc=\"d\\\"; e\"\r\nhello\r\n0\r\n\r\n",
        "5;a=b;c=\"\";d\r\nhello\r\n0\r\n\r\n",
        "0\r\nA: b\r\nContent-Length: 7\r\nHost:\r\n\r\n",
    ] {
        check_body(&format!("{body}{next}"), &Verdict::Fine(2, false));
    }
}

#[test]
fn chunks_that_are_none_break_the_body() {
    for body in [
        "0x5\r\nhello\r\n",
        "+5\r\nhello\r\n",
        "-1\r\nhello\r\n",
        " 5\r\nhello\r\n",
        "5 \r\nhello\r\n",
        "5\t\r\nhello\r\n",
        "1_0\r\nhello\r\n",
        "12345678901234567\r\n",
        "00000000000000005\r\nhello\r\n",
        "g\r\n",
        "\r\n",
        ";a\r\n",
        "5\n",
        "5\rhello",
        "5;\r\n",
        "5; \r\n",
        "5;a=\r\n",
        "5;a \r\n",
        "5;a=b \r\n",
        "5;bad[=x\r\n",
        "5;a==b\r\n",
        "5;a=\"b\r\n",
        "5;a=\"b\"c\r\n",
        "5;a\nb\r\n",
        "5;a=\"\n\"\r\n",
        "5;=b\r\n",
        "5;;\r\n",
        "5 a\r\n",
        "5,\r\n",
        "5\r\nhellospill\r\n",
        "5\r\nhello\n",
        "5\r\nhello0\r\n",
        "5\r\nhello\r\r\n",
        "0\r\n\n",
        "0\r\nX\r\n",
        "0\r\n X: y\r\n",
        "0\r\nX : y\r\n",
        "0\r\n: y\r\n",
        "0\r\nX: a\rb\r\n",
        "0\r\nX: \0\r\n",
        "0\r\nX: y\n\r\n",
        "0\r\nX: y\r\n\r\r",
    ] {
        check_body(body, &Verdict::Broken);
    }
}

#[test]
fn what_is_over_a_limit_is_refused_before_it_has_all_come() {
    let limits = HostLimits::DEFAULT;
    let long = |length: u64| "x".repeat(usize::try_from(length).unwrap());
    let verdict = |bytes: &str| {
        let whole = feed(&limits, std::iter::once(bytes.as_bytes())).0;
        assert_eq!(feed(&limits, bytes.as_bytes().chunks(1_000)).0, whole);
        whole
    };
    let target = |length: u64| format!("GET /{} HTTP/1.1\r\n\r\n", long(length - 1));
    assert_eq!(verdict(&target(limits.uri_bytes_max)), Verdict::Fine(1, false));
    assert_eq!(verdict(&target(limits.uri_bytes_max + 1)), Verdict::Refused(414));
    assert_eq!(verdict(&format!("GET /{}", long(limits.uri_bytes_max))), Verdict::Refused(414));
    assert_eq!(verdict(&long(limits.header_bytes_max)), Verdict::Refused(431));
    let head = |length: u64| {
        let begin = "GET / HTTP/1.1\r\nX: ";
        format!("{begin}{}\r\n\r\n", long(length - begin.len() as u64 - 4))
    };
    assert_eq!(verdict(&head(limits.header_bytes_max)), Verdict::Fine(1, false));
    assert_eq!(verdict(&head(limits.header_bytes_max + 1)), Verdict::Refused(431));
    assert_eq!(verdict(&"\r\n".repeat(64 * 1024)), Verdict::Refused(431));
    let fields = |count: u64| "X: y\r\n".repeat(usize::try_from(count).unwrap());
    let head = |count: u64| format!("GET / HTTP/1.1\r\n{}\r\n", fields(count));
    assert_eq!(verdict(&head(limits.header_count_max)), Verdict::Fine(1, false));
    assert_eq!(verdict(&head(limits.header_count_max + 1)), Verdict::Refused(431));

    let post = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    // The semicolon is the size's.
    let extension = |length: usize| format!("{post}5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(length));
    assert_eq!(verdict(&extension(CHUNK_EXTENSION_BYTES_MAX - 1)), Verdict::Fine(1, false));
    assert_eq!(verdict(&extension(CHUNK_EXTENSION_BYTES_MAX)), Verdict::Broken);
    let many = format!("{post}{}", "1;x=y\r\nz\r\n".repeat(CHUNK_EXTENSION_BYTES_MAX));
    assert_eq!(verdict(&many), Verdict::Broken);
    let trailers = |count: u64| format!("{post}0\r\n{}\r\n", fields(count));
    assert_eq!(verdict(&trailers(limits.header_count_max)), Verdict::Fine(1, false));
    assert_eq!(verdict(&trailers(limits.header_count_max + 1)), Verdict::Broken);
    assert_eq!(verdict(&format!("{post}0\r\nX: {}", long(limits.header_bytes_max))), Verdict::Broken);
}

#[test]
fn nothing_behind_an_offer_to_leave_http_is_looked_at_until_it_is_declined() {
    let mut framing = Framing::new(&HostLimits::DEFAULT);
    let upgrade = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\n\r\n";
    let behind = [&upgrade[..], b"\0\n"].concat();
    assert_eq!(framing.follow(&behind), Step { passed: upgrade.len(), rest: Rest::Unknown });
    framing.stay();
    assert!(matches!(framing.follow(b"\0\n").rest, Rest::Refused(_)));

    // Of an HTTP/1.0 client the field means nothing; and one with a body makes its offer behind it.
    check(b"GET / HTTP/1.0\r\nUpgrade: x\r\n\r\n\0\n", &Verdict::Refused(400));
    let mut framing = Framing::new(&HostLimits::DEFAULT);
    let post = b"POST / HTTP/1.1\r\nUpgrade: x\r\nContent-Length: 2\r\n\r\nhi";
    assert_eq!(framing.follow(&[&post[..], b"?"].concat()).passed, post.len());
}

#[test]
fn every_target_that_is_passed_is_one_that_hyper_reads() {
    for byte in 0..=255_u8 {
        for place in ["/a", "/?", "", "http://a", "http://a/", "a:"] {
            let target = [place.as_bytes(), &[byte][..]].concat();
            let bytes = [b"GET ", &target[..], b" HTTP/1.1\r\n\r\n"].concat();
            let (verdict, _) = feed(&HostLimits::DEFAULT, std::iter::once(&bytes[..]));
            let is_uri = Uri::try_from(&target[..]).is_ok();
            if verdict == Verdict::Fine(1, false) {
                assert!(is_uri, "{}", target.escape_ascii());
                assert!(is_target_byte(byte));
            }
            // And the other way round, for those that need no thought.
            assert!(!has(&PLAIN, byte) || !place.starts_with('/') || is_uri, "{}", target.escape_ascii());
        }
    }
}

#[test]
fn no_bytes_make_the_follower_lose_its_place() {
    // Steele and Vigna's linear congruential generator: the same numbers on every run.
    let mut state = 7_u64;
    let mut below = |end: usize| {
        state = state.wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(1);
        usize::try_from(state >> 33).unwrap() % end
    };
    let pieces: &[&[u8]] = &[
        b"GET / HTTP/1.1\r\n",
        b"POST /x HTTP/1.1\r\n",
        b"Host: a\r\n",
        b"Content-Length: 5\r\n",
        b"hello",
        b"\r\n",
        b"\n",
        b"Transfer-Encoding: chunked\r\n",
        b"5\r\n",
        b"0\r\n",
        b"5;a=\"b\"\r\n",
        b"X: y\r\n",
        b"\r\n\r\n",
        b"\xff",
        b" ",
    ];
    for _ in 0..20_000 {
        let count = below(12);
        let bytes: Vec<u8> = (0..count).flat_map(|_| pieces[below(pieces.len())].to_vec()).collect();
        let limits = &HostLimits::DEFAULT;
        let whole = feed(limits, std::iter::once(&bytes[..]));
        assert!(bytes.starts_with(&whole.1));
        assert_eq!(feed(limits, bytes.chunks(1)), whole, "{}", bytes.escape_ascii());
        let cut = below(bytes.len() + 1);
        let (first, second) = bytes.split_at(cut);
        assert_eq!(feed(limits, [first, second].into_iter().filter(|piece| !piece.is_empty())), whole);
    }
}
