"""SOAP with zeep, against `orders`: everything it knows is from the WSDL."""

import sys

import zeep
from zeep.exceptions import Fault

ORDERS = "urn:guesthouse:orders"
LARGEST = 2**64 - 1


def refused(call, reason, case, payload):
    """A call that fails by the function's own error, whose type zeep knows from the WSDL."""
    try:
        call()
    except Fault as fault:
        assert fault.code.endswith(("Client", "Sender")), fault.code
        assert reason in fault.message, fault.message
        (element,) = fault.detail
        tag = element.tag
        error = CLIENT.get_element(tag).parse(element, CLIENT.wsdl.types)["error"]
        assert error[case] == payload or payload is None, error
        return error
    raise AssertionError(f"not refused: {reason}")


def misfit(call, place):
    """A call whose values do not fit their types."""
    try:
        call()
    except Fault as fault:
        assert fault.code.endswith(("Client", "Sender")), fault.code
        assert f"{place}: expected " in fault.message, fault.message
        return
    raise AssertionError(f"not refused: {place}")


def line(sku, quantity, cents, currency="eur", **more):
    return {"sku": sku, "quantity": quantity, "unitPrice": {"currency": currency, "minorUnits": cents}, **more}


def lines(*several):
    return {"item": list(several)}


def check(shop):
    total = shop.getTotal(lines=lines(line("tea", 3, 450), line("cup", 1, -(2**40))), discount=0.5)
    assert total["currency"] == "eur" and total["minorUnits"] < 0, total
    draft = {
        "customer": " Ada <&> Lövelace ",
        "lines": lines(line("tea", 3, 450, note="ü"), line("cup", 1, 1200)),
        "extras": {"item": ["giftWrap", "insured"]},
        "discount": None,
        "picture": b"\x00\x01\xff",
    }
    order = shop.createOrder(draft=draft)
    assert order["customer"] == draft["customer"], order
    assert order["total"]["minorUnits"] == 2550 and order["status"] == "open", order
    assert order["extras"]["item"] == ["giftWrap", "insured"], order
    assert order["payment"] is None and order["pictureBytes"] == 3, order
    assert [one["note"] for one in order["lines"]["item"]] == ["ü", None], order
    assert shop.getOrder(id=order["id"]) == order
    assert shop.getPicture(id=order["id"]) == b"\x00\x01\xff"
    plain = shop.createOrder(draft={"customer": "Bob", "lines": lines(line("tea", 1, 1)), "extras": {}})
    assert shop.getPicture(id=plain["id"]) is None
    card = {"holder": "Ada", "lastFour": "0042", "expires": {"item1": 12, "item2": 2030}}
    paid = shop.payOrder(id=order["id"], payment={"card": card})
    assert paid["status"] == "paid" and paid["payment"]["card"]["expires"]["item2"] == 2030, paid
    listed = shop.listOrders(status="paid", limit=1)
    assert [one["id"] for one in listed] == [order["id"]], listed
    cash = shop.payOrder(id=shop.createOrder(draft=draft)["id"], payment={"cash": True})["payment"]
    assert cash["cash"] is True and cash["card"] is None and cash["voucher"] is None, cash
    shop.cancelOrder(id=plain["id"])
    refused(lambda: shop.cancelOrder(id=plain["id"]), "conflict", "conflict", "cancelled")
    refused(lambda: shop.getOrder(id=LARGEST), "not found", "notFound", LARGEST)
    refused(lambda: shop.payOrder(id=order["id"], payment={"voucher": "x"}), "conflict", "conflict", "paid")
    empty = {"customer": "", "lines": lines(line("tea", 1, 1)), "extras": {}}
    error = refused(lambda: shop.createOrder(draft=empty), "invalid: ", "invalid", None)
    assert error["invalid"]["field"] == "customer", error
    misfit(lambda: shop.getOrder(id=2**64), "/id")
    misfit(lambda: shop.getTotal(lines=lines(line("tea", -1, 1))), "/lines/0/quantity")
    misfit(lambda: shop.getTotal(lines=lines(line("tea", 1, 1, "usd"))), "/lines/0/unitPrice/currency")
    misfit(lambda: shop.listOrders(status="lost"), "/status")


CLIENT = zeep.Client(sys.argv[1])
(service,) = CLIENT.wsdl.services.values()
kinds = {type(port.binding).__name__ for port in service.ports.values()}
assert kinds == {"Soap11Binding", "Soap12Binding"}, kinds
for port in service.ports:
    check(CLIENT.bind(service.name, port))
