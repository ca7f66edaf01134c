//! The contract of a plugin as an OpenAPI 3.1 document: what `GET openapi.json` answers below its mount.
//!
//! Owns the form of the document. It says what the plugin declares and what the host adds to that: its refusals, and who may
//! call. A plugin that serves the path itself is left alone.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde_json::{Map, Value, json};

use super::Declared;
use super::bindings::exports::guesthouse::plugin::rest_contract::{Answer, Location, Parameter};
use crate::exchange::{Payload, Response};
use crate::plugin::manifest::{AuthPolicy, SchemeName};

/// Where the document is served, below the mount.
pub(super) const PATH: &str = "/openapi.json";
/// What is allowed there.
pub(super) const ALLOW: &str = "GET, HEAD, OPTIONS";

const PROBLEM_JSON: &str = "application/problem+json";

/// The document but for what is of the request: the mount, and who may call.
pub(super) struct Document {
    document: Value,
    /// The scopes that an operation asks for, by its path and its method.
    scopes: Vec<(String, String, Vec<String>)>,
}

impl Document {
    /// Writes the document of a plugin.
    ///
    /// # Errors
    /// With the operation's place, when a schema is not one, or a status, a name or a method cannot stand in the document.
    pub(super) fn new(title: &str, endpoints: &[Declared]) -> Result<Self> {
        let mut schemas = Schemas::default();
        let problem = schemas.hoist(problem(), "Problem");
        let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
        let mut scopes = Vec::new();
        for endpoint in endpoints {
            let method = endpoint.method.to_ascii_lowercase();
            let operation = operation(endpoint, &problem, &mut schemas)
                .with_context(|| format!("`{} {}`", endpoint.method, endpoint.path))?;
            paths.entry(&endpoint.path).or_default().insert(method.clone(), operation);
            if !endpoint.scopes.is_empty() {
                scopes.push((endpoint.path.clone(), method, endpoint.scopes.clone()));
            }
        }
        let document = json!({
            "openapi": "3.1.1",
            // The contract's own version is not known: what is served is whatever the file in the folder says.
            "info": {"title": title, "version": "1.0.0"},
            "paths": paths,
            "components": {"schemas": schemas.named},
        });
        Ok(Self { document, scopes })
    }

    /// The document of the plugin at this mount, with who may call.
    pub(super) fn at(&self, mount: &str, policy: &AuthPolicy) -> Response {
        let mut document = self.document.clone();
        let mount = if mount.is_empty() { "/" } else { mount };
        set(&mut document, "servers", json!([{ "url": mount }]));
        let schemes: Map<String, Value> = policy.require.iter().filter_map(|name| scheme(*name)).collect();
        if !schemes.is_empty() {
            set(&mut document, "security", requirements(&schemes, &policy.scopes, &[]));
            for (path, method, scopes) in &self.scopes {
                let place = document.get_mut("paths").and_then(|paths| paths.get_mut(path));
                if let Some(operation) = place.and_then(|path| path.get_mut(method)) {
                    set(operation, "security", requirements(&schemes, &policy.scopes, scopes));
                }
            }
            if let Some(components) = document.get_mut("components") {
                set(components, "securitySchemes", Value::Object(schemes));
            }
        }
        let mut response = Response::new(Payload::from(document.to_string()));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        // The next version of the plugin may have another.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

fn set(object: &mut Value, name: &str, value: Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

/// One scheme is enough, so each is a requirement of its own.
fn requirements(schemes: &Map<String, Value>, all: &[String], own: &[String]) -> Value {
    let scopes: Vec<&String> = all.iter().chain(own).collect();
    schemes.keys().map(|name| json!({ name.as_str(): scopes })).collect()
}

fn scheme(name: SchemeName) -> Option<(String, Value)> {
    let (name, scheme) = match name {
        SchemeName::Anonymous => return None,
        SchemeName::ApiKey => ("api-key", json!({"type": "apiKey", "in": "header", "name": "X-API-Key"})),
        SchemeName::Basic => ("basic", json!({"type": "http", "scheme": "basic"})),
        SchemeName::Bearer => ("bearer", json!({"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})),
    };
    Some((name.to_owned(), scheme))
}

fn operation(endpoint: &Declared, problem: &Value, schemas: &mut Schemas) -> Result<Value> {
    let name = &endpoint.operation;
    let mut operation = json!({ "operationId": name });
    if !endpoint.summary.is_empty() {
        set(&mut operation, "summary", json!(endpoint.summary));
    }
    let parameters = endpoint
        .parameters
        .iter()
        .map(|declared| parameter(declared, name, schemas))
        .collect::<Result<Vec<_>>>()?;
    if !parameters.is_empty() {
        set(&mut operation, "parameters", Value::Array(parameters));
    }
    if !endpoint.consumes.is_empty() {
        let schema = match &endpoint.body_schema {
            Some(text) => schemas.read(text, &format!("{name}.request")).context("the body's schema")?,
            None => json!({}),
        };
        let content: Map<String, Value> = endpoint
            .consumes
            .iter()
            .map(|media_type| (media_type.clone(), json!({ "schema": schema })))
            .collect();
        set(&mut operation, "requestBody", json!({"required": endpoint.body_required, "content": content}));
    }
    let mut responses = Map::new();
    for declared in &endpoint.answers {
        let (status, response) = answer(declared, name, schemas)?;
        add(&mut responses, &status, response);
    }
    let refusal = |description: &str| json!({"description": description, "content": {PROBLEM_JSON: {"schema": problem}}});
    let mut refused = vec![StatusCode::NOT_ACCEPTABLE];
    if !endpoint.consumes.is_empty() {
        refused.extend([StatusCode::PAYLOAD_TOO_LARGE, StatusCode::UNSUPPORTED_MEDIA_TYPE]);
    }
    for status in refused {
        let phrase = status.canonical_reason().unwrap_or_default();
        responses.entry(status.as_str()).or_insert_with(|| refusal(phrase));
    }
    responses
        .entry("default")
        .or_insert_with(|| refusal("The host refuses the request, or the service fails on it."));
    set(&mut operation, "responses", Value::Object(responses));
    Ok(operation)
}

fn parameter(declared: &Parameter, operation: &str, schemas: &mut Schemas) -> Result<Value> {
    let place = match declared.location {
        Location::Path => "path",
        Location::Query => "query",
        Location::Header => "header",
    };
    let schema = schemas
        .read(&declared.schema, &format!("{operation}.{}", declared.name))
        .with_context(|| format!("the schema of the parameter `{}`", declared.name))?;
    let mut parameter =
        json!({"name": declared.name, "in": place, "required": declared.required, "schema": schema});
    if !declared.summary.is_empty() {
        set(&mut parameter, "description", json!(declared.summary));
    }
    Ok(parameter)
}

fn answer(declared: &Answer, operation: &str, schemas: &mut Schemas) -> Result<(String, Value)> {
    let status = declared.status;
    ensure!((200..600).contains(&status), "the status {status} is not one of 200 to 599");
    let mut response = json!({ "description": declared.summary });
    if !declared.headers.is_empty() {
        let headers: Map<String, Value> =
            declared.headers.iter().map(|name| (name.clone(), header(name))).collect();
        set(&mut response, "headers", Value::Object(headers));
    }
    if let Some(media_type) = &declared.media_type {
        let schema = match &declared.schema {
            Some(text) => schemas
                .read(text, &format!("{operation}.{status}"))
                .with_context(|| format!("the schema of the answer {status}"))?,
            None => json!({}),
        };
        set(&mut response, "content", json!({ media_type.as_str(): {"schema": schema} }));
    }
    Ok((status.to_string(), response))
}

/// Adds an answer. One of several media types is declared once for each.
fn add(responses: &mut Map<String, Value>, status: &str, response: Value) {
    let known = responses.get_mut(status).and_then(|known| known.get_mut("content"));
    match (known.and_then(Value::as_object_mut), response.get("content").and_then(Value::as_object)) {
        (Some(known), Some(more)) => known.extend(more.clone()),
        _ => {
            responses.insert(status.to_owned(), response);
        }
    }
}

/// A field of an answer. Its value is text, and of the usual ones it is known what kind of text.
fn header(name: &str) -> Value {
    let schema = match name {
        "location" | "content-location" => json!({"type": "string", "format": "uri-reference"}),
        "etag" => json!({"type": "string", "pattern": "^(W/)?\"[^\"]*\"$"}),
        "retry-after" => json!({"type": "string", "pattern": "^([0-9]+|[A-Z][a-z]{2}, .* GMT)$"}),
        _ => json!({"type": "string"}),
    };
    json!({"required": true, "schema": schema})
}

/// Problem details (RFC 9457, section 3.1), as the SDK describes them.
fn problem() -> Value {
    json!({
        "title": "Problem",
        "type": "object",
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "instance": {"type": "string", "format": "uri-reference"},
        },
    })
}

/// The schemas that have a name: one for each type, however often it is used.
#[derive(Default)]
struct Schemas {
    named: Map<String, Value>,
}

impl Schemas {
    /// Reads a schema that a plugin declares. `name` is for one that has no title and must have a name.
    fn read(&mut self, text: &str, name: &str) -> Result<Value> {
        let schema: Value = serde_json::from_str(text).context("it is not JSON")?;
        ensure!(schema.is_object() || schema.is_boolean(), "it is neither an object nor a boolean");
        if has_reference(&schema) {
            // Its references are to places in itself, which is now a place in the document.
            let name = self.free_name(&name_of(&schema).unwrap_or_else(|| component_name(name)), &schema);
            let mut schema = schema;
            move_references(&mut schema, &name);
            self.named.insert(name.clone(), schema);
            return Ok(reference(&name));
        }
        Ok(self.hoist_all(schema))
    }

    /// Gives every schema with a title a place of its own.
    fn hoist_all(&mut self, schema: Value) -> Value {
        match schema {
            Value::Object(members) => {
                let members: Map<String, Value> = members
                    .into_iter()
                    .map(|(name, member)| {
                        let is_data = matches!(name.as_str(), "enum" | "const" | "default" | "examples");
                        let member = if is_data { member } else { self.hoist_all(member) };
                        (name, member)
                    })
                    .collect();
                let schema = Value::Object(members);
                match name_of(&schema) {
                    Some(name) => self.hoist(schema, &name),
                    None => schema,
                }
            }
            Value::Array(members) => members.into_iter().map(|member| self.hoist_all(member)).collect(),
            other => other,
        }
    }

    fn hoist(&mut self, schema: Value, name: &str) -> Value {
        let name = self.free_name(name, &schema);
        let reference = reference(&name);
        self.named.insert(name, schema);
        reference
    }

    /// The name, or with a number behind it when it stands for something else.
    fn free_name(&self, name: &str, schema: &Value) -> String {
        let mut free = name.to_owned();
        let mut number = 1;
        while self.named.get(&free).is_some_and(|known| known != schema) {
            number += 1;
            free = format!("{name}{number}");
        }
        free
    }
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// The name that a schema gives itself, as a component may be called.
fn name_of(schema: &Value) -> Option<String> {
    let title = schema.get("title")?.as_str()?;
    let name = component_name(title);
    (!name.is_empty()).then_some(name)
}

/// What may be the name of a component: letters, digits, `.`, `_` and `-`.
fn component_name(text: &str) -> String {
    text.chars().filter(|letter| letter.is_ascii_alphanumeric() || "._-".contains(*letter)).collect()
}

fn has_reference(schema: &Value) -> bool {
    match schema {
        Value::Object(members) => {
            members.contains_key("$ref")
                || members.contains_key("$dynamicRef")
                || members.values().any(has_reference)
        }
        Value::Array(members) => members.iter().any(has_reference),
        _ => false,
    }
}

fn move_references(schema: &mut Value, name: &str) {
    match schema {
        Value::Object(members) => {
            for (key, member) in members {
                match member {
                    Value::String(target) if key == "$ref" && target.starts_with('#') => {
                        let below = target.trim_start_matches('#');
                        *target = format!("#/components/schemas/{name}{below}");
                    }
                    member => move_references(member, name),
                }
            }
        }
        Value::Array(members) => members.iter_mut().for_each(|member| move_references(member, name)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    fn declared() -> Declared {
        Declared {
            method: "PUT".to_owned(),
            path: "/items/{id}".to_owned(),
            operation: "replace".to_owned(),
            summary: "Replaces an item.".to_owned(),
            consumes: vec!["application/json".to_owned()],
            body_required: true,
            body_schema: Some(r#"{"title":"Item","type":"object"}"#.to_owned()),
            scopes: vec!["items:write".to_owned()],
            parameters: vec![Parameter {
                name: "id".to_owned(),
                location: Location::Path,
                required: true,
                summary: String::new(),
                schema: r#"{"type":"integer"}"#.to_owned(),
            }],
            answers: vec![Answer {
                status: 200,
                summary: "OK".to_owned(),
                media_type: Some("application/json".to_owned()),
                schema: Some(r#"{"title":"Item","type":"object"}"#.to_owned()),
                headers: vec!["etag".to_owned()],
            }],
        }
    }

    fn written(endpoints: &[Declared], mount: &str, policy: &AuthPolicy) -> Value {
        let response = Document::new("shop", endpoints).unwrap().at(mount, policy);
        let body = futures_util::FutureExt::now_or_never(response.into_body().collect()).unwrap();
        serde_json::from_slice(&body.unwrap().to_bytes()).unwrap()
    }

    fn anybody() -> AuthPolicy {
        AuthPolicy { require: vec![SchemeName::Anonymous], scopes: Vec::new() }
    }

    #[test]
    fn the_document_says_what_the_plugin_declares_and_what_the_host_adds() {
        let document = written(&[declared()], "/shop", &anybody());
        assert_eq!((&document["openapi"], &document["info"]["title"]), (&json!("3.1.1"), &json!("shop")));
        assert_eq!(document["servers"], json!([{"url": "/shop"}]));
        let operation = &document["paths"]["/items/{id}"]["put"];
        assert_eq!(operation["operationId"], "replace");
        let item = json!({"$ref": "#/components/schemas/Item"});
        assert_eq!(operation["requestBody"]["content"]["application/json"]["schema"], item);
        assert_eq!(operation["responses"]["200"]["content"]["application/json"]["schema"], item);
        assert_eq!(operation["responses"]["200"]["headers"]["etag"]["required"], true);
        let statuses: Vec<&String> = operation["responses"].as_object().unwrap().keys().collect();
        assert_eq!(statuses, ["200", "406", "413", "415", "default"]);
        let problem = &operation["responses"]["default"]["content"]["application/problem+json"]["schema"];
        assert_eq!(*problem, json!({"$ref": "#/components/schemas/Problem"}));
        assert_eq!(
            operation["parameters"],
            json!([{"name": "id", "in": "path", "required": true, "schema": {"type": "integer"}}])
        );
        assert!(document.get("security").is_none());
        assert_eq!(written(&[declared()], "", &anybody())["servers"][0]["url"], "/");
    }

    #[test]
    fn who_may_call_is_said_with_the_scopes() {
        let policy = AuthPolicy {
            require: vec![SchemeName::ApiKey, SchemeName::Bearer],
            scopes: vec!["shop".to_owned()],
        };
        let document = written(&[declared()], "/shop", &policy);
        assert_eq!(document["security"], json!([{"api-key": ["shop"]}, {"bearer": ["shop"]}]));
        assert_eq!(
            document["paths"]["/items/{id}"]["put"]["security"],
            json!([{"api-key": ["shop", "items:write"]}, {"bearer": ["shop", "items:write"]}])
        );
        assert_eq!(document["components"]["securitySchemes"]["api-key"]["name"], "X-API-Key");
    }

    #[test]
    fn a_schema_that_refers_to_itself_does_so_in_its_new_place() {
        let mut endpoint = declared();
        endpoint.body_schema = Some(
            r##"{"$ref":"#/$defs/tree","$defs":{"tree":{"items":{"$ref":"#/$defs/tree"}},"top":{"$ref":"#"}}}"##
                .to_owned(),
        );
        let document = written(&[endpoint], "/shop", &anybody());
        let schema = &document["components"]["schemas"]["replace.request"];
        assert_eq!(schema["$ref"], "#/components/schemas/replace.request/$defs/tree");
        assert_eq!(
            schema["$defs"]["tree"]["items"]["$ref"],
            "#/components/schemas/replace.request/$defs/tree"
        );
        assert_eq!(schema["$defs"]["top"]["$ref"], "#/components/schemas/replace.request");
    }

    #[test]
    fn two_types_of_one_name_have_two_places() {
        let mut endpoint = declared();
        endpoint.body_schema = Some(
            r#"{"title":"Page","properties":{"title":{"type":"string"},"items":{"items":{"title":"Item"}}}}"#
                .to_owned(),
        );
        let document = written(&[endpoint], "/shop", &anybody());
        let schemas = &document["components"]["schemas"];
        assert_eq!(schemas["Item"], json!({"title": "Item"}));
        assert_eq!(schemas["Item2"], json!({"title": "Item", "type": "object"}));
        assert_eq!(schemas["Page"]["properties"]["items"]["items"]["$ref"], "#/components/schemas/Item");
        assert_eq!(schemas["Page"]["properties"]["title"], json!({"type": "string"}));
    }

    #[test]
    fn what_is_no_schema_is_refused_with_its_place() {
        for (schema, expected) in [("{", "it is not JSON"), ("7", "neither an object nor a boolean")] {
            let mut endpoint = declared();
            endpoint.body_schema = Some(schema.to_owned());
            let error = format!("{:#}", Document::new("shop", &[endpoint]).err().unwrap());
            assert!(
                error.contains("`PUT /items/{id}`: the body's schema") && error.contains(expected),
                "{error}"
            );
        }
        let mut endpoint = declared();
        endpoint.answers[0].status = 99;
        assert!(Document::new("shop", &[endpoint]).is_err());
    }
}
