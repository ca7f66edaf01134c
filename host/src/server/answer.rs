//! Answers on HTTP/2, piece by piece.
//!
//! Owns the body of an answer while its stream takes it. HTTP/2 flow control lets a peer stop one answer and keep the
//! connection busy with others, so progress has to be seen for each; handing over one piece at a time shows it.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;

use super::stall::Stream;
use crate::limits::HTTP2_FRAME_BYTES_MAX;

/// The body of an answer on one stream.
pub(super) struct Answer {
    whole: Full<Bytes>,
    rest: Bytes,
    stream: Stream,
}

impl Answer {
    pub(super) fn new(whole: Full<Bytes>, stream: Stream) -> Self {
        stream.progress();
        Self { whole, rest: Bytes::new(), stream }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.rest.is_empty() {
            match std::task::ready!(Pin::new(&mut self.whole).poll_frame(context)) {
                Some(Ok(frame)) => self.rest = frame.into_data().unwrap_or_default(),
                Some(Err(never)) => match never {},
                None => return Poll::Ready(None),
            }
        }
        self.stream.progress();
        let length = self.rest.len().min(HTTP2_FRAME_BYTES_MAX as usize);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.whole.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let whole = self.whole.size_hint().exact().unwrap_or(0);
        SizeHint::with_exact(whole.saturating_add(self.rest.len() as u64))
    }
}
