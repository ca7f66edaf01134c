//! Reading the plugin folder, which belongs to whoever may write to it.
//!
//! Owns which names count, and how a file is opened: relative to the folder's own descriptor, following nothing, waiting for
//! nothing, and read from the very descriptor that was checked. Between a check by name and an open by name the name can come
//! to mean something else; here there is no second look. Refuses to know what the bytes mean.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rustix::fs::{CWD, Dir, FileType, Mode, OFlags, ResolveFlags, Stat, fstat, openat, openat2};
use rustix::io::Errno;

use crate::limits::{FOLDER_FOREIGN_ENTRIES_MAX, PLUGIN_NAME_BYTES_MAX};

/// What ends a plugin's file name.
pub(super) const COMPONENT_SUFFIX: &str = ".wasm";
/// What ends a manifest's file name.
pub(super) const MANIFEST_SUFFIX: &str = ".toml";
/// What ends the name of a file with the WIT text of a plugin.
pub(super) const TEXT_SUFFIX: &str = ".wit";

/// The plugin folder, held open.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    descriptor: OwnedFd,
    plugins_max: usize,
}

/// Why a file of the folder was not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// It is not there, or no longer.
    #[error("{0} is not there")]
    Missing(String),
    /// It is a symbolic link.
    #[error(
        "{0} is a symbolic link, and links are not followed, because what they point to can change unseen: put the file itself \
         into the folder (cp, or mv for a swap in one step)"
    )]
    SymbolicLink(String),
    /// It is something else than a regular file.
    #[error("{0} is a {1}, not a regular file: put the file itself into the folder")]
    NotAFile(String, &'static str),
    /// It is over its limit.
    #[error("{0} is {1} bytes long; at most {2} are taken ({3})")]
    TooLarge(String, u64, u64, &'static str),
    /// It was written to while it was read.
    #[error("{0} is still being written")]
    Changing(String),
    /// The operating system refuses.
    #[error("{0} cannot be read: {1} (the host runs as user {2})")]
    Refused(String, Errno, u32),
    /// Reading broke off.
    #[error("{0} cannot be read: {1}")]
    Broken(String, std::io::Error),
}

impl Folder {
    /// Opens the folder.
    ///
    /// # Errors
    /// When there is no such folder or it cannot be read.
    pub(super) fn open(path: &Path, plugins_max: u64) -> Result<Self> {
        let descriptor =
            openat(CWD, path, OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
                .with_context(|| {
                    format!(
                        "the plugin folder {} cannot be opened: create it, or name another",
                        path.display()
                    )
                })?;
        Ok(Self {
            path: path.to_owned(),
            descriptor,
            plugins_max: usize::try_from(plugins_max).unwrap_or(usize::MAX),
        })
    }

    /// Where the folder is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The names of all plugins in the folder, in order, and what is wrong with names that look like one but are none.
    ///
    /// # Errors
    /// When the folder cannot be read, or holds more than it may.
    pub(super) fn plugins(&self) -> Result<(BTreeSet<String>, Vec<String>)> {
        let mut names = BTreeSet::new();
        let mut refused = Vec::new();
        let directory = Dir::read_from(&self.descriptor)
            .with_context(|| format!("the plugin folder {} cannot be read", self.path.display()))?;
        let entries_max = self.plugins_max.saturating_mul(2).saturating_add(FOLDER_FOREIGN_ENTRIES_MAX);
        for (count, entry) in directory.enumerate() {
            if count > entries_max {
                bail!("the plugin folder {} holds more than {entries_max} entries", self.path.display());
            }
            let entry = entry.with_context(|| format!("{} cannot be read", self.path.display()))?;
            match Name::of(OsStr::from_bytes(entry.file_name().to_bytes())) {
                Name::Component(name) if names.len() < self.plugins_max => {
                    names.insert(name);
                }
                Name::Component(name) => {
                    refused.push(format!(
                        "{name}{COMPONENT_SUFFIX}: the folder already holds {} plugins (plugins_max)",
                        self.plugins_max
                    ));
                }
                Name::Refused(reason) => refused.push(reason),
                Name::Beside(_) | Name::Foreign => {}
            }
        }
        Ok((names, refused))
    }

    /// Reads a file of the folder whole. `limit` names the limit that `bytes_max` comes from.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub(super) fn read(&self, file: &str, bytes_max: u64, limit: &'static str) -> Result<Vec<u8>, ReadError> {
        let descriptor = self.open_file(file)?;
        let refused = |errno| ReadError::Refused(file.to_owned(), errno, rustix::process::geteuid().as_raw());
        let before = fstat(&descriptor).map_err(refused)?;
        match FileType::from_raw_mode(before.st_mode) {
            FileType::RegularFile => {}
            FileType::Symlink => return Err(ReadError::SymbolicLink(file.to_owned())),
            other => return Err(ReadError::NotAFile(file.to_owned(), kind(other))),
        }
        let length = u64::try_from(before.st_size).unwrap_or(u64::MAX);
        if length > bytes_max {
            return Err(ReadError::TooLarge(file.to_owned(), length, bytes_max, limit));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        let mut opened = File::from(descriptor);
        // One byte more than was announced: a file that grows meanwhile is seen, and cannot grow without end.
        (&mut opened)
            .take(length.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|error| ReadError::Broken(file.to_owned(), error))?;
        let after = fstat(&opened).map_err(refused)?;
        if bytes.len() as u64 != length || stamp(&before) != stamp(&after) {
            return Err(ReadError::Changing(file.to_owned()));
        }
        Ok(bytes)
    }

    /// What tells one state of a file from another, without reading it. None when it is not there.
    pub(super) fn stamp(&self, file: &str) -> Option<Stamp> {
        let stat = rustix::fs::statat(&self.descriptor, file, rustix::fs::AtFlags::SYMLINK_NOFOLLOW).ok()?;
        Some(stamp(&stat))
    }

    fn open_file(&self, file: &str) -> Result<OwnedFd, ReadError> {
        // NONBLOCK: opening a FIFO must not wait for its writer. NOCTTY: nor a terminal become ours.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let opened = match openat2(&self.descriptor, file, flags, Mode::empty(), resolve) {
            // Kernels before 5.6, and containers whose filter does not know the call. The name has no slash
            // ([`Name::of`]), so that NOFOLLOW says the same.
            Err(Errno::NOSYS | Errno::PERM) => openat(&self.descriptor, file, flags, Mode::empty()),
            other => other,
        };
        opened.map_err(|errno| match errno {
            Errno::NOENT => ReadError::Missing(file.to_owned()),
            Errno::LOOP => ReadError::SymbolicLink(file.to_owned()),
            // What open(2) says of a socket, and of a device without a driver.
            Errno::NXIO | Errno::NODEV => ReadError::NotAFile(file.to_owned(), "socket or device"),
            errno => ReadError::Refused(file.to_owned(), errno, rustix::process::geteuid().as_raw()),
        })
    }
}

/// Device, inode, size, and the times of the last change of content and of attributes, in nanoseconds.
pub(super) type Stamp = (u64, u64, u64, i128, i128);

fn stamp(stat: &Stat) -> Stamp {
    const NANOSECONDS: i128 = 1_000_000_000;
    (
        stat.st_dev,
        stat.st_ino,
        u64::try_from(stat.st_size).unwrap_or(u64::MAX),
        i128::from(stat.st_mtime).saturating_mul(NANOSECONDS).saturating_add(i128::from(stat.st_mtime_nsec)),
        i128::from(stat.st_ctime).saturating_mul(NANOSECONDS).saturating_add(i128::from(stat.st_ctime_nsec)),
    )
}

fn kind(file_type: FileType) -> &'static str {
    match file_type {
        FileType::Directory => "directory",
        FileType::Fifo => "FIFO",
        FileType::Socket => "socket",
        FileType::CharacterDevice | FileType::BlockDevice => "device",
        _ => "special file",
    }
}

/// What a file name means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// A plugin of this name.
    Component(String),
    /// The manifest of the plugin of this name.
    Beside(String),
    /// It ends like a plugin, but its stem is not a plugin's name. The text says why, for people.
    Refused(String),
    /// Nothing of ours: another ending, or hidden, as editors and transfer tools name what is not yet complete.
    Foreign,
}

impl Name {
    /// A plugin's name has letters, digits, `-`, `_`, and `.` between two of these, at most [`PLUGIN_NAME_BYTES_MAX`] bytes.
    /// So it is one path segment without escapes, and harmless in a log line, on a terminal and as a key.
    pub(super) fn of(file: &OsStr) -> Self {
        let shown = || file.to_string_lossy().escape_debug().take(100).collect::<String>();
        let bytes = file.as_bytes();
        if bytes.starts_with(b".") {
            return Self::Foreign;
        }
        let (stem, is_component) = if let Some(stem) = bytes.strip_suffix(COMPONENT_SUFFIX.as_bytes()) {
            (stem, true)
        } else if let Some(stem) =
            [MANIFEST_SUFFIX, TEXT_SUFFIX].iter().find_map(|suffix| bytes.strip_suffix(suffix.as_bytes()))
        {
            (stem, false)
        } else {
            return Self::Foreign;
        };
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-' || *byte == b'_';
        let valid = !stem.is_empty()
            && stem.len() <= PLUGIN_NAME_BYTES_MAX
            && stem.split(|byte| *byte == b'.').all(|part| !part.is_empty() && part.iter().all(plain));
        match (std::str::from_utf8(stem), valid, is_component) {
            (Ok(stem), true, true) => Self::Component(stem.to_owned()),
            (Ok(stem), true, false) => Self::Beside(stem.to_owned()),
            // A foreign .toml or .wit may lie beside plugins under any name.
            (_, _, false) => Self::Foreign,
            (_, _, true) => Self::Refused(format!(
                "`{}` cannot name a plugin: rename it to at most {PLUGIN_NAME_BYTES_MAX} letters, digits, `-`, `_`, or `.` \
                 between them, and {COMPONENT_SUFFIX}; where it is served can be set with `mount` in its manifest",
                shown()
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_plain_path_segment_or_refused_or_none_of_ours() {
        let component = |name: &str| Name::Component(name.to_owned());
        assert_eq!(Name::of(OsStr::new("orders.wasm")), component("orders"));
        assert_eq!(Name::of(OsStr::new("Orders_2-b.v1.wasm")), component("Orders_2-b.v1"));
        assert_eq!(Name::of(OsStr::new("orders.toml")), Name::Beside("orders".to_owned()));
        for foreign in
            [".orders.wasm", ".wasm", "orders.wasm.part", "orders", "README.md", "a b.toml", "orders.WASM"]
        {
            assert_eq!(Name::of(OsStr::new(foreign)), Name::Foreign, "{foreign}");
        }
        let long = format!("{}.wasm", "a".repeat(PLUGIN_NAME_BYTES_MAX + 1));
        for refused in
            ["a b.wasm", "a%2fb.wasm", "a..b.wasm", "a\n.wasm", "caf\u{e9}.wasm", "\u{1b}[2J.wasm", &long]
        {
            match Name::of(OsStr::new(refused)) {
                Name::Refused(reason) => {
                    assert!(reason.contains("rename it") && !reason.contains(['\n', '\u{1b}']), "{reason}");
                }
                other => panic!("{refused:?}: {other:?}"),
            }
        }
        assert!(matches!(Name::of(OsStr::from_bytes(b"\xff\xfe.wasm")), Name::Refused(_)));
    }

    #[test]
    fn a_link_that_takes_a_files_place_between_two_looks_is_never_followed() {
        let test = crate::testing::Folder::new();
        std::fs::create_dir(test.path().join("plugins")).unwrap();
        std::fs::write(test.path().join("secret"), "secret").unwrap();
        let folder = Folder::open(&test.path().join("plugins"), 10).unwrap();
        let racing = folder.path().to_owned();
        let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let racer = {
            let stop = std::sync::Arc::clone(&stop);
            std::thread::spawn(move || {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    std::fs::write(racing.join(".file"), "file").unwrap();
                    std::fs::rename(racing.join(".file"), racing.join("a.wasm")).unwrap();
                    std::os::unix::fs::symlink("../secret", racing.join(".link")).unwrap();
                    std::fs::rename(racing.join(".link"), racing.join("a.wasm")).unwrap();
                }
            })
        };
        for _ in 0..10_000 {
            match folder.read("a.wasm", 100, "limit") {
                Ok(bytes) => assert_eq!(bytes, b"file"),
                Err(ReadError::SymbolicLink(_) | ReadError::Missing(_) | ReadError::Changing(_)) => {}
                Err(other) => panic!("{other}"),
            }
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        racer.join().unwrap();
    }
}
