//! Answers: whether to code one, and the fields that belong to that.
//!
//! Owns the list of types that compress. It names what does, not what does not: an unknown format is more often compressed
//! already than text.

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName,
    HeaderValue, VARY,
};
use http::{HeaderMap, StatusCode};
use tokio::sync::Semaphore;

use super::{Agreed, Coding, encoder, entity_tag};
use crate::exchange::{Payload, Response};
use crate::limits::{CODING_SLICE_BYTES, COMPRESSION_BYTES_MIN};

/// Digests of the bytes as they are (RFC 9530, and its forerunners), which a coding would belie.
const DIGESTS: [HeaderName; 4] = [
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-md5"),
];

/// Types beside `text/*`, `+json` and `+xml` that are text or as good as text.
const COMPRESSIBLE: [&str; 16] = [
    "application/json",
    "application/xml",
    "application/javascript",
    "application/ecmascript",
    "application/json-seq",
    "application/jsonl",
    "application/ndjson",
    "application/x-ndjson",
    "application/yaml",
    "application/toml",
    "application/sql",
    "application/graphql",
    "application/wasm",
    "application/x-www-form-urlencoded",
    "font/otf",
    "font/ttf",
];

/// Says what an answer depends on, and gives the body and the coding of one that is to be coded.
pub(super) fn agree(response: &mut Response, agreed: &Agreed) -> Option<(Bytes, Coding)> {
    if response.status() == StatusCode::NOT_MODIFIED {
        // The answer that has not changed depended on what the client accepts.
        vary(response.headers_mut());
        if let Some(sent) = &agreed.if_none_match
            && let Some(tag) = response.headers().get(ETAG)
            && let Some(held) = entity_tag::held(tag, sent, |coding| agreed.acceptable.takes(coding))
        {
            response.headers_mut().insert(ETAG, held);
        }
        return None;
    }
    // What is streamed is sent as it comes: held back for a coder, a part would come late.
    let Payload::Whole(body) = response.body() else { return None };
    let length = body.len() as u64;
    // Who does not take a body as it is gets a small one coded, too.
    let is_worth_it = length >= COMPRESSION_BYTES_MIN || !agreed.acceptable.takes_identity();
    if length == 0 || !is_worth_it || !can_be_coded(response) {
        return None;
    }
    let body = body.clone();
    vary(response.headers_mut());
    let coding = agreed.acceptable.best().filter(|_| !agreed.is_suspect)?;
    Some((body, coding))
}

/// Codes an answer in the coding that was agreed on, where the host has the means to.
pub(super) async fn code(
    mut response: Response,
    body: Bytes,
    coding: Coding,
    agreed: &Agreed,
    encoders: &Semaphore,
) -> Response {
    // A small body is coded in one go, so that there is never more than one for each worker.
    let _permit = if body.len() > CODING_SLICE_BYTES {
        match encoders.try_acquire() {
            Ok(permit) => Some(permit),
            // The host is busy with others: a body as it is costs least.
            Err(_) if agreed.acceptable.takes_identity() => return response,
            Err(_) => encoders.acquire().await.ok(),
        }
    } else {
        None
    };
    match encoder::encode(&body, coding).await {
        Some(coded) if coded.len() < body.len() || !agreed.acceptable.takes_identity() => {
            let headers = response.headers_mut();
            headers.remove(CONTENT_LENGTH);
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.token()));
            if let Some(tag) = headers.get(ETAG).and_then(|tag| entity_tag::coded(tag, coding)) {
                headers.insert(ETAG, tag);
            }
            *response.body_mut() = Payload::Whole(coded);
        }
        _ => {}
    }
    response
}

/// Whether an answer may be coded: by its status, its fields and its type.
fn can_be_coded(response: &Response) -> bool {
    let headers = response.headers();
    !matches!(
        response.status(),
        StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::PARTIAL_CONTENT
    ) && !response.status().is_informational()
        && !headers.contains_key(CONTENT_ENCODING)
        && !headers.contains_key(CONTENT_RANGE)
        && headers.get(CONTENT_TYPE).is_some_and(is_compressible)
        && !headers.get_all(CACHE_CONTROL).iter().any(forbids_transformation)
        && !DIGESTS.iter().any(|digest| headers.contains_key(digest))
}

fn is_compressible(content_type: &HeaderValue) -> bool {
    let Ok(text) = content_type.to_str() else { return false };
    let essence = text.split(';').next().unwrap_or_default().trim_matches([' ', '\t']).to_ascii_lowercase();
    essence.starts_with("text/")
        || essence.ends_with("+json")
        || essence.ends_with("+xml")
        || COMPRESSIBLE.contains(&essence.as_str())
}

/// `no-transform` (RFC 9111, section 5.2.2.6).
fn forbids_transformation(cache_control: &HeaderValue) -> bool {
    cache_control.to_str().is_ok_and(|text| {
        text.split(',')
            .any(|directive| directive.trim_matches([' ', '\t']).eq_ignore_ascii_case("no-transform"))
    })
}

/// Says that the answer depends on `Accept-Encoding` (RFC 9110, section 12.5.5), also where it was sent as it is.
fn vary(headers: &mut HeaderMap) {
    let is_said = headers.get_all(VARY).iter().filter_map(|value| value.to_str().ok()).any(|value| {
        value
            .split(',')
            .map(|name| name.trim_matches([' ', '\t']))
            .any(|name| name == "*" || name.eq_ignore_ascii_case("accept-encoding"))
    });
    if !is_said {
        headers.append(VARY, HeaderValue::from_static("accept-encoding"));
    }
}
