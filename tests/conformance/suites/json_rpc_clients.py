"""JSON-RPC 2.0 clients call the plugin `spec-rpc`, over HTTP and over WebSocket.

Each calls by position and by name, notifies, meets an error of the protocol and one of the plugin, sends a batch and gets values of
every kind back, as far as the client can. Their own programs lie in `json_rpc/`; each prints a line for every case that went well.
"""

import pathlib

from harness import Host, Outcome, Suite, Tools

CLIENTS = pathlib.Path(__file__).parent / "json_rpc"

CALLS = ("by position", "unknown method", "failure", "values")
NAMED = "by name"
NOTIFICATION = "notification"
BATCH = "batch"


def over_http(host: Host) -> str:
    return f"{host.url}/spec-rpc"


def over_websocket(host: Host) -> str:
    return f"ws://127.0.0.1:{host.port}/spec-rpc"


def jsonrpcclient(host: Host, tools: Tools) -> Outcome:
    python = tools.python(["jsonrpcclient==4.0.3", "requests==2.34.2"])
    done = tools.run([python, CLIENTS / "with_jsonrpcclient.py", over_http(host)])
    return Outcome().printed(done, (*CALLS, NAMED, NOTIFICATION, BATCH))


def pelix(host: Host, tools: Tools) -> Outcome:
    python = tools.python(["jsonrpclib-pelix==1.2.0"])
    done = tools.run([python, CLIENTS / "with_jsonrpclib_pelix.py", over_http(host)])
    return Outcome().printed(done, (*CALLS, NAMED, NOTIFICATION, BATCH))


def pjrpc(host: Host, tools: Tools) -> Outcome:
    python = tools.python(["pjrpc[requests]==2.2.0"])
    done = tools.run([python, CLIENTS / "with_pjrpc.py", over_http(host)])
    return Outcome().printed(done, (*CALLS, NAMED, NOTIFICATION, BATCH))


def tinyrpc(host: Host, tools: Tools) -> Outcome:
    python = tools.python(["tinyrpc[httpclient]==1.1.7"])
    done = tools.run([python, CLIENTS / "with_tinyrpc.py", over_http(host)])
    return Outcome().printed(done, (*CALLS, NAMED, NOTIFICATION, BATCH))


def jayson(host: Host, tools: Tools) -> Outcome:
    env = {"NODE_PATH": str(tools.npm(["jayson@5.0.0"]))}
    done = tools.run([tools.node(), CLIENTS / "with_jayson.js", over_http(host)], env=env)
    return Outcome().printed(done, (*CALLS, NAMED, NOTIFICATION, BATCH))


def json_rpc_2_0(host: Host, tools: Tools) -> Outcome:
    env = {"NODE_PATH": str(tools.npm(["json-rpc-2.0@1.8.1"]))}
    done = tools.run([tools.node(), CLIENTS / "with_json_rpc_2_0.js", over_http(host)], env=env)
    return Outcome().printed(done, (*CALLS, NAMED, NOTIFICATION, BATCH))


def perl_legacy(host: Host, tools: Tools) -> Outcome:
    tools.debian(["libjson-rpc-perl"])
    done = tools.run(["perl", CLIENTS / "with_json_rpc_legacy.pl", over_http(host)])
    return Outcome().printed(done, (*CALLS, NAMED, NOTIFICATION))


def jsonrpc_websocket(host: Host, tools: Tools) -> Outcome:
    python = tools.python(["jsonrpc-websocket==4.1.0"])
    done = tools.run([python, CLIENTS / "with_jsonrpc_websocket.py", over_websocket(host)])
    return Outcome().printed(done, (*CALLS, NAMED, NOTIFICATION, "at the same time"))


def jayson_websocket(host: Host, tools: Tools) -> Outcome:
    env = {"NODE_PATH": str(tools.npm(["jayson@5.0.0"]))}
    done = tools.run([tools.node(), CLIENTS / "with_jayson.js", over_websocket(host)], env=env)
    return Outcome().printed(done, (*CALLS, NAMED, NOTIFICATION, BATCH, "at the same time"))


PROTOCOL = "JSON-RPC"

SUITES = [
    Suite(name="jsonrpcclient", protocol=PROTOCOL, version="4.0.3", run=jsonrpcclient),
    Suite(
        name="jsonrpclib-pelix",
        protocol=PROTOCOL,
        version="1.2.0",
        run=pelix,
        known={NOTIFICATION: "is carried out; the client raises an error for every status but 200, also for 204, No Content"},
    ),
    Suite(name="pjrpc", protocol=PROTOCOL, version="2.2.0", run=pjrpc),
    Suite(name="tinyrpc", protocol=PROTOCOL, version="1.1.7", run=tinyrpc),
    Suite(name="jayson", protocol=PROTOCOL, version="5.0.0", run=jayson),
    Suite(name="json-rpc-2.0", protocol=PROTOCOL, version="1.8.1", run=json_rpc_2_0),
    Suite(name="Perl JSON::RPC::Legacy", protocol=PROTOCOL, version="Debian's", run=perl_legacy),
    Suite(name="jsonrpc-websocket", protocol=PROTOCOL, version="4.1.0", run=jsonrpc_websocket),
    Suite(name="jayson over WebSocket", protocol=PROTOCOL, version="5.0.0", run=jayson_websocket),
]
