//! Guesthouse: an API host for WebAssembly guests.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "a test that panics has failed, which is what is wanted"
    )
)]

pub mod auth;
pub mod capability;
pub mod cli;
pub mod config;
pub mod exchange;
pub mod failure;
pub mod gateway;
pub mod limits;
pub mod observe;
pub mod plugin;
pub mod protocol;
pub mod sandbox;
pub mod server;
#[cfg(test)]
mod testing;
pub mod typed;
