"""Autobahn's own WebSocket cases, run by kosoku: framing, fragments, UTF-8, close codes, limits (RFC 6455), compression (RFC 7692).

Written by the Autobahn project and run by another one. The plugin under test is `spec-websocket`, which echoes.
"""

import json

from harness import Host, Outcome, Suite, Tools

CASES = 517
"""All of Autobahn's cases: 301 of the protocol itself, 216 of compression (groups 12 and 13)."""


def run(host: Host, tools: Tools) -> Outcome:
    python = tools.python(["kosoku==0.1.0"])
    report = tools.scratch / "report"
    (report / "index.json").unlink(missing_ok=True)
    url = f"ws://127.0.0.1:{host.port}/spec-websocket"
    tools.run(
        [python.with_name("kosoku"), url, "-p", "4", "-o", report],
        timeout_seconds=900,
    )
    servers = json.loads((report / "index.json").read_text())
    (cases,) = servers.values()
    outcome = Outcome()
    for name, case in cases.items():
        # NON-STRICT: text that is not UTF-8 is refused, but only at the end of its message.
        served = case["behavior"] in ("OK", "NON-STRICT", "INFORMATIONAL")
        closed = case["behaviorClose"] in ("OK", "INFORMATIONAL")
        if served and closed:
            outcome.passed(name)
        else:
            outcome.failed(name, f"{case['behavior']}, close {case['behaviorClose']}")
    if len(cases) != CASES:
        outcome.failed("number of cases", f"{len(cases)} instead of {CASES}")
    return outcome


SUITES = [Suite(name="kosoku", protocol="WebSocket", version="0.1.0", run=run)]
