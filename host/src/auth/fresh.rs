//! A file that is read again when it has changed, so that a revoked key stops working without a restart.
//!
//! Owns when to look: at most once a second, by whoever asks next. A changed file that cannot be read keeps the last good
//! content and is said in the log, once per change.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use anyhow::{Context, Result};
use arc_swap::ArcSwap;

/// A file's size and time of change, by which a change is known.
type Stamp = Option<(u64, SystemTime)>;

pub(super) struct Fresh<T> {
    path: Option<PathBuf>,
    read: fn(&str) -> Result<T>,
    current: ArcSwap<(Stamp, Arc<T>)>,
    born: Instant,
    looked_s: AtomicU64,
}

impl<T: Default> Fresh<T> {
    /// Reads the file; none, or one that is not there yet, is as good as an empty one.
    pub(super) fn open(path: Option<&Path>, read: fn(&str) -> Result<T>) -> Result<Self> {
        let (stamp, value) = match path {
            None => (None, T::default()),
            Some(path) => load(path, read)?,
        };
        Ok(Self {
            path: path.map(Path::to_owned),
            read,
            current: ArcSwap::from_pointee((stamp, Arc::new(value))),
            born: Instant::now(),
            looked_s: AtomicU64::new(0),
        })
    }

    pub(super) fn get(&self) -> Arc<T> {
        let now_s = self.born.elapsed().as_secs();
        if self.looked_s.swap(now_s, Ordering::Relaxed) != now_s {
            self.look();
        }
        Arc::clone(&self.current.load().1)
    }

    fn look(&self) {
        let Some(path) = &self.path else { return };
        if stamp(path) == self.current.load().0 {
            return;
        }
        match load(path, self.read) {
            Ok((stamp, value)) => self.current.store(Arc::new((stamp, Arc::new(value)))),
            Err(error) => {
                tracing::error!("{error:#}; its last good content holds");
                let value = Arc::clone(&self.current.load().1);
                self.current.store(Arc::new((stamp(path), value)));
            }
        }
    }
}

fn load<T: Default>(path: &Path, read: fn(&str) -> Result<T>) -> Result<(Stamp, T)> {
    // The stamp first: a change between the two readings is then found at the next look.
    let stamp = stamp(path);
    if stamp.is_none() {
        return Ok((None, T::default()));
    }
    let text =
        std::fs::read_to_string(path).with_context(|| format!("`{}` cannot be read", path.display()))?;
    let value = read(&text).with_context(|| format!("`{}` cannot be understood", path.display()))?;
    Ok((stamp, value))
}

fn stamp(path: &Path) -> Stamp {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.len(), metadata.modified().ok()?))
}
