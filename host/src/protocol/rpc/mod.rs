//! RPC: one plugin, served as JSON-RPC 2.0 and as XML-RPC on the same mount.
//!
//! Owns the way between an HTTP exchange and the interface `guesthouse:plugin/rpc`: the media type chooses the protocol, POST is
//! the only method but for the handshake of JSON-RPC over WebSocket ([`websocket`]), and every reply of either protocol is a 200, because clients of both read the body of nothing else. What
//! is wrong below the protocol (authentication, method, media type, size) stays an HTTP status.
//!
//! The protocols themselves are functions from text to text ([`jsonrpc`], [`xmlrpc`]) that know neither HTTP nor the
//! sandbox; the table of their error codes is in [`service`].

mod batch;
#[cfg(test)]
mod cases;
mod introspection;
mod jsonrpc;
mod media;
mod methods;
mod openrpc;
mod service;
pub(crate) mod shared;
#[cfg(test)]
pub(super) mod testing;
mod value;
mod websocket;
mod xmlrpc;

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use anyhow::{Context, Result};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap};
use http::request::Parts;
use http::{HeaderValue, Method as HttpMethod, StatusCode};

use self::media::Media;
use self::methods::MethodTable;
use self::openrpc::Document;
use self::service::{CallError, Caller, Fault, Service};
use super::{failure_of, json, problem};
use crate::capability::CallContext;
use crate::exchange::{LocalFuture, Payload, Response};
use crate::failure::Failure;
use crate::plugin::{Contract, Endpoint, Exchange, Operation, Plugin, Source, Style, Surface};
use crate::sandbox::{Export, Program};

mod bindings {
    #![allow(missing_docs, reason = "generated from the WIT, which is documented")]
    wasmtime::component::bindgen!({ path: "../wit", world: "rpc-plugin" });
}

use bindings::exports::guesthouse::plugin::rpc::{Failure as PluginFailure, Kind, Method};

const INTERFACE: &str = "guesthouse:plugin/rpc@1.0.0";
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// With a charset, because RFC 2376 made US-ASCII of a `text/xml` without one, and old clients still do.
const XML: HeaderValue = HeaderValue::from_static("text/xml; charset=utf-8");
const ALLOW: &str = "POST";

/// The style.
pub struct Rpc;

impl Style for Rpc {
    fn name(&self) -> &'static str {
        "RPC"
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
            let call = program.export(INTERFACE, "call", context.clone()).await?;
            let list: Export<(), (Vec<Method>,)> =
                program.export(INTERFACE, "methods", context.clone()).await?;
            let listed = program.call(&list, (), context).await.context("`methods` failed")?;
            let methods = MethodTable::new(listed.value.0, program.limits())
                .context("`methods` answers what cannot be served")?;
            let contract = Document::new(&program.capabilities().plugin, &methods)?;
            let endpoint: Arc<dyn Endpoint> = Arc::new(RpcEndpoint { program, call, methods, contract });
            Ok(endpoint)
        })
    }
}

type Call = Export<(String, Option<String>), (Result<String, PluginFailure>,)>;

struct RpcEndpoint {
    program: Arc<Program>,
    call: Call,
    methods: MethodTable,
    contract: Document,
}

impl Endpoint for RpcEndpoint {
    fn style(&self) -> &'static str {
        "RPC"
    }

    fn summary(&self) -> String {
        let count = self.methods.all().len();
        format!("{count} method{} as JSON-RPC and XML-RPC", if count == 1 { "" } else { "s" })
    }

    fn surface(&self) -> Surface {
        Surface {
            contracts: vec![
                Contract::called("OpenRPC", introspection::DISCOVER),
                Contract::called("XML-RPC introspection", introspection::LIST),
            ],
            ..Surface::at_mount(&["JSON-RPC", "XML-RPC", "JSON-RPC over WebSocket"])
        }
    }

    fn operations(&self) -> Vec<Operation> {
        self.methods.all().iter().map(operation).collect()
    }

    fn claims(&self, head: &Parts) -> bool {
        claims(head)
    }

    fn serve(&self, mut exchange: Exchange) -> LocalFuture<'_, Result<Response, Failure>> {
        // Not an `async fn` of its own, which would hold its argument twice.
        Box::pin(async move {
            // `/RPC2` is the path that XML-RPC clients add to an address without one.
            if !matches!(exchange.path.as_str(), "" | "/" | "/RPC2") {
                return Err(Failure::NotFound);
            }
            if websocket::is_wanted(&exchange.head) {
                return websocket::open(&self.program, exchange, answer_message);
            }
            if exchange.head.method == HttpMethod::OPTIONS {
                return Ok(problem::options(ALLOW));
            }
            if exchange.head.method != HttpMethod::POST {
                return Err(Failure::MethodNotAllowed { allow: ALLOW.to_owned() });
            }
            let media = media::media(&exchange.head.headers)?;
            let body = exchange.body.read(self.program.limits().body_bytes_max).await?;
            let caller = PluginCaller { endpoint: self, context: &exchange.context };
            let address = || exchange.address();
            let service = self.service(&caller, &exchange.context, &address);
            Ok(match media.of_body(&body) {
                Media::Json | Media::Unlabelled => {
                    match jsonrpc::answer(&service, &self.contract, &body).await {
                        Some(text) => reply(StatusCode::OK, JSON, text),
                        None => problem::empty(StatusCode::NO_CONTENT),
                    }
                }
                Media::Xml { charset } => {
                    reply(StatusCode::OK, XML, xmlrpc::answer(&service, charset.as_deref(), &body).await)
                }
            })
        })
    }

    fn render(&self, failure: &Failure, head: &Parts) -> Response {
        render(failure, head)
    }

    fn upgrades(&self) -> bool {
        true
    }

    fn as_any_arc(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

/// `createUser(name: string, email?: string) -> int`, in XML-RPC's names of types.
fn operation(method: &Method) -> Operation {
    let params = method.params.iter().map(|param| {
        let optional = if param.required { "" } else { "?" };
        format!("{}{optional}: {}", param.name, introspection::type_name(param.kind))
    });
    let more = method.variadic.then(|| "...".to_owned());
    let params: Vec<String> = params.chain(more).collect();
    let returns = introspection::type_name(method.returns);
    Operation {
        name: format!("{}({}) -> {returns}", method.name, params.join(", ")),
        docs: method.help.clone(),
    }
}

impl RpcEndpoint {
    /// What a request sees of the plugin.
    fn service<'a>(
        &'a self,
        caller: &'a PluginCaller<'a>,
        context: &CallContext,
        address: &'a dyn Fn() -> String,
    ) -> Service<'a, PluginCaller<'a>> {
        Service {
            methods: &self.methods,
            limits: self.program.limits(),
            caller,
            plugin: &self.program.capabilities().plugin,
            request_id: context.request_id,
            address,
        }
    }
}

/// Answers one message of a WebSocket by whatever version of the plugin is live.
fn answer_message(
    plugin: &Plugin,
    text: String,
    context: CallContext,
    address: Arc<str>,
) -> Option<LocalFuture<'static, Option<String>>> {
    let endpoint = plugin.endpoint::<RpcEndpoint>()?;
    Some(Box::pin(async move {
        let caller = PluginCaller { endpoint: &endpoint, context: &context };
        let address = || address.to_string();
        let service = endpoint.service(&caller, &context, &address);
        jsonrpc::answer(&service, &endpoint.contract, text.as_bytes()).await
    }))
}

/// Calls the plugin, each time on a fresh instance.
struct PluginCaller<'a> {
    endpoint: &'a RpcEndpoint,
    context: &'a CallContext,
}

impl Caller for PluginCaller<'_> {
    async fn call(&self, method: &str, params: Option<&str>) -> Result<String, CallError> {
        let RpcEndpoint { program, call, .. } = self.endpoint;
        let parameters = (method.to_owned(), params.map(str::to_owned));
        match program.call(call, parameters, self.context.clone()).await {
            Ok(answer) => answer.value.0.map_err(CallError::Plugin),
            Err(failure) => Err(CallError::Host(failure_of(&failure, program, self.context))),
        }
    }
}

/// A plugin that is served in several styles: RPC's are the requests that say so. XML with a SOAPAction is SOAP 1.1.
fn claims(head: &Parts) -> bool {
    if websocket::is_wanted(head) {
        return true;
    }
    head.method == HttpMethod::POST
        && match media::media(&head.headers) {
            Ok(Media::Json) => true,
            Ok(Media::Xml { .. }) => !head.headers.contains_key("soapaction"),
            Ok(Media::Unlabelled) | Err(_) => false,
        }
}

/// A failure before the protocol had its say, or instead of it.
fn render(failure: &Failure, head: &Parts) -> Response {
    match failure {
        Failure::PluginTrapped
        | Failure::PluginOutOfTime
        | Failure::PluginOutOfMemory
        | Failure::PluginAnswerInvalid
        | Failure::Internal => render_fault(StatusCode::OK, failure, &head.headers),
        // The body is for the client, the status and Retry-After for whatever balances load in front.
        Failure::Overloaded | Failure::ShuttingDown => {
            let mut response = render_fault(failure.status(), failure, &head.headers);
            problem::describe(failure, Some(&head.method), response.headers_mut());
            response
        }
        _ => problem::render(failure, Some(&head.method)),
    }
}

fn render_fault(status: StatusCode, failure: &Failure, headers: &HeaderMap) -> Response {
    let fault = Fault::of_host(failure, None);
    match media::media(headers) {
        Ok(Media::Xml { .. }) => reply(status, XML, xmlrpc::fault_reply(&fault)),
        Ok(Media::Json | Media::Unlabelled) | Err(_) => reply(status, JSON, jsonrpc::refusal(&fault)),
    }
}

fn reply(status: StatusCode, media_type: HeaderValue, text: String) -> Response {
    let mut response = Response::new(Payload::Whole(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    fn head(method: &str, fields: &[(&str, &str)]) -> Parts {
        let request =
            fields.iter().fold(http::Request::builder().method(method), |request, (name, value)| {
                request.header(*name, *value)
            });
        request.body(()).unwrap().into_parts().0
    }

    fn shown(failure: &Failure, media_type: &str) -> (u16, String, String) {
        let response = render(failure, &head("POST", &[("content-type", media_type)]));
        let media_type = response.headers()[CONTENT_TYPE].to_str().unwrap().to_owned();
        let status = response.status().as_u16();
        let body = futures_util::FutureExt::now_or_never(response.into_body().collect()).unwrap().unwrap();
        (status, media_type, String::from_utf8(body.to_bytes().to_vec()).unwrap())
    }

    #[test]
    fn a_failing_plugin_is_a_reply_of_the_protocol_that_was_asked() {
        let (status, media_type, body) = shown(&Failure::PluginOutOfTime, "application/json");
        assert_eq!((status, media_type.as_str()), (200, "application/json"));
        assert_eq!(
            body,
            r#"{"jsonrpc":"2.0","error":{"code":-32001,"message":"The service did not answer within its time."},"id":null}"#
        );
        let (status, media_type, body) = shown(&Failure::PluginTrapped, "text/xml");
        assert_eq!((status, media_type.as_str()), (200, "text/xml; charset=utf-8"));
        assert!(body.contains("<int>-32603</int>"), "{body}");
    }

    #[test]
    fn overload_is_said_to_the_client_and_to_the_balancer() {
        let response = render(&Failure::Overloaded, &head("POST", &[("content-type", "text/xml")]));
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["retry-after"], "1");
        assert!(shown(&Failure::Overloaded, "text/xml").2.contains("<int>-32003</int>"));
        assert!(shown(&Failure::ShuttingDown, "application/json").2.contains("-32004"));
    }

    #[test]
    fn what_is_wrong_below_the_protocol_stays_an_http_status() {
        for (failure, status) in [
            (Failure::Unauthenticated { challenges: vec![HeaderValue::from_static("Basic")] }, 401),
            (Failure::Forbidden { challenge: None }, 403),
            (Failure::MethodNotAllowed { allow: "POST".to_owned() }, 405),
            (Failure::BodyTooLarge, 413),
            (Failure::UnsupportedMediaType { accept: media::ACCEPTED.to_owned() }, 415),
        ] {
            for media_type in ["application/json", "text/xml"] {
                let response = render(&failure, &head("POST", &[("content-type", media_type)]));
                assert_eq!(response.status(), status);
                assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
            }
        }
        let allow = render(&Failure::MethodNotAllowed { allow: "POST".to_owned() }, &head("GET", &[]));
        assert_eq!(allow.headers()["allow"], "POST");
    }

    #[test]
    fn of_a_plugin_in_several_styles_only_what_says_rpc_is_claimed() {
        assert!(claims(&head("POST", &[("content-type", "application/json")])));
        assert!(claims(&head("POST", &[("content-type", "text/xml")])));
        assert!(!claims(&head("POST", &[("content-type", "text/xml"), ("soapaction", "\"\"")])));
        assert!(!claims(&head("GET", &[("content-type", "application/json")])));
        assert!(!claims(&head("POST", &[])));
        assert!(!claims(&head("POST", &[("content-type", "text/plain")])));
        assert!(claims(&head("GET", &[("upgrade", "websocket")])));
        assert!(!claims(&head("POST", &[("upgrade", "websocket")])), "a call that offers an upgrade");
    }
}
