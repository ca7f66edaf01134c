//! XML-RPC: from the bytes of a call to the text of its answer.
//!
//! Owns the form of calls, answers and faults, and `system.multicall`. Refuses to know how the bytes travel. Follows the
//! specification (D. Winer, 1999) with the extensions that clients use: `nil` and `i8`, introspection, multicall, interoperable
//! fault codes. The mapping of values is in [`super::value`].
//!
//! Where the specification is silent: `params` may be absent; attributes are ignored; white space around elements, and around
//! the text of everything but strings, is ignored; a call that is no call is answered by a fault, never by an HTTP status.

use std::borrow::Cow;

use super::super::xml::{self, Bounds, Document, ErrorKind, Reader};
use super::batch::Batch;
use super::introspection::{self, Dialect, MULTICALL};
use super::json::{self, Next, Scanner};
use super::methods::is_method_name;
use super::service::{Caller, Fault, INVALID_PARAMS, INVALID_REQUEST, PARSE_ERROR, Service};
use super::value::{self, Invalid};
use crate::failure::Failure;
use crate::limits::PluginLimits;

/// An encoding that is not read here.
const UNSUPPORTED_ENCODING: i32 = -32701;
/// Bytes that are not of their encoding.
const INVALID_CHARACTER: i32 = -32702;

const AFTER: &str = "</param></params></methodResponse>";

/// What the tags around a single value take up, about.
const VALUE_BYTES: usize = 64;

/// A call, as it was sent or as one of those in a multicall.
#[derive(Debug)]
struct Call {
    method: String,
    /// A JSON array.
    params: Option<String>,
}

/// Answers one call. `charset` is the parameter of the media type.
pub(super) async fn answer<C: Caller>(
    service: &Service<'_, C>,
    charset: Option<&str>,
    body: &[u8],
) -> String {
    let mut out = String::new();
    let outcome = match read(service.limits, charset, body) {
        Ok(call) => {
            out.push_str("<?xml version=\"1.0\"?><methodResponse><params><param>");
            if call.method == MULTICALL {
                multicall(service, call, &mut out).await
            } else {
                carry_out(service, call, &mut out).await
            }
        }
        Err(fault) => Err(fault),
    };
    match outcome {
        Ok(()) => {
            out.push_str(AFTER);
            out
        }
        Err(fault) => fault_reply(&fault),
    }
}

/// The answer that says what went wrong.
pub(super) fn fault_reply(fault: &Fault) -> String {
    let mut out = String::from("<?xml version=\"1.0\"?><methodResponse><fault>");
    push_fault(fault, &mut out);
    out.push_str("</fault></methodResponse>");
    out
}

/// Appends a fault as a `value` element.
fn push_fault(fault: &Fault, out: &mut String) {
    out.push_str("<value><struct><member><name>faultCode</name><value><int>");
    out.push_str(&fault.code.to_string());
    out.push_str("</int></value></member><member><name>faultString</name><value><string>");
    let mut text = fault.message.to_string();
    if let Some(detail) = &fault.detail {
        text.push_str(": ");
        text.push_str(detail);
    }
    if let Some(request_id) = fault.request_id {
        text.push_str(&format!(" (request {request_id})"));
    }
    if xml::push_text(out, &text).is_err() {
        // Whoever made this fault has checked its text; a fault without one is still a fault.
        out.push_str(Failure::PluginAnswerInvalid.public());
    }
    out.push_str("</string></value></member></struct></value>");
}

/// Reads a `methodCall`.
fn read(limits: &PluginLimits, charset: Option<&str>, body: &[u8]) -> Result<Call, Fault> {
    let document = Document::decode(body, charset).map_err(|error| fault_of(Invalid::Xml(error)))?;
    read_call(&mut Reader::new(&document, Bounds::of(limits)), limits.json_depth_max).map_err(fault_of)
}

fn read_call(reader: &mut Reader<'_>, depth_max: u64) -> Result<Call, Invalid> {
    if !value::next_tag(reader)?.is_some_and(|tag| tag.is("", "methodCall")) {
        return Err(Invalid::Rule("The document is not a methodCall."));
    }
    if !value::next_tag(reader)?.is_some_and(|tag| tag.is("", "methodName")) {
        return Err(Invalid::Rule("A methodCall does not begin with its methodName."));
    }
    let method = value::content(reader)?.trim().to_owned();
    if !is_method_name(&method) {
        return Err(Invalid::Rule(
            "A methodName is empty or has a character that XML-RPC does not allow there.",
        ));
    }
    let params = match value::next_tag(reader)? {
        None => None,
        Some(tag) if tag.is("", "params") => {
            let params = read_params(reader, depth_max)?;
            if value::next_tag(reader)?.is_some() {
                return Err(Invalid::Rule("Something follows the params of a methodCall."));
            }
            Some(params)
        }
        Some(_) => {
            return Err(Invalid::Rule("A methodCall holds something else than methodName and params."));
        }
    };
    // What follows the root must be well-formed, too.
    value::next_tag(reader)?;
    Ok(Call { method, params })
}

fn read_params(reader: &mut Reader<'_>, depth_max: u64) -> Result<String, Invalid> {
    const SHAPE: Invalid = Invalid::Rule("A param is not exactly one value.");
    let depth_left = depth_max.saturating_sub(1);
    let mut params = String::from("[");
    while let Some(tag) = value::next_tag(reader)? {
        if !tag.is("", "param") {
            return Err(Invalid::Rule("The params hold something else than param."));
        }
        if !value::next_tag(reader)?.is_some_and(|tag| tag.is("", "value")) {
            return Err(SHAPE);
        }
        if params.len() > 1 {
            params.push(',');
        }
        value::read(reader, depth_left, &mut params)?;
        if value::next_tag(reader)?.is_some() {
            return Err(SHAPE);
        }
    }
    params.push(']');
    Ok(params)
}

fn fault_of(invalid: Invalid) -> Fault {
    let (code, message) = match invalid {
        Invalid::Rule(rule) => (INVALID_REQUEST, rule),
        Invalid::TooDeep => (PARSE_ERROR, ErrorKind::Depth.public()),
        Invalid::Xml(error) => {
            let code = match error.kind {
                ErrorKind::EncodingUnsupported | ErrorKind::EncodingContradiction => UNSUPPORTED_ENCODING,
                ErrorKind::EncodingBroken => INVALID_CHARACTER,
                _ => PARSE_ERROR,
            };
            (code, error.kind.public())
        }
    };
    Fault::new(code, message)
}

/// Carries out one call, and appends its result as a `value` element. After a fault, what has been appended is of no use.
async fn carry_out<C: Caller>(service: &Service<'_, C>, call: Call, out: &mut String) -> Result<(), Fault> {
    let Call { method, params } = call;
    let result = match introspection::answer(service.methods, Dialect::Xml, &method, params.as_deref()) {
        Some(answer) => answer?,
        None => service.call(&method, params.as_deref()).await.map_err(|fault| {
            if fault.message.chars().all(xml::is_character) {
                fault
            } else {
                service.answer_invalid(&method, "is a failure whose message XML cannot carry")
            }
        })?,
    };
    // Large arguments are not held beside large results.
    drop(params);
    out.reserve(result.len().saturating_add(VALUE_BYTES).saturating_add(AFTER.len()));
    let mut scanner = Scanner::new(&result, service.limits.json_depth_max);
    let before = u64::try_from(out.len()).unwrap_or(u64::MAX);
    value::write(&mut scanner, before.saturating_add(service.limits.response_bytes_max), out)
        .and_then(|()| Ok(scanner.end()?))
        .map_err(|unwritable| service.answer_invalid(&method, &unwritable.to_string()))
}

/// Carries out the calls of a multicall, and appends their results as one `value` element.
async fn multicall<C: Caller>(service: &Service<'_, C>, call: Call, out: &mut String) -> Result<(), Fault> {
    let calls = read_multicall(call.params.as_deref(), service)?;
    let batch = &Batch::of(service.limits);
    let replies = batch.run(calls, |call| answer_member(service, batch, call)).await;
    out.push_str("<value><array><data>");
    for reply in replies {
        out.push_str(&reply);
    }
    out.push_str("</data></array></value>");
    Ok(())
}

/// One call's place in the array of results: an array of its one result, or the struct of its fault.
async fn answer_member<C: Caller>(
    service: &Service<'_, C>,
    batch: &Batch,
    call: Result<Call, Fault>,
) -> String {
    let mut out = String::from("<value><array><data>");
    let before = out.len();
    let outcome = match call.and_then(|call| batch.may_begin(service).map(|()| call)) {
        Ok(call) => carry_out(service, call, &mut out).await,
        Err(fault) => Err(fault),
    };
    let outcome = match outcome {
        Ok(()) => batch.take(out.len().saturating_sub(before)),
        Err(fault) => Err(batch.take(fault.length()).err().unwrap_or(fault)),
    };
    match outcome {
        Ok(()) => out.push_str("</data></array></value>"),
        Err(fault) => {
            out = String::new();
            push_fault(&fault, &mut out);
        }
    }
    out
}

/// The calls of a multicall. What is wrong with one of them is a fault in its place.
fn read_multicall<C: Caller>(
    params: Option<&str>,
    service: &Service<'_, C>,
) -> Result<Vec<Result<Call, Fault>>, Fault> {
    let invalid = || {
        Fault::new(INVALID_PARAMS, "Invalid params")
            .because("system.multicall takes one array of structs of methodName and params")
    };
    let elements = params.and_then(only_element).and_then(elements).ok_or_else(invalid)?;
    let calls_max = service.batch_calls_max();
    if elements.len() > calls_max {
        return Err(Fault::new(INVALID_REQUEST, "Invalid Request")
            .because(format!("a multicall may hold at most {calls_max} calls")));
    }
    Ok(elements.into_iter().map(read_member).collect())
}

/// The elements of a JSON array; none when it is something else. The text is our own, made from the values of a call.
fn elements(array: &str) -> Option<Vec<&str>> {
    let mut scanner = Scanner::new(array, json::DEPTH_CEILING.into());
    if scanner.peek() != Some(b'[') {
        return None;
    }
    let mut elements = Vec::new();
    let mut next = scanner.enter().ok()?;
    while next == Next::Item {
        elements.push(scanner.value().ok()?);
        next = scanner.next().ok()?;
    }
    Some(elements)
}

fn only_element(array: &str) -> Option<&str> {
    match elements(array)?.as_slice() {
        [element] => Some(element),
        _ => None,
    }
}

/// One struct of a multicall. Members other than the two are ignored; without `params` there are none.
fn read_member(element: &str) -> Result<Call, Fault> {
    let invalid = || {
        Fault::new(INVALID_REQUEST, "Invalid Request").because("this is no struct of methodName and params")
    };
    let (method, params) = members(element).ok_or_else(invalid)?;
    if method == MULTICALL {
        // Each level would multiply the calls of the one above.
        return Err(Fault::new(INVALID_REQUEST, "Invalid Request")
            .because("system.multicall cannot be called by system.multicall"));
    }
    Ok(Call { method: method.into_owned(), params: params.map(str::to_owned) })
}

fn members(element: &str) -> Option<(Cow<'_, str>, Option<&str>)> {
    let mut scanner = Scanner::new(element, json::DEPTH_CEILING.into());
    if scanner.peek() != Some(b'{') {
        return None;
    }
    let (mut method, mut params) = (None, None);
    let mut next = scanner.enter().ok()?;
    while next == Next::Item {
        let name = json::unquoted(scanner.name().ok()?);
        let value = scanner.value().ok()?;
        match name.as_ref() {
            "methodName" => method = Some(value),
            "params" => params = Some(value),
            _ => {}
        }
        next = scanner.next().ok()?;
    }
    let method = method.filter(|method| method.starts_with('"'))?;
    let params_fit = params.is_none_or(|params| params.starts_with('['));
    params_fit.then(|| (json::unquoted(method), params))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fake, Random};
    use super::*;

    fn exchange_with(fake: &Fake, body: &[u8]) -> String {
        Fake::runtime().block_on(answer(&fake.service(), None, body))
    }

    fn call_xml(method: &str, values: &[&str]) -> String {
        let params: String =
            values.iter().map(|value| format!("<param><value>{value}</value></param>")).collect();
        format!(
            "<?xml version='1.0'?>\n<methodCall>\n<methodName>{method}</methodName>\n<params>\n{params}</params>\n</methodCall>\n"
        )
    }

    fn exchange(method: &str, values: &[&str]) -> String {
        exchange_with(&Fake::new(), call_xml(method, values).as_bytes())
    }

    /// What stands in the one value of an answer.
    fn value(reply: &str) -> &str {
        reply
            .strip_prefix("<?xml version=\"1.0\"?><methodResponse><params><param><value>")
            .and_then(|rest| rest.strip_suffix("</value></param></params></methodResponse>"))
            .unwrap_or_else(|| panic!("{reply}"))
    }

    fn fault(code: i32, text: &str) -> String {
        format!(
            "<?xml version=\"1.0\"?><methodResponse><fault><value><struct><member><name>faultCode</name><value><int>{code}</int>\
             </value></member><member><name>faultString</name><value><string>{text}</string></value></member></struct></value>\
             </fault></methodResponse>"
        )
    }

    #[test]
    fn a_call_is_answered_byte_for_byte() {
        assert_eq!(
            exchange("sum", &["<int>3</int>", "<i4>4</i4>"]),
            "<?xml version=\"1.0\"?><methodResponse><params><param><value><int>7</int></value></param></params></methodResponse>"
        );
        assert_eq!(exchange("foobar", &[]), fault(-32601, "Method not found"));
    }

    #[test]
    fn every_type_of_pythons_client_comes_back_as_it_was_sent() {
        // As Python's xmlrpc.client writes them, white space included, and as this host writes them.
        for (sent, back) in [
            ("<int>-2147483648</int>", "<int>-2147483648</int>"),
            ("<boolean>1</boolean>", "<boolean>1</boolean>"),
            ("<boolean>0</boolean>", "<boolean>0</boolean>"),
            (
                "<string>a&lt;b&gt;&amp;\u{e9}\u{1f600}</string>",
                "<string>a&lt;b&gt;&amp;\u{e9}\u{1f600}</string>",
            ),
            ("<string>  spaces\n\t </string>", "<string>  spaces\n\t </string>"),
            ("<string></string>", "<string></string>"),
            ("<double>3.14</double>", "<double>3.14</double>"),
            ("<double>1e+16</double>", "<double>10000000000000000.0</double>"),
            ("<double>5e-05</double>", "<double>0.00005</double>"),
            ("<double>-0.0</double>", "<double>-0.0</double>"),
            ("<nil/>", "<nil/>"),
            (
                "<dateTime.iso8601>20240229T23:59:59</dateTime.iso8601>",
                "<dateTime.iso8601>20240229T23:59:59</dateTime.iso8601>",
            ),
            ("<base64>\nAAECAwQF/w==\n</base64>", "<base64>AAECAwQF/w==</base64>"),
            (
                "<array><data>\n<value><int>1</int></value>\n<value><array><data>\n</data></array></value>\n</data></array>",
                "<array><data><value><int>1</int></value><value><array><data></data></array></value></data></array>",
            ),
            (
                "<struct>\n<member>\n<name>k</name>\n<value><string>v</string></value>\n</member>\n</struct>",
                "<struct><member><name>k</name><value><string>v</string></value></member></struct>",
            ),
            ("<struct>\n</struct>", "<struct></struct>"),
        ] {
            assert_eq!(value(&exchange("echo", &[sent])), back, "{sent}");
        }
        assert_eq!(value(&exchange("echo", &["<i8>4294967296</i8>"])), "<i8>4294967296</i8>");
        assert_eq!(value(&exchange("raw", &["9007199254740993"])), "<i8>9007199254740993</i8>");
    }

    #[test]
    fn what_json_may_nest_can_be_said() {
        // One level of `json_depth_max` is the list of params.
        let nested = |levels: usize| {
            let open = "<struct><member><name>a</name><value>".repeat(levels);
            format!("{open}<int>1</int>{}", "</value></member></struct>".repeat(levels))
        };
        let deepest = usize::try_from(PluginLimits::DEFAULT.json_depth_max).unwrap() - 1;
        assert_eq!(value(&exchange("echo", &[&nested(deepest)])), nested(deepest));
        assert!(exchange("echo", &[&nested(deepest + 1)]).contains("<int>-32700</int>"));
    }

    #[test]
    fn params_may_be_absent_or_empty() {
        let fake = Fake::new();
        let without = b"<methodCall><methodName> update </methodName></methodCall>";
        assert_eq!(value(&exchange_with(&fake, without)), "<nil/>");
        exchange_with(&fake, b"<methodCall><methodName>update</methodName><params/></methodCall>");
        exchange_with(&fake, call_xml("update", &["x", "<nil/>"]).as_bytes());
        let params: Vec<_> = fake.calls.take().into_iter().map(|(_, params)| params).collect();
        assert_eq!(params, [None, Some("[]".to_owned()), Some("[\"x\",null]".to_owned())]);
    }

    #[test]
    fn what_is_no_call_is_a_fault() {
        for (body, code) in [
            ("", -32700),
            ("nonsense", -32700),
            ("<methodCall>", -32700),
            ("<methodCall><methodName>sum</methodName></methodCall><x/>", -32700),
            ("<methodCall><methodName>sum</methodName></methodCall>&#1;", -32700),
            ("<methodCall><methodName>a\u{1}</methodName></methodCall>", -32700),
            ("<!DOCTYPE a [<!ENTITY b 'c'>]><methodCall><methodName>&b;</methodName></methodCall>", -32700),
            ("<?xml version='1.0' encoding='EBCDIC-US'?><methodCall/>", -32701),
            ("<methodResponse/>", -32600),
            ("<methodCall/>", -32600),
            ("<methodCall><params/></methodCall>", -32600),
            ("<methodCall><params/><methodName>sum</methodName></methodCall>", -32600),
            ("<methodCall><methodName/></methodCall>", -32600),
            ("<methodCall><methodName>a b</methodName></methodCall>", -32600),
            ("<methodCall><methodName>\u{e9}</methodName></methodCall>", -32600),
            ("<methodCall><methodName><b/></methodName></methodCall>", -32600),
            ("<methodCall>text<methodName>sum</methodName></methodCall>", -32600),
            ("<methodCall><methodName>sum</methodName><x/></methodCall>", -32600),
            ("<methodCall><methodName>sum</methodName><params/><params/></methodCall>", -32600),
            ("<methodCall><methodName>sum</methodName><params><value/></params></methodCall>", -32600),
            ("<methodCall><methodName>sum</methodName><params><param/></params></methodCall>", -32600),
            (
                "<methodCall><methodName>sum</methodName><params><param><value/><value/></param></params></methodCall>",
                -32600,
            ),
        ] {
            let reply = exchange_with(&Fake::new(), body.as_bytes());
            assert!(reply.contains(&format!("<int>{code}</int>")), "{body}: {reply}");
        }
        assert_eq!(
            exchange("sum", &["<int>x</int>"]),
            fault(-32600, "An int is not an integer within 32 bits.")
        );
        let broken = b"<methodCall><methodName>sum\xff</methodName></methodCall>";
        assert!(exchange_with(&Fake::new(), broken).contains("<int>-32702</int>"));
        let fake = Fake::new();
        let reply = Fake::runtime().block_on(answer(&fake.service(), Some("koi8-r"), b"<methodCall/>"));
        assert!(reply.contains("<int>-32701</int>"), "{reply}");
    }

    #[test]
    fn failures_keep_their_code_and_drop_their_data() {
        let reply = exchange("fail", &["<int>4711</int>", "no &lt;such&gt; user", "{\"id\":1}"]);
        assert_eq!(reply, fault(4711, "no &lt;such&gt; user"));
        assert_eq!(
            exchange("trap", &[]),
            fault(-32603, "The service failed on this request. (request 0000000000000abc)")
        );
        assert!(exchange("late", &[]).contains("<int>-32001</int>"));
        assert!(exchange("busy", &[]).contains("<int>-32003</int>"));
    }

    #[test]
    fn a_result_that_xml_cannot_carry_is_a_fault_and_never_broken_xml() {
        for result in
            ["\"\\u0000\"", "\"\\u001b[0m\"", "{\"\\ufffe\":1}", "1e999", "99999999999999999999", "x", "[1"]
        {
            let reply = exchange("raw", &[result]);
            assert!(
                reply.contains("<int>-32603</int>") && reply.contains("cannot be sent"),
                "{result}: {reply}"
            );
        }
        // The message comes as JSON text in an XML-RPC string, so that it can hold what XML cannot.
        let fake = Fake::new();
        let call = Call { method: "fail".to_owned(), params: Some(r#"[1,"a\u0000b"]"#.to_owned()) };
        let fault =
            Fake::runtime().block_on(carry_out(&fake.service(), call, &mut String::new())).unwrap_err();
        assert_eq!((fault.code, fault.message.as_ref()), (-32603, Failure::PluginAnswerInvalid.public()));
    }

    #[test]
    fn the_hosts_own_methods_cost_no_instance() {
        let fake = Fake::new();
        let ask = |method: &str, values: &[&str]| exchange_with(&fake, call_xml(method, values).as_bytes());
        let listed = ask("system.listMethods", &[]);
        for name in ["subtract", "system.multicall", "system.getCapabilities", "system.listMethods"] {
            assert!(value(&listed).contains(&format!("<value><string>{name}</string></value>")), "{listed}");
        }
        assert!(!listed.contains("rpc.discover"));
        assert_eq!(value(&ask("system.methodHelp", &["sum"])), "<string>Help on sum.</string>");
        assert_eq!(
            value(&ask("system.methodSignature", &["<string>subtract</string>"])),
            "<array><data><value><array><data><value><string>double</string></value><value><string>double</string></value>\
             <value><string>double</string></value></data></array></value></data></array>"
        );
        assert!(ask("system.getCapabilities", &[]).contains("<name>faults_interop</name>"));
        assert_eq!(
            ask("system.methodHelp", &["nothing"]),
            fault(-32602, "Invalid params: there is no method of this name")
        );
        assert!(ask("system.nothing", &[]).contains("<int>-32601</int>"));
        assert!(ask("rpc.discover", &[]).contains("<int>-32601</int>"));
        assert!(fake.called().is_empty());
    }

    fn member(method: &str, values: &str) -> String {
        format!(
            "<value><struct><member><name>methodName</name><value>{method}</value></member><member><name>params</name>\
             <value><array><data>{values}</data></array></value></member></struct></value>"
        )
    }

    fn multicall_of(members: &[String]) -> String {
        format!("<array><data>{}</data></array>", members.concat())
    }

    #[test]
    fn a_multicall_answers_each_call_in_its_place() {
        let calls = multicall_of(&[
            member("sum", "<value><int>1</int></value><value><int>2</int></value>"),
            member("foobar", ""),
            member("system.multicall", "<value><array><data/></array></value>"),
            member("system.methodHelp", "<value>sum</value>"),
            "<value><int>1</int></value>".to_owned(),
            "<value><struct><member><name>methodName</name><value>update</value></member></struct></value>".to_owned(),
            "<value><struct><member><name>methodName</name><value><int>1</int></value></member></struct></value>".to_owned(),
        ]);
        let reply = exchange("system.multicall", &[&calls]);
        let fault = |code: i32, text: &str| {
            format!(
                "<value><struct><member><name>faultCode</name><value><int>{code}</int></value></member><member>\
                 <name>faultString</name><value><string>{text}</string></value></member></struct></value>"
            )
        };
        let shape = fault(-32600, "Invalid Request: this is no struct of methodName and params");
        let expected = [
            "<value><array><data><value><int>3</int></value></data></array></value>".to_owned(),
            fault(-32601, "Method not found"),
            fault(-32600, "Invalid Request: system.multicall cannot be called by system.multicall"),
            "<value><array><data><value><string>Help on sum.</string></value></data></array></value>"
                .to_owned(),
            shape.clone(),
            "<value><array><data><value><nil/></value></data></array></value>".to_owned(),
            shape,
        ];
        assert_eq!(value(&reply), multicall_of(&expected));
    }

    #[test]
    fn a_multicall_is_bounded_in_calls_in_parallel_and_in_size() {
        let fake = Fake::new();
        let ask = |fake: &Fake, members: &[String]| {
            exchange_with(fake, call_xml("system.multicall", &[&multicall_of(members)]).as_bytes())
        };
        let reply = ask(&fake, &vec![member("slow", ""); 50]);
        assert_eq!(reply.matches("<boolean>1</boolean>").count(), 50);
        assert_eq!(fake.running_max.get(), 8);
        fake.calls.take();
        let refused = ask(&fake, &vec![member("slow", ""); 51]);
        assert_eq!(refused, fault(-32600, "Invalid Request: a multicall may hold at most 50 calls"));
        assert!(fake.called().is_empty());
        assert!(exchange("system.multicall", &["<int>1</int>"]).contains("<int>-32602</int>"));
        assert!(exchange("system.multicall", &[]).contains("<int>-32602</int>"));
        assert_eq!(value(&ask(&fake, &[])), "<array><data></data></array>");
        let late = Fake::with(PluginLimits { batch_ms_max: 0, ..PluginLimits::DEFAULT });
        assert_eq!(ask(&late, &vec![member("slow", ""); 3]).matches("<int>-32001</int>").count(), 3);
        assert!(late.called().is_empty());
        let small = Fake::with(PluginLimits { response_bytes_max: 1_024, ..PluginLimits::DEFAULT });
        let reply = ask(&small, &vec![member("big", "<value><int>400</int></value>"); 3]);
        assert_eq!(reply.matches("<int>-32005</int>").count(), 1);
        assert_eq!(reply.matches("xxx</string>").count(), 2);
    }

    #[test]
    fn arbitrary_bytes_are_answered_with_a_document_that_can_be_read() {
        let seeds = [
            call_xml("echo", &["<struct><member><name>$base64</name><value>a</value></member></struct>"]),
            call_xml("raw", &["[1,2.5e3,{\"$base64\":\"aGVsbG8=\"},\"x\"]"]),
            call_xml(
                "system.multicall",
                &[&multicall_of(&[member("echo", "<value><nil/></value>"), member("sum", "")])],
            ),
        ];
        let fake = Fake::new();
        let runtime = Fake::runtime();
        let mut random = Random(11);
        for round in 0..30_000 {
            let body = random.mutated(seeds[round % seeds.len()].as_bytes(), b"<>/&;!?='\"[]{}$0e.a \x01");
            let reply = runtime.block_on(answer(&fake.service(), None, &body));
            let document = Document::decode(reply.as_bytes(), None).unwrap();
            let mut reader = Reader::new(&document, Bounds { depth_max: 1_000, ..Bounds::default() });
            while reader.next().unwrap() != xml::Event::Eof {}
        }
    }
}
