//! Values: XML-RPC to JSON text and back.
//!
//! Owns the mapping that `wit/rpc.wit` states. Refuses to know what a call is. Both ways go from one text straight to the other
//! in one pass; the depth of both is bounded, so the recursion is.
//!
//! | XML-RPC | JSON |
//! | --- | --- |
//! | `int`, `i4`, `i8`, `ex:i8` | number without fraction and exponent; back as `int` within 32 bits, else as `i8` |
//! | `double` | number with a fraction or an exponent, digits kept; back without an exponent, as the specification wants it |
//! | `boolean` | `true`, `false` |
//! | `string`, or text without a type | string |
//! | `dateTime.iso8601` | `{"$dateTime":"19980717T14:08:55"}`, the text kept |
//! | `base64` | `{"$base64":"aGVsbG8="}`, without white space and padded |
//! | `nil`, `ex:nil` | `null` |
//! | `array`, `struct` | array, object |
//!
//! A struct whose only member is a string named `$dateTime` or `$base64` would be taken for the marked value. It has one more
//! `$` in front of that name in JSON, and one with `$$dateTime` two more, and so on; on the way back one `$` is taken away. So
//! every XML-RPC value comes back as it was sent. A struct that repeats a name is an error both ways.

use std::borrow::Cow;
use std::collections::HashSet;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::super::xml::{self, Event, Name, Reader};
use super::json::{self, Next, Scanner, SyntaxError};

/// Where the extension types live: Apache's namespace, customarily bound to `ex`.
const EXTENSIONS: &str = "http://ws.apache.org/xmlrpc/namespaces/extensions";

/// Padding is written, and may be missing in what is read.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a document is no XML-RPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Invalid {
    /// It is no XML that is taken here.
    #[error(transparent)]
    Xml(#[from] xml::Error),
    /// Values nest more deeply than `json_depth_max`.
    #[error("values are nested too deeply (json_depth_max)")]
    TooDeep,
    /// It breaks a rule of XML-RPC; the text is one for the caller.
    #[error("{0}")]
    Rule(&'static str),
}

/// Why a plugin's result has no form in XML-RPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unwritable {
    /// It is not JSON.
    #[error("is not JSON: {0}")]
    Json(#[from] SyntaxError),
    /// XML-RPC's integers end at 64 bits.
    #[error("has an integer outside 64 bits, which XML-RPC cannot say")]
    Integer,
    /// XML-RPC's doubles are finite.
    #[error("has a number outside the range of a double, which XML-RPC cannot say")]
    Double,
    /// XML has no way to write most control characters.
    #[error("has text with a character that XML cannot carry; send it as base64")]
    Character,
    /// A struct has each name once.
    #[error("has an object that names a member twice")]
    Repeated,
    /// The text under `$dateTime` or `$base64` is not of that form.
    #[error("has a `$dateTime` or `$base64` whose text is not one")]
    Marked,
    /// The reply would be over `response_bytes_max`.
    #[error("is too large as XML (response_bytes_max)")]
    TooLarge,
}

/// The kind of a value as far as its struct needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Read {
    Text,
    Other,
}

/// Goes to the next tag. White space on the way is nothing, other text is an error.
pub(super) fn next_tag<'a>(reader: &mut Reader<'a>) -> Result<Option<Name<'a>>, Invalid> {
    loop {
        match reader.next()? {
            Event::Start(name) => return Ok(Some(name)),
            Event::End | Event::Eof => return Ok(None),
            Event::Text(text) if is_blank(&text) => {}
            Event::Text(_) => return Err(Invalid::Rule("There is text where only elements may stand.")),
        }
    }
}

/// The text of the element that has just begun, and past its end.
pub(super) fn content<'a>(reader: &mut Reader<'a>) -> Result<Cow<'a, str>, Invalid> {
    let text = match reader.next()? {
        Event::End => return Ok(Cow::Borrowed("")),
        Event::Text(text) => text,
        Event::Start(_) | Event::Eof => {
            return Err(Invalid::Rule("There is an element where only text may stand."));
        }
    };
    match reader.next()? {
        Event::End => Ok(text),
        _ => Err(Invalid::Rule("There is an element where only text may stand.")),
    }
}

/// Appends the value whose `value` element has just begun as JSON, and goes past its end. `depth_left` is how many arrays and
/// structs may still nest.
pub(super) fn read(reader: &mut Reader<'_>, depth_left: u64, out: &mut String) -> Result<(), Invalid> {
    read_value(reader, depth_left, out).map(|_| ())
}

fn read_value(reader: &mut Reader<'_>, depth_left: u64, out: &mut String) -> Result<Read, Invalid> {
    let mut event = reader.next()?;
    let mut text = Cow::Borrowed("");
    if let Event::Text(leading) = event {
        text = leading;
        event = reader.next()?;
    }
    match event {
        Event::Start(name) if is_blank(&text) => {
            let kind = read_typed(reader, &name, depth_left, out)?;
            if next_tag(reader)?.is_some() {
                return Err(Invalid::Rule("A value has more than one type."));
            }
            Ok(kind)
        }
        Event::Start(_) => Err(Invalid::Rule("A value has both text and a type.")),
        // A value without a type is a string, and white space in a string counts.
        _ => {
            json::push_string(out, &text);
            Ok(Read::Text)
        }
    }
}

fn read_typed(
    reader: &mut Reader<'_>,
    name: &Name<'_>,
    depth_left: u64,
    out: &mut String,
) -> Result<Read, Invalid> {
    let is_plain = name.namespace.is_empty();
    let is_extension = *name.namespace == *EXTENSIONS;
    match name.local {
        "string" if is_plain => {
            json::push_string(out, &content(reader)?);
            return Ok(Read::Text);
        }
        "int" | "i4" if is_plain => {
            let number: Result<i32, _> = trimmed(&content(reader)?).parse();
            let number = number.map_err(|_| Invalid::Rule("An int is not an integer within 32 bits."))?;
            out.push_str(&number.to_string());
        }
        "i8" if is_plain || is_extension => {
            let number: Result<i64, _> = trimmed(&content(reader)?).parse();
            let number = number.map_err(|_| Invalid::Rule("An i8 is not an integer within 64 bits."))?;
            out.push_str(&number.to_string());
        }
        "boolean" if is_plain => match trimmed(&content(reader)?) {
            "0" => out.push_str("false"),
            "1" => out.push_str("true"),
            _ => return Err(Invalid::Rule("A boolean is neither 0 nor 1.")),
        },
        "double" if is_plain => {
            push_double(trimmed(&content(reader)?), out)
                .ok_or(Invalid::Rule("A double is not a finite decimal number."))?;
        }
        "dateTime.iso8601" if is_plain => {
            let text = content(reader)?;
            let text = trimmed(&text);
            if !is_date_time(text) {
                return Err(Invalid::Rule("A dateTime.iso8601 is not of the form 19980717T14:08:55."));
            }
            out.push_str("{\"$dateTime\":\"");
            out.push_str(text);
            out.push_str("\"}");
        }
        "base64" if is_plain => {
            let text: String = content(reader)?.split_ascii_whitespace().collect();
            let bytes = BASE64.decode(text).map_err(|_| Invalid::Rule("A base64 is not base64."))?;
            out.push_str("{\"$base64\":\"");
            BASE64.encode_string(bytes, out);
            out.push_str("\"}");
        }
        "nil" if is_plain || is_extension => {
            if !is_blank(&content(reader)?) {
                return Err(Invalid::Rule("A nil is not empty."));
            }
            out.push_str("null");
        }
        "array" if is_plain => read_array(reader, deeper(depth_left)?, out)?,
        "struct" if is_plain => read_struct(reader, deeper(depth_left)?, out)?,
        _ => return Err(Invalid::Rule("A value is of a type that XML-RPC does not have.")),
    }
    Ok(Read::Other)
}

fn deeper(depth_left: u64) -> Result<u64, Invalid> {
    depth_left.checked_sub(1).ok_or(Invalid::TooDeep)
}

fn read_array(reader: &mut Reader<'_>, depth_left: u64, out: &mut String) -> Result<(), Invalid> {
    if !next_tag(reader)?.is_some_and(|name| name.is("", "data")) {
        return Err(Invalid::Rule("An array has no data."));
    }
    out.push('[');
    let mut is_first = true;
    while let Some(name) = next_tag(reader)? {
        if !name.is("", "value") {
            return Err(Invalid::Rule("The data of an array holds something else than values."));
        }
        if !std::mem::take(&mut is_first) {
            out.push(',');
        }
        read_value(reader, depth_left, out)?;
    }
    out.push(']');
    if next_tag(reader)?.is_some() {
        return Err(Invalid::Rule("An array holds something else than its data."));
    }
    Ok(())
}

fn read_struct(reader: &mut Reader<'_>, depth_left: u64, out: &mut String) -> Result<(), Invalid> {
    const SHAPE: Invalid = Invalid::Rule("A member of a struct is not one name and one value.");
    out.push('{');
    let start = out.len();
    // The set's hash is keyed at random, so that chosen names cannot make it slow.
    let mut names = HashSet::new();
    let mut looks_marked = false;
    while let Some(tag) = next_tag(reader)? {
        if !tag.is("", "member") {
            return Err(Invalid::Rule("A struct holds something else than members."));
        }
        if !next_tag(reader)?.is_some_and(|tag| tag.is("", "name")) {
            return Err(SHAPE);
        }
        let name = content(reader)?;
        if !names.is_empty() {
            out.push(',');
        }
        json::push_string(out, &name);
        out.push(':');
        if !next_tag(reader)?.is_some_and(|tag| tag.is("", "value")) {
            return Err(SHAPE);
        }
        let kind = read_value(reader, depth_left, out)?;
        if next_tag(reader)?.is_some() {
            return Err(SHAPE);
        }
        looks_marked = kind == Read::Text && is_marker(&name);
        if !names.insert(name) {
            return Err(Invalid::Rule("A struct names a member twice."));
        }
    }
    if names.len() == 1 && looks_marked {
        // Behind the opening quote of the one name.
        out.insert(start.saturating_add(1), '$');
    }
    out.push('}');
    Ok(())
}

/// `$dateTime` or `$base64`, with one or more `$`.
fn is_marker(name: &str) -> bool {
    name.starts_with('$') && matches!(name.trim_start_matches('$'), "dateTime" | "base64")
}

fn is_blank(text: &str) -> bool {
    trimmed(text).is_empty()
}

/// Without XML's white space around it.
fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\n', '\r'])
}

/// Appends a double as a JSON number with a fraction or an exponent. What XML-RPC allows and JSON does not is put right: a plus
/// sign, leading zeros, no digit on one side of the point.
fn push_double(text: &str, out: &mut String) -> Option<()> {
    let is_all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !text.parse::<f64>().ok()?.is_finite() {
        return None;
    }
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => ("-", unsigned),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if !is_all_digits(whole) || !is_all_digits(fraction) {
        return None;
    }
    out.push_str(sign);
    let whole = whole.trim_start_matches('0');
    out.push_str(if whole.is_empty() { "0" } else { whole });
    if !fraction.is_empty() || exponent.is_none() {
        out.push('.');
        out.push_str(if fraction.is_empty() { "0" } else { fraction });
    }
    if let Some(exponent) = exponent {
        out.push('e');
        out.push_str(exponent);
    }
    Some(())
}

/// `19980717T14:08:55`, also with hyphens in the date, without colons in the time, with a fraction of the second and with a
/// zone. Month and day may be zero: that is how a date that is not known is sent.
fn is_date_time(text: &str) -> bool {
    let Some((date, time)) = text.split_once('T') else { return false };
    let Some(date) = digits(date, &[4, 2, 2], '-') else { return false };
    let (time, zone) = match time.find(['Z', '+', '-']) {
        Some(at) => time.split_at_checked(at).unwrap_or((time, "")),
        None => (time, ""),
    };
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let Some(time) = digits(time, &[2, 2, 2], ':') else { return false };
    let is_fraction = (1..=9).contains(&fraction.len()) && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let is_zone = match zone.strip_prefix(['+', '-']) {
        Some(offset) => digits(offset, &[2, 2], ':')
            .or_else(|| digits(offset, &[2], ':'))
            .is_some_and(|offset| fits(&offset, &[23, 59])),
        None => zone.is_empty() || zone == "Z",
    };
    fits(&date, &[9_999, 12, 31]) && fits(&time, &[24, 59, 60]) && is_fraction && is_zone
}

fn fits(numbers: &[u32], maxima: &[u32]) -> bool {
    numbers.iter().zip(maxima).all(|(number, max)| number <= max)
}

/// Numbers of fixed width, with a separator between all of them or between none.
fn digits(text: &str, widths: &[usize], separator: char) -> Option<Vec<u32>> {
    let is_separated = text.contains(separator);
    let mut rest = text;
    let mut numbers = Vec::with_capacity(widths.len());
    for width in widths {
        if is_separated && !numbers.is_empty() {
            rest = rest.strip_prefix(separator)?;
        }
        let (number, after) = rest.split_at_checked(*width)?;
        if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        numbers.push(number.parse().ok()?);
        rest = after;
    }
    rest.is_empty().then_some(numbers)
}

/// Appends the JSON value that the scanner stands at as a `value` element. `out` may grow to `bytes_max`.
pub(super) fn write(scanner: &mut Scanner<'_>, bytes_max: u64, out: &mut String) -> Result<(), Unwritable> {
    out.push_str("<value>");
    match scanner.peek() {
        Some(b'{') => write_object(scanner, bytes_max, out)?,
        Some(b'[') => {
            out.push_str("<array><data>");
            let mut next = scanner.enter()?;
            while next == Next::Item {
                write(scanner, bytes_max, out)?;
                next = scanner.next()?;
            }
            out.push_str("</data></array>");
        }
        _ => write_scalar(scanner.scalar()?, out)?,
    }
    out.push_str("</value>");
    if u64::try_from(out.len()).unwrap_or(u64::MAX) > bytes_max {
        return Err(Unwritable::TooLarge);
    }
    Ok(())
}

fn write_scalar(scalar: &str, out: &mut String) -> Result<(), Unwritable> {
    match scalar {
        "null" => out.push_str("<nil/>"),
        "true" => out.push_str("<boolean>1</boolean>"),
        "false" => out.push_str("<boolean>0</boolean>"),
        text if text.starts_with('"') => {
            push_element("string", &json::unquoted(text), out)?;
        }
        number if number.contains(['e', 'E']) => {
            let value: f64 = number.parse().map_err(|_| Unwritable::Double)?;
            if !value.is_finite() {
                return Err(Unwritable::Double);
            }
            // Display never writes an exponent.
            let text = value.to_string();
            let fraction = if text.contains('.') { "" } else { ".0" };
            push_element("double", &format!("{text}{fraction}"), out)?;
        }
        number if number.contains('.') => push_element("double", number, out)?,
        number => {
            let value: i64 = number.parse().map_err(|_| Unwritable::Integer)?;
            let name = if i32::try_from(value).is_ok() { "int" } else { "i8" };
            push_element(name, &value.to_string(), out)?;
        }
    }
    Ok(())
}

fn push_element(name: &str, text: &str, out: &mut String) -> Result<(), Unwritable> {
    out.push('<');
    out.push_str(name);
    out.push('>');
    xml::push_text(out, text).map_err(|_| Unwritable::Character)?;
    out.push_str("</");
    out.push_str(name);
    out.push('>');
    Ok(())
}

fn write_object(scanner: &mut Scanner<'_>, bytes_max: u64, out: &mut String) -> Result<(), Unwritable> {
    const START: &str = "<struct>";
    const END: &str = "</struct>";
    if scanner.enter()? == Next::End {
        out.push_str(START);
        out.push_str(END);
        return Ok(());
    }
    let name = json::unquoted(scanner.name()?);
    // Only a string can be a marked value, so looking ahead costs no more than that string.
    let mut next = if is_marker(&name) && scanner.peek() == Some(b'"') {
        let text = scanner.scalar()?;
        let next = scanner.next()?;
        if next == Next::End {
            return write_marked(&name, text, out);
        }
        out.push_str(START);
        write_name(&name, out)?;
        out.push_str("<value>");
        write_scalar(text, out)?;
        out.push_str("</value></member>");
        next
    } else {
        out.push_str(START);
        write_name(&name, out)?;
        write(scanner, bytes_max, out)?;
        out.push_str("</member>");
        scanner.next()?
    };
    let mut names = HashSet::new();
    names.insert(name);
    while next == Next::Item {
        let name = json::unquoted(scanner.name()?);
        write_name(&name, out)?;
        write(scanner, bytes_max, out)?;
        out.push_str("</member>");
        if !names.insert(name) {
            return Err(Unwritable::Repeated);
        }
        next = scanner.next()?;
    }
    out.push_str(END);
    Ok(())
}

fn write_name(name: &str, out: &mut String) -> Result<(), Unwritable> {
    out.push_str("<member>");
    push_element("name", name, out)
}

/// The object of one member whose name begins with `$`, and whose value is this string.
fn write_marked(name: &str, string: &str, out: &mut String) -> Result<(), Unwritable> {
    let text = json::unquoted(string);
    match name {
        "$dateTime" if is_date_time(&text) => push_element("dateTime.iso8601", &text, out),
        "$base64" => {
            let bytes = BASE64.decode(text.as_bytes()).map_err(|_| Unwritable::Marked)?;
            out.push_str("<base64>");
            BASE64.encode_string(bytes, out);
            out.push_str("</base64>");
            Ok(())
        }
        "$dateTime" => Err(Unwritable::Marked),
        escaped => {
            out.push_str("<struct>");
            write_name(escaped.strip_prefix('$').unwrap_or(escaped), out)?;
            out.push_str("<value>");
            write_scalar(string, out)?;
            out.push_str("</value></member></struct>");
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::xml::{Bounds, Document};
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
            (
                "<dateTime.iso8601>19980717T14:08:55</dateTime.iso8601>",
                r#"{"$dateTime":"19980717T14:08:55"}"#,
            ),
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
            (
                r#"{"$dateTime":"19980717T14:08:55"}"#,
                "<dateTime.iso8601>19980717T14:08:55</dateTime.iso8601>",
            ),
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
}
