//! The cargo call that makes core modules of plugins.
//!
//! Owns the flags guests are compiled with and the reading of cargo's answer. Refuses to judge what comes out, and
//! leaves cargo's own messages as they are: they go straight to standard error.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::str::FromStr;

use anyhow::Context as _;
use serde::Deserialize;

use super::TARGET;
use super::toolchain::{Toolchain, option};
use super::workspace::Plugin;

/// One page of WebAssembly memory, in bytes.
const PAGE_BYTES: u32 = 65_536;

/// The shadow stack of a guest, in bytes. The host bounds the native stack at twice this, so that deep recursion ends
/// in a trap of either kind; a quarter of the default saves as much of the memory for allocation.
const STACK_BYTES: u32 = 262_144;

/// The memory a guest starts with, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuestMemory(u32);

impl Default for GuestMemory {
    /// 1 MiB: what remains after the stack is more than a common call allocates, and the guest's allocator walks
    /// through it without ever asking for more. Pages that are not touched cost nothing.
    fn default() -> Self {
        Self(1024 * 1024)
    }
}

impl fmt::Display for GuestMemory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl FromStr for GuestMemory {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bytes: u32 = text.parse().map_err(|_| format!("not a number of bytes below {}", u32::MAX))?;
        if !bytes.is_multiple_of(PAGE_BYTES) {
            Err(format!("not a multiple of {PAGE_BYTES}, the size of a page"))
        } else if bytes < 2 * STACK_BYTES {
            Err(format!("too small: the stack takes {STACK_BYTES}, and as much again is the least for data"))
        } else {
            Ok(Self(bytes))
        }
    }
}

/// What to compile and how.
#[derive(Debug)]
pub(super) struct Request<'a> {
    /// The folder of the workspace the plugins belong to.
    pub(super) root: &'a Path,
    pub(super) plugins: &'a [Plugin],
    pub(super) toolchain: &'a Toolchain,
    pub(super) target_directory: &'a Path,
    pub(super) initial_memory: GuestMemory,
    pub(super) cargo_home: Option<&'a Path>,
    /// Flags of the user's that go to cargo as they are.
    pub(super) flags: &'a [&'a str],
}

/// Compiles plugins of one workspace in one cargo call and returns the core module of each that compiled, by package id.
///
/// # Errors
///
/// If cargo cannot be run or its answer cannot be read. That a plugin does not compile shows in its absence.
pub(super) fn run(request: &Request<'_>) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let cargo = &request.toolchain.cargo;
    let mut command = Command::new(cargo);
    command.args(arguments(request)).current_dir(request.root);
    for (name, value) in variables(request) {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let output = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .and_then(std::process::Child::wait_with_output)
        .with_context(|| format!("cannot run {}", cargo.display()))?;
    let answer = String::from_utf8(output.stdout).context("cargo's answer is not UTF-8")?;
    modules(&answer)
}

/// What stands after `cargo`.
fn arguments(request: &Request<'_>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = [
        "build",
        "--release",
        "--target",
        TARGET,
        "--message-format",
        "json-render-diagnostics",
        "--target-dir",
    ]
    .map(OsString::from)
    .into();
    arguments.push(request.target_directory.into());
    arguments.push("--manifest-path".into());
    arguments.push(request.root.join("Cargo.toml").into());
    // One plugin that does not compile must not hide whether the others do.
    arguments.push("--keep-going".into());
    arguments.push("--lib".into());
    for plugin in request.plugins {
        arguments.push("--package".into());
        arguments.push(plugin.package_id.clone().into());
    }
    if request.toolchain.library_source.is_some() {
        arguments.push("-Z".into());
        arguments.push("build-std=std,panic_abort".into());
    }
    arguments.extend(request.flags.iter().map(OsString::from));
    arguments
}

/// What the environment of cargo differs in: values to set, and names to take away.
///
/// The profile is set here rather than in each plugin's manifest, because the one that counts is the workspace's, and
/// a plugin may live in a workspace whose release profile is meant for native code.
fn variables(request: &Request<'_>) -> Vec<(&'static str, Option<OsString>)> {
    let set = |value: &str| Some(OsString::from(value));
    let mut variables = vec![
        // A guest runs once per request, and it is compiled once: everything for the code's speed.
        ("CARGO_PROFILE_RELEASE_OPT_LEVEL", set("3")),
        ("CARGO_PROFILE_RELEASE_LTO", set("fat")),
        ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", set("1")),
        // A panic ends the call as a trap; the instance is thrown away, so there is nothing to unwind for.
        ("CARGO_PROFILE_RELEASE_PANIC", set("abort")),
        ("CARGO_PROFILE_RELEASE_DEBUG", set("none")),
        // Without debug information, but with function names: they are what a trap's backtrace in the log is made of.
        ("CARGO_PROFILE_RELEASE_STRIP", set("debuginfo")),
        // Incremental compilation and link-time optimisation exclude one another.
        ("CARGO_INCREMENTAL", set("0")),
        // The encoded form takes precedence over RUSTFLAGS and every configuration file: flags meant for this machine
        // (`-C target-cpu=native`) would not compile for a guest.
        ("CARGO_ENCODED_RUSTFLAGS", Some(flags(request))),
        ("RUSTFLAGS", None),
        ("RUSTC_WORKSPACE_WRAPPER", None),
        // Named outright, so that what was asked about is what compiles, whatever stands first in PATH.
        ("RUSTC", Some(request.toolchain.rustc.clone().into())),
        ("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", request.toolchain.linker.clone().map(Into::into)),
    ];
    if request.toolchain.library_source.is_some() {
        // `-Z build-std` is unstable, and a stable compiler refuses it otherwise.
        variables.push(("RUSTC_BOOTSTRAP", set("1")));
    }
    variables
}

/// The compiler's flags, in cargo's encoding: separated by the unit separator, since paths may hold blanks.
///
/// No target feature is asked for: the target's own set (bulk memory, sign extension, multiple values) is what every
/// current engine has.
fn flags(request: &Request<'_>) -> OsString {
    let mut flags: Vec<OsString> = vec![
        option("-Clink-arg=--initial-memory=", Path::new(&request.initial_memory.to_string())),
        option("-Clink-arg=-zstack-size=", Path::new(&STACK_BYTES.to_string())),
        // The stack below the data: an overflow leaves the memory and traps instead of overwriting statics.
        "-Clink-arg=--stack-first".into(),
    ];
    // Panic messages carry source paths. A plugin must not tell where it was built, and the same source should give
    // the same bytes on another machine.
    let folders =
        [(request.cargo_home, "=/cargo"), (request.toolchain.library_source.as_deref(), "=/library")];
    for (folder, name) in folders {
        if let Some(folder) = folder {
            let mut flag = option("--remap-path-prefix=", folder);
            flag.push(name);
            flags.push(flag);
        }
    }
    flags.join(&OsString::from("\u{1f}"))
}

#[derive(Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Message {
    CompilerArtifact {
        package_id: String,
        target: ArtifactTarget,
        filenames: Vec<PathBuf>,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct ArtifactTarget {
    kind: Vec<String>,
}

/// Reads cargo's answer, one JSON value per line: the `.wasm` file of each package that made one.
fn modules(answer: &str) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let mut modules = BTreeMap::new();
    for line in answer.lines().filter(|line| line.starts_with('{')) {
        let message: Message = serde_json::from_str(line).context("cargo answered something unexpected")?;
        let Message::CompilerArtifact { package_id, target, filenames } = message else { continue };
        if !target.kind.iter().any(|kind| kind == "cdylib") {
            continue;
        }
        if let Some(file) =
            filenames.into_iter().find(|file| file.extension().is_some_and(|end| end == "wasm"))
        {
            modules.insert(package_id, file);
        }
    }
    Ok(modules)
}

#[cfg(test)]
mod tests;
