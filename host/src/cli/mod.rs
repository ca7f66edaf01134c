//! The command line: one file per verb, and nothing but reading what the user asked for.

pub mod build;
pub mod call;
pub mod inspect;
pub mod keys;
mod offline;
pub mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The folder in the plugin folder where the host keeps what it must remember.
pub const STATE: &str = ".guesthouse";

/// The command line of `guesthouse`.
#[derive(Debug, Parser)]
#[command(name = "guesthouse", version, about, max_term_width = 100)]
pub struct CommandLine {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What `guesthouse` can do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Serve the plugins of a folder.
    Serve(serve::Options),
    /// Build Rust plugins into components, ready for a plugin folder.
    Build(build::Options),
    /// Say what a plugin file exports, what it would be granted, and where it would be served, without serving it.
    Inspect(inspect::Options),
    /// Call a function of a typed service, without serving it.
    Call(call::Options),
    /// Make, list and revoke API keys.
    Keys(keys::Options),
}

impl CommandLine {
    /// Does what was asked for.
    ///
    /// # Errors
    ///
    /// The verb's own, for a person to read.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.verb {
            Verb::Serve(options) => return serve::run(&options),
            Verb::Inspect(options) => return inspect::run(&options),
            Verb::Call(options) => return call::run(&options),
            Verb::Build(options) => build::run(options)?,
            Verb::Keys(options) => keys::run(options)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
