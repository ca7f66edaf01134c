//! The text of an answer.

use super::super::json;
use super::super::service::Fault;
use super::message::NO_ID;

/// The answer to a call that has a result. Both are JSON text that has been checked.
pub(super) fn result_reply(result: &str, id: &str) -> String {
    const BEFORE: &str = r#"{"jsonrpc":"2.0","result":"#;
    const BETWEEN: &str = r#","id":"#;
    let mut out = String::with_capacity(BEFORE.len() + result.len() + BETWEEN.len() + id.len() + 1);
    out.push_str(BEFORE);
    out.push_str(result);
    out.push_str(BETWEEN);
    out.push_str(id);
    out.push('}');
    out
}

/// The answer that says what went wrong. `id` is JSON text.
pub(super) fn error_reply(fault: &Fault, id: &str) -> String {
    let mut out = format!(r#"{{"jsonrpc":"2.0","error":{{"code":{},"message":"#, fault.code);
    json::push_string(&mut out, &fault.message);
    if let Some(data) = &fault.data {
        out.push_str(r#","data":"#);
        out.push_str(data);
    } else if let Some(detail) = &fault.detail {
        out.push_str(r#","data":"#);
        json::push_string(&mut out, detail);
    } else if let Some(request_id) = &fault.request_id {
        out.push_str(&format!(r#","data":{{"requestId":"{request_id}"}}"#));
    }
    out.push_str(r#"},"id":"#);
    out.push_str(id);
    out.push('}');
    out
}

/// The answer to a request that was refused before it was read.
pub(in crate::protocol::rpc) fn refusal(fault: &Fault) -> String {
    error_reply(fault, NO_ID)
}
