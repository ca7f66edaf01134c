//! Problem details (RFC 9457): how the host says over plain HTTP that something went wrong.
//!
//! Owns the one rendering that REST uses, and every style for what goes wrong below it: authentication, routing, framing.

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderName, RETRY_AFTER,
    UPGRADE, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::exchange::{Payload, Response};
use crate::failure::Failure;

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");

/// A failure as problem details. `method` is the request's, when there is one.
#[must_use]
pub fn render(failure: &Failure, method: Option<&Method>) -> Response {
    let mut body = document(failure.status(), failure.public());
    if let Failure::NotAcceptable { available } = failure {
        body.insert("available".to_owned(), json!(available));
    }
    let mut response = respond(failure.status(), body);
    describe(failure, method, response.headers_mut());
    response
}

/// The fields that belong to a failure whatever its body looks like: `Allow`, challenges, `Retry-After`.
pub fn describe(failure: &Failure, method: Option<&Method>, headers: &mut HeaderMap) {
    match failure {
        Failure::Unauthenticated { challenges } => {
            // One line per challenge: clients mis-parse several in one line (RFC 9110, section 11.6.1, allows both).
            for challenge in challenges {
                headers.append(WWW_AUTHENTICATE, challenge.clone());
            }
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        Failure::Forbidden { challenge: Some(challenge) } => {
            headers.append(WWW_AUTHENTICATE, challenge.clone());
        }
        Failure::MethodNotAllowed { allow } => insert(headers, ALLOW, allow),
        Failure::UnsupportedMediaType { accept } => {
            insert(headers, ACCEPT, accept);
            if method == Some(&Method::PATCH) {
                insert(headers, ACCEPT_PATCH, accept);
            }
        }
        // Of the two kinds of 415 only this one names codings (RFC 7694, section 3).
        Failure::CodingUnsupported { accept } => insert(headers, ACCEPT_ENCODING, accept),
        Failure::UpgradeRequired => {
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            headers.insert(HeaderName::from_static("sec-websocket-version"), HeaderValue::from_static("13"));
        }
        _ => {}
    }
    if let Some(seconds) = failure.retry_after_s() {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value)
        && !value.is_empty()
    {
        headers.insert(name, value);
    }
}

/// A plugin's own refusal, with its own sentence.
#[must_use]
pub fn rejection(status: StatusCode, detail: &str) -> Response {
    respond(status, document(status, detail))
}

/// The members that every problem has. With `about:blank` the title is the status's own phrase.
pub(crate) fn document(status: StatusCode, detail: &str) -> Map<String, Value> {
    let mut members = Map::new();
    members.insert("type".to_owned(), json!("about:blank"));
    members.insert("title".to_owned(), json!(status.canonical_reason().unwrap_or("Error")));
    members.insert("status".to_owned(), json!(status.as_u16()));
    members.insert("detail".to_owned(), json!(detail));
    members
}

/// An answer with these members.
pub(crate) fn respond(status: StatusCode, body: Map<String, Value>) -> Response {
    send(status, Value::Object(body).to_string())
}

/// The same with one more member, whose value is JSON text and goes out as it is: a tree would sort its members and may round
/// its numbers.
pub(crate) fn respond_with(
    status: StatusCode,
    mut body: Map<String, Value>,
    name: &str,
    json: &str,
) -> Response {
    body.remove(name);
    let members = Value::Object(body).to_string();
    let separator = if members == "{}" { "" } else { "," };
    let open = members.strip_suffix('}').unwrap_or(&members);
    send(status, format!("{open}{separator}{}:{json}}}", Value::from(name)))
}

fn send(status: StatusCode, text: String) -> Response {
    let mut response = Response::new(Payload::Whole(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, PROBLEM_JSON);
    response
}

/// An answer without a body.
#[must_use]
pub fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Payload::empty());
    *response.status_mut() = status;
    response
}

/// The answer to OPTIONS: what is allowed here.
#[must_use]
pub fn options(allow: &str) -> Response {
    let mut response = empty(StatusCode::NO_CONTENT);
    insert(response.headers_mut(), ALLOW, allow);
    response
}
