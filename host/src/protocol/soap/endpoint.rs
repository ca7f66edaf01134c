//! A plugin, served as SOAP.
//!
//! Owns the order of things for one request: method, head, message, call, answer. The parts between bytes and values are
//! pure functions beside it.

use std::any::Any;
use std::sync::Arc;

use http::request::Parts;
use http::{Method, StatusCode};

use super::contract::{self, Actions};
use super::envelope::Refusal;
use super::fragment::Invalid;
use super::http::{
    ALLOW, ALLOW_CONTRACT, accepted, asks_for_contract, binding, claims, contract as contract_answer,
    message, version,
};
use super::message::{answer, receive, respond};
use super::{Call, Fault, FaultCode, QualifiedName, Reply, Service, Version, fault};
use crate::capability::{CallContext, RequestId};
use crate::exchange::{LocalFuture, Response};
use crate::failure::Failure;
use crate::limits::PluginLimits;
use crate::plugin::{Contract, Endpoint, Exchange, Operation, Surface};
use crate::protocol::media_type::MediaType;
use crate::protocol::{failure_of, problem};
use crate::sandbox::{Export, Program};

pub(super) struct SoapEndpoint {
    pub(super) program: Arc<Program>,
    pub(super) service: Service,
    pub(super) handle: Export<(Call,), (Result<Reply, Fault>,)>,
    pub(super) wsdl: Export<(String,), (String,)>,
    pub(super) has_contract: bool,
    /// What the contract says of actions.
    pub(super) actions: Actions,
    /// Whether the host processes WS-Addressing.
    pub(super) addressing: bool,
}

impl Endpoint for SoapEndpoint {
    fn style(&self) -> &'static str {
        "SOAP"
    }

    fn summary(&self) -> String {
        summary(&self.service, self.has_contract)
    }

    fn surface(&self) -> Surface {
        let versions = [(Version::Soap11, "SOAP 1.1"), (Version::Soap12, "SOAP 1.2")];
        let spoken = versions.iter().filter(|(version, _)| self.service.versions.contains(version));
        let names: Vec<&'static str> = spoken.map(|(_, name)| *name).collect();
        let contract = self.has_contract.then(|| Contract::read("WSDL", "?wsdl"));
        Surface { contracts: contract.into_iter().collect(), ..Surface::at_mount(&names) }
    }

    fn operations(&self) -> Vec<Operation> {
        let named = |name: &QualifiedName| match name.namespace.as_str() {
            "" => name.name.clone(),
            namespace => format!("{{{namespace}}}{}", name.name),
        };
        let operations = self.service.operations.iter();
        operations.map(|name| Operation { name: named(name), docs: String::new() }).collect()
    }

    fn claims(&self, head: &Parts) -> bool {
        claims(head)
    }

    fn serve(&self, exchange: Exchange) -> LocalFuture<'_, Result<Response, Failure>> {
        Box::pin(self.answer(exchange))
    }

    fn render(&self, failure: &Failure, head: &Parts) -> Response {
        render(failure, head)
    }

    fn as_any_arc(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

impl SoapEndpoint {
    async fn answer(&self, exchange: Exchange) -> Result<Response, Failure> {
        if !matches!(exchange.path.as_str(), "" | "/") {
            return Err(Failure::NotFound);
        }
        let asked_for_contract = asks_for_contract(&exchange.head);
        let allow = if asked_for_contract { ALLOW_CONTRACT } else { ALLOW };
        match exchange.head.method {
            Method::POST => self.call(exchange).await,
            // The server drops the body of an answer to HEAD.
            Method::GET | Method::HEAD if asked_for_contract => self.contract(exchange).await,
            Method::OPTIONS => Ok(problem::options(allow)),
            _ => Err(Failure::MethodNotAllowed { allow: allow.to_owned() }),
        }
    }

    async fn call(&self, mut exchange: Exchange) -> Result<Response, Failure> {
        let limits = self.program.limits();
        let binding = binding(&exchange.head.headers, &self.service.versions)?;
        let body = exchange.body.read(limits.body_bytes_max).await?;
        let actions = self.addressing.then_some(&self.actions);
        let received = match receive(&body, &binding, &self.service, actions, limits) {
            Ok(received) => received,
            Err((version, refusal)) => return self.refuse(refusal, version, &exchange.context),
        };
        // The body is in the call; its bytes need not wait for the answer.
        drop(body);
        let (version, context) = (received.call.version, exchange.context);
        let reply = self
            .program
            .call(&self.handle, (received.call,), context.clone())
            .await
            .map_err(|failure| failure_of(&failure, &self.program, &context))?
            .value
            .0;
        answer(version, reply, received.addressing.as_ref(), received.xop, limits)
            .map_err(|invalid| self.invalid(&invalid, &context))
    }

    async fn contract(&self, exchange: Exchange) -> Result<Response, Failure> {
        if !self.has_contract {
            return Err(Failure::NotFound);
        }
        let address = exchange.address();
        let context = exchange.context;
        let document = self
            .program
            .call(&self.wsdl, (address.clone(),), context.clone())
            .await
            .map_err(|failure| failure_of(&failure, &self.program, &context))?
            .value
            .0;
        let limits = self.program.limits();
        if document.len() as u64 > limits.response_bytes_max {
            let invalid = Invalid::Size(document.len(), limits.response_bytes_max);
            return Err(self.invalid(&invalid, &context));
        }
        let document = contract::at(document, &address, limits)
            .map_err(|error| self.invalid(&Invalid::Xml("the WSDL document", error), &context))?;
        Ok(contract_answer(document))
    }

    fn refuse(&self, refused: Refusal, version: Version, context: &CallContext) -> Result<Response, Failure> {
        let plugin = &self.program.capabilities().plugin;
        refusal(refused, version, &self.service.versions, plugin, context.request_id)
    }

    fn invalid(&self, answer: &Invalid, context: &CallContext) -> Failure {
        invalid(&self.program.capabilities().plugin, context.request_id, answer)
    }
}

/// Answers a message that is not handed to the plugin.
pub(super) fn refusal(
    refusal: Refusal,
    version: Version,
    versions: &[Version],
    plugin: &str,
    request_id: RequestId,
) -> Result<Response, Failure> {
    match refusal {
        Refusal::MediaType(wanted) => {
            let accept = match wanted {
                Some(wanted) => wanted.to_owned(),
                None => accepted(versions),
            };
            Err(Failure::UnsupportedMediaType { accept })
        }
        Refusal::Fault { fault, cause } => {
            if let Some(cause) = cause {
                tracing::debug!(%plugin, request = %request_id, "the message cannot be read: {cause}");
            }
            // The host's own fault is not under the limits of the plugin's answers.
            respond(version, Err(*fault), false, &PluginLimits::DEFAULT)
                .map_err(|answer| invalid(plugin, request_id, &answer))
        }
    }
}

/// Says in the log why an answer cannot be sent.
pub(super) fn invalid(plugin: &str, request_id: RequestId, answer: &Invalid) -> Failure {
    tracing::warn!(%plugin, request = %request_id, "the plugin's answer cannot be sent: {answer}");
    Failure::PluginAnswerInvalid
}

pub(super) fn summary(service: &Service, has_contract: bool) -> String {
    let operations = match service.operations.len() {
        0 => "any operation".to_owned(),
        1 => "1 operation".to_owned(),
        count => format!("{count} operations"),
    };
    let versions =
        match (service.versions.contains(&Version::Soap11), service.versions.contains(&Version::Soap12)) {
            (true, true) => "1.1 and 1.2",
            (true, false) => "1.1",
            _ => "1.2",
        };
    let contract = if has_contract { ", ?wsdl" } else { "" };
    format!("{operations}, SOAP {versions}{contract}")
}

/// What went wrong in answering a message is a fault of the version that its media type names. What went wrong before a message
/// was there, or below SOAP, is a plain HTTP answer.
pub(super) fn render(failure: &Failure, head: &Parts) -> Response {
    let in_processing = matches!(
        failure,
        Failure::PluginTrapped
            | Failure::PluginOutOfTime
            | Failure::PluginOutOfMemory
            | Failure::PluginAnswerInvalid
            | Failure::Internal
    );
    let version = MediaType::of(&head.headers).as_ref().and_then(version);
    let (true, true, Some(version)) = (in_processing, head.method == Method::POST, version) else {
        return problem::render(failure, Some(&head.method));
    };
    let reason = match head.extensions.get::<RequestId>() {
        Some(request_id) => format!("{} Request {request_id}.", failure.public()),
        None => failure.public().to_owned(),
    };
    let mut fault = fault::host(FaultCode::Receiver, reason);
    if version == Version::Soap11 {
        // Section 4.4: a body that could not be processed has a detail, be it an empty one.
        fault.detail = Some(String::new());
    }
    match fault::envelope(version, &fault, &PluginLimits::DEFAULT) {
        Ok(envelope) => message(version, StatusCode::INTERNAL_SERVER_ERROR, envelope),
        // The host's own text can be written, so this is never reached.
        Err(_) => problem::render(failure, Some(&head.method)),
    }
}
