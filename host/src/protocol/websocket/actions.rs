//! What a handler wants done, checked and carried out.
//!
//! Effects are values: nothing has happened until the handler has returned, and a handler that trapped has done nothing. All
//! actions are checked before the first is carried out, but for the number of topics, which only joining them tells.

use super::{Action, Message};
use crate::capability::rooms::{Message as Outgoing, Outbox, Rooms, TooManyTopics};
use crate::limits::PluginLimits;
use crate::protocol::socket::{Close, Code, REASON_BYTES_MAX};

/// A topic's name.
const TOPIC_BYTES_MAX: usize = 256;
/// What a connection is called in a topic.
const LABEL_BYTES_MAX: usize = 1_024;

/// Why a handler's actions cannot be carried out, for the log.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Invalid {
    #[error("it has {0} actions; allowed are {1} (websocket_actions_max)")]
    TooMany(usize, u64),
    #[error("a message has {0} bytes; allowed are {1} (response_bytes_max)")]
    MessageTooLarge(usize, u64),
    #[error("the state has {0} bytes; allowed are {1} (websocket_state_bytes_max)")]
    StateTooLarge(usize, u64),
    #[error("a topic's name has {0} bytes; allowed are {TOPIC_BYTES_MAX}")]
    TopicTooLong(usize),
    #[error("a label has {0} bytes; allowed are {LABEL_BYTES_MAX}")]
    LabelTooLong(usize),
    #[error("an endpoint may not close with {0}: allowed are 1000 to 1003, 1007 to 1014 and 3000 to 4999")]
    CloseCode(u16),
    #[error("the reason to close has {0} bytes; allowed are {REASON_BYTES_MAX}")]
    ReasonTooLong(usize),
    #[error(transparent)]
    Topics(#[from] TooManyTopics),
}

/// What remains for the connection itself to do.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Remaining {
    pub(super) state: Option<Vec<u8>>,
    pub(super) close: Option<Close>,
}

pub(super) fn carry_out(
    actions: Vec<Action>,
    connection: u64,
    outbox: &Outbox,
    rooms: &Rooms,
    limits: &PluginLimits,
) -> Result<Remaining, Invalid> {
    if actions.len() as u64 > limits.websocket_actions_max {
        return Err(Invalid::TooMany(actions.len(), limits.websocket_actions_max));
    }
    for action in &actions {
        check(action, limits)?;
    }
    let mut remaining = Remaining::default();
    for action in actions {
        match action {
            Action::Send(message) => outbox.send_own(outgoing(message)),
            Action::SendTo((other, message)) => rooms.send_to(other, outgoing(message)),
            Action::Join(membership) => rooms.join(&membership.topic, connection, membership.label)?,
            Action::Leave(topic) => rooms.leave(&topic, connection),
            Action::Publish((topic, message)) => rooms.publish(&topic, &outgoing(message), None),
            Action::PublishToOthers((topic, message)) => {
                rooms.publish(&topic, &outgoing(message), Some(connection))
            }
            Action::SetState(state) => remaining.state = Some(state),
            Action::Close((code, reason)) => {
                remaining.close = Some(Close { code: Code(code), reason: reason.into() });
            }
        }
    }
    Ok(remaining)
}

fn check(action: &Action, limits: &PluginLimits) -> Result<(), Invalid> {
    let message = |message: &Message| {
        let bytes = match message {
            Message::Text(text) => text.len(),
            Message::Binary(bytes) => bytes.len(),
        };
        if bytes as u64 > limits.response_bytes_max {
            return Err(Invalid::MessageTooLarge(bytes, limits.response_bytes_max));
        }
        Ok(())
    };
    let topic = |topic: &str| {
        if topic.len() > TOPIC_BYTES_MAX { Err(Invalid::TopicTooLong(topic.len())) } else { Ok(()) }
    };
    match action {
        Action::Send(sent) | Action::SendTo((_, sent)) => message(sent),
        Action::Publish((to, sent)) | Action::PublishToOthers((to, sent)) => {
            topic(to).and_then(|()| message(sent))
        }
        Action::Join(membership) if membership.label.len() > LABEL_BYTES_MAX => {
            Err(Invalid::LabelTooLong(membership.label.len()))
        }
        Action::Join(membership) => topic(&membership.topic),
        Action::Leave(left) => topic(left),
        Action::SetState(state) if state.len() as u64 > limits.websocket_state_bytes_max => {
            Err(Invalid::StateTooLarge(state.len(), limits.websocket_state_bytes_max))
        }
        Action::SetState(_) => Ok(()),
        Action::Close((code, _)) if !Code::may_be_sent(*code) => Err(Invalid::CloseCode(*code)),
        Action::Close((_, reason)) if reason.len() > REASON_BYTES_MAX => {
            Err(Invalid::ReasonTooLong(reason.len()))
        }
        Action::Close(_) => Ok(()),
    }
}

fn outgoing(message: Message) -> Outgoing {
    match message {
        Message::Text(text) => Outgoing::Text(text.into()),
        Message::Binary(bytes) => Outgoing::Binary(bytes.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(actions: Vec<Action>) -> Result<Remaining, Invalid> {
        let (rooms, outbox) = (Rooms::default(), Outbox::new(1024));
        rooms.register(1, std::sync::Arc::clone(&outbox), 1);
        let done = carry_out(actions, 1, &outbox, &rooms, &PluginLimits::DEFAULT);
        assert!(done.is_ok() || outbox.is_empty(), "checked before carried out");
        done
    }

    fn hello() -> Action {
        Action::Send(Message::Text("hello".to_owned()))
    }

    #[test]
    fn one_bad_action_keeps_all_from_being_carried_out() {
        for (action, expected) in [
            (Action::Close((1005, String::new())), Invalid::CloseCode(1005)),
            (Action::Close((1015, String::new())), Invalid::CloseCode(1015)),
            (Action::Close((999, String::new())), Invalid::CloseCode(999)),
            (Action::Close((1000, "x".repeat(124))), Invalid::ReasonTooLong(124)),
            (Action::SetState(vec![0; 16 * 1024 + 1]), Invalid::StateTooLarge(16 * 1024 + 1, 16 * 1024)),
            (Action::Leave("t".repeat(257)), Invalid::TopicTooLong(257)),
        ] {
            assert_eq!(check(vec![hello(), action]).unwrap_err(), expected);
        }
        assert_eq!(check(vec![hello(); 1_025]).unwrap_err(), Invalid::TooMany(1_025, 1_024));
    }

    #[test]
    fn state_and_close_are_the_connections_to_do() {
        let close = Action::Close((4000, "bye".to_owned()));
        let remaining =
            check(vec![Action::SetState(vec![1]), hello(), Action::SetState(vec![2]), close]).unwrap();
        assert_eq!(remaining.state, Some(vec![2]));
        assert_eq!(remaining.close.unwrap().reason, "bye");
    }
}
