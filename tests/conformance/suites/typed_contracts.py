"""The contracts that the host makes of typed services, judged by the tools that other people wrote to read them.

`orders` is a service as people write them, `spec-typed` has a function for every type of WIT. Their documents are fetched as they are
served. What is proved here is that tools can read them; that they are true is proved by tools that call the service by them and
nothing else (schemathesis, zeep, node's soap, OpenRPC's test-coverage).
"""

import pathlib
import subprocess
import urllib.error
import urllib.request

from harness import Host, Outcome, Skipped, Suite, Tools

FOLDER = pathlib.Path(__file__).parent / "typed"

MOUNTS = {"orders": "shop", "spec-typed": "spec-typed"}

DOCUMENTS = ("openapi.json", "openrpc.json", "asyncapi.json", "service.wit", "rpc", "")
"""Below the mount; the last one is the page for people."""


def fetch(url: str, tools: Tools, name: str) -> pathlib.Path:
    with urllib.request.urlopen(url, timeout=30) as answer:
        path = tools.scratch / name
        path.write_bytes(answer.read())
    return path


def fetch_wsdl(host: Host, plugin: str, tools: Tools) -> pathlib.Path:
    try:
        return fetch(f"{host.url}/{MOUNTS[plugin]}/soap?wsdl", tools, f"{plugin}.wsdl")
    except urllib.error.HTTPError as answer:
        if answer.code == 404:
            raise Skipped("typed services are not served as SOAP yet") from None
        raise


def judge(outcome: Outcome, case: str, done: subprocess.CompletedProcess[str]) -> None:
    """Passes the case if the tool ended well."""
    if done.returncode == 0:
        outcome.passed(case)
    else:
        outcome.failed(case, done.stderr or done.stdout or f"status {done.returncode}")


def openapi(host: Host, tools: Tools) -> Outcome:
    python = tools.python(["openapi-spec-validator==0.9.0"])
    outcome = Outcome()
    for plugin, mount in MOUNTS.items():
        document = fetch(f"{host.url}/{mount}/openapi.json", tools, f"{plugin}.json")
        judge(outcome, plugin, tools.run([python, "-m", "openapi_spec_validator", "--subschema-errors", "all", document]))
    return outcome


def examples(host: Host, tools: Tools) -> Outcome:
    """Every example of the OpenAPI documents is valid under the schema that it stands by."""
    python = tools.python(["jsonschema==4.26.0", "referencing==0.37.0"])
    outcome = Outcome()
    for plugin, mount in MOUNTS.items():
        document = fetch(f"{host.url}/{mount}/openapi.json", tools, f"{plugin}.json")
        judge(outcome, plugin, tools.run([python, FOLDER / "examples.py", document]))
    return outcome


def asyncapi(host: Host, tools: Tools) -> Outcome:
    modules = tools.npm(["@asyncapi/parser@3.6.3"])
    outcome = Outcome()
    for plugin, mount in MOUNTS.items():
        document = fetch(f"{host.url}/{mount}/asyncapi.json", tools, f"{plugin}.json")
        done = tools.run([tools.node(), FOLDER / "asyncapi.js", document], env={"NODE_PATH": str(modules)})
        judge(outcome, plugin, done)
    return outcome


def xml_schema(host: Host, tools: Tools) -> Outcome:
    """libxml2 compiles the schema, and knows a message that is valid from one that is not."""
    tools.debian(["libxml2-utils"])
    python = tools.python(["lxml==6.1.3"])
    outcome = Outcome()
    for plugin in MOUNTS:
        wsdl = fetch_wsdl(host, plugin, tools)
        schema = tools.scratch / f"{plugin}.xsd"
        done = tools.run([python, FOLDER / "schema_of.py", wsdl, schema])
        judge(outcome, f"{plugin}: is taken out", done)
        if plugin == "orders":
            messages = [("getOrder", "<id>18446744073709551615</id>", True), ("getOrder", "<id>18446744073709551616</id>", False)]
        else:
            messages = [
                ("echoFlags", "<value><item>read</item><item>runAsOwner</item></value>", True),
                ("echoFlags", "<value><item>all</item></value>", False),
                ("echoVariant", "<value><circle>1.5</circle></value>", True),
                ("echoVariant", "<value><blank/><circle>1.5</circle></value>", False),
                ("echoVariant", "<value><blank>true</blank></value>", True),
                ("echoVariant", "<value><blank/></value>", True),
                ("echoVariant", "<value><blank>false</blank></value>", False),
                ("echoOptionOfOption", "<value/>", True),
                ("echoOptionOfOption", "<value><some>7</some></value>", True),
                ("echoRecord", "<value><label>a</label><x>1</x></value>", True),
                ("echoRecord", "<value><x>1</x></value>", False),
                ("echoTuple", "<value><item1>1</item1><item2>a</item2></value>", True),
                ("echoChar", "<value>ab</value>", False),
                ("echoListOfOptions", '<value><item xsi:nil="true"/><item>1</item></value>', True),
            ]
        for number, (name, content, is_valid) in enumerate(messages):
            instance = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
            message = tools.scratch / f"{plugin}-{number}.xml"
            message.write_text(f'<{name} xmlns="urn:guesthouse:{plugin}" {instance}>{content}</{name}>')
            done = tools.run(["xmllint", "--noout", "--schema", schema, message])
            # 3: it is not valid. 5: the schema cannot be compiled.
            outcome.check(f"{plugin}: {name} {number}", 0 if is_valid else 3, done.returncode)
    return outcome


def wsdl(host: Host, tools: Tools) -> Outcome:
    """Three toolkits make their programs or proxies of the WSDL."""
    tools.debian(["gsoap"])
    python = tools.python(["zeep==4.3.3"])
    modules = tools.npm(["soap@1.13.0"])
    outcome = Outcome()
    for plugin in MOUNTS:
        document = fetch_wsdl(host, plugin, tools)
        judge(outcome, f"{plugin}: zeep", tools.run([python, "-m", "zeep", document]))
        done = tools.run([tools.node(), FOLDER / "describe.js", document], env={"NODE_PATH": str(modules)})
        judge(outcome, f"{plugin}: node's soap", done)
        folder = tools.scratch / plugin
        folder.mkdir(exist_ok=True)
        done = tools.run(["wsdl2h", "-c", "-o", "service.h", document], cwd=folder)
        judge(outcome, f"{plugin}: wsdl2h", done)
        done = tools.run(["soapcpp2", "-c", "-C", "-L", "-x", "-I/usr/share/gsoap/import", "service.h"], cwd=folder)
        judge(outcome, f"{plugin}: soapcpp2", done)
    return outcome


def conditional(host: Host, _: Tools) -> Outcome:
    """A client of HTTP that has a document is not sent it again, and whoever sends another method is told which ones there are."""
    outcome = Outcome()
    for plugin, mount in MOUNTS.items():
        for name in DOCUMENTS:
            url = f"{host.url}/{mount}/{name}"
            with urllib.request.urlopen(url, timeout=30) as answer:
                etag = answer.headers["ETag"]
                outcome.check(f"{plugin}: /{name}: is there", (200, True), (answer.status, len(answer.read()) > 100))
            try:
                urllib.request.urlopen(urllib.request.Request(url, headers={"If-None-Match": etag}), timeout=30)
                outcome.failed(f"{plugin}: /{name}: is known", "it was sent again")
            except urllib.error.HTTPError as answer:
                outcome.check(f"{plugin}: /{name}: is known", (304, etag, b""), (answer.code, answer.headers["ETag"], answer.read()))
    return outcome


SUITES = [
    Suite(name="openapi-spec-validator, typed", protocol="Typed services", version="0.9.0", run=openapi),
    Suite(name="jsonschema", protocol="Typed services", version="4.26.0", run=examples),
    Suite(name="asyncapi-parser", protocol="Typed services", version="3.6.3", run=asyncapi),
    Suite(name="libxml2 schema", protocol="Typed services", version="Debian's", run=xml_schema),
    Suite(name="WSDL readers", protocol="Typed services", version="zeep 4.3.3, soap 1.13.0, gSOAP", run=wsdl),
    Suite(name="contracts over HTTP", protocol="Typed services", version="Python's urllib", run=conditional),
]
