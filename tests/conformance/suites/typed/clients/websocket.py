"""JSON-RPC over WebSocket with `websockets`, arguments by place, all calls on one connection."""

import itertools
import json
import sys
from typing import Any

import driver
from websockets.sync.client import connect

numbers = itertools.count(1)


def answer(function: str, parameters: list[str], arguments: dict[str, Any]) -> driver.Answer:
    number = next(numbers)
    params = driver.by_place(parameters, arguments)
    socket.send(json.dumps({"jsonrpc": "2.0", "id": number, "method": function, "params": params}))
    said = json.loads(socket.recv(timeout=30))
    assert said["id"] == number and said["jsonrpc"] == "2.0", said
    if "error" in said:
        error = said["error"]
        return driver.json_rpc_error(error["code"], error["message"], error.get("data"), parameters)
    return {"result": said["result"]}


with connect(f"{sys.argv[1].replace('http', 'ws', 1)}/ws") as socket:
    driver.serve(answer)
