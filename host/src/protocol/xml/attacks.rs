//! Documents that are meant to cost more than their size: what each of them comes to, and what it took.
//!
//! Every document has about a million bytes, the largest body that is taken unless somebody configures more. Work that is not
//! linear in it would show as a test that takes minutes; the figures are printed for people, and gate nothing.

use std::time::Instant;

use super::{Bounds, Document, Error, ErrorKind, Event, Reader};

const BYTES: usize = 1 << 20;

/// As many of this piece as make a large document.
fn many(piece: &str) -> String {
    piece.repeat(BYTES / piece.len())
}

fn numbered(piece: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    for number in 0.. {
        if text.len() >= BYTES {
            break;
        }
        text.push_str(&piece(number));
    }
    text
}

/// The bytes of text and attribute values that a document comes to.
fn read(bytes: &[u8], bounds: Bounds) -> Result<usize, ErrorKind> {
    let kind = |error: Error| error.kind;
    let document = Document::decode(bytes, None).map_err(kind)?;
    let mut reader = Reader::new(&document, bounds);
    let mut length = 0;
    loop {
        match reader.next().map_err(kind)? {
            Event::Start(_) => {
                length += reader.attributes().iter().map(|attribute| attribute.value.len()).sum::<usize>();
            }
            Event::Text(text) => length += text.len(),
            Event::End => {}
            Event::Eof => return Ok(length),
        }
    }
}

#[test]
fn entities_are_never_expanded() {
    let laughs: String =
        (1..10).map(|n| format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10))).collect();
    for prolog in [
        format!("<!DOCTYPE a [<!ENTITY l0 \"lol\">{laughs}]>"),
        format!("<!DOCTYPE a [<!ENTITY l9 \"{}\">]>", "x".repeat(100_000)),
        "<!DOCTYPE a [<!ENTITY l9 SYSTEM \"file:///etc/passwd\">]>".to_owned(),
        "<!DOCTYPE a [<!ENTITY % p SYSTEM \"http://127.0.0.1:1/x.dtd\"> %p;]>".to_owned(),
        "<!DOCTYPE a PUBLIC \"-//X\" \"http://127.0.0.1:1/x.dtd\">".to_owned(),
        "<!DOCTYPE a>".to_owned(),
    ] {
        let text = format!("<?xml version='1.0'?>{prolog}<a>{}</a>", "&l9;".repeat(1_000));
        assert_eq!(read(text.as_bytes(), Bounds::default()), Err(ErrorKind::Doctype), "{prolog:.60}");
    }
    let undeclared = read(b"<a>&l9;</a>", Bounds::default());
    assert!(matches!(undeclared, Err(ErrorKind::Malformed(_))), "{undeclared:?}");
}

#[test]
fn what_is_large_in_one_way_is_refused_or_read_in_linear_work() {
    let wide = Bounds {
        depth_max: usize::MAX,
        attributes_max: usize::MAX,
        namespaces_max: usize::MAX,
        ..Bounds::default()
    };
    let deep = format!("{}{}", "<a>".repeat(BYTES / 7), "</a>".repeat(BYTES / 7));
    let attributes = format!("<a{}/>", numbered(|number| format!(" a{number}=''")));
    let hashed_alike =
        format!("<a{}/>", numbered(|number| format!(" p:a{number}='' ")).replacen(' ', " xmlns:p='u' ", 1));
    let namespaces = format!("<a{}/>", numbered(|number| format!(" xmlns:a{number}='u'")));
    let nested_namespaces = format!(
        "{}{}",
        numbered(|number| format!("<a xmlns:p{number}='u'>")),
        "</a>".repeat(numbered(|number| format!("<a xmlns:p{number}='u'>")).matches('<').count())
    );
    let shadowed = {
        let open = many("<p:a xmlns:p='u'>");
        let count = open.matches('<').count();
        format!("{open}{}", "</p:a>".repeat(count))
    };
    // Each case: the document, what it is under the bounds that hold by default, and without any.
    let cases = [
        ("nesting", deep, Err(ErrorKind::Depth), Some(0)),
        ("attributes", attributes, Err(ErrorKind::Attributes), Some(0)),
        ("attributes in a namespace", hashed_alike, Err(ErrorKind::Attributes), Some(0)),
        ("namespaces of one element", namespaces, Err(ErrorKind::Namespaces), Some(0)),
        ("namespaces in scope", nested_namespaces, Err(ErrorKind::Depth), Some(0)),
        ("one prefix, shadowed", shadowed, Err(ErrorKind::Depth), Some(0)),
        ("references", format!("<a>{}</a>", many("&amp;")), Ok(BYTES / 5), None),
        ("character references", format!("<a>{}</a>", many("&#65;")), Ok(BYTES / 5), None),
        ("one long reference", format!("<a>&#{}65;</a>", "0".repeat(BYTES)), Ok(1), None),
        ("brackets", format!("<a>{}</a>", many("]")), Ok(BYTES), None),
        ("CDATA", format!("<a>{}</a>", many("<![CDATA[x]]>")), Ok(BYTES / 13), None),
        ("comments", format!("<a>{}</a>", many("<!---->")), Ok(0), None),
        ("one comment", format!("<a><!--{}--></a>", many("- ")), Ok(0), None),
        ("line ends", format!("<a>{}</a>", many("\r\n")), Ok(BYTES / 2), None),
        ("a long value", format!("<a b='{}'/>", many("\t")), Ok(BYTES), None),
        ("a long name", format!("<{0}></{0}>", "n".repeat(BYTES / 2)), Ok(0), None),
        ("a long namespace", format!("<a xmlns='{}'><b/></a>", many("u")), Ok(0), None),
        ("siblings", format!("<a>{}</a>", many("<b/>")), Ok(0), None),
        ("siblings with a namespace", format!("<a>{}</a>", many("<p:b xmlns:p='u'/>")), Ok(0), None),
    ];
    for (name, text, expected, unbounded) in cases {
        let mut unbounded_bytes_per_us = String::new();
        let started = Instant::now();
        assert_eq!(read(text.as_bytes(), Bounds::default()), expected, "{name}");
        let bounded = started.elapsed();
        if let Some(length) = unbounded {
            let started = Instant::now();
            assert_eq!(read(text.as_bytes(), wide), Ok(length), "{name}");
            unbounded_bytes_per_us = format!(", without bounds {:?}", started.elapsed());
        }
        println!("{name}: {} bytes in {bounded:?}{unbounded_bytes_per_us}", text.len());
    }
}

#[test]
fn constructs_without_an_end_are_searched_once() {
    for piece in ["<!--", "<![CDATA[", "<?p ", "<a b='", "<", "&", "]]", "</"] {
        let text = format!("<a>{}", many(piece));
        assert!(read(text.as_bytes(), Bounds::default()).is_err(), "{piece}");
    }
}

#[test]
fn bytes_that_are_no_text_never_become_other_text() {
    for bytes in [
        &b"<a>\0</a>"[..],
        b"<a>\xc0\xaf</a>",
        b"<a>\xed\xa0\x80</a>",
        b"<a>\xf8\x88\x80\x80\x80</a>",
        b"<a>\xff\xfe</a>",
        b"\xef\xbb\xbf\xef\xbb\xbf<a/>",
        b"\xff\xfe<\0a\0>\0\0\xd8<\0/\0a\0>\0",
        b"+ADw-a/+AD4-",
        b"\x4c\x81\x61\x6e",
    ] {
        assert!(read(bytes, Bounds::default()).is_err(), "{bytes:?}");
    }
}
