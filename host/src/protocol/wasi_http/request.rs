//! A request, as a component sees it, and its body on the way there.
//!
//! The body is read where its connection is, and the component may run on another thread, so that one piece at a time goes
//! through a channel. Nothing is read before the component asks for it: a client that waits for "100 Continue" then gets the
//! component's own decision, and a component that never reads costs its client nothing.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST};
use http::request::Parts;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderName, HeaderValue, Uri};
use http_body::Frame;
use tokio::sync::{mpsc, oneshot};

use super::Fault;
use crate::capability::http::RequestError;
use crate::exchange::Body;
use crate::failure::Failure;
use crate::plugin::Exchange;
use crate::plugin::manifest::SeenPath;

/// Where a component is mounted, for those that write absolute links. The name is the one that proxies use which cut a prefix off.
const X_FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

/// The head that the component sees.
pub(super) fn head(exchange: &Exchange) -> Result<Parts, Failure> {
    let mut head = Parts::clone(&exchange.head);
    let mount = &exchange.plugin.mount;
    let below = match exchange.plugin.manifest.wasi_http.path {
        SeenPath::BelowMount => exchange.path.clone(),
        // Not as it was sent, but as it was routed and authorised by.
        SeenPath::Whole if exchange.path == "/" && !head.uri.path().ends_with('/') => mount.to_string(),
        SeenPath::Whole => format!("{mount}{}", exchange.path),
    };
    let seen = match head.uri.query() {
        Some(query) => format!("{below}?{query}"),
        None => below,
    };
    let seen = PathAndQuery::try_from(seen)
        .map_err(|_| Failure::BadRequest("The request target is not a path and a query."))?;
    // A request of HTTP/1.0 may have none.
    let authority = match head.uri.authority() {
        Some(authority) => authority.clone(),
        None => head
            .headers
            .get(HOST)
            .and_then(|host| Authority::try_from(host.as_bytes()).ok())
            .unwrap_or_else(|| Authority::from_static("localhost")),
    };
    let scheme = if exchange.secure { Scheme::HTTPS } else { Scheme::HTTP };
    head.uri = Uri::builder()
        .scheme(scheme)
        .authority(authority)
        .path_and_query(seen)
        .build()
        .map_err(|_| Failure::BadRequest("The request target is not a path and a query."))?;
    // Nobody but the host says where the component is.
    head.headers.remove(X_FORWARDED_PREFIX);
    if !mount.is_empty()
        && let Ok(mount) = HeaderValue::try_from(&**mount)
    {
        head.headers.insert(X_FORWARDED_PREFIX, mount);
    }
    Ok(head)
}

/// The two ends of a request's body.
pub(super) fn body(body: Body, head: &Parts, bytes_max: u64) -> Result<(Reader, Pump), Failure> {
    let declared = head.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if declared.and_then(|value| value.parse().ok()).is_some_and(|length: u64| length > bytes_max) {
        return Err(Failure::BodyTooLarge);
    }
    let absent = body.is_absent();
    let (sender, pieces) = mpsc::channel(1);
    let (want, wanted) = oneshot::channel();
    let reader = Reader { pieces, want: Some(want), ended: absent };
    Ok((reader, Pump { body, pieces: sender, wanted, bytes_max }))
}

enum Piece {
    Frame(Frame<Bytes>),
    Failed(RequestError),
    End,
}

/// The component's end.
pub(super) struct Reader {
    pieces: mpsc::Receiver<Piece>,
    want: Option<oneshot::Sender<()>>,
    ended: bool,
}

impl http_body::Body for Reader {
    type Data = Bytes;
    type Error = RequestError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, RequestError>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if let Some(want) = self.want.take() {
            // If the other end is gone, so is the channel.
            let _: Result<(), ()> = want.send(());
        }
        let piece = std::task::ready!(self.pieces.poll_recv(context));
        Poll::Ready(match piece {
            Some(Piece::Frame(frame)) => Some(Ok(frame)),
            Some(Piece::End) => {
                self.ended = true;
                None
            }
            Some(Piece::Failed(error)) => {
                self.ended = true;
                Some(Err(error))
            }
            None => {
                self.ended = true;
                Some(Err(RequestError::ConnectionTerminated))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}

/// The connection's end.
pub(super) struct Pump {
    body: Body,
    pieces: mpsc::Sender<Piece>,
    wanted: oneshot::Receiver<()>,
    bytes_max: u64,
}

impl Pump {
    /// Reads the body for as long as the component wants it.
    pub(super) async fn run(self, fault: Fault) {
        let Self { mut body, pieces, wanted, bytes_max } = self;
        if wanted.await.is_err() {
            return;
        }
        loop {
            // Room first: what the component does not take is not read.
            let Ok(room) = pieces.reserve().await else { return };
            let frame = tokio::select! {
                biased;
                frame = body.frame(bytes_max) => frame,
                () = pieces.closed() => return,
            };
            match frame {
                Some(Ok(frame)) => room.send(Piece::Frame(frame)),
                None => {
                    room.send(Piece::End);
                    return;
                }
                Some(Err(failure)) => {
                    let error = match &failure {
                        Failure::BodyTooLarge => RequestError::HttpRequestBodySize(None),
                        Failure::BodyTimeout => RequestError::ConnectionReadTimeout,
                        _ => RequestError::ConnectionTerminated,
                    };
                    // Before the component hears of it, which may answer at once.
                    *fault.borrow_mut() = Some(failure);
                    room.send(Piece::Failed(error));
                    return;
                }
            }
        }
    }
}
