//! The store's file.
//!
//! Owns how it is made, locked, read, written and synchronised.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use anyhow::{Context, bail};
use redb::{Database, StorageBackend};
use rustix::fs::{Advice, FallocateFlags};

/// The file, as redb uses it.
#[derive(Debug)]
pub(super) struct Disk {
    file: File,
}

impl Disk {
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .with_context(|| format!("the store {} cannot be opened", path.display()))?;
        Self::new(file).with_context(|| format!("the store {} cannot be used", path.display()))
    }

    fn new(file: File) -> io::Result<Self> {
        // After a failed fsync Linux keeps pages that are not on the disk and calls them clean. Whoever opens the file after
        // such an error must see the disk, so what is cached is dropped.
        rustix::fs::fadvise(&file, 0, None, Advice::DontNeed)?;
        Ok(Self { file })
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(out, offset)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let present = self.file.metadata()?.len();
        if length > present {
            // Takes the room now: a full disk is then found here, before anything is written, and not in the middle of a commit.
            match rustix::fs::fallocate(&self.file, FallocateFlags::empty(), present, length - present) {
                Ok(()) => return Ok(()),
                // File systems that cannot do it (and, by its older name, ones that say so differently).
                Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.file.set_len(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write_all_at(data, offset)
    }
}

/// Makes the folder if need be, and keeps a second host out of it for as long as the file is held.
pub(super) fn lock(folder: &Path) -> anyhow::Result<File> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("the state folder {} cannot be made", folder.display()))?;
    let path = folder.join("store.lock");
    let file = private()
        .truncate(false)
        .open(&path)
        .with_context(|| format!("the file {} cannot be opened", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            bail!("the state folder {} is in use by another guesthouse; give each its own", folder.display())
        }
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("the file {} cannot be locked", path.display()))
        }
    }
}

/// Makes an empty store beside its place and moves it there when it is whole: a host that is killed meanwhile leaves
/// nothing behind that looks like a broken store.
pub(super) fn make(path: &Path, build: impl Fn(Disk) -> anyhow::Result<Database>) -> anyhow::Result<()> {
    let begun = path.with_extension("new");
    let making = || format!("the store {} cannot be made", begun.display());
    let file = private().truncate(true).open(&begun).with_context(making)?;
    let database = Disk::new(file).map_err(anyhow::Error::from).and_then(build).with_context(making)?;
    // Closed before it is moved.
    drop(database);
    std::fs::rename(&begun, path).with_context(making)?;
    let folder = path.parent().context("the store has no folder")?;
    // A new name is durable when its folder is.
    File::open(folder).and_then(|folder| folder.sync_all()).with_context(making)
}

/// For the owner only.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).mode(0o600);
    options
}
