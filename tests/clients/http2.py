"""HTTP/2 with an independent implementation (httpx on h2), against `spec-rest`."""

import asyncio

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
            # Bodies upwards, larger than the window that a stream begins with.
            bodies = [str(number) * 200_000 for number in range(5)]
            answers = await asyncio.gather(*(client.post("/", content=body) for body in bodies))
            assert [answer.json()["body"] for answer in answers] == bodies
            assert (await client.post("/", content=b"x" * (1024 * 1024 + 1))).status_code == 413
            assert (await client.get("/status/204")).status_code == 204

    asyncio.run(main())


if __name__ == "__main__":
    checks.run(__name__)
