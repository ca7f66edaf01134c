//! What plugins may import, one file each.
//!
//! Owns the list of imports the host offers, what a manifest must grant for each, and the state of one call that they work on.
//! Refuses to know how a call is run. Nothing is linked that a component does not import, and what is not granted is refused
//! when the plugin is loaded, not when it is called.
//!
//! The functions are written against wasmtime's linker by hand rather than generated: a function that does not wait is a
//! plain one, and an interface whose resources a plugin does not use (the pollables of a clock) is linked without them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use serde::Deserialize;
use wasmtime::component::Linker;

use crate::limits::PluginLimits;

mod clocks;
mod config;
pub mod context;
mod logging;
mod random;
pub mod rooms;
mod standard;
pub mod store;
#[cfg(test)]
mod tests;

pub use context::{Identity, RequestId};
pub use standard::http;
use store::{Granted, Namespace, Store};

/// Capabilities of a plugin, as its manifest grants them. Nothing is granted unless it stands here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Grants {
    /// Names of key-value stores the plugin may open. Each is the plugin's own; another plugin's of that name is another.
    pub stores: Vec<String>,
    /// Values for `wasi:config`.
    pub config: BTreeMap<String, String>,
}

/// What the host process has for its plugins: made once at start.
#[derive(Debug, Clone)]
pub struct Environment {
    /// The open store.
    pub store: Arc<Store>,
}

impl Environment {
    /// What the calls of one plugin share. `rooms` is the plugin's own and is kept from version to version, because
    /// connections are.
    #[must_use]
    pub fn for_plugin(
        &self,
        plugin: Arc<str>,
        grants: &Grants,
        limits: &PluginLimits,
        rooms: Arc<rooms::Rooms>,
    ) -> PluginCapabilities {
        PluginCapabilities {
            stores: Granted::new(&self.store, &plugin, &grants.stores, limits.store_bytes_max),
            config: grants.config.clone(),
            log_lines_max: limits.log_lines_max,
            log_bytes_max: usize::try_from(limits.log_bytes_max).unwrap_or(usize::MAX),
            random_bytes_max: limits.random_bytes_max,
            hostcall_bytes_max: limits.hostcall_bytes_max,
            resources_max: usize::try_from(limits.resources_max).unwrap_or(usize::MAX),
            // What each field costs beside its text is counted, too.
            field_bytes_max: usize::try_from(
                limits
                    .response_header_bytes_max
                    .saturating_add(limits.response_header_count_max.saturating_mul(128)),
            )
            .unwrap_or(usize::MAX),
            plugin,
            rooms,
        }
    }
}

/// What every call of one plugin shares.
#[derive(Debug)]
pub struct PluginCapabilities {
    /// The plugin's name: the stem of its file. Its namespace in the store, its mark in the log.
    pub plugin: Arc<str>,
    /// Who is connected, for `guesthouse:plugin/rooms`.
    pub rooms: Arc<rooms::Rooms>,
    config: BTreeMap<String, String>,
    stores: Granted,
    log_lines_max: u64,
    log_bytes_max: usize,
    random_bytes_max: u64,
    resources_max: usize,
    field_bytes_max: usize,
    hostcall_bytes_max: u64,
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
    /// When the request came in.
    pub started: Instant,
}

/// The state of one call that imports work on, inside the store. It is made for every request, so whatever only some
/// plugins use is made when it is first used.
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
    log: Option<Arc<logging::Ledger>>,
    standard: Option<Box<standard::Standard>>,
}

impl CallState {
    /// The state of a call that begins.
    #[must_use]
    pub fn new(context: CallContext, deadline: Instant, plugin: Arc<PluginCapabilities>) -> Self {
        Self { context, deadline, plugin, turn: None, log: None, standard: None }
    }
}

/// How an import finds the state of its call in the store's data.
pub trait HasCallState: Send + 'static {
    /// The state of this store's call.
    fn call_state(&mut self) -> &mut CallState;
}

/// What a manifest must say before an import is linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// `stores` under `[grants]`.
    Stores,
    /// Keys under `[grants.config]`.
    Config,
}

impl Need {
    /// Whether these grants say it.
    #[must_use]
    pub fn is_met(self, grants: &Grants) -> bool {
        match self {
            Self::Stores => !grants.stores.is_empty(),
            Self::Config => !grants.config.is_empty(),
        }
    }

    /// What the operator can do about it.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Stores => "add `stores = [\"default\"]` under [grants]",
            Self::Config => "add the keys that it reads under [grants.config]",
        }
    }
}

/// How an offered interface is linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Implementation {
    Types,
    Context,
    Rooms,
    Transaction,
    KeyvalueStore,
    KeyvalueAtomics,
    KeyvalueBatch,
    Logging,
    Config,
    WallClock,
    MonotonicClock,
    Random,
    Insecure,
    InsecureSeed,
    /// WASI 0.2 with nothing behind it.
    Standard(standard::Interface),
}

/// One interface that plugins may import.
#[derive(Debug)]
pub struct Offer {
    /// Its name with the version that is implemented.
    pub interface: &'static str,
    /// What a manifest must grant for it; none when nothing.
    pub need: Option<Need>,
    implementation: Implementation,
}

const fn free(interface: &'static str, implementation: Implementation) -> Offer {
    Offer { interface, need: None, implementation }
}

const fn granted(interface: &'static str, need: Need, implementation: Implementation) -> Offer {
    Offer { interface, need: Some(need), implementation }
}

const fn empty(interface: &'static str, implementation: standard::Interface) -> Offer {
    free(interface, Implementation::Standard(implementation))
}

/// Everything the host offers. To add a capability is to write its file and to name it here.
static OFFERED: &[Offer] = &[
    free("guesthouse:plugin/types@1.0.0", Implementation::Types),
    free("guesthouse:plugin/context@1.0.0", Implementation::Context),
    free("guesthouse:plugin/rooms@1.0.0", Implementation::Rooms),
    granted("guesthouse:plugin/transaction@1.0.0", Need::Stores, Implementation::Transaction),
    granted("wasi:keyvalue/store@0.2.0-draft", Need::Stores, Implementation::KeyvalueStore),
    granted("wasi:keyvalue/atomics@0.2.0-draft", Need::Stores, Implementation::KeyvalueAtomics),
    granted("wasi:keyvalue/batch@0.2.0-draft", Need::Stores, Implementation::KeyvalueBatch),
    free("wasi:logging/logging@0.1.0-draft", Implementation::Logging),
    granted("wasi:config/store@0.2.0-rc.1", Need::Config, Implementation::Config),
    free("wasi:clocks/wall-clock@0.2.0", Implementation::WallClock),
    free("wasi:clocks/monotonic-clock@0.2.0", Implementation::MonotonicClock),
    free("wasi:random/random@0.2.0", Implementation::Random),
    free("wasi:random/insecure@0.2.0", Implementation::Insecure),
    free("wasi:random/insecure-seed@0.2.0", Implementation::InsecureSeed),
    empty("wasi:io/error@0.2.0", standard::Interface::IoError),
    empty("wasi:io/poll@0.2.0", standard::Interface::IoPoll),
    empty("wasi:io/streams@0.2.0", standard::Interface::IoStreams),
    empty("wasi:cli/environment@0.2.0", standard::Interface::Environment),
    empty("wasi:cli/exit@0.2.0", standard::Interface::Exit),
    empty("wasi:cli/stdin@0.2.0", standard::Interface::Stdin),
    empty("wasi:cli/stdout@0.2.0", standard::Interface::Stdout),
    empty("wasi:cli/stderr@0.2.0", standard::Interface::Stderr),
    empty("wasi:cli/terminal-input@0.2.0", standard::Interface::TerminalInput),
    empty("wasi:cli/terminal-output@0.2.0", standard::Interface::TerminalOutput),
    empty("wasi:cli/terminal-stdin@0.2.0", standard::Interface::TerminalStdin),
    empty("wasi:cli/terminal-stdout@0.2.0", standard::Interface::TerminalStdout),
    empty("wasi:cli/terminal-stderr@0.2.0", standard::Interface::TerminalStderr),
    empty("wasi:filesystem/types@0.2.0", standard::Interface::FilesystemTypes),
    empty("wasi:filesystem/preopens@0.2.0", standard::Interface::FilesystemPreopens),
    empty("wasi:sockets/network@0.2.0", standard::Interface::Network),
    empty("wasi:sockets/instance-network@0.2.0", standard::Interface::InstanceNetwork),
    empty("wasi:sockets/ip-name-lookup@0.2.0", standard::Interface::IpNameLookup),
    empty("wasi:sockets/tcp@0.2.0", standard::Interface::Tcp),
    empty("wasi:sockets/tcp-create-socket@0.2.0", standard::Interface::TcpCreateSocket),
    empty("wasi:sockets/udp@0.2.0", standard::Interface::Udp),
    empty("wasi:sockets/udp-create-socket@0.2.0", standard::Interface::UdpCreateSocket),
    empty("wasi:http/types@0.2.0", standard::Interface::HttpTypes),
    empty("wasi:http/outgoing-handler@0.2.0", standard::Interface::OutgoingHandler),
];

/// Everything a plugin may import.
#[must_use]
pub fn offered() -> &'static [Offer] {
    OFFERED
}

/// Why a component is not linked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The host has nothing of this name.
    #[error("the import `{import}` is not offered; offered are {}", Names)]
    NotOffered {
        /// As the component names it.
        import: String,
    },
    /// The host has it in a version that is not compatible.
    #[error(
        "the import `{import}` is offered as `{offered}`, which is not compatible; build the plugin against that version"
    )]
    OtherVersion {
        /// As the component names it.
        import: String,
        /// As the host has it.
        offered: &'static str,
    },
    /// The manifest does not grant it.
    #[error("the import `{import}` is not granted; {} in the manifest", .need.remedy())]
    NotGranted {
        /// As the component names it.
        import: String,
        /// What is missing.
        need: Need,
    },
    /// Only components that answer by `wasi:http` are given it: for others every request would be refused when it is made.
    #[error(
        "the import `{import}` is not offered to a component that does not export `{INCOMING_HANDLER}`: nothing goes out"
    )]
    OnlyForHttp {
        /// As the component names it.
        import: String,
    },
    /// The manifest grants a store that cannot be.
    #[error("`{name}` under `stores` in [grants] cannot be a store's name: one has 1 to 255 bytes")]
    StoreName {
        /// As the manifest has it.
        name: String,
    },
}

/// The offered interfaces, for an error message: the standard ones as one.
struct Names;

impl fmt::Display for Names {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for offer in OFFERED {
            if !matches!(offer.implementation, Implementation::Standard(_)) {
                write!(formatter, "{}, ", offer.interface)?;
            }
        }
        formatter.write_str(
            "and, with nothing behind them, wasi:io, wasi:cli, wasi:filesystem, wasi:sockets and wasi:http @0.2",
        )
    }
}

/// Checks a component's imports against what is offered and what is granted. `imports` are the names as the component has them.
///
/// # Errors
/// The first import that cannot be linked, and what can be done about it.
pub fn check<I: AsRef<str>>(imports: &[I], grants: &Grants) -> Result<(), Refused> {
    if let Some(name) = grants.stores.iter().find(|name| Namespace::new("-", name).is_none()) {
        return Err(Refused::StoreName { name: name.clone() });
    }
    for import in imports {
        let import = import.as_ref();
        let offer = find(import)?;
        if let Some(need) = offer.need
            && !need.is_met(grants)
        {
            return Err(Refused::NotGranted { import: import.to_owned(), need });
        }
    }
    Ok(())
}

/// Without a version.
const INCOMING_HANDLER: &str = "wasi:http/incoming-handler";

/// Checks that `wasi:http` is imported only by a component that exports a handler of it. Such a component has it from the world
/// that it was built for, whether it asks for anything or not.
///
/// # Errors
/// The first import that stands against it.
pub fn check_http<I: AsRef<str>>(imports: &[I], exports: &[I]) -> Result<(), Refused> {
    let is = |name: &str, wanted: &str| name.split_once('@').map_or(name, |(name, _)| name) == wanted;
    if exports.iter().any(|export| is(export.as_ref(), INCOMING_HANDLER)) {
        return Ok(());
    }
    match imports.iter().map(AsRef::as_ref).find(|import| import.starts_with("wasi:http/")) {
        Some(import) => Err(Refused::OnlyForHttp { import: import.to_owned() }),
        None => Ok(()),
    }
}

/// What is offered for an import of this name.
///
/// # Errors
/// When nothing is, or only in a version that is not compatible.
pub fn find(import: &str) -> Result<&'static Offer, Refused> {
    if let Some(offer) = OFFERED.iter().find(|offer| is_compatible(offer.interface, import)) {
        return Ok(offer);
    }
    let name = |interface: &'static str| interface.split_once('@').map_or(interface, |(name, _)| name);
    let import_name = import.split_once('@').map_or(import, |(name, _)| name);
    Err(match OFFERED.iter().find(|offer| name(offer.interface) == import_name) {
        Some(offer) => Refused::OtherVersion { import: import.to_owned(), offered: offer.interface },
        None => Refused::NotOffered { import: import.to_owned() },
    })
}

/// Whether wasmtime's linker takes one for the other: equal, or on the same track of semantic versions, where a
/// pre-release is on none.
fn is_compatible(offered: &str, import: &str) -> bool {
    offered == import || track(offered).is_some_and(|offered| track(import) == Some(offered))
}

/// `a:b/c@1.2.3` is on track `a:b/c@1`, `a:b/c@0.2.3` on `a:b/c@0.2`.
fn track(interface: &str) -> Option<(&str, u64, u64)> {
    let (name, version) = interface.split_once('@')?;
    let version = version.split_once('+').map_or(version, |(version, _)| version);
    let mut numbers = version.split('.').map(|number| number.parse::<u64>().ok());
    match (numbers.next(), numbers.next(), numbers.next(), numbers.next()) {
        (Some(Some(major)), Some(Some(minor)), Some(Some(_)), None) => match (major, minor) {
            (0, 0) => None,
            (0, minor) => Some((name, 0, minor)),
            (major, _) => Some((name, major, 0)),
        },
        _ => None,
    }
}

/// Links what a component imports, and nothing else. [`check`] comes before.
///
/// # Errors
/// When an import is not offered, and when wasmtime refuses a definition, which is a defect of the host.
pub fn link<T: HasCallState, I: AsRef<str>>(linker: &mut Linker<T>, imports: &[I]) -> anyhow::Result<()> {
    let mut offers = Vec::new();
    for import in imports {
        let implementation = find(import.as_ref())?.implementation;
        // A composed component can import an interface in two versions of one track.
        if !offers.contains(&implementation) {
            offers.push(implementation);
        }
    }
    // Only with `wasi:io` can a clock be waited for.
    let polls = offers.iter().any(|offer| matches!(offer, Implementation::Standard(_)));
    for offer in offers {
        match offer {
            // Types have no definition of their own.
            Implementation::Types => Ok(()),
            Implementation::Context => context::link(linker),
            Implementation::Rooms => rooms::link(linker),
            Implementation::Transaction => store::transaction::link(linker),
            Implementation::KeyvalueStore => store::keyvalue::link_store(linker),
            Implementation::KeyvalueAtomics => store::keyvalue::link_atomics(linker),
            Implementation::KeyvalueBatch => store::keyvalue::link_batch(linker),
            Implementation::Logging => logging::link(linker),
            Implementation::Config => config::link(linker),
            Implementation::WallClock => clocks::link_wall_clock(linker),
            Implementation::MonotonicClock if polls => standard::link_monotonic_clock(linker),
            Implementation::MonotonicClock => clocks::link_monotonic_clock(linker),
            Implementation::Random => random::link_random(linker),
            Implementation::Insecure => random::link_insecure(linker),
            Implementation::InsecureSeed => random::link_insecure_seed(linker),
            Implementation::Standard(interface) => standard::link(linker, interface),
        }
        .map_err(anyhow::Error::from)?;
    }
    Ok(())
}
