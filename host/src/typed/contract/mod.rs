//! Contracts: what a service's types are in the language of each protocol.
//!
//! Every contract is a pure function of the reflected service and of where it is served, in a file of its own, made once when the
//! plugin is loaded. Equal services have equal contracts, byte by byte, so that a validator stays good over a restart. Refuses to know
//! how a request is answered.
//!
//! | module | contract |
//! | --- | --- |
//! | `openapi` | OpenAPI 3.1, for REST |
//! | `openrpc` | OpenRPC 1.3.2, for JSON-RPC |
//! | `asyncapi` | AsyncAPI 3.0, for JSON-RPC over WebSocket |
//! | `wsdl`, `xml_schema` | WSDL 1.1 with XML Schema 1.0, for SOAP |
//! | `wit` | the WIT text |
//! | `json_schema`, `example`, `text` | what they share: types, one value of each, doc comments |
//! | `document` | a contract ready to be sent, and asked for conditionally |

mod asyncapi;
pub mod document;
mod example;
mod json_schema;
mod openapi;
mod openrpc;
mod text;
pub mod wit;
mod wsdl;
pub mod xml_schema;

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::{Map, Value, json};

use self::document::{Document, Language};
use super::model::{Function, Service};
use super::rest::Routes;
use crate::plugin::manifest::{AuthPolicy, Form, SchemeName};

/// Below the mount: OpenAPI.
pub const OPENAPI: &str = "/openapi.json";
/// Below the mount: OpenRPC, which is also read at the path of JSON-RPC.
pub const OPENRPC: &str = "/openrpc.json";
/// Below the mount: AsyncAPI.
pub const ASYNCAPI: &str = "/asyncapi.json";
/// Below the mount: the WIT text.
pub const WIT: &str = "/service.wit";

/// A service, and how it is served.
#[derive(Clone, Copy)]
pub struct Served<'s> {
    /// What is served.
    pub service: &'s Service,
    /// The prefix of all paths; empty for the root.
    pub mount: &'s str,
    /// REST, if it is served.
    pub routes: Option<&'s Routes>,
    /// The other forms, by their paths below the mount.
    pub paths: &'s BTreeMap<String, Form>,
    /// Who may call.
    pub policy: &'s AuthPolicy,
    /// The WIT text that came with the component, if one did.
    pub text: Option<&'s str>,
}

impl<'s> Served<'s> {
    /// Where JSON-RPC is spoken: over HTTP, or else over WebSocket.
    fn path_of_rpc(&self) -> Option<&'s str> {
        self.path(Form::Rpc).or_else(|| self.path(Form::Ws))
    }

    fn path(&self, form: Form) -> Option<&'s str> {
        self.paths.iter().find(|(_, other)| **other == form).map(|(path, _)| path.as_str())
    }
}

/// The contracts of a service: one for each form that has a language for it.
#[derive(Debug)]
pub struct Contracts {
    openapi: Option<Document>,
    openrpc: Option<Document>,
    asyncapi: Option<Document>,
    wsdl: Option<Document>,
    wit: Document,
}

impl Contracts {
    /// Makes all of them.
    ///
    /// # Errors
    /// When one is over its limit, or two things would have one name in it.
    pub fn new(served: &Served<'_>) -> Result<Self> {
        let json = |what: &str, value: Value| Document::new(what, value.to_string(), Language::Json);
        let openapi =
            served.routes.map(|routes| json("the OpenAPI document", openapi::document(served, routes)));
        let openrpc =
            served.path_of_rpc().map(|path| json("the OpenRPC document", openrpc::document(served, path)));
        let asyncapi =
            served.path(Form::Ws).map(|path| json("the AsyncAPI document", asyncapi::document(served, path)));
        let wsdl = served.path(Form::Soap).map(|path| {
            Document::new("the WSDL document", wsdl::document(served.service, path)?, Language::Xml)
        });
        Ok(Self {
            openapi: openapi.transpose()?,
            openrpc: openrpc.transpose()?,
            asyncapi: asyncapi.transpose()?,
            wsdl: wsdl.transpose()?,
            wit: Document::new("the WIT text", wit::document(served), Language::Text)?,
        })
    }

    /// The contract that has a path of its own below the mount.
    #[must_use]
    pub fn at(&self, path: &str) -> Option<&Document> {
        match path {
            OPENAPI => self.openapi.as_ref(),
            OPENRPC => self.openrpc.as_ref(),
            ASYNCAPI => self.asyncapi.as_ref(),
            WIT => Some(&self.wit),
            _ => None,
        }
    }

    /// The contract that is read at the path of JSON-RPC.
    #[must_use]
    pub fn openrpc(&self) -> Option<&Document> {
        self.openrpc.as_ref()
    }

    /// The same for `rpc.discover`: what stands before and behind the address.
    #[must_use]
    pub fn discovered(&self, served: &Served<'_>) -> Option<(String, String)> {
        self.openrpc.as_ref()?.around(served.path_of_rpc()?)
    }

    /// The contract that is read at the path of SOAP, under `?wsdl`.
    #[must_use]
    pub fn wsdl(&self) -> Option<&Document> {
        self.wsdl.as_ref()
    }
}

/// The functions and types in the words of OpenRPC, whether JSON-RPC is served or not: what the page for people is made of.
#[must_use]
pub fn functions(served: &Served<'_>) -> Value {
    openrpc::document(served, served.path_of_rpc().unwrap_or_default())
}

/// The members that every JSON contract begins with: title, version, description.
fn info(service: &Service) -> Value {
    let mut info = Map::new();
    info.insert("title".to_owned(), json!(text::plain(&service.name)));
    info.insert("version".to_owned(), json!(version(service)));
    let docs: Vec<String> = service
        .interfaces
        .iter()
        .filter(|interface| !interface.docs.is_empty())
        .map(|interface| text::markdown(&interface.docs))
        .collect();
    if !docs.is_empty() {
        info.insert("description".to_owned(), json!(docs.join("\n\n")));
    }
    Value::Object(info)
}

/// The version of the first interface that has one. A service without a version is in its first.
fn version(service: &Service) -> &str {
    service
        .interfaces
        .iter()
        .find_map(|interface| interface.id.split_once('@'))
        .map_or("1.0.0", |(_, version)| version)
}

/// What functions are grouped by: the name of their interface.
fn tag(service: &Service, function: &Function) -> Option<String> {
    let interface = service.interfaces.get(function.interface?)?;
    Some(short(&interface.id).to_owned())
}

/// `acme:shop/orders@1.2.0` as `orders`; with its version where another version of it is served, too.
fn short(id: &str) -> &str {
    id.rsplit_once('/').map_or(id, |(_, name)| name)
}

/// All tags, with what is known of them.
fn tags(service: &Service) -> Vec<Value> {
    let described = service.interfaces.iter().map(|interface| {
        let mut tag = Map::new();
        tag.insert("name".to_owned(), json!(short(&interface.id)));
        if !interface.docs.is_empty() {
            tag.insert("description".to_owned(), json!(text::markdown(&interface.docs)));
        }
        Value::Object(tag)
    });
    let mut seen = std::collections::BTreeSet::new();
    described.filter(|tag| seen.insert(tag["name"].to_string())).collect()
}

/// Puts the summary and the description of a doc comment into an object, where there is one.
fn describe(docs: &str, into: &mut Map<String, Value>) {
    if docs.is_empty() {
        return;
    }
    into.insert("summary".to_owned(), json!(text::summary(docs)));
    into.insert("description".to_owned(), json!(text::markdown(docs)));
}

/// The schemes of a policy in the form that OpenAPI and AsyncAPI share, by their names. None when everybody may call.
fn security_schemes(policy: &AuthPolicy) -> Vec<(&'static str, Value)> {
    policy
        .require
        .iter()
        .filter_map(|scheme| match scheme {
            SchemeName::Anonymous => None,
            SchemeName::ApiKey => {
                Some(("apiKey", json!({ "type": "apiKey", "in": "header", "name": "X-API-Key" })))
            }
            SchemeName::Basic => Some(("basic", json!({ "type": "http", "scheme": "basic" }))),
            SchemeName::Bearer => {
                Some(("bearer", json!({ "type": "http", "scheme": "bearer", "bearerFormat": "JWT" })))
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
