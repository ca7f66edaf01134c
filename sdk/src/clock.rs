//! Time (`wasi:clocks`). The standard library's clocks do not work on the target that plugins are built for. The host's
//! are no finer than a millisecond.

/// Milliseconds since 1970-01-01T00:00:00Z, without leap seconds. May step back when the operator sets the clock.
pub fn now_unix_ms() -> u64 {
    crate::host::now_unix_ms()
}

/// Milliseconds since some moment before the plugin was loaded. Never steps back: for measuring how long something takes.
pub fn monotonic_ms() -> u64 {
    crate::host::monotonic_ms()
}
