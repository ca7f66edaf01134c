//! Slow peers: what each connection is waiting for, since when, and when that is too long.
//!
//! Owns the phases of a connection and the sweep that ends the ones past their deadline. Every read and write notes its time
//! from the worker's coarse clock, and one sweep per worker looks at all connections a few times a second: cheaper than a
//! timer per request, and it also sees what hyper has no timer for (the wait for the first byte, a peer that does not read).
//! While a request is being handled the peer is waiting for us, so nothing here counts then but whether it is still there; bodies
//! have their own limits in `body`.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::admission::Permit;
use super::clock::Clock;
use crate::failure::Failure;
use crate::limits::{
    CLOSE_WAIT_MS_MAX, HALF_CLOSED_MS_MAX, HostLimits, LINGER_BYTES_MAX, LINGER_MS_MAX, STALL_SWEEP_MS,
};

/// What a connection is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Phase {
    /// The peer has sent nothing yet.
    FirstByte = 0,
    /// The peer is in the middle of a head.
    Head = 1,
    /// Between two requests.
    Idle = 2,
    /// A request is being handled: it is our turn.
    Busy = 3,
    /// Answered and closed for writing; the rest of what the peer sends is thrown away.
    Linger = 4,
    /// No longer HTTP; whoever took it over has its own limits.
    Upgraded = 5,
}

/// What a connection has been told to do. Each includes the ones before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Order {
    /// Nothing.
    GoOn = 0,
    /// Take nothing new (HTTP/2: GOAWAY); the next answer closes the connection (HTTP/1.1).
    Finish = 1,
    /// Close when idle, else after the current answer.
    Close = 2,
    /// End at once.
    Cut = 3,
}

/// The requests of an HTTP/2 connection that are being handled (`u64::MAX`) or whose answer the peer has not taken yet (the
/// time of its last progress). Zero is a free place. Places are bounded by the number of concurrent streams.
type Answers = Mutex<Vec<u64>>;

/// What is known of one connection. Shared by its socket, its task and the sweep.
#[derive(Debug)]
pub(super) struct Watch {
    clock: Arc<Clock>,
    phase: AtomicU8,
    /// When the phase began. Between requests, the last write.
    since_ms: AtomicU64,
    /// When a write first found the socket full, or the last time it was not; zero when nothing waits to be written.
    blocked_ms: AtomicU64,
    order: AtomicU8,
    /// Whether it is HTTP/2.
    multiplexed: AtomicBool,
    /// Requests that have come.
    requests: AtomicU64,
    /// Whether a head that is too slow can be answered, and has to be.
    can_be_late: AtomicBool,
    late: AtomicBool,
    /// When the peer closed its side while it was owed an answer; zero if it has not.
    half_closed_ms: AtomicU64,
    /// Which request is one that is to be refused; zero when there is none.
    refused: AtomicU64,
    refusal: Mutex<Option<Failure>>,
    answers: Answers,
    /// Whether the peer may still be sending what nobody will read.
    unread: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Watch {
    pub(super) fn new(clock: Arc<Clock>) -> Arc<Self> {
        let since_ms = AtomicU64::new(clock.now_ms());
        Arc::new(Self {
            clock,
            phase: AtomicU8::new(Phase::FirstByte as u8),
            since_ms,
            blocked_ms: AtomicU64::new(0),
            order: AtomicU8::new(Order::GoOn as u8),
            multiplexed: AtomicBool::new(false),
            requests: AtomicU64::new(0),
            can_be_late: AtomicBool::new(false),
            late: AtomicBool::new(false),
            half_closed_ms: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            refusal: Mutex::default(),
            answers: Mutex::default(),
            unread: AtomicBool::new(false),
            waker: Mutex::default(),
        })
    }

    fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::FirstByte,
            1 => Phase::Head,
            2 => Phase::Idle,
            3 => Phase::Busy,
            4 => Phase::Linger,
            _ => Phase::Upgraded,
        }
    }

    fn enter(&self, phase: Phase) {
        self.since_ms.store(self.clock.now_ms(), Ordering::Relaxed);
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// A request has come and is being handled. Which one of the connection it is, from 1.
    pub(super) fn begin_request(&self) -> u64 {
        self.phase.store(Phase::Busy as u8, Ordering::Relaxed);
        self.late.store(false, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }

    /// Whether so many requests have come and all of them are answered.
    pub(super) fn has_answered(&self, requests: u64) -> bool {
        !self.is_busy() && self.requests.load(Ordering::Relaxed) == requests
    }

    /// The worker's coarse time, in milliseconds.
    pub(super) fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    /// Whether a request is being handled.
    pub(super) fn is_busy(&self) -> bool {
        self.phase() == Phase::Busy
    }

    /// The peer has closed its side, and is owed an answer.
    pub(super) fn half_close(&self) {
        if self.half_closed_ms.load(Ordering::Relaxed) == 0 {
            self.half_closed_ms.store(self.clock.now_ms(), Ordering::Relaxed);
        }
    }

    /// The request of this number is to be refused. It is the last.
    pub(super) fn refuse(&self, number: u64, failure: Failure) {
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
        self.refused.store(number, Ordering::Relaxed);
    }

    /// Why the request of this number is refused, if it is.
    pub(super) fn refusal(&self, number: u64) -> Option<Failure> {
        if self.refused.load(Ordering::Relaxed) != number {
            return None;
        }
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The connection is HTTP/1.1: a head that comes too slowly can be answered.
    pub(super) fn answer_late_heads(&self) {
        self.can_be_late.store(true, Ordering::Relaxed);
    }

    /// Whether a head has begun and should have been complete by now.
    pub(super) fn is_late(&self) -> bool {
        self.late.load(Ordering::Relaxed) && self.phase() == Phase::Head
    }

    fn be_late(&self) {
        if !self.late.swap(true, Ordering::Relaxed) {
            self.wake();
        }
    }

    /// It is answered. The next bytes are those of another.
    pub(super) fn end_request(&self) {
        self.enter(Phase::Idle);
    }

    /// The connection has left HTTP.
    pub(super) fn upgrade(&self) {
        self.enter(Phase::Upgraded);
    }

    /// Whether it has.
    pub(super) fn is_upgraded(&self) -> bool {
        self.phase() == Phase::Upgraded
    }

    /// The connection is HTTP/2: requests overlap, and bytes are no sign of one. What still has to come of its beginning
    /// counts as a head.
    pub(super) fn multiplex(&self) {
        self.multiplexed.store(true, Ordering::Relaxed);
    }

    /// Whether the connection is HTTP/2.
    pub(super) fn is_multiplexed(&self) -> bool {
        self.multiplexed.load(Ordering::Relaxed)
    }

    /// Whether a head has begun to arrive.
    pub(super) fn is_in_head(&self) -> bool {
        self.phase() == Phase::Head
    }

    /// The peer may go on sending something that is not going to be read.
    pub(super) fn leave_unread(&self) {
        self.unread.store(true, Ordering::Relaxed);
    }

    /// What the connection has been told to do.
    pub(super) fn order(&self) -> Order {
        match self.order.load(Ordering::Relaxed) {
            0 => Order::GoOn,
            1 => Order::Finish,
            2 => Order::Close,
            _ => Order::Cut,
        }
    }

    /// Tells the connection's task what to do, unless it has been told more already.
    pub(super) fn tell(&self, order: Order) {
        if self.order() >= order {
            return;
        }
        self.order.store(order as u8, Ordering::Relaxed);
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = &*self.waker.lock().unwrap_or_else(PoisonError::into_inner) {
            waker.wake_by_ref();
        }
    }

    /// Whom to wake when the connection is told something. A task has one waker for all its life.
    pub(super) fn wakes(&self, waker: &Waker) {
        *self.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(waker.clone());
    }

    /// Bytes of a head have come.
    pub(super) fn note_read(&self) {
        if matches!(self.phase(), Phase::FirstByte | Phase::Idle) && !self.multiplexed.load(Ordering::Relaxed)
        {
            self.enter(Phase::Head);
        }
    }

    fn note_write(&self, done: bool) {
        if done {
            self.blocked_ms.store(0, Ordering::Relaxed);
            // PING answers are writes, too: on HTTP/2 they must not keep an idle connection alive.
            if self.phase() == Phase::Idle && !self.multiplexed.load(Ordering::Relaxed) {
                self.since_ms.store(self.clock.now_ms(), Ordering::Relaxed);
            }
        } else if self.blocked_ms.load(Ordering::Relaxed) == 0 {
            self.blocked_ms.store(self.clock.now_ms(), Ordering::Relaxed);
        }
    }

    /// What the connection is to be told now.
    fn verdict(&self, now_ms: u64, limits: &HostLimits) -> Order {
        // The clock is up to one sweep behind when a time is noted.
        let past = |since_ms: u64, limit_ms: u64| {
            now_ms.saturating_sub(since_ms) > limit_ms.saturating_add(STALL_SWEEP_MS)
        };
        let blocked_ms = self.blocked_ms.load(Ordering::Relaxed);
        if blocked_ms != 0 && self.phase() != Phase::Upgraded {
            return if past(blocked_ms, limits.write_stall_ms_max) { Order::Cut } else { Order::GoOn };
        }
        if self.multiplexed.load(Ordering::Relaxed) && self.phase() != Phase::Linger {
            let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            if answers.iter().any(|&at| at != 0 && at != u64::MAX && past(at, limits.write_stall_ms_max)) {
                return Order::Cut;
            }
        }
        let since_ms = self.since_ms.load(Ordering::Relaxed);
        let half_closed_ms = self.half_closed_ms.load(Ordering::Relaxed);
        match self.phase() {
            Phase::Busy if half_closed_ms != 0 && past(half_closed_ms, HALF_CLOSED_MS_MAX) => Order::Cut,
            Phase::FirstByte if past(since_ms, limits.first_byte_ms_max) => Order::Cut,
            Phase::Head
                if self.can_be_late.load(Ordering::Relaxed)
                    && past(since_ms, limits.header_ms_max)
                    && !past(since_ms, limits.header_ms_max.saturating_add(CLOSE_WAIT_MS_MAX)) =>
            {
                self.be_late();
                Order::GoOn
            }
            Phase::Head if past(since_ms, limits.header_ms_max) => Order::Cut,
            Phase::Linger if past(since_ms, LINGER_MS_MAX) => Order::Cut,
            Phase::Idle
                if past(since_ms, limits.keep_alive_idle_ms_max.saturating_add(CLOSE_WAIT_MS_MAX)) =>
            {
                Order::Cut
            }
            Phase::Idle if past(since_ms, limits.keep_alive_idle_ms_max) => Order::Close,
            _ => Order::GoOn,
        }
    }
}

/// One request of an HTTP/2 connection, from its head to the last of its answer that the peer has taken.
#[derive(Debug)]
pub(super) struct Stream {
    watch: Arc<Watch>,
    place: usize,
}

impl Stream {
    /// A request has come on this connection.
    pub(super) fn begin(watch: &Arc<Watch>) -> Self {
        let mut answers = watch.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let place = answers.iter().position(|&at| at == 0).unwrap_or(answers.len());
        match answers.get_mut(place) {
            Some(at) => *at = u64::MAX,
            None => answers.push(u64::MAX),
        }
        drop(answers);
        watch.begin_request();
        Self { watch: Arc::clone(watch), place }
    }

    /// The answer is ready, or the peer has taken a piece of it.
    pub(super) fn progress(&self) {
        self.note(self.watch.clock.now_ms());
    }

    /// The peer has taken all there is, and more is being made: it waits for us.
    pub(super) fn wait(&self) {
        self.note(u64::MAX);
    }

    fn note(&self, value: u64) {
        let mut answers = self.watch.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = answers.get_mut(self.place) {
            *at = value;
        }
        if value == 0 && answers.iter().all(|&at| at == 0) {
            drop(answers);
            self.watch.end_request();
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.note(0);
    }
}

/// A connection's socket, which notes when it moves and holds the connection's permit.
#[derive(Debug)]
pub(super) struct Watched<S> {
    stream: S,
    watch: Arc<Watch>,
    shut: bool,
    lingered_bytes: u64,
    /// Makes that closing the stream throws away what it has not sent.
    discard: fn(&S),
    _permit: Permit,
}

impl<S> Drop for Watched<S> {
    fn drop(&mut self) {
        // A peer that reads nothing would else keep its answer in the kernel's memory for as long as it likes.
        if self.watch.order() == Order::Cut && self.watch.blocked_ms.load(Ordering::Relaxed) != 0 {
            (self.discard)(&self.stream);
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Watched<S> {
    pub(super) fn new(stream: S, watch: Arc<Watch>, permit: Permit, discard: fn(&S)) -> Self {
        Self { stream, watch, shut: false, lingered_bytes: 0, discard, _permit: permit }
    }

    /// Throws away what still comes, up to the end or the bound.
    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let mut scratch = [0; 8 * 1024];
        while self.lingered_bytes < LINGER_BYTES_MAX {
            let mut buffer = ReadBuf::new(&mut scratch);
            std::task::ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
            match buffer.filled().len() {
                0 => break,
                length => self.lingered_bytes = self.lingered_bytes.saturating_add(length as u64),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.watch.note_read();
        }
        polled
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch.note_write(polled.is_ready());
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.watch.note_write(polled.is_ready());
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        if !self.shut {
            std::task::ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
            self.shut = true;
            // A head that hyper refused is one that never became a request.
            if self.watch.phase() == Phase::Head {
                self.watch.leave_unread();
            }
            if self.watch.unread.load(Ordering::Relaxed) {
                self.watch.enter(Phase::Linger);
            }
        }
        if self.watch.unread.load(Ordering::Relaxed) {
            return self.poll_linger(context);
        }
        Poll::Ready(Ok(()))
    }
}

/// All connections of one worker.
#[derive(Debug, Default)]
pub(super) struct Watches(Vec<Arc<Watch>>);

impl Watches {
    pub(super) fn add(&mut self, watch: Arc<Watch>) {
        self.0.push(watch);
    }

    /// Tells every connection that is past its deadline, and forgets those that have ended.
    pub(super) fn sweep(&mut self, now_ms: u64, limits: &HostLimits) {
        self.0.retain(|watch| {
            // The socket and the task hold it while there is a connection.
            if Arc::strong_count(watch) == 1 {
                return false;
            }
            watch.tell(watch.verdict(now_ms, limits));
            true
        });
    }

    /// Tells every connection the same.
    pub(super) fn tell(&self, order: Order) {
        for watch in &self.0 {
            watch.tell(order);
        }
    }
}
