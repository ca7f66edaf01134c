//! WebSocket. A plugin implements [`Handler`] under the attribute [`websocket`](macro@crate::websocket). The host owns the
//! sockets, so that they outlive an instance and a swap of the plugin; a handler is called per event with a
//! [`Connection`], on which it leaves what the host is to do, in order, once the handler has returned. A handler that
//! panics has done nothing.
//!
//! ```
//! use guesthouse_sdk::websocket::{Connection, Handler, Message};
//!
//! /// Counts a connection's messages.
//! struct Counter;
//!
//! #[guesthouse_sdk::websocket]
//! impl Handler for Counter {
//!     type State = u64;
//!
//!     fn message(connection: &mut Connection<u64>, _message: Message) {
//!         connection.state += 1;
//!         connection.send(format!("message {}", connection.state));
//!     }
//! }
//! # fn main() {}
//! ```

mod connection;
#[doc(hidden)]
pub mod run;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use crate::bindings::imports::guesthouse::plugin::rooms::Member;
pub use crate::bindings::websocket::{
    Acceptance, Action, Connection as Handshake, Membership, Message, Rejection,
};
pub use connection::{Connection, ConnectionId, members};

/// A WebSocket plugin: what happens on each event of a connection.
pub trait Handler {
    /// What a connection remembers from one event to the next; `()` for nothing. It is kept by the host as JSON, is
    /// stored only when it has changed, and begins as the default.
    type State: Serialize + DeserializeOwned + Default;

    /// A client asks to connect. Unless told otherwise, it may, without a subprotocol.
    ///
    /// # Errors
    /// A [`Rejection`] is the HTTP answer that the client gets instead of a connection.
    fn open(connection: &mut Connection<Self::State>, handshake: &Handshake) -> Result<Accept, Rejection> {
        let _ = (connection, handshake);
        Ok(Accept::default())
    }

    /// A message has come.
    fn message(connection: &mut Connection<Self::State>, message: Message);

    /// The connection is closed and has left its topics. `code` is the peer's (RFC 6455, section 7.4), 1005 for none, 1006
    /// for a connection that broke. What is sent to this connection goes nowhere.
    fn close(connection: &mut Connection<Self::State>, code: u16) {
        let _ = (connection, code);
    }

    /// Reads the state that an older version of the plugin left when this one cannot, because the plugin was replaced
    /// while the connection was open. None closes the connection with 1012, upon which clients connect again.
    fn upgrade_state(old: &[u8]) -> Option<Self::State> {
        let _ = old;
        None
    }
}

/// How a connection is accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accept {
    subprotocol: Option<String>,
}

impl Accept {
    /// Speaks the subprotocol of that name, if the client offered it (RFC 6455, section 4.2.2: a server chooses one of
    /// those offered or none).
    #[must_use]
    pub fn subprotocol_if_offered(mut self, handshake: &Handshake, name: &str) -> Self {
        if handshake.subprotocols.iter().any(|offered| offered == name) {
            self.subprotocol = Some(name.to_owned());
        }
        self
    }
}

impl Rejection {
    /// An HTTP answer with a status from 400 to 599 and one sentence for the client.
    pub fn new(status: u16, reason: impl Into<String>) -> Self {
        Self { status, reason: reason.into() }
    }
}

impl Handshake {
    /// The first header field of that name, in whatever case the name is given.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

impl Message {
    /// A text message that holds `value` as JSON.
    ///
    /// # Errors
    /// When `value` has no form in JSON.
    pub fn json(value: &(impl Serialize + ?Sized)) -> Result<Self, serde_json::Error> {
        serde_json::to_string(value).map(Self::Text)
    }

    /// Reads the message, text or binary, as JSON.
    ///
    /// # Errors
    /// When it is not JSON or not a `T`; the error says where and why.
    pub fn read_json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        match self {
            Self::Text(text) => serde_json::from_str(text),
            Self::Binary(bytes) => serde_json::from_slice(bytes),
        }
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(bytes)
    }
}
