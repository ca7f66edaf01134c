//! Contracts that follow the rules and contracts that break one each.

use super::*;
use crate::limits::PluginLimits;

const LIMITS: &PluginLimits = &PluginLimits::DEFAULT;

const GOOD: &str = include_str!("good.wsdl");

fn service() -> Service {
    let name = |name: &str| QualifiedName { namespace: "urn:calc".to_owned(), name: name.to_owned() };
    Service {
        versions: vec![Version::Soap11, Version::Soap12],
        understands: Vec::new(),
        roles: Vec::new(),
        operations: vec![name("Add"), name("Note")],
    }
}

#[test]
fn a_contract_that_follows_the_rules_says_which_actions_there_are() {
    let actions = check(GOOD, &service(), LIMITS).unwrap();
    let add = QualifiedName { namespace: "urn:calc".to_owned(), name: "Add".to_owned() };
    let known = |action: &str| actions.of(&add, action);
    assert_eq!(known("urn:calc/Add"), Known::Yes { reply: Some("urn:calc:Calc:AddResponse".to_owned()) });
    assert_eq!(known("urn:calc:Calc:AddRequest"), known("urn:calc/Add"));
    assert_eq!(known("urn:note"), Known::Yes { reply: None });
    assert_eq!(known("urn:calc:Calc:Note"), Known::Yes { reply: None });
    assert_eq!(known("urn:other"), Known::No);
    assert_eq!(check("", &service(), LIMITS).unwrap().of(&add, "x"), Known::Unknown);
}

#[test]
fn a_contract_that_breaks_a_rule_is_refused_with_its_place_and_the_rule() {
    for (from, to, place, rule) in [
        ("<wsdl:definitions ", "<!DOCTYPE a><wsdl:definitions ", "document type", "XML"),
        ("</wsdl:definitions>", "", "line", "XML"),
        ("wsdl:definitions", "wsdl:definition", "the root", "WSDL 1.1, section 2.1"),
        (" targetNamespace=\"urn:calc\" xmlns:tns", " xmlns:tns", "definitions", "WSDL 1.1, section 2.1"),
        ("element=\"tns:Add\"", "element=\"nobody:Add\"", "nobody", "Namespaces in XML"),
        (
            "element=\"tns:Add\"",
            "element=\"tns:Sub\"",
            "part `parameters` of message `AddRequest`",
            "BP R2206",
        ),
        ("element=\"tns:Add\"", "", "part `parameters`", "BP R2306"),
        ("element=\"tns:Add\"", "type=\"tns:Add\"", "operation `Add` of binding `Calc11`", "BP R2204"),
        (
            "transport=\"http://schemas.xmlsoap.org/soap/http\"",
            "transport=\"urn:mail\"",
            "Calc11",
            "BP R2701",
        ),
        ("type=\"tns:Calc\"", "type=\"tns:Other\"", "binding `Calc11`", "BP R2718"),
        (
            "<wsdl:operation name=\"Note\"><soap:",
            "<wsdl:operation name=\"Nota\"><soap:",
            "Calc11",
            "BP R2718",
        ),
        ("<soap:body use=\"literal\"/>", "<soap:body use=\"encoded\"/>", "operation `Add`", "BP R2706"),
        (
            "<soap:body use=\"literal\"/>",
            "<soap:body use=\"literal\" namespace=\"urn:x\"/>",
            "Add",
            "BP R2716",
        ),
        ("<soap:operation soapAction", "<soap:operation style=\"rpc\" soapAction", "Add", "BP R2705"),
        ("element=\"tns:Note\"", "element=\"tns:Add\"", "operation `Note` of binding `Calc11`", "BP R2710"),
        (
            "<soap:address location",
            "<soap12:address location",
            "port `Calc11` of service `Calc`",
            "section 3.8",
        ),
        ("<soap:address location=\"http://elsewhere/\"/>", "", "port `Calc11`", "section 2.6"),
        ("location=\"http://elsewhere/\"", "", "port `Calc11`", "BP R2711"),
        ("binding=\"tns:Calc11\"", "binding=\"tns:Calc10\"", "port `Calc11`", "section 2.6"),
    ] {
        assert!(GOOD.contains(from), "{from}");
        let text = GOOD.replacen(from, to, 1);
        let text = if from == "wsdl:definitions" { GOOD.replace(from, to) } else { text };
        let error = check(&text, &service(), LIMITS).unwrap_err();
        let message = error.to_string();
        assert!(message.contains(place), "{from} -> {to}: {message}");
        match rule {
            "XML" => assert!(matches!(error, Fault::Xml(_)), "{message}"),
            rule => assert!(message.contains(rule), "{from} -> {to}: {message}"),
        }
    }
}

#[test]
fn style_rpc_names_its_namespace_by_an_absolute_uri() {
    let rpc = |body: &str| {
        GOOD.replace("<soap:binding ", "<soap:binding style=\"rpc\" ")
            .replace("<soap:body use=\"literal\"/>", body)
            .replace("xmlns:soap12=", "xmlns:unused=")
            .replace("soap12:", "soap:")
    };
    let any = Service { operations: Vec::new(), ..service() };
    let good = rpc("<soap:body use=\"literal\" namespace=\"urn:calc\"/>");
    assert!(check(&good, &any, LIMITS).is_ok(), "{:?}", check(&good, &any, LIMITS));
    for body in ["<soap:body use=\"literal\"/>", "<soap:body use=\"literal\" namespace=\"calc\"/>"] {
        assert!(check(&rpc(body), &any, LIMITS).unwrap_err().to_string().contains("BP R2717"), "{body}");
    }
}

#[test]
fn a_contract_promises_nothing_that_the_plugin_does_not_take() {
    let only11 = Service { versions: vec![Version::Soap11], ..service() };
    assert!(check(GOOD, &only11, LIMITS).unwrap_err().to_string().contains("`versions`"));
    let mut fewer = service();
    fewer.operations.pop();
    let message = check(GOOD, &fewer, LIMITS).unwrap_err().to_string();
    assert!(message.contains("`{urn:calc}Note` is not in `operations`"), "{message}");
}

#[test]
fn every_port_is_given_the_address_it_is_served_at() {
    let address = "http://h/a?b&c";
    let text = at(GOOD.to_owned(), address, LIMITS).unwrap();
    assert_eq!(text.matches("location=\"http://h/a?b&amp;c\"").count(), 1, "{text}");
    assert_eq!(text.matches("location = 'http://h/a?b&amp;c'").count(), 1, "{text}");
    assert!(!text.contains("elsewhere"));
    assert_eq!(at(text.clone(), address, LIMITS).unwrap(), text);
    assert!(check(&text, &service(), LIMITS).is_ok());
}
