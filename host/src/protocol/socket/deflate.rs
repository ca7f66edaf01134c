//! permessage-deflate (RFC 7692): what is agreed on in the handshake, and messages in and out.
//!
//! Owns the choice of an offer and the compressor's bounds. Neither side keeps its context from one message to the next: both
//! `no_context_takeover` parameters stand in every answer, which a server may add whatever was offered (sections 7.1.1.1 and
//! 7.1.1.2). A context is some 300 KiB on the way out and 40 KiB on the way in, so ten thousand idle connections would hold
//! gigabytes; without it a worker has one compressor and one inflater for all of them. What this costs is that many small messages
//! that are like each other are not made smaller, which is why short ones are sent as they are (`websocket_deflate_bytes_min`).
//!
//! A compressed message is collected as it was sent and inflated when it is whole, so that a peer makes us hold no more
//! than it has sent; what comes out is counted while it comes. Both directions work in steps, so that a long message does not keep
//! the worker from its other connections.

use std::cell::RefCell;

use bytes::Bytes;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::decoder::Violation;
use crate::limits::WEBSOCKET_DEFLATE_STEP_BYTES;

/// What a sender takes from the end of a message, and a receiver puts back (section 7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
/// The smallest and largest LZ77 window, as powers of two (section 7.1.2).
const WINDOW_BITS: std::ops::RangeInclusive<u8> = 8..=15;
/// The smallest window that zlib compresses with.
const ZLIB_WINDOW_BITS_MIN: u8 = 9;
/// A window of 8 bits by a compressor of 9: all is forgotten after so many bytes.
const SMALLEST_WINDOW_BYTES: usize = 256;
/// More output is made room for in pieces of this.
const GROWTH_BYTES: usize = 16 * 1024;

/// What was agreed on for one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Agreement {
    /// Our window.
    window_bits: u8,
    /// Whether the client asked for a bound on it, which is then part of the answer.
    bounded: bool,
}

/// The field cannot be read at all (RFC 6455, section 9.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

impl Agreement {
    /// Chooses the first offer that can be accepted from the values of `Sec-WebSocket-Extensions`. An offer that cannot be, or
    /// of another extension, is passed over.
    pub(super) fn choose<'a>(values: impl Iterator<Item = &'a str>) -> Result<Option<Self>, Malformed> {
        let mut chosen = None;
        for value in values {
            let mut rest = value;
            while let Some(after) = skip_empty(rest) {
                let (offer, after) = read_offer(after)?;
                chosen = chosen.or(offer);
                rest = after;
            }
        }
        Ok(chosen)
    }

    /// The value of the answer's `Sec-WebSocket-Extensions`.
    pub(super) fn answer(self) -> String {
        let mut answer =
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover".to_owned();
        if self.bounded {
            answer.push_str("; server_max_window_bits=");
            answer.push_str(&self.window_bits.to_string());
        }
        answer
    }
}

/// What follows the empty elements of a list, if anything does.
fn skip_empty(list: &str) -> Option<&str> {
    let rest = list.trim_start_matches([' ', '\t', ',']);
    (!rest.is_empty()).then_some(rest)
}

/// One offer and what follows its comma. The offer is none when it is for another extension or cannot be accepted.
fn read_offer(text: &str) -> Result<(Option<Agreement>, &str), Malformed> {
    let (name, mut rest) = token(text)?;
    let mut agreed = Some(Agreement { window_bits: *WINDOW_BITS.end(), bounded: false })
        .filter(|_| name == "permessage-deflate");
    let mut seen: Vec<&str> = Vec::new();
    loop {
        rest = rest.trim_start_matches([' ', '\t']);
        let Some(after) = rest.strip_prefix(';') else { break };
        let (parameter, after) = token(after.trim_start_matches([' ', '\t']))?;
        let after = after.trim_start_matches([' ', '\t']);
        let (value, after) = match after.strip_prefix('=') {
            Some(after) => {
                let (value, after) = token_or_quoted(after.trim_start_matches([' ', '\t']))?;
                (Some(value), after)
            }
            None => (None, after),
        };
        rest = after;
        // A parameter twice, one that is unknown, or a value that may not be: the offer is declined (section 7.1).
        let known = match (parameter, value) {
            (
                "server_no_context_takeover" | "client_no_context_takeover" | "client_max_window_bits",
                None,
            ) => true,
            ("client_max_window_bits", Some(bits)) => window_bits(bits).is_some(),
            ("server_max_window_bits", Some(bits)) => match (window_bits(bits), &mut agreed) {
                (Some(bits), Some(agreed)) => {
                    *agreed = Agreement { window_bits: bits, bounded: true };
                    true
                }
                (bits, _) => bits.is_some(),
            },
            _ => false,
        };
        if !known || seen.contains(&parameter) {
            agreed = None;
        } else {
            // At most the four that are known.
            seen.push(parameter);
        }
    }
    match rest.strip_prefix(',') {
        Some(after) => Ok((agreed, after)),
        None if rest.is_empty() => Ok((agreed, rest)),
        None => Err(Malformed),
    }
}

/// RFC 9110, section 5.6.2.
fn token(text: &str) -> Result<(&str, &str), Malformed> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let length = text.bytes().position(|byte| !is_token(byte)).unwrap_or(text.len());
    match text.split_at_checked(length) {
        Some((token, rest)) if !token.is_empty() => Ok((token, rest)),
        _ => Err(Malformed),
    }
}

/// A token, as it is or in quotes (RFC 6455, section 9.1: what is in them must be a token, too).
fn token_or_quoted(text: &str) -> Result<(&str, &str), Malformed> {
    let Some(quoted) = text.strip_prefix('"') else { return token(text) };
    let (value, rest) = token(quoted)?;
    Ok((value, rest.strip_prefix('"').ok_or(Malformed)?))
}

/// 8 to 15 without a leading zero (section 7.1.2.1).
fn window_bits(text: &str) -> Option<u8> {
    let bits = text.parse().ok().filter(|bits| WINDOW_BITS.contains(bits))?;
    (!text.starts_with(['0', '+'])).then_some(bits)
}

thread_local! {
    /// One compressor per size of window, from 9 to 15 bits: what a worker keeps between messages.
    static COMPRESSORS: RefCell<[Option<Compress>; 7]> = const { RefCell::new([const { None }; 7]) };
    static INFLATER: RefCell<Option<Decompress>> = const { RefCell::new(None) };
}

/// A message on its way out.
#[derive(Debug)]
pub(super) struct Deflation {
    window_bits: u8,
    /// Gone only while it is dropped.
    compressor: Option<Compress>,
    pub(super) is_text: bool,
    input: Bytes,
    output: Vec<u8>,
}

impl Deflation {
    pub(super) fn begin(agreement: Agreement, is_text: bool, input: Bytes) -> Self {
        let window_bits = agreement.window_bits;
        let zlib_bits = window_bits.max(ZLIB_WINDOW_BITS_MIN);
        let kept = COMPRESSORS.with_borrow_mut(|kept| kept.get_mut(place(zlib_bits)).and_then(Option::take));
        let compressor =
            kept.unwrap_or_else(|| Compress::new_with_window_bits(Compression::fast(), false, zlib_bits));
        Self { window_bits, compressor: Some(compressor), is_text, input, output: Vec::new() }
    }

    /// Goes on for one step. Gives the whole when it is done.
    pub(super) fn step(&mut self) -> Option<Vec<u8>> {
        let mut left = WEBSOCKET_DEFLATE_STEP_BYTES;
        let is_smallest = self.window_bits < ZLIB_WINDOW_BITS_MIN;
        while left > 0 {
            let piece = self.input.len().min(if is_smallest { SMALLEST_WINDOW_BYTES } else { left });
            let piece = self.input.split_to(piece);
            let flush = match self.input.is_empty() {
                true => FlushCompress::Sync,
                // Everything before is forgotten, so that no distance is longer than the window.
                false if is_smallest => FlushCompress::Full,
                false => FlushCompress::None,
            };
            self.compress(&piece, flush);
            if self.input.is_empty() {
                let mut output = std::mem::take(&mut self.output);
                if output.ends_with(&TAIL) {
                    output.truncate(output.len().saturating_sub(TAIL.len()));
                }
                return Some(output);
            }
            left = left.saturating_sub(piece.len());
        }
        None
    }

    fn compress(&mut self, mut piece: &[u8], flush: FlushCompress) {
        let Some(compressor) = &mut self.compressor else { return };
        loop {
            self.output.reserve(GROWTH_BYTES.min(piece.len().saturating_add(64)));
            let before = compressor.total_in();
            let compressed = compressor.compress_vec(piece, &mut self.output, flush);
            let taken = usize::try_from(compressor.total_in().saturating_sub(before)).unwrap_or(usize::MAX);
            piece = piece.get(taken..).unwrap_or_default();
            // Room that is left means that all is out. It cannot fail: the stream is ours, and there is always room.
            if compressed.is_err() || self.output.len() < self.output.capacity() {
                return;
            }
        }
    }
}

impl Drop for Deflation {
    fn drop(&mut self) {
        let zlib_bits = self.window_bits.max(ZLIB_WINDOW_BITS_MIN);
        if let Some(mut compressor) = self.compressor.take() {
            compressor.reset();
            COMPRESSORS.with_borrow_mut(|kept| {
                if let Some(kept) = kept.get_mut(place(zlib_bits)) {
                    *kept = Some(compressor);
                }
            });
        }
    }
}

fn place(zlib_bits: u8) -> usize {
    usize::from(zlib_bits.saturating_sub(ZLIB_WINDOW_BITS_MIN))
}

/// A message on its way in.
#[derive(Debug)]
pub(super) struct Inflation {
    /// Gone only while it is dropped.
    inflater: Option<Decompress>,
    pub(super) is_text: bool,
    input: Vec<u8>,
    taken: usize,
    output: Vec<u8>,
    bytes_max: usize,
}

impl Inflation {
    /// `bytes_max` is for what comes out.
    pub(super) fn begin(is_text: bool, mut input: Vec<u8>, bytes_max: u64) -> Self {
        input.extend_from_slice(&TAIL);
        let inflater =
            INFLATER.take().unwrap_or_else(|| Decompress::new_with_window_bits(false, *WINDOW_BITS.end()));
        let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
        Self { inflater: Some(inflater), is_text, input, taken: 0, output: Vec::new(), bytes_max }
    }

    /// Goes on for one step. Gives the whole when it is done.
    pub(super) fn step(&mut self) -> Result<Option<Vec<u8>>, Violation> {
        let Some(inflater) = &mut self.inflater else { return Err(Violation::NotDeflate) };
        let before = self.output.len();
        while self.output.len().saturating_sub(before) < WEBSOCKET_DEFLATE_STEP_BYTES {
            let rest = self.input.get(self.taken..).unwrap_or_default();
            // One byte more than is allowed, to see that there is more.
            let room = self.bytes_max.saturating_add(1).saturating_sub(self.output.len());
            let growth = GROWTH_BYTES.max(self.output.len()).min(WEBSOCKET_DEFLATE_STEP_BYTES);
            self.output.reserve_exact(growth.min(rest.len().saturating_mul(8).max(64)).min(room));
            let taken_before = inflater.total_in();
            let status = inflater
                .decompress_vec(rest, &mut self.output, FlushDecompress::Sync)
                .map_err(|_| Violation::NotDeflate)?;
            let taken =
                usize::try_from(inflater.total_in().saturating_sub(taken_before)).unwrap_or(usize::MAX);
            self.taken = self.taken.saturating_add(taken);
            if self.output.len() > self.bytes_max {
                return Err(Violation::TooLarge);
            }
            let has_room = self.output.len() < self.output.capacity();
            let is_over = self.taken >= self.input.len();
            if status == Status::StreamEnd && !is_over {
                // A sender may end the stream inside a message; what follows is another one (section 7.2.3.4).
                inflater.reset(false);
            } else if is_over && (has_room || status == Status::StreamEnd) {
                return Ok(Some(std::mem::take(&mut self.output)));
            } else if has_room && taken == 0 {
                return Err(Violation::NotDeflate);
            }
        }
        Ok(None)
    }
}

impl Drop for Inflation {
    fn drop(&mut self) {
        if let Some(mut inflater) = self.inflater.take() {
            inflater.reset(false);
            INFLATER.replace(Some(inflater));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deflate(window_bits: u8, message: &[u8]) -> Vec<u8> {
        let agreement = Agreement { window_bits, bounded: false };
        let mut deflation = Deflation::begin(agreement, false, Bytes::copy_from_slice(message));
        loop {
            if let Some(done) = deflation.step() {
                return done;
            }
        }
    }

    fn inflate(message: &[u8], bytes_max: u64) -> Result<Vec<u8>, Violation> {
        let mut inflation = Inflation::begin(false, message.to_vec(), bytes_max);
        loop {
            if let Some(done) = inflation.step()? {
                return Ok(done);
            }
        }
    }

    /// Repeats itself at a long distance, so that a window that is kept to shows.
    fn sample(length: usize) -> Vec<u8> {
        let mut state = 1_u32;
        let block: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        })
        .take(20_000)
        .collect();
        block.iter().copied().cycle().take(length).collect()
    }

    #[test]
    fn the_specifications_examples_are_inflated() {
        // RFC 7692, section 7.2.3: one block, no compression, BFINAL, two blocks, an empty message.
        for (bytes, message) in [
            (&[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00][..], "Hello"),
            (&[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00], "Hello"),
            (&[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00], "Hello"),
            (&[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00], "Hello"),
            (&[0x00], ""),
            (&[], ""),
        ] {
            assert_eq!(inflate(bytes, 5), Ok(message.as_bytes().to_vec()), "{bytes:x?}");
        }
    }

    #[test]
    fn what_is_deflated_is_inflated_again_in_every_window() {
        for window_bits in 8..=15 {
            for length in [0, 1, 5, 125, 126, 255, 256, 257, 4_096, 65_535, 65_536, 300_000, 1_200_000] {
                let message = sample(length);
                let deflated = deflate(window_bits, &message);
                assert!(!deflated.ends_with(&TAIL), "{window_bits} bits, {length} bytes");
                assert_eq!(
                    inflate(&deflated, length as u64).unwrap(),
                    message,
                    "{window_bits} bits, {length} bytes"
                );
            }
        }
    }

    #[test]
    fn no_distance_is_longer_than_the_window_that_was_agreed_on() {
        for window_bits in 8..=15_u8 {
            let deflated = [deflate(window_bits, &sample(100_000)), TAIL.to_vec()].concat();
            // An inflater of that window refuses a longer distance; zlib has none of 8 bits.
            let mut inflater = Decompress::new_with_window_bits(false, window_bits.max(9));
            let mut output = Vec::with_capacity(200_000);
            let status = inflater.decompress_vec(&deflated, &mut output, FlushDecompress::Sync).unwrap();
            assert_eq!((output.len(), status), (100_000, Status::Ok), "{window_bits} bits");
        }
    }

    #[test]
    fn what_comes_out_is_bounded_whatever_goes_in() {
        let bomb = deflate(15, &vec![0; 64 * 1024 * 1024]);
        assert!(bomb.len() < 1024 * 1024, "{}", bomb.len());
        assert_eq!(inflate(&bomb, 1024 * 1024), Err(Violation::TooLarge));
        let mut inflation = Inflation::begin(false, bomb, 1024 * 1024);
        while inflation.step().is_ok() {
            assert!(inflation.output.capacity() <= 1024 * 1024 + 1 + GROWTH_BYTES);
        }
        assert_eq!(inflate(&deflate(15, b"123456"), 5), Err(Violation::TooLarge));
    }

    #[test]
    fn what_is_not_deflated_is_refused_or_read_as_something_and_never_more() {
        assert_eq!(inflate(&[0xff, 0xff, 0xff], 100), Err(Violation::NotDeflate));
        let mut state = 7_u32;
        let deflated = deflate(15, &sample(3_000));
        for _ in 0..20_000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let mut bytes = deflated.clone();
            let place = usize::try_from(state >> 8).unwrap() % bytes.len();
            bytes[place] ^= u8::try_from(state & 0xff).unwrap() | 1;
            bytes.truncate(bytes.len() - usize::try_from(state >> 28).unwrap());
            if let Ok(message) = inflate(&bytes, 10_000) {
                assert!(message.len() <= 10_000);
            }
        }
        // What went wrong with one message is forgotten with it.
        assert_eq!(inflate(&deflated, 3_000).unwrap(), sample(3_000));
    }

    /// The answer to one offer, or to none; `malformed`.
    fn check(values: &[&str], expected: &str) {
        let answer = match Agreement::choose(values.iter().copied()) {
            Ok(Some(agreement)) => agreement.answer(),
            Ok(None) => String::new(),
            Err(Malformed) => "malformed".to_owned(),
        };
        let plain = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
        assert_eq!(answer, expected.replace("plain", plain), "{values:?}");
    }

    #[test]
    fn the_first_offer_that_can_be_accepted_is() {
        check(&["permessage-deflate"], "plain");
        check(&["permessage-deflate; client_max_window_bits"], "plain");
        check(&["permessage-deflate; client_max_window_bits=9"], "plain");
        check(&["permessage-deflate; client_max_window_bits=\"9\""], "plain");
        check(&["permessage-deflate;server_no_context_takeover ; client_no_context_takeover"], "plain");
        for bits in 8..=15 {
            check(
                &[&format!("permessage-deflate; server_max_window_bits={bits}")],
                &format!("plain; server_max_window_bits={bits}"),
            );
        }
        check(&["x-webkit-deflate-frame, permessage-deflate"], "plain");
        check(&["x-webkit-deflate-frame", ", permessage-deflate,"], "plain");
        check(&["permessage-deflate; foo, permessage-deflate"], "plain");
        check(
            &[
                "permessage-deflate; server_max_window_bits=16, permessage-deflate; server_max_window_bits=10, permessage-deflate",
            ],
            "plain; server_max_window_bits=10",
        );
    }

    #[test]
    fn an_offer_that_cannot_be_accepted_is_declined() {
        for offer in [
            "",
            "permessage-bzip2",
            "permessage-deflate; foo",
            "permessage-deflate; server_max_window_bits",
            "permessage-deflate; server_max_window_bits=16",
            "permessage-deflate; server_max_window_bits=7",
            "permessage-deflate; server_max_window_bits=08",
            "permessage-deflate; server_max_window_bits=+9",
            "permessage-deflate; server_max_window_bits=nine",
            "permessage-deflate; client_max_window_bits=16",
            "permessage-deflate; client_max_window_bits=010",
            "permessage-deflate; server_no_context_takeover=1",
            "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
            "permessage-deflate; server_max_window_bits=9; server_max_window_bits=9",
        ] {
            check(&[offer], "");
        }
    }

    #[test]
    fn a_field_that_is_no_list_of_extensions_is_malformed() {
        for value in [
            "permessage-deflate permessage-deflate",
            "permessage-deflate;",
            "permessage-deflate; =9",
            "permessage-deflate; server_max_window_bits=",
            "permessage-deflate; server_max_window_bits=\"9",
            "permessage-deflate; server_max_window_bits=\"\"",
            "=",
            "permessage-deflate/2",
        ] {
            check(&[value], "malformed");
        }
    }
}
