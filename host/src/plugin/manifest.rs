//! The manifest: an optional `orders.toml` beside `orders.wasm`.
//!
//! Owns its form. Unknown keys and values out of range are refused with file, line, key and what is allowed: an operator who
//! mistypes a limit must not run without it.

use serde::Deserialize;

pub use crate::capability::Grants;
use crate::limits::PluginLimitOverrides;

/// What the operator says of a plugin.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Manifest {
    /// The path prefix; by default `/` and the file's stem.
    pub mount: Option<String>,
    /// Who may call. Without it the host's own policy holds (`[auth]` in `guesthouse.toml`).
    pub auth: Option<AuthPolicy>,
    /// Capabilities.
    pub grants: Grants,
    /// What a call may use.
    pub limits: PluginLimitOverrides,
}

/// Who may call.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthPolicy {
    /// Schemes of which one must establish the caller: `api-key`, `basic`, `bearer`. `["anonymous"]` alone: everybody may.
    pub require: Vec<SchemeName>,
    /// Scopes that the caller must hold, all of them.
    #[serde(default)]
    pub scopes: Vec<String>,
}

/// An authentication scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SchemeName {
    /// Nobody has to say who they are.
    Anonymous,
    /// `X-API-Key`, or `Authorization: ApiKey`.
    ApiKey,
    /// RFC 7617.
    Basic,
    /// RFC 6750, with a JWT.
    Bearer,
}
