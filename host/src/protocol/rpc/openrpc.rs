//! The contract of a plugin as an OpenRPC 1.3.2 document: what `rpc.discover` answers.
//!
//! Owns the form of the document. It is written once, when the plugin is loaded; only the address is of the request, because
//! the same plugin is reached under several names.

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::value::RawValue;

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
    schema: &'a RawValue,
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

fn schema(own: Option<&str>, kind: Kind) -> Result<&RawValue> {
    let text = own.map_or_else(|| schema_of(kind), str::trim);
    serde_json::from_str(text).context("a schema is not JSON")
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
            r#"{"type":"object","properties":{"$dateTime":{"type":"string"}},"#,
            r#""required":["$dateTime"],"additionalProperties":false}"#
        ),
        Kind::Bytes => concat!(
            r#"{"type":"object","properties":{"$base64":{"type":"string","contentEncoding":"base64"}},"#,
            r#""required":["$base64"],"additionalProperties":false}"#
        ),
        Kind::Array => r#"{"type":"array"}"#,
        Kind::Object => r#"{"type":"object"}"#,
        Kind::Nothing => r#"{"type":"null"}"#,
    }
}
