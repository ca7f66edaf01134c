//! The thread that writes.
//!
//! Owns group commit: what waits is checked and carried out in the order it came, within one transaction of the database,
//! and answered when that is durable. A commit that conflicts or is too large is left out and fails alone, because everything
//! about it is checked before its first write. An error of the storage fails the whole group.
//!
//! Commits are in two phases. redb's default is one, told from a torn write by a checksum, and its documentation says
//! that whoever chooses the data and can make the process crash could defeat that. Plugins choose the data. Two phases are also
//! what quick repair needs, with which the store is open at once after a crash, whatever its size.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use redb::{Database, Durability, ReadableTable, StorageBackend, Table, TableDefinition};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::overlay::Overlay;
use super::{Namespace, Shared, State, Storage, StoreError};

/// Whole keys and their values.
pub(super) const ENTRIES: TableDefinition<'static, &'static [u8], &'static [u8]> =
    TableDefinition::new("entries");
/// The bytes of keys and values that each plugin has there.
const USAGE: TableDefinition<'static, &'static str, u64> = TableDefinition::new("usage");

/// Commits that one transaction carries out at most, and their bytes: what a failing disk takes with it, and what the database
/// holds in memory until it is written.
const GROUP_COMMITS_MAX: usize = 512;
const GROUP_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// How long a storage that could not be opened is left alone.
const HEAL_PAUSE: Duration = Duration::from_millis(100);

/// What a plugin may keep.
#[derive(Debug, Clone)]
pub struct Quota {
    /// Whose it is.
    pub plugin: Arc<str>,
    /// Keys and values over all its stores.
    pub bytes_max: u64,
}

/// Changes to one store that are made together or not at all.
#[derive(Debug, Clone)]
pub struct Commit {
    /// Where.
    pub namespace: Namespace,
    /// What the plugin may keep.
    pub quota: Quota,
    /// What must hold.
    pub expectations: Vec<Expectation>,
    /// What is then done, in this order.
    pub writes: Vec<Write>,
}

/// What was read and must still be so.
#[derive(Debug, Clone)]
pub struct Expectation {
    /// The key.
    pub key: String,
    /// Its value; none when it had none.
    pub value: Option<Vec<u8>>,
}

/// One change.
#[derive(Debug, Clone)]
pub enum Write {
    /// Sets a key's value.
    Put(String, Vec<u8>),
    /// Takes it away; a key without one is no error.
    Delete(String),
    /// Adds to a number in decimal digits; a key without a value counts as 0. The commit's result is the sum.
    Increment(String, u64),
}

impl Write {
    pub(super) fn key_and_value(&self) -> (&String, Option<&Vec<u8>>) {
        match self {
            Self::Put(key, value) => (key, Some(value)),
            Self::Delete(key) | Self::Increment(key, _) => (key, None),
        }
    }
}

/// What the writer is asked to do.
pub(super) enum Job {
    Commit {
        commit: Commit,
        bytes: u64,
        reply: oneshot::Sender<Outcome>,
        /// Given back when the commit is done with.
        _room: OwnedSemaphorePermit,
    },
    /// A reader met an error.
    Heal,
}

/// The last sum of a commit that increments, or why nothing was written.
type Outcome = Result<Option<u64>, StoreError>;

pub(super) fn run(shared: &Shared, mut jobs: mpsc::Receiver<Job>) {
    let mut healed: Option<Instant> = None;
    while let Some(first) = jobs.blocking_recv() {
        let mut group = Vec::new();
        let mut group_bytes: u64 = 0;
        let mut heal = false;
        let mut next = Some(first);
        while let Some(job) = next {
            match job {
                Job::Heal => heal = true,
                Job::Commit { bytes, .. } => {
                    group_bytes = group_bytes.saturating_add(bytes);
                    group.push(job);
                }
            }
            let full = group.len() >= GROUP_COMMITS_MAX || group_bytes >= GROUP_BYTES_MAX;
            next = if full { None } else { jobs.try_recv().ok() };
        }
        // A caller that was cut off meanwhile is told nothing, so nothing is done for it.
        group.retain(|job| matches!(job, Job::Commit { reply, .. } if !reply.is_closed()));
        if heal || !shared.is_open() {
            shared.heal(&mut healed);
        }
        answer(shared, group, &mut healed);
    }
}

fn answer(shared: &Shared, group: Vec<Job>, healed: &mut Option<Instant>) {
    let (commits, replies): (Vec<_>, Vec<_>) = group
        .into_iter()
        .filter_map(|job| match job {
            Job::Commit { commit, reply, _room, .. } => Some((commit, (reply, _room))),
            Job::Heal => None,
        })
        .unzip();
    if commits.is_empty() {
        return;
    }
    let outcomes = shared.write(&commits);
    if outcomes.is_none() {
        // Before the answers: whoever gets one and reads meets a store that is open again, if it can be.
        shared.heal(healed);
    }
    let mut outcomes = outcomes.unwrap_or_default().into_iter();
    for (reply, _room) in replies {
        // A caller that is gone needs no answer.
        let _: Result<(), _> = reply.send(outcomes.next().unwrap_or(Err(StoreError::Unavailable)));
    }
}

impl Shared {
    fn is_open(&self) -> bool {
        matches!(*self.database.read().unwrap_or_else(PoisonError::into_inner), State::Open(_))
    }

    /// Carries out a group. None after an error of the storage.
    fn write(&self, commits: &[Commit]) -> Option<Vec<Outcome>> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let State::Open(database) = &*database else { return None };
        // redb checks what it reads back and may panic on what a broken disk gives it; that must not end all writing.
        let written = std::panic::catch_unwind(AssertUnwindSafe(|| write_group(database, commits)));
        match written {
            Ok(Ok(outcomes)) => Some(outcomes),
            Ok(Err(error)) => {
                tracing::error!(%error, "the store cannot write");
                None
            }
            Err(_) => {
                tracing::error!("the store panicked while it wrote");
                None
            }
        }
    }

    /// Closes the database and opens it anew, for reading only when it cannot be written to; at most once in a while as
    /// long as it cannot.
    fn heal(&self, last: &mut Option<Instant>) {
        if !self.is_open() && last.is_some_and(|last| last.elapsed() < HEAL_PAUSE) {
            return;
        }
        *last = Some(Instant::now());
        let mut state = self.database.write().unwrap_or_else(PoisonError::into_inner);
        *state = State::Closed;
        *state = match self.reopen(|backend| Ok(Storage(backend))) {
            Ok(database) => {
                tracing::warn!("the store was opened anew after an error of its disk");
                State::Open(database)
            }
            Err(error) => {
                let error = format!("{error:#}");
                match self.reopen(|backend| Ok(Overlay::new(Storage(backend))?)) {
                    Ok(database) => {
                        tracing::error!(error, "the store can be read only: its disk takes no writes");
                        State::ReadOnly(database)
                    }
                    Err(_) => {
                        tracing::error!(error, "the store cannot be opened anew");
                        State::Closed
                    }
                }
            }
        };
    }

    fn reopen<B: StorageBackend>(
        &self,
        wrap: impl FnOnce(Box<dyn StorageBackend>) -> anyhow::Result<B>,
    ) -> anyhow::Result<Database> {
        let open = || super::open_database(wrap((self.open)()?)?, self.cache_bytes);
        std::panic::catch_unwind(AssertUnwindSafe(open))
            .unwrap_or_else(|_| Err(anyhow::anyhow!("the database panicked while it was opened")))
    }
}

/// Makes the tables of a new database.
pub(super) fn make_tables(database: &Database) -> Result<(), redb::Error> {
    let transaction = begin(database)?;
    transaction.open_table(ENTRIES)?;
    transaction.open_table(USAGE)?;
    transaction.commit()?;
    Ok(())
}

fn begin(database: &Database) -> Result<redb::WriteTransaction, redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    transaction.set_two_phase_commit(true);
    transaction.set_quick_repair(true);
    Ok(transaction)
}

fn write_group(database: &Database, commits: &[Commit]) -> Result<Vec<Outcome>, redb::Error> {
    let transaction = begin(database)?;
    let outcomes = {
        let mut entries = transaction.open_table(ENTRIES)?;
        let mut usage = transaction.open_table(USAGE)?;
        let apply = |commit| apply(&mut entries, &mut usage, commit);
        commits.iter().map(apply).collect::<Result<Vec<_>, _>>()?
    };
    if outcomes.iter().any(Result::is_ok) {
        transaction.commit()?;
    } else {
        transaction.abort()?;
    }
    Ok(outcomes)
}

/// Checks one commit, then carries it out. The outer error is the storage's.
fn apply(
    entries: &mut Table<'_, &'static [u8], &'static [u8]>,
    usage: &mut Table<'_, &'static str, u64>,
    commit: &Commit,
) -> Result<Outcome, redb::StorageError> {
    for expectation in &commit.expectations {
        let key = commit.namespace.key(&expectation.key);
        let present = entries.get(key.as_slice())?;
        if present.as_ref().map(redb::AccessGuard::value) != expectation.value.as_deref() {
            return Ok(Err(StoreError::Conflict));
        }
    }
    // What each key will have in the end.
    let mut changes: BTreeMap<&str, Option<std::borrow::Cow<'_, [u8]>>> = BTreeMap::new();
    let mut sum = None;
    for write in &commit.writes {
        match write {
            Write::Put(key, value) => changes.insert(key, Some(value.into())),
            Write::Delete(key) => changes.insert(key, None),
            Write::Increment(key, delta) => {
                let present = match changes.get(key.as_str()) {
                    Some(change) => change.as_deref().map(<[u8]>::to_vec),
                    None => {
                        entries.get(commit.namespace.key(key).as_slice())?.map(|value| value.value().to_vec())
                    }
                };
                let added = match add(present.as_deref(), *delta) {
                    Ok(added) => added,
                    Err(error) => return Ok(Err(error)),
                };
                sum = Some(added);
                changes.insert(key, Some(added.to_string().into_bytes().into()))
            }
        };
    }
    let changes: Vec<_> =
        changes.into_iter().map(|(key, value)| (commit.namespace.key(key), key.len(), value)).collect();
    let plugin = &*commit.quota.plugin;
    let used = usage.get(plugin)?.map_or(0, |bytes| bytes.value());
    let (mut added, mut freed): (u64, u64) = (0, 0);
    for (key, own_length, value) in &changes {
        if let Some(present) = entries.get(key.as_slice())? {
            freed = freed.saturating_add(size(*own_length, present.value()));
        }
        if let Some(value) = value {
            added = added.saturating_add(size(*own_length, value));
        }
    }
    let will_use = used.saturating_add(added).saturating_sub(freed);
    let bytes_max = commit.quota.bytes_max;
    if will_use > bytes_max && added > freed {
        return Ok(Err(super::too_large("what the plugin keeps", "store_bytes_max", bytes_max)));
    }
    for (key, _, value) in &changes {
        match value {
            Some(value) => drop(entries.insert(key.as_slice(), &**value)?),
            None => drop(entries.remove(key.as_slice())?),
        }
    }
    if will_use != used {
        usage.insert(plugin, will_use)?;
    }
    Ok(Ok(sum))
}

fn size(key_length: usize, value: &[u8]) -> u64 {
    (key_length as u64).saturating_add(value.len() as u64)
}

/// The sum of a stored number and a delta. Digits rather than bytes, so that a value written by `set` counts, and what
/// `increment` wrote can be read and shown by anything.
fn add(present: Option<&[u8]>, delta: u64) -> Result<u64, StoreError> {
    let number = match present {
        None => 0,
        Some(bytes) => std::str::from_utf8(bytes)
            .ok()
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|text| text.parse::<u64>().ok())
            .ok_or(StoreError::NotANumber(
                "the value is not a number: increment takes decimal digits, up to 18446744073709551615",
            ))?,
    };
    number.checked_add(delta).ok_or(StoreError::NotANumber("the sum is over 18446744073709551615"))
}
