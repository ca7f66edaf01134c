//! The description of a plugin's endpoints (`guesthouse:plugin/rest-contract`), put together when it is loaded. The host
//! makes OpenAPI of it and answers by it what no handler needs to see.

pub use crate::bindings::rest_contract::{Answer, Endpoint, Location, Parameter};

use serde_json::{Value, json};

use super::problem::phrase;
use crate::schema::{self, Schema};

/// An endpoint without parameters, body or answers.
pub fn endpoint(method: &str, path: &str, operation: &str, summary: &str, scopes: &[&str]) -> Endpoint {
    Endpoint {
        method: method.to_owned(),
        path: path.to_owned(),
        operation: operation.to_owned(),
        summary: summary.to_owned(),
        consumes: Vec::new(),
        body_required: false,
        body_schema: None,
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        parameters: Vec::new(),
        answers: Vec::new(),
    }
}

/// Adds a parameter that stands in the path. A value that does not fit is answered with 404, so that is added too, and
/// with 400 when it is not well encoded.
pub fn path_parameter<T: Schema>(endpoint: &mut Endpoint, name: &str, summary: &str) {
    endpoint.parameters.push(Parameter {
        name: name.to_owned(),
        location: Location::Path,
        required: true,
        summary: summary.to_owned(),
        schema: T::schema().to_string(),
    });
    answer(endpoint, 400, None, &[]);
    answer(endpoint, 404, None, &[]);
}

/// Adds the properties of a schema as parameters of the query.
pub fn query_parameters(endpoint: &mut Endpoint, schema: &Value) {
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let mut property = without_null(property.clone());
        let summary = property.as_object_mut().and_then(|members| members.remove("description"));
        endpoint.parameters.push(Parameter {
            name: name.clone(),
            location: Location::Query,
            required: required.contains(&name.as_str()),
            summary: summary.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned(),
            schema: property.to_string(),
        });
    }
    answer(endpoint, 400, None, &[]);
}

/// A query has no null: a parameter that may be left out is described as what it is when it is there.
fn without_null(mut schema: Value) -> Value {
    if let Some(types) = schema.get_mut("type")
        && let Some(names) = types.as_array_mut()
    {
        names.retain(|name| name != "null");
        if let [only] = names.as_slice() {
            *types = only.clone();
        }
    }
    let null = json!({"type": "null"});
    if let Some([inner, other]) = schema.get("anyOf").and_then(Value::as_array).map(Vec::as_slice)
        && *other == null
    {
        let description = schema.get("description").and_then(Value::as_str).unwrap_or_default();
        return schema::described(inner.clone(), description);
    }
    schema
}

/// Adds an optional parameter that stands in the head.
pub fn header_parameter(endpoint: &mut Endpoint, name: &str, summary: &str) {
    endpoint.parameters.push(Parameter {
        name: name.to_owned(),
        location: Location::Header,
        required: false,
        summary: summary.to_owned(),
        schema: String::schema().to_string(),
    });
}

/// Says that the endpoint takes a body of this type, and that it answers 400, 415 and 422 to one that does not fit.
pub fn body(endpoint: &mut Endpoint, media_type: &str, schema: &Value) {
    endpoint.consumes.push(media_type.to_owned());
    endpoint.body_required = true;
    endpoint.body_schema = Some(schema.to_string());
    for status in [400, 415, 422] {
        answer(endpoint, status, None, &[]);
    }
}

/// Adds an answer, in place of one with the same status. One of 400 and more without a schema is a problem.
pub fn answer(endpoint: &mut Endpoint, status: u16, schema: Option<Value>, headers: &[&str]) {
    let (media_type, schema) = match schema {
        Some(schema) => (Some("application/json".to_owned()), Some(schema.to_string())),
        None if status >= 400 => (Some("application/problem+json".to_owned()), Some(problem().to_string())),
        None => (None, None),
    };
    endpoint.answers.retain(|other| other.status != status);
    endpoint.answers.push(Answer {
        status,
        summary: phrase(status).to_owned(),
        media_type,
        schema,
        headers: headers.iter().map(|name| name.to_ascii_lowercase()).collect(),
    });
}

/// The schema of problem details (RFC 9457, section 3.1).
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
