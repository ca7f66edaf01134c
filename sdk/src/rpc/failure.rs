//! Why a call failed, as both protocols say it: a code, a sentence, and more as JSON.

use serde::Serialize;
use serde_json::json;

pub use crate::bindings::rpc::Failure;

use crate::store;

/// Invalid method parameters (JSON-RPC 2.0, section 5.1).
const INVALID_PARAMS: i32 = -32_602;
/// Internal error (the same).
const INTERNAL_ERROR: i32 = -32_603;
/// Method not found (the same).
const METHOD_NOT_FOUND: i32 = -32_601;

impl Failure {
    /// A failure of the application: any code outside -32768 to -32000, which are the protocols' own.
    pub fn new(code: i32, message: &str) -> Self {
        Self { code, message: message.to_owned(), data: None }
    }

    /// The same with more for programs to read. JSON-RPC sends it as the error's `data`; XML-RPC has no place for it.
    #[must_use]
    pub fn with<T: Serialize + ?Sized>(mut self, data: &T) -> Self {
        self.data = serde_json::to_string(data).ok();
        self
    }

    /// -32602: an argument is not what the method takes. `param` is its name, `expected` and `found` say what it should be
    /// and is.
    pub fn invalid_argument(param: &str, expected: &str, found: &str) -> Self {
        Self::new(INVALID_PARAMS, "Invalid params")
            .with(&json!({"param": param, "expected": expected, "found": found}))
    }

    /// -32602 about all arguments together.
    pub fn invalid_params(expected: &str, found: &str) -> Self {
        Self::new(INVALID_PARAMS, "Invalid params").with(&json!({"expected": expected, "found": found}))
    }

    /// -32601: there is no such method. The host answers that itself; this is for plugins that dispatch on their own.
    pub fn method_not_found(method: &str) -> Self {
        Self::new(METHOD_NOT_FOUND, "Method not found").with(&json!({"method": method}))
    }

    /// -32603: it is not the caller's doing. The cause goes to nobody: log it, or use `From` where there is one.
    pub fn internal(_cause: &dyn std::error::Error) -> Self {
        Self::new(INTERNAL_ERROR, "Internal error")
    }
}

/// The caller learns that the store failed, the log why.
impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::TooLarge(text) => {
                Self::new(INVALID_PARAMS, "Invalid params").with(&json!({"detail": text}))
            }
            other => {
                crate::log::error("store", &other.to_string());
                Self::internal(&other)
            }
        }
    }
}
