"""Python's websockets against an echo: `python_websockets.py URL`. Prints a line for each case that went well."""

import asyncio
import sys

import websockets


async def talk(url: str, title: str, compression: str | None) -> None:
    options = {"compression": compression, "subprotocols": ["other", "echo"], "max_size": None}
    async with websockets.connect(url, **options) as socket:
        assert ("Sec-WebSocket-Extensions" in socket.response.headers) == (compression is not None)
        if socket.subprotocol == "echo":
            print(f"{title}: subprotocol")

        async def echo(*sent: str | bytes) -> None:
            for one in sent:
                await socket.send(one)
            for one in sent:
                assert await socket.recv() == one

        await echo("hello", "", "\U0001f600 h\u00e9", "x" * 70_000)
        # As fragments.
        await socket.send(["hel", "", "lo"])
        assert await socket.recv() == "hello"
        print(f"{title}: text")
        await echo(b"\0\xff\1", b"")
        print(f"{title}: binary")
        await echo(b"0123456789abcdef" * 262_144)
        print(f"{title}: long")
        await (await socket.ping())
        await socket.close(4321, "bye")
        if socket.close_code == 4321:
            print(f"{title}: close")


async def main(url: str) -> None:
    await talk(url, "plain", None)
    await talk(url, "compressed", "deflate")


asyncio.run(main(sys.argv[1]))
