//! The attributes of `guesthouse-sdk`, which re-exports and documents them. They turn typed functions into the exports of
//! the contract: decoding, dispatch, description. They know Rust's syntax and the names of the SDK's items; all behaviour
//! is in the SDK, where it can be read and tested.

mod common;
mod rest;
mod rpc;
mod schema;
mod soap;
mod websocket;

use proc_macro::TokenStream;

/// Serves an `impl` block of routed handlers, or one raw handler function, as REST.
///
/// On an `impl` block, each function with one of `#[get]`, `#[post]`, `#[put]`, `#[patch]`, `#[delete]` answers one method on
/// one path template below the mount; other functions stay helpers. The first paragraph of its doc comment is its
/// summary in the OpenAPI description.
///
/// ```
/// use guesthouse_sdk::rest::{Json, Problem, Query, Request, Response};
/// use guesthouse_sdk::Schema;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, Schema)]
/// struct Book { title: String }
///
/// #[derive(Deserialize, Schema)]
/// struct Search { author: Option<String> }
///
/// struct Library;
///
/// #[guesthouse_sdk::rest]
/// impl Library {
///     /// Finds books.
///     #[get("/books")]
///     fn find(search: Query<Search>) -> Result<Json<Vec<Book>>, Problem> {
///         Ok(Json(Vec::new()))
///     }
///
///     /// Replaces a book.
///     #[put("/books/{isbn}", answers(200: Book ["etag"], 412), scopes("books:write"))]
///     fn replace(isbn: String, book: Json<Book>, request: &Request) -> Result<Response, Problem> {
///         Ok(Response::json(200, &book.0).header("etag", "\"1\""))
///     }
/// }
/// ```
///
/// - An argument named like a `{placeholder}` gets that segment, percent-decoded and read as its type
///   (`FromSegment`); a segment that does not fit is 404.
/// - `&Request` gets the whole request. Every other argument is read from it as its type says (`FromRequest`): `Query`,
///   `Json`, `MergePatch`, `Preconditions`, or a type of the plugin's own.
/// - The answer is whatever is `IntoResponse`, or a `Result` of two such.
/// - `answers(...)` lists answers that the types do not tell: a status, then the type of its body and the fields it
///   carries, if any. `scopes(...)` lists what the caller must hold.
/// - Literal segments win over placeholders. HEAD is answered as GET; OPTIONS, 404 and 405 are answered by
///   themselves.
///
/// On a function, `fn(Request) -> impl IntoResponse`, it gets every request as it is, and nothing is described.
///
/// `#[rest(pure)]` leaves out the panic hook, and with it the import it takes.
#[proc_macro_attribute]
pub fn rest(arguments: TokenStream, item: TokenStream) -> TokenStream {
    rest::expand(arguments.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Serves an `impl` block of typed functions as JSON-RPC and XML-RPC.
///
/// Each function with `#[method]` is a method under its own name, with `#[method("name")]` under that one; other functions
/// stay helpers. Doc comments, also those on arguments, are the help that clients can ask for.
///
/// ```
/// use guesthouse_sdk::rpc::Failure;
///
/// struct Arithmetic;
///
/// #[guesthouse_sdk::rpc]
/// impl Arithmetic {
///     /// Divides two integers.
///     #[method]
///     fn divide(
///         /// What is divided.
///         dividend: i64,
///         divisor: i64,
///     ) -> Result<i64, Failure> {
///         dividend.checked_div(divisor).ok_or_else(|| Failure::new(1, "Division by zero"))
///     }
/// }
/// ```
///
/// - Arguments are taken by position or by name and read as their types. An argument that is missing, does not fit, or
///   is not known is refused with -32602 and data that names it. `Option` arguments may be left out.
/// - A last argument of type `Variadic<T>` takes all further positional arguments; a single one of type `Params` takes
///   whatever was sent.
/// - `#[name("from")]` on an argument gives it another name than its Rust one.
/// - The answer is any type that is `Serialize` and `Schema`, or a `Result` of one and whatever is `Into<Failure>`.
///
/// `#[rpc(pure)]` leaves out the panic hook, and with it the import it takes.
#[proc_macro_attribute]
pub fn rpc(arguments: TokenStream, item: TokenStream) -> TokenStream {
    rpc::expand(arguments.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Describes a type as JSON Schema, in step with what serde makes of it.
///
/// For structs with named fields, structs of one unnamed field, and enums of plain variants. Doc comments become
/// descriptions. It follows serde's `rename`, `rename_all`, `default`, `skip`, `skip_serializing_if`, `deny_unknown_fields`
/// and `transparent`; for anything else, implement the trait by hand.
#[proc_macro_derive(Schema)]
pub fn schema(item: TokenStream) -> TokenStream {
    schema::expand(item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a SOAP plugin.
///
/// On an impl block of functions it makes a typed service: `#[soap(namespace = "urn:...", service = "Name")]`. Each function
/// is an operation, named in PascalCase; its parameters are elements, named in camelCase; its doc comment is its
/// documentation. `#[operation(name = "...")]` names it otherwise, `#[operation(returns = "...")]` names the element that
/// holds the result, without which the result is a struct whose fields are the elements, and `#[xml(name = "...")]`
/// names a parameter.
///
/// On an `impl Handler for ...` it exports the handler.
///
/// With `pure`, panics are not logged, and the plugin does not import `wasi:logging`.
#[proc_macro_attribute]
pub fn soap(arguments: TokenStream, item: TokenStream) -> TokenStream {
    soap::attribute(arguments.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a type one that may stand in SOAP messages: a struct of fields, a struct around one value, an enum of words, or an
/// enum whose variants hold one value each. `#[xml(name = "...")]` on the type, a field or a variant chooses its name.
#[proc_macro_derive(XmlValue, attributes(xml))]
pub fn derive_xml_value(input: TokenStream) -> TokenStream {
    syn::parse(input).and_then(|input| soap::derive_value(&input)).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes the variants of an enum SOAP faults that the WSDL declares. `#[fault(sender)]` (unless told otherwise) or
/// `#[fault(receiver)]` is the code; `reason = "..."` is the text and may name fields in braces, without it the doc comment
/// is the text; `name = "..."` names the element of the detail; `transparent` passes on another fault, with a `From`.
#[proc_macro_derive(SoapFault, attributes(fault, xml))]
pub fn derive_soap_fault(input: TokenStream) -> TokenStream {
    syn::parse(input).and_then(|input| soap::derive_fault(&input)).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Exports an `impl guesthouse_sdk::websocket::Handler for ...` as a WebSocket plugin. With `pure`, panics are not logged,
/// and the plugin does not import `wasi:logging`.
#[proc_macro_attribute]
pub fn websocket(arguments: TokenStream, item: TokenStream) -> TokenStream {
    websocket::expand(arguments.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
