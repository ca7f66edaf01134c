//! The call in progress: who is calling, under which request id, and how long is left (`guesthouse:plugin/context`). The
//! host establishes all of it; a plugin is told, never asked.

use crate::host;

pub use crate::bindings::imports::guesthouse::plugin::context::Identity;

/// Who is calling; none for an anonymous caller.
pub fn caller() -> Option<Identity> {
    host::caller()
}

/// The id that the answer, the access log and this plugin's log lines carry.
pub fn request_id() -> String {
    host::request_id()
}

/// Milliseconds of wall time until the host ends this call; 0 when none are left.
pub fn remaining_ms() -> u64 {
    host::remaining_ms()
}

/// The path prefix this plugin is served under, for example `/todo`; empty for the root. What a `Location` field begins
/// with.
pub fn mount() -> String {
    host::mount()
}

impl Identity {
    /// Whether the caller holds this scope. Compared exactly (RFC 6749, section 3.3).
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|held| held == scope)
    }

    /// The token's claims as a JSON value; none for schemes without claims.
    pub fn claims(&self) -> Option<serde_json::Value> {
        serde_json::from_str(self.claims.as_deref()?).ok()
    }
}
