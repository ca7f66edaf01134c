//! What is tested from outside: the library as the binary uses it, and the binary itself.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that panics has failed, which is what is wanted"
)]

mod plugin_life;
