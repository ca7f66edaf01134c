//! How XML-RPC writes doubles, dates and bytes.

use std::fmt::Write as _;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Padding is written, and may be missing in what is read.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Appends an integer.
pub(super) fn push_integer(number: i64, out: &mut String) {
    // Writing to a String never fails.
    let _: std::fmt::Result = write!(out, "{number}");
}

/// Appends base64 as it is written on both sides: padded, without the white space that may stand in it. None when it is not
/// base64; then nothing has been appended.
pub(super) fn push_base64(text: &str, out: &mut String) -> Option<()> {
    let bytes = if text.bytes().any(|byte| byte.is_ascii_whitespace()) {
        let text: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        BASE64.decode(text).ok()?
    } else {
        BASE64.decode(text).ok()?
    };
    BASE64.encode_string(bytes, out);
    Some(())
}

/// Appends a double as a JSON number with a fraction or an exponent. What XML-RPC allows and JSON does not is put right: a plus
/// sign, leading zeros, no digit on one side of the point.
pub(super) fn push_double(text: &str, out: &mut String) -> Option<()> {
    let is_all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !text.parse::<f64>().ok()?.is_finite() {
        return None;
    }
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => ("-", unsigned),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if !is_all_digits(whole) || !is_all_digits(fraction) {
        return None;
    }
    out.push_str(sign);
    let whole = whole.trim_start_matches('0');
    out.push_str(if whole.is_empty() { "0" } else { whole });
    if !fraction.is_empty() || exponent.is_none() {
        out.push('.');
        out.push_str(if fraction.is_empty() { "0" } else { fraction });
    }
    if let Some(exponent) = exponent {
        out.push('e');
        out.push_str(exponent);
    }
    Some(())
}

/// `19980717T14:08:55`, also with hyphens in the date, without colons in the time, with a fraction of the second and with a
/// zone. Month and day may be zero: that is how a date that is not known is sent.
pub(super) fn is_date_time(text: &str) -> bool {
    let Some((date, time)) = text.split_once('T') else { return false };
    let Some(date) = digits(date, &[4, 2, 2], '-') else { return false };
    let (time, zone) = match time.find(['Z', '+', '-']) {
        Some(at) => time.split_at_checked(at).unwrap_or((time, "")),
        None => (time, ""),
    };
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let Some(time) = digits(time, &[2, 2, 2], ':') else { return false };
    let is_fraction = (1..=9).contains(&fraction.len()) && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let is_zone = match zone.strip_prefix(['+', '-']) {
        Some(offset) => digits(offset, &[2, 2], ':')
            .or_else(|| digits(offset, &[2], ':'))
            .is_some_and(|offset| fits(&offset, &[23, 59])),
        None => zone.is_empty() || zone == "Z",
    };
    fits(&date, &[9_999, 12, 31]) && fits(&time, &[24, 59, 60]) && is_fraction && is_zone
}

fn fits(numbers: &[u32], maxima: &[u32]) -> bool {
    numbers.iter().zip(maxima).all(|(number, max)| number <= max)
}

/// Numbers of fixed width, with a separator between all of them or between none.
fn digits(text: &str, widths: &[usize], separator: char) -> Option<Vec<u32>> {
    let is_separated = text.contains(separator);
    let mut rest = text;
    let mut numbers = Vec::with_capacity(widths.len());
    for width in widths {
        if is_separated && !numbers.is_empty() {
            rest = rest.strip_prefix(separator)?;
        }
        let (number, after) = rest.split_at_checked(*width)?;
        if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        numbers.push(number.parse().ok()?);
        rest = after;
    }
    rest.is_empty().then_some(numbers)
}
