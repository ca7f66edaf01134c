//! The reader, rule by rule, and with whatever bytes come.

use std::borrow::Cow;

use super::super::document::Document;
use super::super::error::ErrorKind;
use super::{Bounds, Event, Instructions, Reader};

fn skipping() -> Bounds {
    Bounds { instructions: Instructions::Skip, ..Bounds::default() }
}

/// Every event as a line, or what is wrong.
fn events(text: &str, bounds: Bounds) -> Result<Vec<String>, ErrorKind> {
    let document = Document::from_text(text).map_err(|error| error.kind)?;
    let mut reader = Reader::new(&document, bounds);
    let mut lines = Vec::new();
    loop {
        match reader.next().map_err(|error| error.kind)? {
            Event::Start(name) => {
                let mut line = format!("<{{{}}}{}", &*name.namespace, name.local);
                for attribute in reader.attributes() {
                    let name = &attribute.name;
                    line.push_str(&format!(" {{{}}}{}={:?}", &*name.namespace, name.local, attribute.value));
                }
                lines.push(line);
            }
            Event::Text(text) => lines.push(format!("{text:?}")),
            Event::End => lines.push(">".to_owned()),
            Event::Eof => return Ok(lines),
        }
    }
}

fn malformed(text: &str) -> bool {
    matches!(events(text, skipping()), Err(ErrorKind::Malformed(_)))
}

#[test]
fn elements_attributes_and_text_come_in_document_order() {
    let text = "<?xml version='1.0'?>\n<!-- a -->\n<a b='1' c = \"2\" ><d/>x<e >y</e\n> </a >\n<!---->\n";
    let expected = ["<{}a {}b=\"1\" {}c=\"2\"", "<{}d", ">", "\"x\"", "<{}e", "\"y\"", ">", "\" \"", ">"];
    assert_eq!(events(text, Bounds::default()).unwrap(), expected);
}

#[test]
fn text_is_one_event_over_comments_cdata_and_references() {
    let text = "<a>x&lt;<!-- & < -->&#x1F600;&#10;<![CDATA[<&]]]]><![CDATA[>]]>]] y&quot;&apos;&gt;&amp;</a>";
    let expected = ["<{}a", "\"x<😀\\n<&]]>]] y\\\"'>&\"", ">"];
    assert_eq!(events(text, Bounds::default()).unwrap(), expected);
    assert_eq!(events("<a><![CDATA[]]><!-- --></a>", Bounds::default()).unwrap(), ["<{}a", ">"]);
}

#[test]
fn what_needs_no_resolving_is_borrowed() {
    let document = Document::from_text("<a b='c]d'>e]f</a>").unwrap();
    let mut reader = Reader::new(&document, Bounds::default());
    assert!(matches!(reader.next().unwrap(), Event::Start(_)));
    assert!(matches!(reader.attributes()[0].value, Cow::Borrowed("c]d")));
    assert!(matches!(reader.next().unwrap(), Event::Text(Cow::Borrowed("e]f"))));
}

#[test]
fn white_space_in_attributes_becomes_spaces_but_references_to_it_stay() {
    let text = "<a b='x\ty\r\nz&#9;&#10;&#13;' c=\"'&lt;\"/>";
    assert_eq!(events(text, Bounds::default()).unwrap()[0], "<{}a {}b=\"x y z\\t\\n\\r\" {}c=\"'<\"");
}

#[test]
fn names_are_expanded_by_the_declarations_in_scope() {
    let text = "<p:a xmlns:p='urn:1' xmlns='urn:d' p:x='' y='' xml:lang='en'>\
        <b xmlns='' xmlns:p='urn:&#50;'><p:c/></b><p:d/><e/></p:a>";
    let expected = [
        "<{urn:1}a {urn:1}x=\"\" {}y=\"\" {http://www.w3.org/XML/1998/namespace}lang=\"en\"",
        "<{}b",
        "<{urn:2}c",
        ">",
        ">",
        "<{urn:1}d",
        ">",
        "<{urn:d}e",
        ">",
        ">",
    ];
    assert_eq!(events(text, Bounds::default()).unwrap(), expected);
}

#[test]
fn documents_that_are_not_well_formed_are_refused() {
    for text in [
        "",
        " ",
        "x",
        "<",
        "<a",
        "<a>",
        "<a/",
        "<a b",
        "<a b=",
        "<a b='",
        "<a></",
        "<a></a",
        "</a>",
        "<a></b>",
        "<a></ab>",
        "<ab></a>",
        "<a/><b/>",
        "<a/>x",
        "x<a/>",
        "<a/>&#32;",
        "<a/><![CDATA[]]>",
        "<![CDATA[]]><a/>",
        "<a></a b='1'>",
        "< a/>",
        "<1a/>",
        "<-a/>",
        "<a b=1/>",
        "<a b/>",
        "<a b='1'c='2'/>",
        "<a b='<'/>",
        "<a b='1' b='2'/>",
        "<a b=\"1'/>",
        "<a / >",
        "<a>]]></a>",
        "<a>]]]></a>",
        "<a><!-- -- --></a>",
        "<a><!-- ---></a>",
        "<a><!--></a>",
        "<a><!- x --></a>",
        "<!-- <a/>",
        "<a><![CDATA[</a>",
        "<a><![cdata[]]></a>",
        "<a>&</a>",
        "<a>& b;</a>",
        "<a>&nbsp;</a>",
        "<a>&lt</a>",
        "<a>&#;</a>",
        "<a>&#x;</a>",
        "<a>&#X41;</a>",
        "<a>&#0;</a>",
        "<a>&#1;</a>",
        "<a>&#xD800;</a>",
        "<a>&#xFFFE;</a>",
        "<a>&#x110000;</a>",
        "<a>&#99999999999;</a>",
        "<a>&#4 1;</a>",
        "<a b='&x;'/>",
        "<a><!DOCTYPE a></a>",
        "<a/><!DOCTYPE a>",
        "<!doctype a><a/>",
        " <?xml version='1.0'?><a/>",
        "<a><?xml version='1.0'?></a>",
        "<?XML x?><a/>",
        "<?1?><a/>",
        "<?p?x?><a/>",
        "<?p x><a/>",
        "<? p?><a/>",
        "<a/>\u{feff}",
        "<a/><",
        "<a>\u{e9}",
    ] {
        assert!(malformed(text), "{text:?}: {:?}", events(text, skipping()));
    }
}

#[test]
fn documents_that_are_not_well_formed_with_namespaces_are_refused() {
    for text in [
        "<p:a/>",
        "<a p:b=''/>",
        "<:a/>",
        "<a:/>",
        "<a:b:c xmlns:a='u'/>",
        "<a :b=''/>",
        "<p:1 xmlns:p='u'/>",
        "<a xmlns:p=''/>",
        "<a xmlns:xmlns='u'/>",
        "<a xmlns:p='http://www.w3.org/2000/xmlns/'/>",
        "<a xmlns='http://www.w3.org/2000/xmlns/'/>",
        "<a xmlns:xml='u'/>",
        "<xmlns:a/>",
        "<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>",
        "<a xmlns='http://www.w3.org/XML/1998/namespace'/>",
        "<a xmlns='u' xmlns='u'/>",
        "<a xmlns:p='u' xmlns:p='v'/>",
        "<a xmlns:p='u' xmlns:q='u' p:b='' q:b=''/>",
        "<a><b xmlns:p='u'/><p:c/></a>",
        "<a xmlns:p='u' xmlns:q='u' c='' d='' e='' f='' g='' h='' p:b='' i='' q:b=''/>",
    ] {
        assert!(malformed(text), "{text:?}: {:?}", events(text, skipping()));
    }
    for text in [
        "<a xmlns:p='u' b='' p:b=''/>",
        "<a xmlns='u' xmlns:p='u' b='' p:b=''/>",
        "<a xmlns=''/>",
        "<a xmlns:xml='http://www.w3.org/XML/1998/namespace'/>",
        "<p:a xmlns:p='u'><b xmlns:p='v'/></p:a>",
    ] {
        assert!(events(text, skipping()).is_ok(), "{text:?}: {:?}", events(text, skipping()));
    }
}

#[test]
fn document_type_declarations_and_instructions_have_errors_of_their_own() {
    for text in ["<!DOCTYPE a><a/>", "<?xml version='1.0'?><!-- --><!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"]
    {
        assert_eq!(events(text, skipping()), Err(ErrorKind::Doctype), "{text}");
    }
    for text in ["<?p?><a/>", "<a><?p q?></a>", "<a/><?p q?>"] {
        assert_eq!(events(text, Bounds::default()), Err(ErrorKind::ProcessingInstruction), "{text}");
        assert!(events(text, skipping()).is_ok(), "{text}");
    }
}

#[test]
fn every_bound_holds_and_its_last_value_is_taken() {
    let bounds = Bounds { depth_max: 3, attributes_max: 2, namespaces_max: 1, ..Bounds::default() };
    assert!(events("<a><b><c/><c/></b></a>", bounds).is_ok());
    assert_eq!(events("<a><b><c><d/></c></b></a>", bounds), Err(ErrorKind::Depth));
    assert!(events("<a b='' c='' xmlns='u'/>", bounds).is_ok());
    assert_eq!(events("<a b='' c='' d=''/>", bounds), Err(ErrorKind::Attributes));
    assert_eq!(events("<a xmlns='u' xmlns:p='v'/>", bounds), Err(ErrorKind::Namespaces));
}

#[test]
fn a_captured_element_means_the_same_by_itself() {
    let text = "<e:E xmlns:e='urn:e' xmlns='urn:d' xmlns:q='a&amp;\"&lt;b'><x xmlns:e='urn:f'>\
        <y t='q:n'><e:z/>a&lt;b<!-- c --></y><w xmlns=''/></x><p:v xmlns:p='urn:p'/></e:E>";
    let document = Document::from_text(text).unwrap();
    let mut reader = Reader::new(&document, Bounds::default());
    reader.next().unwrap();
    reader.next().unwrap();
    reader.next().unwrap();
    assert_eq!(
        reader.capture().unwrap(),
        "<y xmlns=\"urn:d\" xmlns:q=\"a&amp;&quot;&lt;b\" xmlns:e=\"urn:f\" t='q:n'><e:z/>a&lt;b<!-- c --></y>"
    );
    assert!(matches!(reader.next().unwrap(), Event::Start(name) if name.is("", "w")));
    assert_eq!(reader.capture().unwrap(), "<w xmlns:q=\"a&amp;&quot;&lt;b\" xmlns:e=\"urn:f\" xmlns=''/>");
    assert_eq!(reader.next().unwrap(), Event::End);
    assert_eq!(reader.depth(), 1);
}

#[test]
fn captures_do_not_multiply_long_declarations() {
    let long = "u".repeat(100_000);
    let text = format!("<a xmlns:p='{long}'>{}</a>", "<p:b/>".repeat(5));
    let document = Document::from_text(&text).unwrap();
    let mut reader = Reader::new(&document, Bounds::default());
    reader.next().unwrap();
    for _ in 0..2 {
        reader.next().unwrap();
        reader.capture().unwrap();
    }
    reader.next().unwrap();
    assert_eq!(reader.capture().unwrap_err().kind, ErrorKind::Capture);
}

#[test]
fn skipping_ends_after_the_end_of_the_element() {
    let document = Document::from_text("<a><b><b/>x<b></b></b><c/></a>").unwrap();
    let mut reader = Reader::new(&document, Bounds::default());
    reader.next().unwrap();
    reader.next().unwrap();
    reader.skip().unwrap();
    assert!(matches!(reader.next().unwrap(), Event::Start(name) if name.local == "c"));
    reader.skip().unwrap();
    reader.skip().unwrap();
    assert_eq!(reader.next().unwrap(), Event::Eof);
    assert_eq!(reader.next().unwrap(), Event::Eof);
}

#[test]
fn a_fragment_is_any_number_of_elements_and_no_text() {
    let read = |text: &str| {
        let document = Document::fragment(text).unwrap();
        let mut reader = Reader::new(&document, Bounds::default());
        let mut roots = 0;
        loop {
            match reader.next() {
                Ok(Event::Start(_)) => {
                    roots += 1;
                    reader.skip()?;
                }
                Ok(Event::Eof) => return Ok(roots),
                Ok(other) => panic!("{other:?}"),
                Err(error) => return Err(error),
            }
        }
    };
    assert_eq!(read(""), Ok(0));
    assert_eq!(read(" <a/>\n<b xmlns='u'>x</b><!-- --> "), Ok(2));
    for text in
        ["x", "<a/>x", "<a>", "<p:a/>", "<?xml version='1.0'?><a/>", "<!DOCTYPE a><a/>", "</a>", "<a/>&amp;"]
    {
        assert!(read(text).is_err(), "{text}");
    }
}

#[test]
fn an_error_says_where_it_is() {
    let document = Document::from_text("<a>\r\n<b>\r\n</c></a>").unwrap();
    let mut reader = Reader::new(&document, Bounds::default());
    let error = loop {
        if let Err(error) = reader.next() {
            break error;
        }
    };
    assert_eq!((error.line, error.offset), (3, 10));
    assert_eq!(
        error.to_string(),
        "line 3, byte 10: not well-formed: an end tag that does not match its start tag"
    );
}

/// Small and good enough to choose mutations; the seed is fixed so that a failure comes again.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

#[test]
fn whatever_bytes_come_it_ends_without_a_panic() {
    let seeds: [&[u8]; 4] = [
        b"<?xml version='1.0' encoding='utf-8'?><e:E xmlns:e='urn:e' xmlns='d'><e:B a='1' e:a=\"&lt;\"/>x&#x41;</e:E>",
        b"<a><!-- c --><![CDATA[ ]]]>]]>&amp;<b c='d'>\r\n\xc3\xa9\xf0\x9f\x98\x80</b></a>",
        b"\xff\xfe<\0a\0>\0x\0<\0/\0a\0>\0",
        b"<a xmlns:p='u'><p:b><?x y?></p:b><!DOCTYPE z></a>",
    ];
    let markup = b"<>/!?&;'\"=:-[]# \t\r\nxa0\0\xef\xbf\xbe\xff\xc3";
    let mut random = Random(42);
    let mut well_formed = 0;
    for round in 0..100_000 {
        let mut bytes = seeds[round % seeds.len()].to_vec();
        for _ in 0..=random.below(3) {
            let at = random.below(bytes.len());
            match random.below(4) {
                0 => bytes[at] = markup[random.below(markup.len())],
                1 => bytes.insert(at, markup[random.below(markup.len())]),
                2 => bytes.truncate(at.max(1)),
                _ => {
                    let piece = bytes[at..].to_vec();
                    bytes.extend(piece);
                }
            }
        }
        let Ok(document) = Document::decode(&bytes, None) else { continue };
        let mut reader = Reader::new(&document, skipping());
        let mut steps = 0;
        loop {
            let event =
                if random.below(8) == 0 { reader.capture().map(|_| None) } else { reader.next().map(Some) };
            match event {
                Ok(Some(Event::Eof)) => {
                    well_formed += 1;
                    break;
                }
                Err(_) => break,
                _ => steps += 1,
            }
            assert!(steps < 10_000);
        }
    }
    assert!(well_formed > 1_000, "{well_formed}");
}
