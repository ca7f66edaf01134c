//! WASI 0.2 with nothing behind it, for guests that import it only because their language's standard library does.
//!
//! Owns what such a guest finds: no files, no environment, no arguments, an empty standard input, no sockets, coarse
//! clocks, and a standard output and error that go to the log under the same limits as `wasi:logging`. It is linked interface
//! by interface as imported, and its state is made when the first of its functions is called, so that other plugins do
//! not pay for it. The asynchronous functions are linked: the synchronous ones block inside a runtime, which panics.

pub mod http;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime::component::{HasData, Linker, ResourceTable};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream, WasiCli, WasiCliCtxView};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksCtxView};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemCtxView};
use wasmtime_wasi::p2::bindings::{cli, clocks, filesystem, sockets};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};
use wasmtime_wasi::sockets::{WasiSockets, WasiSocketsCtxView};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, async_trait};
use wasmtime_wasi_io::bindings::wasi::io;

use self::http::Http;
use super::clocks::Coarse;
use super::logging::{Ledger, Level};
use super::{CallState, HasCallState};

/// The interfaces, each by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interface {
    IoError,
    IoPoll,
    IoStreams,
    Environment,
    Exit,
    Stdin,
    Stdout,
    Stderr,
    TerminalInput,
    TerminalOutput,
    TerminalStdin,
    TerminalStdout,
    TerminalStderr,
    FilesystemTypes,
    FilesystemPreopens,
    Network,
    InstanceNetwork,
    IpNameLookup,
    Tcp,
    TcpCreateSocket,
    Udp,
    UdpCreateSocket,
    HttpTypes,
    OutgoingHandler,
}

/// The state of one call.
pub(super) struct Standard {
    context: WasiCtx,
    table: ResourceTable,
    http: Http,
}

impl fmt::Debug for Standard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Standard").finish_non_exhaustive()
    }
}

impl Standard {
    fn new(call: &mut CallState) -> Self {
        let ledger = Arc::clone(call.ledger());
        let mut table = ResourceTable::new();
        table.set_max_capacity(call.plugin.resources_max);
        let context = WasiCtxBuilder::new()
            .stdout(Output { ledger: Arc::clone(&ledger), level: Level::Info, name: "stdout" })
            .stderr(Output { ledger, level: Level::Warn, name: "stderr" })
            .wall_clock(Coarse)
            .monotonic_clock(Coarse)
            .max_random_size(call.plugin.random_bytes_max)
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .build();
        Self { context, table, http: Http::new(call.plugin.field_bytes_max) }
    }

    fn of<T: HasCallState>(data: &mut T) -> &mut Self {
        Self::of_call(data.call_state())
    }

    fn of_call(call: &mut CallState) -> &mut Self {
        let standard = match call.standard.take() {
            Some(standard) => standard,
            None => Box::new(Self::new(call)),
        };
        call.standard.insert(standard)
    }
}

/// Where standard output or error goes.
struct Output {
    ledger: Arc<Ledger>,
    level: Level,
    name: &'static str,
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.lines())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.lines())
    }
}

impl Output {
    fn lines(&self) -> Lines {
        Lines { ledger: Arc::clone(&self.ledger), level: self.level, name: self.name, begun: Vec::new() }
    }
}

/// One stream of bytes, made into lines.
struct Lines {
    ledger: Arc<Ledger>,
    level: Level,
    name: &'static str,
    /// A line that has no end yet.
    begun: Vec<u8>,
}

impl Lines {
    fn take(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            let text = piece.strip_suffix(b"\n");
            // What would be cut from the log anyway is not kept either.
            let room = self.ledger.bytes_left().saturating_add(1).saturating_sub(self.begun.len());
            self.begun.extend(text.unwrap_or(piece).iter().take(room));
            if text.is_some() {
                self.end();
            }
        }
    }

    fn end(&mut self) {
        let line = std::mem::take(&mut self.begun);
        let mut text = String::with_capacity(line.len());
        for chunk in line.utf8_chunks() {
            text.push_str(chunk.valid());
            // What is not UTF-8 is shown as what it is.
            text.extend(chunk.invalid().iter().flat_map(|byte| byte.escape_ascii()).map(char::from));
        }
        self.ledger.write(self.level, self.name, &text);
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if !self.begun.is_empty() {
            self.end();
        }
    }
}

/// What one `check-write` allows; the guest writes longer texts in pieces.
const WRITE_BYTES_MAX: usize = 64 * 1024;

impl OutputStream for Lines {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.take(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES_MAX)
    }
}

#[async_trait]
impl Pollable for Lines {
    async fn ready(&mut self) {}
}

impl AsyncWrite for Lines {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.take(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

struct Io;

impl HasData for Io {
    type Data<'a> = &'a mut ResourceTable;
}

fn table<T: HasCallState>(data: &mut T) -> &mut ResourceTable {
    &mut Standard::of(data).table
}

fn of_cli<T: HasCallState>(data: &mut T) -> WasiCliCtxView<'_> {
    let Standard { context, table, .. } = Standard::of(data);
    WasiCliCtxView { ctx: context.cli(), table }
}

fn of_clocks<T: HasCallState>(data: &mut T) -> WasiClocksCtxView<'_> {
    let Standard { context, table, .. } = Standard::of(data);
    WasiClocksCtxView { ctx: context.clocks(), table }
}

fn of_filesystem<T: HasCallState>(data: &mut T) -> WasiFilesystemCtxView<'_> {
    let Standard { context, table, .. } = Standard::of(data);
    WasiFilesystemCtxView { ctx: context.filesystem(), table }
}

fn of_sockets<T: HasCallState>(data: &mut T) -> WasiSocketsCtxView<'_> {
    let Standard { context, table, .. } = Standard::of(data);
    WasiSocketsCtxView { ctx: context.sockets(), table }
}

/// The monotonic clock with what can be waited for.
pub(super) fn link_monotonic_clock<T: HasCallState>(l: &mut Linker<T>) -> wasmtime::Result<()> {
    clocks::monotonic_clock::add_to_linker::<T, WasiClocks>(l, of_clocks)
}

pub(super) fn link<T: HasCallState>(l: &mut Linker<T>, interface: Interface) -> wasmtime::Result<()> {
    match interface {
        Interface::IoError => io::error::add_to_linker::<T, Io>(l, table),
        Interface::IoPoll => io::poll::add_to_linker::<T, Io>(l, table),
        Interface::IoStreams => io::streams::add_to_linker::<T, Io>(l, table),
        Interface::Environment => cli::environment::add_to_linker::<T, WasiCli>(l, of_cli),
        Interface::Exit => cli::exit::add_to_linker::<T, WasiCli>(l, of_cli),
        Interface::Stdin => cli::stdin::add_to_linker::<T, WasiCli>(l, of_cli),
        Interface::Stdout => cli::stdout::add_to_linker::<T, WasiCli>(l, of_cli),
        Interface::Stderr => cli::stderr::add_to_linker::<T, WasiCli>(l, of_cli),
        Interface::TerminalInput => cli::terminal_input::add_to_linker::<T, WasiCli>(l, of_cli),
        Interface::TerminalOutput => cli::terminal_output::add_to_linker::<T, WasiCli>(l, of_cli),
        Interface::TerminalStdin => cli::terminal_stdin::add_to_linker::<T, WasiCli>(l, of_cli),
        Interface::TerminalStdout => cli::terminal_stdout::add_to_linker::<T, WasiCli>(l, of_cli),
        Interface::TerminalStderr => cli::terminal_stderr::add_to_linker::<T, WasiCli>(l, of_cli),
        Interface::FilesystemTypes => filesystem::types::add_to_linker::<T, WasiFilesystem>(l, of_filesystem),
        Interface::FilesystemPreopens => {
            filesystem::preopens::add_to_linker::<T, WasiFilesystem>(l, of_filesystem)
        }
        Interface::Network => {
            let options = sockets::network::LinkOptions::default();
            sockets::network::add_to_linker::<T, WasiSockets>(l, &options, of_sockets)
        }
        Interface::InstanceNetwork => {
            sockets::instance_network::add_to_linker::<T, WasiSockets>(l, of_sockets)
        }
        Interface::IpNameLookup => sockets::ip_name_lookup::add_to_linker::<T, WasiSockets>(l, of_sockets),
        Interface::Tcp => sockets::tcp::add_to_linker::<T, WasiSockets>(l, of_sockets),
        Interface::TcpCreateSocket => {
            sockets::tcp_create_socket::add_to_linker::<T, WasiSockets>(l, of_sockets)
        }
        Interface::Udp => sockets::udp::add_to_linker::<T, WasiSockets>(l, of_sockets),
        Interface::UdpCreateSocket => {
            sockets::udp_create_socket::add_to_linker::<T, WasiSockets>(l, of_sockets)
        }
        Interface::HttpTypes => http::link_types(l),
        Interface::OutgoingHandler => http::link_outgoing_handler(l),
    }
}
