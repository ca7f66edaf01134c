//! Bad input: bombs of both protocols get the protocol's error, and what the host allocates for them grows no faster than they do.
//!
//! Allocations are counted rather than time, since they are the same on every machine. Each attack is made in several sizes.

use std::fmt::Write as _;

use allocation_counter::AllocationInfo;

use super::service::{CallError, Caller, Service};
use super::testing::{Fake, Random};
use super::{jsonrpc, xmlrpc};
use crate::limits::PluginLimits;

/// A plugin that takes everything and answers with what it was sent, if that is one string.
struct Echo;

impl Caller for Echo {
    async fn call(&self, _: &str, params: Option<&str>) -> Result<String, CallError> {
        let inner =
            params.and_then(|params| params.strip_prefix("[\"")).and_then(|rest| rest.strip_suffix("\"]"));
        Ok(inner.map_or_else(|| "null".to_owned(), |text| ["\"", text, "\""].concat()))
    }
}

fn answered(body: &[u8], is_xml: bool) -> String {
    let limits = PluginLimits { response_bytes_max: 256 * 1024 * 1024, ..PluginLimits::DEFAULT };
    let fake = Fake::with(limits);
    let service = Service {
        methods: &fake.methods,
        limits: &fake.limits,
        caller: &Echo,
        plugin: "echo",
        request_id: fake.service().request_id,
        address: &String::new,
    };
    Fake::runtime().block_on(async {
        if is_xml {
            xmlrpc::answer(&service, None, body).await
        } else {
            jsonrpc::answer(&service, &fake.contract, body).await.unwrap_or_default()
        }
    })
}

fn measured(body: &[u8], is_xml: bool) -> (AllocationInfo, String) {
    let mut reply = String::new();
    let info = allocation_counter::measure(|| reply = answered(body, is_xml));
    (info, reply)
}

/// What the host needs whatever the request is: the runtime, the table of methods, a few buffers.
const FIXED_BYTES: u64 = 128 * 1024;
const FIXED_COUNT: u64 = 2_000;

/// Asserts that every size of an attack is answered so, that at no moment the host holds more than `peak_factor` times the input,
/// and that an input four times the size is allocated for at most four times as much.
fn assert_bounded(
    name: &str,
    is_xml: bool,
    attack: impl Fn(usize) -> String,
    reply_has: &str,
    peak_factor: u64,
) {
    let mut before: Option<AllocationInfo> = None;
    for size in [4_096, 16_384, 65_536, 262_144] {
        let body = attack(size);
        let length = u64::try_from(body.len()).unwrap();
        let (info, reply) = measured(body.as_bytes(), is_xml);
        let shown = reply.chars().take(300).collect::<String>();
        assert!(reply.contains(reply_has), "{name} of {size}: {shown}");
        assert!(
            info.bytes_max <= length * peak_factor + FIXED_BYTES,
            "{name} of {size}: {} bytes held for {length}",
            info.bytes_max
        );
        if let Some(before) = before {
            assert!(
                info.bytes_total <= before.bytes_total * 4 + FIXED_BYTES,
                "{name} of {size}: {} bytes allocated, {} for a quarter of it",
                info.bytes_total,
                before.bytes_total
            );
            assert!(
                info.count_total <= before.count_total * 4 + FIXED_COUNT,
                "{name} of {size}: {} allocations, {} for a quarter of it",
                info.count_total,
                before.count_total
            );
        }
        before = Some(info);
    }
}

fn call(method: &str, members: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"{method}","id":1{members}}}"#)
}

fn many(size: usize, mut piece: impl FnMut(usize) -> String) -> String {
    let mut out = String::new();
    for number in 0..size {
        out.push_str(&piece(number));
    }
    out
}

#[test]
fn bombs_of_json_get_the_protocols_error_within_bounds() {
    let check = |name: &str, attack: &dyn Fn(usize) -> String, reply_has: &str| {
        assert_bounded(name, false, attack, reply_has, 6);
    };
    let parse = r#""code":-32700"#;
    let invalid = r#""code":-32600"#;
    let result = r#""result":"#;
    check("open arrays", &|size| "[".repeat(size), parse);
    check(
        "open arrays in params",
        &|size| call("update", &format!(r#","params":{}"#, "[".repeat(size))),
        parse,
    );
    check("open objects", &|size| r#"{"a":"#.repeat(size), parse);
    check("nested arrays that end", &|size| format!("{}{}", "[".repeat(size), "]".repeat(size)), parse);
    check("one name again and again", &|size| call("update", &r#","x":1"#.repeat(size)), invalid);
    check(
        "many names",
        &|size| call("update", &many(size, |number| format!(r#","n{number}":1"#))),
        "at most 64 members",
    );
    check(
        "many names written with escapes",
        &|size| call("update", &many(size, |number| format!(r#","\u006e{number}":1"#))),
        "at most 64 members",
    );
    check(
        "one name again and again in params",
        &|size| call("update", &format!(r#","params":{{"x":1{}}}"#, r#","x":1"#.repeat(size))),
        result,
    );
    check("a long name", &|size| call("update", &format!(r#","{}":1"#, "n".repeat(size))), result);
    check("a long method", &|size| call(&"m".repeat(size), ""), r#""code":-32601"#);
    check("a long method of escapes", &|size| call(&r"\u006d".repeat(size), ""), r#""code":-32601"#);
    check(
        "a long number for an id",
        &|size| format!(r#"{{"jsonrpc":"2.0","method":"update","id":{}}}"#, "7".repeat(size)),
        "777}",
    );
    check(
        "a long number in params",
        &|size| call("update", &format!(r#","params":[{}]"#, "7".repeat(size))),
        result,
    );
    check(
        "a large exponent",
        &|size| call("update", &format!(r#","params":[1e{}]"#, "9".repeat(size))),
        result,
    );
    check(
        "half a surrogate pair at the end",
        &|size| call("update", &format!(r#","params":["{}\ud800"]"#, "x".repeat(size))),
        parse,
    );
    check("a text without an end", &|size| format!("\"{}", "x".repeat(size)), parse);
    check("spaces", &|size| format!("{}{}", call("update", ""), " ".repeat(size)), result);
    check("a giant batch", &|size| format!("[{}1]", "1,".repeat(size)), "at most 50 calls");
    check(
        "a giant batch of calls",
        &|size| format!("[{0}{1}]", format!("{},", call("update", "")).repeat(size), call("update", "")),
        "at most 50 calls",
    );
    check("batches in one another", &|size| format!("[{}", "[[[[1]]]],".repeat(size)), "at most 50 calls");
    check(
        "a long text there and back",
        &|size| call("echo", &format!(r#","params":["{}"]"#, r"\n".repeat(size))),
        r#""result":"\n"#,
    );
}

fn call_xml(value: &str) -> String {
    format!(
        "<methodCall><methodName>echo</methodName><params><param><value>{value}</value></param></params></methodCall>"
    )
}

#[test]
fn bombs_of_xml_get_a_fault_within_bounds() {
    let check = |name: &str, attack: &dyn Fn(usize) -> String, reply_has: &str| {
        assert_bounded(name, true, attack, reply_has, 8);
    };
    let parse = "<int>-32700</int>";
    let invalid = "<int>-32600</int>";
    let result = "<params>";
    check("elements in one another", &|size| "<a>".repeat(size), invalid);
    check("elements in one another inside a call", &|size| call_xml(&"<string>".repeat(size)), invalid);
    check("arrays in one another", &|size| call_xml(&"<array><data><value>".repeat(size)), parse);
    check(
        "structs in one another",
        &|size| call_xml(&"<struct><member><name>a</name><value>".repeat(size)),
        parse,
    );
    check(
        "attributes",
        &|size| call_xml(&format!("<int {}>1</int>", many(size, |number| format!(" a{number}='1'")))),
        parse,
    );
    check(
        "namespaces",
        &|size| call_xml(&format!("<int {}>1</int>", many(size, |number| format!(" xmlns:a{number}='u'")))),
        parse,
    );
    check("a long attribute", &|size| call_xml(&format!("<int a='{}'>1</int>", "x".repeat(size))), result);
    check("references", &|size| call_xml(&"&amp;".repeat(size)), "&amp;&amp;");
    check("references to characters", &|size| call_xml(&"&#65;".repeat(size)), "AAAA");
    check("a reference of many digits", &|size| call_xml(&format!("&#{};", "9".repeat(size))), parse);
    check("CDATA", &|size| call_xml(&"<![CDATA[x]]>".repeat(size)), "xxxx");
    check("comments", &|size| call_xml(&"<!--c-->".repeat(size)), "<string></string>");
    check("a comment without an end", &|size| format!("<!--{}", "-".repeat(size)), parse);
    check(
        "entities",
        &|size| format!("<!DOCTYPE a [{}]><a/>", many(size, |number| format!("<!ENTITY e{number} 'x'>"))),
        parse,
    );
    check("a long number", &|size| call_xml(&format!("<int>{}</int>", "7".repeat(size))), invalid);
    check("a long double", &|size| call_xml(&format!("<double>0.{}</double>", "7".repeat(size))), result);
    check(
        "a long date",
        &|size| call_xml(&format!("<dateTime.iso8601>{}</dateTime.iso8601>", "1".repeat(size))),
        invalid,
    );
    check("base64", &|size| call_xml(&format!("<base64>{}</base64>", "AAAA\n".repeat(size))), result);
    check("an unknown long type", &|size| call_xml(&format!("<{0}>1</{0}>", "t".repeat(size))), invalid);
    check(
        "values of an array",
        &|size| call_xml(&format!("<array><data>{}</data></array>", "<value/>".repeat(size))),
        result,
    );
    check(
        "members of a struct",
        &|size| {
            call_xml(&format!(
                "<struct>{}</struct>",
                many(size, |number| format!("<member><name>n{number}</name><value/></member>"))
            ))
        },
        result,
    );
    check(
        "one member again and again",
        &|size| {
            call_xml(&format!("<struct>{}</struct>", "<member><name>n</name><value/></member>".repeat(size)))
        },
        invalid,
    );
    check(
        "a long method",
        &|size| format!("<methodCall><methodName>{}</methodName></methodCall>", "m".repeat(size)),
        "<int>-32601</int>",
    );
    check(
        "a giant multicall",
        &|size| {
            call_xml(&format!("<array><data>{}</data></array>", "<value><struct/></value>".repeat(size)))
                .replace(">echo<", ">system.multicall<")
        },
        "at most 50 calls",
    );
}

#[test]
fn a_text_of_64_megabytes_is_held_a_few_times_and_no_more() {
    let text = "x".repeat(64 * 1024 * 1024);
    for (body, is_xml) in
        [(call("echo", &format!(r#","params":["{text}"]"#)), false), (call_xml(&text), true)]
    {
        let (info, reply) = measured(body.as_bytes(), is_xml);
        assert!(reply.len() > text.len());
        let times = info.bytes_max / u64::try_from(text.len()).unwrap();
        assert!(times <= 4, "held {times} times (XML: {is_xml})");
        assert!(info.count_total < FIXED_COUNT, "{} allocations", info.count_total);
    }
}

#[test]
fn bytes_come_back_exactly_or_are_refused_and_never_replaced() {
    let mut random = Random(23);
    for round in 0..4_000 {
        // Mostly text, sometimes bytes that are none.
        let mut text = Vec::new();
        for _ in 0..random.below(12) {
            match random.below(9) {
                0 => text.push(u8::try_from(random.below(256)).unwrap()),
                1 => text.extend([0xC0, 0x80]),
                2 => text.extend([0xED, 0xA0, 0x80]),
                3 => text.push(0),
                4 => text.extend("\u{feff}".bytes()),
                5 => text.extend("\u{1f600}".bytes()),
                _ => text.push(b'a' + u8::try_from(random.below(26)).unwrap()),
            }
        }
        let special = text.iter().any(|byte| matches!(byte, b'"' | b'\\' | b'<' | b'&' | b'>' | b'\r'));
        if special {
            continue;
        }
        let is_xml = round % 2 == 0;
        let whole = if is_xml { call_xml("@") } else { call("echo", r#","params":["@"]"#) };
        let (before, after) = whole.split_once('@').unwrap();
        let body = [before.as_bytes(), &text, after.as_bytes()].concat();
        let reply = answered(&body, is_xml);
        let mut expected = String::new();
        let is_text = std::str::from_utf8(&text).is_ok_and(|text| {
            let fits =
                |letter: char| if is_xml { super::super::xml::is_character(letter) } else { letter >= ' ' };
            let (open, close) = if is_xml { ("<string>", "</string>") } else { ("\"", "\"") };
            write!(expected, "{open}{text}{close}").unwrap();
            text.chars().all(fits)
        });
        if is_text {
            assert!(reply.contains(&expected), "{reply}");
        } else {
            let refused = if is_xml { "<int>-3270" } else { r#""code":-32700"# };
            assert!(reply.contains(refused), "{reply}");
        }
    }
}
