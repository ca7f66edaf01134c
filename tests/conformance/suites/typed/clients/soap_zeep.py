"""SOAP with zeep. Everything that it knows of the service is from the WSDL, and so is everything that this program does to values.

    soap_zeep.py MOUNT Soap11|Soap12
"""

import base64
import sys
from typing import Any

import driver
import zeep
from lxml import etree
from zeep import xsd
from zeep.exceptions import Fault

URL = f"{sys.argv[1]}/soap?wsdl"
CLIENT = zeep.Client(URL)
[SERVICE] = CLIENT.wsdl.services.values()
[PORT] = [port for port in SERVICE.ports.values() if port.name.endswith(sys.argv[2])]
PROXY = CLIENT.bind(SERVICE.name, PORT.name)

FIXED = {
    element.get("name")
    for element in etree.fromstring(CLIENT.transport.load(URL)).iter("{http://www.w3.org/2001/XMLSchema}element")
    if element.get("fixed") == "true"
}
"""The elements of cases without payload: booleans that can only be true. zeep does not say of an element that its value is fixed."""

ENDLESS = {"NaN": "NaN", "Infinity": "INF", "-Infinity": "-INF"}
"""What XML Schema calls the numbers that are none; zeep writes them as Python does, and so they are given to it as texts."""


def members(kind: Any) -> dict[str, Any] | None:
    """The elements of a complex type, by name; nothing of a simple one."""
    return dict(kind.elements) if isinstance(kind, xsd.ComplexType) else None


def is_list(elements: dict[str, Any]) -> bool:
    return list(elements) == ["item"] and elements["item"].accepts_multiple


def is_tuple(elements: dict[str, Any]) -> bool:
    return list(elements) == [f"item{place}" for place in range(1, len(elements) + 1)] and bool(elements)


def native(value: Any, kind: Any) -> Any:
    """The value as zeep wants it. What does not fit the type is left as it is, and zeep may send it."""
    elements = members(kind)
    if value is None:
        return None
    if elements is None and kind.name in ("float", "double") and value in ENDLESS:
        return ENDLESS[value]
    if elements is None:
        try:
            return kind.pythonvalue(value) if isinstance(value, str) else value
        except ValueError:
            return value
    if isinstance(value, list) and is_list(elements):
        return {"item": [native(part, elements["item"].type) for part in value]}
    if isinstance(value, list) and is_tuple(elements):
        return {name: native(part, of.type) for part, (name, of) in zip(value, elements.items())}
    if isinstance(value, str) and value in elements and value in FIXED:
        return {value: True}
    return {name: native(part, elements[name].type) if name in elements else part for name, part in value.items()}


def plain(value: Any, kind: Any) -> Any:
    """What zeep gives as JSON has it."""
    elements = members(kind)
    if elements is None:
        if isinstance(value, bytes):
            return base64.b64encode(value).decode()
        return str(value) if kind.name in ("long", "unsignedLong") else value
    if is_list(elements):
        # An empty list, which is there, is None; and a result that has one element is that element.
        items = value if isinstance(value, list) else [] if value is None else value["item"]
        return [plain(part, elements["item"].type) for part in items]
    if is_tuple(elements):
        return [plain(value[name], of.type) for name, of in elements.items()]
    there = {name: plain_member(value[name] if name in value else None, of) for name, of in elements.items()}
    there = {name: part for name, part in there.items() if part is not None}
    case = next(iter(there), None)
    return case if case in FIXED and there == {case: True} else there


def plain_member(value: Any, element: Any) -> Any:
    """A member; None if it is not there."""
    if value is None and (element.is_optional or not is_list(members(element.type) or {})):
        return None
    return plain(value, element.type)


def answer(function: str, _: list[str], arguments: dict[str, Any]) -> driver.Answer:
    operation = PORT.binding.get(function)
    parameters = members(operation.input.body.type) or {}
    sent = {name: native(value, parameters[name].type) for name, value in arguments.items()}
    try:
        value = getattr(PROXY, function)(**sent)
    except Fault as fault:
        form = {"fault": fault.code.rpartition(":")[2], "subcodes": [code.localname for code in fault.subcodes or ()]}
        if fault.detail is None or not len(fault.detail):
            return {"misfit": driver.misfit_of(fault.message), "as": form}
        [detail] = fault.detail
        element = CLIENT.get_element(detail.tag)
        error = element.parse(detail, CLIENT.wsdl.types)["error"]
        return {"error": plain(error, members(element.type)["error"].type), "message": fault.message, "as": form}
    result = (members(operation.output.body.type) or {}).get("result")
    return {"result": plain_member(value, result) if result is not None else value}


driver.serve(answer)
