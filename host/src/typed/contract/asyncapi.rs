//! The contract of JSON-RPC over WebSocket: AsyncAPI 3.0.
//!
//! Owns the one channel, with a request and an answer for each function. Operations are said from the side of the service, as
//! AsyncAPI 3 wants it: it receives requests and replies.

use serde_json::{Map, Value, json};

use super::document::{AUTHORITY, WEBSOCKET_SCHEME};
use super::json_schema::{self, Draft, Place};
use super::{Served, describe, example, info, security_schemes, tag};
use crate::typed::model::{Function, Service};

/// The parsers of AsyncAPI read schemas as a superset of draft-07.
const PLACE: Place = Place { named_at: "#/components/schemas/", draft: Draft::Seven };

/// The name of the one channel.
const CHANNEL: &str = "rpc";
/// The name of the one server.
const SERVER: &str = "guesthouse";

/// Writes the document.
pub(super) fn document(served: &Served<'_>, path: &str) -> Value {
    let Served { service, mount, policy, .. } = *served;
    let mut messages = Map::new();
    let mut in_channel = Map::new();
    let mut operations = Map::new();
    for function in &service.functions {
        let key = key(&function.name);
        for (kind, message) in [("Request", request(service, function)), ("Answer", answer(function))] {
            let name = format!("{key}{kind}");
            in_channel.insert(name.clone(), json!({ "$ref": format!("#/components/messages/{name}") }));
            messages.insert(name, message);
        }
        operations.insert(key.clone(), operation(service, function, &key));
    }
    let mut server = json!({
        "host": AUTHORITY.to_string(), "protocol": WEBSOCKET_SCHEME.to_string(),
        "protocolVersion": "13", "pathname": if mount.is_empty() { "/" } else { mount },
    });
    let mut schemas = json_schema::definitions(&service.types, PLACE);
    schemas.insert(
        ID.to_owned(),
        json!({ "type": ["string", "number"], "description": "Chosen by the client." }),
    );
    let mut components = json!({ "schemas": schemas, "messages": messages });
    let schemes = security_schemes(policy);
    if let (false, Some(server), Some(components)) =
        (schemes.is_empty(), server.as_object_mut(), components.as_object_mut())
    {
        let references: Vec<Value> = schemes
            .iter()
            .map(|(name, _)| json!({ "$ref": format!("#/components/securitySchemes/{name}") }))
            .collect();
        server.insert("security".to_owned(), Value::Array(references));
        let schemes: Map<String, Value> =
            schemes.into_iter().map(|(name, scheme)| (name.to_owned(), asynchronous(scheme))).collect();
        components.insert("securitySchemes".to_owned(), Value::Object(schemes));
    }
    json!({
        "asyncapi": "3.0.0",
        "info": info(service),
        "defaultContentType": "application/json",
        "servers": { SERVER: server },
        "channels": { CHANNEL: {
            "address": path,
            "title": "JSON-RPC 2.0, one message to a frame of text",
            "servers": [{ "$ref": format!("#/servers/{SERVER}") }],
            "messages": in_channel,
            "bindings": { "ws": { "method": "GET" } },
        } },
        "operations": operations,
        "components": components,
    })
}

/// The schema of an id. A name of a type has no dot, so it never meets one.
const ID: &str = "guesthouse.Id";

/// A key of AsyncAPI's maps; dots are for the parts of a name, which a key does not have.
fn key(name: &str) -> String {
    name.replace('.', "_")
}

fn operation(service: &Service, function: &Function, key: &str) -> Value {
    let reference = |kind: &str| json!([{ "$ref": format!("#/channels/{CHANNEL}/messages/{key}{kind}") }]);
    let channel = json!({ "$ref": format!("#/channels/{CHANNEL}") });
    let mut operation = Map::new();
    operation.insert("action".to_owned(), json!("receive"));
    operation.insert("channel".to_owned(), channel.clone());
    operation.insert("messages".to_owned(), reference("Request"));
    operation.insert("reply".to_owned(), json!({ "channel": channel, "messages": reference("Answer") }));
    describe(&function.docs, &mut operation);
    if let Some(tag) = tag(service, function) {
        operation.insert("tags".to_owned(), json!([{ "name": tag }]));
    }
    Value::Object(operation)
}

fn request(service: &Service, function: &Function) -> Value {
    let fields = || function.parameters.iter();
    let by_name = json_schema::object(fields(), PLACE);
    let optional = fields().rev().take_while(|field| field.is_optional()).count();
    let count = function.parameters.len();
    let mut by_position = json!({
        "type": "array", "additionalItems": false,
        "minItems": count.saturating_sub(optional), "maxItems": count,
    });
    if let (false, Some(members)) = (function.parameters.is_empty(), by_position.as_object_mut()) {
        let items: Vec<Value> = fields().map(|field| json_schema::schema(&field.of, PLACE)).collect();
        members.insert("items".to_owned(), Value::Array(items));
    }
    let mut required = vec!["jsonrpc", "method", "id"];
    if optional < count {
        required.push("params");
    }
    let mut message = json!({
        "name": function.name,
        "payload": {
            "type": "object",
            "properties": {
                "jsonrpc": { "const": "2.0" },
                "method": { "const": function.name },
                "params": { "oneOf": [by_name, by_position] },
                "id": { "$ref": format!("#/components/schemas/{ID}") },
            },
            "required": required, "additionalProperties": false,
        },
        "correlationId": { "location": "$message.payload#/id" },
        "examples": [{ "name": "call", "payload": {
            "jsonrpc": "2.0", "method": function.name, "params": example::members(fields()), "id": 1,
        } }],
    });
    if let Some(members) = message.as_object_mut() {
        describe(&function.docs, members);
        if let Some(tag) = tag(service, function) {
            members.insert("tags".to_owned(), json!([{ "name": tag }]));
        }
    }
    message
}

fn answer(function: &Function) -> Value {
    let result = match &function.returns.ok {
        Some(of) => json_schema::schema(of, PLACE),
        None => json!({ "type": "null" }),
    };
    let mut error = json!({ "code": { "type": "integer" }, "message": { "type": "string" }, "data": {} });
    if let (Some(of), Some(members)) = (&function.returns.error, error.as_object_mut()) {
        let own = json_schema::schema(of, PLACE);
        members.insert("data".to_owned(), json!({
            "anyOf": [own, { "type": "object", "description": "What the host says, of an argument that does not fit." }],
        }));
    }
    let id = json!({ "$ref": format!("#/components/schemas/{ID}") });
    json!({
        "name": format!("{}.answer", function.name),
        "payload": { "oneOf": [
            {
                "type": "object",
                "properties": { "jsonrpc": { "const": "2.0" }, "result": result, "id": id },
                "required": ["jsonrpc", "result", "id"], "additionalProperties": false,
            },
            {
                "type": "object",
                "properties": {
                    "jsonrpc": { "const": "2.0" },
                    "error": {
                        "type": "object", "properties": error, "required": ["code", "message"],
                        "additionalProperties": false,
                    },
                    "id": id,
                },
                "required": ["jsonrpc", "error", "id"], "additionalProperties": false,
            },
        ] },
        "correlationId": { "location": "$message.payload#/id" },
        "examples": [{ "name": "result", "payload": {
            "jsonrpc": "2.0", "id": 1,
            "result": function.returns.ok.as_deref().map_or(Value::Null, example::value),
        } }],
    })
}

/// A scheme in AsyncAPI's words, which say `httpApiKey` where the key stands in a header field.
fn asynchronous(mut scheme: Value) -> Value {
    if let Some(of) = scheme.get_mut("type")
        && of == "apiKey"
    {
        *of = json!("httpApiKey");
    }
    scheme
}
