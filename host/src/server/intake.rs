//! What is read from a connection, on its way to hyper.
//!
//! Owns the bytes between the socket and hyper, and what becomes of those that are not HTTP. hyper is given whole heads only,
//! and only ones that [`Framing`] has passed. In the place of a head that was refused it is given a stand-in, an ordinary
//! request that is known by its number and is answered with the refusal: so the refusal takes its turn behind the
//! answers to the requests before it, is written by the one who writes those, and is in the access log. A body
//! whose framing is broken ends in a read error, which is what its reader makes a 400 of.
//!
//! A client may close its side behind its last request and is still owed the answer (RFC 9112 section 9.6), as tools at the end of a
//! pipe do. hyper would drop the call at once, or never look again; so the end is kept from it while it answers, and `stall` ends
//! the connection if that takes long: a client that has gone altogether looks the same until it is written to.
//!
//! A head that came whole, as nearly all do, is looked at where it lies in hyper's buffer and is not copied.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::frames::Frames;
use super::framing::{Framing, Rest};
use super::stall::{Watch, Watched};
use crate::failure::Failure;
use crate::limits::HostLimits;

/// What hyper reads in the place of a head that is refused.
const STAND_IN: &[u8] = b"GET / HTTP/1.1\r\nHost: -\r\nConnection: close\r\n\r\n";

/// A connection's socket, of which only what is HTTP can be read.
#[derive(Debug)]
pub(super) struct Intake<S> {
    io: Watched<S>,
    watch: Arc<Watch>,
    /// None while the protocol is not known, and when it is not HTTP/1.1.
    framing: Option<Framing>,
    /// When it is HTTP/2.
    frames: Option<Frames>,
    /// What was read and not passed on yet. Bounded by `header_bytes_max` and one read.
    held: BytesMut,
    /// So much of it may be passed on.
    cleared: usize,
    end: End,
    /// The peer has closed its side.
    closed: bool,
    /// Something was written and is not known to be gone.
    unflushed: bool,
    /// Reading goes on when the answer is out, which nobody else will say.
    waits_for_answer: bool,
}

/// What comes when there is nothing more to pass on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// What the socket says.
    None,
    /// Nothing: the stand-in was the last request.
    Refused,
    /// An error: the body is not framed as it should be.
    Broken,
    /// Nothing, until it is known whether the connection leaves HTTP.
    Offered,
}

impl<S> Intake<S> {
    /// All bytes are passed on as they come, until [`Intake::follow`].
    pub(super) fn new(io: Watched<S>, watch: Arc<Watch>) -> Self {
        Self {
            io,
            watch,
            framing: None,
            frames: None,
            held: BytesMut::new(),
            cleared: 0,
            end: End::None,
            closed: false,
            unflushed: false,
            waits_for_answer: false,
        }
    }

    /// Puts back what was read.
    pub(super) fn rewind(&mut self, bytes: BytesMut) {
        self.held = bytes;
    }

    /// The connection is HTTP/1.1, from the first byte that was put back.
    pub(super) fn follow(&mut self, limits: &HostLimits) {
        self.framing = Some(Framing::new(limits));
        self.look_at_held();
    }

    /// The connection is HTTP/2, from the first byte that was put back.
    pub(super) fn count(&mut self) {
        self.frames = Some(Frames::new(self.watch.now_ms()));
    }

    fn look_at_held(&mut self) {
        let Some(framing) = &mut self.framing else { return };
        let step = framing.follow(&self.held);
        if !matches!(step.rest, Rest::Head | Rest::Unknown) {
            self.held.truncate(step.passed);
        }
        self.cleared = step.passed;
        self.note(step.rest);
    }

    fn note(&mut self, rest: Rest) {
        match rest {
            Rest::Nothing | Rest::Head => {}
            Rest::Unknown => self.end = End::Offered,
            Rest::Refused(failure) => self.refuse(failure),
            Rest::Broken => self.end = End::Broken,
        }
    }

    /// Whoever is not to be read any more is answered in turn.
    fn refuse(&mut self, failure: Failure) {
        let Some(framing) = &self.framing else { return };
        self.watch.refuse(framing.heads().saturating_add(1), failure);
        self.held.truncate(self.cleared);
        self.held.extend_from_slice(STAND_IN);
        self.cleared = self.held.len();
        self.end = End::Refused;
    }

    fn note_sent(&mut self, bytes: usize) {
        if let Some(frames) = &mut self.frames {
            frames.sent(bytes);
        }
    }

    /// Passes on what is held.
    fn pass_held(&mut self, length: usize, buffer: &mut ReadBuf<'_>) {
        let length = length.min(buffer.remaining());
        buffer.put_slice(self.held.get(..length).unwrap_or_default());
        self.held.advance(length);
        self.cleared = self.cleared.saturating_sub(length);
        if self.held.is_empty() {
            // An idle connection keeps no buffer.
            self.held = BytesMut::new();
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Intake<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        // Each turn returns, or reads from the socket, or comes nearer to the end of what is held.
        loop {
            let Some(framing) = &mut this.framing else {
                if this.held.is_empty() {
                    ready!(Pin::new(&mut this.io).poll_read(context, buffer))?;
                } else {
                    this.pass_held(this.held.len(), buffer);
                }
                let read = buffer.filled().get(before..).unwrap_or_default();
                if let Some(frames) = &mut this.frames
                    && !frames.follow(read, this.watch.now_ms())
                {
                    return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
                }
                return Poll::Ready(Ok(()));
            };
            if this.cleared > 0 {
                this.pass_held(this.cleared, buffer);
                return Poll::Ready(Ok(()));
            }
            match this.end {
                End::None if framing.is_in_head() && this.watch.is_late() => {
                    this.refuse(Failure::HeadTimeout);
                    continue;
                }
                End::None if framing.is_in_head() && this.closed => {
                    this.refuse(Failure::BadRequest("The connection ended in the middle of the head."));
                    continue;
                }
                End::None if this.closed => {
                    if !framing.is_in_body() && (this.unflushed || !this.watch.has_answered(framing.heads()))
                    {
                        this.watch.half_close();
                        this.waits_for_answer = true;
                        return Poll::Pending;
                    }
                    return Poll::Ready(Ok(()));
                }
                End::None => {}
                End::Refused => return Poll::Pending,
                End::Broken => return Poll::Ready(Err(io::ErrorKind::InvalidData.into())),
                End::Offered if this.watch.is_upgraded() => {
                    this.framing = None;
                    continue;
                }
                End::Offered if this.watch.has_answered(framing.heads()) => {
                    framing.stay();
                    this.end = End::None;
                    this.look_at_held();
                    continue;
                }
                End::Offered if this.closed || !this.held.is_empty() => {
                    if this.closed {
                        this.watch.half_close();
                    }
                    this.waits_for_answer = true;
                    return Poll::Pending;
                }
                End::Offered => {}
            }
            if framing.is_in_head() {
                // Also one that began to arrive behind the request before it.
                this.watch.note_read();
            }
            ready!(Pin::new(&mut this.io).poll_read(context, buffer))?;
            let read = buffer.filled().get(before..).unwrap_or_default();
            if read.is_empty() {
                this.closed = true;
            } else if this.end == End::Offered {
                this.held.extend_from_slice(read);
                buffer.set_filled(before);
            } else if this.held.is_empty() {
                let step = framing.follow(read);
                if matches!(step.rest, Rest::Head | Rest::Unknown) {
                    this.held.extend_from_slice(read.get(step.passed..).unwrap_or_default());
                }
                buffer.set_filled(before.saturating_add(step.passed));
                this.note(step.rest);
                if step.passed > 0 {
                    return Poll::Ready(Ok(()));
                }
            } else {
                this.held.extend_from_slice(read);
                buffer.set_filled(before);
                this.look_at_held();
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Intake<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.unflushed = true;
        let written = ready!(Pin::new(&mut self.io).poll_write(context, bytes))?;
        self.note_sent(written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.unflushed = true;
        let written = ready!(Pin::new(&mut self.io).poll_write_vectored(context, slices))?;
        self.note_sent(written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper flushes the socket when it has written all there is.
        ready!(Pin::new(&mut self.io).poll_flush(context))?;
        self.unflushed = false;
        if self.waits_for_answer
            && self.framing.as_ref().is_none_or(|framing| self.watch.has_answered(framing.heads()))
        {
            self.waits_for_answer = false;
            context.waker().wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
