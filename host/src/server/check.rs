//! What hyper lets through and HTTP does not.
//!
//! Owns the rules on a request's head that hyper leaves to its user. What is refused here never reaches the gateway, so
//! everything behind may rely on one authority, a target of legal characters, and fields that are text. What hyper hides
//! from its user on HTTP/1.1 is seen by `framing` before.

use http::header::{EXPECT, HOST};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, Method, Version};

use crate::failure::Failure;
use crate::limits::HostLimits;

/// Refuses a head that must not be passed on.
pub(super) fn head(head: &Parts, limits: &HostLimits) -> Result<(), Failure> {
    target(head, limits)?;
    fields(&head.headers, limits)?;
    authority(head)?;
    expectation(head)
}

fn target(head: &Parts, limits: &HostLimits) -> Result<(), Failure> {
    // Nothing is tunnelled here (RFC 9110 section 9.3.6), but for a protocol on a stream of HTTP/2 (RFC 8441).
    if head.method == Method::CONNECT && head.extensions.get::<hyper::ext::Protocol>().is_none() {
        return Err(Failure::MethodUnknown);
    }
    let uri = &head.uri;
    let authority = uri.authority().map_or("", Authority::as_str);
    let Some(path) = uri.path_and_query() else {
        // RFC 9112 section 3.2.3: the authority-form is for CONNECT only.
        return Err(Failure::BadRequest("The request target must be a path or an absolute URI."));
    };
    let path = path.as_str();
    if (path.len() as u64).saturating_add(authority.len() as u64) > limits.uri_bytes_max {
        return Err(Failure::UriTooLong);
    }
    match path.as_bytes() {
        [b'/' | b'?', ..] => {}
        // RFC 9112 section 3.2.4.
        b"*" if head.method == Method::OPTIONS => {}
        b"*" => return Err(Failure::BadRequest("The target * is for OPTIONS only.")),
        _ => return Err(Failure::BadRequest("The request target must be a path or an absolute URI.")),
    }
    if !path.bytes().all(is_target_byte) {
        return Err(Failure::BadRequest("The request target has a character that must be percent-encoded."));
    }
    if uri.scheme_str().is_some_and(|scheme| !matches!(scheme, "http" | "https")) {
        return Err(Failure::BadRequest("The scheme of the request target is not http or https."));
    }
    Ok(())
}

/// RFC 3986's characters, and the ones that the URL standard of the browsers leaves as they are in a query or a path
/// (`[ ] ^ { | }` and the backtick): refusing those would refuse ordinary links. The rest has to be percent-encoded.
pub(super) fn is_target_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b'#' | b'<' | b'>' | b'\\')
}

fn fields(headers: &HeaderMap, limits: &HostLimits) -> Result<(), Failure> {
    if headers.len() as u64 > limits.header_count_max {
        return Err(Failure::HeadTooLarge);
    }
    for value in headers.values() {
        let bytes = value.as_bytes();
        // Field values become text for the plugin; other encodings than UTF-8 are obsolete (RFC 9110 section 5.5).
        if !bytes.is_ascii() && std::str::from_utf8(bytes).is_err() {
            return Err(Failure::BadRequest("A header field is not UTF-8 text."));
        }
    }
    Ok(())
}

/// RFC 9112 section 3.2 and RFC 9113 section 8.3.1: one authority, not two that might disagree.
fn authority(head: &Parts) -> Result<(), Failure> {
    let mut hosts = head.headers.get_all(HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(Failure::BadRequest("There is more than one Host field."));
    }
    let target = head.uri.authority();
    if target.is_some_and(|target| !is_authority(target.as_str().as_bytes())) {
        return Err(Failure::BadRequest("The authority of the request target is not a host and a port."));
    }
    match (host, target) {
        (Some(host), _) if !is_authority(host.as_bytes()) => {
            Err(Failure::BadRequest("The Host field is not a host and a port."))
        }
        (Some(host), Some(target)) if !host.as_bytes().eq_ignore_ascii_case(target.as_str().as_bytes()) => {
            Err(Failure::BadRequest("The Host field and the request target name different hosts."))
        }
        (None, None) if head.version >= Version::HTTP_11 => {
            Err(Failure::BadRequest("There is no Host field."))
        }
        _ => Ok(()),
    }
}

/// `uri-host [ ":" port ]` of RFC 9110 section 7.2, without user information, and with at least one character of host.
fn is_authority(bytes: &[u8]) -> bool {
    let (host, port) = match bytes {
        [b'[', ..] => {
            let Some(end) = bytes.iter().position(|&byte| byte == b']') else { return false };
            let (Some(inside), Some(rest)) = (bytes.get(1..end), bytes.get(end.saturating_add(1)..)) else {
                return false;
            };
            let literal = std::str::from_utf8(inside).ok();
            if literal.and_then(|literal| literal.parse::<std::net::Ipv6Addr>().ok()).is_none() {
                return false;
            }
            (inside, rest)
        }
        _ => {
            let colon = bytes.iter().position(|&byte| byte == b':').unwrap_or(bytes.len());
            let (host, port) = bytes.split_at(colon);
            let is_name = |byte: &u8| {
                // reg-name: unreserved, sub-delims and percent-encodings, of which a comma would make a list of the field.
                byte.is_ascii_alphanumeric() || b"-._~!$&'()*+;=%".contains(byte)
            };
            if !host.iter().all(is_name) {
                return false;
            }
            (host, port)
        }
    };
    let is_port = match port {
        [] => true,
        [b':', digits @ ..] => {
            digits.iter().all(u8::is_ascii_digit)
                && (digits.is_empty()
                    || std::str::from_utf8(digits).is_ok_and(|digits| digits.parse::<u16>().is_ok()))
        }
        _ => false,
    };
    !host.is_empty() && is_port
}

/// RFC 9110 section 10.1.1: the only expectation there is. One of an HTTP/1.0 client is ignored.
fn expectation(head: &Parts) -> Result<(), Failure> {
    if head.version < Version::HTTP_11 {
        return Ok(());
    }
    let is_known = |value: &http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
    if head.headers.get_all(EXPECT).iter().all(is_known) { Ok(()) } else { Err(Failure::ExpectationFailed) }
}
