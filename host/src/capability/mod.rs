//! What plugins may import, one file each.
//!
//! Owns the list of imports the host offers, what a manifest must grant for each, and the state of one call that they work on.
//! Refuses to know how a call is run. Nothing is linked that a component does not import, and what is not granted is refused
//! when the plugin is loaded, not when it is called.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

pub mod context;
pub mod rooms;

pub use context::{Identity, RequestId};

/// What every call of one plugin shares.
#[derive(Debug)]
pub struct PluginCapabilities {
    /// The plugin's name: the stem of its file. Its namespace in the store, its mark in the log.
    pub plugin: Arc<str>,
    /// Values for `wasi:config`.
    pub config: BTreeMap<String, String>,
    /// Who is connected, for `guesthouse:plugin/rooms`.
    pub rooms: Arc<rooms::Rooms>,
}

/// What the host knows of one call, and tells the plugin when asked.
#[derive(Debug, Clone)]
pub struct CallContext {
    /// Who is calling; none for anonymous.
    pub identity: Option<Arc<Identity>>,
    /// Marks the answer and every log line.
    pub request_id: RequestId,
    /// Where the plugin is served; empty for the root.
    pub mount: Arc<str>,
    /// When the request came in; the wall limit counts from here.
    pub started: Instant,
}

/// The state of one call that imports work on, inside the store.
#[derive(Debug)]
pub struct CallState {
    /// About the call.
    pub context: CallContext,
    /// When the host ends the call.
    pub deadline: Instant,
    /// About the plugin.
    pub plugin: Arc<PluginCapabilities>,
    /// Held from the first `rooms.members` until the call's actions are carried out.
    pub turn: Option<rooms::Turn>,
}

/// How an import finds the state of its call in the store's data.
pub trait HasCallState: Send + 'static {
    /// The state of this store's call.
    fn call_state(&mut self) -> &mut CallState;
}
