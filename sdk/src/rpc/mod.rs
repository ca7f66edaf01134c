//! RPC: typed functions, called as JSON-RPC 2.0 and as XML-RPC.
//!
//! [`#[rpc]`](macro@crate::rpc) makes the dispatch and the description; this module reads arguments, words what is wrong with
//! them, and writes results. The protocols themselves are the host's.

mod arguments;
mod failure;
mod values;

pub use arguments::{Arguments, Params, Variadic};
pub use failure::Failure;
pub use values::{Bytes, DateTime, Raw};

pub use crate::bindings::rpc::{Guest as Plugin, Kind, Method, Param};

use serde::Serialize;

use crate::schema::{Schema, Value};

/// Writes a result as the JSON text that crosses to the host.
#[doc(hidden)]
pub fn answer<T: Serialize + ?Sized>(value: &T) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|error| Failure::internal(&error))
}

/// Describes one method.
#[doc(hidden)]
pub fn method<T: Schema>(name: &str, help: &str, params: Vec<Param>, variadic: bool) -> Method {
    let (returns, returns_schema) = describe::<T>();
    Method { name: name.to_owned(), help: help.to_owned(), params, variadic, returns, returns_schema }
}

/// Describes one parameter.
#[doc(hidden)]
pub fn param<T: Schema>(name: &str, help: &str) -> Param {
    let (kind, schema) = describe::<T>();
    Param { name: name.to_owned(), kind, required: !T::optional(), help: help.to_owned(), schema }
}

/// The kind of a type, and its schema when the kind says too little.
fn describe<T: Schema>() -> (Kind, Option<String>) {
    let schema = T::schema();
    let kind = kind_of(&schema);
    let members = schema.as_object().map_or(0, serde_json::Map::len);
    let says_more = match kind {
        Kind::Any => members > 0,
        Kind::DateTime | Kind::Bytes => false,
        _ => members > 1,
    };
    (kind, says_more.then(|| schema.to_string()))
}

/// The kind that a schema comes to. `null` beside a type does not count: it is the absence of the value.
pub(crate) fn kind_of(schema: &Value) -> Kind {
    if let Some(choices) = schema.get("anyOf").and_then(Value::as_array) {
        let mut kinds = choices.iter().map(kind_of).filter(|kind| *kind != Kind::Nothing);
        return match (kinds.next(), kinds.next()) {
            (Some(kind), None) => kind,
            _ => Kind::Any,
        };
    }
    let name = match schema.get("type") {
        Some(Value::String(name)) => name.as_str(),
        Some(Value::Array(names)) => {
            let mut names = names.iter().filter_map(Value::as_str).filter(|name| *name != "null");
            match (names.next(), names.next()) {
                (Some(name), None) => name,
                _ => return Kind::Any,
            }
        }
        _ => return Kind::Any,
    };
    match name {
        "boolean" => Kind::Boolean,
        "integer" => Kind::Integer,
        "number" => Kind::Number,
        "string" => Kind::Text,
        "array" => Kind::Array,
        "null" => Kind::Nothing,
        "object" => {
            let has = |member: &str| {
                schema.get("properties").is_some_and(|properties| properties.get(member).is_some())
            };
            if has(values::DATE_TIME_MEMBER) {
                Kind::DateTime
            } else if has(values::BYTES_MEMBER) {
                Kind::Bytes
            } else {
                Kind::Object
            }
        }
        _ => Kind::Any,
    }
}

#[cfg(test)]
mod tests;
