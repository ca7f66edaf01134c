//! What is tested from outside: the real binary on a port of its own, the plugins of this repository, and clients that
//! other people wrote. One binary for all of it, so that it is linked once; one module per concern. `make test` builds what
//! these tests need and says in the environment where it is; see `support`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that panics has failed, which is what is wanted"
)]

mod architecture;
mod bank;
mod clients_auth;
mod clients_rest;
mod clients_rpc;
mod clients_rpc_websocket;
mod clients_soap;
mod clients_websocket;
mod command_line;
mod content;
mod examples;
mod hostile;
mod index;
mod isolation;
mod limits;
mod plugin_life;
mod property;
mod readme;
mod support;
mod swap;
mod typed;
mod wasi_http;
mod websocket_transport;
mod wire;
