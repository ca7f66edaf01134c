//! Says hello. The smallest REST plugin, so that a benchmark measures the host and not the guest.

use guesthouse_sdk::rest::{Request, Response};

#[guesthouse_sdk::rest(pure)]
fn handle(_request: Request) -> Response {
    Response::with_body(200, "text/plain; charset=utf-8", b"Hello, world!\n".to_vec())
}
