//! A component's answer: its head, checked before a byte of it is sent, and its body, while it is made.
//!
//! The library that holds `wasi:http`'s resources refuses what breaks the form of a field and what belongs to a connection. What it
//! leaves open stands here: which statuses may be, how much there may be, that a declared length is kept, and that a body
//! whose component failed does not look complete.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, DATE, HOST,
    HeaderMap, SET_COOKIE, TE, TRAILER, TRANSFER_ENCODING,
};
use http::response::Parts;
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use tokio::task::AbortHandle;

use super::Fault;
use crate::capability::RequestId;
use crate::capability::http::RequestError;
use crate::exchange::{Broken, Source};
use crate::limits::PluginLimits;
use crate::sandbox::Fate;

/// Why a head cannot be sent, for the log.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum Invalid {
    #[error("its status is {0}; allowed is 200 to 599")]
    Status(u16),
    #[error("it has {0} header fields; allowed are {1} (response_header_count_max)")]
    HeaderCount(usize, u64),
    #[error("its header fields have {0} bytes; allowed are {1} (response_header_bytes_max)")]
    HeaderBytes(u64, u64),
    #[error("its `content-length` is not one number")]
    Length,
    #[error("its body has {0} bytes by its `content-length`; allowed are {1} (streamed_response_bytes_max)")]
    Body(u64, u64),
}

/// Checks a head and takes out of it what only the host can know. Gives the declared length.
pub(super) fn check_head(head: &mut Parts, limits: &PluginLimits) -> Result<Option<u64>, Invalid> {
    let status = head.status.as_u16();
    if !(200..600).contains(&status) {
        return Err(Invalid::Status(status));
    }
    check_fields(&head.headers, limits)?;
    head.headers.remove(DATE);
    head.headers.remove(TE);
    let mut lengths = head.headers.get_all(CONTENT_LENGTH).iter();
    let Some(length) = lengths.next() else { return Ok(None) };
    let digits = length.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let length: u64 = digits.and_then(|text| text.parse().ok()).ok_or(Invalid::Length)?;
    if lengths.next().is_some() {
        return Err(Invalid::Length);
    }
    if length > limits.streamed_response_bytes_max {
        return Err(Invalid::Body(length, limits.streamed_response_bytes_max));
    }
    Ok(Some(length))
}

fn check_fields(fields: &HeaderMap, limits: &PluginLimits) -> Result<(), Invalid> {
    if fields.len() as u64 > limits.response_header_count_max {
        return Err(Invalid::HeaderCount(fields.len(), limits.response_header_count_max));
    }
    let bytes =
        fields.iter().map(|(name, value)| name.as_str().len() as u64 + value.len() as u64).sum::<u64>();
    if bytes > limits.response_header_bytes_max {
        return Err(Invalid::HeaderBytes(bytes, limits.response_header_bytes_max));
    }
    Ok(())
}

/// What comes next of a body.
pub(super) enum Progress {
    Data(Bytes),
    Trailers(HeaderMap),
    End,
    /// It cannot be complete any more, and why, for the log.
    Broken(&'static str),
}

/// A body that a component makes. Dropped before its end, it ends the component's call.
pub(super) struct Frames {
    body: UnsyncBoxBody<Bytes, RequestError>,
    fate: Fate,
    fault: Fault,
    /// Taken already, and not yet sent.
    gathered: VecDeque<Bytes>,
    /// What is still to come by the declared length.
    missing: Option<u64>,
    /// What may still come.
    left: u64,
    limits: Arc<PluginLimits>,
    ended: bool,
    call: Option<AbortHandle>,
    who: Option<(Arc<str>, RequestId)>,
}

impl Frames {
    pub(super) fn new(
        body: UnsyncBoxBody<Bytes, RequestError>,
        fate: Fate,
        fault: Fault,
        length: Option<u64>,
        limits: &Arc<PluginLimits>,
    ) -> Self {
        Self {
            body,
            fate,
            fault,
            gathered: VecDeque::new(),
            missing: length,
            left: limits.streamed_response_bytes_max,
            limits: Arc::clone(limits),
            ended: false,
            call: None,
            who: None,
        }
    }

    /// What has been taken comes first again.
    pub(super) fn prepend(&mut self, gathered: Vec<Bytes>) {
        self.gathered = gathered.into();
    }

    /// The call that makes it.
    pub(super) fn ends(&mut self, call: AbortHandle) {
        self.call = Some(call);
    }

    /// Whose answer it is, for the log.
    pub(super) fn log_as(&mut self, plugin: Arc<str>, request: RequestId) {
        self.who = Some((plugin, request));
    }

    pub(super) fn poll(&mut self, task: &mut Context<'_>) -> Poll<Progress> {
        if self.ended {
            return Poll::Ready(Progress::End);
        }
        let progress = match std::task::ready!(Pin::new(&mut self.body).poll_frame(task)) {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => self.take(data),
                Err(frame) => self.finish(frame.into_trailers().ok()),
            },
            Some(Err(_)) => Progress::Broken("its body has another length than its `content-length`"),
            None => self.finish(None),
        };
        self.ended |= matches!(progress, Progress::End | Progress::Trailers(_));
        Poll::Ready(progress)
    }

    fn take(&mut self, data: Bytes) -> Progress {
        let length = data.len() as u64;
        if self.fault.borrow().is_some() {
            return Progress::Broken("the body of its request broke off");
        }
        let Some(left) = self.left.checked_sub(length) else {
            return Progress::Broken("its body is larger than streamed_response_bytes_max");
        };
        self.left = left;
        if let Some(missing) = &mut self.missing {
            let Some(rest) = missing.checked_sub(length) else {
                return Progress::Broken("its body is longer than its `content-length`");
            };
            *missing = rest;
        }
        Progress::Data(data)
    }

    fn finish(&mut self, trailers: Option<HeaderMap>) -> Progress {
        if self.fate.has_failed() {
            return Progress::Broken("the call failed before its end");
        }
        if self.fault.borrow().is_some() {
            return Progress::Broken("the body of its request broke off");
        }
        if self.missing.is_some_and(|missing| missing > 0) {
            return Progress::Broken("its body is shorter than its `content-length`");
        }
        let Some(mut trailers) = trailers else { return Progress::End };
        // What decides on framing, routing, who is asking or how the body is read comes before it or not at all (RFC 9110
        // section 6.5.1).
        for name in [
            AUTHORIZATION,
            CACHE_CONTROL,
            CONTENT_ENCODING,
            CONTENT_LENGTH,
            CONTENT_RANGE,
            CONTENT_TYPE,
            HOST,
            SET_COOKIE,
            TE,
            TRAILER,
            TRANSFER_ENCODING,
        ] {
            trailers.remove(name);
        }
        if check_fields(&trailers, &self.limits).is_err() {
            return Progress::Broken(
                "its trailers are over response_header_count_max or response_header_bytes_max",
            );
        }
        if trailers.is_empty() { Progress::End } else { Progress::Trailers(trailers) }
    }

    /// Takes it to its end, for nobody.
    pub(super) async fn discard(mut self) {
        while let Progress::Data(_) = poll_fn(|task| self.poll(task)).await {}
    }

    fn is_complete(&self) -> bool {
        self.gathered.is_empty() && (self.ended || self.missing == Some(0))
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        if let Some(call) = &self.call
            && !self.is_complete()
        {
            call.abort();
        }
    }
}

impl Body for Frames {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        if let Some(data) = self.gathered.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        Poll::Ready(match std::task::ready!(self.poll(task)) {
            Progress::Data(data) => Some(Ok(Frame::data(data))),
            Progress::Trailers(trailers) => Some(Ok(Frame::trailers(trailers))),
            Progress::End => None,
            Progress::Broken(why) => {
                if let Some((plugin, request)) = &self.who {
                    tracing::warn!(%plugin, %request, "the plugin's answer is cut off: {why}");
                }
                Some(Err(Broken))
            }
        })
    }

    fn size_hint(&self) -> SizeHint {
        let gathered = self.gathered.iter().map(|data| data.len() as u64).sum::<u64>();
        self.missing.map_or_else(SizeHint::default, |missing| SizeHint::with_exact(missing + gathered))
    }
}

/// A short body that has trailers.
pub(super) fn with_trailers(gathered: Vec<Bytes>, trailers: HeaderMap) -> Source {
    let data = gathered.into_iter().map(Frame::data);
    let frames = data.chain(std::iter::once(Frame::trailers(trailers))).map(Ok);
    Box::pin(http_body_util::StreamBody::new(futures_util::stream::iter(frames)))
}

/// The body of an answer that has none, and would have had one of a length that nobody knows.
pub(super) struct Unsent;

impl Body for Unsent {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        true
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
