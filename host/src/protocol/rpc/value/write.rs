//! JSON text to XML-RPC.

use std::collections::HashSet;

use super::super::super::xml;
use super::super::json::{self, Next, Scanner, SyntaxError};
use super::is_marker;
use super::lexical::{is_date_time, push_base64, push_integer};

/// Why a plugin's result has no form in XML-RPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::protocol::rpc) enum Unwritable {
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

/// Appends the JSON value that the scanner stands at as a `value` element. `out` may grow to `bytes_max`.
pub(in crate::protocol::rpc) fn write(
    scanner: &mut Scanner<'_>,
    bytes_max: u64,
    out: &mut String,
) -> Result<(), Unwritable> {
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
            push_start(name, out);
            push_integer(value, out);
            push_end(name, out);
        }
    }
    Ok(())
}

fn push_element(name: &str, text: &str, out: &mut String) -> Result<(), Unwritable> {
    push_start(name, out);
    xml::push_text(out, text).map_err(|_| Unwritable::Character)?;
    push_end(name, out);
    Ok(())
}

fn push_start(name: &str, out: &mut String) {
    out.push('<');
    out.push_str(name);
    out.push('>');
}

fn push_end(name: &str, out: &mut String) {
    out.push_str("</");
    out.push_str(name);
    out.push('>');
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
            out.push_str("<base64>");
            push_base64(&text, out).ok_or(Unwritable::Marked)?;
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
