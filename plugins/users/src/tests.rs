#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails may panic")]

use guesthouse_sdk::rpc::{Failure, Plugin};
use serde_json::{Value, json};

use super::Users;

fn call(method: &str, params: Value) -> Result<Value, Failure> {
    let answer = Users::call(method.to_owned(), Some(params.to_string()))?;
    Ok(serde_json::from_str(&answer).unwrap())
}

fn data(failure: &Failure) -> Value {
    serde_json::from_str(failure.data.as_deref().unwrap()).unwrap()
}

#[test]
fn a_user_is_created_told_about_and_deleted() {
    let id = call("createUser", json!(["Ada", "ada@example.org"])).unwrap();
    assert_eq!(id, 1);
    let expected = json!({
        "id": 1, "name": "Ada", "email": "ada@example.org", "created": {"$dateTime": "20260101T00:00:00"},
    });
    assert_eq!(call("getUserInfo", json!([1])).unwrap(), expected);
    assert_eq!(call("deleteUser", json!({"id": 1})).unwrap(), true);
    for method in ["getUserInfo", "deleteUser"] {
        let failure = call(method, json!([1])).unwrap_err();
        assert_eq!((failure.code, data(&failure)), (1, json!({"id": 1})));
    }
    assert_eq!(call("createUser", json!(["Ada", "ada@example.org"])).unwrap(), 2);
}

#[test]
fn an_email_address_belongs_to_one_user() {
    call("createUser", json!(["Ada", "ada@example.org"])).unwrap();
    let failure = call("createUser", json!({"email": "ADA@example.org", "name": "Eve"})).unwrap_err();
    assert_eq!((failure.code, data(&failure)), (2, json!({"email": "ADA@example.org"})));
    assert_eq!(call("createUser", json!(["Eve", "eve@example.org"])).unwrap(), 2);
}

#[test]
fn arguments_that_make_no_sense_are_refused_by_name() {
    for (method, params, param) in [
        ("createUser", json!(["", "a@b"]), "name"),
        ("createUser", json!(["a".repeat(201), "a@b"]), "name"),
        ("createUser", json!(["a", "no address"]), "email"),
        ("createUser", json!(["a", "@"]), "email"),
        ("createUser", json!(["a"]), "email"),
        ("getUserInfo", json!(["1"]), "id"),
        ("getUserInfo", json!([-1]), "id"),
        ("listUsers", json!([0, 0]), "limit"),
        ("listUsers", json!({"limit": 101}), "limit"),
        ("listUsers", json!({"ofset": 1}), "ofset"),
    ] {
        let failure = call(method, params.clone()).unwrap_err();
        assert_eq!((failure.code, &data(&failure)["param"]), (-32602, &json!(param)), "{method} {params}");
    }
}

#[test]
fn users_are_listed_in_order_by_offset_and_limit() {
    for number in 1..=45 {
        call("createUser", json!([number.to_string(), format!("{number}@example.org")])).unwrap();
    }
    call("deleteUser", json!([2])).unwrap();
    let ids = |params: Value| {
        let users = call("listUsers", params).unwrap();
        users.as_array().unwrap().iter().map(|user| user["id"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(ids(json!([])).len(), 20);
    assert_eq!(ids(json!([0, 3])), [1, 3, 4]);
    assert_eq!(ids(json!({"offset": 42, "limit": 100})), [44, 45]);
    assert_eq!(ids(json!([1000])), Vec::<u64>::new());
}
