//! XML-RPC to JSON text.

use std::borrow::Cow;
use std::collections::HashSet;

use super::super::super::xml::{self, Event, Name, Reader};
use super::super::json;
use super::is_marker;
use super::lexical::{is_date_time, push_base64, push_double, push_integer};

/// Where the extension types live: Apache's namespace, customarily bound to `ex`.
pub(super) const EXTENSIONS: &str = "http://ws.apache.org/xmlrpc/namespaces/extensions";

/// Why a document is no XML-RPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::protocol::rpc) enum Invalid {
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

/// The kind of a value as far as its struct needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Read {
    Text,
    Other,
}

/// Goes to the next tag. White space on the way is nothing, other text is an error.
pub(in crate::protocol::rpc) fn next_tag<'a>(reader: &mut Reader<'a>) -> Result<Option<Name<'a>>, Invalid> {
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
pub(in crate::protocol::rpc) fn content<'a>(reader: &mut Reader<'a>) -> Result<Cow<'a, str>, Invalid> {
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
pub(in crate::protocol::rpc) fn read(
    reader: &mut Reader<'_>,
    depth_left: u64,
    out: &mut String,
) -> Result<(), Invalid> {
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
            push_integer(number.into(), out);
        }
        "i8" if is_plain || is_extension => {
            let number: Result<i64, _> = trimmed(&content(reader)?).parse();
            let number = number.map_err(|_| Invalid::Rule("An i8 is not an integer within 64 bits."))?;
            push_integer(number, out);
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
            out.push_str("{\"$base64\":\"");
            push_base64(&content(reader)?, out).ok_or(Invalid::Rule("A base64 is not base64."))?;
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

fn is_blank(text: &str) -> bool {
    trimmed(text).is_empty()
}

/// Without XML's white space around it.
fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\n', '\r'])
}
