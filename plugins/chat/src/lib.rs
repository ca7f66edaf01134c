//! A chat. Rooms over WebSocket: who joins is told who is there, everyone hears everyone, in one order.
//!
//! A room is a topic of the host, and the name of a person in it is the label there, so nothing is kept but which rooms a
//! connection has joined under which name.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic"))]

use std::collections::BTreeMap;

use guesthouse_sdk::websocket::{self, Connection, Handler, Message};
use serde::{Deserialize, Serialize};

/// How many rooms one connection may be in.
const ROOMS_MAX: usize = 32;

/// How long the name of a room or a person may be, in characters.
const NAME_CHARACTERS_MAX: usize = 64;

/// How long one text may be, in characters.
const TEXT_CHARACTERS_MAX: usize = 4000;

struct Chat;

/// The rooms a connection is in, with its name in each.
type Rooms = BTreeMap<String, String>;

/// What a client says.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
enum Request {
    Join { room: String, name: String },
    Say { room: String, text: String },
    Leave { room: String },
}

/// What a client is told.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Event<'a> {
    /// You are in the room, and so are these, in the order they came, you included.
    Welcome { room: &'a str, name: &'a str, members: Vec<&'a str> },
    /// Somebody else came.
    Joined { room: &'a str, name: &'a str },
    /// Somebody said something, perhaps you.
    Said { room: &'a str, name: &'a str, text: &'a str },
    /// Somebody left, perhaps you.
    Left { room: &'a str, name: &'a str },
    /// What you asked for was not done.
    Error { code: &'a str, message: &'a str },
}

#[guesthouse_sdk::websocket]
impl Handler for Chat {
    type State = Rooms;

    fn message(connection: &mut Connection<Rooms>, message: Message) {
        let done = match message.read_json() {
            Ok(Request::Join { room, name }) => join(connection, &room, &name),
            Ok(Request::Say { room, text }) => say(connection, &room, &text),
            Ok(Request::Leave { room }) => leave(connection, &room),
            Err(error) => Err(("malformed", error.to_string())),
        };
        if let Err((code, message)) = done {
            connection.send_json(&Event::Error { code, message: &message });
        }
    }

    fn close(connection: &mut Connection<Rooms>, _code: u16) {
        for (room, name) in std::mem::take(&mut connection.state) {
            connection.publish_json(&room, &Event::Left { room: &room, name: &name });
        }
    }
}

/// Why something was not done: a word for programs, a sentence for people.
type Refusal = (&'static str, String);

fn join(connection: &mut Connection<Rooms>, room: &str, name: &str) -> Result<(), Refusal> {
    for (what, value) in [("room", room), ("name", name)] {
        if value.trim().is_empty() || value.chars().count() > NAME_CHARACTERS_MAX {
            return Err(("invalid-name", format!("a {what} has 1 to {NAME_CHARACTERS_MAX} characters")));
        }
    }
    if connection.state.contains_key(room) {
        return Err(("already-joined", format!("you are in `{room}`; leave it first to take another name")));
    }
    if connection.state.len() >= ROOMS_MAX {
        return Err(("too-many-rooms", format!("a connection may be in {ROOMS_MAX} rooms")));
    }
    let others = websocket::members(room);
    if others.iter().any(|other| other.label == name) {
        return Err(("name-taken", format!("somebody in `{room}` is called `{name}`")));
    }
    let members = others.iter().map(|other| other.label.as_str()).chain([name]).collect();
    connection.join(room, name);
    connection.send_json(&Event::Welcome { room, name, members });
    connection.publish_json_to_others(room, &Event::Joined { room, name });
    connection.state.insert(room.to_owned(), name.to_owned());
    Ok(())
}

fn say(connection: &mut Connection<Rooms>, room: &str, text: &str) -> Result<(), Refusal> {
    if text.is_empty() || text.chars().count() > TEXT_CHARACTERS_MAX {
        return Err(("invalid-text", format!("a text has 1 to {TEXT_CHARACTERS_MAX} characters")));
    }
    let name = connection.state.get(room).cloned().ok_or_else(|| not_joined(room))?;
    connection.publish_json(room, &Event::Said { room, name: &name, text });
    Ok(())
}

fn leave(connection: &mut Connection<Rooms>, room: &str) -> Result<(), Refusal> {
    let name = connection.state.remove(room).ok_or_else(|| not_joined(room))?;
    // Before leaving, so that the one who leaves hears it as well and knows that it is done.
    connection.publish_json(room, &Event::Left { room, name: &name });
    connection.leave(room);
    Ok(())
}

fn not_joined(room: &str) -> Refusal {
    let room: String = room.chars().take(NAME_CHARACTERS_MAX).collect();
    ("not-joined", format!("you are not in `{room}`; join it first"))
}

#[cfg(test)]
mod tests;
