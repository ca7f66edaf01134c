//! A host of one's own: the real binary on a free port, with a plugin folder that is removed afterwards.

use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::http::{self, Answer, Connection};
use super::wait::{self, until};
use super::{from_environment, repository, run};

/// How long a host that is told to end may take for what is in flight. Then it is killed.
const END: Duration = Duration::from_secs(20);

/// A host as it is to be started.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    files: Vec<(String, Vec<u8>)>,
    configuration: Option<String>,
    listen: Option<String>,
}

impl Builder {
    /// Adds a plugin of this repository and its manifest, from `plugins/`, `tests/plugins/` or `examples/`.
    pub(crate) fn plugin(mut self, name: &str) -> Self {
        let folder = folder_of(name);
        self.files.push((format!("{name}.wasm"), read(&folder.join(format!("{name}.wasm")))));
        let manifest = folder.join(format!("{name}.toml"));
        if manifest.is_file() {
            self.files.push((format!("{name}.toml"), read(&manifest)));
        }
        self
    }

    /// Adds any file to the plugin folder, or replaces it: a manifest, for example.
    pub(crate) fn file(mut self, name: &str, content: impl Into<Vec<u8>>) -> Self {
        self.files.retain(|(known, _)| known != name);
        self.files.push((name.to_owned(), content.into()));
        self
    }

    /// The host's configuration. `{folder}` in it stands for a folder beside the plugins.
    pub(crate) fn configuration(mut self, text: &str) -> Self {
        self.configuration = Some(text.to_owned());
        self
    }

    /// Listens elsewhere than on a free port of 127.0.0.1. The port must be 0.
    pub(crate) fn listen(mut self, address: &str) -> Self {
        self.listen = Some(address.to_owned());
        self
    }

    /// Starts the host and waits until it serves.
    #[track_caller]
    pub(crate) fn start(self) -> Host {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let root =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("host-{}-{number}", std::process::id()));
        // Left behind by a run that was killed and whose process id has come round again.
        let _ = std::fs::remove_dir_all(&root);
        std::fs::create_dir_all(root.join("plugins")).expect("a folder can be made");
        for (name, content) in &self.files {
            std::fs::write(root.join("plugins").join(name), content).expect("a file can be written");
        }
        let mut arguments =
            vec!["--listen".to_owned(), self.listen.unwrap_or_else(|| "127.0.0.1:0".to_owned())];
        if let Some(text) = self.configuration {
            let path = root.join("guesthouse.toml");
            let beside = root.to_str().expect("the build folder's path is UTF-8");
            std::fs::write(&path, text.replace("{folder}", beside)).expect("a file can be written");
            arguments.extend(["--config".to_owned(), path.to_str().expect("UTF-8").to_owned()]);
        }
        let process = Process::start(&root.join("plugins"), &arguments);
        Host { root, arguments, process }
    }
}

/// A running host. Dropping it ends it as an operator would, with SIGTERM.
#[derive(Debug)]
pub(crate) struct Host {
    root: PathBuf,
    arguments: Vec<String>,
    process: Process,
}

impl Host {
    /// A host to be.
    pub(crate) fn builder() -> Builder {
        Builder::default()
    }

    /// A host with these plugins of the repository.
    #[track_caller]
    pub(crate) fn with(plugins: &[&str]) -> Self {
        plugins.iter().fold(Self::builder(), |builder, plugin| builder.plugin(plugin)).start()
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.process.address
    }

    /// `http://` and where it listens.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// The id of its process.
    pub(crate) fn process_id(&self) -> u32 {
        self.process.child.id()
    }

    /// A folder beside the plugin folder that goes when the host goes.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The plugin folder.
    pub(crate) fn folder(&self) -> PathBuf {
        self.root.join("plugins")
    }

    /// Sends a request on a connection of its own and reads the answer.
    #[track_caller]
    pub(crate) fn request(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let mut connection = Connection::open(self.address());
        connection.send(&http::request(self.address(), method, target, headers, body));
        connection.answer_to(method)
    }

    /// `GET`.
    #[track_caller]
    pub(crate) fn get(&self, target: &str) -> Answer {
        self.request("GET", target, &[], b"")
    }

    /// `POST` with a content type.
    #[track_caller]
    pub(crate) fn post(&self, target: &str, content_type: &str, body: impl AsRef<[u8]>) -> Answer {
        self.request("POST", target, &[("Content-Type", content_type)], body.as_ref())
    }

    /// Puts a complete file into the plugin folder, in one step, as a careful operator would.
    pub(crate) fn put(&self, name: &str, content: &[u8]) {
        let beside = self.root.join(format!("{name}.new"));
        std::fs::write(&beside, content).expect("a file can be written");
        std::fs::rename(&beside, self.folder().join(name)).expect("a file can be renamed");
    }

    /// Takes a file out of the plugin folder.
    pub(crate) fn remove(&self, name: &str) {
        std::fs::remove_file(self.folder().join(name)).expect("a file can be removed");
    }

    /// All lines of standard output and standard error so far, in the order they came.
    pub(crate) fn log(&self) -> Vec<String> {
        self.process.lines().clone()
    }

    /// Waits for a line that holds this text.
    #[track_caller]
    pub(crate) fn wait_for_log(&self, text: &str) -> String {
        self.wait_for_log_after(0, text)
    }

    /// Waits for a line that holds this text, from this line on: `log().len()` of a moment that is over.
    #[track_caller]
    pub(crate) fn wait_for_log_after(&self, first: usize, text: &str) -> String {
        let found = wait::until_within(wait::DEADLINE, || {
            self.process.lines().iter().skip(first).find(|line| line.contains(text)).cloned()
        });
        found.unwrap_or_else(|| panic!("the host never said {text:?}, but:\n{}", self.log().join("\n")))
    }

    /// Whether the process is still there.
    pub(crate) fn is_running(&mut self) -> bool {
        self.process.child.try_wait().expect("a child can be waited for").is_none()
    }

    /// Ends the process at once, as a crash or a power failure would.
    pub(crate) fn kill(&mut self) {
        self.process.child.kill().expect("a child can be killed");
        self.process.child.wait().expect("a child can be waited for");
    }

    /// Tells the process to end (SIGTERM) without waiting for it.
    pub(crate) fn terminate(&self) {
        self.process.terminate();
    }

    /// Waits for the process to end by itself.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> ExitStatus {
        until("the host to end", || self.process.child.try_wait().expect("a child can be waited for"))
    }

    /// Starts it again on the same folder, with the same arguments, and in general on another port.
    #[track_caller]
    pub(crate) fn restart(&mut self) {
        self.process.end();
        self.process = Process::start(&self.folder(), &self.arguments);
    }

    /// Runs the `guesthouse` command, for example `keys`.
    #[track_caller]
    pub(crate) fn command(&self, arguments: &[&str], input: &str) -> run::Output {
        run::run(Command::new(env!("CARGO_BIN_EXE_guesthouse")).args(arguments), input.as_bytes())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.process.end();
        if std::thread::panicking() {
            eprintln!("--- what the host said\n{}", self.log().join("\n"));
        }
        let _ = std::fs::remove_dir_all(&self.root);
    }
}

#[derive(Debug)]
struct Process {
    child: Child,
    address: SocketAddr,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Process {
    #[track_caller]
    fn start(folder: &Path, arguments: &[String]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_guesthouse"))
            .arg("serve")
            .arg(folder)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the host can be started");
        let lines = Arc::new(Mutex::new(Vec::new()));
        collect(child.stdout.take().expect("piped"), &lines);
        collect(child.stderr.take().expect("piped"), &lines);
        let address = until("the host to say where it listens", || {
            let found = lines_of(&lines).iter().find_map(|line| address_in(line));
            let ended = child.try_wait().expect("a child can be waited for");
            if let (None, Some(status)) = (found, ended) {
                panic!("the host did not start ({status}):\n{}", lines_of(&lines).join("\n"));
            }
            found
        });
        Self { child, address, lines }
    }

    fn lines(&self) -> MutexGuard<'_, Vec<String>> {
        lines_of(&self.lines)
    }

    fn terminate(&self) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process id");
        let _ = kill_process(id, Signal::TERM);
    }

    fn end(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_some()) {
            return;
        }
        self.terminate();
        if wait::until_within(END, || self.child.try_wait().ok().flatten()).is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The address in `guesthouse 1.2.3 on http://127.0.0.1:4711, 4 workers`.
fn address_in(line: &str) -> Option<SocketAddr> {
    let rest = line.strip_prefix("guesthouse ")?.split_once(" on http://")?.1;
    rest.split_once(',')?.0.parse().ok()
}

fn lines_of(lines: &Mutex<Vec<String>>) -> MutexGuard<'_, Vec<String>> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Collects lines, beside the test, so that the host never waits for its output to be read.
fn collect(stream: impl Read + Send + 'static, lines: &Arc<Mutex<Vec<String>>>) {
    let lines = Arc::clone(lines);
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            lines_of(&lines).push(line);
        }
    });
}

/// The bytes of a plugin of this repository.
pub(crate) fn plugin_bytes(name: &str) -> Vec<u8> {
    read(&folder_of(name).join(format!("{name}.wasm")))
}

fn folder_of(name: &str) -> PathBuf {
    let ready_made = repository().join("plugins").join(name).is_dir();
    from_environment(if ready_made {
        "GUESTHOUSE_TEST_PLUGINS"
    } else {
        "GUESTHOUSE_TEST_CONFORMANCE_PLUGINS"
    })
}

#[track_caller]
fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| {
        panic!("{}: {error}; `make plugins conformance-plugins` builds it", path.display())
    })
}

/// A host that the tests of a module share while any of them runs. For tests that do not see each other's traces.
#[derive(Debug)]
pub(crate) struct Shared {
    running: Mutex<Weak<Host>>,
    start: fn() -> Host,
}

impl Shared {
    /// To be started with this when it is first needed.
    pub(crate) const fn new(start: fn() -> Host) -> Self {
        Self { running: Mutex::new(Weak::new()), start }
    }

    /// The host, started now if no other test is using it.
    #[track_caller]
    pub(crate) fn get(&self) -> Arc<Host> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = running.upgrade() {
            return host;
        }
        let host = Arc::new((self.start)());
        *running = Arc::downgrade(&host);
        host
    }
}
