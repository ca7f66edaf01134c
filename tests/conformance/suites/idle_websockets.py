"""Ten thousand WebSockets that say nothing: what each of them costs the host, and that every one of them still works.

The connections come from eight addresses, because one has 28,000 ports at most and the host bounds what one address may open. The
program that opens them, `websocket/idle.py`, is ours: what is proven is a number.
"""

import pathlib
import resource
import sys

from harness import Host, Outcome, Skipped, Suite, Tools, last_line

PROGRAM = pathlib.Path(__file__).parent / "websocket" / "idle.py"

CONNECTIONS = 10_000

KIB_MAX = 10
"""Resident memory of one idle connection. hyper by itself, with an upgrade and a read buffer of 4 KiB, takes 5.8."""


def run(host: Host, tools: Tools) -> Outcome:
    # The host takes half of its descriptors for connections.
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 2 * CONNECTIONS:
        raise Skipped(f"needs {2 * CONNECTIONS} open files (`ulimit -Hn`)")
    outcome = Outcome()
    limits = f"connections_max = {CONNECTIONS}\nconnections_per_address_max = {CONNECTIONS}\n"
    for title, extensions in (("plain", ""), ("with compression", "permessage-deflate; client_max_window_bits")):
        # A host for each: the second would find the memory that the first has given back.
        with host.private(plugins=["spec-websocket"], config=f"[limits]\n{limits}") as other:
            done = tools.run(
                [sys.executable, PROGRAM, str(other.port), str(other.pid), str(CONNECTIONS), extensions], timeout_seconds=120
            )
        if done.returncode != 0:
            outcome.failed(f"{title}: opens and echoes", last_line(done.stderr))
            continue
        outcome.passed(f"{title}: opens and echoes")
        kib = float(done.stdout.split()[0])
        outcome.figure(f"{title}: {kib:.1f} KiB resident for each of {CONNECTIONS:,} idle connections")
        if kib <= KIB_MAX:
            outcome.passed(f"{title}: at most {KIB_MAX} KiB resident each")
        else:
            outcome.failed(f"{title}: at most {KIB_MAX} KiB resident each", f"{kib:.1f} KiB")
    return outcome


SUITES = [Suite(name="idle WebSockets", protocol="WebSocket", version="1", run=run)]
