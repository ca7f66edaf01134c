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
/// and `transparent`; for anything else, implement the trait by hand. `#[schema(minimum = 1, maximum = 100)]` on a field adds
/// what its type does not say; checking it is the plugin's.
#[proc_macro_derive(Schema, attributes(schema))]
pub fn schema(item: TokenStream) -> TokenStream {
    schema::expand(item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Serves an `impl` block of typed functions, or an `impl Handler for`, as SOAP 1.1 and 1.2.
///
/// On an `impl` block it takes the service's namespace and its name, which is the type's unless given. Each function with
/// `#[operation]` is an operation; other functions stay helpers. Doc comments, also those on arguments and fields, become
/// the documentation in the WSDL.
///
/// ```
/// use guesthouse_sdk::soap::{Decimal, SoapFault};
///
/// #[derive(SoapFault)]
/// enum RateFault {
///     /// No rate is known for the currency.
///     #[fault(sender, reason = "there is no rate for {currency}")]
///     UnknownCurrency { currency: String },
/// }
///
/// struct Rates;
///
/// #[guesthouse_sdk::soap(namespace = "urn:example:rates", service = "Rates")]
/// impl Rates {
///     /// Converts an amount into euros.
///     #[operation(returns = "euros")]
///     fn to_euros(amount: Decimal, currency: String) -> Result<Decimal, RateFault> {
///         if currency == "EUR" { Ok(amount) } else { Err(RateFault::UnknownCurrency { currency }) }
///     }
/// }
/// ```
///
/// - An operation is named in PascalCase (`ToEuros`), its arguments in camelCase; `#[operation(name = "...")]` and
///   `#[xml(name = "...")]` on an argument name them otherwise. The response is the operation's name and `Response`.
/// - `returns` names the element of the response that holds the answer. Without it, the answer is a struct that derives
///   `XmlValue`, whose fields are the elements, or nothing.
/// - `#[operation(one_way)]` answers nothing: the caller is told that the message was accepted once the function has returned.
/// - Arguments that are missing, repeated, unknown or not of their type are refused with a fault that names the place,
///   what was expected and what was found. `Option` arguments may be left out or nil, `Vec` arguments repeat.
/// - The answer is a value, or a `Result` of one and a `SoapFault`.
///
/// On an `impl Handler for`, which works with XML itself, it takes nothing.
///
/// `#[soap(pure)]` leaves out the panic hook, and with it the import it takes.
#[proc_macro_attribute]
pub fn soap(arguments: TokenStream, item: TokenStream) -> TokenStream {
    soap::attribute(arguments.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a type one that may stand in SOAP messages: a struct of fields, a struct around one value, an enum of words, or an
/// enum whose variants hold one value each. `#[xml(name = "...")]` on the type, a field or a variant chooses its name.
#[proc_macro_derive(XmlValue, attributes(xml))]
pub fn derive_xml_value(input: TokenStream) -> TokenStream {
    syn::parse(input)
        .and_then(|input| soap::derive_value(&input))
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Makes the variants of an enum SOAP faults that the WSDL declares. `#[fault(sender)]` (unless told otherwise) or
/// `#[fault(receiver)]` is the code; `reason = "..."` is the text and may name fields in braces, without it the doc comment
/// is the text; `name = "..."` names the element of the detail; `transparent` passes on another fault, with a `From`.
#[proc_macro_derive(SoapFault, attributes(fault, xml))]
pub fn derive_soap_fault(input: TokenStream) -> TokenStream {
    syn::parse(input)
        .and_then(|input| soap::derive_fault(&input))
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Serves an `impl guesthouse_sdk::websocket::Handler for` as WebSocket.
///
/// `#[websocket(pure)]` leaves out the panic hook, and with it the import it takes.
#[proc_macro_attribute]
pub fn websocket(arguments: TokenStream, item: TokenStream) -> TokenStream {
    websocket::expand(arguments.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
