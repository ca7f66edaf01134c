//! Request bodies, under their limits.
//!
//! Owns the reading of a body: its size, its pauses, its mean rate, and what becomes of one that nobody read. A body that
//! came with its head is handed on as it lies in the buffer; a timer exists only while one is waited for.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::Request;
use http_body::{Body as _, Frame};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::exchange::{LocalFuture, ReadBody};
use crate::failure::Failure;
use crate::limits::{
    BODY_DISCARD_BYTES_MAX, BODY_RATE_GRACE_MS, BODY_RESERVE_BYTES_MAX, HostLimits, LINGER_BYTES_MAX,
    LINGER_MS_MAX,
};

/// How slow a body may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    idle: Duration,
    rate_bytes_per_s_min: u64,
}

impl Pace {
    pub(super) fn of(limits: &HostLimits) -> Self {
        Self {
            idle: Duration::from_millis(limits.body_idle_ms_max),
            rate_bytes_per_s_min: limits.body_rate_bytes_per_s_min,
        }
    }

    fn is_too_slow(self, bytes: u64, elapsed: Duration) -> bool {
        let elapsed_ms = elapsed.as_millis();
        elapsed_ms > u128::from(BODY_RATE_GRACE_MS)
            && u128::from(bytes).saturating_mul(1_000)
                < u128::from(self.rate_bytes_per_s_min).saturating_mul(elapsed_ms)
    }
}

/// What the handler left of a body.
#[derive(Default)]
pub(super) struct Rest {
    left: Cell<Option<Left>>,
    /// Whether it was read to its end.
    taken: Cell<bool>,
}

/// A body that was not read, or not to its end.
struct Left {
    incoming: Incoming,
    /// Its reading failed: whatever comes next on an HTTP/1.1 connection is not a request.
    spoilt: bool,
}

impl Rest {
    /// For a request's body; none if there is no body.
    pub(super) fn of(request: &Request<Incoming>) -> Option<Rc<Self>> {
        if request.body().is_end_stream() { None } else { Some(Rc::default()) }
    }

    /// Whether the body has been read to its end. While an answer is streamed it may still be on its way.
    pub(super) fn was_taken(&self) -> bool {
        self.taken.get()
    }

    /// Whether the connection is at the end of the request. Takes in what has arrived of a body that nobody wanted, up to a
    /// bound, so that a small one does not cost its connection.
    pub(super) async fn is_read(&self, may_poll: bool) -> bool {
        let Some(Left { mut incoming, spoilt }) = self.left.take() else { return true };
        if spoilt || !may_poll || incoming.size_hint().lower() > BODY_DISCARD_BYTES_MAX {
            return false;
        }
        let mut bytes: u64 = 0;
        let mut waited = false;
        poll_fn(|context| {
            loop {
                match Pin::new(&mut incoming).poll_frame(context) {
                    Poll::Ready(None) => return Poll::Ready(true),
                    Poll::Ready(Some(Err(_))) => return Poll::Ready(false),
                    Poll::Ready(Some(Ok(frame))) => {
                        waited = false;
                        let length = frame.data_ref().map_or(0, Bytes::len) as u64;
                        bytes = bytes.saturating_add(length);
                        if bytes > BODY_DISCARD_BYTES_MAX {
                            return Poll::Ready(false);
                        }
                    }
                    // The connection reads on only when asked for more, in this same task, and so after this poll.
                    Poll::Pending if !waited => {
                        waited = true;
                        context.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    Poll::Pending => return Poll::Ready(incoming.is_end_stream()),
                }
            }
        })
        .await
    }

    /// Takes in what still comes of a body that nobody wanted, up to the bounds of [`LINGER_BYTES_MAX`] and [`LINGER_MS_MAX`],
    /// on HTTP/2 and behind the answer; none when there is nothing to take in. To let go of a stream resets it, which RFC 9113
    /// section 8.1 allows behind a whole answer, and which clients that are still sending take for a failure all the same.
    pub(super) fn discard(&self) -> Option<impl Future<Output = ()> + use<>> {
        let Left { mut incoming, .. } = self.left.take()?;
        if incoming.size_hint().lower() > LINGER_BYTES_MAX {
            return None;
        }
        let mut bytes: u64 = 0;
        let all = async move {
            while let Some(Ok(frame)) = poll_fn(|context| Pin::new(&mut incoming).poll_frame(context)).await {
                bytes = bytes.saturating_add(frame.data_ref().map_or(0, Bytes::len) as u64);
                if bytes > LINGER_BYTES_MAX {
                    return;
                }
            }
        };
        Some(async move {
            // Out of time, the stream is reset after all.
            let _ = tokio::time::timeout(Duration::from_millis(LINGER_MS_MAX), all).await;
        })
    }
}

/// Reads a body that hyper delivers.
pub(super) struct Reader {
    incoming: Option<Incoming>,
    pace: Pace,
    /// Where the rest goes.
    rest: Rc<Rest>,
    failed: bool,
    /// For a body that is read piece by piece.
    received: u64,
    patience: Option<Pin<Box<Patience>>>,
}

impl Reader {
    pub(super) fn new(incoming: Incoming, pace: Pace, rest: Rc<Rest>) -> Self {
        Self { incoming: Some(incoming), pace, rest, failed: false, received: 0, patience: None }
    }

    async fn read_whole(&mut self, bytes_max: u64) -> Result<Bytes, Failure> {
        let Some(incoming) = &mut self.incoming else { return Ok(Bytes::new()) };
        // Not polled yet, so that a client that waits for "100 Continue" gets the refusal instead.
        let declared = incoming.size_hint().lower();
        if declared > bytes_max {
            return Err(Failure::BodyTooLarge);
        }
        let mut patience = pin!(Patience::new(self.pace));
        let mut first = Bytes::new();
        let mut whole = BytesMut::new();
        let mut received: u64 = 0;
        loop {
            let frame = poll_fn(|context| match Pin::new(&mut *incoming).poll_frame(context) {
                Poll::Ready(frame) => Poll::Ready(Ok(frame)),
                Poll::Pending => patience.as_mut().poll_timeout(context).map(|()| Err(Failure::BodyTimeout)),
            });
            let data = match frame.await? {
                None => break,
                Some(Err(_)) => return Err(Failure::BodyBroken),
                // Trailers are read past: a field in them must not pass for one of the head (RFC 9110 section 6.5.1).
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => data,
                    Err(_) => continue,
                },
            };
            received = received.saturating_add(data.len() as u64);
            if received > bytes_max {
                return Err(Failure::BodyTooLarge);
            }
            patience.as_mut().progress(received)?;
            if received == data.len() as u64 {
                first = data;
                if incoming.is_end_stream() {
                    break;
                }
                continue;
            }
            if whole.is_empty() {
                let reserve = declared.min(BODY_RESERVE_BYTES_MAX).max(received);
                whole.reserve(usize::try_from(reserve).unwrap_or(0));
                whole.extend_from_slice(&std::mem::take(&mut first));
            }
            whole.extend_from_slice(&data);
        }
        Ok(if whole.is_empty() { first } else { whole.freeze() })
    }
}

impl Reader {
    fn finish(&mut self) {
        self.incoming = None;
        self.rest.taken.set(true);
    }

    fn poll_piece(
        &mut self,
        context: &mut Context<'_>,
        bytes_max: u64,
    ) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        if self.failed {
            return Poll::Ready(None);
        }
        let Some(incoming) = &mut self.incoming else { return Poll::Ready(None) };
        if incoming.size_hint().lower().saturating_add(self.received) > bytes_max {
            return Poll::Ready(Some(Err(Failure::BodyTooLarge)));
        }
        let patience = self.patience.get_or_insert_with(|| Box::pin(Patience::new(self.pace)));
        let frame = match Pin::new(incoming).poll_frame(context) {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                return patience.as_mut().poll_timeout(context).map(|()| Some(Err(Failure::BodyTimeout)));
            }
        };
        let frame = match frame {
            None => return Poll::Ready(None),
            Some(Err(_)) => return Poll::Ready(Some(Err(Failure::BodyBroken))),
            Some(Ok(frame)) => frame,
        };
        self.received = self.received.saturating_add(frame.data_ref().map_or(0, Bytes::len) as u64);
        if self.received > bytes_max {
            return Poll::Ready(Some(Err(Failure::BodyTooLarge)));
        }
        let on_time = patience.as_mut().progress(self.received);
        patience.as_mut().pause();
        Poll::Ready(Some(on_time.map(|()| frame)))
    }
}

impl ReadBody for Reader {
    fn read(&mut self, bytes_max: u64) -> LocalFuture<'_, Result<Bytes, Failure>> {
        Box::pin(async move {
            let read = self.read_whole(bytes_max).await;
            match read {
                Ok(_) => self.finish(),
                // The declared length alone says nothing of what follows; anything else does.
                Err(_) => self.failed = true,
            }
            read
        })
    }

    fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
        bytes_max: u64,
    ) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        let frame = std::task::ready!(self.poll_piece(context, bytes_max));
        match &frame {
            None => self.finish(),
            Some(Err(_)) => self.failed = true,
            Some(Ok(_)) if self.incoming.as_ref().is_some_and(Incoming::is_end_stream) => self.finish(),
            Some(Ok(_)) => {}
        }
        Poll::Ready(frame)
    }

    fn is_absent(&self) -> bool {
        self.incoming.as_ref().is_none_or(Incoming::is_end_stream)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some(incoming) = self.incoming.take()
            && (self.failed || !incoming.is_end_stream())
        {
            self.rest.left.set(Some(Left { incoming, spoilt: self.failed }));
        }
    }
}

/// How long a body has been waited for. Nothing is measured until it has to be waited for at all.
struct Patience {
    pace: Pace,
    waiting: Option<Waiting>,
    /// Since when nobody has asked for more.
    paused: Option<Instant>,
}

struct Waiting {
    began: Instant,
    last: Instant,
    /// Set again only when it fires: a timer that is moved at every piece costs more than one that looks again.
    timer: Pin<Box<Sleep>>,
}

impl Patience {
    fn new(pace: Pace) -> Self {
        Self { pace, waiting: None, paused: None }
    }

    fn poll_timeout(mut self: Pin<&mut Self>, context: &mut std::task::Context<'_>) -> Poll<()> {
        let idle = self.pace.idle;
        let paused = self.paused.take();
        let waiting = self.waiting.get_or_insert_with(|| {
            let now = Instant::now();
            Waiting { began: now, last: now, timer: Box::pin(sleep_until(now + idle)) }
        });
        if let Some(paused) = paused {
            let now = Instant::now();
            waiting.began += now.duration_since(paused);
            waiting.last = now;
        }
        while waiting.timer.as_mut().poll(context).is_ready() {
            let deadline = waiting.last + idle;
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
            waiting.timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }

    /// Whoever reads has enough for now: the time until it asks again is not the peer's.
    fn pause(mut self: Pin<&mut Self>) {
        if self.waiting.is_some() {
            self.paused = Some(Instant::now());
        }
    }

    fn progress(mut self: Pin<&mut Self>, received: u64) -> Result<(), Failure> {
        let pace = self.pace;
        let Some(waiting) = &mut self.waiting else { return Ok(()) };
        waiting.last = Instant::now();
        if pace.is_too_slow(received, waiting.last.duration_since(waiting.began)) {
            return Err(Failure::BodyTimeout);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_too_slow_only_after_its_first_seconds_and_only_below_its_rate() {
        let pace = Pace { idle: Duration::from_secs(10), rate_bytes_per_s_min: 1_000 };
        let check = |bytes: u64, elapsed_ms: u64, is_too_slow: bool| {
            let elapsed = Duration::from_millis(elapsed_ms);
            assert_eq!(pace.is_too_slow(bytes, elapsed), is_too_slow, "{bytes} bytes in {elapsed_ms} ms");
        };
        check(0, 0, false);
        check(0, BODY_RATE_GRACE_MS, false);
        check(5_000, BODY_RATE_GRACE_MS + 1, true);
        check(5_001, BODY_RATE_GRACE_MS + 1, false);
        check(10_000, 10_000, false);
        check(9_999, 10_000, true);
        check(u64::MAX, u64::MAX, false);
    }
}
