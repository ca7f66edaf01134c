//! `guesthouse serve`: the host itself.
//!
//! Owns the order in which the parts are made and taken down. What each part does is its own business.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use crate::auth::Authenticator;
use crate::capability::Environment;
use crate::capability::store::Store;
use crate::config::Config;
use crate::gateway::{Defaults, Gateway};
use crate::limits::{HostLimits, PluginLimits};
use crate::observe::access;
use crate::plugin::manifest::{AuthPolicy, Manifest};
use crate::plugin::{Compiler, Loader, Settings};
use crate::protocol;
use crate::sandbox::Sandbox;
use crate::sandbox::engine::Reset;
use crate::server;
use crate::typed;

/// `guesthouse serve …`
#[derive(Debug, Args)]
#[command(after_help = "\
Drop a component into DIR and it is served at /NAME; replace the file and it is swapped without dropping a request; remove \
it and it is gone. What a plugin may use stands in NAME.toml beside it.

SIGTERM and ctrl-c let what is in flight come to its end; a second one ends at once. GUESTHOUSE_LOG=debug says more.")]
pub struct Options {
    /// The plugin folder.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Address and port; port 0 picks a free one. [default: 127.0.0.1:8080, or what the configuration says]
    ///
    /// On an address that others can reach, a plugin is served only if its manifest or the configuration has an [auth]
    /// policy; `require = ["anonymous"]` is one.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// The host's configuration.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Serves until a signal ends it.
///
/// # Errors
/// When the host cannot start: what is missing or wrong, where, and what to do.
pub fn run(options: &Options) -> Result<ExitCode> {
    start_log("info");
    let config = match &options.config {
        Some(path) => Config::read(path)?,
        None => Config::default(),
    };
    if !options.folder.is_dir() {
        bail!(
            "`{}` is not a folder: name the folder that plugins are dropped into",
            options.folder.display()
        );
    }
    let state = config.state.clone().unwrap_or_else(|| options.folder.join(super::STATE));
    make_private(&state)?;
    let listen = options.listen.or(config.listen).unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8080)));
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let workers = config.workers.unwrap_or(cores).clamp(1, WORKERS_MAX);
    let host_limits = Arc::new(HostLimits::DEFAULT.with(&config.limits));

    let sandbox = Sandbox::new(&host_limits, lanes(workers))?;
    let reset = sandbox.reset();
    let environment = Environment { store: Store::open(&state, &host_limits)? };
    let authenticator = Authenticator::new(&config, &state)?;
    let access = access::Log::open(&access::Target::parse(config.access_log.as_deref().unwrap_or("stderr")))?;
    let loader = Loader::start(Settings {
        folder: options.folder.clone(),
        state,
        sandbox,
        host_limits: Arc::clone(&host_limits),
        plugin_limits: PluginLimits::DEFAULT.with(&config.plugin_limits),
        styles: typed::ALL.iter().chain(protocol::ALL).copied().collect(),
        environment,
        policy: exposure(listen, config.auth.clone()),
        compiler: Compiler::new(&host_limits),
    })?;
    let index = config.index.unwrap_or(listen.ip().is_loopback());
    let gateway = Gateway::new(
        Arc::clone(loader.catalog()),
        Arc::new(authenticator),
        config.auth.unwrap_or_else(AuthPolicy::everybody),
        Defaults {
            compression: config.compression.unwrap_or(true),
            decompression: config.decompression.unwrap_or(false),
        },
        index,
        access.clone(),
        seed()?,
    );
    let running = server::start(listen, workers, Arc::new(gateway), host_limits)?;
    announce(&loader, running.local_addr(), workers, reset, index);

    let _second_signal = wait_for_signal(&running)?;
    running.join()?;
    access.flush();
    drop(loader);
    Ok(ExitCode::SUCCESS)
}

/// Threads for calls that compute for long: a quarter of the cores is left to the serving threads. Priority alone does not do it:
/// Linux lets a thread of any niceness finish its slice of some milliseconds before one that wakes up gets the core, unless
/// another core is free.
fn lanes(workers: usize) -> usize {
    workers.saturating_sub(workers.div_ceil(4)).max(1)
}

/// More threads than any machine has cores.
const WORKERS_MAX: usize = 1_024;

/// Starts the log on standard error, at this level unless `GUESTHOUSE_LOG` says another.
pub(super) fn start_log(level: &str) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("GUESTHOUSE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
}

/// The state folder holds key hashes, callers' data and code that will be run: nobody else's business.
pub(super) fn make_private(state: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(state).with_context(|| {
        format!(
            "the state folder `{}` cannot be made; name another with `state = \"…\"` in the configuration",
            state.display()
        )
    })
}

/// Who may call a plugin. On an address that others can reach, one without a policy is not served: forgetting it must not open it.
fn exposure(listen: SocketAddr, default: Option<AuthPolicy>) -> crate::plugin::loader::Policy {
    let exposed = !listen.ip().is_loopback();
    Box::new(move |manifest: &Manifest| {
        if exposed && manifest.auth.is_none() && default.is_none() {
            bail!(
                "it has no [auth] policy and {listen} can be reached from outside: write `[auth] require = [\"api-key\"]` \
                 (or \"basic\", \"bearer\", \"anonymous\") into its manifest, or into the host's configuration for all"
            );
        }
        Ok(manifest.auth.clone().or_else(|| default.clone()).unwrap_or_else(AuthPolicy::everybody))
    })
}

/// Where request ids begin: not at the same number after every start.
fn seed() -> Result<u64> {
    let mut bytes = [0; 8];
    aws_lc_rs::rand::fill(&mut bytes).ok().context("the operating system has no random bytes")?;
    Ok(u64::from_le_bytes(bytes))
}

/// The table of what is served where.
fn announce(loader: &Loader, address: SocketAddr, workers: usize, reset: Reset, index: bool) {
    println!("guesthouse {} on http://{address}, {workers} workers", env!("CARGO_PKG_VERSION"));
    println!(
        "  instances are fresh for every call; their memory is {}",
        match reset {
            Reset::DirtyPages => "reset page by page where it was written to (swap is off)",
            Reset::Whole =>
                "given back whole after each call (swap is on: a reset by dirty pages could miss swapped ones)",
        }
    );
    if index && loader.catalog().route("/").is_none() {
        println!(
            "  http://{address}/ lists what everybody may call (`index = false` in the configuration: it does not)"
        );
    }
    let statuses = loader.statuses();
    if statuses.is_empty() {
        println!("  the folder has no plugins yet");
    }
    let width = statuses
        .iter()
        .filter_map(|status| status.live.as_ref())
        .map(|live| live.mount.len())
        .max()
        .unwrap_or(0);
    for status in &statuses {
        if let Some(live) = &status.live {
            for (style, summary) in &live.styles {
                let mount = if live.mount.is_empty() { "/" } else { live.mount.as_str() };
                println!("  http://{address}{mount:width$}  {style:<9}  {summary}");
            }
        }
        if let Some(error) = &status.error {
            println!("  not served: {}: {error}", status.name);
        }
    }
}

/// Waits for SIGTERM or ctrl-c, begins to drain, and gives what lets a second one end the process at once for as long as it
/// is held.
fn wait_for_signal(running: &server::Running) -> Result<Runtime> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let entered = runtime.enter();
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be waited for")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("ctrl-c cannot be waited for")?;
    drop(entered);
    runtime.block_on(async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    });
    tracing::info!("draining: no new connections; a second signal ends at once");
    running.drain();
    runtime.spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        end_at_once();
    });
    Ok(runtime)
}

/// The operator does not want to wait for what is in flight.
#[expect(
    clippy::disallowed_methods,
    reason = "main is waiting for the workers, which is what is not wanted any more"
)]
fn end_at_once() {
    std::process::exit(130);
}
