//! The styles: HTTP to WIT values and back, one file or folder each.
//!
//! Owns the list of styles. Styles never import one another; what they share stands here or in `problem`.

pub mod problem;
pub mod rest;

use crate::capability::CallContext;
use crate::failure::Failure;
use crate::plugin::Style;
use crate::sandbox::{CallFailure, Program};

/// All styles, in the order in which they are asked whether a request is theirs.
pub static ALL: &[&dyn Style] = &[&rest::Rest];

/// What a failed call is to its caller. The cause goes to the log here, the one place where it is known and not yet cut down
/// to what a caller may see.
#[must_use]
pub fn failure_of(failure: &CallFailure, program: &Program, context: &CallContext) -> Failure {
    tracing::warn!(plugin = %program.capabilities().plugin, request = %context.request_id, "{failure}");
    match failure {
        CallFailure::Trapped(_) => Failure::PluginTrapped,
        CallFailure::OutOfCpu(_) | CallFailure::OutOfTime(_) => Failure::PluginOutOfTime,
        CallFailure::OutOfMemory(..) => Failure::PluginOutOfMemory,
        CallFailure::TooLarge(_) => Failure::PluginAnswerInvalid,
        CallFailure::Overloaded(_) => Failure::Overloaded,
        CallFailure::HostPanic => Failure::Internal,
    }
}
