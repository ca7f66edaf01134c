//! Content codings: bodies that are gzip, Brotli, Zstandard or deflate on the wire and plain for the plugin (RFC 9110,
//! section 8.4; RFC 7694; RFC 9659).
//!
//! Owns which coding an answer is sent in and the fields that say so, and the way back for request bodies. Refuses to know any
//! style: what is coded is an HTTP body, whatever stands in it.
//!
//! **Answers.** A plugin's answer is coded when the client asks for it, it is large enough to gain from it, its type is one that
//! compresses, and nothing in it speaks against that (`Content-Encoding`, `Content-Range`, a digest, `no-transform`). Each coding
//! has a strong entity tag of its own, made of the plugin's and the coding's name, and conditions of the client are given to
//! the plugin with both, so that it never hears of codings and its comparisons still hold.
//!
//! **Secrets.** An attacker who can make a victim's browser send requests with text of his choice, and sees the length of the
//! answers, learns secrets that stand in the same answer (BREACH). So an answer to a request that a foreign site has made a
//! browser send with credentials of its own accord (cookies, Basic) is not coded. `compression = false` in the manifest turns
//! it off for a plugin altogether.
//!
//! **Requests.** Off unless the operator turns it on, because a kilobyte that becomes a megabyte is work that the sender did
//! not have. When on, the limit on a body counts what comes out, and what comes out is also limited by what went in.
//!
//! **Time.** A body is coded in slices with a yield between them, so that neighbours on the same worker wait for one slice at
//! most. Working memory is bounded by the number of bodies that are coded at the same time.

mod accept;
mod answer;
mod decoder;
mod encoder;
mod entity_tag;
mod request;

use std::sync::Arc;

use http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, COOKIE, HeaderName, HeaderValue, IF_MATCH,
    IF_NONE_MATCH,
};
use http::request::Parts;
use tokio::sync::Semaphore;

use self::accept::Acceptable;
use crate::capability::Identity;
use crate::exchange::{Body, Response};
use crate::failure::Failure;
use crate::limits::{COMPRESSIONS_MAX, DECOMPRESSIONS_MAX};
use crate::plugin::Manifest;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// A coding of the registry (RFC 9110, section 18.6) that the host writes or reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Gzip,
    Brotli,
    Zstandard,
    /// The zlib format (RFC 1950). Read only: clients disagree about what the name means.
    Deflate,
}

impl Coding {
    /// What answers are sent in, best first among those that a client likes the same: Zstandard takes the least time for the
    /// same size.
    const OFFERED: [Self; 3] = [Self::Zstandard, Self::Brotli, Self::Gzip];

    fn token(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Brotli => "br",
            Self::Zstandard => "zstd",
            Self::Deflate => "deflate",
        }
    }

    /// Names are compared without case, and `x-gzip` is gzip (RFC 9110, sections 8.4.1 and 8.4.1.3).
    fn named(name: &str) -> Option<Self> {
        [Self::Gzip, Self::Brotli, Self::Zstandard, Self::Deflate]
            .into_iter()
            .find(|coding| coding.token().eq_ignore_ascii_case(name))
            .or_else(|| name.eq_ignore_ascii_case("x-gzip").then_some(Self::Gzip))
    }
}

/// What holds for plugins whose manifest says nothing of it.
#[derive(Debug, Clone, Copy)]
pub struct Defaults {
    /// Whether answers are coded.
    pub compression: bool,
    /// Whether request bodies may be coded.
    pub decompression: bool,
}

/// The codings of a host, with what they may use.
pub(super) struct Codings {
    defaults: Defaults,
    encoders: Semaphore,
    decoders: Arc<Semaphore>,
}

/// What was agreed on for the answer to one request.
pub(super) struct Agreed {
    /// Whether the plugin's answers are coded at all. If not, nothing depends on what the client accepts.
    enabled: bool,
    /// What the client accepts; all of it none when it did not say.
    acceptable: Acceptable,
    /// `If-None-Match` as it was sent, when it named a coded answer.
    if_none_match: Option<HeaderValue>,
    /// Whether a foreign site may be behind the request.
    is_suspect: bool,
}

impl Codings {
    pub(super) fn new(defaults: Defaults) -> Self {
        Self {
            defaults,
            encoders: Semaphore::new(COMPRESSIONS_MAX),
            decoders: Arc::new(Semaphore::new(DECOMPRESSIONS_MAX)),
        }
    }

    /// Takes the codings out of a request: afterwards its body, its conditions and its fields are what they would be without
    /// any. What cannot be read or answered is refused before the plugin is started.
    pub(super) fn receive(
        &self,
        manifest: &Manifest,
        identity: Option<&Identity>,
        head: &mut Parts,
        body: Body,
    ) -> Result<(Body, Agreed), Failure> {
        let enabled = manifest.compression.unwrap_or(self.defaults.compression);
        let mut agreed =
            Agreed { enabled, acceptable: Acceptable::UNSAID, if_none_match: None, is_suspect: false };
        if head.headers.contains_key(ACCEPT_ENCODING) {
            agreed.acceptable = Acceptable::read(&head.headers);
            if !agreed.acceptable.can_be_met(enabled) {
                return Err(Failure::CodingNotAcceptable);
            }
        }
        if enabled {
            agreed.is_suspect = is_suspect(identity, head);
            if let Some(sent) = head.headers.get(IF_NONE_MATCH)
                && let Some(plain) = entity_tag::plain(sent, |coding| agreed.acceptable.takes(coding))
            {
                agreed.if_none_match = head.headers.insert(IF_NONE_MATCH, plain);
            }
            if let Some(sent) = head.headers.get(IF_MATCH)
                && let Some(plain) = entity_tag::plain(sent, |_| true)
            {
                head.headers.insert(IF_MATCH, plain);
            }
        }
        if !head.headers.contains_key(CONTENT_ENCODING) {
            return Ok((body, agreed));
        }
        let enabled = manifest.decompression.unwrap_or(self.defaults.decompression);
        let codings = request::codings(&head.headers, enabled)?;
        head.headers.remove(CONTENT_ENCODING);
        if codings.is_empty() {
            return Ok((body, agreed));
        }
        // The length of the coded body says nothing of the one that the plugin gets.
        head.headers.remove(CONTENT_LENGTH);
        Ok((request::decoded(body, codings, Arc::clone(&self.decoders)), agreed))
    }

    /// Codes an answer as agreed. Most are sent as they are, so what coding needs is made for those only that are coded.
    pub(super) async fn send(&self, agreed: &Agreed, mut response: Response) -> Response {
        if !agreed.enabled {
            return response;
        }
        match answer::agree(&mut response, agreed) {
            Some((body, coding)) => {
                Box::pin(answer::code(response, body, coding, agreed, &self.encoders)).await
            }
            None => response,
        }
    }
}

/// Whether a browser sent its user's credentials along by itself, and says that the request does not come from the service's
/// own pages. Browsers send `Sec-Fetch-Site` wherever the connection is encrypted; where it is not, nobody needs the length
/// of an answer to know what stands in it.
fn is_suspect(identity: Option<&Identity>, head: &Parts) -> bool {
    head.headers.get(SEC_FETCH_SITE).is_some_and(|site| {
        let is_ambient =
            head.headers.contains_key(COOKIE) || identity.is_some_and(|identity| identity.scheme == "basic");
        is_ambient && !matches!(site.as_bytes(), b"same-origin" | b"none")
    })
}

#[cfg(test)]
mod tests;
