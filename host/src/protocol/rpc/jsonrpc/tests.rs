use super::super::testing::{Fake, Random};
use super::*;
use crate::limits::PluginLimits;

fn exchange_with(fake: &Fake, body: &[u8]) -> Option<String> {
    Fake::runtime().block_on(answer(&fake.service(), &fake.contract, body))
}

fn exchange(body: &str) -> Option<String> {
    exchange_with(&Fake::new(), body.as_bytes())
}

fn error(code: i32, message: &str, id: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","error":{{"code":{code},"message":"{message}"}},"id":{id}}}"#)
}

/// Request, what it is answered with.
fn assert_transcript(request: &str, reply: &str) {
    assert_eq!(exchange(request).as_deref(), Some(reply), "{request}");
}

const PARSE: &str = r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"},"id":null}"#;
const INVALID: &str = r#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request"},"id":null}"#;

#[test]
fn the_specifications_examples_of_calls() {
    for (request, reply) in [
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
        (
            r#"{"jsonrpc": "2.0", "method": "foobar", "id": "1"}"#,
            r#"{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found"},"id":"1"}"#,
        ),
        (r#"{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]"#, PARSE),
        (r#"{"jsonrpc": "2.0", "method": 1, "params": "bar"}"#, INVALID),
    ] {
        assert_transcript(request, reply);
    }
}

#[test]
fn the_specifications_examples_of_notifications() {
    for request in [
        r#"{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}"#,
        r#"{"jsonrpc": "2.0", "method": "foobar"}"#,
        r#"[{"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},
            {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}]"#,
    ] {
        assert_eq!(exchange(request), None, "{request}");
    }
}

#[test]
fn the_specifications_examples_of_batches() {
    assert_transcript(
        r#"[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},{"jsonrpc": "2.0", "method"]"#,
        PARSE,
    );
    assert_transcript("[]", INVALID);
    assert_transcript("[1]", &format!("[{INVALID}]"));
    assert_transcript("[1,2,3]", &format!("[{INVALID},{INVALID},{INVALID}]"));
    assert_transcript(
        r#"[
            {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
            {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
            {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
            {"foo": "boo"},
            {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
            {"jsonrpc": "2.0", "method": "get_data", "id": "9"}
        ]"#,
        concat!(
            r#"[{"jsonrpc":"2.0","result":7,"id":"1"},"#,
            r#"{"jsonrpc":"2.0","result":19,"id":"2"},"#,
            r#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request"},"id":null},"#,
            r#"{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found"},"id":"5"},"#,
            r#"{"jsonrpc":"2.0","result":["hello",5],"id":"9"}]"#,
        ),
    );
}

#[test]
fn an_id_comes_back_exactly_as_it_was_sent() {
    for id in [
        "null",
        "0",
        "-0",
        "1.5",
        "1.0",
        "1e2",
        "-7",
        "123456789012345678901234567890",
        r#""""#,
        r#""é\u00e9\n""#,
        r#""null""#,
    ] {
        let request = format!(r#"{{"jsonrpc":"2.0","method":"sum","params":[],"id": {id} }}"#);
        assert_transcript(&request, &format!(r#"{{"jsonrpc":"2.0","result":0,"id":{id}}}"#));
    }
    for id in ["true", "false", "{}", "[]", "[1]"] {
        assert_transcript(&format!(r#"{{"jsonrpc":"2.0","method":"sum","params":[],"id":{id}}}"#), INVALID);
    }
}

#[test]
fn params_reach_the_plugin_exactly_as_they_were_sent() {
    let fake = Fake::new();
    let body = r#"{"jsonrpc":"2.0","method":"update","params": [1.0, 1e400 ,"\u00e9", {"b":1,"a":12345678901234567890}],"id":1}"#;
    exchange_with(&fake, body.as_bytes());
    let sent = r#"[1.0, 1e400 ,"\u00e9", {"b":1,"a":12345678901234567890}]"#;
    assert_eq!(fake.calls.take(), [("update".to_owned(), Some(sent.to_owned()))]);
    for absent in [
        r#"{"jsonrpc":"2.0","method":"update","id":1}"#,
        r#"{"jsonrpc":"2.0","method":"update","params":null,"id":1}"#,
    ] {
        exchange_with(&fake, absent.as_bytes());
        assert_eq!(fake.calls.take(), [("update".to_owned(), None)]);
    }
}

#[test]
fn what_is_not_a_request_is_answered_with_the_id_if_there_is_one() {
    for (request, id) in [
        (r#"{"jsonrpc":"2.0","method":"sum","params":1,"id":5}"#, "5"),
        (r#"{"jsonrpc":"2.0","method":"sum","params":"x","id":5}"#, "5"),
        (r#"{"jsonrpc":"2.0","method":"sum","params":true,"id":5}"#, "5"),
        (r#"{"jsonrpc":"2.0","method":null,"id":"a"}"#, "\"a\""),
        (r#"{"jsonrpc":"2.0","id":7}"#, "7"),
        (r#"{"jsonrpc":"2.0","result":1,"id":7}"#, "7"),
        (r#"{"jsonrpc":"2.0","method":"sum","params":1}"#, "null"),
        ("{}", "null"),
        ("1", "null"),
        ("null", "null"),
        ("\"text\"", "null"),
    ] {
        assert_transcript(request, &error(-32600, "Invalid Request", id));
    }
    let nested = r#"[[{"jsonrpc":"2.0","method":"sum","params":[1],"id":1}]]"#;
    assert_transcript(nested, &format!("[{INVALID}]"));
}

#[test]
fn another_version_is_refused_and_said_so() {
    for version in [r#""jsonrpc":"1.0","#, r#""jsonrpc":2.0,"#, r#""jsonrpc":null,"#, ""] {
        let reply = exchange(&format!(r#"{{{version}"method":"sum","params":[],"id":3}}"#)).unwrap();
        assert!(
            reply.contains(r#""code":-32600,"message":"Invalid Request","data":"the member `jsonrpc` must"#)
        );
        assert!(reply.ends_with(r#","id":3}"#), "{reply}");
    }
    assert_transcript(
        r#"{"\u006asonrpc":"\u0032.0","m\u0065thod":"s\u0075m","params":[2],"id":1}"#,
        r#"{"jsonrpc":"2.0","result":2,"id":1}"#,
    );
}

#[test]
fn a_member_named_twice_is_refused_however_it_is_spelled() {
    let fake = Fake::new();
    for (members, id) in [
        (r#""id":1,"method":"sum""#, "1"),
        (r#""id":1,"params":[1]"#, "1"),
        (r#""id":1,"m\u0065thod":"update""#, "1"),
        (r#""id":1,"jsonrpc":"2.0""#, "1"),
        (r#""id":1,"x":1,"y":2,"\u0078":3"#, "1"),
        (r#""id":1,"id":1"#, "null"),
    ] {
        let request = format!(r#"{{"jsonrpc":"2.0","method":"sum","params":[],{members}}}"#);
        let reply = exchange_with(&fake, request.as_bytes()).unwrap();
        assert!(reply.contains(r#""code":-32600,"#) && reply.contains("named twice"), "{reply}");
        assert!(reply.ends_with(&format!(r#""id":{id}}}"#)), "{reply}");
    }
    assert!(fake.called().is_empty());
    assert_transcript(
        r#"{"x":1,"jsonrpc":"2.0","method":"sum","params":[3],"y":{"x":1,"x":1},"id":1}"#,
        r#"{"jsonrpc":"2.0","result":3,"id":1}"#,
    );
}

#[test]
fn members_of_other_names_are_ignored_up_to_their_bound() {
    let request = |others: usize| {
        let others: String = (0..others).map(|number| format!(r#","x{number}":{number}"#)).collect();
        format!(r#"{{"jsonrpc":"2.0","method":"sum","id":1{others}}}"#)
    };
    assert_transcript(&request(64), r#"{"jsonrpc":"2.0","result":0,"id":1}"#);
    let reply = exchange(&request(65)).unwrap();
    assert!(reply.contains("at most 64 members") && reply.ends_with(r#""id":1}"#), "{reply}");
}

#[test]
fn what_is_not_json_is_a_parse_error() {
    for request in [
        "",
        " ",
        "nonsense",
        "NaN",
        r#"{"jsonrpc":"2.0","method":"sum","params":[NaN],"id":1}"#,
        r#"{"jsonrpc":"2.0","method":"sum","params":[Infinity],"id":1}"#,
        r#"{"jsonrpc":"2.0","method":"sum","params":[1],"id":1} x"#,
        r#"{"jsonrpc":"2.0","method":"sum","params":[1],"id":1}{}"#,
        r#"{"jsonrpc":"2.0","method":"sum","params":["\ud800"],"id":1}"#,
        r#"{"jsonrpc":"2.0","method":"sum","params":[1],"id":1,}"#,
        "[1,]",
        "[",
    ] {
        assert_transcript(request, PARSE);
    }
    let reply = exchange_with(&Fake::new(), b"{\"jsonrpc\":\"2.0\",\"method\":\"\xff\"}").unwrap();
    assert!(
        reply.contains(r#""code":-32700,"message":"Parse error","data":"the text is not UTF-8""#),
        "{reply}"
    );
    let deep = format!(r#"{{"jsonrpc":"2.0","method":"sum","params":{}"#, "[".repeat(1_000_000));
    assert!(exchange(&deep).unwrap().contains("may nest at most 64 deep"));
}

#[test]
fn whitespace_and_a_byte_order_mark_around_a_request_are_ignored() {
    let reply = r#"{"jsonrpc":"2.0","result":3,"id":1}"#;
    let request = r#"{"jsonrpc":"2.0","method":"sum","params":[3],"id":1}"#;
    assert_transcript(&format!("\r\n\t {request} \n"), reply);
    assert_transcript(&format!("\u{feff}{request}"), reply);
}

#[test]
fn a_notification_is_carried_out_and_never_answered_whatever_becomes_of_it() {
    let fake = Fake::new();
    for method in ["update", "trap", "foobar", "rpc.nothing"] {
        let request = format!(r#"{{"jsonrpc":"2.0","method":"{method}"}}"#);
        assert_eq!(exchange_with(&fake, request.as_bytes()), None);
    }
    assert_eq!(fake.called(), ["update", "trap"]);
    let mixed =
        r#"[{"jsonrpc":"2.0","method":"update"},{"jsonrpc":"2.0","method":"sum","params":[1],"id":1}]"#;
    assert_transcript(mixed, r#"[{"jsonrpc":"2.0","result":1,"id":1}]"#);
}

#[test]
fn failures_of_the_plugin_are_told_as_they_are() {
    assert_transcript(
        r#"{"jsonrpc":"2.0","method":"fail","params":[4711,"no \"such\" user\n"," {\"id\": 1.0} "],"id":1}"#,
        r#"{"jsonrpc":"2.0","error":{"code":4711,"message":"no \"such\" user\n","data":{"id": 1.0}},"id":1}"#,
    );
    assert_transcript(
        r#"{"jsonrpc":"2.0","method":"subtract","params":[1],"id":1}"#,
        &error(-32602, "Invalid params", "1"),
    );
}

#[test]
fn failures_of_the_host_have_a_fixed_text_and_the_request_id() {
    for (method, code, message) in [
        ("trap", -32603, "The service failed on this request."),
        ("late", -32001, "The service did not answer within its time."),
        ("busy", -32003, "The service is at capacity. Try again shortly."),
    ] {
        assert_transcript(
            &format!(r#"{{"jsonrpc":"2.0","method":"{method}","id":1}}"#),
            &format!(
                r#"{{"jsonrpc":"2.0","error":{{"code":{code},"message":"{message}","data":{{"requestId":"0000000000000abc"}}}},"id":1}}"#
            ),
        );
    }
}

#[test]
fn an_answer_that_is_not_json_is_never_passed_on() {
    for result in ["", "x", "1 2", "{", r#"\"\\ud800\""#, "NaN", "[1,]"] {
        let request = format!(r#"{{"jsonrpc":"2.0","method":"raw","params":["{result}"],"id":1}}"#);
        let reply = exchange(&request).unwrap();
        assert!(reply.contains(r#""code":-32603,"message":"The service gave an answer"#), "{reply}");
    }
    assert_transcript(
        r#"{"jsonrpc":"2.0","method":"raw","params":[" [ 1.0 ] \n"],"id":1}"#,
        r#"{"jsonrpc":"2.0","result":[ 1.0 ],"id":1}"#,
    );
    let data = r#"{"jsonrpc":"2.0","method":"fail","params":[1,"m","{"],"id":1}"#;
    assert!(exchange(data).unwrap().contains(r#""code":-32603"#));
}

#[test]
fn an_answer_over_its_limit_is_not_sent() {
    let limits = PluginLimits { response_bytes_max: 1_024, ..PluginLimits::DEFAULT };
    let fake = Fake::with(limits);
    let single = |size: usize| {
        let request = format!(r#"{{"jsonrpc":"2.0","method":"big","params":[{size}],"id":1}}"#);
        exchange_with(&fake, request.as_bytes()).unwrap()
    };
    assert!(single(1_022).contains(r#""result":"xxx"#));
    assert!(single(1_023).contains(r#""code":-32603"#));
    let call = r#"{"jsonrpc":"2.0","method":"big","params":[400],"id":1}"#;
    let reply = exchange_with(&fake, format!("[{call},{call},{call}]").as_bytes()).unwrap();
    assert_eq!(reply.matches(r#""result":"#).count(), 2);
    assert_eq!(reply.matches(r#""code":-32005"#).count(), 1);
}

#[test]
fn a_batch_over_its_limit_is_refused_as_a_whole() {
    let fake = Fake::new();
    let call = r#"{"jsonrpc":"2.0","method":"sum","params":[1],"id":1}"#;
    let batch = |count: usize| format!("[{}]", vec![call; count].join(","));
    let full = exchange_with(&fake, batch(50).as_bytes()).unwrap();
    assert_eq!(full.matches(r#""result":1"#).count(), 50);
    fake.calls.take();
    for count in [51, 100_000] {
        let reply = exchange_with(&fake, batch(count).as_bytes()).unwrap();
        assert!(reply.starts_with(r#"{"jsonrpc":"2.0","error":{"code":-32600,"#), "{reply}");
        assert!(reply.contains("at most 50 calls") && reply.ends_with(r#""id":null}"#), "{reply}");
    }
    assert!(fake.called().is_empty());
}

#[test]
fn the_calls_of_a_batch_run_side_by_side_within_their_bound() {
    let fake = Fake::new();
    let calls: Vec<String> =
        (0..50).map(|id| format!(r#"{{"jsonrpc":"2.0","method":"slow","id":{id}}}"#)).collect();
    let reply = exchange_with(&fake, format!("[{}]", calls.join(",")).as_bytes()).unwrap();
    assert_eq!(fake.running_max.get(), 8);
    let ids: Vec<u64> = serde_json::from_str::<Vec<serde_json::Value>>(&reply)
        .unwrap()
        .iter()
        .map(|reply| reply["id"].as_u64().unwrap())
        .collect();
    assert_eq!(ids, (0..50).collect::<Vec<_>>());
}

#[test]
fn calls_of_a_batch_that_is_too_old_are_not_begun() {
    let fake = Fake::with(PluginLimits { batch_ms_max: 0, ..PluginLimits::DEFAULT });
    let call = r#"{"jsonrpc":"2.0","method":"sum","id":1}"#;
    let notification = r#"{"jsonrpc":"2.0","method":"update"}"#;
    let reply = exchange_with(&fake, format!("[{call},{notification},{call}]").as_bytes()).unwrap();
    assert_eq!(reply.matches(r#""code":-32001"#).count(), 2, "{reply}");
    assert!(fake.called().is_empty());
    assert!(
        exchange_with(&fake, call.as_bytes()).unwrap().contains(r#""result":0"#),
        "a single call has no such bound"
    );
}

#[test]
fn calls_with_the_same_id_are_all_answered() {
    let call = r#"{"jsonrpc":"2.0","method":"sum","params":[1],"id":1}"#;
    let reply = r#"{"jsonrpc":"2.0","result":1,"id":1}"#;
    assert_transcript(&format!("[{call},{call}]"), &format!("[{reply},{reply}]"));
}

#[test]
fn the_hosts_own_methods_cost_no_instance() {
    let fake = Fake::new();
    let ask = |method: &str, params: &str| {
        let request = format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params},"id":1}}"#);
        exchange_with(&fake, request.as_bytes()).unwrap()
    };
    assert!(ask("system.listMethods", "[]").contains(r#""optional","rpc.discover","system.listMethods""#));
    assert_eq!(ask("system.methodHelp", r#"["sum"]"#), r#"{"jsonrpc":"2.0","result":"Help on sum.","id":1}"#);
    assert_eq!(
        ask("system.methodSignature", r#"["optional"]"#),
        r#"{"jsonrpc":"2.0","result":[["dateTime.iso8601","string"],["dateTime.iso8601","string","int"]],"id":1}"#
    );
    for (method, params) in [
        ("system.methodHelp", "[]"),
        ("system.methodHelp", r#"["nothing"]"#),
        ("system.methodHelp", "[1]"),
        ("system.methodHelp", r#"["sum","sum"]"#),
        ("system.methodHelp", r#"{"name":"sum"}"#),
        ("system.listMethods", "[1]"),
        ("rpc.discover", r#"{"a":1}"#),
    ] {
        assert!(
            ask(method, params).contains(r#""code":-32602,"message":"Invalid params""#),
            "{method} {params}"
        );
    }
    for method in ["system.multicall", "system.nothing", "rpc.nothing"] {
        assert!(ask(method, "[]").contains(r#""code":-32601"#), "{method}");
    }
    assert!(fake.called().is_empty());
}

#[test]
fn discover_answers_an_openrpc_document_with_the_address_that_was_asked() {
    let reply = exchange(r#"{"jsonrpc":"2.0","method":"rpc.discover","params":{ },"id":1}"#).unwrap();
    let reply: serde_json::Value = serde_json::from_str(&reply).unwrap();
    let document = &reply["result"];
    assert_eq!(document["openrpc"], "1.3.2");
    assert_eq!(document["info"]["title"], "fake");
    assert_eq!(document["servers"][0]["url"], "http://host/fake");
    let methods = document["methods"].as_array().unwrap();
    let subtract = methods.iter().find(|method| method["name"] == "subtract").unwrap();
    assert_eq!(subtract["description"], "Help on subtract.");
    assert_eq!(subtract["params"][0]["name"], "minuend");
    assert_eq!(subtract["params"][0]["required"], true);
    assert_eq!(subtract["params"][0]["schema"]["type"], "number");
    assert_eq!(subtract["result"]["schema"]["type"], "number");
}

#[test]
fn arbitrary_bytes_are_answered_with_json_or_not_at_all() {
    let seeds: [&[u8]; 3] = [
        br#"{"jsonrpc":"2.0","method":"echo","params":[{"a":[1,"x\u00e9"]}],"id":"1"}"#,
        br#"[{"jsonrpc":"2.0","method":"echo","params":{"a":1.5e3}},{"jsonrpc":"2.0","method":"sum","id":2},7]"#,
        br#"{"jsonrpc":"2.0","method":"system.methodHelp","params":["echo"],"id":null}"#,
    ];
    let fake = Fake::new();
    let runtime = Fake::runtime();
    let mut random = Random(7);
    for round in 0..60_000 {
        let seed = seeds[round % seeds.len()];
        let body = random.mutated(seed, br#"{}[]",:\ud8009.-e tfnid"#);
        if let Some(reply) = runtime.block_on(answer(&fake.service(), &fake.contract, &body)) {
            assert!(serde_json::from_str::<serde::de::IgnoredAny>(&reply).is_ok(), "{reply}");
        }
    }
}
