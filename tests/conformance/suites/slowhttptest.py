"""slowhttptest's four attacks, with a well-behaved client beside each that must not notice.

Written by Sergey Shekyan. Slow heads (slowloris), slow bodies (R-U-Dead-Yet), slow reading, and the Range header that once killed
Apache. Each attack has to be ended by the host: every connection of it closed within the host's limits, which are set short here.
"""

import csv
import http.client
import threading
import time

from harness import Host, Outcome, Suite, Tools

CONNECTIONS = 200

CONFIG = """
[limits]
first_byte_ms_max = 3000
header_ms_max = 3000
body_idle_ms_max = 3000
keep_alive_idle_ms_max = 3000
write_stall_ms_max = 3000
"""
"""A few seconds for each phase, so that an attack of ten shows whether it is ended."""

ATTACKS = {
    # -i: seconds between two pieces; -x: bytes of a piece; -l: seconds of the attack; -r: connections per second.
    "slow head (-H)": ["-H", "-i", "1", "-x", "24", "-t", "GET", "-u", "{url}/spec-rest/"],
    "slow body (-B)": ["-B", "-i", "4", "-s", "8192", "-x", "10", "-t", "POST", "-u", "{url}/spec-rest/"],
    "slow read (-X)": ["-X", "-w", "512", "-y", "1024", "-n", "5", "-z", "32", "-k", "3", "-u", "{url}/spec-rest/bytes/4000000"],
    "ranges (-R)": ["-R", "-a", "5", "-b", "3000", "-t", "HEAD", "-u", "{url}/spec-rest/"],
}

SECONDS = 10


class Visitor(threading.Thread):
    """A client that asks, ten times a second, what others ask, and notes how long its answers take."""

    def __init__(self, port: int):
        super().__init__(daemon=True)
        self._port = port
        self._ends = threading.Event()
        self.milliseconds: list[float] = []
        self.failures: list[str] = []

    def run(self) -> None:
        while not self._ends.wait(0.1):
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
            report = tools.scratch / name.split("(")[1].strip("-)")
            visitor = Visitor(other.port)
            visitor.start()
            words = [word.format(url=other.url) for word in arguments]
            shape = ["-c", str(CONNECTIONS), "-r", str(CONNECTIONS), "-l", str(SECONDS), "-p", "5", "-g", "-o", str(report)]
            done = tools.run(["slowhttptest", *shape, *words], timeout_seconds=60)
            visitor.end()
            rows = list(csv.DictReader(report.with_suffix(".csv").open())) if report.with_suffix(".csv").is_file() else []
            if not rows:
                outcome.failed(f"{name} is ended", f"no report: {done.stdout[-200:]} {done.stderr[-200:]}")
                continue
            held = {key.strip(): int(value) for key, value in rows[-1].items() if key and value and value.strip().isdigit()}
            outcome.check(f"{name} is ended", 0, held.get("Connected", -1))
            slow = sorted(visitor.milliseconds)
            p99 = slow[int(len(slow) * 0.99)] if slow else float("inf")
            outcome.check(f"{name} harms no visitor", [], visitor.failures)
            if p99 > 1000:
                outcome.failed(f"{name} delays no visitor", f"p99 {p99:.0f} ms")
            else:
                outcome.passed(f"{name} delays no visitor")
            outcome.figure(f"{name}: {len(slow)} visits, p99 {p99:.1f} ms")
    return outcome


SUITES = [Suite(name="slowhttptest", protocol="HTTP", version="1.8.2", run=run)]
