"""The same calls by every kind of client: what `orders` answers is the same in all its forms.

The calls and what has to come back are `typed/orders_calls.py`. Each client is one that somebody else wrote, made of the service's
own contract where it can be; its program in `typed/clients/` says values in the client's own types and what comes back as JSON,
by the rules of `wit/MAPPING.md` and without knowing what is expected. Every client has a copy of the service to itself, so that
each finds the shop empty.
"""

import dataclasses
import json
import os
import pathlib
import re
import subprocess
import threading
import urllib.request
from collections.abc import Callable
from typing import Any

from harness import Host, Outcome, Suite, Tools, last_line
from suites.typed.orders_calls import CALLS, ERRORS, PARAMETERS, STORELESS, Call

FOLDER = pathlib.Path(__file__).parent / "typed" / "clients"

ANSWER_SECONDS = 60
"""How long a client may take for one answer, its own start included."""

LIVE_SECONDS = 30
"""How long a component that was dropped into the folder may take until it answers in every form."""

PYTHON = ["zeep==4.3.3", "pjrpc[requests]==2.2.0", "websockets==17.4"]
PYTHON_CLIENTS = "pjrpc 2.2.0, Python's xmlrpc, zeep 4.3.3, websockets 17.4"
NODE = ["soap@1.13.0"]


@dataclasses.dataclass(frozen=True)
class Client:
    """A client, and the program that drives it."""

    name: str
    form: str
    program: str
    arguments: tuple[str, ...] = ()

    @property
    def plugin(self) -> str:
        """The name of the copy of the service that is its own."""
        return "orders-" + re.sub("[^a-z0-9]+", "-", f"{self.name} {self.form}".lower())

    def command(self, tools: Tools, mount: str) -> list[str]:
        interpreter = tools.node() if self.program.endswith(".js") else str(tools.python(PYTHON))
        return [interpreter, str(FOLDER / self.program), mount, *self.arguments]


CLIENTS = [
    Client("curl", "REST", "rest_curl.py"),
    Client("pjrpc", "JSON-RPC", "json_rpc_pjrpc.py"),
    Client("xmlrpc.client", "XML-RPC", "xml_rpc.py"),
    Client("zeep", "SOAP 1.1", "soap_zeep.py", ("Soap11",)),
    Client("zeep", "SOAP 1.2", "soap_zeep.py", ("Soap12",)),
    Client("node soap", "SOAP 1.1", "soap_node.js", ("Soap11",)),
    Client("node soap", "SOAP 1.2", "soap_node.js", ("Soap12",)),
    Client("websockets", "WebSocket", "websocket.py"),
]


LOST = {
    ("zeep", "no order zero"): "zeep takes a zero in a choice for nothing",
    ("zeep", "an empty picture"): "zeep takes an element without content for one that is not there",
    ("zeep", "an empty note"): "zeep takes an element without content for one that is not there",
}
"""What a client does not tell its caller, whatever a service sends."""


def form_of(client: Client, answer: dict[str, Any]) -> dict[str, Any] | None:
    """What is the form's own about this answer, by the tables of `wit/MAPPING.md`; nothing about a result."""
    if "result" in answer:
        return None
    case = next(iter(answer.get("error", ())), None)
    match client.form:
        case "REST":
            return {"status": ERRORS[case]["status"] if case else 422}
        case "SOAP 1.1":
            return {"fault": "Client", "subcodes": []}
        case "SOAP 1.2":
            return {"fault": "Sender", "subcodes": [] if case else ["BadArguments"]}
        case _:
            return {"code": ERRORS[case]["code"] if case else -32602}


class Names:
    """What the service gave out, by the names that the table has for it."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def filled(self, value: Any) -> Any:
        """The value with what is known in the place of names."""
        if isinstance(value, str):
            return re.sub(r"\$([a-z]+)", lambda name: self._known.get(name[1], name[0]), value)
        if isinstance(value, dict):
            return {name: self.filled(part) for name, part in value.items()}
        return [self.filled(part) for part in value] if isinstance(value, list) else value

    def learn(self, expected: Any, seen: Any) -> None:
        """Takes from an answer what stands in the place of names that are not known yet."""
        if isinstance(expected, str) and re.fullmatch(r"\$[a-z]+", expected) and isinstance(seen, str):
            self._known.setdefault(expected[1:], seen)
        elif isinstance(expected, dict) and isinstance(seen, dict):
            for name, part in expected.items():
                self.learn(part, seen.get(name))
        elif isinstance(expected, list) and isinstance(seen, list):
            for part, other in zip(expected, seen):
                self.learn(part, other)

    def named(self, expected: Any, seen: Any) -> Any:
        """The answer with names in the place of what was given out, so that it can be compared with another client's."""
        if self.filled(expected) == seen:
            return expected
        if isinstance(expected, dict) and isinstance(seen, dict):
            return {name: self.named(expected.get(name), part) for name, part in seen.items()}
        if isinstance(expected, list) and isinstance(seen, list) and len(expected) == len(seen):
            return [self.named(part, other) for part, other in zip(expected, seen)]
        return seen


class Driver:
    """A client's program that runs, and is asked one call after the other."""

    def __init__(self, client: Client, tools: Tools, mount: str):
        self._said = tools.scratch / f"{client.plugin}.log"
        environment = {"NODE_PATH": str(tools.npm(NODE))} if client.program.endswith(".js") else {}
        with self._said.open("w") as said:
            self._process = subprocess.Popen(
                client.command(tools, mount), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True,
                env={**os.environ, **environment},
            )

    def __enter__(self) -> "Driver":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def ask(self, call: Call, arguments: dict[str, Any]) -> dict[str, Any]:
        """One call. The answer of a program that has ended, or takes too long, is the last thing that it said."""
        assert self._process.stdin is not None and self._process.stdout is not None, "both are pipes"
        late = threading.Timer(ANSWER_SECONDS, self._process.kill)
        late.start()
        try:
            asked = {"function": call.function, "parameters": PARAMETERS[call.function], "arguments": arguments}
            self._process.stdin.write(json.dumps(asked) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())
        except (OSError, ValueError):
            self._process.kill()
            self._process.wait()
            return {"ended": last_line(self._said.read_text(errors="replace"))}
        finally:
            late.cancel()


def case_of(client: Client, call: str) -> str:
    return f"{client.name}, {client.form}: {call}"


def ask_all(client: Client, calls: list[Call], tools: Tools, mount: str, outcome: Outcome) -> dict[str, Any]:
    """Every call by one client, held against the table. Gives the answers with what is the service's own to choose by its name."""
    names = Names()
    answers = {}
    with Driver(client, tools, mount) as driver:
        for call in calls:
            if client.name in call.unsent:
                continue
            answer = driver.ask(call, names.filled(call.arguments))
            form = answer.pop("as", None)
            if isinstance(answer.get("misfit"), dict):
                # What was found is said in the form's own words.
                answer["misfit"] = {name: answer["misfit"].get(name) for name in call.answer.get("misfit", answer["misfit"])}
            names.learn(call.answer, answer)
            outcome.check(case_of(client, call.name), (names.filled(call.answer), form_of(client, call.answer)), (answer, form))
            answers[call.name] = names.named(call.answer, answer)
            if "ended" in answer:
                break
    return answers


def check(host: Host, component: bytes, manifest: str, tools: Tools) -> Outcome:
    """Holds a component that exports `acme:shop/orders` against the table, by every client.

    The manifest is that of `plugins/orders`, or one with the same routes and a line each for `mount` and `stores`.
    """
    tools.debian(["curl"])
    outcome = Outcome()
    files = {"orders-storeless.wasm": component}
    manifests = {"orders-storeless": changed(manifest, "/storeless/shop", store="other")}
    for client in CLIENTS:
        files[f"{client.plugin}.wasm"] = component
        manifests[client.plugin] = changed(manifest, f"/{client.plugin}/shop")
    seen: dict[str, dict[str, Any]] = {}
    with host.private([], manifests=manifests, files=files) as other:
        complete(f"{other.url}/storeless/shop", outcome)
        for client in CLIENTS:
            answers = ask_all(client, CALLS, tools, f"{other.url}/{client.plugin}/shop", outcome)
            answers |= ask_all(client, STORELESS, tools, f"{other.url}/storeless/shop", outcome)
            for name, answer in answers.items():
                if (client.name, name) not in LOST:
                    seen.setdefault(name, {})[f"{client.name}, {client.form}"] = answer
    for call in CALLS + STORELESS:
        several = seen.get(call.name, {})
        different = {by: answer for by, answer in several.items() if answer != next(iter(several.values()))}
        outcome.check(f"the same for all: {call.name}", {}, different)
    return outcome


def complete(mount: str, outcome: Outcome) -> None:
    """The table calls every function that the service says it has, and meets every case of error that it says there is."""
    with urllib.request.urlopen(f"{mount}/openrpc.json", timeout=ANSWER_SECONDS) as document:
        methods = json.load(document)["methods"]
    parameters = {method["name"]: [param["name"] for param in method["params"]] for method in methods}
    outcome.check("every function, with its parameters", parameters, PARAMETERS)
    outcome.check("every function is called", set(parameters), {call.function for call in CALLS})
    cases = {case: error["code"] for method in methods for error in method["errors"] if error["code"] > 0 for case in error["data"]}
    outcome.check("every error, with its number", cases, {case: form["code"] for case, form in ERRORS.items()})
    met = {case for call in CALLS + STORELESS for case in call.answer.get("error", ())}
    outcome.check("every error is met", set(cases), met)


def changed(manifest: str, mount: str, store: str = "default") -> str:
    """The manifest with another mount, and another store."""
    for key, value in (("mount", f'"{mount}"'), ("stores", f'["{store}"]')):
        manifest, count = re.subn(f"^{key} = .*$", f"{key} = {value}", manifest, flags=re.MULTILINE)
        assert count == 1, f"the manifest has a line `{key} = ...`"
    return manifest


def of(plugin: str) -> Callable[[Host, Tools], Outcome]:
    """The calls to the component of this name."""

    def run(host: Host, tools: Tools) -> Outcome:
        files = host.built(plugin)
        return check(host, files[f"{plugin}.wasm"], files[f"{plugin}.toml"].decode(), tools)

    return run


def dropped(host: Host, tools: Tools) -> Outcome:
    """The component is dropped into the folder of a host that runs, and then answers in all forms. How soon is not judged."""
    outcome = Outcome()
    files = {}
    for name, content in host.built("orders").items():
        files[name] = tools.scratch / name
        files[name].write_bytes(content)
    with host.private([]) as other:
        command = [tools.python(PYTHON), FOLDER / "dropped.py", other.url, files["orders.wasm"], files["orders.toml"], other.folder]
        done = tools.run([*command, str(LIVE_SECONDS)], timeout_seconds=2 * LIVE_SECONDS)
    if done.returncode != 0:
        raise RuntimeError(last_line(done.stderr))
    after = json.loads(done.stdout)
    for form, seconds in after.items():
        if seconds is None:
            outcome.failed(form, f"no answer within {LIVE_SECONDS} s: {last_line(done.stderr)}")
        else:
            outcome.passed(form)
    if None not in after.values():
        outcome.figure("live after " + ", ".join(f"{seconds:.2f} s ({form})" for form, seconds in after.items()))
    return outcome


def typed_clients(language: str, run: Callable[[Host, Tools], Outcome]) -> Suite:
    """The suite for a component in one language."""
    return Suite(
        name=f"typed clients, {language}",
        protocol="Typed services",
        version=f"curl, soap 1.13.0, {PYTHON_CLIENTS}",
        run=run,
        known={case_of(client, call): reason for client in CLIENTS for (name, call), reason in LOST.items() if name == client.name},
    )


SUITES = [
    typed_clients("Rust", of("orders")),
    typed_clients("JavaScript", of("orders-javascript")),
    typed_clients("Python", of("orders-python")),
    typed_clients("C", of("orders-c")),
    Suite(name="dropped into a running host", protocol="Typed services", version=PYTHON_CLIENTS, run=dropped),
]
