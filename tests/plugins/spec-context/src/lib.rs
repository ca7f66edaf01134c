//! Answers what the host tells a plugin of the call in progress, as JSON: who is calling, under which request id, how long
//! is left, where it is mounted; and the fields that reached it, so that a test sees which ones did not. Apart from
//! `spec-rest`, which imports nothing.

use guesthouse_sdk::rest::{Request, Response};
use guesthouse_sdk::{context, json};

#[guesthouse_sdk::rest(pure)]
fn handle(request: Request) -> Response {
    let caller = context::caller().map(|caller| {
        json!({
            "subject": caller.subject,
            "scheme": caller.scheme,
            "scopes": caller.scopes,
            "claims": caller.claims(),
        })
    });
    Response::json(
        200,
        &json!({
            "caller": caller,
            "request_id": context::request_id(),
            "remaining_ms": context::remaining_ms(),
            "mount": context::mount(),
            "headers": request.headers,
        }),
    )
}
