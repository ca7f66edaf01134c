//! JSON-RPC over WebSocket: the same methods as over HTTP, many messages at once on one connection.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::host::plugin_bytes;
use crate::support::socket::Socket;
use crate::support::{Host, Shared, guest};

static HOST: Shared = Shared::new(|| Host::with(&["spec-rpc"]));

const UPGRADE: [(&str, &str); 4] = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

fn call(id: u64, method: &str, params: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string()
}

#[track_caller]
fn answer(socket: &mut Socket) -> Value {
    let text = socket.text();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A plugin whose method `l` never ends and whose method `f` is done at once.
fn slow_and_fast(limits: &str) -> Host {
    Host::builder()
        .file("remote.wasm", guest::component(&["rpc-plugin"], include_str!("hostile/rpc.wat")))
        .file("remote.toml", format!("[limits]\ncpu_ms_max = 50\n{limits}"))
        .start()
}

#[test]
fn a_message_is_answered_as_a_body_is_over_http() {
    let host = HOST.get();
    let mut socket = Socket::open(&host, "/spec-rpc");
    for message in [
        r#"{"jsonrpc":"2.0","method":"subtract","params":[42,23],"id":1}"#,
        r#" {"jsonrpc":"2.0","method":"subtract","params":{"subtrahend":23,"minuend":42},"id":1.50} "#,
        r#"{"jsonrpc":"2.0","method":"nobody","id":"a"}"#,
        r#"{"jsonrpc":"2.0","method":"subtract","params":[1],"id":null}"#,
        r#"[{"jsonrpc":"2.0","method":"sum","params":[1],"id":1},{"jsonrpc":"2.0","method":"update"},1]"#,
        "[]",
        "{",
        "",
        r#"{"jsonrpc":"2.0","method":"system.listMethods","id":1}"#,
        r#"{"jsonrpc":"2.0","method":"rpc.discover","id":1}"#,
    ] {
        socket.send_text(message);
        assert_eq!(socket.text(), host.post("/spec-rpc", "application/json", message).text(), "{message}");
    }
}

#[test]
fn a_notification_is_answered_with_nothing() {
    let host = HOST.get();
    let mut socket = Socket::open(&host, "/spec-rpc");
    socket.send_text(r#"{"jsonrpc":"2.0","method":"update","params":[1]}"#);
    socket.send_text(r#"[{"jsonrpc":"2.0","method":"update"},{"jsonrpc":"2.0","method":"nobody"}]"#);
    socket.send_text(&call(7, "sum", &json!([1])));
    assert_eq!(answer(&mut socket)["id"], 7);
}

#[test]
fn bytes_end_the_connection_with_1003() {
    let host = HOST.get();
    let mut socket = Socket::open(&host, "/spec-rpc");
    socket.send_frame(0x82, call(1, "sum", &json!([1])).as_bytes());
    let (opcode, payload) = socket.frame();
    assert_eq!((opcode, payload.get(..2)), (8, Some(&1003_u16.to_be_bytes()[..])), "{payload:?}");
}

#[test]
fn answers_come_as_they_are_ready() {
    let host = slow_and_fast("");
    let mut socket = Socket::open(&host, "/remote");
    socket.send_text(&call(1, "l", &json!([])));
    socket.send_text(&call(2, "f", &json!([])));
    assert_eq!(answer(&mut socket), json!({"jsonrpc": "2.0", "result": "fine", "id": 2}));
    let late = answer(&mut socket);
    assert_eq!((&late["id"], &late["error"]["code"]), (&json!(1), &json!(-32_001)), "{late}");
}

#[test]
fn no_more_calls_of_a_connection_run_at_once_than_may() {
    let host = slow_and_fast("websocket_calls_max = 1\n");
    let mut socket = Socket::open(&host, "/remote");
    for id in 0..6 {
        socket.send_text(&call(id, if id % 3 == 0 { "l" } else { "f" }, &json!([])));
    }
    let order: Vec<Value> = (0..6).map(|_| answer(&mut socket)["id"].clone()).collect();
    assert_eq!(order, (0..6).map(Value::from).collect::<Vec<_>>(), "one after the other");
}

#[test]
fn large_answers_wait_for_their_reader_and_are_all_sent() {
    let host = HOST.get();
    let mut socket = Socket::open(&host, "/spec-rpc");
    // Together three times what the connection's write buffer holds.
    let text = "x".repeat(200 * 1024);
    for id in 0..8 {
        socket.send_text(&call(id, "echo", &json!([text])));
    }
    let mut ids = BTreeSet::new();
    for _ in 0..8 {
        let answer = answer(&mut socket);
        assert_eq!(answer["result"].as_str().map(str::len), Some(text.len()));
        ids.insert(answer["id"].as_u64());
    }
    assert_eq!(ids.len(), 8);
    socket.send_text(&call(9, "sum", &json!([1])));
    assert_eq!(answer(&mut socket)["id"], 9);
}

#[test]
fn many_calls_are_all_answered() {
    let host = HOST.get();
    let mut socket = Socket::open(&host, "/spec-rpc");
    for id in 0..2_000 {
        socket.send_text(&call(id, "sum", &json!([id, 1])));
    }
    for _ in 0..2_000 {
        let answer = answer(&mut socket);
        assert_eq!(answer["result"].as_u64(), answer["id"].as_u64().map(|id| id + 1));
    }
}

#[test]
fn a_message_meets_the_version_that_is_live() {
    let host = slow_and_fast("");
    let mut socket = Socket::open(&host, "/remote");
    socket.send_text(&call(1, "subtract", &json!([42, 23])));
    assert_eq!(answer(&mut socket)["error"]["code"], -32_601);
    let before = host.log().len();
    host.put("remote.wasm", &plugin_bytes("spec-rpc"));
    host.wait_for_log_after(before, "live at /remote");
    socket.send_text(&call(2, "subtract", &json!([42, 23])));
    assert_eq!(answer(&mut socket)["result"], 19);
    let before = host.log().len();
    host.remove("remote.wasm");
    host.wait_for_log_after(before, "remote");
    socket.send_text(&call(3, "subtract", &json!([42, 23])));
    let (opcode, payload) = socket.frame();
    assert_eq!((opcode, payload.get(..2)), (8, Some(&1001_u16.to_be_bytes()[..])), "{payload:?}");
}

#[test]
fn who_may_not_call_gets_no_connection() {
    let host = Host::builder()
        .plugin("spec-rpc")
        .file("spec-rpc.toml", "[auth]\nrequire = [\"api-key\"]\n[limits]\nwebsocket_connections_max = 1\n")
        .start();
    let refused = host.request("GET", "/spec-rpc", &UPGRADE, b"");
    assert_eq!(refused.status, 401, "{refused:?}");

    let host = Host::builder()
        .plugin("spec-rpc")
        .file("spec-rpc.toml", "[limits]\nwebsocket_connections_max = 1\n")
        .start();
    let _open = Socket::open(&host, "/spec-rpc");
    assert_eq!(host.request("GET", "/spec-rpc", &UPGRADE, b"").status, 503);
}

#[test]
fn without_a_whole_handshake_it_is_http() {
    let host = HOST.get();
    let request = |method: &str, fields: &[(&str, &str)], body: &str| {
        host.request(method, "/spec-rpc", fields, body.as_bytes())
    };
    let refused = request("GET", &[], "");
    assert_eq!((refused.status, refused.header("allow")), (405, Some("POST")), "{refused:?}");
    assert_eq!(request("GET", &UPGRADE[..2], "").status, 426);
    let answer = request(
        "POST",
        &[("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Content-Type", "application/json")],
        &call(1, "sum", &json!([1])),
    );
    assert_eq!(answer.json()["result"], 1, "a call that offers an upgrade: {answer:?}");
}
