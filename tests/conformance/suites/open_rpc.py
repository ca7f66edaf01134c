"""The contract that `rpc.discover` answers, judged by OpenRPC's own tools.

The meta-schema says whether it is an OpenRPC document. `@open-rpc/test-coverage` then calls every method ten times with arguments made up
from its schemas, and holds the results against theirs. That tool ends at OpenRPC 1.2.6, so it is given the same document under that number. It counts every
error as a failure, even one that the method's text announces; here a method passes if each call either has a result that
fits or is refused for its arguments (-32602), which schemas describe only in part, or by the application itself (no code of the protocol's).
"""

import json
import pathlib
import urllib.request

from harness import Host, Outcome, Suite, Tools, last_line

FOLDER = pathlib.Path(__file__).parent / "open_rpc"

PLUGINS = {"users": "users", "spec-rpc": "spec-rpc", "orders": "shop/rpc", "spec-typed": "spec-typed/rpc"}
"""The plugins, and where they are served: two of the style RPC, and two typed services."""

INVALID_PARAMS = -32602

PROTOCOL_CODES = range(-32768, -31999)


def discover(url: str) -> dict[str, object]:
    message = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "rpc.discover"}).encode()
    request = urllib.request.Request(url, message, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)["result"]


def meta_schema(host: Host, tools: Tools) -> Outcome:
    modules = tools.npm(["@open-rpc/meta-schema@1.14.9", "@json-schema-tools/meta-schema@1.7.5", "ajv@6.12.6"])
    outcome = Outcome()
    for plugin, path in PLUGINS.items():
        document = tools.scratch / f"{plugin}.json"
        document.write_text(json.dumps(discover(f"{host.url}/{path}")))
        done = tools.run([tools.node(), FOLDER / "validate.js", document], env={"NODE_PATH": str(modules)})
        outcome.check(plugin, (0, ""), (done.returncode, last_line(done.stderr) if done.stderr else ""))
    return outcome


def coverage(host: Host, tools: Tools) -> Outcome:
    modules = tools.npm(["@open-rpc/test-coverage@2.2.4"])
    outcome = Outcome()
    with host.private(list(PLUGINS)) as own:
        for plugin, path in PLUGINS.items():
            contract = discover(f"{own.url}/{path}") | {"openrpc": "1.2.6"}
            document = tools.scratch / f"{plugin}.json"
            document.write_text(json.dumps(contract))
            done = tools.run([modules / ".bin" / "open-rpc-test-coverage", "-s", document, "-r", "json", "-t", "http"])
            calls = json.loads(done.stdout)
            for method in contract["methods"]:
                name = method["name"]
                own_calls = [call for call in calls if call["methodName"] == name]
                wrong = [call for call in own_calls if not is_fine(call)]
                if own_calls and not wrong:
                    outcome.passed(f"{plugin}: {name}")
                else:
                    outcome.failed(f"{plugin}: {name}", wrong[0].get("error") or wrong[0].get("reason") if wrong else "not called")
    return outcome


def is_fine(call: dict[str, object]) -> bool:
    error = call.get("error")
    if not isinstance(error, dict):
        return call["valid"] is True
    code = error.get("code")
    return code == INVALID_PARAMS or (isinstance(code, int) and code not in PROTOCOL_CODES)


SUITES = [
    Suite(name="OpenRPC meta-schema", protocol="JSON-RPC", version="1.14.9", run=meta_schema),
    Suite(
        name="open-rpc-test-coverage", protocol="JSON-RPC", version="2.2.4", run=coverage,
        known={
            "spec-typed: trap": "it traps when it is called, which is what it is for",
            "spec-typed: makeBytes": "it answers more than may be sent when it is asked for more, which is what it is for",
        },
    ),
]
