//! JSON-RPC 2.0: from the bytes of a message to the text of its answer.
//!
//! Owns the specification's rules on requests, notifications, batches and errors. Refuses to know how the bytes travel: the
//! same function serves HTTP and WebSocket, and whatever else carries whole messages.
//!
//! Where the specification is silent or lenient:
//! - an id is kept as it was written, whatever its size or fraction; null is an id, and only a request without one is a
//!   notification. A notification is carried out and never answered, not even when it fails (section 4.1); what is not a valid
//!   request at all is answered with a null id (section 4.2's examples);
//! - a member of the request that is named twice makes it invalid, because two readers of the same bytes would take it for two
//!   different calls. Inside `params` this is the plugin's to decide;
//! - `"params": null` counts as no params, since many clients write an empty field so; any other scalar is invalid;
//! - the calls of a batch run side by side ([`super::batch`]) and are answered in the order they were sent.

mod message;
mod reply;
#[cfg(test)]
mod tests;

use self::message::{Call, Entry, Message, NO_ID};
pub(super) use self::reply::refusal;
use self::reply::{error_reply, result_reply};
use super::batch::Batch;
use super::introspection::{self, DISCOVER, Dialect};
use super::json;
use super::openrpc::Document;
use super::service::{Caller, Fault, Service};

/// Answers one message; none when nothing in it is to be answered.
pub(super) async fn answer<C: Caller>(
    service: &Service<'_, C>,
    contract: &Document,
    body: &[u8],
) -> Option<String> {
    let depth_max = service.limits.json_depth_max;
    let read = json::text(body).and_then(|text| message::read(text, depth_max, service.batch_calls_max()));
    match read {
        Err(error) => Some(error_reply(&message::parse_error(error, depth_max), NO_ID)),
        Ok(Message::Refused(fault)) => Some(error_reply(&fault, NO_ID)),
        Ok(Message::Single(entry)) => answer_entry(service, contract, None, entry).await,
        // Boxed, because most messages are single calls, and this would be a part of the future of every one of them.
        Ok(Message::Batch(entries)) => Box::pin(answer_batch(service, contract, entries)).await,
    }
}

async fn answer_batch<C: Caller>(
    service: &Service<'_, C>,
    contract: &Document,
    entries: Vec<Entry<'_>>,
) -> Option<String> {
    let batch = &Batch::of(service.limits);
    let replies = batch.run(entries, |entry| answer_entry(service, contract, Some(batch), entry)).await;
    let capacity = replies.iter().flatten().map(|reply| reply.len() + 1).sum::<usize>() + 1;
    let mut out = String::with_capacity(capacity);
    for reply in replies.into_iter().flatten() {
        out.push(if out.is_empty() { '[' } else { ',' });
        out.push_str(&reply);
    }
    if out.is_empty() {
        return None;
    }
    out.push(']');
    Some(out)
}

async fn answer_entry<C: Caller>(
    service: &Service<'_, C>,
    contract: &Document,
    batch: Option<&Batch>,
    entry: Entry<'_>,
) -> Option<String> {
    let call = match entry {
        Entry::Call(call) => call,
        Entry::Invalid { id, fault } => return Some(error_reply(&fault, id)),
    };
    let outcome = match batch.map(|batch| batch.may_begin(service)) {
        Some(Err(fault)) => Err(fault),
        Some(Ok(())) | None => carry_out(service, contract, &call).await,
    };
    let id = call.id?;
    // A single call's answer is bounded by itself.
    let take = |length: usize| batch.map_or(Ok(()), |batch| batch.take(length));
    let reply = outcome
        .and_then(|result| {
            let depth_max = service.limits.json_depth_max;
            let checked = json::document(&result, depth_max)
                .map_err(|error| service.answer_invalid(&call.method, &format!("is not JSON: {error}")))?;
            take(checked.len())?;
            Ok(result_reply(checked, id))
        })
        .or_else(|fault| {
            take(fault.length())?;
            Ok(error_reply(&fault, id))
        });
    Some(reply.unwrap_or_else(|fault: Fault| error_reply(&fault, id)))
}

async fn carry_out<C: Caller>(
    service: &Service<'_, C>,
    contract: &Document,
    call: &Call<'_>,
) -> Result<String, Fault> {
    if call.method == DISCOVER {
        return introspection::no_argument(call.params).map(|()| contract.at(&(service.address)()));
    }
    match introspection::answer(service.methods, Dialect::Json, &call.method, call.params) {
        Some(answer) => answer,
        None => service.call(&call.method, call.params).await,
    }
}
