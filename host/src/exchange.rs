//! What passes between the layers: a request that has arrived, its body, an answer.
//!
//! Owns the seam between `server`, which knows bytes and connections, and `gateway`, which knows what is served. Neither names
//! the other's types.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;

use bytes::Bytes;
use http::request::Parts;
use http_body_util::Full;
use hyper::upgrade::OnUpgrade;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::failure::Failure;

/// An answer, whole.
pub type Response = http::Response<Full<Bytes>>;

/// A future of the worker's own thread.
pub type LocalFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// A request whose head is complete and well-formed by the rules of HTTP; nothing of its body has been read.
pub struct Arrival {
    /// Method, target, version and fields, as sent.
    pub head: Parts,
    /// The body, not yet read.
    pub body: Body,
    /// The connection after a 101 (HTTP/1.1 only), when the request asks for an upgrade.
    pub upgrade: Option<OnUpgrade>,
    /// The other end of the connection.
    pub peer: SocketAddr,
    /// Whether the connection is encrypted.
    pub secure: bool,
    /// The worker's.
    pub lifetime: Rc<Lifetime>,
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

    /// The answer to a head that the server itself refuses, in the form that callers of this host expect.
    fn refuse(&self, failure: &Failure) -> Response;
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

    /// Whether there is no body at all, known without reading.
    fn is_absent(&self) -> bool;
}

impl Body {
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

    /// Whether there is no body at all.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.reader.is_absent()
    }
}
