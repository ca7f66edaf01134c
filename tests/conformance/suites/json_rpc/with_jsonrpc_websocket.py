"""`jsonrpc-websocket`: one JSON text per message, answers matched by their ids."""

import asyncio
import sys

from jsonrpc_base.jsonrpc import ProtocolError
from jsonrpc_websocket import Server


async def error_of(call):
    try:
        await call
    except ProtocolError as error:
        return error.args
    raise AssertionError("there was no error")


async def main():
    server = Server(sys.argv[1])
    await server.ws_connect()
    try:
        assert await server.subtract(42, 23) == 19
        print("by position")
        assert await server.subtract(subtrahend=23, minuend=42) == 19
        print("by name")
        assert await server.update(1, _notification=True) is None
        print("notification")
        assert (await error_of(server.nobody()))[0] == -32601
        print("unknown method")
        assert (await error_of(server.fail(7, "seven")))[:2] == (7, "seven")
        print("failure")
        for value in (None, True, 1.5, 2**53 + 1, "ü 😀", [1, [2]], {"a": {"": None}}):
            assert await server.echo(value) == value, value
        print("values")
        answers = await asyncio.gather(*(server.sum(number, 1) for number in range(100)))
        assert answers == list(range(1, 101)), answers
        print("at the same time")
    finally:
        await server.close()


asyncio.run(main())
