//! The contract that a plugin declares: WSDL 1.1.
//!
//! Owns what is checked of it when the plugin is loaded, what is learnt of it (which action an operation has, and whether it is
//! answered), and that it names the address it is served at. The rules are those of WS-I Basic Profile 1.1 and 2.0, by their
//! numbers: a contract that breaks one is read differently by different toolkits, and its author hears of it here and not from
//! callers. What another document says that this one imports is nobody's matter here.

use std::collections::HashMap;

use super::{QualifiedName, Service, Version};
use crate::limits::PluginLimits;
use crate::protocol::xml::{Bounds, Document, Error, Event, Instructions, Reader, push_attribute};

const WSDL: &str = "http://schemas.xmlsoap.org/wsdl/";
const SCHEMA: &str = "http://www.w3.org/2001/XMLSchema";
const TRANSPORT: &str = "http://schemas.xmlsoap.org/soap/http";
/// WS-Addressing 1.0 Metadata, and the WSDL binding that came before it.
const ACTION_NAMESPACES: [&str; 2] =
    ["http://www.w3.org/2007/05/addressing/metadata", "http://www.w3.org/2006/05/addressing/wsdl"];

/// The SOAP extensions of WSDL, one namespace for each version.
const EXTENSIONS: [(Version, &str); 2] = [
    (Version::Soap11, "http://schemas.xmlsoap.org/wsdl/soap/"),
    (Version::Soap12, "http://schemas.xmlsoap.org/wsdl/soap12/"),
];

/// Attributes whose value is a name in a namespace.
const REFERENCES: [&str; 5] = ["binding", "element", "message", "ref", "type"];

/// Why a contract is not served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("it is no XML document: {0}")]
    Xml(#[from] Error),
    #[error("{place}: {problem} ({rule})")]
    Rule { place: String, problem: String, rule: &'static str },
}

fn broken<T>(place: impl Into<String>, problem: impl Into<String>, rule: &'static str) -> Result<T, Fault> {
    Err(Fault::Rule { place: place.into(), problem: problem.into(), rule })
}

/// An expanded name.
type Name = (String, String);

/// An element of the contract.
#[derive(Debug, Default)]
struct Node {
    namespace: String,
    name: String,
    /// Those in no namespace.
    attributes: HashMap<String, String>,
    /// Those of [`REFERENCES`], expanded.
    references: HashMap<String, Name>,
    /// The action of WS-Addressing.
    action: Option<String>,
    children: Vec<Self>,
}

impl Node {
    fn is(&self, namespace: &str, name: &str) -> bool {
        self.name == name && self.namespace == namespace
    }

    fn all<'a>(&'a self, namespace: &'a str, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.is(namespace, name))
    }

    fn get(&self, attribute: &str) -> Option<&str> {
        self.attributes.get(attribute).map(String::as_str)
    }

    /// `operation 'Add'`, for messages.
    fn place(&self) -> String {
        match self.get("name") {
            Some(name) => format!("{} `{name}`", self.name),
            None => self.name.clone(),
        }
    }
}

/// Which actions there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Actions {
    operations: Vec<Operation>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Operation {
    /// The body's first child; nothing if its body is empty.
    wire: Option<Name>,
    /// What asks for it.
    actions: Vec<String>,
    /// The action of its reply; none if it is one-way.
    reply: Option<String>,
}

/// What is known of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Known {
    /// There is no contract to tell.
    Unknown,
    /// No operation has it.
    No,
    /// It is that of the operation, whose reply has this action; none if it has no reply.
    Yes { reply: Option<String> },
}

impl Actions {
    /// What the contract says of an action with this first child of the body.
    pub(super) fn of(&self, operation: &QualifiedName, action: &str) -> Known {
        if self.operations.is_empty() {
            return Known::Unknown;
        }
        let asked = |one: &&Operation| one.actions.iter().any(|known| known == action);
        let wire = |one: &&Operation| match &one.wire {
            Some((namespace, name)) => *name == operation.name && *namespace == operation.namespace,
            None => operation.name.is_empty(),
        };
        let mut found = self.operations.iter().filter(asked);
        match found.clone().find(wire).or_else(|| found.next()) {
            Some(found) => Known::Yes { reply: found.reply.clone() },
            None => Known::No,
        }
    }
}

/// Checks a contract. Its ports may name any address: [`at`] puts the right one there.
pub(super) fn check(text: &str, service: &Service, limits: &PluginLimits) -> Result<Actions, Fault> {
    if text.is_empty() {
        return Ok(Actions::default());
    }
    let root = tree(text, limits)?;
    if !root.is(WSDL, "definitions") {
        return broken(
            "the root",
            format!("it is {{{}}}{} and not {{{WSDL}}}definitions", root.namespace, root.name),
            "WSDL 1.1, section 2.1",
        );
    }
    Contract { namespace: root.get("targetNamespace").unwrap_or_default().to_owned(), root: &root, service }
        .check()
}

/// Reads a document into a tree. A contract is no caller's document, but its bounds are the same.
fn tree(text: &str, limits: &PluginLimits) -> Result<Node, Fault> {
    let document = Document::from_text(text)?;
    let mut reader = Reader::new(&document, bounds(limits));
    let mut open: Vec<Node> = Vec::new();
    loop {
        match reader.next()? {
            Event::Start(name) => {
                let mut node = Node {
                    namespace: name.namespace.to_string(),
                    name: name.local.to_owned(),
                    ..Node::default()
                };
                for attribute in reader.attributes() {
                    let (key, value) = (attribute.name.local, attribute.value.trim());
                    if ACTION_NAMESPACES.contains(&&*attribute.name.namespace) && key == "Action" {
                        node.action = Some(value.to_owned());
                    }
                    if !attribute.name.namespace.is_empty() {
                        continue;
                    }
                    if REFERENCES.contains(&key) {
                        let (prefix, local) = value.split_once(':').unwrap_or(("", value));
                        let Some(namespace) = reader.namespace(prefix) else {
                            return broken(
                                format!("{} `{value}` of {}", key, node.place()),
                                format!("the prefix `{prefix}` is not declared"),
                                "Namespaces in XML, section 4",
                            );
                        };
                        node.references.insert(key.to_owned(), (namespace.to_string(), local.to_owned()));
                    }
                    node.attributes.insert(key.to_owned(), value.to_owned());
                }
                open.push(node);
            }
            Event::Text(_) => {}
            Event::End => {
                let Some(node) = open.pop() else { continue };
                match open.last_mut() {
                    Some(parent) => parent.children.push(node),
                    None => {
                        while reader.next()? != Event::Eof {}
                        return Ok(node);
                    }
                }
            }
            Event::Eof => return Ok(Node::default()),
        }
    }
}

fn bounds(limits: &PluginLimits) -> Bounds {
    Bounds { instructions: Instructions::Skip, ..Bounds::of(limits) }
}

struct Contract<'a> {
    root: &'a Node,
    namespace: String,
    service: &'a Service,
}

/// What an operation of a binding says of its messages.
struct Bound<'a> {
    version: Version,
    extension: &'static str,
    document: bool,
    binding: &'a Node,
    port_type: &'a Node,
}

impl<'a> Contract<'a> {
    fn check(&self) -> Result<Actions, Fault> {
        if self.namespace.is_empty() && self.root.all(WSDL, "binding").next().is_some() {
            return broken("definitions", "it has no `targetNamespace`", "WSDL 1.1, section 2.1");
        }
        self.check_parts()?;
        let mut actions = Actions::default();
        for binding in self.root.all(WSDL, "binding") {
            if let Some(bound) = self.bound(binding)? {
                self.check_binding(&bound, &mut actions)?;
            }
        }
        self.check_ports()?;
        Ok(actions)
    }

    /// A component of this document; nothing if the name is of another namespace, which an imported document may define.
    fn lookup(
        &self,
        kind: &'a str,
        name: &Name,
        place: &str,
        rule: &'static str,
    ) -> Result<Option<&'a Node>, Fault> {
        if name.0 != self.namespace {
            return Ok(None);
        }
        let found = self.root.all(WSDL, kind).find(|node| node.get("name") == Some(name.1.as_str()));
        match found {
            Some(found) => Ok(Some(found)),
            None if self.root.all(WSDL, "import").next().is_some() => Ok(None),
            None => broken(place, format!("there is no {kind} `{}`", name.1), rule),
        }
    }

    /// R2306: a part has an element or a type. R2206: an element is one of a schema.
    fn check_parts(&self) -> Result<(), Fault> {
        for message in self.root.all(WSDL, "message") {
            for part in message.all(WSDL, "part") {
                let place = || format!("{} of {}", part.place(), message.place());
                match (part.references.get("element"), part.references.get("type")) {
                    (Some(element), None) if !self.may_declare(element) => {
                        let (namespace, name) = element;
                        return broken(
                            place(),
                            format!("the schema of `{namespace}` declares no element `{name}`"),
                            "BP R2206",
                        );
                    }
                    (Some(_), None) | (None, Some(_)) => {}
                    _ => return broken(place(), "it has one of `element` and `type`", "BP R2306"),
                }
            }
        }
        Ok(())
    }

    /// Whether the contract's schemas declare an element, or may do so in a document that they import or include.
    fn may_declare(&self, (namespace, name): &Name) -> bool {
        let schemas: Vec<&Node> = self
            .root
            .all(WSDL, "types")
            .flat_map(|types| types.all(SCHEMA, "schema"))
            .filter(|schema| schema.get("targetNamespace").unwrap_or_default() == namespace)
            .collect();
        schemas.is_empty()
            || schemas.iter().any(|schema| {
                schema.children.iter().any(|child| {
                    matches!(child.name.as_str(), "include" | "import" | "redefine")
                        && child.get("schemaLocation").is_some()
                        || child.name == "element" && child.get("name") == Some(name)
                })
            })
    }

    /// A binding for SOAP; nothing if it is for another protocol.
    fn bound(&self, binding: &'a Node) -> Result<Option<Bound<'a>>, Fault> {
        let place = binding.place();
        let found = EXTENSIONS.iter().find_map(|&(version, extension)| {
            binding.all(extension, "binding").next().map(|node| (version, extension, node))
        });
        let Some((version, extension, node)) = found else { return Ok(None) };
        if !self.service.versions.contains(&version) {
            let problem = "it is for a version of SOAP that `describe` does not name in `versions`";
            return broken(place, problem, "so callers of this port would get a VersionMismatch fault");
        }
        // R2701, R2702; the SOAP 1.2 binding of WSDL has the same transport (W3C Member Submission of 5 April 2006).
        if node.get("transport") != Some(TRANSPORT) {
            return broken(place, format!("its `transport` is not `{TRANSPORT}`"), "BP R2701 and R2702");
        }
        let Some(name) = binding.references.get("type") else {
            return broken(place, "it has no `type`", "WSDL 1.1, section 2.5");
        };
        let Some(port_type) = self.lookup("portType", name, &place, "BP R2718")? else { return Ok(None) };
        // Section 3.3: the style is `document` if nothing is said.
        let document = node.get("style") != Some("rpc");
        Ok(Some(Bound { version, extension, document, binding, port_type }))
    }

    fn check_binding(&self, bound: &Bound<'a>, actions: &mut Actions) -> Result<(), Fault> {
        let names = |node: &'a Node| -> Vec<&'a str> {
            let mut names: Vec<&str> =
                node.all(WSDL, "operation").filter_map(|operation| operation.get("name")).collect();
            names.sort_unstable();
            names
        };
        if names(bound.binding) != names(bound.port_type) {
            let problem = format!("its operations are not those of {}", bound.port_type.place());
            return broken(bound.binding.place(), problem, "BP R2718");
        }
        let mut wires: Vec<(Option<Name>, String)> = Vec::new();
        for operation in bound.binding.all(WSDL, "operation") {
            let name = operation.get("name").unwrap_or_default();
            let place = format!("{} of {}", operation.place(), bound.binding.place());
            let declared =
                bound.port_type.all(WSDL, "operation").find(|other| other.get("name") == Some(name));
            let Some(declared) = declared else { continue };
            let extension = operation.all(bound.extension, "operation").next();
            if extension
                .and_then(|node| node.get("style"))
                .is_some_and(|style| (style != "rpc") != bound.document)
            {
                return broken(place, "its `style` is not the one of its binding", "BP R2705");
            }
            self.check_use(bound, operation, &place)?;
            let wire = self.wire(bound, operation, declared, &place)?;
            if let Some((_, other)) = wires.iter().find(|(other, _)| *other == wire) {
                let problem = format!("its message cannot be told from that of operation `{other}`");
                return broken(place, problem, "BP R2710");
            }
            self.check_offered(wire.as_ref(), &place)?;
            wires.push((wire.clone(), name.to_owned()));
            let soap_action =
                extension.and_then(|node| node.get("soapAction")).filter(|action| !action.is_empty());
            actions.operations.push(self.actions(bound.port_type, declared, soap_action, wire));
        }
        Ok(())
    }

    /// R2706: everything is literal. R2716 and R2717: where a namespace stands. R2201 and R2210: one part at most.
    fn check_use(&self, bound: &Bound<'_>, operation: &Node, place: &str) -> Result<(), Fault> {
        for message in &operation.children {
            for node in message.children.iter().filter(|node| node.namespace == bound.extension) {
                let kind = node.name.as_str();
                if node.get("use").is_some_and(|form| form != "literal") {
                    return broken(place, format!("a `{kind}` is not `literal`"), "BP R2706");
                }
                match (bound.document, node.get("namespace")) {
                    (true, Some(_)) => {
                        let problem = format!("a `{kind}` of style `document` has a `namespace`");
                        return broken(place, problem, "BP R2716");
                    }
                    (false, None) if kind == "body" => {
                        return broken(place, "a `body` of style `rpc` has no `namespace`", "BP R2717");
                    }
                    // An absolute URI has a scheme (RFC 3986, section 4.3).
                    (false, Some(uri)) if uri.split_once(':').is_none_or(|(scheme, _)| scheme.is_empty()) => {
                        let problem = format!("the `namespace` `{uri}` of a `{kind}` is no absolute URI");
                        return broken(place, problem, "BP R2717");
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// What the body's first child is called.
    fn wire(
        &self,
        bound: &Bound<'a>,
        operation: &Node,
        declared: &Node,
        place: &str,
    ) -> Result<Option<Name>, Fault> {
        let input = operation.all(WSDL, "input").next();
        let body = input.and_then(|input| input.all(bound.extension, "body").next());
        if !bound.document {
            let namespace = body.and_then(|body| body.get("namespace")).unwrap_or_default();
            return Ok(Some((namespace.to_owned(), operation.get("name").unwrap_or_default().to_owned())));
        }
        let message = declared.all(WSDL, "input").next().and_then(|input| input.references.get("message"));
        let Some(message) = message else { return Ok(None) };
        let Some(message) = self.lookup("message", message, place, "WSDL 1.1, section 2.4")? else {
            return Ok(None);
        };
        let listed = body.and_then(|body| body.get("parts"));
        let parts: Vec<&Node> = message
            .all(WSDL, "part")
            .filter(|part| {
                listed.is_none_or(|listed| {
                    listed.split_ascii_whitespace().any(|name| part.get("name") == Some(name))
                })
            })
            .collect();
        match parts.as_slice() {
            [] => Ok(None),
            [part] => match part.references.get("element") {
                Some(element) => Ok(Some(element.clone())),
                None => broken(place, "a part of style `document` has no `element`", "BP R2204"),
            },
            _ => broken(place, "the body of style `document` has more than one part", "BP R2201 and R2210"),
        }
    }

    /// The plugin says which operations it takes; a contract that promises others is wrong.
    fn check_offered(&self, wire: Option<&Name>, place: &str) -> Result<(), Fault> {
        let (offered, Some((namespace, name))) = (&self.service.operations, wire) else { return Ok(()) };
        if offered.is_empty() || offered.iter().any(|one| one.name == *name && one.namespace == *namespace) {
            return Ok(());
        }
        let problem = format!("`{{{namespace}}}{name}` is not in `operations` of `describe`");
        broken(place, problem, "so callers of it would get a ProcedureNotPresent fault")
    }

    /// WS-Addressing 1.0 Metadata, section 4.4: what is written, else the SOAPAction, else the default pattern.
    fn actions(
        &self,
        port_type: &Node,
        declared: &Node,
        soap_action: Option<&str>,
        wire: Option<Name>,
    ) -> Operation {
        let delimiter = if self.namespace.starts_with("urn:") { ":" } else { "/" };
        let base = format!(
            "{}{delimiter}{}{delimiter}",
            self.namespace.trim_end_matches(delimiter),
            port_type.get("name").unwrap_or_default()
        );
        let name = declared.get("name").unwrap_or_default();
        let named = |message: &Node, suffix: &str| {
            message
                .get("name")
                .map_or_else(|| format!("{base}{name}{suffix}"), |name| format!("{base}{name}"))
        };
        let input = declared.all(WSDL, "input").next();
        let output = declared.all(WSDL, "output").next();
        let one_way = output.is_none();
        let mut actions: Vec<String> = Vec::new();
        actions.extend(input.and_then(|input| input.action.clone()));
        actions.extend(soap_action.map(str::to_owned));
        actions.extend(input.map(|input| named(input, if one_way { "" } else { "Request" })));
        let reply = output.map(|output| output.action.clone().unwrap_or_else(|| named(output, "Response")));
        Operation { wire, actions, reply }
    }

    fn check_ports(&self) -> Result<(), Fault> {
        for service in self.root.all(WSDL, "service") {
            for port in service.all(WSDL, "port") {
                let place = format!("{} of {}", port.place(), service.place());
                let Some(name) = port.references.get("binding") else {
                    return broken(place, "it has no `binding`", "WSDL 1.1, section 2.6");
                };
                let Some(binding) = self.lookup("binding", name, &place, "WSDL 1.1, section 2.6")? else {
                    continue;
                };
                let Some(bound) = self.bound(binding)? else { continue };
                let addresses: Vec<&Node> =
                    port.children.iter().filter(|child| child.name == "address").collect();
                match addresses.as_slice() {
                    [address]
                        if address.namespace == bound.extension && address.get("location").is_some() => {}
                    [address] if address.namespace == bound.extension => {
                        return broken(place, "its address has no `location`", "BP R2711");
                    }
                    [_] => {
                        let version = match bound.version {
                            Version::Soap11 => "1.1",
                            Version::Soap12 => "1.2",
                        };
                        let problem = format!("its binding is for SOAP {version}, and its address is not");
                        return broken(place, problem, "WSDL 1.1, section 3.8");
                    }
                    _ => return broken(place, "it has exactly one address", "WSDL 1.1, section 2.6"),
                }
            }
        }
        Ok(())
    }
}

/// The contract with this address in every port, however the plugin wrote it.
///
/// # Errors
/// When it is not well-formed.
pub(super) fn at(text: String, address: &str, limits: &PluginLimits) -> Result<String, Error> {
    let document = Document::from_text(&text)?;
    let mut reader = Reader::new(&document, bounds(limits));
    let content = document.text();
    let mut into = String::new();
    let mut from = 0;
    loop {
        match reader.next()? {
            Event::Start(name)
                if name.local == "address"
                    && EXTENSIONS.iter().any(|&(_, extension)| *name.namespace == *extension)
                    && reader.attribute("", "location").is_some_and(|location| location != address) =>
            {
                let (start, end) = (reader.start(), reader.offset());
                if let Some((value_start, value_end)) = value(content, start, end, "location") {
                    into.push_str(content.get(from..value_start).unwrap_or_default());
                    // The address is a URL that the server has checked, so each of its characters can be written.
                    push_attribute(&mut into, address).ok();
                    from = value_end;
                }
            }
            Event::Eof => break,
            Event::Start(_) | Event::Text(_) | Event::End => {}
        }
    }
    if from == 0 {
        drop(reader);
        return Ok(text);
    }
    into.push_str(content.get(from..).unwrap_or_default());
    Ok(into)
}

/// Where the value of an attribute stands, without its quotes, in a well-formed start tag.
fn value(text: &str, start: usize, end: usize, name: &str) -> Option<(usize, usize)> {
    let mut at = start;
    loop {
        let tag = text.get(at..end)?;
        let equals = at.checked_add(tag.find('=')?)?;
        let found = text.get(at..equals)?.trim_end().rsplit([' ', '\t', '\n']).next()? == name;
        let quote_at = equals.checked_add(text.get(equals..end)?.find(['"', '\''])?)?;
        let quote = text.get(quote_at..)?.chars().next()?;
        let from = quote_at.checked_add(1)?;
        let to = from.checked_add(text.get(from..end)?.find(quote)?)?;
        if found {
            return Some((from, to));
        }
        at = to.checked_add(1)?;
    }
}

#[cfg(test)]
mod tests;
