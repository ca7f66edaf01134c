//! From a file in the folder to a live plugin.
//!
//! Owns the order of the steps and their one rule: whatever fails, the last good version goes on serving, and one line says
//! which plugin, what, where, and what to do. Everything happens on one thread, one change after another, so that two changes of
//! one plugin never overtake each other. Refuses to know what the steps do inside.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use futures_util::stream::{self, StreamExt};
use tokio::sync::oneshot;
use wasmtime::component::{Component, Linker};

use super::cache::{self, Cache};
use super::catalog::{Catalog, Conflict};
use super::compile::Compiler;
use super::endpoint::Source;
use super::folder::{COMPONENT_SUFFIX, Folder, MANIFEST_SUFFIX, Name, ReadError, TEXT_SUFFIX};
use super::manifest::AuthPolicy;
use super::retired::Retired;
use super::watch::{Change, Watch};
use super::{Manifest, NothingToServe, Plugin, Style, vet};
use crate::capability::rooms::Rooms;
use crate::capability::{self, CallContext, Environment, RequestId};
use crate::limits::{
    COMPILES_AT_START_MAX, FOLDER_POLL_MS, HostLimits, MANIFEST_BYTES_MAX, PluginLimits, TYPED_TEXT_BYTES_MAX,
};
use crate::sandbox::{Program, Sandbox};

/// Who may call a plugin, if it may be served where the host listens; the error says why not and what to do.
pub type Policy = Box<dyn Fn(&Manifest) -> Result<AuthPolicy> + Send>;

/// What a loader needs.
pub struct Settings {
    /// Where plugins are dropped.
    pub folder: PathBuf,
    /// Where the host keeps its state; compiled code goes to `code` in it.
    pub state: PathBuf,
    /// Where guest code runs.
    pub sandbox: Arc<Sandbox>,
    /// Limits of the host.
    pub host_limits: Arc<HostLimits>,
    /// Limits of plugins whose manifest does not set them.
    pub plugin_limits: PluginLimits,
    /// The styles that can be served, in the order in which they are asked.
    pub styles: Vec<&'static dyn Style>,
    /// What the host has for plugins to import.
    pub environment: Environment,
    /// Which plugins may be served, and who may call them.
    pub policy: Policy,
    /// Compiles them.
    pub compiler: Compiler,
}

/// What is known of one plugin of the folder, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The stem of its file.
    pub name: String,
    /// The version that is served; none when there is none.
    pub live: Option<Live>,
    /// Why the file as it is now is not served, when it is not.
    pub error: Option<String>,
}

/// The served version of a plugin, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// Where; empty for the root.
    pub mount: String,
    /// The digest of its file.
    pub digest: String,
    /// The styles, each with what is served in it.
    pub styles: Vec<(&'static str, String)>,
}

/// A running loader. Dropping it ends its thread; what is live stays in the catalog.
pub struct Loader {
    catalog: Arc<Catalog>,
    board: Arc<Board>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Loader {
    /// Loads every plugin of the folder, then goes on watching it on a thread of its own. Returns when all that can be
    /// served is served.
    ///
    /// # Errors
    /// When the folder cannot be read or the state folder cannot be used. A plugin that cannot be loaded is no error here: see
    /// [`Loader::statuses`].
    pub fn start(settings: Settings) -> Result<Self> {
        let catalog = Arc::new(Catalog::new());
        let board = Arc::new(Board::default());
        let (stop, stopped) = oneshot::channel();
        let (ready, is_ready) = mpsc::sync_channel(1);
        let thread = {
            let (catalog, board) = (Arc::clone(&catalog), Arc::clone(&board));
            std::thread::Builder::new()
                .name("loader".to_owned())
                // Binding runs guests, whose host functions use this thread's stack, too.
                .stack_size(4 * 1024 * 1024)
                .spawn(move || run(settings, catalog, board, &ready, stopped))
                .context("the loader's thread cannot be started")?
        };
        is_ready.recv().unwrap_or_else(|_| Err(anyhow!("the loader's thread ended before it was ready")))?;
        Ok(Self { catalog, board, stop: Some(stop), thread: Some(thread) })
    }

    /// The live plugins.
    #[must_use]
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// What is known of every plugin of the folder, by name.
    #[must_use]
    pub fn statuses(&self) -> Vec<Status> {
        self.board.lock().values().cloned().collect()
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported by its own hook.
            let _: std::thread::Result<()> = thread.join();
        }
    }
}

/// The statuses, shared with whoever shows them.
#[derive(Default)]
struct Board(Mutex<BTreeMap<String, Status>>);

impl Board {
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Status>> {
        // Statuses are replaced whole, so one that survived a panic is as good as any.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn run(
    settings: Settings,
    catalog: Arc<Catalog>,
    board: Arc<Board>,
    ready: &mpsc::SyncSender<Result<()>>,
    stopped: oneshot::Receiver<()>,
) {
    let started = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the loader's runtime cannot be started")
        .and_then(|runtime| Ok((runtime, Work::new(settings, catalog, board)?)));
    let (runtime, mut work) = match started {
        Ok(started) => started,
        Err(error) => {
            // When nobody waits any more, nobody is to be told.
            let _: Result<(), _> = ready.send(Err(error));
            return;
        }
    };
    let retired = work.retired.clone();
    runtime.block_on(async {
        // All on this thread: while a compiling child or a guest is waited for, old versions still come to their end.
        tokio::select! {
            () = work.go_on(ready) => {}
            () = retired.reap() => {}
            // Also when the loader was dropped without a word.
            _ = stopped => {}
        }
    });
}

/// A file that has been read, vetted and compiled: everything that does not touch what is live.
struct Prepared {
    name: Arc<str>,
    mount: String,
    digest: String,
    source: Source,
    imports: Vec<String>,
    styles: Vec<&'static dyn Style>,
    component: Component,
}

/// What the loader knows of a plugin that has a file.
#[derive(Default)]
struct Record {
    /// The files that were last tried, good or bad: the digests of component, manifest and WIT text.
    tried: Option<Tried>,
    /// Another plugin stood in the way, so it is tried again when one goes.
    in_conflict: bool,
}

type Tried = [String; 3];

/// A plugin's files, read.
struct Read {
    file: String,
    bytes: Vec<u8>,
    manifest_file: String,
    manifest: Vec<u8>,
    text_file: String,
    text: Option<Vec<u8>>,
}

impl Read {
    fn tried(&self) -> Tried {
        let text: &[u8] = self.text.as_deref().unwrap_or_default();
        [&*self.bytes, &*self.manifest, text].map(cache::sha256)
    }
}

/// One plugin, looked at as the loader does and not published.
pub struct Examined {
    /// Bytes of its file.
    pub bytes: u64,
    /// SHA-256 of its file, in hexadecimal.
    pub digest: String,
    /// Whether a manifest lies beside it.
    pub has_manifest: bool,
    /// What the manifest says; none when it cannot be read.
    pub manifest: Option<Manifest>,
    /// Names of imported interfaces and functions, as far as the file can be read.
    pub imports: Vec<String>,
    /// Names of exported interfaces and functions, as far as the file can be read.
    pub exports: Vec<String>,
    /// The plugin, ready to serve, or why it would not be served.
    pub plugin: Result<Plugin>,
}

/// Does with one plugin of the folder all that [`Loader::start`] does short of publishing it: reads, vets, compiles in the
/// child, links, binds. So what it says is what the host would say.
///
/// # Errors
/// When the folder, the state folder or the plugin's file cannot be read. That the plugin would be refused is no error here.
pub async fn examine(settings: Settings, file: &OsStr) -> Result<Examined> {
    let plugin = match Name::of(file) {
        Name::Component(plugin) => plugin,
        Name::Refused(reason) => bail!(reason),
        Name::Beside(_) | Name::Foreign => bail!(
            "`{}` is no plugin file: the host takes files whose name ends with {COMPONENT_SUFFIX} and does not begin with a dot",
            file.display()
        ),
    };
    let mut work = Work::new(settings, Arc::new(Catalog::new()), Arc::default())?;
    let read = work.read(&plugin)?;
    let tried = read.tried();
    let [digest, ..] = &tried;
    let surface = vet::surface(&read.file, &read.bytes).unwrap_or_default();
    let manifest = std::str::from_utf8(&read.manifest).ok();
    let manifest = manifest.and_then(|text| Manifest::parse(&read.manifest_file, text).ok());
    let (bytes, digest) = (read.bytes.len() as u64, digest.clone());
    let has_manifest = work.folder.stamp(&read.manifest_file).is_some();
    let plugin = match work.prepare_read(&plugin, read, &tried).await {
        Ok(prepared) => work.link(prepared).await,
        Err(error) => Err(error),
    };
    Ok(Examined {
        bytes,
        digest,
        has_manifest,
        manifest,
        imports: surface.imports,
        exports: surface.exports,
        plugin,
    })
}

/// What reading and preparing a plugin came to.
enum Outcome {
    /// Its files are what they were when they were last tried.
    Unchanged,
    /// It is gone.
    Gone,
    /// It can be linked.
    Prepared(Tried, Box<Prepared>),
    /// It cannot be served.
    Failed(Option<Tried>, anyhow::Error),
}

struct Work {
    settings: Settings,
    folder: Folder,
    cache: Cache,
    catalog: Arc<Catalog>,
    board: Arc<Board>,
    records: BTreeMap<String, Record>,
    rooms: BTreeMap<String, Arc<Rooms>>,
    retired: Retired,
    loads: AtomicU64,
}

impl Work {
    fn new(settings: Settings, catalog: Arc<Catalog>, board: Arc<Board>) -> Result<Self> {
        let folder = Folder::open(&settings.folder, settings.host_limits.plugins_max)?;
        let cache =
            Cache::open(&settings.state, settings.sandbox.engine(), settings.host_limits.cache_bytes_max)?;
        Ok(Self {
            settings,
            folder,
            cache,
            catalog,
            board,
            records: BTreeMap::new(),
            rooms: BTreeMap::new(),
            retired: Retired::default(),
            loads: AtomicU64::new(0),
        })
    }

    async fn go_on(&mut self, ready: &mpsc::SyncSender<Result<()>>) {
        // Watched before it is looked at, so that nothing falls between the two.
        let mut watch = Watch::start(&self.folder);
        let first = self.look_at_everything(&watch, COMPILES_AT_START_MAX).await;
        let failed = first.is_err();
        if ready.send(first).is_err() || failed {
            return;
        }
        loop {
            match watch.next(&self.folder).await {
                Change::Plugins(plugins) => self.look_at(plugins, &watch, 1).await,
                Change::Everything => {
                    if let Err(error) = self.look_at_everything(&watch, 1).await {
                        tracing::error!("{error:#}; what is live goes on");
                    }
                }
                Change::FolderGone => watch = self.reopen_folder().await,
            }
        }
    }

    /// Waits until there is a plugin folder again. What is live goes on until then, because a folder that is moved away is
    /// more often a mistake than a wish.
    async fn reopen_folder(&mut self) -> Watch {
        tracing::error!(
            "the plugin folder {} was moved or removed; what is live goes on until it is there again",
            self.settings.folder.display()
        );
        loop {
            if let Ok(folder) = Folder::open(&self.settings.folder, self.settings.host_limits.plugins_max) {
                self.folder = folder;
                let watch = Watch::start(&self.folder);
                match self.look_at_everything(&watch, 1).await {
                    Ok(()) => return watch,
                    Err(error) => tracing::error!("{error:#}; what is live goes on"),
                }
            }
            tokio::time::sleep(Duration::from_millis(FOLDER_POLL_MS)).await;
        }
    }

    async fn look_at_everything(&mut self, watch: &Watch, compiles_max: usize) -> Result<()> {
        let (mut plugins, refused) = self.folder.plugins()?;
        for reason in refused {
            tracing::error!("{reason}");
        }
        plugins.extend(self.records.keys().cloned());
        self.look_at(plugins, watch, compiles_max).await;
        Ok(())
    }

    /// Brings what is live in line with the files of these plugins.
    async fn look_at(&mut self, mut plugins: BTreeSet<String>, watch: &Watch, compiles_max: usize) {
        while !plugins.is_empty() {
            let outcomes: Vec<(String, Outcome)> = {
                let this = &*self;
                stream::iter(std::mem::take(&mut plugins))
                    .map(|plugin| async move {
                        let outcome = this.prepare(&plugin).await;
                        (plugin, outcome)
                    })
                    // In the order of names, whichever is compiled first: of two that want one mount it is always the same
                    // that gets it.
                    .buffered(compiles_max)
                    .collect()
                    .await
            };
            let mut something_went = false;
            for (plugin, outcome) in outcomes {
                something_went |= self.apply(&plugin, outcome, watch).await;
            }
            if something_went {
                // A name or a mount may be free now.
                let waiting = self.records.iter_mut().filter(|(_, record)| record.in_conflict);
                for (plugin, record) in waiting {
                    record.in_conflict = false;
                    record.tried = None;
                    plugins.insert(plugin.clone());
                }
            }
        }
    }

    /// Everything that can be done beside what is live: read, vet, compile.
    async fn prepare(&self, plugin: &str) -> Outcome {
        let read = match self.read(plugin) {
            Ok(read) => read,
            Err(ReadError::Missing(_)) => return Outcome::Gone,
            Err(error) => return Outcome::Failed(None, error.into()),
        };
        let tried = read.tried();
        if self.records.get(plugin).is_some_and(|record| record.tried.as_ref() == Some(&tried)) {
            return Outcome::Unchanged;
        }
        match self.prepare_read(plugin, read, &tried).await {
            Ok(prepared) => Outcome::Prepared(tried, Box::new(prepared)),
            Err(error) => Outcome::Failed(Some(tried), error),
        }
    }

    /// Reads a plugin's files. That its component is missing is an error; the others may be.
    fn read(&self, plugin: &str) -> Result<Read, ReadError> {
        let file = format!("{plugin}{COMPONENT_SUFFIX}");
        let bytes = self.folder.read(
            &file,
            self.settings.host_limits.plugin_file_bytes_max,
            "plugin_file_bytes_max",
        )?;
        let beside = |file: &str, bytes_max, limit| match self.folder.read(file, bytes_max, limit) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(ReadError::Missing(_)) => Ok(None),
            Err(error) => Err(error),
        };
        let manifest_file = format!("{plugin}{MANIFEST_SUFFIX}");
        let manifest = beside(&manifest_file, MANIFEST_BYTES_MAX, "a manifest's limit")?.unwrap_or_default();
        let text_file = format!("{plugin}{TEXT_SUFFIX}");
        let text = beside(&text_file, TYPED_TEXT_BYTES_MAX as u64, "a WIT text's limit")?;
        Ok(Read { file, bytes, manifest_file, manifest, text_file, text })
    }

    async fn prepare_read(&self, plugin: &str, read: Read, tried: &Tried) -> Result<Prepared> {
        let Read { file, bytes, manifest_file, manifest, text_file, text } = read;
        let (file, manifest_file, [digest, ..]) = (file.as_str(), manifest_file.as_str(), tried);
        let manifest = String::from_utf8(manifest).map_err(|error| {
            anyhow!("{manifest_file} is not UTF-8 at byte {}", error.utf8_error().valid_up_to())
        })?;
        let manifest = Manifest::parse(manifest_file, &manifest)?;
        let mount = manifest.mount_of(plugin)?;
        let policy = (self.settings.policy)(&manifest)?;
        let surface = vet::surface(file, &bytes)?;
        let styles = vet::styles(file, &surface, &self.settings.styles)?;
        let text = match text {
            Some(bytes) => {
                let text = String::from_utf8(bytes).map_err(|_| anyhow!("{text_file} is not UTF-8"))?;
                Some((text_file, text))
            }
            None => surface.text.map(|text| (file.to_owned(), text)),
        };
        capability::check(&surface.imports, &manifest.grants)
            .and_then(|()| capability::check_http(&surface.imports, &surface.exports))
            .with_context(|| format!("{file} cannot have its imports ({manifest_file})"))?;
        let component = match self.cache.find(digest) {
            Some(component) => component,
            None => {
                let started = Instant::now();
                let code = self.settings.compiler.compile(&bytes).await.with_context(|| file.to_owned())?;
                tracing::debug!(plugin, ms = started.elapsed().as_millis(), bytes = code.len(), "compiled");
                self.cache.keep(digest, &code)?
            }
        };
        Ok(Prepared {
            name: Arc::from(plugin),
            mount,
            digest: digest.to_owned(),
            source: Source { manifest, policy, text },
            imports: surface.imports,
            styles,
            component,
        })
    }

    /// Makes an outcome take effect. True when a name or a mount may have become free.
    async fn apply(&mut self, plugin: &str, outcome: Outcome, watch: &Watch) -> bool {
        match outcome {
            Outcome::Unchanged => false,
            Outcome::Gone => self.remove(plugin),
            // What was read is already not what is there: whatever came of it, it is looked at again when it is complete.
            _ if watch.is_being_written(plugin) => {
                watch.again(plugin);
                false
            }
            Outcome::Failed(None, error) if matches!(error.downcast_ref(), Some(ReadError::Changing(_))) => {
                watch.again(plugin);
                false
            }
            Outcome::Failed(tried, error) => {
                self.refuse(plugin, tried, &error);
                false
            }
            Outcome::Prepared(tried, prepared) => {
                if let Some(conflict) = self.catalog.conflict(plugin, &prepared.mount) {
                    self.refuse(plugin, Some(tried), &explain(&conflict, plugin, &prepared.mount));
                    self.record(plugin).in_conflict = true;
                    return false;
                }
                match self.link(*prepared).await {
                    Ok(version) => self.publish(tried, version),
                    Err(error) => {
                        self.refuse(plugin, Some(tried), &error);
                        false
                    }
                }
            }
        }
    }

    fn record(&mut self, plugin: &str) -> &mut Record {
        self.records.entry(plugin.to_owned()).or_default()
    }

    /// Links the code and lets each style ask the plugin what it serves.
    async fn link(&mut self, prepared: Prepared) -> Result<Plugin> {
        let Prepared { name, mount, digest, source, imports, styles, component } = prepared;
        let mount: Arc<str> = Arc::from(mount);
        let limits = Arc::new(self.settings.plugin_limits.with(&source.manifest.limits));
        let rooms = Arc::clone(self.rooms.entry(name.to_string()).or_default());
        let capabilities = Arc::new(self.settings.environment.for_plugin(
            Arc::clone(&name),
            &source.manifest.grants,
            &limits,
            rooms,
        ));
        let mut linker = Linker::new(self.settings.sandbox.engine());
        capability::link(&mut linker, &imports)?;
        let program =
            Arc::new(Program::new(&self.settings.sandbox, &component, &linker, limits, capabilities)?);
        let context = || CallContext {
            identity: None,
            request_id: RequestId(self.loads.fetch_add(1, Ordering::Relaxed)),
            mount: Arc::clone(&mount),
            started: Instant::now(),
        };
        let probe = program.probe(context()).await?;
        let mut endpoints = Vec::new();
        let mut nothing = None;
        for style in styles {
            let bound = style
                .bind(Arc::clone(&program), context(), &source)
                .await
                .with_context(|| format!("{name}{COMPONENT_SUFFIX} cannot be served as {}", style.name()));
            match bound {
                Ok(endpoint) => endpoints.push(endpoint),
                Err(error) if error.is::<NothingToServe>() => nothing = Some(error),
                Err(error) => return Err(error),
            }
        }
        drop(probe);
        if endpoints.is_empty() {
            return Err(nothing.unwrap_or_else(|| anyhow!("{name}{COMPONENT_SUFFIX} is of no style")));
        }
        let nothing = nothing.and_then(|error| error.downcast::<NothingToServe>().ok());
        let omitted = nothing.map_or_else(Vec::new, |nothing| nothing.omitted);
        for omitted in &omitted {
            tracing::warn!("plugin {name}: `{}` is not served: {}", omitted.function, omitted.reason);
        }
        Ok(Plugin { name, mount, digest, manifest: source.manifest, endpoints, omitted })
    }

    fn publish(&mut self, tried: Tried, version: Plugin) -> bool {
        let plugin = version.name.to_string();
        let live = Live {
            mount: version.mount.to_string(),
            digest: version.digest.clone(),
            styles: version.endpoints.iter().map(|endpoint| (endpoint.style(), endpoint.summary())).collect(),
        };
        let before = self.catalog.publish(Arc::new(version));
        let moved = before.as_ref().is_some_and(|before| *before.mount != *live.mount);
        self.retired.take(before);
        // Not before it is so: whoever waits for this line may ask at once.
        let styles: Vec<&str> = live.styles.iter().map(|(style, _)| *style).collect();
        tracing::info!(
            "plugin {plugin}: live at {} as {} (version {})",
            if live.mount.is_empty() { "/" } else { &live.mount },
            styles.join(", "),
            live.digest.get(..12).unwrap_or(&live.digest)
        );
        let record = self.record(&plugin);
        record.tried = Some(tried);
        record.in_conflict = false;
        let status = Status { name: plugin.clone(), live: Some(live), error: None };
        self.board.lock().insert(plugin, status);
        moved
    }

    /// Says why a plugin's files are not served. What is live stays.
    fn refuse(&mut self, plugin: &str, tried: Option<Tried>, error: &anyhow::Error) {
        let text = format!("{error:#}").replace('\n', " ");
        let mut board = self.board.lock();
        let status = board.entry(plugin.to_owned()).or_insert_with(|| Status {
            name: plugin.to_owned(),
            live: None,
            error: None,
        });
        // An error that goes on is said once; of other files it is said again, or whoever dropped them would wait for a word.
        let other_files = self
            .records
            .get(plugin)
            .is_some_and(|record| record.tried.is_some() && tried.is_some() && record.tried != tried);
        if other_files || status.error.as_ref() != Some(&text) {
            let meanwhile = if status.live.is_some() { "; the version before goes on serving" } else { "" };
            tracing::error!("plugin {plugin}: not loaded: {text}{meanwhile}");
        }
        status.error = Some(text);
        drop(board);
        let record = self.record(plugin);
        record.tried = tried;
        record.in_conflict = false;
    }

    fn remove(&mut self, plugin: &str) -> bool {
        if self.records.remove(plugin).is_none() {
            return false;
        }
        let last = self.catalog.remove(plugin);
        let was_live = last.is_some();
        if was_live {
            tracing::info!("plugin {plugin}: its file is gone, and so is its mount");
        }
        self.retired.take(last);
        self.board.lock().remove(plugin);
        // Connections that are still open keep their rooms; a plugin that comes back while there are some finds them.
        self.rooms.retain(|name, rooms| self.records.contains_key(name) || Arc::strong_count(rooms) > 1);
        was_live
    }
}

fn explain(conflict: &Conflict, plugin: &str, mount: &str) -> anyhow::Error {
    match conflict {
        Conflict::Name(other) => anyhow!(
            "its name differs from that of the plugin {other} only in upper and lower case: rename one of the files"
        ),
        Conflict::Mount(other) => anyhow!(
            "its mount `{}` is already that of the plugin {other}: set another `mount` in {plugin}{MANIFEST_SUFFIX} or in \
             {other}{MANIFEST_SUFFIX}",
            if mount.is_empty() { "/" } else { mount }
        ),
    }
}
