//! Guesthouse: an API host for WebAssembly guests.
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

pub mod capability;
pub mod config;
pub mod exchange;
pub mod failure;
pub mod limits;
pub mod plugin;
pub mod sandbox;
pub mod server;
