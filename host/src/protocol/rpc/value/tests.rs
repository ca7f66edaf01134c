use super::super::super::xml::{Bounds, Document, Reader};
use super::super::json::{self, Scanner, SyntaxError};
use super::lexical::is_date_time;
use super::read::EXTENSIONS;
use super::write::Unwritable;
use super::*;

/// The JSON of a `value` element.
fn json_of(value: &str) -> Result<String, Invalid> {
    let xml = format!("<r xmlns:ex='{EXTENSIONS}'><value>{value}</value></r>");
    let document = Document::from_text(&xml)?;
    let mut reader = Reader::new(&document, Bounds::default());
    assert!(next_tag(&mut reader)?.is_some());
    assert!(next_tag(&mut reader)?.is_some());
    let mut out = String::new();
    read(&mut reader, 8, &mut out)?;
    assert_eq!(json::document(&out, 8), Ok(out.as_str()));
    Ok(out)
}

/// The inside of the `value` element of a JSON value.
fn xml_of(json: &str) -> Result<String, Unwritable> {
    let mut out = String::new();
    let mut scanner = Scanner::new(json, 64);
    write(&mut scanner, 1_000_000, &mut out)?;
    scanner.end()?;
    Ok(out.strip_prefix("<value>").unwrap().strip_suffix("</value>").unwrap().to_owned())
}

#[test]
fn every_type_is_read() {
    for (xml, json) in [
        ("<int>41</int>", "41"),
        ("<i4> -12 \n</i4>", "-12"),
        ("<int>+007</int>", "7"),
        ("<i8>9223372036854775807</i8>", "9223372036854775807"),
        ("<ex:i8>-9223372036854775808</ex:i8>", "-9223372036854775808"),
        ("<boolean>1</boolean>", "true"),
        ("<boolean>0</boolean>", "false"),
        ("<string>a &lt; \"b\"</string>", r#""a < \"b\"""#),
        ("<string/>", r#""""#),
        ("<string>  \n </string>", r#""  \n ""#),
        ("  bare\ttext ", r#""  bare\ttext ""#),
        ("", r#""""#),
        ("<![CDATA[<int>1</int>]]> &amp; more", r#""<int>1</int> & more""#),
        ("split<!-- here -->text", r#""splittext""#),
        ("<double>-12.53</double>", "-12.53"),
        ("<double>3</double>", "3.0"),
        ("<double>+.5</double>", "0.5"),
        ("<double>05.</double>", "5.0"),
        ("<double>1e-10</double>", "1e-10"),
        ("<double>1.50E+3</double>", "1.50e+3"),
        ("<double>-0.0</double>", "-0.0"),
        ("<double>0.10000000000000000000001</double>", "0.10000000000000000000001"),
        ("<dateTime.iso8601>19980717T14:08:55</dateTime.iso8601>", r#"{"$dateTime":"19980717T14:08:55"}"#),
        (
            "<dateTime.iso8601>1998-07-17T14:08:55Z</dateTime.iso8601>",
            r#"{"$dateTime":"1998-07-17T14:08:55Z"}"#,
        ),
        ("<base64>\n aGVs\n bG8=\n</base64>", r#"{"$base64":"aGVsbG8="}"#),
        ("<base64>aGVsbG8</base64>", r#"{"$base64":"aGVsbG8="}"#),
        ("<base64/>", r#"{"$base64":""}"#),
        ("<nil/>", "null"),
        ("<nil></nil>", "null"),
        ("<ex:nil/>", "null"),
        ("<array><data/></array>", "[]"),
        (" <array> <data> <value><int>1</int></value> <value>x</value> </data> </array> ", r#"[1,"x"]"#),
        ("<struct/>", "{}"),
        (
            "<struct> <member> <name>a b</name> <value><nil/></value> </member> <member><name></name><value/></member> </struct>",
            r#"{"a b":null,"":""}"#,
        ),
    ] {
        assert_eq!(json_of(xml).as_deref(), Ok(json), "{xml}");
    }
}

#[test]
fn what_breaks_a_rule_of_its_type_is_refused() {
    for xml in [
        "<int>2147483648</int>",
        "<i4>-2147483649</i4>",
        "<int></int>",
        "<int>1.0</int>",
        "<int>0x1</int>",
        "<int>1 2</int>",
        "<int><i4>1</i4></int>",
        "<i8>9223372036854775808</i8>",
        "<boolean>2</boolean>",
        "<boolean>true</boolean>",
        "<boolean/>",
        "<double>NaN</double>",
        "<double>inf</double>",
        "<double>1e999</double>",
        "<double>1,5</double>",
        "<double/>",
        "<double>.</double>",
        "<double>0x1p3</double>",
        "<dateTime.iso8601>now</dateTime.iso8601>",
        "<dateTime.iso8601/>",
        "<base64>a</base64>",
        "<base64>a*==</base64>",
        "<nil>x</nil>",
        "<ex:int>1</ex:int>",
        "<float>1</float>",
        "text<int>1</int>",
        "<int>1</int>text",
        "<int>1</int><int>2</int>",
        "<array/>",
        "<array><value/></array>",
        "<array><data/><data/></array>",
        "<array><data><int>1</int></data></array>",
        "<array>x<data/></array>",
        "<struct><name/></struct>",
        "<struct><member/></struct>",
        "<struct><member><name>a</name></member></struct>",
        "<struct><member><value/><name>a</name></member></struct>",
        "<struct><member><name>a</name><value/><value/></member></struct>",
        "<struct><member><name><b/></name><value/></member></struct>",
        "<struct><member><name>a</name><value/></member><member><name>a</name><value/></member></struct>",
    ] {
        assert!(matches!(json_of(xml), Err(Invalid::Rule(_))), "{xml}: {:?}", json_of(xml));
    }
}

#[test]
fn dates_are_known_by_their_form() {
    for good in [
        "19980717T14:08:55",
        "19980717T140855",
        "1998-07-17T14:08:55",
        "19980717T14:08:55.123",
        "19980717T14:08:55Z",
        "19980717T14:08:55+02:00",
        "19980717T14:08:55-0530",
        "19980717T14:08:55+02",
        "00000000T00:00:00",
        "20161231T23:59:60",
    ] {
        assert!(is_date_time(good), "{good}");
    }
    for bad in [
        "",
        "T",
        "19980717",
        "19980717 14:08:55",
        "1998717T14:08:55",
        "19981317T14:08:55",
        "19980732T14:08:55",
        "19980717T25:08:55",
        "19980717T14:60:55",
        "19980717T14:08",
        "1998-0717T14:08:55",
        "19980717T14:0855",
        "19980717T14:08:55.",
        "19980717T14:08:55X",
        "19980717T14:08:55+",
        "19980717T14:08:55+24:00",
        "+9980717T14:08:55",
        "é9980717T14:08:55",
    ] {
        assert!(!is_date_time(bad), "{bad}");
    }
}

#[test]
fn every_json_value_is_written() {
    for (json, xml) in [
        ("7", "<int>7</int>"),
        ("-0", "<int>0</int>"),
        ("2147483648", "<i8>2147483648</i8>"),
        ("-2147483649", "<i8>-2147483649</i8>"),
        ("1.0", "<double>1.0</double>"),
        ("0.1", "<double>0.1</double>"),
        ("1e3", "<double>1000.0</double>"),
        ("1.5E-3", "<double>0.0015</double>"),
        ("true", "<boolean>1</boolean>"),
        ("false", "<boolean>0</boolean>"),
        ("null", "<nil/>"),
        (r#""a\u003cb\r\n&""#, "<string>a&lt;b&#13;\n&amp;</string>"),
        ("[]", "<array><data></data></array>"),
        (
            "[1,\"x\"]",
            "<array><data><value><int>1</int></value><value><string>x</string></value></data></array>",
        ),
        ("{}", "<struct></struct>"),
        (
            r#"{"a<":1 , "b":{}}"#,
            "<struct><member><name>a&lt;</name><value><int>1</int></value></member>\
             <member><name>b</name><value><struct></struct></value></member></struct>",
        ),
        (r#"{"$dateTime":"19980717T14:08:55"}"#, "<dateTime.iso8601>19980717T14:08:55</dateTime.iso8601>"),
        (r#"{"\u0024base64" : "aGVsbG8"}"#, "<base64>aGVsbG8=</base64>"),
        (
            r#"{"$dateTime":"x","b":1}"#,
            "<struct><member><name>$dateTime</name><value><string>x</string></value></member>\
             <member><name>b</name><value><int>1</int></value></member></struct>",
        ),
        (
            r#"{"$base64":1}"#,
            "<struct><member><name>$base64</name><value><int>1</int></value></member></struct>",
        ),
    ] {
        assert_eq!(xml_of(json).as_deref(), Ok(xml), "{json}");
    }
    assert_eq!(xml_of("1e308").unwrap().len(), "<double></double>".len() + 309 + 2);
}

#[test]
fn what_xml_rpc_cannot_say_is_refused_rather_than_changed() {
    for (json, error) in [
        ("9223372036854775808", Unwritable::Integer),
        ("1e999", Unwritable::Double),
        (r#""\u0000""#, Unwritable::Character),
        (r#"{"\u001b":1}"#, Unwritable::Character),
        (r#""\uffff""#, Unwritable::Character),
        (r#"{"a":1,"\u0061":2}"#, Unwritable::Repeated),
        (r#"{"$dateTime":"a","b":1,"$dateTime":"a"}"#, Unwritable::Repeated),
        (r#"{"$dateTime":"tomorrow"}"#, Unwritable::Marked),
        (r#"{"$base64":"*"}"#, Unwritable::Marked),
        ("[1", Unwritable::Json(SyntaxError::EndsEarly)),
        ("1 2", Unwritable::Json(SyntaxError::Unexpected(2))),
    ] {
        assert_eq!(xml_of(json), Err(error), "{json}");
    }
    let mut out = String::new();
    let many = format!("[{}1e308]", "1e308,".repeat(1_000));
    assert_eq!(write(&mut Scanner::new(&many, 64), 10_000, &mut out), Err(Unwritable::TooLarge));
    assert!(out.len() < 11_000);
}

#[test]
fn a_struct_that_looks_like_a_marked_value_stays_a_struct() {
    let of = |name: &str, value: &str| {
        format!("<struct><member><name>{name}</name><value>{value}</value></member></struct>")
    };
    for (name, written) in [
        ("$dateTime", r#"{"$$dateTime":"19980717T14:08:55"}"#),
        ("$base64", r#"{"$$base64":"19980717T14:08:55"}"#),
        ("$$base64", r#"{"$$$base64":"19980717T14:08:55"}"#),
        ("$other", r#"{"$other":"19980717T14:08:55"}"#),
        ("base64", r#"{"base64":"19980717T14:08:55"}"#),
    ] {
        let xml = of(name, "<string>19980717T14:08:55</string>");
        assert_eq!(json_of(&xml).as_deref(), Ok(written));
        assert_eq!(xml_of(written), Ok(xml));
    }
    let number = of("$base64", "<int>1</int>");
    assert_eq!(json_of(&number).as_deref(), Ok(r#"{"$base64":1}"#));
    assert_eq!(xml_of(r#"{"$base64":1}"#), Ok(number));
}

#[test]
fn nesting_is_bounded_both_ways() {
    let nested = |depth: usize| {
        "<array><data><value>".repeat(depth) + "<int>1</int>" + &"</value></data></array>".repeat(depth)
    };
    assert_eq!(json_of(&nested(8)).unwrap(), "[[[[[[[[1]]]]]]]]");
    assert_eq!(json_of(&nested(9)), Err(Invalid::TooDeep));
    assert!(matches!(json_of(&nested(100)), Err(Invalid::TooDeep | Invalid::Xml(_))));
    assert!(xml_of(&("[".repeat(64) + &"]".repeat(64))).is_ok());
    assert!(matches!(xml_of(&"[".repeat(100_000)), Err(Unwritable::Json(SyntaxError::TooDeep(_)))));
}
