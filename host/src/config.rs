//! `guesthouse.toml`: what the operator decides for the whole host.
//!
//! Owns its form and its defaults. As in manifests, an unknown key or a value out of range is refused with file, line and key.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::limits::{HostLimitOverrides, PluginLimitOverrides};
use crate::plugin::manifest::{AuthPolicy, parse_toml};

/// The file as it is written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Address and port; `127.0.0.1:8080` by default. The command line's `--listen` stands above it.
    pub listen: Option<SocketAddr>,
    /// Serving threads; one per core by default.
    pub workers: Option<usize>,
    /// Where the store, the keys and compiled code are kept; `.guesthouse` in the plugin folder by default.
    pub state: Option<PathBuf>,
    /// Who may call plugins whose manifest says nothing of it.
    pub auth: Option<AuthPolicy>,
    /// Whether large answers are sent in a content coding that the client accepts, for plugins whose manifest says nothing of
    /// it. True by default.
    pub compression: Option<bool>,
    /// Whether request bodies may be in a content coding, for plugins whose manifest says nothing of it. False by default: what
    /// unpacks them does work that their sender did not have.
    pub decompression: Option<bool>,
    /// Whether `/` lists the plugins that everybody may call, when none is mounted there. By default only on a loopback address:
    /// what is mounted is nobody's business unless the operator says so.
    pub index: Option<bool>,
    /// Users of the Basic scheme.
    pub basic: BasicConfig,
    /// Issuers of the Bearer scheme.
    pub bearer: Vec<IssuerConfig>,
    /// What the host takes on.
    pub limits: HostLimitOverrides,
    /// What a plugin may use when its manifest does not say otherwise.
    pub plugin_limits: PluginLimitOverrides,
    /// One line per request: `stderr`, `off`, or a file.
    pub access_log: Option<String>,
}

impl Config {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// When it cannot be read, or has an unknown key or a value out of range: with file, line, key and what is allowed.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("the configuration `{}` cannot be read", path.display()))?;
        parse_toml(&path.display().to_string(), &text)
    }
}

/// `[basic]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BasicConfig {
    /// A file with one `user:hash:scopes` per line.
    pub users: Option<PathBuf>,
}

/// `[[bearer]]`: whose tokens are taken.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerConfig {
    /// The `iss` that tokens must carry, exactly.
    pub issuer: String,
    /// The `aud` that tokens must name.
    pub audience: String,
    /// `HS256`, `RS256`, `ES256` or `EdDSA`: the one algorithm of this key. The token's header never chooses.
    pub algorithm: String,
    /// A PEM public key, or for HS256 a file with the secret.
    pub key: PathBuf,
    /// The `kid` that tokens must carry, when set.
    pub key_id: Option<String>,
}
