//! JSON-RPC over WebSocket: one JSON text per message, to the same methods as over HTTP.
//!
//! Owns what of one connection may be under way at the same time. Its calls run side by side and are answered as they end, in
//! whatever order; at most `websocket_calls_max` of them run or wait to be sent, and no further message is read meanwhile, so
//! that a client that calls faster than it is served, or than it reads, fills its own socket and nothing of ours. Each message
//! meets the version of the plugin that is live when it comes.
//!
//! There is no specification of this binding. As its clients expect, a message is what a body is over HTTP, batches and
//! notifications included, nothing is sent where HTTP would say 204, and a message of bytes ends the connection with 1003 (RFC
//! 6455, section 7.4.1).

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use http::Method;
use http::request::Parts;
use tokio_util::sync::CancellationToken;

use super::super::socket::{self, Close, Code, Handshake, Message, Settings, Socket};
use crate::capability::CallContext;
use crate::capability::rooms::{Message as Outgoing, Outbox, Rooms};
use crate::exchange::{LocalFuture, Response, Upgrade};
use crate::failure::Failure;
use crate::plugin::catalog::Catalog;
use crate::plugin::{Exchange, Plugin};
use crate::sandbox::Program;

const BINARY: Close = Close::new(Code::UNSUPPORTED, "JSON-RPC is text");
const GONE: Close = Close::new(Code::AWAY, "the service is not served any more");

/// Whether a request asks for a WebSocket. A POST that offers an upgrade is a call all the same.
pub(crate) fn is_wanted(head: &Parts) -> bool {
    head.method != Method::POST && head.method != Method::OPTIONS && socket::is_wanted(head)
}

/// Answers one message by a version of a plugin, for a client that reached it at this address. None when that version is not
/// served in this form.
pub(crate) type AnswerMessage =
    fn(&Plugin, String, CallContext, Arc<str>) -> Option<LocalFuture<'static, Option<String>>>;

/// Answers the handshake, and leaves the connection to a task of its own.
pub(crate) fn open(
    program: &Program,
    mut exchange: Exchange,
    answer: AnswerMessage,
) -> Result<Response, Failure> {
    let handshake = Handshake::read(&exchange)?;
    let upgrade = exchange.upgrade.take().ok_or(Failure::UpgradeRequired)?;
    let limits = program.limits();
    let rooms = Arc::clone(&program.capabilities().rooms);
    if rooms.connections() as u64 >= limits.websocket_connections_max {
        return Err(Failure::Overloaded);
    }
    // Subprotocols are not chosen from: none is registered for JSON-RPC.
    let response = handshake.response(None).ok_or(Failure::Internal)?;
    let outbox = Outbox::new(usize::try_from(limits.websocket_write_buffer_bytes_max).unwrap_or(usize::MAX));
    let number = Rooms::next_number();
    // In no topic: it is registered to be counted.
    rooms.register(number, Arc::clone(&outbox), 0);
    let connection = Connection {
        number,
        rooms,
        outbox,
        address: exchange.address().into(),
        plugin: Arc::clone(&exchange.plugin.name),
        settings: Settings::of(&handshake, limits),
        calls_max: usize::try_from(limits.websocket_calls_max).unwrap_or(usize::MAX),
        context: exchange.context,
        catalog: exchange.catalog,
        draining: exchange.lifetime.draining.clone(),
        answer,
    };
    exchange.lifetime.tasks.spawn_local(connection.run(upgrade));
    Ok(response)
}

/// An answer, or none for a notification; or how the connection ends.
type Answer = Result<Option<String>, Close>;

struct Connection {
    number: u64,
    rooms: Arc<Rooms>,
    outbox: Arc<Outbox>,
    context: CallContext,
    catalog: Arc<Catalog>,
    /// The name under which the live version is found.
    plugin: Arc<str>,
    /// As the client addressed the plugin.
    address: Arc<str>,
    draining: CancellationToken,
    answer: AnswerMessage,
    /// These two are of the version that accepted the connection; they hold to its end.
    settings: Settings,
    calls_max: usize,
}

/// What is under way on a connection.
#[derive(Default)]
struct Calls {
    running: FuturesUnordered<LocalFuture<'static, Answer>>,
    /// Answers that wait for the ones before them to be sent: put into the outbox one by one, they never overflow it.
    answers: VecDeque<String>,
}

enum Event {
    Answered(Answer),
    Socket(socket::Event),
}

impl Connection {
    async fn run(self, upgrade: Upgrade) {
        let draining = self.draining.clone();
        let opened = Socket::open(upgrade, &self.settings, Arc::clone(&self.outbox), draining).await;
        if let Ok(mut socket) = opened {
            self.serve(&mut socket).await;
            self.rooms.unregister(self.number);
            socket.finish().await;
        }
    }

    async fn serve(&self, socket: &mut Socket) {
        let mut calls = Calls::default();
        let mut closing = false;
        loop {
            let close = match poll_fn(|task| self.poll_next(socket, &mut calls, closing, task)).await {
                Event::Socket(socket::Event::Ended(_)) => return,
                Event::Socket(socket::Event::Message(Message::Text(text))) => {
                    calls.running.push(self.answer(text));
                    continue;
                }
                Event::Socket(socket::Event::Message(Message::Binary(_))) => BINARY,
                Event::Answered(Ok(answer)) => {
                    calls.answers.extend(answer);
                    continue;
                }
                Event::Answered(Err(close)) => close,
            };
            closing = true;
            calls = Calls::default();
            socket.close(close);
        }
    }

    fn poll_next(
        &self,
        socket: &mut Socket,
        calls: &mut Calls,
        closing: bool,
        task: &mut Context<'_>,
    ) -> Poll<Event> {
        // An empty set is not pending but at its end.
        if !calls.running.is_empty()
            && let Poll::Ready(Some(answer)) = calls.running.poll_next_unpin(task)
        {
            return Poll::Ready(Event::Answered(answer));
        }
        loop {
            if self.outbox.is_empty()
                && let Some(answer) = calls.answers.pop_front()
            {
                self.outbox.send_own(Outgoing::Text(answer.into()));
            }
            let takes = !closing && calls.running.len().saturating_add(calls.answers.len()) < self.calls_max;
            if let Poll::Ready(event) = socket.poll_next(takes, task) {
                return Poll::Ready(Event::Socket(event));
            }
            // What waited in the outbox may be out now, and the next answer's turn has come.
            if calls.answers.is_empty() || !self.outbox.is_empty() {
                return Poll::Pending;
            }
        }
    }

    /// Answers one message by the version that is live now.
    fn answer(&self, text: String) -> LocalFuture<'static, Answer> {
        let live = self.catalog.live(&self.plugin);
        let context = CallContext { started: Instant::now(), ..self.context.clone() };
        let answer = live.and_then(|live| (self.answer)(&live, text, context, Arc::clone(&self.address)));
        Box::pin(async move { Ok(answer.ok_or(GONE)?.await) })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.rooms.unregister(self.number);
    }
}
