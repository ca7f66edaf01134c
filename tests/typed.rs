//! Typed services: the table of cases in every form, the ready-made orders, and what is refused at load.

use serde_json::{Value, json};

use crate::support::guest::component_with;
use crate::support::host::plugin_bytes;
use crate::support::{Answer, Host, Shared, python, repository};

const JSON: &str = "application/json";

/// `spec-typed` twice: by convention, and with every `echo-` function as a GET.
static HOST: Shared = Shared::new(|| {
    let types: Vec<String> = cases().into_iter().map(|case| case.of).collect();
    let mut routes = String::from("[typed.routes]\n");
    for of in types.iter().collect::<std::collections::BTreeSet<_>>() {
        routes.push_str(&format!("echo-{of} = \"GET /echo-{of}\"\n"));
    }
    Host::builder()
        .plugin("spec-typed")
        .file("queries.wasm", plugin_bytes("spec-typed"))
        .file("queries.toml", routes)
        .plugin("orders")
        .start()
});

/// One case of `tests/typed/cases.json`, which says what its members are.
struct Case {
    of: String,
    json: Option<String>,
    back: String,
    has_back: bool,
    query: Option<Vec<String>>,
    xmlrpc: Option<String>,
    xml: Option<String>,
    error: Option<Misfit>,
}

struct Misfit {
    pointer: String,
    expected: String,
    found: String,
}

fn cases() -> Vec<Case> {
    let path = repository().join("tests/typed/cases.json");
    let text = std::fs::read_to_string(&path).expect("the table of cases");
    let table: Value = serde_json::from_str(&text).expect("the table is JSON");
    let text_of = |case: &Value, member: &str| case[member].as_str().map(str::to_owned);
    let cases: Vec<Case> = table["cases"]
        .as_array()
        .expect("cases")
        .iter()
        .map(|case| Case {
            of: text_of(case, "type").expect("a type"),
            json: text_of(case, "json"),
            back: text_of(case, "back").or_else(|| text_of(case, "json")).unwrap_or_default(),
            has_back: case.get("back").is_some(),
            query: match &case["query"] {
                Value::String(one) => Some(vec![one.clone()]),
                Value::Array(several) => {
                    Some(several.iter().map(|one| one.as_str().expect("a text").to_owned()).collect())
                }
                _ => None,
            },
            xmlrpc: text_of(case, "xmlrpc"),
            xml: text_of(case, "xml"),
            error: case.get("error").map(|error| Misfit {
                pointer: text_of(error, "pointer").expect("a pointer"),
                expected: text_of(error, "expected").expect("what was expected"),
                found: text_of(error, "found").expect("what was found"),
            }),
        })
        .collect();
    assert!(cases.len() >= 120, "the table has {} cases", cases.len());
    cases
}

/// `list-of-ids` as `echoListOfIds`.
fn method(of: &str) -> String {
    let words = of.split('-').map(|word| format!("{}{}", word[..1].to_uppercase(), &word[1..]));
    format!("echo{}", words.collect::<String>())
}

/// Runs a check for every case and fails with all that went wrong.
#[track_caller]
fn for_every_case(mut check: impl FnMut(&Case) -> Result<(), String>) {
    let wrong: Vec<String> = cases()
        .iter()
        .filter_map(|case| {
            let shown = || format!("{} {}", case.of, case.json.as_deref().unwrap_or("(left out)"));
            check(case).err().map(|error| format!("{}: {error}", shown()))
        })
        .collect();
    assert!(wrong.is_empty(), "{} cases went wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn equal<T: PartialEq + std::fmt::Debug>(seen: &T, expected: &T) -> Result<(), String> {
    if seen == expected { Ok(()) } else { Err(format!("seen {seen:?}, expected {expected:?}")) }
}

fn json_rpc(case: &Case, params: &str, pointer: impl Fn(&str) -> String) -> Result<(), String> {
    let name = method(&case.of);
    let body = format!(r#"{{"jsonrpc":"2.0","method":"{name}","params":{params},"id":1}}"#);
    let answer = HOST.get().post("/spec-typed/rpc", JSON, body);
    match &case.error {
        None => {
            equal(&answer.text().to_owned(), &format!(r#"{{"jsonrpc":"2.0","result":{},"id":1}}"#, case.back))
        }
        Some(error) => {
            let expected = json!({
                "code": -32602, "message": "Invalid params",
                "data": {
                    "pointer": pointer(&error.pointer), "expected": error.expected, "found": error.found,
                },
            });
            equal(&answer.json()["error"], &expected)
        }
    }
}

#[test]
fn every_case_holds_in_json_rpc_by_name() {
    for_every_case(|case| {
        let params = case.json.as_ref().map_or("{}".to_owned(), |json| format!("{{\"value\":{json}}}"));
        json_rpc(case, &params, str::to_owned)
    });
}

#[test]
fn every_case_holds_in_json_rpc_by_place() {
    for_every_case(|case| {
        let params = case.json.as_ref().map_or("[]".to_owned(), |json| format!("[{json}]"));
        json_rpc(case, &params, |pointer| pointer.replacen("/value", "/0", 1))
    });
}

#[test]
fn every_case_holds_in_a_rest_body() {
    for_every_case(|case| {
        let body = case.json.as_ref().map_or("{}".to_owned(), |json| format!("{{\"value\":{json}}}"));
        let answer = HOST.get().post(&format!("/spec-typed/echo-{}", case.of), JSON, body);
        match &case.error {
            None => {
                equal(&answer.text().to_owned(), &case.back)?;
                equal(&answer.status, &200)
            }
            Some(error) => {
                equal(&answer.status, &422)?;
                equal(&answer.header("content-type"), &Some("application/problem+json"))?;
                let seen = answer.json()["errors"][0].clone();
                equal(&seen["pointer"], &json!(error.pointer))?;
                equal(&seen["expected"], &json!(error.expected))?;
                equal(&seen["found"], &json!(error.found))
            }
        }
    });
}

#[test]
fn every_case_holds_in_a_query() {
    let mut count = 0;
    for_every_case(|case| {
        let Some(values) = &case.query else { return Ok(()) };
        count += 1;
        let query: Vec<String> = values.iter().map(|value| format!("value={value}")).collect();
        let target = format!("/queries/echo-{}?{}", case.of, query.join("&"));
        let answer = HOST.get().get(&target);
        match &case.error {
            None => equal(&answer.text().to_owned(), &case.back),
            Some(error) => {
                equal(&answer.status, &422)?;
                equal(&answer.json()["errors"][0]["pointer"], &json!(error.pointer))?;
                equal(&answer.json()["errors"][0]["expected"], &json!(error.expected))
            }
        }
    });
    assert!(count > 60, "{count} cases have a query");
    // What has no form of its own in a query is JSON there.
    for_every_case(|case| {
        let (Some(json), None, None) = (&case.json, &case.query, &case.error) else { return Ok(()) };
        if matches!(case.of.as_str(), "option" | "option-of-string")
            || !matches!(json.as_bytes().first(), Some(b'[' | b'{' | b'n'))
            || case.of.starts_with("list") && !json.contains(['{', 'n']) && !json.contains("[[")
        {
            return Ok(());
        }
        let encoded: String = json.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let answer = HOST.get().get(&format!("/queries/echo-{}?value={encoded}", case.of));
        equal(&answer.text().to_owned(), &case.back)
    });
}

#[test]
fn every_case_holds_in_xml_rpc() {
    let mut count = 0;
    for_every_case(|case| {
        let Some(value) = &case.xmlrpc else { return Ok(()) };
        count += 1;
        let body = format!(
            "<?xml version=\"1.0\"?><methodCall><methodName>{}</methodName><params><param><value>{value}</value></param></params>\
             </methodCall>",
            method(&case.of)
        );
        let answer = HOST.get().post("/spec-typed/xmlrpc", "text/xml", body);
        let seen = answer.text();
        match &case.error {
            // In another spelling it comes back in the one that this host writes.
            None if case.has_back => equal(&seen.contains("<fault>"), &false),
            None if seen.contains(&format!("<param><value>{value}</value></param>")) => Ok(()),
            None => Err(format!("seen {seen}")),
            Some(error) => {
                let place = error.pointer.replacen("/value", "/0", 1);
                let text = format!("Invalid params: {place}: expected {}, found ", error.expected);
                let text = text.replace('<', "&lt;").replace('&', "&amp;");
                if seen.contains("<int>-32602</int>") && seen.contains(&text) {
                    Ok(())
                } else {
                    Err(format!("seen {seen}, expected {text}"))
                }
            }
        }
    });
    assert!(count > 120, "{count} cases have a form in XML-RPC");
}

const SOAP_11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const SOAP_12: &str = "http://www.w3.org/2003/05/soap-envelope";
const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// A version of SOAP: its namespace, the media type of its messages, and how a fault of the sender begins in it, with its status.
const SOAP: [(&str, &str, &str, u16); 2] = [
    (SOAP_11, "text/xml", "<env:Fault><faultcode>env:Client</faultcode>", 500),
    (SOAP_12, "application/soap+xml", "<env:Fault><env:Code><env:Value>env:Sender</env:Value>", 400),
];

/// A message of SOAP, and its answer.
fn soap(namespace: &str, media_type: &str, header: &str, body: &str) -> Answer {
    let message = format!(
        "<e:Envelope xmlns:e=\"{namespace}\" xmlns:xsi=\"{INSTANCE}\"><e:Header>{header}</e:Header><e:Body>{body}</e:Body>\
         </e:Envelope>"
    );
    let answer = HOST.get().post("/spec-typed/soap", media_type, message);
    let expected = format!("{media_type}; charset=utf-8");
    assert_eq!(answer.header("content-type"), Some(expected.as_str()), "{body}: {}", answer.text());
    answer
}

/// A call of a function of `spec-typed` with this content of its element.
fn soap_call(function: &str, content: &str) -> String {
    format!("<{function} xmlns=\"urn:guesthouse:spec-typed\">{content}</{function}>")
}

#[test]
fn every_case_holds_in_soap_in_both_versions() {
    let (mut count, mut same) = (0, 0);
    for_every_case(|case| {
        let Some(xml) = &case.xml else { return Ok(()) };
        for (namespace, media_type, fault, status) in SOAP {
            count += 1;
            let name = method(&case.of);
            let call = |value: &str| {
                let answer = soap(namespace, media_type, "", &soap_call(&name, value));
                (answer.status, answer.text().to_owned())
            };
            let (seen_status, seen) = call(&format!("<value>{xml}</value>"));
            if let Some(error) = &case.error {
                let place = format!(">{}: expected ", error.pointer);
                if !seen.contains(fault) || !seen.contains(&place) || seen_status != status {
                    return Err(format!("{seen_status} {seen}, expected {fault}...{place}"));
                }
                continue;
            }
            equal(&seen_status, &200)?;
            // What was answered is taken again and answered in the same way; and it is what was sent, but for other spellings.
            let open =
                format!("<{name}Response xmlns=\"urn:guesthouse:spec-typed\" xmlns:xsi=\"{INSTANCE}\">");
            let content =
                seen.split_once(&open).and_then(|(_, rest)| rest.split_once(&format!("</{name}Response>")));
            let Some((content, _)) = content else { return Err(format!("seen {seen}")) };
            let again = content.replace("<result", "<value").replace("</result", "</value");
            equal(&call(&again), &(200, seen.clone()))?;
            same += usize::from(content == format!("<result>{xml}</result>"));
        }
        Ok(())
    });
    assert!(count > 240 && same > 140, "{count} calls, {same} of them answered in the same spelling");
}

#[test]
fn soap_has_the_functions_own_error_in_the_detail_and_its_own_faults_for_the_rest() {
    let host = HOST.get();
    let plain = "<error><notFound>7</notFound></error>";
    for (namespace, media_type, fault, status) in SOAP {
        let is_11 = namespace == SOAP_11;
        let seen = |header: &str, body: &str| {
            let answer = soap(namespace, media_type, header, body);
            (answer.status, answer.text().to_owned())
        };
        let call = |function: &str, content: &str| seen("", &soap_call(function, content));
        let refused = call("failWith", plain);
        let detail = format!(
            "<failWithFault xmlns=\"urn:guesthouse:spec-typed\" xmlns:xsi=\"{INSTANCE}\">{plain}</failWithFault>"
        );
        assert!(refused.0 == status && refused.1.contains(fault), "{refused:?}");
        assert!(refused.1.contains(&detail) && refused.1.contains(">not found"), "{refused:?}");
        let refused = call("fail", "");
        assert!(refused.1.contains(fault) && refused.1.contains(">The call was refused.<"), "{refused:?}");
        assert_eq!(refused.1.contains("<detail/>"), is_11, "{refused:?}");
        let done = call("nothing", "");
        assert!(
            done.0 == 200 && done.1.contains("<nothingResponse ") && !done.1.contains("<result"),
            "{done:?}"
        );
        for body in ["", &soap_call("none", ""), "<nothing xmlns=\"urn:other\"/>"] {
            let unknown = seen("", body);
            assert!(unknown.1.contains(fault), "{unknown:?}");
            assert!(unknown.1.contains("no such operation"), "{unknown:?}");
            assert_eq!(unknown.1.contains("ProcedureNotPresent"), !is_11, "{unknown:?}");
        }
        let unknown = call("echoU8", "<value>1</value><other/>");
        assert!(unknown.1.contains(">/other: expected only the elements value, found "), "{unknown:?}");
        assert_eq!(unknown.1.contains("BadArguments"), !is_11, "{unknown:?}");
        let mandatory = seen("<h xmlns=\"urn:h\" e:mustUnderstand=\"1\"/>", &soap_call("nothing", ""));
        assert!(mandatory.0 == 500 && mandatory.1.contains("env:MustUnderstand<"), "{mandatory:?}");
        let trapped = call("trap", "");
        let receiver = if is_11 { "env:Server<" } else { "env:Receiver<" };
        assert!(trapped.0 == 500 && trapped.1.contains(receiver), "{trapped:?}");
        let addressed = |action: &str| {
            seen(
                &format!(
                    "<a:Action xmlns:a=\"http://www.w3.org/2005/08/addressing\">{action}</a:Action>\
                     <a:MessageID xmlns:a=\"http://www.w3.org/2005/08/addressing\">urn:m</a:MessageID>"
                ),
                &soap_call("nothing", ""),
            )
        };
        let related = addressed("urn:guesthouse:spec-typed#nothing");
        assert!(related.0 == 200 && related.1.contains(">urn:m<"), "{related:?}");
        assert!(addressed("urn:other").1.contains("ActionNotSupported"));
    }
    let other = "<e:Envelope xmlns:e=\"urn:other\"><e:Body/></e:Envelope>";
    let mismatch = host.post("/spec-typed/soap", "text/xml", other);
    assert!(mismatch.text().contains("VersionMismatch"), "{}", mismatch.text());
    // MTOM: what was sent as a part is read as base64 in its place.
    let package = format!(
        "--b\r\nContent-Type: application/xop+xml; type=\"text/xml\"\r\nContent-ID: <r>\r\n\r\n\
         <e:Envelope xmlns:e=\"{SOAP_11}\"><e:Body>{}</e:Body></e:Envelope>\r\n\
         --b\r\nContent-ID: <p>\r\n\r\nabc\r\n--b--\r\n",
        soap_call(
            "echoBytes",
            "<value><i:Include xmlns:i=\"http://www.w3.org/2004/08/xop/include\" href=\"cid:p\"/></value>"
        )
    );
    let media_type =
        "multipart/related; boundary=b; start=\"<r>\"; type=\"application/xop+xml\"; start-info=\"text/xml\"";
    let included = host.post("/spec-typed/soap", media_type, package);
    assert!(included.text().contains("<result>YWJj</result>"), "{}", included.text());
    assert_eq!(host.get("/spec-typed/soap?wsdl").status, 200);
    assert_eq!(host.get("/spec-typed/soap").status, 405);
    assert_eq!(host.post("/spec-typed/soap", JSON, "{}").status, 415);
    assert_eq!(
        host.request("OPTIONS", "/spec-typed/soap", &[], b"").header("allow"),
        Some("GET, HEAD, OPTIONS, POST")
    );
}

#[test]
fn zeep_calls_every_function_of_orders_from_the_wsdl_alone() {
    let host = Host::builder().plugin("orders").start();
    python("typed_soap.py", &[format!("{}/shop/soap?wsdl", host.url())]);
}

/// A call over WebSocket, and its answer.
fn over_websocket(mount: &str, message: &str) -> Value {
    let host = HOST.get();
    let mut socket = crate::support::socket::Socket::open(&host, &format!("{mount}/ws"));
    socket.send_text(message);
    serde_json::from_str(&socket.text()).expect("JSON")
}

#[test]
fn every_case_holds_over_websocket() {
    let host = HOST.get();
    let mut socket = crate::support::socket::Socket::open(&host, "/spec-typed/ws");
    for_every_case(|case| {
        let params = case.json.as_ref().map_or("{}".to_owned(), |json| format!("{{\"value\":{json}}}"));
        let name = method(&case.of);
        socket.send_text(&format!(r#"{{"jsonrpc":"2.0","method":"{name}","params":{params},"id":1}}"#));
        let seen = socket.text();
        match &case.error {
            None => equal(&seen, &format!(r#"{{"jsonrpc":"2.0","result":{},"id":1}}"#, case.back)),
            Some(error) => {
                let seen: Value = serde_json::from_str(&seen).expect("JSON");
                equal(&seen["error"]["data"]["pointer"], &json!(error.pointer))
            }
        }
    });
}

#[test]
fn a_functions_own_error_is_the_protocols_own_with_the_error_as_its_data() {
    let host = HOST.get();
    // The argument, the code, the message, the status of REST.
    for (error, code, message, status) in [
        (r#"{"notFound":"7"}"#, 1, "not found", 404),
        (r#"{"badColor":"darkGreen"}"#, 2, "bad color", 422),
        (r#""plain""#, 3, "plain", 422),
        (r#"{"because":{"message":"no reason","code":9}}"#, 4, "because: no reason", 422),
    ] {
        let call = format!(r#"{{"jsonrpc":"2.0","method":"failWith","params":[{error}],"id":1}}"#);
        let data: Value = serde_json::from_str(error).expect("JSON");
        let expected = json!({ "code": code, "message": message, "data": data });
        assert_eq!(host.post("/spec-typed/rpc", JSON, &call).json()["error"], expected);
        assert_eq!(over_websocket("/spec-typed", &call)["error"], expected);
        let answer = host.post("/spec-typed/fail-with", JSON, format!(r#"{{"error":{error}}}"#));
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (status, Some("application/problem+json"))
        );
        assert_eq!((&answer.json()["detail"], &answer.json()["error"]), (&json!(message), &data));
        // As it was written, and not as a tree of it would be: that has its own order of members, and rounds.
        assert!(answer.text().contains(&format!("\"error\":{error}")), "{}", answer.text());
    }
    let fault = host.post(
        "/spec-typed/xmlrpc",
        "text/xml",
        "<?xml version=\"1.0\"?><methodCall><methodName>failWithColor</methodName><params><param><value>darkGreen</value>\
         </param></params></methodCall>",
    );
    assert!(fault.text().contains("<int>2</int>"), "{}", fault.text());
    assert!(fault.text().contains("<string>dark green\n\"darkGreen\"</string>"), "{}", fault.text());
    let call = |name: &str, params: &str| {
        host.post(
            "/spec-typed/rpc",
            JSON,
            format!(r#"{{"jsonrpc":"2.0","method":"{name}","params":{params},"id":1}}"#),
        )
        .text()
        .to_owned()
    };
    assert!(call("failWith", "[]").contains(r#""result":1"#));
    assert!(call("failWithText", r#"["why"]"#).contains(r#""code":1,"message":"why","data":"why""#));
    assert!(call("failWithText", "{}").contains(r#""result":null"#));
    assert!(call("fail", "[]").contains(r#""code":1,"message":"The call was refused.""#));
    assert_eq!(host.post("/spec-typed/fail-with-text", JSON, "{}").status, 204);
    assert_eq!(host.post("/spec-typed/nothing", JSON, "").status, 204);
}

#[test]
fn arguments_may_be_left_out_at_the_end_and_by_name() {
    let host = HOST.get();
    let call = |params: &str| {
        let body = format!(r#"{{"jsonrpc":"2.0","method":"joinWords","params":{params},"id":1}}"#);
        host.post("/spec-typed/rpc", JSON, body).json()
    };
    for (params, words) in [
        (r#"["a"]"#, "a"),
        (r#"["a","b"]"#, "a b"),
        (r#"["a",null,"c"]"#, "a c"),
        (r#"{"first":"a","third":"c"}"#, "a c"),
        (r#"{"secondWord":"b","first":"a"}"#, "a b"),
    ] {
        assert_eq!(call(params)["result"], json!(words), "{params}");
    }
    for (params, pointer) in
        [("[]", "/0"), ("{}", "/first"), (r#"["a","b","c","d"]"#, "/3"), (r#"{"first":"a","x":1}"#, "/x")]
    {
        assert_eq!(call(params)["error"]["data"]["pointer"], json!(pointer), "{params}");
    }
    assert_eq!(call(r#"{"first":"a","x":1}"#)["error"]["data"]["found"], json!("an unknown member"));
}

#[test]
fn rest_says_what_is_wrong_with_a_request_below_its_values() {
    let host = HOST.get();
    for (method, target, content_type, body, status) in [
        ("GET", "/spec-typed/echo-u8", "", "", 405),
        ("POST", "/spec-typed/find-all", "", "", 405),
        ("OPTIONS", "/spec-typed/find-all", "", "", 204),
        ("POST", "/spec-typed/echo-u9", JSON, "{}", 404),
        ("POST", "/spec-typed/echo-u8", "text/plain", "{}", 415),
        ("POST", "/spec-typed/echo-u8", JSON, "{", 400),
        ("POST", "/spec-typed/echo-u8", JSON, "[1]", 422),
        ("GET", "/spec-typed/find-all?text=a&text=b", "", "", 422),
        ("GET", "/spec-typed/find-all?text=%ff", "", "", 422),
        ("GET", "/spec-typed/find-all?text=a&other=1", "", "", 422),
        ("GET", "/spec-typed/find-all", "", "", 422),
        ("GET", "/spec-typed/find-all?text=a&near={", "", "", 422),
        ("POST", "/spec-typed/trap", JSON, "{}", 500),
    ] {
        let fields: Vec<(&str, &str)> =
            if content_type.is_empty() { Vec::new() } else { vec![("content-type", content_type)] };
        let answer = host.request(method, target, &fields, body.as_bytes());
        assert_eq!(answer.status, status, "{method} {target} {body}: {}", answer.text());
    }
    assert_eq!(
        host.request("OPTIONS", "/spec-typed/find-all", &[], b"").header("allow"),
        Some("GET, HEAD, OPTIONS")
    );
}

#[test]
fn what_takes_more_room_than_it_may_is_refused_before_it_is_made() {
    let host = Host::builder()
        .plugin("spec-typed")
        .file("spec-typed.toml", "[limits]\ntyped_value_bytes_max = 65536\n")
        .start();
    let call = |name: &str, value: &str| {
        let body = format!(r#"{{"jsonrpc":"2.0","method":"{name}","params":[{value}],"id":1}}"#);
        host.post("/spec-typed/rpc", JSON, body).json()
    };
    let many = format!("[{}]", vec!["1"; 10_000].join(","));
    let refused = call("echoList", &many);
    assert!(
        refused["error"]["data"]["expected"].as_str().expect("a text").contains("typed_value_bytes_max"),
        "{refused}"
    );
    assert_eq!(call("echoList", "[1]")["result"], json!([1]));
    // On the way out it is the plugin that went too far.
    assert_eq!(call("makeBytes", "100000")["error"]["code"], json!(-32603));
    assert_eq!(call("makeBytes", "3")["result"], json!("AAEC"));
}

/// A REST plugin that also exports an interface of its own, with the core functions of that.
fn rest_with_own(own: &str, functions: &str) -> Vec<u8> {
    let text = format!(
        "(module (memory (export \"memory\") 1) (;common;) {functions}
           (func (export \"guesthouse:plugin/rest@1.0.0#handle\") (type $handle) (call $fine)))"
    );
    component_with(&["rest-plugin"], Some(own), &text)
}

const WATCH: &str = "(func (export \"test:guests/mine#watch\") (result i32) unreachable)";
const COUNT: &str = "(func (export \"test:guests/mine#count\") (result i32) i32.const 7)";

#[test]
fn what_cannot_be_served_is_left_out_by_name_and_a_style_beside_it_is_served() {
    let only = rest_with_own("resource thing; watch: func() -> thing;", WATCH);
    let both = rest_with_own(
        "resource thing; watch: func() -> thing; count: func() -> u32;",
        &format!("{WATCH} {COUNT}"),
    );
    let host = Host::builder().file("only.wasm", only).file("both.wasm", both).start();
    for plugin in ["only", "both"] {
        let line = host.wait_for_log(&format!("plugin {plugin}: `test:guests/mine#watch` is not served"));
        assert!(line.contains("it takes or returns a resource"), "{line}");
        assert_eq!(host.get(&format!("/{plugin}/anything")).text(), "fine");
    }
    host.wait_for_log("plugin only: live at /only as REST (");
    host.wait_for_log("plugin both: live at /both as typed, REST (");
    let counted = host.post("/both/rpc", JSON, r#"{"jsonrpc":"2.0","method":"count","id":1}"#);
    assert_eq!(counted.json()["result"], json!(7), "{}", counted.text());
    // Nothing of its own is served, so there is no form of it.
    assert_eq!(host.post("/only/rpc", JSON, "[]").text(), "fine");
}

#[test]
fn a_presentation_that_cannot_be_is_refused_with_its_key() {
    let host = Host::builder().plugin("spec-typed").start();
    for (manifest, reason) in [
        ("[typed.routes]\nnone = \"GET /a\"", "there is no function `none`"),
        ("[typed.routes]\necho-u8 = \"GET\"", "has no method"),
        ("[typed.routes]\necho-u8 = \"FETCH /a\"", "`FETCH` is not a method"),
        ("[typed.routes]\necho-u8 = \"GET /{other}\"", "there is no parameter `other`"),
        ("[typed.routes]\necho-record = \"GET /{value}\"", "cannot stand in a path"),
        ("[typed.routes]\necho-u8 = \"POST /echo-s8\"", "would both be served at"),
        ("[typed.routes]\necho-u8 = \"GET /rpc\"", "which another form has"),
        ("[typed.errors]\nnone = 404", "no function has an error with the case `none`"),
        ("[typed.errors]\nplain = 200", "a status is from 400 to 599"),
        ("[typed]\nforms = []", "`typed.forms` is empty"),
        ("[typed.paths]\nrest = \"/a\"", "REST is served by function"),
        ("[typed.paths]\nrpc = \"/xmlrpc\"", "is the path of two forms"),
        ("[typed.paths]\nrpc = \"/a/b\"", "is not `/` and one segment"),
        ("[typed]\nform = []", "unknown field `form`"),
    ] {
        let before = host.log().len();
        host.put("spec-typed.toml", manifest.as_bytes());
        let line = host.wait_for_log_after(before, "not loaded");
        assert!(line.contains(reason), "{manifest}: {line}");
    }
    host.put("spec-typed.toml", b"[typed]\nforms = [\"rpc\"]\n[typed.paths]\nrpc = \"/calls\"\n");
    host.wait_for_log("as typed");
    crate::support::until("the new version is live", || {
        (host.post("/spec-typed/calls", JSON, "[]").status == 200).then_some(())
    });
    assert_eq!(host.post("/spec-typed/rpc", JSON, "[]").status, 404);
    assert_eq!(host.post("/spec-typed/echo-u8", JSON, "{\"value\":1}").status, 404);
}

#[test]
fn doc_comments_reach_the_contracts_from_the_component_and_from_a_text_beside_it() {
    let host = HOST.get();
    let document = host.get("/shop/rpc").json();
    let methods = document["methods"].as_array().expect("methods");
    let create = methods.iter().find(|method| method["name"] == "createOrder").expect("createOrder");
    assert_eq!(create["description"], json!("Places an order."));
    let other = Host::builder()
        .plugin("spec-typed")
        .file(
            "spec-typed.wit",
            "package test:typed@1.0.0; interface values { echo-bool: func(value: u8) -> bool; }",
        )
        .start();
    let line = other.wait_for_log("not loaded");
    assert!(line.contains("the WIT text does not describe this component"), "{line}");
}

#[test]
fn every_contract_is_sent_once_to_who_asks_conditionally() {
    let host = HOST.get();
    for (path, media_type, part) in [
        ("/shop/openapi.json", "application/json", "\"url\":\"/shop\""),
        ("/shop/openrpc.json", "application/json", "/shop/rpc\""),
        ("/shop/rpc", "application/json", "/shop/rpc\""),
        ("/shop/asyncapi.json", "application/json", "\"address\":\"/ws\""),
        ("/shop/service.wit", "text/plain; charset=utf-8", "/// Places an order."),
        ("/shop", "text/html; charset=utf-8", "<script>"),
        ("/shop/", "text/html; charset=utf-8", "<script>"),
    ] {
        let answer = host.get(path);
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(media_type)), "{path}");
        assert!(answer.text().contains(part), "{path}: {}", answer.text());
        let etag = answer.header("etag").expect("a validator").to_owned();
        let again = host.request("GET", path, &[("if-none-match", &etag)], b"");
        assert_eq!((again.status, again.header("etag")), (304, Some(&*etag)), "{path}");
        let refused = host.request("DELETE", path, &[], b"");
        assert_eq!(refused.status, 405, "{path}");
    }
    let policy = host.get("/shop/").header("content-security-policy").expect("a policy").to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
}

#[test]
fn contracts_are_not_for_who_may_not_call() {
    let host = Host::builder()
        .plugin("spec-typed")
        .file("spec-typed.toml", "[auth]\nrequire = [\"api-key\"]\nscopes = [\"values\"]\n")
        .start();
    for path in ["", "/", "/openapi.json", "/openrpc.json", "/asyncapi.json", "/service.wit", "/rpc"] {
        assert_eq!(host.get(&format!("/spec-typed{path}")).status, 401, "{path}");
    }
}

#[test]
fn a_call_that_computes_for_long_is_answered_as_if_it_had_never_been_begun_before() {
    // Says how often it has been called since its instance was made, after so many turns of a loop.
    let body = "(global.set $calls (i32.add (global.get $calls) (i32.const 1)))
        (loop $l (local.set 0 (i64.sub (local.get 0) (i64.const 1))) (br_if $l (i64.gt_s (local.get 0) (i64.const 0))))
        (global.get $calls)";
    let text = format!(
        "(module (memory (export \"memory\") 1) (;common;) (global $calls (mut i32) (i32.const 0))
           (func $count (param i64) (result i32) {body})
           (func (export \"test:guests/mine#count\") (param i64) (result i32) (call $count (local.get 0)))
           (func (export \"guesthouse:plugin/rest@1.0.0#handle\") (type $handle)
             (i32.store8 (i32.const 700) (i32.add (i32.const 48) (call $count (i64.const 20000000))))
             (call $response (i32.const 200) (i32.const 0) (i32.const 0) (i32.const 700) (i32.const 1))))"
    );
    let guest = component_with(&["rest-plugin"], Some("count: func(turns: s64) -> u32;"), &text);
    let host = Host::builder().file("guest.wasm", guest.clone()).start();
    host.wait_for_log("plugin guest: live at /guest as typed, REST (");
    // Quick at first, then some ten times a tick, and then quick while the plugin counts as heavy.
    for turns in [1, 1, 20_000_000, 1, 20_000_000, 1] {
        let call = format!(r#"{{"jsonrpc":"2.0","method":"count","params":[{turns}],"id":1}}"#);
        let counted = host.post("/guest/rpc", JSON, &call);
        assert_eq!(counted.json()["result"], json!(1), "{turns} turns: {}", counted.text());
    }
    assert_eq!(host.get("/guest/anything").text(), "1");
    let fresh = Host::builder().file("guest.wasm", guest).start();
    assert_eq!(fresh.get("/guest/anything").text(), "1", "also when it is the first call");
}
