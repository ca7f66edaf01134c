//! JSON Schema (2020-12) of Rust types: what the contracts of REST and RPC plugins say about bodies, parameters and
//! results. Schemas are made once, when a plugin is loaded, and to word an error; no call pays for them.

use std::collections::{BTreeMap, HashMap};

pub use serde_json::Value;
use serde_json::json;

/// A type that can say which JSON it is written as and read from. Derive it with
/// [`#[derive(Schema)]`](macro@crate::Schema).
pub trait Schema {
    /// Whether only a JSON object can be this type. serde would take an array in place of a struct; where a struct is
    /// described as an object, such an array is refused.
    const OBJECT: bool = false;

    /// The type's JSON Schema.
    fn schema() -> Value;

    /// Whether a field or parameter of this type may be left out.
    fn optional() -> bool {
        false
    }
}

macro_rules! schemas {
    ($($ty:ty => $schema:tt),* $(,)?) => {
        $(impl Schema for $ty {
            fn schema() -> Value {
                json!($schema)
            }
        })*
    };
}

schemas! {
    bool => {"type": "boolean"},
    i8 => {"type": "integer", "minimum": i8::MIN, "maximum": i8::MAX},
    i16 => {"type": "integer", "minimum": i16::MIN, "maximum": i16::MAX},
    i32 => {"type": "integer", "minimum": i32::MIN, "maximum": i32::MAX},
    i64 => {"type": "integer", "minimum": i64::MIN, "maximum": i64::MAX},
    isize => {"type": "integer", "minimum": isize::MIN, "maximum": isize::MAX},
    u8 => {"type": "integer", "minimum": 0, "maximum": u8::MAX},
    u16 => {"type": "integer", "minimum": 0, "maximum": u16::MAX},
    u32 => {"type": "integer", "minimum": 0, "maximum": u32::MAX},
    u64 => {"type": "integer", "minimum": 0, "maximum": u64::MAX},
    usize => {"type": "integer", "minimum": 0, "maximum": usize::MAX},
    f32 => {"type": "number"},
    f64 => {"type": "number"},
    str => {"type": "string"},
    String => {"type": "string"},
    char => {"type": "string", "minLength": 1, "maxLength": 1},
    () => {"type": "null"},
    Value => {},
    serde_json::value::RawValue => {},
    serde_json::Map<String, Value> => {"type": "object"},
}

impl<T: Schema + ?Sized> Schema for Box<T> {
    const OBJECT: bool = T::OBJECT;

    fn schema() -> Value {
        T::schema()
    }

    fn optional() -> bool {
        T::optional()
    }
}

impl<T: Schema + ?Sized> Schema for &T {
    const OBJECT: bool = T::OBJECT;

    fn schema() -> Value {
        T::schema()
    }

    fn optional() -> bool {
        T::optional()
    }
}

impl<T: Schema> Schema for Option<T> {
    fn schema() -> Value {
        let inner = T::schema();
        match inner.get("type") {
            Some(Value::String(name)) if inner.get("enum").is_none() => {
                let types = json!([name, "null"]);
                with(inner, "type", types)
            }
            None if inner.as_object().is_some_and(serde_json::Map::is_empty) => inner,
            _ => json!({"anyOf": [inner, {"type": "null"}]}),
        }
    }

    fn optional() -> bool {
        true
    }
}

impl<T: Schema> Schema for Vec<T> {
    fn schema() -> Value {
        json!({"type": "array", "items": T::schema()})
    }
}

impl<T: Schema> Schema for [T] {
    fn schema() -> Value {
        Vec::<T>::schema()
    }
}

impl<T: Schema> Schema for BTreeMap<String, T> {
    fn schema() -> Value {
        json!({"type": "object", "additionalProperties": T::schema()})
    }
}

impl<T: Schema, S> Schema for HashMap<String, T, S> {
    fn schema() -> Value {
        BTreeMap::<String, T>::schema()
    }
}

macro_rules! tuples {
    ($($count:literal: $($name:ident)+;)*) => {
        $(impl<$($name: Schema),+> Schema for ($($name,)+) {
            fn schema() -> Value {
                json!({"type": "array", "prefixItems": [$($name::schema()),+], "minItems": $count, "maxItems": $count})
            }
        })*
    };
}

tuples! {
    1: A;
    2: A B;
    3: A B C;
    4: A B C D;
    5: A B C D E;
    6: A B C D E F;
}

/// Adds a member to a schema that is an object.
fn with(mut schema: Value, name: &str, value: Value) -> Value {
    if let Some(members) = schema.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
    schema
}

/// The schema with a description, unless that is empty.
pub fn described(schema: Value, description: &str) -> Value {
    if description.is_empty() { schema } else { with(schema, "description", description.into()) }
}

/// The schema of a type whose values are a few names.
pub fn one_of(title: &str, description: &str, names: &[&str]) -> Value {
    described(json!({"title": title, "type": "string", "enum": names}), description)
}

/// Puts together the schema of a struct. What the derive uses.
pub struct Object {
    schema: Value,
    properties: serde_json::Map<String, Value>,
    required: Vec<Value>,
}

impl Object {
    /// Begins without properties.
    pub fn new(title: &str, description: &str) -> Self {
        let schema = described(json!({"title": title, "type": "object"}), description);
        Self { schema, properties: serde_json::Map::new(), required: Vec::new() }
    }

    /// Adds a property; `may_miss` when its absence is no error although its type is not optional. `members` are put in
    /// place of those that the type's schema has.
    #[must_use]
    pub fn field<T: Schema + ?Sized>(
        mut self,
        name: &str,
        description: &str,
        may_miss: bool,
        members: &[(&str, Value)],
    ) -> Self {
        let schema =
            members.iter().fold(T::schema(), |schema, (name, value)| with(schema, name, value.clone()));
        self.properties.insert(name.to_owned(), described(schema, description));
        if !may_miss && !T::optional() {
            self.required.push(name.into());
        }
        self
    }

    /// The schema; `closed` when no other properties are allowed.
    pub fn finish(self, closed: bool) -> Value {
        let mut schema = with(self.schema, "properties", Value::Object(self.properties));
        if !self.required.is_empty() {
            schema = with(schema, "required", Value::Array(self.required));
        }
        if closed {
            schema = with(schema, "additionalProperties", false.into());
        }
        schema
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A book.
    #[derive(crate::Schema, serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Book {
        /// As printed on
        /// the cover.
        #[schema(minLength = 1, pattern = "^.*$")]
        main_title: String,
        pages: Option<u16>,
        #[serde(rename = "tags", default)]
        words: Vec<String>,
        #[serde(skip)]
        secret: u8,
        binding: Binding,
    }

    #[derive(crate::Schema, serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Binding {
        HardCover,
        Paper,
    }

    #[derive(crate::Schema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Isbn(String);

    #[test]
    fn the_derive_says_what_serde_does() {
        let expected = json!({
            "title": "Book",
            "description": "A book.",
            "type": "object",
            "properties": {
                "mainTitle": {
                    "type": "string", "minLength": 1, "pattern": "^.*$", "description": "As printed on the cover.",
                },
                "pages": {"type": ["integer", "null"], "minimum": 0, "maximum": 65535},
                "tags": {"type": "array", "items": {"type": "string"}},
                "binding": {"title": "Binding", "type": "string", "enum": ["hard-cover", "paper"]},
            },
            "required": ["mainTitle", "binding"],
            "additionalProperties": false,
        });
        assert_eq!(Book::schema(), expected);
        assert_eq!(serde_json::to_value(Binding::HardCover).unwrap(), "hard-cover");
        assert_eq!(serde_json::to_value(Binding::Paper).unwrap(), "paper");
        assert_eq!(Isbn::schema(), json!({"type": "string"}));
    }

    #[test]
    fn an_optional_choice_allows_null_beside_its_names() {
        let schema = Option::<Binding>::schema();
        assert_eq!(schema["anyOf"][1], json!({"type": "null"}));
        assert_eq!(Option::<Value>::schema(), json!({}));
    }
}
