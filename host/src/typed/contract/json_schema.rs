//! Types as JSON Schema (draft 2020-12), for OpenAPI, OpenRPC and AsyncAPI.
//!
//! Owns one rule: a text is valid under the schema exactly when lowering takes it. So everything that lowering refuses is said,
//! as far as JSON Schema can say it: ranges, patterns, closed objects, tuples of exact length.

use serde_json::{Map, Value, json};

use crate::typed::model::{Case, Field, Integer, Shape, Type};

/// Base64 in its one spelling (RFC 4648, sections 3.5 and 4).
const BASE64: &str = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$";

/// Where a document keeps its named types, such as `#/components/schemas/`; none when there is no such place and every type is
/// written out.
pub type Place<'p> = Option<&'p str>;

/// The schema of a type.
#[must_use]
pub fn schema(of: &Type, place: Place<'_>) -> Value {
    match (&of.name, place) {
        (Some(name), Some(place)) => json!({ "$ref": format!("{place}{name}") }),
        _ => definition(of, place),
    }
}

/// The schema of a named type itself, for the place where those are kept.
#[must_use]
pub fn definition(of: &Type, place: Place<'_>) -> Value {
    described(shape(of, place), &of.docs)
}

/// The schema of what a URL says of a type, where text stands for everything: a wide integer is digits there and needs no quotes, a
/// float that is none is its bare name, and an option is told by its absence.
#[must_use]
pub fn text_schema(of: &Type, place: Place<'_>) -> Value {
    match &of.shape {
        Shape::Option(inner) => text_schema(inner, place),
        Shape::List(item) => json!({ "type": "array", "items": text_schema(item, place) }),
        Shape::Integer(of) if of.is_wide() => integer(*of).pointer("/oneOf/0").cloned().unwrap_or_default(),
        _ => schema(of, place),
    }
}

/// The closed object of these fields.
#[must_use]
pub fn object(fields: &[Field], place: Place<'_>) -> Value {
    let mut properties = Map::new();
    for field in fields {
        properties.insert(field.name.clone(), described(schema(&field.of, place), &field.docs));
    }
    let required: Vec<&str> =
        fields.iter().filter(|field| !field.is_optional()).map(|field| field.name.as_str()).collect();
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if let (false, Some(members)) = (required.is_empty(), schema.as_object_mut()) {
        members.insert("required".to_owned(), json!(required));
    }
    schema
}

/// The same schema with a description, if there is one.
#[must_use]
pub fn described(mut schema: Value, docs: &str) -> Value {
    if let (false, Some(members)) = (docs.is_empty(), schema.as_object_mut()) {
        members.insert("description".to_owned(), json!(docs));
    }
    schema
}

fn shape(of: &Type, place: Place<'_>) -> Value {
    match &of.shape {
        Shape::Bool => json!({ "type": "boolean" }),
        Shape::Integer(of) => integer(*of),
        Shape::Float32 => json!({ "oneOf": [
            { "type": "number", "format": "float", "minimum": -f64::from(f32::MAX), "maximum": f64::from(f32::MAX) },
            { "enum": ["NaN", "Infinity", "-Infinity"] },
        ] }),
        Shape::Float64 => json!({ "oneOf": [
            { "type": "number", "format": "double" },
            { "enum": ["NaN", "Infinity", "-Infinity"] },
        ] }),
        Shape::Char => json!({ "type": "string", "minLength": 1, "maxLength": 1 }),
        Shape::String => json!({ "type": "string" }),
        Shape::Bytes => json!({ "type": "string", "contentEncoding": "base64", "pattern": BASE64 }),
        Shape::List(item) => json!({ "type": "array", "items": schema(item, place) }),
        Shape::Option(inner) if inner.is_option() => json!({ "oneOf": [
            { "type": "null" },
            {
                "type": "object", "properties": { "some": schema(inner, place) },
                "required": ["some"], "additionalProperties": false,
            },
        ] }),
        Shape::Option(inner) => json!({ "oneOf": [schema(inner, place), { "type": "null" }] }),
        Shape::Tuple(items) => {
            let prefix: Vec<Value> = items.iter().map(|item| schema(item, place)).collect();
            let count = items.len();
            json!({
                "type": "array", "prefixItems": prefix, "items": false, "minItems": count, "maxItems": count,
            })
        }
        Shape::Record(fields) => object(fields, place),
        Shape::Variant(cases) | Shape::Result { cases } => variant(cases, place),
        Shape::Enum(cases) => enumeration(cases),
        Shape::Flags(cases) => json!({ "type": "array", "items": enumeration(cases), "uniqueItems": true }),
    }
}

fn integer(of: Integer) -> Value {
    let (min, max) = of.range();
    let format = match of {
        Integer::S8 => "int8",
        Integer::U8 => "uint8",
        Integer::S16 => "int16",
        Integer::U16 => "uint16",
        Integer::S32 => "int32",
        Integer::U32 => "uint32",
        Integer::S64 => "int64",
        Integer::U64 => "uint64",
    };
    let bound = |bound: i128| match u64::try_from(bound) {
        Ok(bound) => json!(bound),
        Err(_) => json!(i64::try_from(bound).unwrap_or(i64::MIN)),
    };
    let number = json!({ "type": "integer", "format": format, "minimum": bound(min), "maximum": bound(max) });
    if !of.is_wide() {
        return number;
    }
    // Written as text, and also read as a number, from clients whose numbers are wide enough.
    let negative = if min < 0 { format!("|-(?:{})", up_to(min.unsigned_abs())) } else { String::new() };
    let pattern = format!("^(?:0|{}{negative})$", up_to(max.unsigned_abs()));
    json!({ "oneOf": [{ "type": "string", "format": format, "pattern": pattern }, number] })
}

/// A pattern for the whole numbers from 1 to `max` without leading zeros.
fn up_to(max: u128) -> String {
    let digits = max.to_string();
    let length = digits.len();
    // Every shorter number, then those of the same length that are smaller from some digit on, then the largest itself.
    let mut forms = vec![format!("[1-9][0-9]{{0,{}}}", length.saturating_sub(2))];
    for (place, digit) in digits.char_indices() {
        let first = if place == 0 { '1' } else { '0' };
        let Some(below) = char::from_digit(digit.to_digit(10).unwrap_or(0).saturating_sub(1), 10) else {
            continue;
        };
        if digit <= first {
            continue;
        }
        let head = digits.get(..place).unwrap_or_default();
        let left = length.saturating_sub(place).saturating_sub(1);
        forms.push(format!("{head}[{first}-{below}][0-9]{{{left}}}"));
    }
    forms.push(digits);
    forms.join("|")
}

fn enumeration(cases: &[Case]) -> Value {
    let names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    let docs: Vec<String> = cases
        .iter()
        .filter(|case| !case.docs.is_empty())
        .map(|case| format!("- `{}`: {}", case.name, case.docs))
        .collect();
    described(json!({ "type": "string", "enum": names }), &docs.join("\n"))
}

fn variant(cases: &[Case], place: Place<'_>) -> Value {
    let forms: Vec<Value> = cases
        .iter()
        .map(|case| {
            let form = match &case.of {
                None => json!({ "type": "string", "const": case.name }),
                Some(of) => {
                    let mut properties = Map::new();
                    properties.insert(case.name.clone(), schema(of, place));
                    json!({
                        "type": "object", "properties": properties, "required": [case.name],
                        "additionalProperties": false,
                    })
                }
            };
            described(form, &case.docs)
        })
        .collect();
    json!({ "oneOf": forms })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_bounds_a_whole_number() {
        assert_eq!(up_to(255), "[1-9][0-9]{0,1}|[1-1][0-9]{2}|2[0-4][0-9]{1}|25[0-4][0-9]{0}|255");
        assert!(up_to(u64::MAX.into()).ends_with("|18446744073709551615"));
    }
}
