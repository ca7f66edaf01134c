//! Answers, piece by piece.
//!
//! Owns the body of an answer while it is sent: on HTTP/2 every one, on HTTP/1.1 those that are made meanwhile. HTTP/2 flow control lets a peer stop one answer and keep the
//! connection busy with others, so progress has to be seen for each; handing over one piece at a time shows it.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::body::Rest;
use super::stall::{Stream, Watch};
use crate::exchange::{Broken, Payload, Source};
use crate::limits::HTTP2_FRAME_BYTES_MAX;

/// The body of an answer on one stream.
pub(super) struct Answer {
    payload: Payload,
    rest: Bytes,
    stream: Stream,
}

impl Answer {
    pub(super) fn new(payload: Payload, stream: Stream) -> Self {
        stream.progress();
        Self { payload, rest: Bytes::new(), stream }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        if self.rest.is_empty() {
            match Pin::new(&mut self.payload).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                Poll::Ready(end) => return Poll::Ready(end),
                Poll::Pending => {
                    // The peer would take more: it is we who have none.
                    self.stream.wait();
                    return Poll::Pending;
                }
            }
        }
        self.stream.progress();
        let length = self.rest.len().min(HTTP2_FRAME_BYTES_MAX as usize);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.payload.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = self.payload.size_hint();
        let rest = self.rest.len() as u64;
        match hint.exact() {
            Some(whole) => hint.set_exact(whole.saturating_add(rest)),
            None => hint.set_lower(hint.lower().saturating_add(rest)),
        }
        hint
    }
}

/// A streamed answer on HTTP/1.1. The request is not over before it is: until then the peer waits for us.
pub(super) struct Held {
    source: Source,
    watch: Arc<Watch>,
    /// The request's body, which may be read while the answer is sent.
    request: Option<Rc<Rest>>,
}

impl Held {
    pub(super) fn source(source: Source, watch: Arc<Watch>, request: Option<Rc<Rest>>) -> Source {
        Box::pin(Self { source, watch, request })
    }
}

impl Body for Held {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        self.source.as_mut().poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.source.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.source.size_hint()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.request.as_ref().is_some_and(|request| !request.was_taken()) {
            self.watch.leave_unread();
        }
        self.watch.end_request();
    }
}
