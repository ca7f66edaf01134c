"""`jsonrpclib-pelix`, with its own transport."""

import sys

import jsonrpclib

server = jsonrpclib.ServerProxy(sys.argv[1])


def error_of(call):
    try:
        call()
    except jsonrpclib.ProtocolError as error:
        return error.args[0]
    raise AssertionError("there was no error")


assert server.subtract(42, 23) == 19
print("by position")
assert server.subtract(subtrahend=23, minuend=42) == 19
print("by name")
assert error_of(lambda: server.nobody())[0] == -32601
print("unknown method")
assert tuple(error_of(lambda: server.fail(7, "seven")))[:2] == (7, "seven")
print("failure")
for value in (None, True, 1.5, 2**53 + 1, "ü 😀", [1, [2]], {"a": {"": None}}):
    assert server.echo(value) == value, value
print("values")
many = jsonrpclib.MultiCall(server)
many.subtract(1, 2)
many.sum(1, 2, 3)
many._notify.update(1)
many.get_data()
assert list(many()) == [-1, 6, ["hello", 5]]
print("batch")
try:
    server._notify.update(1, 2)
    print("notification")
except jsonrpclib.jsonrpc.TransportError as error:
    print(error, file=sys.stderr)
