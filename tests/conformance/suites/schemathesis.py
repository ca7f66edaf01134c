"""Schemathesis, and the OpenAPI project's own validator: a service does what its OpenAPI document says, and nothing else.

Both written by others. The document is the one that the host makes of `todo`'s contract; what is sent is made up by Schemathesis
from the document, in its phases (coverage, fuzzing, stateful), with all checks and always the same seed.
"""

import json
import pathlib
import re
import urllib.request

from harness import Host, Outcome, Suite, Tools

SCHEMATHESIS = "schemathesis==4.32.5"
VALIDATOR = "openapi-spec-validator==0.9.0"
EXAMPLES = 50
"""How many requests are made up for each operation in each phase that invents them."""
FAILURES_SHOWN = 20


def validate(host: Host, tools: Tools) -> Outcome:
    outcome = Outcome()
    python = tools.python([VALIDATOR])
    with urllib.request.urlopen(f"{host.url}/todo/openapi.json", timeout=10) as answer:
        document = json.load(answer)
    path = tools.scratch / "openapi.json"
    path.write_text(json.dumps(document))
    outcome.check("todo says OpenAPI 3.1", "3.1.1", document["openapi"])
    done = tools.run([python.with_name("openapi-spec-validator"), path])
    if done.returncode == 0:
        outcome.passed("todo's document is valid")
    else:
        outcome.failed("todo's document is valid", done.stdout + done.stderr)
    return outcome


def run(host: Host, tools: Tools) -> Outcome:
    outcome = Outcome()
    python = tools.python([SCHEMATHESIS])
    configuration = pathlib.Path(__file__).parent / "schemathesis" / "schemathesis.toml"
    with host.private(["todo"]) as own:
        done = tools.run(
            [
                python.with_name("st"), "--config-file", configuration,
                "run", f"{own.url}/todo/openapi.json",
                "--checks", "all", "--max-examples", str(EXAMPLES), "--seed", "1", "--no-color",
                "--generation-database", "none",
            ],
            timeout_seconds=400,
        )
    failures = [line.strip() for line in done.stdout.splitlines() if re.match(r"- ST\d+ ", line)]
    for place, failure in enumerate(failures[:FAILURES_SHOWN]):
        outcome.failed(f"failure {place + 1}", failure.removeprefix("- "))
    found = re.search(r"(\d+) generated, (\d+) (passed|found)", done.stdout)
    if found is None or (done.returncode != 0 and not failures):
        outcome.failed("the run", (done.stdout + done.stderr)[-400:])
        return outcome
    if not failures:
        for operation in re.findall(r"^\s*Tested: (\d+)$", done.stdout, re.MULTILINE):
            outcome.check("operations of todo", "6", operation)
        outcome.passed("every check on every answer")
    outcome.figure(f"{found[1]} requests, all checks, seed 1")
    return outcome


SUITES = [
    Suite(name="schemathesis", protocol="REST", version="4.32.5", run=run),
    Suite(name="openapi-spec-validator", protocol="REST", version="0.9.0", run=validate),
]
