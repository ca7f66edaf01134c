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

/// How much may come out of a body that came in `wire_bytes`.
fn bytes_max(wire_bytes: usize, body_bytes_max: u64) -> u64 {
    (wire_bytes as u64)
        .saturating_mul(DECOMPRESSION_RATIO_MAX)
        .max(DECOMPRESSION_UNMEASURED_BYTES)
        .min(body_bytes_max)
}

/// The body out of one coding. `wire_bytes` is its length before any coding was taken off.
///
/// # Errors
/// [`Failure::BodyTooLarge`], and [`Failure::BodyMiscoded`] when it breaks its coding's rules, ends early or goes on behind its
/// end.
pub(super) async fn decode(
    coded: &[u8],
    coding: Coding,
    wire_bytes: usize,
    body_bytes_max: u64,
) -> Result<Bytes, Failure> {
    let bytes_max = bytes_max(wire_bytes, body_bytes_max);
    let mut decoder = Decoder::new(coding)?;
    let mut plain = Vec::new();
    let mut room = vec![0; CODING_SLICE_BYTES];
    let mut rest = coded;
    let mut members = 1;
    let mut work = 0;
    loop {
        let input = rest.get(..CODING_SLICE_BYTES).unwrap_or(rest);
        let step = decoder.step(input, &mut room).ok_or(Failure::BodyMiscoded)?;
        rest = rest.get(step.taken..).ok_or(Failure::BodyMiscoded)?;
        let given = room.get(..step.given).ok_or(Failure::BodyMiscoded)?;
        if (plain.len() as u64).saturating_add(given.len() as u64) > bytes_max {
            return Err(Failure::BodyTooLarge);
        }
        plain.extend_from_slice(given);
        if step.is_end {
            if rest.is_empty() {
                return Ok(plain.into());
            }
            members += 1;
            if !decoder.has_members() || members > CODING_MEMBERS_MAX {
                return Err(Failure::BodyMiscoded);
            }
            decoder.next_member();
        } else if step.taken == 0 && step.given == 0 {
            // It wants more, and there is no more.
            return Err(Failure::BodyMiscoded);
        }
        work += step.taken + step.given;
        if work >= CODING_SLICE_BYTES {
            work = 0;
            tokio::task::yield_now().await;
        }
    }
}
