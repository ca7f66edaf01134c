//! What a SOAP conformance suite needs to see of a service: `Echo` gives the body back, `Fault` fails in every way there
//! is, `Attach` answers with an attachment, `Notify` is one-way, and the header block `Trace` is understood and answered. It works with XML itself, because an echo has no type.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that fails may panic"))]

use guesthouse_sdk::soap::{
    Call, Description, Element, Fault, FaultCode, Handler, QualifiedName, Reply, Version, xml,
};

const NAMESPACE: &str = "urn:guesthouse:spec";

struct Spec;

#[guesthouse_sdk::soap]
impl Handler for Spec {
    fn handle(call: Call) -> Result<Reply, Fault> {
        let reply = match (call.operation.namespace.as_str(), call.operation.name.as_str()) {
            (NAMESPACE, "Echo") => Reply::new(echo(&parse(&call.body)?)),
            (NAMESPACE, "Fault") => return Err(fault(&parse(&call.body)?)),
            (NAMESPACE, "Attach") => attach(&parse(&call.body)?),
            (NAMESPACE, "Notify") => Reply::one_way(),
            // An empty body is a message like any other (SOAP 1.2 Part 1, section 5.3).
            (_, "") => Reply::new(""),
            (namespace, name) => {
                let reason = format!(
                    "there is no {{{namespace}}}{name}; {NAMESPACE} has `Echo`, `Fault`, `Attach` and `Notify`"
                );
                let subcode = QualifiedName::new("http://www.w3.org/2003/05/soap-rpc", "ProcedureNotPresent");
                return Err(Fault::sender(reason).with_subcode(subcode));
            }
        };
        let reply = call.attachments.into_iter().fold(reply, |reply, part| {
            reply.with_attachment(part.content_id, part.content_type, part.content)
        });
        let traces = call.headers.iter().filter(|block| block.name == QualifiedName::new(NAMESPACE, "Trace"));
        traces.into_iter().try_fold(reply, |reply, block| Ok(reply.with_header(trace(&parse(&block.xml)?))))
    }

    fn describe() -> Description {
        Description {
            versions: vec![Version::Soap11, Version::Soap12],
            understands: vec![QualifiedName::new(NAMESPACE, "Trace")],
            roles: vec!["urn:guesthouse:spec:role".into()],
            operations: Vec::new(),
        }
    }

    fn wsdl(address: &str) -> String {
        include_str!("spec.wsdl").replace("{address}", &xml::escape(address))
    }
}

fn parse(text: &str) -> Result<Element, Fault> {
    Element::parse(text).map_err(|error| Fault::sender(error.to_string()))
}

/// The request under the name of the response, with everything that was in it.
fn echo(request: &Element) -> String {
    let mut response = request.clone();
    response.name = "EchoResponse".into();
    response.to_xml()
}

/// The request's text as a part that the response includes.
fn attach(request: &Element) -> Reply {
    let body = format!(
        "<AttachResponse xmlns=\"{NAMESPACE}\"><content>\
         <xop:Include xmlns:xop=\"http://www.w3.org/2004/08/xop/include\" href=\"cid:content@spec\"/>\
         </content></AttachResponse>"
    );
    Reply::new(body).with_attachment("content@spec", "application/octet-stream", request.text.clone())
}

/// The header block's content, without the attributes that were for this node alone.
fn trace(block: &Element) -> String {
    let mut answer = block.clone();
    answer.attributes.clear();
    answer.to_xml()
}

/// The fault that the request's children describe: `code`, `subcode` (any number), `reason` (any number, with `xml:lang`),
/// `node`, `role`, `detail` (its content), `header` (its content). Each may be left out.
fn fault(request: &Element) -> Fault {
    let text = |name: &str| request.child(name).map(|child| child.text.trim().to_owned());
    let all = |name: &'static str| request.children.iter().filter(move |child| child.name == name);
    let code = match text("code").as_deref() {
        None | Some("Sender" | "Client") => FaultCode::Sender,
        Some("Receiver" | "Server") => FaultCode::Receiver,
        Some("VersionMismatch") => FaultCode::VersionMismatch,
        Some("MustUnderstand") => FaultCode::MustUnderstand,
        Some("DataEncodingUnknown") => FaultCode::DataEncodingUnknown,
        Some(other) => return Fault::sender(format!("there is no fault code `{other}`")),
    };
    let mut fault = Fault::new(code, "the fault that was asked for");
    for subcode in all("subcode") {
        fault.subcodes.push(QualifiedName::new(NAMESPACE, subcode.text.trim()));
    }
    let language = |element: &Element| {
        let found = element.attribute("http://www.w3.org/XML/1998/namespace", "lang");
        found.unwrap_or("en").to_owned()
    };
    let reasons: Vec<_> = all("reason").map(|reason| (language(reason), reason.text.clone())).collect();
    if !reasons.is_empty() {
        fault.reasons = reasons;
    }
    let content = |element: &Element| element.children.iter().map(Element::to_xml).collect::<String>();
    fault.node = text("node");
    fault.role = text("role");
    fault.detail = request.child("detail").map(content);
    fault.headers = all("header").flat_map(|header| header.children.iter().map(Element::to_xml)).collect();
    fault
}

#[cfg(test)]
mod tests;
