//! The services of the SOAPBuilders interoperability rounds 2 to 4. Nearly all of their operations give back what they were
//! given, under the name of the response; so this is a table of how the rounds name things, and an echo.

mod faults;

use guesthouse_sdk::soap::{Call, Description, Element, Fault, Handler, QualifiedName, Reply, Version};

/// The namespaces of the rounds' services: base, types, and the variants that test imports.
pub(crate) const BASE: &str = "http://soapinterop.org/";
const TYPES: &str = "http://soapinterop.org/xsd";
const EMPLOYEE: &str = "http://soapinterop.org/employee";
const ENCODED: &str = "http://soapinterop.org/WSDLInteropTestRpcEnc";
const IMPORTING: &str = "http://soapinterop/";
const IMPORTED: &str = "http://soapinterop/echoString/";
pub(crate) const FAULTS: &str = "http://soapinterop.org/types/requestresponse";
pub(crate) const ENCODED_FAULTS: &str = "http://soapinterop.org/wsdl";

/// The operations of round 2, group B, and round 4, group I, whose result is called `return`; round 2's others have a name of
/// their own.
const RETURNING: [&str; 4] =
    ["echo2DStringArray", "echoNestedArray", "echoNestedStruct", "echoSimpleTypesAsStruct"];

struct Rounds;

#[guesthouse_sdk::soap]
impl Handler for Rounds {
    fn handle(call: Call) -> Result<Reply, Fault> {
        let headers = call.headers.iter().map(|block| parse(&block.xml)).collect::<Result<Vec<_>, _>>()?;
        if call.body.is_empty() {
            return Ok(Reply::new(""));
        }
        let request = parse(&call.body)?;
        let request = resolved(&request, &request, 0)?;
        if let Some(fault) = faults::of(&request) {
            return Err(fault);
        }
        let reply = Reply::new(response(&request)?.to_xml());
        let answered = headers.iter().filter_map(|block| {
            let name = block.name.strip_suffix("Request").filter(|name| name.starts_with("echoMe"))?;
            Some(Element { name: format!("{name}Response"), attributes: Vec::new(), ..block.clone() })
        });
        Ok(answered.fold(reply, |reply, block| reply.with_header(block.to_xml())))
    }

    fn describe() -> Description {
        let block = |namespace: &str, name: &str| QualifiedName::new(namespace, name);
        Description {
            versions: vec![Version::Soap11, Version::Soap12],
            understands: vec![
                block(TYPES, "Header1"),
                block(TYPES, "Header2"),
                block(BASE, "echoMeStringRequest"),
                block(BASE, "echoMeComplexTypeRequest"),
            ],
            roles: Vec::new(),
            operations: Vec::new(),
        }
    }
}

fn parse(text: &str) -> Result<Element, Fault> {
    Element::parse(text).map_err(|error| Fault::sender(error.to_string()))
}

/// SOAP 1.1, section 5.4.1: a value that is referred to stands in the place of the reference.
fn resolved(element: &Element, root: &Element, depth: usize) -> Result<Element, Fault> {
    /// How deeply references may nest, so that those in a circle end.
    const DEPTH_MAX: usize = 32;
    if depth > DEPTH_MAX {
        return Err(Fault::sender("the values refer to themselves"));
    }
    let value = match element.attribute("", "href").and_then(|href| href.strip_prefix('#')) {
        Some(id) => find(root, id).ok_or_else(|| Fault::sender("a reference leads nowhere"))?,
        None => element,
    };
    let children = value.children.iter().map(|child| resolved(child, root, depth.saturating_add(1)));
    Ok(Element {
        namespace: element.namespace.clone(),
        name: element.name.clone(),
        attributes: value
            .attributes
            .iter()
            .filter(|attribute| {
                attribute.name == "nil"
                    || attribute.namespace.is_empty() && attribute.name != "id" && attribute.name != "href"
            })
            .cloned()
            .collect(),
        text: value.text.clone(),
        children: children.collect::<Result<_, _>>()?,
    })
}

fn find<'a>(element: &'a Element, id: &str) -> Option<&'a Element> {
    match element.attribute("", "id") {
        Some(found) if found == id => Some(element),
        _ => element.children.iter().find_map(|child| find(child, id)),
    }
}

fn renamed(element: &Element, namespace: &str, name: &str) -> Element {
    Element { namespace: namespace.into(), name: name.into(), ..element.clone() }
}

/// What a request is answered with.
fn response(request: &Element) -> Result<Element, Fault> {
    let name = request.name.as_str();
    // Round 3: what is taken is given back, under another name.
    let other = match (request.namespace.as_str(), name) {
        (TYPES, name) if name.ends_with("Param") => Some(name.replace("Param", "Return")),
        (TYPES | EMPLOYEE, name) if name.starts_with("x_") => Some(name.replacen("x_", "result_", 1)),
        _ => None,
    };
    if let Some(other) = other {
        return Ok(renamed(request, &request.namespace, &other));
    }
    let namespace = match request.namespace.as_str() {
        IMPORTED => "http://soapinterop/echoStringResponse/",
        // Round 4, group I, has one operation whose namespace lacks the slash.
        "http://soapinterop.org" => BASE,
        BASE | TYPES | ENCODED | IMPORTING | ENCODED_FAULTS => request.namespace.as_str(),
        other => return Err(Fault::sender(format!("there is no operation `{name}` in namespace `{other}`"))),
    };
    Ok(Element {
        namespace: namespace.into(),
        name: format!("{name}Response"),
        children: results(request)?,
        ..Element::default()
    })
}

/// The parts of an answer.
fn results(request: &Element) -> Result<Vec<Element>, Fault> {
    let operation = request.name.as_str();
    let Some(first) = request.children.first() else { return Ok(Vec::new()) };
    // Parts of style document are in the namespace of the operation, those of style rpc in none.
    let namespace = first.namespace.as_str();
    let literal = !namespace.is_empty();
    let named = |name: &str, text: &str| Element {
        namespace: namespace.into(),
        name: name.into(),
        text: text.into(),
        ..Element::default()
    };
    let outputs = [("varString", "outputString"), ("varInt", "outputInteger"), ("varFloat", "outputFloat")];
    Ok(match operation {
        "echoStructAsSimpleTypes" | "echoComplexTypeAsSimpleTypes" => outputs
            .iter()
            .filter_map(|(member, output)| Some(named(output, &first.child(member)?.text)))
            .collect(),
        "echoSimpleTypesAsStruct" | "echoSimpleTypesAsComplexType" => {
            let mut structure = named("return", "");
            let given = ["String", "Integer", "Float"].iter().zip(&outputs).enumerate();
            for (index, (kind, (member, _))) in given {
                let argument = request
                    .child(&format!("input{kind}"))
                    .or_else(|| request.child(&format!("param{index}")));
                let member_namespace = if literal { TYPES } else { "" };
                structure
                    .children
                    .extend(argument.map(|argument| renamed(argument, member_namespace, member)));
            }
            vec![structure]
        }
        _ if operation.ends_with("MultiOccurs") && operation != "echoNestedMultiOccurs" => {
            first.children.iter().map(|item| renamed(item, namespace, "return")).collect()
        }
        "echoBoolean" => {
            // One of two forms for each value (XML Schema Part 2, section 3.2.2.2).
            let value = if matches!(first.text.trim(), "1" | "true") { "true" } else { "false" };
            vec![named(if literal { "return" } else { "outputBoolean" }, value)]
        }
        _ => {
            let result = match request.namespace.as_str() {
                IMPORTING | IMPORTED => "Result".to_owned(),
                BASE if !literal && !RETURNING.contains(&operation) => {
                    operation.replacen("echo", "output", 1)
                }
                _ => "return".to_owned(),
            };
            vec![renamed(first, namespace, &result)]
        }
    })
}
