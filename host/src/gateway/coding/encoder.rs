//! Bodies into codings.
//!
//! Owns the libraries' levels and windows. They are chosen for the time of the worker first: each step of quality beyond these
//! takes twice the time for a few hundredths of the size.

use std::io::{self, Write as _};

use brotli::enc::BrotliEncoderParams;
use bytes::Bytes;

use super::Coding;
use crate::limits::CODING_SLICE_BYTES;

const GZIP_LEVEL: u32 = 4;
const BROTLI_QUALITY: i32 = 4;
const ZSTANDARD_LEVEL: i32 = 3;

/// The logarithms of the windows that Brotli may be given (RFC 7932, section 9.1), up to a mebibyte: it is allocated.
const BROTLI_WINDOW_LOG_MIN: u32 = 10;
const BROTLI_WINDOW_LOG_MAX: u32 = 20;
/// Brotli hands on what it has written in pieces of this size.
const BROTLI_BUFFER_BYTES: usize = 16 * 1024;

enum Encoder {
    Gzip(flate2::write::GzEncoder<Vec<u8>>),
    Brotli(Box<brotli::CompressorWriter<Vec<u8>>>),
    Zstandard(zstd::stream::write::Encoder<'static, Vec<u8>>),
}

impl Encoder {
    /// None for a coding that is only read.
    fn new(coding: Coding, length: usize) -> io::Result<Option<Self>> {
        let coded = Vec::with_capacity(length / 4);
        Ok(Some(match coding {
            Coding::Gzip => {
                Self::Gzip(flate2::write::GzEncoder::new(coded, flate2::Compression::new(GZIP_LEVEL)))
            }
            Coding::Brotli => {
                let window_log = length
                    .checked_next_power_of_two()
                    .map_or(BROTLI_WINDOW_LOG_MAX, usize::trailing_zeros)
                    .clamp(BROTLI_WINDOW_LOG_MIN, BROTLI_WINDOW_LOG_MAX);
                let parameters = BrotliEncoderParams {
                    quality: BROTLI_QUALITY,
                    lgwin: i32::try_from(window_log).unwrap_or(0),
                    size_hint: length,
                    ..BrotliEncoderParams::default()
                };
                Self::Brotli(Box::new(brotli::CompressorWriter::with_params(
                    coded,
                    BROTLI_BUFFER_BYTES,
                    &parameters,
                )))
            }
            Coding::Zstandard => {
                let mut encoder = zstd::stream::write::Encoder::new(coded, ZSTANDARD_LEVEL)?;
                // Known beforehand, so that tables and window are no larger than the body.
                encoder.set_pledged_src_size(Some(length as u64))?;
                Self::Zstandard(encoder)
            }
            Coding::Deflate => return Ok(None),
        }))
    }

    fn write(&mut self, slice: &[u8]) -> io::Result<()> {
        match self {
            Self::Gzip(encoder) => encoder.write_all(slice),
            Self::Brotli(encoder) => encoder.write_all(slice),
            Self::Zstandard(encoder) => encoder.write_all(slice),
        }
    }

    fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Gzip(encoder) => encoder.finish(),
            Self::Brotli(encoder) => Ok(encoder.into_inner()),
            Self::Zstandard(encoder) => encoder.finish(),
        }
    }
}

/// The body in a coding, slice by slice. None when the library fails, which it has no reason to.
pub(super) async fn encode(body: &Bytes, coding: Coding) -> Option<Bytes> {
    let mut encoder = Encoder::new(coding, body.len()).ok()??;
    for (count, slice) in body.chunks(CODING_SLICE_BYTES).enumerate() {
        if count > 0 {
            tokio::task::yield_now().await;
        }
        encoder.write(slice).ok()?;
    }
    encoder.finish().ok().map(Bytes::from)
}
