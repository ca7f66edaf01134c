//! What an operator sees of the host.

pub mod access;
