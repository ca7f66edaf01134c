//! REST: one HTTP request in, one response out.
//!
//! Owns the way between an HTTP exchange and the values of `guesthouse:plugin/rest`. What a plugin declares in its contract
//! is enforced here before an instance is started; a plugin without one gets every request as it is.

mod answer;
mod contract;
mod negotiate;
mod openapi;

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use anyhow::{Context, Result};
use http::header::CONTENT_RANGE;
use http::request::Parts;
use http::{Method, StatusCode};

use self::contract::{Contract, Route};
use self::openapi::Document;
use super::{failure_of, fields, problem};
use crate::capability::CallContext;
use crate::exchange::{LocalFuture, Response};
use crate::failure::Failure;
use crate::plugin::{Endpoint, Exchange, Operation, Source, Style, Surface, surface};
use crate::sandbox::{Export, Program};

mod bindings {
    #![allow(missing_docs, reason = "generated from the WIT, which is documented")]
    wasmtime::component::bindgen!({ path: "../wit", world: "described-rest-plugin" });
}

use bindings::exports::guesthouse::plugin::rest::{Request, Response as Answer};
use bindings::exports::guesthouse::plugin::rest_contract::Endpoint as Declared;

const INTERFACE: &str = "guesthouse:plugin/rest@1.0.0";
const CONTRACT: &str = "guesthouse:plugin/rest-contract@1.0.0";

/// The style.
pub struct Rest;

impl Style for Rest {
    fn name(&self) -> &'static str {
        "REST"
    }

    fn interface(&self) -> &'static str {
        INTERFACE
    }

    fn bind<'a>(
        &'a self,
        program: Arc<Program>,
        context: CallContext,
        _source: &'a Source,
    ) -> Pin<Box<dyn Future<Output = Result<Arc<dyn Endpoint>>> + 'a>> {
        Box::pin(async move {
            let handle = program.export(INTERFACE, "handle", context.clone()).await?;
            let mut operations = Vec::new();
            let contract = if program.exports(CONTRACT) {
                let endpoints: Export<(), (Vec<Declared>,)> =
                    program.export(CONTRACT, "endpoints", context.clone()).await?;
                let declared = program.call(&endpoints, (), context).await.context("`endpoints` failed")?;
                let declared = declared.value.0;
                let refused = "`endpoints` answers what cannot be served";
                operations.extend(declared.iter().map(operation));
                let document = Document::new(&program.capabilities().plugin, &declared).context(refused)?;
                Some((Contract::new(declared).context(refused)?, document))
            } else {
                None
            };
            let endpoint: Arc<dyn Endpoint> =
                Arc::new(RestEndpoint { program, handle, contract, operations });
            Ok(endpoint)
        })
    }
}

struct RestEndpoint {
    program: Arc<Program>,
    handle: Export<(Request,), (Answer,)>,
    contract: Option<(Contract, Document)>,
    /// What the contract declares, for people.
    operations: Vec<Operation>,
}

impl Endpoint for RestEndpoint {
    fn style(&self) -> &'static str {
        "REST"
    }

    fn summary(&self) -> String {
        self.contract
            .as_ref()
            .map_or_else(|| "every path and method".to_owned(), |(contract, _)| contract.summary())
    }

    fn surface(&self) -> Surface {
        // The plugin's own document at this path stands above the host's.
        let own = |contract: &Contract| contract.route(openapi::PATH, &Method::GET).is_ok();
        let described = self.contract.as_ref().filter(|(contract, _)| !own(contract));
        let contracts = described.map(|_| surface::Contract::read("OpenAPI", openapi::PATH));
        Surface { contracts: contracts.into_iter().collect(), ..Surface::at_mount(&["REST"]) }
    }

    fn operations(&self) -> Vec<Operation> {
        self.operations.clone()
    }

    fn claims(&self, _head: &Parts) -> bool {
        true
    }

    fn serve(&self, mut exchange: Exchange) -> LocalFuture<'_, Result<Response, Failure>> {
        // Not an `async fn` of its own, which would hold its argument twice.
        Box::pin(async move {
            let limits = self.program.limits();
            let mut method = exchange.head.method.clone();
            if let Some((contract, document)) = &self.contract {
                let route = contract.route(&exchange.path, &method);
                if matches!(route, Err(Failure::NotFound)) && exchange.path == openapi::PATH {
                    return describe(document, &exchange);
                }
                match route? {
                    Route::Options(allow) => return Ok(problem::options(allow)),
                    Route::Endpoint(endpoint) => {
                        enforce(endpoint, &exchange)?;
                        if method == Method::HEAD {
                            // Declared as GET: the plugin makes the same answer, and the host drops the body.
                            method = Method::GET;
                        }
                    }
                }
            }
            let body = exchange.body.read(limits.body_bytes_max).await?;
            let request = Request {
                method: method.as_str().to_owned(),
                path: exchange.path,
                query: exchange.head.uri.query().map(str::to_owned),
                headers: fields(&exchange.head.headers)?,
                body: body.into(),
            };
            let context = exchange.context;
            let answer = self
                .program
                .call(&self.handle, (request,), context.clone())
                .await
                .map_err(|failure| failure_of(&failure, &self.program, &context))?;
            answer::response(answer.value.0, limits).map_err(|invalid| {
                tracing::warn!(
                    plugin = %self.program.capabilities().plugin, request = %context.request_id,
                    "the plugin's answer cannot be sent: {invalid}"
                );
                Failure::PluginAnswerInvalid
            })
        })
    }

    fn render(&self, failure: &Failure, head: &Parts) -> Response {
        problem::render(failure, Some(&head.method))
    }

    fn as_any_arc(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

fn operation(declared: &Declared) -> Operation {
    Operation { name: format!("{} {}", declared.method, declared.path), docs: declared.summary.clone() }
}

/// The contract as OpenAPI, at a path that the plugin does not serve itself.
fn describe(document: &Document, exchange: &Exchange) -> Result<Response, Failure> {
    match exchange.head.method {
        Method::GET | Method::HEAD => Ok(document.at(&exchange.plugin.mount, exchange.policy())),
        Method::OPTIONS => Ok(problem::options(openapi::ALLOW)),
        _ => Err(Failure::MethodNotAllowed { allow: openapi::ALLOW.to_owned() }),
    }
}

/// What the contract says of a request's caller, type and acceptable answers.
fn enforce(endpoint: &contract::Enforced, exchange: &Exchange) -> Result<(), Failure> {
    let headers = &exchange.head.headers;
    let held = exchange.context.identity.as_ref().map_or(&[][..], |identity| &identity.scopes);
    if !endpoint.scopes.iter().all(|scope| held.contains(scope)) {
        return Err(Failure::Forbidden { challenge: None });
    }
    if !negotiate::acceptable(headers, &endpoint.produces) {
        return Err(Failure::NotAcceptable { available: endpoint.produces.clone() });
    }
    if exchange.head.method == Method::PUT && headers.contains_key(CONTENT_RANGE) {
        // A part must not be stored as the whole (RFC 9110, section 14.5).
        return Err(Failure::BadRequest("PUT replaces the whole; a part of it is not taken."));
    }
    if endpoint.consumes.is_empty() {
        return Ok(());
    }
    if exchange.body.is_absent() {
        if endpoint.body_required {
            return Err(Failure::BadRequest("This operation needs a request body."));
        }
        return Ok(());
    }
    if !negotiate::is_one_of(headers, &endpoint.consumes) {
        return Err(Failure::UnsupportedMediaType { accept: endpoint.consumes.join(", ") });
    }
    Ok(())
}

/// Whether an answer with this status has a body (RFC 9110, sections 15.3.5, 15.3.6 and 15.4.5).
fn has_body(status: StatusCode) -> bool {
    !matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED)
}
