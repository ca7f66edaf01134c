"""WebSocket with Python's websockets, against `chat` and `spec-websocket`."""

import asyncio
import contextlib
import json
import uuid

import websockets

import checks

# Far above what a slow machine needs: it only keeps a check that waits in vain from waiting for ever.
DEADLINE_S = 30


def scene(check):
    """A check that is a coroutine, under the deadline."""

    def run(url):
        async def main():
            async with asyncio.timeout(DEADLINE_S):
                await check(url.replace("http://", "ws://"))

        asyncio.run(main())

    return run


class Person:
    """Somebody in the chat."""

    def __init__(self, socket):
        self.socket = socket

    async def send(self, type, **members):
        await self.socket.send(json.dumps({"type": type, **members}))

    async def hears(self, **expected):
        heard = json.loads(await self.socket.recv())
        assert heard == expected, f"expected {expected}, heard {heard}"

    async def join(self, room, name, *, present=()):
        await self.send("join", room=room, name=name)
        await self.hears(type="welcome", room=room, name=name, members=[*present, name])

    async def hears_nothing_more(self):
        """Whatever was said before has come by the time a ping is answered."""
        await (await self.socket.ping())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0):
                raise AssertionError(f"heard {await self.socket.recv()}")


@contextlib.asynccontextmanager
async def people(url, count):
    async with contextlib.AsyncExitStack() as stack:
        yield [
            Person(await stack.enter_async_context(websockets.connect(f"{url}/chat"))) for _ in range(count)
        ]


def new_room():
    return str(uuid.uuid4())


@scene
async def two_people(url):
    room = new_room()
    async with people(url, 2) as (ada, bob):
        await ada.join(room, "Ada")
        await bob.join(room, "Bob", present=["Ada"])
        await ada.hears(type="joined", room=room, name="Bob")
        for speaker, name, text in ((ada, "Ada", "Hi, Bob!"), (bob, "Bob", "Hi, <Ada> & 😀\n")):
            await speaker.send("say", room=room, text=text)
            for listener in (ada, bob):
                await listener.hears(type="said", room=room, name=name, text=text)


@scene
async def presence(url):
    room = new_room()
    async with people(url, 4) as crowd:
        names = ["Ada", "Bob", "Cy", "Dan"]
        for number, (person, name) in enumerate(zip(crowd, names, strict=True)):
            await person.join(room, name, present=names[:number])
            for earlier in crowd[:number]:
                await earlier.hears(type="joined", room=room, name=name)
        await crowd[1].send("leave", room=room)
        for person in crowd:
            await person.hears(type="left", room=room, name="Bob")
        await crowd[1].join(room, "Bob", present=["Ada", "Cy", "Dan"])


@scene
async def order(url):
    room = new_room()
    names = ["Ada", "Bob", "Cy", "Dan"]
    each = 50
    async with people(url, len(names)) as crowd:
        for number, (person, name) in enumerate(zip(crowd, names, strict=True)):
            await person.join(room, name, present=names[:number])

        async def speak(person):
            for number in range(each):
                await person.send("say", room=room, text=str(number))

        async def listen(person):
            heard = []
            while len(heard) < each * len(names):
                message = json.loads(await person.socket.recv())
                if message["type"] == "said":
                    heard.append((message["name"], int(message["text"])))
            return heard

        _, everything = await asyncio.gather(
            asyncio.gather(*map(speak, crowd)), asyncio.gather(*map(listen, crowd))
        )
        first = everything[0]
        assert all(other == first for other in everything), "they heard different orders"
        for name in names:
            own = [number for speaker, number in first if speaker == name]
            assert own == list(range(each)), (name, own)


@scene
async def departures(url):
    room = new_room()
    async with people(url, 4) as (ada, bob, cy, dan):
        names = ["Ada", "Bob", "Cy", "Dan"]
        for number, (person, name) in enumerate(zip((ada, bob, cy, dan), names, strict=True)):
            await person.join(room, name, present=names[:number])
        for name in names[1:]:
            await ada.hears(type="joined", room=room, name=name)
        # With a word, with a closing handshake, and with nothing at all.
        await bob.send("leave", room=room)
        await ada.hears(type="left", room=room, name="Bob")
        await cy.socket.close()
        await ada.hears(type="left", room=room, name="Cy")
        dan.socket.transport.abort()
        await ada.hears(type="left", room=room, name="Dan")
        await ada.send("leave", room=room)
        await ada.hears(type="left", room=room, name="Ada")
        # The room is as if it were new, and its names are free.
        for name in names[2:]:
            await bob.hears(type="joined", room=room, name=name)
        await bob.hears(type="left", room=room, name="Bob")
        await bob.join(room, "Ada")


@scene
async def rooms(url):
    one, other = new_room(), new_room()
    async with people(url, 3) as (ada, bob, cy):
        await ada.join(one, "Ada")
        await bob.join(other, "Bob")
        await cy.join(one, "Cy", present=["Ada"])
        await cy.join(other, "Cy", present=["Bob"])
        await ada.hears(type="joined", room=one, name="Cy")
        await bob.hears(type="joined", room=other, name="Cy")
        await ada.send("say", room=one, text="one")
        await ada.hears(type="said", room=one, name="Ada", text="one")
        await cy.hears(type="said", room=one, name="Ada", text="one")
        await bob.send("say", room=other, text="other")
        await bob.hears(type="said", room=other, name="Bob", text="other")
        await cy.hears(type="said", room=other, name="Bob", text="other")
        for person in (ada, bob, cy):
            await person.hears_nothing_more()


@scene
async def errors(url):
    room = new_room()
    async with people(url, 2) as (ada, bob):

        async def refused(person, code):
            heard = json.loads(await person.socket.recv())
            assert (heard["type"], heard["code"]) == ("error", code) and heard["message"], heard

        for text in ("", "{", "[]", '{"type":"shout"}', '{"type":"say","room":"x"}', "[" * 10_000):
            await ada.socket.send(text)
            await refused(ada, "malformed")
        await ada.socket.send(b"\xff\xfe")
        await refused(ada, "malformed")
        await ada.send("say", room=room, text="nobody hears this")
        await refused(ada, "not-joined")
        await ada.send("leave", room=room)
        await refused(ada, "not-joined")
        for name in ("", " ", "x" * 65):
            await ada.send("join", room=room, name=name)
            await refused(ada, "invalid-name")
        await ada.join(room, "Ada")
        await ada.send("join", room=room, name="Eve")
        await refused(ada, "already-joined")
        await bob.send("join", room=room, name="Ada")
        await refused(bob, "name-taken")
        await ada.send("say", room=room, text="x" * 4001)
        await refused(ada, "invalid-text")
        await ada.send("say", room=room, text="x" * 4000)
        await ada.hears(type="said", room=room, name="Ada", text="x" * 4000)
        for number in range(31):
            await ada.join(f"{room}{number}", "Ada")
        await ada.send("join", room=f"{room}32", name="Ada")
        await refused(ada, "too-many-rooms")
        await bob.hears_nothing_more()


@scene
async def echo(url):
    address = f"{url}/spec-websocket"
    async with websockets.connect(address, subprotocols=["other", "echo"], max_size=None) as socket:
        assert socket.subprotocol == "echo"
        for message in ("", "text", "ü 😀", b"", bytes(range(256)), "x" * 1_000_000, b"\0" * 4_000_000):
            await socket.send(message)
            assert await socket.recv() == message
        await socket.send(["in ", "many ", "fragments"])
        assert await socket.recv() == "in many fragments"
        await (await socket.ping(b"payload"))
        many = [str(number) for number in range(1000)]
        await asyncio.gather(*(socket.send(one) for one in many))
        assert [await socket.recv() for _ in many] == many
        await socket.close(4000, "enough")
        assert socket.close_code == 4000, socket.close_code


if __name__ == "__main__":
    checks.run(__name__)
