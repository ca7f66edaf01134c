"""The W3C's SOAP 1.2 test collection: what a node does with header blocks, roles, faults, versions, and calls with SOAP encoding.

Written by the W3C's XML Protocol Working Group; PHP's sources keep its 73 messages that go to one node over HTTP, each with an answer.
The plugin under test is `spec-soap-w3c`. Answers are compared by fault codes, or by the names and values in header and body, since
prefixes, order of members and `xsi:type` are PHP's own. Where PHP answers otherwise than the recommendation says, `RECOMMENDED` has
the recommendation's answer and its section.
"""

import re

from harness import Host, Outcome, Suite, Tools
from suites.soap.collection import Message, meaning, post, read, tests, version

CASES = 73

DOCUMENT_TYPE = "part 1, section 5: a document type declaration is the sender's fault"

RECOMMENDED = {
    "T25": ("Sender", DOCUMENT_TYPE),
    "T26": ("Sender", "part 1, section 5: receivers should answer a processing instruction with a fault"),
    "T27": ("Sender", "part 2, section 3.2: what breaks the encoding is the sender's fault"),
    "T33": ("Sender ProcedureNotPresent", "part 2, section 4.4: it is a subcode"),
    "T56": ("Sender MissingID", "part 2, section 3.2: it is the sender's fault, with a subcode"),
    "T58": ("Sender", "part 2, section 3.2: what breaks the encoding is the sender's fault"),
    "T59": ("Sender", "part 2, section 3.1.5.4: id and ref exclude one another"),
    "T61": ("Sender", "part 2, section 3.1.6: only the first size may be an asterisk"),
    "T64": ("Sender", DOCUMENT_TYPE),
    "T65": ("Sender", DOCUMENT_TYPE),
}

STATUSES = {"Sender": 400}

RESULT = "{http://www.w3.org/2003/05/soap-rpc}result"


def parts(text: str) -> tuple[str, str]:
    """The message of a case, and PHP's answer to it."""
    request = re.search(r"\$HTTP_RAW_POST_DATA = <<<EOF\n(.*?)\nEOF;", text, re.DOTALL)
    answer = re.search(r"--EXPECTF?--\n(.*)", text, re.DOTALL)
    assert request and answer, "every case has both"
    return request[1].replace('\\"', '"'), answer[1].strip().removesuffix("ok").strip()


def wrong(name: str, expected: Message, status: int, seen: Message) -> str | None:
    """What is wrong with an answer."""
    fault = RECOMMENDED[name][0] if name in RECOMMENDED else expected.fault
    if seen.fault != fault:
        return f"expected {fault or 'no fault'}, saw {seen.fault or 'no fault'}"
    wanted = 200 if fault is None else STATUSES.get(fault.split()[0], 500)
    if status != wanted:
        return f"expected status {wanted}, saw {status}"
    compared = [("header", expected.header, seen.header)]
    if fault is None:
        compared.append(("body", expected.body, seen.body))
    elif fault in ("MustUnderstand", "VersionMismatch"):
        block = {"MustUnderstand": "NotUnderstood", "VersionMismatch": "Upgrade"}[fault]
        names = [element.tag.rpartition("}")[2] for element in seen.header]
        return None if names == [block] else f"expected a header block {block}, saw {names}"
    for part, one, other in compared:
        before = [meaning(element, frozenset([RESULT])) for element in one]
        after = [meaning(element, frozenset([RESULT])) for element in other]
        if before != after:
            return f"expected {part} {before}, saw {after}"
    return None


def run(host: Host, tools: Tools) -> Outcome:
    outcome = Outcome()
    cases = sorted((tests(tools) / "soap12").glob("T*.phpt"))
    for path in cases:
        request, expected = parts(path.read_text())
        answer = post(host, "/spec-soap-w3c", version(request), request)
        try:
            problem = wrong(path.stem, read(expected), answer.status, read(answer.body))
        except SyntaxError:
            problem = f"status {answer.status}, and no XML: {answer.body[:200]!r}"
        if problem:
            outcome.failed(path.stem, problem)
        else:
            outcome.passed(path.stem)
    if len(cases) != CASES:
        outcome.failed("number of cases", f"{len(cases)} instead of {CASES}")
    return outcome


SUITES = [Suite(name="w3c-soap12", protocol="SOAP", version="REC 2007-04-27, Debian's php8.2", run=run)]
