//! What the attribute `websocket` calls: events in, actions out, and the state between them.

use serde::Serialize as _;

use super::{Accept, Acceptance, Action, Connection, Handler, Handshake, Message, Rejection};

/// The code of a close after which the client should connect again (RFC 6455, section 7.4.1, and its registry).
const SERVICE_RESTART: u16 = 1012;

/// A client asks to connect.
///
/// # Errors
/// When the handler does not want it, or its state cannot be kept.
pub fn open<H: Handler>(handshake: Handshake) -> Result<Acceptance, Rejection> {
    let mut connection = Connection::new(handshake.id, H::State::default());
    let before = encode::<H>(&connection.state);
    let Accept { subprotocol } = H::open(&mut connection, &handshake)?;
    Ok(Acceptance { subprotocol, actions: finish::<H>(connection, before.as_deref()) })
}

/// A message has come.
pub fn message<H: Handler>(id: u64, state: &[u8], message: Message) -> Vec<Action> {
    let Some(value) = decode::<H>(state) else {
        let mut connection = Connection::new(id, ());
        connection.close(SERVICE_RESTART, "the service was replaced");
        return connection.actions;
    };
    let before = if state.is_empty() { encode::<H>(&value) } else { Some(state.to_vec()) };
    let mut connection = Connection::new(id, value);
    H::message(&mut connection, message);
    finish::<H>(connection, before.as_deref())
}

/// A connection is closed.
pub fn close<H: Handler>(id: u64, state: &[u8], code: u16) -> Vec<Action> {
    let Some(value) = decode::<H>(state) else {
        return Vec::new();
    };
    let mut connection = Connection::new(id, value);
    H::close(&mut connection, code);
    connection.actions
}

/// The actions, with a change of the state in front: whatever else the host does or fails to do, the next event must see
/// what this one knew.
fn finish<H: Handler>(connection: Connection<H::State>, before: Option<&[u8]>) -> Vec<Action> {
    let Connection { state, mut actions, .. } = connection;
    match encode::<H>(&state) {
        Some(after) if before != Some(after.as_slice()) => actions.insert(0, Action::SetState(after)),
        _ => {}
    }
    actions
}

fn decode<H: Handler>(state: &[u8]) -> Option<H::State> {
    if state.is_empty() || size_of::<H::State>() == 0 {
        return Some(H::State::default());
    }
    match serde_json::from_slice(state) {
        Ok(state) => Some(state),
        Err(error) => H::upgrade_state(state).or_else(|| {
            let text = format!("the state that an older version left cannot be read: {error}");
            crate::log::error("websocket", &text);
            None
        }),
    }
}

/// A state without a form in JSON would be lost without a word, so that it is logged.
fn encode<H: Handler>(state: &H::State) -> Option<Vec<u8>> {
    // A type without values to tell apart never changes: neither code nor an import is spent on it.
    if size_of::<H::State>() == 0 {
        return None;
    }
    let mut bytes = Vec::new();
    match state.serialize(&mut serde_json::Serializer::new(&mut bytes)) {
        Ok(()) => Some(bytes),
        Err(error) => {
            crate::log::error(
                "websocket",
                &format!("the connection's state cannot be written as JSON: {error}"),
            );
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Shout;

    impl Handler for Shout {
        type State = u32;

        fn open(connection: &mut Connection<u32>, handshake: &Handshake) -> Result<Accept, Rejection> {
            if handshake.path == "/closed" {
                return Err(Rejection::new(403, "closed"));
            }
            connection.send("hello");
            Ok(Accept::default().subprotocol_if_offered(handshake, "shout"))
        }

        fn message(connection: &mut Connection<u32>, message: Message) {
            match message {
                Message::Text(text) if text == "count" => connection.state += 1,
                Message::Text(text) => connection.publish("all", text.to_uppercase()),
                Message::Binary(_) => connection.send_json(&std::collections::BTreeMap::from([(vec![1], 1)])),
            }
        }

        fn upgrade_state(old: &[u8]) -> Option<u32> {
            (old == b"old").then_some(7)
        }
    }

    fn handshake(path: &str, subprotocols: &[&str]) -> Handshake {
        Handshake {
            id: 1,
            path: path.into(),
            query: None,
            headers: vec![("origin".into(), "http://a".into())],
            subprotocols: subprotocols.iter().map(|&name| name.into()).collect(),
        }
    }

    fn text(text: &str) -> Message {
        Message::from(text)
    }

    #[test]
    fn a_subprotocol_is_chosen_only_when_it_was_offered() {
        let accepted = open::<Shout>(handshake("/", &["other", "shout"])).unwrap();
        assert_eq!(accepted.subprotocol.as_deref(), Some("shout"));
        assert_eq!(accepted.actions, [Action::Send(text("hello"))]);
        assert_eq!(open::<Shout>(handshake("/", &["other"])).unwrap().subprotocol, None);
        assert_eq!(open::<Shout>(handshake("/closed", &[])).unwrap_err().status, 403);
        assert_eq!(handshake("/", &[]).header("Origin"), Some("http://a"));
    }

    #[test]
    fn the_state_is_kept_only_when_it_has_changed() {
        assert_eq!(message::<Shout>(1, b"", text("a")), [Action::Publish(("all".into(), text("A")))]);
        assert_eq!(message::<Shout>(1, b"", text("count")), [Action::SetState(b"1".to_vec())]);
        assert_eq!(message::<Shout>(1, b"1", text("count")), [Action::SetState(b"2".to_vec())]);
        assert_eq!(message::<Shout>(1, b"2", text("b")), [Action::Publish(("all".into(), text("B")))]);
    }

    #[test]
    fn a_state_of_an_older_version_is_upgraded_or_ends_the_connection() {
        assert_eq!(message::<Shout>(1, b"old", text("count")), [Action::SetState(b"8".to_vec())]);
        let actions = message::<Shout>(1, b"{", text("count"));
        assert_eq!(actions, [Action::Close((1012, "the service was replaced".into()))]);
        assert_eq!(close::<Shout>(1, b"{", 1000), []);
    }

    #[test]
    fn a_value_that_json_cannot_hold_closes_the_connection_and_is_logged() {
        let actions = message::<Shout>(1, b"", Message::Binary(vec![0]));
        assert_eq!(actions, [Action::Close((1011, "internal error".into()))]);
        assert_eq!(crate::testing::take_log().len(), 1);
    }

    #[test]
    fn a_reason_that_is_too_long_is_cut_between_characters() {
        let mut connection = Connection::new(1, ());
        connection.close(1000, &"é".repeat(100));
        assert_eq!(connection.actions, [Action::Close((1000, "é".repeat(61)))]);
    }
}
