//! Contracts of the services of the tests and of `plugins/orders`, from their WIT texts.

use std::collections::BTreeMap;

use serde_json::Value;
use wasmtime::component::Component;
use wasmtime::{Config, Engine};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{LiftLowerAbi, ManglingAndAbi, Resolve};

use super::*;
use crate::plugin::manifest::Presentation;
use crate::typed::documentation::Documentation;
use crate::typed::model::{Shape, Type};
use crate::typed::reflect::reflect;

const VALUES: &str = include_str!("../../../../tests/plugins/spec-typed/wit/values.wit");

const TWO: &str = "
    package acme:shop@1.2.0;
    /// The first.
    interface first {
      record point { x: s32, %type: option<string> }
      /// Has `<script>` in it: <script>alert(1)</script>.
      move-it: func(to: point) -> result<point, string>;
    }
    interface second {
      record point { longitude: f64, latitude: f64 }
      enum way { on-foot, by-car }
      find: func(at: option<point>, how: way) -> list<tuple<way, option<u64>>>;
      clear: func() -> result;
    }
    world both { export first; export second; export ping: func() -> u8; }
";

/// The service of a WIT text, with or without its doc comments.
fn service(name: &str, text: &str, is_documented: bool) -> Service {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("test.wit", text).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    let mut module = wit_component::dummy_module(&resolve, world, ManglingAndAbi::Legacy(LiftLowerAbi::Sync));
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false).unwrap();
    let component = ComponentEncoder::default().module(&module).unwrap().validate(true).encode().unwrap();
    let engine = Engine::new(&Config::new()).unwrap();
    let component = Component::new(&engine, component).unwrap();
    let documentation = match is_documented {
        true => Documentation::parse("test.wit", text).unwrap(),
        false => Documentation::default(),
    };
    reflect(&component, &engine, name, &documentation).unwrap().service
}

fn policy(require: &[SchemeName]) -> AuthPolicy {
    AuthPolicy { require: require.to_vec(), scopes: vec!["orders".to_owned()] }
}

fn paths() -> BTreeMap<String, Form> {
    [("/rpc", Form::Rpc), ("/xmlrpc", Form::Xmlrpc), ("/soap", Form::Soap), ("/ws", Form::Ws)]
        .map(|(path, form)| (path.to_owned(), form))
        .into()
}

fn contracts(service: &Service, policy: &AuthPolicy, text: Option<&str>) -> Contracts {
    let routes = Routes::new(service, &Presentation::default(), &std::collections::BTreeSet::new()).unwrap();
    let paths = paths();
    Contracts::new(&Served { service, mount: "/shop", routes: Some(&routes), paths: &paths, policy, text })
        .unwrap()
}

fn all(contracts: &Contracts) -> Vec<String> {
    let documents = [
        contracts.at(OPENAPI),
        contracts.at(ASYNCAPI),
        contracts.openrpc(),
        contracts.wsdl(),
        contracts.at(WIT),
    ];
    documents.map(|document| document.unwrap().text("https://e.org/shop")).into()
}

fn json(document: Option<&Document>) -> Value {
    serde_json::from_str(&document.unwrap().text("https://e.org/shop")).unwrap()
}

#[test]
fn equal_services_have_equal_contracts() {
    let policy = policy(&[SchemeName::Bearer, SchemeName::ApiKey]);
    let make = || all(&contracts(&service("spec-typed", VALUES, true), &policy, Some(VALUES)));
    assert_eq!(make(), make());
}

#[test]
fn nothing_of_a_comment_runs_and_no_hole_is_left() {
    let contracts = contracts(&service("two", TWO, true), &AuthPolicy::everybody(), None);
    for text in all(&contracts) {
        assert!(!text.contains(['\u{fdd0}', '\u{fdd1}', '\u{fdd2}']), "{text}");
    }
    let document = json(contracts.at(OPENAPI));
    let docs = &document["paths"]["/first/move-it"]["post"]["description"];
    assert!(all(&contracts)[3].contains("&lt;script&gt;alert"));
    assert_eq!(docs, "Has `<script>` in it: \\<script>alert(1)\\</script>.");
}

#[test]
fn the_text_that_is_made_of_types_describes_these_types() {
    for (name, text) in [("spec-typed", VALUES), ("two", TWO)] {
        let service = service(name, text, false);
        let made = contracts(&service, &AuthPolicy::everybody(), None).at(WIT).unwrap().text("");
        let documentation =
            Documentation::parse("service.wit", &made).unwrap_or_else(|error| panic!("{error:#}\n{made}"));
        documentation.check("service.wit", &service).unwrap();
    }
}

#[test]
fn several_interfaces_are_told_apart() {
    let service = service("two", TWO, true);
    let contracts = contracts(&service, &AuthPolicy::everybody(), None);
    let openapi = json(contracts.at(OPENAPI));
    let schemas: Vec<&String> = openapi["components"]["schemas"].as_object().unwrap().keys().collect();
    assert_eq!(schemas, ["Point", "SecondPoint", "Way", "guesthouse.InvalidArguments", "guesthouse.Problem"]);
    assert_eq!(openapi["paths"]["/second/find"]["get"]["operationId"], "second.find");
    assert_eq!(openapi["paths"]["/second/find"]["get"]["tags"], serde_json::json!(["second@1.2.0"]));
    let openrpc = json(contracts.openrpc());
    let names: Vec<&Value> =
        openrpc["methods"].as_array().unwrap().iter().map(|method| &method["name"]).collect();
    assert_eq!(names, ["first.moveIt", "second.find", "second.clear", "ping"]);
    assert_eq!(
        openrpc["methods"][1]["paramStructure"], "by-name",
        "what may be left out does not stand last"
    );
    assert_eq!(openrpc["servers"][0]["url"], "https://e.org/shop/rpc");
}

#[test]
fn who_may_call_is_said() {
    let service = service("two", TWO, true);
    let open = contracts(&service, &AuthPolicy::everybody(), None);
    assert!(json(open.at(OPENAPI)).get("security").is_none());
    let guarded = contracts(&service, &policy(&[SchemeName::ApiKey, SchemeName::Basic]), None);
    let openapi = json(guarded.at(OPENAPI));
    assert_eq!(openapi["security"], serde_json::json!([{ "apiKey": ["orders"] }, { "basic": ["orders"] }]));
    let asyncapi = json(guarded.at(ASYNCAPI));
    assert_eq!(asyncapi["components"]["securitySchemes"]["apiKey"]["type"], "httpApiKey");
    assert_eq!(asyncapi["servers"]["guesthouse"]["protocol"], "wss");
}

#[test]
fn two_messages_of_one_name_are_refused() {
    let text = "package a:b; interface c { get: func(); get-response: func(); } world w { export c; }";
    let service = service("c", text, false);
    let error = wsdl::document(&service, "/soap").unwrap_err().to_string();
    assert!(error.contains("`getResponse`"), "{error}");
}

#[test]
fn a_type_with_a_sibling_of_its_reference_is_said_in_both_drafts() {
    let number = std::sync::Arc::new(Type {
        name: Some("Number".to_owned()),
        docs: String::new(),
        shape: Shape::Bool,
    });
    let field = crate::typed::model::Field {
        wit: "n".to_owned(),
        name: "n".to_owned(),
        docs: "A number.".to_owned(),
        of: number,
    };
    let of = |draft| {
        let place = json_schema::Place { named_at: "#/", draft };
        json_schema::object([&field].into_iter(), place)["properties"]["n"].to_string()
    };
    assert_eq!(of(json_schema::Draft::TwentyTwenty), r##"{"$ref":"#/Number","description":"A number."}"##);
    assert_eq!(
        of(json_schema::Draft::Seven),
        r##"{"allOf":[{"$ref":"#/Number"}],"description":"A number."}"##
    );
}
