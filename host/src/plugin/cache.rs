//! Compiled code on disk, and the one place where native code enters this process.
//!
//! Owns `<state>/code`: one file per component and engine, named by the SHA-256 of the component's bytes and a hash of
//! everything that decides what code is compatible (wasmtime's version, its settings, the processor). In front of the code
//! stands an HMAC-SHA-256 over name and code, with a key that only this user can read. What was altered, truncated, renamed,
//! or written by another host or user is not loaded but compiled again.
//!
//! Loading compiled code is running it: wasmtime checks that it fits the engine, not that it is harmless. So what is loaded
//! was either handed over by the compiling child a moment ago, or carries a tag that only this host could have made.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use aws_lc_rs::{digest, hmac, rand};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, Timespec, Timestamps};
use rustix::io::Errno;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::limits::COMPILED_BYTES_MAX;

/// Bytes of an HMAC-SHA-256.
const TAG_BYTES: usize = digest::SHA256_OUTPUT_LEN;
const KEY_BYTES: usize = 32;
const KEY_FILE: &str = "key";
const CODE_SUFFIX: &str = ".code";
const TEMPORARY_SUFFIX: &str = ".part";
/// Separates these tags from any other use of the key.
const TAG_CONTEXT: &[u8] = b"guesthouse compiled code 1\0";
/// A folder is read so far; there is at most one file per plugin and version, and versions go when the cache is full.
const ENTRIES_MAX: usize = 100_000;

/// The cache of compiled code.
pub(super) struct Cache {
    path: PathBuf,
    directory: OwnedFd,
    key: hmac::Key,
    engine: Engine,
    /// What code must be compatible with, as part of its name.
    compatibility: u64,
    bytes_max: u64,
}

impl Cache {
    /// Opens or makes the cache in the host's state folder.
    ///
    /// # Errors
    /// When the folder cannot be made, or is open to other users.
    pub(super) fn open(state: &Path, engine: &Engine, bytes_max: u64) -> Result<Self> {
        let path = state.join("code");
        let directory = open_private_directory(&path)?;
        let key = load_or_make_key(&directory, &path)?;
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let cache =
            Self { path, directory, key, engine: engine.clone(), compatibility: hasher.finish(), bytes_max };
        cache.trim(0)?;
        Ok(cache)
    }

    /// The code of a component, if it is here and untouched. `digest` is the SHA-256 of its bytes, in hexadecimal.
    pub(super) fn find(&self, digest: &str) -> Option<Component> {
        let name = self.name(digest);
        let entry = match self.read(&name) {
            Ok(entry) => entry?,
            Err(error) => {
                tracing::warn!(file = %self.path.join(&name).display(), "compiled code is not used: {error:#}");
                return None;
            }
        };
        let (tag, code) = entry.split_at_checked(TAG_BYTES)?;
        if hmac::verify(&self.key, &self.tagged(&name, code), tag).is_err() {
            tracing::warn!(
                file = %self.path.join(&name).display(),
                "compiled code is not used: it was altered, or another host made it"
            );
            return None;
        }
        match self.load(code) {
            Ok(component) => Some(component),
            Err(error) => {
                tracing::debug!(file = %self.path.join(&name).display(), "compiled code does not fit: {error:#}");
                None
            }
        }
    }

    /// Takes code that the compiling child has just made: loads it, and keeps it for the next start.
    ///
    /// # Errors
    /// When the engine does not take the code. That it cannot be kept is only said in the log.
    pub(super) fn keep(&self, digest: &str, code: &[u8]) -> Result<Component> {
        let component = self.load(code).context("the engine does not take the compiled code")?;
        let name = self.name(digest);
        if let Err(error) = self.write(&name, code) {
            tracing::warn!(
                file = %self.path.join(&name).display(),
                "compiled code cannot be kept, so the next start compiles again: {error:#}"
            );
        }
        Ok(component)
    }

    fn name(&self, digest: &str) -> String {
        format!("{digest}-{:016x}{CODE_SUFFIX}", self.compatibility)
    }

    fn tagged(&self, name: &str, code: &[u8]) -> Vec<u8> {
        let mut text = Vec::with_capacity(
            TAG_CONTEXT.len().saturating_add(name.len()).saturating_add(code.len()).saturating_add(1),
        );
        text.extend_from_slice(TAG_CONTEXT);
        text.extend_from_slice(name.as_bytes());
        text.push(0);
        text.extend_from_slice(code);
        text
    }

    #[expect(
        unsafe_code,
        clippy::disallowed_methods,
        reason = "loading compiled code is what this file is for; the argument stands at the call"
    )]
    fn load(&self, code: &[u8]) -> Result<Component> {
        // SAFETY: `deserialize` asks that the bytes be the unaltered output of wasmtime's own compiler. Both callers see to
        // it: `keep` is given what this host's compiling child wrote to its pipe, `find` has just verified a tag over these
        // very bytes, in this process's memory, under a key that only this user can read; whoever can read or replace that
        // key runs code as this user already. wasmtime itself refuses another version, other settings and other
        // processors. The bytes are copied, so that nothing on disk is mapped and later changed.
        unsafe { Component::deserialize(&self.engine, code) }.map_err(anyhow::Error::from)
    }

    /// None when there is no such file.
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let Some((file, stat)) = open_private_file(&self.directory, name)? else { return Ok(None) };
        let length = u64::try_from(stat.st_size).unwrap_or(u64::MAX);
        if length > COMPILED_BYTES_MAX.saturating_add(TAG_BYTES as u64) {
            bail!("it is {length} bytes long");
        }
        let mut bytes = Vec::with_capacity(usize::try_from(length)?);
        (&file).take(length).read_to_end(&mut bytes)?;
        // The time of last use, for `trim`. Best effort: a file system that refuses only makes the order worse.
        let now = Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW };
        let _: rustix::io::Result<()> =
            rustix::fs::futimens(&file, &Timestamps { last_access: now, last_modification: now });
        Ok(Some(bytes))
    }

    fn write(&self, name: &str, code: &[u8]) -> Result<()> {
        let tag = hmac::sign(&self.key, &self.tagged(name, code));
        let length = (code.len() as u64).saturating_add(TAG_BYTES as u64);
        if length > self.bytes_max {
            bail!("it is larger than the whole cache (cache_bytes_max)");
        }
        self.trim(length)?;
        write_whole(&self.directory, name, &[tag.as_ref(), code])
    }

    /// Removes what was unused for longest until `room` more bytes fit, and what an interrupted write left.
    fn trim(&self, room: u64) -> Result<()> {
        let mut entries = Vec::new();
        let mut total = room;
        for entry in Dir::read_from(&self.directory)?.take(ENTRIES_MAX) {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            if name.ends_with(TEMPORARY_SUFFIX) && room == 0 {
                rustix::fs::unlinkat(&self.directory, name, AtFlags::empty())?;
            }
            if !name.ends_with(CODE_SUFFIX) {
                continue;
            }
            let stat = rustix::fs::statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
            let length = u64::try_from(stat.st_size).unwrap_or(0);
            total = total.saturating_add(length);
            entries.push((stat.st_mtime, stat.st_mtime_nsec, length, name.to_owned()));
        }
        entries.sort_unstable();
        for (_, _, length, name) in entries {
            if total <= self.bytes_max {
                break;
            }
            match rustix::fs::unlinkat(&self.directory, &name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => total = total.saturating_sub(length),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// SHA-256 in hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hexadecimal(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        // Writing to a string does not fail.
        let _: std::fmt::Result = write!(text, "{byte:02x}");
    }
    text
}

fn open_private_directory(path: &Path) -> Result<OwnedFd> {
    use std::os::unix::fs::DirBuilderExt;
    let shown = path.display();
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("the folder for compiled code {shown} cannot be made"))?;
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
    let directory = rustix::fs::openat(CWD, path, flags, Mode::empty())
        .with_context(|| format!("the folder for compiled code {shown} cannot be opened"))?;
    let stat = rustix::fs::fstat(&directory)?;
    if !is_private(&stat) {
        bail!(
            "the folder for compiled code {shown} belongs to user {} with mode {:o}; what lies in it is run, so it must be \
             this user's alone: remove it, and it is made anew",
            stat.st_uid,
            stat.st_mode & 0o7777
        );
    }
    Ok(directory)
}

fn is_private(stat: &Stat) -> bool {
    stat.st_uid == rustix::process::geteuid().as_raw() && stat.st_mode & 0o077 == 0
}

/// Opens a file that only this user can read or write. None when it is not there.
fn open_private_file(directory: &OwnedFd, name: &str) -> Result<Option<(File, Stat)>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let descriptor = match rustix::fs::openat(directory, name, flags, Mode::empty()) {
        Ok(descriptor) => descriptor,
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let stat = rustix::fs::fstat(&descriptor)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile || !is_private(&stat) {
        bail!(
            "it is not a regular file of this user alone (user {}, mode {:o})",
            stat.st_uid,
            stat.st_mode & 0o7777
        );
    }
    Ok(Some((File::from(descriptor), stat)))
}

/// Writes a file so that under its name there is all of it or nothing, also after a power cut.
fn write_whole(directory: &OwnedFd, name: &str, parts: &[&[u8]]) -> Result<()> {
    let mut random = [0_u8; 8];
    rand::fill(&mut random)?;
    let temporary = format!("{}{TEMPORARY_SUFFIX}", hexadecimal(&random));
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let descriptor = rustix::fs::openat(directory, &temporary, flags, Mode::RUSR | Mode::WUSR)?;
    let mut file = File::from(descriptor);
    let written = (|| -> Result<()> {
        for part in parts {
            file.write_all(part)?;
        }
        file.sync_all()?;
        rustix::fs::renameat(directory, &temporary, directory, name)?;
        Ok(())
    })();
    if written.is_err() {
        // The write's own error is the one to report.
        let _: rustix::io::Result<()> = rustix::fs::unlinkat(directory, &temporary, AtFlags::empty());
    }
    written?;
    rustix::fs::fsync(directory)?;
    Ok(())
}

/// The key of this state folder. One that is damaged or was open to others is replaced, which makes every file of the cache
/// one that is compiled again.
fn load_or_make_key(directory: &OwnedFd, path: &Path) -> Result<hmac::Key> {
    match read_key(directory) {
        Ok(Some(key)) => return Ok(hmac::Key::new(hmac::HMAC_SHA256, &key)),
        Ok(None) => {}
        Err(error) => tracing::warn!(
            file = %path.join(KEY_FILE).display(),
            "the key of the compiled code is replaced, so everything is compiled again: {error:#}"
        ),
    }
    let mut key = [0_u8; KEY_BYTES];
    rand::fill(&mut key)?;
    write_whole(directory, KEY_FILE, &[&key])
        .with_context(|| format!("{} cannot be written", path.join(KEY_FILE).display()))?;
    // Read back rather than used: of two hosts that start at the same time both then have the one that stayed.
    let key = read_key(directory)?.context("the key of the compiled code vanished")?;
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &key))
}

fn read_key(directory: &OwnedFd) -> Result<Option<[u8; KEY_BYTES]>> {
    let Some((file, _)) = open_private_file(directory, KEY_FILE)? else { return Ok(None) };
    let mut key = Vec::with_capacity(KEY_BYTES);
    file.take(KEY_BYTES as u64 + 1).read_to_end(&mut key)?;
    let key =
        <[u8; KEY_BYTES]>::try_from(key).map_err(|key| anyhow::anyhow!("it has {} bytes", key.len()))?;
    Ok(Some(key))
}
