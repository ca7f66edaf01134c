//! What an HTTP/2 peer sends beside requests, counted.
//!
//! Owns the bound on frames that ask for nothing: PING, SETTINGS, PRIORITY, WINDOW_UPDATE, empty DATA, frames of no known
//! kind. h2 bounds resets and continued heads, and takes these without end (CVE-2019-9512, 9513, 9515 and 9518 are such floods). A
//! peer may send some, more for each request and for what it is sent, and a few each second; past that the
//! connection ends. Also sees that SETTINGS comes first, which h2 does not demand (RFC 9113 section 3.4). Everything else about
//! frames is h2's.

use crate::limits::{HTTP2_IDLE_FRAMES_MAX, HTTP2_IDLE_FRAMES_PER_S};

const PREFACE_BYTES: usize = 24;
const HEAD_BYTES: usize = 9;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const CONTINUATION: u8 = 9;

/// END_STREAM of DATA, ACK of SETTINGS.
const FLAG_FIRST: u8 = 1;
const FLAG_PADDED: u8 = 8;

/// What one request entitles to: its WINDOW_UPDATE, a PRIORITY or two.
const FRAMES_PER_REQUEST: u64 = 8;
/// And how much of an answer to one: clients acknowledge some kilobytes at a time, for the stream and for the connection.
const BYTES_PER_FRAME: u64 = 512;
/// Padding can make this of nothing.
const PADDED_BYTES: usize = 257;

/// Follows the frames of one connection.
#[derive(Debug)]
pub(super) struct Frames {
    /// Of the preface or a payload, what is still to come.
    skip: usize,
    head: [u8; HEAD_BYTES],
    head_bytes: usize,
    has_settings: bool,
    allowance: u64,
    refilled_ms: u64,
}

impl Frames {
    /// The beginning of a connection.
    pub(super) fn new(now_ms: u64) -> Self {
        Self {
            skip: PREFACE_BYTES,
            head: [0; HEAD_BYTES],
            head_bytes: 0,
            has_settings: false,
            allowance: HTTP2_IDLE_FRAMES_MAX,
            refilled_ms: now_ms,
        }
    }

    /// So much was sent to the peer.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.earn(bytes as u64 / BYTES_PER_FRAME);
    }

    fn earn(&mut self, frames: u64) {
        self.allowance = self.allowance.saturating_add(frames).min(HTTP2_IDLE_FRAMES_MAX);
    }

    /// Looks at what has come. False if it was too much.
    pub(super) fn follow(&mut self, mut bytes: &[u8], now_ms: u64) -> bool {
        let earned = now_ms.saturating_sub(self.refilled_ms).saturating_mul(HTTP2_IDLE_FRAMES_PER_S) / 1_000;
        if earned > 0 {
            self.refilled_ms = now_ms;
            self.earn(earned);
        }
        while !bytes.is_empty() {
            if self.skip > 0 {
                let length = self.skip.min(bytes.len());
                self.skip = self.skip.saturating_sub(length);
                bytes = bytes.get(length..).unwrap_or_default();
                continue;
            }
            let missing = HEAD_BYTES.saturating_sub(self.head_bytes).min(bytes.len());
            let (of_head, rest) = bytes.split_at_checked(missing).unwrap_or_default();
            let end = self.head_bytes.saturating_add(missing);
            if let Some(place) = self.head.get_mut(self.head_bytes..end) {
                place.copy_from_slice(of_head);
            }
            self.head_bytes = end;
            bytes = rest;
            if end == HEAD_BYTES {
                self.head_bytes = 0;
                if !self.take() {
                    return false;
                }
            }
        }
        true
    }

    /// A frame's head is complete.
    fn take(&mut self) -> bool {
        let [a, b, c, kind, flags, ..] = self.head;
        let length = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        self.skip = length;
        if !self.has_settings {
            self.has_settings = kind == SETTINGS && flags & FLAG_FIRST == 0;
            return self.has_settings;
        }
        let is_empty = length == 0 || (flags & FLAG_PADDED != 0 && length <= PADDED_BYTES);
        match kind {
            HEADERS => self.earn(FRAMES_PER_REQUEST),
            DATA if !is_empty || flags & FLAG_FIRST != 0 => {}
            // h2 has bounds for these.
            RST_STREAM | CONTINUATION => {}
            _ => match self.allowance.checked_sub(1) {
                Some(left) => self.allowance = left,
                None => return false,
            },
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        [&[0, 0, u8::try_from(payload.len()).unwrap(), kind, flags, 0, 0, 0, 1], payload].concat()
    }

    fn begin() -> Frames {
        let mut frames = Frames::new(1);
        assert!(frames.follow(&[0; PREFACE_BYTES], 1));
        assert!(frames.follow(&frame(SETTINGS, 0, &[0; 6]), 1));
        frames
    }

    #[test]
    fn frames_that_ask_for_nothing_are_counted_however_they_are_cut() {
        let most = usize::try_from(HTTP2_IDLE_FRAMES_MAX).unwrap();
        for one in [
            frame(6, 0, &[0; 8]),
            frame(DATA, 0, &[]),
            frame(DATA, FLAG_PADDED, &[9; 10]),
            frame(0xfa, 0, &[0; 3]),
        ] {
            for size in [1, 5, 16, 4_096] {
                let mut frames = begin();
                assert!(one.repeat(most).chunks(size).all(|piece| frames.follow(piece, 1)));
                assert!(!frames.follow(&one, 1));
            }
        }
    }

    #[test]
    fn requests_answers_and_time_entitle_to_more() {
        let ping = frame(6, 0, &[0; 8]);
        let check = |earn: &dyn Fn(&mut Frames), expected: u64| {
            let mut frames = begin();
            assert!((0..HTTP2_IDLE_FRAMES_MAX).all(|_| frames.follow(&ping, 1)));
            earn(&mut frames);
            assert_eq!(
                (0..=HTTP2_IDLE_FRAMES_MAX).take_while(|_| frames.follow(&ping, 1)).count() as u64,
                expected
            );
        };
        check(&|_| {}, 0);
        check(&|frames| assert!(frames.follow(&frame(HEADERS, 5, &[0; 20]), 1)), FRAMES_PER_REQUEST);
        check(&|frames| assert!(frames.follow(&frame(DATA, 0, b"data"), 1)), 0);
        check(&|frames| frames.sent(64 * 1024), 64 * 1024 / BYTES_PER_FRAME);
        check(&|frames| frames.sent(usize::MAX), HTTP2_IDLE_FRAMES_MAX);
        check(&|frames| assert!(frames.follow(&[], 1_001)), HTTP2_IDLE_FRAMES_PER_S);
    }

    #[test]
    fn settings_come_first() {
        for first in [frame(HEADERS, 5, &[]), frame(6, 0, &[0; 8]), frame(SETTINGS, FLAG_FIRST, &[])] {
            let mut frames = Frames::new(1);
            assert!(frames.follow(&[0; PREFACE_BYTES], 1));
            assert!(!frames.follow(&first, 1));
        }
    }
}
