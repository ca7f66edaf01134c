//! A SOAP service with an operation that answers nothing; a service of its own, because a crate exports one.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use guesthouse_sdk::soap::{Call, Fault, Handler, QualifiedName, Version, wsdl};

struct Journal;

#[guesthouse_sdk::soap(namespace = "urn:test:journal", service = "Journal")]
impl Journal {
    /// Notes a text.
    #[operation(one_way)]
    fn note(text: String) -> Result<(), Fault> {
        if text.is_empty() { Err(Fault::sender("there is nothing to note")) } else { Ok(()) }
    }
}

#[test]
fn a_one_way_operation_answers_nothing_and_its_wsdl_has_no_output() {
    let call = |text: &str| {
        Journal::handle(Call {
            version: Version::Soap12,
            action: None,
            operation: QualifiedName::new("urn:test:journal", "Note"),
            headers: Vec::new(),
            body: format!("<Note xmlns='urn:test:journal'><text>{text}</text></Note>"),
            attachments: Vec::new(),
        })
    };
    assert_eq!(call("x").unwrap().body, None);
    assert!(call("").is_err());
    let contract = wsdl::<Journal>("http://h/");
    assert!(contract.contains("<wsdl:input message=\"tns:NoteRequest\"/>"), "{contract}");
    assert!(!contract.contains("output") && !contract.contains("NoteResponse"), "{contract}");
}
