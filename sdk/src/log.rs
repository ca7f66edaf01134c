//! The plugin's own log lines (`wasi:logging`). The host marks each with plugin and request id, and bounds how many a call
//! may write.
//!
//! The functions take a finished text. The macros format one and name the module it comes from:
//! `log::info!("created {id}")`.

pub use crate::bindings::imports::wasi::logging::logging::Level;

/// Writes one line. `context` is a free word for where in the plugin it comes from.
pub fn write(level: Level, context: &str, message: &str) {
    crate::host::log(level, context, message);
}

/// Writes one line at level `error`.
pub fn error(context: &str, message: &str) {
    write(Level::Error, context, message);
}

/// Formats and writes one line at the level given first.
#[doc(hidden)]
#[macro_export]
macro_rules! __log {
    ($level:ident, $($format:tt)+) => {
        $crate::log::write($crate::log::Level::$level, ::core::module_path!(), &::std::format!($($format)+))
    };
}

/// Writes a line at level `trace`; takes what `format!` takes.
#[macro_export]
#[doc(hidden)]
macro_rules! __log_trace { ($($format:tt)+) => { $crate::__log!(Trace, $($format)+) }; }
/// Writes a line at level `debug`; takes what `format!` takes.
#[macro_export]
#[doc(hidden)]
macro_rules! __log_debug { ($($format:tt)+) => { $crate::__log!(Debug, $($format)+) }; }
/// Writes a line at level `info`; takes what `format!` takes.
#[macro_export]
#[doc(hidden)]
macro_rules! __log_info { ($($format:tt)+) => { $crate::__log!(Info, $($format)+) }; }
/// Writes a line at level `warn`; takes what `format!` takes.
#[macro_export]
#[doc(hidden)]
macro_rules! __log_warn { ($($format:tt)+) => { $crate::__log!(Warn, $($format)+) }; }
/// Writes a line at level `error`; takes what `format!` takes.
#[macro_export]
#[doc(hidden)]
macro_rules! __log_error { ($($format:tt)+) => { $crate::__log!(Error, $($format)+) }; }

#[doc(inline)]
pub use crate::{
    __log_debug as debug, __log_error as error, __log_info as info, __log_trace as trace, __log_warn as warn,
};
