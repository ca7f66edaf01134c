//! Between the gateway and a style: what a request is when it reaches its plugin, and what a style must be able to do.
//!
//! Owns the two traits and the exchange. To add a style is to implement both and to name it in the list of styles.

use std::rc::Rc;
use std::sync::Arc;

use http::header::HOST;
use http::request::Parts;

use super::Plugin;
use super::catalog::Catalog;
use super::manifest::AuthPolicy;
use super::{Manifest, Operation, Surface, vet};
use crate::capability::CallContext;
use crate::exchange::{Body, Lifetime, LocalFuture, Response, Upgrade};
use crate::failure::Failure;
use crate::sandbox::Program;

/// One protocol style, as the loader of plugins sees it.
pub trait Style: Send + Sync {
    /// For people: `REST`, `RPC`, `SOAP`, `WebSocket`.
    fn name(&self) -> &'static str;

    /// The interface whose export makes a component one of this style: `guesthouse:plugin/rest@1.0.0`.
    fn interface(&self) -> &'static str;

    /// Whether an export makes a component one of this style: by default the style's interface, in a version that stands in for
    /// it.
    fn serves(&self, export: &str) -> bool {
        vet::same_interface(self.interface(), export)
    }

    /// Finds the style's exports in a component that has its interface, asks the plugin what it serves, and checks the
    /// answer. Runs guest code under the plugin's own limits.
    ///
    /// # Errors
    /// In words for the plugin's author: what is wrong and where. The plugin is then not served, or its last good version
    /// goes on. [`super::NothingToServe`] alone leaves the plugin to its other styles.
    fn bind<'a>(
        &'a self,
        program: Arc<Program>,
        context: CallContext,
        source: &'a Source,
    ) -> LocalFuture<'a, anyhow::Result<Arc<dyn Endpoint>>>;
}

/// What is known of a plugin beside its code.
#[derive(Debug)]
pub struct Source {
    /// What the operator says of it.
    pub manifest: Manifest,
    /// Who may call: the manifest's policy, or else the host's.
    pub policy: AuthPolicy,
    /// The WIT text of its own interfaces, and the name of the file that it comes from.
    pub text: Option<(String, String)>,
}

/// A plugin, served in one style.
pub trait Endpoint: Send + Sync {
    /// The style's name.
    fn style(&self) -> &'static str;

    /// For the table at start: what is served, in a few words (`3 paths, 6 operations`).
    fn summary(&self) -> String;

    /// Its protocols and contracts.
    fn surface(&self) -> Surface;

    /// What can be called by name, as far as it is known without a request.
    fn operations(&self) -> Vec<Operation> {
        Vec::new()
    }

    /// Whether a request is one for this style, when the plugin is served in several. Looks at the head only.
    fn claims(&self, head: &Parts) -> bool;

    /// Whether it speaks over connections that leave HTTP. An extended CONNECT (RFC 8441) reaches no other.
    fn upgrades(&self) -> bool {
        false
    }

    /// Answers one request. An error is rendered by [`Endpoint::render`].
    fn serve<'a>(&'a self, exchange: Exchange) -> LocalFuture<'a, Result<Response, Failure>>;

    /// The style's own way to say that something went wrong. `head` is the request's.
    fn render(&self, failure: &Failure, head: &Parts) -> Response;

    /// For a style to find its own kind again behind the trait.
    fn as_any_arc(self: Arc<Self>) -> Arc<dyn std::any::Any + Send + Sync>;
}

/// A request on its way to its plugin: checked, routed, authenticated and admitted.
pub struct Exchange {
    /// Method, target and fields. Credentials that the host consumed are gone, hop-by-hop fields too, but for what an upgrade
    /// needs.
    pub head: Arc<Parts>,
    /// The canonical path below the mount, still percent-encoded; begins with `/`.
    pub path: String,
    /// The body, not yet read.
    pub body: Body,
    /// The plugin's live version, kept to the request's end.
    pub plugin: Arc<Plugin>,
    /// Who may call plugins whose manifest says nothing of it.
    pub policy: Arc<AuthPolicy>,
    /// Who is calling, when, under which id.
    pub context: CallContext,
    /// Whether the connection is encrypted.
    pub secure: bool,
    /// What the connection becomes, when the client asked for an upgrade.
    pub upgrade: Option<Upgrade>,
    /// Where connections that outlive a version find the plugin's live one.
    pub catalog: Arc<Catalog>,
    /// The worker's, for tasks that outlive the exchange.
    pub lifetime: Rc<Lifetime>,
}

impl Exchange {
    /// Who may call this plugin.
    #[must_use]
    pub fn policy(&self) -> &AuthPolicy {
        self.plugin.manifest.auth.as_ref().unwrap_or(&self.policy)
    }

    /// `http://host:port/mount`, as the client addressed it: for contracts that name their own address.
    #[must_use]
    pub fn address(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        let host = self.head.uri.authority().map_or_else(
            || {
                self.head
                    .headers
                    .get(HOST)
                    .and_then(|host| host.to_str().ok())
                    .unwrap_or("localhost")
                    .to_owned()
            },
            ToString::to_string,
        );
        format!("{scheme}://{host}{}", self.plugin.mount)
    }
}
