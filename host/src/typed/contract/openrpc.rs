//! The contract of JSON-RPC: OpenRPC 1.3.2.
//!
//! Owns methods with parameters by name and by position, and the errors of functions with the codes that calls have.

use serde_json::{Map, Value, json};

use super::document::ADDRESS;
use super::json_schema::{self, Draft, Place};
use super::{Served, describe, example, info, tag, text};
use crate::typed::model::{Field, Function, Service};
use crate::typed::names::words;

/// The meta-schema of OpenRPC is of draft-07.
const PLACE: Place = Place { named_at: "#/components/schemas/", draft: Draft::Seven };

/// Writes the document.
pub(super) fn document(served: &Served<'_>, path: &str) -> Value {
    let service = served.service;
    let methods: Vec<Value> = service.functions.iter().map(|function| method(service, function)).collect();
    json!({
        "openrpc": "1.3.2",
        "info": info(service),
        "servers": [{ "name": text::plain(&service.name), "url": format!("{ADDRESS}{path}") }],
        "methods": methods,
        "components": { "schemas": json_schema::definitions(&service.types, PLACE) },
    })
}

fn method(service: &Service, function: &Function) -> Value {
    let mut method = Map::new();
    method.insert("name".to_owned(), json!(function.name));
    describe(&function.docs, &mut method);
    if let Some(tag) = tag(service, function) {
        method.insert("tags".to_owned(), json!([{ "name": tag }]));
    }
    let mut parameters: Vec<&Field> = function.parameters.iter().collect();
    // Parameters that may be left out stand last in OpenRPC. Where they do not, their places cannot be said, only their names.
    let is_ordered = parameters.is_sorted_by_key(|parameter| parameter.is_optional());
    parameters.sort_by_key(|parameter| parameter.is_optional());
    method.insert("paramStructure".to_owned(), json!(if is_ordered { "either" } else { "by-name" }));
    if !is_ordered {
        let order: Vec<&str> = function.parameters.iter().map(|field| field.name.as_str()).collect();
        method.insert("x-order".to_owned(), json!(order));
    }
    let parameters: Vec<Value> = parameters.into_iter().map(parameter).collect();
    method.insert("params".to_owned(), Value::Array(parameters));
    let result = match &function.returns.ok {
        Some(of) => json_schema::schema(of, PLACE),
        None => json!({ "type": "null" }),
    };
    method.insert("result".to_owned(), json!({ "name": "result", "required": true, "schema": result }));
    method.insert("errors".to_owned(), Value::Array(errors(function)));
    if let Some(of) = &function.returns.error {
        // An error has an example of its data in OpenRPC, and no schema.
        method.insert("x-error-data".to_owned(), json_schema::schema(of, PLACE));
    }
    Value::Object(method)
}

fn parameter(field: &Field) -> Value {
    let mut parameter = json!({
        "name": field.name, "required": !field.is_optional(), "schema": json_schema::schema(&field.of, PLACE),
    });
    if let (false, Some(members)) = (field.docs.is_empty(), parameter.as_object_mut()) {
        members.insert("description".to_owned(), json!(text::markdown(&field.docs)));
    }
    parameter
}

/// The codes of a function's own errors are the places of their cases, from 1.
pub(super) fn errors(function: &Function) -> Vec<Value> {
    let invalid = json!({
        "code": -32602, "message": "Invalid params",
        "data": { "pointer": "/argument", "expected": "what the type says", "found": "something else" },
    });
    let own: Vec<Value> = match function.returns.error.as_deref() {
        Some(of) if !of.cases().is_empty() => of
            .cases()
            .iter()
            .zip(1_u32..)
            .map(|(case, code)| {
                json!({ "code": code, "message": words(&case.wit), "data": example::case(case) })
            })
            .collect(),
        Some(of) => vec![json!({ "code": 1, "message": "The call was refused.", "data": example::value(of) })],
        None if function.returns.fallible => vec![json!({ "code": 1, "message": "The call was refused." })],
        None => Vec::new(),
    };
    own.into_iter().chain([invalid]).collect()
}
