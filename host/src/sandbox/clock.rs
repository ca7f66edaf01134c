//! The clock of the epochs.
//!
//! Owns the thread that ends an epoch every millisecond for as long as guests may be running, and its sleep when none are: a host
//! that nobody asks anything costs nothing. Whoever is about to run a guest makes sure that the clock runs.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::Semaphore;
use wasmtime::EngineWeak;

use crate::limits::EPOCH_TICK_MS;

/// So many ticks without a guest, and the clock stops.
const IDLE_TICKS: u32 = 100;
/// A sleeping clock looks round so often. Who begins a call wakes it; this bounds what is lost should the two ever miss each other.
const SLEEP: Duration = Duration::from_millis(20);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// Epochs that have begun.
    ticks: AtomicU64,
    asleep: AtomicBool,
    /// Guests that run without a permit, as they do while they are loaded.
    unpermitted: AtomicUsize,
    thread: OnceLock<Thread>,
}

impl Clock {
    /// Advances the epoch for as long as the engine lives. `permits` is what calls take, and `all` how many there are.
    pub(super) fn start(engine: EngineWeak, permits: Arc<Semaphore>, all: usize) -> Result<Arc<Self>> {
        let clock = Arc::new(Self::default());
        let own = Arc::clone(&clock);
        let handle = std::thread::Builder::new()
            .name("epoch".to_owned())
            .spawn(move || own.run(&engine, &permits, all))
            .context("the thread of the epoch clock cannot be started")?;
        clock.thread.get_or_init(|| handle.thread().clone());
        Ok(clock)
    }

    fn run(&self, engine: &EngineWeak, permits: &Semaphore, all: usize) {
        let is_idle = || permits.available_permits() == all && self.unpermitted.load(Ordering::SeqCst) == 0;
        let mut idle_ticks = 0_u32;
        loop {
            std::thread::sleep(Duration::from_millis(EPOCH_TICK_MS));
            match engine.upgrade() {
                Some(engine) => engine.increment_epoch(),
                None => return,
            }
            self.ticks.fetch_add(1, Ordering::Relaxed);
            idle_ticks = if is_idle() { idle_ticks.saturating_add(1) } else { 0 };
            if idle_ticks < IDLE_TICKS {
                continue;
            }
            self.asleep.store(true, Ordering::SeqCst);
            // Whoever took a permit before it could see this is seen here.
            while is_idle() && self.asleep.load(Ordering::SeqCst) && engine.upgrade().is_some() {
                std::thread::park_timeout(SLEEP);
            }
            self.asleep.store(false, Ordering::SeqCst);
            idle_ticks = 0;
        }
    }

    /// The number of epochs that have begun: a clock that costs nothing to read, and stands still while no guest runs.
    pub(super) fn ticks(&self) -> u64 {
        self.ticks.load(Ordering::Relaxed)
    }

    /// A permit has been taken, and a guest is about to run.
    pub(super) fn rouse(&self) {
        // Nearly always false, and then a load of what nobody writes.
        if self.asleep.load(Ordering::SeqCst) {
            self.asleep.store(false, Ordering::SeqCst);
            if let Some(thread) = self.thread.get() {
                thread.unpark();
            }
        }
    }

    /// A guest is about to run without a permit, until what this returns is dropped.
    pub(super) fn hold(&self) -> Held<'_> {
        self.unpermitted.fetch_add(1, Ordering::SeqCst);
        self.rouse();
        Held(self)
    }
}

/// Keeps the clock running.
pub(super) struct Held<'a>(&'a Clock);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.unpermitted.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
        let began = Instant::now();
        while !is_so() {
            assert!(began.elapsed() < Duration::from_secs(60), "{what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn the_clock_runs_while_guests_may_and_stands_still_when_none_do() {
        let engine = wasmtime::Engine::default();
        let permits = Arc::new(Semaphore::new(2));
        let clock = Clock::start(engine.weak(), Arc::clone(&permits), 2).unwrap();
        let is_asleep = || clock.asleep.load(Ordering::SeqCst);
        wait_until("it goes to sleep", is_asleep);

        let permit = permits.try_acquire().unwrap();
        clock.rouse();
        let before = clock.ticks();
        // For longer than it takes to fall asleep.
        wait_until("it runs for a call", || clock.ticks() > before + 3 * u64::from(IDLE_TICKS));
        assert!(!is_asleep());
        drop(permit);
        wait_until("it goes to sleep again", is_asleep);

        let held = clock.hold();
        let before = clock.ticks();
        wait_until("it runs for what has no permit", || clock.ticks() > before + 3 * u64::from(IDLE_TICKS));
        drop(held);
        wait_until("it goes to sleep at last", is_asleep);

        // A wake-up that was missed costs one look round.
        let permit = permits.try_acquire().unwrap();
        let before = clock.ticks();
        wait_until("it runs without being told", || clock.ticks() > before + 3);
        drop(permit);
    }
}
