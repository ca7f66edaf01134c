"""`tinyrpc`, whose transport sends no Content-Type."""

import sys

from tinyrpc import RPCClient
from tinyrpc.exc import RPCError
from tinyrpc.protocols.jsonrpc import JSONRPCProtocol
from tinyrpc.transports.http import HttpPostClientTransport

client = RPCClient(JSONRPCProtocol(), HttpPostClientTransport(sys.argv[1]))
server = client.get_proxy()


def error_of(call):
    try:
        call()
    except RPCError as error:
        return error
    raise AssertionError("there was no error")


assert server.subtract(42, 23) == 19
print("by position")
assert server.subtract(subtrahend=23, minuend=42) == 19
print("by name")
client.get_proxy(one_way=True).update(1, 2)
print("notification")
assert "Method not found" in str(error_of(lambda: server.nobody()))
print("unknown method")
assert "seven" in str(error_of(lambda: server.fail(7, "seven")))
print("failure")
for value in (None, True, 1.5, 2**53 + 1, "ü 😀", [1, [2]], {"a": {"": None}}):
    assert server.echo(value) == value, value
print("values")
protocol = JSONRPCProtocol()
batch = protocol.create_batch_request([protocol.create_request("sum", [1, 2]), protocol.create_request("get_data")])
reply = HttpPostClientTransport(sys.argv[1]).send_message(batch.serialize())
assert [answer.result for answer in protocol.parse_reply(reply)] == [3, ["hello", 5]]
print("batch")
