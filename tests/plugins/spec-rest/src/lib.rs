//! Answers what it was sent, as JSON, so that a suite can see what arrives at a plugin. Without a contract, so the host
//! passes every method and path through.

use guesthouse_sdk::json;
use guesthouse_sdk::rest::{Problem, Request, Response};
use guesthouse_sdk::rpc::Bytes;

#[guesthouse_sdk::rest(pure)]
fn handle(request: Request) -> Result<Response, Problem> {
    if let Some(status) = request.path.strip_prefix("/status/") {
        // Any number that fits, also one that the host must refuse.
        let status = status.parse().map_err(|_| Problem::bad_request("`/status/{n}` takes 0 to 65535."))?;
        return Ok(Response::new(status));
    }
    if let Some(count) = request.path.strip_prefix("/bytes/") {
        // As many as are asked for: what is too much is for the host to say.
        let count = count.parse().map_err(|_| Problem::bad_request("`/bytes/{n}` takes a number."))?;
        return Ok(Response::with_body(200, "application/octet-stream", vec![b'x'; count]));
    }
    let body = match String::from_utf8(request.body) {
        Ok(text) => json!(text),
        Err(bytes) => json!(Bytes(bytes.into_bytes())),
    };
    Ok(Response::json(
        200,
        &json!({
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "headers": request.headers,
            "body": body,
        }),
    ))
}
