//! The HTTP binding: media types, actions, methods and status codes.
//!
//! Owns SOAP 1.1 section 6 and SOAP 1.2 part 2 section 7. Sees heads only, never an envelope.

use aws_lc_rs::error::Unspecified;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Method, StatusCode};

use super::{Attachment, FaultCode, Version, multipart};
use crate::exchange::{Payload, Response};
use crate::failure::Failure;
use crate::protocol::media_type::MediaType;

const SOAP_11: &str = "text/xml";
const RELATED: &str = "multipart/related";
const XOP: &str = "application/xop+xml";
const SOAP_12: &str = "application/soap+xml";

/// What may be asked of the address that takes messages, and of the address of the contract.
pub(super) const ALLOW: &str = "OPTIONS, POST";
pub(crate) const ALLOW_CONTRACT: &str = "GET, HEAD, OPTIONS, POST";

/// What a request's head says of its message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binding {
    /// The version whose media type it has.
    pub(super) version: Version,
    pub(super) charset: Option<String>,
    /// Without quotes.
    pub(super) action: Option<String>,
    /// How the parts are told apart, if there are several. The version is a guess then: what is in the envelope decides.
    pub(super) package: Option<Package>,
}

/// A message of several parts (RFC 2387).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Package {
    pub(super) boundary: String,
    /// The Content-ID of the part that has the envelope.
    pub(super) start: Option<String>,
    /// Whether the envelope may include the other parts (MTOM).
    pub(super) xop: bool,
}

/// The media type of a version's messages.
pub(super) fn media_type(version: Version) -> &'static str {
    match version {
        Version::Soap11 => SOAP_11,
        Version::Soap12 => SOAP_12,
    }
}

/// The media types that a service takes, as `Accept` names them.
pub(super) fn accepted(versions: &[Version]) -> String {
    let mut types: Vec<&str> = versions.iter().map(|&version| media_type(version)).collect();
    types.sort_unstable();
    types.dedup();
    types.join(", ")
}

/// The version whose media type a head has.
pub(super) fn version(media_type: &MediaType) -> Option<Version> {
    let of = |essence: &str| match essence {
        SOAP_11 => Some(Version::Soap11),
        SOAP_12 => Some(Version::Soap12),
        _ => None,
    };
    if media_type.essence != RELATED {
        return of(&media_type.essence);
    }
    let parameter = |name: &str| media_type.parameter(name).and_then(MediaType::parse);
    let root = parameter("type")?;
    if root.essence == XOP {
        // MTOM, section 4.4: `start-info` has the media type of the message. Some clients leave it out.
        return parameter("start-info").map_or(Some(Version::Soap11), |info| of(&info.essence));
    }
    of(&root.essence)
}

/// Reads a request's head.
pub(super) fn binding(headers: &HeaderMap, versions: &[Version]) -> Result<Binding, Failure> {
    let unsupported = || Failure::UnsupportedMediaType { accept: accepted(versions) };
    let media_type = MediaType::of(headers).ok_or_else(unsupported)?;
    let version = version(&media_type).ok_or_else(unsupported)?;
    let info = media_type.parameter("start-info").and_then(MediaType::parse);
    let action = match media_type.parameter("action").or_else(|| info.as_ref()?.parameter("action")) {
        Some(action) if version == Version::Soap12 => Some(action.to_owned()),
        _ => soap_action(headers)?,
    };
    let package = if media_type.essence == RELATED {
        Some(Package {
            boundary: media_type
                .parameter("boundary")
                .ok_or(Failure::BadRequest("The media type has no boundary."))?
                .to_owned(),
            start: media_type.parameter("start").map(str::to_owned),
            xop: media_type.parameter("type").is_some_and(|root| root.eq_ignore_ascii_case(XOP)),
        })
    } else {
        None
    };
    let charset = media_type.parameter("charset").map(str::to_owned);
    Ok(Binding { version, charset, action, package })
}

fn soap_action(headers: &HeaderMap) -> Result<Option<String>, Failure> {
    let Some(value) = headers.get("soapaction") else { return Ok(None) };
    let value = std::str::from_utf8(value.as_bytes())
        .map_err(|_| Failure::BadRequest("The SOAPAction field is not UTF-8."))?
        .trim_matches([' ', '\t']);
    let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    Ok(Some(quoted.unwrap_or(value).to_owned()))
}

/// Whether a request asks for the contract: `?wsdl` in any case, as every toolkit has it.
pub(crate) fn asks_for_contract(head: &Parts) -> bool {
    head.uri.query().is_some_and(|query| {
        query
            .split('&')
            .any(|part| part.split('=').next().is_some_and(|key| key.eq_ignore_ascii_case("wsdl")))
    })
}

/// Whether a head is one of SOAP and of no other style that may share its address. `text/xml` alone is XML-RPC's, too.
pub(super) fn claims(head: &Parts) -> bool {
    match head.method {
        Method::GET | Method::HEAD => asks_for_contract(head),
        Method::POST => match MediaType::of(&head.headers).as_ref().and_then(version) {
            Some(Version::Soap12) => true,
            Some(Version::Soap11) => head.headers.contains_key("soapaction"),
            None => false,
        },
        _ => false,
    }
}

/// The status of a fault (SOAP 1.1 section 6.2; SOAP 1.2 part 2, table 20).
pub(super) fn status(version: Version, code: FaultCode) -> StatusCode {
    match (version, code) {
        (Version::Soap12, FaultCode::Sender) => StatusCode::BAD_REQUEST,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// An answer with an envelope.
pub(super) fn message(version: Version, status: StatusCode, envelope: String) -> Response {
    let media_type = match version {
        Version::Soap11 => "text/xml; charset=utf-8",
        Version::Soap12 => "application/soap+xml; charset=utf-8",
    };
    xml(media_type, status, envelope)
}

/// An answer with an envelope and other parts.
///
/// # Errors
/// When the operating system has no random bytes.
pub(super) fn package(
    version: Version,
    xop: bool,
    envelope: &str,
    attachments: &[Attachment],
) -> Result<Response, Unspecified> {
    let media_type = media_type(version);
    let boundary = multipart::boundary()?;
    let (root, related) = if xop {
        // MTOM, section 4.4, and XOP, section 5.
        let root = format!("{XOP}; charset=utf-8; type=\"{media_type}\"");
        (root, format!("type=\"{XOP}\"; start-info=\"{media_type}\""))
    } else {
        (format!("{media_type}; charset=utf-8"), format!("type=\"{media_type}\""))
    };
    let body = multipart::write(&boundary, &root, envelope, attachments);
    let content_type =
        format!("{RELATED}; boundary=\"{boundary}\"; start=\"<{}>\"; {related}", multipart::ROOT);
    let mut response = Response::new(Payload::Whole(Bytes::from(body)));
    // Every part of it is ASCII without control characters.
    if let Ok(value) = HeaderValue::from_str(&content_type) {
        response.headers_mut().insert(CONTENT_TYPE, value);
    }
    Ok(response)
}

/// An answer with the contract.
pub(super) fn contract(document: String) -> Response {
    let mut response = xml("text/xml; charset=utf-8", StatusCode::OK, document);
    // The next version of the plugin may have another.
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn xml(media_type: &'static str, status: StatusCode, text: String) -> Response {
    let mut response = Response::new(Payload::Whole(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: &[Version] = &[Version::Soap11, Version::Soap12];

    fn head(method: &str, uri: &str, fields: &[(&str, &str)]) -> Parts {
        let mut request = http::Request::builder().method(method).uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn read(fields: &[(&str, &str)]) -> Result<(Version, Option<String>, Option<String>), Failure> {
        binding(&head("POST", "/", fields).headers, BOTH)
            .map(|binding| (binding.version, binding.charset, binding.action))
    }

    #[test]
    fn what_real_clients_send_is_understood() {
        let utf8 = Some("utf-8".to_owned());
        let action = Some("urn:a/Add".to_owned());
        let text = ("content-type", "text/xml; charset=utf-8");
        // zeep, suds, PHP, node soap, gSOAP; then SOAP::Lite.
        assert_eq!(
            read(&[text, ("soapaction", "\"urn:a/Add\"")]),
            Ok((Version::Soap11, utf8.clone(), action.clone()))
        );
        assert_eq!(
            read(&[text, ("soapaction", "urn:a/Add")]),
            Ok((Version::Soap11, utf8.clone(), action.clone()))
        );
        assert_eq!(read(&[text, ("soapaction", "\"\"")]).unwrap().2, Some(String::new()));
        assert_eq!(read(&[text]).unwrap().2, None);
        let soap = ("content-type", "application/soap+xml; charset=utf-8; action=\"urn:a/Add\"");
        assert_eq!(
            read(&[soap, ("soapaction", "\"urn:other\"")]),
            Ok((Version::Soap12, utf8.clone(), action.clone()))
        );
        let lite = ("content-type", "application/soap+xml; charset=utf-8");
        assert_eq!(read(&[lite, ("soapaction", "urn:a/Add")]), Ok((Version::Soap12, utf8, action)));
    }

    #[test]
    fn other_media_types_are_refused_with_what_is_taken() {
        let unsupported =
            Err(Failure::UnsupportedMediaType { accept: "application/soap+xml, text/xml".to_owned() });
        for fields in [
            &[][..],
            &[("content-type", "application/json")],
            &[("content-type", "application/xml")],
            &[("content-type", "text/xml"), ("content-type", "text/xml")],
        ] {
            assert_eq!(read(fields), unsupported, "{fields:?}");
        }
    }

    #[test]
    fn the_contract_is_asked_for_in_any_case() {
        for (uri, asked) in [
            ("/?wsdl", true),
            ("/?WSDL", true),
            ("/?a=b&Wsdl=1", true),
            ("/", false),
            ("/?wsdls", false),
            ("/wsdl", false),
        ] {
            assert_eq!(asks_for_contract(&head("GET", uri, &[])), asked, "{uri}");
        }
    }

    #[test]
    fn a_shared_address_leaves_plain_text_xml_to_others() {
        assert!(!claims(&head("POST", "/", &[("content-type", "text/xml")])));
        assert!(claims(&head("POST", "/", &[("content-type", "text/xml"), ("soapaction", "\"\"")])));
        assert!(claims(&head("POST", "/", &[("content-type", "application/soap+xml")])));
        assert!(!claims(&head("POST", "/", &[("content-type", "application/json"), ("soapaction", "\"\"")])));
        assert!(claims(&head("GET", "/?wsdl", &[])) && !claims(&head("GET", "/", &[])));
    }
}
