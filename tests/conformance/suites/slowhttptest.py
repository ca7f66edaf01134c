"""slowhttptest's four attacks, with a well-behaved client beside each that must not notice.

Written by Sergey Shekyan. Slow heads (slowloris), slow bodies (R-U-Dead-Yet), slow reading, and the Range header that once killed
Apache. Each attack has to be ended by the host: every connection of it closed within the host's limits, which are set short here.
"""

import http.client
import os
import threading
import time

from harness import Host, Outcome, Suite, Tools

CONNECTIONS = 100

CONFIG = """
[limits]
first_byte_ms_max = 3000
header_ms_max = 3000
body_idle_ms_max = 3000
keep_alive_idle_ms_max = 3000
write_stall_ms_max = 3000
"""
"""A few seconds for each phase, so that it shows long before the attack is over whether the host ends it."""

ATTACKS = {
    # -i: seconds between two pieces; -x: bytes of a piece; -l: seconds of the attack; -r: connections per second.
    "slow head (-H)": ["-H", "-i", "1", "-x", "24", "-t", "GET", "-u", "{url}/spec-rest/"],
    "slow body (-B)": ["-B", "-i", "4", "-s", "8192", "-x", "10", "-t", "POST", "-u", "{url}/spec-rest/"],
    "slow read (-X)": ["-X", "-w", "512", "-y", "1024", "-n", "5", "-z", "32", "-u", "{url}/spec-rest/bytes/4000000"],
    "ranges (-R)": ["-R", "-a", "5", "-b", "3000", "-t", "HEAD", "-u", "{url}/spec-rest/"],
}

SECONDS = 15


def sockets(pid: int) -> int:
    """How many sockets the host has. The attacker cannot tell: it hears of an end only when it has read what came before it."""
    count = 0
    for entry in os.scandir(f"/proc/{pid}/fd"):
        try:
            count += os.readlink(entry.path).startswith("socket:")
        except FileNotFoundError:
            continue
    return count


class Visitor(threading.Thread):
    """A client that asks, ten times a second, what others ask, and notes how long its answers take and how many sockets the host has."""

    def __init__(self, host: Host):
        super().__init__(daemon=True)
        self._port = host.port
        self._pid = host.pid
        self._ends = threading.Event()
        self.milliseconds: list[float] = []
        self.failures: list[str] = []
        self.sockets: list[int] = []

    def run(self) -> None:
        while not self._ends.wait(0.1):
            self.sockets.append(sockets(self._pid))
            began = time.monotonic()
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
                connection.request("GET", "/spec-rest/visit")
                answer = connection.getresponse()
                answer.read()
                connection.close()
                if answer.status != 200:
                    self.failures.append(f"status {answer.status}")
            except OSError as error:
                self.failures.append(repr(error))
            self.milliseconds.append((time.monotonic() - began) * 1000)

    def end(self) -> None:
        self._ends.set()
        self.join()


def run(host: Host, tools: Tools) -> Outcome:
    tools.debian(["slowhttptest"])
    outcome = Outcome()
    with host.private(plugins=["spec-rest"], config=CONFIG) as other:
        for name, arguments in ATTACKS.items():
            before = sockets(other.pid)
            visitor = Visitor(other)
            visitor.start()
            words = [word.format(url=other.url) for word in arguments]
            shape = ["-c", str(CONNECTIONS), "-r", str(CONNECTIONS), "-l", str(SECONDS), "-p", "5"]
            done = tools.run(["slowhttptest", *shape, *words], timeout_seconds=60)
            visitor.end()
            if max(visitor.sockets) < before + CONNECTIONS // 2 and "-R" not in words:
                outcome.failed(f"{name} is ended", f"it never began: {done.stdout[-200:]} {done.stderr[-200:]}")
            # The attacker stops as soon as all its connections are closed, which may be just after the last look at the host's
            # sockets; among those are a visitor's own.
            is_ended = "No open connections left" in done.stdout or visitor.sockets[-1] <= before + 5
            outcome.check(f"{name} is ended", True, is_ended)
            slow = sorted(visitor.milliseconds) or [float("nan")]
            p99 = slow[int(len(slow) * 0.99)]
            outcome.check(f"{name} harms no visitor", [], visitor.failures)
            outcome.figure(f"{name}: {max(visitor.sockets) - before} connections at once, {len(slow)} visits, p99 {p99:.1f} ms")
    return outcome


SUITES = [Suite(name="slowhttptest", protocol="HTTP", version="1.8.2", run=run)]
