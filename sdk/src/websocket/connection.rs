//! The connection as a handler sees it: its state, and the actions it leaves for the host.

use serde::Serialize;

use super::{Action, Member, Membership, Message};

/// Names a connection for as long as the host runs.
pub type ConnectionId = u64;

/// The code of a close that the plugin's own failure brings about (RFC 6455, section 7.4.1).
const INTERNAL_ERROR: u16 = 1011;

/// One connection during one event. What is asked of it happens after the handler has returned, in the order asked.
#[derive(Debug)]
pub struct Connection<S> {
    id: ConnectionId,
    /// What the connection remembers. A change is kept for the next event.
    pub state: S,
    pub(super) actions: Vec<Action>,
}

impl<S> Connection<S> {
    pub(super) const fn new(id: ConnectionId, state: S) -> Self {
        Self { id, state, actions: Vec::new() }
    }

    /// The connection's name, under which others can [`send_to`](Self::send_to) it.
    #[must_use]
    pub const fn id(&self) -> ConnectionId {
        self.id
    }

    /// Sends to this connection.
    pub fn send(&mut self, message: impl Into<Message>) {
        self.actions.push(Action::Send(message.into()));
    }

    /// Sends a value as JSON text to this connection.
    pub fn send_json(&mut self, value: &(impl Serialize + ?Sized)) {
        self.json(value, Action::Send);
    }

    /// Sends to another connection of this plugin; one that is gone is skipped.
    pub fn send_to(&mut self, connection: ConnectionId, message: impl Into<Message>) {
        self.actions.push(Action::SendTo((connection, message.into())));
    }

    /// Sends a value as JSON text to another connection of this plugin.
    pub fn send_json_to(&mut self, connection: ConnectionId, value: &(impl Serialize + ?Sized)) {
        self.json(value, |message| Action::SendTo((connection, message)));
    }

    /// Joins a topic, or changes the label in it. The label is what [`members`] tells others of this connection.
    pub fn join(&mut self, topic: impl Into<String>, label: impl Into<String>) {
        self.actions.push(Action::Join(Membership { topic: topic.into(), label: label.into() }));
    }

    /// Leaves a topic.
    pub fn leave(&mut self, topic: impl Into<String>) {
        self.actions.push(Action::Leave(topic.into()));
    }

    /// Sends to everyone in a topic, this connection included if it has joined.
    pub fn publish(&mut self, topic: impl Into<String>, message: impl Into<Message>) {
        self.actions.push(Action::Publish((topic.into(), message.into())));
    }

    /// Sends a value as JSON text to everyone in a topic.
    pub fn publish_json(&mut self, topic: impl Into<String>, value: &(impl Serialize + ?Sized)) {
        self.json(value, |message| Action::Publish((topic.into(), message)));
    }

    /// Sends to everyone in a topic but this connection.
    pub fn publish_to_others(&mut self, topic: impl Into<String>, message: impl Into<Message>) {
        self.actions.push(Action::PublishToOthers((topic.into(), message.into())));
    }

    /// Sends a value as JSON text to everyone in a topic but this connection.
    pub fn publish_json_to_others(&mut self, topic: impl Into<String>, value: &(impl Serialize + ?Sized)) {
        self.json(value, |message| Action::PublishToOthers((topic.into(), message)));
    }

    /// Closes with a code that an endpoint may send (1000 to 1003, 1007 to 1014, 3000 to 4999) and a reason of at most 123
    /// bytes (RFC 6455, section 5.5), of which what is over is cut off.
    pub fn close(&mut self, code: u16, reason: &str) {
        let end = reason.floor_char_boundary(123);
        let reason = reason.get(..end).unwrap_or_default().to_owned();
        self.actions.push(Action::Close((code, reason)));
    }

    /// A value that has no form in JSON (a map whose keys are not text, say) is a mistake of the plugin, not of its caller:
    /// it is logged, and the connection is closed with 1011.
    fn json(&mut self, value: &(impl Serialize + ?Sized), action: impl FnOnce(Message) -> Action) {
        match Message::json(value) {
            Ok(message) => self.actions.push(action(message)),
            Err(error) => {
                let kind = std::any::type_name_of_val(value);
                crate::log::error("websocket", &format!("a {kind} cannot be written as JSON: {error}"));
                self.close(INTERNAL_ERROR, "internal error");
            }
        }
    }
}

/// Who is in a topic of this plugin, in the order they joined. From the first such question until this call's actions have
/// been carried out, no other call of this plugin that asks gets an answer: who asks, then joins and publishes, misses
/// nobody and is missed by nobody.
#[must_use]
pub fn members(topic: &str) -> Vec<Member> {
    crate::host::members(topic)
}
