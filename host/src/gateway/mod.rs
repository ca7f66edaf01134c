//! The life of a request, as one list.
//!
//! Owns the order in which a request is checked, routed, authenticated, admitted and answered, and the one place where what
//! went wrong becomes an answer. Refuses to know how any style speaks and how bytes become requests.
//!
//! The order is the policy. Path before route, so that both read one value. Route before authentication, because the policy is
//! the plugin's. Authentication before the style looks at the request at all, so that an anonymous caller learns nothing of a
//! protected plugin, not even which methods it has. Content codings are taken off before the style sees the request and put on
//! after it has answered, so that no style knows of them.

mod coding;
mod index;
mod path;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use http::Method;
use http::header::{HOST, HeaderName, HeaderValue};
use http::request::Parts;

use self::coding::Codings;
pub use self::coding::Defaults;
pub use self::path::{Ambiguous, CanonicalPath};
use crate::auth::Authenticator;
use crate::capability::{CallContext, RequestId};
use crate::exchange::{Arrival, Handler, LocalFuture, Response};
use crate::failure::Failure;
use crate::observe::access;
use crate::plugin::catalog::Catalog;
use crate::plugin::manifest::AuthPolicy;
use crate::plugin::{Endpoint, Exchange, Plugin};
use crate::protocol::problem;

/// What the host passes on to plugins, whichever of them each takes.
const METHODS: &str = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT";

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Answers every request of the host.
pub struct Gateway {
    catalog: Arc<Catalog>,
    authenticator: Arc<Authenticator>,
    /// For plugins whose manifest has no policy.
    policy: Arc<AuthPolicy>,
    codings: Codings,
    /// Whether `/` lists the plugins that everybody may call.
    index: bool,
    access: access::Log,
    next_id: AtomicU64,
}

impl Gateway {
    /// A gateway to the plugins of `catalog`. `policy` and `codings` hold where a manifest has none; `index` says whether `/` lists
    /// the plugins that everybody may call; `seed` begins the request ids.
    #[must_use]
    pub fn new(
        catalog: Arc<Catalog>,
        authenticator: Arc<Authenticator>,
        policy: AuthPolicy,
        codings: Defaults,
        index: bool,
        access: access::Log,
        seed: u64,
    ) -> Self {
        let (policy, codings) = (Arc::new(policy), Codings::new(codings));
        Self { catalog, authenticator, policy, codings, index, access, next_id: AtomicU64::new(seed) }
    }

    /// What is known of a request when it comes, with its id.
    fn record(&self, head: Option<&Parts>, peer: SocketAddr) -> access::Record {
        let request_id = RequestId(self.next_id.fetch_add(1, Ordering::Relaxed));
        access::Record::begin(head, peer, request_id, Instant::now())
    }

    /// What every answer gets: its request's id, and a line in the access log.
    fn account(&self, mut response: Response, record: access::Record) -> Response {
        if let Ok(value) = HeaderValue::from_bytes(&record.request_id.hexadecimal()) {
            response.headers_mut().insert(X_REQUEST_ID, value);
        }
        self.access.write(record, &mut response);
        response
    }

    /// Canonical path, then route.
    fn route(&self, arrival: &Arrival) -> Result<(Arc<Plugin>, String), Failure> {
        if arrival.lifetime.draining.is_cancelled() {
            return Err(Failure::ShuttingDown);
        }
        let path = CanonicalPath::read(arrival.head.uri.path())
            .map_err(|Ambiguous(rule)| Failure::BadRequest(rule))?;
        let route = self.catalog.route(path.as_str()).ok_or(Failure::NotFound)?;
        Ok((route.plugin, route.path.to_owned()))
    }

    /// Authenticate, take off codings, hand over to the style, put on codings; and what went wrong becomes an answer in the style's
    /// own form.
    ///
    /// Every request has a future of this, so it is kept small: what is only looked at is taken apart before it begins (an
    /// `async fn` would hold its arguments twice), and what few requests need is boxed by whoever needs it.
    fn serve(
        &self,
        arrival: Arrival,
        plugin: Arc<Plugin>,
        below: String,
        mut record: access::Record,
    ) -> impl Future<Output = Response> {
        let Arrival { mut head, body, upgrade, peer: _, secure, lifetime } = arrival;
        record.plugin = Some(Arc::clone(&plugin.name));
        async move {
            let response = 'answer: {
                let policy = plugin.manifest.auth.as_ref().unwrap_or(&self.policy);
                let admitted = match self.authenticator.authenticate(policy, &mut head).await {
                    Ok(identity) => {
                        record.subject = identity.clone();
                        self.codings
                            .receive(&plugin.manifest, identity.as_deref(), &mut head, body)
                            .map(|(body, agreed)| (identity, body, agreed))
                    }
                    Err(failure) => Err(failure),
                };
                // HTTP/2 says it in `:authority`; plugins know it by its older name (RFC 9113, section 8.3.1).
                if let Some(authority) = head.uri.authority()
                    && !head.headers.contains_key(HOST)
                    && let Ok(value) = HeaderValue::try_from(authority.as_str())
                {
                    head.headers.insert(HOST, value);
                }
                // For a style that names the request in its own form of a failure.
                head.extensions.insert(record.request_id);
                let head = Arc::new(head);
                let Some(endpoint) = endpoint(&plugin, &head) else {
                    break 'answer problem::render(&Failure::NotFound, Some(&head.method));
                };
                let (identity, body, agreed) = match admitted {
                    Ok(admitted) => admitted,
                    Err(failure) => break 'answer endpoint.render(&failure, &head),
                };
                if head.method == Method::CONNECT && !endpoint.upgrades() {
                    break 'answer endpoint.render(&Failure::MethodUnknown, &head);
                }
                let context = CallContext {
                    identity,
                    request_id: record.request_id,
                    mount: Arc::clone(&plugin.mount),
                    started: record.started,
                };
                // Admission stands inside the call, where the permit is taken: a request that the style answers by itself (405,
                // 415, a body over its limit) needs none.
                let served = endpoint.serve(Exchange {
                    path: below,
                    body,
                    secure,
                    head: Arc::clone(&head),
                    plugin: Arc::clone(&plugin),
                    policy: Arc::clone(&self.policy),
                    context,
                    upgrade,
                    catalog: Arc::clone(&self.catalog),
                    lifetime,
                });
                let response = match served.await {
                    Ok(response) => response,
                    Err(failure) => endpoint.render(&failure, &head),
                };
                self.codings.send(&agreed, response).await
            };
            self.account(response, record)
        }
    }
}

impl Handler for Gateway {
    fn handle(&self, arrival: Arrival) -> LocalFuture<'_, Response> {
        let record = self.record(Some(&arrival.head), arrival.peer);
        let response = match self.route(&arrival) {
            // RFC 9110 section 9.3.7: about the host itself. `server` lets no other method have this target.
            _ if arrival.head.uri.path() == "*" => problem::options(METHODS),
            Ok((plugin, below)) => {
                return Box::pin(self.serve(arrival, plugin, below, record));
            }
            Err(Failure::NotFound) if self.index && arrival.head.uri.path() == "/" => {
                index::answer(&self.catalog.all(), &self.policy, &arrival.head)
                    .unwrap_or_else(|failure| problem::render(&failure, Some(&arrival.head.method)))
            }
            Err(failure) => problem::render(&failure, Some(&arrival.head.method)),
        };
        Box::pin(std::future::ready(self.account(response, record)))
    }

    fn refuse(&self, failure: &Failure, peer: SocketAddr, head: Option<&Parts>) -> Response {
        let record = self.record(head, peer);
        self.account(problem::render(failure, head.map(|head| &head.method)), record)
    }
}

/// The style that a request is for: the only one, or the first that claims it.
fn endpoint<'a>(plugin: &'a Plugin, head: &Parts) -> Option<&'a Arc<dyn Endpoint>> {
    match plugin.endpoints.as_slice() {
        [only] => Some(only),
        several => several.iter().find(|endpoint| endpoint.claims(head)).or_else(|| several.last()),
    }
}
