#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails may panic")]

use guesthouse_sdk::rest::{Plugin, Request, Response};
use guesthouse_sdk::testing;
use serde_json::{Value, json};

use super::Todo;

fn send(method: &str, target: &str) -> Response {
    Todo::handle(Request::new(method, target))
}

fn send_json(method: &str, target: &str, body: Value) -> Response {
    let media_type = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
    Todo::handle(Request::new(method, target).with_body(media_type, body.to_string()))
}

fn body(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap()
}

fn field<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers.iter().find(|(held, _)| held == name).map(|(_, value)| value.as_str()).unwrap()
}

#[test]
fn an_item_is_created_read_changed_and_removed() {
    testing::set_mount("/todo");
    let created = send_json("POST", "/items", json!({"title": "milk"}));
    assert_eq!(created.status, 201);
    assert_eq!((field(&created, "location"), field(&created, "etag")), ("/todo/items/1", "\"1\""));
    assert_eq!(body(&created), json!({"id": 1, "title": "milk", "done": false}));

    let patched = send_json("PATCH", "/items/1", json!({"done": true}));
    assert_eq!((patched.status, field(&patched, "etag")), (200, "\"2\""));
    assert_eq!(body(&send("GET", "/items/1")), json!({"id": 1, "title": "milk", "done": true}));

    let replaced = send_json("PUT", "/items/1", json!({"title": "bread"}));
    assert_eq!(body(&replaced), json!({"id": 1, "title": "bread", "done": false}));

    assert_eq!(send("DELETE", "/items/1").status, 204);
    assert_eq!(send("GET", "/items/1").status, 404);
    assert_eq!(send("DELETE", "/items/1").status, 404);
    assert_eq!(send_json("PUT", "/items/1", json!({"title": "x"})).status, 404);
    assert_eq!(body(&send_json("POST", "/items", json!({"title": "next"})))["id"], 2);
}

#[test]
fn an_id_cannot_be_chosen_or_changed() {
    assert_eq!(send_json("POST", "/items", json!({"id": 1, "title": "a"})).status, 422);
    assert_eq!(send_json("POST", "/items", json!({"title": "a"})).status, 201);
    assert_eq!(send_json("PUT", "/items/1", json!({"id": 1, "title": "a"})).status, 422);
    assert_eq!(send_json("PATCH", "/items/1", json!({"id": 2})).status, 422);
    assert_eq!(send_json("PATCH", "/items/1", json!({"titel": "typo"})).status, 422);
}

#[test]
fn changes_hold_to_the_client_s_conditions() {
    send_json("POST", "/items", json!({"title": "a"}));
    let with = |method: &str, name: &str, value: &str| {
        let request = Request::new(method, "/items/1").with_header(name, value);
        Todo::handle(match method {
            "PUT" => request.with_body("application/json", r#"{"title":"b"}"#),
            _ => request,
        })
    };
    assert_eq!(with("GET", "if-none-match", "\"1\"").status, 304);
    assert_eq!(with("PUT", "if-match", "\"0\"").status, 412);
    assert_eq!(with("PUT", "if-match", "\"1\"").status, 200);
    assert_eq!(with("PUT", "if-match", "\"1\"").status, 412);
    assert_eq!(with("GET", "if-none-match", "\"1\"").status, 200);
    assert_eq!(with("DELETE", "if-match", "\"1\"").status, 412);
    assert_eq!(with("PUT", "if-none-match", "*").status, 412);
    assert_eq!(with("DELETE", "if-match", "\"2\"").status, 204);
    assert_eq!(with("DELETE", "if-match", "*").status, 412);
}

#[test]
fn pages_show_every_item_once_in_order_also_across_gaps() {
    for number in 1..=350 {
        send_json("POST", "/items", json!({"title": number.to_string()}));
    }
    for id in 3..=330 {
        assert_eq!(send("DELETE", &format!("/items/{id}")).status, 204);
    }
    let mut seen = Vec::new();
    let mut target = "/items?limit=7".to_owned();
    loop {
        let page = body(&send("GET", &target));
        let ids = page["items"].as_array().unwrap().iter().map(|item| item["id"].as_u64().unwrap());
        let before = seen.len();
        seen.extend(ids);
        assert!(seen.len() - before <= 7);
        match &page["next"] {
            Value::String(next) => target = format!("/items?limit=7&cursor={next}"),
            end => {
                assert_eq!(*end, Value::Null);
                break;
            }
        }
    }
    assert_eq!(seen, [1, 2].into_iter().chain(331..=350).collect::<Vec<_>>());
}

#[test]
fn paging_that_makes_no_sense_is_refused() {
    assert_eq!(body(&send("GET", "/items")), json!({"items": [], "next": null}));
    for query in ["limit=0", "limit=101", "limit=x", "cursor=x", "cursor=-1"] {
        assert_eq!(send("GET", &format!("/items?{query}")).status, 400, "{query}");
    }
    assert_eq!(body(&send("GET", "/items?cursor=18446744073709551615"))["items"], json!([]));
}
