//! REST, with curl and by hand: the to-do list as its clients see it, and what arrives at a plugin.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::host::plugin_bytes;
use crate::support::{Answer, Connection, Host, Shared, http, python, run, until};

static HOST: Shared = Shared::new(|| Host::with(&["todo", "spec-rest"]));

const JSON: &str = "application/json";
const MERGE_PATCH: &str = "application/merge-patch+json";
const PROBLEM: &str = "application/problem+json";

/// Adds an item and gives where it is.
#[track_caller]
fn add(host: &Host, title: &str) -> String {
    let added = host.post("/todo/items", JSON, json!({ "title": title }).to_string());
    assert_eq!(added.status, 201, "{added:?}");
    added.header("location").expect("a location").to_owned()
}

/// An answer of the host's or the plugin's own about what went wrong (RFC 9457).
#[track_caller]
fn assert_problem(answer: &Answer, status: u16) -> Value {
    assert_eq!((answer.status, answer.header("content-type")), (status, Some(PROBLEM)), "{answer:?}");
    let problem = answer.json();
    assert_eq!(problem["status"], status);
    assert!(problem["title"].is_string() && problem["detail"].is_string(), "{problem}");
    problem
}

fn methods(answer: &Answer) -> BTreeSet<String> {
    answer.header("allow").expect("`Allow`").split(", ").map(str::to_owned).collect()
}

#[test]
fn an_item_is_added_and_read_back() {
    let host = HOST.get();
    let added = host.post("/todo/items", JSON, r#"{"title":"water the plants"}"#);
    assert_eq!((added.status, added.header("content-type")), (201, Some(JSON)), "{added:?}");
    let location = added.header("location").expect("a location");
    let id: u64 = location.rsplit('/').next().unwrap().parse().expect("it ends with the id");
    assert_eq!(location, format!("/todo/items/{id}"));
    assert_eq!(added.json(), json!({"id": id, "title": "water the plants", "done": false}));
    let read = host.get(location);
    assert_eq!((read.status, read.json()), (200, added.json()));
    assert_eq!(read.header("etag"), added.header("etag"));
    assert!(read.header("etag").is_some_and(|etag| etag.starts_with('"')), "a strong one: {read:?}");
}

#[test]
fn an_item_that_has_not_changed_is_not_sent_again() {
    let host = HOST.get();
    let location = add(&host, "once");
    let etag = host.get(&location).header("etag").unwrap().to_owned();
    for condition in [etag.clone(), format!("W/{etag}"), format!("\"other\", {etag}"), "*".to_owned()] {
        for method in ["GET", "HEAD"] {
            let answer = host.request(method, &location, &[("If-None-Match", &condition)], b"");
            assert_eq!((answer.status, answer.body.len()), (304, 0), "{method} {condition}: {answer:?}");
            assert_eq!(answer.header("etag"), Some(etag.as_str()));
        }
    }
    let changed = host.request("GET", &location, &[("If-None-Match", "\"other\"")], b"");
    assert_eq!(changed.status, 200);
}

#[test]
fn a_change_that_would_overwrite_somebody_elses_is_refused() {
    let host = HOST.get();
    let location = add(&host, "mine");
    let first = host.get(&location).header("etag").unwrap().to_owned();
    let change = |etag: &str, title: &str| {
        let headers = [("If-Match", etag), ("Content-Type", MERGE_PATCH)];
        host.request("PATCH", &location, &headers, json!({ "title": title }).to_string().as_bytes())
    };
    let changed = change(&first, "changed");
    assert_eq!(changed.status, 200, "{changed:?}");
    let second = changed.header("etag").unwrap();
    assert_ne!(second, first);
    assert_problem(&change(&first, "too late"), 412);
    // `If-Match` compares strongly (RFC 9110, section 13.1.1).
    assert_problem(&change(&format!("W/{second}"), "weak"), 412);
    assert_eq!(host.request("DELETE", &location, &[("If-Match", &first)], b"").status, 412);
    assert_eq!(host.get(&location).json()["title"], "changed");
    assert_eq!(change("*", "any").status, 200);
    // Made only if there is none yet: there is one.
    let headers = [("If-None-Match", "*"), ("Content-Type", JSON)];
    assert_problem(&host.request("PUT", &location, &headers, br#"{"title":"new"}"#), 412);
}

#[test]
fn a_merge_patch_changes_the_members_it_names() {
    let host = HOST.get();
    let location = add(&host, "patch me");
    let patch =
        |body: &str| host.request("PATCH", &location, &[("Content-Type", MERGE_PATCH)], body.as_bytes());
    let patched = patch(r#"{"done":true}"#);
    assert_eq!(patched.status, 200, "{patched:?}");
    assert_eq!((&patched.json()["title"], &patched.json()["done"]), (&json!("patch me"), &json!(true)));
    assert_eq!(host.get(&location).json(), patched.json());
    // Null takes a member away (RFC 7396), and an item without a title is none.
    assert_problem(&patch(r#"{"title":null}"#), 422);
    assert_problem(&patch(r#"{"colour":"red"}"#), 422);
    assert_problem(&patch(r#"{"id":999999}"#), 422);
    assert_problem(&patch("{"), 400);
    assert_eq!(host.get(&location).json(), patched.json());
}

#[test]
fn an_item_is_replaced_and_removed() {
    let host = HOST.get();
    let location = add(&host, "old");
    let replaced =
        host.request("PUT", &location, &[("Content-Type", JSON)], br#"{"title":"new","done":true}"#);
    assert_eq!((replaced.status, &replaced.json()["title"]), (200, &json!("new")), "{replaced:?}");
    let removed = host.request("DELETE", &location, &[], b"");
    assert_eq!((removed.status, removed.body.len()), (204, 0), "{removed:?}");
    for method in ["GET", "DELETE"] {
        assert_problem(&host.request(method, &location, &[], b""), 404);
    }
    assert_problem(&host.request("PUT", &location, &[("Content-Type", JSON)], br#"{"title":"again"}"#), 404);
}

#[test]
fn pages_hold_every_item_once_in_order_whatever_was_deleted() {
    let host = Host::with(&["todo"]);
    assert_eq!(host.get("/todo/items").json(), json!({"items": [], "next": null}));
    let locations: Vec<String> = (0..10).map(|number| add(&host, &format!("item {number}"))).collect();
    for gone in [0, 4, 5, 9] {
        assert_eq!(host.request("DELETE", &locations[gone], &[], b"").status, 204);
    }
    for limit in [1, 2, 3, 6, 100] {
        let mut titles = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = host.get(&format!("/todo/items?limit={limit}{cursor}"));
            assert_eq!(page.status, 200, "{page:?}");
            let page = page.json();
            let items = page["items"].as_array().unwrap();
            assert!(items.len() <= limit, "{page}");
            titles.extend(items.iter().map(|item| item["title"].as_str().unwrap().to_owned()));
            match &page["next"] {
                Value::Null => break,
                next => cursor = format!("&cursor={}", next.as_str().expect("a text")),
            }
            assert!(titles.len() < 100, "the pages never end");
        }
        assert_eq!(titles, ["item 1", "item 2", "item 3", "item 6", "item 7", "item 8"], "limit {limit}");
    }
    for query in ["limit=0", "limit=101", "limit=-1", "limit=many", "cursor=x"] {
        assert_problem(&host.get(&format!("/todo/items?{query}")), 400);
    }
}

#[test]
fn items_are_there_after_the_host_was_killed() {
    let mut host = Host::with(&["todo"]);
    let location = add(&host, "durable");
    let first = host.process_id();
    host.kill();
    assert!(!host.is_running());
    host.restart();
    assert_ne!(host.process_id(), first);
    assert_eq!(host.get(&location).json()["title"], "durable");
}

#[test]
fn head_is_get_without_the_body() {
    let host = HOST.get();
    let location = add(&host, "head");
    let (get, head) = (host.get(&location), host.request("HEAD", &location, &[], b""));
    assert_eq!(head.status, 200);
    for field in ["content-type", "content-length", "etag"] {
        assert_eq!(head.header(field), get.header(field), "{field}");
    }
    // Nothing of a body comes after the head: the connection is in step for the next request.
    let mut connection = Connection::open(host.address());
    for method in ["HEAD", "GET", "HEAD"] {
        connection.send(&http::request(host.address(), method, &location, &[], b""));
        assert_eq!(connection.answer_to(method).status, 200);
    }
    assert_eq!(host.request("HEAD", "/todo/items/0", &[], b"").status, 404);
}

#[test]
fn options_and_refusals_name_the_methods_that_are_there() {
    let host = HOST.get();
    let of = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let item = of(&["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "PUT"]);
    let items = of(&["GET", "HEAD", "OPTIONS", "POST"]);
    for (path, expected) in [("/todo/items/1", &item), ("/todo/items", &items)] {
        let options = host.request("OPTIONS", path, &[], b"");
        assert_eq!((options.status, &methods(&options)), (204, expected), "{options:?}");
    }
    for (method, path, expected) in
        [("POST", "/todo/items/1", &item), ("DELETE", "/todo/items", &items), ("PUT", "/todo/items", &items)]
    {
        let answer = host.request(method, path, &[], b"");
        assert_problem(&answer, 405);
        assert_eq!(&methods(&answer), expected, "{method} {path}");
    }
    // A method that nobody knows (RFC 9110, section 9.1).
    assert_problem(&host.request("BREW", "/todo/items", &[], b""), 501);
}

#[test]
fn a_path_that_nothing_is_served_at_is_not_found() {
    let host = HOST.get();
    for path in
        ["/nothing", "/todo", "/todo/", "/todo/nothing", "/todo/items/", "/todo/items/x", "/todo/items/0"]
    {
        assert_problem(&host.get(path), 404);
    }
    // A mount is whole segments.
    assert_problem(&host.get("/todos/items"), 404);
}

#[test]
fn a_body_over_the_limit_is_refused_with_413_however_it_is_sent() {
    let host = HOST.get();
    const LIMIT: usize = 1024 * 1024;
    let at_limit = host.post("/spec-rest/", "text/plain", vec![b'x'; LIMIT]);
    assert_eq!((at_limit.status, at_limit.json()["body"].as_str().map(str::len)), (200, Some(LIMIT)));
    assert_problem(&host.post("/spec-rest/", "text/plain", vec![b'x'; LIMIT + 1]), 413);
    // Announced only: refused before a byte of it is sent.
    let mut connection = Connection::open(host.address());
    connection.send(b"POST /spec-rest/ HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999\r\n\r\n");
    assert_problem(&connection.answer(), 413);
    // Not announced: counted as it comes.
    let mut connection = Connection::open(host.address());
    connection.send(b"POST /spec-rest/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    for _ in 0..=LIMIT / 65_536 {
        connection.send(b"10000\r\n");
        connection.send(&[b'x'; 65_536]);
        connection.send(b"\r\n");
    }
    assert_problem(&connection.answer(), 413);
}

#[test]
fn a_body_of_another_type_is_refused_with_415_and_told_which_is_taken() {
    let host = HOST.get();
    let location = add(&host, "types");
    for content_type in ["text/plain", "application/xml", "application/x-www-form-urlencoded"] {
        let answer = host.post("/todo/items", content_type, r#"{"title":"x"}"#);
        assert_problem(&answer, 415);
        assert_eq!(answer.header("accept"), Some(JSON), "{answer:?}");
    }
    let answer = host.request("PATCH", &location, &[("Content-Type", JSON)], br#"{"done":true}"#);
    assert_problem(&answer, 415);
    assert_eq!(answer.header("accept-patch"), Some(MERGE_PATCH), "{answer:?}");
    let headers = [("Content-Type", JSON), ("Content-Encoding", "gzip")];
    assert_problem(&host.request("POST", "/todo/items", &headers, br#"{"title":"x"}"#), 415);
    let taken = host.post("/todo/items", "Application/JSON; charset=utf-8", r#"{"title":"x"}"#);
    assert_eq!(taken.status, 201, "{taken:?}");
}

#[test]
fn json_that_is_none_or_is_no_item_is_told_apart() {
    let host = HOST.get();
    for body in [&b""[..], b"{", b"{\"title\":\"\xff\"}", b"{\"title\":\"x\"} x"] {
        assert_problem(&host.post("/todo/items", JSON, body), 400);
    }
    // Deeper than any decoder may follow.
    assert_problem(&host.post("/todo/items", JSON, "[".repeat(100_000)), 400);
    let problem = assert_problem(&host.post("/todo/items", JSON, r#"{"title":1}"#), 422);
    assert_eq!(problem["errors"][0]["pointer"], "#/title", "{problem}");
    for body in ["[]", "{}", "null", r#"{"title":"x","colour":"red"}"#, r#"{"title":"x","id":7}"#] {
        assert_problem(&host.post("/todo/items", JSON, body), 422);
    }
}

/// What `spec-rest` was sent by curl with these arguments.
#[track_caller]
fn echo(host: &Host, arguments: &[&str]) -> Value {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--fail-with-body"]).args(arguments);
    command.arg(format!("{}/spec-rest/a%20b/c?x=1&y=%C3%A9&x=2&empty", host.url()));
    serde_json::from_str(&run(&mut command, b"").success()).expect("JSON")
}

fn values<'a>(echo: &'a Value, name: &str) -> Vec<&'a str> {
    let headers = echo["headers"].as_array().unwrap();
    headers.iter().filter(|header| header[0] == name).map(|header| header[1].as_str().unwrap()).collect()
}

#[test]
fn a_plugin_is_told_the_same_over_both_versions_of_http() {
    let host = HOST.get();
    for version in ["--http1.1", "--http2-prior-knowledge"] {
        let sent = echo(
            &host,
            &[version, "-X", "PUT", "-d", "häll\u{f6}", "-H", "X-Two: a", "-H", "x-two: b", "-H", "Empty;"],
        );
        assert_eq!(sent["method"], "PUT", "{version}");
        assert_eq!((&sent["path"], &sent["query"]), (&json!("/a%20b/c"), &json!("x=1&y=%C3%A9&x=2&empty")));
        assert_eq!(sent["body"], "hällö");
        assert_eq!(values(&sent, "x-two"), ["a", "b"], "{version}: {sent}");
        assert_eq!(values(&sent, "empty"), [""], "{version}: {sent}");
        // In HTTP/2 it is `:authority`, which a plugin knows under the name it has always had (RFC 9113, section 8.3.1).
        assert_eq!(values(&sent, "host"), [host.address().to_string()], "{version}: {sent}");
        for hop in ["connection", "transfer-encoding", "upgrade", "http2-settings"] {
            assert_eq!(values(&sent, hop), [""; 0], "{version}: {sent}");
        }
    }
    let nothing = host.get("/spec-rest").json();
    assert_eq!((&nothing["query"], &nothing["body"]), (&Value::Null, &json!("")));
}

#[test]
fn many_requests_share_one_connection_of_http_2() {
    python("http2.py", &[HOST.get().url().as_str(), "multiplexed"]);
}

#[test]
fn a_body_over_the_limit_ends_its_own_stream_of_http_2_only() {
    python("http2.py", &[HOST.get().url().as_str(), "refused"]);
}

#[test]
fn a_connection_carries_requests_one_behind_the_other_until_the_client_ends_it() {
    let host = HOST.get();
    let mut connection = Connection::open(host.address());
    // All at once: the answers come in the order of the requests (RFC 9112, section 9.3.2).
    let requests = (1..=50)
        .map(|number| http::request(host.address(), "GET", &format!("/spec-rest/bytes/{number}"), &[], b""));
    connection.send(&requests.collect::<Vec<_>>().concat());
    for number in 1..=50 {
        assert_eq!(connection.answer().body.len(), number);
    }
    connection.finish();
    assert!(connection.rest().is_empty());
}

#[test]
fn a_plugin_that_is_taken_out_of_the_folder_is_gone_and_one_that_is_put_in_is_there() {
    let host = Host::with(&["todo"]);
    let location = add(&host, "kept");
    host.remove("todo.wasm");
    until("the mount to be gone", || Some(host.get(&location)).filter(|answer| answer.status == 404));
    host.put("todo.wasm", &plugin_bytes("todo"));
    let read =
        until("the mount to be back", || Some(host.get(&location)).filter(|answer| answer.status == 200));
    assert_eq!(read.json()["title"], "kept", "what is in the store outlives the plugin's absence");
}

#[test]
fn a_body_that_is_not_text_arrives_unchanged() {
    let host = HOST.get();
    let chunked = b"POST /spec-rest/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
        3;extension=1\r\n\x00\xff\x01\r\n2\r\n\r\n\r\n0\r\nTrailer: x\r\n\r\n";
    let mut connection = Connection::open(host.address());
    connection.send(chunked);
    assert_eq!(connection.answer().json()["body"], json!({"$base64": "AP8BDQo="}));
}

#[test]
fn a_status_or_a_size_that_cannot_be_sent_is_a_bad_gateway() {
    let host = HOST.get();
    for status in [200, 204, 205, 299, 304, 400, 418, 451, 500, 503, 599] {
        assert_eq!(host.get(&format!("/spec-rest/status/{status}")).status, status);
    }
    // No final answer, or no status at all (RFC 9110, section 15).
    for status in [0, 99, 100, 101, 103, 600, 999, 65535] {
        assert_problem(&host.get(&format!("/spec-rest/status/{status}")), 502);
    }
    const LIMIT: usize = 8 * 1024 * 1024;
    for size in [0, 1, 65_537, LIMIT] {
        let answer = host.get(&format!("/spec-rest/bytes/{size}"));
        assert_eq!((answer.status, answer.body.len()), (200, size));
        assert!(answer.body.iter().all(|byte| *byte == b'x'));
    }
    // Over the limit, and over the instance's memory.
    for size in [LIMIT + 1, 100_000_000] {
        assert_problem(&host.get(&format!("/spec-rest/bytes/{size}")), 502);
    }
    // More than the plugin can address: it traps.
    assert_problem(&host.get("/spec-rest/bytes/4000000000"), 500);
}

#[test]
fn every_answer_carries_its_request_id() {
    let host = HOST.get();
    let answers = [host.get("/todo/items"), host.get("/nothing"), host.get("/spec-rest/bytes/100000000")];
    let ids: BTreeSet<&str> =
        answers.iter().map(|answer| answer.header("x-request-id").expect("an id")).collect();
    assert_eq!(ids.len(), 3);
    for id in ids {
        host.wait_for_log(id);
    }
}
