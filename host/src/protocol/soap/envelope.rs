//! Envelopes.
//!
//! Owns the way from a message to a call, and from an answer's parts to a message. A message is read to its end before
//! anything is decided, so that nothing is processed of one that is broken further down; then come the mandatory header blocks,
//! all of them (R1025), and only then the operation.

use super::fragment::{Invalid, check_body, check_header};
use super::http::{Binding, media_type};
use super::{Call, Fault, FaultCode, HeaderBlock, QualifiedName, Service, Version};
use super::{addressing, fault};
use crate::limits::{PluginLimits, SOAP_NOT_UNDERSTOOD_BYTES_MAX};
use crate::protocol::xml::{self, Bounds, Document, ErrorKind, Event, Name, Reader, push_attribute};

const SOAP_11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const SOAP_12: &str = "http://www.w3.org/2003/05/soap-envelope";

const ACTOR_NEXT: &str = "http://schemas.xmlsoap.org/soap/actor/next";
const ROLE_NEXT: &str = "http://www.w3.org/2003/05/soap-envelope/role/next";
const ROLE_ULTIMATE_RECEIVER: &str = "http://www.w3.org/2003/05/soap-envelope/role/ultimateReceiver";
pub(super) const ROLE_NONE: &str = "http://www.w3.org/2003/05/soap-envelope/role/none";

/// The encoding styles that version 1.2 itself defines. Their data is handed on; what another one means, nobody here knows.
const ENCODINGS: [&str; 2] =
    ["http://www.w3.org/2003/05/soap-encoding", "http://www.w3.org/2003/05/soap-envelope/encoding/none"];

/// Why a message is not handed to the plugin.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It gets a fault.
    Fault {
        fault: Box<Fault>,
        /// What is wrong with its XML, for the log.
        cause: Option<xml::Error>,
    },
    /// It is in an encoding that is not taken, or not of its media type: the type it should have had, if that is known.
    MediaType(Option<&'static str>),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Fault { fault: Box::new(fault), cause: None }
    }
}

impl From<xml::Error> for Refusal {
    fn from(error: xml::Error) -> Self {
        if error.kind == ErrorKind::EncodingUnsupported {
            return Self::MediaType(None);
        }
        let fault = fault::host(FaultCode::Sender, error.kind.public());
        Self::Fault { fault: Box::new(fault), cause: Some(error) }
    }
}

fn sender(reason: &'static str) -> Refusal {
    fault::host(FaultCode::Sender, reason).into()
}

/// Reads a message.
pub(super) fn read(
    bytes: &[u8],
    charset: Option<&str>,
    binding: &Binding,
    service: &Service,
    limits: &PluginLimits,
) -> Result<Call, Refusal> {
    let document = Document::decode(bytes, charset)?;
    let reader = Reader::new(&document, Bounds::of(limits));
    let namespace = namespace(binding.version);
    let blocks_max = usize::try_from(limits.soap_header_blocks_max).unwrap_or(usize::MAX);
    let mut message = Message {
        reader,
        version: binding.version,
        version_is_open: binding.package.is_some(),
        namespace,
        service,
        addressing: !service.understands.iter().any(addressing::is_block),
        blocks_max,
        headers: Vec::new(),
        not_understood: None,
        not_understood_bytes: 0,
        encoding_unknown: false,
    };
    let (operation, body) = message.envelope()?;
    let version = message.version;
    if let Some(names) = &message.not_understood {
        return Err(not_understood(version, names).into());
    }
    if message.encoding_unknown {
        let reason = "The body has an encoding style that this service does not know.";
        return Err(fault::host(FaultCode::DataEncodingUnknown, reason).into());
    }
    let known = &service.operations;
    if !known.is_empty() && !body.is_empty() && !known.iter().any(|known| same(known, &operation)) {
        return Err(fault::unknown_operation(version).into());
    }
    Ok(Call {
        version,
        action: binding.action.clone(),
        operation,
        headers: message.headers,
        body,
        attachments: Vec::new(),
    })
}

/// Writes a message.
///
/// # Errors
/// When a header block is not one element in a namespace, or the whole is over `response_bytes_max`. The body is the caller's
/// to check.
pub(super) fn write(
    version: Version,
    headers: &[String],
    body: &str,
    limits: &PluginLimits,
) -> Result<String, Invalid> {
    /// What stands round header blocks and body, rounded up.
    const FRAME_BYTES: usize = 256;
    let blocks = headers.iter().map(String::len).fold(FRAME_BYTES, usize::saturating_add);
    let size = blocks.saturating_add(body.len());
    if size as u64 > limits.response_bytes_max {
        return Err(Invalid::Size(size, limits.response_bytes_max));
    }
    let mut into = String::with_capacity(size);
    into.push_str("<env:Envelope xmlns:env=\"");
    into.push_str(namespace(version));
    into.push_str("\">");
    if !headers.is_empty() {
        into.push_str("<env:Header>");
        for block in headers {
            check_header(block, limits)?;
            into.push_str(block);
        }
        into.push_str("</env:Header>");
    }
    if body.is_empty() {
        into.push_str("<env:Body/>");
    } else {
        into.push_str("<env:Body>");
        into.push_str(body);
        into.push_str("</env:Body>");
    }
    into.push_str("</env:Envelope>");
    Ok(into)
}

/// Writes the message of a reply.
///
/// # Errors
/// When a header block or the body is not what can stand there, or the whole is over `response_bytes_max`.
pub(super) fn write_reply(
    version: Version,
    headers: &[String],
    body: &str,
    limits: &PluginLimits,
) -> Result<String, Invalid> {
    let body = if check_body(body, limits)? { body } else { "" };
    write(version, headers, body, limits)
}

fn namespace(version: Version) -> &'static str {
    match version {
        Version::Soap11 => SOAP_11,
        Version::Soap12 => SOAP_12,
    }
}

fn same(one: &QualifiedName, other: &QualifiedName) -> bool {
    one.name == other.name && one.namespace == other.namespace
}

/// Names the mandatory header blocks that are not understood (SOAP 1.2 part 1, section 5.4.8); version 1.1 has no way to.
fn not_understood(version: Version, names: &[QualifiedName]) -> Fault {
    let reason = "A header block that must be understood is not understood.";
    let mut fault = fault::host(FaultCode::MustUnderstand, reason);
    if version == Version::Soap12 {
        fault.headers = names
            .iter()
            .map(|name| {
                let mut block = format!(
                    "<env:NotUnderstood xmlns:env=\"{SOAP_12}\" qname=\"t:{}\" xmlns:t=\"",
                    name.name
                );
                // The namespace was read from a document, so each of its characters can be written.
                push_attribute(&mut block, &name.namespace).map(|()| block.push_str("\"/>")).ok();
                block
            })
            .collect();
    }
    fault
}

/// Says which envelopes are taken (SOAP 1.2 part 1, section 5.4.7), also to callers of version 1.1 (appendix A).
fn version_mismatch(service: &Service) -> Fault {
    let mut fault = fault::host(
        FaultCode::VersionMismatch,
        "The envelope is of a version that this service does not take.",
    );
    let mut block = format!("<env:Upgrade xmlns:env=\"{SOAP_12}\">");
    for (prefix, version) in [("a", Version::Soap12), ("b", Version::Soap11)] {
        if service.versions.contains(&version) {
            let namespace = namespace(version);
            block.push_str(&format!(
                "<env:SupportedEnvelope qname=\"{prefix}:Envelope\" xmlns:{prefix}=\"{namespace}\"/>"
            ));
        }
    }
    block.push_str("</env:Upgrade>");
    fault.headers.push(block);
    fault
}

/// A message that is being read.
struct Message<'a> {
    reader: Reader<'a>,
    version: Version,
    /// The media type of a message of several parts does not always say which version it is.
    version_is_open: bool,
    namespace: &'static str,
    service: &'a Service,
    /// Whether the host processes WS-Addressing.
    addressing: bool,
    blocks_max: usize,
    headers: Vec<HeaderBlock>,
    /// The mandatory header blocks that are not understood, when there are any; as many as may be named.
    not_understood: Option<Vec<QualifiedName>>,
    not_understood_bytes: usize,
    encoding_unknown: bool,
}

impl Message<'_> {
    /// The operation and its element; both empty for an empty body.
    fn envelope(&mut self) -> Result<(QualifiedName, String), Refusal> {
        loop {
            // Outside of the root there is nothing else.
            if let Event::Start(root) = self.reader.next()? {
                self.check_root(&root)?;
                break;
            }
        }
        self.check_attributes("The Envelope element has an attribute that is in no namespace.", true)?;
        let mut header_allowed = true;
        let mut body = None;
        loop {
            match self.reader.next()? {
                Event::Start(_) if body.is_some() => {
                    return Err(sender("The Envelope element has an element after its Body element."));
                }
                Event::Start(name) if header_allowed && name.is(self.namespace, "Header") => {
                    header_allowed = false;
                    self.header()?;
                }
                Event::Start(name) if name.is(self.namespace, "Body") => body = Some(self.body()?),
                Event::Start(_) => {
                    return Err(sender(
                        "The Envelope element holds a Header element, if any, and a Body element.",
                    ));
                }
                Event::Text(text) => self.check_blank(&text)?,
                Event::End => break,
                Event::Eof => return Err(sender("The message ends early.")),
            }
        }
        while self.reader.next()? != Event::Eof {}
        body.ok_or_else(|| sender("The Envelope element has no Body element."))
    }

    fn check_root(&mut self, root: &Name<'_>) -> Result<(), Refusal> {
        let found = match &*root.namespace {
            SOAP_11 => Some(Version::Soap11),
            SOAP_12 => Some(Version::Soap12),
            _ => None,
        };
        match found {
            _ if root.local != "Envelope" => match self.version {
                // Section 4.4.1 of version 1.1 speaks of the namespace only.
                Version::Soap11 => Err(sender("The root element is not a SOAP Envelope.")),
                Version::Soap12 => Err(version_mismatch(self.service).into()),
            },
            Some(version) if self.version_is_open && self.service.versions.contains(&version) => {
                self.version = version;
                self.namespace = namespace(version);
                Ok(())
            }
            Some(version) if version != self.version => Err(Refusal::MediaType(Some(media_type(version)))),
            Some(version) if self.service.versions.contains(&version) => Ok(()),
            _ => Err(version_mismatch(self.service).into()),
        }
    }

    fn check_blank(&self, text: &str) -> Result<(), Refusal> {
        if text.bytes().all(|byte| byte.is_ascii_whitespace()) {
            Ok(())
        } else {
            Err(sender("The Envelope, Header or Body element has text of its own."))
        }
    }

    /// The attributes of Envelope, Header and Body, which are in a namespace (version 1.1: only Envelope's), and do not say how
    /// data is encoded (version 1.2, part 1, section 5.1.1).
    fn check_attributes(&self, unqualified: &'static str, also_soap11: bool) -> Result<(), Refusal> {
        for attribute in self.reader.attributes() {
            if attribute.name.namespace.is_empty() && (also_soap11 || self.version == Version::Soap12) {
                return Err(sender(unqualified));
            }
            if self.version == Version::Soap12 && attribute.name.is(SOAP_12, "encodingStyle") {
                return Err(sender("encodingStyle must not stand on the Envelope, Header or Body element."));
            }
        }
        Ok(())
    }

    fn header(&mut self) -> Result<(), Refusal> {
        self.check_attributes("The Header element has an attribute that is in no namespace.", false)?;
        let mut blocks = 0_usize;
        loop {
            match self.reader.next()? {
                Event::Start(name) => {
                    blocks = blocks.saturating_add(1);
                    if blocks > self.blocks_max {
                        return Err(sender("The message has more header blocks than this service takes."));
                    }
                    if name.namespace.is_empty() {
                        return Err(sender("A header block is in no namespace."));
                    }
                    self.block(qualified(&name))?;
                }
                Event::Text(text) => self.check_blank(&text)?,
                Event::End | Event::Eof => return Ok(()),
            }
        }
    }

    fn block(&mut self, name: QualifiedName) -> Result<(), Refusal> {
        let must_understand =
            self.boolean("mustUnderstand", "A header block's mustUnderstand is not a boolean.")?;
        let role = match self.version {
            Version::Soap11 => "actor",
            Version::Soap12 => {
                // Checked although nothing is relayed: this node is the last one.
                self.boolean("relay", "A header block's relay is not a boolean.")?;
                "role"
            }
        };
        let role = self.reader.attribute(self.namespace, role).map(str::trim).map(str::to_owned);
        if !self.is_targeted(role.as_deref()) {
            return Ok(self.reader.skip()?);
        }
        let understood = || {
            self.service.understands.iter().any(|understood| same(understood, &name))
                || self.addressing && addressing::is_block(&name)
        };
        if must_understand && !understood() {
            self.note_not_understood(name);
            return Ok(self.reader.skip()?);
        }
        let xml = self.reader.capture()?.into_owned();
        self.headers.push(HeaderBlock { name, must_understand, role, xml });
        Ok(())
    }

    fn note_not_understood(&mut self, name: QualifiedName) {
        let names = self.not_understood.get_or_insert_default();
        let bytes = name.name.len().saturating_add(name.namespace.len());
        self.not_understood_bytes = self.not_understood_bytes.saturating_add(bytes);
        if self.not_understood_bytes <= SOAP_NOT_UNDERSTOOD_BYTES_MAX {
            names.push(name);
        }
    }

    /// Version 1.1 as the profile has it: `0` and `1` (R1013). Version 1.2: the four forms of the schema type.
    fn boolean(&self, attribute: &str, reason: &'static str) -> Result<bool, Refusal> {
        let Some(value) = self.reader.attribute(self.namespace, attribute) else { return Ok(false) };
        match (value.trim_matches(' '), self.version) {
            ("0", _) | ("false", Version::Soap12) => Ok(false),
            ("1", _) | ("true", Version::Soap12) => Ok(true),
            _ => Err(sender(reason)),
        }
    }

    fn is_targeted(&self, role: Option<&str>) -> bool {
        let Some(role) = role.filter(|role| !role.is_empty()) else { return true };
        let always: &[&str] = match self.version {
            Version::Soap11 => &[ACTOR_NEXT],
            Version::Soap12 => &[ROLE_NEXT, ROLE_ULTIMATE_RECEIVER],
        };
        always.contains(&role) || self.service.roles.iter().any(|played| played == role)
    }

    fn body(&mut self) -> Result<(QualifiedName, String), Refusal> {
        self.check_attributes("The Body element has an attribute that is in no namespace.", false)?;
        let mut child = None;
        loop {
            match self.reader.next()? {
                Event::Start(_) if child.is_some() => {
                    return Err(sender("The Body element has more than one child."));
                }
                Event::Start(name) => {
                    let operation = qualified(&name);
                    if self.version == Version::Soap12
                        && let Some(style) = self.reader.attribute(SOAP_12, "encodingStyle")
                    {
                        if name.is(SOAP_12, "Fault") {
                            return Err(sender("encodingStyle must not stand on the Fault element."));
                        }
                        self.encoding_unknown = !ENCODINGS.contains(&style.trim());
                    }
                    child = Some((operation, self.reader.capture()?.into_owned()));
                }
                Event::Text(text) => self.check_blank(&text)?,
                Event::End | Event::Eof => {
                    let empty = QualifiedName { namespace: String::new(), name: String::new() };
                    return Ok(child.unwrap_or((empty, String::new())));
                }
            }
        }
    }
}

fn qualified(name: &Name<'_>) -> QualifiedName {
    QualifiedName { namespace: name.namespace.to_string(), name: name.local.to_owned() }
}
