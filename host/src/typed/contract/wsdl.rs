//! The contract of SOAP: WSDL 1.1.
//!
//! Owns messages, the port type and two bindings, document/literal wrapped: WS-I Basic Profile 1.1 for SOAP 1.1 and, by the W3C note of
//! 2006 on binding extensions, SOAP 1.2. The address is that of the request for the document.

use anyhow::Result;

use super::document::ADDRESS;
use super::xml_schema::{self, escaped, fault, request, response};
use crate::typed::model::{Function, Service};
use crate::typed::names::upper_camel;
use crate::typed::soap::namespace;

/// The bindings: the prefix of their elements, and what ends the names of binding and port.
const BINDINGS: [(&str, &str); 2] = [("soap", "Soap11"), ("soap12", "Soap12")];

/// Writes the document.
///
/// # Errors
/// When two messages would have one name.
pub(super) fn document(service: &Service, path: &str) -> Result<String> {
    let name = name(service);
    let namespace = escaped(&namespace(service)).replace('"', "&quot;");
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    out.push_str(&format!(
        "<wsdl:definitions name=\"{name}\" targetNamespace=\"{namespace}\" xmlns:tns=\"{namespace}\" \
         xmlns:wsdl=\"http://schemas.xmlsoap.org/wsdl/\" xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" \
         xmlns:soap=\"http://schemas.xmlsoap.org/wsdl/soap/\" xmlns:soap12=\"http://schemas.xmlsoap.org/wsdl/soap12/\">\n"
    ));
    let docs: Vec<&str> = service
        .interfaces
        .iter()
        .map(|interface| interface.docs.as_str())
        .filter(|docs| !docs.is_empty())
        .collect();
    documentation(&docs.join("\n\n"), "  ", &mut out);
    out.push_str("  <wsdl:types>\n");
    xml_schema::push(service, &mut out)?;
    out.push_str("  </wsdl:types>\n");
    for function in &service.functions {
        message(&request(function), "parameters", &mut out);
        message(&response(function), "parameters", &mut out);
        if function.returns.error.is_some() {
            message(&fault(function), "fault", &mut out);
        }
    }
    port_type(service, &name, &mut out);
    for (prefix, suffix) in BINDINGS {
        binding(service, &name, &namespace, prefix, suffix, &mut out);
    }
    out.push_str(&format!("  <wsdl:service name=\"{name}\">\n"));
    for (prefix, suffix) in BINDINGS {
        out.push_str(&format!(
            "    <wsdl:port name=\"{name}{suffix}\" binding=\"tns:{name}{suffix}\">\n      \
             <{prefix}:address location=\"{ADDRESS}{path}\"/>\n    </wsdl:port>\n"
        ));
    }
    out.push_str("  </wsdl:service>\n</wsdl:definitions>\n");
    Ok(out)
}

/// The service's name where XML wants one without colon, and toolkits an identifier.
fn name(service: &Service) -> String {
    let plain: String = service
        .name
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '-' })
        .collect();
    let name = upper_camel(&plain);
    if name.starts_with(|first: char| first.is_ascii_alphabetic()) { name } else { format!("Service{name}") }
}

fn documentation(docs: &str, indent: &str, out: &mut String) {
    if !docs.is_empty() {
        out.push_str(&format!("{indent}<wsdl:documentation>{}</wsdl:documentation>\n", escaped(docs)));
    }
}

fn message(name: &str, part: &str, out: &mut String) {
    out.push_str(&format!(
        "  <wsdl:message name=\"{name}\">\n    <wsdl:part name=\"{part}\" element=\"tns:{name}\"/>\n  </wsdl:message>\n"
    ));
}

fn port_type(service: &Service, name: &str, out: &mut String) {
    out.push_str(&format!("  <wsdl:portType name=\"{name}PortType\">\n"));
    for function in &service.functions {
        out.push_str(&format!("    <wsdl:operation name=\"{}\">\n", function.name));
        documentation(&function.docs, "      ", out);
        out.push_str(&format!("      <wsdl:input message=\"tns:{}\"/>\n", request(function)));
        out.push_str(&format!("      <wsdl:output message=\"tns:{}\"/>\n", response(function)));
        if function.returns.error.is_some() {
            let fault = fault(function);
            out.push_str(&format!("      <wsdl:fault name=\"{fault}\" message=\"tns:{fault}\"/>\n"));
        }
        out.push_str("    </wsdl:operation>\n");
    }
    out.push_str("  </wsdl:portType>\n");
}

fn binding(service: &Service, name: &str, namespace: &str, prefix: &str, suffix: &str, out: &mut String) {
    out.push_str(&format!(
        "  <wsdl:binding name=\"{name}{suffix}\" type=\"tns:{name}PortType\">\n    \
         <{prefix}:binding style=\"document\" transport=\"http://schemas.xmlsoap.org/soap/http\"/>\n"
    ));
    for function in &service.functions {
        operation(function, namespace, prefix, out);
    }
    out.push_str("  </wsdl:binding>\n");
}

fn operation(function: &Function, namespace: &str, prefix: &str, out: &mut String) {
    let literal = format!("<{prefix}:body use=\"literal\"/>");
    out.push_str(&format!(
        "    <wsdl:operation name=\"{0}\">\n      <{prefix}:operation soapAction=\"{namespace}#{0}\" style=\"document\"/>\n      \
         <wsdl:input>{literal}</wsdl:input>\n      <wsdl:output>{literal}</wsdl:output>\n",
        function.name
    ));
    if function.returns.error.is_some() {
        let fault = fault(function);
        out.push_str(&format!(
            "      <wsdl:fault name=\"{fault}\"><{prefix}:fault name=\"{fault}\" use=\"literal\"/></wsdl:fault>\n"
        ));
    }
    out.push_str("    </wsdl:operation>\n");
}
