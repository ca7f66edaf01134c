//! Coded request bodies.
//!
//! Owns `Content-Encoding` of requests and the body that reads as if there were none. A body is decoded when it is read, that
//! is after the caller, its rights and the media type have been checked.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use tokio::sync::Semaphore;

use super::{Coding, decoder};
use crate::exchange::{Body, LocalFuture, ReadBody};
use crate::failure::Failure;
use crate::limits::CODINGS_MAX;

/// What is read, for the client whose coding is not (RFC 7694, section 3).
const READ: &str = "gzip, br, zstd, deflate";
const READ_NONE: &str = "identity";

/// The codings of a body in the order in which they were applied. `identity` is none.
///
/// # Errors
/// [`Failure::CodingUnsupported`] when one is not known, when there are too many, and for any at all where none is read.
pub(super) fn codings(headers: &HeaderMap, enabled: bool) -> Result<Vec<Coding>, Failure> {
    let unsupported = || Failure::CodingUnsupported { accept: if enabled { READ } else { READ_NONE } };
    let mut codings = Vec::new();
    for value in headers.get_all(CONTENT_ENCODING) {
        let text = value.to_str().map_err(|_| unsupported())?;
        let names = text.split(',').map(|name| name.trim_matches([' ', '\t']));
        for name in names.filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity")) {
            let coding = Coding::named(name).filter(|_| enabled && codings.len() < CODINGS_MAX);
            codings.push(coding.ok_or_else(unsupported)?);
        }
    }
    Ok(codings)
}

/// The body without its codings.
pub(super) fn decoded(body: Body, codings: Vec<Coding>, decoders: Arc<Semaphore>) -> Body {
    if body.is_absent() {
        return body;
    }
    Body::new(Box::new(Coded { body, codings, decoders }))
}

struct Coded {
    body: Body,
    codings: Vec<Coding>,
    /// Bounds the windows that are held at the same time.
    decoders: Arc<Semaphore>,
}

impl Coded {
    async fn read_whole(&mut self, bytes_max: u64) -> Result<Bytes, Failure> {
        // No coding makes a body much longer, so that the limit holds for what comes in, too.
        let mut body = self.body.read(bytes_max).await?;
        let wire_bytes = body.len();
        if wire_bytes == 0 {
            return Ok(body);
        }
        let _permit = self.decoders.acquire().await.map_err(|_| Failure::ShuttingDown)?;
        for coding in self.codings.iter().rev() {
            body = decoder::decode(&body, *coding, wire_bytes, bytes_max).await?;
        }
        Ok(body)
    }
}

impl ReadBody for Coded {
    fn read(&mut self, bytes_max: u64) -> LocalFuture<'_, Result<Bytes, Failure>> {
        Box::pin(self.read_whole(bytes_max))
    }

    fn is_absent(&self) -> bool {
        self.body.is_absent()
    }
}
