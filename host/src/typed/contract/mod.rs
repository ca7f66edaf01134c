//! Contracts: what a service's types are in the language of each protocol.
//!
//! Every contract is a pure function of the reflected service, in a file of its own. They share the JSON Schema of types.

pub mod json_schema;
pub mod openapi;
