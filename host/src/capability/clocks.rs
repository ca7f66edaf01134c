//! Clocks without anything to wait for: `wasi:clocks/wall-clock` and `monotonic-clock`.
//!
//! Owns how fine a guest's clock is: a millisecond. Finer ones measure what a neighbour on the same core has in its
//! caches; with no threads and no shared memory a guest cannot make a finer one itself.

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Linker, Lower};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock};

use super::HasCallState;

const RESOLUTION: Duration = Duration::from_millis(1);

/// Where the monotonic clock begins. A day before the process's first look at it, so that a guest may subtract.
static ORIGIN: LazyLock<Instant> = LazyLock::new(|| {
    let now = Instant::now();
    now.checked_sub(Duration::from_secs(24 * 60 * 60)).unwrap_or(now)
});

/// The record `datetime`.
#[derive(ComponentType, Lower)]
#[component(record)]
struct Datetime {
    seconds: u64,
    nanoseconds: u32,
}

impl From<Duration> for Datetime {
    fn from(since_epoch: Duration) -> Self {
        Self { seconds: since_epoch.as_secs(), nanoseconds: since_epoch.subsec_nanos() }
    }
}

/// Cuts off what is finer than the resolution.
fn coarse(time: Duration) -> Duration {
    Duration::new(time.as_secs(), time.subsec_millis().saturating_mul(1_000_000))
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Both clocks, for guests with a whole standard library as well.
pub(super) struct Coarse;

impl HostWallClock for Coarse {
    fn resolution(&self) -> Duration {
        RESOLUTION
    }

    fn now(&self) -> Duration {
        coarse(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }
}

impl HostMonotonicClock for Coarse {
    fn resolution(&self) -> u64 {
        nanoseconds(RESOLUTION)
    }

    fn now(&self) -> u64 {
        nanoseconds(coarse(ORIGIN.elapsed()))
    }
}

pub(super) fn link_wall_clock<T: HasCallState>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let mut instance = linker.instance("wasi:clocks/wall-clock@0.2.0")?;
    instance.func_wrap("now", |_: StoreContextMut<'_, T>, (): ()| {
        Ok((Datetime::from(HostWallClock::now(&Coarse)),))
    })?;
    instance.func_wrap("resolution", |_: StoreContextMut<'_, T>, (): ()| {
        Ok((Datetime::from(HostWallClock::resolution(&Coarse)),))
    })
}

/// `subscribe-instant` and `subscribe-duration` are missing: they give a resource of `wasi:io`, and a component that uses
/// them imports that too.
pub(super) fn link_monotonic_clock<T: HasCallState>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let mut instance = linker.instance("wasi:clocks/monotonic-clock@0.2.0")?;
    instance.func_wrap("now", |_: StoreContextMut<'_, T>, (): ()| Ok((HostMonotonicClock::now(&Coarse),)))?;
    instance.func_wrap("resolution", |_: StoreContextMut<'_, T>, (): ()| {
        Ok((HostMonotonicClock::resolution(&Coarse),))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_clock_shows_anything_finer_than_a_millisecond() {
        for _ in 0..1_000 {
            assert_eq!(HostMonotonicClock::now(&Coarse) % 1_000_000, 0);
            assert_eq!(HostWallClock::now(&Coarse).subsec_nanos() % 1_000_000, 0);
        }
    }
}
