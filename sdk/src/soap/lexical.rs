//! Built-in types of XML Schema that Rust has no type for: bytes, dates and times. Dates are kept as the text that came, in
//! a form that has been checked, because their zone and precision mean something to the sender and nothing to this crate.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::schema::Schema;
use super::value::{Mismatch, Writer, XmlValue, token, unexpected};
use super::xml::{Element, is_space};

/// Bytes as `xs:base64Binary`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bytes(pub Vec<u8>);

impl XmlValue for Bytes {
    fn type_name(_schema: &mut Schema) -> String {
        "xs:base64Binary".into()
    }

    fn read(element: &Element) -> Result<Self, Mismatch> {
        let found = token(element, "xs:base64Binary")?;
        // XML Schema lets white space stand between the characters (Part 2, section 3.2.16).
        let dense: String = found.chars().filter(|character| !is_space(*character)).collect();
        STANDARD.decode(dense).map(Self).map_err(|_| unexpected("xs:base64Binary", found))
    }

    fn write(&self, out: &mut Writer) {
        out.text(&STANDARD.encode(&self.0));
    }
}

/// An `xs:date` (XML Schema Part 2, section 3.2.9): `2026-11-22`, with an optional zone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Date(String);

/// An `xs:dateTime` (XML Schema Part 2, section 3.2.7): `2026-11-22T13:45:59.5Z`, fraction and zone optional.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DateTime(String);

/// A text is not a date or a time as XML Schema writes them, or names a day that no calendar has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not {0}")]
pub struct DateError(&'static str);

const DATE: &str = "xs:date (such as 2026-11-22)";
const DATE_TIME: &str = "xs:dateTime (such as 2026-11-22T13:45:59Z)";

impl DateTime {
    /// The time that lies so many milliseconds after the beginning of 1970 in UTC, up to the end of the year 9999.
    #[must_use]
    pub fn from_unix_ms(milliseconds: u64) -> Self {
        // The last millisecond of the year 9999, so that a year always has four digits.
        let milliseconds = milliseconds.min(253_402_300_799_999);
        let (seconds, fraction) = (milliseconds / 1000, milliseconds % 1000);
        let (days, second) = (seconds / 86_400, seconds % 86_400);
        // Days of the proleptic Gregorian calendar, counted in eras of 400 years from 0000-03-01, so that the leap day is
        // the last day of its year.
        let day = days + 719_468;
        let (era, day) = (day / 146_097, day % 146_097);
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
        let year = year + era * 400 + next;
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        Self(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:03}Z"))
    }
}

macro_rules! dated {
    ($rust:ident, $schema:literal, $expected:ident, $check:ident) => {
        impl $rust {
            /// The text, as it was written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $rust {
            type Err = DateError;

            fn from_str(text: &str) -> Result<Self, DateError> {
                $check(text).map(|()| Self(text.to_owned())).ok_or(DateError($expected))
            }
        }

        impl fmt::Display for $rust {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl XmlValue for $rust {
            fn type_name(_schema: &mut Schema) -> String {
                $schema.into()
            }

            fn read(element: &Element) -> Result<Self, Mismatch> {
                let found = token(element, $expected)?;
                found.parse().map_err(|_| unexpected($expected, found))
            }

            fn write(&self, out: &mut Writer) {
                out.text(&self.0);
            }
        }

        impl serde::Serialize for $rust {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $rust {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

dated!(Date, "xs:date", DATE, whole_date);
dated!(DateTime, "xs:dateTime", DATE_TIME, whole_date_time);

fn whole_date(text: &str) -> Option<()> {
    zone(date(text)?)
}

fn whole_date_time(text: &str) -> Option<()> {
    let rest = date(text)?.strip_prefix('T')?;
    let (hour, rest) = two_digits(rest)?;
    let (minute, rest) = two_digits(rest.strip_prefix(':')?)?;
    let (second, rest) = two_digits(rest.strip_prefix(':')?)?;
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => digits(rest),
        None => ("0", rest),
    };
    // 24:00:00 is the end of the day; leap seconds cannot be written.
    let end_of_day = hour == 24 && minute == 0 && second == 0 && fraction.bytes().all(|byte| byte == b'0');
    if fraction.is_empty() || minute > 59 || second > 59 || (hour > 23 && !end_of_day) {
        return None;
    }
    zone(rest)
}

/// Reads `-?YYYY-MM-DD` and gives what follows.
fn date(text: &str) -> Option<&str> {
    let (year, rest) = digits(text.strip_prefix('-').unwrap_or(text));
    // The year 0000 does not exist in XML Schema 1.0, and more than four digits take no nought in front.
    if year.len() < 4 || (year.len() > 4 && year.starts_with('0')) || year == "0000" {
        return None;
    }
    let (month, rest) = two_digits(rest.strip_prefix('-')?)?;
    let (day, rest) = two_digits(rest.strip_prefix('-')?)?;
    // The last four digits decide whether the year is a leap year, as 10000 is a multiple of 400.
    let year: u32 = year.get(year.len().saturating_sub(4)..)?.parse().ok()?;
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    (1..=days).contains(&day).then_some(rest)
}

/// Reads an optional zone, `Z` or `+hh:mm` up to fourteen hours, to the end.
fn zone(text: &str) -> Option<()> {
    if text.is_empty() || text == "Z" {
        return Some(());
    }
    let (hour, rest) = two_digits(text.strip_prefix(['+', '-'])?)?;
    let (minute, rest) = two_digits(rest.strip_prefix(':')?)?;
    let within = (hour < 14 && minute < 60) || (hour == 14 && minute == 0);
    (within && rest.is_empty()).then_some(())
}

fn digits(text: &str) -> (&str, &str) {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    text.split_at_checked(end).unwrap_or((text, ""))
}

fn two_digits(text: &str) -> Option<(u32, &str)> {
    let (number, rest) = text.split_at_checked(2)?;
    let all = number.bytes().all(|byte| byte.is_ascii_digit());
    if all { Some((number.parse().ok()?, rest)) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_every_form_are_read_and_impossible_ones_refused() {
        for good in
            ["2026-11-22", "2024-02-29", "2000-02-29Z", "-0044-03-15", "12026-01-01", "2026-11-22+14:00"]
        {
            assert_eq!(good.parse::<Date>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "2026",
            "26-11-22",
            "2026-11-22T",
            "2026-13-01",
            "2026-02-29",
            "1900-02-29",
            "2026-11-31",
            "2026-11-22+14:01",
            "2026-11-22+1:00",
            "0000-01-01",
            "02026-01-01",
            "2026-11-22 ",
            "２026-11-22",
        ] {
            assert!(bad.parse::<Date>().is_err(), "{bad}");
        }
    }

    #[test]
    fn times_of_every_form_are_read_and_impossible_ones_refused() {
        for good in ["2026-11-22T13:45:59", "2026-11-22T24:00:00.000Z", "2026-11-22T00:00:00.123456789-05:30"]
        {
            assert!(good.parse::<DateTime>().is_ok(), "{good}");
        }
        for bad in [
            "2026-11-22",
            "2026-11-22T24:00:01Z",
            "2026-11-22T23:60:00Z",
            "2026-11-22T23:59:60Z",
            "2026-11-22T1:00:00Z",
            "2026-11-22T10:00:00.Z",
            "2026-11-22t10:00:00Z",
            "2026-11-22T10:00Z",
        ] {
            assert!(bad.parse::<DateTime>().is_err(), "{bad}");
        }
    }

    #[test]
    fn unix_time_becomes_the_calendar_time_it_is() {
        for (milliseconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_767_225_599_000, "2025-12-31T23:59:59.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (u64::MAX, "9999-12-31T23:59:59.999Z"),
        ] {
            let time = DateTime::from_unix_ms(milliseconds);
            assert_eq!(time.as_str(), text);
            assert!(time.as_str().parse::<DateTime>().is_ok());
        }
    }

    #[test]
    fn bytes_are_read_with_white_space_between_them() {
        let element = Element { text: " aGVs\n bG8= ".into(), ..Element::default() };
        assert_eq!(Bytes::read(&element), Ok(Bytes(b"hello".to_vec())));
        let element = Element { text: "aGVsbG8".into(), ..Element::default() };
        assert!(Bytes::read(&element).is_err());
    }
}
