"""JSON-RPC with `pjrpc`, arguments by name."""

import sys
from typing import Any

import driver
import pjrpc
from pjrpc.client.backend import requests as backend

client = backend.Client(f"{sys.argv[1]}/rpc")


def answer(function: str, _: list[str], arguments: dict[str, Any]) -> driver.Answer:
    try:
        return {"result": getattr(client.proxy, function)(**arguments)}
    except pjrpc.exceptions.JsonRpcError as error:
        data = None if error.data is pjrpc.common.UNSET else error.data
        return driver.json_rpc_error(error.code, error.message, data, None)


driver.serve(answer)
