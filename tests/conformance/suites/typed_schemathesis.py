"""schemathesis calls typed services by what their OpenAPI documents say and nothing else, with all of its checks.

It makes up requests that fit the schemas, which have to be taken, and ones that do not, which have to be refused; holds every status,
media type and body against the document; and walks from call to call. `orders` has rules of its own beyond its types (a customer's
name is not empty), so a 422 for a request that fits is fine there. `spec-typed` takes every value of its types, so there it is not,
but in the functions that are made to fail.
"""

import json
import pathlib
import re

from harness import Host, Outcome, Suite, Tools, last_line

VERSION = "4.32.5"

REFUSING = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", 401, 403, 404, 409, "5xx", 422]
"""

LEFT_OUT = {
    "trap": "traps when it is called, which is what it is for",
    "makeBytes": "answers more than may be sent when it is asked for more, which is what it is for",
    "echoTuple": "schemathesis rewrites `prefixItems` of an answer to the form of an older draft, which it then refuses itself",
}


def run(host: Host, tools: Tools) -> Outcome:
    python = tools.python([f"schemathesis=={VERSION}"])
    outcome = Outcome()
    with host.private(["orders", "spec-typed"]) as own:
        failing = [name for name in operations(own, "spec-typed", tools) if name.startswith("fail")]
        taking = [name for name in operations(own, "spec-typed", tools) if name not in {*failing, *LEFT_OUT}]
        check(own, tools, python, outcome, "shop", REFUSING, operations(own, "shop", tools), ["--max-examples=40"])
        check(own, tools, python, outcome, "spec-typed", REFUSING, failing, ["--max-examples=20"])
        check(own, tools, python, outcome, "spec-typed", "", taking, ["--max-examples=20", "--phases=examples,coverage,fuzzing"])
    return outcome


def operations(host: Host, mount: str, tools: Tools) -> list[str]:
    done = tools.run(["curl", "--silent", "--fail", f"{host.url}/{mount}/openapi.json"])
    paths = json.loads(done.stdout)["paths"]
    return [operation["operationId"] for path in paths.values() for operation in path.values()]


def check(
    host: Host, tools: Tools, python: pathlib.Path, outcome: Outcome, mount: str, config: str, names: list[str], options: list[str]
) -> None:
    """One run over these operations; each of them is a case."""
    file = tools.scratch / "schemathesis.toml"
    file.write_text(config)
    report = tools.scratch / f"{mount}-{len(names)}.xml"
    done = tools.run(
        [
            python.parent / "schemathesis", "--config-file", file, "run", f"{host.url}/{mount}/openapi.json",
            # One worker: Python 3.11 counts the depth of what it parses over all threads, and fails when two parse at once.
            "--checks=all", "--seed=1", "--workers=1", "--suppress-health-check=all", "--no-color",
            *[f"--include-operation-id={name}" for name in names], *options,
        ],
        timeout_seconds=300,
    )
    report.write_text(done.stdout)
    summary = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
    if done.returncode == 0 and summary:
        for name in names:
            outcome.passed(f"{mount}: {name}")
        outcome.figure(f"{mount}: {summary[1]} requests")
        return
    wrong = re.findall(r"^_+ (\S+ \S+) _+\n.*?- (.*?)\n", done.stdout, re.MULTILINE | re.DOTALL)
    for operation, what in wrong:
        outcome.failed(f"{mount}: {operation}", what)
    if not wrong:
        outcome.failed(f"{mount}: runs to its end", last_line(done.stderr or done.stdout))


SUITES = [Suite(name="schemathesis, typed", protocol="Typed services", version=VERSION, run=run)]
