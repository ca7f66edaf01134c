"""The SOAPBuilders interoperability rounds 2 to 4: echoes of every type in document/literal and with SOAP 1.1 encoding, imports,
linked lists, header blocks, and faults with typed details.

Written by the SOAPBuilders community in 2001 to 2003; PHP's sources keep its messages, each with an answer. The plugin under test is
`spec-soap-builders`. Answers are compared by the names and values in header and body, since prefixes, `xsi:type` and the form of
numbers are PHP's own; of a fault, code, text and detail.
"""

import re
import xml.etree.ElementTree as ElementTree

from harness import Host, Outcome, Suite, Tools
from suites.soap.collection import meaning, post, read, tests, version

ENVELOPE = re.compile(r"<((?:SOAP-ENV|env):Envelope).*?</\1>", re.DOTALL)

NO_MESSAGE = {"r3_groupF_extreq_001w"}
"""The client refuses to send it: the extension that its WSDL requires is unknown to it."""

KNOWN = {
    "r2_base_017p": "the message has a string; PHP's server takes it for bytes, as its WSDL says, and encodes them",
    "r2_base_018p": "the message has a string; PHP's server takes it for bytes, as its WSDL says, and encodes them",
    "r2_groupB_003p": "the message has an array of arrays; PHP answers one array of two dimensions, as its WSDL says",
    "r2_groupB_003s": "the message has an array of arrays; PHP answers one array of two dimensions, as its WSDL says",
    "r3_groupE_list_005w": "the list refers to itself; the component resolves references, and says that these have no end",
    "r3_groupE_list_006w": "the list refers to itself; the component resolves references, and says that these have no end",
    "r4_groupI_xsd_013w": "PHP answers an empty element where it was sent one that is nil",
    "r4_groupI_xsd_015w": "PHP answers an empty element where it was sent one that is nil",
}


def plain(element: ElementTree.Element, root: ElementTree.Element) -> ElementTree.Element:
    """The element with references resolved."""
    reference = element.get("href", "")
    value = element
    if reference.startswith("#"):
        value = next(one for one in root.iter() if one.get("id") == reference[1:])
    copy = ElementTree.Element(element.tag, {key: text for key, text in value.attrib.items() if key.endswith("}nil")})
    copy.text = value.text
    copy.extend(plain(child, root) for child in value)
    return copy


def wrong(expected: str, seen: bytes, status: int) -> str | None:
    before, after = read(expected), read(seen)
    if before.fault != after.fault:
        return f"expected {before.fault or 'no fault'}, saw {after.fault or 'no fault'}"
    if status != (200 if before.fault is None else 500):
        return f"status {status}"
    if before.fault in ("VersionMismatch", "MustUnderstand"):
        return None
    for part in ("header", "body"):
        # The code of a fault is compared above, without its prefix.
        one, other = (
            [meaning(plain(element, element), frozenset(["faultcode"])) for element in getattr(message, part)]
            for message in (before, after)
        )
        if one != other:
            return f"expected {part} {one}, saw {other}"
    return None


def run(host: Host, tools: Tools) -> Outcome:
    outcome = Outcome()
    folder = tests(tools) / "interop"
    cases = [path for path in sorted(folder.rglob("*.phpt")) if path.stem not in NO_MESSAGE]
    for path in cases:
        # The last section; some files hold text in Latin-1 before it.
        text = re.split(r"--EXPECTF?--\n", path.read_bytes().decode("latin-1"))[-1]
        text = text.encode("latin-1").decode(errors="replace")
        envelopes = [message[0] for message in ENVELOPE.finditer(text)]
        if len(envelopes) != 2:
            outcome.failed(path.stem, f"the file has {len(envelopes)} messages instead of a request and its answer")
            continue
        request, expected = envelopes
        answer = post(host, "/spec-soap-builders", version(request), request, SOAPAction='""')
        try:
            problem = wrong(expected, answer.body, answer.status)
        except SyntaxError:
            problem = f"status {answer.status}, and no XML: {answer.body[:200]!r}"
        if problem:
            outcome.failed(path.stem, problem)
        else:
            outcome.passed(path.stem)
    return outcome


SUITES = [Suite(name="soap-builders", protocol="SOAP", version="rounds 2 to 4, Debian's php8.2", run=run, known=KNOWN)]
