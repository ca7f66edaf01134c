//! One open socket: what is read, what is written, and when it ends.
//!
//! Owns the order of events on it and every wait. It holds no buffer while nothing is under way: bytes are read into one buffer
//! per worker thread and written from another, and only what is left over, a message in pieces or an answer that the peer
//! does not take, is kept by the connection. So ten thousand idle ones cost a few hundred bytes each.
//!
//! Why a codec of our own under it is argued in ARCHITECTURE.md.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::coop::poll_proceed;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::close::{Close, Code};
use super::decoder::{Decoder, Item, Rules, Violation};
use super::deflate::{Agreement, Deflation, Inflation};
use super::frame::{Opcode, write_head};
use super::handshake::Handshake;
use crate::capability::rooms::{Message as Outgoing, Outbox, Overflowed};
use crate::exchange::{Upgrade, Upgraded};
use crate::limits::{
    LINGER_BYTES_MAX, LINGER_MS_MAX, PluginLimits, WEBSOCKET_CLOSE_WAIT_MS_MAX,
    WEBSOCKET_COALESCED_BYTES_MAX, WEBSOCKET_CONTROL_BYTES_MAX, WEBSOCKET_READ_BUFFER_BYTES,
};

/// One whole message of the peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
}

/// What has happened on a socket.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// A message has come.
    Message(Message),
    /// The connection has ended, with the peer's code, [`Code::NONE`], [`Code::ABNORMAL`], or ours when the peer broke a rule.
    /// The last event.
    Ended(Code),
}

/// What a connection keeps to.
#[derive(Debug, Clone)]
pub struct Settings {
    message_bytes_max: u64,
    frame_bytes_max: u64,
    idle: Duration,
    deflate: Option<Agreement>,
    /// A smaller outgoing message is not compressed.
    deflate_bytes_min: u64,
    expires: Option<SystemTime>,
}

impl Settings {
    /// What was agreed on in the handshake, under the limits of a plugin's version.
    #[must_use]
    pub fn of(handshake: &Handshake, limits: &PluginLimits) -> Self {
        Self {
            deflate: handshake.deflate(),
            expires: handshake.expires(),
            deflate_bytes_min: limits.websocket_deflate_bytes_min,
            message_bytes_max: limits.websocket_message_bytes_max,
            frame_bytes_max: limits.websocket_frame_bytes_max.min(limits.websocket_message_bytes_max),
            idle: Duration::from_millis(limits.websocket_idle_ms_max),
        }
    }
}

/// A token that holds for longer holds for as long as the connection.
const EXPIRY_MAX: Duration = Duration::from_secs(365 * 24 * 3_600);

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// Our close frame is on its way or sent; the peer's is awaited, its messages are thrown away.
    Closing,
    /// Nothing more is read; what is left is to be sent, then the sending side is shut.
    Ending,
    /// All is sent that could be.
    Ended,
}

thread_local! {
    /// What a worker reads into. The codec takes from it in place.
    static INCOMING: RefCell<Vec<u8>> = RefCell::new(vec![0; WEBSOCKET_READ_BUFFER_BYTES]);
    /// The allocation that a connection writes from, handed round.
    static OUTGOING: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// An open WebSocket.
pub struct Socket<S = Upgraded> {
    io: S,
    decoder: Decoder,
    /// Read and not yet looked at, because a message before it has not been taken.
    unread: Vec<u8>,
    unread_from: usize,
    /// The compressed message that is being inflated.
    inflation: Option<Box<Inflation>>,
    outbox: Arc<Outbox>,
    unsent: Unsent,
    /// The outgoing message that is being compressed.
    deflation: Option<Box<Deflation>>,
    settings: Settings,
    /// To be sent when the outbox is empty.
    close: Option<Close>,
    phase: Phase,
    ended: Code,
    /// Whether the peer may still be sending what nobody reads.
    lingers: bool,
    /// When the peer last showed that it is there.
    heard: Instant,
    pinged: bool,
    /// When the peer last took something, or nothing was there to take.
    moved: Instant,
    timer: Pin<Box<Sleep>>,
    /// When the caller's credentials do.
    expires: Option<Instant>,
    draining: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
}

/// What is on its way out. At most one message beside small ones and control frames: a further one waits in the outbox.
#[derive(Debug, Default)]
struct Unsent {
    /// Whole frames, and the head of the one whose payload is `body`.
    bytes: Vec<u8>,
    from: usize,
    /// The payload of a large message, shared with whoever else is sent it.
    body: Bytes,
    /// Control frames that wait for `body` to be out.
    controls: Vec<u8>,
    unflushed: bool,
}

impl Socket {
    /// Takes over the connection behind an answer of [`Handshake::response`](super::Handshake::response). The host's drain, seen
    /// by `draining`, closes it with 1001.
    ///
    /// # Errors
    /// When the connection broke before it was upgraded.
    pub async fn open(
        upgrade: Upgrade,
        settings: &Settings,
        outbox: Arc<Outbox>,
        draining: CancellationToken,
    ) -> Result<Self, hyper::Error> {
        Ok(Self::new(upgrade.ready().await?, settings, outbox, draining))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    fn new(io: S, settings: &Settings, outbox: Arc<Outbox>, draining: CancellationToken) -> Self {
        let now = Instant::now();
        let rules = Rules {
            message_bytes_max: settings.message_bytes_max,
            frame_bytes_max: settings.frame_bytes_max,
            takes_compressed: settings.deflate.is_some(),
        };
        Self {
            io,
            decoder: Decoder::new(rules),
            unread: Vec::new(),
            unread_from: 0,
            inflation: None,
            outbox,
            unsent: Unsent::default(),
            deflation: None,
            close: None,
            phase: Phase::Open,
            ended: Code::ABNORMAL,
            lingers: false,
            heard: now,
            pinged: false,
            moved: now,
            timer: Box::pin(sleep_until(now)),
            expires: settings.expires.map(|expires| {
                now + expires.duration_since(SystemTime::now()).unwrap_or_default().min(EXPIRY_MAX)
            }),
            draining: Some(Box::pin(draining.cancelled_owned())),
            settings: settings.clone(),
        }
    }

    /// Sends this close frame once the outbox is empty, and then nothing more. The first call counts.
    pub fn close(&mut self, close: Close) {
        self.close.get_or_insert(close);
    }

    /// Waits for what happens next, and meanwhile sends what is in the outbox. No message is read unless `takes`. May be dropped
    /// and called again at any time.
    pub async fn next(&mut self, takes: bool) -> Event {
        poll_fn(|task| self.poll_next(takes, task)).await
    }

    /// As [`Socket::next`], for whoever waits for other things in the same task.
    pub fn poll_next(&mut self, takes: bool, task: &mut Context<'_>) -> Poll<Event> {
        loop {
            if let Err(error) = self.poll_write(task) {
                return Poll::Ready(self.broken(&error));
            }
            if self.phase == Phase::Ended {
                return Poll::Ready(Event::Ended(self.ended));
            }
            match self.poll_read(takes, task) {
                Poll::Ready(Ok(Some(message))) => return Poll::Ready(Event::Message(message)),
                // A control frame wants an answer, or the phase is another.
                Poll::Ready(Ok(None)) => continue,
                Poll::Ready(Err(error)) => return Poll::Ready(self.broken(&error)),
                Poll::Pending => {}
            }
            let drained =
                self.draining.as_mut().is_some_and(|draining| draining.as_mut().poll(task).is_ready());
            if drained {
                self.draining = None;
                self.close(Close::new(Code::AWAY, "the host is shutting down"));
                continue;
            }
            ready!(self.timer.as_mut().poll(task));
            self.on_timer(takes);
        }
    }

    /// Throws away what the peer still sends, for a short time, so that our last frame is not lost to a reset (the same as RFC
    /// 9112, section 9.6, says of HTTP). To be awaited after [`Event::Ended`].
    pub async fn finish(mut self) {
        if !self.lingers {
            return;
        }
        let mut bytes_left = LINGER_BYTES_MAX;
        let gone = poll_fn(|task| {
            INCOMING.with_borrow_mut(|incoming| {
                while bytes_left > 0 {
                    let mut buffer = ReadBuf::new(incoming);
                    if ready!(Pin::new(&mut self.io).poll_read(task, &mut buffer)).is_err() {
                        break;
                    }
                    match buffer.filled().len() {
                        0 => break,
                        length => bytes_left = bytes_left.saturating_sub(length as u64),
                    }
                }
                Poll::Ready(())
            })
        });
        // Whatever still comes after that time is met by a reset.
        let _: Result<(), tokio::time::error::Elapsed> =
            tokio::time::timeout(Duration::from_millis(LINGER_MS_MAX), gone).await;
    }

    fn broken(&mut self, error: &io::Error) -> Event {
        tracing::debug!(%error, "a WebSocket connection broke");
        self.phase = Phase::Ended;
        Event::Ended(self.ended)
    }

    // === reading ===

    /// Ready with a message, or with none when something else has changed.
    fn poll_read(&mut self, takes: bool, task: &mut Context<'_>) -> Poll<io::Result<Option<Message>>> {
        let reads = match self.phase {
            // A peer that pings and does not read its pongs is not listened to.
            Phase::Open => takes && self.unsent.controls_waiting() < WEBSOCKET_CONTROL_BYTES_MAX,
            Phase::Closing => true,
            Phase::Ending | Phase::Ended => false,
        };
        if !reads {
            return Poll::Pending;
        }
        if let Some(inflation) = &mut self.inflation {
            let step = inflation.step();
            let is_text = inflation.is_text;
            let Ok(Some(bytes)) = step else {
                match step {
                    Err(violation) => self.refuse(violation),
                    // The worker's other connections first.
                    Ok(_) => {
                        task.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                }
                return Poll::Ready(Ok(None));
            };
            self.inflation = None;
            if !is_text {
                return Poll::Ready(Ok(Some(Message::Binary(bytes))));
            }
            let Ok(text) = String::from_utf8(bytes) else {
                self.refuse(Violation::NotUtf8);
                return Poll::Ready(Ok(None));
            };
            return Poll::Ready(Ok(Some(Message::Text(text))));
        }
        if self.unread_from < self.unread.len() {
            // As a read would: many small messages at once do not keep the worker from its other connections.
            ready!(poll_proceed(task)).made_progress();
            let mut unread = std::mem::take(&mut self.unread);
            let read = self.digest(unread.get_mut(self.unread_from..).unwrap_or_default());
            self.unread_from = self.unread_from.saturating_add(read.taken);
            if self.unread_from < unread.len() {
                self.unread = unread;
            } else {
                self.unread_from = 0;
            }
            return Poll::Ready(Ok(read.message));
        }
        INCOMING.with_borrow_mut(|incoming| {
            let mut buffer = ReadBuf::new(incoming);
            ready!(Pin::new(&mut self.io).poll_read(task, &mut buffer))?;
            let bytes = buffer.filled_mut();
            if bytes.is_empty() {
                // The peer hung up. That is in order only after a close frame.
                self.phase = Phase::Ended;
                return Poll::Ready(Ok(None));
            }
            self.heard = Instant::now();
            self.pinged = false;
            let read = self.digest(bytes);
            if let Some(rest) = bytes.get(read.taken..)
                && !rest.is_empty()
                && matches!(self.phase, Phase::Open | Phase::Closing)
            {
                self.unread = rest.to_vec();
            }
            Poll::Ready(Ok(read.message))
        })
    }

    /// Takes bytes up to the end of a message, or until something has to be sent first.
    fn digest(&mut self, bytes: &mut [u8]) -> Digested {
        let mut taken = 0_usize;
        loop {
            let rest = bytes.get_mut(taken..).unwrap_or_default();
            if rest.is_empty() {
                return Digested { taken, message: None };
            }
            let (length, item) = match self.decoder.decode(rest) {
                Ok(decoded) => decoded,
                Err(violation) => {
                    self.refuse(violation);
                    return Digested { taken, message: None };
                }
            };
            taken = taken.saturating_add(length);
            let message = match item {
                None => return Digested { taken, message: None },
                Some(Item::Text(text)) => Message::Text(text),
                Some(Item::Binary(bytes)) => Message::Binary(bytes),
                Some(Item::Compressed { is_text, bytes }) => {
                    let bytes_max = self.settings.message_bytes_max;
                    self.inflation = Some(Box::new(Inflation::begin(is_text, bytes, bytes_max)));
                    return Digested { taken, message: None };
                }
                Some(Item::Pong) => continue,
                Some(Item::Ping(payload)) => {
                    if self.phase == Phase::Open {
                        self.unsent.control(Opcode::Pong, &payload);
                    }
                    if self.unsent.controls_waiting() < WEBSOCKET_CONTROL_BYTES_MAX {
                        continue;
                    }
                    return Digested { taken, message: None };
                }
                Some(Item::Close(close)) => {
                    self.closed_by_peer(close);
                    return Digested { taken, message: None };
                }
            };
            return Digested { taken, message: Some(message) };
        }
    }

    /// The peer's close frame has come: answered with its own code, unless ours is out already.
    fn closed_by_peer(&mut self, close: Option<Close>) {
        self.ended = close.as_ref().map_or(Code::NONE, |close| close.code);
        if self.phase == Phase::Open {
            let code = close.map(|close| close.code.0.to_be_bytes());
            let payload = code.as_ref().map_or(&[][..], |code| code.as_slice());
            self.unsent.control(Opcode::Close, payload);
        }
        self.end();
    }

    /// The peer broke a rule: it is told, and nothing more is read.
    fn refuse(&mut self, violation: Violation) {
        let close = violation.close();
        if self.phase == Phase::Open {
            self.ended = close.code;
            self.unsent.control(Opcode::Close, &close.payload());
        }
        self.end();
    }

    fn end(&mut self) {
        self.phase = Phase::Ending;
        self.unread = Vec::new();
        self.unread_from = 0;
        self.inflation = None;
        self.deflation = None;
        self.wait_for_close();
    }

    fn wait_for_close(&mut self) {
        self.timer.as_mut().reset(Instant::now() + Duration::from_millis(WEBSOCKET_CLOSE_WAIT_MS_MAX));
    }

    // === writing ===

    /// Gets out what it can. An error is the connection's.
    fn poll_write(&mut self, task: &mut Context<'_>) -> io::Result<()> {
        while self.phase != Phase::Ended {
            if self.unsent.is_empty() {
                self.fill(task);
            }
            if !self.unsent.is_empty() {
                match self.unsent.poll_write(&mut self.io, task) {
                    Poll::Ready(written) => written?,
                    Poll::Pending => {
                        // What waits meanwhile may become too much.
                        if self.phase == Phase::Open && self.outbox.poll_overflow(task).is_ready() {
                            self.overflowed();
                        }
                        return Ok(());
                    }
                }
                self.moved = Instant::now();
                continue;
            }
            if self.unsent.unflushed {
                match Pin::new(&mut self.io).poll_flush(task) {
                    Poll::Ready(flushed) => flushed?,
                    Poll::Pending => return Ok(()),
                }
                self.unsent.unflushed = false;
            }
            self.unsent.give_back();
            if self.phase != Phase::Ending {
                return Ok(());
            }
            // The server is the one who closes the connection (RFC 6455, section 7.1.1).
            match Pin::new(&mut self.io).poll_shutdown(task) {
                Poll::Ready(_) => {
                    self.phase = Phase::Ended;
                    self.lingers = true;
                }
                Poll::Pending => return Ok(()),
            }
        }
        Ok(())
    }

    /// Puts the next frames in order: control frames, messages, our close frame.
    fn fill(&mut self, task: &mut Context<'_>) {
        self.unsent.take_controls();
        while self.phase == Phase::Open && self.unsent.has_room() {
            if let Some(deflation) = &mut self.deflation {
                let Some(bytes) = deflation.step() else {
                    // The worker's other connections first.
                    task.waker().wake_by_ref();
                    return;
                };
                self.unsent.message(deflation.is_text, true, bytes.into());
                self.deflation = None;
                continue;
            }
            match self.outbox.poll_next(task) {
                Poll::Ready(Ok(message)) => self.begin_message(message),
                Poll::Ready(Err(Overflowed)) => {
                    self.overflowed();
                    self.unsent.take_controls();
                }
                Poll::Pending => {
                    let Some(close) = self.close.take() else { return };
                    self.unsent.control(Opcode::Close, &close.payload());
                    self.unsent.take_controls();
                    self.phase = Phase::Closing;
                    self.inflation = None;
                    self.decoder.discard();
                    self.wait_for_close();
                }
            }
        }
    }

    /// The peer reads too slowly: it is told behind what is on its way already, if it takes that in time.
    fn overflowed(&mut self) {
        let close = Close::new(Code::TRY_AGAIN, "too slow");
        self.ended = close.code;
        self.unsent.control(Opcode::Close, &close.payload());
        self.end();
    }

    fn begin_message(&mut self, message: Outgoing) {
        let (is_text, payload) = match message {
            Outgoing::Text(text) => (true, text.into_bytes()),
            Outgoing::Binary(bytes) => (false, bytes),
        };
        match self.settings.deflate {
            Some(agreement) if payload.len() as u64 >= self.settings.deflate_bytes_min => {
                self.deflation = Some(Box::new(Deflation::begin(agreement, is_text, payload)));
            }
            _ => self.unsent.message(is_text, false, payload),
        }
    }

    // === waiting ===

    fn on_timer(&mut self, takes: bool) {
        let now = Instant::now();
        if self.phase != Phase::Open {
            // The peer had its time to take our close frame and to send its own.
            self.phase = Phase::Ended;
            return;
        }
        if self.expires.is_some_and(|expires| expires <= now) {
            self.expires = None;
            self.close(Close::new(Code::POLICY, "the credentials have expired"));
        }
        if self.unsent.is_empty() {
            self.moved = now;
        }
        if !takes {
            // While the style is at work nothing is read, so nothing can be heard.
            self.heard = now;
        }
        let silent = now.saturating_duration_since(self.heard);
        let stalled = now.saturating_duration_since(self.moved);
        if silent >= self.settings.idle || stalled >= self.settings.idle {
            // Whoever does not answer a ping takes no close frame, either.
            self.phase = Phase::Ended;
            return;
        }
        if silent >= self.settings.idle / 2 && !self.pinged {
            self.pinged = true;
            self.unsent.control(Opcode::Ping, &[]);
        }
        let silent_until = self.heard + if self.pinged { self.settings.idle } else { self.settings.idle / 2 };
        let until = silent_until.min(self.moved + self.settings.idle);
        self.timer.as_mut().reset(self.expires.map_or(until, |expires| until.min(expires)));
    }
}

/// What became of bytes that were read.
struct Digested {
    taken: usize,
    message: Option<Message>,
}

impl Unsent {
    fn is_empty(&self) -> bool {
        self.from >= self.bytes.len() && self.body.is_empty()
    }

    /// Whether another frame may be put behind these: what is small goes out together.
    fn has_room(&self) -> bool {
        self.body.is_empty() && self.bytes.len() < WEBSOCKET_COALESCED_BYTES_MAX
    }

    fn controls_waiting(&self) -> usize {
        self.controls.len()
    }

    fn control(&mut self, opcode: Opcode, payload: &[u8]) {
        write_head(&mut self.controls, opcode, false, payload.len());
        self.controls.extend_from_slice(payload);
    }

    /// Control frames go before messages, but not into one.
    fn take_controls(&mut self) {
        if self.body.is_empty() && !self.controls.is_empty() {
            self.borrow();
            self.bytes.append(&mut self.controls);
            self.controls = Vec::new();
        }
    }

    fn message(&mut self, is_text: bool, compressed: bool, payload: Bytes) {
        let opcode = if is_text { Opcode::Text } else { Opcode::Binary };
        self.borrow();
        write_head(&mut self.bytes, opcode, compressed, payload.len());
        if payload.len() <= WEBSOCKET_COALESCED_BYTES_MAX {
            self.bytes.extend_from_slice(&payload);
        } else {
            self.body = payload;
        }
    }

    /// Takes the worker's allocation, if no other connection has it at this moment.
    fn borrow(&mut self) {
        if self.bytes.capacity() == 0 {
            self.bytes = OUTGOING.take();
        }
    }

    /// An idle connection holds no buffer.
    fn give_back(&mut self) {
        if self.bytes.capacity() > 0 {
            self.from = 0;
            self.bytes.clear();
            OUTGOING.replace(std::mem::take(&mut self.bytes));
        }
    }

    fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        io: &mut S,
        task: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let bytes = self.bytes.get(self.from..).unwrap_or_default();
        let written = if self.body.is_empty() {
            ready!(Pin::new(io).poll_write(task, bytes))?
        } else {
            let slices = [IoSlice::new(bytes), IoSlice::new(&self.body)];
            ready!(Pin::new(io).poll_write_vectored(task, &slices))?
        };
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.unflushed = true;
        let of_bytes = written.min(bytes.len());
        self.from = self.from.saturating_add(of_bytes);
        if self.from >= self.bytes.len() {
            self.from = 0;
            self.bytes.clear();
        }
        self.body.advance(written.saturating_sub(of_bytes).min(self.body.len()));
        Poll::Ready(Ok(()))
    }
}
