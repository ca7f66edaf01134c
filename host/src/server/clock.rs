//! The worker's coarse clock.
//!
//! Owns the time by which slow peers are measured: milliseconds since the worker began, moved on by its sweep. Reading it is
//! one load, so that every read and write can note when it happened, which a system call or a timer for each could not afford.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Milliseconds since the worker began, as of its last sweep.
#[derive(Debug)]
pub(super) struct Clock {
    began: Instant,
    now_ms: AtomicU64,
}

impl Clock {
    pub(super) fn new() -> Self {
        // One, not zero: zero stands for "never" where times are kept.
        Self { began: Instant::now(), now_ms: AtomicU64::new(1) }
    }

    /// The time as of the last sweep.
    pub(super) fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::Relaxed)
    }

    /// Takes the time again.
    pub(super) fn advance(&self) -> u64 {
        let elapsed_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let now_ms = elapsed_ms.saturating_add(1);
        self.now_ms.store(now_ms, Ordering::Relaxed);
        now_ms
    }
}
