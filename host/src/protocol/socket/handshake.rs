//! The opening handshake (RFC 6455, section 4.2; over HTTP/2, RFC 8441).
//!
//! Owns the decision whether a request may become a WebSocket, from which pages, and the fields of the answer. Refuses to know what the style makes
//! of it afterwards.

use std::time::{Duration, SystemTime};

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONNECTION, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN, SEC_WEBSOCKET_ACCEPT,
    SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::request::Parts;
use http::uri::Authority;
use http::{Method, StatusCode, Version};
use hyper::ext::Protocol;
use serde::Deserialize;

use super::deflate::Agreement;
use crate::capability::Identity;
use crate::exchange::{Payload, Response};
use crate::failure::Failure;
use crate::plugin::Exchange;

/// What every server appends to the key before it is hashed (RFC 6455, section 1.3).
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// Subprotocols that one client may offer.
const SUBPROTOCOLS_MAX: usize = 32;
const BROKEN_EXTENSIONS: Failure =
    Failure::BadRequest("Sec-WebSocket-Extensions is not a list of extensions.");

/// A handshake that may be accepted.
#[derive(Debug, PartialEq, Eq)]
pub struct Handshake {
    /// What proves that the key was read. None over HTTP/2, where nobody could mistake the answer.
    accept: Option<String>,
    subprotocols: Vec<String>,
    deflate: Option<Agreement>,
    /// When what the caller showed of itself expires.
    expires: Option<SystemTime>,
}

/// Whether a request asks for a WebSocket at all.
#[must_use]
pub fn is_wanted(head: &Parts) -> bool {
    if head.version == Version::HTTP_2 {
        return head.method == Method::CONNECT && is_protocol(head);
    }
    has_token(&head.headers, &UPGRADE, "websocket")
}

/// RFC 8441, section 5.
fn is_protocol(head: &Parts) -> bool {
    head.extensions.get::<Protocol>().is_some_and(|protocol| protocol.as_str() == "websocket")
}

impl Handshake {
    /// Reads a request on a path that is for WebSocket, and chooses the compression.
    ///
    /// # Errors
    /// [`Failure::MethodNotAllowed`], [`Failure::UpgradeRequired`], [`Failure::BadRequest`], [`Failure::OriginRefused`].
    pub fn read(exchange: &Exchange) -> Result<Self, Failure> {
        let mut handshake = Self::read_head(&exchange.head)?;
        let origins = exchange.plugin.manifest.websocket.origins.as_deref();
        let is_basic = exchange.context.identity.as_ref().is_some_and(|identity| identity.scheme == "basic");
        if !origin_may_connect(&exchange.head, origins, is_basic) {
            return Err(Failure::OriginRefused);
        }
        handshake.expires = exchange.context.identity.as_ref().and_then(|identity| expiry(identity));
        Ok(handshake)
    }

    fn read_head(head: &Parts) -> Result<Self, Failure> {
        let accept = match head.version {
            Version::HTTP_2 => read_http2(head)?,
            _ => read_http1(head)?,
        };
        let mut extensions = Vec::new();
        for value in head.headers.get_all(SEC_WEBSOCKET_EXTENSIONS) {
            extensions.push(value.to_str().map_err(|_| BROKEN_EXTENSIONS)?);
        }
        Ok(Self {
            accept,
            subprotocols: subprotocols(&head.headers)?,
            deflate: Agreement::choose(extensions.into_iter()).map_err(|_| BROKEN_EXTENSIONS)?,
            expires: None,
        })
    }

    /// The subprotocols that the client offers, in its order.
    #[must_use]
    pub fn subprotocols(&self) -> &[String] {
        &self.subprotocols
    }

    pub(super) fn deflate(&self) -> Option<Agreement> {
        self.deflate
    }

    pub(super) fn expires(&self) -> Option<SystemTime> {
        self.expires
    }

    /// The answer that makes the connection a WebSocket, with the subprotocol that was chosen. None when the client does not
    /// offer that one.
    #[must_use]
    pub fn response(&self, subprotocol: Option<&str>) -> Option<Response> {
        let mut response = Response::new(Payload::empty());
        let headers = response.headers_mut();
        if let Some(subprotocol) = subprotocol {
            if !self.subprotocols.iter().any(|offered| offered == subprotocol) {
                return None;
            }
            headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_str(subprotocol).ok()?);
        }
        if let Some(deflate) = self.deflate {
            headers.insert(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_str(&deflate.answer()).ok()?);
        }
        // Over HTTP/2 the answer is a 200 (RFC 8441, section 5).
        if let Some(accept) = &self.accept {
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            headers.insert(SEC_WEBSOCKET_ACCEPT, HeaderValue::from_str(accept).ok()?);
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        }
        Some(response)
    }
}

fn read_http1(head: &Parts) -> Result<Option<String>, Failure> {
    if head.method != Method::GET {
        return Err(Failure::MethodNotAllowed { allow: "GET".to_owned() });
    }
    if head.version < Version::HTTP_11 {
        return Err(Failure::BadRequest("WebSocket needs HTTP/1.1."));
    }
    if !is_wanted(head) || !has_token(&head.headers, &CONNECTION, "upgrade") {
        return Err(Failure::UpgradeRequired);
    }
    check_version(head)?;
    let key = only(&head.headers, &SEC_WEBSOCKET_KEY)
        .filter(|key| STANDARD.decode(key.as_bytes()).is_ok_and(|key| key.len() == 16))
        .ok_or(Failure::BadRequest("Sec-WebSocket-Key is not one base64 text of 16 bytes."))?;
    let mut hash = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    hash.update(key.as_bytes());
    hash.update(GUID.as_bytes());
    Ok(Some(STANDARD.encode(hash.finish())))
}

/// RFC 8441, section 5: neither key nor `Upgrade`, which HTTP/2 does not have.
fn read_http2(head: &Parts) -> Result<Option<String>, Failure> {
    if head.method != Method::CONNECT {
        return match head.method {
            Method::GET => Err(Failure::UpgradeRequired),
            _ => Err(Failure::MethodNotAllowed { allow: "GET".to_owned() }),
        };
    }
    if !is_protocol(head) {
        return Err(Failure::MethodUnknown);
    }
    check_version(head)?;
    Ok(None)
}

fn check_version(head: &Parts) -> Result<(), Failure> {
    match only(&head.headers, &SEC_WEBSOCKET_VERSION).map(HeaderValue::as_bytes) {
        Some(b"13") => Ok(()),
        _ => Err(Failure::UpgradeRequired),
    }
}

/// Whether the page that connects may. Browsers let any page connect anywhere and send the visitor's cookies and Basic
/// credentials along (cross-site WebSocket hijacking; RFC 6455, section 10.2), so that without a list no other page may connect
/// with these. A client that is no browser has no origin; where there is a list, one that has none must not rely on a cookie.
fn origin_may_connect(head: &Parts, origins: Option<&[String]>, is_basic: bool) -> bool {
    let has_cookie = head.headers.contains_key(COOKIE);
    if !head.headers.contains_key(ORIGIN) {
        return origins.is_none() || !has_cookie;
    }
    let Some(origin) = only(&head.headers, &ORIGIN).and_then(|origin| origin.to_str().ok()) else {
        return false;
    };
    let is_listed = origins
        .map(|origins| origins.iter().any(|listed| listed == "*" || listed.eq_ignore_ascii_case(origin)));
    is_listed.unwrap_or(!has_cookie && !is_basic) || is_own(head, origin)
}

/// Whether an origin is this host as the client addressed it. The scheme is left out: who ends TLS in front of us hides it.
fn is_own(head: &Parts, origin: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let default_port = if scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
    let bare =
        |authority: &str| authority.strip_suffix(default_port).unwrap_or(authority).to_ascii_lowercase();
    let host = head.headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| head.uri.authority().map(Authority::as_str));
    host.is_some_and(|host| bare(host) == bare(authority))
}

/// When a token ends (RFC 7519, section 4.1.4), to the second.
fn expiry(identity: &Identity) -> Option<SystemTime> {
    #[derive(Deserialize)]
    struct Claims {
        exp: f64,
    }
    let claims: Claims = serde_json::from_str(identity.claims.as_deref()?).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(claims.exp).ok()?)
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
    fn head(changes: &[&str]) -> Parts {
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
            } else if *change == "HTTP/2" {
                *request.version_mut() = Version::HTTP_2;
            } else if let Some(protocol) = change.strip_prefix(":protocol ") {
                let protocol = match protocol {
                    "websocket" => Protocol::from_static("websocket"),
                    _ => Protocol::from_static("connect-udp"),
                };
                request.extensions_mut().insert(protocol);
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
        request.into_parts().0
    }

    fn check(changes: &[&str]) -> Result<Handshake, Failure> {
        Handshake::read_head(&head(changes))
    }

    #[test]
    fn a_stream_of_http_2_is_asked_for_with_an_extended_connect() {
        let extended = [
            "HTTP/2",
            "method CONNECT",
            ":protocol websocket",
            "-upgrade",
            "-connection",
            "-sec-websocket-key",
        ];
        let handshake = check(&extended).unwrap();
        let response = handshake.response(None).unwrap();
        assert_eq!((response.status(), response.headers().len()), (StatusCode::OK, 0));
        let with = |changes: &[&'static str]| check(&[&extended[..], changes].concat()).unwrap_err();
        assert_eq!(with(&["method GET"]), Failure::UpgradeRequired);
        assert_eq!(with(&["method POST"]), Failure::MethodNotAllowed { allow: "GET".to_owned() });
        assert_eq!(with(&[":protocol connect-udp"]), Failure::MethodUnknown);
        assert_eq!(with(&["-sec-websocket-version"]), Failure::UpgradeRequired);
    }

    #[test]
    fn pages_connect_from_where_they_may() {
        let list = ["https://example.org".to_owned(), "http://localhost:3000".to_owned()];
        let may =
            |changes: &[&str], origins: Option<&[String]>| origin_may_connect(&head(changes), origins, false);
        for (changes, without_list, with_list, with_star) in [
            (&[][..], true, true, true),
            (&["cookie: a=b"], true, false, false),
            (&["origin: https://example.org"], true, true, true),
            (&["origin: https://EXAMPLE.org"], true, true, true),
            (&["origin: https://evil.example"], true, false, true),
            (&["origin: null"], true, false, true),
            (&["origin: https://example.org", "+origin: https://example.org"], false, false, false),
            (&["origin: https://evil.example", "cookie: a=b"], false, false, true),
            (&["origin: https://example.org", "cookie: a=b"], false, true, true),
            (&["origin: http://server.example.com", "cookie: a=b"], true, true, true),
            (&["origin: https://server.example.com:443", "cookie: a=b"], true, true, true),
            (&["origin: https://server.example.com:444", "cookie: a=b"], false, false, true),
        ] {
            assert_eq!(may(changes, None), without_list, "{changes:?} without a list");
            assert_eq!(may(changes, Some(&list)), with_list, "{changes:?} with a list");
            assert_eq!(may(changes, Some(&["*".to_owned()])), with_star, "{changes:?} with a star");
        }
        assert!(
            !origin_may_connect(&head(&["origin: https://example.org"]), None, true),
            "a browser sends Basic by itself"
        );
    }

    #[test]
    fn compression_is_agreed_on_or_left_out() {
        let agreed =
            check(&["sec-websocket-extensions: permessage-deflate; server_max_window_bits=9"]).unwrap();
        assert_eq!(
            agreed.response(None).unwrap().headers()[SEC_WEBSOCKET_EXTENSIONS],
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9"
        );
        let declined = check(&["sec-websocket-extensions: permessage-deflate; foo"]).unwrap();
        assert!(!declined.response(None).unwrap().headers().contains_key(SEC_WEBSOCKET_EXTENSIONS));
        assert_eq!(check(&["sec-websocket-extensions: ;"]).unwrap_err(), BROKEN_EXTENSIONS);
    }

    #[test]
    fn the_specifications_example_is_accepted() {
        let handshake = check(&[]).unwrap();
        assert_eq!(handshake.accept.as_deref(), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
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
