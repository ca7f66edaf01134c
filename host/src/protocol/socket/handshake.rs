//! The opening handshake (RFC 6455, section 4.2).
//!
//! Owns the decision whether a request may become a WebSocket and the fields of the 101. Refuses to know what the style makes
//! of it afterwards.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::request::Parts;
use http::{Method, StatusCode, Version};

use crate::exchange::{Payload, Response};
use crate::failure::Failure;
use crate::plugin::Exchange;

/// What every server appends to the key before it is hashed (RFC 6455, section 1.3).
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// Subprotocols that one client may offer.
const SUBPROTOCOLS_MAX: usize = 32;

/// A handshake that may be accepted.
#[derive(Debug, PartialEq, Eq)]
pub struct Handshake {
    accept: String,
    subprotocols: Vec<String>,
}

/// Whether a request asks for a WebSocket at all.
#[must_use]
pub fn is_wanted(head: &Parts) -> bool {
    has_token(&head.headers, &UPGRADE, "websocket")
}

impl Handshake {
    /// Reads a request on a path that is for WebSocket.
    ///
    /// # Errors
    /// [`Failure::MethodNotAllowed`], [`Failure::UpgradeRequired`], [`Failure::BadRequest`].
    pub fn read(exchange: &Exchange) -> Result<Self, Failure> {
        if exchange.upgrade.is_none() && is_wanted(&exchange.head) {
            // hyper offers no upgrade where HTTP does not: HTTP/1.0.
            return Self::read_head(&exchange.head).and(Err(Failure::UpgradeRequired));
        }
        Self::read_head(&exchange.head)
    }

    fn read_head(head: &Parts) -> Result<Self, Failure> {
        if head.method != Method::GET {
            return Err(Failure::MethodNotAllowed { allow: "GET".to_owned() });
        }
        if head.version < Version::HTTP_11 {
            return Err(Failure::BadRequest("WebSocket needs HTTP/1.1."));
        }
        if !is_wanted(head) || !has_token(&head.headers, &CONNECTION, "upgrade") {
            return Err(Failure::UpgradeRequired);
        }
        if only(&head.headers, &SEC_WEBSOCKET_VERSION).map(HeaderValue::as_bytes) != Some(b"13") {
            return Err(Failure::UpgradeRequired);
        }
        let key = only(&head.headers, &SEC_WEBSOCKET_KEY)
            .filter(|key| STANDARD.decode(key.as_bytes()).is_ok_and(|key| key.len() == 16))
            .ok_or(Failure::BadRequest("Sec-WebSocket-Key is not one base64 text of 16 bytes."))?;
        let mut hash = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
        hash.update(key.as_bytes());
        hash.update(GUID.as_bytes());
        Ok(Self { accept: STANDARD.encode(hash.finish()), subprotocols: subprotocols(&head.headers)? })
    }

    /// The subprotocols that the client offers, in its order.
    #[must_use]
    pub fn subprotocols(&self) -> &[String] {
        &self.subprotocols
    }

    /// The answer that makes the connection a WebSocket, with the subprotocol that was chosen. None when the client does not
    /// offer that one.
    #[must_use]
    pub fn response(&self, subprotocol: Option<&str>) -> Option<Response> {
        let mut response = Response::new(Payload::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(SEC_WEBSOCKET_ACCEPT, HeaderValue::from_str(&self.accept).ok()?);
        if let Some(subprotocol) = subprotocol {
            if !self.subprotocols.iter().any(|offered| offered == subprotocol) {
                return None;
            }
            headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_str(subprotocol).ok()?);
        }
        Some(response)
    }
}

/// The value of a field that must stand once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|item| item.trim().eq_ignore_ascii_case(token))
}

/// One list from all lines of the field (RFC 6455, section 11.3.4): tokens, each once.
fn subprotocols(headers: &HeaderMap) -> Result<Vec<String>, Failure> {
    const BROKEN: Failure = Failure::BadRequest("Sec-WebSocket-Protocol is not a list of different tokens.");
    let mut offered: Vec<String> = Vec::new();
    for value in headers.get_all(SEC_WEBSOCKET_PROTOCOL) {
        for item in value.to_str().map_err(|_| BROKEN)?.split(',').map(str::trim) {
            let is_token = !item.is_empty() && HeaderName::from_bytes(item.as_bytes()).is_ok();
            if !is_token || offered.iter().any(|other| other == item) || offered.len() >= SUBPROTOCOLS_MAX {
                return Err(BROKEN);
            }
            offered.push(item.to_owned());
        }
    }
    Ok(offered)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The specification's own request, with changes: `-name` takes a field away, `name: value` sets it, `+name: value` adds.
    fn check(changes: &[&str]) -> Result<Handshake, Failure> {
        let mut request = http::Request::builder()
            .uri("/chat")
            .header("host", "server.example.com")
            .header("upgrade", "websocket")
            .header("connection", "Upgrade")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("sec-websocket-version", "13")
            .body(())
            .unwrap();
        for change in changes {
            if let Some(name) = change.strip_prefix('-') {
                request.headers_mut().remove(name);
            } else if let Some(method) = change.strip_prefix("method ") {
                *request.method_mut() = method.parse().unwrap();
            } else if *change == "HTTP/1.0" {
                *request.version_mut() = Version::HTTP_10;
            } else {
                let added = change.strip_prefix('+');
                let (name, value) = added.unwrap_or(change).split_once(": ").unwrap();
                let (name, value): (HeaderName, HeaderValue) =
                    (name.parse().unwrap(), value.parse().unwrap());
                if added.is_some() {
                    request.headers_mut().append(name, value);
                } else {
                    request.headers_mut().insert(name, value);
                }
            }
        }
        Handshake::read_head(&request.into_parts().0)
    }

    #[test]
    fn the_specifications_example_is_accepted() {
        let handshake = check(&[]).unwrap();
        assert_eq!(handshake.accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        let response = handshake.response(None).unwrap();
        assert_eq!(response.status(), 101);
        assert!(!response.headers().contains_key(SEC_WEBSOCKET_PROTOCOL));
    }

    #[test]
    fn tokens_are_compared_without_case_and_in_lists() {
        assert!(check(&["upgrade: WebSocket", "connection: keep-alive, Upgrade"]).is_ok());
        assert!(check(&["upgrade: h2c, websocket"]).is_ok());
    }

    #[test]
    fn what_is_not_a_handshake_is_refused() {
        let bad_key = Failure::BadRequest("Sec-WebSocket-Key is not one base64 text of 16 bytes.");
        for (changes, expected) in [
            (&["-upgrade"][..], Failure::UpgradeRequired),
            (&["upgrade: h2c"], Failure::UpgradeRequired),
            (&["-connection"], Failure::UpgradeRequired),
            (&["connection: keep-alive"], Failure::UpgradeRequired),
            (&["-sec-websocket-version"], Failure::UpgradeRequired),
            (&["sec-websocket-version: 8"], Failure::UpgradeRequired),
            (&["method POST"], Failure::MethodNotAllowed { allow: "GET".to_owned() }),
            (&["HTTP/1.0"], Failure::BadRequest("WebSocket needs HTTP/1.1.")),
            (&["-sec-websocket-key"], bad_key.clone()),
            (&["sec-websocket-key: abc"], bad_key.clone()),
            (&["+sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=="], bad_key),
        ] {
            assert_eq!(check(changes).unwrap_err(), expected, "{changes:?}");
        }
    }

    #[test]
    fn subprotocols_of_several_lines_are_one_list() {
        let handshake = check(&["+sec-websocket-protocol: a, b", "+sec-websocket-protocol: c"]).unwrap();
        assert_eq!(handshake.subprotocols, ["a", "b", "c"]);
        let response = handshake.response(Some("b")).unwrap();
        assert_eq!(response.headers().get_all(SEC_WEBSOCKET_PROTOCOL).iter().collect::<Vec<_>>(), ["b"]);
        for broken in ["a, a", "a,,b", "a b", "(a)"] {
            assert!(check(&[&format!("+sec-websocket-protocol: {broken}")]).is_err(), "{broken}");
        }
    }
}
