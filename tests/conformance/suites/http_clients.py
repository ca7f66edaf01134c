"""HTTP clients that others wrote, each making the same calls of `todo` and `spec-rest`, over HTTP/1.1 and over HTTP/2.

curl; Python's http.client, requests and httpx; Node's http, http2 and fetch (undici); Java's HttpClient, which offers to upgrade to
HTTP/2 and is to be answered in HTTP/1.1. A program beside this file per language carries out a list of calls and says what came.
"""

import json
import pathlib
from collections.abc import Callable

from harness import Host, Outcome, Suite, Tools

HERE = pathlib.Path(__file__).parent / "http_clients"

JSON = {"content-type": "application/json"}

Calls = list[dict[str, object]]
Client = Callable[[Calls], list[dict[str, object]]]
"""Carries out calls, one after the other, in one session: for each the status, the fields, the version and the body."""


def call(method: str, url: str, body: str | None = None, headers: dict[str, str] | None = None) -> dict[str, object]:
    return {"method": method, "url": url, "body": body, "headers": headers or {}}


def curl(tools: Tools, option: str) -> Client:
    """curl, as one process per call."""

    def run(calls: Calls) -> list[dict[str, object]]:
        answers = []
        for each in calls:
            words = ["curl", "--silent", "--show-error", option, "--max-time", "30", "--output", "-"]
            words += ["--write-out", "\\n%{stderr}%{http_code} %{http_version} %{header_json}"]
            words += ["--head"] if each["method"] == "HEAD" else ["--request", str(each["method"])]
            for name, value in each["headers"].items():
                words += ["--header", f"{name}: {value}"]
            if each["body"] is not None:
                words += ["--data-binary", "@-"]
            done = tools.run([*words, str(each["url"])], input=each["body"])
            if done.returncode:
                answers.append({"error": f"curl {done.returncode}: {done.stderr}"})
                continue
            status, version, fields = done.stderr.split(" ", 2)
            body = "" if each["method"] == "HEAD" else done.stdout.removesuffix("\n")
            fields = {name: values[0] for name, values in json.loads(fields).items()}
            answers.append({"status": int(status), "version": version, "headers": fields, "body": body})
        return answers

    return run


def program(tools: Tools, words: list[object], env: dict[str, str] | None = None) -> Client:
    """A program that reads the calls as JSON and writes what came as JSON."""

    def run(calls: Calls) -> list[dict[str, object]]:
        done = tools.run(words, env=env, input=json.dumps(calls))
        try:
            return json.loads(done.stdout)
        except json.JSONDecodeError:
            said = (done.stderr or done.stdout).strip()
            return [{"error": said[-300:]}] * len(calls)

    return run


def clients(tools: Tools) -> dict[str, tuple[str, Client]]:
    """Each with the version that it has to have spoken."""
    python = tools.python(["requests==2.34.2", "httpx[http2]==0.28.1"])
    node = tools.node()
    tools.debian(["curl"])
    all_clients = {
        "curl, HTTP/1.1": ("1.1", curl(tools, "--http1.1")),
        "curl, HTTP/2 by prior knowledge": ("2", curl(tools, "--http2-prior-knowledge")),
        "curl, HTTP/1.1 with an offer of HTTP/2": ("1.1", curl(tools, "--http2")),
    }
    for name, version in (("http.client", "1.1"), ("requests", "1.1"), ("httpx", "1.1"), ("httpx-http2", "2")):
        all_clients[f"Python {name}"] = (version, program(tools, [python, HERE / "client.py", name]))
    for name, version in (("http", "1.1"), ("http2", "2"), ("fetch", "1.1")):
        all_clients[f"Node {name}"] = (version, program(tools, [node, HERE / "client.mjs", name]))
    tools.debian(["openjdk-17-jdk-headless"])
    for name in ("HTTP_1_1", "HTTP_2"):
        all_clients[f"Java HttpClient, {name}"] = ("1.1", program(tools, ["java", HERE / "Client.java", name]))
    return all_clients


def run(host: Host, tools: Tools) -> Outcome:
    outcome = Outcome()
    with host.private(plugins=["todo", "spec-rest"]) as other:
        for name, (version, client) in clients(tools).items():
            check(outcome, name, version, client, other.url)
    return outcome


def check(outcome: Outcome, name: str, version: str, client: Client, url: str) -> None:
    (created,) = client([call("POST", f"{url}/todo/items", '{"title":"one"}', JSON)])
    location = created.get("headers", {}).get("location", "")
    outcome.check(f"{name}: POST creates", (201, True), (created.get("status"), location.startswith("/todo/items/")))
    outcome.check(f"{name}: version", version, str(created.get("version")))
    item = url + location
    large = "x" * 300_000
    calls = {
        "GET reads": (call("GET", item), 200),
        "HEAD has no body": (call("HEAD", item), 200),
        "PUT replaces": (call("PUT", item, '{"title":"two"}', JSON), 200),
        "OPTIONS names the methods": (call("OPTIONS", item), 204),
        "DELETE removes": (call("DELETE", item), 204),
        "GET of what is gone": (call("GET", item), 404),
        "a method that is not there": (call("DELETE", f"{url}/todo/items"), 405),
        "a media type that is not taken": (call("POST", f"{url}/todo/items", "x", {"content-type": "text/plain"}), 415),
        "a large body up": (call("POST", f"{url}/spec-rest/", large), 200),
        "a large body down": (call("GET", f"{url}/spec-rest/bytes/3000000"), 200),
        "a body over the limit": (call("POST", f"{url}/spec-rest/", "x" * 1_100_000), 413),
        "afterwards": (call("GET", f"{url}/spec-rest/after"), 200),
    }
    answers = client([each for each, _ in calls.values()])
    seen = dict(zip(calls, answers, strict=False))
    for case, (_, status) in calls.items():
        answer = seen.get(case, {})
        if answer.get("status") != status:
            outcome.failed(f"{name}: {case}", f"expected {status}, saw {answer.get('error') or answer.get('status')}")
            continue
        body, fields = answer["body"], answer["headers"]
        wrong = {
            "GET reads": lambda: json.loads(body)["title"] != "one",
            "HEAD has no body": lambda: body != "" or int(fields["content-length"]) < 10,
            "PUT replaces": lambda: json.loads(body)["title"] != "two",
            "OPTIONS names the methods": lambda: "PATCH" not in fields["allow"] or body != "",
            "DELETE removes": lambda: body != "" or "content-length" in fields,
            "GET of what is gone": lambda: fields["content-type"] != "application/problem+json",
            "a method that is not there": lambda: "POST" not in fields["allow"],
            "a large body up": lambda: json.loads(body)["body"] != large,
            "a large body down": lambda: body != "x" * 3_000_000,
        }.get(case, lambda: False)
        if wrong():
            outcome.failed(f"{name}: {case}", f"{fields} {body[:100]!r}")
        else:
            outcome.passed(f"{name}: {case}")


SUITES = [
    Suite(
        name="http_clients",
        protocol="HTTP",
        version="curl, Python, Node, Java",
        run=run,
    )
]
