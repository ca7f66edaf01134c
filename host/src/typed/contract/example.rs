//! One value of each type, for contracts: what a reader copies to begin with, and what tools send first.
//!
//! Owns that an example is valid under the schema of its type, and small: one element in a list, the first case of a variant.

use serde_json::{Map, Value, json};

use crate::typed::model::{Case, Field, Shape, Type};

/// A value in the form of the mapping's JSON.
#[must_use]
pub(super) fn value(of: &Type) -> Value {
    match &of.shape {
        Shape::Bool => json!(true),
        Shape::Integer(integer) if integer.is_wide() => json!("1"),
        Shape::Integer(_) => json!(1),
        // One half has a form in every base.
        Shape::Float32 | Shape::Float64 => json!(0.5),
        Shape::Char => json!("a"),
        Shape::String => json!("text"),
        Shape::Bytes => json!("Ynl0ZXM="),
        Shape::List(item) => json!([value(item)]),
        Shape::Option(inner) if inner.is_option() => json!({ "some": value(inner) }),
        Shape::Option(inner) => value(inner),
        Shape::Tuple(items) => items.iter().map(|item| value(item)).collect(),
        Shape::Record(fields) => members(fields.iter()),
        Shape::Variant(cases) | Shape::Result { cases } => cases.first().map_or(Value::Null, case),
        Shape::Enum(cases) => cases.first().map_or(Value::Null, case),
        Shape::Flags(cases) => cases.iter().take(1).map(case).collect(),
    }
}

/// An object of these fields.
#[must_use]
pub(super) fn members<'f>(fields: impl Iterator<Item = &'f Field>) -> Value {
    let members: Map<String, Value> = fields.map(|field| (field.name.clone(), value(&field.of))).collect();
    Value::Object(members)
}

/// A value of one case.
#[must_use]
pub(super) fn case(case: &Case) -> Value {
    match &case.of {
        None => json!(case.name),
        Some(of) => {
            let mut members = Map::new();
            members.insert(case.name.clone(), value(of));
            Value::Object(members)
        }
    }
}
