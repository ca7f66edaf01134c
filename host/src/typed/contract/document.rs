//! A contract that is ready to be sent.
//!
//! Owns the bytes of a contract, which are made once, when the plugin is loaded; what differs from request to request, which is the
//! address under which the client reached the service, and nothing else; the validator, and conditional requests for it (RFC 9110,
//! section 13). Refuses to know what the document says.

use std::fmt::Write as _;

use anyhow::{Result, ensure};
use aws_lc_rs::digest::{SHA256, digest};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use crate::exchange::{Payload, Response};
use crate::failure::Failure;
use crate::limits::TYPED_CONTRACT_BYTES_MAX;
use crate::protocol::{json, problem, xml};

/// Stands for the address of the mount in the text of a document: `https://example.org/shop`. It and the next two are noncharacters
/// of Unicode, so that no name and no doc comment has them: [`super::text::plain`] drops them.
pub const ADDRESS: char = '\u{fdd0}';
/// Stands for the host and port of that address.
pub const AUTHORITY: char = '\u{fdd1}';
/// Stands for `ws`, or for `wss` where the address is of `https`.
pub const WEBSOCKET_SCHEME: char = '\u{fdd2}';

/// The language of a document: how what is put into it is escaped, and its media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// JSON.
    Json,
    /// XML.
    Xml,
    /// HTML that has no address in it.
    Html,
    /// Text that has no address in it.
    Text,
}

/// A document.
#[derive(Debug)]
pub struct Document {
    text: String,
    language: Language,
    etag: HeaderValue,
}

impl Document {
    /// A document of this text.
    ///
    /// # Errors
    /// When it is over its limit. `what` names it.
    pub fn new(what: &str, text: String, language: Language) -> Result<Self> {
        ensure!(
            text.len() <= TYPED_CONTRACT_BYTES_MAX,
            "{what} would have {} bytes; at most {TYPED_CONTRACT_BYTES_MAX} are served: split the service",
            text.len()
        );
        let hash = digest(&SHA256, text.as_bytes());
        let mut etag = String::from("\"");
        for byte in hash.as_ref().iter().take(16) {
            write!(etag, "{byte:02x}")?;
        }
        etag.push('"');
        Ok(Self { text, language, etag: HeaderValue::try_from(etag)? })
    }

    /// The text for a client that reached the mount at this address.
    #[must_use]
    pub fn text(&self, address: &str) -> String {
        let mut out = String::with_capacity(self.text.len().saturating_add(address.len()));
        let mut rest = self.text.as_str();
        let is_hole = |letter| matches!(letter, ADDRESS | AUTHORITY | WEBSOCKET_SCHEME);
        while let Some((before, behind)) = rest.find(is_hole).and_then(|at| rest.split_at_checked(at)) {
            out.push_str(before);
            let mut letters = behind.chars();
            let (scheme, host) = address.split_once("://").unwrap_or(("http", address));
            match letters.next() {
                Some(ADDRESS) => self.push(address, &mut out),
                Some(AUTHORITY) => self.push(host.split('/').next().unwrap_or(host), &mut out),
                _ => out.push_str(if scheme == "https" { "wss" } else { "ws" }),
            }
            rest = letters.as_str();
        }
        out.push_str(rest);
        out
    }

    /// Appends what a client has sent, escaped so that it stays inside the string it stands in.
    fn push(&self, text: &str, out: &mut String) {
        match self.language {
            Language::Json => {
                let start = out.len();
                json::push_string(out, text);
                // The document has the quotes already.
                out.pop();
                out.remove(start);
            }
            Language::Xml => {
                // A text that XML cannot carry is no address; nothing is pushed then.
                let _ = xml::push_attribute(out, text);
            }
            Language::Html | Language::Text => {}
        }
    }

    /// What stands before and behind the address of a form below the mount, and the quotes around it: for whoever puts in another
    /// one. None when it is not in the document.
    #[must_use]
    pub fn around(&self, path: &str) -> Option<(String, String)> {
        let (before, after) = self.text.split_once(&format!("\"{ADDRESS}{path}\""))?;
        Some((before.to_owned(), after.to_owned()))
    }

    /// Answers a request for the document.
    ///
    /// # Errors
    /// [`Failure::MethodNotAllowed`]: it can only be read.
    pub fn answer(&self, method: &Method, headers: &HeaderMap, address: &str) -> Result<Response, Failure> {
        const ALLOW: &str = "GET, HEAD, OPTIONS";
        match *method {
            // The server drops the body of an answer to HEAD.
            Method::GET | Method::HEAD => {}
            Method::OPTIONS => return Ok(problem::options(ALLOW)),
            _ => return Err(Failure::MethodNotAllowed { allow: ALLOW.to_owned() }),
        }
        let mut response = if self.is_known(headers) {
            problem::empty(StatusCode::NOT_MODIFIED)
        } else {
            let mut response = Response::new(Payload::from(self.text(address)));
            response.headers_mut().insert(CONTENT_TYPE, self.media_type());
            response
        };
        response.headers_mut().insert(ETAG, self.etag.clone());
        // To be kept, and asked about each time: a plugin can be swapped at any moment.
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        Ok(response)
    }

    fn media_type(&self) -> HeaderValue {
        HeaderValue::from_static(match self.language {
            Language::Json => "application/json",
            Language::Xml => "text/xml; charset=utf-8",
            Language::Html => "text/html; charset=utf-8",
            Language::Text => "text/plain; charset=utf-8",
        })
    }

    /// `If-None-Match`, by the weak comparison that section 13.1.2 asks for.
    fn is_known(&self, headers: &HeaderMap) -> bool {
        headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).any(|value| {
            value.split(',').map(str::trim).any(|tag| {
                tag == "*" || tag.strip_prefix("W/").unwrap_or(tag).as_bytes() == self.etag.as_bytes()
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Document {
        let text = format!("{{\"url\":\"{ADDRESS}/rpc\",\"host\":\"{WEBSOCKET_SCHEME}://{AUTHORITY}\"}}");
        Document::new("the test", text, Language::Json).unwrap()
    }

    #[test]
    fn the_address_is_the_one_that_the_client_used() {
        assert_eq!(
            document().text("https://e.org:8443/shop"),
            r#"{"url":"https://e.org:8443/shop/rpc","host":"wss://e.org:8443"}"#
        );
        assert_eq!(
            document().text("http://a\"b/shop"),
            r#"{"url":"http://a\"b/shop/rpc","host":"ws://a\"b"}"#,
            "what a client writes into Host stays in its string"
        );
    }

    #[test]
    fn a_client_that_has_the_document_is_not_sent_it_again() {
        let document = document();
        let etag = document.etag.to_str().unwrap().to_owned();
        for (value, status) in [
            (etag.clone(), 304),
            (format!("W/{etag}"), 304),
            (format!("\"x\", {etag}"), 304),
            ("*".to_owned(), 304),
            ("\"x\"".to_owned(), 200),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(IF_NONE_MATCH, HeaderValue::try_from(&value).unwrap());
            let response = document.answer(&Method::GET, &headers, "http://e.org").unwrap();
            assert_eq!(response.status().as_u16(), status, "{value}");
            assert_eq!(response.headers()[ETAG], etag);
        }
        let refused = document.answer(&Method::POST, &HeaderMap::new(), "http://e.org");
        assert!(matches!(refused, Err(Failure::MethodNotAllowed { .. })));
    }
}
