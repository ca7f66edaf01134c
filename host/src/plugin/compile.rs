//! Compiling in a child process.
//!
//! Owns the child: how it is started, what it may use, how long it may take, and what is said when it fails. Guest bytes meet
//! the compiler nowhere else: whoever finds a way to make the compiler loop, allocate without end or crash (wasmtime counts
//! none of these as a security defect of its own) loses a process that holds nothing.
//!
//! The child is this same executable with a hidden verb. It reads WebAssembly from its standard input and writes code to
//! its standard output, has no environment but its own, and ends with its parent.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitCode, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Resource, Rlimit, Signal, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use wasmtime::Engine;

use crate::limits::{COMPILED_BYTES_MAX, COMPILER_COMPLAINT_BYTES_MAX, HostLimits};
use crate::sandbox::engine::compiling_config;

/// The hidden verb: the first argument of an invocation that is to run [`child_main`].
pub const VERB: &str = "compile-component";

/// Starts compiling children.
#[derive(Debug, Clone)]
pub struct Compiler {
    program: PathBuf,
    wall: Duration,
    cpu_s: u64,
    memory_bytes: u64,
}

impl Compiler {
    /// A compiler whose children are this very executable, also when its file has been replaced since.
    #[must_use]
    pub fn new(limits: &HostLimits) -> Self {
        Self {
            program: PathBuf::from("/proc/self/exe"),
            wall: Duration::from_millis(limits.compile_wall_ms_max),
            cpu_s: limits.compile_cpu_s_max,
            memory_bytes: limits.compile_memory_bytes_max,
        }
    }

    /// The same, with another executable that knows the hidden verb: for programs that embed the library.
    #[must_use]
    pub fn with_program(mut self, program: PathBuf) -> Self {
        self.program = program;
        self
    }

    /// Compiles a component.
    ///
    /// # Errors
    /// In words for the plugin's author.
    pub(super) async fn compile(&self, component: &[u8]) -> Result<Vec<u8>> {
        let mut child = Command::new(&self.program)
            .arg(VERB)
            .arg(self.memory_bytes.to_string())
            .arg(self.cpu_s.to_string())
            .env_clear()
            .envs(ENVIRONMENT)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| {
                format!("the compiling process ({}) cannot be started", self.program.display())
            })?;
        let (Some(mut stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            bail!("the compiling process has no pipes");
        };
        let feed = async move {
            // An error means that the child has ended; its status says why.
            let _: std::io::Result<()> = stdin.write_all(component).await;
        };
        let code = read(stdout, COMPILED_BYTES_MAX);
        let complaint = read(stderr, COMPILER_COMPLAINT_BYTES_MAX);
        let work = async {
            let ((), code, complaint) = tokio::join!(feed, code, complaint);
            let status = child.wait().await;
            (code, complaint, status)
        };
        let Ok((code, complaint, status)) = tokio::time::timeout(self.wall, work).await else {
            // Dropped with the future: killed and reaped.
            bail!("compiling it takes longer than {} ms (compile_wall_ms_max)", self.wall.as_millis());
        };
        let status = status.context("the compiling process cannot be waited for")?;
        if !status.success() {
            bail!(self.explain(status, &complaint?));
        }
        let code = code?;
        if code.len() as u64 > COMPILED_BYTES_MAX {
            bail!("its compiled code is larger than {COMPILED_BYTES_MAX} bytes");
        }
        if code.is_empty() {
            bail!("the compiling process gave no code");
        }
        Ok(code)
    }

    fn explain(&self, status: ExitStatus, complaint: &[u8]) -> String {
        let complaint = complaint.trim_ascii().escape_ascii().to_string();
        let signal = status.signal().and_then(Signal::from_named_raw);
        if complaint.contains("memory allocation of") || complaint.contains("out of memory") {
            return format!(
                "compiling it takes more than {} bytes of memory (compile_memory_bytes_max)",
                self.memory_bytes
            );
        }
        match signal {
            Some(Signal::XCPU) => {
                format!("compiling it takes more than {} s of CPU time (compile_cpu_s_max)", self.cpu_s)
            }
            Some(signal) => format!(
                "the compiler crashed on it (signal {}), which is worth a report{}{complaint}",
                signal.as_raw(),
                if complaint.is_empty() { "" } else { ": " }
            ),
            None => format!("the compiler refuses it: {complaint}"),
        }
    }
}

async fn read(from: impl tokio::io::AsyncRead + Unpin, bytes_max: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

/// The compiling child: `guesthouse compile-component MEMORY_BYTES CPU_S < component > code`.
///
/// It limits itself before it reads a byte. Exit status 0 and code, or another status and one line on standard error.
#[must_use]
pub fn child_main() -> ExitCode {
    match compile_in_child(std::env::args_os().skip(2)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let line = format!("{error:#}").replace('\n', " ");
            // Nobody is left to tell when this fails.
            let _: std::io::Result<()> = writeln!(std::io::stderr(), "{line}");
            ExitCode::FAILURE
        }
    }
}

fn compile_in_child(mut arguments: impl Iterator<Item = OsString>) -> Result<()> {
    let mut number = |name: &str| -> Result<u64> {
        let text = arguments.next().and_then(|argument| argument.into_string().ok());
        text.and_then(|text| text.parse().ok())
            .with_context(|| format!("this verb is the host's own; {name} is missing"))
    };
    let memory_bytes = number("MEMORY_BYTES")?;
    let cpu_s = number("CPU_S")?;
    limit_this_process(memory_bytes, cpu_s)?;
    let mut component = Vec::new();
    std::io::stdin().lock().read_to_end(&mut component).context("the component cannot be read")?;
    let engine = Engine::new(&compiling_config()).map_err(anyhow::Error::from)?;
    let code = engine.precompile_component(&component).map_err(anyhow::Error::from)?;
    std::io::stdout().lock().write_all(&code).context("the code cannot be written")
}

fn limit_this_process(memory_bytes: u64, cpu_s: u64) -> Result<()> {
    let limit = |resource, value: u64| {
        setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })
            .context("the compiling process cannot limit itself")
    };
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    rustix::thread::set_no_new_privs(true)?;
    // A failure here costs only politeness.
    let _: rustix::io::Result<()> = rustix::process::setpriority_process(None, NICENESS);
    limit(Resource::As, memory_bytes)?;
    setrlimit(
        Resource::Cpu,
        // The soft limit's signal tells "out of CPU time" from other ends; the hard one cannot be caught.
        Rlimit { current: Some(cpu_s), maximum: Some(cpu_s.saturating_add(1)) },
    )?;
    limit(Resource::Core, 0)?;
    // No file can be written; pipes are none.
    limit(Resource::Fsize, 0)?;
    // No file can be opened beside those that are open: standard streams, and what the C library needs for a moment.
    limit(Resource::Nofile, 16)
}

/// All that the child finds in its environment. Both keep it within the smallest address space that it can be given: a thread
/// per core would not start on a machine of many cores, and the allocator would reserve a gibibyte at once (in KiB here).
const ENVIRONMENT: [(&str, &str); 2] = [("RAYON_NUM_THREADS", "4"), ("MIMALLOC_ARENA_RESERVE", "32768")];

/// Added to the niceness of the child: serving comes first.
const NICENESS: i32 = 10;
