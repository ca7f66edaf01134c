//! The styles: HTTP to WIT values and back, one file or folder each.
//!
//! Owns the list of styles. Styles never import one another; what they share stands here, in `json`, `media_type`, `problem`,
//! `socket` or `xml`.

pub mod html;
pub mod json;
pub mod media_type;
pub mod problem;
pub mod rest;
pub mod rpc;
pub mod soap;
pub mod socket;
pub mod wasi_http;
pub mod websocket;
pub mod xml;

use http::header::HeaderMap;

use crate::capability::CallContext;
use crate::failure::Failure;
use crate::plugin::Style;
use crate::sandbox::{CallFailure, Program};

/// All styles, in the order in which they are asked whether a request is theirs.
pub static ALL: &[&dyn Style] =
    &[&websocket::WebSocket, &soap::Soap, &rpc::Rpc, &rest::Rest, &wasi_http::WasiHttp];

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

/// Fields as a plugin sees them: names in lower case, values as text.
pub(crate) fn fields(headers: &HeaderMap) -> Result<Vec<(String, String)>, Failure> {
    headers
        .iter()
        .map(|(name, value)| {
            let value = std::str::from_utf8(value.as_bytes())
                .map_err(|_| Failure::BadRequest("A header field's value is not UTF-8."))?;
            Ok((name.as_str().to_owned(), value.to_owned()))
        })
        .collect()
}
