//! A message, from bytes to a call and from an answer to bytes.
//!
//! Owns the order in which a message is unpacked, read, filled in and checked, and the reverse. Each step is a module of its own
//! beside this one, and none of them knows another.

use http::StatusCode;

use super::addressing::{self, Addressing};
use super::contract::Actions;
use super::envelope::{self, Refusal};
use super::fragment::{Invalid, check_body};
use super::http::{Binding, Package, message, package, status};
use super::multipart::{self, Part};
use super::xop::{Broken, Parts};
use super::{Attachment, Call, Fault, FaultCode, Reply, Service, Version, fault};
use crate::exchange::Response;
use crate::limits::PluginLimits;
use crate::protocol::media_type::MediaType;
use crate::protocol::problem;

/// A message that can be handed to the plugin.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) call: Call,
    pub(super) addressing: Option<Addressing>,
    /// Whether its sender speaks MTOM.
    pub(super) xop: bool,
}

/// Reads a message. What is wrong with it is said in the version that is given with it.
pub(super) fn receive(
    body: &[u8],
    binding: &Binding,
    service: &Service,
    actions: Option<&Actions>,
    limits: &PluginLimits,
) -> Result<Received, (Version, Refusal)> {
    let in_guessed = |refusal| (binding.version, refusal);
    let mut call = match &binding.package {
        None => {
            envelope::read(body, binding.charset.as_deref(), binding, service, limits).map_err(in_guessed)?
        }
        Some(package) => unpack(body, package, binding, service, limits)?,
    };
    let version = call.version;
    let Some(actions) = actions else { return Ok(Received { call, addressing: None, xop: is_xop(binding) }) };
    let action = call.action.as_deref();
    let addressing = addressing::read(version, &call.operation, action, &call.headers, actions, limits);
    let addressing = addressing.map_err(|refused| {
        let mut fault = refused.fault;
        fault.headers.extend(refused.addressing.fault(&fault));
        (version, Refusal::Fault { fault, cause: None })
    })?;
    if let Some(addressing) = &addressing {
        call.action = Some(addressing.action.clone());
    }
    Ok(Received { call, addressing, xop: is_xop(binding) })
}

fn is_xop(binding: &Binding) -> bool {
    binding.package.as_ref().is_some_and(|package| package.xop)
}

fn unpack(
    body: &[u8],
    package: &Package,
    binding: &Binding,
    service: &Service,
    limits: &PluginLimits,
) -> Result<Call, (Version, Refusal)> {
    let refuse =
        |version, reason: &'static str| (version, Refusal::from(fault::host(FaultCode::Sender, reason)));
    let (root, parts) = multipart::read(body, &package.boundary, package.start.as_deref(), limits)
        .map_err(|reason| refuse(binding.version, reason))?;
    let media_type = MediaType::parse(&root.content_type);
    let charset = media_type.as_ref().and_then(|root| root.parameter("charset"));
    let charset = charset.or(binding.charset.as_deref());
    let mut call = envelope::read(&root.content, charset, binding, service, limits)
        .map_err(|refusal| (binding.version, refusal))?;
    let mut included = Parts::new(
        parts.iter().map(|part| (part.content_id.as_str(), &*part.content)),
        // Base64 makes four bytes of three.
        limits.body_bytes_max.saturating_mul(2),
    );
    if package.xop {
        let texts =
            std::iter::once(&mut call.body).chain(call.headers.iter_mut().map(|block| &mut block.xml));
        for text in texts.filter(|text| !text.is_empty()) {
            match included.inlined(text, limits) {
                Ok(Some(inlined)) => *text = inlined,
                Ok(None) => {}
                Err(Broken::Rule(reason)) => return Err(refuse(call.version, reason)),
                Err(Broken::Xml(error)) => return Err((call.version, error.into())),
            }
        }
    }
    let others: Vec<bool> = (0..parts.len()).map(|index| !included.is_included(index)).collect();
    call.attachments = parts
        .into_iter()
        .zip(others)
        .filter(|(_, other)| *other)
        .map(|(part, _)| Part::into_attachment(part))
        .collect();
    Ok(call)
}

/// Writes the answer to a message that was received.
///
/// # Errors
/// When the plugin's values cannot be written.
pub(super) fn answer(
    version: Version,
    mut answer: Result<Reply, Fault>,
    addressing: Option<&Addressing>,
    xop: bool,
    limits: &PluginLimits,
) -> Result<Response, Invalid> {
    if let Some(addressing) = addressing {
        match &mut answer {
            Ok(Reply { headers, .. }) if addressing.wants_reply() => headers.extend(addressing.reply()),
            Err(fault) if addressing.wants_fault() => fault.headers.extend(addressing.fault(fault)),
            _ => return Ok(problem::empty(StatusCode::ACCEPTED)),
        }
    }
    respond(version, answer, xop, limits)
}

/// Writes an answer.
///
/// # Errors
/// When the plugin's values cannot be written.
pub(super) fn respond(
    version: Version,
    answer: Result<Reply, Fault>,
    xop: bool,
    limits: &PluginLimits,
) -> Result<Response, Invalid> {
    match answer {
        Ok(Reply { body: None, .. }) => Ok(problem::empty(StatusCode::ACCEPTED)),
        Ok(Reply { headers, body: Some(body), attachments }) if attachments.is_empty() => {
            let envelope = envelope::write_reply(version, &headers, &body, limits)?;
            Ok(message(version, StatusCode::OK, envelope))
        }
        Ok(Reply { headers, body: Some(body), attachments }) => {
            respond_with(version, &headers, body, attachments, xop, limits)
        }
        Err(fault) => {
            let envelope = fault::envelope(version, &fault, limits)?;
            Ok(message(version, status(version, fault.code), envelope))
        }
    }
}

fn respond_with(
    version: Version,
    headers: &[String],
    mut body: String,
    attachments: Vec<Attachment>,
    xop: bool,
    limits: &PluginLimits,
) -> Result<Response, Invalid> {
    check_attachments(&attachments)?;
    check_body(&body, limits)?;
    let broken = |broken| Invalid::Xop("the body", broken);
    let mut parts = Parts::new(
        attachments.iter().map(|part| (part.content_id.as_str(), part.content.as_slice())),
        limits.response_bytes_max,
    );
    let attachments = if xop {
        parts.check(&body, limits).map_err(broken)?;
        attachments
    } else {
        // A caller who has not sent MTOM gets what it means.
        if let Some(inlined) = parts.inlined(&body, limits).map_err(broken)? {
            body = inlined;
        }
        let others: Vec<bool> = (0..attachments.len()).map(|index| !parts.is_included(index)).collect();
        attachments.into_iter().zip(others).filter(|(_, other)| *other).map(|(part, _)| part).collect()
    };
    let envelope = envelope::write_reply(version, headers, &body, limits)?;
    if attachments.is_empty() {
        return Ok(message(version, StatusCode::OK, envelope));
    }
    let size = attachments.iter().map(|part| part.content.len()).fold(envelope.len(), usize::saturating_add);
    if size as u64 > limits.response_bytes_max {
        return Err(Invalid::Size(size, limits.response_bytes_max));
    }
    package(version, xop, &envelope, &attachments).map_err(|_| Invalid::Random)
}

/// Identifiers and types stand in the heads of parts, where a line end would begin another field.
fn check_attachments(attachments: &[Attachment]) -> Result<(), Invalid> {
    let visible = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    let mut seen = std::collections::HashSet::with_capacity(attachments.len());
    for (index, attachment) in attachments.iter().enumerate() {
        let id = attachment.content_id.as_str();
        let id_is_good = !id.is_empty() && id != multipart::ROOT && visible(id) && !id.contains(['<', '>']);
        let media_type = attachment.content_type.as_str();
        let type_is_good =
            media_type.is_empty() || media_type.is_ascii() && MediaType::parse(media_type).is_some();
        if !id_is_good || !type_is_good || media_type.contains(['\r', '\n', '\0']) || !seen.insert(id) {
            return Err(Invalid::Attachment(index));
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::result_large_err, reason = "the type of an answer is that of the contract")]
mod tests;
