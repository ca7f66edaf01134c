//! What went wrong, as problem details (RFC 9457).

use serde::Serialize;
use serde_json::{Map, Value};

use super::{IntoResponse, Response};
use crate::store;

/// An answer of 400 to 599 with `application/problem+json`. Without a type of its own its title is the status's phrase
/// (RFC 9457, section 4.2.1).
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    status: u16,
    members: Map<String, Value>,
    headers: Vec<(String, String)>,
}

impl Problem {
    /// A problem with this status and nothing more. A status outside 400 to 599 becomes 500.
    pub fn new(status: u16) -> Self {
        let status = if (400..=599).contains(&status) { status } else { 500 };
        let mut members = Map::new();
        members.insert("title".to_owned(), phrase(status).into());
        members.insert("status".to_owned(), status.into());
        Self { status, members, headers: Vec::new() }
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The same with a sentence about this occurrence, for people.
    #[must_use]
    pub fn detail(self, text: &str) -> Self {
        self.with("detail", text)
    }

    /// The same with a type of its own: a URI that says what kind of problem it is, and its title.
    #[must_use]
    pub fn kind(self, uri: &str, title: &str) -> Self {
        self.with("type", uri).with("title", title)
    }

    /// The same with one more member. One that cannot be written as JSON is left out.
    #[must_use]
    pub fn with<T: Serialize + ?Sized>(mut self, name: &str, value: &T) -> Self {
        // The status in the body always is the answer's own.
        if name != "status"
            && let Ok(value) = serde_json::to_value(value)
        {
            self.members.insert(name.to_owned(), value);
        }
        self
    }

    /// The same with one more field in the answer's head.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// 404 with a sentence.
    pub fn not_found(detail: &str) -> Self {
        Self::new(404).detail(detail)
    }

    /// 400 with a sentence.
    pub fn bad_request(detail: &str) -> Self {
        Self::new(400).detail(detail)
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = self.members.get("detail").or_else(|| self.members.get("title")).and_then(Value::as_str);
        write!(out, "{} {}", self.status, text.unwrap_or_default())
    }
}

impl std::error::Error for Problem {}

impl From<Problem> for Response {
    fn from(problem: Problem) -> Self {
        let body = Value::Object(problem.members).to_string();
        let mut response = Self::with_body(problem.status, "application/problem+json", body);
        response.headers.extend(problem.headers);
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.into()
    }
}

/// The caller learns whether it may try again, the log why.
impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::TooLarge(text) => Self::new(413).detail(&text),
            store::Error::Conflict => {
                Self::new(503).detail("Too many calls change the same thing.").header("retry-after", "1")
            }
            store::Error::Unavailable => {
                crate::log::error("store", &error.to_string());
                Self::new(503)
            }
            other => {
                crate::log::error("store", &other.to_string());
                Self::new(500)
            }
        }
    }
}

/// The phrases of RFC 9110, section 15, and RFC 6585.
pub(crate) fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        // The classes of RFC 9110, section 15, for statuses without a phrase here.
        _ => match status / 100 {
            2 => "Success",
            3 => "Redirection",
            4 => "Client Error",
            _ => "Server Error",
        },
    }
}
