//! Makes this machine able to build guests, by itself.
//!
//! Owns the order in which things are tried and the commands; refuses to decide whether a machine is ready, which is
//! the survey's. Nothing is removed or replaced: a package manager that would have to remove something is told not to.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

use super::toolchain::{Environment, Survey};
use super::{TARGET, say};

/// Debian's matched compiler, cargo and library source, which are new enough where plain `rustc` is not.
pub(super) const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];

/// Installs what is missing: nothing if a toolchain is ready, else the target with rustup, else Debian's packages.
///
/// # Errors
///
/// If there is still no usable toolchain in the end: the survey's message, which names the commands to run by hand.
pub(super) fn missing(environment: &Environment) -> anyhow::Result<()> {
    let here = Path::new(".");
    let survey = Survey::take(environment, here)?;
    if survey.choose().is_ok() {
        return Ok(());
    }

    if let Some(rustup) = environment.program("rustup") {
        // One retry: where the download server cannot be reached, there is another way to go.
        let added = run(Command::new(rustup).args(["target", "add", TARGET]).env("RUSTUP_MAX_RETRIES", "1"));
        match added {
            Ok(()) if Survey::take(environment, here)?.choose().is_ok() => return Ok(()),
            Ok(()) => say("rustup has added the target, but the compiler still lacks something"),
            Err(error) => say(&format!("{error:#}")),
        }
    }

    let survey = Survey::take(environment, here)?;
    let Err(missing) = survey.choose() else { return Ok(()) };
    let Some(apt_get) = environment.program("apt-get").filter(|_| environment.root) else {
        return Err(missing);
    };
    let apt_get = |arguments: &[&str]| {
        run(Command::new(&apt_get).args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
    };
    let mut packages = DEBIAN_PACKAGES.to_vec();
    if survey.lacks_linker() {
        packages.push("lld");
    }
    let mut arguments = vec!["install", "--yes", "--no-remove", "--no-install-recommends"];
    arguments.extend(packages);
    // One unreachable source among several fails the update as a whole; whether it matters, the next step shows.
    if let Err(error) = apt_get(&["update"]) {
        say(&format!("{error:#}; trying all the same"));
    }
    apt_get(&arguments)?;
    Survey::take(environment, here)?.choose().map(drop)
}

/// Runs a command that a person could have typed, after showing it.
fn run(command: &mut Command) -> anyhow::Result<()> {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    say(&format!("running {line}"));
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("cannot run {line}"))?;
    if !status.success() {
        bail!("`{line}` failed ({status})");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
