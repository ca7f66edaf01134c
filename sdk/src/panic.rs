//! What a panic leaves behind: one line in the plugin's log with the message and where it happened, before the trap
//! ends the instance. Without it the log would only say that the guest trapped.

use std::sync::atomic::{AtomicBool, Ordering};

/// Set once the hook is in place, so that a reused instance does not install it again.
static INSTALLED: AtomicBool = AtomicBool::new(false);

/// Sends the message of every later panic to `wasi:logging` as an error. The attributes of this crate call it on entry
/// unless they are told `pure`.
#[inline]
pub fn install() {
    if cfg!(target_arch = "wasm32") && !INSTALLED.swap(true, Ordering::Relaxed) {
        std::panic::set_hook(Box::new(report));
    }
}

fn report(panic: &std::panic::PanicHookInfo<'_>) {
    let message = panic.payload_as_str().unwrap_or("a panic whose payload is not text");
    match panic.location() {
        Some(at) => crate::log::error("panic", &format!("{message}, at {}:{}", at.file(), at.line())),
        None => crate::log::error("panic", message),
    }
}
