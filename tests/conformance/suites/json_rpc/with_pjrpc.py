"""`pjrpc`, with its backend on `requests`."""

import sys

import pjrpc
from pjrpc.client.backend import requests as backend

client = backend.Client(sys.argv[1])


def error_of(call):
    try:
        call()
    except pjrpc.exceptions.JsonRpcError as error:
        return error
    raise AssertionError("there was no error")


assert client.proxy.subtract(42, 23) == 19
print("by position")
assert client.proxy.subtract(subtrahend=23, minuend=42) == 19
print("by name")
client.notify("update", 1, 2)
print("notification")
assert error_of(lambda: client.proxy.nobody()).code == -32601
print("unknown method")
error = error_of(lambda: client.proxy.fail(7, "seven"))
assert (error.code, error.message) == (7, "seven"), error
print("failure")
for value in (None, True, 1.5, 2**53 + 1, "ü 😀", [1, [2]], {"a": {"": None}}):
    assert client.proxy.echo(value) == value, value
print("values")
with client.batch() as batch:
    batch("sum", 2, 2)
    batch("subtract", 4, 2)
    batch.notify("update", 1)
    batch("get_data")
assert list(batch.get_results()) == [4, 2, ["hello", 5]]
print("batch")
