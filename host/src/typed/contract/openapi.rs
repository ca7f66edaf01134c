//! The contract of REST: OpenAPI 3.1.
//!
//! Owns which parameter stands where, read off the routes, and which statuses an operation has, each with the schema of its body. The
//! address is relative to the document, so that it is good under every name of the host.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::json_schema::{self, Draft, Place};
use super::{Served, describe, example, info, security_schemes, tag, tags, text};
use crate::typed::lower_text::{self, Form};
use crate::typed::model::{Case, Field, Function, Shape, Type};
use crate::typed::rest::{Route, Routes, Segment};

const PLACE: Place = Place { named_at: "#/components/schemas/", draft: Draft::TwentyTwenty };

/// Schemas of the host's own. A name of a type has no dot, so they never meet one.
const PROBLEM: &str = "guesthouse.Problem";
const INVALID: &str = "guesthouse.InvalidArguments";

/// What can happen to every call before or beside its function: the status, the name of the response, what it means.
const COMMON: [(u16, &str, &str); 9] = [
    (400, "guesthouse.BadRequest", "The request cannot be read."),
    (401, "guesthouse.Unauthenticated", "Credentials are missing or not valid."),
    (403, "guesthouse.Forbidden", "The credentials do not allow this."),
    (413, "guesthouse.TooLarge", "The body is larger than this service takes."),
    (415, "guesthouse.UnsupportedMediaType", "The body is not `application/json`."),
    (422, "guesthouse.Invalid", "An argument does not fit its type."),
    (500, "guesthouse.Failed", "The service failed on this request."),
    (503, "guesthouse.Overloaded", "The service is at capacity. Try again shortly."),
    (504, "guesthouse.OutOfTime", "The service did not answer within its time."),
];

/// Writes the document.
pub(super) fn document(served: &Served<'_>, routes: &Routes) -> Value {
    let Served { service, mount, policy, .. } = *served;
    let is_guarded = !security_schemes(policy).is_empty();
    let mut schemas = json_schema::definitions(&service.types, PLACE);
    schemas.insert(PROBLEM.to_owned(), problem(json!({}), &[]));
    schemas.insert(INVALID.to_owned(), invalid());
    let mut components = Map::new();
    components.insert("schemas".to_owned(), Value::Object(schemas));
    components.insert("responses".to_owned(), responses(is_guarded));
    let mut document = json!({
        "openapi": "3.1.0",
        "info": info(service),
        "servers": [{ "url": if mount.is_empty() { "/" } else { mount } }],
        "tags": tags(service),
        "paths": paths(served, routes, is_guarded),
    });
    if is_guarded {
        let schemes: Map<String, Value> =
            security_schemes(policy).into_iter().map(|(name, scheme)| (name.to_owned(), scheme)).collect();
        let required: Vec<Value> = schemes.keys().map(|name| json!({ name: policy.scopes })).collect();
        components.insert("securitySchemes".to_owned(), Value::Object(schemes));
        if let Some(members) = document.as_object_mut() {
            members.insert("security".to_owned(), Value::Array(required));
        }
    }
    if let Some(members) = document.as_object_mut() {
        members.insert("components".to_owned(), Value::Object(components));
    }
    document
}

fn paths(served: &Served<'_>, routes: &Routes, is_guarded: bool) -> Value {
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    // Templates that differ only in the names of parameters are one path for OpenAPI, so the first one names them for all.
    let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for route in routes.all() {
        let Some(function) = served.service.functions.get(route.function) else { continue };
        let own = route.path().filter_map(|place| Some(function.parameters.get(place)?.name.clone()));
        let named = names.entry(shape(route)).or_insert_with(|| own.collect()).clone();
        let operation = operation(served, routes, route, function, &named, is_guarded);
        let path = paths.entry(template(route, &named)).or_default();
        path.insert(route.method.as_str().to_ascii_lowercase(), operation);
    }
    json!(paths)
}

fn shape(route: &Route) -> String {
    template(route, &[])
}

fn template(route: &Route, names: &[String]) -> String {
    let mut names = names.iter();
    let mut out = String::new();
    for segment in &route.segments {
        out.push('/');
        match segment {
            Segment::Literal(text) => out.push_str(text),
            Segment::Parameter(_) => {
                out.push('{');
                out.push_str(names.next().map_or("", String::as_str));
                out.push('}');
            }
        }
    }
    out
}

fn operation(
    served: &Served<'_>,
    routes: &Routes,
    route: &Route,
    function: &Function,
    path_names: &[String],
    is_guarded: bool,
) -> Value {
    let mut operation = Map::new();
    operation.insert("operationId".to_owned(), json!(function.name));
    describe(&function.docs, &mut operation);
    if let Some(tag) = tag(served.service, function) {
        operation.insert("tags".to_owned(), json!([tag]));
    }
    let at = |place: &usize| function.parameters.get(*place);
    let in_path = route.path().filter_map(|place| at(&place)).zip(path_names);
    let mut parameters: Vec<Value> = in_path.map(|(field, name)| in_path_parameter(field, name)).collect();
    parameters.extend(route.query.iter().filter_map(at).map(query));
    if !parameters.is_empty() {
        operation.insert("parameters".to_owned(), Value::Array(parameters));
    }
    if !route.body.is_empty() {
        let fields = route.body.iter().filter_map(at);
        operation.insert(
            "requestBody".to_owned(),
            json!({
                "required": fields.clone().any(|field| !field.is_optional()),
                "content": { "application/json": {
                    "schema": json_schema::object(fields.clone(), PLACE),
                    "example": example::members(fields),
                } },
            }),
        );
    }
    operation.insert("responses".to_owned(), operation_responses(routes, route, function, is_guarded));
    Value::Object(operation)
}

fn in_path_parameter(field: &Field, name: &str) -> Value {
    let mut parameter = json!({
        "name": name, "in": "path", "required": true, "schema": json_schema::in_url(&field.of, true, PLACE),
        "example": example::value(&field.of),
    });
    add_docs(&mut parameter, field);
    parameter
}

fn query(field: &Field) -> Value {
    let mut parameter = json!({ "name": field.name, "in": "query" });
    let members = match lower_text::form(&field.of) {
        Form::Text => json!({
            "required": !field.is_optional(),
            "schema": json_schema::in_url(&field.of, false, PLACE), "example": example::value(&field.of),
        }),
        // No parameter at all is the empty list.
        Form::Repeated => json!({
            "required": false, "style": "form", "explode": true,
            "schema": json_schema::in_url(&field.of, false, PLACE), "example": example::value(&field.of),
        }),
        Form::Json => json!({
            "required": !field.is_optional(),
            "content": { "application/json": {
                "schema": json_schema::schema(&field.of, PLACE), "example": example::value(&field.of),
            } },
        }),
    };
    if let (Some(parameter), Value::Object(members)) = (parameter.as_object_mut(), members) {
        parameter.extend(members);
    }
    add_docs(&mut parameter, field);
    parameter
}

fn add_docs(parameter: &mut Value, field: &Field) {
    if let (false, Some(members)) = (field.docs.is_empty(), parameter.as_object_mut()) {
        members.insert("description".to_owned(), json!(text::markdown(&field.docs)));
    }
}

fn operation_responses(routes: &Routes, route: &Route, function: &Function, is_guarded: bool) -> Value {
    let mut responses: BTreeMap<String, Value> = BTreeMap::new();
    let has_body = !route.body.is_empty();
    for (status, name, _) in COMMON {
        let is_possible = match status {
            401 | 403 => is_guarded,
            413 | 415 => has_body,
            _ => true,
        };
        if is_possible {
            let reference = json!({ "$ref": format!("#/components/responses/{name}") });
            responses.insert(status.to_string(), reference);
        }
    }
    for (status, (description, own)) in errors(routes, function) {
        let common = COMMON
            .iter()
            .find(|(other, _, _)| *other == status && responses.contains_key(&status.to_string()));
        let (description, schema) = match common {
            Some((_, _, also)) => {
                let host = if status == 422 { INVALID } else { PROBLEM };
                let host = json!({ "$ref": format!("#/components/schemas/{host}") });
                (format!("{description} Or: {also}"), json!({ "anyOf": [own, host] }))
            }
            None => (description, own),
        };
        responses.insert(
            status.to_string(),
            json!({
                "description": description, "content": { "application/problem+json": { "schema": schema } },
            }),
        );
    }
    match &function.returns.ok {
        Some(of) => responses.insert(
            "200".to_owned(),
            json!({
                "description": "The result.",
                "content": { "application/json": {
                    "schema": json_schema::schema(of, PLACE), "example": example::value(of),
                } },
            }),
        ),
        None => responses.insert("204".to_owned(), json!({ "description": "It is done." })),
    };
    responses.insert("default".to_owned(), json!({
        "description": "Another problem, of the host or on the way.",
        "content": { "application/problem+json": { "schema": { "$ref": format!("#/components/schemas/{PROBLEM}") } } },
    }));
    json!(responses)
}

/// The function's own errors by status: what they mean, and the schema of the problem.
fn errors(routes: &Routes, function: &Function) -> BTreeMap<u16, (String, Value)> {
    let mut errors = BTreeMap::new();
    let Some(of) = function.returns.error.as_deref() else {
        if function.returns.fallible {
            let status = routes.status(None).as_u16();
            errors.insert(status, ("The call was refused.".to_owned(), problem(json!({}), &[])));
        }
        return errors;
    };
    if of.cases().is_empty() {
        let schema = problem(json!({ "error": json_schema::schema(of, PLACE) }), &["error"]);
        errors.insert(routes.status(None).as_u16(), (said(&of.docs, "The call was refused."), schema));
        return errors;
    }
    let mut by_status: BTreeMap<u16, Vec<&Case>> = BTreeMap::new();
    for case in of.cases() {
        by_status.entry(routes.status(Some(&case.wit)).as_u16()).or_default().push(case);
    }
    for (status, cases) in by_status {
        let schema = problem(json!({ "error": some_cases(of, &cases) }), &["error"]);
        let described: Vec<String> = cases
            .iter()
            .map(|case| match case.docs.is_empty() {
                true => format!("`{}`.", case.name),
                false => format!("`{}`: {}", case.name, text::markdown(&case.docs)),
            })
            .collect();
        errors.insert(status, (described.join(" "), schema));
    }
    errors
}

/// The schema of an error that is one of some of its cases.
fn some_cases(of: &Type, cases: &[&Case]) -> Value {
    if cases.len() == of.cases().len() {
        return json_schema::schema(of, PLACE);
    }
    match of.shape {
        Shape::Enum(_) => json_schema::enumeration(cases.iter().copied(), PLACE),
        _ => json_schema::variant(cases.iter().copied(), PLACE),
    }
}

fn said(docs: &str, otherwise: &str) -> String {
    if docs.is_empty() { otherwise.to_owned() } else { text::markdown(docs) }
}

/// Problem details (RFC 9457) with further members. They are closed, because every one of them is known.
fn problem(further: Value, required: &[&str]) -> Value {
    let mut properties = json!({
        "type": { "type": "string", "format": "uri-reference" },
        "title": { "type": "string" },
        "status": { "type": "integer", "minimum": 400, "maximum": 599 },
        "detail": { "type": "string" },
        "available": {
            "type": "array", "items": { "type": "string" },
            "description": "The media types that can be had, where none of them was accepted.",
        },
    });
    if let (Some(properties), Value::Object(further)) = (properties.as_object_mut(), further) {
        properties.extend(further);
    }
    let required: Vec<&str> = ["type", "title", "status", "detail"].iter().chain(required).copied().collect();
    json!({
        "type": "object", "properties": properties, "required": required, "additionalProperties": false,
    })
}

fn invalid() -> Value {
    let text = || json!({ "type": "string" });
    problem(
        json!({ "errors": {
            "type": "array", "minItems": 1, "items": {
                "type": "object",
                "properties": {
                    "pointer": {
                        "type": "string", "format": "json-pointer",
                        "description": "Where, as a JSON pointer whose first step is the name of the argument.",
                    },
                    "expected": text(), "found": text(), "detail": text(),
                },
                "required": ["pointer", "expected", "found", "detail"], "additionalProperties": false,
            },
        } }),
        &["errors"],
    )
}

fn responses(is_guarded: bool) -> Value {
    let mut responses = Map::new();
    for (status, name, description) in COMMON {
        if !is_guarded && matches!(status, 401 | 403) {
            continue;
        }
        let schema = if status == 422 { INVALID } else { PROBLEM };
        let mut response = json!({
            "description": description,
            "content": { "application/problem+json": { "schema": { "$ref": format!("#/components/schemas/{schema}") } } },
        });
        let header = match status {
            401 => Some(("WWW-Authenticate", json!({ "type": "string" }), "A challenge for each scheme.")),
            503 => Some(("Retry-After", json!({ "type": "integer" }), "Seconds.")),
            _ => None,
        };
        if let (Some((field, schema, docs)), Some(members)) = (header, response.as_object_mut()) {
            let field = json!({ field: { "description": docs, "schema": schema } });
            members.insert("headers".to_owned(), field);
        }
        responses.insert(name.to_owned(), response);
    }
    Value::Object(responses)
}
