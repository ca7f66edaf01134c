"""XML-RPC clients call the plugin `spec-rpc`: the eight methods of validator1, every type there and back, faults, and the host's
`system` methods.

validator1 is UserLand's, with which the first implementations of XML-RPC were held against one another; its own server is gone, so
each client asserts what its page says. Their programs lie in `xml_rpc/`; each prints a line for every case that went well.
"""

import pathlib
import sys

from harness import Host, Outcome, Suite, Tools

CLIENTS = pathlib.Path(__file__).parent / "xml_rpc"

CASES = (
    "arrayOfStructsTest",
    "countTheEntities",
    "easyStructTest",
    "echoStructTest",
    "manyTypesTest",
    "moderateSizeArrayCheck",
    "nestedStructTest",
    "simpleStructReturnTest",
    "every type there and back",
    "faults",
    "introspection",
    "multicall",
)

EXTENSIONS = "i8 and nil"


def address(host: Host) -> str:
    return f"{host.url}/spec-rpc"


def python(host: Host, tools: Tools) -> Outcome:
    return Outcome().printed(tools.run([sys.executable, CLIENTS / "with_python.py", address(host)]), (*CASES, EXTENSIONS))


def xmlrpc_lite(host: Host, tools: Tools) -> Outcome:
    tools.debian(["libxmlrpc-lite-perl"])
    return Outcome().printed(tools.run(["perl", CLIENTS / "with_xmlrpc_lite.pl", address(host)]), CASES)


def rpc_xml(host: Host, tools: Tools) -> Outcome:
    tools.debian(["librpc-xml-perl"])
    return Outcome().printed(tools.run(["perl", CLIENTS / "with_rpc_xml.pl", address(host)]), (*CASES, EXTENSIONS))


def frontier(host: Host, tools: Tools) -> Outcome:
    tools.debian(["libfrontier-rpc-perl"])
    return Outcome().printed(tools.run(["perl", CLIENTS / "with_frontier.pl", address(host)]), CASES)


def php(host: Host, tools: Tools) -> Outcome:
    tools.debian(["php-cli", "php-xmlrpc"])
    return Outcome().printed(tools.run(["php", CLIENTS / "with_php.php", address(host)]), CASES)


def node_xmlrpc(host: Host, tools: Tools) -> Outcome:
    env = {"NODE_PATH": str(tools.npm(["xmlrpc@1.3.2"]))}
    return Outcome().printed(tools.run([tools.node(), CLIENTS / "with_xmlrpc.js", address(host)], env=env), (*CASES, EXTENSIONS))


PROTOCOL = "XML-RPC"
DEBIAN = "Debian's"

SUITES = [
    Suite(name="Python xmlrpc.client", protocol=PROTOCOL, version="3.11 or later", run=python),
    Suite(name="Perl XMLRPC::Lite", protocol=PROTOCOL, version=DEBIAN, run=xmlrpc_lite),
    Suite(name="Perl RPC::XML", protocol=PROTOCOL, version=DEBIAN, run=rpc_xml),
    Suite(name="Perl Frontier::Client", protocol=PROTOCOL, version=DEBIAN, run=frontier),
    Suite(name="PHP xmlrpc", protocol=PROTOCOL, version=DEBIAN, run=php),
    Suite(name="npm xmlrpc", protocol=PROTOCOL, version="1.3.2", run=node_xmlrpc),
]
