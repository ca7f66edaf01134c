"""Opens so many WebSockets, lets them be idle, measures the host, has all of them echo, and measures again.

`idle.py PORT PID COUNT EXTENSIONS` prints KiB per connection, idle and after the echo. The second is the larger one: it holds
what a connection keeps once it has been used.
"""

import asyncio
import resource
import struct
import sys

WARM = 64
"""Connections before the first measurement."""

BATCH = 200
"""Connections that are opened at the same time."""


def resident_kib(pid: int) -> int:
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


async def connect(number: int, port: int, extensions: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    local = f"127.0.0.{2 + number % 8}"
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(local, 0), limit=4096)
    offer = f"Sec-WebSocket-Extensions: {extensions}\r\n" if extensions else ""
    writer.write(
        f"GET /spec-websocket HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{offer}\r\n".encode()
    )
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101"), head
    assert (b"permessage-deflate" in head) == bool(extensions), head
    return reader, writer


async def echo(number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, compressed: bool) -> None:
    payload = struct.pack(">Q", number) * 4
    writer.write(bytes([0x82, 0x80 | len(payload), 0, 0, 0, 0]) + payload)
    first, length = await reader.readexactly(2)
    answer = await reader.readexactly(length)
    # On a connection with compression the plugin's manifest asks for every answer to be compressed.
    assert first == (0xC2 if compressed else 0x82) and (compressed or answer == payload), (first, answer)


async def main(port: int, pid: int, count: int, extensions: str) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # The host's workers have all served somebody before they are measured.
    sockets = [await connect(number, port, extensions) for number in range(WARM)]
    await asyncio.gather(*(echo(number, *socket, bool(extensions)) for number, socket in enumerate(sockets)))
    before = resident_kib(pid)
    while len(sockets) < count:
        batch = range(len(sockets), min(len(sockets) + BATCH, count))
        sockets += await asyncio.gather(*(connect(number, port, extensions) for number in batch))
    idle = (resident_kib(pid) - before) / (count - WARM)
    for start in range(0, count, BATCH):
        some = range(start, min(start + BATCH, count))
        await asyncio.gather(*(echo(number, *sockets[number], bool(extensions)) for number in some))
    used = (resident_kib(pid) - before) / (count - WARM)
    print(f"{max(idle, used):.2f} idle {idle:.2f} used {used:.2f}")


asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
