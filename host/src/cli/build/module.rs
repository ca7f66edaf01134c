//! Core modules that another compiler made, given as files.
//!
//! Owns what such a file is called and what it must be. What it is made into, and what lies beside it, is as for a folder: the way
//! from a module to a component does not depend on who compiled it, as long as the bindings generator's types are in it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, ensure};
use wasmparser::Parser;

/// A module on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Module {
    /// The file as it was given.
    pub(super) file: PathBuf,
    /// The folder that it is in: its manifest and its WIT are looked for there.
    pub(super) directory: PathBuf,
    /// Its stem, which becomes the plugin's.
    pub(super) name: String,
}

/// Whether an argument is a file and not a folder: by what is there, and by its name if nothing is.
pub(super) fn is_file(path: &Path) -> bool {
    path.is_file() || (!path.is_dir() && path.extension().is_some_and(|extension| extension == "wasm"))
}

/// Looks at a file.
///
/// # Errors
///
/// If it cannot be read, or is no core module.
pub(super) fn find(file: &Path) -> anyhow::Result<Module> {
    let look = || {
        let bytes = fs::read(file)?;
        ensure!(
            !Parser::is_component(&bytes),
            "this is a component already: copy it into the plugin folder, with its manifest and its WIT beside it"
        );
        ensure!(
            Parser::is_core_wasm(&bytes),
            "this is not WebAssembly; give a module, or the folder of a Rust plugin"
        );
        let name = file
            .file_stem()
            .and_then(|stem| stem.to_str())
            .ok_or_else(|| anyhow!("its name is not UTF-8"))?;
        Ok(Module {
            file: file.to_owned(),
            directory: file.parent().unwrap_or(Path::new("")).to_owned(),
            name: name.to_owned(),
        })
    };
    look().with_context(|| format!("{}: not a module", file.display()))
}

#[cfg(test)]
mod tests;
