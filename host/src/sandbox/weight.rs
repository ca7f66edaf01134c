//! Whether a plugin's calls hold a serving thread for long.
//!
//! Owns what is remembered of earlier calls, so that the next ones start where they keep nobody waiting. Refuses to know where that is.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::budget;
use crate::limits::EPOCH_TICK_MS;

/// How long a plugin counts as heavy, as a multiple of the CPU time for which a call of it held a serving thread: so its calls
/// hold one for no more than a thousandth of the time, whatever they do and however they are spaced.
const HEAVY_FACTOR: u32 = 1_000;
/// And at most so long.
const HEAVY_MAX: Duration = Duration::from_secs(60);
/// So many ticks, of which the first may come right after a call began, are two whole ones. A call that takes longer without being
/// stopped by any is one long instruction, like filling a whole memory, or its instance takes long to make or to clear away.
const UNSEEN_TICKS: u64 = 3;
/// The same as a time.
const UNSEEN: Duration = Duration::from_millis(2 * EPOCH_TICK_MS);

/// What is known of one plugin's calls.
pub(super) struct Weight {
    /// Until when (milliseconds of [`Weight::now_ms`]) new calls start on a lane at once, because an earlier one ran long.
    heavy_until_ms: AtomicU64,
    /// A call took longer than a tick and was seen by none: the clock of the next one runs from its start.
    suspect: AtomicBool,
    born: Instant,
}

impl Weight {
    /// Nothing is known yet.
    pub(super) fn new() -> Self {
        Self { heavy_until_ms: AtomicU64::new(0), suspect: AtomicBool::new(false), born: Instant::now() }
    }

    /// Whether the next call is to be measured by the thread's own clock.
    pub(super) fn is_suspect(&self) -> bool {
        self.suspect.load(Ordering::Relaxed)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Whether calls start on a lane at once.
    pub(super) fn is_heavy(&self) -> bool {
        // The clock is read only for plugins that ever were.
        let until = self.heavy_until_ms.load(Ordering::Relaxed);
        until != 0 && self.now_ms() < until
    }

    /// Looks at a call that was over in one slice and that no tick has ended.
    pub(super) fn judge(&self, suspect: bool, ticks: u64) {
        if suspect {
            match budget::slice_used() {
                Some(used) if used >= UNSEEN => self.mark_heavy(used),
                _ => self.suspect.store(false, Ordering::Relaxed),
            }
        } else if ticks >= UNSEEN_TICKS {
            // On a busy machine it may also have waited for its turn; the next one is measured by the thread's own clock.
            self.suspect.store(true, Ordering::Relaxed);
        }
    }

    /// A call has held a serving thread for so long.
    pub(super) fn mark_heavy(&self, used: Duration) {
        let heavy = used.saturating_mul(HEAVY_FACTOR).min(HEAVY_MAX);
        let heavy_ms = u64::try_from(heavy.as_millis()).unwrap_or(u64::MAX);
        self.heavy_until_ms.fetch_max(self.now_ms().saturating_add(heavy_ms), Ordering::Relaxed);
    }
}
