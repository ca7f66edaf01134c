//! JSON-RPC and XML-RPC for others than RPC plugins.
//!
//! Owns the narrow way in: whoever has a list of methods and can carry out a call of one is served in both protocols, with their
//! batches, introspection, contracts and fault codes. Refuses to know what stands behind a method.

use anyhow::{Context, Result};
use http::request::Parts;

pub(crate) use super::bindings::exports::guesthouse::plugin::rpc::{
    Failure as PluginFailure, Kind, Method, Param,
};
pub(crate) use super::introspection::LIST;
pub(crate) use super::media::{Media, media};
use super::methods::MethodTable;
use super::openrpc::Document;
use super::service::Service;
pub(crate) use super::service::{CallError, Caller, INVALID_PARAMS};
pub(crate) use super::websocket::{is_wanted as is_websocket_wanted, open as open_websocket};
use super::{JSON, XML, jsonrpc, reply, xmlrpc};
use crate::capability::RequestId;
use crate::exchange::Response;
use crate::failure::Failure;
use crate::limits::PluginLimits;
use crate::protocol::problem;

/// A list of methods, served in both protocols.
pub(crate) struct Methods {
    table: MethodTable,
    contract: Document,
}

/// What one request brings along.
pub(crate) struct Request<'a, C> {
    /// The plugin's limits.
    pub(crate) limits: &'a PluginLimits,
    /// Who carries out calls.
    pub(crate) caller: &'a C,
    /// The plugin's name, for the log.
    pub(crate) plugin: &'a str,
    /// For errors of the host and for the log.
    pub(crate) request_id: RequestId,
    /// Where the client addressed the service: for the contract.
    pub(crate) address: &'a dyn Fn() -> String,
}

impl Methods {
    /// Checks a list of methods and writes its contract.
    ///
    /// # Errors
    /// Which method breaks which rule.
    pub(crate) fn new(title: &str, methods: Vec<Method>, limits: &PluginLimits) -> Result<Self> {
        let table = MethodTable::new(methods, limits)?;
        let contract = Document::new(title, &table).context("the OpenRPC document")?;
        Ok(Self { table, contract })
    }

    /// The same with a contract that is written already, but for the address: what stands before it and behind.
    ///
    /// # Errors
    /// Which method breaks which rule.
    pub(crate) fn described(
        methods: Vec<Method>,
        limits: &PluginLimits,
        (before, after): (String, String),
    ) -> Result<Self> {
        let table = MethodTable::new(methods, limits)?;
        Ok(Self { table, contract: Document::written(before, after) })
    }

    /// Answers one JSON-RPC message; none when nothing in it is to be answered.
    pub(crate) async fn json<C: Caller>(&self, request: &Request<'_, C>, body: &[u8]) -> Option<String> {
        jsonrpc::answer(&self.service(request), &self.contract, body).await
    }

    /// Answers one JSON-RPC message that came over HTTP.
    pub(crate) async fn json_over_http<C: Caller>(&self, request: &Request<'_, C>, body: &[u8]) -> Response {
        match self.json(request, body).await {
            Some(text) => reply(http::StatusCode::OK, JSON, text),
            None => problem::empty(http::StatusCode::NO_CONTENT),
        }
    }

    /// Answers one XML-RPC call that came over HTTP. `charset` is the parameter of its media type.
    pub(crate) async fn xml_over_http<C: Caller>(
        &self,
        request: &Request<'_, C>,
        charset: Option<&str>,
        body: &[u8],
    ) -> Response {
        reply(http::StatusCode::OK, XML, xmlrpc::answer(&self.service(request), charset, body).await)
    }

    fn service<'a, C>(&'a self, request: &'a Request<'_, C>) -> Service<'a, C> {
        Service {
            methods: &self.table,
            limits: request.limits,
            caller: request.caller,
            plugin: request.plugin,
            request_id: request.request_id,
            address: request.address,
        }
    }
}

/// A failure before the protocol had its say, or instead of it.
pub(crate) fn render(failure: &Failure, head: &Parts) -> Response {
    super::render(failure, head)
}
