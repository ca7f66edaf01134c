//! The contract that all others come from: the WIT text.
//!
//! Owns that there is one. What came with the component, embedded or beside it, is served as it came, doc comments included: it was
//! checked against the component's types. A component without one has its text made from these types.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use super::Served;
use crate::typed::model::{Case, Field, Function, Integer, Service, Shape, Type};

/// The words that name nothing in WIT unless a percent sign stands before them.
const KEYWORDS: [&str; 45] = [
    "as",
    "async",
    "bool",
    "borrow",
    "char",
    "constructor",
    "enum",
    "error-context",
    "export",
    "f32",
    "f64",
    "flags",
    "from",
    "func",
    "future",
    "import",
    "include",
    "interface",
    "list",
    "map",
    "option",
    "own",
    "package",
    "record",
    "resource",
    "result",
    "s16",
    "s32",
    "s64",
    "s8",
    "static",
    "stream",
    "string",
    "tuple",
    "type",
    "u16",
    "u32",
    "u64",
    "u8",
    "use",
    "variant",
    "with",
    "world",
    "float32",
    "float64",
];

/// Writes the document.
pub(super) fn document(served: &Served<'_>) -> String {
    served.text.map_or_else(|| print(served.service), str::to_owned)
}

fn print(service: &Service) -> String {
    let mut out = String::from("/// Made from the component's types, which came without their WIT text.\n");
    out.push_str("package guesthouse:service;\n\nworld service {\n");
    let at = |interface: Option<usize>| {
        service.functions.iter().filter(move |function| function.interface == interface)
    };
    members(service, at(None), "  ", "export ", &mut out);
    for (place, interface) in service.interfaces.iter().enumerate() {
        if interface.id.contains('/') {
            let _ = writeln!(out, "  export {};", interface.id);
        } else {
            let _ = writeln!(out, "  export {}: interface {{", escaped(&interface.id));
            members(service, at(Some(place)), "    ", "", &mut out);
            out.push_str("  }\n");
        }
    }
    out.push_str("}\n");
    // A package is named once, so its interfaces stand together.
    let packages: BTreeSet<String> =
        service.interfaces.iter().filter_map(|interface| Some(parts(&interface.id)?.0)).collect();
    for package in packages {
        let _ = write!(out, "\npackage {package} {{\n");
        for (place, interface) in service.interfaces.iter().enumerate() {
            let Some((_, name)) = parts(&interface.id).filter(|(other, _)| *other == package) else {
                continue;
            };
            let _ = writeln!(out, "  interface {} {{", escaped(name));
            members(service, at(Some(place)), "    ", "", &mut out);
            out.push_str("  }\n");
        }
        out.push_str("}\n");
    }
    out
}

/// `acme:shop/orders@1.2.0` as `acme:shop@1.2.0` and `orders`.
fn parts(id: &str) -> Option<(String, &str)> {
    let (package, rest) = id.split_once('/')?;
    Some(match rest.split_once('@') {
        Some((name, version)) => (format!("{package}@{version}"), name),
        None => (package.to_owned(), rest),
    })
}

/// One function as WIT writes it: `get-order: func(id: u64) -> result<order, problem>`.
#[must_use]
pub fn signature(function: &Function) -> String {
    let parameters: Vec<String> = function.parameters.iter().map(field).collect();
    format!("{}: func({}){}", escaped(&function.wit), parameters.join(", "), returned(function))
}

/// The named types of a service as WIT writes them, each before those that use it.
#[must_use]
pub fn definitions(service: &Service) -> String {
    let mut out = String::new();
    for of in &service.types {
        definition(of, "", &mut out);
    }
    out
}

/// The types that functions use, and the functions.
fn members<'f>(
    service: &Service,
    functions: impl Iterator<Item = &'f Function> + Clone,
    indent: &str,
    before: &str,
    out: &mut String,
) {
    let mut used = BTreeSet::new();
    for function in functions.clone() {
        for of in types(function) {
            collect(of, &mut used);
        }
    }
    for of in
        service.types.iter().filter(|of| of.name.as_ref().is_some_and(|name| used.contains(name.as_str())))
    {
        definition(of, indent, out);
    }
    for function in functions {
        if types(function).any(|of| is_nameless(of)) {
            let _ =
                writeln!(out, "{indent}// `{}` has a type that the component gives no name.", function.wit);
            continue;
        }
        let _ = writeln!(out, "{indent}{before}{};", signature(function));
    }
}

fn types(function: &Function) -> impl Iterator<Item = &Arc<Type>> {
    let returns = function.returns.ok.iter().chain(&function.returns.error);
    function.parameters.iter().map(|parameter| &parameter.of).chain(returns)
}

/// Whether a type, or one in it, can only be written with a name and has none: one that a world uses from an interface that it
/// imports. How large types are is bounded.
fn is_nameless(of: &Type) -> bool {
    let needs_name =
        matches!(of.shape, Shape::Record(_) | Shape::Variant(_) | Shape::Enum(_) | Shape::Flags(_));
    (needs_name && of.name.is_none()) || parts_of(of).into_iter().any(|part| is_nameless(part))
}

/// Adds the names of a type and of all types in it. The depth of types is bounded, and one that is there already is not entered again.
fn collect<'t>(of: &'t Type, used: &mut BTreeSet<&'t str>) {
    if let Some(name) = &of.name
        && !used.insert(name)
    {
        return;
    }
    for part in parts_of(of) {
        collect(part, used);
    }
}

/// The types that a type is made of.
fn parts_of(of: &Type) -> Vec<&Arc<Type>> {
    match &of.shape {
        Shape::List(inner) | Shape::Option(inner) => vec![inner],
        Shape::Tuple(items) => items.iter().collect(),
        Shape::Record(fields) => fields.iter().map(|field| &field.of).collect(),
        Shape::Variant(cases) | Shape::Result { cases } => {
            cases.iter().filter_map(|case| case.of.as_ref()).collect()
        }
        _ => Vec::new(),
    }
}

fn definition(of: &Type, indent: &str, out: &mut String) {
    let (keyword, members): (&str, Vec<String>) = match &of.shape {
        Shape::Record(fields) => ("record", fields.iter().map(field).collect()),
        Shape::Variant(cases) => ("variant", cases.iter().map(case).collect()),
        Shape::Enum(cases) => ("enum", cases.iter().map(case).collect()),
        Shape::Flags(cases) => ("flags", cases.iter().map(case).collect()),
        // Nothing else has a name in the model.
        _ => return,
    };
    let _ = writeln!(out, "{indent}{keyword} {} {{", reference(of));
    for member in members {
        let _ = writeln!(out, "{indent}  {member},");
    }
    let _ = writeln!(out, "{indent}}}");
}

fn field(field: &Field) -> String {
    format!("{}: {}", escaped(&field.wit), reference(&field.of))
}

fn case(case: &Case) -> String {
    match &case.of {
        Some(of) => format!("{}({})", escaped(&case.wit), reference(of)),
        None => escaped(&case.wit),
    }
}

fn returned(function: &Function) -> String {
    let returns = &function.returns;
    if returns.fallible {
        return format!(" -> {}", result(returns.ok.as_deref(), returns.error.as_deref()));
    }
    returns.ok.as_deref().map_or_else(String::new, |of| format!(" -> {}", reference(of)))
}

fn result(ok: Option<&Type>, err: Option<&Type>) -> String {
    match (ok, err) {
        (None, None) => "result".to_owned(),
        (Some(ok), None) => format!("result<{}>", reference(ok)),
        (ok, Some(err)) => {
            format!("result<{}, {}>", ok.map_or_else(|| "_".to_owned(), reference), reference(err))
        }
    }
}

/// A type where it is used.
fn reference(of: &Type) -> String {
    if let Some(name) = &of.name {
        return escaped(&kebab(name));
    }
    match &of.shape {
        Shape::Bool => "bool".to_owned(),
        Shape::Integer(integer) => match integer {
            Integer::S8 => "s8",
            Integer::U8 => "u8",
            Integer::S16 => "s16",
            Integer::U16 => "u16",
            Integer::S32 => "s32",
            Integer::U32 => "u32",
            Integer::S64 => "s64",
            Integer::U64 => "u64",
        }
        .to_owned(),
        Shape::Float32 => "f32".to_owned(),
        Shape::Float64 => "f64".to_owned(),
        Shape::Char => "char".to_owned(),
        Shape::String => "string".to_owned(),
        Shape::Bytes => "list<u8>".to_owned(),
        Shape::List(item) => format!("list<{}>", reference(item)),
        Shape::Option(inner) => format!("option<{}>", reference(inner)),
        Shape::Tuple(items) => {
            format!("tuple<{}>", items.iter().map(|item| reference(item)).collect::<Vec<_>>().join(", "))
        }
        Shape::Result { cases } => {
            let of = |place: usize| cases.get(place).and_then(|case| case.of.as_deref());
            result(of(0), of(1))
        }
        // See `is_nameless`: a function with one of these is not written.
        Shape::Record(_) | Shape::Variant(_) | Shape::Enum(_) | Shape::Flags(_) => "string".to_owned(),
    }
}

/// `OrderLine` as `order-line`.
fn kebab(camel: &str) -> String {
    let letters: Vec<char> = camel.chars().collect();
    let mut out = String::new();
    for (place, letter) in letters.iter().enumerate() {
        let before = place.checked_sub(1).and_then(|place| letters.get(place));
        let after = letters.get(place.saturating_add(1));
        let begins_word = letter.is_ascii_uppercase()
            && before.is_some_and(|before| {
                !before.is_ascii_uppercase() || after.is_some_and(char::is_ascii_lowercase)
            });
        if begins_word {
            out.push('-');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

fn escaped(name: &str) -> String {
    if KEYWORDS.contains(&name) { format!("%{name}") } else { name.to_owned() }
}
