//! What the operator wrote into the manifest for this plugin (`wasi:config`).

use crate::host;

/// The host could not tell the value; the text says why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unavailable(pub String);

impl std::fmt::Display for Unavailable {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "the configuration cannot be read: {}", self.0)
    }
}

impl std::error::Error for Unavailable {}

/// The value under `key`; none when the manifest has no such key.
pub fn get(key: &str) -> Result<Option<String>, Unavailable> {
    host::config_get(key)
}

/// The value under `key`, or `default` when the manifest has none or it cannot be read.
pub fn get_or(key: &str, default: &str) -> String {
    get(key).ok().flatten().unwrap_or_else(|| default.to_owned())
}

/// All keys with their values.
pub fn all() -> Result<Vec<(String, String)>, Unavailable> {
    host::config_all()
}
