//! A plugin's life, from a file that is dropped into a folder to the end of its last version.

mod bad_files;
mod cached_code;
mod compiling;
mod swapping;

use std::any::Any;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use guesthouse::capability::store::Store;
use guesthouse::capability::{CallContext, Environment};
use guesthouse::exchange::{LocalFuture, Response};
use guesthouse::failure::Failure;
use guesthouse::limits::{HostLimitOverrides, HostLimits, PluginLimits};
use guesthouse::plugin::loader::{Policy, Settings, Status};
use guesthouse::plugin::manifest::AuthPolicy;
use guesthouse::plugin::{Compiler, Endpoint, Exchange, Loader, Source, Style};
use guesthouse::sandbox::{Program, Sandbox};

/// A style with one function, `answer: func() -> u32`, which is called when the plugin is bound: its summary is the answer.
struct AnswerStyle;

struct AnswerEndpoint(u32);

const ANSWER: &str = "test:style/answer@1.0.0";

impl Style for AnswerStyle {
    fn name(&self) -> &'static str {
        "Answer"
    }

    fn interface(&self) -> &'static str {
        ANSWER
    }

    fn bind<'a>(
        &'a self,
        program: Arc<Program>,
        context: CallContext,
        _source: &'a Source,
    ) -> Pin<Box<dyn Future<Output = anyhow::Result<Arc<dyn Endpoint>>> + 'a>> {
        Box::pin(async move {
            let export = program.export::<(), (u32,)>(ANSWER, "answer", context.clone()).await?;
            let answer = program.call(&export, (), context).await?;
            Ok(Arc::new(AnswerEndpoint(answer.value.0)) as Arc<dyn Endpoint>)
        })
    }
}

impl Endpoint for AnswerEndpoint {
    fn style(&self) -> &'static str {
        "Answer"
    }

    fn summary(&self) -> String {
        self.0.to_string()
    }

    fn surface(&self) -> guesthouse::plugin::Surface {
        guesthouse::plugin::Surface::default()
    }

    fn claims(&self, _head: &http::request::Parts) -> bool {
        true
    }

    fn serve<'a>(&'a self, _exchange: Exchange) -> LocalFuture<'a, Result<Response, Failure>> {
        Box::pin(async { Err(Failure::NotFound) })
    }

    fn render(&self, _failure: &Failure, _head: &http::request::Parts) -> Response {
        Response::default()
    }

    fn as_any_arc(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

static STYLES: &[&dyn Style] = &[&AnswerStyle];

/// A component of the style above, whose function has this body.
fn component_with(body: &str) -> Vec<u8> {
    wat::parse_str(format!(
        r#"(component
            (core module $code (memory (export "memory") 1) (func (export "answer") (result i32) {body}))
            (core instance $code (instantiate $code))
            (func $answer (result u32) (canon lift (core func $code "answer")))
            (instance $api (export "answer" (func $answer)))
            (export "{ANSWER}" (instance $api)))"#
    ))
    .unwrap()
}

/// A component that answers this number.
fn component(answer: u32) -> Vec<u8> {
    component_with(&format!("i32.const {answer}"))
}

/// A folder of a test's own, removed at its end, and a store, which outlives the loaders of a test.
struct TestFolder(PathBuf, Arc<Store>);

impl TestFolder {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("guesthouse-life-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(path.join("plugins")).unwrap();
        std::fs::create_dir_all(path.join("state")).unwrap();
        std::fs::create_dir_all(path.join("store")).unwrap();
        let store = Store::open(&path.join("store"), &HostLimits::DEFAULT).unwrap();
        Self(path, store)
    }

    fn plugins(&self) -> PathBuf {
        self.0.join("plugins")
    }

    fn state(&self) -> PathBuf {
        self.0.join("state")
    }

    /// Puts a file into the plugin folder in one step, as a careful person does.
    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let temporary = self.plugins().join(format!(".{name}.part"));
        std::fs::write(&temporary, bytes).unwrap();
        std::fs::rename(temporary, self.plugins().join(name)).unwrap();
    }

    /// Overwrites a file in place, as a careless person does.
    fn overwrite(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.plugins().join(name), bytes).unwrap();
    }

    fn remove(&self, name: &str) {
        std::fs::remove_file(self.plugins().join(name)).unwrap();
    }

    fn start(&self) -> Loader {
        self.start_with(|_| {})
    }

    fn start_with(&self, adjust: impl FnOnce(&mut Settings)) -> Loader {
        let limits = limits("requests_in_flight_max = 16\ncompile_wall_ms_max = 30000");
        let mut settings = Settings {
            folder: self.plugins(),
            state: self.state(),
            sandbox: Sandbox::new(&limits, 1).unwrap(),
            plugin_limits: PluginLimits { cpu_ms_max: 50, ..PluginLimits::DEFAULT },
            styles: STYLES.to_vec(),
            environment: Environment { store: Arc::clone(&self.1) },
            policy: allow_all(),
            compiler: Compiler::new(&limits).with_program(executable()),
            host_limits: Arc::new(limits),
        };
        adjust(&mut settings);
        Loader::start(settings).unwrap()
    }
}

impl Drop for TestFolder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

fn executable() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_guesthouse"))
}

fn allow_all() -> Policy {
    Box::new(|_| Ok(AuthPolicy::everybody()))
}

fn limits(text: &str) -> HostLimits {
    let overrides: HostLimitOverrides = toml::from_str(text).unwrap();
    HostLimits::DEFAULT.with(&overrides)
}

fn status(loader: &Loader, name: &str) -> Option<Status> {
    loader.statuses().into_iter().find(|status| status.name == name)
}

/// What the live version of a plugin answers.
fn answer(loader: &Loader, name: &str) -> Option<u32> {
    let live = loader.catalog().live(name)?;
    let endpoint = Arc::clone(live.endpoints.first()?).as_any_arc();
    endpoint.downcast_ref::<AnswerEndpoint>().map(|endpoint| endpoint.0)
}

fn error(loader: &Loader, name: &str) -> Option<String> {
    status(loader, name)?.error
}

/// Waits until a condition holds; says what was seen when it does not within ten seconds.
fn until<T: std::fmt::Debug>(what: &str, mut look: impl FnMut() -> T, holds: impl Fn(&T) -> bool) -> T {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let seen = look();
        if holds(&seen) {
            return seen;
        }
        assert!(Instant::now() < deadline, "{what}: last seen {seen:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until a plugin's error has this text.
fn until_error(loader: &Loader, name: &str, text: &str) -> String {
    until(text, || error(loader, name), |error| error.as_ref().is_some_and(|error| error.contains(text)))
        .unwrap()
}

/// Waits until a plugin answers this.
fn until_answer(loader: &Loader, name: &str, wanted: Option<u32>) {
    until("the answer", || (answer(loader, name), error(loader, name)), |(seen, _)| *seen == wanted);
}

fn files_below(path: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}
