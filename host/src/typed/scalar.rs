//! Scalars as text: integers, floats, characters, bytes, names of cases.
//!
//! Owns the lexical forms that JSON, XML, XML-RPC and query strings share, each way. Refuses to know what stands round them.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use wasmtime::component::Val;

use super::model::{Case, Integer};

/// RFC 4648, section 4, padded, with zero bits behind the last byte: one spelling for each value.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// Section 5: the form that needs no escapes in a URL, where padding is customarily left out.
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// An integer as a value of its type; none when it is out of range.
#[must_use]
pub fn integer_value(integer: Integer, number: i128) -> Option<Val> {
    Some(match integer {
        Integer::S8 => Val::S8(number.try_into().ok()?),
        Integer::U8 => Val::U8(number.try_into().ok()?),
        Integer::S16 => Val::S16(number.try_into().ok()?),
        Integer::U16 => Val::U16(number.try_into().ok()?),
        Integer::S32 => Val::S32(number.try_into().ok()?),
        Integer::U32 => Val::U32(number.try_into().ok()?),
        Integer::S64 => Val::S64(number.try_into().ok()?),
        Integer::U64 => Val::U64(number.try_into().ok()?),
    })
}

/// An integer from its one spelling as text: digits, a minus sign before them or none, no leading zeros, no negative zero.
#[must_use]
pub fn text_integer(text: &str) -> Option<i128> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_padded = digits.starts_with('0') && text != "0";
    if is_padded { None } else { plain_integer(text) }
}

/// An integer from digits with a minus sign or none.
fn plain_integer(text: &str) -> Option<i128> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    // More digits than 64 bits have are out of range for every type, whatever they say.
    let is_plain = (1..=20).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_plain { text.parse().ok() } else { None }
}

/// An integer from a JSON number. `1.0` and `1e2` are integers for JSON Schema, so they are here.
#[must_use]
pub fn json_integer(number: &str) -> Option<i128> {
    if let Some(plain) = plain_integer(number) {
        return Some(plain);
    }
    let (sign, unsigned) = match number.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, number),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Some(0);
    }
    // The digits, and how many zeros belong behind them.
    let trimmed = digits.trim_end_matches('0');
    let zeros = i64::from(exponent)
        .checked_sub(i64::try_from(fraction.len()).ok()?)?
        .checked_add(i64::try_from(digits.len().checked_sub(trimmed.len())?).ok()?)?;
    let zeros = u32::try_from(zeros).ok()?;
    if trimmed.len().checked_add(usize::try_from(zeros).ok()?)? > 20 {
        return None;
    }
    trimmed.parse::<i128>().ok()?.checked_mul(10_i128.checked_pow(zeros)?)?.checked_mul(sign)
}

/// `NaN`, `Infinity`, `-Infinity`: what JSON has no number for.
#[must_use]
pub fn special_float(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

/// A float from a decimal number; none when it is beyond the largest finite one.
#[must_use]
pub fn float64(number: &str) -> Option<f64> {
    number.parse::<f64>().ok().filter(|number| number.is_finite())
}

/// The same with 32 bits.
#[must_use]
pub fn float32(number: &str) -> Option<f32> {
    number.parse::<f32>().ok().filter(|number| number.is_finite())
}

/// Whether a text is a decimal number in the form of JSON.
#[must_use]
pub fn is_json_number(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
}

/// The one character of a text.
#[must_use]
pub fn character(text: &str) -> Option<char> {
    let mut characters = text.chars();
    let first = characters.next()?;
    characters.next().is_none().then_some(first)
}

/// Bytes from base64 in its one spelling.
#[must_use]
pub fn bytes(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text).ok()
}

/// Bytes from base64 in a URL: of either alphabet.
#[must_use]
pub fn bytes_in_url(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text).or_else(|_| BASE64_URL.decode(text)).ok()
}

/// Appends bytes as base64.
pub fn push_bytes(bytes: &[u8], out: &mut String) {
    BASE64.encode_string(bytes, out);
}

/// Bytes in the form in which the engine takes and gives them.
#[must_use]
pub fn bytes_value(bytes: &[u8]) -> Val {
    Val::List(bytes.iter().map(|byte| Val::U8(*byte)).collect())
}

/// The bytes of such a value.
#[must_use]
pub fn value_bytes(values: &[Val]) -> Option<Vec<u8>> {
    values
        .iter()
        .map(|value| match value {
            Val::U8(byte) => Some(*byte),
            _ => None,
        })
        .collect()
}

/// A case by the name that styles use.
#[must_use]
pub fn case<'a>(cases: &'a [Case], name: &str) -> Option<&'a Case> {
    cases.iter().find(|case| case.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integer_is_one_by_its_value_and_not_by_its_spelling() {
        for (text, number) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("1.0", Some(1)),
            ("1e2", Some(100)),
            ("1.5e1", Some(15)),
            ("100e-2", Some(1)),
            ("-2.50E+1", Some(-25)),
            ("0.0e999999999", Some(0)),
            ("18446744073709551615", Some(18_446_744_073_709_551_615)),
            ("1.8446744073709551615e19", Some(18_446_744_073_709_551_615)),
            ("1.5", None),
            ("1e-1", None),
            ("1e400", None),
            ("1e99999999999", None),
            ("123456789012345678901234567890", None),
        ] {
            assert_eq!(json_integer(text), number, "{text}");
        }
    }

    #[test]
    fn base64_has_one_spelling() {
        assert_eq!(bytes("aGk="), Some(b"hi".to_vec()));
        assert_eq!(bytes(""), Some(Vec::new()));
        for other in ["aGk", "aGl=", "aGk=\n", "a-_=", "a", "====", "aGk=aGk="] {
            assert_eq!(bytes(other), None, "{other}");
        }
        assert_eq!(bytes_in_url("-_8"), Some(vec![0xfb, 0xff]));
    }
}
