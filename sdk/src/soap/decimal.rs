//! `xs:decimal` (XML Schema Part 2, section 3.2.3) as an exact number. It owns decimal arithmetic and nothing of XML;
//! sums of money must neither round nor overflow unnoticed, so every operation that could is checked.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// The most digits behind the point. With them, the part behind the point of any value still fits an `i128`.
const SCALE_MAX: u32 = 28;

/// An exact decimal number of up to 38 digits, of which at most 28 stand behind the point.
///
/// The digits behind the point are kept as they were written: `"100.00"` prints as `100.00`. Values compare by what they
/// are worth, so `1.0` equals `1`.
///
/// ```
/// use guesthouse_sdk::soap::Decimal;
///
/// let price: Decimal = "19.90".parse().unwrap();
/// let total = price.checked_add(Decimal::from(5)).unwrap();
/// assert_eq!(total.to_string(), "24.90");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Decimal {
    coefficient: i128,
    scale: u32,
}

/// Why a text is not a [`Decimal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// It is not an optional sign and digits with at most one point. `xs:decimal` knows no exponent.
    #[error("not a decimal number")]
    Lexical,
    /// It has more than 38 digits, or more than 28 behind the point.
    #[error("a decimal number of more than 38 digits, or of more than {SCALE_MAX} behind the point")]
    Digits,
}

impl Decimal {
    /// Nought.
    pub const ZERO: Self = Self { coefficient: 0, scale: 0 };

    /// `coefficient` divided by ten to the power of `scale`: `new(1990, 2)` is 19.90. None when `scale` is over 28.
    #[must_use]
    pub const fn new(coefficient: i128, scale: u32) -> Option<Self> {
        if scale > SCALE_MAX { None } else { Some(Self { coefficient, scale }) }
    }

    /// The digits as one integer, the point left out.
    #[must_use]
    pub const fn coefficient(self) -> i128 {
        self.coefficient
    }

    /// How many digits stand behind the point when printed.
    #[must_use]
    pub const fn scale(self) -> u32 {
        self.scale
    }

    /// How many digits behind the point the value needs: 1 for `2.50`.
    #[must_use]
    pub const fn places(self) -> u32 {
        self.normalised().scale
    }

    /// Whether the value is over nought.
    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.coefficient > 0
    }

    /// Whether the value is under nought.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.coefficient < 0
    }

    /// The same value with exactly `scale` digits behind the point; none when digits would be lost or there is no room.
    #[must_use]
    pub const fn with_scale(self, scale: u32) -> Option<Self> {
        if scale > SCALE_MAX {
            return None;
        }
        let mut value = self;
        while value.scale > scale {
            if value.coefficient % 10 != 0 {
                return None;
            }
            value.coefficient /= 10;
            value.scale -= 1;
        }
        while value.scale < scale {
            match value.coefficient.checked_mul(10) {
                Some(coefficient) => value.coefficient = coefficient,
                None => return None,
            }
            value.scale += 1;
        }
        Some(value)
    }

    /// The sum with the larger number of digits behind the point; none when it does not fit.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let scale = self.scale.max(other.scale);
        let (left, right) = (self.with_scale(scale)?, other.with_scale(scale)?);
        Some(Self { coefficient: left.coefficient.checked_add(right.coefficient)?, scale })
    }

    /// The difference; none when it does not fit.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.checked_add(other.checked_neg()?)
    }

    /// The value with its sign turned; none when it does not fit.
    #[must_use]
    pub fn checked_neg(self) -> Option<Self> {
        Some(Self { coefficient: self.coefficient.checked_neg()?, scale: self.scale })
    }

    /// The product, exactly; none when it does not fit.
    #[must_use]
    pub fn checked_mul(self, other: Self) -> Option<Self> {
        let (left, right) = (self.normalised(), other.normalised());
        Self::new(left.coefficient.checked_mul(right.coefficient)?, left.scale + right.scale)
    }

    /// The same value with no noughts at the end behind the point.
    const fn normalised(self) -> Self {
        let mut value = self;
        while value.scale > 0 && value.coefficient % 10 == 0 {
            value.coefficient /= 10;
            value.scale -= 1;
        }
        value
    }

    /// What stands before the point, and what stands behind it as a number of 28 digits.
    const fn parts(self) -> (i128, i128) {
        let unit = 10_i128.pow(self.scale);
        (self.coefficient / unit, self.coefficient % unit * 10_i128.pow(SCALE_MAX - self.scale))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        self.parts().cmp(&other.parts())
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal {}

impl std::hash::Hash for Decimal {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

impl From<i64> for Decimal {
    fn from(value: i64) -> Self {
        Self { coefficient: value.into(), scale: 0 }
    }
}

impl FromStr for Decimal {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, behind) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() && behind.is_empty() {
            return Err(DecimalError::Lexical);
        }
        let mut coefficient = 0_i128;
        for byte in whole.bytes().chain(behind.bytes()) {
            if !byte.is_ascii_digit() {
                return Err(DecimalError::Lexical);
            }
            let digit = i128::from(byte - b'0');
            coefficient = coefficient
                .checked_mul(10)
                .and_then(|tenfold| tenfold.checked_add(digit))
                .ok_or(DecimalError::Digits)?;
        }
        let scale = u32::try_from(behind.len()).map_err(|_| DecimalError::Digits)?;
        let value = Self { coefficient: if negative { -coefficient } else { coefficient }, scale };
        if scale > SCALE_MAX { value.shortened() } else { Ok(value) }
    }
}

impl Decimal {
    /// A value written with more digits behind the point than fit is still good when the last ones are noughts.
    fn shortened(self) -> Result<Self, DecimalError> {
        let value = self.normalised();
        if value.scale > SCALE_MAX { Err(DecimalError::Digits) } else { Ok(value) }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.coefficient.unsigned_abs();
        let unit = 10_u128.pow(self.scale);
        let mut text = (magnitude / unit).to_string();
        if self.scale > 0 {
            let width = usize::try_from(self.scale).unwrap_or_default();
            text.push_str(&format!(".{:0width$}", magnitude % unit));
        }
        formatter.pad_integral(self.coefficient >= 0, "", &text)
    }
}

/// As text, because a JSON number would pass through a binary fraction in many readers.
impl serde::Serialize for Decimal {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Decimal {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn every_lexical_form_of_the_specification_is_read() {
        let cases = [
            ("-1.23", "-1.23"),
            ("12678967.543233", "12678967.543233"),
            ("+100000.00", "100000.00"),
            ("210", "210"),
            (".5", "0.5"),
            ("5.", "5"),
            ("-.05", "-0.05"),
            ("-0", "0"),
            ("00012.50", "12.50"),
            ("1.0000000000000000000000000000000000", "1"),
        ];
        for (text, printed) in cases {
            assert_eq!(decimal(text).to_string(), printed);
        }
    }

    #[test]
    fn what_is_no_decimal_is_refused() {
        for text in
            ["", "+", "-", ".", "1e3", "1,5", "0x1", "1.2.3", " 1", "1 ", "--1", "+-1", "INF", "NaN", "١"]
        {
            assert_eq!(text.parse::<Decimal>(), Err(DecimalError::Lexical), "{text}");
        }
        assert_eq!("0.00000000000000000000000000001".parse::<Decimal>(), Err(DecimalError::Digits));
        assert_eq!("9".repeat(39).parse::<Decimal>(), Err(DecimalError::Digits));
        assert_eq!("9".repeat(1_000_000).parse::<Decimal>(), Err(DecimalError::Digits));
    }

    #[test]
    fn values_compare_by_what_they_are_worth() {
        assert_eq!(decimal("1.0"), decimal("1"));
        assert!(decimal("-1.5") < decimal("-1.49"));
        assert!(decimal("-0.5") < decimal("0"));
        assert!(
            decimal("99999999999999999999999999999999999999") > decimal("0.0000000000000000000000000001")
        );
        assert!(decimal("2") > decimal("1.9999999999999999999999999999"));
    }

    #[test]
    fn arithmetic_is_exact_or_says_that_it_does_not_fit() {
        assert_eq!(decimal("0.1").checked_add(decimal("0.20")).unwrap().to_string(), "0.30");
        assert_eq!(decimal("1").checked_sub(decimal("0.01")).unwrap().to_string(), "0.99");
        assert_eq!(decimal("1.10").checked_mul(decimal("-2.50")).unwrap(), decimal("-2.75"));
        let most = Decimal::new(i128::MAX, 0).unwrap();
        assert_eq!(most.checked_add(Decimal::from(1)), None);
        assert_eq!(most.checked_add(decimal("0.1")), None);
        assert_eq!(most.checked_mul(Decimal::from(2)), None);
        assert_eq!(Decimal::new(i128::MIN, 0).unwrap().checked_neg(), None);
        assert_eq!(Decimal::new(i128::MIN, 28).unwrap().to_string().len(), 41);
    }

    #[test]
    fn the_digits_behind_the_point_can_be_set_without_rounding() {
        assert_eq!(decimal("1.5").with_scale(2).unwrap().to_string(), "1.50");
        assert_eq!(decimal("1.500").with_scale(1).unwrap().to_string(), "1.5");
        assert_eq!(decimal("1.505").with_scale(2), None);
        assert_eq!(decimal("1.500").places(), 1);
        assert_eq!(Decimal::ZERO.with_scale(29), None);
    }
}
