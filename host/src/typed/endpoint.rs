//! A typed service below its mount: which path is which form.
//!
//! Owns the paths of forms and contracts, and which of them the manifest leaves. Refuses to know how any form speaks.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use http::Method;
use http::header::UPGRADE;
use http::request::Parts;

use super::call::Callee;
use super::contract::{self, Contracts, Served};
use super::lower_json::Dialect;
use super::page::{PAGE, Page};
use super::rest::Routes;
use super::rpc::{self, TypedCaller};
use super::soap;
use crate::capability::CallContext;
use crate::exchange::{LocalFuture, Response};
use crate::failure::Failure;
use crate::plugin::manifest::Form;
use crate::plugin::surface::At;
use crate::plugin::{Contract, Endpoint, Exchange, Plugin, Source, Surface};
use crate::protocol::problem;
use crate::protocol::rpc::shared::{self, Media, Methods, Request};
use crate::protocol::soap::shared::{self as soap_shared, Operations};

/// Where each form is, unless the manifest says otherwise. REST has everything that is left.
const PATHS: [(Form, &str); 4] =
    [(Form::Rpc, "/rpc"), (Form::Xmlrpc, "/xmlrpc"), (Form::Soap, "/soap"), (Form::Ws, "/ws")];

/// A typed service, ready to answer.
pub(super) struct TypedEndpoint {
    callee: Callee,
    mount: Arc<str>,
    /// The forms with a path of their own, by that path.
    paths: BTreeMap<String, Form>,
    methods: Methods,
    /// None when SOAP is not served.
    operations: Option<Operations>,
    /// None when REST is not served.
    routes: Option<Routes>,
    contracts: Contracts,
    page: Page,
}

impl TypedEndpoint {
    /// Prepares every form.
    ///
    /// # Errors
    /// In words for the plugin's author or its operator.
    pub(super) fn new(callee: Callee, mount: &Arc<str>, source: &Source) -> Result<Self> {
        let presentation = &source.manifest.typed;
        let wanted = |form: Form| presentation.forms.as_ref().is_none_or(|forms| forms.contains(&form));
        ensure!(
            presentation.forms.as_ref().is_none_or(|forms| !forms.is_empty()),
            "`typed.forms` is empty: name one of \"rest\", \"rpc\", \"xmlrpc\", \"soap\", \"ws\", or leave it out for all"
        );
        ensure!(
            !presentation.paths.contains_key(&Form::Rest),
            "`typed.paths.rest`: REST is served by function, below the mount itself; see `[typed.routes]`"
        );
        let mut paths = BTreeMap::new();
        for (form, path) in PATHS {
            let path = presentation.paths.get(&form).map_or(path, String::as_str);
            let segment = path.strip_prefix('/').unwrap_or_default();
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            ensure!(
                !segment.is_empty() && segment != "." && segment != ".." && segment.bytes().all(plain),
                "`typed.paths`: `{path}` is not `/` and one segment of letters, digits, `-`, `.`, `_`, `~`"
            );
            if wanted(form)
                && let Some(other) = paths.insert(path.to_owned(), form)
            {
                bail!("`typed.paths`: `{path}` is the path of two forms, {other:?} and {form:?}");
            }
        }
        let service = callee.service();
        let contracts = [contract::OPENAPI, contract::OPENRPC, contract::ASYNCAPI, contract::WIT];
        let taken = paths.keys().map(String::as_str).chain(contracts);
        let reserved: BTreeSet<String> =
            taken.filter_map(|path| path.strip_prefix('/')).map(str::to_owned).collect();
        let routes = match wanted(Form::Rest) {
            true => Some(Routes::new(service, presentation, &reserved)?),
            false => None,
        };
        let served = Served {
            service,
            mount,
            routes: routes.as_ref(),
            paths: &paths,
            policy: &source.policy,
            text: source.text.as_ref().map(|(_, text)| text.as_str()),
        };
        let contracts = Contracts::new(&served)?;
        let page = Page::new(&served)?;
        let methods = match contracts.discovered(&served) {
            Some(around) => Methods::described(rpc::methods(service), callee.limits(), around)?,
            None => Methods::new(&service.name, rpc::methods(service), callee.limits())?,
        };
        let operations = contracts.wsdl().map(|document| {
            let names = service.functions.iter().map(|function| function.name.as_str());
            Operations::new(&soap::namespace(service), names, &document.text("http://localhost"))
        });
        let operations = operations.transpose()?;
        Ok(Self { callee, mount: Arc::clone(mount), paths, methods, operations, routes, contracts, page })
    }

    /// The service.
    pub(super) fn callee(&self) -> &Callee {
        &self.callee
    }

    /// The forms with a path of their own, by that path.
    pub(super) fn paths(&self) -> &BTreeMap<String, Form> {
        &self.paths
    }

    /// None when REST is not served.
    pub(super) fn routes(&self) -> Option<&Routes> {
        self.routes.as_ref()
    }

    /// What is served at a path below the mount.
    fn form(&self, path: &str) -> Option<Form> {
        let found = self.paths.get(path).copied();
        found.or_else(|| self.routes.as_ref().filter(|routes| routes.serves(path)).map(|_| Form::Rest))
    }

    /// The path below the mount of a request whose canonical path is not at hand. Only to tell forms apart.
    fn below<'h>(&self, head: &'h Parts) -> &'h str {
        head.uri.path().strip_prefix(&*self.mount).filter(|path| !path.is_empty()).unwrap_or("/")
    }

    async fn answer(&self, exchange: Exchange) -> Result<Response, Failure> {
        if let Some(document) = self.contracts.at(&exchange.path) {
            let head = &exchange.head;
            return document.answer(&head.method, &head.headers, &exchange.address());
        }
        if exchange.path == PAGE {
            return self.page.answer(&exchange.head.method, &exchange.head.headers, &exchange.address());
        }
        match (self.form(&exchange.path), &self.routes) {
            (Some(Form::Rpc), _) => self.rpc(exchange, Dialect::Json).await,
            (Some(Form::Xmlrpc), _) => self.rpc(exchange, Dialect::XmlRpc).await,
            (Some(Form::Soap), _) => self.soap(exchange).await,
            (Some(Form::Ws), _) => self.websocket(exchange),
            (Some(Form::Rest), Some(routes)) => routes.answer(&self.callee, exchange).await,
            _ => Err(Failure::NotFound),
        }
    }

    fn websocket(&self, exchange: Exchange) -> Result<Response, Failure> {
        const ALLOW: &str = "GET, OPTIONS";
        if exchange.head.method == Method::OPTIONS {
            return Ok(problem::options(ALLOW));
        }
        if exchange.head.method != Method::GET && !shared::is_websocket_wanted(&exchange.head) {
            return Err(Failure::MethodNotAllowed { allow: ALLOW.to_owned() });
        }
        shared::open_websocket(self.callee.program(), exchange, answer_message)
    }

    async fn soap(&self, mut exchange: Exchange) -> Result<Response, Failure> {
        let (Some(operations), Some(document)) = (&self.operations, self.contracts.wsdl()) else {
            return Err(Failure::NotFound);
        };
        let head = &exchange.head;
        match head.method {
            Method::POST => {}
            Method::GET | Method::HEAD if soap_shared::asks_for_contract(head) => {
                return document.answer(&head.method, &head.headers, &exchange.address());
            }
            Method::OPTIONS => return Ok(problem::options(soap_shared::ALLOW)),
            _ => return Err(Failure::MethodNotAllowed { allow: soap_shared::ALLOW.to_owned() }),
        }
        let context = &exchange.context;
        let request = soap_shared::Request {
            headers: &head.headers,
            limits: self.callee.limits(),
            plugin: &self.callee.service().name,
            request_id: context.request_id,
        };
        let call =
            async |operation: &str, body: &str| soap::call(&self.callee, context, operation, body).await;
        operations.answer(&request, &mut exchange.body, call).await
    }

    async fn rpc(&self, mut exchange: Exchange, dialect: Dialect) -> Result<Response, Failure> {
        let allow = if dialect == Dialect::Json { "GET, HEAD, POST, OPTIONS" } else { "POST, OPTIONS" };
        let method = exchange.head.method.clone();
        if method == Method::OPTIONS {
            return Ok(problem::options(allow));
        }
        if dialect == Dialect::Json && (method == Method::GET || method == Method::HEAD) {
            let document = self.contracts.openrpc().ok_or(Failure::NotFound)?;
            return document.answer(&method, &exchange.head.headers, &exchange.address());
        }
        if method != Method::POST {
            return Err(Failure::MethodNotAllowed { allow: allow.to_owned() });
        }
        let media = shared::media(&exchange.head.headers)?;
        let limits = self.callee.limits();
        let body = exchange.body.read(limits.body_bytes_max).await?;
        let caller = TypedCaller { callee: &self.callee, context: &exchange.context, dialect };
        let request = Request {
            limits,
            caller: &caller,
            plugin: &self.callee.service().name,
            request_id: exchange.context.request_id,
            address: &|| address(&exchange),
        };
        match (dialect, media) {
            // The path has said which protocol it is, so a request that names no type is one of it.
            (Dialect::Json, Media::Json | Media::Unlabelled) => {
                Ok(self.methods.json_over_http(&request, &body).await)
            }
            (Dialect::XmlRpc, Media::Xml { charset }) => {
                Ok(self.methods.xml_over_http(&request, charset.as_deref(), &body).await)
            }
            (Dialect::XmlRpc, Media::Unlabelled) => {
                Ok(self.methods.xml_over_http(&request, None, &body).await)
            }
            (Dialect::Json, Media::Xml { .. }) => {
                Err(Failure::UnsupportedMediaType { accept: "application/json".to_owned() })
            }
            (Dialect::XmlRpc, Media::Json) => {
                Err(Failure::UnsupportedMediaType { accept: "text/xml".to_owned() })
            }
        }
    }
}

/// Answers one message of a WebSocket by whatever version of the service is live.
fn answer_message(
    plugin: &Plugin,
    text: String,
    context: CallContext,
    address: Arc<str>,
) -> Option<LocalFuture<'static, Option<String>>> {
    let endpoint = plugin.endpoint::<TypedEndpoint>()?;
    if !endpoint.paths.values().any(|form| *form == Form::Ws) {
        return None;
    }
    Some(Box::pin(async move {
        let callee = &endpoint.callee;
        let caller = TypedCaller { callee, context: &context, dialect: Dialect::Json };
        let request = Request {
            limits: callee.limits(),
            caller: &caller,
            plugin: &callee.service().name,
            request_id: context.request_id,
            address: &|| address.to_string(),
        };
        endpoint.methods.json(&request, text.as_bytes()).await
    }))
}

/// The address of the form that was asked.
fn address(exchange: &Exchange) -> String {
    format!("{}{}", exchange.address(), exchange.path)
}

impl Endpoint for TypedEndpoint {
    fn style(&self) -> &'static str {
        "typed"
    }

    fn summary(&self) -> String {
        let count = self.callee.service().functions.len();
        let forms: Vec<&str> = self.paths.keys().map(String::as_str).collect();
        let rest = if self.routes.is_some() { "REST, " } else { "" };
        format!("{count} function{} as {rest}{}", if count == 1 { "" } else { "s" }, forms.join(", "))
    }

    fn surface(&self) -> Surface {
        let rest = self.routes.iter().map(|_| ("REST", String::new()));
        let others = self.paths.iter().map(|(path, form)| (form.name(), path.clone()));
        let path = |wanted: Form| self.paths.iter().find(|(_, form)| **form == wanted).map(|(path, _)| path);
        let contracts = [
            self.routes.as_ref().map(|_| Contract::read("OpenAPI", contract::OPENAPI)),
            self.contracts.openrpc().map(|_| Contract::read("OpenRPC", contract::OPENRPC)),
            path(Form::Xmlrpc).map(|path| Contract {
                language: "XML-RPC introspection",
                at: At::Method(shared::LIST, path.clone()),
            }),
            path(Form::Soap).map(|path| Contract::read("WSDL", format!("{path}?wsdl"))),
            path(Form::Ws).map(|_| Contract::read("AsyncAPI", contract::ASYNCAPI)),
            Some(Contract::read("WIT", contract::WIT)),
        ];
        Surface {
            protocols: rest.chain(others).collect(),
            contracts: contracts.into_iter().flatten().collect(),
            page: Some(PAGE),
        }
    }

    fn claims(&self, head: &Parts) -> bool {
        // A plugin may have a WebSocket of its own beside its functions; ours has its path.
        let form = self.form(self.below(head));
        let below = self.below(head);
        let is_ours = form.is_some() || below == PAGE || self.contracts.at(below).is_some();
        form == Some(Form::Ws) || (is_ours && !head.headers.contains_key(UPGRADE))
    }

    fn serve<'a>(&'a self, exchange: Exchange) -> LocalFuture<'a, Result<Response, Failure>> {
        Box::pin(self.answer(exchange))
    }

    fn render(&self, failure: &Failure, head: &Parts) -> Response {
        match self.form(self.below(head)) {
            Some(Form::Rpc | Form::Xmlrpc) => shared::render(failure, head),
            Some(Form::Soap) => soap_shared::render(failure, head),
            _ => problem::render(failure, Some(&head.method)),
        }
    }

    fn as_any_arc(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}
