"""Where the SOAP test collections come from, and how messages are compared.

Both collections are kept as requests with their answers by the PHP project, whose source Debian packages. Only Debian's source index
and that one archive are fetched.
"""

from __future__ import annotations

import dataclasses
import http.client
import pathlib
import re
import shutil
import xml.etree.ElementTree as ElementTree

from harness import Host, Skipped, Tools, last_line

PACKAGE = "php8.2"

SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"
MEDIA_TYPES = {SOAP_11: "text/xml; charset=utf-8", SOAP_12: "application/soap+xml; charset=utf-8"}


def tests(tools: Tools) -> pathlib.Path:
    """The folder `ext/soap/tests` of PHP's source."""
    folder = tools.scratch.parent / "php-source"
    stamp = folder / "complete"
    if not stamp.is_file():
        if not shutil.which("apt-get"):
            raise Skipped("needs apt-get, for the collection lies in one of Debian's source packages")
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "lists" / "partial").mkdir(parents=True)
        # apt's unprivileged user fetches into this folder.
        folder.chmod(0o755)
        command = ["apt-get", "indextargets", "--format", "deb-src $(SITE) $(RELEASE) $(COMPONENT)", "Created-By: Packages"]
        sources = set(tools.run(command).stdout.splitlines())
        sources = {line for line in sources if not re.search(r"-(updates|security|backports)\b", line)}
        (folder / "sources.list").write_text("\n".join(sorted(sources)) + "\n")
        apt = ["apt-get", "--quiet=2"]
        for option in (
            f"Dir::Etc::sourcelist={folder}/sources.list", "Dir::Etc::sourceparts=-",
            f"Dir::State::lists={folder}/lists", "APT::Sandbox::User=root",
        ):
            apt += ["-o", option]
        for arguments in (["update"], ["source", "--download-only", PACKAGE]):
            done = tools.run([*apt, *arguments], cwd=folder, timeout_seconds=300)
            if done.returncode != 0:
                raise Skipped(f"apt-get {' '.join(arguments)}: {last_line(done.stderr)}")
        archives = sorted(folder.glob(f"{PACKAGE}_*.orig.tar.xz"))
        if not archives:
            raise Skipped(f"Debian's source of {PACKAGE} has no archive")
        unpack = ["tar", "--extract", "--file", archives[0], "--strip-components=1", "--wildcards", "*/ext/soap/tests/*"]
        done = tools.run(unpack, cwd=folder)
        if done.returncode != 0:
            raise Skipped(f"the archive cannot be unpacked: {last_line(done.stderr)}")
        archives[0].unlink()
        shutil.rmtree(folder / "lists")
        stamp.touch()
    return folder / "ext" / "soap" / "tests"


@dataclasses.dataclass
class Answer:
    """What came back."""

    status: int
    body: bytes


def post(host: Host, path: str, namespace: str, message: str, **fields: str) -> Answer:
    """Posts a message with the media type of its version."""
    connection = http.client.HTTPConnection("127.0.0.1", host.port, timeout=30)
    headers = {"Content-Type": MEDIA_TYPES[namespace], **fields}
    connection.request("POST", path, message.encode(), headers)
    response = connection.getresponse()
    answer = Answer(response.status, response.read())
    connection.close()
    return answer


def version(message: str) -> str:
    """The namespace of a message's envelope, or version 1.2 where it has neither."""
    return SOAP_11 if SOAP_11 in message.split("Body", 1)[0] and SOAP_12 not in message else SOAP_12


@dataclasses.dataclass
class Message:
    """An envelope, as far as its meaning goes."""

    header: list[ElementTree.Element]
    body: list[ElementTree.Element]
    fault: str | None
    """Code and subcodes without prefixes, divided by blanks."""


def read(text: str | bytes) -> Message:
    """Takes an envelope apart."""
    root = ElementTree.fromstring(text)
    parts: dict[str, list[ElementTree.Element]] = {"Header": [], "Body": []}
    for part in root:
        parts[part.tag.rpartition("}")[2]] += list(part)
    fault = None
    if parts["Body"] and parts["Body"][0].tag.endswith("}Fault"):
        element = parts["Body"][0]
        values = [element.findtext("faultcode") or ""]
        if element.tag.startswith(f"{{{SOAP_12}}}"):
            values = [value.text or "" for value in element.iter(f"{{{SOAP_12}}}Value")]
        fault = " ".join(value.strip().rpartition(":")[2] for value in values)
    return Message(parts["Header"], parts["Body"], fault)


def meaning(element: ElementTree.Element, ignored: frozenset[str] = frozenset()) -> tuple:
    """Names, values and order of what an element holds. The attributes of SOAP encoding and of schema types are left out, but for nil;
    members of a structure may stand in any order, items of an array (which share a name) may not."""
    children = [child for child in element if child.tag not in ignored]
    nil = element.get("{http://www.w3.org/2001/XMLSchema-instance}nil") in ("1", "true")
    if len({child.tag for child in children}) == len(children):
        children.sort(key=lambda child: child.tag)
    text = "" if children else (element.text or "").strip()
    return (element.tag, "nil" if nil else text, tuple(meaning(child, ignored) for child in children))
