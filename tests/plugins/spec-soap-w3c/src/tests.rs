//! The parts of the collection that are this service's own: values with SOAP encoding.

use guesthouse_sdk::soap::{Call, Element, Fault, Handler as _, QualifiedName, Version};

use super::{Collection, TESTS};

fn call(operation: &str, content: &str) -> Result<Element, Fault> {
    let body = format!(
        "<t:{operation} xmlns:t='{TESTS}' xmlns:enc='http://www.w3.org/2003/05/soap-encoding'>{content}</t:{operation}>"
    );
    let reply = Collection::handle(Call {
        version: Version::Soap12,
        action: None,
        operation: QualifiedName::new(TESTS, operation),
        headers: Vec::new(),
        body,
        attachments: Vec::new(),
    })?;
    Ok(Element::parse(&reply.body.unwrap()).unwrap())
}

#[test]
fn values_come_back_with_references_resolved() {
    let content =
        "<a enc:itemType='x:string' enc:arraySize='2'><item enc:id='one'>1</item><item enc:ref='one'/></a>";
    let answer = call("echoStringArray", content).unwrap();
    let items: Vec<&str> =
        answer.child("return").unwrap().children.iter().map(|item| item.text.as_str()).collect();
    assert_eq!(items, ["1", "1"]);
    assert_eq!(answer.child("result").unwrap().text, "return");
    assert_eq!(call("countItems", content).unwrap().child("return").unwrap().text, "2");
}

#[test]
fn what_breaks_the_encoding_is_the_senders_fault() {
    for content in [
        "<a enc:ref='nobody'/>",
        "<a><b enc:id='x'/><b enc:id='x'/></a>",
        "<a enc:id='x' enc:ref='x'/>",
        "<a enc:id='x'><b enc:ref='x'/></a>",
        "<a enc:itemType='x:int'><b><c/></b></a>",
        "<a enc:arraySize='2 *'/>",
        "<a enc:arraySize='-1'/>",
    ] {
        assert!(call("echoStringArray", content).is_err(), "{content}");
    }
}
