//! What passes between the layers: a request that has arrived, its body, an answer.
//!
//! Owns the seam between `server`, which knows bytes and connections, and `gateway`, which knows what is served. Neither names
//! the other's types.

use std::any::Any;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::request::Parts;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::failure::Failure;

/// An answer.
pub type Response = http::Response<Payload>;

/// The body of an answer.
#[derive(Debug)]
pub enum Payload {
    /// All of it.
    Whole(Bytes),
    /// What is made while it is sent.
    Streamed(Streamed),
}

impl Payload {
    /// No body.
    #[must_use]
    pub fn empty() -> Self {
        Self::Whole(Bytes::new())
    }
}

impl Default for Payload {
    fn default() -> Self {
        Self::empty()
    }
}

impl<B: Into<Bytes>> From<B> for Payload {
    fn from(whole: B) -> Self {
        Self::Whole(whole.into())
    }
}

/// A body that is made while it is sent. Dropping it tells whoever makes it that nobody reads any further.
pub struct Streamed {
    source: Source,
    bytes: u64,
    ended: bool,
    on_end: Option<OnEnd>,
}

/// Where the frames of a streamed body come from. It holds what has been made and not yet been taken, and bounds it.
pub type Source = Pin<Box<dyn http_body::Body<Data = Bytes, Error = Broken>>>;

/// Called with the bytes that were handed over, and whether they were all.
pub type OnEnd = Box<dyn FnOnce(u64, bool)>;

/// A streamed body that ended before its end: the connection has to say so, because the head is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer ended before its end")]
pub struct Broken;

impl Streamed {
    /// A body from its source.
    #[must_use]
    pub fn new(source: Source) -> Self {
        Self { source, bytes: 0, ended: false, on_end: None }
    }

    /// The same body with another source, which is made of this one's.
    #[must_use]
    pub fn map(mut self, change: impl FnOnce(Source) -> Source) -> Self {
        let none: Source = Box::pin(http_body_util::Empty::new().map_err(|never| match never {}));
        self.source = change(std::mem::replace(&mut self.source, none));
        self
    }

    /// What is to be done when the last of it has been handed over, or nobody reads any further.
    pub fn on_end(&mut self, done: OnEnd) {
        self.on_end = Some(done);
    }
}

impl std::fmt::Debug for Streamed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Streamed").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Drop for Streamed {
    fn drop(&mut self) {
        if let Some(done) = self.on_end.take() {
            done(self.bytes, self.ended || self.source.is_end_stream());
        }
    }
}

impl http_body::Body for Payload {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match &mut *self {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Streamed(streamed) => {
                let frame = std::task::ready!(streamed.source.as_mut().poll_frame(context));
                match &frame {
                    Some(Ok(frame)) => {
                        let length = frame.data_ref().map_or(0, Bytes::len) as u64;
                        streamed.bytes = streamed.bytes.saturating_add(length);
                        // Nobody may ask again after the last frame, or after trailers.
                        streamed.ended = frame.is_trailers() || streamed.source.is_end_stream();
                    }
                    Some(Err(Broken)) => {}
                    None => streamed.ended = true,
                }
                Poll::Ready(frame)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Streamed(streamed) => streamed.ended || streamed.source.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Streamed(streamed) => streamed.source.size_hint(),
        }
    }
}

/// A future of the worker's own thread.
pub type LocalFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// A request whose head is complete and well-formed by the rules of HTTP; nothing of its body has been read.
pub struct Arrival {
    /// Method, target, version and fields, as sent.
    pub head: Parts,
    /// The body, not yet read.
    pub body: Body,
    /// What the connection (HTTP/2: the stream) becomes after an answer that accepts an upgrade, when the request asks for one.
    pub upgrade: Option<Upgrade>,
    /// The other end of the connection.
    pub peer: SocketAddr,
    /// Whether the connection is encrypted.
    pub secure: bool,
    /// The worker's.
    pub lifetime: Rc<Lifetime>,
}

/// A connection that may leave HTTP.
pub struct Upgrade {
    pending: OnUpgrade,
    held: Option<Box<dyn Any>>,
}

impl Upgrade {
    /// `held` is kept for as long as what comes of it.
    #[must_use]
    pub fn new(pending: OnUpgrade, held: Option<Box<dyn Any>>) -> Self {
        Self { pending, held }
    }

    /// Waits until the answer that accepts the upgrade is out.
    ///
    /// # Errors
    /// When the connection broke before.
    pub async fn ready(self) -> Result<Upgraded, hyper::Error> {
        Ok(Upgraded { io: TokioIo::new(self.pending.await?), _held: self.held })
    }
}

/// A connection, or a stream of one, that has left HTTP.
pub struct Upgraded {
    io: TokioIo<hyper::upgrade::Upgraded>,
    _held: Option<Box<dyn Any>>,
}

impl AsyncRead for Upgraded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(task, buffer)
    }
}

impl AsyncWrite for Upgraded {
    fn poll_write(mut self: Pin<&mut Self>, task: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(task, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(task, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(task)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(task)
    }
}

/// What ends with the host, shared by all requests of a worker.
#[derive(Debug, Default)]
pub struct Lifetime {
    /// For tasks that outlive the exchange, so that draining waits for them. They run on the worker's own thread.
    pub tasks: TaskTracker,
    /// Cancelled when the host begins to drain.
    pub draining: CancellationToken,
}

/// Who answers what arrives. One for all workers.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request. Never fails: what goes wrong is an answer, too.
    fn handle(&self, arrival: Arrival) -> LocalFuture<'_, Response>;

    /// The answer to a request that the server itself refuses, in the form that callers of this host expect. There is no head when
    /// the bytes did not make one.
    fn refuse(&self, failure: &Failure, peer: SocketAddr, head: Option<&Parts>) -> Response;
}

/// A request body under its limits of size, pause and rate.
pub struct Body {
    reader: Box<dyn ReadBody>,
}

/// How the server hands over a body.
pub trait ReadBody {
    /// Reads the whole body. Fails as soon as it is known to be longer than `bytes_max`: before reading it, when its length
    /// was declared.
    fn read(&mut self, bytes_max: u64) -> LocalFuture<'_, Result<Bytes, Failure>>;

    /// The next piece of the body, data or trailers, as it comes; none at its end. Fails as [`ReadBody::read`] does. Only while
    /// it is waited for does the peer's time run: whoever takes the pieces may be slower than the peer.
    fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
        bytes_max: u64,
    ) -> Poll<Option<Result<Frame<Bytes>, Failure>>>;

    /// Whether there is no body at all, known without reading.
    fn is_absent(&self) -> bool;
}

/// No body. It has no size, so that boxing it allocates nothing.
struct Absent;

impl ReadBody for Absent {
    fn read(&mut self, _bytes_max: u64) -> LocalFuture<'_, Result<Bytes, Failure>> {
        Box::pin(std::future::ready(Ok(Bytes::new())))
    }

    fn poll_frame(
        &mut self,
        _context: &mut Context<'_>,
        _bytes_max: u64,
    ) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        Poll::Ready(None)
    }

    fn is_absent(&self) -> bool {
        true
    }
}

impl Body {
    /// No body at all.
    #[must_use]
    pub fn absent() -> Self {
        Self::new(Box::new(Absent))
    }

    /// A body that the server reads.
    #[must_use]
    pub fn new(reader: Box<dyn ReadBody>) -> Self {
        Self { reader }
    }

    /// Reads the whole body.
    ///
    /// # Errors
    /// [`Failure::BodyTooLarge`], [`Failure::BodyTimeout`], [`Failure::BodyBroken`].
    pub async fn read(&mut self, bytes_max: u64) -> Result<Bytes, Failure> {
        if self.reader.is_absent() {
            return Ok(Bytes::new());
        }
        self.reader.read(bytes_max).await
    }

    /// The next piece of the body, data or trailers; none at its end.
    ///
    /// # Errors
    /// As [`Body::read`]; nothing comes after one.
    pub async fn frame(&mut self, bytes_max: u64) -> Option<Result<Frame<Bytes>, Failure>> {
        std::future::poll_fn(|context| self.reader.poll_frame(context, bytes_max)).await
    }

    /// The next piece of the body, as [`Body::frame`], for a body that is made of this one.
    pub fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
        bytes_max: u64,
    ) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        self.reader.poll_frame(context, bytes_max)
    }

    /// Whether there is no body at all.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.reader.is_absent()
    }
}
