//! Files that appear whole or not at all.
//!
//! Owns the way a file gets into a plugin folder that may be watched at that moment: written under a name that begins
//! with a dot, which the host passes over, made durable, then renamed over the old one (POSIX `rename` is atomic).

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// It was written or replaced.
    Written,
    /// It held these very bytes; it was left alone, so that a watching host does not reload it.
    Unchanged,
}

/// Puts `bytes` at `folder/name` in one step.
///
/// # Errors
///
/// If the folder cannot be written to. The old file is then still there, and nothing else is left behind.
pub(super) fn write(folder: &Path, name: &str, bytes: &[u8]) -> anyhow::Result<Change> {
    let file = folder.join(name);
    if fs::read(&file).is_ok_and(|old| old == bytes) {
        return Ok(Change::Unchanged);
    }
    // The process id keeps two builds into one folder apart.
    let temporary = folder.join(format!(".{name}.{}.partial", std::process::id()));
    let written =
        write_durably(&temporary, bytes).and_then(|()| fs::rename(&temporary, &file)).and_then(|()| {
            // The new name is durable once the folder is.
            File::open(folder)?.sync_all()
        });
    if let Err(error) = written {
        if let Err(error) = fs::remove_file(&temporary)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            super::say(&format!("cannot remove {}: {error}", temporary.display()));
        }
        return Err(error).with_context(|| format!("cannot write {}", file.display()));
    }
    Ok(Change::Written)
}

fn write_durably(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests;
