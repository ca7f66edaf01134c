//! The service call by call, as the host would make them.

use guesthouse_sdk::soap::{
    Call, Element, Fault, FaultCode, Handler, HeaderBlock, QualifiedName, Reply, Version,
};

use super::{NAMESPACE, Spec};

fn call(body: &str, headers: Vec<HeaderBlock>) -> Result<Reply, Fault> {
    let operation = match body {
        "" => QualifiedName::new("", ""),
        text => {
            let element = Element::parse(text).unwrap();
            QualifiedName::new(element.namespace, element.name)
        }
    };
    Spec::handle(Call {
        version: Version::Soap12,
        action: None,
        operation,
        headers,
        body: body.into(),
        attachments: Vec::new(),
    })
}

#[test]
fn an_echo_has_everything_that_was_in_the_request() {
    let content = "<a xmlns=\"urn:a\" k=\"&lt;\">1<b xmlns=\"\"/></a>text";
    let reply = call(&format!("<s:Echo xmlns:s='{NAMESPACE}'>{content}</s:Echo>"), Vec::new()).unwrap();
    let echoed = Element::parse(&reply.body.unwrap()).unwrap();
    assert!(echoed.is(NAMESPACE, "EchoResponse"));
    assert_eq!(echoed.text, "text");
    let original = Element::parse("<a xmlns='urn:a' k='&lt;'>1<b xmlns=''/></a>").unwrap();
    assert_eq!(echoed.children, [original]);
    assert_eq!(call("", Vec::new()).unwrap().body.unwrap(), "");
}

#[test]
fn a_fault_has_all_that_was_asked_for() {
    let body = format!(
        "<Fault xmlns='{NAMESPACE}'><code>Receiver</code><subcode>A</subcode><subcode>B</subcode>\
         <reason xml:lang='de'>Nein</reason><reason>No</reason><node>urn:n</node><role>urn:r</role>\
         <detail><x/>between<y>1</y></detail><header><h xmlns='urn:h'/></header></Fault>"
    );
    let fault = call(&body, Vec::new()).unwrap_err();
    assert_eq!(fault.code, FaultCode::Receiver);
    assert_eq!(fault.subcodes, ["A", "B"].map(|name| QualifiedName::new(NAMESPACE, name)));
    assert_eq!(fault.reasons, [("de".into(), "Nein".into()), ("en".into(), "No".into())]);
    assert_eq!((fault.node.as_deref(), fault.role.as_deref()), (Some("urn:n"), Some("urn:r")));
    let detail = format!("<x xmlns=\"{NAMESPACE}\"/><y xmlns=\"{NAMESPACE}\">1</y>");
    assert_eq!(fault.detail.as_deref(), Some(detail.as_str()));
    assert_eq!(fault.headers, ["<h xmlns=\"urn:h\"/>"]);
    let plain = call(&format!("<Fault xmlns='{NAMESPACE}'/>"), Vec::new()).unwrap_err();
    assert_eq!((plain.code, &plain.detail), (FaultCode::Sender, &None));
    assert!(call("<Other/>", Vec::new()).is_err());
}

#[test]
fn the_header_block_it_understands_comes_back_without_its_routing() {
    let xml = format!(
        "<t:Trace xmlns:t='{NAMESPACE}' xmlns:e='http://www.w3.org/2003/05/soap-envelope' e:mustUnderstand='1'>7</t:Trace>"
    );
    let name = QualifiedName::new(NAMESPACE, "Trace");
    let block = HeaderBlock { name: name.clone(), must_understand: true, role: None, xml };
    let reply = call(&format!("<Echo xmlns='{NAMESPACE}'/>"), vec![block]).unwrap();
    assert_eq!(reply.headers, [format!("<Trace xmlns=\"{NAMESPACE}\">7</Trace>")]);
    assert_eq!(Spec::describe().understands, [name]);
}

#[test]
fn the_wsdl_is_well_formed_and_has_the_address() {
    let wsdl = Element::parse(&Spec::wsdl("http://h/?a&b")).unwrap();
    let port = wsdl.child("service").unwrap().child("port").unwrap();
    assert_eq!(port.child("address").unwrap().attribute("", "location"), Some("http://h/?a&b"));
}
