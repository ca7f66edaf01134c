//! Messages of several parts and addressed messages, bytes in and bytes out, with a plugin of a few lines in place of a guest.

use futures_util::FutureExt as _;
use http::HeaderMap;
use http_body_util::BodyExt as _;

use super::super::http::binding;
use super::super::{Attachment, QualifiedName, contract};
use super::*;

const LIMITS: &PluginLimits = &PluginLimits::DEFAULT;
const WSA: &str = "http://www.w3.org/2005/08/addressing";
const ENVELOPE_11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const ENVELOPE_12: &str = "http://www.w3.org/2003/05/soap-envelope";
const INCLUDE: &str = "<x:Include xmlns:x='http://www.w3.org/2004/08/xop/include' href='cid:a@x'/>";

fn service() -> Service {
    Service {
        versions: vec![Version::Soap11, Version::Soap12],
        understands: Vec::new(),
        roles: Vec::new(),
        operations: Vec::new(),
    }
}

struct Answered {
    status: u16,
    media_type: String,
    body: String,
}

/// Sends a message to a plugin.
fn send(
    fields: &[(&'static str, &str)],
    body: &[u8],
    actions: &Actions,
    plugin: impl Fn(Call) -> Result<Reply, Fault>,
) -> Answered {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.insert(*name, value.parse().unwrap());
    }
    let binding = binding(&headers, &service().versions).unwrap();
    let response = match receive(body, &binding, &service(), Some(actions), LIMITS) {
        Ok(received) => {
            let version = received.call.version;
            answer(version, plugin(received.call), received.addressing.as_ref(), received.xop, LIMITS)
        }
        Err((version, Refusal::Fault { fault, .. })) => respond(version, Err(*fault), false, LIMITS),
        Err((_, Refusal::MediaType(_))) => panic!("the media type is refused"),
    };
    let (head, body) = response.unwrap().into_parts();
    let bytes = body.collect().now_or_never().unwrap().unwrap().to_bytes();
    let media_type = head.headers.get("content-type").map_or("", |value| value.to_str().unwrap()).to_owned();
    Answered { status: head.status.as_u16(), media_type, body: String::from_utf8(bytes.to_vec()).unwrap() }
}

fn envelope(namespace: &str, header: &str, body: &str) -> String {
    format!(
        "<e:Envelope xmlns:e='{namespace}'><e:Header>{header}</e:Header><e:Body>{body}</e:Body></e:Envelope>"
    )
}

/// A message whose attachment `a@x` is `hello`.
fn related(root_type: &str, envelope: &str) -> String {
    format!(
        "--b\r\nContent-Type: {root_type}\r\nContent-ID: <root@x>\r\n\r\n{envelope}\r\n\
         --b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <a@x>\r\n\r\nhello\r\n--b--\r\n"
    )
}

fn mtom(version: Version, body: &str, plugin: impl Fn(Call) -> Result<Reply, Fault>) -> Answered {
    let (namespace, info) = match version {
        Version::Soap11 => (ENVELOPE_11, "text/xml"),
        Version::Soap12 => (ENVELOPE_12, "application/soap+xml"),
    };
    let media_type = format!(
        "multipart/related; type=\"application/xop+xml\"; boundary=\"b\"; start=\"<root@x>\"; start-info=\"{info}\""
    );
    let root = format!("application/xop+xml; charset=UTF-8; type=\"{info}\"");
    let text = related(&root, &envelope(namespace, "", body));
    send(&[("content-type", &media_type)], text.as_bytes(), &Actions::default(), plugin)
}

fn reply(body: impl Into<String>) -> Reply {
    Reply { headers: Vec::new(), body: Some(body.into()), attachments: Vec::new() }
}

fn attachment(content_id: &str) -> Attachment {
    Attachment {
        content_id: content_id.to_owned(),
        content_type: "text/plain".to_owned(),
        content: b"hello".to_vec(),
    }
}

fn echo(call: Call) -> Result<Reply, Fault> {
    Ok(Reply { attachments: call.attachments, ..reply(call.body) })
}

fn reply_that_includes(_: Call) -> Result<Reply, Fault> {
    Ok(Reply { attachments: vec![attachment("a@x")], ..reply(format!("<r><c>{INCLUDE}</c></r>")) })
}

#[test]
fn an_included_part_is_seen_as_base64_in_both_versions() {
    for (version, media_type) in [
        (Version::Soap11, "text/xml; charset=utf-8"),
        (Version::Soap12, "application/soap+xml; charset=utf-8"),
    ] {
        let answer = mtom(version, &format!("<r><c>{INCLUDE}</c></r>"), |call| {
            assert_eq!(call.version, version);
            assert!(call.attachments.is_empty());
            echo(call)
        });
        assert_eq!((answer.status, answer.media_type.as_str()), (200, media_type));
        assert!(answer.body.contains("<c>aGVsbG8=</c>"), "{}", answer.body);
    }
}

#[test]
fn a_part_that_is_not_there_is_the_senders_fault_in_the_right_version() {
    let unreached = |_| panic!("nothing is processed");
    let body = format!("<r>{}</r>", INCLUDE.replace("a@x", "b@x"));
    let answer = mtom(Version::Soap11, &body, unreached);
    assert_eq!(answer.status, 500);
    assert!(answer.body.contains(">env:Client<"), "{}", answer.body);
    let answer = mtom(Version::Soap12, &body, unreached);
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains(">env:Sender<"), "{}", answer.body);
}

#[test]
fn the_envelope_says_which_version_a_message_of_several_parts_is() {
    // node-soap names version 1.1 whatever it sends.
    let media_type = "multipart/related; type=\"application/xop+xml\"; boundary=b; start-info=\"text/xml\"";
    let text = related("application/xop+xml", &envelope(ENVELOPE_12, "", "<r/>"));
    let answer = send(&[("content-type", media_type)], text.as_bytes(), &Actions::default(), echo);
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains(ENVELOPE_12), "{}", answer.body);
}

#[test]
fn an_answer_that_includes_leaves_as_mtom_only_to_who_sent_mtom() {
    let answer = mtom(Version::Soap12, "<r/>", reply_that_includes);
    let (head, start_info) = answer.media_type.split_once("start-info=").unwrap();
    assert!(head.starts_with("multipart/related; boundary=\"guesthouse-"), "{head}");
    assert_eq!(start_info, "\"application/soap+xml\"");
    assert!(answer.body.contains("href='cid:a@x'") && answer.body.contains("\r\n\r\nhello\r\n--"));
    let text = envelope(ENVELOPE_11, "", "<r/>");
    let answer =
        send(&[("content-type", "text/xml")], text.as_bytes(), &Actions::default(), reply_that_includes);
    assert_eq!(answer.media_type, "text/xml; charset=utf-8");
    assert!(answer.body.contains("<c>aGVsbG8=</c>"), "{}", answer.body);
}

#[test]
fn attachments_are_handed_over_and_sent_back() {
    let text = related("text/xml; charset=utf-8", &envelope(ENVELOPE_11, "", "<r href='cid:a@x'/>"));
    let media_type = "multipart/related; type=\"text/xml\"; boundary=b; start=\"<root@x>\"";
    let answer = send(&[("content-type", media_type)], text.as_bytes(), &Actions::default(), |call| {
        assert_eq!((call.attachments.len(), call.attachments[0].content_id.as_str()), (1, "a@x"));
        assert_eq!(call.attachments[0].content, b"hello");
        echo(call)
    });
    assert!(answer.media_type.contains("type=\"text/xml\"") && !answer.media_type.contains("xop"));
    assert!(answer.body.contains("Content-ID: <a@x>") && answer.body.contains("hello"), "{}", answer.body);
}

#[test]
fn attachments_that_would_break_the_message_are_not_sent() {
    let with = |attachments: Vec<Attachment>| {
        respond(Version::Soap11, Ok(Reply { attachments, ..reply("<r/>") }), false, LIMITS)
    };
    assert!(with(vec![attachment("a@x"), attachment("b@x")]).is_ok());
    for id in ["", "a>b", "a b", "a\r\nb", multipart::ROOT] {
        assert!(with(vec![attachment(id)]).is_err(), "{id:?}");
    }
    assert!(with(vec![attachment("a@x"), attachment("a@x")]).is_err());
    for media_type in ["x", "text/plain\r\na: b", "text/plain; a=\"\r\nb: c\""] {
        let attachment = Attachment { content_type: media_type.to_owned(), ..attachment("a@x") };
        assert!(with(vec![attachment]).is_err(), "{media_type:?}");
    }
}

fn actions() -> Actions {
    let wsdl = "<definitions xmlns='http://schemas.xmlsoap.org/wsdl/' targetNamespace='urn:t' xmlns:t='urn:t' \
        xmlns:soap='http://schemas.xmlsoap.org/wsdl/soap/'>\
        <message name='In'><part name='p' element='t:Add'/></message>\
        <message name='Note'><part name='p' element='t:Note'/></message>\
        <portType name='P'><operation name='Add'><input message='t:In'/><output message='t:In'/></operation>\
        <operation name='Note'><input message='t:Note'/></operation></portType>\
        <binding name='B' type='t:P'><soap:binding transport='http://schemas.xmlsoap.org/soap/http'/>\
        <operation name='Add'><soap:operation soapAction='urn:t/Add'/>\
        <input><soap:body use='literal'/></input></operation>\
        <operation name='Note'><input><soap:body use='literal'/></input></operation></binding></definitions>";
    contract::check(wsdl, &service(), LIMITS).unwrap()
}

fn addressed(namespace: &str, soap_action: &str, header: &str, body: &str) -> Answered {
    let header = header.replace("<a:", "<w:").replace("</a:", "</w:");
    let header = header.replace("<w:Action", &format!("<w:Action xmlns:w='{WSA}'"));
    let text = envelope(namespace, "", body)
        .replace("<e:Header></e:Header>", &format!("<e:Header xmlns:w='{WSA}'>{header}</e:Header>"));
    let media_type = if namespace == ENVELOPE_11 { "text/xml" } else { "application/soap+xml" };
    let fields = [("content-type", media_type), ("soapaction", soap_action)];
    send(&fields, text.as_bytes(), &actions(), |call| match call.operation.name.as_str() {
        "Fail" => Err(fault::host(FaultCode::Receiver, "it fails")),
        "Note" => Ok(Reply { headers: Vec::new(), body: None, attachments: Vec::new() }),
        _ => echo(call),
    })
}

const ADD: &str = "<Add xmlns='urn:t'/>";
const ACTION: &str = "<a:Action>urn:t/Add</a:Action>";
const ID: &str = "<a:MessageID>urn:uuid:1 &lt;2</a:MessageID>";

#[test]
fn an_answer_relates_to_its_request_and_has_the_contracts_action() {
    for namespace in [ENVELOPE_11, ENVELOPE_12] {
        let answer =
            addressed(namespace, "\"urn:t/Add\"", &format!("{ACTION}{ID}<a:To>http://h/</a:To>"), ADD);
        assert_eq!(answer.status, 200, "{}", answer.body);
        let expected = format!(
            "<env:Header><wsa:Action xmlns:wsa=\"{WSA}\">urn:t:P:AddResponse</wsa:Action>\
             <wsa:RelatesTo xmlns:wsa=\"{WSA}\">urn:uuid:1 &lt;2</wsa:RelatesTo></env:Header>"
        );
        assert!(answer.body.contains(&expected), "{}", answer.body);
    }
    // A message without addressing gets an answer without.
    assert!(!addressed(ENVELOPE_11, "\"\"", "", ADD).body.contains("Header"));
}

#[test]
fn replies_go_back_on_the_connection_or_nowhere() {
    let anonymous = format!(
        "{ACTION}{ID}<a:ReplyTo><a:Address> {WSA}/anonymous </a:Address><a:ReferenceParameters>\
         <p:k xmlns:p='urn:p'>7</p:k><p:l xmlns:p='urn:p'/></a:ReferenceParameters></a:ReplyTo>"
    );
    let answer = addressed(ENVELOPE_12, "", &anonymous, ADD);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.body.matches(":IsReferenceParameter=\"true\"").count(), 2, "{}", answer.body);
    assert!(answer.body.contains(">7</p:k>"), "{}", answer.body);
    let none = format!("{ACTION}<a:ReplyTo><a:Address>{WSA}/none</a:Address></a:ReplyTo>");
    let answer = addressed(ENVELOPE_12, "", &none, ADD);
    assert_eq!((answer.status, answer.body.as_str()), (202, ""));
    // Faults follow replies unless they have their own endpoint.
    let fail = |header: &str| addressed(ENVELOPE_12, "", header, "<Fail xmlns='urn:t'/>");
    assert_eq!(fail(&none).status, 202);
    let with_fault = format!("{none}{ID}<a:FaultTo><a:Address>{WSA}/anonymous</a:Address></a:FaultTo>");
    let answer = fail(&with_fault);
    assert_eq!(answer.status, 500);
    assert!(answer.body.contains(&format!(">{WSA}/soap/fault</wsa:Action>")), "{}", answer.body);
    assert!(answer.body.contains("RelatesTo"), "{}", answer.body);
}

#[test]
fn addressing_that_cannot_be_followed_is_a_fault_with_its_code_and_header() {
    let to = |name: &str, address: &str| format!("<a:{name}><a:Address>{address}</a:Address></a:{name}>");
    let cases = [
        (
            format!("{ACTION}{ID}{}", to("ReplyTo", "http://other.example/")),
            "",
            "OnlyAnonymousAddressSupported",
        ),
        (
            format!("{ACTION}{ID}{}", to("FaultTo", "http://other.example/")),
            "",
            "OnlyAnonymousAddressSupported",
        ),
        (ID.to_owned(), "", "MessageAddressingHeaderRequired"),
        (ACTION.to_owned(), "", "MessageAddressingHeaderRequired"),
        (
            format!("{ACTION}{}", to("ReplyTo", &format!("{WSA}/anonymous"))),
            "",
            "MessageAddressingHeaderRequired",
        ),
        (format!("{ACTION}{ID}"), "\"urn:other\"", "ActionMismatch"),
        (format!("<a:Action>urn:none</a:Action>{ID}"), "", "ActionNotSupported"),
        (format!("<a:Action> </a:Action>{ID}"), "", "InvalidAddressingHeader"),
        (format!("{ACTION}{ACTION}{ID}"), "", "InvalidCardinality"),
        (format!("{ACTION}{ID}<a:ReplyTo/>"), "", "MissingAddressInEPR"),
        (format!("{ACTION}{ID}<a:From><a:Metadata/></a:From>"), "", "MissingAddressInEPR"),
    ];
    for (header, soap_action, code) in &cases {
        let answer = addressed(ENVELOPE_12, soap_action, header, ADD);
        assert_eq!(answer.status, 400, "{header}: {}", answer.body);
        assert!(answer.body.contains(&format!(":{code}</env:Value>")), "{header}: {}", answer.body);
        assert!(answer.body.contains(&format!(">{WSA}/fault</wsa:Action>")), "{header}: {}", answer.body);
        assert_eq!(
            answer.body.contains("RelatesTo"),
            header.contains("MessageID"),
            "{header}: {}",
            answer.body
        );
        let answer = addressed(ENVELOPE_11, soap_action, header, ADD);
        assert_eq!(answer.status, 500, "{header}: {}", answer.body);
        assert!(answer.body.contains(&format!(">wsa:{code}</faultcode>")), "{header}: {}", answer.body);
        assert!(answer.body.contains("FaultDetail") && !answer.body.contains("<detail"), "{}", answer.body);
    }
}

#[test]
fn a_one_way_operation_needs_no_identifier() {
    let answer = addressed(ENVELOPE_12, "", "<a:Action>urn:t:P:Note</a:Action>", "<Note xmlns='urn:t'/>");
    assert_eq!((answer.status, answer.body.as_str()), (202, ""), "{}", answer.body);
}

#[test]
fn mandatory_addressing_is_understood_unless_the_plugin_takes_it_all() {
    let header = format!("<w:MessageID xmlns:w='{WSA}' e:mustUnderstand='1'>urn:1</w:MessageID>");
    let text = envelope(ENVELOPE_11, &header, ADD);
    let headers = [("content-type", "text/xml")];
    let answer = send(&headers, text.as_bytes(), &actions(), echo);
    assert!(answer.body.contains("MessageAddressingHeaderRequired"), "{}", answer.body);
    let name = QualifiedName { namespace: WSA.to_owned(), name: "Action".to_owned() };
    let own = Service { understands: vec![name], ..service() };
    let mut fields = HeaderMap::new();
    fields.insert("content-type", "text/xml".parse().unwrap());
    let binding = binding(&fields, &own.versions).unwrap();
    let refused = receive(text.as_bytes(), &binding, &own, None, LIMITS).unwrap_err();
    assert!(matches!(refused.1, Refusal::Fault { fault, .. } if fault.code == FaultCode::MustUnderstand));
}
