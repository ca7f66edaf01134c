//! What the folders on the command line are: which package, which workspace.
//!
//! Owns the reading of `cargo metadata`; refuses to read a `Cargo.toml` itself, because inheritance and workspace
//! discovery are cargo's to know.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, anyhow, bail};
use serde::Deserialize;

use super::toolchain::{Environment, Survey, Toolchain};

/// A folder that holds a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plugin {
    /// The folder as it was given, for messages.
    pub(super) directory: PathBuf,
    /// The package's name, which becomes the file's.
    pub(super) name: String,
    /// What cargo calls the package; not ambiguous, unlike its name.
    pub(super) package_id: String,
}

/// Plugins that one cargo call can build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Workspace {
    pub(super) root: PathBuf,
    pub(super) target_directory: PathBuf,
    pub(super) plugins: Vec<Plugin>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    id: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
}

/// Groups `directories` by workspace, in the order they were given.
///
/// # Errors
///
/// If one of them is not the folder of a Rust plugin; says which, why, and what to change.
pub(super) fn find(directories: &[PathBuf], environment: &Environment) -> anyhow::Result<Vec<Workspace>> {
    // Any usable cargo reads any manifest; the one for the build is chosen per workspace, which may pin its own.
    let here =
        directories.iter().find(|directory| directory.is_dir()).map_or(Path::new("."), PathBuf::as_path);
    let toolchain = Survey::take(environment, here)?.choose()?;
    let mut workspaces: BTreeMap<PathBuf, Workspace> = BTreeMap::new();
    for directory in directories {
        let (plugin, root, target_directory) = ask_cargo(&toolchain, directory)
            .with_context(|| format!("{}: not a plugin", directory.display()))?;
        let workspace = workspaces.entry(root.clone()).or_insert_with(|| Workspace {
            root,
            target_directory,
            plugins: Vec::new(),
        });
        // The same folder twice (`plugins/todo plugins/*`) is one plugin.
        if !workspace.plugins.iter().any(|known| known.package_id == plugin.package_id) {
            workspace.plugins.push(plugin);
        }
    }
    Ok(workspaces.into_values().collect())
}

fn ask_cargo(toolchain: &Toolchain, directory: &Path) -> anyhow::Result<(Plugin, PathBuf, PathBuf)> {
    let full = fs::canonicalize(directory).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => anyhow!("there is no such folder"),
        _ => anyhow!(error),
    })?;
    if !full.is_dir() {
        bail!("this is a file; give the folder that holds the plugin's Cargo.toml");
    }
    let manifest = full.join("Cargo.toml");
    if !manifest.is_file() {
        bail!("there is no Cargo.toml in it");
    }
    let output = Command::new(&toolchain.cargo)
        .args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"])
        .arg(&manifest)
        .env("RUSTC", &toolchain.rustc)
        // Rustup picks the toolchain by the working directory.
        .current_dir(&full)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run {}", toolchain.cargo.display()))?;
    if !output.status.success() {
        bail!("cargo cannot read its Cargo.toml and says why above");
    }
    let metadata: Metadata =
        serde_json::from_slice(&output.stdout).context("`cargo metadata` answered something unexpected")?;
    let Metadata { packages, workspace_root, target_directory } = metadata;
    let plugin = pick(packages, &manifest, directory)?;
    Ok((plugin, workspace_root, target_directory))
}

/// The package whose manifest this is, if it makes a plugin.
fn pick(packages: Vec<Package>, manifest: &Path, directory: &Path) -> anyhow::Result<Plugin> {
    let Some(package) = packages.into_iter().find(|package| package.manifest_path == manifest) else {
        bail!("its Cargo.toml is a workspace without a package of its own; give the folders of its members");
    };
    if !package.targets.iter().any(|target| target.kind.iter().any(|kind| kind == "cdylib")) {
        bail!(
            "package `{}` has no library of type cdylib; add to its Cargo.toml:\n    [lib]\n    crate-type = [\"cdylib\"]",
            package.name
        );
    }
    Ok(Plugin { directory: directory.to_owned(), name: package.name, package_id: package.id })
}

#[cfg(test)]
mod tests;
