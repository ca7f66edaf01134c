"""What the Rust component of the same name answers, from Python."""

import asyncio
import json

import poll_loop
from componentize_py_types import Err, Ok
from poll_loop import PollLoop, Sink, Stream
from wit_world import exports
from wit_world.imports import monotonic_clock, types


class IncomingHandler(exports.IncomingHandler):
    def handle(self, request: types.IncomingRequest, response_out: types.ResponseOutparam) -> None:
        loop = PollLoop()
        asyncio.set_event_loop(loop)
        loop.run_until_complete(handle(request, response_out))


def begin(out, status, fields):
    """Sends the head. What comes next is the body."""
    response = types.OutgoingResponse(types.Fields.from_list([(name, value.encode()) for name, value in fields]))
    response.set_status_code(status)
    body = response.body()
    types.ResponseOutparam.set(out, Ok(response))
    return body


async def answer(out, status, fields, content):
    sink = Sink(begin(out, status, fields))
    if content:
        await sink.send(content)
    sink.close()


async def sleep(milliseconds):
    await poll_loop.register(asyncio.get_event_loop(), monotonic_clock.subscribe_duration(milliseconds * 1_000_000))


async def handle(request, out):
    path, _, query = (request.path_with_query() or "").partition("?")
    verb, argument = (path.lstrip("/").split("/") + [""])[:2]
    if verb == "status":
        await answer(out, int(argument), [], b"")
    elif verb == "bytes":
        await answer(out, 200, [("content-type", "application/octet-stream")], b"x" * int(argument))
    elif verb == "where":
        scheme = type(request.scheme()).__name__.removeprefix("Scheme_").lower()
        where = {"scheme": scheme, "authority": request.authority()}
        await answer(out, 200, [("content-type", "application/json")], json.dumps(where).encode())
    elif verb == "echo":
        stream = Stream(request.consume())
        sink = Sink(begin(out, 200, [("content-type", "application/octet-stream")]))
        while (piece := await stream.next()) is not None:
            await sink.send(piece)
        sink.close()
    elif verb == "events":
        sink = Sink(begin(out, 200, [("content-type", "text/event-stream"), ("cache-control", "no-store")]))
        for number in range(int(argument)):
            if number > 0:
                await sleep(100)
            await sink.send(f"id: {number}\ndata: event {number}\n\n".encode())
        sink.close()
    elif verb == "trailers":
        await trailers(request, out)
    elif verb == "fetch":
        await fetch(out)
    else:
        await seen(request, out, path, query)


async def fetch(out):
    """Asks for something outside."""
    outgoing = types.OutgoingRequest(types.Fields())
    outgoing.set_scheme(types.Scheme_Http())
    outgoing.set_authority("127.0.0.1:9")
    outgoing.set_path_with_query("/")
    try:
        text = f"answered {(await poll_loop.send(outgoing)).status()}"
    except Err as error:
        text = f"refused: {error.value}"
    await answer(out, 200, [], text.encode())


async def trailers(request, out):
    """Answers with the trailers that it was sent, as trailers."""
    incoming = request.consume()
    with incoming.stream() as stream:
        while True:
            try:
                stream.blocking_read(65536)
            except Exception:
                break
    future = types.IncomingBody.finish(incoming)
    future.subscribe().block()
    sent = types.Fields()
    received = future.get().value.value
    for name, value in received.entries() if received is not None else []:
        sent.append(name, value)
    sent.append("x-done", b"yes")
    body = begin(out, 200, [("trailer", "x-done, x-checksum")])
    with body.write() as stream:
        stream.blocking_write_and_flush(b"body")
    types.OutgoingBody.finish(body, sent)


async def seen(request, out, path, query):
    """What arrived, in the form of every other conformance plugin."""
    method = request.method()
    name = type(method).__name__.removeprefix("Method_")
    headers = [(field, value.decode()) for field, value in request.headers().entries()]
    content = b""
    stream = Stream(request.consume())
    while (piece := await stream.next()) is not None:
        content += piece
    arrived = {
        "method": method.value if name == "Other" else name.upper(),
        "path": path,
        "query": query or None,
        "headers": headers,
        "body": content.decode(),
    }
    await answer(out, 200, [("content-type", "application/json")], json.dumps(arrived).encode())
