//! A plugin's answer, checked before a byte of it is sent.
//!
//! A guest must not be able to break the framing of the connection, to speak for the host, or to exhaust the client: the
//! checks are those that wasmtime's own HTTP host had to add one advisory at a time (GHSA-r8xh, GHSA-9prg, GHSA-h4wp).

use bytes::Bytes;
use http::StatusCode;
use http::header::{
    CONNECTION, CONTENT_LENGTH, DATE, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};

use super::{Answer, has_body};
use crate::exchange::{Payload, Response};
use crate::limits::PluginLimits;

/// Why an answer cannot be sent, for the log.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum Invalid {
    #[error("its status is {0}; allowed is 200 to 599")]
    Status(u16),
    #[error("`{0}` is not a field name")]
    Name(String),
    #[error("the value of `{0}` has a character that no field may have")]
    Value(String),
    #[error("`{0}` belongs to the connection, which is the host's")]
    HopByHop(String),
    #[error("it has {0} header fields; allowed are {1} (response_header_count_max)")]
    HeaderCount(usize, u64),
    #[error("its header fields have {0} bytes; allowed are {1} (response_header_bytes_max)")]
    HeaderBytes(u64, u64),
    #[error("its body has {0} bytes; allowed are {1} (response_bytes_max)")]
    Body(usize, u64),
}

/// Fields that speak of one connection (RFC 9110, section 7.6.1) or that only the host can know.
const HOP_BY_HOP: [HeaderName; 8] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

pub(super) fn response(answer: Answer, limits: &PluginLimits) -> Result<Response, Invalid> {
    let status = StatusCode::from_u16(answer.status)
        .ok()
        .filter(|status| (200..600).contains(&status.as_u16()))
        .ok_or(Invalid::Status(answer.status))?;
    if answer.body.len() as u64 > limits.response_bytes_max {
        return Err(Invalid::Body(answer.body.len(), limits.response_bytes_max));
    }
    let body = if has_body(status) { Bytes::from(answer.body) } else { Bytes::new() };
    let mut response = Response::new(Payload::Whole(body));
    *response.status_mut() = status;
    headers(answer.headers, limits, response.headers_mut())?;
    Ok(response)
}

fn headers(
    fields: Vec<(String, String)>,
    limits: &PluginLimits,
    headers: &mut HeaderMap,
) -> Result<(), Invalid> {
    if fields.len() as u64 > limits.response_header_count_max {
        return Err(Invalid::HeaderCount(fields.len(), limits.response_header_count_max));
    }
    let bytes = fields.iter().map(|(name, value)| (name.len() + value.len()) as u64).sum::<u64>();
    if bytes > limits.response_header_bytes_max {
        return Err(Invalid::HeaderBytes(bytes, limits.response_header_bytes_max));
    }
    headers.reserve(fields.len());
    for (name, value) in fields {
        let Ok(parsed) = HeaderName::from_bytes(name.as_bytes()) else {
            return Err(Invalid::Name(name));
        };
        if HOP_BY_HOP.contains(&parsed) {
            return Err(Invalid::HopByHop(name));
        }
        // The host counts the body and reads the clock itself.
        if parsed == CONTENT_LENGTH || parsed == DATE {
            continue;
        }
        // Refuses CR, LF, NUL and other controls: no answer is split in two.
        let Ok(value) = HeaderValue::try_from(value) else {
            return Err(Invalid::Value(name));
        };
        headers.append(parsed, value);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, headers: &[(&str, &str)], body: usize) -> Result<Response, Invalid> {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        response(Answer { status, headers, body: vec![b'x'; body] }, &PluginLimits::DEFAULT)
    }

    #[test]
    fn an_answer_in_order_is_sent_as_it_is() {
        let response =
            check(201, &[("location", "/a"), ("set-cookie", "a=1"), ("Set-Cookie", "b=2")], 3).unwrap();
        assert_eq!(response.status(), 201);
        assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
    }

    #[test]
    fn statuses_outside_200_to_599_are_refused() {
        for status in [0, 99, 100, 101, 199, 600, 1000] {
            assert_eq!(check(status, &[], 0).unwrap_err(), Invalid::Status(status));
        }
    }

    #[test]
    fn a_value_cannot_split_the_answer() {
        for value in ["a\r\nx: y", "a\nb", "a\0", "\r"] {
            assert_eq!(check(200, &[("x-a", value)], 0).unwrap_err(), Invalid::Value("x-a".to_owned()));
        }
        assert_eq!(check(200, &[("x a", "v")], 0).unwrap_err(), Invalid::Name("x a".to_owned()));
    }

    #[test]
    fn fields_of_the_connection_are_the_hosts() {
        for name in ["Connection", "transfer-encoding", "upgrade", "keep-alive"] {
            assert_eq!(check(200, &[(name, "x")], 0).unwrap_err(), Invalid::HopByHop(name.to_owned()));
        }
        let response = check(200, &[("content-length", "999"), ("date", "never")], 1).unwrap();
        assert!(response.headers().is_empty());
    }

    #[test]
    fn each_limit_holds_at_its_edge() {
        let fields = |count: usize| vec![("x-a", "v"); count];
        assert!(check(200, &fields(64), 0).is_ok());
        assert_eq!(check(200, &fields(65), 0).unwrap_err(), Invalid::HeaderCount(65, 64));
        let long = "v".repeat(32 * 1024 - 3);
        assert!(check(200, &[("x-a", &long)], 0).is_ok());
        let longer = "v".repeat(32 * 1024 - 2);
        assert_eq!(
            check(200, &[("x-a", &longer)], 0).unwrap_err(),
            Invalid::HeaderBytes(32 * 1024 + 1, 32 * 1024)
        );
        let body = 8 * 1024 * 1024;
        assert!(check(200, &[], body).is_ok());
        assert_eq!(check(200, &[], body + 1).unwrap_err(), Invalid::Body(body + 1, body as u64));
    }
}
