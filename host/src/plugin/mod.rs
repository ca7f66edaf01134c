//! A plugin's life: found in the folder, vetted, compiled in a child process, linked, asked what it serves, published, replaced,
//! dropped.
//!
//! Owns plugins and the catalog of those that are live. Refuses to know how a style speaks: it is handed the list of styles and
//! asks each whether a component is one of its own.

mod cache;
pub mod catalog;
pub mod compile;
pub mod endpoint;
mod folder;
pub mod loader;
pub mod manifest;
mod retired;
pub mod surface;
pub mod vet;
mod watch;

use std::sync::Arc;

pub use catalog::{Catalog, Route};
pub use compile::Compiler;
pub use endpoint::{Endpoint, Exchange, Source, Style};
pub use loader::{Examined, Loader, Settings, Status, examine};
pub use manifest::Manifest;
pub use surface::{Contract, NothingToServe, Omitted, Operation, Surface};

/// One version of one plugin, ready to serve.
pub struct Plugin {
    /// The stem of its file.
    pub name: Arc<str>,
    /// Where it is served: begins with `/`, has no trailing one; empty for the root.
    pub mount: Arc<str>,
    /// SHA-256 of its file, in hexadecimal: which version this is.
    pub digest: String,
    /// What the operator says of it.
    pub manifest: Manifest,
    /// The styles it is served in, in the order of the list of styles. Never empty.
    pub endpoints: Vec<Arc<dyn Endpoint>>,
    /// What it exports beside them that no style serves.
    pub omitted: Vec<Omitted>,
}

impl Plugin {
    /// The endpoint of one style, for whoever holds a connection that outlives the version it began with.
    #[must_use]
    pub fn endpoint<E: Endpoint + 'static>(&self) -> Option<Arc<E>> {
        self.endpoints.iter().find_map(|endpoint| Arc::clone(endpoint).as_any_arc().downcast().ok())
    }
}
