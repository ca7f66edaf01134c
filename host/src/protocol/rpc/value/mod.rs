//! Values: XML-RPC to JSON text and back.
//!
//! Owns the mapping that `wit/rpc.wit` states. Refuses to know what a call is. Both ways go from one text straight to the other
//! in one pass; the depth of both is bounded, so the recursion is.
//!
//! | XML-RPC | JSON |
//! | --- | --- |
//! | `int`, `i4`, `i8`, `ex:i8` | number without fraction and exponent; back as `int` within 32 bits, else as `i8` |
//! | `double` | number with a fraction or an exponent, digits kept; back without an exponent, as the specification wants it |
//! | `boolean` | `true`, `false` |
//! | `string`, or text without a type | string |
//! | `dateTime.iso8601` | `{"$dateTime":"19980717T14:08:55"}`, the text kept |
//! | `base64` | `{"$base64":"aGVsbG8="}`, without white space and padded |
//! | `nil`, `ex:nil` | `null` |
//! | `array`, `struct` | array, object |
//!
//! A struct whose only member is a string named `$dateTime` or `$base64` would be taken for the marked value. It has one more
//! `$` in front of that name in JSON, and one with `$$dateTime` two more, and so on; on the way back one `$` is taken away. So
//! every XML-RPC value comes back as it was sent. A struct that repeats a name is an error both ways.

mod lexical;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub(super) use self::read::{Invalid, content, next_tag, read};
pub(super) use self::write::write;

/// `$dateTime` or `$base64`, with one or more `$`.
fn is_marker(name: &str) -> bool {
    name.starts_with('$') && matches!(name.trim_start_matches('$'), "dateTime" | "base64")
}
