//! The methods that the host itself answers: `system.*`, and `rpc.discover` by way of [`super::openrpc`].
//!
//! Owns their names, texts and answers, as JSON text like every other result. Refuses to start the plugin for any of them.
//! `system.multicall` is listed here and carried out by [`super::xmlrpc`]; JSON-RPC has batches instead.

use super::json::{self, Next, Scanner};
use super::methods::MethodTable;
use super::service::{Fault, INVALID_PARAMS};
use super::{Kind, Method};

/// The protocol that a host method is called in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// JSON-RPC 2.0.
    Json,
    /// XML-RPC.
    Xml,
}

/// One method of the host.
struct HostMethod {
    name: &'static str,
    help: &'static str,
    /// As JSON text: one array per way to call it, the result's type first.
    signature: &'static str,
    json: bool,
    xml: bool,
}

/// Calls several methods in one request.
pub(super) const MULTICALL: &str = "system.multicall";
/// Names all methods.
pub(crate) const LIST: &str = "system.listMethods";
/// The OpenRPC document.
pub(super) const DISCOVER: &str = "rpc.discover";

const HOST_METHODS: &[HostMethod] = &[
    HostMethod {
        name: DISCOVER,
        help: "The OpenRPC document of this service.",
        signature: r#"[["struct"]]"#,
        json: true,
        xml: false,
    },
    HostMethod {
        name: "system.getCapabilities",
        help: "The specifications and extensions that this service follows.",
        signature: r#"[["struct"]]"#,
        json: false,
        xml: true,
    },
    HostMethod {
        name: LIST,
        help: "The names of all methods.",
        signature: r#"[["array"]]"#,
        json: true,
        xml: true,
    },
    HostMethod {
        name: "system.methodHelp",
        help: "What the method of the given name does.",
        signature: r#"[["string","string"]]"#,
        json: true,
        xml: true,
    },
    HostMethod {
        name: "system.methodSignature",
        help: "The ways to call the method of the given name: for each, the type of its result and those of its arguments.",
        signature: r#"[["array","string"]]"#,
        json: true,
        xml: true,
    },
    HostMethod {
        name: MULTICALL,
        help: "Calls several methods. Takes an array of structs of methodName and params; answers an array with, for each \
               call, an array of its one result or a struct of faultCode and faultString.",
        signature: r#"[["array","array"]]"#,
        json: false,
        xml: true,
    },
];

/// What `system.getCapabilities` answers.
const CAPABILITIES: &str = concat!(
    r#"{"xmlrpc":{"specUrl":"http://www.xmlrpc.com/spec","specVersion":1},"#,
    r#""system.multicall":{"specUrl":"http://www.xmlrpc.com/discuss/msgReader$1208","specVersion":1},"#,
    r#""introspection":{"specUrl":"http://xmlrpc-c.sourceforge.net/introspection.html","specVersion":1},"#,
    r#""faults_interop":{"specUrl":"http://xmlrpc-epi.sourceforge.net/specs/rfc.fault_codes.php","#,
    r#""specVersion":20010516},"#,
    r#""nil":{"specUrl":"http://www.ontosys.com/xml-rpc/extensions.php","specVersion":20010518},"#,
    r#""i8":{"specUrl":"http://ws.apache.org/xmlrpc/types.html","specVersion":1}}"#,
);

/// Answers a `system.` method; none when there is no such in this dialect.
pub(super) fn answer(
    methods: &MethodTable,
    dialect: Dialect,
    name: &str,
    params: Option<&str>,
) -> Option<Result<String, Fault>> {
    if !name.starts_with("system.") {
        return None;
    }
    let method = host_method(dialect, name)?;
    Some(match method.name {
        "system.getCapabilities" => no_argument(params).map(|()| CAPABILITIES.to_owned()),
        LIST => no_argument(params).map(|()| list(methods, dialect)),
        "system.methodHelp" => one_name(params).and_then(|name| help(methods, dialect, &name)),
        "system.methodSignature" => one_name(params).and_then(|name| signature(methods, dialect, &name)),
        _ => return None,
    })
}

fn host_methods(dialect: Dialect) -> impl Iterator<Item = &'static HostMethod> {
    HOST_METHODS.iter().filter(move |method| match dialect {
        Dialect::Json => method.json,
        Dialect::Xml => method.xml,
    })
}

fn host_method(dialect: Dialect, name: &str) -> Option<&'static HostMethod> {
    host_methods(dialect).find(|method| method.name == name)
}

fn list(methods: &MethodTable, dialect: Dialect) -> String {
    let own = methods.all().iter().map(|method| method.name.as_str());
    let mut out = String::from("[");
    for name in own.chain(host_methods(dialect).map(|method| method.name)) {
        if out.len() > 1 {
            out.push(',');
        }
        json::push_string(&mut out, name);
    }
    out.push(']');
    out
}

fn help(methods: &MethodTable, dialect: Dialect, name: &str) -> Result<String, Fault> {
    let own = methods.get(name).map(|method| method.help.as_str());
    let text = own.or_else(|| host_method(dialect, name).map(|method| method.help));
    let mut out = String::new();
    json::push_string(&mut out, text.ok_or_else(unknown_name)?);
    Ok(out)
}

fn signature(methods: &MethodTable, dialect: Dialect, name: &str) -> Result<String, Fault> {
    match methods.get(name) {
        Some(method) => Ok(signatures_of(method)),
        None => host_method(dialect, name).map(|method| method.signature.to_owned()).ok_or_else(unknown_name),
    }
}

/// One signature for every number of arguments that the method can be called with: the optional ones at the end may be left
/// out one after the other.
fn signatures_of(method: &Method) -> String {
    let required = method.params.iter().rposition(|param| param.required).map_or(0, |last| last + 1);
    let mut out = String::from("[");
    for count in required..=method.params.len() {
        if out.len() > 1 {
            out.push(',');
        }
        out.push_str("[\"");
        out.push_str(type_name(method.returns));
        for param in method.params.iter().take(count) {
            out.push_str("\",\"");
            out.push_str(type_name(param.kind));
        }
        out.push_str("\"]");
    }
    out.push(']');
    out
}

/// XML-RPC's name of a type.
pub(super) fn type_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Any => "any",
        Kind::Boolean => "boolean",
        Kind::Integer => "int",
        Kind::Number => "double",
        Kind::Text => "string",
        Kind::DateTime => "dateTime.iso8601",
        Kind::Bytes => "base64",
        Kind::Array => "array",
        Kind::Object => "struct",
        Kind::Nothing => "nil",
    }
}

fn unknown_name() -> Fault {
    Fault::new(INVALID_PARAMS, "Invalid params").because("there is no method of this name")
}

/// Checks that there are no arguments. The text of `params` has been scanned before.
pub(super) fn no_argument(params: Option<&str>) -> Result<(), Fault> {
    let is_empty = params.is_none_or(|params| {
        let inner = params.strip_prefix(['[', '{']).and_then(|rest| rest.strip_suffix([']', '}']));
        inner.is_some_and(|inner| inner.trim().is_empty())
    });
    if is_empty {
        Ok(())
    } else {
        Err(Fault::new(INVALID_PARAMS, "Invalid params").because("this method takes no arguments"))
    }
}

fn one_name(params: Option<&str>) -> Result<String, Fault> {
    let read = || {
        let mut scanner = Scanner::new(params?, u64::MAX);
        let is_array = scanner.peek() == Some(b'[');
        if !is_array || scanner.enter().ok()? != Next::Item || scanner.peek() != Some(b'"') {
            return None;
        }
        let name = json::unquoted(scanner.scalar().ok()?).into_owned();
        (scanner.next().ok()? == Next::End).then_some(name)
    };
    read().ok_or_else(|| {
        Fault::new(INVALID_PARAMS, "Invalid params")
            .because("this method takes the name of a method, a string")
    })
}
