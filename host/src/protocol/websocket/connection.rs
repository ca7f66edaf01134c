//! One open connection: its socket, its state, what waits to be sent on it.
//!
//! Owns the order of events. A message is read only when the one before has been answered, so a client that sends faster than
//! its plugin answers fills its own socket and nothing of ours; meanwhile what others publish goes on being sent. One task, one
//! timer and two small buffers a connection: ten thousand idle ones are cheap.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::{Sink as _, Stream as _};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::time::Sleep;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error as SocketError};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message as Frame, Role, WebSocketConfig};
use tokio_util::sync::CancellationToken;

use super::actions::{self, Invalid};
use super::{Action, Message, WebSocketEndpoint, failure_of};
use crate::capability::CallContext;
use crate::capability::rooms::{Message as Outgoing, Outbox, Overflowed, Rooms};
use crate::failure::Failure;
use crate::limits::{PluginLimits, WEBSOCKET_READ_BUFFER_BYTES};
use crate::plugin::Plugin;
use crate::plugin::catalog::Catalog;
use crate::sandbox::program::Answer;

type Socket = WebSocketStream<TokioIo<Upgraded>>;
type Call = Pin<Box<dyn Future<Output = Result<Called, Failure>>>>;

/// How long the peer may take to answer our close frame.
const CLOSE_WAIT: Duration = Duration::from_secs(5);
/// The peer closed without a code, or vanished (RFC 6455, section 7.4.1). Never sent.
const NO_CODE: u16 = 1005;
const ABNORMAL: u16 = 1006;

/// What a handler answered, and the limits of the version that answered.
struct Called {
    answer: Answer<(Vec<Action>,)>,
    limits: Arc<PluginLimits>,
}

pub(super) struct Connection {
    pub(super) number: u64,
    pub(super) outbox: Arc<Outbox>,
    pub(super) rooms: Arc<Rooms>,
    pub(super) context: CallContext,
    pub(super) catalog: Arc<Catalog>,
    /// The name under which the live version is found.
    pub(super) plugin: Arc<str>,
    pub(super) draining: CancellationToken,
    /// Those of the version that accepted the connection; they hold for the socket to its end.
    pub(super) limits: Arc<PluginLimits>,
    pub(super) state: Vec<u8>,
    /// To be sent when the outbox is empty.
    pub(super) close: Option<CloseFrame>,
}

/// What happens next on a connection.
enum Event {
    Incoming(Option<Result<Frame, SocketError>>),
    Answered(Result<Called, Failure>),
    Overflowed,
    CloseSent,
    Timer,
    Draining,
}

impl Connection {
    /// Carries out what a handler answered.
    pub(super) fn carry_out(&mut self, actions: Vec<Action>, limits: &PluginLimits) -> Result<(), Invalid> {
        let remaining = actions::carry_out(actions, self.number, &self.outbox, &self.rooms, limits)?;
        if let Some(state) = remaining.state {
            self.state = state;
        }
        if remaining.close.is_some() {
            self.close = remaining.close;
        }
        Ok(())
    }

    /// Serves the connection to its end, and tells the plugin of it.
    pub(super) async fn run(mut self, upgrade: OnUpgrade) {
        let code = match upgrade.await {
            Ok(upgraded) => self.serve(upgraded).await,
            Err(_) => ABNORMAL,
        };
        self.rooms.unregister(self.number);
        let state = std::mem::take(&mut self.state);
        let number = self.number;
        let call = self.call(move |endpoint, context| {
            Box::pin(async move {
                endpoint.program.call(&endpoint.on_close, (number, state, code), context).await
            })
        });
        // The plugin may be gone, or fail: nobody is left to be told, and the cause is in the log.
        if let Ok(called) = call.await
            && let Err(invalid) = self.carry_out(called.answer.value.0, &called.limits)
        {
            self.log(&invalid);
        }
    }

    /// Gives the code the connection ended with.
    async fn serve(&mut self, upgraded: Upgraded) -> u16 {
        let config = self.config();
        let mut socket =
            WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
        let idle = Duration::from_millis(self.limits.websocket_idle_ms_max);
        let mut timer = pin!(tokio::time::sleep(idle / 2));
        let draining = self.draining.clone();
        let mut drained = pin!(draining.cancelled());
        let outbox = Arc::clone(&self.outbox);
        // Kept over the turns of the loop: a future that is dropped is not woken.
        let mut waiting = pin!(outbox.next());
        let mut writing = Writing::default();
        let mut call: Option<Call> = None;
        let mut heard = Instant::now();
        let mut ended = ABNORMAL;
        let mut drains = true;
        loop {
            let event = std::future::poll_fn(|task| {
                if let Some(running) = &mut call
                    && let Poll::Ready(result) = running.as_mut().poll(task)
                {
                    return Poll::Ready(Event::Answered(result));
                }
                while let Poll::Ready(sent) =
                    writing.poll_next(&mut socket, waiting.as_mut(), &mut self.close, task)
                {
                    waiting.set(outbox.next());
                    if let Some(event) = sent {
                        return Poll::Ready(event);
                    }
                }
                if let Poll::Ready(event) = writing.poll_socket(&mut socket, call.is_none(), task) {
                    return Poll::Ready(event);
                }
                if drains && drained.as_mut().poll(task).is_ready() {
                    return Poll::Ready(Event::Draining);
                }
                timer.as_mut().poll(task).map(|()| Event::Timer)
            })
            .await;
            match event {
                Event::Incoming(Some(Ok(frame))) => {
                    heard = Instant::now();
                    match frame {
                        Frame::Close(frame) => {
                            ended = frame.map_or(NO_CODE, |frame| frame.code.into());
                            // tungstenite has queued the answer and goes on reading until it is sent.
                            writing.closing = true;
                            reset(timer.as_mut(), CLOSE_WAIT);
                        }
                        Frame::Text(text) if !writing.closing => {
                            call = Some(self.on_message(Message::Text(text.as_str().to_owned())));
                        }
                        Frame::Binary(bytes) if !writing.closing => {
                            call = Some(self.on_message(Message::Binary(bytes.into())));
                        }
                        _ => {}
                    }
                }
                Event::Incoming(Some(Err(error))) => match refusal(&error) {
                    Some(frame) if !writing.closing => {
                        ended = frame.code.into();
                        writing.close_now(&mut socket, frame);
                        // What the peer still sends is not read any more: it broke the protocol.
                        writing.finish(&mut socket, CLOSE_WAIT).await;
                        return ended;
                    }
                    _ => return ended,
                },
                Event::Incoming(None) => return ended,
                Event::Answered(result) => {
                    call = None;
                    if let Some(frame) = self.answered(result) {
                        self.close = Some(frame);
                    }
                }
                Event::Overflowed => {
                    ended = CloseCode::Again.into();
                    writing.close_now(&mut socket, frame(CloseCode::Again, "too slow"));
                    writing.finish(&mut socket, CLOSE_WAIT).await;
                    return ended;
                }
                Event::CloseSent => reset(timer.as_mut(), CLOSE_WAIT),
                Event::Draining => {
                    drains = false;
                    self.close.get_or_insert_with(|| frame(CloseCode::Away, "the host is shutting down"));
                }
                Event::Timer => {
                    // While the plugin works nothing is read, so nothing can be heard.
                    if writing.closing || (call.is_none() && heard.elapsed() >= idle) {
                        return ended;
                    }
                    writing.ping(&mut socket);
                    reset(timer.as_mut(), idle / 2);
                }
            }
        }
    }

    fn config(&self) -> WebSocketConfig {
        let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        let limits = &self.limits;
        WebSocketConfig::default()
            .read_buffer_size(WEBSOCKET_READ_BUFFER_BYTES)
            // Each message goes to the socket at once; the outbox is the buffer.
            .write_buffer_size(0)
            // One message and control frames: a further message waits in the outbox.
            .max_write_buffer_size(size(
                limits.response_bytes_max.saturating_add(limits.websocket_write_buffer_bytes_max),
            ))
            .max_message_size(Some(size(limits.websocket_message_bytes_max)))
            .max_frame_size(Some(size(
                limits.websocket_frame_bytes_max.min(limits.websocket_message_bytes_max),
            )))
            .accept_unmasked_frames(false)
    }

    fn on_message(&self, message: Message) -> Call {
        let (number, state) = (self.number, self.state.clone());
        self.call(move |endpoint, context| {
            Box::pin(async move {
                endpoint.program.call(&endpoint.on_message, (number, state, message), context).await
            })
        })
    }

    /// Carries out an answer, or says with which frame the connection ends.
    fn answered(&mut self, result: Result<Called, Failure>) -> Option<CloseFrame> {
        match result {
            Ok(Called { answer, limits }) => {
                let done = self.carry_out(answer.value.0, &limits);
                // Only now may the next call that asks who is there go on.
                drop(answer.turn);
                match done {
                    Ok(()) => None,
                    Err(invalid) => {
                        self.log(&invalid);
                        Some(frame(CloseCode::Error, Failure::PluginAnswerInvalid.public()))
                    }
                }
            }
            Err(failure @ Failure::Overloaded) => Some(frame(CloseCode::Again, failure.public())),
            Err(failure @ Failure::NotFound) => Some(frame(CloseCode::Away, failure.public())),
            Err(failure) => Some(frame(CloseCode::Error, failure.public())),
        }
    }

    /// Calls the live version of the plugin, whichever that is at this moment.
    fn call<F>(&self, call: F) -> Call
    where
        F: FnOnce(
                Arc<WebSocketEndpoint>,
                CallContext,
            ) -> Pin<
                Box<dyn Future<Output = Result<Answer<(Vec<Action>,)>, crate::sandbox::CallFailure>>>,
            > + 'static,
    {
        let live = self.catalog.live(&self.plugin);
        let context = CallContext { started: Instant::now(), ..self.context.clone() };
        Box::pin(async move {
            let endpoint = live.as_deref().and_then(endpoint_of).ok_or(Failure::NotFound)?;
            let answer = call(Arc::clone(&endpoint), context.clone())
                .await
                .map_err(|failure| failure_of(&failure, &endpoint.program, &context))?;
            Ok(Called { answer, limits: endpoint.program.limits_shared() })
        })
    }

    fn log(&self, invalid: &Invalid) {
        tracing::warn!(
            plugin = %self.plugin, request = %self.context.request_id,
            "the plugin's actions cannot be carried out: {invalid}"
        );
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.rooms.unregister(self.number);
    }
}

/// A plugin's WebSocket endpoint, in whatever version.
fn endpoint_of(plugin: &Plugin) -> Option<Arc<WebSocketEndpoint>> {
    plugin.endpoints.iter().find_map(|endpoint| Arc::clone(endpoint).as_any_arc().downcast().ok())
}

/// The way out: what has been handed to the socket and not yet been taken by the peer.
#[derive(Default)]
struct Writing {
    /// A close frame has been sent or received: nothing more is sent.
    closing: bool,
    unflushed: bool,
}

impl Writing {
    /// Hands the next message to the socket once the one before is out. Ready when `waiting` has been used up; with what
    /// happened, if that is more than a message handed over.
    fn poll_next(
        &mut self,
        socket: &mut Socket,
        waiting: Pin<&mut impl Future<Output = Result<Outgoing, Overflowed>>>,
        close: &mut Option<CloseFrame>,
        task: &mut Context<'_>,
    ) -> Poll<Option<Event>> {
        if self.closing {
            return Poll::Pending;
        }
        match Pin::new(&mut *socket).poll_ready(task) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => return Poll::Ready(Some(Event::Incoming(Some(Err(error))))),
            Poll::Pending => return Poll::Pending,
        }
        let message = match waiting.poll(task) {
            Poll::Ready(Ok(Outgoing::Text(text))) => Frame::Text(text),
            Poll::Ready(Ok(Outgoing::Binary(bytes))) => Frame::Binary(bytes),
            Poll::Ready(Err(Overflowed)) => return Poll::Ready(Some(Event::Overflowed)),
            Poll::Pending => {
                let Some(frame) = close.take() else { return Poll::Pending };
                self.close_now(socket, frame);
                return Poll::Ready(Some(Event::CloseSent));
            }
        };
        self.unflushed = true;
        let sent = Pin::new(socket).start_send(message);
        Poll::Ready(sent.err().map(|error| Event::Incoming(Some(Err(error)))))
    }

    /// Gets out what was handed over, and reads, if `reads`. Never waits for one before it does the other.
    fn poll_socket(&mut self, socket: &mut Socket, reads: bool, task: &mut Context<'_>) -> Poll<Event> {
        if self.unflushed {
            match Pin::new(&mut *socket).poll_flush(task) {
                Poll::Ready(Ok(())) => self.unflushed = false,
                Poll::Ready(Err(error)) => return Poll::Ready(Event::Incoming(Some(Err(error)))),
                Poll::Pending => {}
            }
        }
        if reads {
            return Pin::new(socket).poll_next(task).map(Event::Incoming);
        }
        Poll::Pending
    }

    /// Hands over the last frame.
    fn close_now(&mut self, socket: &mut Socket, frame: CloseFrame) {
        self.closing = true;
        self.unflushed = true;
        // An error here is met again by the flush that follows.
        let _: Result<(), SocketError> = Pin::new(socket).start_send(Frame::Close(Some(frame)));
    }

    fn ping(&mut self, socket: &mut Socket) {
        self.unflushed = true;
        // A socket that cannot take a ping is silent, too: the next turn of the timer ends it.
        let _: Result<(), SocketError> = Pin::new(socket).start_send(Frame::Ping(bytes::Bytes::new()));
    }

    /// Gets the last frame out, for as long as it may take.
    async fn finish(&mut self, socket: &mut Socket, wait: Duration) {
        let flushed = std::future::poll_fn(|task| Pin::new(&mut *socket).poll_flush(task));
        // Whether or not the peer has taken it, the connection ends here.
        let _: Result<Result<(), SocketError>, _> = tokio::time::timeout(wait, flushed).await;
    }
}

fn reset(timer: Pin<&mut Sleep>, wait: Duration) {
    timer.reset(tokio::time::Instant::now() + wait);
}

fn frame(code: CloseCode, reason: &'static str) -> CloseFrame {
    CloseFrame { code, reason: reason.into() }
}

/// What the peer is told of its error; nothing when there is nobody to tell.
fn refusal(error: &SocketError) -> Option<CloseFrame> {
    match error {
        SocketError::Protocol(_) => Some(frame(CloseCode::Protocol, "protocol error")),
        SocketError::Utf8(_) => Some(frame(CloseCode::Invalid, "text is not UTF-8")),
        SocketError::Capacity(CapacityError::MessageTooLong { .. }) => {
            Some(frame(CloseCode::Size, "message too large"))
        }
        _ => None,
    }
}
