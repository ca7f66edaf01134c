//! Faults.
//!
//! Owns how a fault is written in both versions (SOAP 1.1 section 4.4, SOAP 1.2 part 1 section 5.4), and the faults that the host
//! itself raises, whose texts are fixed.

use super::envelope::write;
use super::fragment::{Invalid, check_detail};
use super::{Fault, FaultCode, QualifiedName, Version, addressing};
use crate::limits::PluginLimits;
use crate::protocol::xml::{is_language_tag_like, is_name, push_attribute, push_text};

/// The namespace of the subcodes for calls (SOAP 1.2 part 2, section 4.4).
const RPC: &str = "http://www.w3.org/2003/05/soap-rpc";

/// A fault of the host's own.
pub(super) fn host(code: FaultCode, reason: impl Into<String>) -> Fault {
    Fault {
        code,
        subcodes: Vec::new(),
        reasons: vec![("en".to_owned(), reason.into())],
        node: None,
        role: None,
        detail: None,
        headers: Vec::new(),
    }
}

/// The fault of a call of something that is not there.
pub(super) fn unknown_operation(version: Version) -> Fault {
    let mut fault = host(FaultCode::Sender, "This service has no such operation.");
    fault.subcodes.push(call_subcode("ProcedureNotPresent"));
    if version == Version::Soap11 {
        // Section 4.4: what is wrong with the body has a detail, be it an empty one.
        fault.detail = Some(String::new());
    }
    fault
}

/// A subcode for calls.
pub(super) fn call_subcode(name: &str) -> QualifiedName {
    QualifiedName { namespace: RPC.to_owned(), name: name.to_owned() }
}

/// The envelope of a fault.
///
/// # Errors
/// When the plugin's values cannot be written. Those of the host's own faults can.
pub(super) fn envelope(version: Version, fault: &Fault, limits: &PluginLimits) -> Result<String, Invalid> {
    if let Some(detail) = &fault.detail {
        check_detail(detail, limits)?;
    }
    let body = match version {
        Version::Soap11 => soap11(fault)?,
        Version::Soap12 => soap12(fault)?,
    };
    write(version, &fault.headers, &body, limits)
}

fn text(into: &mut String, what: &'static str, text: &str) -> Result<(), Invalid> {
    push_text(into, text).map_err(|error| Invalid::Text(what, error))
}

fn soap11(fault: &Fault) -> Result<String, Invalid> {
    let (_, reason) = fault.reasons.first().ok_or(Invalid::NoReason)?;
    let code = match fault.code {
        FaultCode::VersionMismatch => "VersionMismatch",
        FaultCode::MustUnderstand => "MustUnderstand",
        FaultCode::Sender => "Client",
        FaultCode::Receiver | FaultCode::DataEncodingUnknown => "Server",
    };
    let mut into = "<env:Fault><faultcode".to_owned();
    // WS-Addressing 1.0, SOAP Binding, section 6: in this version the innermost subcode is the code.
    match fault
        .subcodes
        .last()
        .filter(|subcode| subcode.namespace == addressing::NAMESPACE && is_name(&subcode.name))
    {
        Some(subcode) => {
            into.push_str(&format!(" xmlns:wsa=\"{}\">wsa:{}", addressing::NAMESPACE, subcode.name));
        }
        None => into.push_str(&format!(">env:{code}")),
    }
    into.push_str("</faultcode><faultstring>");
    text(&mut into, "the fault's reason", reason)?;
    into.push_str("</faultstring>");
    if let Some(node) = &fault.node {
        into.push_str("<faultactor>");
        text(&mut into, "the fault's node", node)?;
        into.push_str("</faultactor>");
    }
    push_content(&mut into, "detail", fault.detail.as_deref());
    into.push_str("</env:Fault>");
    Ok(into)
}

fn soap12(fault: &Fault) -> Result<String, Invalid> {
    if fault.reasons.is_empty() {
        return Err(Invalid::NoReason);
    }
    let code = match fault.code {
        FaultCode::VersionMismatch => "VersionMismatch",
        FaultCode::MustUnderstand => "MustUnderstand",
        FaultCode::DataEncodingUnknown => "DataEncodingUnknown",
        FaultCode::Sender => "Sender",
        FaultCode::Receiver => "Receiver",
    };
    let mut into = format!("<env:Fault><env:Code><env:Value>env:{code}</env:Value>");
    for subcode in &fault.subcodes {
        into.push_str("<env:Subcode>");
        push_subcode(&mut into, subcode)?;
    }
    for _ in &fault.subcodes {
        into.push_str("</env:Subcode>");
    }
    into.push_str("</env:Code><env:Reason>");
    for (language, reason) in &fault.reasons {
        if !is_language_tag_like(language) {
            return Err(Invalid::Language(language.clone()));
        }
        into.push_str("<env:Text xml:lang=\"");
        into.push_str(language);
        into.push_str("\">");
        text(&mut into, "the fault's reason", reason)?;
        into.push_str("</env:Text>");
    }
    into.push_str("</env:Reason>");
    for (element, uri) in [("Node", &fault.node), ("Role", &fault.role)] {
        if let Some(uri) = uri {
            into.push_str(&format!("<env:{element}>"));
            text(&mut into, "the fault's node or role", uri)?;
            into.push_str(&format!("</env:{element}>"));
        }
    }
    push_content(&mut into, "env:Detail", fault.detail.as_deref());
    into.push_str("</env:Fault>");
    Ok(into)
}

fn push_subcode(into: &mut String, subcode: &QualifiedName) -> Result<(), Invalid> {
    if !is_name(&subcode.name) {
        return Err(Invalid::Subcode(subcode.name.clone()));
    }
    if subcode.namespace.is_empty() {
        into.push_str("<env:Value>");
    } else {
        into.push_str("<env:Value xmlns:code=\"");
        push_attribute(into, &subcode.namespace)
            .map_err(|error| Invalid::Text("a subcode's namespace", error))?;
        into.push_str("\">code:");
    }
    into.push_str(&subcode.name);
    into.push_str("</env:Value>");
    Ok(())
}

fn push_content(into: &mut String, element: &str, content: Option<&str>) {
    match content {
        None => {}
        Some("") => into.push_str(&format!("<{element}/>")),
        Some(content) => into.push_str(&format!("<{element}>{content}</{element}>")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: &PluginLimits = &PluginLimits::DEFAULT;

    fn full() -> Fault {
        let name = |namespace: &str, name: &str| QualifiedName {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        Fault {
            code: FaultCode::Sender,
            subcodes: vec![name("urn:b\"&", "Funds"), name("", "Low")],
            reasons: vec![
                ("en".to_owned(), "1 < 2 & so on".to_owned()),
                ("de-CH".to_owned(), "zu wenig".to_owned()),
            ],
            node: Some("urn:node".to_owned()),
            role: Some("urn:role".to_owned()),
            detail: Some("<b:Missing xmlns:b=\"urn:b\">3.50</b:Missing>".to_owned()),
            headers: vec!["<h xmlns=\"urn:h\"/>".to_owned()],
        }
    }

    #[test]
    fn a_fault_of_version_1_1_has_unqualified_parts_and_the_first_reason() {
        assert_eq!(
            envelope(Version::Soap11, &full(), LIMITS).unwrap(),
            "<env:Envelope xmlns:env=\"http://schemas.xmlsoap.org/soap/envelope/\">\
             <env:Header><h xmlns=\"urn:h\"/></env:Header><env:Body><env:Fault>\
             <faultcode>env:Client</faultcode><faultstring>1 &lt; 2 &amp; so on</faultstring>\
             <faultactor>urn:node</faultactor>\
             <detail><b:Missing xmlns:b=\"urn:b\">3.50</b:Missing></detail>\
             </env:Fault></env:Body></env:Envelope>"
        );
    }

    #[test]
    fn a_fault_of_version_1_2_has_every_part_in_its_order() {
        assert_eq!(
            envelope(Version::Soap12, &full(), LIMITS).unwrap(),
            "<env:Envelope xmlns:env=\"http://www.w3.org/2003/05/soap-envelope\">\
             <env:Header><h xmlns=\"urn:h\"/></env:Header><env:Body><env:Fault>\
             <env:Code><env:Value>env:Sender</env:Value>\
             <env:Subcode><env:Value xmlns:code=\"urn:b&quot;&amp;\">code:Funds</env:Value>\
             <env:Subcode><env:Value>Low</env:Value></env:Subcode></env:Subcode></env:Code>\
             <env:Reason><env:Text xml:lang=\"en\">1 &lt; 2 &amp; so on</env:Text>\
             <env:Text xml:lang=\"de-CH\">zu wenig</env:Text></env:Reason>\
             <env:Node>urn:node</env:Node><env:Role>urn:role</env:Role>\
             <env:Detail><b:Missing xmlns:b=\"urn:b\">3.50</b:Missing></env:Detail>\
             </env:Fault></env:Body></env:Envelope>"
        );
    }

    #[test]
    fn every_code_has_its_name_in_both_versions() {
        for (code, name11, name12) in [
            (FaultCode::VersionMismatch, "VersionMismatch", "VersionMismatch"),
            (FaultCode::MustUnderstand, "MustUnderstand", "MustUnderstand"),
            (FaultCode::DataEncodingUnknown, "Server", "DataEncodingUnknown"),
            (FaultCode::Sender, "Client", "Sender"),
            (FaultCode::Receiver, "Server", "Receiver"),
        ] {
            let fault = host(code, "x");
            let written = envelope(Version::Soap11, &fault, LIMITS).unwrap();
            assert!(written.contains(&format!("<faultcode>env:{name11}</faultcode>")), "{written}");
            let written = envelope(Version::Soap12, &fault, LIMITS).unwrap();
            assert!(written.contains(&format!("<env:Value>env:{name12}</env:Value>")), "{written}");
        }
    }

    #[test]
    fn a_fault_that_cannot_be_written_says_why() {
        let refused = |change: fn(&mut Fault)| {
            let mut fault = full();
            change(&mut fault);
            envelope(Version::Soap12, &fault, LIMITS).unwrap_err()
        };
        assert_eq!(refused(|fault| fault.reasons.clear()), Invalid::NoReason);
        assert!(matches!(refused(|fault| fault.reasons[0].0.clear()), Invalid::Language(_)));
        assert!(matches!(refused(|fault| fault.reasons[0].1.push('\0')), Invalid::Text(..)));
        assert!(matches!(refused(|fault| fault.subcodes[0].name = "a b".to_owned()), Invalid::Subcode(_)));
        assert!(matches!(refused(|fault| fault.node = Some("\u{1}".to_owned())), Invalid::Text(..)));
        assert!(matches!(refused(|fault| fault.detail = Some("<a>".to_owned())), Invalid::Xml(..)));
        assert!(matches!(refused(|fault| fault.headers = vec!["<a/>".to_owned()]), Invalid::Unqualified(_)));
    }
}
