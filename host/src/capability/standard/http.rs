//! `wasi:http` 0.2 for a component that answers requests.
//!
//! Owns the resources of one exchange: a request is put into the call's table, and what the guest answers comes back through
//! a function, head first, while the guest goes on. Nothing goes out: a request of the guest's own is refused, in `wasi:http`'s own
//! words. Refuses to know where requests come from and what may stand in an answer.
//!
//! The resources themselves are wasmtime's. Its defaults are not relied on: every buffer is set here, and what a guest writes
//! is held in at most [`STREAM_CHUNKS_MAX`] pieces of [`STREAM_CHUNK_BYTES_MAX`] until somebody takes it.

use bytes::Bytes;
use http::HeaderName;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Scheme};
use wasmtime_wasi_http::p2::bindings::{LinkOptions, http::outgoing_handler, http::types};
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;
use wasmtime_wasi_http::p2::types::{HostIncomingRequest, HostResponseOutparam};
use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, Error, RequestOptions, WasiBody, WasiHttp, WasiHttpCtx, WasiHttpCtxView,
    WasiHttpHooks,
};

use super::Standard;
use crate::capability::{CallState, HasCallState};
use crate::limits::{STREAM_CHUNK_BYTES_MAX, STREAM_CHUNKS_MAX};

/// A request, in the guest's hands.
pub type Request = Resource<HostIncomingRequest>;
/// Where the guest puts its answer.
pub type Outparam = Resource<HostResponseOutparam>;
/// What the guest puts there: a head and a body that is still being made, or its word for why there is none.
pub type Answer = Result<http::Response<HyperOutgoingBody>, ErrorCode>;
/// What a guest is told when the body of its request cannot be read to its end.
pub type RequestError = Error;

/// The state of one call.
#[derive(Debug)]
pub(super) struct Http {
    context: WasiHttpCtx,
    hooks: Hooks,
}

impl Http {
    pub(super) fn new(field_bytes_max: usize) -> Self {
        let mut context = WasiHttpCtx::new();
        context.set_field_size_limit(field_bytes_max);
        Self { context, hooks: Hooks }
    }
}

/// What is the host's to decide.
#[derive(Debug)]
struct Hooks;

impl WasiHttpHooks for Hooks {
    fn is_forbidden_header(&mut self, name: &HeaderName) -> bool {
        DEFAULT_FORBIDDEN_HEADERS.contains(name)
    }

    fn send_request(
        &mut self,
        _: http::Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Sent, Error>> + Send> {
        Box::new(std::future::ready(Err(Error::HttpRequestDenied)))
    }

    fn p2_outgoing_body_buffer_chunks(&mut self) -> usize {
        STREAM_CHUNKS_MAX
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        STREAM_CHUNK_BYTES_MAX
    }
}

/// What a sent request would come to.
type Sent = (http::Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

/// Puts a request into a call's hands. `answer` is called at most once, in the middle of the call.
///
/// # Errors
/// When the call's table is full, or the request has no authority.
pub fn exchange<B>(
    call: &mut CallState,
    secure: bool,
    request: http::Request<B>,
    answer: impl FnOnce(Answer) + Send + Sync + 'static,
) -> wasmtime::Result<(Request, Outparam)>
where
    B: http_body::Body<Data = Bytes, Error = RequestError> + Send + 'static,
{
    let mut view = view(Standard::of_call(call));
    let scheme = if secure { Scheme::Https } else { Scheme::Http };
    let request = view.new_incoming_request(scheme, request)?;
    Ok((request, view.new_response_outparam_from_callback(answer)?))
}

fn view(standard: &mut Standard) -> WasiHttpCtxView<'_> {
    let Standard { table, http: Http { context, hooks }, .. } = standard;
    WasiHttpCtxView { hooks, table, ctx: context }
}

fn of<T: HasCallState>(data: &mut T) -> WasiHttpCtxView<'_> {
    view(Standard::of(data))
}

pub(super) fn link_types<T: HasCallState>(l: &mut Linker<T>) -> wasmtime::Result<()> {
    types::add_to_linker::<T, WasiHttp>(l, &(&LinkOptions::default()).into(), of)
}

pub(super) fn link_outgoing_handler<T: HasCallState>(l: &mut Linker<T>) -> wasmtime::Result<()> {
    outgoing_handler::add_to_linker::<T, WasiHttp>(l, of)
}
