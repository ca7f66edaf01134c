//! RPC: the JSON-RPC specification by its own examples, XML-RPC with Python's own client, and the accounts of `users` with
//! both.

use serde_json::{Value, json};

use crate::support::{Answer, Host, Shared, python};

static HOST: Shared = Shared::new(|| Host::with(&["users", "spec-rpc"]));

const JSON: &str = "application/json";

#[track_caller]
fn json_rpc(host: &Host, body: impl AsRef<[u8]>) -> Answer {
    host.post("/spec-rpc", JSON, body)
}

/// The specification's own examples, "--> request" and "<-- answer", in its order (JSON-RPC 2.0, section 7). Spaces apart,
/// an answer is exactly this text.
const EXAMPLES: &[(&str, &str)] = &[
    (
        r#"{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}"#,
        r#"{"jsonrpc":"2.0","result":19,"id":1}"#,
    ),
    (
        r#"{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}"#,
        r#"{"jsonrpc":"2.0","result":-19,"id":2}"#,
    ),
    (
        r#"{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}"#,
        r#"{"jsonrpc":"2.0","result":19,"id":3}"#,
    ),
    (
        r#"{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}"#,
        r#"{"jsonrpc":"2.0","result":19,"id":4}"#,
    ),
    (r#"{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}"#, ""),
    (r#"{"jsonrpc": "2.0", "method": "foobar"}"#, ""),
    (
        r#"{"jsonrpc": "2.0", "method": "foobar", "id": "1"}"#,
        r#"{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found"},"id":"1"}"#,
    ),
    (
        r#"{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]"#,
        r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"},"id":null}"#,
    ),
    (
        r#"{"jsonrpc": "2.0", "method": 1, "params": "bar"}"#,
        r#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request"},"id":null}"#,
    ),
    (
        r#"[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"}, {"jsonrpc": "2.0", "method"]"#,
        r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"},"id":null}"#,
    ),
    ("[]", r#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request"},"id":null}"#),
    ("[1]", r#"[{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request"},"id":null}]"#),
    (
        "[1,2,3]",
        concat!(
            r#"[{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request"},"id":null},"#,
            r#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request"},"id":null},"#,
            r#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request"},"id":null}]"#
        ),
    ),
    (
        r#"[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
            {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
            {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
            {"foo": "boo"},
            {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
            {"jsonrpc": "2.0", "method": "get_data", "id": "9"}]"#,
        concat!(
            r#"[{"jsonrpc":"2.0","result":7,"id":"1"},{"jsonrpc":"2.0","result":19,"id":"2"},"#,
            r#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request"},"id":null},"#,
            r#"{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found"},"id":"5"},"#,
            r#"{"jsonrpc":"2.0","result":["hello",5],"id":"9"}]"#
        ),
    ),
    (
        r#"[{"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},
            {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}]"#,
        "",
    ),
];

#[test]
fn every_example_of_the_json_rpc_specification_is_answered_byte_for_byte() {
    let host = HOST.get();
    assert_eq!(EXAMPLES.len(), 15);
    for (request, expected) in EXAMPLES {
        let answer = json_rpc(&host, request);
        assert_eq!(answer.text(), *expected, "{request}");
        if expected.is_empty() {
            assert_eq!((answer.status, answer.header("content-type")), (204, None), "{answer:?}");
        } else {
            assert_eq!((answer.status, answer.header("content-type")), (200, Some(JSON)), "{answer:?}");
        }
    }
}

#[test]
fn ids_and_numbers_come_back_as_they_were_sent() {
    let host = HOST.get();
    for id in [
        "1.5",
        "1.0",
        "-0",
        "9007199254740993",
        "123456789012345678901234567890",
        "1e400",
        "\"\"",
        "\"\\u00e9\\ud83d\\ude00\"",
        "null",
    ] {
        let answer = json_rpc(&host, format!(r#"{{"jsonrpc":"2.0","method":"get_data","id":{id}}}"#));
        assert_eq!(answer.text(), format!(r#"{{"jsonrpc":"2.0","result":["hello",5],"id":{id}}}"#));
    }
    for value in
        ["9007199254740993", "1.10", "[1,{\"a\":null}]", "\"\\u0000<&>\"", "true", "[]", "{}", "null"]
    {
        let answer =
            json_rpc(&host, format!(r#"{{"jsonrpc":"2.0","method":"echo","params":[{value}],"id":1}}"#));
        assert_eq!(answer.text(), format!(r#"{{"jsonrpc":"2.0","result":{value},"id":1}}"#));
    }
}

/// The error's code and the id of the answer to this text.
#[track_caller]
fn code_and_id(host: &Host, text: impl AsRef<[u8]>) -> (i64, Value) {
    let answer = json_rpc(host, text);
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = answer.json();
    assert!(answer.get("result").is_none(), "{answer}");
    (answer["error"]["code"].as_i64().unwrap_or_else(|| panic!("no code: {answer}")), answer["id"].clone())
}

#[test]
fn what_is_no_request_is_told_apart_from_what_is_no_json() {
    let host = HOST.get();
    for text in [
        &b""[..],
        b"{",
        b"nothing",
        b"{\"jsonrpc\":\"2.0\",\"method\":\"get_data\",\"id\":1} x",
        b"{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":[NaN],\"id\":1}",
        b"{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":[\"\xff\"],\"id\":1}",
    ] {
        assert_eq!(code_and_id(&host, text), (-32700, Value::Null), "{}", text.escape_ascii());
    }
    assert_eq!(code_and_id(&host, "[".repeat(500_000)), (-32700, Value::Null));
    for (text, id) in [
        ("1", json!(null)),
        ("null", json!(null)),
        ("{}", json!(null)),
        (r#"{"jsonrpc":"1.0","method":"get_data","id":7}"#, json!(7)),
        (r#"{"method":"get_data","id":7}"#, json!(7)),
        (r#"{"jsonrpc":"2.0","id":7}"#, json!(7)),
        (r#"{"jsonrpc":"2.0","method":"get_data","id":true}"#, json!(null)),
        (r#"{"jsonrpc":"2.0","method":"get_data","id":{}}"#, json!(null)),
        (r#"{"jsonrpc":"2.0","method":"get_data","id":[1]}"#, json!(null)),
        (r#"{"jsonrpc":"2.0","method":"get_data","params":7,"id":7}"#, json!(7)),
    ] {
        assert_eq!(code_and_id(&host, text), (-32600, id), "{text}");
    }
    let nested = json_rpc(&host, r#"[[{"jsonrpc":"2.0","method":"get_data","id":1}]]"#).json();
    assert_eq!(nested[0]["error"]["code"], -32600, "{nested}");
}

#[test]
fn arguments_that_do_not_fit_are_refused_with_their_name() {
    let host = HOST.get();
    for params in [
        "[1]",
        "[1,2,3]",
        r#"["1",2]"#,
        "[1.5,2]",
        r#"{"minuend":1}"#,
        r#"{"minuend":1,"subtrahend":2,"x":3}"#,
    ] {
        let text = format!(r#"{{"jsonrpc":"2.0","method":"subtract","params":{params},"id":1}}"#);
        let answer = json_rpc(&host, &text).json();
        assert_eq!(answer["error"]["code"], -32602, "{text}: {answer}");
        assert_eq!(answer["error"]["message"], "Invalid params", "{text}: {answer}");
    }
}

#[test]
fn a_failure_of_the_plugins_own_keeps_its_code_and_message() {
    let host = HOST.get();
    for (code, message) in [(1, "one"), (-1, ""), (i32::MAX, "größte <&>"), (i32::MIN, "\u{0}\u{1f600}")] {
        let text =
            json!({"jsonrpc": "2.0", "method": "fail", "params": [code, message], "id": 1}).to_string();
        let answer = json_rpc(&host, text).json();
        assert_eq!((&answer["error"]["code"], &answer["error"]["message"]), (&json!(code), &json!(message)));
    }
}

#[test]
fn a_batch_is_answered_up_to_its_limit() {
    let host = HOST.get();
    let batch = |count: u32| {
        let calls: Vec<Value> = (0..count)
            .map(|id| json!({"jsonrpc": "2.0", "method": "subtract", "params": [id, 1], "id": id}))
            .collect();
        json_rpc(&host, json!(calls).to_string()).json()
    };
    let answers = batch(50);
    let answers = answers.as_array().expect("an array");
    assert_eq!(answers.len(), 50);
    for answer in answers {
        assert_eq!(answer["result"].as_i64(), answer["id"].as_i64().map(|id| id - 1), "{answer}");
    }
    let refused = batch(51);
    assert!(refused["error"]["code"].is_i64(), "one error for all of it: {refused}");
}

#[test]
fn a_method_or_a_type_that_no_rpc_has_is_refused_by_http() {
    let host = HOST.get();
    for content_type in
        ["text/plain", "application/x-www-form-urlencoded", "application/soap+xml", "application/jsonx"]
    {
        assert_eq!(host.post("/spec-rpc", content_type, "{}").status, 415, "{content_type}");
    }
    for method in ["PUT", "DELETE", "PATCH"] {
        let answer = host.request(method, "/spec-rpc", &[("Content-Type", JSON)], b"{}");
        assert_eq!(answer.status, 405, "{method}: {answer:?}");
        assert!(answer.header("allow").is_some_and(|allow| allow.contains("POST")), "{answer:?}");
    }
    assert_eq!(host.post("/spec-rpc", JSON, vec![b' '; 1024 * 1024 + 1]).status, 413);
    for content_type in ["application/json; charset=utf-8", "Application/JSON", "application/json-rpc"] {
        let answer = host.post("/spec-rpc", content_type, EXAMPLES[0].0);
        assert_eq!((answer.status, answer.text()), (200, EXAMPLES[0].1), "{content_type}");
    }
}

#[test]
fn a_request_without_a_type_is_taken_for_what_it_is_unless_a_browser_sent_it() {
    let host = HOST.get();
    let json = EXAMPLES[0].0.as_bytes();
    let answer = host.request("POST", "/spec-rpc", &[], json);
    assert_eq!((answer.status, answer.text()), (200, EXAMPLES[0].1));
    let xml = b"<methodCall><methodName>sum</methodName></methodCall>";
    let answer = host.request("POST", "/spec-rpc", &[], xml);
    assert!(answer.status == 200 && answer.text().contains("<int>0</int>"), "{answer:?}");
    for field in [("Origin", "https://elsewhere.example"), ("Sec-Fetch-Site", "cross-site")] {
        assert_eq!(host.request("POST", "/spec-rpc", &[field], json).status, 415, "{field:?}");
    }
}

#[test]
fn arguments_that_do_not_fit_are_told_from_everything_else() {
    let host = HOST.get();
    for params in [
        "[1]",
        "[1,2,3]",
        "[1,\"2\"]",
        r#"{"minuend":1}"#,
        r#"{"minuend":1,"subtrahend":2,"other":3}"#,
        r#"{"minuend":1,"subtrahend":2,"minuend":3}"#,
        "[1,1.5]",
        "[1,123456789012345678901234567890]",
    ] {
        let answer =
            json_rpc(&host, format!(r#"{{"jsonrpc":"2.0","method":"subtract","params":{params},"id":1}}"#));
        assert_eq!(answer.json()["error"]["code"], -32602, "{params}: {answer:?}");
    }
}

#[test]
fn xml_of_every_encoding_comes_back_as_the_same_text() {
    let host = HOST.get();
    let call = |declaration: &str, text: &str| {
        format!(
            "{declaration}<methodCall><methodName>echo</methodName><params><param><value>{text}</value></param></params></methodCall>"
        )
    };
    let utf16 = |text: &str, unit: fn(u16) -> [u8; 2]| -> Vec<u8> {
        std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(unit).collect()
    };
    let text = "Gr\u{fc}\u{df}e \u{1f600}";
    let latin: Vec<u8> = call("<?xml version='1.0' encoding='ISO-8859-1'?>", "Gr\u{fc}\u{df}e &#128512;")
        .chars()
        .map(|character| u8::try_from(u32::from(character)).unwrap())
        .collect();
    for (content_type, body) in [
        ("text/xml", call("", text).into_bytes()),
        (
            "text/xml; charset=utf-8",
            call("\u{feff}<?xml version='1.0' encoding='utf-8'?>", text).into_bytes(),
        ),
        ("text/xml; charset=utf-16", utf16(&call("", text), u16::to_le_bytes)),
        ("text/xml", utf16(&call("<?xml version='1.0' encoding='UTF-16'?>", text), u16::to_be_bytes)),
        ("text/xml; charset=us-ascii", call("", "Gr&#252;&#xdf;e &#128512;").into_bytes()),
        ("text/xml", latin),
    ] {
        let answer = host.post("/spec-rpc", content_type, body);
        assert!(answer.text().contains(&format!("<string>{text}</string>")), "{content_type}: {answer:?}");
    }
}

#[test]
fn the_methods_describe_themselves_as_openrpc() {
    let host = HOST.get();
    let answer = json_rpc(&host, r#"{"jsonrpc":"2.0","method":"rpc.discover","id":1}"#).json();
    let document = &answer["result"];
    assert!(document["openrpc"].as_str().is_some_and(|version| version.starts_with("1.")), "{answer}");
    let methods = document["methods"].as_array().expect("methods");
    let names: Vec<&str> = methods.iter().map(|method| method["name"].as_str().unwrap()).collect();
    for name in ["subtract", "sum", "get_data", "echo", "validator1.nestedStructTest"] {
        assert!(names.contains(&name), "{names:?}");
    }
}

/// Runs one function of a script against the shared host.
#[track_caller]
fn client(script: &str, check: &str) {
    let host = HOST.get();
    python(script, &[host.url().as_str(), check]);
}

#[test]
fn pythons_xml_rpc_client_gets_every_type_back() {
    client("xml_rpc.py", "every_type");
}

#[test]
fn pythons_xml_rpc_client_gets_texts_back_letter_for_letter() {
    client("xml_rpc.py", "texts");
}

#[test]
fn pythons_xml_rpc_client_passes_validator1() {
    client("xml_rpc.py", "validator1");
}

#[test]
fn pythons_xml_rpc_client_sees_faults_with_their_codes() {
    client("xml_rpc.py", "faults");
}

#[test]
fn pythons_xml_rpc_client_asks_for_the_methods_and_calls_many_at_once() {
    client("xml_rpc.py", "system_methods");
}

#[test]
fn users_are_kept_over_xml_rpc() {
    client("xml_rpc.py", "users");
}

#[test]
fn two_json_rpc_clients_of_other_makers_call_alone_by_name_and_in_batches() {
    client("json_rpc.py", "calls");
}

#[test]
fn users_are_kept_over_json_rpc_and_seen_over_xml_rpc() {
    client("json_rpc.py", "users");
}

#[test]
fn xml_that_is_no_call_is_a_fault_with_status_200() {
    let host = HOST.get();
    let call = |body: &str| {
        let answer = host.post("/spec-rpc", "text/xml", body);
        assert_eq!(
            (answer.status, answer.header("content-type").map(|value| value.starts_with("text/xml"))),
            (200, Some(true)),
            "{body}: {answer:?}"
        );
        answer.text().to_owned()
    };
    let doctype = r#"<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;">]><methodCall><methodName>echo</methodName>
        <params><param><value>&b;</value></param></params></methodCall>"#;
    let int_too_large = "<methodCall><methodName>echo</methodName><params><param><value><int>2147483648</int></value></param></params></methodCall>";
    for (body, code) in [
        ("", -32700),
        ("<methodCall>", -32700),
        (doctype, -32700),
        ("<methodResponse/>", -32600),
        ("<methodCall/>", -32600),
        (int_too_large, -32600),
        ("<methodCall><methodName>nobody</methodName></methodCall>", -32601),
        ("<methodCall><methodName>subtract</methodName></methodCall>", -32602),
    ] {
        let fault = call(body);
        assert!(
            fault.contains("<fault>") && fault.contains(&format!("<int>{code}</int>")),
            "{body}: {fault}"
        );
    }
    let deep = format!(
        "<methodCall><methodName>echo</methodName><params><param>{}",
        "<value><array><data>".repeat(20_000)
    );
    assert!(call(&deep).contains("<fault>"));
}
