"""Drops `orders` into the folder of a running host, and calls it in every form until it answers.

    dropped.py HOST COMPONENT MANIFEST FOLDER SECONDS

Prints, as JSON, after how many seconds each form answered; null is one that did not in time.
"""

import concurrent.futures
import json
import pathlib
import shutil
import sys
import time
import urllib.request
import xmlrpc.client
from collections.abc import Callable

import zeep
from pjrpc.client.backend import requests as json_rpc
from websockets.sync.client import connect

HOST, COMPONENT, MANIFEST, FOLDER = sys.argv[1:5]
SECONDS = float(sys.argv[5])
PAUSE_SECONDS = 0.005
"""Between one try and the next."""

MOUNT = f"{HOST}/shop"


def rest() -> object:
    with urllib.request.urlopen(f"{MOUNT}/orders", timeout=SECONDS) as answer:
        return json.load(answer)


def websocket() -> object:
    with connect(f"{MOUNT.replace('http', 'ws', 1)}/ws") as socket:
        socket.send('{"jsonrpc":"2.0","id":1,"method":"listOrders"}')
        return json.loads(socket.recv(timeout=SECONDS))["result"]


FORMS: dict[str, Callable[[], object]] = {
    "REST": rest,
    "JSON-RPC": lambda: json_rpc.Client(f"{MOUNT}/rpc").proxy.listOrders(),
    "XML-RPC": lambda: xmlrpc.client.ServerProxy(f"{MOUNT}/xmlrpc").listOrders(),
    # An empty list is nothing to zeep.
    "SOAP": lambda: zeep.Client(f"{MOUNT}/soap?wsdl").service.listOrders() or [],
    "WebSocket": websocket,
}


def seconds_until(answers: Callable[[], object], began: float) -> float | None:
    """When it answered that there are no orders, from the beginning."""
    seen: object = "nothing"
    while time.monotonic() < began + SECONDS:
        try:
            seen = answers()
            if seen == []:
                return time.monotonic() - began
        except Exception as error:  # Each client has its own for "not found".
            seen = error
        time.sleep(PAUSE_SECONDS)
    print(repr(seen), file=sys.stderr)
    return None


for name, answers in FORMS.items():
    try:
        answers()
    except Exception:  # As above.
        continue
    sys.exit(f"{name} answers before there is a service")
folder = pathlib.Path(FOLDER)
shutil.copyfile(MANIFEST, folder / "orders.toml")
began = time.monotonic()
shutil.copyfile(COMPONENT, folder / "orders.wasm")
with concurrent.futures.ThreadPoolExecutor(len(FORMS)) as threads:
    waiting = {name: threads.submit(seconds_until, answers, began) for name, answers in FORMS.items()}
print(json.dumps({name: found.result() for name, found in waiting.items()}))
