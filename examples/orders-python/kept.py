"""Orders in the store: as JSON under `order/{id}`, pictures under `picture/{id}`, the last id under `last`."""

import contextlib
import dataclasses
import json
from collections.abc import Iterator

from componentize_py_types import Err
from wit_world.exports.orders import (
    Card,
    Currency,
    Extras,
    Line,
    Money,
    Order,
    Payment,
    Payment_Card,
    Payment_Cash,
    Payment_Voucher,
    Problem_NotFound,
    Problem_Unavailable,
    Status,
)
from wit_world.imports import atomics, store

STORE = "default"
"""The store that the manifest grants."""

ORDER = "order/"
"""What begins the keys of orders."""

U64_MAX = 2**64 - 1


class Store:
    def __init__(self) -> None:
        with asked():
            self._bucket = store.open(STORE)

    def next_id(self) -> int:
        """An id that no order has."""
        with asked():
            return atomics.increment(self._bucket, "last", 1)

    def get(self, id: int) -> Order:
        with asked():
            kept = self._bucket.get(order_key(id))
        if kept is None:
            raise Err(Problem_NotFound(id))
        return read(kept)

    def put(self, order: Order) -> None:
        with asked():
            self._bucket.set(order_key(order.id), written(order))

    def picture(self, id: int) -> bytes | None:
        with asked():
            return self._bucket.get(picture_key(id))

    def put_picture(self, id: int, picture: bytes) -> None:
        with asked():
            self._bucket.set(picture_key(id), picture)

    def newest(self, status: Status | None, limit: int) -> list[Order]:
        """The newest orders, the last one first."""
        orders: list[Order] = []
        for key in self._keys():
            with asked():
                kept = self._bucket.get(key)
            if kept is None:
                continue
            order = read(kept)
            if status in (None, order.status):
                orders.append(order)
            if len(orders) == limit:
                break
        return orders

    def _keys(self) -> Iterator[str]:
        """The keys of all orders, in their order."""
        cursor = None
        while True:
            with asked():
                page = self._bucket.list_keys(cursor)
            yield from (key for key in page.keys if key.startswith(ORDER))
            cursor = page.cursor
            if cursor is None:
                return


def order_key(id: int) -> str:
    """Keys come in ascending order, so the number in it counts down, padded to its largest width."""
    return f"{ORDER}{U64_MAX - id:020}"


def picture_key(id: int) -> str:
    return f"picture/{id:020}"


def written(order: Order) -> bytes:
    """Dataclasses as JSON objects, enums and flags as their numbers, and how it was paid with the name of its case."""
    fields = dataclasses.asdict(order)
    if order.payment is not None:
        fields["payment"]["case"] = type(order.payment).__name__
    return json.dumps(fields, default=lambda number: number.value).encode()


def read(kept: bytes) -> Order:
    try:
        fields = json.loads(kept)
        return Order(
            **fields
            | {
                "status": Status(fields["status"]),
                "lines": [Line(**line | {"unit_price": read_money(line["unit_price"])}) for line in fields["lines"]],
                "extras": Extras(fields["extras"]),
                "total": read_money(fields["total"]),
                "payment": read_payment(fields["payment"]),
            }
        )
    except (ValueError, TypeError, KeyError) as error:
        raise Err(Problem_Unavailable(repr(error))) from error


def read_money(fields: dict) -> Money:
    return Money(Currency(fields["currency"]), fields["minor_units"])


def read_payment(fields: dict | None) -> Payment | None:
    match fields:
        case {"case": "Payment_Cash"}:
            return Payment_Cash()
        case {"case": "Payment_Voucher", "value": code}:
            return Payment_Voucher(code)
        case {"case": "Payment_Card", "value": {"holder": holder, "last_four": last_four, "expires": [month, year]}}:
            return Payment_Card(Card(holder, last_four, (month, year)))
        case _:
            return None


@contextlib.contextmanager
def asked() -> Iterator[None]:
    """What the store is asked for within fails with the service's own error."""
    try:
        yield
    except Err as error:
        match error.value:
            case store.Error_NoSuchStore():
                reason = "there is no such store"
            case store.Error_AccessDenied():
                reason = "the store is not granted"
            case store.Error_Other(reason):
                pass
        raise Err(Problem_Unavailable(reason)) from error
