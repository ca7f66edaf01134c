//! One connection: which HTTP it speaks, and the requests on it.
//!
//! Owns the choice between HTTP/1.1 and HTTP/2, every setting of hyper, and what is added to an exchange on the way in and
//! out. A request is handled in the connection's own task; nothing is spawned for it (HTTP/2 streams are, as hyper demands).

use std::any::Any;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::BytesMut;
use futures_util::FutureExt as _;
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT};
use http::request::Parts;
use http::{HeaderValue, Method, Request, StatusCode};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::answer::{Answer, Held};
use super::body::{Pace, Reader, Rest};
use super::check;
use super::intake::Intake;
use super::stall::{Order, Stream, Watch};
use crate::exchange::{Arrival, Body, Handler, Lifetime, LocalFuture, Payload, Response, Upgrade};
use crate::failure::Failure;
use crate::limits::{HTTP1_BUFFER_BYTES_MAX, HTTP2_FRAME_BYTES_MAX, HTTP2_SEND_BUFFER_BYTES_MAX, HostLimits};

/// RFC 9113 section 3.4.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What all connections of a worker share. Counted without atomics, because a worker is one thread.
pub(super) struct Site {
    pub(super) handler: Arc<dyn Handler>,
    pub(super) limits: Arc<HostLimits>,
    pub(super) pace: Pace,
    pub(super) lifetime: Rc<Lifetime>,
    pub(super) http1: http1::Builder,
    pub(super) http2: http2::Builder<OnThisWorker>,
}

impl Site {
    pub(super) fn new(
        handler: Arc<dyn Handler>,
        limits: Arc<HostLimits>,
        draining: CancellationToken,
    ) -> Self {
        let tasks = TaskTracker::new();
        Self {
            pace: Pace::of(&limits),
            http1: http1(&limits),
            http2: http2(&limits, OnThisWorker(tasks.clone())),
            handler,
            limits,
            lifetime: Rc::new(Lifetime { tasks, draining }),
        }
    }
}

fn http1(limits: &HostLimits) -> http1::Builder {
    let header_bytes = usize::try_from(limits.header_bytes_max).unwrap_or(usize::MAX);
    let buffer_bytes = limits.header_bytes_max.max(HTTP1_BUFFER_BYTES_MAX);
    let mut builder = http1::Builder::new();
    builder
        .keep_alive(true)
        // So that hyper notices at once when a connection breaks. `intake` keeps from it the end that is only half of one.
        .half_close(false)
        .max_headers(usize::try_from(limits.header_count_max).unwrap_or(usize::MAX))
        .max_header_size(header_bytes)
        .max_buf_size(usize::try_from(buffer_bytes).unwrap_or(usize::MAX))
        // The sweep of `stall` bounds the head, without a timer per request.
        .header_read_timeout(None)
        .ignore_invalid_headers(false)
        .allow_multiple_spaces_in_request_line_delimiters(false)
        .auto_date_header(true)
        // With it, hyper 1.12 loses its own 400 to a request that follows another in one packet.
        .pipeline_flush(false);
    builder
}

fn http2(limits: &HostLimits, executor: OnThisWorker) -> http2::Builder<OnThisWorker> {
    let number = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
    let mut builder = http2::Builder::new(executor);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(number(limits.http2_streams_max))
        .initial_stream_window_size(number(limits.http2_stream_window_bytes))
        .initial_connection_window_size(number(limits.http2_connection_window_bytes))
        .adaptive_window(false)
        .max_frame_size(HTTP2_FRAME_BYTES_MAX)
        .max_header_list_size(number(limits.http2_header_list_bytes_max))
        .max_pending_accept_reset_streams(usize::try_from(limits.http2_pending_resets_max).ok())
        .max_local_error_reset_streams(usize::try_from(limits.http2_local_error_resets_max).ok())
        .keep_alive_interval(Duration::from_millis(limits.http2_ping_interval_ms))
        .keep_alive_timeout(Duration::from_millis(limits.http2_ping_timeout_ms))
        .max_send_buf_size(HTTP2_SEND_BUFFER_BYTES_MAX)
        // RFC 8441: WebSocket on a stream.
        .enable_connect_protocol()
        .auto_date_header(true);
    builder
}

/// Runs HTTP/2 streams on the connection's own thread.
#[derive(Debug, Clone)]
pub(super) struct OnThisWorker(TaskTracker);

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for OnThisWorker {
    fn execute(&self, future: F) {
        drop(self.0.spawn_local(future));
    }
}

/// One connection, as its requests see it.
struct Peer {
    site: Rc<Site>,
    address: SocketAddr,
    secure: bool,
    watch: Arc<Watch>,
}

/// Serves one connection to its end.
pub(super) async fn serve<S>(mut io: Intake<S>, watch: Arc<Watch>, site: Rc<Site>, address: SocketAddr)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let peer = Rc::new(Peer { site: Rc::clone(&site), address, secure: false, watch: Arc::clone(&watch) });
    let speaks_http2 = {
        let sniffed = pin!(sniff(&mut io));
        // A peer that has not shown what it speaks has no request that could be answered first.
        match follow(&watch, sniffed, |_| watch.order() < Order::Close).await {
            Some(Ok(Some(speaks_http2))) => speaks_http2,
            // Told to close before it said anything, or it has hung up.
            _ => return,
        }
    };
    if speaks_http2 {
        io.count();
    } else {
        io.follow(&site.limits);
        watch.answer_late_heads();
    }
    let ended = if speaks_http2 {
        watch.multiplex();
        let service = service_fn(|request| http2_exchange(Rc::clone(&peer), request));
        let connection = pin!(site.http2.serve_connection(TokioIo::new(io), service));
        let finish = |connection: Pin<&mut http2::Connection<_, _, _>>| {
            connection.graceful_shutdown();
            true
        };
        follow(&watch, connection, finish).await
    } else {
        let service = service_fn(|request| http1_exchange(Rc::clone(&peer), request));
        let connection = pin!(site.http1.serve_connection(TokioIo::new(io), service).with_upgrades());
        let finish = |connection: Pin<&mut http1::UpgradeableConnection<_, _>>| {
            // An idle connection may have a request on its way: it is closed by its next answer, or a little later. Of one
            // that has begun to arrive hyper would not wait for the end.
            if watch.order() >= Order::Close && !watch.is_in_head() {
                connection.graceful_shutdown();
            }
            true
        };
        follow(&watch, connection, finish).await
    };
    if let Some(Err(error)) = ended {
        tracing::debug!(peer = %address, %error, "connection ended");
    }
}

/// Runs a connection under the orders it is given: `obey` is called once for each order short of being cut, and says whether
/// the connection goes on. None when it does not.
async fn follow<F: Future>(
    watch: &Watch,
    mut connection: Pin<&mut F>,
    mut obey: impl FnMut(Pin<&mut F>) -> bool,
) -> Option<F::Output> {
    let mut obeyed = Order::GoOn;
    let mut known = false;
    poll_fn(|context| {
        if !known {
            known = true;
            watch.wakes(context.waker());
        }
        let polled = connection.as_mut().poll(context);
        if let Poll::Ready(output) = polled {
            return Poll::Ready(Some(output));
        }
        // The connection is polled first: what has already arrived is a request, not idleness.
        let order = watch.order();
        if order == obeyed {
            return Poll::Pending;
        }
        obeyed = order;
        if order == Order::Cut || !obey(connection.as_mut()) {
            return Poll::Ready(None);
        }
        connection.as_mut().poll(context).map(Some)
    })
    .await
}

/// Whether the peer speaks HTTP/2 with prior knowledge; none when it has hung up. Only the whole preface says so: what
/// merely begins like it goes to the HTTP/1.1 parser, which refuses its version.
async fn sniff<S>(io: &mut Intake<S>) -> std::io::Result<Option<bool>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    // The size of hyper's own first buffer: a head is one read.
    let mut buffer = BytesMut::new();
    loop {
        if buffer.is_empty() {
            // Nothing is allocated for a peer that says nothing.
            let mut first = [0; HTTP2_PREFACE.len()];
            let length = io.read(&mut first).await?;
            buffer.extend_from_slice(first.get(..length).unwrap_or_default());
        } else {
            let missing = HTTP2_PREFACE.len().saturating_sub(buffer.len());
            let mut limited = (&mut *io).take(missing as u64);
            if limited.read_buf(&mut buffer).await? == 0 {
                return Ok(None);
            }
        }
        if buffer.is_empty() {
            return Ok(None);
        }
        let speaks_http2 = if !HTTP2_PREFACE.starts_with(&buffer) {
            false
        } else if buffer.len() == HTTP2_PREFACE.len() {
            true
        } else {
            continue;
        };
        io.rewind(buffer);
        return Ok(Some(speaks_http2));
    }
}

/// One request and its answer. The future is what a connection holds while it is at work; an `async fn` would hold its arguments
/// twice.
fn http1_exchange(
    peer: Rc<Peer>,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response, Infallible>> {
    let number = peer.watch.begin_request();
    let is_head = request.method() == Method::HEAD;
    let expects = request.headers().contains_key(EXPECT);
    let rest = Rest::of(&request);
    let offer = request.extensions().get::<OnUpgrade>().cloned();
    async move {
        if let Some(failure) = peer.watch.refusal(number) {
            // The request is a stand-in for bytes that are none; what follows them is not looked at.
            peer.watch.leave_unread();
            let response = refuse(&peer, &failure, None);
            peer.watch.end_request();
            return Ok(response);
        }
        let mut response = answer(&peer, begin(&peer, request, rest.clone())).await;
        let mut closes = peer.watch.order() >= Order::Finish;
        if let Some(rest) = &rest
            && !rest.is_read(!expects).await
        {
            // The rest of the body would be taken for the next request.
            peer.watch.leave_unread();
            closes = true;
        }
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            peer.watch.upgrade();
            return Ok(response);
        }
        if closes {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            if let Some(offer) = offer {
                peer.site.lifetime.tasks.spawn_local(see_off(offer, Arc::clone(&peer.watch)));
            }
        }
        bare(&mut response, is_head);
        Ok(match response.body_mut() {
            Payload::Whole(_) => {
                peer.watch.end_request();
                response
            }
            Payload::Streamed(_) => response.map(|body| match body {
                Payload::Streamed(streamed) => Payload::Streamed(
                    streamed.map(|source| Held::source(source, Arc::clone(&peer.watch), rest)),
                ),
                whole => whole,
            }),
        })
    }
}

/// Closes a connection that was offered another protocol and stays with HTTP. hyper hands such a one over as if it had been
/// upgraded, and nobody is there to take it: without this it would be reset under a client that is still sending.
async fn see_off(offer: OnUpgrade, watch: Arc<Watch>) {
    if let Ok(upgraded) = offer.await {
        let mut io = TokioIo::new(upgraded);
        let shutdown = pin!(io.shutdown());
        // What goes wrong with a connection that is being closed is nobody's concern any more.
        let _ = follow(&watch, shutdown, |_| true).await;
    }
}

/// The same on a stream of HTTP/2.
fn http2_exchange(
    peer: Rc<Peer>,
    request: Request<Incoming>,
) -> impl Future<Output = Result<http::Response<Answer>, Infallible>> {
    let stream = Stream::begin(&peer.watch);
    let is_head = request.method() == Method::HEAD;
    let expects = request.headers().contains_key(EXPECT);
    let rest = Rest::of(&request);
    async move {
        let mut response = answer(&peer, begin(&peer, request, rest.clone())).await;
        // A client that waits for "100 Continue" sends nothing more.
        if let Some(discard) = rest.filter(|_| !expects).and_then(|rest| rest.discard()) {
            peer.site.lifetime.tasks.spawn_local(discard);
        }
        bare(&mut response, is_head);
        Ok(response.map(|body| Answer::new(body, stream)))
    }
}

/// Checks a request and hands it over, or refuses it. Does not panic.
fn begin(peer: &Peer, request: Request<Incoming>, rest: Option<Rc<Rest>>) -> LocalFuture<'_, Response> {
    let done = |response| Box::pin(std::future::ready(response));
    let site = &*peer.site;
    let (mut head, incoming) = request.into_parts();
    let checked = check::head(&head, &site.limits);
    let body = match rest {
        None => Body::absent(),
        Some(rest) => Body::new(Box::new(Reader::new(incoming, site.pace, rest))),
    };
    if let Err(failure) = checked {
        return done(refuse(peer, &failure, Some(&head)));
    }
    let upgrade = head.extensions.remove::<OnUpgrade>().map(|pending| {
        // The stream of an HTTP/2 connection that becomes something else is at work until that ends: the connection is not idle.
        let stream =
            peer.watch.is_multiplexed().then(|| Box::new(Stream::begin(&peer.watch)) as Box<dyn Any>);
        Upgrade::new(pending, stream)
    });
    let arrival = Arrival {
        head,
        body,
        upgrade,
        peer: peer.address,
        secure: peer.secure,
        lifetime: Rc::clone(&site.lifetime),
    };
    std::panic::catch_unwind(AssertUnwindSafe(|| site.handler.handle(arrival)))
        .unwrap_or_else(|_| done(panicked(peer)))
}

/// Waits for an answer. Does not fail and does not panic.
async fn answer(peer: &Peer, handling: LocalFuture<'_, Response>) -> Response {
    AssertUnwindSafe(handling).catch_unwind().await.unwrap_or_else(|_| panicked(peer))
}

/// The gateway has no business to panic; if it does, that is the misfortune of this request alone.
fn panicked(peer: &Peer) -> Response {
    tracing::error!("a request ended in a panic");
    refuse(peer, &Failure::Internal, None)
}

fn refuse(peer: &Peer, failure: &Failure, head: Option<&Parts>) -> Response {
    let mut response = peer.site.handler.refuse(failure, peer.address, head);
    // Whoever sends such a head, or CONNECT, may go on with what is not a request.
    if failure.closes_connection() || *failure == Failure::MethodUnknown {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Takes the body from an answer that must not have one, and keeps what is said about it (RFC 9110 sections 6.4.1 and 9.3.2).
fn bare(response: &mut Response, is_head: bool) {
    let status = response.status();
    if status == StatusCode::NO_CONTENT || status.is_informational() {
        response.headers_mut().remove(CONTENT_LENGTH);
    } else if is_head {
        // Of a body that is still to be made nobody knows.
        if let Some(length) = response.body().size_hint().exact() {
            response.headers_mut().entry(CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(length));
        }
    } else if status != StatusCode::NOT_MODIFIED {
        return;
    }
    *response.body_mut() = Payload::empty();
}
