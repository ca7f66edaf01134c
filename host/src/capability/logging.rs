//! A plugin's own log lines: `wasi:logging`, and what a guest writes to its standard output and error.
//!
//! Owns how much of it one call may write and that it cannot look like anything else: control characters, escape sequences
//! and characters that reorder text are written as escapes (CWE-117), and plugin and request id are set by the host.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, Linker};

use super::{CallState, HasCallState, RequestId};

/// The enum `level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
#[allow(dead_code, reason = "made by lifting, which the lint does not see")]
pub(super) enum Level {
    #[component(name = "trace")]
    Trace,
    #[component(name = "debug")]
    Debug,
    #[component(name = "info")]
    Info,
    #[component(name = "warn")]
    Warn,
    #[component(name = "error")]
    Error,
    #[component(name = "critical")]
    Critical,
}

/// What one call has written.
#[derive(Debug)]
pub(super) struct Ledger {
    plugin: Arc<str>,
    request_id: RequestId,
    left: Mutex<Left>,
}

/// What it may still write.
#[derive(Debug)]
struct Left {
    lines: u64,
    bytes: usize,
    dropped: u64,
}

impl CallState {
    /// The call's ledger, made when it is first written to.
    pub(super) fn ledger(&mut self) -> &Arc<Ledger> {
        self.log.get_or_insert_with(|| {
            Arc::new(Ledger {
                plugin: Arc::clone(&self.plugin.plugin),
                request_id: self.context.request_id,
                left: Mutex::new(Left {
                    lines: self.plugin.log_lines_max,
                    bytes: self.plugin.log_bytes_max,
                    dropped: 0,
                }),
            })
        })
    }
}

impl Ledger {
    /// Writes a line, or counts it when there have been enough. One that is longer than what is left is cut.
    pub(super) fn write(&self, level: Level, context: &str, message: &str) {
        let (context, message) = {
            let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
            if left.lines == 0 || left.bytes == 0 {
                left.dropped = left.dropped.saturating_add(1);
                return;
            }
            left.lines -= 1;
            let context = neutral(context, &mut left.bytes);
            let message = neutral(message, &mut left.bytes);
            (context, message)
        };
        let (plugin, request_id) = (&*self.plugin, self.request_id);
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(target: "guesthouse::plugin", plugin, %request_id, context = %context, "{message}")
            };
        }
        match level {
            Level::Trace => line!(trace),
            Level::Debug => line!(debug),
            Level::Info => line!(info),
            Level::Warn => line!(warn),
            Level::Error | Level::Critical => line!(error),
        }
    }

    /// The most bytes that a line can still have: what is worth keeping of one that is not yet complete.
    pub(super) fn bytes_left(&self) -> usize {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).bytes
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        let dropped = self.left.get_mut().unwrap_or_else(PoisonError::into_inner).dropped;
        if dropped > 0 {
            let (plugin, request_id) = (&*self.plugin, self.request_id);
            tracing::warn!(
                target: "guesthouse::plugin", plugin, %request_id,
                "{dropped} more log lines of this call were dropped (log_lines_max, log_bytes_max)"
            );
        }
    }
}

/// The text with everything escaped that a terminal or a reader of lines would act on, cut where `bytes_left` ends.
fn neutral(text: &str, bytes_left: &mut usize) -> String {
    let mut out = String::with_capacity(text.len().min(*bytes_left));
    for character in text.chars() {
        let before = out.len();
        if is_active(character) {
            // Writing to a string cannot fail.
            let _: Result<(), std::fmt::Error> = write!(out, "{}", character.escape_default());
        } else {
            out.push(character);
        }
        if out.len() > *bytes_left {
            out.truncate(before);
            out.push('…');
            *bytes_left = 0;
            return out;
        }
    }
    *bytes_left = bytes_left.saturating_sub(out.len());
    out
}

/// Control characters (C0, DEL, C1), line and paragraph separators, and what reorders text (Unicode Annex 9).
fn is_active(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{2028}' | '\u{2029}' | '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
        )
}

pub(super) fn link<T: HasCallState>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let mut instance = linker.instance("wasi:logging/logging@0.1.0-draft")?;
    instance.func_wrap(
        "log",
        |mut store: StoreContextMut<'_, T>, (level, context, message): (Level, String, String)| {
            store.data_mut().call_state().ledger().write(level, &context, &message);
            Ok(())
        },
    )
}
