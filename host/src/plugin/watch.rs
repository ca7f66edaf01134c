//! Noticing that something in the plugin folder has changed, and when it is complete.
//!
//! Owns the question *when* to read a file: once its writer has closed it or it was renamed into place, and nothing has
//! happened to it for a moment. A file that is open for writing is left alone however long that takes. Refuses to read it.
//!
//! What is noticed is kept as a set of plugin names, so that any number of events costs one entry; when even that is too
//! much, or the kernel's own queue overflowed, everything is looked at again. Where inotify cannot be had, the folder is
//! looked at every [`FOLDER_POLL_MS`], and a file is taken when two looks find the same.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, CreateKind, EventKind, ModifyKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

use super::folder::{COMPONENT_SUFFIX, Folder, MANIFEST_SUFFIX, Name, Stamp, TEXT_SUFFIX};
use crate::limits::{FOLDER_FOREIGN_ENTRIES_MAX, FOLDER_POLL_MS, FOLDER_QUIET_MS};

/// What is to be looked at again.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// These plugins.
    Plugins(BTreeSet<String>),
    /// All of them: events were lost.
    Everything,
    /// The folder itself is gone or is another; it has to be opened again.
    FolderGone,
}

/// A watched folder.
pub(super) struct Watch {
    noticed: Arc<Noticed>,
    source: Source,
}

enum Source {
    /// Dropped with the watch, which ends its thread.
    Inotify {
        _watcher: RecommendedWatcher,
    },
    Polling(Polling),
}

#[derive(Default)]
struct Noticed {
    state: Mutex<State>,
    wake: Notify,
}

#[derive(Default)]
struct State {
    /// Plugins with the time of their last event.
    touched: BTreeMap<String, Instant>,
    /// Files that were written to and not closed since.
    writing: BTreeSet<String>,
    everything: bool,
    folder_gone: bool,
}

impl Watch {
    /// Begins to watch. What changes from here on is noticed, so a reader that looks at the folder afterwards misses
    /// nothing.
    pub(super) fn start(folder: &Folder) -> Self {
        let noticed = Arc::new(Noticed::default());
        match Self::inotify(folder.path(), Arc::clone(&noticed)) {
            Ok(watcher) => Self { noticed, source: Source::Inotify { _watcher: watcher } },
            Err(error) => {
                tracing::warn!(
                    folder = %folder.path().display(), %error,
                    "the plugin folder cannot be watched (fs.inotify.max_user_instances and max_user_watches may be too \
                     small); it is looked at every {FOLDER_POLL_MS} ms instead"
                );
                Self::polling(folder, Duration::from_millis(FOLDER_POLL_MS))
            }
        }
    }

    fn inotify(path: &Path, noticed: Arc<Noticed>) -> notify::Result<RecommendedWatcher> {
        let folder = path.to_owned();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            noticed.take(&folder, event);
        })?;
        watcher.watch(path, RecursiveMode::NonRecursive)?;
        Ok(watcher)
    }

    /// A watch that looks by itself.
    pub(super) fn polling(folder: &Folder, interval: Duration) -> Self {
        let mut polling = Polling { interval, before: BTreeMap::new(), reported: BTreeMap::new() };
        polling.before = polling.look(folder).unwrap_or_default();
        polling.reported.clone_from(&polling.before);
        Self { noticed: Arc::new(Noticed::default()), source: Source::Polling(polling) }
    }

    /// Waits for the next change that is complete.
    pub(super) async fn next(&mut self, folder: &Folder) -> Change {
        loop {
            let wait = match self.noticed.due() {
                Ok(change) => return change,
                Err(wait) => wait,
            };
            let noticed = Arc::clone(&self.noticed);
            let quiet = async {
                match wait {
                    Some(wait) => tokio::time::sleep(wait).await,
                    None => std::future::pending().await,
                }
            };
            let poll_interval = match &self.source {
                Source::Inotify { .. } => None,
                Source::Polling(polling) => Some(polling.interval),
            };
            let poll = async {
                match poll_interval {
                    Some(interval) => tokio::time::sleep(interval).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = noticed.wake.notified() => {}
                () = quiet => {}
                () = poll => {
                    if let Source::Polling(polling) = &mut self.source {
                        polling.poll(folder, &noticed);
                    }
                }
            }
        }
    }

    /// Whether a file of this plugin is open for writing, as far as is known. Always false when polling.
    pub(super) fn is_being_written(&self, plugin: &str) -> bool {
        self.noticed.lock().is_being_written(plugin)
    }

    /// Looks at a plugin again after a moment.
    pub(super) fn again(&self, plugin: &str) {
        self.noticed.touch(plugin.to_owned());
    }
}

impl State {
    fn is_being_written(&self, plugin: &str) -> bool {
        !self.writing.is_empty()
            && [COMPONENT_SUFFIX, MANIFEST_SUFFIX, TEXT_SUFFIX]
                .iter()
                .any(|suffix| self.writing.contains(&format!("{plugin}{suffix}")))
    }

    /// So many names are no longer kept apart.
    fn is_full(&self) -> bool {
        self.touched.len() > FOLDER_FOREIGN_ENTRIES_MAX || self.writing.len() > FOLDER_FOREIGN_ENTRIES_MAX
    }
}

impl Noticed {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // A panic elsewhere leaves a set of names, which is as good as before.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn touch(&self, plugin: String) {
        self.lock().touched.insert(plugin, Instant::now());
        self.wake.notify_one();
    }

    /// What is complete now, or for how long to wait at most before asking again.
    fn due(&self) -> Result<Change, Option<Duration>> {
        const QUIET: Duration = Duration::from_millis(FOLDER_QUIET_MS);
        let mut state = self.lock();
        if std::mem::take(&mut state.folder_gone) {
            return Ok(Change::FolderGone);
        }
        if std::mem::take(&mut state.everything) {
            state.touched.clear();
            return Ok(Change::Everything);
        }
        let now = Instant::now();
        let mut due = BTreeSet::new();
        let mut wait: Option<Duration> = None;
        for (plugin, touched) in &state.touched {
            if state.is_being_written(plugin) {
                continue;
            }
            let left = QUIET.saturating_sub(now.saturating_duration_since(*touched));
            if left.is_zero() {
                due.insert(plugin.clone());
            } else {
                wait = Some(wait.map_or(left, |wait| wait.min(left)));
            }
        }
        if due.is_empty() {
            return Err(wait);
        }
        for plugin in &due {
            state.touched.remove(plugin);
        }
        Ok(Change::Plugins(due))
    }

    /// One event of inotify, on the watcher's own thread.
    fn take(&self, folder: &Path, event: notify::Result<notify::Event>) {
        let mut state = self.lock();
        match event {
            Err(error) => {
                tracing::warn!(%error, "watching the plugin folder failed; everything in it is looked at again");
                state.everything = true;
            }
            Ok(event) if event.need_rescan() => state.everything = true,
            Ok(event) => {
                for path in &event.paths {
                    if path == folder {
                        state.folder_gone |= matches!(
                            event.kind,
                            EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_))
                        );
                    } else {
                        state.note(path, event.kind);
                    }
                }
            }
        }
        if state.is_full() {
            state.touched.clear();
            state.writing.clear();
            state.everything = true;
        }
        drop(state);
        self.wake.notify_one();
    }
}

impl State {
    fn note(&mut self, path: &Path, kind: EventKind) {
        let Some(file) = path.file_name() else { return };
        let plugin = match Name::of(file) {
            Name::Component(plugin) | Name::Beside(plugin) => plugin,
            Name::Refused(reason) => {
                if matches!(kind, EventKind::Create(_) | EventKind::Modify(ModifyKind::Name(_))) {
                    tracing::error!("{reason}");
                }
                return;
            }
            Name::Foreign => return,
        };
        let file = file.to_string_lossy().into_owned();
        let complete = match kind {
            // Opening a new file for writing comes as this, too, and is followed by a close. A link, a FIFO or a folder
            // is not.
            EventKind::Create(CreateKind::Folder) => true,
            EventKind::Create(_) => {
                std::fs::symlink_metadata(path).is_ok_and(|found| !found.is_file() || found.nlink() > 1)
            }
            EventKind::Modify(ModifyKind::Metadata(_)) => {
                // A change of mode may make a file readable, but says nothing of whether it is complete.
                if self.writing.contains(&file) {
                    return;
                }
                true
            }
            EventKind::Modify(ModifyKind::Name(_))
            | EventKind::Remove(_)
            | EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
            EventKind::Modify(_) => false,
            // Opening and reading, by ourselves for example.
            _ => return,
        };
        if complete {
            self.writing.remove(&file);
        } else {
            self.writing.insert(file);
        }
        self.touched.insert(plugin, Instant::now());
    }
}

/// The state of a plugin's files: component, manifest, WIT text.
type Stamps = [Option<Stamp>; 3];

struct Polling {
    interval: Duration,
    /// What the look before this one found.
    before: BTreeMap<String, Stamps>,
    /// What was last said to have changed, or found at first.
    reported: BTreeMap<String, Stamps>,
}

impl Polling {
    fn look(&self, folder: &Folder) -> Option<BTreeMap<String, Stamps>> {
        let (plugins, _) = folder.plugins().ok()?;
        let stamps = |plugin: String| {
            let stamps = [COMPONENT_SUFFIX, MANIFEST_SUFFIX, TEXT_SUFFIX]
                .map(|suffix| folder.stamp(&format!("{plugin}{suffix}")));
            (plugin, stamps)
        };
        Some(plugins.into_iter().map(stamps).collect())
    }

    fn poll(&mut self, folder: &Folder, noticed: &Noticed) {
        let Some(now) = self.look(folder) else { return };
        for (plugin, stamps) in &now {
            if self.before.get(plugin) == Some(stamps) && self.reported.get(plugin) != Some(stamps) {
                self.reported.insert(plugin.clone(), *stamps);
                noticed.touch(plugin.clone());
            }
        }
        self.reported.retain(|plugin, _| {
            let there = now.contains_key(plugin);
            if !there {
                noticed.touch(plugin.clone());
            }
            there
        });
        self.before = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change_of(watch: &mut Watch, folder: &Folder) -> Change {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime
            .block_on(async { tokio::time::timeout(Duration::from_secs(10), watch.next(folder)).await })
            .unwrap()
    }

    fn plugins(names: &[&str]) -> Change {
        Change::Plugins(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn without_inotify_changes_are_found_by_looking() {
        let test = crate::testing::Folder::new();
        std::fs::write(test.path().join("there.wasm"), "1").unwrap();
        let folder = Folder::open(test.path(), 10).unwrap();
        let mut watch = Watch::polling(&folder, Duration::from_millis(20));
        std::fs::write(test.path().join("new.wasm"), "1").unwrap();
        assert_eq!(change_of(&mut watch, &folder), plugins(&["new"]));
        std::fs::write(test.path().join("there.toml"), "1").unwrap();
        assert_eq!(change_of(&mut watch, &folder), plugins(&["there"]));
        std::fs::remove_file(test.path().join("there.wasm")).unwrap();
        assert_eq!(change_of(&mut watch, &folder), plugins(&["there"]));
    }

    #[test]
    fn an_overflow_of_the_kernels_queue_means_everything() {
        let test = crate::testing::Folder::new();
        let folder = Folder::open(test.path(), 10).unwrap();
        let mut watch = Watch::start(&folder);
        let overflow = notify::Event::new(EventKind::Other).set_flag(notify::event::Flag::Rescan);
        watch.noticed.take(test.path(), Ok(overflow));
        assert_eq!(change_of(&mut watch, &folder), Change::Everything);
    }

    #[test]
    fn a_manifest_does_not_make_a_half_written_component_be_read() {
        let test = crate::testing::Folder::new();
        let folder = Folder::open(test.path(), 10).unwrap();
        let mut watch = Watch::start(&folder);
        let mut half = std::fs::File::create(test.path().join("one.wasm")).unwrap();
        std::io::Write::write_all(&mut half, b"half").unwrap();
        std::fs::write(test.path().join("one.toml"), "").unwrap();
        std::fs::write(test.path().join("two.wasm"), "").unwrap();
        assert_eq!(change_of(&mut watch, &folder), plugins(&["two"]));
        assert!(watch.is_being_written("one"));
        drop(half);
        assert_eq!(change_of(&mut watch, &folder), plugins(&["one"]));
    }
}
