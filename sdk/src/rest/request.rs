//! A request, and what can be read from one.

pub use crate::bindings::rest::Request;

use super::Problem;
use super::contract::Endpoint;

impl Request {
    /// A request without fields or body, for tests. `target` is a path below the mount and, behind `?`, a query.
    pub fn new(method: &str, target: &str) -> Self {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (target, None),
        };
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// The same with one more field. The name is kept in lower case, as the host hands names over.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.to_owned()));
        self
    }

    /// The same with a body and its media type.
    #[must_use]
    pub fn with_body(self, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let mut request = self.with_header("content-type", media_type);
        request.body = body.into();
        request
    }

    /// The value of the first field of this name, compared without case (RFC 9110, section 5.1).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(held, _)| held.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The values of all fields of this name, in the order sent.
    pub fn headers_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers
            .iter()
            .filter(move |(held, _)| held.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body's media type without its parameters, in lower case; none when the request does not say.
    pub fn media_type(&self) -> Option<String> {
        let value = self.header("content-type")?;
        Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
    }

    /// The `charset` parameter of the body's media type, in lower case.
    pub(crate) fn charset(&self) -> Option<String> {
        let parameters = self.header("content-type")?.split(';').skip(1);
        parameters.filter_map(|parameter| parameter.split_once('=')).find_map(|(name, value)| {
            name.trim()
                .eq_ignore_ascii_case("charset")
                .then(|| value.trim().trim_matches('"').to_ascii_lowercase())
        })
    }
}

/// What a handler's argument can be read from. Implement it for an argument type of your own.
pub trait FromRequest: Sized {
    /// Reads it, or says what is wrong with the request.
    fn from_request(request: &Request) -> Result<Self, Problem>;

    /// Adds to the endpoint's description what this reads: parameters, body, answers.
    fn describe(endpoint: &mut Endpoint) {
        let _ = endpoint;
    }
}

/// For a handler that wants to decide itself what a failure to read means.
impl<T: FromRequest> FromRequest for Result<T, Problem> {
    fn from_request(request: &Request) -> Result<Self, Problem> {
        Ok(T::from_request(request))
    }

    fn describe(endpoint: &mut Endpoint) {
        T::describe(endpoint);
    }
}
