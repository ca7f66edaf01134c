//! What one call may use, and what is said when it used more.
//!
//! Owns memory, tables and CPU time of a running guest. Wall time is the caller's ([`super::program`]), because it must also
//! end host calls, which no epoch interrupts (wasmtime issue 9188).
//!
//! CPU time is the thread's own clock over the slices in which the guest was polled, read only at epoch ticks: a call that is
//! over before it is looked at costs no clock reading, and is charged nothing. A guest that waits for its turn on a busy
//! machine is not charged for the wait.

use std::cell::Cell;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use wasmtime::{ResourceLimiter, Trap, UpdateDeadline};

use crate::limits::{EPOCH_TICK_MS, PluginLimits};

/// Why a call has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallFailure {
    /// The guest trapped, or handed over values that are not of its type.
    #[error("the plugin trapped: {0}")]
    Trapped(String),
    /// `cpu_ms_max` is used up.
    #[error("the plugin used more than its {0} ms of CPU time (cpu_ms_max)")]
    OutOfCpu(u64),
    /// `wall_ms_max` is over.
    #[error("the plugin did not answer within {0} ms (wall_ms_max)")]
    OutOfTime(u64),
    /// The guest asked for more than `memory_bytes_max` or `table_elements_max` and then trapped.
    #[error("the plugin asked for more memory than its {0} bytes (memory_bytes_max) and trapped: {1}")]
    OutOfMemory(u64, String),
    /// The guest handed over more than the host takes from it in one call.
    #[error(
        "the plugin handed over more than {0} bytes in one call (response_bytes_max and hostcall_bytes_max)"
    )]
    TooLarge(u64),
    /// No instance was free in time.
    #[error("no instance was free within {0} ms (instances_max, requests_in_flight_max)")]
    Overloaded(u64),
    /// A panic in the host's own code under this call.
    #[error("the host panicked under this call")]
    HostPanic,
}

/// The state of one call's budget, in the store's data.
#[derive(Debug)]
pub struct Budget {
    memory_bytes_max: usize,
    table_elements_max: usize,
    cpu_left: Duration,
    /// A refused growth: tells a guest that ran out of memory from one with a defect.
    growth_refused: bool,
    cpu_used_up: bool,
    /// Of a guest that cannot be put aside: what it has used so far, as the ticks have seen it.
    in_place: Option<Duration>,
}

impl Budget {
    pub(super) fn new(limits: &PluginLimits) -> Self {
        Self {
            memory_bytes_max: usize::try_from(limits.memory_bytes_max).unwrap_or(usize::MAX),
            table_elements_max: usize::try_from(limits.table_elements_max).unwrap_or(usize::MAX),
            cpu_left: Duration::from_millis(limits.cpu_ms_max),
            growth_refused: false,
            cpu_used_up: false,
            in_place: None,
        }
    }

    /// The guest cannot be put aside: it is stopped when it has computed for long.
    pub(super) fn stay_in_place(&mut self) {
        self.in_place = Some(Duration::ZERO);
    }

    /// What a guest that could not be put aside had used when it was stopped, if that is why it was.
    pub(super) fn outstayed(&self) -> Option<Duration> {
        self.in_place.filter(|used| *used >= LONG)
    }

    /// Called at each epoch tick that finds the guest running.
    pub(super) fn on_tick(&mut self) -> UpdateDeadline {
        let Some(used) = SLICE.with(Slice::tick) else {
            // A tick that comes right after a call began says nothing, and on a busy server every tick finds some call that
            // has just begun. From here on the clock runs.
            return UpdateDeadline::Continue(1);
        };
        if let Some(in_place) = &mut self.in_place {
            *in_place = in_place.saturating_add(used);
            return if *in_place >= LONG { UpdateDeadline::Interrupt } else { UpdateDeadline::Continue(1) };
        }
        match self.cpu_left.checked_sub(used) {
            Some(left) if !left.is_zero() => {
                self.cpu_left = left;
                // tokio's own yield, not wasmtime's: only this one lets the I/O driver run before the guest goes on.
                UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now()))
            }
            _ => {
                self.cpu_used_up = true;
                UpdateDeadline::Interrupt
            }
        }
    }

    /// What a call's error means.
    pub(super) fn explain(&self, error: &wasmtime::Error, limits: &PluginLimits) -> CallFailure {
        if self.cpu_used_up {
            return CallFailure::OutOfCpu(limits.cpu_ms_max);
        }
        // The alternate form is the whole chain of causes with the wasm frames, at most eight of them.
        let text: String = format!("{error:#}").chars().take(TRAP_TEXT_CHARS_MAX).collect();
        if error.downcast_ref::<Trap>().is_none() && text.contains("hostcall") && text.contains("fuel") {
            return CallFailure::TooLarge(
                limits.response_bytes_max.saturating_add(limits.hostcall_bytes_max),
            );
        }
        if self.growth_refused {
            return CallFailure::OutOfMemory(limits.memory_bytes_max, text);
        }
        CallFailure::Trapped(text)
    }
}

/// Trap texts hold names from the guest's own name section, so their length is the guest's choice.
const TRAP_TEXT_CHARS_MAX: usize = 2_000;

impl ResourceLimiter for Budget {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let allowed = desired <= self.memory_bytes_max;
        self.growth_refused |= !allowed;
        Ok(allowed)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let allowed = desired <= self.table_elements_max;
        self.growth_refused |= !allowed;
        Ok(allowed)
    }
}

/// The stretch of time for which this thread has been polling a guest. One thread polls one guest at a time.
struct Slice {
    /// None for a call's first slice, which begins without a look at the clock.
    started: Cell<Option<Duration>>,
    /// What had been used at the last tick.
    ticked: Cell<Duration>,
}

/// So much CPU time in one slice is long. Less than a tick, because a tick is wall time and a thread is not always running.
const LONG: Duration = Duration::from_micros(EPOCH_TICK_MS * 1_000 / 2);

thread_local! {
    static SLICE: Slice = const { Slice { started: Cell::new(None), ticked: Cell::new(Duration::ZERO) } };
}

impl Slice {
    fn begin(&self, started: Option<Duration>) {
        self.started.set(started);
        self.ticked.set(Duration::ZERO);
    }

    /// What has been used since the slice began; none at the first tick of a slice that began without a clock, which starts
    /// it. A short time is no contradiction: after a wait the deadline of the next tick has passed already.
    fn tick(&self) -> Option<Duration> {
        let now = thread_cpu();
        let used = self.started.replace(Some(now)).map(|started| now.saturating_sub(started));
        self.ticked.set(used.unwrap_or_default());
        used
    }
}

/// Marks that a guest is polled for the first time.
pub(super) fn begin_first_slice() {
    SLICE.with(|slice| slice.begin(None));
}

/// Marks that a guest is polled again.
pub(super) fn begin_slice() {
    SLICE.with(|slice| slice.begin(Some(thread_cpu())));
}

/// Marks that a guest that runs in many short slices is polled, which has used so much since a tick last charged it.
pub(super) fn begin_slice_owing(uncharged: Duration) {
    SLICE.with(|slice| slice.begin(Some(thread_cpu().saturating_sub(uncharged))));
}

/// The CPU time of the slice that has just ended, if a tick ended it after it had computed for long.
pub(super) fn long_slice() -> Option<Duration> {
    Some(SLICE.with(|slice| slice.ticked.get())).filter(|used| *used >= LONG)
}

/// The CPU time since the slice began or was last ticked, if its clock runs.
pub(super) fn slice_used() -> Option<Duration> {
    SLICE.with(|slice| slice.started.get()).map(|started| thread_cpu().saturating_sub(started))
}

fn thread_cpu() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}
