//! Types as JSON Schema, for OpenAPI, OpenRPC and AsyncAPI.
//!
//! Owns one rule: a text is valid under the schema exactly when lowering takes it. So everything that lowering refuses is said,
//! as far as JSON Schema can say it: ranges, patterns, closed objects, tuples of exact length. The members of an object that are
//! there twice are the exception, because JSON Schema sees a text after it was read.
//!
//! Two drafts are spoken, because OpenAPI 3.1 is of draft 2020-12 while OpenRPC and the parsers of AsyncAPI are of draft-07. What
//! differs between them here is the form of a tuple, and that nothing may stand beside a `$ref` in the older one.

use serde_json::{Map, Value, json};

use super::text::markdown;
use crate::typed::model::{Case, Field, Integer, Shape, Type};

/// Base64 in its one spelling (RFC 4648, sections 3.5 and 4).
const BASE64: &str = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$";

/// The same, or with the alphabet for URLs, where padding is customarily left out (section 5).
const BASE64_IN_URL: &str = concat!(
    "^(?:(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?",
    "|(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-][AQgw](?:==)?|[A-Za-z0-9_-]{2}[AEIMQUYcgkosw048]=?)?)$"
);

/// A draft of JSON Schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Draft {
    /// draft-07.
    Seven,
    /// 2020-12.
    TwentyTwenty,
}

/// Where a document keeps its named types, and in which draft it says them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Such as `#/components/schemas/`.
    pub named_at: &'static str,
    /// The draft of the document.
    pub draft: Draft,
}

/// The schema of a type, which is a reference where the type has a name.
#[must_use]
pub(super) fn schema(of: &Type, place: Place) -> Value {
    match &of.name {
        Some(name) => json!({ "$ref": format!("{}{name}", place.named_at) }),
        None => definition(of, place),
    }
}

/// The schema of a named type itself, for the place where those are kept.
#[must_use]
pub(super) fn definition(of: &Type, place: Place) -> Value {
    described(shape(of, place), &of.docs, place)
}

/// The schemas of all named types, by their names.
#[must_use]
pub(super) fn definitions(types: &[std::sync::Arc<Type>], place: Place) -> Map<String, Value> {
    types.iter().filter_map(|of| Some((of.name.clone()?, definition(of, place)))).collect()
}

/// The closed object of these fields.
#[must_use]
pub(super) fn object<'f>(fields: impl Iterator<Item = &'f Field> + Clone, place: Place) -> Value {
    let mut properties = Map::new();
    for field in fields.clone() {
        properties.insert(field.name.clone(), described(schema(&field.of, place), &field.docs, place));
    }
    let required: Vec<&str> =
        fields.filter(|field| !field.is_optional()).map(|field| field.name.as_str()).collect();
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if let (false, Some(members)) = (required.is_empty(), schema.as_object_mut()) {
        members.insert("required".to_owned(), json!(required));
    }
    schema
}

/// The same schema with a description, if there is one.
#[must_use]
pub(super) fn described(mut schema: Value, docs: &str, place: Place) -> Value {
    if docs.is_empty() {
        return schema;
    }
    if place.draft == Draft::Seven && schema.get("$ref").is_some() {
        // draft-07 says that what stands beside a reference is ignored.
        schema = json!({ "allOf": [schema] });
    }
    if let Some(members) = schema.as_object_mut() {
        members.insert("description".to_owned(), json!(markdown(docs)));
    }
    schema
}

/// The schema of a scalar that stands in a path or in the query string, where its text is all there is: a wide integer has one
/// form, and an option that is empty is not there at all.
#[must_use]
pub(super) fn in_url(of: &Type, in_path: bool, place: Place) -> Value {
    match &of.shape {
        Shape::Option(inner) => in_url(inner, in_path, place),
        Shape::Integer(integer) if integer.is_wide() => wide(*integer, place),
        Shape::Bytes if in_path => json!({
            "type": "string", "contentEncoding": "base64url", "minLength": 1,
            "pattern": "^(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-][AQgw]|[A-Za-z0-9_-]{2}[AEIMQUYcgkosw048])?$",
        }),
        Shape::Bytes => json!({ "type": "string", "contentEncoding": "base64", "pattern": BASE64_IN_URL }),
        // Control characters and segments of nothing but dots have no unambiguous form in a path.
        Shape::String if in_path => json!({
            "type": "string", "minLength": 1, "pattern": "^(?!\\.{1,2}$)[^\\u0000-\\u001f\\u007f]+$",
        }),
        Shape::Char if in_path => json!({
            "type": "string", "minLength": 1, "maxLength": 1, "pattern": "^[^.\\u0000-\\u001f\\u007f]$",
        }),
        Shape::List(item) => json!({ "type": "array", "items": in_url(item, in_path, place) }),
        _ => schema(of, place),
    }
}

fn shape(of: &Type, place: Place) -> Value {
    match &of.shape {
        Shape::Bool => json!({ "type": "boolean" }),
        Shape::Integer(of) => integer(*of, place),
        // The largest in its shortest digits, which are a little more than it and read as it.
        Shape::Float32 => float("float", 3.402_823_5e38, place),
        Shape::Float64 => float("double", f64::MAX, place),
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
        Shape::Tuple(items) => tuple(items.iter().map(|item| schema(item, place)).collect(), place),
        Shape::Record(fields) => object(fields.iter(), place),
        Shape::Variant(cases) | Shape::Result { cases } => variant(cases.iter(), place),
        Shape::Enum(cases) => enumeration(cases.iter(), place),
        Shape::Flags(cases) => {
            json!({ "type": "array", "items": enumeration(cases.iter(), place), "uniqueItems": true })
        }
    }
}

fn float(kind: &str, max: f64, place: Place) -> Value {
    json!({ "oneOf": [
        { "type": "number", (kind_key(place)): kind, "minimum": -max, "maximum": max },
        { "type": "string", "enum": ["NaN", "Infinity", "-Infinity"] },
    ] })
}

fn tuple(items: Vec<Value>, place: Place) -> Value {
    let count = items.len();
    match place.draft {
        Draft::Seven => json!({
            "type": "array", "items": items, "additionalItems": false, "minItems": count, "maxItems": count,
        }),
        Draft::TwentyTwenty => json!({
            "type": "array", "prefixItems": items, "items": false, "minItems": count, "maxItems": count,
        }),
    }
}

/// Where the kind of a number is said. The formats are those of OpenAPI, and readers of draft-07 may stop at one that they do not know.
fn kind_key(place: Place) -> &'static str {
    match place.draft {
        Draft::Seven => "title",
        Draft::TwentyTwenty => "format",
    }
}

fn kind(of: Integer) -> &'static str {
    match of {
        Integer::S8 => "int8",
        Integer::U8 => "uint8",
        Integer::S16 => "int16",
        Integer::U16 => "uint16",
        Integer::S32 => "int32",
        Integer::U32 => "uint32",
        Integer::S64 => "int64",
        Integer::U64 => "uint64",
    }
}

fn integer(of: Integer, place: Place) -> Value {
    let (min, max) = of.range();
    let bound = |bound: i128| match u64::try_from(bound) {
        Ok(bound) => json!(bound),
        Err(_) => json!(i64::try_from(bound).unwrap_or(i64::MIN)),
    };
    let number = json!({ "type": "integer", (kind_key(place)): kind(of), "minimum": bound(min), "maximum": bound(max) });
    if !of.is_wide() {
        return number;
    }
    // Written as text, and also read as a number, from clients whose numbers are wide enough.
    json!({ "oneOf": [wide(of, place), number] })
}

/// An integer of 64 bits as text, in its one spelling.
fn wide(of: Integer, place: Place) -> Value {
    let (min, max) = of.range();
    let negative = if min < 0 { format!("|-(?:{})", up_to(min.unsigned_abs())) } else { String::new() };
    let pattern = format!("^(?:0|{}{negative})$", up_to(max.unsigned_abs()));
    json!({ "type": "string", (kind_key(place)): kind(of), "pattern": pattern })
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

/// One of the names of these cases.
#[must_use]
pub(super) fn enumeration<'c>(cases: impl Iterator<Item = &'c Case> + Clone, place: Place) -> Value {
    let names: Vec<&str> = cases.clone().map(|case| case.name.as_str()).collect();
    let docs: Vec<String> = cases
        .filter(|case| !case.docs.is_empty())
        .map(|case| format!("- `{}`: {}", case.name, case.docs))
        .collect();
    described(json!({ "type": "string", "enum": names }), &docs.join("\n"), place)
}

/// One of these cases.
#[must_use]
pub(super) fn variant<'c>(cases: impl Iterator<Item = &'c Case>, place: Place) -> Value {
    let forms: Vec<Value> = cases
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
            described(form, &case.docs, place)
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
