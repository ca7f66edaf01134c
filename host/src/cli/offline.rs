//! One plugin file, taken through all that the host does with it, without a server.
//!
//! Owns what that needs: an engine, a store, a runtime, and a state folder that is gone afterwards unless another was named.
//! Refuses to know what is done with the plugin: `inspect` and `call` do.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use tokio::runtime::Runtime;

use super::serve::make_private;
use crate::capability::Environment;
use crate::capability::store::Store;
use crate::limits::{HostLimits, PluginLimits};
use crate::plugin::manifest::AuthPolicy;
use crate::plugin::{Compiler, Examined, Manifest, Settings, examine};
use crate::protocol;
use crate::sandbox::Sandbox;
use crate::typed;

/// A plugin file that was looked at, and all that it runs on. Fields are dropped in this order: the folder goes last.
pub(super) struct Offline {
    pub(super) examined: Examined,
    pub(super) runtime: Runtime,
    _state: State,
}

impl Offline {
    /// Looks at a file. Without a state folder it has an empty store, which is gone with this value.
    pub(super) fn open(file: &Path, state: Option<&Path>) -> Result<Self> {
        let name = file.file_name().with_context(|| {
            format!("`{}` names no file; name a component, such as orders.wasm", file.display())
        })?;
        let folder = match file.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let state = match state {
            Some(state) => {
                make_private(state)?;
                State { path: state.to_owned(), is_temporary: false }
            }
            None => State::temporary()?,
        };
        let host_limits = Arc::new(HostLimits::DEFAULT);
        let settings = Settings {
            folder,
            state: state.path.clone(),
            sandbox: Sandbox::new(&host_limits, 1)?,
            plugin_limits: PluginLimits::DEFAULT,
            styles: typed::ALL.iter().chain(protocol::ALL).copied().collect(),
            environment: Environment { store: Store::open(&state.path, &host_limits)? },
            policy: Box::new(|manifest: &Manifest| {
                Ok(manifest.auth.clone().unwrap_or_else(AuthPolicy::everybody))
            }),
            compiler: Compiler::new(&host_limits),
            host_limits,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("the runtime cannot be started")?;
        let examined = runtime.block_on(examine(settings, name))?;
        Ok(Self { examined, runtime, _state: state })
    }
}

/// A state folder.
struct State {
    path: PathBuf,
    is_temporary: bool,
}

impl State {
    fn temporary() -> Result<Self> {
        use std::os::unix::fs::DirBuilderExt as _;
        let mut random = [0; 8];
        aws_lc_rs::rand::fill(&mut random).ok().context("the operating system has no random bytes")?;
        let name = format!("guesthouse-{:016x}", u64::from_le_bytes(random));
        let path = std::env::temp_dir().join(name);
        // Not recursive: one that is there already is somebody else's.
        std::fs::DirBuilder::new().mode(0o700).create(&path).with_context(|| {
            format!("the temporary folder `{}` cannot be made; TMPDIR names another place", path.display())
        })?;
        Ok(Self { path, is_temporary: true })
    }
}

impl Drop for State {
    fn drop(&mut self) {
        if self.is_temporary
            && let Err(error) = std::fs::remove_dir_all(&self.path)
        {
            tracing::warn!("the temporary folder `{}` cannot be removed: {error}", self.path.display());
        }
    }
}
