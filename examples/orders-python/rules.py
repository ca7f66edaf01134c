"""What makes an order. Plain functions of their arguments."""

import math
import re

from componentize_py_types import Err
from wit_world.exports.orders import Draft, Line, Misfit, Money, Payment, Payment_Card, Payment_Voucher, Problem_Invalid

CUSTOMER_LETTERS_MAX = 200
LINES_MAX = 100
PICTURE_BYTES_MAX = 64 * 1024
SKU = re.compile(r"[A-Za-z0-9-]{1,40}")
FOUR_DIGITS = re.compile(r"[0-9]{4}")


def misfit(field: str, message: str) -> Err:
    """A field that does not fit."""
    return Err(Problem_Invalid(Misfit(field, message)))


def check(draft: Draft) -> Money:
    """Checks a draft and adds it up."""
    if not 1 <= len(draft.customer.strip()) <= CUSTOMER_LETTERS_MAX:
        raise misfit("customer", "1 to 200 letters")
    if draft.picture is not None and len(draft.picture) > PICTURE_BYTES_MAX:
        raise misfit("picture", "at most 65536 bytes")
    return total(draft.lines, draft.discount)


def total(lines: list[Line], discount: float | None) -> Money:
    """Adds up lines."""
    if not 1 <= len(lines) <= LINES_MAX:
        raise misfit("lines", "1 to 100 lines")
    currency = lines[0].unit_price.currency
    amount = 0
    for line in lines:
        if not SKU.fullmatch(line.sku):
            raise misfit("sku", "1 to 40 letters, digits and hyphens")
        if line.quantity == 0:
            raise misfit("quantity", "at least 1")
        if line.unit_price.currency is not currency:
            raise misfit("unit-price", "in one currency")
        amount = money(amount + money(line.unit_price.minor_units * line.quantity))
    share = 0.0 if discount is None else discount
    if not 0.0 <= share < 1.0:
        raise misfit("discount", "from 0 up to 1")
    # Rounded down to a whole unit. Exact for amounts below 2**53.
    return Money(currency, amount - math.floor(float(amount) * share))


def money(amount: int) -> int:
    """An amount that an `s64` holds. An int has no end of its own."""
    if not -(2**63) <= amount < 2**63:
        raise misfit("lines", "too much money")
    return amount


def check_payment(payment: Payment) -> None:
    """Checks how somebody wants to pay."""
    match payment:
        case Payment_Voucher(code) if not code.strip():
            raise misfit("voucher", "not empty")
        case Payment_Card(card):
            month, year = card.expires
            if not FOUR_DIGITS.fullmatch(card.last_four):
                raise misfit("last-four", "four digits")
            if not (1 <= month <= 12 and 2000 <= year <= 2100):
                raise misfit("expires", "a month from 1 to 12 and a year from 2000 to 2100")
