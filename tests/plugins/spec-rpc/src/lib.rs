//! The methods that RPC suites call: those of the JSON-RPC 2.0 specification's examples, those of XML-RPC's validator1,
//! and two that give back what they are told to.

use std::collections::BTreeMap;

use guesthouse_sdk::Schema;
use guesthouse_sdk::rpc::{Bytes, DateTime, Failure, Raw, Variadic};
use serde::{Deserialize, Serialize};

/// Three numbers. Other members are allowed and ignored.
#[derive(Deserialize, Schema)]
struct Stooges {
    moe: i64,
    larry: i64,
    curly: i64,
}

impl Stooges {
    fn sum(&self) -> Result<i64, Failure> {
        sum([self.moe, self.larry, self.curly])
    }
}

/// Days by day of the month, month and year, all as text of two or four digits.
type Calendar = BTreeMap<String, BTreeMap<String, BTreeMap<String, Stooges>>>;

#[derive(Serialize, Schema)]
#[serde(rename_all = "camelCase")]
struct Entities {
    ct_left_angle_brackets: usize,
    ct_right_angle_brackets: usize,
    ct_ampersands: usize,
    ct_apostrophes: usize,
    ct_quotes: usize,
}

#[derive(Serialize, Schema)]
struct Multiples {
    times10: i64,
    times100: i64,
    times1000: i64,
}

fn too_large() -> Failure {
    Failure::invalid_params("numbers whose result fits 64 bits", "larger ones")
}

fn sum(numbers: impl IntoIterator<Item = i64>) -> Result<i64, Failure> {
    numbers.into_iter().try_fold(0, i64::checked_add).ok_or_else(too_large)
}

struct Spec;

#[guesthouse_sdk::rpc(pure)]
impl Spec {
    /// The difference of two integers.
    #[method]
    fn subtract(minuend: i64, subtrahend: i64) -> Result<i64, Failure> {
        minuend.checked_sub(subtrahend).ok_or_else(too_large)
    }

    /// The sum of any number of integers.
    #[method]
    fn sum(numbers: Variadic<i64>) -> Result<i64, Failure> {
        sum(numbers.0)
    }

    /// Takes anything and does nothing.
    #[method]
    fn update(_values: Variadic<Raw>) {}

    /// Takes anything and does nothing.
    #[method]
    fn notify_hello(_values: Variadic<Raw>) {}

    /// Takes anything and does nothing.
    #[method]
    fn notify_sum(_values: Variadic<Raw>) {}

    /// A text and a number.
    #[method]
    fn get_data() -> (&'static str, i64) {
        ("hello", 5)
    }

    /// Its argument, unchanged.
    #[method]
    fn echo(value: Raw) -> Raw {
        value
    }

    /// Fails with this code and message.
    #[method]
    fn fail(code: i32, message: String) -> Result<(), Failure> {
        Err(Failure::new(code, &message))
    }

    /// The sum of all members `curly`.
    #[method("validator1.arrayOfStructsTest")]
    fn array_of_structs_test(structs: Vec<Stooges>) -> Result<i64, Failure> {
        sum(structs.iter().map(|stooges| stooges.curly))
    }

    /// How many of XML's special characters a text has.
    #[method("validator1.countTheEntities")]
    fn count_the_entities(text: String) -> Entities {
        let count = |letter| text.matches(letter).count();
        Entities {
            ct_left_angle_brackets: count('<'),
            ct_right_angle_brackets: count('>'),
            ct_ampersands: count('&'),
            ct_apostrophes: count('\''),
            ct_quotes: count('"'),
        }
    }

    /// The sum of moe, larry and curly.
    #[method("validator1.easyStructTest")]
    fn easy_struct_test(stooges: Stooges) -> Result<i64, Failure> {
        stooges.sum()
    }

    /// Its argument, a struct, unchanged.
    #[method("validator1.echoStructTest")]
    fn echo_struct_test(value: Raw) -> Result<Raw, Failure> {
        if value.get().starts_with('{') {
            return Ok(value);
        }
        Err(Failure::invalid_argument("value", "object", "another type"))
    }

    /// Its six arguments, unchanged.
    #[method("validator1.manyTypesTest")]
    fn many_types_test(
        number: i64,
        boolean: bool,
        string: String,
        double: f64,
        date_time: DateTime,
        base64: Bytes,
    ) -> (i64, bool, String, f64, DateTime, Bytes) {
        (number, boolean, string, double, date_time, base64)
    }

    /// The first and the last text of an array, joined.
    #[method("validator1.moderateSizeArrayCheck")]
    fn moderate_size_array_check(texts: Vec<String>) -> Result<String, Failure> {
        match (texts.first(), texts.last()) {
            (Some(first), Some(last)) => Ok(format!("{first}{last}")),
            _ => Err(Failure::invalid_argument("texts", "at least one text", "none")),
        }
    }

    /// The sum of moe, larry and curly of the first of April 2000.
    #[method("validator1.nestedStructTest")]
    fn nested_struct_test(calendar: Calendar) -> Result<i64, Failure> {
        let day = calendar.get("2000").and_then(|year| year.get("04")).and_then(|month| month.get("01"));
        day.ok_or_else(|| Failure::invalid_argument("calendar", "the day 2000, 04, 01", "nothing"))?.sum()
    }

    /// A number ten, a hundred and a thousand times.
    #[method("validator1.simpleStructReturnTest")]
    fn simple_struct_return_test(number: i64) -> Result<Multiples, Failure> {
        let times = |factor| number.checked_mul(factor).ok_or_else(too_large);
        Ok(Multiples { times10: times(10)?, times100: times(100)?, times1000: times(1000)? })
    }
}

#[cfg(test)]
mod tests;
