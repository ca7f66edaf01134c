//! The WSDL 1.1 document of a typed service: document/literal wrapped, one port for SOAP 1.1 and one for SOAP 1.2, as
//! WS-I Basic Profile 1.1 asks (one part per message, `element` in it, no `namespace` on `soap:body`).

use super::schema::Schema;
use super::service::{Operation, Service, schema};
use super::xml::escape;

const HTTP_TRANSPORT: &str = "http://schemas.xmlsoap.org/soap/http";

/// Writes the document for a service at `address`.
#[must_use]
pub fn wsdl<S: Service>(address: &str) -> String {
    let (name, namespace) = (escape(S::NAME), escape(S::NAMESPACE));
    let documentation = match S::DOCUMENTATION {
        "" => String::new(),
        text => documentation(text),
    };
    let (mut messages, mut port_type, mut bindings, mut ports) =
        (String::new(), String::new(), String::new(), String::new());
    let mut faulted: Vec<&str> = Vec::new();
    for operation in S::OPERATIONS {
        let name = operation.name;
        messages.push_str(&message(&format!("{name}Request"), "parameters", name));
        port_type.push_str(&abstract_operation(operation));
        if operation.one_way {
            continue;
        }
        let response = format!("{name}Response");
        messages.push_str(&message(&response, "parameters", &response));
        for fault in fault_names(operation) {
            if !faulted.contains(&fault) {
                faulted.push(fault);
                messages.push_str(&message(&format!("{fault}Fault"), "fault", fault));
            }
        }
    }
    for (prefix, suffix) in [("soap", "Soap11"), ("soap12", "Soap12")] {
        let operations: String = S::OPERATIONS.iter().map(|one| bound_operation::<S>(one, prefix)).collect();
        bindings.push_str(&format!(
            "<wsdl:binding name=\"{name}{suffix}\" type=\"tns:{name}PortType\">\
             <{prefix}:binding style=\"document\" transport=\"{HTTP_TRANSPORT}\"/>{operations}</wsdl:binding>"
        ));
        ports.push_str(&format!(
            "<wsdl:port name=\"{name}{suffix}\" binding=\"tns:{name}{suffix}\">\
             <{prefix}:address location=\"{}\"/></wsdl:port>",
            escape(address)
        ));
    }
    let schema = schema::<S>();
    let document = format!(
        "<wsdl:definitions name=\"{name}\" targetNamespace=\"{namespace}\" xmlns:tns=\"{namespace}\" \
         xmlns:wsdl=\"http://schemas.xmlsoap.org/wsdl/\" xmlns:soap=\"http://schemas.xmlsoap.org/wsdl/soap/\" \
         xmlns:soap12=\"http://schemas.xmlsoap.org/wsdl/soap12/\" xmlns:xs=\"http://www.w3.org/2001/XMLSchema\">\
         {documentation}<wsdl:types><xs:schema targetNamespace=\"{namespace}\" elementFormDefault=\"qualified\">\
         {schema}</xs:schema></wsdl:types>{messages}<wsdl:portType name=\"{name}PortType\">{port_type}</wsdl:portType>\
         {bindings}<wsdl:service name=\"{name}\">{documentation}{ports}</wsdl:service></wsdl:definitions>"
    );
    format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n{}", indented(&document))
}

fn documentation(text: &str) -> String {
    format!("<wsdl:documentation>{}</wsdl:documentation>", escape(text))
}

fn message(name: &str, part: &str, element: &str) -> String {
    format!(
        "<wsdl:message name=\"{name}\"><wsdl:part name=\"{part}\" element=\"tns:{element}\"/></wsdl:message>"
    )
}

fn fault_names(operation: &Operation) -> Vec<&'static str> {
    (operation.faults)(&mut Schema::default()).into_iter().map(|fault| fault.name).collect()
}

fn abstract_operation(operation: &Operation) -> String {
    let name = operation.name;
    let documentation = match operation.documentation {
        "" => String::new(),
        text => documentation(text),
    };
    let input = format!("<wsdl:input message=\"tns:{name}Request\"/>");
    if operation.one_way {
        return format!("<wsdl:operation name=\"{name}\">{documentation}{input}</wsdl:operation>");
    }
    let faults: String = fault_names(operation)
        .iter()
        .map(|fault| format!("<wsdl:fault name=\"{fault}\" message=\"tns:{fault}Fault\"/>"))
        .collect();
    format!(
        "<wsdl:operation name=\"{name}\">{documentation}{input}\
         <wsdl:output message=\"tns:{name}Response\"/>{faults}</wsdl:operation>"
    )
}

fn bound_operation<S: Service>(operation: &Operation, prefix: &str) -> String {
    let name = operation.name;
    let action = escape(&format!("{}/{name}", S::NAMESPACE.trim_end_matches('/')));
    let body = format!("<{prefix}:body use=\"literal\"/>");
    let start = format!(
        "<wsdl:operation name=\"{name}\"><{prefix}:operation soapAction=\"{action}\" style=\"document\"/>\
         <wsdl:input>{body}</wsdl:input>"
    );
    if operation.one_way {
        return format!("{start}</wsdl:operation>");
    }
    let faults: String = fault_names(operation)
        .iter()
        .map(|fault| {
            format!(
                "<wsdl:fault name=\"{fault}\"><{prefix}:fault name=\"{fault}\" use=\"literal\"/></wsdl:fault>"
            )
        })
        .collect();
    format!("{start}<wsdl:output>{body}</wsdl:output>{faults}</wsdl:operation>")
}

/// Puts each element on a line of its own, because people read a WSDL too. Elements that hold text stay as they are; the
/// text is escaped, so that `><` always lies between two tags.
fn indented(document: &str) -> String {
    let mut out = String::with_capacity(document.len() * 2);
    let mut depth = 0_usize;
    let mut pieces = document.split("><").peekable();
    let mut first = true;
    while let Some(piece) = pieces.next() {
        let closing = piece.starts_with('/');
        if closing {
            depth = depth.saturating_sub(1);
        }
        if !first {
            out.push('\n');
            out.extend(std::iter::repeat_n("  ", depth));
            out.push('<');
        }
        out.push_str(piece);
        if pieces.peek().is_some() {
            out.push('>');
        }
        let whole = closing || piece.ends_with('/') || piece.contains("</");
        if !whole {
            depth = depth.saturating_add(1);
        }
        first = false;
    }
    out.push('\n');
    out
}
