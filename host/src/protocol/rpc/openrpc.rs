//! The contract of a plugin as an OpenRPC 1.3.2 document: what `rpc.discover` answers.
//!
//! Owns the form of the document. It is written once, when the plugin is loaded; only the address is of the request, because
//! the same plugin is reached under several names.
//!
//! Plugins write their schemas in the current dialect of JSON Schema, 2020-12. OpenRPC 1.3 is bound to draft 7, in which a
//! few of the same things are said otherwise; whoever reads the document by that dialect would pass over the newer words.

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::{Map, Value};

use super::methods::MethodTable;
use super::{Kind, Method, json};

/// The document but for its address.
#[derive(Debug)]
pub(super) struct Document {
    before_address: String,
    after_address: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MethodObject<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    param_structure: &'static str,
    params: Vec<ContentDescriptor<'a>>,
    result: ContentDescriptor<'a>,
}

#[derive(Serialize)]
struct ContentDescriptor<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    required: bool,
    schema: Value,
}

impl Document {
    /// Writes the document of a plugin.
    ///
    /// # Errors
    /// When a schema cannot be read as JSON; the table has checked that it can.
    pub(super) fn new(title: &str, methods: &MethodTable) -> Result<Self> {
        let mut before_address = String::from(r#"{"openrpc":"1.3.2","info":{"title":"#);
        json::push_string(&mut before_address, title);
        // The contract's own version is not known: what is served is whatever the file in the folder says.
        before_address.push_str(r#","version":"1.0.0"},"servers":[{"name":"guesthouse","url":"#);
        let mut after_address = String::from(r#"}],"methods":["#);
        for (place, method) in methods.all().iter().enumerate() {
            if place > 0 {
                after_address.push(',');
            }
            after_address.push_str(&describe(method)?);
        }
        after_address.push_str("]}");
        Ok(Self { before_address, after_address })
    }

    /// A document that is written already, but for its address, which is a JSON string.
    pub(super) fn written(before_address: String, after_address: String) -> Self {
        Self { before_address, after_address }
    }

    /// The document for a client that reached the plugin at this address.
    pub(super) fn at(&self, address: &str) -> String {
        let capacity = self.before_address.len() + address.len() + 2 + self.after_address.len();
        let mut out = String::with_capacity(capacity);
        out.push_str(&self.before_address);
        json::push_string(&mut out, address);
        out.push_str(&self.after_address);
        out
    }
}

fn describe(method: &Method) -> Result<String> {
    let params = method
        .params
        .iter()
        .map(|param| {
            Ok(ContentDescriptor {
                name: &param.name,
                description: &param.help,
                required: param.required,
                schema: schema(param.schema.as_deref(), param.kind)?,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let object = MethodObject {
        name: &method.name,
        description: &method.help,
        // Further arguments have no names, so they can only be sent by position.
        param_structure: if method.variadic { "by-position" } else { "either" },
        params,
        result: ContentDescriptor {
            name: "result",
            description: "",
            required: true,
            schema: schema(method.returns_schema.as_deref(), method.returns)?,
        },
    };
    serde_json::to_string(&object).context("the OpenRPC document cannot be written")
}

fn schema(own: Option<&str>, kind: Kind) -> Result<Value> {
    let schema =
        serde_json::from_str(own.unwrap_or_else(|| schema_of(kind))).context("a schema is not JSON")?;
    Ok(in_draft_7(schema))
}

/// Members whose values are given, not schemas.
const NO_SCHEMAS: [&str; 5] = ["const", "default", "enum", "examples", "required"];
/// Members whose values have names of their own for members, and schemas below them.
const NAMED_SCHEMAS: [&str; 5] =
    ["$defs", "definitions", "dependentSchemas", "patternProperties", "properties"];

/// A schema of 2020-12 as draft 7 says it: `items` and `additionalItems` for `prefixItems` and `items`. `$defs` may keep its
/// name, since only a reference finds it. The text has been scanned under the bound on nesting, so the recursion has one.
fn in_draft_7(schema: Value) -> Value {
    match schema {
        Value::Array(schemas) => schemas.into_iter().map(in_draft_7).collect(),
        Value::Object(mut members) => {
            if let Some(first) = members.remove("prefixItems") {
                if let Some(rest) = members.remove("items") {
                    members.insert("additionalItems".to_owned(), rest);
                }
                members.insert("items".to_owned(), first);
            }
            members.into_iter().map(member_in_draft_7).collect::<Map<_, _>>().into()
        }
        other => other,
    }
}

fn member_in_draft_7((name, value): (String, Value)) -> (String, Value) {
    let value = match value {
        value if NO_SCHEMAS.contains(&name.as_str()) => value,
        Value::Object(named) if NAMED_SCHEMAS.contains(&name.as_str()) => {
            named.into_iter().map(|(name, schema)| (name, in_draft_7(schema))).collect::<Map<_, _>>().into()
        }
        value => in_draft_7(value),
    };
    (name, value)
}

/// The JSON Schema of a kind.
fn schema_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Any => "{}",
        Kind::Boolean => r#"{"type":"boolean"}"#,
        Kind::Integer => r#"{"type":"integer"}"#,
        Kind::Number => r#"{"type":"number"}"#,
        Kind::Text => r#"{"type":"string"}"#,
        Kind::DateTime => concat!(
            r#"{"type":"object","properties":{"$dateTime":{"type":"string","pattern":"#,
            r#""^[0-9]{4}-?[0-9]{2}-?[0-9]{2}T[0-9]{2}:?[0-9]{2}:?[0-9]{2}([.][0-9]{1,9})?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?$"}},"#,
            r#""required":["$dateTime"],"additionalProperties":false}"#
        ),
        Kind::Bytes => concat!(
            r#"{"type":"object","properties":{"$base64":{"type":"string","contentEncoding":"base64","pattern":"#,
            r#""^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"}},"#,
            r#""required":["$base64"],"additionalProperties":false}"#
        ),
        Kind::Array => r#"{"type":"array"}"#,
        Kind::Object => r#"{"type":"object"}"#,
        Kind::Nothing => r#"{"type":"null"}"#,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tuples_are_said_in_the_words_of_draft_7_wherever_they_stand() {
        let tuple = json!({"type": "array", "prefixItems": [{"type": "string"}, {"prefixItems": [true]}], "items": false});
        let said = json!({"type": "array", "items": [{"type": "string"}, {"items": [true]}], "additionalItems": false});
        for (newer, older) in [
            (tuple.clone(), said.clone()),
            (json!({"items": tuple}), json!({"items": said})),
            (json!({"anyOf": [tuple, {"type": "null"}]}), json!({"anyOf": [said, {"type": "null"}]})),
            (json!({"properties": {"prefixItems": tuple}}), json!({"properties": {"prefixItems": said}})),
            (json!({"$defs": {"items": tuple}}), json!({"$defs": {"items": said}})),
            (json!({"default": tuple, "enum": [tuple]}), json!({"default": tuple, "enum": [tuple]})),
            (json!(true), json!(true)),
            (
                json!({"items": {"type": "integer", "maximum": u64::MAX}}),
                json!({"items": {"type": "integer", "maximum": u64::MAX}}),
            ),
        ] {
            assert_eq!(in_draft_7(newer), older);
        }
    }

    #[test]
    fn every_kind_has_a_schema() {
        for kind in [
            Kind::Any,
            Kind::Boolean,
            Kind::Integer,
            Kind::Number,
            Kind::Text,
            Kind::DateTime,
            Kind::Bytes,
            Kind::Array,
            Kind::Object,
            Kind::Nothing,
        ] {
            assert!(schema(None, kind).unwrap().is_object(), "{kind:?}");
        }
    }
}
