"""SOAP toolkits call the plugin `bank`, each from its WSDL as it is served, in the versions that the toolkit has.

Every client opens accounts, moves money, reads a list of structures, and meets the faults `InsufficientFunds` and `UnknownAccount`
with their details. The clients' own programs lie in `soap/clients/`; each prints a line for every case that went well.
"""

import pathlib
import shutil
import urllib.request

from harness import Host, Outcome, Suite, Tools, last_line

CLIENTS = pathlib.Path(__file__).parent / "soap" / "clients"

CALLS = ("calls", "structures and dates", "InsufficientFunds", "UnknownAccount")
BOTH = ("1.1", "1.2")


def cases(titles: tuple[str, ...]) -> list[str]:
    return [f"{title}: {call}" for title in titles for call in CALLS]


def zeep(host: Host, tools: Tools) -> Outcome:
    python = tools.python(["zeep==4.3.3"])
    titles = tuple(title for version in BOTH for title in (version, f"{version} with addressing"))
    return Outcome().printed(tools.run([python, CLIENTS / "zeep_bank.py", f"{host.url}/bank"]), cases(titles))


def suds(host: Host, tools: Tools) -> Outcome:
    python = tools.python(["suds-community==1.2.0"])
    return Outcome().printed(tools.run([python, CLIENTS / "suds_bank.py", f"{host.url}/bank"]), cases(("1.1",)))


def node_soap(host: Host, tools: Tools) -> Outcome:
    env = {"NODE_PATH": str(tools.npm(["soap@1.13.0"]))}
    command = [tools.node(), CLIENTS / "node_soap_bank.js", f"{host.url}/bank", f"{host.url}/spec-soap"]
    done = tools.run(command, env=env)
    outcome = Outcome().printed(done, cases((*BOTH, *(f"{version} with MTOM" for version in BOTH))))
    for case in ("MTOM: a part that the answer includes", "MTOM: a part of its own"):
        if case in done.stdout.splitlines():
            outcome.passed(case)
        else:
            outcome.failed(case, last_line(done.stderr or done.stdout))
    return outcome


def strong_soap(host: Host, tools: Tools) -> Outcome:
    env = {"NODE_PATH": str(tools.npm(["strong-soap@5.0.10"]))}
    done = tools.run([tools.node(), CLIENTS / "strong_soap_bank.js", f"{host.url}/bank"], env=env)
    return Outcome().printed(done, cases(BOTH))


def php(host: Host, tools: Tools) -> Outcome:
    tools.debian(["php-cli", "php-soap"])
    return Outcome().printed(tools.run(["php", CLIENTS / "bank.php", f"{host.url}/bank"]), cases(BOTH))


def soap_lite(host: Host, tools: Tools) -> Outcome:
    tools.debian(["libsoap-lite-perl"])
    return Outcome().printed(tools.run(["perl", CLIENTS / "soap_lite_bank.pl", f"{host.url}/bank"]), cases(BOTH))


def gsoap(host: Host, tools: Tools) -> Outcome:
    tools.debian(["gsoap", "libgsoap-dev", "gcc", "libc6-dev"])
    outcome = Outcome()
    for version, option in zip(BOTH, ("-1", "-2")):
        folder = tools.scratch / version
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        with urllib.request.urlopen(f"{host.url}/bank?wsdl", timeout=30) as wsdl:
            (folder / "bank.wsdl").write_bytes(wsdl.read())
        for command in (
            ["wsdl2h", "-c", "-o", "bank.h", "bank.wsdl"],
            ["soapcpp2", "-c", "-C", "-L", "-x", option, "-I/usr/share/gsoap/import", "bank.h"],
            ["sh", "-c", "mv *.nsmap bank.nsmap"],
            ["cc", "-w", "-I.", "-o", "client", CLIENTS / "gsoap_bank.c", "soapC.c", "soapClient.c", "-lgsoap"],
        ):
            done = tools.run(command, cwd=folder)
            if done.returncode != 0:
                outcome.failed(f"{version}: {command[0]}", last_line(done.stderr))
        for title in (version, f"{version} with MTOM"):
            outcome.printed(tools.run([folder / "client", f"{host.url}/bank", title], cwd=folder), cases((title,)))
    return outcome


SUITES = [
    Suite(name="zeep", protocol="SOAP", version="4.3.3", run=zeep),
    Suite(name="suds", protocol="SOAP", version="1.2.0", run=suds),
    Suite(name="node-soap", protocol="SOAP", version="1.13.0", run=node_soap),
    Suite(name="strong-soap", protocol="SOAP", version="5.0.10", run=strong_soap),
    Suite(name="php-soapclient", protocol="SOAP", version="Debian's 8.2", run=php),
    Suite(name="soap-lite", protocol="SOAP", version="Debian's 1.27", run=soap_lite),
    Suite(name="gsoap", protocol="SOAP", version="Debian's 2.8.124", run=gsoap),
]
