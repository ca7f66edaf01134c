//! WebSocket (RFC 6455): one plugin, many connections that outlive its instances and its versions.
//!
//! Owns the way between a connection and the values of `guesthouse:plugin/websocket`; the transport is `socket`'s. The host owns
//! sockets and state: a handler runs on a fresh instance per event and answers with what is to be done, so an idle connection costs no sandbox, and the next
//! message of an open one simply meets the version that is live then.

mod actions;
mod connection;

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use anyhow::Result;
use http::request::Parts;
use http::{Method, StatusCode};

use self::connection::Connection;
use super::{failure_of, fields, problem};
use crate::capability::CallContext;
use crate::capability::rooms::{Outbox, Rooms};
use crate::exchange::{LocalFuture, Response};
use crate::failure::Failure;
use crate::plugin::{Endpoint, Exchange, Source, Style, Surface};
use crate::protocol::socket::{self, Handshake, Settings};
use crate::sandbox::{Export, Program};

mod bindings {
    #![allow(missing_docs, reason = "generated from the WIT, which is documented")]
    wasmtime::component::bindgen!({ path: "../wit", world: "websocket-plugin" });
}

use bindings::exports::guesthouse::plugin::websocket::{
    Acceptance, Action, Connection as Asking, Message, Rejection,
};

const INTERFACE: &str = "guesthouse:plugin/websocket@1.0.0";

/// The style.
pub struct WebSocket;

impl Style for WebSocket {
    fn name(&self) -> &'static str {
        "WebSocket"
    }

    fn interface(&self) -> &'static str {
        INTERFACE
    }

    fn bind<'a>(
        &'a self,
        program: Arc<Program>,
        context: CallContext,
        _source: &'a Source,
    ) -> Pin<Box<dyn Future<Output = Result<Arc<dyn Endpoint>>> + 'a>> {
        Box::pin(async move {
            let endpoint: Arc<dyn Endpoint> = Arc::new(WebSocketEndpoint {
                on_open: program.export(INTERFACE, "on-open", context.clone()).await?,
                on_message: program.export(INTERFACE, "on-message", context.clone()).await?,
                on_close: program.export(INTERFACE, "on-close", context.clone()).await?,
                program,
            });
            Ok(endpoint)
        })
    }
}

struct WebSocketEndpoint {
    program: Arc<Program>,
    on_open: Export<(Asking,), (Result<Acceptance, Rejection>,)>,
    on_message: Export<(u64, Vec<u8>, Message), (Vec<Action>,)>,
    on_close: Export<(u64, Vec<u8>, u16), (Vec<Action>,)>,
}

impl Endpoint for WebSocketEndpoint {
    fn style(&self) -> &'static str {
        "WebSocket"
    }

    fn summary(&self) -> String {
        "messages".to_owned()
    }

    fn surface(&self) -> Surface {
        Surface::at_mount(&["WebSocket"])
    }

    fn claims(&self, head: &Parts) -> bool {
        socket::is_wanted(head)
    }

    fn upgrades(&self) -> bool {
        true
    }

    fn serve(&self, exchange: Exchange) -> LocalFuture<'_, Result<Response, Failure>> {
        Box::pin(self.open(exchange))
    }

    fn render(&self, failure: &Failure, head: &Parts) -> Response {
        problem::render(failure, Some(&head.method))
    }

    fn as_any_arc(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

impl WebSocketEndpoint {
    async fn open(&self, exchange: Exchange) -> Result<Response, Failure> {
        if exchange.head.method == Method::OPTIONS {
            return Ok(problem::options("GET, OPTIONS"));
        }
        let handshake = Handshake::read(&exchange)?;
        let Some(upgrade) = exchange.upgrade else { return Err(Failure::UpgradeRequired) };
        let limits = self.program.limits();
        let rooms = Arc::clone(&self.program.capabilities().rooms);
        if rooms.connections() as u64 >= limits.websocket_connections_max {
            return Err(Failure::Overloaded);
        }
        let number = Rooms::next_number();
        let asking = Asking {
            id: number,
            path: exchange.path,
            query: exchange.head.uri.query().map(str::to_owned),
            headers: fields(&exchange.head.headers)?,
            subprotocols: handshake.subprotocols().to_vec(),
        };
        let context = exchange.context;
        let answer = self
            .program
            .call(&self.on_open, (asking,), context.clone())
            .await
            .map_err(|failure| failure_of(&failure, &self.program, &context))?;
        let acceptance = match answer.value.0 {
            Ok(acceptance) => acceptance,
            Err(rejection) => return self.reject(&rejection, &context),
        };
        let response = handshake
            .response(acceptance.subprotocol.as_deref())
            .ok_or_else(|| self.invalid(&context, "it chose a subprotocol that the client does not offer"))?;

        let bytes_max = usize::try_from(limits.websocket_write_buffer_bytes_max).unwrap_or(usize::MAX);
        let outbox = Outbox::new(bytes_max);
        let topics_max = usize::try_from(limits.websocket_topics_max).unwrap_or(usize::MAX);
        rooms.register(number, Arc::clone(&outbox), topics_max);
        // Dropping the connection, as every way out from here does, takes it out of its topics again.
        let mut connection = Connection {
            number,
            outbox,
            rooms,
            context: context.clone(),
            catalog: exchange.catalog,
            plugin: Arc::clone(&exchange.plugin.name),
            draining: exchange.lifetime.draining.clone(),
            settings: Settings::of(&handshake, limits),
            state: Vec::new(),
            close: None,
        };
        connection
            .carry_out(acceptance.actions, limits)
            .map_err(|invalid| self.invalid(&context, &invalid.to_string()))?;
        drop(answer.turn);
        exchange.lifetime.tasks.spawn_local(connection.run(upgrade));
        Ok(response)
    }

    fn reject(&self, rejection: &Rejection, context: &CallContext) -> Result<Response, Failure> {
        let status = StatusCode::from_u16(rejection.status)
            .ok()
            .filter(|status| status.is_client_error() || status.is_server_error())
            .ok_or_else(|| self.invalid(context, "it rejects with a status outside 400 to 599"))?;
        Ok(problem::rejection(status, &rejection.reason))
    }

    fn invalid(&self, context: &CallContext, what: &str) -> Failure {
        let plugin = &self.program.capabilities().plugin;
        tracing::warn!(%plugin, request = %context.request_id, "the plugin's answer cannot be carried out: {what}");
        Failure::PluginAnswerInvalid
    }
}
