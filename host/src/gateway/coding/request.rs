//! Coded request bodies.
//!
//! Owns `Content-Encoding` of requests and the body that reads as if there were none. A body is decoded when it is read, that
//! is after the caller, its rights and the media type have been checked.

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use http_body::Frame;
use tokio::sync::Semaphore;

use super::Coding;
use super::decoder::{self, Unpacker};
use crate::exchange::{Body, LocalFuture, ReadBody};
use crate::failure::Failure;
use crate::limits::{CODING_SLICE_BYTES, CODINGS_MAX};

/// What is read, for the client whose coding is not (RFC 7694, section 3).
const READ: &str = "gzip, br, zstd, deflate";
const READ_NONE: &str = "identity";

/// The codings of a body in the order in which they were applied. `identity` is none.
///
/// # Errors
/// [`Failure::CodingUnsupported`] when one is not known, when there are too many, and for any at all where none is read.
pub(super) fn codings(headers: &HeaderMap, enabled: bool) -> Result<Vec<Coding>, Failure> {
    let unsupported = || Failure::CodingUnsupported { accept: if enabled { READ } else { READ_NONE } };
    let mut codings = Vec::new();
    for value in headers.get_all(CONTENT_ENCODING) {
        let text = value.to_str().map_err(|_| unsupported())?;
        let names = text.split(',').map(|name| name.trim_matches([' ', '\t']));
        for name in names.filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity")) {
            let coding = Coding::named(name).filter(|_| enabled && codings.len() < CODINGS_MAX);
            codings.push(coding.ok_or_else(unsupported)?);
        }
    }
    Ok(codings)
}

/// The body without its codings.
pub(super) fn decoded(body: Body, codings: Vec<Coding>, decoders: Arc<Semaphore>) -> Body {
    if body.is_absent() {
        return body;
    }
    Body::new(Box::new(Coded { body, codings, decoders, pieces: None }))
}

struct Coded {
    body: Body,
    codings: Vec<Coding>,
    /// Bounds the windows that are held for bodies that are read whole. One that is read piece by piece holds an instance
    /// meanwhile, which is bounded, too.
    decoders: Arc<Semaphore>,
    /// The way of a body that is read piece by piece.
    pieces: Option<Body>,
}

impl Coded {
    async fn read_whole(&mut self, bytes_max: u64) -> Result<Bytes, Failure> {
        // No coding makes a body much longer, so that the limit holds for what comes in, too.
        let mut body = self.body.read(bytes_max).await?;
        let wire_bytes = body.len() as u64;
        if wire_bytes == 0 {
            return Ok(body);
        }
        let _permit = self.decoders.acquire().await.map_err(|_| Failure::ShuttingDown)?;
        for coding in self.codings.iter().rev() {
            body = decoder::decode(&body, *coding, wire_bytes, bytes_max).await?;
        }
        Ok(body)
    }

    /// The body as it comes, behind one more reader for each coding.
    fn pieces(&mut self) -> &mut Body {
        let Self { body, codings, pieces, .. } = self;
        pieces.get_or_insert_with(|| {
            let wire_bytes = Rc::new(Cell::new(0));
            let nothing = Body::absent();
            let wire = Wire { body: std::mem::replace(body, nothing), bytes: Rc::clone(&wire_bytes) };
            codings.iter().rev().fold(Body::new(Box::new(wire)), |body, coding| {
                let wire_bytes = Rc::clone(&wire_bytes);
                Body::new(Box::new(Pieces {
                    body,
                    coding: *coding,
                    wire_bytes,
                    unpacker: None,
                    rest: Bytes::new(),
                    may_hold_back: false,
                }))
            })
        })
    }
}

impl ReadBody for Coded {
    fn read(&mut self, bytes_max: u64) -> LocalFuture<'_, Result<Bytes, Failure>> {
        Box::pin(self.read_whole(bytes_max))
    }

    fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
        bytes_max: u64,
    ) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        self.pieces().poll_frame(context, bytes_max)
    }

    fn is_absent(&self) -> bool {
        self.pieces.as_ref().unwrap_or(&self.body).is_absent()
    }
}

/// The body as it comes, counted.
struct Wire {
    body: Body,
    bytes: Rc<Cell<u64>>,
}

impl ReadBody for Wire {
    fn read(&mut self, bytes_max: u64) -> LocalFuture<'_, Result<Bytes, Failure>> {
        Box::pin(self.body.read(bytes_max))
    }

    fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
        bytes_max: u64,
    ) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        let polled = self.body.poll_frame(context, bytes_max);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            let length = frame.data_ref().map_or(0, Bytes::len) as u64;
            self.bytes.set(self.bytes.get().saturating_add(length));
        }
        polled
    }

    fn is_absent(&self) -> bool {
        self.body.is_absent()
    }
}

/// A body out of one coding, a slice at a time.
struct Pieces {
    body: Body,
    coding: Coding,
    /// What has come in before any coding was taken off.
    wire_bytes: Rc<Cell<u64>>,
    /// Made when there is something for it.
    unpacker: Option<Unpacker>,
    /// What has come and is not yet unpacked.
    rest: Bytes,
    /// The last step filled its room, so that there may be more where that came from.
    may_hold_back: bool,
}

impl Pieces {
    /// Unpacks until something comes out, or all of it has gone in.
    fn unpack(&mut self, bytes_max: u64) -> Result<Bytes, Failure> {
        let unpacker = match &mut self.unpacker {
            Some(unpacker) => unpacker,
            none => none.insert(Unpacker::new(self.coding)?),
        };
        while !self.rest.is_empty() || self.may_hold_back {
            let mut room = vec![0; CODING_SLICE_BYTES];
            let step = unpacker.step(&self.rest, &mut room, self.wire_bytes.get(), bytes_max)?;
            self.may_hold_back = step.given == CODING_SLICE_BYTES;
            if step.taken == 0 && step.given == 0 && !self.rest.is_empty() {
                return Err(Failure::BodyMiscoded);
            }
            self.rest.advance(step.taken);
            if step.given > 0 {
                room.truncate(step.given);
                return Ok(room.into());
            }
        }
        Ok(Bytes::new())
    }

    fn next(
        &mut self,
        context: &mut Context<'_>,
        bytes_max: u64,
    ) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        loop {
            if !self.rest.is_empty() || self.may_hold_back {
                let plain = self.unpack(bytes_max)?;
                if !plain.is_empty() {
                    return Poll::Ready(Some(Ok(Frame::data(plain))));
                }
            }
            match std::task::ready!(self.body.poll_frame(context, bytes_max)?) {
                Some(frame) if frame.is_data() => self.rest = frame.into_data().unwrap_or_default(),
                end => {
                    if self.unpacker.as_ref().is_some_and(|unpacker| !unpacker.is_complete()) {
                        return Poll::Ready(Some(Err(Failure::BodyMiscoded)));
                    }
                    return Poll::Ready(end.map(Ok));
                }
            }
        }
    }
}

impl ReadBody for Pieces {
    fn read(&mut self, bytes_max: u64) -> LocalFuture<'_, Result<Bytes, Failure>> {
        Box::pin(async move {
            let mut whole = Vec::new();
            while let Some(frame) = poll_fn(|context| self.next(context, bytes_max)).await {
                whole.extend_from_slice(&frame?.into_data().unwrap_or_default());
                tokio::task::yield_now().await;
            }
            Ok(whole.into())
        })
    }

    fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
        bytes_max: u64,
    ) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        self.next(context, bytes_max)
    }

    fn is_absent(&self) -> bool {
        self.body.is_absent() && self.rest.is_empty()
    }
}
