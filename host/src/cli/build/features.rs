//! Which plugins may share a cargo call.
//!
//! Owns the question whether compiling plugins together gives the same code as compiling each alone; refuses to know
//! any package by name.
//!
//! One cargo call for all plugins of a workspace is the fastest. But cargo then gives every plugin the features that
//! any of them wants of a package: a plugin that turns off the SDK's one-call allocator, because its instances live
//! long, would silently get it back from its neighbour. So plugins share a call only if each package they have in
//! common has the same features for all of them.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

use super::TARGET;
use super::toolchain::Toolchain;
use super::workspace::{Plugin, Workspace};

/// The features of every package a plugin is made of, by package and version.
type Features = BTreeMap<String, String>;

/// Splits the plugins of `workspace` into as few groups as the order they come in allows.
///
/// # Errors
///
/// If cargo cannot tell the dependencies of one of them; it has then said why.
pub(super) fn groups(
    workspace: &Workspace,
    toolchain: &Toolchain,
    flags: &[&str],
) -> anyhow::Result<Vec<Vec<Plugin>>> {
    // A single plugin has nobody to share with.
    if workspace.plugins.len() < 2 {
        return Ok(vec![workspace.plugins.clone()]);
    }
    let mut plugins = Vec::new();
    for plugin in &workspace.plugins {
        plugins.push((plugin.clone(), ask_cargo(workspace, toolchain, plugin, flags)?));
    }
    Ok(group(plugins))
}

fn ask_cargo(
    workspace: &Workspace,
    toolchain: &Toolchain,
    plugin: &Plugin,
    flags: &[&str],
) -> anyhow::Result<Features> {
    let output = Command::new(&toolchain.cargo)
        .args(["tree", "--target", TARGET, "--prefix", "none", "--format", "{p}|{f}"])
        // What runs on this machine, build scripts and macros, does not end up in the guest.
        .args(["--edges", "no-build,no-dev,no-proc-macro", "--package", &plugin.package_id])
        .args(flags)
        .env("RUSTC", &toolchain.rustc)
        .current_dir(&workspace.root)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run {}", toolchain.cargo.display()))?;
    if !output.status.success() {
        bail!("{}: cargo cannot resolve its dependencies and says why above", plugin.directory.display());
    }
    Ok(parse(std::str::from_utf8(&output.stdout).context("cargo's answer is not UTF-8")?))
}

/// Reads lines of `package|features`; cargo marks the second mention of a package with ` (*)`.
fn parse(tree: &str) -> Features {
    tree.lines()
        .filter_map(|line| line.strip_suffix(" (*)").unwrap_or(line).rsplit_once('|'))
        .map(|(package, features)| (package.to_owned(), features.to_owned()))
        .collect()
}

/// Puts each plugin into the first group it agrees with.
fn group(plugins: Vec<(Plugin, Features)>) -> Vec<Vec<Plugin>> {
    let mut groups: Vec<(Vec<Plugin>, Features)> = Vec::new();
    for (plugin, features) in plugins {
        let agrees = |group: &Features| {
            features.iter().all(|(package, wanted)| group.get(package).is_none_or(|given| given == wanted))
        };
        match groups.iter_mut().find(|(_, group)| agrees(group)) {
            Some((members, group)) => {
                members.push(plugin);
                group.extend(features);
            }
            None => groups.push((vec![plugin], features)),
        }
    }
    groups.into_iter().map(|(members, _)| members).collect()
}

#[cfg(test)]
mod tests;
