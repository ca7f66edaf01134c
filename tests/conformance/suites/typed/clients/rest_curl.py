"""REST with curl, from the OpenAPI document alone."""

import json
import re
import subprocess
import sys
import urllib.parse
import urllib.request
from typing import Any

import driver

base = sys.argv[1]
with urllib.request.urlopen(f"{base}/openapi.json", timeout=30) as document:
    OPENAPI = json.load(document)
OPERATIONS = {
    operation["operationId"]: (method.upper(), path, operation)
    for path, methods in OPENAPI["paths"].items()
    for method, operation in methods.items()
}


def text(value: Any) -> str:
    """A scalar in a URL: a text as it is, everything else as in JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def curl(method: str, url: str, query: list[tuple[str, str]], body: str | None) -> tuple[int, str, str]:
    """One request: status, media type, body."""
    command = ["curl", "--silent", "--show-error", "--max-time", "30", "--write-out", "\n%{http_code} %{content_type}"]
    for name, value in query:
        command += ["--data-urlencode", f"{name}={value}"]
    if method == "GET":
        command.append("--get")
    else:
        assert not query, "there is one place for data on curl's command line"
        command += ["--request", method]
    if body is not None:
        command += ["--header", "Content-Type: application/json", "--data-binary", "@-"]
    done = subprocess.run([*command, url], input=body or "", capture_output=True, text=True, check=True)
    content, _, trailer = done.stdout.rpartition("\n")
    status, _, media_type = trailer.partition(" ")
    return int(status), media_type, content


def answer(function: str, _: list[str], arguments: dict[str, Any]) -> driver.Answer:
    method, path, operation = OPERATIONS[function]
    rest = dict(arguments)
    query = []
    for parameter in operation.get("parameters", []):
        value = rest.pop(parameter["name"], None)
        if value is None:
            continue
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", urllib.parse.quote(text(value), safe=""))
        elif "content" in parameter:
            query.append((parameter["name"], json.dumps(value)))
        else:
            several = value if isinstance(value, list) else [value]
            query += [(parameter["name"], text(one)) for one in several]
    body = json.dumps(rest) if "requestBody" in operation else None
    status, media_type, content = curl(method, base + path, query, body)
    if status == 204:
        return {"result": None}
    said = json.loads(content)
    if status == 200 and re.match(r"application/json\b", media_type):
        return {"result": said}
    assert media_type == "application/problem+json" and said["status"] == status, (status, media_type, content)
    if "errors" in said:
        [error] = said["errors"]
        return {"misfit": {name: error[name] for name in ("pointer", "expected", "found")}, "as": {"status": status}}
    return {"error": said["error"], "message": said["detail"], "as": {"status": status}}


driver.serve(answer)
