//! A response, and what can become one.

use serde::Serialize;

pub use crate::bindings::rest::Response;

use super::contract::Endpoint;
use super::{ETag, Problem};

impl Response {
    /// An answer without fields or body. `status` is 200 to 599.
    pub fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// An answer with a body.
    pub fn with_body(status: u16, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let mut response = Self::new(status).header("content-type", media_type);
        response.body = body.into();
        response
    }

    /// An answer with a value as JSON. A value that cannot be written so, such as a map whose keys are not text, becomes
    /// a 500.
    pub fn json<T: Serialize + ?Sized>(status: u16, value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => Self::with_body(status, "application/json", body),
            Err(_) => Problem::new(500).into(),
        }
    }

    /// An answer in plain text.
    pub fn text(status: u16, text: &str) -> Self {
        Self::with_body(status, "text/plain; charset=utf-8", text)
    }

    /// The same with one more field.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same with a strong `ETag` made from its body: for an answer that has no revision of its own.
    #[must_use]
    pub fn tagged(self) -> Self {
        let tag = ETag::of(&self.body);
        self.etag(&tag)
    }

    /// The same with an `ETag` field.
    #[must_use]
    pub fn etag(self, tag: &ETag) -> Self {
        self.header("etag", &tag.to_string())
    }
}

/// What a handler may answer.
pub trait IntoResponse {
    /// Makes the response.
    fn into_response(self) -> Response;

    /// Adds to the endpoint's description which answers this gives, as far as the type tells.
    fn describe(endpoint: &mut Endpoint)
    where
        Self: Sized,
    {
        let _ = endpoint;
    }
}

impl IntoResponse for Response {
    fn into_response(self) -> Response {
        self
    }
}

/// 204.
impl IntoResponse for () {
    fn into_response(self) -> Response {
        Response::new(204)
    }

    fn describe(endpoint: &mut Endpoint) {
        super::contract::answer(endpoint, 204, None, &[]);
    }
}

impl<T: IntoResponse, E: IntoResponse> IntoResponse for Result<T, E> {
    fn into_response(self) -> Response {
        match self {
            Ok(answer) => answer.into_response(),
            Err(problem) => problem.into_response(),
        }
    }

    fn describe(endpoint: &mut Endpoint) {
        T::describe(endpoint);
        E::describe(endpoint);
    }
}
