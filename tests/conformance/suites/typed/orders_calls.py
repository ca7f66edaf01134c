"""The calls that every client makes of `orders`, in this order, and what has to come back: said once, for all forms and languages.

Values are written as `wit/MAPPING.md` writes them in JSON. A text `$name` stands for what the service gives out: the first answer
that has it says what it is, and from there on it is that. Nothing in here knows a protocol or a client.
"""

import dataclasses
from typing import Any

PARAMETERS = {
    "getTotal": ["lines", "discount"],
    "createOrder": ["draft"],
    "getOrder": ["id"],
    "listOrders": ["status", "limit"],
    "payOrder": ["id", "payment"],
    "getPicture": ["id"],
    "cancelOrder": ["id"],
}
"""Every function, with its parameters in their order."""

ERRORS = {
    "notFound": {"code": 1, "status": 404},
    "invalid": {"code": 2, "status": 422},
    "conflict": {"code": 3, "status": 409},
    "unavailable": {"code": 4, "status": 503},
}
"""Every case of the functions' error, with its number in the RPC styles and its status in REST."""


@dataclasses.dataclass(frozen=True)
class Call:
    """One call, and what comes of it: a result, an error of the function's own, or a misfit."""

    name: str
    function: str
    arguments: dict[str, Any]
    answer: dict[str, Any]

    unsent: tuple[str, ...] = ()
    """Clients that refuse to send it, because their contract says that it is wrong."""


def gives(result: Any) -> dict[str, Any]:
    return {"result": result}


def fails(case: str, payload: Any, message: str) -> dict[str, Any]:
    """The function's own error: its value, and the text that people read."""
    return {"error": {case: payload}, "message": message}


def invalid(field: str, message: str) -> dict[str, Any]:
    return fails("invalid", {"field": field, "message": message}, f"invalid: {message}")


def misfit(pointer: str, expected: str | None = None) -> dict[str, Any]:
    """A value that does not fit its type, where it is, and what would fit; the forms say `element` or `member` for themselves."""
    return {"misfit": {"pointer": pointer} | ({"expected": expected} if expected else {})}


def money(minor_units: int, currency: str = "eur") -> dict[str, Any]:
    return {"currency": currency, "minorUnits": str(minor_units)}


def line(sku: str, quantity: Any, minor_units: int, currency: str = "eur", **more: Any) -> dict[str, Any]:
    return {"sku": sku, "quantity": quantity, "unitPrice": money(minor_units, currency)} | more


LARGEST = str(2**64 - 1)
UNSAFE = str(2**53 + 1)
"""The first whole number that a double does not hold."""

U32 = "an integer from 0 to 4294967295"
U64 = f"an integer from 0 to {LARGEST}"

TEA = line("tea", 3, 450)
CUP = line("cup-no-2", 1, 1200, note="für Zoë <&> 🎁 “in red”")

CARD = {"card": {"holder": "Ada Lövelace", "lastFour": "0042", "expires": [12, 2030]}}
VOUCHER = {"voucher": "GÜLTIG & 10%"}

ADA = {"id": "$ada", "status": "open", "customer": "Ada Lövelace", "lines": [TEA, CUP], "extras": ["giftWrap", "insured"],
       "total": money(1913), "pictureBytes": 6}
BOB = {"id": "$bob", "status": "open", "customer": "Bob", "lines": [line("refund", 1, -(2**53 + 1), "gbp")], "extras": [],
       "total": money(-(2**53 + 1), "gbp")}
ZOE = {"id": "$zoe", "status": "open", "customer": " Zoë 😀 <&> \"日本\" ", "lines": [line("A-1", 4294967295, 7, "jpy")],
       "extras": ["giftWrap", "express", "insured"], "total": money(4294967295 * 7, "jpy")}
CYD = {"id": "$cyd", "status": "open", "customer": "Cyd", "lines": [line("tea", 1, 0)], "extras": ["express"], "total": money(0),
       "pictureBytes": 0}
DAN = {"id": "$dan", "status": "open", "customer": "Dan", "lines": [line("tea", 1, 0, note="")], "extras": ["insured"],
       "total": money(0)}


def draft(order: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What becomes this order."""
    return {"draft": {field: order[field] for field in ("customer", "lines", "extras")} | more}


PICTURE = "AAEK/v8+"
"""Six bytes: zero, line break, no UTF-8."""

CALLS = [
    # Records, lists, an enum, options that are absent and present, floats, signed integers of 64 bits.
    Call("a total", "getTotal", {"lines": [TEA, CUP]}, gives(money(2550))),
    Call("a total with a discount", "getTotal", {"lines": [TEA, CUP], "discount": 0.25}, gives(money(1913))),
    Call("an option that is null", "getTotal", {"lines": [TEA], "discount": None}, gives(money(1350))),
    Call("a whole number as a float", "getTotal", {"lines": [TEA], "discount": 0.0}, gives(money(1350))),
    Call("a negative amount", "getTotal", {"lines": [line("a", 3, -7, "gbp")], "discount": 0.5}, gives(money(-10, "gbp"))),
    Call("an amount past 2^53", "getTotal", {"lines": [line("a", 1, -(2**53 + 1))]}, gives(money(-(2**53 + 1)))),
    Call("the smallest amount", "getTotal", {"lines": [line("a", 1, -(2**63))]}, gives(money(-(2**63)))),
    Call("the largest amount", "getTotal", {"lines": [line("a", 1, 2**63 - 1)]}, gives(money(2**63 - 1))),
    Call("the largest quantity", "getTotal", {"lines": [line("a", 4294967295, 2, "jpy")]}, gives(money(8589934590, "jpy"))),
    Call("no lines", "getTotal", {"lines": []}, invalid("lines", "1 to 100 lines")),
    Call("no quantity", "getTotal", {"lines": [TEA, line("a", 0, 1)]}, invalid("quantity", "at least 1")),
    Call("two currencies", "getTotal", {"lines": [TEA, line("a", 1, 1, "jpy")]}, invalid("unit-price", "in one currency")),
    Call("no such sku", "getTotal", {"lines": [line("тea", 1, 1)]}, invalid("sku", "1 to 40 letters, digits and hyphens")),
    Call("too much", "getTotal", {"lines": [line("a", 2, 2**63 - 1)]}, invalid("lines", "too much money")),
    Call("a discount of all", "getTotal", {"lines": [TEA], "discount": 1.0}, invalid("discount", "from 0 up to 1")),
    Call("a discount below none", "getTotal", {"lines": [TEA], "discount": -1e-300}, invalid("discount", "from 0 up to 1")),
    Call("a discount that is no number", "getTotal", {"lines": [TEA], "discount": "NaN"}, invalid("discount", "from 0 up to 1")),
    Call("an endless discount", "getTotal", {"lines": [TEA], "discount": "-Infinity"}, invalid("discount", "from 0 up to 1")),
    # An order with everything, one with nothing that can be left out, one with every flag; bytes.
    Call("nothing is ordered", "listOrders", {}, gives([])),
    Call("the first order", "createOrder", draft(ADA, discount=0.25, picture=PICTURE), gives(ADA)),
    Call("an order with little", "createOrder", draft(BOB), gives(BOB)),
    Call("an order with null", "createOrder", draft(ZOE, discount=None, picture=None), gives(ZOE)),
    Call("a customer of no letters", "createOrder", draft(BOB | {"customer": "\u00a0 "}), invalid("customer", "1 to 200 letters")),
    Call("an order of no lines", "createOrder", draft(BOB | {"lines": []}), invalid("lines", "1 to 100 lines")),
    Call("get the first", "getOrder", {"id": "$ada"}, gives(ADA)),
    Call("get the second", "getOrder", {"id": "$bob"}, gives(BOB)),
    Call("a picture", "getPicture", {"id": "$ada"}, gives(PICTURE)),
    Call("no picture", "getPicture", {"id": "$bob"}, gives(None)),
    Call("list all", "listOrders", {}, gives([ZOE, BOB, ADA])),
    Call("list one", "listOrders", {"limit": 1}, gives([ZOE])),
    Call("list two that are open", "listOrders", {"status": "open", "limit": 2}, gives([ZOE, BOB])),
    Call("list the paid when none is", "listOrders", {"status": "paid"}, gives([])),
    Call("list none", "listOrders", {"limit": 0}, invalid("limit", "1 to 100")),
    Call("list too many", "listOrders", {"status": None, "limit": 101}, invalid("limit", "1 to 100")),
    # Identifiers of 64 bits that no double holds.
    Call("get what is not there", "getOrder", {"id": LARGEST}, fails("notFound", LARGEST, "not found")),
    Call("get what is not there, past 2^53", "getOrder", {"id": UNSAFE}, fails("notFound", UNSAFE, "not found")),
    Call("no order zero", "getOrder", {"id": "0"}, fails("notFound", "0", "not found")),
    Call("pay what is not there", "payOrder", {"id": LARGEST, "payment": "cash"}, fails("notFound", LARGEST, "not found")),
    Call("the picture of what is not there", "getPicture", {"id": UNSAFE}, fails("notFound", UNSAFE, "not found")),
    Call("cancel what is not there", "cancelOrder", {"id": LARGEST}, fails("notFound", LARGEST, "not found")),
    # Every case of a variant, with a record, a tuple, a text and nothing in it.
    Call("a card of month 13", "payOrder", {"id": "$ada", "payment": {"card": CARD["card"] | {"expires": [13, 2030]}}},
         invalid("expires", "a month from 1 to 12 and a year from 2000 to 2100")),
    Call("a card of letters", "payOrder", {"id": "$ada", "payment": {"card": CARD["card"] | {"lastFour": "00٤2"}}},
         invalid("last-four", "four digits")),
    Call("a voucher of blanks", "payOrder", {"id": "$ada", "payment": {"voucher": " "}}, invalid("voucher", "not empty")),
    Call("pay by card", "payOrder", {"id": "$ada", "payment": CARD}, gives(ADA | {"status": "paid", "payment": CARD})),
    Call("pay by voucher", "payOrder", {"id": "$bob", "payment": VOUCHER}, gives(BOB | {"status": "paid", "payment": VOUCHER})),
    Call("pay twice", "payOrder", {"id": "$ada", "payment": VOUCHER}, fails("conflict", "paid", "conflict")),
    Call("cancel what is paid", "cancelOrder", {"id": "$bob"}, fails("conflict", "paid", "conflict")),
    Call("cancel", "cancelOrder", {"id": "$zoe"}, gives(None)),
    Call("cancel twice", "cancelOrder", {"id": "$zoe"}, fails("conflict", "cancelled", "conflict")),
    Call("pay what is cancelled", "payOrder", {"id": "$zoe", "payment": CARD}, fails("conflict", "cancelled", "conflict")),
    Call("list the paid", "listOrders", {"status": "paid"},
         gives([BOB | {"status": "paid", "payment": VOUCHER}, ADA | {"status": "paid", "payment": CARD}])),
    Call("list the cancelled", "listOrders", {"status": "cancelled", "limit": 100}, gives([ZOE | {"status": "cancelled"}])),
    # Texts and bytes of no length are something.
    Call("an order with an empty picture", "createOrder", draft(CYD, picture=""), gives(CYD)),
    Call("an empty picture", "getPicture", {"id": "$cyd"}, gives("")),
    Call("pay in cash", "payOrder", {"id": "$cyd", "payment": "cash"}, gives(CYD | {"status": "paid", "payment": "cash"})),
    Call("an empty note", "createOrder", draft(DAN), gives(DAN)),
    # Values that are not of their types.
    Call("a text for a number", "getTotal", {"lines": [TEA, line("a", "many", 1)]}, misfit("/lines/1/quantity", U32)),
    Call("a number below its range", "getTotal", {"lines": [line("a", -1, 1)]}, misfit("/lines/0/quantity", U32)),
    Call("a number past its range", "getOrder", {"id": str(2**64)}, misfit("/id", U64)),
    Call("a text for an identifier", "cancelOrder", {"id": "first"}, misfit("/id", U64)),
    Call("a case that is none", "getTotal", {"lines": [line("a", 1, 1, "usd")]},
         misfit("/lines/0/unitPrice/currency", "one of eur, gbp, jpy")),
    Call("a state that is none", "listOrders", {"status": "lost"}, misfit("/status", "one of open, paid, cancelled")),
    Call("a flag that is none", "createOrder", draft(BOB | {"extras": ["express", "free"]}),
         misfit("/draft/extras/1", "one of giftWrap, express, insured")),
    Call("a missing field", "createOrder", {"draft": {"lines": [TEA], "extras": []}}, misfit("/draft/customer"),
         unsent=("zeep",)),
    Call("an unknown field", "createOrder", draft(BOB, colour="red"), misfit("/draft/colour"), unsent=("zeep",)),
    Call("a missing argument", "getOrder", {}, misfit("/id"), unsent=("curl", "zeep")),
]

STORELESS = [
    Call("what needs no store", "getTotal", {"lines": [TEA]}, gives(money(1350))),
    Call("place an order", "createOrder", draft(BOB), fails("unavailable", "$reason", "unavailable: $reason")),
    Call("get an order", "getOrder", {"id": "1"}, fails("unavailable", "$reason", "unavailable: $reason")),
    Call("list orders", "listOrders", {}, fails("unavailable", "$reason", "unavailable: $reason")),
    Call("pay an order", "payOrder", {"id": "1", "payment": CARD}, fails("unavailable", "$reason", "unavailable: $reason")),
    Call("get a picture", "getPicture", {"id": "1"}, fails("unavailable", "$reason", "unavailable: $reason")),
    Call("cancel an order", "cancelOrder", {"id": "1"}, fails("unavailable", "$reason", "unavailable: $reason")),
]
"""The calls of a service whose store is not there."""
