//! Echoes every message, text as text and binary as binary, so that conformance suites can be pointed at the host.

use guesthouse_sdk::websocket::{Accept, Connection, Handler, Handshake, Message, Rejection};

struct Echo;

#[guesthouse_sdk::websocket(pure)]
impl Handler for Echo {
    type State = ();

    fn open(_connection: &mut Connection<()>, handshake: &Handshake) -> Result<Accept, Rejection> {
        Ok(Accept::default().subprotocol_if_offered(handshake, "echo"))
    }

    fn message(connection: &mut Connection<()>, message: Message) {
        connection.send(message);
    }
}
