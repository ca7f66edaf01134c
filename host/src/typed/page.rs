//! The page for people at the mount of a typed service.
//!
//! Owns one document that needs nothing from elsewhere: its script builds functions, types, a form for each function in each protocol,
//! and client programs from the service's contracts. So the page can say nothing that they do not. Its policy
//! (Content Security Policy, level 3) lets exactly this script and this style run, and lets them speak to this origin alone: a
//! stranger's doc comment that was markup could load and run nothing, and it is put on the page as text to begin with.

use anyhow::Result;
use http::{HeaderMap, HeaderValue, Method};
use serde_json::{Map, json};

use super::contract::document::{Document, Language};
use super::contract::{Served, functions};
use super::soap::namespace;
use crate::exchange::Response;
use crate::failure::Failure;
use crate::plugin::manifest::Form;
use crate::protocol::html;

const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");

/// Below the mount: the page.
pub const PAGE: &str = "/";

/// The page of one service.
#[derive(Debug)]
pub struct Page {
    document: Document,
    policy: HeaderValue,
}

impl Page {
    /// Makes the page.
    ///
    /// # Errors
    /// When it is over the limit of documents.
    pub fn new(served: &Served<'_>) -> Result<Self> {
        let mut paths = Map::new();
        for (path, form) in served.paths {
            paths.insert(key(*form).to_owned(), json!(path));
        }
        if served.routes.is_some() {
            paths.insert(key(Form::Rest).to_owned(), json!("/"));
        }
        let wsdl =
            paths.get(key(Form::Soap)).and_then(|path| path.as_str()).map(|path| format!("{path}?wsdl"));
        let facts = json!({
            "mount": served.mount, "paths": paths, "wsdl": wsdl, "namespace": namespace(served.service),
            "contract": functions(served),
        });
        // In a script, nothing but `<` could end it.
        let facts = facts.to_string().replace('<', "\\u003c");
        let text = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Service</title>\n\
             <link rel=\"icon\" href=\"data:,\">\n<style>{STYLE}</style>\n</head>\n<body>\n\
             <a class=\"skip\" href=\"#main\">To the functions</a>\n<header id=\"head\"></header>\n\
             <main id=\"main\" tabindex=\"-1\"><noscript>This page reads the service's contracts with a script. The contracts \
             themselves are the links of the service's documentation.</noscript></main>\n\
             <script type=\"application/json\" id=\"service\">{facts}</script>\n<script>{SCRIPT}</script>\n</body>\n</html>\n"
        );
        let policy = format!(
            "default-src 'none'; script-src '{}'; style-src '{}'; img-src data:; connect-src 'self'; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'none'",
            html::source(SCRIPT),
            html::source(STYLE)
        );
        Ok(Self {
            document: Document::new("the page", text, Language::Html)?,
            policy: HeaderValue::try_from(policy)?,
        })
    }

    /// Answers a request for it.
    ///
    /// # Errors
    /// [`Failure::MethodNotAllowed`]: it can only be read.
    pub fn answer(&self, method: &Method, headers: &HeaderMap, address: &str) -> Result<Response, Failure> {
        let mut response = self.document.answer(method, headers, address)?;
        html::guard(response.headers_mut(), self.policy.clone());
        Ok(response)
    }
}

fn key(form: Form) -> &'static str {
    match form {
        Form::Rest => "rest",
        Form::Rpc => "rpc",
        Form::Xmlrpc => "xmlrpc",
        Form::Soap => "soap",
        Form::Ws => "ws",
    }
}
