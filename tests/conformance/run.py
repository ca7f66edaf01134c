#!/usr/bin/env python3
"""Points suites and clients that other people wrote at the host, and prints what they found as a table.

Every file in `suites/` brings one suite or more. A case that fails is a failure, unless the suite's list of known exceptions has
it, with a reason; one of that list that passes is a failure too, so that the list can only shrink. A suite that cannot be
installed is a row that says SKIPPED. With `--check FILE`, the table is compared with the one in the file: whatever passed then
has to pass now.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import pathlib
import re
import sys
import time
import traceback

import harness
from harness import REPOSITORY, Host, Outcome, Skipped, Suite, Tools

HEADER = """\
# Conformance

What suites and clients that other people wrote find when they are pointed at the host. `make conformance` installs them, runs them
and writes this page; CI runs them again and fails if one of them finds more. Every suite runs against the plugins of `plugins/`,
`tests/plugins/` and `examples/`, a fresh instance per call, on the host as it is built for release.
"""


@dataclasses.dataclass
class Row:
    """One line of the table."""

    suite: Suite
    outcome: Outcome
    skipped: str | None = None
    seconds: float = 0.0

    @property
    def passed(self) -> int:
        return sum(wrong is None for wrong in self.outcome.cases.values())

    @property
    def exceptions(self) -> dict[str, str]:
        cases = self.outcome.cases
        return {case: reason for case, reason in self.suite.known.items() if cases.get(case) is not None}

    @property
    def failures(self) -> list[str]:
        if self.skipped is not None:
            return []
        found = [
            f"{case}: {wrong}"
            for case, wrong in self.outcome.cases.items()
            if wrong is not None and case not in self.suite.known
        ]
        for case in self.suite.known:
            if case not in self.outcome.cases:
                found.append(f"{case}: is a known exception, but there is no such case")
            elif self.outcome.cases[case] is None:
                found.append(f"{case}: passes, and has to leave the list of known exceptions")
        if not self.outcome.cases:
            found.append("not a single case was run")
        return found

    def line(self) -> str:
        suite = self.suite
        if self.skipped is not None:
            counts = f"SKIPPED | SKIPPED | {self.skipped}"
        else:
            counts = f"{len(self.outcome.cases)} | {self.passed} | {len(self.exceptions) or ''}"
        return f"| {suite.protocol} | {suite.name} | {suite.version} | {counts} |".replace("  |", " |")


def suites() -> list[Suite]:
    """Every suite of every file in `suites/`, by protocol and name."""
    found: list[Suite] = []
    for path in sorted((pathlib.Path(__file__).parent / "suites").glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"suites.{path.stem}", path)
        assert spec is not None and spec.loader is not None, path
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        found += module.SUITES
    names = [suite.name for suite in found]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"two suites are called {', '.join(sorted(twice))}")
    return sorted(found, key=lambda suite: (suite.protocol, suite.name))


def run(suite: Suite, host: Host, scratch: pathlib.Path) -> Row:
    """Runs one suite. What it raises is a failure of its own."""
    started = time.monotonic()
    row = Row(suite, Outcome())
    try:
        row.outcome = suite.run(host, Tools(suite.name, scratch / suite.name))
    except Skipped as reason:
        row.skipped = str(reason)
    except Exception:
        row.outcome.failed("the suite itself", traceback.format_exc()[-400:])
        traceback.print_exc()
    row.seconds = time.monotonic() - started
    return row


def page(rows: list[Row]) -> str:
    """The table, and below it what it leaves open."""
    lines = [HEADER, "| protocol | suite or client | version | cases | passed | known exceptions |", "|---|---|---|---|---|---|"]
    lines += [row.line() for row in rows]
    for row in rows:
        if row.exceptions or row.outcome.figures:
            lines += ["", f"## {row.suite.name}", ""]
            lines += [f"- {figure}" for figure in row.outcome.figures]
            lines += [f"- `{case}`: {reason}" for case, reason in row.exceptions.items()]
    return "\n".join(lines) + "\n"


def worse(rows: list[Row], before: str) -> list[str]:
    """What passed in the table before and does not now."""
    now = {row.suite.name: row for row in rows}
    found = []
    known = set()
    for line in before.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 6 or not re.fullmatch(r"\d+|SKIPPED", cells[3]):
            continue
        name = cells[1]
        known.add(name)
        row = now.get(name)
        if row is None:
            found.append(f"{name}: is in the table, and there is no such suite")
        elif row.skipped is not None and cells[3] != "SKIPPED":
            found.append(f"{name}: passed {cells[4]} cases, and is skipped now: {row.skipped}")
        elif cells[3] != "SKIPPED" and row.passed < int(cells[4]):
            found.append(f"{name}: passed {cells[4]} cases, and {row.passed} now")
    found += [f"{name}: is not in the table; `make conformance` writes it" for name in now if name not in known]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("suite", nargs="*", help="only these suites, by name")
    parser.add_argument("--binary", type=pathlib.Path, default=REPOSITORY / "target/release/guesthouse")
    parser.add_argument(
        "--plugins", type=pathlib.Path, action="append",
        help="a folder of built plugins; may be given again (target/plugins and target/conformance-plugins)",
    )
    parser.add_argument(
        "--examples", type=pathlib.Path, default=REPOSITORY / "target/examples",
        help="the folder of the built examples, which only the suites about them look into",
    )
    parser.add_argument("--target", type=pathlib.Path, default=REPOSITORY / "target/conformance", help="where things are installed")
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--write", type=pathlib.Path, help="write the table to this file")
    output.add_argument("--check", type=pathlib.Path, help="fail if less passes than the table in this file says")
    arguments = parser.parse_args()

    wanted = suites()
    unknown = set(arguments.suite) - {suite.name for suite in wanted}
    if unknown:
        parser.error(f"no such suite: {', '.join(sorted(unknown))}; there are {', '.join(s.name for s in wanted)}")
    if arguments.suite:
        wanted = [suite for suite in wanted if suite.name in arguments.suite]
    folders = arguments.plugins or [REPOSITORY / "target/plugins", REPOSITORY / "target/conformance-plugins"]
    target = arguments.target.resolve()

    rows = []
    folders = [folder.resolve() for folder in folders]
    with Host(arguments.binary.resolve(), folders, arguments.examples.resolve(), target / "hosts").everything() as host:
        for suite in wanted:
            row = run(suite, host, target)
            rows.append(row)
            verdict = "SKIPPED" if row.skipped is not None else "FAILED" if row.failures else "passed"
            print(f"{verdict:8} {row.seconds:6.1f} s  {suite.protocol}: {suite.name}", flush=True)
            for failure in row.failures:
                print(f"    {failure}", flush=True)

    text = page(rows)
    print(f"\n{text}")
    problems = [f"{row.suite.name}: {len(row.failures)} failures" for row in rows if row.failures]
    if arguments.write and not problems and not arguments.suite:
        arguments.write.write_text(text)
    if arguments.check:
        before = arguments.check.read_text()
        problems += [p for p in worse(rows, before) if not arguments.suite or p.split(":")[0] in arguments.suite]
    for problem in problems:
        print(f"FAILED {problem}", file=sys.stderr)
    for row in rows:
        if row.skipped is not None:
            print(f"SKIPPED {row.suite.name}: {row.skipped}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
