//! What JSON-RPC and XML-RPC have in common: a plugin's methods, one call of them, and what can go wrong with it.
//!
//! Owns the codes of errors and the bound on a reply. Refuses to know how either protocol is written, how its bytes travel, and
//! that a sandbox exists: who carries out a call is a [`Caller`], so that both protocols are functions from text to text.
//!
//! | code | is said when |
//! | --- | --- |
//! | -32700 | the request is not well-formed JSON or XML, or nests too deeply |
//! | -32701, -32702 | XML-RPC: an encoding that is not read here; bytes that are not of their encoding |
//! | -32600 | it is well-formed and not a request of the protocol |
//! | -32601 | the plugin has no such method |
//! | -32602 | the arguments do not fit the method |
//! | -32603 | the plugin trapped, gave an answer that cannot be sent, or the host has a defect |
//! | -32001 | the plugin used up its CPU or wall time, or the batch its time before this call began |
//! | -32002 | the plugin used up its memory |
//! | -32003 | the plugin, or the host, is at capacity: worth a second try |
//! | -32004 | the host is shutting down |
//! | -32005 | the replies of a batch together are larger than `response_bytes_max`; the call itself was carried out |
//! | any other | the plugin's own |
//!
//! XML-RPC takes the codes of the common proposal for interoperable faults (specification of fault codes, D. Libby, 2001),
//! which JSON-RPC 2.0 section 5.1 builds on; both leave -32000 to -32099 to the server.

use std::borrow::Cow;
use std::future::Future;

use super::PluginFailure;
use super::json;
use super::methods::MethodTable;
use crate::capability::RequestId;
use crate::failure::Failure;
use crate::limits::PluginLimits;

/// Not well-formed.
pub(super) const PARSE_ERROR: i32 = -32700;
/// Well-formed, and not a request.
pub(super) const INVALID_REQUEST: i32 = -32600;
/// No such method.
pub(super) const METHOD_NOT_FOUND: i32 = -32601;
/// Arguments that do not fit.
pub(crate) const INVALID_PARAMS: i32 = -32602;
/// An inner error.
pub(super) const INTERNAL_ERROR: i32 = -32603;
const OUT_OF_TIME: i32 = -32001;
const OUT_OF_MEMORY: i32 = -32002;
const OVERLOADED: i32 = -32003;
const SHUTTING_DOWN: i32 = -32004;
/// See [`super::batch`].
pub(super) const REPLY_TOO_LARGE: i32 = -32005;

/// Who carries out a call.
pub(crate) trait Caller {
    /// Runs one of the plugin's methods. `params` is JSON text.
    fn call(&self, method: &str, params: Option<&str>) -> impl Future<Output = Result<String, CallError>>;
}

/// Why a call has no result.
#[derive(Debug)]
pub(crate) enum CallError {
    /// The method says so.
    Plugin(PluginFailure),
    /// The host does.
    Host(Failure),
}

/// An error as both protocols say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// See the table above.
    pub(super) code: i32,
    /// One short sentence.
    pub(super) message: Cow<'static, str>,
    /// What exactly is wrong, when the host can say so. JSON-RPC shows it in `data`, XML-RPC in the text.
    pub(super) detail: Option<String>,
    /// More, from the plugin, as JSON text that has been checked. JSON-RPC only.
    pub(super) data: Option<String>,
    /// The request, for errors of the host that its operator may be asked about. JSON-RPC shows it in `data`, XML-RPC in
    /// the text.
    pub(super) request_id: Option<RequestId>,
}

impl Fault {
    /// A fault with a fixed text.
    pub(super) fn new(code: i32, message: &'static str) -> Self {
        Self { code, message: Cow::Borrowed(message), detail: None, data: None, request_id: None }
    }

    /// The same fault with a few words on what exactly is wrong.
    pub(super) fn because(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// How much of the plugin's text it holds, in bytes.
    pub(super) fn length(&self) -> usize {
        self.message.len().saturating_add(self.data.as_ref().map_or(0, String::len))
    }

    /// There is no method of this name.
    pub(super) fn method_not_found() -> Self {
        Self::new(METHOD_NOT_FOUND, "Method not found")
    }

    /// Something failed in the host or under its watch.
    pub(super) fn of_host(failure: &Failure, request_id: Option<RequestId>) -> Self {
        Self { request_id, ..Self::new(code_of(failure), failure.public()) }
    }
}

/// The code of a failure of the host.
fn code_of(failure: &Failure) -> i32 {
    match failure {
        Failure::PluginOutOfTime => OUT_OF_TIME,
        Failure::PluginOutOfMemory => OUT_OF_MEMORY,
        Failure::Overloaded => OVERLOADED,
        Failure::ShuttingDown => SHUTTING_DOWN,
        Failure::PluginTrapped | Failure::PluginAnswerInvalid | Failure::Internal => INTERNAL_ERROR,
        // The rest is about HTTP and is answered with its status; where a code is wanted all the same, the request is at fault.
        _ => INVALID_REQUEST,
    }
}

/// One request's view of a plugin.
pub(super) struct Service<'a, C> {
    /// What the plugin serves.
    pub(super) methods: &'a MethodTable,
    /// Its limits.
    pub(super) limits: &'a PluginLimits,
    /// Who carries out calls.
    pub(super) caller: &'a C,
    /// The plugin's name, for the log.
    pub(super) plugin: &'a str,
    /// For errors of the host and for the log.
    pub(super) request_id: RequestId,
    /// Where the client addressed the plugin: for contracts.
    pub(super) address: &'a dyn Fn() -> String,
}

impl<C: Caller> Service<'_, C> {
    /// Calls one of the plugin's methods. The result is the plugin's text, not yet checked; the fault's data is.
    pub(super) async fn call(&self, method: &str, params: Option<&str>) -> Result<String, Fault> {
        if !self.methods.contains(method) {
            return Err(Fault::method_not_found());
        }
        match self.caller.call(method, params).await {
            Ok(result) if self.is_too_large(result.len()) => Err(self.answer_invalid(method, "is too large")),
            Ok(result) => Ok(result),
            Err(CallError::Host(failure)) => Err(Fault::of_host(&failure, Some(self.request_id))),
            Err(CallError::Plugin(failure)) => {
                let data_length = failure.data.as_ref().map_or(0, String::len);
                if self.is_too_large(failure.message.len().saturating_add(data_length)) {
                    return Err(self.answer_invalid(method, "is a failure that is too large"));
                }
                let data = match failure
                    .data
                    .as_deref()
                    .map(|data| json::document(data, self.limits.json_depth_max))
                {
                    None => None,
                    Some(Ok(data)) => Some(data.to_owned()),
                    Some(Err(_)) => {
                        return Err(self.answer_invalid(method, "is a failure whose data is not JSON"));
                    }
                };
                Err(Fault {
                    detail: None,
                    code: failure.code,
                    message: Cow::Owned(failure.message),
                    data,
                    request_id: None,
                })
            }
        }
    }

    /// What the caller is told when the plugin's answer cannot be sent; the log says why.
    pub(super) fn answer_invalid(&self, method: &str, why: &str) -> Fault {
        tracing::warn!(plugin = self.plugin, request = %self.request_id, method, "the answer of the plugin's method {why}");
        Fault::of_host(&Failure::PluginAnswerInvalid, Some(self.request_id))
    }

    fn is_too_large(&self, length: usize) -> bool {
        u64::try_from(length).unwrap_or(u64::MAX) > self.limits.response_bytes_max
    }

    /// How many calls one batch may have.
    pub(super) fn batch_calls_max(&self) -> usize {
        usize::try_from(self.limits.batch_calls_max).unwrap_or(usize::MAX)
    }
}
