//! Whole exchanges, bytes in and bytes out, with a plugin of a few lines in place of a guest. The numbers T.. are those of the W3C's
//! SOAP 1.2 test collection; the messages are our own.

use futures_util::FutureExt as _;
use http::HeaderMap;
use http::request::Parts;
use http_body_util::BodyExt as _;

use super::endpoint::{render, summary};
use super::envelope::{self, Refusal};
use super::fragment::Invalid;
use super::http::{ALLOW, binding};
use super::message::respond;
use super::{Call, Fault, QualifiedName, Reply, Service, Version};
use crate::capability::RequestId;
use crate::exchange::Response;
use crate::failure::Failure;
use crate::limits::PluginLimits;
use crate::protocol::xml::{Bounds, Document, Event, Reader};

const TESTS: &str = "http://example.org/ts-tests";
const SOAP_12: &str = "application/soap+xml; charset=utf-8";
const SOAP_11: &str = "text/xml; charset=utf-8";

fn name(namespace: &str, name: &str) -> QualifiedName {
    QualifiedName { namespace: namespace.to_owned(), name: name.to_owned() }
}

fn service() -> Service {
    Service {
        versions: vec![Version::Soap11, Version::Soap12],
        understands: vec![name(TESTS, "echoOk"), name(TESTS, "requiredHeader")],
        roles: vec!["http://example.org/ts-tests/C".to_owned()],
        operations: vec![name(TESTS, "echoOk"), name(TESTS, "returnVoid")],
    }
}

/// Answers what it was called with: header blocks as they came, and the body within `r`.
fn echo(call: Call) -> Result<Reply, Fault> {
    let headers = call.headers.into_iter().map(|block| block.xml).collect();
    let body = if call.body.is_empty() { String::new() } else { format!("<r>{}</r>", call.body) };
    Ok(Reply { headers, body: Some(body), attachments: Vec::new() })
}

struct Answered {
    status: u16,
    media_type: String,
    body: String,
}

fn post_to(
    service: &Service,
    media_type: &str,
    body: &[u8],
    plugin: impl Fn(Call) -> Result<Reply, Fault>,
) -> Result<Answered, Failure> {
    let limits = &PluginLimits::DEFAULT;
    let mut headers = HeaderMap::new();
    headers.insert("content-type", media_type.parse().unwrap());
    let binding = binding(&headers, &service.versions)?;
    let answer = match envelope::read(body, binding.charset.as_deref(), &binding, service, limits) {
        Ok(call) => plugin(call),
        Err(Refusal::Fault { fault, .. }) => Err(*fault),
        Err(Refusal::MediaType(wanted)) => {
            return Err(Failure::UnsupportedMediaType { accept: wanted.unwrap_or("any").to_owned() });
        }
    };
    Ok(answered(respond(binding.version, answer, false, limits).unwrap()))
}

fn answered(response: Response) -> Answered {
    let (head, body) = response.into_parts();
    let bytes = body.collect().now_or_never().unwrap().unwrap().to_bytes();
    Answered {
        status: head.status.as_u16(),
        media_type: head
            .headers
            .get("content-type")
            .map_or_else(String::new, |value| value.to_str().unwrap().to_owned()),
        body: String::from_utf8(bytes.to_vec()).unwrap(),
    }
}

fn post(media_type: &str, body: &str) -> Answered {
    post_to(&service(), media_type, body.as_bytes(), echo).unwrap()
}

/// A message of version 1.2 with this header and body content; `-` stands for no element.
fn message12(header: &str, body: &str) -> String {
    let part = |name: &str, content: &str| match content {
        "-" => String::new(),
        content => format!("<env:{name}>{content}</env:{name}>"),
    };
    format!(
        "<?xml version='1.0' ?>\n<env:Envelope xmlns:env=\"http://www.w3.org/2003/05/soap-envelope\" \
         xmlns:test=\"{TESTS}\">\n {}\n {}\n</env:Envelope>\n",
        part("Header", header),
        part("Body", body)
    )
}

fn message11(header: &str, body: &str) -> String {
    message12(header, body)
        .replace("http://www.w3.org/2003/05/soap-envelope\"", "http://schemas.xmlsoap.org/soap/envelope/\"")
}

/// The fault code of an answer; none for an answer that is no fault.
fn code(answer: &Answered) -> Option<&str> {
    let (open, close) = if answer.body.contains("<faultcode>") {
        ("<faultcode>env:", "</faultcode>")
    } else {
        ("<env:Code><env:Value>env:", "</env:Value>")
    };
    answer.body.split(open).nth(1).and_then(|rest| rest.split(close).next())
}

#[test]
fn a_call_of_version_1_2_is_answered_byte_for_byte() {
    let answer = post(SOAP_12, &message12("-", "<test:echoOk>foo &amp; b</test:echoOk>"));
    assert_eq!((answer.status, answer.media_type.as_str()), (200, "application/soap+xml; charset=utf-8"));
    assert_eq!(
        answer.body,
        "<env:Envelope xmlns:env=\"http://www.w3.org/2003/05/soap-envelope\"><env:Body><r>\
         <test:echoOk xmlns:env=\"http://www.w3.org/2003/05/soap-envelope\" \
         xmlns:test=\"http://example.org/ts-tests\">foo &amp; b</test:echoOk></r></env:Body></env:Envelope>"
    );
}

#[test]
fn a_call_of_version_1_1_is_answered_in_version_1_1() {
    let answer = post(SOAP_11, &message11("<test:echoOk/>", "<test:returnVoid/>"));
    assert_eq!((answer.status, answer.media_type.as_str()), (200, "text/xml; charset=utf-8"));
    let namespaces = "xmlns:env=\"http://schemas.xmlsoap.org/soap/envelope/\"";
    let tests = "xmlns:test=\"http://example.org/ts-tests\"";
    assert_eq!(
        answer.body,
        format!(
            "<env:Envelope {namespaces}><env:Header><test:echoOk {namespaces} {tests}/></env:Header>\
             <env:Body><r><test:returnVoid {namespaces} {tests}/></r></env:Body></env:Envelope>"
        )
    );
}

#[test]
fn a_plugin_sees_operation_action_version_and_its_header_blocks() {
    let header = "<test:echoOk env:mustUnderstand='true' env:role='http://example.org/ts-tests/C'>a</test:echoOk>\
        <o:other xmlns:o='urn:o'/>";
    let text = message12(header, " <test:echoOk/> ");
    let seen = post_to(&service(), "application/soap+xml; action=\"urn:act\"", text.as_bytes(), |call| {
        assert_eq!(call.version, Version::Soap12);
        assert_eq!(call.action.as_deref(), Some("urn:act"));
        assert_eq!((call.operation.namespace.as_str(), call.operation.name.as_str()), (TESTS, "echoOk"));
        assert_eq!(call.headers.len(), 2);
        assert!(call.headers[0].must_understand && !call.headers[1].must_understand);
        assert_eq!(call.headers[0].role.as_deref(), Some("http://example.org/ts-tests/C"));
        assert_eq!(call.headers[1].role, None);
        assert_eq!(call.headers[1].name.namespace, "urn:o");
        assert!(call.headers[0].xml.starts_with("<test:echoOk xmlns:env=\"http://www.w3.org/2003/"));
        echo(call)
    });
    assert_eq!(seen.unwrap().status, 200);
}

#[test]
fn a_one_way_operation_is_accepted_without_an_envelope() {
    let text = message12("-", "<test:echoOk/>");
    let one_way = |_| Ok(Reply { headers: Vec::new(), body: None, attachments: Vec::new() });
    let answer = post_to(&service(), SOAP_12, text.as_bytes(), one_way).unwrap();
    assert_eq!((answer.status, answer.body.as_str(), answer.media_type.as_str()), (202, "", ""));
}

#[test]
fn header_blocks_reach_the_plugin_by_their_role() {
    let role = "http://www.w3.org/2003/05/soap-envelope/role";
    let block = |attributes: &str| format!("<test:echoOk {attributes}>foo</test:echoOk>");
    let at = |uri: &str| block(&format!("env:role='{uri}'"));
    for (case, header, seen) in [
        ("T01 next", at(&format!("{role}/next")), 1),
        ("T03 ultimateReceiver", at(&format!("{role}/ultimateReceiver")), 1),
        ("T04 no role", block(""), 1),
        ("T05 another's role", at("http://example.org/ts-tests/B"), 0),
        ("T10 a long role", at(&format!("http://example.org/ts-tests/C{}", "z".repeat(2_000))), 0),
        ("T15 role none", at(&format!("{role}/none")), 0),
        ("T22 mandatory and understood", block("env:mustUnderstand='1'"), 1),
        ("T38 relay", block("env:relay='true' env:mustUnderstand=' false '"), 1),
        ("own role", at("http://example.org/ts-tests/C"), 1),
        ("empty role", at(""), 1),
    ] {
        let answer = post(SOAP_12, &message12(&header, ""));
        assert_eq!(code(&answer), None, "{case}: {}", answer.body);
        assert_eq!(answer.body.matches(">foo<").count(), seen, "{case}: {}", answer.body);
        assert!(answer.body.ends_with("<env:Body/></env:Envelope>"), "{case}: {}", answer.body);
    }
    for (actor, seen) in [
        ("http://schemas.xmlsoap.org/soap/actor/next", 1),
        ("http://example.org/ts-tests/C", 1),
        ("", 1),
        ("http://www.w3.org/2003/05/soap-envelope/role/next", 0),
    ] {
        let header = format!("<test:echoOk env:actor='{actor}'>foo</test:echoOk>");
        let answer = post(SOAP_11, &message11(&header, ""));
        assert_eq!(answer.body.matches(">foo<").count(), seen, "{actor}: {}", answer.body);
    }
}

#[test]
fn mandatory_header_blocks_that_are_not_understood_are_all_named_before_anything_runs() {
    // T12, T13, T35, T36.
    let header = "<test:Unknown env:mustUnderstand='1'/><test:echoOk/>\
        <o:B xmlns:o='urn:&quot;o' env:mustUnderstand='true' \
        env:role='http://www.w3.org/2003/05/soap-envelope/role/ultimateReceiver'/>";
    let unreached = |_| panic!("nothing is processed");
    let text = message12(header, "<test:nothing/>");
    let answer = post_to(&service(), SOAP_12, text.as_bytes(), unreached).unwrap();
    assert_eq!((answer.status, code(&answer)), (500, Some("MustUnderstand")));
    let env = "xmlns:env=\"http://www.w3.org/2003/05/soap-envelope\"";
    assert!(
        answer.body.starts_with(&format!(
            "<env:Envelope {env}><env:Header>\
             <env:NotUnderstood {env} qname=\"t:Unknown\" xmlns:t=\"http://example.org/ts-tests\"/>\
             <env:NotUnderstood {env} qname=\"t:B\" xmlns:t=\"urn:&quot;o\"/></env:Header>"
        )),
        "{}",
        answer.body
    );
    let text = message11("<test:Unknown env:mustUnderstand='1'/>", "<test:echoOk/>");
    let answer = post_to(&service(), SOAP_11, text.as_bytes(), unreached).unwrap();
    assert_eq!((answer.status, code(&answer)), (500, Some("MustUnderstand")));
    assert!(!answer.body.contains("<detail") && !answer.body.contains("env:Header"), "{}", answer.body);
}

#[test]
fn mandatory_header_blocks_for_others_are_let_be() {
    // T11, T19, T34, T37, T40.
    for role in ["http://example.org/ts-tests/B", "http://www.w3.org/2003/05/soap-envelope/role/none"] {
        let header = format!("<test:Unknown env:mustUnderstand='1' env:role='{role}'/>");
        assert_eq!(code(&post(SOAP_12, &message12(&header, ""))), None, "{role}");
    }
}

#[test]
fn what_breaks_the_rules_of_an_envelope_is_the_senders_fault() {
    let encoding = "env:encodingStyle='http://www.w3.org/2003/05/soap-encoding'";
    let good = message12("-", "<test:echoOk/>");
    let cases = [
        ("T14 mustUnderstand wrong", message12("<test:echoOk env:mustUnderstand='wrong'/>", "")),
        ("T23 mustUnderstand 9", message12("<test:Unknown env:mustUnderstand='9'/>", "")),
        ("T39 also for others", message12("<test:U env:mustUnderstand='TRUE' env:role='urn:b'/>", "")),
        ("relay", message12("<test:echoOk env:relay='yes'/>", "")),
        ("T28 encodingStyle on Body", good.replace("<env:Body>", &format!("<env:Body {encoding}>"))),
        (
            "T72 encodingStyle on Envelope",
            good.replace("<env:Envelope", &format!("<env:Envelope {encoding}")),
        ),
        ("on Header", message12("", "").replace("<env:Header>", &format!("<env:Header {encoding}>"))),
        ("on Fault", message12("-", &format!("<env:Fault {encoding}/>"))),
        ("T69 no Body", message12("<test:echoOk/>", "-")),
        ("T70 after Body", good.replace("</env:Body>", "</env:Body><test:Trailer/>")),
        ("two Bodies", good.replace("</env:Body>", "</env:Body><env:Body/>")),
        ("Header after Body", good.replace("</env:Body>", "</env:Body><env:Header/>")),
        ("two Headers", message12("", "").replace("<env:Header>", "<env:Header/><env:Header>")),
        ("other child", good.replace("<env:Body>", "<test:x/><env:Body>")),
        ("T71 unqualified attribute", good.replace("<env:Envelope", "<env:Envelope attr1='a'")),
        ("on Body too", good.replace("<env:Body>", "<env:Body a='b'>")),
        ("unqualified header block", message12("<block/>", "")),
        ("text in Header", message12("text", "")),
        ("text in Body", message12("-", "text")),
        ("text in Envelope", good.replace("<env:Body>", "text<env:Body>")),
        ("two children of Body", message12("-", "<test:echoOk/><test:echoOk/>")),
        ("T25 document type", good.replace("?>\n", "?>\n<!DOCTYPE env:Envelope SYSTEM 'env.dtd'>")),
        ("T65 internal subset", good.replace("?>\n", "?>\n<!DOCTYPE a [<!ELEMENT a (b)>]>")),
        ("T64 entity", good.replace("?>\n", "?>\n<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]>")),
        ("T26 instruction", good.replace("<env:Body>", "<?xml-stylesheet href='a'?><env:Body>")),
        ("not well-formed", good.replace("</env:Body>", "")),
        ("broken behind the body", format!("{good}<x>")),
        ("no XML", "hello".to_owned()),
        ("nothing", String::new()),
        ("too deep", message12("-", &format!("{}{}", "<a>".repeat(80), "</a>".repeat(80)))),
        ("many header blocks", message12(&"<test:echoOk/>".repeat(65), "")),
    ];
    for (case, text) in &cases {
        let unreached = |_| panic!("{case}: nothing is processed");
        let answer = post_to(&service(), SOAP_12, text.as_bytes(), unreached).unwrap();
        assert_eq!((answer.status, code(&answer)), (400, Some("Sender")), "{case}: {}", answer.body);
    }
    let good = message11("-", "<test:echoOk/>");
    for (case, text) in [
        ("mustUnderstand true", message11("<test:echoOk env:mustUnderstand='true'/>", "")),
        ("after Body", good.replace("</env:Body>", "</env:Body><test:Trailer/>")),
        ("document type", good.replace("?>\n", "?>\n<!DOCTYPE a>")),
        ("not XML", "{}".to_owned()),
        ("another root", "<a/>".to_owned()),
    ] {
        let unreached = |_| panic!("{case}: nothing is processed");
        let answer = post_to(&service(), SOAP_11, text.as_bytes(), unreached).unwrap();
        assert_eq!((answer.status, code(&answer)), (500, Some("Client")), "{case}: {}", answer.body);
    }
}

#[test]
fn encoding_styles_of_version_1_1_may_stand_anywhere() {
    // SOAP::Lite puts it on the Envelope element.
    let style = "env:encodingStyle='http://schemas.xmlsoap.org/soap/encoding/'";
    let text = message11("-", "<test:echoOk/>").replace("<env:Envelope", &format!("<env:Envelope {style}"));
    assert_eq!(code(&post(SOAP_11, &text)), None);
}

#[test]
fn forms_that_mean_the_same_are_taken() {
    // T30, T66, T67, T68, T74: another prefix, an encoding label, white space, no declaration, a comment.
    let text = format!(
        "<x:Envelope xmlns:x='http://www.w3.org/2003/05/soap-envelope'>\n\n<!-- -->\n <x:Header   >\n\n</x:Header>\
         <Body xmlns='http://www.w3.org/2003/05/soap-envelope'>\n<echoOk xmlns='{TESTS}'/><!-- --></Body>\n\n</x:Envelope>"
    );
    for text in
        [text.clone(), format!("<?xml version='1.0' encoding='UTF8'?>{text}"), format!("\u{feff}{text}")]
    {
        assert_eq!(code(&post(SOAP_12, &text)), None, "{text}");
    }
    let utf16: Vec<u8> =
        std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect();
    let answer = post_to(&service(), "application/soap+xml; charset=utf-16", &utf16, echo).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[test]
fn an_unknown_envelope_is_answered_with_the_versions_that_are_taken() {
    // T24.
    let text = message12("-", "<test:echoOk/>").replace("2003/05/soap-envelope", "2001/12/soap-envelope");
    let answer = post(SOAP_12, &text);
    assert_eq!((answer.status, code(&answer)), (500, Some("VersionMismatch")));
    let env = "xmlns:env=\"http://www.w3.org/2003/05/soap-envelope\"";
    let upgrade = format!(
        "<env:Header><env:Upgrade {env}>\
         <env:SupportedEnvelope qname=\"a:Envelope\" xmlns:a=\"http://www.w3.org/2003/05/soap-envelope\"/>\
         <env:SupportedEnvelope qname=\"b:Envelope\" xmlns:b=\"http://schemas.xmlsoap.org/soap/envelope/\"/>\
         </env:Upgrade></env:Header>"
    );
    assert_eq!(
        answer.body,
        format!(
            "<env:Envelope {env}>{upgrade}<env:Body><env:Fault><env:Code><env:Value>env:VersionMismatch\
             </env:Value></env:Code><env:Reason><env:Text xml:lang=\"en\">The envelope is of a version that \
             this service does not take.</env:Text></env:Reason></env:Fault></env:Body></env:Envelope>"
        )
    );
    let answer = post(SOAP_11, &text);
    assert_eq!((answer.status, code(&answer)), (500, Some("VersionMismatch")));
    assert!(answer.body.contains("<faultcode>") && answer.body.contains(&upgrade), "{}", answer.body);
    assert_eq!(code(&post(SOAP_12, "<a/>")), Some("VersionMismatch"));
}

#[test]
fn a_version_that_the_plugin_does_not_speak_is_refused_in_that_version() {
    let only12 = Service { versions: vec![Version::Soap12], ..service() };
    let text = message11("-", "<test:echoOk/>");
    let answer = post_to(&only12, SOAP_11, text.as_bytes(), echo).unwrap();
    assert_eq!((answer.status, code(&answer)), (500, Some("VersionMismatch")));
    assert!(answer.body.contains("<faultcode>") && !answer.body.contains("qname=\"b:"), "{}", answer.body);
}

#[test]
fn a_media_type_of_the_other_version_is_refused_with_the_right_one() {
    let refused = |media_type: &str, text: &str| {
        post_to(&service(), media_type, text.as_bytes(), echo).map(|answer| answer.body).unwrap_err()
    };
    let body = "<test:echoOk/>";
    assert_eq!(
        refused(SOAP_11, &message12("-", body)),
        Failure::UnsupportedMediaType { accept: "application/soap+xml".to_owned() }
    );
    assert_eq!(
        refused(SOAP_12, &message11("-", body)),
        Failure::UnsupportedMediaType { accept: "text/xml".to_owned() }
    );
    let declared = message12("-", body).replace("'1.0' ", "'1.0' encoding='utf-7'");
    assert!(matches!(refused(SOAP_12, &declared), Failure::UnsupportedMediaType { .. }));
}

#[test]
fn an_unknown_operation_has_the_subcode_for_it() {
    // T33.
    let answer = post(SOAP_12, &message12("-", "<test:doesNotExist/>"));
    assert_eq!((answer.status, code(&answer)), (400, Some("Sender")));
    let subcode = "<env:Subcode><env:Value xmlns:code=\"http://www.w3.org/2003/05/soap-rpc\">\
        code:ProcedureNotPresent</env:Value></env:Subcode>";
    assert!(answer.body.contains(subcode), "{}", answer.body);
    let answer = post(SOAP_11, &message11("-", "<test:doesNotExist/>"));
    assert_eq!((answer.status, code(&answer)), (500, Some("Client")));
    assert!(answer.body.contains("<detail/>"), "{}", answer.body);
    let any = Service { operations: Vec::new(), ..service() };
    let text = message12("-", "<test:doesNotExist/>");
    assert_eq!(post_to(&any, SOAP_12, text.as_bytes(), echo).unwrap().status, 200);
}

#[test]
fn an_unknown_encoding_style_is_refused_and_a_known_one_handed_on() {
    // T80.
    let styled = |style: &str| message12("-", &format!("<test:echoOk env:encodingStyle='{style}'/>"));
    let answer = post(SOAP_12, &styled("http://example.org/PoisonEncoding"));
    assert_eq!((answer.status, code(&answer)), (500, Some("DataEncodingUnknown")));
    assert_eq!(code(&post(SOAP_12, &styled("http://www.w3.org/2003/05/soap-encoding"))), None);
}

#[test]
fn one_long_namespace_on_many_blocks_makes_no_large_answer() {
    let long = "n".repeat(200_000);
    let blocks = "<l:b env:mustUnderstand='1'/>".repeat(64);
    let text = message12(&blocks, "").replace("<env:Header>", &format!("<env:Header xmlns:l='{long}'>"));
    let answer = post(SOAP_12, &text);
    assert_eq!(code(&answer), Some("MustUnderstand"));
    assert!(answer.body.len() < 1_000, "{}", answer.body.len());
}

#[test]
fn an_answer_that_no_client_could_read_is_not_sent() {
    let limits = &PluginLimits::DEFAULT;
    let reply = |headers: &[&str], body: &str| {
        let headers = headers.iter().map(|&text| text.to_owned()).collect();
        respond(
            Version::Soap12,
            Ok(Reply { headers, body: Some(body.to_owned()), attachments: Vec::new() }),
            false,
            limits,
        )
    };
    assert!(reply(&["<h xmlns='u'/>"], "<r/>").is_ok());
    for (headers, body) in [
        (&[][..], "<r>"),
        (&[], "text"),
        (&[], "</env:Body>"),
        (&[], "<env:r/>"),
        (&["<h/>"], "<r/>"),
        (&[""], "<r/>"),
    ] {
        assert!(reply(headers, body).is_err(), "{headers:?} {body}");
    }
    let small = PluginLimits { response_bytes_max: 1_024, ..PluginLimits::DEFAULT };
    let body = format!("<r>{}</r>", "x".repeat(1_024));
    let reply = Reply { headers: Vec::new(), body: Some(body), attachments: Vec::new() };
    assert!(matches!(respond(Version::Soap11, Ok(reply), false, &small), Err(Invalid::Size(..))));
}

#[test]
fn whatever_is_sent_is_answered_with_well_formed_xml() {
    let header =
        "<test:echoOk env:mustUnderstand='1' env:role='urn:a'/><o:b xmlns:o='urn:o' env:relay='0'>x</o:b>";
    let seeds = [
        message12(header, "<test:echoOk a='b'>c&lt;</test:echoOk>"),
        message11(header, "<test:returnVoid/>"),
    ];
    let pieces =
        ["<", ">", "/", "'", "\"", " ", ":", "&amp;", "env:", "<x/>", "<!-- -->", "]]>", "1", "xmlns='u' "];
    // A fixed seed, so that a failure comes again.
    let mut state = 7_u64;
    let mut below = |limit: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % limit
    };
    let mut calls = 0;
    for round in 0..20_000 {
        let mut bytes = seeds[round % 2].clone().into_bytes();
        for _ in 0..=below(2) {
            let at = below(bytes.len());
            let piece = pieces[below(pieces.len())].as_bytes();
            let end = (at + below(12)).min(bytes.len());
            bytes.splice(at..end, piece.iter().copied());
        }
        let media_type = if round % 2 == 0 { SOAP_12 } else { SOAP_11 };
        let Ok(answer) = post_to(&service(), media_type, &bytes, echo) else { continue };
        calls += usize::from(answer.status == 200);
        let document = Document::from_text(&answer.body).unwrap();
        let mut reader = Reader::new(&document, Bounds::default());
        while reader.next().unwrap() != Event::Eof {}
    }
    assert!(calls > 100, "{calls}");
}

fn head(method: &str, media_type: Option<&str>) -> Parts {
    let mut request = http::Request::builder().method(method).uri("/?wsdl").extension(RequestId(10));
    if let Some(media_type) = media_type {
        request = request.header("content-type", media_type);
    }
    request.body(()).unwrap().into_parts().0
}

#[test]
fn a_failed_call_is_a_receiver_fault_with_a_fixed_text_and_the_request_id() {
    for failure in [
        Failure::PluginTrapped,
        Failure::PluginOutOfTime,
        Failure::PluginOutOfMemory,
        Failure::PluginAnswerInvalid,
        Failure::Internal,
    ] {
        let answer = answered(render(&failure, &head("POST", Some(SOAP_12))));
        assert_eq!((answer.status, code(&answer)), (500, Some("Receiver")));
        assert!(answer.body.contains(failure.public()), "{}", answer.body);
        assert!(answer.body.contains("Request 000000000000000a."), "{}", answer.body);
        let answer = answered(render(&failure, &head("POST", Some(SOAP_11))));
        assert_eq!((answer.status, code(&answer)), (500, Some("Server")));
        assert!(answer.body.contains("<detail/>"), "{}", answer.body);
    }
}

#[test]
fn what_goes_wrong_below_soap_is_a_plain_answer() {
    for (failure, status) in [
        (Failure::Unauthenticated { challenges: Vec::new() }, 401),
        (Failure::Forbidden { challenge: None }, 403),
        (Failure::BodyTooLarge, 413),
        (Failure::UnsupportedMediaType { accept: "text/xml".to_owned() }, 415),
        (Failure::MethodNotAllowed { allow: ALLOW.to_owned() }, 405),
        (Failure::Overloaded, 503),
    ] {
        let answer = answered(render(&failure, &head("POST", Some(SOAP_11))));
        assert_eq!((answer.status, answer.media_type.as_str()), (status, "application/problem+json"));
    }
    // The contract is no message, so its failure is no fault.
    let answer = answered(render(&Failure::PluginTrapped, &head("GET", None)));
    assert_eq!((answer.status, answer.media_type.as_str()), (500, "application/problem+json"));
}

#[test]
fn the_summary_says_what_is_served() {
    assert_eq!(summary(&service(), true), "2 operations, SOAP 1.1 and 1.2, ?wsdl");
    let any = Service { versions: vec![Version::Soap12], operations: Vec::new(), ..service() };
    assert_eq!(summary(&any, false), "any operation, SOAP 1.2");
}
