//! Which of the two protocols a request speaks: the media type of its body.
//!
//! Owns which types and charsets are taken. What is labelled as something else is not taken, whatever it holds, since a browser
//! may be made to post forms and plain text anywhere (cross-site request forgery). For the same reason a request without a
//! label, which some clients of both protocols send, is taken only if it does not come from a browser: a page can post bytes
//! without a type to another site, but not without the browser's saying so.

use http::header::{CONTENT_TYPE, HeaderMap, ORIGIN};

use super::super::media_type::MediaType;
use crate::failure::Failure;

/// What is taken; the value of `Accept` in a 415.
pub(super) const ACCEPTED: &str = "application/json, text/xml";

/// The protocol of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Media {
    /// JSON-RPC 2.0.
    Json,
    /// XML-RPC, with the charset parameter if there is one: XML can also name its encoding itself.
    Xml {
        /// As it was sent.
        charset: Option<String>,
    },
    /// No type was sent: the body says what it is.
    Unlabelled,
}

impl Media {
    /// The protocol of this body. Neither can be taken for the other: no JSON text begins with `<` or with a byte order mark of
    /// UTF-16, and every XML document does.
    pub(super) fn of_body(self, body: &[u8]) -> Self {
        if self != Self::Unlabelled {
            return self;
        }
        let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body).trim_ascii_start();
        match body {
            [b'<', ..] | [0xFE, 0xFF, ..] | [0xFF, 0xFE, ..] => Self::Xml { charset: None },
            _ => Self::Json,
        }
    }
}

/// The protocol that a request's fields name.
///
/// # Errors
/// [`Failure::UnsupportedMediaType`] for every other type, for two of them, and for none from a browser.
pub(crate) fn media(headers: &HeaderMap) -> Result<Media, Failure> {
    let refusal = || Failure::UnsupportedMediaType { accept: ACCEPTED.to_owned() };
    if !headers.contains_key(CONTENT_TYPE) {
        // Fetch, section 3.2: with every POST. Fetch Metadata, section 2: with every request to a trustworthy address.
        let is_browser = headers.contains_key(ORIGIN) || headers.contains_key("sec-fetch-site");
        return if is_browser { Err(refusal()) } else { Ok(Media::Unlabelled) };
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
    fn without_a_type_the_body_decides_but_not_for_a_browser() {
        assert_eq!(of(&[]), Some(Media::Unlabelled));
        for (body, expected) in [
            (&b""[..], Media::Json),
            (b" {}", Media::Json),
            (b"[]", Media::Json),
            (b"\xEF\xBB\xBF{}", Media::Json),
            (b"\n<methodCall/>", Media::Xml { charset: None }),
            (b"\xEF\xBB\xBF<a/>", Media::Xml { charset: None }),
            (b"\xFE\xFF\0<", Media::Xml { charset: None }),
            (b"\xFF\xFE<\0", Media::Xml { charset: None }),
        ] {
            assert_eq!(Media::Unlabelled.of_body(body), expected, "{body:?}");
        }
        assert_eq!(Media::Json.of_body(b"<a/>"), Media::Json, "what is labelled is not guessed");
        for field in ["origin", "sec-fetch-site"] {
            let mut headers = HeaderMap::new();
            headers.insert(field, HeaderValue::from_static("null"));
            assert!(media(&headers).is_err(), "{field}");
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            assert_eq!(media(&headers), Ok(Media::Json));
        }
    }

    #[test]
    fn json_is_known_in_every_spelling() {
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
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        assert_eq!(
            media(&headers),
            Err(Failure::UnsupportedMediaType { accept: "application/json, text/xml".to_owned() })
        );
    }
}
