//! What makes an order. Plain functions of their arguments.

use crate::bindings::exports::acme::shop::orders::{Draft, Line, Misfit, Money, Payment, Problem};

/// The most letters in a customer's name.
const CUSTOMER_LETTERS_MAX: usize = 200;
/// The most lines in an order.
const LINES_MAX: usize = 100;
/// The most letters in a stock-keeping unit.
const SKU_LETTERS_MAX: usize = 40;
/// The most bytes in a picture.
const PICTURE_BYTES_MAX: usize = 64 * 1024;

/// A field that does not fit.
pub(crate) fn misfit(field: &str, message: &str) -> Problem {
    Problem::Invalid(Misfit { field: field.to_owned(), message: message.to_owned() })
}

/// Checks a draft and adds it up.
pub(crate) fn check(draft: &Draft) -> Result<Money, Problem> {
    if !(1..=CUSTOMER_LETTERS_MAX).contains(&draft.customer.trim().chars().count()) {
        return Err(misfit("customer", "1 to 200 letters"));
    }
    if draft.picture.as_ref().is_some_and(|picture| picture.len() > PICTURE_BYTES_MAX) {
        return Err(misfit("picture", "at most 65536 bytes"));
    }
    total(&draft.lines, draft.discount)
}

/// Adds up lines.
pub(crate) fn total(lines: &[Line], discount: Option<f64>) -> Result<Money, Problem> {
    let first = lines.first().ok_or_else(|| misfit("lines", "1 to 100 lines"))?;
    if lines.len() > LINES_MAX {
        return Err(misfit("lines", "1 to 100 lines"));
    }
    let currency = first.unit_price.currency;
    let mut sum = 0_i64;
    for line in lines {
        let letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
        if !(1..=SKU_LETTERS_MAX).contains(&line.sku.len()) || !line.sku.chars().all(letter) {
            return Err(misfit("sku", "1 to 40 letters, digits and hyphens"));
        }
        if line.quantity == 0 {
            return Err(misfit("quantity", "at least 1"));
        }
        if line.unit_price.currency != currency {
            return Err(misfit("unit-price", "in one currency"));
        }
        let price = line.unit_price.minor_units.checked_mul(i64::from(line.quantity));
        sum = price
            .and_then(|price| sum.checked_add(price))
            .ok_or_else(|| misfit("lines", "too much money"))?;
    }
    let discount = discount.unwrap_or(0.0);
    if !(0.0..1.0).contains(&discount) {
        return Err(misfit("discount", "from 0 up to 1"));
    }
    Ok(Money { currency, minor_units: sum.saturating_sub(share(sum, discount)) })
}

/// A share of an amount, rounded down to a whole unit. Exact for amounts below 2^53.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "a discount is an estimate by nature"
)]
fn share(sum: i64, discount: f64) -> i64 {
    (sum as f64 * discount).floor() as i64
}

/// Checks how somebody wants to pay.
pub(crate) fn check_payment(payment: &Payment) -> Result<(), Problem> {
    match payment {
        Payment::Cash => Ok(()),
        Payment::Voucher(code) if code.trim().is_empty() => Err(misfit("voucher", "not empty")),
        Payment::Voucher(_) => Ok(()),
        Payment::Card(card) => {
            let (month, year) = card.expires;
            if card.last_four.len() != 4 || !card.last_four.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(misfit("last-four", "four digits"));
            }
            if !(1..=12).contains(&month) || !(2000..=2100).contains(&year) {
                return Err(misfit("expires", "a month from 1 to 12 and a year from 2000 to 2100"));
            }
            Ok(())
        }
    }
}
