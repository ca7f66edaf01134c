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
        DateTimeObject::<String>::deserialize(deserializer).map(|object| Self(object.text))
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
