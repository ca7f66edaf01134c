//! The manifest: an optional `orders.toml` beside `orders.wasm`.
//!
//! Owns its form. Unknown keys and values out of range are refused with file, line, key and what is allowed: an operator who
//! mistypes a limit must not run without it.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;

pub use crate::capability::Grants;
use crate::limits::{MOUNT_BYTES_MAX, PluginLimitOverrides};

/// What the operator says of a plugin.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Manifest {
    /// The path prefix; by default `/` and the file's stem.
    pub mount: Option<String>,
    /// Who may call. Without it the host's own policy holds (`[auth]` in `guesthouse.toml`).
    pub auth: Option<AuthPolicy>,
    /// Connections over WebSocket.
    pub websocket: WebSocketPolicy,
    /// Whether large answers are sent in a content coding that the client accepts. Without it the host's own setting holds.
    pub compression: Option<bool>,
    /// Whether request bodies may be in a content coding. Without it the host's own setting holds.
    pub decompression: Option<bool>,
    /// Capabilities.
    pub grants: Grants,
    /// What a call may use.
    pub limits: PluginLimitOverrides,
    /// How a `wasi:http` component is served.
    #[serde(rename = "wasi-http")]
    pub wasi_http: WasiHttp,
    /// How a typed service is presented.
    pub typed: Presentation,
}

/// `[wasi-http]`: what is said of a `wasi:http` component only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WasiHttp {
    /// Which path the component sees.
    pub path: SeenPath,
}

/// The path that a `wasi:http` component sees.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SeenPath {
    /// What comes after the mount, so that a component routes as it does where it is served alone.
    #[default]
    BelowMount,
    /// The whole path, for a component that knows where it is mounted.
    Whole,
}

/// How a typed service is presented: `[typed]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Presentation {
    /// The forms it is served in; all of them when this is left out.
    pub forms: Option<Vec<Form>>,
    /// Where a form is served below the mount, in place of `/rpc`, `/xmlrpc`, `/soap` and `/ws`.
    pub paths: BTreeMap<Form, String>,
    /// REST routes of functions in place of the convention: `get-order = "GET /orders/{id}"`.
    pub routes: BTreeMap<String, String>,
    /// REST statuses for the cases of errors: `not-found = 404`.
    pub errors: BTreeMap<String, u16>,
}

/// A form in which a typed service is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// JSON over plain HTTP, described by OpenAPI.
    Rest,
    /// JSON-RPC 2.0.
    Rpc,
    /// XML-RPC.
    Xmlrpc,
    /// SOAP 1.1 and 1.2.
    Soap,
    /// JSON-RPC over WebSocket.
    Ws,
}

impl Form {
    /// For people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rest => "REST",
            Self::Rpc => "JSON-RPC",
            Self::Xmlrpc => "XML-RPC",
            Self::Soap => "SOAP",
            Self::Ws => "WebSocket",
        }
    }
}

/// `[websocket]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebSocketPolicy {
    /// Pages of which origins may connect, beside those of the host itself: `https://example.org`, or `*` for all. Browsers do not
    /// hold pages of other origins back from connecting, as they do with requests. Without a list every origin may connect,
    /// but not with what a browser sends along by itself (cookies, Basic).
    pub origins: Option<Vec<String>>,
}

/// Who may call.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthPolicy {
    /// Schemes of which one must establish the caller: `api-key`, `basic`, `bearer`. `["anonymous"]` alone: everybody may.
    pub require: Vec<SchemeName>,
    /// Scopes that the caller must hold, all of them.
    #[serde(default)]
    pub scopes: Vec<String>,
}

impl AuthPolicy {
    /// Lets everybody in.
    #[must_use]
    pub fn everybody() -> Self {
        Self { require: vec![SchemeName::Anonymous], scopes: Vec::new() }
    }
}

/// An authentication scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SchemeName {
    /// Nobody has to say who they are.
    Anonymous,
    /// `X-API-Key`, or `Authorization: ApiKey`.
    ApiKey,
    /// RFC 7617.
    Basic,
    /// RFC 6750, with a JWT.
    Bearer,
}

impl Manifest {
    /// Reads a manifest. `file` is its name, for errors.
    ///
    /// # Errors
    /// One line for the operator: file, line, key, and what is allowed there.
    pub fn parse(file: &str, text: &str) -> Result<Self> {
        let manifest: Self = parse_toml(file, text)?;
        if let Some(mount) = &manifest.mount {
            mount_prefix(mount).map_err(|error| anyhow!("{file}: `mount`: {error}"))?;
        }
        for origin in manifest.websocket.origins.iter().flatten() {
            if !is_origin(origin) {
                bail!(
                    "{file}: `websocket.origins`: `{}` is no origin; write it as `https://example.org` or \
                     `http://localhost:3000`, or `*` for all",
                    origin.escape_debug()
                );
            }
        }
        if let Some(auth) = &manifest.auth {
            let anonymous = auth.require.contains(&SchemeName::Anonymous);
            if auth.require.is_empty() {
                bail!(
                    "{file}: `auth.require` is empty: name one of \"api-key\", \"basic\", \"bearer\", or \"anonymous\" \
                     alone to let everybody in"
                );
            }
            if anonymous && (auth.require.len() > 1 || !auth.scopes.is_empty()) {
                bail!(
                    "{file}: `auth.require`: \"anonymous\" stands alone and without scopes, because nobody who is \
                     anonymous has one"
                );
            }
        }
        Ok(manifest)
    }

    /// Where a plugin of this name is served: a prefix that begins with `/` and has no trailing one, empty for the root.
    ///
    /// # Errors
    /// When the manifest's mount is not a path of plain segments.
    pub fn mount_of(&self, plugin: &str) -> Result<String> {
        match &self.mount {
            Some(mount) => mount_prefix(mount),
            None => Ok(format!("/{plugin}")),
        }
    }
}

/// A scheme, `://`, a host and perhaps a port, as browsers write it (RFC 6454, section 6.2), or `*`.
fn is_origin(text: &str) -> bool {
    let Ok(uri) = text.parse::<http::Uri>() else { return false };
    let is_bare = |authority: &http::uri::Authority| {
        !authority.as_str().contains('@') && text.ends_with(&format!("://{authority}"))
    };
    text == "*" || (uri.scheme().is_some() && uri.authority().is_some_and(is_bare))
}

/// The prefix that a configured mount means.
///
/// Only RFC 3986's unreserved characters are taken, so that a mount has one spelling: there is nothing in it to
/// percent-encode, and a canonical request path can be compared with it byte by byte.
fn mount_prefix(mount: &str) -> Result<String> {
    if mount == "/" {
        return Ok(String::new());
    }
    if mount.len() > MOUNT_BYTES_MAX {
        bail!("the path is {} bytes long; at most {MOUNT_BYTES_MAX} are allowed", mount.len());
    }
    let Some(segments) = mount.strip_prefix('/') else {
        bail!("`{}` does not begin with `/`", mount.escape_debug());
    };
    for segment in segments.split('/') {
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if segment.is_empty() {
            bail!("`{}` has an empty segment or ends with `/`; write it as `/a/b`", mount.escape_debug());
        }
        if segment == "." || segment == ".." || !segment.bytes().all(unreserved) {
            bail!(
                "`{}`: the segment `{}` is not allowed; segments are letters, digits, `-`, `.`, `_`, `~`",
                mount.escape_debug(),
                segment.escape_debug()
            );
        }
    }
    Ok(mount.to_owned())
}

/// Reads a configuration file. What is wrong is said in one line with file, line and key; values are not repeated beyond what
/// the reader itself says of them, because a configuration may hold secrets.
///
/// # Errors
/// When the text is not TOML or not of the form of `T`.
pub fn parse_toml<T: DeserializeOwned>(file: &str, text: &str) -> Result<T> {
    toml::from_str(text).map_err(|error| {
        let message = error.message().trim().replace('\n', "; ");
        let Some(span) = error.span() else { return anyhow!("{file}: {message}") };
        let before = text.get(..span.start).unwrap_or(text);
        let line_number = before.matches('\n').count().saturating_add(1);
        match key_at(text, line_number) {
            Some(key) => anyhow!("{file}, line {line_number}, `{key}`: {message}"),
            None => anyhow!("{file}, line {line_number}: {message}"),
        }
    })
}

/// The key that a line sets, under the table it stands in.
fn key_at(text: &str, line_number: usize) -> Option<String> {
    let mut table = None;
    let mut key = None;
    for line in text.lines().take(line_number) {
        let line = line.trim();
        if line.starts_with('[') {
            table = line.split(']').next().map(|name| name.trim_start_matches('[').trim());
            key = None;
        } else {
            key = line.split_once('=').map(|(key, _)| key.trim());
        }
    }
    match (table, key) {
        (Some(table), Some(key)) => Some(format!("{table}.{key}")),
        (None, Some(key)) => Some(key.to_owned()),
        (Some(table), None) => Some(format!("[{table}]")),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_manifest_is_read() {
        let manifest = Manifest::parse(
            "orders.toml",
            "mount = \"/shop/orders\"\n[auth]\nrequire = [\"api-key\", \"bearer\"]\nscopes = [\"orders\"]\n\
             [grants]\nstores = [\"orders\"]\nconfig = { currency = \"EUR\" }\n[limits]\ncpu_ms_max = 50\n",
        )
        .unwrap();
        assert_eq!(manifest.mount_of("orders").unwrap(), "/shop/orders");
        assert_eq!(manifest.auth.unwrap().require, [SchemeName::ApiKey, SchemeName::Bearer]);
        assert_eq!(manifest.grants.config["currency"], "EUR");
    }

    #[test]
    fn an_empty_manifest_mounts_at_the_stem() {
        let manifest = Manifest::parse("orders.toml", "").unwrap();
        assert_eq!(manifest.mount_of("orders").unwrap(), "/orders");
        assert_eq!(manifest, Manifest::default());
    }

    #[test]
    fn what_is_wrong_is_said_with_file_line_key_and_what_is_allowed() {
        let table: &[(&str, &[&str])] = &[
            ("mont = \"/x\"", &["orders.toml, line 1", "unknown field `mont`", "`mount`"]),
            ("\n[limits]\ncpu_ms_max = 0", &["line 3", "`limits.cpu_ms_max`", "allowed is 1 to 600000"]),
            ("[limits]\nmemory_max = 1", &["line 2", "unknown field `memory_max`", "memory_bytes_max"]),
            ("[limits]\ncpu_ms_max = \"1\"", &["line 2", "`limits.cpu_ms_max`", "expected i64"]),
            ("[auth]\nrequire = [\"digest\"]", &["line 2", "`auth.require`", "`digest`", "`api-key`"]),
            ("[auth]\nscopes = []", &["line 1", "missing field `require`"]),
            ("[auth]\nrequire = []", &["`auth.require` is empty", "\"api-key\""]),
            ("[auth]\nrequire = [\"anonymous\", \"basic\"]", &["stands alone"]),
            ("mount = \"orders\"", &["orders.toml", "`mount`", "does not begin with `/`"]),
            ("mount = \"/orders/\"", &["ends with `/`"]),
            ("mount = \"/a//b\"", &["empty segment"]),
            ("mount = \"/a/../b\"", &["`..` is not allowed"]),
            ("mount = \"/a%2Fb\"", &["`a%2Fb` is not allowed"]),
            ("mount = \"/a b\"", &["is not allowed"]),
            ("mount = ", &["line 1"]),
            (
                "[websocket]\norigins = [\"example.org\"]",
                &["`websocket.origins`", "`example.org` is no origin"],
            ),
            ("[websocket]\norigins = [\"https://example.org/\"]", &["is no origin", "https://example.org"]),
            ("[websocket]\norigin = []", &["line 2", "unknown field `origin`", "`origins`"]),
            ("[[[", &["line 1"]),
        ];
        for (text, expected) in table {
            let error = format!("{:#}", Manifest::parse("orders.toml", text).unwrap_err());
            for part in *expected {
                assert!(error.contains(part), "{text:?}: {error:?} lacks {part:?}");
            }
            assert!(!error.contains('\n'), "{text:?}: {error:?} has more than one line");
        }
    }

    #[test]
    fn the_root_is_mounted_with_one_slash() {
        let manifest = Manifest::parse("site.toml", "mount = \"/\"").unwrap();
        assert_eq!(manifest.mount_of("site").unwrap(), "");
    }

    #[test]
    fn a_secret_beside_a_mistake_is_not_repeated() {
        let error = Manifest::parse("a.toml", "[grants.config]\ntoken = \"s3cret\" x").unwrap_err();
        assert!(!format!("{error:#}").contains("s3cret"), "{error:#}");
    }
}
