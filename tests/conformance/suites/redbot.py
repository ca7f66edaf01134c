"""REDbot and httplint, by Mark Nottingham, an editor of HTTP: what a client or a cache would stumble over in an answer.

REDbot asks each resource several times (plain, with gzip, conditionally, for a range) and compares the answers; httplint reads
one answer, so it is given those that REDbot does not make, each with its request: to HEAD, OPTIONS, POST, and what is
refused. Both grade what they note; a note that is neither good nor mere information fails the case.
"""

import http.client
import json
import pathlib

from harness import Host, Outcome, Suite, Tools

HERE = pathlib.Path(__file__).parent / "http"

REDBOT = "redbot==2.7.1"
HTTPLINT = "httplint==2026.10.4"

BAD = ("WARN", "BAD")

ENVELOPE = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><x xmlns="urn:x"/></s:Body></s:Envelope>'
)


def add_item(host: Host) -> str:
    """Adds an item that is large enough to be compressed, and gives its path."""
    connection = http.client.HTTPConnection("127.0.0.1", host.port, timeout=10)
    body = json.dumps({"title": "all work and no play " * 200})
    connection.request("POST", "/todo/items", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.headers["Location"]


def redbot(host: Host, tools: Tools) -> Outcome:
    outcome = Outcome()
    python = tools.python([REDBOT])
    with host.private(["todo", "users", "bank", "chat"]) as own:
        paths = [add_item(own), "/todo/items", "/todo/items?limit=1", "/todo/openapi.json", "/bank?wsdl"]
        paths += ["/todo/nothing", "/users", "/bank", "/chat", "/nothing"]
        for path in paths:
            done = tools.run([python.with_name("redbot"), "-o", "har", own.url + path], timeout_seconds=60)
            try:
                (entry, *_) = json.loads(done.stdout)["log"]["entries"]
                notes = entry["_red_messages"]
            except (ValueError, KeyError):
                outcome.failed(f"GET {path}", done.stderr or done.stdout)
                continue
            bad = [note["summary"] for note in notes if note["level"] in BAD]
            outcome.check(f"GET {path}", [], bad)
    return outcome


def httplint(host: Host, tools: Tools) -> Outcome:
    outcome = Outcome()
    python = tools.python([HTTPLINT])
    with host.private(["todo", "users", "bank", "chat"]) as own:
        item = add_item(own)
        json_type = {"Content-Type": "application/json"}
        xml_type = {"Content-Type": "text/xml"}
        patch_type = {"Content-Type": "application/merge-patch+json"}
        call = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "rpc.discover"})
        requests = [
            ("GET", item, {}, None),
            ("GET", item, {"If-None-Match": "*"}, None),
            ("GET", item, {"If-Match": '"no"'}, None),
            ("OPTIONS", item, {}, None),
            ("TRACE", item, {}, None),
            ("FOO", item, {}, None),
            ("GET", item, {"Accept": "text/csv"}, None),
            ("GET", item, {"Accept-Encoding": "*;q=0"}, None),
            ("PATCH", item, patch_type, '{"done":true}'),
            ("PATCH", item, json_type, "{}"),
            ("PUT", item, json_type, '{"title":"x"}'),
            ("POST", "/todo/items", json_type, '{"title":"x"}'),
            ("POST", "/todo/items", json_type, "{"),
            ("POST", "/todo/items", json_type, "{}"),
            ("POST", "/todo/items", {**json_type, "Content-Encoding": "compress"}, "{}"),
            ("DELETE", item, {}, None),
            ("POST", "/users", json_type, call),
            ("POST", "/users", xml_type, "<methodCall><methodName>system.listMethods</methodName></methodCall>"),
            ("OPTIONS", "/users", {}, None),
            ("POST", "/bank", xml_type, ENVELOPE),
            ("POST", "/bank", json_type, "{}"),
        ]
        for method, path, fields, body in requests:
            case = " ".join([method, path, *(f"{name}: {value}" for name, value in fields.items()), body or ""])[:120].strip()
            said = exchange(own, method, path, fields, body)
            done = tools.run([python, HERE / "lint.py"], input=json.dumps(said))
            try:
                notes = json.loads(done.stdout)
            except json.JSONDecodeError:
                outcome.failed(case, done.stderr)
                continue
            if not notes:
                outcome.failed(case, "httplint said nothing")
                continue
            outcome.check(case, [], [summary for level, summary in notes if level in BAD])
    return outcome


def exchange(host: Host, method: str, path: str, fields: dict[str, str], body: str | None) -> dict[str, object]:
    """One request and its answer, as they were sent."""
    connection = http.client.HTTPConnection("127.0.0.1", host.port, timeout=10)
    connection.request(method, path, body, fields)
    answer = connection.getresponse()
    content = answer.read().decode("latin-1")
    connection.close()
    host_field = ["Host", f"127.0.0.1:{host.port}"]
    return {
        "method": method,
        "url": host.url + path,
        "request_fields": [host_field, *([name, value] for name, value in fields.items())],
        "request_body": body or "",
        "status": answer.status,
        "reason": answer.reason,
        "response_fields": answer.getheaders(),
        "response_body": content,
    }


RESPONSE_FIELD = "the field is defined for answers: Accept in RFC 9110 section 12.5.1, Accept-Encoding in RFC 7694; httplint knows them in requests"

KNOWN = {
    "PATCH /todo/items/1 Content-Type: application/json {}": RESPONSE_FIELD,
    "POST /bank Content-Type: application/json {}": RESPONSE_FIELD,
    "POST /todo/items Content-Type: application/json Content-Encoding: compress {}": RESPONSE_FIELD,
    "POST /todo/items Content-Type: application/json {": "the warning is that the status is 400, as it has to be",
}

SUITES = [
    Suite(name="REDbot", protocol="HTTP", version="2.7.1", run=redbot),
    Suite(name="httplint", protocol="HTTP", version="2026.10.4", run=httplint, known=KNOWN),
]
