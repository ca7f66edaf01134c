//! WS-Addressing 1.0 (W3C Recommendations of 9 May 2006: Core and SOAP Binding).
//!
//! Owns the message addressing properties of a request, what is wrong with them, and the header blocks of its answer. An answer
//! goes back on the connection it was asked for on, or nowhere: an endpoint anywhere else would have the host call whom a
//! stranger names, and is refused. Where a contract says what actions there are ([`super::contract`]), no other is taken.

use super::contract::{Actions, Known};
use super::{Fault, FaultCode, HeaderBlock, QualifiedName, Version, fault};
use crate::limits::{PluginLimits, SOAP_REFERENCE_PARAMETERS_MAX};
use crate::protocol::xml::{Bounds, Document, Error, Event, Reader, push_text};

pub(super) const NAMESPACE: &str = "http://www.w3.org/2005/08/addressing";

const ANONYMOUS: &str = "http://www.w3.org/2005/08/addressing/anonymous";
const NONE: &str = "http://www.w3.org/2005/08/addressing/none";

/// The action of the faults that are defined here (SOAP Binding, section 6), and of all others.
const ACTION_OF_OWN_FAULTS: &str = "http://www.w3.org/2005/08/addressing/fault";
const ACTION_OF_FAULTS: &str = "http://www.w3.org/2005/08/addressing/soap/fault";

/// The header blocks that are processed here.
const BLOCKS: [&str; 7] = ["Action", "FaultTo", "From", "MessageID", "RelatesTo", "ReplyTo", "To"];

/// The blocks that may be there once (Core, section 3.2).
const ONCE: [&str; 6] = ["Action", "FaultTo", "From", "MessageID", "ReplyTo", "To"];

/// Whether a header block is one of those that are processed here.
pub(super) fn is_block(name: &QualifiedName) -> bool {
    name.namespace == NAMESPACE && BLOCKS.contains(&name.name.as_str())
}

/// Where an answer goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Endpoint {
    /// Nowhere.
    none: bool,
    /// Header blocks that it asks for.
    parameters: Vec<String>,
}

/// What the answer to an addressed message needs to know of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Addressing {
    message_id: Option<String>,
    pub(super) action: String,
    reply_action: String,
    reply: Endpoint,
    fault: Endpoint,
}

/// A request whose addressing cannot be followed: the fault, and what is known so far for its own header blocks.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) fault: Box<Fault>,
    pub(super) addressing: Addressing,
}

/// Reads the properties of a message. None when it has none.
pub(super) fn read(
    version: Version,
    operation: &QualifiedName,
    action: Option<&str>,
    headers: &[HeaderBlock],
    actions: &Actions,
    limits: &PluginLimits,
) -> Result<Option<Addressing>, Box<Refused>> {
    let blocks: Vec<&HeaderBlock> = headers.iter().filter(|block| is_block(&block.name)).collect();
    if blocks.is_empty() {
        return Ok(None);
    }
    let mut addressing = Addressing::default();
    match addressing.fill(version, operation, action, &blocks, actions, limits) {
        Ok(()) => Ok(Some(addressing)),
        Err(fault) => Err(Box::new(Refused { fault, addressing })),
    }
}

impl Addressing {
    fn fill(
        &mut self,
        version: Version,
        operation: &QualifiedName,
        soap_action: Option<&str>,
        blocks: &[&HeaderBlock],
        actions: &Actions,
        limits: &PluginLimits,
    ) -> Result<(), Box<Fault>> {
        let find = |name: &str| blocks.iter().find(|block| block.name.name == name);
        let invalid = |name: &str, subcode| invalid(version, subcode, &problem_header(name));
        let content = |name: &str| -> Result<Option<String>, Box<Fault>> {
            let Some(block) = find(name) else { return Ok(None) };
            let text = text(&block.xml, limits).map_err(|_| invalid(name, None))?;
            match text.trim() {
                "" => Err(invalid(name, None)),
                text => Ok(Some(text.to_owned())),
            }
        };
        // First, so that every fault that follows can say what it relates to.
        self.message_id = content("MessageID")?;
        if let Some(name) =
            ONCE.iter().find(|name| blocks.iter().filter(|b| b.name.name == **name).count() > 1)
        {
            return Err(invalid(name, Some("InvalidCardinality")));
        }
        self.action = content("Action")?.ok_or_else(|| required(version, "Action"))?;
        let endpoint = |name: &str| -> Result<Option<Endpoint>, Box<Fault>> {
            let Some(block) = find(name) else { return Ok(None) };
            let (address, parameters) = reference(&block.xml, limits).map_err(|_| invalid(name, None))?;
            let address = address.ok_or_else(|| invalid(name, Some("MissingAddressInEPR")))?;
            match address.trim() {
                ANONYMOUS => Ok(Some(Endpoint { none: false, parameters })),
                NONE => Ok(Some(Endpoint { none: true, parameters: Vec::new() })),
                _ => Err(invalid(name, Some("OnlyAnonymousAddressSupported"))),
            }
        };
        let reply = endpoint("ReplyTo")?;
        let fault = endpoint("FaultTo")?;
        endpoint_address_only(find("From").map(|block| block.xml.as_str()), limits)
            .map_err(|()| invalid("From", Some("MissingAddressInEPR")))?;
        if let Some(other) = soap_action.filter(|other| !other.is_empty() && *other != self.action) {
            let detail = problem_action(&self.action, Some(other));
            return Err(self::invalid(version, Some("ActionMismatch"), &detail));
        }
        let known = actions.of(operation, &self.action);
        if known == Known::No {
            let reason = "The action is none of this service.";
            return Err(own(version, &["ActionNotSupported"], reason, &problem_action(&self.action, None)));
        }
        let answered = match (&reply, &known) {
            (Some(reply), _) => !reply.none,
            (None, Known::Yes { reply }) => reply.is_some(),
            // Nothing says whether the operation is answered, so nothing says that the identifier is missing.
            (None, _) => false,
        };
        if answered && self.message_id.is_none() {
            return Err(required(version, "MessageID"));
        }
        self.reply_action = match known {
            Known::Yes { reply: Some(reply) } => reply,
            _ => format!("{}Response", self.action),
        };
        self.reply = reply.unwrap_or_default();
        // Core, section 3.4: faults go where replies go, unless they have an endpoint of their own.
        self.fault = fault.unwrap_or_else(|| self.reply.clone());
        Ok(())
    }

    /// Whether a reply is sent.
    pub(super) fn wants_reply(&self) -> bool {
        !self.reply.none
    }

    /// Whether a fault is sent.
    pub(super) fn wants_fault(&self) -> bool {
        !self.fault.none
    }

    /// The header blocks of the reply.
    pub(super) fn reply(&self) -> Vec<String> {
        self.answer(&self.reply_action, &self.reply)
    }

    /// The header blocks of a fault.
    pub(super) fn fault(&self, fault: &Fault) -> Vec<String> {
        let own = fault.subcodes.iter().any(|subcode| subcode.namespace == NAMESPACE);
        self.answer(if own { ACTION_OF_OWN_FAULTS } else { ACTION_OF_FAULTS }, &self.fault)
    }

    fn answer(&self, action: &str, endpoint: &Endpoint) -> Vec<String> {
        let mut blocks = vec![block("Action", action)];
        blocks.extend(self.message_id.as_deref().map(|id| block("RelatesTo", id)));
        blocks.extend(endpoint.parameters.iter().cloned());
        blocks
    }
}

fn block(name: &str, content: &str) -> String {
    let mut block = format!("<wsa:{name} xmlns:wsa=\"{NAMESPACE}\">");
    // The content was read from a document, so each of its characters can be written.
    push_text(&mut block, content).ok();
    block.push_str("</wsa:");
    block.push_str(name);
    block.push('>');
    block
}

/// A fault of SOAP Binding, section 6.4. Version 1.1 has its detail in a header block, since a header caused it.
fn own(version: Version, subcodes: &[&str], reason: &str, detail: &str) -> Box<Fault> {
    let mut fault = fault::host(FaultCode::Sender, reason);
    fault.subcodes = subcodes
        .iter()
        .map(|&name| QualifiedName { namespace: NAMESPACE.to_owned(), name: name.to_owned() })
        .collect();
    match version {
        Version::Soap11 => fault
            .headers
            .push(format!("<wsa:FaultDetail xmlns:wsa=\"{NAMESPACE}\">{detail}</wsa:FaultDetail>")),
        Version::Soap12 => fault.detail = Some(detail.to_owned()),
    }
    Box::new(fault)
}

fn invalid(version: Version, subcode: Option<&str>, detail: &str) -> Box<Fault> {
    let mut subcodes = vec!["InvalidAddressingHeader"];
    subcodes.extend(subcode);
    let reason = match subcode {
        Some("OnlyAnonymousAddressSupported") => "Answers are sent on the connection of the request only.",
        Some("ActionMismatch") => "The action of the header and the one of HTTP are not the same.",
        Some("InvalidCardinality") => "An addressing header is there more than once.",
        Some("MissingAddressInEPR") => "An endpoint has no address.",
        _ => "An addressing header is not valid.",
    };
    own(version, &subcodes, reason, detail)
}

fn required(version: Version, name: &str) -> Box<Fault> {
    let reason = "An addressing header that is required is missing.";
    own(version, &["MessageAddressingHeaderRequired"], reason, &problem_header(name))
}

fn problem_header(name: &str) -> String {
    format!("<wsa:ProblemHeaderQName xmlns:wsa=\"{NAMESPACE}\">wsa:{name}</wsa:ProblemHeaderQName>")
}

fn problem_action(action: &str, soap_action: Option<&str>) -> String {
    let mut detail = format!("<wsa:ProblemAction xmlns:wsa=\"{NAMESPACE}\">");
    for (name, text) in [("Action", Some(action)), ("SoapAction", soap_action)] {
        if let Some(text) = text {
            detail.push_str(&format!("<wsa:{name}>"));
            // A field of HTTP may have characters that XML has not; then it is left empty.
            push_text(&mut detail, text).ok();
            detail.push_str(&format!("</wsa:{name}>"));
        }
    }
    detail.push_str("</wsa:ProblemAction>");
    detail
}

/// The text of an element that has nothing else.
fn text(xml: &str, limits: &PluginLimits) -> Result<String, Error> {
    let document = Document::fragment(xml)?;
    let mut reader = Reader::new(&document, Bounds::of(limits));
    reader.next()?;
    content(&mut reader)
}

/// The text of the element that has just begun; empty if it has elements.
fn content(reader: &mut Reader<'_>) -> Result<String, Error> {
    let mut text = String::new();
    loop {
        match reader.next()? {
            Event::Text(piece) => text.push_str(&piece),
            Event::Start(_) => {
                reader.skip()?;
                text.clear();
            }
            Event::End | Event::Eof => return Ok(text),
        }
    }
}

/// The address and the reference parameters of an endpoint (Core, section 2.2), the latter as header blocks for an answer
/// (SOAP Binding, section 4).
fn reference(xml: &str, limits: &PluginLimits) -> Result<(Option<String>, Vec<String>), Error> {
    let document = Document::fragment(xml)?;
    let mut reader = Reader::new(&document, Bounds::of(limits));
    let (mut address, mut parameters) = (None, Vec::new());
    reader.next()?;
    loop {
        match reader.next()? {
            Event::Start(name) if name.is(NAMESPACE, "Address") => address = Some(content(&mut reader)?),
            Event::Start(name) if name.is(NAMESPACE, "ReferenceParameters") => loop {
                match reader.next()? {
                    Event::Start(name) => {
                        let qualified = !name.namespace.is_empty();
                        let parameter = reader.capture()?;
                        if qualified && parameters.len() < SOAP_REFERENCE_PARAMETERS_MAX {
                            parameters.push(marked(&parameter));
                        }
                    }
                    Event::Text(_) => {}
                    Event::End | Event::Eof => break,
                }
            },
            Event::Start(_) => reader.skip()?,
            Event::Text(_) => {}
            Event::End | Event::Eof => return Ok((address, parameters)),
        }
    }
}

/// Checks that an endpoint has an address, if there is an endpoint.
fn endpoint_address_only(xml: Option<&str>, limits: &PluginLimits) -> Result<(), ()> {
    match xml.map(|xml| reference(xml, limits)) {
        None | Some(Ok((Some(_), _))) => Ok(()),
        Some(_) => Err(()),
    }
}

/// A reference parameter with the attribute that says that it is one. It is left as it is if it has that or this prefix already.
fn marked(xml: &str) -> String {
    const PREFIX: &str = "guesthouse-wsa";
    if xml.contains("IsReferenceParameter") || xml.contains(PREFIX) {
        return xml.to_owned();
    }
    let name = xml.find([' ', '\t', '\n', '/', '>']).unwrap_or(xml.len());
    let (head, rest) = xml.split_at_checked(name).unwrap_or((xml, ""));
    format!("{head} xmlns:{PREFIX}=\"{NAMESPACE}\" {PREFIX}:IsReferenceParameter=\"true\"{rest}")
}
