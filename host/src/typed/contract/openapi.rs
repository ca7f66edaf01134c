//! The contract of REST: an OpenAPI 3.1 document.
//!
//! Owns the form of the document, read off the routes and the model: which parameter stands where, what a body and an answer are,
//! and every status a client can meet. Written once, at load, but for the address.

use std::collections::{BTreeMap, BTreeSet};

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::json_schema::{self, described};
use crate::typed::lower_text::{self, Form};
use crate::typed::model::{Case, Field, Function, Service};
use crate::typed::rest::{Route, Routes};

/// Where the document keeps its named types.
const SCHEMAS: &str = "#/components/schemas/";
/// The host's own schemas. No type of a service has such a name: theirs have no underscore.
const PROBLEM: &str = "Host_Problem";
const MISFIT: &str = "Host_Misfit";

/// The document, for a client that reached the service at this address.
#[must_use]
pub fn document(service: &Service, routes: &Routes, address: &str) -> Value {
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for route in routes.all() {
        let Some(function) = service.functions.get(route.function) else { continue };
        let item = paths.entry(route.template(function)).or_default();
        item.insert(route.method.as_str().to_ascii_lowercase(), operation(service, function, route, routes));
    }
    let mut schemas: Map<String, Value> = service
        .types
        .iter()
        .filter_map(|of| Some((of.name.clone()?, json_schema::definition(of, Some(SCHEMAS)))))
        .collect();
    schemas.insert(PROBLEM.to_owned(), problem());
    schemas.insert(MISFIT.to_owned(), misfit());
    let docs: Vec<&str> =
        service.interfaces.iter().map(|interface| &*interface.docs).filter(|docs| !docs.is_empty()).collect();
    json!({
        "openapi": "3.1.0",
        "info": described(json!({ "title": service.name, "version": version(service) }), &docs.join("\n\n")),
        "servers": [{ "url": address }],
        "paths": paths,
        "components": { "schemas": schemas },
    })
}

/// The version of the one interface, or of nothing in particular.
#[must_use]
pub fn version(service: &Service) -> &str {
    let mut versions: BTreeSet<&str> =
        service.interfaces.iter().filter_map(|interface| Some(interface.id.split_once('@')?.1)).collect();
    match (versions.pop_first(), versions.is_empty()) {
        (Some(version), true) => version,
        _ => "1.0.0",
    }
}

fn operation(service: &Service, function: &Function, route: &Route, routes: &Routes) -> Value {
    let at = |place: &usize| function.parameters.get(*place);
    let path: Vec<usize> = route.path().collect();
    let mut parameters: Vec<Value> =
        path.iter().filter_map(at).map(|field| parameter(field, "path", Form::Text)).collect();
    parameters.extend(
        route.query.iter().filter_map(at).map(|field| parameter(field, "query", lower_text::form(&field.of))),
    );
    let mut operation = json!({
        "operationId": function.name,
        "parameters": parameters,
        "responses": responses(function, routes),
    });
    let Some(members) = operation.as_object_mut() else { return operation };
    if let Some(interface) = function.interface.and_then(|place| service.interfaces.get(place)) {
        members.insert("tags".to_owned(), json!([interface.id]));
    }
    if !function.docs.is_empty() {
        let summary = function.docs.lines().next().unwrap_or_default();
        members.insert("summary".to_owned(), json!(summary));
        members.insert("description".to_owned(), json!(function.docs));
    }
    if !route.body.is_empty() {
        let fields: Vec<Field> = route.body.iter().filter_map(at).cloned().collect();
        let required = fields.iter().any(|field| !field.is_optional());
        let schema = json_schema::object(&fields, Some(SCHEMAS));
        let body = json!({ "required": required, "content": { "application/json": { "schema": schema } } });
        members.insert("requestBody".to_owned(), body);
    }
    operation
}

fn parameter(field: &Field, place: &str, form: Form) -> Value {
    // A list may be empty, which is said by leaving it out.
    let required = place == "path" || (form != Form::Repeated && !field.is_optional());
    let mut parameter = json!({ "name": field.name, "in": place, "required": required });
    let Some(members) = parameter.as_object_mut() else { return parameter };
    let schema = json_schema::text_schema(&field.of, Some(SCHEMAS));
    match form {
        Form::Json => {
            let schema = json_schema::schema(&field.of, Some(SCHEMAS));
            members.insert("content".to_owned(), json!({ "application/json": { "schema": schema } }));
        }
        Form::Repeated => {
            members.insert("schema".to_owned(), schema);
            members.insert("style".to_owned(), json!("form"));
            members.insert("explode".to_owned(), json!(true));
        }
        Form::Text => {
            members.insert("schema".to_owned(), schema);
        }
    }
    described(parameter, &field.docs)
}

fn responses(function: &Function, routes: &Routes) -> Value {
    let mut responses = Map::new();
    match &function.returns.ok {
        Some(of) => responses.insert(
            "200".to_owned(),
            json!({
                "description": "It went well.",
                "content": { "application/json": { "schema": json_schema::schema(of, Some(SCHEMAS)) } },
            }),
        ),
        None => responses.insert("204".to_owned(), json!({ "description": "It went well." })),
    };
    let mut statuses: BTreeMap<StatusCode, Vec<&Case>> = BTreeMap::new();
    if function.returns.fallible {
        let cases = function.returns.error.as_deref().map_or(&[][..], |error| error.cases());
        for case in cases {
            statuses.entry(routes.status(Some(&case.wit))).or_default().push(case);
        }
        if cases.is_empty() {
            statuses.entry(routes.status(None)).or_default();
        }
    }
    for (status, cases) in statuses {
        let names: Vec<String> = cases
            .iter()
            .map(|case| match case.docs.as_str() {
                "" => format!("`{}`", case.name),
                docs => format!("`{}`: {docs}", case.name),
            })
            .collect();
        let error = function.returns.error.as_deref().map(|error| json_schema::schema(error, Some(SCHEMAS)));
        let mut own = json!({ "$ref": format!("{SCHEMAS}{PROBLEM}") });
        if let Some(error) = error {
            own = json!({ "allOf": [own, { "type": "object", "properties": { "error": error } }] });
        }
        // The same status is the host's own when a value does not fit.
        let schema = if status == StatusCode::UNPROCESSABLE_ENTITY {
            json!({ "anyOf": [own, { "$ref": format!("{SCHEMAS}{MISFIT}") }] })
        } else {
            own
        };
        let description = if names.is_empty() { "It was refused.".to_owned() } else { names.join("\n\n") };
        responses.insert(status.as_str().to_owned(), problem_response(&description, schema));
    }
    if !responses.contains_key("422") && !function.parameters.is_empty() {
        let schema = json!({ "$ref": format!("{SCHEMAS}{MISFIT}") });
        responses.insert("422".to_owned(), problem_response("A value does not fit.", schema));
    }
    let schema = json!({ "$ref": format!("{SCHEMAS}{PROBLEM}") });
    responses.insert("default".to_owned(), problem_response("The host could not have it answered.", schema));
    Value::Object(responses)
}

fn problem_response(description: &str, schema: Value) -> Value {
    json!({ "description": description, "content": { "application/problem+json": { "schema": schema } } })
}

/// RFC 9457.
fn problem() -> Value {
    json!({
        "type": "object",
        "properties": {
            "type": { "type": "string", "format": "uri-reference" },
            "title": { "type": "string" },
            "status": { "type": "integer", "minimum": 400, "maximum": 599 },
            "detail": { "type": "string" },
        },
        "required": ["type", "title", "status"],
    })
}

fn misfit() -> Value {
    json!({
        "allOf": [
            { "$ref": format!("{SCHEMAS}{PROBLEM}") },
            {
                "type": "object",
                "properties": {
                    "errors": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {
                                "pointer": { "type": "string", "format": "json-pointer" },
                                "expected": { "type": "string" },
                                "found": { "type": "string" },
                                "detail": { "type": "string" },
                            },
                            "required": ["pointer", "expected", "found"],
                        },
                    },
                },
                "required": ["errors"],
            },
        ],
    })
}
