//! The service that the W3C's SOAP 1.2 test collection talks to (SOAP 1.2 Specification Assertions and Test Collection,
//! section 3): its header blocks, its document operations and its operations with SOAP encoding. What an envelope may look like
//! is the host's matter and not here.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that fails may panic"))]

mod encoding;

use guesthouse_sdk::soap::{Call, Description, Element, Fault, Handler, QualifiedName, Reply, Version, xml};

use encoding::Graph;

const TESTS: &str = "http://example.org/ts-tests";
const ROLE: &str = "http://example.org/ts-tests/C";
const RPC: &str = "http://www.w3.org/2003/05/soap-rpc";
const XLINK: &str = "http://www.w3.org/1999/xlink";
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// The header blocks that are processed.
const BLOCKS: [&str; 5] =
    ["DataHolder", "echoOk", "echoResolvedRef", "requiredHeader", "validateCountryCode"];

/// The operations of the collection whose answer is what they were given.
const ECHOES: [&str; 14] = [
    "echoBase64",
    "echoBoolean",
    "echoDate",
    "echoDecimal",
    "echoFloat",
    "echoFloatArray",
    "echoIntegerArray",
    "echoNestedArray",
    "echoNestedStruct",
    "echoString",
    "echoStringArray",
    "echoStruct",
    "echoStructArray",
    "echoInteger",
];

/// The other operations.
const OPERATIONS: [&str; 7] = [
    "countItems",
    "echoHeader",
    "echoOk",
    "echoSimpleTypesAsStruct",
    "echoStructAsSimpleTypes",
    "isNil",
    "returnVoid",
];

struct Collection;

#[guesthouse_sdk::soap]
impl Handler for Collection {
    fn handle(call: Call) -> Result<Reply, Fault> {
        let blocks = call.headers.iter().map(|block| parse(&block.xml)).collect::<Result<Vec<_>, _>>()?;
        let body = match call.body.as_str() {
            "" => String::new(),
            text => operation(&parse(text)?, &blocks)?,
        };
        let mut reply = Reply::new(body);
        for block in blocks.iter().filter(|block| block.namespace == TESTS) {
            if let Some(answer) = header(block)? {
                reply = reply.with_header(answer);
            }
        }
        Ok(reply)
    }

    fn describe() -> Description {
        let names = |names: &[&str]| names.iter().map(|&name| QualifiedName::new(TESTS, name)).collect();
        Description {
            versions: vec![Version::Soap11, Version::Soap12],
            understands: names(&BLOCKS),
            roles: vec![ROLE.into()],
            operations: names(&[&ECHOES[..], &OPERATIONS[..]].concat()),
        }
    }
}

fn parse(text: &str) -> Result<Element, Fault> {
    Element::parse(text).map_err(|error| Fault::sender(error.to_string()))
}

/// One element of the collection's namespace with text in it.
fn element(name: &str, text: &str) -> String {
    format!("<{name} xmlns=\"{TESTS}\">{}</{name}>", xml::escape(text))
}

/// What a header block is answered with.
fn header(block: &Element) -> Result<Option<String>, Fault> {
    Ok(match block.name.as_str() {
        "echoOk" => Some(element("responseOk", &block.text)),
        "echoResolvedRef" => {
            let reference = block.child("RelativeReference").ok_or_else(|| Fault::sender("no reference"))?;
            let part = |namespace, name| reference.attribute(namespace, name).unwrap_or_default();
            Some(element("responseResolvedRef", &(part(XML, "base").to_owned() + part(XLINK, "href"))))
        }
        "validateCountryCode" if block.text.trim().chars().count() == 2 => {
            Some(element("validateCountryCodeResponse", "OK"))
        }
        "validateCountryCode" => {
            let mut fault = Fault::sender("Not a valid country code");
            fault.headers = vec![element("validateCountryCodeFault", "Country code must be 2 letters.")];
            return Err(fault);
        }
        _ => None,
    })
}

/// What the body's first child is answered with.
fn operation(request: &Element, blocks: &[Element]) -> Result<String, Fault> {
    let name = request.name.as_str();
    match name {
        "echoOk" => return Ok(element("responseOk", &request.text)),
        "echoHeader" => {
            let block = blocks.iter().find(|block| block.is(TESTS, "requiredHeader"));
            let block = block.ok_or_else(|| Fault::sender("the header block requiredHeader is missing"))?;
            return Ok(element("echoHeaderResponse", &block.text));
        }
        _ => {}
    }
    let graph = Graph::new(request, blocks)?;
    let parameters: Vec<Element> =
        request.children.iter().map(|child| graph.resolve(child)).collect::<Result<_, _>>()?;
    let parameter = || parameters.first().cloned().ok_or_else(|| bad_arguments("the call has no parameter"));
    Ok(match name {
        "returnVoid" => response(name, None),
        "countItems" => {
            let count = parameter()?.children.len().to_string();
            response(name, Some(accessor("return", &count)))
        }
        "isNil" => {
            let nil = parameters.first().is_none_or(Element::is_nil);
            response(name, Some(accessor("return", if nil { "true" } else { "false" })))
        }
        "echoStructAsSimpleTypes" => {
            let given = parameter()?;
            let members =
                [("varString", "outputString"), ("varInt", "outputInteger"), ("varFloat", "outputFloat")];
            let outputs = members.iter().map(|(member, output)| {
                let member = given.child(member).ok_or_else(|| bad_arguments("a member is missing"))?;
                Ok(accessor(output, &member.text).to_xml())
            });
            wrapped(name, &outputs.collect::<Result<String, Fault>>()?)
        }
        "echoSimpleTypesAsStruct" => {
            let mut structure = accessor("return", "");
            for (argument, member) in
                [("inputString", "varString"), ("inputInt", "varInt"), ("inputFloat", "varFloat")]
            {
                let found = parameters.iter().find(|parameter| parameter.name == argument);
                let found = found.ok_or_else(|| bad_arguments("a parameter is missing"))?;
                structure.children.push(accessor(member, &found.text));
            }
            response(name, Some(structure))
        }
        "echoBoolean" => {
            let value = match parameter()?.text.trim() {
                "1" | "true" => "true",
                "0" | "false" => "false",
                _ => return Err(bad_arguments("no boolean")),
            };
            response(name, Some(accessor("return", value)))
        }
        "echoString" => response(name, Some(accessor("return", &parameter()?.text))),
        _ => {
            let mut given = parameter()?;
            if given.children.is_empty() {
                given.text = given.text.trim().to_owned();
            }
            response(name, Some(Element { name: "return".into(), namespace: String::new(), ..given }))
        }
    })
}

/// SOAP 1.2 part 2, section 4.4: the arguments are not those of the operation.
fn bad_arguments(reason: &str) -> Fault {
    Fault::sender(reason).with_subcode(QualifiedName::new(RPC, "BadArguments"))
}

fn accessor(name: &str, text: &str) -> Element {
    Element { name: name.into(), text: text.into(), ..Element::default() }
}

/// An answer as SOAP 1.2 part 2, section 4.2.2 has it: the accessor of the result is named by `rpc:result`.
fn response(operation: &str, result: Option<Element>) -> String {
    let Some(result) = result else { return wrapped(operation, "") };
    let named = format!("<r:result xmlns:r=\"{RPC}\">{}</r:result>", result.name);
    wrapped(operation, &(named + &result.to_xml()))
}

fn wrapped(operation: &str, content: &str) -> String {
    format!(
        "<t:{operation}Response xmlns:t=\"{TESTS}\" xmlns:env=\"http://www.w3.org/2003/05/soap-envelope\" \
         env:encodingStyle=\"{}\">{content}</t:{operation}Response>",
        encoding::NAMESPACE
    )
}

#[cfg(test)]
mod tests;
