//! Who is calling, request id, deadline: `guesthouse:plugin/context`.

use std::fmt;

/// Who is calling, as the host has established it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The key's name, the user's name or the token's `sub`.
    pub subject: String,
    /// `api-key`, `basic` or `bearer`.
    pub scheme: &'static str,
    /// What the caller may do.
    pub scopes: Vec<String>,
    /// The token's claims as a JSON object.
    pub claims: Option<String>,
}

/// Marks one request. Not a secret and not a promise of uniqueness over hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestId(pub u64);

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}
