//! Bodies out of codings.
//!
//! Owns the loop that no input can make long: each step takes at most a slice in and gives at most a slice out, and what came
//! out is counted before more is made.

use brotli::enc::StandardAlloc;
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};
use bytes::Bytes;
use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{DParameter, Operation as _};

use super::Coding;
use crate::failure::Failure;
use crate::limits::{
    CODING_MEMBERS_MAX, CODING_SLICE_BYTES, DECOMPRESSION_RATIO_MAX, DECOMPRESSION_UNMEASURED_BYTES,
    ZSTANDARD_WINDOW_LOG_MAX,
};

/// The window of gzip, for the library: the largest of the format (RFC 1951, section 2).
const GZIP_WINDOW_LOG: u8 = 15;

type Brotli = BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>;

enum Decoder {
    Gzip(Decompress),
    Deflate(Decompress),
    Brotli(Box<Brotli>),
    Zstandard(zstd::stream::raw::Decoder<'static>),
}

/// What one step did.
struct Step {
    taken: usize,
    given: usize,
    /// The end of the coded data, or of one of its members.
    is_end: bool,
}

impl Decoder {
    fn new(coding: Coding) -> Result<Self, Failure> {
        Ok(match coding {
            Coding::Gzip => Self::Gzip(Decompress::new_gzip(GZIP_WINDOW_LOG)),
            Coding::Deflate => Self::Deflate(Decompress::new(true)),
            // Strict: without the extension for windows of more than 16 MiB.
            Coding::Brotli => Self::Brotli(Box::new(BrotliState::new_strict(
                StandardAlloc::default(),
                StandardAlloc::default(),
                StandardAlloc::default(),
            ))),
            Coding::Zstandard => {
                let mut decoder = zstd::stream::raw::Decoder::new().map_err(|_| Failure::Internal)?;
                decoder
                    .set_parameter(DParameter::WindowLogMax(ZSTANDARD_WINDOW_LOG_MAX))
                    .map_err(|_| Failure::Internal)?;
                Self::Zstandard(decoder)
            }
        })
    }

    /// Whether another member may follow: gzip (RFC 1952, section 2.2) and Zstandard (RFC 8878, section 3) have them.
    fn has_members(&self) -> bool {
        matches!(self, Self::Gzip(_) | Self::Zstandard(_))
    }

    fn next_member(&mut self) {
        if let Self::Gzip(inflate) = self {
            *inflate = Decompress::new_gzip(GZIP_WINDOW_LOG);
        }
    }

    /// None when the input is not of the coding.
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Option<Step> {
        match self {
            Self::Gzip(inflate) | Self::Deflate(inflate) => {
                let (taken, given) = (inflate.total_in(), inflate.total_out());
                let status = inflate.decompress(input, output, FlushDecompress::None).ok()?;
                Some(Step {
                    taken: usize::try_from(inflate.total_in().checked_sub(taken)?).ok()?,
                    given: usize::try_from(inflate.total_out().checked_sub(given)?).ok()?,
                    is_end: status == Status::StreamEnd,
                })
            }
            Self::Brotli(state) => {
                let (mut input_left, mut output_left) = (input.len(), output.len());
                let (mut taken, mut given, mut total) = (0, 0, 0);
                let result = BrotliDecompressStream(
                    &mut input_left,
                    &mut taken,
                    input,
                    &mut output_left,
                    &mut given,
                    output,
                    &mut total,
                    state,
                );
                let is_end = matches!(result, BrotliResult::ResultSuccess);
                (!matches!(result, BrotliResult::ResultFailure)).then_some(Step { taken, given, is_end })
            }
            Self::Zstandard(decoder) => {
                let status = decoder.run_on_buffers(input, output).ok()?;
                Some(Step {
                    taken: status.bytes_read,
                    given: status.bytes_written,
                    is_end: status.remaining == 0,
                })
            }
        }
    }
}

/// A coding that is being taken off a body, step by step.
pub(super) struct Unpacker {
    decoder: Decoder,
    members: usize,
    /// Nothing is missing: the coded data, or one of its members, has ended.
    is_complete: bool,
    given: u64,
}

/// How far one step got.
pub(super) struct Progress {
    /// Bytes of the input that are done with.
    pub(super) taken: usize,
    /// Bytes that stand in the room for them.
    pub(super) given: usize,
}

impl Unpacker {
    pub(super) fn new(coding: Coding) -> Result<Self, Failure> {
        Ok(Self { decoder: Decoder::new(coding)?, members: 1, is_complete: false, given: 0 })
    }

    /// Takes from the input, at most a slice, and gives into the room. Neither is moved when more input is needed.
    ///
    /// # Errors
    /// [`Failure::BodyMiscoded`] when the input breaks its coding's rules or goes on behind its end; [`Failure::BodyTooLarge`]
    /// when more has come out than `bytes_max`, or than `wire_bytes`, what has come in before any coding was taken off, allows.
    pub(super) fn step(
        &mut self,
        input: &[u8],
        room: &mut [u8],
        wire_bytes: u64,
        bytes_max: u64,
    ) -> Result<Progress, Failure> {
        if self.is_complete {
            if input.is_empty() {
                return Ok(Progress { taken: 0, given: 0 });
            }
            self.members += 1;
            if !self.decoder.has_members() || self.members > CODING_MEMBERS_MAX {
                return Err(Failure::BodyMiscoded);
            }
            self.decoder.next_member();
        }
        let input = input.get(..CODING_SLICE_BYTES).unwrap_or(input);
        let step = self.decoder.step(input, room).ok_or(Failure::BodyMiscoded)?;
        self.is_complete = step.is_end;
        self.given = self.given.saturating_add(step.given as u64);
        let by_ratio = wire_bytes.saturating_mul(DECOMPRESSION_RATIO_MAX).max(DECOMPRESSION_UNMEASURED_BYTES);
        if self.given > by_ratio.min(bytes_max) {
            return Err(Failure::BodyTooLarge);
        }
        Ok(Progress { taken: step.taken, given: step.given })
    }

    /// Whether the body may end here.
    pub(super) fn is_complete(&self) -> bool {
        self.is_complete
    }
}

/// The body out of one coding. `wire_bytes` is its length before any coding was taken off.
///
/// # Errors
/// As [`Unpacker::step`], and [`Failure::BodyMiscoded`] when the body ends early.
pub(super) async fn decode(
    coded: &[u8],
    coding: Coding,
    wire_bytes: u64,
    bytes_max: u64,
) -> Result<Bytes, Failure> {
    let mut unpacker = Unpacker::new(coding)?;
    let mut plain = Vec::new();
    let mut room = vec![0; CODING_SLICE_BYTES];
    let mut rest = coded;
    let mut work = 0;
    loop {
        let Progress { taken, given } = unpacker.step(rest, &mut room, wire_bytes, bytes_max)?;
        rest = rest.get(taken..).unwrap_or_default();
        plain.extend_from_slice(room.get(..given).unwrap_or_default());
        if rest.is_empty() && unpacker.is_complete() {
            return Ok(plain.into());
        }
        if taken == 0 && given == 0 {
            return Err(Failure::BodyMiscoded);
        }
        work += taken + given;
        if work >= CODING_SLICE_BYTES {
            work = 0;
            tokio::task::yield_now().await;
        }
    }
}
