//! Which of the two protocols a request speaks: the media type of its body.
//!
//! Owns which types and charsets are taken. Refuses to guess from the body's bytes: what is labelled as
//! something else is not taken, since a browser may be made to post forms and plain text anywhere (cross-site request forgery).

use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};

use super::super::media_type::MediaType;
use crate::failure::Failure;

/// What is taken; the value of `Accept` in a 415.
pub(super) const ACCEPTED: &str = "application/json, text/xml";

/// The protocol of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Media {
    /// JSON-RPC 2.0.
    Json,
    /// XML-RPC, with the charset parameter if there is one: XML can also name its encoding itself.
    Xml {
        /// As it was sent.
        charset: Option<String>,
    },
}

/// The protocol that a request's fields name. One without a Content-Type is JSON-RPC: some clients send none.
///
/// # Errors
/// [`Failure::UnsupportedMediaType`] for every other type, for two of them, and for a coding such as gzip.
pub(super) fn media(headers: &HeaderMap) -> Result<Media, Failure> {
    let refusal = || Failure::UnsupportedMediaType { accept: ACCEPTED.to_owned() };
    let mut codings = headers.get_all(CONTENT_ENCODING).iter();
    if codings.any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(refusal());
    }
    if !headers.contains_key(CONTENT_TYPE) {
        return Ok(Media::Json);
    }
    MediaType::of(headers).and_then(|media_type| protocol(&media_type)).ok_or_else(refusal)
}

fn protocol(media_type: &MediaType) -> Option<Media> {
    let charset = media_type.parameter("charset");
    match media_type.essence.as_str() {
        "application/json" | "application/json-rpc" | "application/jsonrequest" => {
            // RFC 8259 section 8.1: JSON between systems is UTF-8.
            media_type.is_utf8().then_some(Media::Json)
        }
        "text/xml" | "application/xml" => Some(Media::Xml { charset: charset.map(str::to_owned) }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(types: &[&'static str]) -> Option<Media> {
        let mut headers = HeaderMap::new();
        for value in types {
            headers.append(CONTENT_TYPE, HeaderValue::from_static(value));
        }
        media(&headers).ok()
    }

    #[test]
    fn json_is_known_in_every_spelling_and_without_a_type() {
        assert_eq!(of(&[]), Some(Media::Json));
        for value in [
            "application/json",
            "Application/JSON",
            "application/json-rpc",
            "application/jsonrequest",
            "application/json;charset=utf-8",
            "application/json; charset=UTF8",
            "application/json ; Charset=\"utf-8\" ; x=\"a;b\\\"\"",
            "application/json;",
        ] {
            assert_eq!(of(&[value]), Some(Media::Json), "{value}");
        }
    }

    #[test]
    fn xml_keeps_its_charset() {
        assert_eq!(of(&["text/xml"]), Some(Media::Xml { charset: None }));
        assert_eq!(
            of(&["application/xml; charset=\"ISO-8859-1\""]),
            Some(Media::Xml { charset: Some("ISO-8859-1".to_owned()) })
        );
    }

    #[test]
    fn everything_else_is_refused_with_what_is_taken() {
        for value in [
            "",
            "json",
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/json+x",
            "application/soap+xml",
            "application/json; charset=utf-16",
            "application/json; charset=iso-8859-1",
            "application/json; charset=\"utf-8",
            "application/json; charset=\"utf-8\"x",
            "application/json; charset",
            "application/json; charset=utf-8; charset=utf-8",
            "text/xml; charset=utf-8; charset=utf-16",
        ] {
            assert_eq!(of(&[value]), None, "{value}");
        }
        assert_eq!(of(&["application/json", "text/xml"]), None);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        assert_eq!(
            media(&headers),
            Err(Failure::UnsupportedMediaType { accept: "application/json, text/xml".to_owned() })
        );
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("identity"));
        assert_eq!(media(&headers), Ok(Media::Json));
    }
}
