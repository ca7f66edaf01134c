//! What a message says: its calls, or what is wrong with it.
//!
//! Owns the form of requests, notifications and batches, read in one pass over the scanner. Refuses to know what becomes of a
//! call.

use std::borrow::Cow;
use std::collections::HashSet;

use super::super::json::{self, Next, Scanner, SyntaxError};
use super::super::service::{Fault, INVALID_REQUEST, PARSE_ERROR};
use crate::limits::JSON_RPC_MEMBERS_MAX;

/// What stands in place of an id that is not known (section 5).
pub(super) const NO_ID: &str = "null";

/// One element of a message.
#[derive(Debug)]
pub(super) enum Entry<'a> {
    /// To be carried out.
    Call(Call<'a>),
    /// To be answered with what is wrong.
    Invalid { id: &'a str, fault: Fault },
}

/// A request or a notification.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) method: Cow<'a, str>,
    /// An array or object, as it was written.
    pub(super) params: Option<&'a str>,
    /// As it was written; none for a notification.
    pub(super) id: Option<&'a str>,
}

/// One message.
#[derive(Debug)]
pub(super) enum Message<'a> {
    /// One element, answered with one object.
    Single(Entry<'a>),
    /// At least one element, answered with an array.
    Batch(Vec<Entry<'a>>),
    /// None of its elements is looked at.
    Refused(Fault),
}

/// Splits a message into its calls, in one pass.
pub(super) fn read(text: &str, depth_max: u64, calls_max: usize) -> Result<Message<'_>, SyntaxError> {
    let mut scanner = Scanner::new(text, depth_max);
    if scanner.peek() != Some(b'[') {
        let entry = read_entry(&mut scanner)?;
        scanner.end()?;
        return Ok(Message::Single(entry));
    }
    let mut entries = Vec::new();
    let mut next = scanner.enter()?;
    while next == Next::Item {
        if entries.len() >= calls_max {
            // The rest is not even read: what is refused should cost little.
            let fault = invalid().because(format!("a batch may hold at most {calls_max} calls"));
            return Ok(Message::Refused(fault));
        }
        entries.push(read_entry(&mut scanner)?);
        next = scanner.next()?;
    }
    scanner.end()?;
    if entries.is_empty() {
        return Ok(Message::Refused(invalid()));
    }
    Ok(Message::Batch(entries))
}

/// The members of a request object that have a meaning, and the names of the others.
#[derive(Default)]
struct Members<'a> {
    version: Option<&'a str>,
    method: Option<&'a str>,
    params: Option<&'a str>,
    id: Option<&'a str>,
    others: Vec<Cow<'a, str>>,
    too_many: bool,
    repeated: bool,
    id_repeated: bool,
}

fn read_entry<'a>(scanner: &mut Scanner<'a>) -> Result<Entry<'a>, SyntaxError> {
    if scanner.peek() != Some(b'{') {
        scanner.value()?;
        return Ok(Entry::Invalid { id: NO_ID, fault: invalid() });
    }
    let mut members = Members::default();
    let mut next = scanner.enter()?;
    while next == Next::Item {
        let name = json::unquoted(scanner.name()?);
        let value = scanner.value()?;
        let earlier = match name.as_ref() {
            "jsonrpc" => members.version.replace(value),
            "method" => members.method.replace(value),
            "params" => members.params.replace(value),
            "id" => {
                let earlier = members.id.replace(value);
                members.id_repeated |= earlier.is_some();
                earlier
            }
            _ => {
                if members.others.len() < JSON_RPC_MEMBERS_MAX {
                    members.others.push(name);
                } else {
                    members.too_many = true;
                }
                None
            }
        };
        members.repeated |= earlier.is_some();
        next = scanner.next()?;
    }
    Ok(judge(members))
}

fn judge<'a>(mut members: Members<'a>) -> Entry<'a> {
    // The set's hash is keyed at random, so that chosen names cannot make it slow.
    if members.others.len() > 1 {
        let mut seen = HashSet::with_capacity(members.others.len());
        members.repeated |= !members.others.drain(..).all(|name| seen.insert(name));
    }
    let id_is_readable = !members.id_repeated
        && members.id.is_some_and(|id| id == "null" || id.starts_with(['"', '-']) || is_digit(id));
    let id = members.id.filter(|_| id_is_readable).unwrap_or(NO_ID);
    if members.too_many {
        let fault = invalid()
            .because(format!("a request may have at most {JSON_RPC_MEMBERS_MAX} members of other names"));
        return Entry::Invalid { id, fault };
    }
    if members.repeated {
        return Entry::Invalid { id, fault: invalid().because("a member of the request is named twice") };
    }
    let params_fit = members.params.is_none_or(|params| params == "null" || params.starts_with(['[', '{']));
    let method = members.method.filter(|method| method.starts_with('"'));
    let (Some(method), true, true) = (method, params_fit, id_is_readable || members.id.is_none()) else {
        return Entry::Invalid { id, fault: invalid() };
    };
    if members.version.map(json::unquoted).as_deref() != Some("2.0") {
        return Entry::Invalid { id, fault: invalid().because("the member `jsonrpc` must be \"2.0\"") };
    }
    Entry::Call(Call {
        method: json::unquoted(method),
        params: members.params.filter(|params| *params != "null"),
        id: members.id,
    })
}

fn is_digit(number: &str) -> bool {
    number.starts_with(|first: char| first.is_ascii_digit())
}

fn invalid() -> Fault {
    Fault::new(INVALID_REQUEST, "Invalid Request")
}

/// What is said of a text that is not JSON.
pub(super) fn parse_error(error: SyntaxError, depth_max: u64) -> Fault {
    let fault = Fault::new(PARSE_ERROR, "Parse error");
    match error {
        SyntaxError::TooDeep(_) => {
            fault.because(format!("arrays and objects may nest at most {depth_max} deep"))
        }
        SyntaxError::NotUtf8 => fault.because("the text is not UTF-8"),
        SyntaxError::EndsEarly | SyntaxError::Unexpected(_) | SyntaxError::Escape(_) => fault,
    }
}
