"""HTTP/2 with an independent implementation (httpx on h2), against `spec-rest`."""

import asyncio
import socket
from urllib.parse import urlsplit

import h2.connection
import h2.events
import httpx

import checks


def multiplexed(url):
    """A hundred requests at once on one connection, each of which gets its own answer."""

    async def main():
        one = httpx.Limits(max_connections=1)
        async with httpx.AsyncClient(http1=False, http2=True, limits=one, base_url=f"{url}/spec-rest", timeout=60) as client:
            sizes = range(70_000, 70_100)
            answers = await asyncio.gather(*(client.get(f"/bytes/{size}") for size in sizes))
            for size, answer in zip(sizes, answers, strict=True):
                assert (answer.http_version, answer.status_code) == ("HTTP/2", 200), answer
                assert answer.content == b"x" * size, (size, len(answer.content))
            # Bodies upwards, larger than the window that a stream begins with. One after another: when one request of httpcore
            # 1.0 reads the window update that another is about to wait for, that one waits for ever (its `_receive_events`
            # reads again without looking), until the host gives up its body (408).
            for number in range(5):
                body = str(number) * 200_000
                assert (await client.post("/", content=body)).json()["body"] == body
            assert (await client.get("/status/204")).status_code == 204

    asyncio.run(main())


def refused(url):
    """A body that is announced too large: a whole answer, then a reset without an error (RFC 9113, section 8.1), after which
    the connection goes on. Frame by frame, because httpx and older curls do not show an answer that comes so early."""
    address = urlsplit(url)
    connection = h2.connection.H2Connection()
    with socket.create_connection((address.hostname, address.port), timeout=60) as stream:
        connection.initiate_connection()
        seen = {1: {}, 3: {}}

        def request(number, *fields, end):
            head = [(":method", "POST"), (":path", "/spec-rest/"), (":scheme", "http"), (":authority", address.netloc)]
            connection.send_headers(number, [*head, *fields], end_stream=end)
            stream.sendall(connection.data_to_send())

        def read_until(number, event):
            while event not in seen[number]:
                received = stream.recv(65_536)
                assert received, f"the connection was closed after {seen}"
                for one in connection.receive_data(received):
                    if getattr(one, "stream_id", None):
                        seen[one.stream_id][type(one)] = one
                stream.sendall(connection.data_to_send())

        request(1, ("content-length", str(1024 * 1024 + 1)), end=False)
        read_until(1, h2.events.StreamReset)
        assert dict(seen[1][h2.events.ResponseReceived].headers)[b":status"] == b"413", seen
        assert h2.events.StreamEnded in seen[1] and seen[1][h2.events.StreamReset].error_code == 0, seen
        request(3, end=True)
        read_until(3, h2.events.StreamEnded)
        assert dict(seen[3][h2.events.ResponseReceived].headers)[b":status"] == b"200", seen


if __name__ == "__main__":
    checks.run(__name__)
