//! REST: typed handlers on path templates, or one raw handler for every request.
//!
//! [`#[rest]`](macro@crate::rest) makes the dispatch and the description; this module reads what handlers take
//! ([`FromRequest`], [`FromSegment`]) and writes what they answer ([`IntoResponse`]). Whatever does not fit is answered with
//! a [`Problem`].

mod accept;
mod body;
mod conditional;
pub mod contract;
mod problem;
mod query;
mod request;
mod response;
mod route;

pub use accept::Accept;
pub use body::{Json, MergePatch, merge_patch};
pub use conditional::{ETag, Preconditions};
pub use problem::Problem;
pub use query::Query;
pub use request::{FromRequest, Request};
pub use response::{IntoResponse, Response};
pub use route::FromSegment;
#[doc(hidden)]
pub use route::{Segments, answer, other_method, path_argument, unknown_path};

/// What a plugin exports: `handle` answers one request. [`#[rest]`](macro@crate::rest) implements it; a plugin's tests call it.
pub use crate::bindings::rest::Guest as Plugin;
/// What a described plugin exports beside [`Plugin`].
pub use crate::bindings::rest_contract::Guest as Described;

#[cfg(test)]
mod tests;
