//! The access log: one line per request, never in the way of one.
//!
//! Owns the lines from the worker that writes them to the file or stream they end in. A worker appends to a buffer of its own;
//! one thread empties the buffers ten times a second, and sooner when one of them fills up. A buffer that is full all the same
//! loses lines, which are counted and said: a slow disk must not slow a request. Queries are left out, because people put
//! secrets there.

use std::cell::Cell;
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use http::request::Parts;
use http::{Method, StatusCode, Uri};

use crate::capability::RequestId;
use crate::exchange::{Payload, Response};

/// Where lines of one worker wait. A mebibyte is some ten thousand lines.
const BUFFER_BYTES_MAX: usize = 1024 * 1024;
/// From here on the thread is woken, so that it comes long before a worker that answers as fast as it can has filled the rest.
const BUFFER_BYTES_WAKE: usize = 256 * 1024;
/// Workers beyond this share a buffer.
const BUFFERS: usize = 64;
/// How long a line waits at most.
const FLUSH_INTERVAL: Duration = Duration::from_millis(100);
/// Of a path or a name, so that one request is one screen line.
const WORD_BYTES_MAX: usize = 512;

/// Where the lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Nowhere.
    Off,
    /// The standard error stream.
    Stderr,
    /// Appended to a file.
    File(std::path::PathBuf),
}

impl Target {
    /// Reads the configured word.
    #[must_use]
    pub fn parse(word: &str) -> Self {
        match word {
            "off" => Self::Off,
            "stderr" => Self::Stderr,
            path => Self::File(path.into()),
        }
    }
}

/// The log, shared by all workers.
#[derive(Debug, Clone)]
pub struct Log {
    buffers: Option<Arc<Buffers>>,
}

#[derive(Debug)]
struct Buffers {
    each: Vec<Mutex<Vec<u8>>>,
    lost: AtomicU64,
    /// Who empties them.
    writer: OnceLock<Thread>,
}

/// What is known of a request when it comes.
pub struct Record {
    /// None of a request whose bytes did not make a head.
    target: Option<(Method, Uri)>,
    peer: SocketAddr,
    /// Marks the request.
    pub request_id: RequestId,
    /// When it came.
    pub started: Instant,
    /// The plugin that served it, once it is known.
    pub plugin: Option<Arc<str>>,
    /// The caller, once it is known.
    pub subject: Option<Arc<crate::capability::Identity>>,
}

impl Record {
    /// Begins a record. There is no head of a request whose bytes did not make one.
    #[must_use]
    pub fn begin(head: Option<&Parts>, peer: SocketAddr, request_id: RequestId, started: Instant) -> Self {
        Self {
            target: head.map(|head| (head.method.clone(), head.uri.clone())),
            peer,
            request_id,
            started,
            plugin: None,
            subject: None,
        }
    }
}

impl Log {
    /// Opens the target and starts the thread that writes to it.
    ///
    /// # Errors
    /// When the file cannot be opened for appending.
    pub fn open(target: &Target) -> Result<Self> {
        let sink: Box<dyn Write + Send> = match target {
            Target::Off => return Ok(Self { buffers: None }),
            Target::Stderr => Box::new(std::io::stderr()),
            Target::File(path) => Box::new(
                std::fs::File::options()
                    .create(true)
                    .append(true)
                    .open(path)
                    .with_context(|| format!("the access log `{}` cannot be opened", path.display()))?,
            ),
        };
        let each = (0..BUFFERS).map(|_| Mutex::new(Vec::new())).collect();
        let buffers = Arc::new(Buffers { each, lost: AtomicU64::new(0), writer: OnceLock::new() });
        let weak = Arc::downgrade(&buffers);
        let writer = std::thread::Builder::new().name("access-log".to_owned()).spawn(move || {
            let mut sink = sink;
            let mut failed = false;
            let mut lines = Vec::new();
            while let Some(buffers) = weak.upgrade() {
                if let Err(error) = buffers.empty_into(&mut *sink, &mut lines)
                    && !failed
                {
                    failed = true;
                    tracing::error!(%error, "the access log cannot be written; its lines are lost from here on");
                }
                drop(buffers);
                std::thread::park_timeout(FLUSH_INTERVAL);
            }
        })?;
        buffers.writer.get_or_init(|| writer.thread().clone());
        Ok(Self { buffers: Some(buffers) })
    }

    /// Writes the line of a request that has been answered. For a body that is still to be made, when it has been.
    pub fn write(&self, record: Record, response: &mut Response) {
        let Some(buffers) = &self.buffers else { return };
        let status = response.status();
        match response.body_mut() {
            Payload::Whole(bytes) => buffers.append(&record, status, bytes.len() as u64, true),
            Payload::Streamed(streamed) => {
                let buffers = Arc::clone(buffers);
                streamed.on_end(Box::new(move |bytes, complete| {
                    buffers.append(&record, status, bytes, complete);
                }));
            }
        }
    }

    /// Writes out what waits. For the end of the process.
    pub fn flush(&self) {
        // The thread does the writing; two intervals are enough for it to have come round.
        if self.buffers.is_some() {
            std::thread::sleep(FLUSH_INTERVAL * 2);
        }
    }
}

thread_local! {
    static BUFFER: Cell<Option<usize>> = const { Cell::new(None) };
}

static NEXT_BUFFER: AtomicUsize = AtomicUsize::new(0);

impl Buffers {
    fn append(&self, record: &Record, status: StatusCode, bytes: u64, complete: bool) {
        let number = BUFFER.get().unwrap_or_else(|| {
            let number = NEXT_BUFFER.fetch_add(1, Ordering::Relaxed) % BUFFERS;
            BUFFER.set(Some(number));
            number
        });
        let Some(buffer) = self.each.get(number) else { return };
        let mut buffer = buffer.lock().unwrap_or_else(PoisonError::into_inner);
        if buffer.len() > BUFFER_BYTES_MAX {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let length = buffer.len();
        line(&mut buffer, record, status, bytes, complete);
        if length < BUFFER_BYTES_WAKE
            && buffer.len() >= BUFFER_BYTES_WAKE
            && let Some(writer) = self.writer.get()
        {
            writer.unpark();
        }
    }

    /// Writes out what waits. `lines` is the buffer that each full one is exchanged for.
    fn empty_into(&self, sink: &mut dyn Write, lines: &mut Vec<u8>) -> std::io::Result<()> {
        for buffer in &self.each {
            lines.clear();
            std::mem::swap(&mut *buffer.lock().unwrap_or_else(PoisonError::into_inner), lines);
            if !lines.is_empty() {
                sink.write_all(lines)?;
            }
        }
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let mut time = Vec::new();
            timestamp(&mut time, SystemTime::now());
            sink.write_all(&time)?;
            writeln!(sink, " lost={lost}")?;
        }
        sink.flush()
    }
}

fn line(buffer: &mut Vec<u8>, record: &Record, status: StatusCode, bytes: u64, complete: bool) {
    buffer.extend_from_slice(b"time=");
    timestamp(buffer, SystemTime::now());
    buffer.extend_from_slice(b" peer=");
    match record.peer.ip() {
        IpAddr::V4(address) => {
            for (place, part) in address.octets().into_iter().enumerate() {
                if place > 0 {
                    buffer.push(b'.');
                }
                number(buffer, u64::from(part), 1);
            }
        }
        // Writing to a Vec does not fail.
        IpAddr::V6(address) => drop(write!(buffer, "{address}")),
    }
    buffer.extend_from_slice(b" method=");
    word(buffer, record.target.as_ref().map_or("-", |(method, _)| method.as_str()));
    buffer.extend_from_slice(b" path=");
    word(buffer, record.target.as_ref().map_or("-", |(_, uri)| uri.path()));
    buffer.extend_from_slice(b" status=");
    number(buffer, u64::from(status.as_u16()), 3);
    buffer.extend_from_slice(b" bytes=");
    number(buffer, bytes, 1);
    buffer.extend_from_slice(b" us=");
    number(buffer, u64::try_from(record.started.elapsed().as_micros()).unwrap_or(u64::MAX), 1);
    buffer.extend_from_slice(b" request=");
    buffer.extend_from_slice(&record.request_id.hexadecimal());
    buffer.extend_from_slice(b" plugin=");
    buffer.extend_from_slice(record.plugin.as_deref().unwrap_or("-").as_bytes());
    buffer.extend_from_slice(b" subject=");
    word(buffer, record.subject.as_ref().map_or("-", |identity| &identity.subject));
    if !complete {
        buffer.extend_from_slice(b" cut=1");
    }
    buffer.push(b'\n');
}

/// A number in decimal, with zeroes in front up to `digits_min`.
fn number(buffer: &mut Vec<u8>, mut value: u64, digits_min: usize) {
    let start = buffer.len();
    while value > 0 || buffer.len() - start < digits_min {
        buffer.push(b'0' + (value % 10) as u8);
        value /= 10;
    }
    if let Some(digits) = buffer.get_mut(start..) {
        digits.reverse();
    }
}

/// Text from outside as one word of one line: nothing in it can end the line or look like another field.
fn word(buffer: &mut Vec<u8>, text: &str) {
    let printable = |byte: u8| if byte.is_ascii_graphic() { byte } else { b'?' };
    buffer.extend(text.bytes().take(WORD_BYTES_MAX).map(printable));
}

/// UTC, to the millisecond (RFC 3339).
fn timestamp(buffer: &mut Vec<u8>, time: SystemTime) {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    // Civil date from a count of days, in the proleptic Gregorian calendar, with years that begin in March.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    for (value, digits, end) in [
        (year, 4, b'-'),
        (month, 2, b'-'),
        (day, 2, b'T'),
        (second / 3_600, 2, b':'),
        (second / 60 % 60, 2, b':'),
        (second % 60, 2, b'.'),
        (u64::from(since.subsec_millis()), 3, b'Z'),
    ] {
        number(buffer, value, digits);
        buffer.push(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_rfc_3339() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399, "2000-02-28T23:59:59.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_795_305_600, "2026-11-22T00:00:00.000Z"),
            (4_102_444_799, "2099-12-31T23:59:59.000Z"),
        ] {
            let mut text = Vec::new();
            timestamp(&mut text, UNIX_EPOCH + Duration::from_secs(seconds));
            assert_eq!(String::from_utf8(text).unwrap(), expected);
        }
    }

    #[test]
    fn the_writer_is_woken_before_a_buffer_is_full() {
        let buffers = Buffers {
            each: vec![Mutex::default()],
            lost: AtomicU64::new(0),
            writer: OnceLock::from(std::thread::current()),
        };
        let peer = SocketAddr::from(([127, 0, 0, 1], 1));
        let record = Record::begin(None, peer, RequestId(1), Instant::now());
        let length = |buffers: &Buffers| buffers.each[0].lock().unwrap().len();
        BUFFER.set(Some(0));
        while length(&buffers) < BUFFER_BYTES_WAKE {
            buffers.append(&record, StatusCode::OK, 0, true);
        }
        // Returns at once, because it has been woken; else it would wait for as long as no test does.
        let began = Instant::now();
        std::thread::park_timeout(Duration::from_secs(600));
        assert!(began.elapsed() < Duration::from_secs(300));
        let (mut sink, mut lines) = (Vec::new(), Vec::new());
        buffers.empty_into(&mut sink, &mut lines).unwrap();
        assert_eq!(length(&buffers), 0);
        assert!(sink.len() >= BUFFER_BYTES_WAKE && sink.ends_with(b"\n"));
        assert!(!sink.windows(5).any(|word| word == b"lost="));
    }

    #[test]
    fn a_word_cannot_forge_a_line() {
        let check = |text: &str| {
            let mut buffer = Vec::new();
            word(&mut buffer, text);
            String::from_utf8(buffer).unwrap()
        };
        assert_eq!(check("/a\nstatus=200 \u{1b}[2J"), "/a?status=200??[2J");
        assert_eq!(check(&"a".repeat(9_999)).len(), WORD_BYTES_MAX);
    }

    #[test]
    fn numbers_are_decimal_with_leading_zeroes() {
        for (value, digits, expected) in
            [(0, 1, "0"), (7, 3, "007"), (1_234, 2, "1234"), (u64::MAX, 1, "18446744073709551615")]
        {
            let mut buffer = Vec::new();
            number(&mut buffer, value, digits);
            assert_eq!(String::from_utf8(buffer).unwrap(), expected);
        }
    }
}
