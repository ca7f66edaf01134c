"""XML-RPC with Python's `xmlrpc.client`. Which texts are bytes it is told by the service's JSON Schemas: XML-RPC has no contract."""

import base64
import json
import sys
import urllib.request
import xmlrpc.client
from typing import Any

import driver

proxy = xmlrpc.client.ServerProxy(f"{sys.argv[1]}/xmlrpc", allow_none=True, use_builtin_types=True)
with urllib.request.urlopen(f"{sys.argv[1]}/openrpc.json", timeout=30) as document:
    OPENRPC = json.load(document)
SCHEMAS = {method["name"]: {param["name"]: param["schema"] for param in method["params"]} for method in OPENRPC["methods"]}


def branches(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """What the schema may be, without references and alternatives."""
    if "$ref" in schema:
        return branches(OPENRPC["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    several = schema.get("oneOf", []) + schema.get("allOf", [])
    return [branch for one in several for branch in branches(one)] if several else [schema]


def native(value: Any, schemas: list[dict[str, Any]]) -> Any:
    """The value with bytes where the schema says base64, and as text if it is a number that `int` does not hold."""
    if isinstance(value, int) and value > xmlrpc.client.MAXINT:
        return str(value)
    if isinstance(value, str) and any(schema.get("contentEncoding") == "base64" for schema in schemas):
        return base64.b64decode(value)
    if isinstance(value, dict):
        known = {name: of for schema in schemas for name, of in schema.get("properties", {}).items()}
        return {name: native(part, branches(known.get(name, {}))) for name, part in value.items()}
    if isinstance(value, list):
        of = next((schema["items"] for schema in schemas if isinstance(schema.get("items"), dict)), {})
        return [native(part, branches(of)) for part in value]
    return value


def plain(value: Any) -> Any:
    """The result with bytes as base64, and else as it came."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, list) else value


def answer(function: str, parameters: list[str], arguments: dict[str, Any]) -> driver.Answer:
    known = SCHEMAS[function]
    sent = {name: native(value, branches(known[name])) for name, value in arguments.items()}
    try:
        return {"result": plain(getattr(proxy, function)(*driver.by_place(parameters, sent)))}
    except xmlrpc.client.Fault as fault:
        form = {"code": fault.faultCode}
        if misfit := driver.misfit_of(fault.faultString.removeprefix("Invalid params: ")):
            return {"misfit": driver.by_name(misfit, parameters), "as": form}
        message, _, data = fault.faultString.partition("\n")
        return {"error": json.loads(data), "message": message, "as": form}


driver.serve(answer)
