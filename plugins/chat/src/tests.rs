//! The chat event by event, as the host would call it.

use guesthouse_sdk::testing;
use guesthouse_sdk::websocket::{Action, Membership, Message, run};

use super::Chat;

fn say(state: &str, message: &str) -> Vec<Action> {
    run::message::<Chat>(1, state.as_bytes(), Message::from(message))
}

fn text(json: &str) -> Message {
    Message::from(json)
}

#[test]
fn who_joins_is_told_who_is_there_and_the_others_are_told_who_came() {
    testing::set_members("lobby", &[(7, "Bob"), (9, "Cy")]);
    let actions = say("", r#"{"type":"join","room":"lobby","name":"Ada"}"#);
    let joined = text(r#"{"type":"joined","room":"lobby","name":"Ada"}"#);
    let welcome = r#"{"type":"welcome","room":"lobby","name":"Ada","members":["Bob","Cy","Ada"]}"#;
    assert_eq!(
        actions,
        [
            Action::SetState(br#"{"lobby":"Ada"}"#.to_vec()),
            Action::Join(Membership { topic: "lobby".into(), label: "Ada".into() }),
            Action::Send(text(welcome)),
            Action::PublishToOthers(("lobby".into(), joined)),
        ]
    );
}

#[test]
fn what_is_said_goes_to_everyone_in_the_room_under_the_name_taken_there() {
    let actions = say(r#"{"lobby":"Ada"}"#, r#"{"type":"say","room":"lobby","text":"hi \"all\""}"#);
    let said = text(r#"{"type":"said","room":"lobby","name":"Ada","text":"hi \"all\""}"#);
    assert_eq!(actions, [Action::Publish(("lobby".into(), said))]);
}

#[test]
fn leaving_and_closing_are_told_to_the_rooms() {
    let left = |room: &str| text(&format!(r#"{{"type":"left","room":"{room}","name":"Ada"}}"#));
    assert_eq!(
        say(r#"{"a":"Ada"}"#, r#"{"type":"leave","room":"a"}"#),
        [
            Action::SetState(b"{}".to_vec()),
            Action::Publish(("a".into(), left("a"))),
            Action::Leave("a".into())
        ]
    );
    assert_eq!(
        run::close::<Chat>(1, br#"{"a":"Ada","b":"Ada"}"#, 1006),
        [Action::Publish(("a".into(), left("a"))), Action::Publish(("b".into(), left("b")))]
    );
}

#[test]
fn what_cannot_be_done_is_answered_with_an_error_to_the_one_who_asked() {
    testing::set_members("lobby", &[(7, "Bob")]);
    let full: Vec<String> = (0..32).map(|number| format!(r#""{number:02}":"A""#)).collect();
    let full = format!("{{{}}}", full.join(","));
    for (state, message, code) in [
        ("", "no json", "malformed"),
        ("", r#"{"type":"dance"}"#, "malformed"),
        ("", r#"{"type":"join","room":"a"}"#, "malformed"),
        ("", r#"{"type":"join","room":"a","name":"b","x":1}"#, "malformed"),
        ("", r#"{"type":"join","room":"","name":"b"}"#, "invalid-name"),
        ("", r#"{"type":"join","room":"lobby","name":"Bob"}"#, "name-taken"),
        ("", r#"{"type":"say","room":"a","text":"x"}"#, "not-joined"),
        ("", r#"{"type":"leave","room":"a"}"#, "not-joined"),
        (r#"{"a":"A"}"#, r#"{"type":"join","room":"a","name":"b"}"#, "already-joined"),
        (r#"{"a":"A"}"#, r#"{"type":"say","room":"a","text":""}"#, "invalid-text"),
        (&full, r#"{"type":"join","room":"a","name":"b"}"#, "too-many-rooms"),
    ] {
        let actions = say(state, message);
        let [Action::Send(Message::Text(answer))] = actions.as_slice() else {
            panic!("{message}: {actions:?}")
        };
        let start = format!(r#"{{"type":"error","code":"{code}","message":""#);
        assert!(answer.starts_with(&start), "{message}: {answer}");
    }
}
