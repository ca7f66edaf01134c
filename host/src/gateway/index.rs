//! The list of what is mounted, at `/`, when no plugin is.
//!
//! Owns what it says: of every plugin that everybody may call, its mount, its protocols, its contracts and its page, as HTML for a
//! browser and as JSON for everything else. Of the others it says nothing, whoever asks: it takes no credentials, so it can neither
//! be used to try them nor be kept by a cache for somebody else. Refuses to know what the plugins are; each says so itself.

use std::fmt::Write as _;

use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, VARY};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method};
use serde_json::{Value, json};

use crate::exchange::{Payload, Response};
use crate::failure::Failure;
use crate::plugin::Plugin;
use crate::plugin::manifest::{AuthPolicy, SchemeName};
use crate::plugin::surface::{At, Surface};
use crate::protocol::{html, problem, xml};

const ALLOW: &str = "GET, HEAD, OPTIONS";

const STYLE: &str = "\
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}\
body{max-width:60rem;margin:0 auto;padding:1.5rem}\
h1{font-size:1.5rem}h2{font-size:1.1rem;margin:2rem 0 0}\
p,ul{margin:.25rem 0}ul{padding-left:1.25rem}\
code{font:.95em ui-monospace,monospace;overflow-wrap:anywhere}\
a{color:LinkText}a:focus-visible{outline:3px solid currentColor;outline-offset:2px}";

/// Answers a request for the list of these plugins. `default` is the policy of those that have none.
///
/// # Errors
/// [`Failure::MethodNotAllowed`]: it can only be read. [`Failure::Internal`]: its policy is no field, which is a defect.
pub(super) fn answer(
    plugins: &[impl AsRef<Plugin>],
    default: &AuthPolicy,
    head: &Parts,
) -> Result<Response, Failure> {
    match head.method {
        // The server drops the body of an answer to HEAD.
        Method::GET | Method::HEAD => {}
        Method::OPTIONS => return Ok(problem::options(ALLOW)),
        _ => return Err(Failure::MethodNotAllowed { allow: ALLOW.to_owned() }),
    }
    let mut open: Vec<&Plugin> = plugins.iter().map(AsRef::as_ref).collect();
    open.retain(|plugin| is_open(plugin.manifest.auth.as_ref().unwrap_or(default)));
    open.sort_by(|one, other| one.mount.cmp(&other.mount));
    let (text, media_type) = if wants_html(&head.headers) {
        (page(&open), "text/html; charset=utf-8")
    } else {
        (json(&open).to_string(), "application/json")
    };
    let mut response = Response::new(Payload::from(text));
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    fields.insert(VARY, HeaderValue::from_static("Accept"));
    // Plugins come and go.
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    let policy = format!(
        "default-src 'none'; style-src '{}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        html::source(STYLE)
    );
    html::guard(fields, HeaderValue::try_from(policy).map_err(|_| Failure::Internal)?);
    Ok(response)
}

/// Whether everybody may call.
fn is_open(policy: &AuthPolicy) -> bool {
    policy.scopes.is_empty() && policy.require.contains(&SchemeName::Anonymous)
}

/// Browsers name HTML; programs mostly name nothing, or `*/*`.
fn wants_html(headers: &HeaderMap) -> bool {
    let names_html = |value: &HeaderValue| {
        value.to_str().is_ok_and(|text| text.to_ascii_lowercase().contains("text/html"))
    };
    headers.get_all(ACCEPT).iter().any(names_html)
}

/// What a plugin is in all its styles.
fn surfaces(plugin: &Plugin) -> impl Iterator<Item = (String, Surface)> {
    plugin
        .endpoints
        .iter()
        .map(|endpoint| (format!("{}: {}", endpoint.style(), endpoint.summary()), endpoint.surface()))
}

fn json(plugins: &[&Plugin]) -> Value {
    let plugins: Vec<Value> = plugins
        .iter()
        .map(|plugin| {
            let mount = &plugin.mount;
            let (mut styles, mut protocols, mut contracts, mut page) = (vec![], vec![], vec![], None);
            for (summary, surface) in surfaces(plugin) {
                styles.push(summary);
                for (protocol, path) in surface.protocols {
                    protocols.push(json!({ "protocol": protocol, "path": format!("{mount}{path}") }));
                }
                for contract in surface.contracts {
                    contracts.push(match contract.at {
                        At::Path(path) => {
                            json!({ "language": contract.language, "path": format!("{mount}{path}") })
                        }
                        At::Method(method, path) => json!({
                            "language": contract.language, "path": format!("{mount}{path}"), "method": method,
                        }),
                    });
                }
                page = page.or_else(|| surface.page.map(|path| format!("{mount}{path}")));
            }
            json!({
                "name": *plugin.name, "mount": **mount, "styles": styles, "protocols": protocols,
                "contracts": contracts, "page": page,
            })
        })
        .collect();
    json!({ "plugins": plugins })
}

fn page(plugins: &[&Plugin]) -> String {
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Services</title>\n\
         <link rel=\"icon\" href=\"data:,\">\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>Services</h1>\n"
    );
    if plugins.is_empty() {
        out.push_str("<p>There is none that everybody may call.</p>\n");
    }
    for plugin in plugins {
        let mount = &plugin.mount;
        out.push_str("<h2>");
        push(&mut out, &plugin.name);
        out.push_str("</h2>\n");
        for (summary, surface) in surfaces(plugin) {
            out.push_str("<p>");
            push(&mut out, &summary);
            out.push_str("</p>\n<ul>\n");
            if let Some(page) = surface.page {
                link(&mut out, "Page with forms to try it", mount, page);
            }
            for (protocol, path) in &surface.protocols {
                line(&mut out, protocol, &format!("{mount}{path}"));
            }
            for contract in &surface.contracts {
                match &contract.at {
                    At::Path(path) => link(&mut out, contract.language, mount, path),
                    At::Method(method, path) => {
                        line(&mut out, contract.language, &format!("{method} of {mount}{path}"));
                    }
                }
            }
            out.push_str("</ul>\n");
        }
    }
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

fn link(out: &mut String, what: &str, mount: &str, path: &str) {
    let mut escaped = String::new();
    push(&mut escaped, &format!("{mount}{path}"));
    // Writing to a string does not fail.
    let _ = writeln!(out, "<li>{what}: <a href=\"{escaped}\"><code>{escaped}</code></a></li>");
}

fn line(out: &mut String, what: &str, place: &str) {
    let _ = write!(out, "<li>{what}: <code>");
    push(out, place);
    out.push_str("</code></li>\n");
}

/// Appends text so that it is neither markup nor the end of an attribute; what XML cannot carry is left out.
fn push(out: &mut String, text: &str) {
    let _ = xml::push_attribute(out, text);
}
