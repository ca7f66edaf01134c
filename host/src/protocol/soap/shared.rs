//! SOAP for others than SOAP plugins.
//!
//! Owns the narrow way in: whoever has a list of operations with their contract and can carry out a call of one is served in both
//! versions, with mandatory header blocks, WS-Addressing, MTOM and faults. Refuses to know what stands in a body.

use anyhow::{Context, Result};
use http::HeaderMap;
use http::request::Parts;

use super::contract::{self, Actions};
use super::endpoint::{self, refusal};
use super::http::binding;
pub(crate) use super::http::{ALLOW_CONTRACT as ALLOW, asks_for_contract};
use super::message::{answer, receive};
use super::{Fault, FaultCode, QualifiedName, Reply, Service, Version, fault};
use crate::capability::RequestId;
use crate::exchange::{Body, Response};
use crate::failure::Failure;
use crate::limits::PluginLimits;

/// The operations of a service, served in both versions.
pub(crate) struct Operations {
    service: Service,
    actions: Actions,
}

/// What one request brings along.
pub(crate) struct Request<'a> {
    /// The fields of its head.
    pub(crate) headers: &'a HeaderMap,
    /// The plugin's limits.
    pub(crate) limits: &'a PluginLimits,
    /// The plugin's name, for the log.
    pub(crate) plugin: &'a str,
    /// For the log.
    pub(crate) request_id: RequestId,
}

/// What a call comes to.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The one element of the answer's body.
    Done(String),
    /// The operation's own error, which is the sender's to know.
    Refused {
        /// One sentence.
        reason: String,
        /// The content of the fault's detail; none for an error that carries nothing.
        detail: Option<String>,
    },
    /// The body is not that of a call of this operation, for this reason.
    Invalid(String),
    /// There is no such operation.
    Unknown,
}

impl Operations {
    /// Reads from a WSDL document what actions the operations have, and checks that toolkits can be made from it.
    ///
    /// # Errors
    /// What is wrong with the document.
    pub(crate) fn new<'n>(
        namespace: &str,
        names: impl Iterator<Item = &'n str>,
        contract: &str,
    ) -> Result<Self> {
        let name = |name: &str| QualifiedName { namespace: namespace.to_owned(), name: name.to_owned() };
        let service = Service {
            versions: vec![Version::Soap11, Version::Soap12],
            understands: Vec::new(),
            roles: Vec::new(),
            operations: names.map(name).collect(),
        };
        // The document is the host's own, so the plugin's limits for what callers send do not concern it.
        let actions =
            contract::check(contract, &service, &PluginLimits::DEFAULT).context("the WSDL document")?;
        Ok(Self { service, actions })
    }

    /// Answers one message. The call gets the local name of the operation, and the body's one element.
    ///
    /// # Errors
    /// What goes wrong below SOAP, and what the call fails with.
    pub(crate) async fn answer(
        &self,
        request: &Request<'_>,
        body: &mut Body,
        call: impl AsyncFnOnce(&str, &str) -> Result<Answer, Failure>,
    ) -> Result<Response, Failure> {
        let Request { headers, limits, plugin, request_id } = *request;
        let invalid = |invalid| endpoint::invalid(plugin, request_id, &invalid);
        let binding = binding(headers, &self.service.versions)?;
        let bytes = body.read(limits.body_bytes_max).await?;
        let received = match receive(&bytes, &binding, &self.service, Some(&self.actions), limits) {
            Ok(received) => received,
            Err((version, refused)) => {
                return refusal(refused, version, &self.service.versions, plugin, request_id);
            }
        };
        drop(bytes);
        let version = received.call.version;
        let reply = match call(&received.call.operation.name, &received.call.body).await? {
            Answer::Done(body) => {
                Ok(Reply { headers: Vec::new(), body: Some(body), attachments: Vec::new() })
            }
            Answer::Refused { reason, detail } => Err(of_body(version, None, reason, detail)),
            Answer::Invalid(reason) => Err(of_body(version, Some("BadArguments"), reason, None)),
            Answer::Unknown => Err(fault::unknown_operation(version)),
        };
        answer(version, reply, received.addressing.as_ref(), received.xop, limits).map_err(invalid)
    }
}

/// A fault of the sender for what stood in the body.
fn of_body(version: Version, subcode: Option<&str>, reason: String, detail: Option<String>) -> Fault {
    let mut fault = fault::host(FaultCode::Sender, reason);
    fault.subcodes.extend(subcode.map(fault::call_subcode));
    // SOAP 1.1, section 4.4: what is wrong with the body has a detail, be it an empty one.
    fault.detail = detail.or_else(|| (version == Version::Soap11).then(String::new));
    fault
}

/// A failure before the protocol had its say, or instead of it.
pub(crate) fn render(failure: &Failure, head: &Parts) -> Response {
    endpoint::render(failure, head)
}
