//! What XML-RPC has and JSON lacks: a date and time, and bytes. They cross as objects of one member, `$dateTime` and
//! `$base64`, as `wit/rpc.wit` says.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::json;

use crate::schema::{Schema, Value};

pub(crate) const DATE_TIME_MEMBER: &str = "$dateTime";
pub(crate) const BYTES_MEMBER: &str = "$base64";

/// Any JSON value, kept exactly as it was sent: numbers of any size and spelling included.
pub type Raw = Box<serde_json::value::RawValue>;

/// A date and time as XML-RPC writes it, `19980717T14:08:55`. XML-RPC gives it no zone; what this crate makes is UTC.
///
/// What a caller sends is kept as it was written, so it goes back, or into a store, unchanged: also with hyphens in the date
/// (`1998-07-17`), without colons in the time, with up to nine digits of a fraction of the second, and with a zone (`Z`,
/// `+02:00`). Month and day may be zero, as some send a date that is not known. Anything else is refused with -32602 before the
/// method runs. Compared and hashed by its text; for comparing moments there is [`DateTime::unix_ms`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DateTime(String);

impl DateTime {
    /// The second that `unix_ms` lies in, in UTC. Years past 9999 are written with as many digits as they have.
    pub fn from_unix_ms(unix_ms: u64) -> Self {
        let seconds = unix_ms / 1_000;
        let (days, second_of_day) = (seconds / 86_400, seconds % 86_400);
        // Days are counted in eras of 400 years, which all have 146,097 days, from a year that begins in March, so that
        // the leap day comes last.
        let shifted = days.saturating_add(719_468);
        let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * march_month + 2) / 5 + 1;
        let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
        let year = year_of_era + era * 400 + u64::from(month <= 2);
        let (hour, minute, second) = (second_of_day / 3_600, second_of_day / 60 % 60, second_of_day % 60);
        Self(format!("{year:04}{month:02}{day:02}T{hour:02}:{minute:02}:{second:02}"))
    }

    /// The current second in UTC.
    pub fn now() -> Self {
        Self::from_unix_ms(crate::clock::now_unix_ms())
    }

    /// The moment, in milliseconds since 1970 in UTC: by the zone if there is one, else taken as UTC. None for a day that does
    /// not exist.
    pub fn unix_ms(&self) -> Option<i64> {
        parse(&self.0)?.unix_ms()
    }

    /// The text as the caller sent it, or as it will be sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DateTimeObject<T> {
    #[serde(rename = "$dateTime")]
    text: T,
}

impl Serialize for DateTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        DateTimeObject { text: self.as_str() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for DateTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = DateTimeObject::<String>::deserialize(deserializer)?.text;
        if parse(&text).is_none() {
            return Err(D::Error::custom("`$dateTime` is not of the form 19980717T14:08:55"));
        }
        Ok(Self(text))
    }
}

/// What a date and time says.
struct Parsed {
    year: i64,
    month: i64,
    day: i64,
    second_of_day: i64,
    ms: i64,
    offset_minutes: i64,
}

/// The same forms that the host takes from XML-RPC.
fn parse(text: &str) -> Option<Parsed> {
    let mut rest = text;
    let year = number(&mut rest, 4, i64::MAX)?;
    let hyphen = if rest.starts_with('-') { "-" } else { "" };
    let month = number(after(&mut rest, hyphen)?, 2, 12)?;
    let day = number(after(&mut rest, hyphen)?, 2, 31)?;
    let hour = number(after(&mut rest, "T")?, 2, 24)?;
    let colon = if rest.starts_with(':') { ":" } else { "" };
    let minute = number(after(&mut rest, colon)?, 2, 59)?;
    let second = number(after(&mut rest, colon)?, 2, 60)?;
    let mut ms = 0;
    if after(&mut rest, ".").is_some() {
        let length = rest.bytes().take_while(u8::is_ascii_digit).count();
        let digits = rest.get(..length).filter(|digits| (1..=9).contains(&digits.len()))?;
        ms = format!("{digits}00").get(..3)?.parse().ok()?;
        rest = rest.get(length..)?;
    }
    let mut offset_minutes = 0;
    if !matches!(rest, "" | "Z") {
        let sign = if after(&mut rest, "-").is_some() { -1 } else { after(&mut rest, "+").map(|_| 1)? };
        let hours = number(&mut rest, 2, 23)?;
        let minutes = if rest.is_empty() {
            0
        } else {
            let _: Option<&mut &str> = after(&mut rest, ":");
            number(&mut rest, 2, 59)?
        };
        if !rest.is_empty() {
            return None;
        }
        offset_minutes = sign * (hours * 60 + minutes);
    }
    let second_of_day = (hour * 60 + minute) * 60 + second;
    Some(Parsed { year, month, day, second_of_day, ms, offset_minutes })
}

/// Takes so many digits from the front.
fn number(rest: &mut &str, width: usize, max: i64) -> Option<i64> {
    let (digits, after) = rest.split_at_checked(width)?;
    if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    *rest = after;
    digits.parse().ok().filter(|number| *number <= max)
}

/// Takes this text from the front.
fn after<'a, 'b>(rest: &'a mut &'b str, text: &str) -> Option<&'a mut &'b str> {
    *rest = rest.strip_prefix(text)?;
    Some(rest)
}

impl Parsed {
    fn unix_ms(&self) -> Option<i64> {
        let is_leap = self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0);
        let days_of_month = match self.month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if is_leap => 29,
            2 => 28,
            _ => return None,
        };
        if !(1..=days_of_month).contains(&self.day) {
            return None;
        }
        // The other way round than in `from_unix_ms`, with the same years from March to March.
        let (year, march_month) =
            if self.month > 2 { (self.year, self.month - 3) } else { (self.year - 1, self.month + 9) };
        let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let day_of_year = (153 * march_month + 2) / 5 + self.day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let days = era * 146_097 + day_of_era - 719_468;
        Some(((days * 86_400 + self.second_of_day) - self.offset_minutes * 60) * 1_000 + self.ms)
    }
}

impl Schema for DateTime {
    fn schema() -> Value {
        json!({
            "type": "object",
            "properties": {DATE_TIME_MEMBER: {"type": "string"}},
            "required": [DATE_TIME_MEMBER],
            "additionalProperties": false,
        })
    }
}

/// Bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Bytes(pub Vec<u8>);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BytesObject {
    #[serde(rename = "$base64")]
    text: String,
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        BytesObject { text: STANDARD.encode(&self.0) }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut text = BytesObject::deserialize(deserializer)?.text;
        // XML-RPC clients break base64 into lines, and the specification's reader ignores white space.
        text.retain(|letter| !letter.is_ascii_whitespace());
        STANDARD
            .decode(&text)
            .map(Self)
            .map_err(|_| D::Error::custom("`$base64` is not base64 (RFC 4648, section 4)"))
    }
}

impl Schema for Bytes {
    fn schema() -> Value {
        json!({
            "type": "object",
            "properties": {BYTES_MEMBER: {"type": "string", "contentEncoding": "base64"}},
            "required": [BYTES_MEMBER],
            "additionalProperties": false,
        })
    }
}
