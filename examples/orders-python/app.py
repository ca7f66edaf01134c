"""A shop's orders as plain functions.

Nothing in here knows how it is called: the host serves these functions as REST, JSON-RPC, XML-RPC, SOAP and over WebSocket, from
their types alone, which stand in ../../plugins/orders/wit/orders.wit. `wit_world` is made of them by componentize-py: a record is a
dataclass, a variant one dataclass for each case, an enum an Enum, flags a Flag. A function that returns `result<T, E>` returns T or
raises `Err` with E.
"""

import dataclasses

from componentize_py_types import Err
from kept import Store
from rules import check, check_payment, misfit, total
from wit_world import exports
from wit_world.exports.orders import Draft, Line, Money, Order, Payment, Problem_Conflict, Status

LISTED = 20
"""Orders in a list when the caller does not say."""

LISTED_MAX = 100
"""The most orders in a list."""


class Orders(exports.Orders):
    """The exported interface, under its name in the world."""

    def get_total(self, lines: list[Line], discount: float | None) -> Money:
        return total(lines, discount)

    def create_order(self, draft: Draft) -> Order:
        to_pay = check(draft)
        store = Store()
        order = Order(
            id=store.next_id(),
            status=Status.OPEN,
            customer=draft.customer,
            lines=draft.lines,
            extras=draft.extras,
            total=to_pay,
            payment=None,
            picture_bytes=None if draft.picture is None else len(draft.picture),
        )
        if draft.picture is not None:
            store.put_picture(order.id, draft.picture)
        store.put(order)
        return order

    def get_order(self, id: int) -> Order:
        return Store().get(id)

    def list_orders(self, status: Status | None, limit: int | None) -> list[Order]:
        limit = LISTED if limit is None else limit
        if not 1 <= limit <= LISTED_MAX:
            raise misfit("limit", "1 to 100")
        return Store().newest(status, limit)

    def pay_order(self, id: int, payment: Payment) -> Order:
        store = Store()
        order = open_order(store, id)
        check_payment(payment)
        paid = dataclasses.replace(order, status=Status.PAID, payment=payment)
        store.put(paid)
        return paid

    def get_picture(self, id: int) -> bytes | None:
        store = Store()
        store.get(id)
        return store.picture(id)

    def cancel_order(self, id: int) -> None:
        store = Store()
        store.put(dataclasses.replace(open_order(store, id), status=Status.CANCELLED))


def open_order(store: Store, id: int) -> Order:
    """An order that can still be changed."""
    order = store.get(id)
    if order.status is not Status.OPEN:
        raise Err(Problem_Conflict(order.status))
    return order
