//! Bodies: JSON in and out, and changes as JSON Merge Patch (RFC 7396).
//!
//! Text that is not JSON is 400. JSON that is not what the handler takes is 422, with a pointer to the place (RFC 6901).

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Value, json};
use serde_path_to_error::Segment;

use super::contract::{self, Endpoint};
use super::{FromRequest, IntoResponse, Problem, Request, Response};
use crate::schema::Schema;

/// A value as a JSON body: of a request, or of an answer with status 200.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned + Schema> FromRequest for Json<T> {
    fn from_request(request: &Request) -> Result<Self, Problem> {
        let fits = |media_type: &str| {
            media_type == "application/json"
                || (media_type.starts_with("application/") && media_type.ends_with("+json"))
        };
        if !request.media_type().is_some_and(|media_type| fits(&media_type)) || !is_utf8(request) {
            return Err(Problem::new(415)
                .detail("The body is to be application/json in UTF-8.")
                .header("accept", "application/json"));
        }
        read(&request.body, T::OBJECT).map(Self)
    }

    fn describe(endpoint: &mut Endpoint) {
        contract::body(endpoint, "application/json", &T::schema());
    }
}

/// JSON is UTF-8 (RFC 8259, section 8.1), whatever a charset parameter says.
fn is_utf8(request: &Request) -> bool {
    request.charset().is_none_or(|charset| matches!(charset.as_str(), "utf-8" | "utf8" | "us-ascii"))
}

impl<T: Serialize + Schema> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        Response::json(200, &self.0)
    }

    fn describe(endpoint: &mut Endpoint) {
        contract::answer(endpoint, 200, Some(T::schema()), &[]);
    }
}

/// Reads a JSON text as a `T`, which is an object only if `object` says so.
fn read<T: DeserializeOwned>(text: &[u8], object: bool) -> Result<T, Problem> {
    let is_array = text.trim_ascii_start().first() == Some(&b'[');
    let error = match serde_json::from_slice(text) {
        Ok(_) if object && is_array => return Err(misfit("invalid type: sequence, expected an object", "#")),
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    // serde stops at the first value that does not fit; whether the text is JSON at all shows only at its end.
    let syntax = if error.is_data() { serde_json::from_slice::<IgnoredAny>(text).err() } else { Some(error) };
    if let Some(error) = syntax {
        return Err(Problem::bad_request(&format!("The body is not JSON: {error}.")));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    match serde_path_to_error::deserialize(&mut deserializer) {
        Ok(value) => Ok(value),
        Err(error) => Err(does_not_fit(&error)),
    }
}

/// Reads a JSON value as a `T`.
fn read_value<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error| does_not_fit(&error))
}

/// 422 with the place and the reason.
fn does_not_fit(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let mut pointer = "#".to_owned();
    for segment in error.path() {
        pointer.push('/');
        match segment {
            Segment::Seq { index } => pointer.push_str(&index.to_string()),
            Segment::Map { key } => push_token(&mut pointer, key),
            Segment::Enum { variant } => push_token(&mut pointer, variant),
            Segment::Unknown => pointer.push('?'),
        }
    }
    let words = error.inner().to_string();
    misfit(words.rsplit_once(" at line ").map_or(words.as_str(), |(words, _)| words), &pointer)
}

fn misfit(words: &str, pointer: &str) -> Problem {
    Problem::new(422)
        .detail("The body is JSON but not what is taken here.")
        .with("errors", &serde_json::json!([{"detail": words, "pointer": pointer}]))
}

/// Adds one token to a pointer that stands in a URI fragment (RFC 6901, sections 3 and 6).
fn push_token(pointer: &mut String, token: &str) {
    for byte in token.bytes() {
        match byte {
            b'~' => pointer.push_str("~0"),
            b'/' => pointer.push_str("~1"),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => pointer.push(char::from(byte)),
            other => pointer.push_str(&format!("%{other:02X}")),
        }
    }
}

/// Changes a JSON value as a merge patch says (RFC 7396, section 2): members of an object are set, those set to null
/// are removed, anything else is replaced whole.
pub fn merge_patch(target: &mut Value, patch: Value) {
    let Value::Object(changes) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Some(members) = target.as_object_mut() else { return };
    for (name, change) in changes {
        if change.is_null() {
            members.remove(&name);
        } else {
            merge_patch(members.entry(name).or_insert(Value::Null), change);
        }
    }
}

/// The media type of a merge patch.
const MERGE_PATCH: &str = "application/merge-patch+json";

/// A body of `application/merge-patch+json` that changes a `T`. Any other type is 415 with `Accept-Patch` (RFC 5789,
/// section 2.2).
#[derive(Debug, Clone, PartialEq)]
pub struct MergePatch<T> {
    patch: Value,
    of: PhantomData<T>,
}

impl<T: Serialize + DeserializeOwned> MergePatch<T> {
    /// `current` with the changes made; 422 when the result is no `T`.
    pub fn apply(&self, current: &T) -> Result<T, Problem> {
        let mut value = serde_json::to_value(current).map_err(|_| Problem::new(500))?;
        merge_patch(&mut value, self.patch.clone());
        read_value(value)
    }
}

impl<T: Schema> FromRequest for MergePatch<T> {
    fn from_request(request: &Request) -> Result<Self, Problem> {
        if request.media_type().as_deref() != Some(MERGE_PATCH) || !is_utf8(request) {
            return Err(Problem::new(415)
                .detail("A change is to be sent as application/merge-patch+json.")
                .header("accept-patch", MERGE_PATCH));
        }
        read(&request.body, false).map(|patch| Self { patch, of: PhantomData })
    }

    fn describe(endpoint: &mut Endpoint) {
        let mut schema = T::schema();
        if let Some(members) = schema.as_object_mut() {
            if let Some(title) =
                members.get("title").and_then(Value::as_str).map(|title| format!("{title}Patch"))
            {
                members.insert("title".to_owned(), title.into());
            }
            let required = members.remove("required");
            let is_required = |name: &String| {
                required
                    .as_ref()
                    .and_then(Value::as_array)
                    .is_some_and(|names| names.iter().any(|held| held == name))
            };
            // Null takes a member away (RFC 7396, section 1), which is possible where it may miss.
            for (name, property) in
                members.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten()
            {
                if !is_required(name) {
                    *property = json!({"anyOf": [property.take(), {"type": "null"}]});
                }
            }
        }
        contract::body(endpoint, MERGE_PATCH, &schema);
    }
}
