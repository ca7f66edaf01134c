//! One open connection: its state, what its plugin is asked, what comes of the answers.
//!
//! Owns the order of events. A message is taken only when the one before has been answered; meanwhile what others publish goes on
//! being sent. One task a connection.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::actions::{self, Invalid};
use super::{Action, Message, WebSocketEndpoint, failure_of};
use crate::capability::CallContext;
use crate::capability::rooms::{Outbox, Rooms};
use crate::exchange::Upgrade;
use crate::failure::Failure;
use crate::limits::PluginLimits;
use crate::plugin::catalog::Catalog;
use crate::protocol::socket::{self, Close, Code, Settings, Socket};
use crate::sandbox::program::Answer;

type Call = Pin<Box<dyn Future<Output = Result<Called, Failure>>>>;

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
    pub(super) settings: Settings,
    pub(super) state: Vec<u8>,
    /// To be sent when the outbox is empty.
    pub(super) close: Option<Close>,
}

/// What happens next on a connection.
enum Event {
    Answered(Result<Called, Failure>),
    Socket(socket::Event),
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
    pub(super) async fn run(mut self, upgrade: Upgrade) {
        let draining = self.draining.clone();
        let opened = Socket::open(upgrade, &self.settings, Arc::clone(&self.outbox), draining).await;
        let (code, socket) = match opened {
            Ok(mut socket) => (self.serve(&mut socket).await, Some(socket)),
            Err(_) => (Code::ABNORMAL, None),
        };
        self.rooms.unregister(self.number);
        let state = std::mem::take(&mut self.state);
        let number = self.number;
        let call = self.call(move |endpoint, context| {
            Box::pin(async move {
                endpoint.program.call(&endpoint.on_close, (number, state, code.0), context).await
            })
        });
        // The plugin may be gone, or fail: nobody is left to be told, and the cause is in the log.
        if let Ok(called) = call.await
            && let Err(invalid) = self.carry_out(called.answer.value.0, &called.limits)
        {
            self.log(&invalid);
        }
        if let Some(socket) = socket {
            socket.finish().await;
        }
    }

    /// Gives the code the connection ended with.
    async fn serve(&mut self, socket: &mut Socket) -> Code {
        let mut call: Option<Call> = None;
        loop {
            if let Some(close) = self.close.take() {
                socket.close(close);
            }
            let event = poll_fn(|task| {
                if let Some(running) = &mut call
                    && let Poll::Ready(result) = running.as_mut().poll(task)
                {
                    return Poll::Ready(Event::Answered(result));
                }
                socket.poll_next(call.is_none(), task).map(Event::Socket)
            })
            .await;
            match event {
                Event::Socket(socket::Event::Message(message)) => call = Some(self.on_message(message)),
                Event::Socket(socket::Event::Ended(code)) => return code,
                Event::Answered(result) => {
                    call = None;
                    if let Some(close) = self.answered(result) {
                        self.close = Some(close);
                    }
                }
            }
        }
    }

    fn on_message(&self, message: socket::Message) -> Call {
        let message = match message {
            socket::Message::Text(text) => Message::Text(text),
            socket::Message::Binary(bytes) => Message::Binary(bytes),
        };
        let (number, state) = (self.number, self.state.clone());
        self.call(move |endpoint, context| {
            Box::pin(async move {
                endpoint.program.call(&endpoint.on_message, (number, state, message), context).await
            })
        })
    }

    /// Carries out an answer, or says with which frame the connection ends.
    fn answered(&mut self, result: Result<Called, Failure>) -> Option<Close> {
        match result {
            Ok(Called { answer, limits }) => {
                let done = self.carry_out(answer.value.0, &limits);
                // Only now may the next call that asks who is there go on.
                drop(answer.turn);
                match done {
                    Ok(()) => None,
                    Err(invalid) => {
                        self.log(&invalid);
                        Some(Close::new(Code::INTERNAL, Failure::PluginAnswerInvalid.public()))
                    }
                }
            }
            Err(failure @ Failure::Overloaded) => Some(Close::new(Code::TRY_AGAIN, failure.public())),
            Err(failure @ Failure::NotFound) => Some(Close::new(Code::AWAY, failure.public())),
            Err(failure) => Some(Close::new(Code::INTERNAL, failure.public())),
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
            let endpoint =
                live.and_then(|plugin| plugin.endpoint::<WebSocketEndpoint>()).ok_or(Failure::NotFound)?;
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
