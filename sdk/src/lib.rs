//! Write Guesthouse plugins in Rust.
//!
//! A plugin is a `cdylib` crate that depends on this one and marks what it serves:
//!
//! ```
//! use guesthouse_sdk::rest::{Json, Problem};
//!
//! struct Hello;
//!
//! #[guesthouse_sdk::rest]
//! impl Hello {
//!     /// Greets somebody.
//!     #[get("/hello/{name}")]
//!     fn hello(name: String) -> Result<Json<String>, Problem> {
//!         Ok(Json(format!("Hello, {name}!")))
//!     }
//! }
//! ```
//!
//! `guesthouse build` makes a component of it. The attribute decodes requests, answers what does not fit, and describes
//! the plugin to the host; the capabilities ([`store`], [`context`], [`log`], ...) are imports, and those that are not
//! called are not in the component. A plugin's own tests run with plain `cargo test`: see [`testing`].
//!
//! # Memory
//!
//! An instance serves one call unless the manifest says otherwise, so the crate's global allocator is an arena that never
//! frees. A plugin whose instances are reused turns it off: `guesthouse-sdk = { ..., default-features = false }`.
//!
//! # Panics
//!
//! A panic ends the call with the style's error for the caller, and its message goes to the log. That takes the import
//! `wasi:logging`. A plugin that imports nothing at all is instantiated fastest; it says `#[rest(pure)]` or `#[rpc(pure)]`,
//! and a panic of it is a trap without words.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "a test that fails may panic"
    )
)]

// The attributes name this crate from outside, in its own tests and documentation too.
extern crate self as guesthouse_sdk;

#[cfg(any(all(target_arch = "wasm32", feature = "arena"), test))]
mod arena;
#[doc(hidden)]
pub mod bindings;
pub mod clock;
pub mod config;
pub mod context;
mod host;
pub mod log;
pub mod panic;
pub mod random;
pub mod rest;
pub mod rpc;
pub mod schema;
pub mod soap;
pub mod store;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
pub mod transaction;
pub mod websocket;

pub use guesthouse_sdk_macros::{Schema, rest, rpc, soap, websocket};
pub use schema::Schema;
pub use serde_json::json;
