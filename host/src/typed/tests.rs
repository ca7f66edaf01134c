//! Reflection, from WIT text to the model: components of dummy functions with real types.

use std::collections::BTreeSet;

use wasmtime::component::Component;
use wasmtime::{Config, Engine};
use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{ManglingAndAbi, Resolve};

use super::documentation::Documentation;
use super::lower_json::{self, Dialect};
use super::model::{Function, Service, Shape};
use super::reflect::reflect;
use super::rest::Routes;
use super::room::Room;
use super::{lift_json, lower_xml, soap};
use crate::limits::PluginLimits;
use crate::plugin::manifest::Presentation;

/// A component that exports the one world of a WIT text.
fn component(engine: &Engine, wit: &str) -> Component {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("test.wit", wit).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    let mut module = dummy_module(&resolve, world, ManglingAndAbi::Standard32);
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false).unwrap();
    let bytes = ComponentEncoder::default().module(&module).unwrap().encode().unwrap();
    Component::new(engine, bytes).unwrap()
}

fn reflected(wit: &str, text: Option<&str>) -> anyhow::Result<Service> {
    let mut config = Config::new();
    config.concurrency_support(false);
    let engine = Engine::new(&config).unwrap();
    let component = component(&engine, wit);
    let documentation = match text {
        Some(text) => Documentation::parse("service.wit", text)?,
        None => Documentation::default(),
    };
    let reflected = reflect(&component, &engine, "test", &documentation)?;
    documentation.check("service.wit", &reflected.service)?;
    assert_eq!(reflected.exports.len(), reflected.service.functions.len());
    Ok(reflected.service)
}

fn refusal(wit: &str) -> String {
    format!("{:#}", reflected(wit, None).unwrap_err())
}

/// A world with one interface of this content.
fn one(content: &str) -> String {
    format!("package a:b@1.2.3; interface i {{ {content} }} world w {{ export i; }}")
}

fn names(service: &Service) -> Vec<(&str, &str)> {
    service.functions.iter().map(|function| (&*function.name, &*function.path)).collect()
}

#[test]
fn names_are_mapped_once_and_types_are_named() {
    let service = reflected(
        &one("record line-item { unit-price: s64, note: option<string> } enum dark-mode { on-now, off } \
              get-items: func(max-count: u32, mode: dark-mode) -> list<line-item>;"),
        None,
    )
    .unwrap();
    assert_eq!(names(&service), [("getItems", "get-items")]);
    assert_eq!(service.functions[0].parameters[0].name, "maxCount");
    let types: Vec<_> = service.types.iter().map(|of| of.name.clone().unwrap()).collect();
    assert_eq!(types, ["DarkMode", "LineItem"]);
    let Shape::Record(fields) = &service.types[1].shape else { panic!("{:?}", service.types[1]) };
    assert_eq!((fields[0].name.as_str(), fields[0].is_optional()), ("unitPrice", false));
    assert!(fields[1].is_optional());
}

#[test]
fn several_interfaces_stand_before_their_functions_and_versions_behind_them() {
    let service = reflected(
        "package a:b; interface one { f: func(); } interface two { f: func(); } world w { export one; export two; }",
        None,
    )
    .unwrap();
    assert_eq!(names(&service), [("one.f", "one/f"), ("two.f", "two/f")]);
    let service = reflected(
        "package a:b; package x:y@1.0.0 { interface i { f: func(); } } package x:y@0.3.0 { interface i { f: func(); } } \
         world w { export x:y/i@1.0.0; export x:y/i@0.3.0; }",
        None,
    )
    .unwrap();
    let mut found = names(&service);
    found.sort_unstable();
    assert_eq!(found, [("i.v0_3.f", "i/v0_3/f"), ("i.v1.f", "i/v1/f")]);
    let clash = refusal(
        "package a:b; package x:y { interface i { f: func(); } } package x:z { interface i { f: func(); } } \
         world w { export x:y/i; export x:z/i; }",
    );
    assert!(clash.contains("two exported interfaces are called `i`"), "{clash}");
}

#[test]
fn a_route_of_the_manifest_is_for_the_function_whose_path_is_its_key() {
    let service = reflected(
        "package a:b; interface i { f: func(); g: func(); } interface j { f: func(); g: func(); } \
         world w { export f: func(); export i; export j; }",
        None,
    )
    .unwrap();
    let templates = |routes: &[(&str, &str)]| {
        let routes =
            routes.iter().map(|(key, template)| ((*key).to_owned(), (*template).to_owned())).collect();
        let presentation = Presentation { routes, ..Presentation::default() };
        let routes = Routes::new(&service, &presentation, &BTreeSet::new());
        routes.map(|routes| -> Vec<String> {
            let all = routes.all().iter();
            all.map(|route| {
                format!("{} {}", route.method, route.template(&service.functions[route.function]))
            })
            .collect()
        })
    };
    assert_eq!(
        templates(&[("f", "GET /a"), ("i/f", "GET /b")]).unwrap(),
        ["GET /b", "POST /i/g", "POST /j/f", "POST /j/g", "GET /a"]
    );
    // A name alone is that of both.
    let clash = format!("{:#}", templates(&[("g", "GET /a")]).unwrap_err());
    assert!(clash.contains("would both be served at `GET /a`"), "{clash}");
    assert_eq!(templates(&[("g", "GET /a"), ("j/g", "GET /b")]).unwrap()[1], "GET /a");
}

#[test]
fn a_function_without_a_form_is_left_out_and_the_others_are_served() {
    let service = reflected(
        &one(
            "resource r { constructor(); m: func() -> u32; } give: func() -> r; take: func(it: borrow<r>); \
              within: func(them: list<tuple<u8, own<r>>>); plain: func() -> u32;",
        ),
        None,
    )
    .unwrap();
    assert_eq!(names(&service), [("plain", "plain")]);
    assert_eq!(service.omitted.len(), 5);
    assert!(
        service.omitted.iter().all(|omitted| omitted.reason.contains("resource")),
        "{:?}",
        service.omitted
    );
    let nothing = refusal(&one("resource r { constructor(); }"));
    assert!(nothing.contains("there is nothing to serve"), "{nothing}");
}

#[test]
fn what_exceeds_a_limit_or_clashes_is_refused_with_the_reason() {
    let nested = |depth: usize| {
        let types: String = (1..depth).map(|n| format!("type t{n} = list<t{}>;", n - 1)).collect();
        one(&format!("type t0 = u32; {types} f: func(x: t{});", depth - 1))
    };
    assert!(reflected(&nested(32), None).is_ok());
    let deep = refusal(&nested(33));
    assert!(deep.contains("nests more than 32 deep") && deep.contains("function `f`"), "{deep}");
    let pairs: String = (1..14).map(|n| format!("type t{n} = tuple<t{0}, t{0}>;", n - 1)).collect();
    let wide = refusal(&one(&format!("type t0 = list<u32>; {pairs} f: func(x: t13);")));
    assert!(wide.contains("more than 10000 types when it is written out"), "{wide}");
    let fields: String = (0..501).map(|n| format!("m{n}: u8,")).collect();
    let many = refusal(&one(&format!("record r {{ {fields} }} f: func(x: list<r>);")));
    assert!(many.contains("more than 500 fields of a record"), "{many}");
    let long = "a".repeat(129);
    let name = refusal(&one(&format!("{long}: func();")));
    assert!(name.contains("129 bytes; at most 128"), "{name}");
    let functions: String = (0..1_001).map(|n| format!("m{n}: func();")).collect();
    let crowd = refusal(&one(&functions));
    assert!(crowd.contains("more than 1000 functions"), "{crowd}");
}

#[test]
fn doc_comments_come_from_a_text_that_describes_the_component() {
    let described = "package a:b@1.2.3;\n/// An interface.\ninterface i {\n/// A point.\nrecord point {\n/// Right.\nx: s32 }\n\
                     /// Moves.\nmove-to: func(to: point) -> result<point, string>; }\nworld w { export i; }";
    let service = reflected(described, Some(described)).unwrap();
    assert_eq!(service.interfaces[0].docs, "An interface.");
    assert_eq!(service.functions[0].docs, "Moves.");
    let Shape::Record(fields) = &service.types[0].shape else { panic!("{:?}", service.types) };
    assert_eq!((service.types[0].docs.as_str(), fields[0].docs.as_str()), ("A point.", "Right."));
    for (other, difference) in [
        (described.replace("x: s32", "x: s64"), "the field `x`: is of another type"),
        (described.replace("x: s32", "y: s32"), "[\"x\"] in the component and [\"y\"]"),
        (described.replace("to: point)", "at: point)"), "`to` in the component and `at` in the text"),
        (described.replace("result<point, string>", "point"), "it returns something else"),
        (described.replace("move-to", "go-to"), "is exported by the component and not in the text"),
        (described.replace("1.2.3", "1.2.4"), "is it of another version?"),
        (described.replace("s32 }", "s32"), "is not WIT that can be read"),
        ("package a:b;".to_owned() + &"/*".repeat(65), "nest more than 64 deep"),
        (
            format!("package a:b; interface i {{ type t = {}u8{}; }}", "list<".repeat(65), ">".repeat(65)),
            "deep",
        ),
        (" ".repeat(256 * 1024 + 1), "at most 262144 are read"),
    ] {
        let error = format!("{:#}", reflected(described, Some(&other)).unwrap_err());
        assert!(error.contains(difference), "{error} lacks {difference}");
    }
}

#[test]
fn packages_that_a_text_only_names_need_not_be_in_it() {
    let whole = "package a:b; interface i { /// Moves.\n move-to: func(x: s32); }";
    let names = "world w { import wasi:keyvalue/store@0.2.0-draft; include c:d/%world; export i; }";
    let service =
        reflected(&format!("{whole} world w {{ export i; }}"), Some(&format!("{whole} {names}"))).unwrap();
    assert_eq!(service.functions[0].docs, "Moves.");
    let uses =
        "package a:b; interface i { use c:d/types.{place}; move-to: func(x: place); } world w { export i; }";
    let types = "package c:d { interface types { type place = s32; } }";
    let component = format!("{uses} {types}");
    assert!(reflected(&component, Some(&component)).is_ok());
    let error = format!("{:#}", reflected(&component, Some(uses)).unwrap_err());
    assert!(error.contains("is not WIT that can be read") && error.contains("'c:d' not found"), "{error}");
}

#[test]
fn what_componentize_py_leaves_in_a_component_is_not_served() {
    let leaves = "export exports: interface { init: func(app-name: string); }";
    let of = |own: &str| {
        format!("package a:b; interface i {{ move-to: func(x: s32); }} world w {{ {own} {leaves} }}")
    };
    let service = reflected(&of("export i;"), None).unwrap();
    assert_eq!(names(&service), [("moveTo", "move-to")]);
    assert!(refusal(&of("")).contains("it exports no function of its own"));
}

#[test]
fn a_long_chain_of_types_in_a_text_does_no_harm() {
    let mut chain = String::from("package a:b; interface i { type t0 = u8;");
    let mut number = 0;
    while chain.len() < 256 * 1024 - 64 {
        number += 1;
        chain.push_str(&format!("type t{number} = list<t{}>;", number - 1));
    }
    chain.push('}');
    // Read or refused, it comes back.
    let _: anyhow::Result<Documentation> = Documentation::parse("long.wit", &chain);
}

const LIMITS: &PluginLimits = &PluginLimits::DEFAULT;

fn room() -> Room {
    Room::new(LIMITS.typed_value_bytes_max)
}

/// `list-of-ids` as the function `echo-list-of-ids`.
fn echo<'s>(service: &'s Service, case: &serde_json::Value) -> &'s Function {
    let name = format!("echo-{}", case["type"].as_str().unwrap());
    service.functions.iter().find(|function| function.wit == name).unwrap()
}

#[test]
fn every_case_of_the_table_holds_in_xml_both_ways() {
    let service = reflected(include_str!("../../../tests/plugins/spec-typed/wit/values.wit"), None).unwrap();
    let table: serde_json::Value =
        serde_json::from_str(include_str!("../../../tests/typed/cases.json")).unwrap();
    let namespace = soap::namespace(&service);
    let (mut count, mut wrong) = (0, Vec::new());
    for case in table["cases"].as_array().unwrap() {
        let Some(xml) = case["xml"].as_str() else { continue };
        count += 1;
        let function = echo(&service, case);
        let call = |content: &str| {
            format!(
                "<{0} xmlns=\"{namespace}\" xmlns:xsi=\"{1}\">{content}</{0}>",
                function.name,
                lower_xml::INSTANCE
            )
        };
        let read = |body: &str| soap::arguments(function, &namespace, body, LIMITS, &mut room());
        let seen = read(&call(&format!("<value>{xml}</value>")));
        let (Some(error), value) = (case.get("error"), &seen) else {
            // Taken as the JSON form is taken, and what is written is read as the same.
            let back = case["back"].as_str().or(case["json"].as_str()).unwrap();
            let (of, value) = match &seen {
                Ok(values) => (&function.parameters[0].of, &values[0]),
                Err(refusal) => {
                    wrong.push(format!("{case}: {refusal:?}"));
                    continue;
                }
            };
            let mut text = String::new();
            lift_json::value(of, value, Dialect::Json, u64::MAX, &mut text).unwrap();
            let written = soap::response(function, &namespace, Some(value), u64::MAX).unwrap();
            let again = written.replace("<result", "<value").replace("</result", "</value");
            let mut round = String::new();
            match read(&again) {
                Ok(values) => lift_json::value(of, &values[0], Dialect::Json, u64::MAX, &mut round).unwrap(),
                Err(refusal) => round = format!("{refusal:?} of {written}"),
            }
            if text != back || round != back {
                wrong.push(format!("{case}: read {text}, read again {round}"));
            }
            continue;
        };
        let pointer = error["pointer"].as_str().unwrap();
        match value {
            Err(lower_xml::Refusal::Invalid(invalid)) if invalid.pointer() == pointer => {}
            other => wrong.push(format!("{case}: {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 120, "{count} cases have a form in XML");
}

#[test]
fn a_case_without_payload_is_true_or_empty_in_xml() {
    let service = reflected(include_str!("../../../tests/plugins/spec-typed/wit/values.wit"), None).unwrap();
    let function = service.functions.iter().find(|function| function.wit == "echo-variant").unwrap();
    let namespace = soap::namespace(&service);
    let read = |content: &str| {
        let call = format!("<echoVariant xmlns=\"{namespace}\"><value>{content}</value></echoVariant>");
        soap::arguments(function, &namespace, &call, LIMITS, &mut room())
    };
    for content in ["<blank>true</blank>", "<blank>\n1 </blank>", "<blank></blank>", "<blank> </blank>"] {
        let values = read(content).unwrap();
        let answer = soap::response(function, &namespace, Some(&values[0]), u64::MAX).unwrap();
        assert!(answer.contains("<result><blank>true</blank></result>"), "{answer}");
    }
    for (content, found) in [
        ("<blank>false</blank>", "`false`"),
        ("<blank>0</blank>", "`0`"),
        ("<blank>TRUE</blank>", "`TRUE`"),
        ("<blank>true true</blank>", "`true true`"),
        ("<blank><blank/></blank>", "the element `blank`"),
    ] {
        match read(content) {
            Err(lower_xml::Refusal::Invalid(invalid)) => assert_eq!(
                (invalid.pointer().as_str(), invalid.expected.as_str(), invalid.found.as_str()),
                ("/value/blank", "`true`, or an empty element", found),
                "{content}"
            ),
            other => panic!("{content}: {other:?}"),
        }
    }
}

#[test]
fn every_value_of_the_table_is_read_again_as_it_was_written() {
    let service = reflected(include_str!("../../../tests/plugins/spec-typed/wit/values.wit"), None).unwrap();
    let table: serde_json::Value =
        serde_json::from_str(include_str!("../../../tests/typed/cases.json")).unwrap();
    for case in table["cases"].as_array().unwrap().iter().filter(|case| case.get("error").is_none()) {
        let Some(json) = case["json"].as_str() else { continue };
        let of = &echo(&service, case).parameters[0].of;
        let first = lower_json::value(of, json, 64, Dialect::Json, &mut room()).unwrap();
        for dialect in [Dialect::Json, Dialect::XmlRpc] {
            let (mut text, mut again) = (String::new(), String::new());
            lift_json::value(of, &first, dialect, u64::MAX, &mut text).unwrap();
            let second = lower_json::value(of, &text, 64, dialect, &mut room()).unwrap();
            lift_json::value(of, &second, Dialect::Json, u64::MAX, &mut again).unwrap();
            assert_eq!(again, case["back"].as_str().unwrap_or(json), "{case} as {text}");
        }
    }
}
