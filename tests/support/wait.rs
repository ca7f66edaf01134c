//! Waiting for a condition, with a deadline.

use std::time::{Duration, Instant};

/// How long anything may take before a test is lost. Far above what a slow machine under load needs: it only keeps a test
/// that hangs from hanging for ever.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// How long to wait before looking again.
const INTERVAL: Duration = Duration::from_millis(10);

/// Asks until there is an answer. `what` completes "waited in vain for".
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    until_within(DEADLINE, &mut ask).unwrap_or_else(|| panic!("waited {DEADLINE:?} in vain for {what}"))
}

/// Asks until there is an answer or the time is up.
pub(crate) fn until_within<T>(time: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + time;
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if Instant::now() > deadline {
            return None;
        }
        std::thread::sleep(INTERVAL);
    }
}
