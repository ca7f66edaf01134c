"""Components of `wasi:http` 0.2 in three languages, built with the tools of their makers and served as they are.

The components are as anybody would write them for `wasmtime serve` or Spin: `tests/plugins/wasi-http-rust` on the `wasip2` crate,
`wasi_http/app.js` on the fetch event of componentize-js, `wasi_http/app.py` on the event loop of componentize-py. Each answers what
`spec-rest` answers, and streams. Nothing in them is of Guesthouse. The WIT comes with jco.
"""

import http.client
import json
import pathlib
import re
import shutil
import socket
import time

from harness import REPOSITORY, Host, Outcome, Suite, Tools, last_line

HERE = pathlib.Path(__file__).with_suffix("")

EXAMPLES = REPOSITORY / "examples"
"""The same tools make components of two of the examples; there their versions are pinned."""

PACKAGE = json.loads((EXAMPLES / "orders-javascript" / "package.json").read_text())
COMPONENTIZE_JS = PACKAGE["devDependencies"]["@bytecodealliance/componentize-js"]
JCO = "1.35.0"
COMPONENTIZE_PY = (EXAMPLES / "orders-python" / "requirements.txt").read_text().strip().removeprefix("componentize-py==")

JS_WASI = "0.2.10"
"""The version of WASI that this componentize-js is built on."""


def wit(tools: Tools, modules: pathlib.Path, name: str, version: str) -> pathlib.Path:
    """The WIT of the `wasi:http` world, as jco has it, in this version: all of 0.2 are one to a linker."""
    source = modules / "@bytecodealliance" / "jco" / "lib" / "wit" / "builtin" / "0.2.12"
    folder = tools.scratch / name
    shutil.rmtree(folder, ignore_errors=True)
    for package in ("cli", "clocks", "filesystem", "http", "io", "random", "sockets"):
        shutil.copytree(source / f"wasi-{package}", folder / "deps" / package)
    shutil.copy(HERE / "world.wit", folder)
    for path in folder.rglob("*.wit"):
        path.write_text(re.sub(r"@0\.2\.12\b", f"@{version}", path.read_text()))
    return folder


def build_javascript(tools: Tools) -> bytes:
    modules = tools.npm([f"@bytecodealliance/componentize-js@{COMPONENTIZE_JS}", f"@bytecodealliance/jco@{JCO}"])
    out = tools.scratch / "js.wasm"
    # Beside the modules, where Node looks for them.
    script = shutil.copy(HERE / "build.mjs", modules.parent)
    command = [tools.node(), script, HERE / "app.js", wit(tools, modules, "wit-js", JS_WASI), out]
    done = tools.run(command, timeout_seconds=300)
    if done.returncode != 0:
        raise RuntimeError(f"componentize-js: {last_line(done.stderr)}")
    return out.read_bytes()


def build_python(tools: Tools) -> bytes:
    modules = tools.npm([f"@bytecodealliance/componentize-js@{COMPONENTIZE_JS}", f"@bytecodealliance/jco@{JCO}"])
    python = tools.python([f"componentize-py=={COMPONENTIZE_PY}"])
    out = tools.scratch / "py.wasm"
    world = ["-d", wit(tools, modules, "wit-py", "0.2.12"), "-w", "guesthouse:conformance/component"]
    command = [python.with_name("componentize-py"), *world, "componentize", "app", "-p", HERE, "-o", out]
    done = tools.run(command, timeout_seconds=300)
    if done.returncode != 0:
        raise RuntimeError(f"componentize-py: {last_line(done.stderr)}")
    return out.read_bytes()


def ask(host: Host, method: str, target: str, body: bytes | None = None, headers: dict[str, str] | None = None):
    """One request on a connection of its own: status, fields, body."""
    connection = http.client.HTTPConnection("127.0.0.1", host.port, timeout=20)
    try:
        connection.request(method, target, body=body, headers=headers or {})
        response = connection.getresponse()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    finally:
        connection.close()


def what_arrives(host: Host, at: str, outcome: Outcome) -> None:
    """What `spec-rest` is asked, and its answers."""
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        sent = None if method == "GET" else "what is sent: ü".encode()
        headers = {"X-Thing": "a value", "Content-Type": "text/plain"}
        status, fields, body = ask(host, method, f"{at}/a%20b/c?x=1&y=%3D", sent, headers)
        outcome.check(f"{at} {method} status", 200, status)
        outcome.check(f"{at} {method} type", "application/json", fields.get("content-type"))
        seen = json.loads(body)
        outcome.check(f"{at} {method} method", method, seen["method"])
        outcome.check(f"{at} {method} path", "/a%20b/c", seen["path"])
        outcome.check(f"{at} {method} query", "x=1&y=%3D", seen["query"])
        outcome.check(f"{at} {method} body", (sent or b"").decode(), seen["body"])
        outcome.check(f"{at} {method} fields", "a value", dict(seen["headers"]).get("x-thing"))
    outcome.check(f"{at} no query", None, json.loads(ask(host, "GET", f"{at}/a")[2])["query"])
    for number in (200, 201, 204, 301, 304, 404, 418, 503):
        outcome.check(f"{at} status {number}", number, ask(host, "GET", f"{at}/status/{number}")[0])
    for count in (0, 1, 65_536, 1_000_000):
        status, _, body = ask(host, "GET", f"{at}/bytes/{count}")
        outcome.check(f"{at} {count} bytes", (200, count), (status, len(body)))
    status, fields, body = ask(host, "HEAD", f"{at}/bytes/10")
    outcome.check(f"{at} HEAD", (200, "10", 0), (status, fields.get("content-length"), len(body)))
    where = json.loads(ask(host, "GET", f"{at}/where")[2])
    outcome.check(f"{at} scheme and authority", {"scheme": "http", "authority": f"127.0.0.1:{host.port}"}, where)


def streams(host: Host, at: str, outcome: Outcome) -> None:
    """Bodies of any length, piece by piece, both ways."""
    large = bytes(number % 251 for number in range(3_000_000))
    status, _, body = ask(host, "POST", f"{at}/echo", large)
    outcome.check(f"{at} echo of 3 MB", (200, True), (status, body == large))

    with socket.create_connection(("127.0.0.1", host.port), timeout=20) as connection:
        head = f"POST {at}/echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head.encode() + b"3\r\none\r\n")
        received = b""
        for piece in (b"one", b"two", b"three"):
            # The next piece is sent when this one has come back.
            while piece not in received:
                data = connection.recv(65_536)
                if not data:
                    break
                received += data
            following = {b"one": b"3\r\ntwo\r\n", b"two": b"5\r\nthree\r\n", b"three": b"0\r\n\r\n"}[piece]
            connection.sendall(following)
        while data := connection.recv(65_536):
            received += data
            if received.endswith(b"0\r\n\r\n"):
                break
        outcome.check(f"{at} echo while it is sent", True, received.endswith(b"0\r\n\r\n") and b"three" in received)

    connection = http.client.HTTPConnection("127.0.0.1", host.port, timeout=20)
    connection.request("GET", f"{at}/events/4")
    response = connection.getresponse()
    outcome.check(f"{at} events type", "text/event-stream", response.getheader("content-type"))
    events, times = b"", []
    while data := response.read1(65_536):
        events += data
        times.append(time.monotonic())
    connection.close()
    outcome.check(f"{at} events", b"".join(f"id: {n}\ndata: event {n}\n\n".encode() for n in range(4)), events)
    outcome.check(f"{at} events one by one", 4, len(times))


def trailers(host: Host, at: str, outcome: Outcome) -> None:
    """Fields after the body. The fetch event of JavaScript has none."""
    with socket.create_connection(("127.0.0.1", host.port), timeout=20) as connection:
        head = f"POST {at}/trailers HTTP/1.1\r\nHost: h\r\nTE: trailers\r\nTrailer: x-checksum\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head.encode() + b"4\r\nbody\r\n0\r\nX-Checksum: 42\r\n\r\n")
        received = b""
        while b"\r\n0\r\n" not in received or not received.endswith(b"\r\n\r\n"):
            data = connection.recv(65_536)
            if not data:
                break
            received += data
    end = received.partition(b"\r\n0\r\n")[2].lower()
    outcome.check(f"{at} trailers", (True, True), (b"x-checksum: 42" in end, b"x-done: yes" in end))


def run(host: Host, tools: Tools) -> Outcome:
    outcome = Outcome()
    files = {"wasi-js.wasm": build_javascript(tools), "wasi-py.wasm": build_python(tools)}
    began = time.monotonic()
    with host.private(["wasi-http-rust"], files=files) as other:
        outcome.figure(f"compiled and live after {time.monotonic() - began:.1f} s: "
                       + ", ".join(f"{name} {len(content) / 1e6:.1f} MB" for name, content in files.items()))
        for name in ("wasi-http-rust", "wasi-js", "wasi-py"):
            at = f"/{name}"
            if f"plugin {name}: live" not in other.log():
                outcome.failed(f"{at} is served", last_line("\n".join(line for line in other.log().splitlines() if name in line)))
                continue
            outcome.passed(f"{at} is served")
            what_arrives(other, at, outcome)
            # A path that the host takes where a component has functions of its own. This one has none, whatever its toolchain left.
            seen = json.loads(ask(other, "GET", f"{at}/openapi.json")[2])
            outcome.check(f"{at} is served by its handler alone", "/openapi.json", seen.get("path"))
            streams(other, at, outcome)
            if name != "wasi-js":
                trailers(other, at, outcome)
            status, _, body = ask(other, "GET", f"{at}/fetch")
            outcome.check(f"{at} nothing goes out", (200, False), (status, body.startswith(b"answered")))
    return outcome


SUITES = [
    Suite(
        name="wasi-http",
        protocol="wasi:http",
        version=f"wasip2 1.0, componentize-js {COMPONENTIZE_JS}, componentize-py {COMPONENTIZE_PY}",
        run=run,
    )
]
