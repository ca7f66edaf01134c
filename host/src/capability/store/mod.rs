//! The store: keys and values of plugins in one embedded database, `store.redb` in the state folder.
//!
//! Owns the database, who may see which key, and what "durable" means. Refuses to know the interfaces that plugins see it
//! through; those are `keyvalue` and `transaction`, one file each.
//!
//! **Writing.** All writes of all plugins go through one thread ([`writer`]), which puts those that wait into one
//! transaction of the database, has it written and synchronised, and only then answers them all. So a busy store costs one
//! synchronisation for many commits, and an answer means that the write survives a crash of the host and of the machine.
//!
//! **Reading** happens on the calling thread, in a read transaction that lasts for one host call. A lookup takes a few
//! microseconds when its pages are in memory, which is less than handing it to another thread and back; one that
//! misses waits for one page from the disk, on a worker that has a disk's latency to spare and no more. What was acknowledged
//! before a read began is seen by it.
//!
//! **Failing disks.** After an input or output error redb refuses everything until it is opened anew, because what is
//! on the disk is no longer known. The writer does that at once, drops what the kernel has cached of the file, and tells
//! those whose commits were in the transaction that it failed. They are not told that nothing was written: after a failed
//! synchronisation nobody knows, and a later read shows what holds.

use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Bound;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;

use anyhow::Context;
use redb::{Database, ReadOnlyTable, ReadableDatabase, StorageBackend};
use tokio::sync::{Semaphore, mpsc, oneshot};

mod cursors;
mod disk;
pub(super) mod keyvalue;
mod namespace;
mod overlay;
pub(super) mod transaction;
mod writer;

#[cfg(test)]
mod faults;
#[cfg(test)]
mod tests;

use crate::limits::HostLimits;
use cursors::Cursors;
pub use namespace::Namespace;
use writer::Job;
pub use writer::{Commit, Expectation, Quota, Write};

/// Why a store did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// An expectation does not hold.
    #[error("another commit changed what was read")]
    Conflict,
    /// Over one of the limits; the text names it.
    #[error("{0}")]
    TooLarge(String),
    /// `increment` found something else than a number, or one that would be too large.
    #[error("{0}")]
    NotANumber(&'static str),
    /// A cursor that belongs to no key of this store any more.
    #[error("this cursor is not known (any more): list from the beginning")]
    UnknownCursor,
    /// The disk is full, read-only or failing, or the host is going down. The host's log says which.
    #[error("the store is not available")]
    Unavailable,
}

/// Makes the storage anew, at start and after an error.
type Open = Box<dyn Fn() -> anyhow::Result<Box<dyn StorageBackend>> + Send + Sync>;

/// The open store.
pub struct Store {
    shared: Arc<Shared>,
    limits: HostLimits,
    /// None only while it is dropped.
    jobs: Option<mpsc::Sender<Job>>,
    /// One permit for each KiB that may wait.
    room: Arc<Semaphore>,
    writer: Option<JoinHandle<()>>,
    /// Held so that no second host opens the same store.
    lock: Option<File>,
}

impl fmt::Debug for Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Store").finish_non_exhaustive()
    }
}

/// What readers and the writer share.
struct Shared {
    /// Written to only when the storage is opened anew.
    database: RwLock<State>,
    open: Open,
    cache_bytes: usize,
    cursors: Mutex<Cursors>,
}

/// What can be done with the database.
enum State {
    Open(Database),
    /// The disk does not take writes; see [`overlay`].
    ReadOnly(Database),
    Closed,
}

impl Store {
    /// Opens the store in a folder, or makes it there: `store.redb`, readable by the owner only.
    ///
    /// # Errors
    /// When the folder or the file cannot be used, when another host has it open, and when the file is none of redb's.
    pub fn open(folder: &Path, limits: &HostLimits) -> anyhow::Result<Arc<Self>> {
        let lock = disk::lock(folder)?;
        let path = folder.join("store.redb");
        if !path.exists() {
            let cache_bytes = usize::try_from(limits.store_cache_bytes_max)?;
            disk::make(&path, |disk| open_database(Storage(Box::new(disk)), cache_bytes))?;
        }
        let name = path.display().to_string();
        let open = move || Ok(Box::new(disk::Disk::open(&path)?) as Box<dyn StorageBackend>);
        Self::start(Box::new(open), limits, Some(lock))
            .with_context(|| format!("the store {name} cannot be opened"))
    }

    /// A store on storage of another kind. `backend` is called at once and again after each error of the storage.
    ///
    /// # Errors
    /// When the storage cannot be opened.
    pub fn on<B: StorageBackend>(
        backend: impl Fn() -> std::io::Result<B> + Send + Sync + 'static,
        limits: &HostLimits,
    ) -> anyhow::Result<Arc<Self>> {
        Self::start(Box::new(move || Ok(Box::new(backend()?) as Box<dyn StorageBackend>)), limits, None)
    }

    fn start(open: Open, limits: &HostLimits, lock: Option<File>) -> anyhow::Result<Arc<Self>> {
        let cache_bytes = usize::try_from(limits.store_cache_bytes_max)?;
        let database = open_database(Storage(open()?), cache_bytes)?;
        let shared = Arc::new(Shared {
            database: RwLock::new(State::Open(database)),
            open,
            cache_bytes,
            cursors: Mutex::new(Cursors::new(usize::try_from(limits.store_cursors_max)?)),
        });
        let (jobs, waiting) = mpsc::channel(usize::try_from(limits.store_writes_waiting_max)?);
        let writer = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn({
                let shared = Arc::clone(&shared);
                move || writer::run(&shared, waiting)
            })
            .context("the store's thread cannot be started")?;
        Ok(Arc::new(Self {
            shared,
            limits: limits.clone(),
            jobs: Some(jobs),
            room: Arc::new(Semaphore::new(usize::try_from(limits.store_waiting_bytes_max / 1024)?)),
            writer: Some(writer),
            lock,
        }))
    }

    /// The value of a key.
    ///
    /// # Errors
    /// When the key is too long or the store cannot be read.
    pub fn get(&self, namespace: &Namespace, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let key = self.key(namespace, key)?;
        self.read(|entries| Ok(entries.get(key.as_slice())?.map(|value| value.value().to_vec())))
    }

    /// Whether a key has a value.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub fn exists(&self, namespace: &Namespace, key: &str) -> Result<bool, StoreError> {
        let key = self.key(namespace, key)?;
        self.read(|entries| Ok(entries.get(key.as_slice())?.is_some()))
    }

    /// The values of several keys as they were at one moment; keys without a value are left as none.
    ///
    /// # Errors
    /// As [`Store::get`], and when there are too many keys or their values are over `bytes_max` together.
    pub fn get_many(
        &self,
        namespace: &Namespace,
        keys: &[String],
        bytes_max: u64,
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.check_count(keys.len())?;
        let keys: Vec<_> = keys.iter().map(|key| self.key(namespace, key)).collect::<Result<_, _>>()?;
        let found = self.read(|entries| {
            let mut bytes: u64 = 0;
            let mut found = Vec::with_capacity(keys.len());
            for key in &keys {
                let value = entries.get(key.as_slice())?;
                bytes = bytes.saturating_add(value.as_ref().map_or(0, |value| value.value().len() as u64));
                if bytes > bytes_max {
                    return Ok(None);
                }
                found.push(value.map(|value| value.value().to_vec()));
            }
            Ok(Some(found))
        })?;
        found.ok_or_else(|| {
            StoreError::TooLarge(format!(
                "the values are over {bytes_max} bytes together; ask for fewer keys"
            ))
        })
    }

    /// Keys in ascending byte order, a page of them, and where the next page begins if there is one.
    ///
    /// A cursor stands for the last key of its page. It stays good whatever else is written, in later calls and after a
    /// restart; only when its own key has been deleted and it has also been forgotten (`store_cursors_max` newer ones were
    /// given out since, or the host restarted) is there no telling where it was.
    ///
    /// # Errors
    /// When the cursor is not known or the store cannot be read.
    pub async fn list(
        &self,
        namespace: &Namespace,
        cursor: Option<u64>,
    ) -> Result<(Vec<String>, Option<u64>), StoreError> {
        let after = match cursor {
            None => None,
            Some(cursor) => Some(self.find(namespace, cursor).await?),
        };
        let count = usize::try_from(self.limits.store_keys_per_page_max).unwrap_or(usize::MAX);
        let mut keys = self.keys(namespace, after.as_deref(), count.saturating_add(1))?;
        let next = if keys.len() > count {
            keys.truncate(count);
            keys.last().map(|last| self.shared.cursors().remember(last))
        } else {
            None
        };
        let keys = keys.iter().filter_map(|key| namespace.strip(key).map(str::to_owned)).collect();
        Ok((keys, next))
    }

    /// The key that a cursor stands for: remembered, or searched for in pages between which other tasks get their turn.
    async fn find(&self, namespace: &Namespace, cursor: u64) -> Result<Vec<u8>, StoreError> {
        if let Some(key) = self.shared.cursors().recall(cursor)
            && namespace.strip(&key).is_some()
        {
            return Ok(key);
        }
        let mut after: Option<Vec<u8>> = None;
        loop {
            let keys = self.keys(namespace, after.as_deref(), KEYS_SEARCHED_AT_ONCE)?;
            if let Some(found) = keys.iter().find(|key| cursors::cursor(key) == cursor) {
                return Ok(found.clone());
            }
            after = Some(keys.into_iter().next_back().ok_or(StoreError::UnknownCursor)?);
            tokio::task::yield_now().await;
        }
    }

    /// At most `count` whole keys of a namespace after one of them.
    fn keys(
        &self,
        namespace: &Namespace,
        after: Option<&[u8]>,
        count: usize,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let begin = after.map_or(Bound::Included(namespace.begin()), Bound::Excluded);
        let range = (begin, Bound::Excluded(namespace.end()));
        self.read(|entries| {
            let entries = entries.range::<&[u8]>(range)?.take(count);
            entries.map(|entry| entry.map(|(key, _)| key.value().to_vec())).collect()
        })
    }

    /// Makes a commit durable, or tells why not. Dropping the future leaves open whether it was made.
    ///
    /// # Errors
    /// See [`StoreError`]. But for [`StoreError::Unavailable`], nothing of the commit was written.
    pub async fn commit(&self, commit: Commit) -> Result<Option<u64>, StoreError> {
        let bytes = self.check(&commit)?;
        let kib = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        if u64::from(kib) > self.limits.store_waiting_bytes_max / 1024 {
            return Err(too_large(
                "the commit",
                "store_waiting_bytes_max",
                self.limits.store_waiting_bytes_max,
            ));
        }
        let room = Arc::clone(&self.room).acquire_many_owned(kib).await;
        let (Ok(room), Some(jobs)) = (room, &self.jobs) else { return Err(StoreError::Unavailable) };
        let (reply, answer) = oneshot::channel();
        let job = Job::Commit { commit, bytes, reply, _room: room };
        jobs.send(job).await.map_err(|_| StoreError::Unavailable)?;
        answer.await.unwrap_or(Err(StoreError::Unavailable))
    }

    /// The bytes of a commit that is within the limits.
    fn check(&self, commit: &Commit) -> Result<u64, StoreError> {
        let limits = &self.limits;
        self.check_count(commit.writes.len())?;
        self.check_count(commit.expectations.len())?;
        let mut bytes: u64 = 1;
        let expected = commit.expectations.iter().map(|it| (&it.key, it.value.as_ref()));
        let written = commit.writes.iter().map(Write::key_and_value);
        for (key, value) in expected.chain(written) {
            self.check_key(key)?;
            let length = value.map_or(0, |value| value.len() as u64);
            if length > limits.store_value_bytes_max {
                return Err(too_large("a value", "store_value_bytes_max", limits.store_value_bytes_max));
            }
            bytes = bytes.saturating_add(key.len() as u64).saturating_add(length);
        }
        Ok(bytes)
    }

    fn check_count(&self, count: usize) -> Result<(), StoreError> {
        let count_max = self.limits.store_writes_per_commit_max;
        if count as u64 > count_max {
            return Err(StoreError::TooLarge(format!(
                "{count} keys are more than {count_max} at once (store_writes_per_commit_max)"
            )));
        }
        Ok(())
    }

    fn check_key(&self, key: &str) -> Result<(), StoreError> {
        if key.len() as u64 > self.limits.store_key_bytes_max {
            return Err(too_large("a key", "store_key_bytes_max", self.limits.store_key_bytes_max));
        }
        Ok(())
    }

    fn key(&self, namespace: &Namespace, key: &str) -> Result<Vec<u8>, StoreError> {
        self.check_key(key)?;
        Ok(namespace.key(key))
    }

    /// Reads in a transaction of its own. After an error the writer is asked to open the storage anew.
    fn read<R>(
        &self,
        read: impl FnOnce(&ReadOnlyTable<&'static [u8], &'static [u8]>) -> Result<R, redb::StorageError>,
    ) -> Result<R, StoreError> {
        let database = self.shared.database.read().unwrap_or_else(PoisonError::into_inner);
        let result = match &*database {
            State::Closed => None,
            State::Open(database) | State::ReadOnly(database) => read_from(database, read)
                .inspect_err(|error| tracing::error!(%error, "the store cannot be read"))
                .ok(),
        };
        drop(database);
        result.ok_or_else(|| {
            if let Some(jobs) = &self.jobs {
                // When the queue is full, a commit in it does the same.
                let _: Result<(), _> = jobs.try_send(Job::Heal);
            }
            StoreError::Unavailable
        })
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // The writer ends when its queue does, with everything in it written.
        self.jobs = None;
        if let Some(writer) = self.writer.take() {
            let _: Result<(), _> = writer.join();
        }
        if let Some(lock) = &self.lock {
            // Closing the file is not enough: a child process that is just being started has it open until it runs its own
            // program, and the lock is the open file's.
            let _: Result<(), _> = lock.unlock();
        }
    }
}

/// How many keys are looked at for a forgotten cursor before other tasks get their turn: about a tenth of a millisecond.
const KEYS_SEARCHED_AT_ONCE: usize = 256;

fn too_large(what: &str, limit: &str, bytes_max: u64) -> StoreError {
    StoreError::TooLarge(format!("{what} is over {bytes_max} bytes ({limit})"))
}

fn read_from<R>(
    database: &Database,
    read: impl FnOnce(&ReadOnlyTable<&'static [u8], &'static [u8]>) -> Result<R, redb::StorageError>,
) -> Result<R, redb::Error> {
    let transaction = database.begin_read()?;
    let entries = transaction.open_table(writer::ENTRIES)?;
    Ok(read(&entries)?)
}

/// A database whose tables are there.
fn open_database(backend: impl StorageBackend, cache_bytes: usize) -> anyhow::Result<Database> {
    let database = Database::builder().set_cache_size(cache_bytes).create_with_backend(backend)?;
    if read_from(&database, |_| Ok(())).is_err() {
        writer::make_tables(&database)?;
    }
    Ok(database)
}

/// A storage of whatever kind.
#[derive(Debug)]
struct Storage(Box<dyn StorageBackend>);

impl StorageBackend for Storage {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.0.close()
    }
}

impl Shared {
    fn cursors(&self) -> std::sync::MutexGuard<'_, Cursors> {
        self.cursors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The stores that a manifest grants to a plugin.
#[derive(Debug)]
pub(super) struct Granted {
    store: Arc<Store>,
    quota: Quota,
    stores: Vec<(String, Namespace)>,
}

impl Granted {
    /// Names that no store can have are left out; [`super::check`] has refused a manifest with such.
    pub(super) fn new(store: &Arc<Store>, plugin: &str, names: &[String], bytes_max: u64) -> Self {
        let stores = names.iter().filter_map(|name| Some((name.clone(), Namespace::new(plugin, name)?)));
        Self {
            store: Arc::clone(store),
            quota: Quota { plugin: Arc::from(plugin), bytes_max },
            stores: stores.collect(),
        }
    }

    /// The place of a store in the list of those granted.
    fn place(&self, name: &str) -> Option<u32> {
        let place = self.stores.iter().position(|(granted, _)| granted == name)?;
        u32::try_from(place).ok()
    }

    fn namespace(&self, place: u32) -> Option<&Namespace> {
        self.stores.get(usize::try_from(place).ok()?).map(|(_, namespace)| namespace)
    }

    fn commit(&self, namespace: &Namespace, expectations: Vec<Expectation>, writes: Vec<Write>) -> Commit {
        Commit { namespace: namespace.clone(), quota: self.quota.clone(), expectations, writes }
    }
}
