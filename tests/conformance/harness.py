"""What a suite is given: hosts to talk to, tools that install themselves, and an outcome to report.

This module owns processes and installations, and knows no protocol. A suite (`suites/*.py`) knows one protocol or one family of
clients, and neither how a host is started nor where things are installed. The judgement of what an outcome is worth is `run.py`'s.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]

START_SECONDS = 60
"""How long a host may take until it says where it listens. The first start compiles every plugin."""

END_SECONDS = 20
"""How long a host that is told to end may take. Then it is killed, and that is a failure."""

INSTALL_SECONDS = 900
"""How long one installation may take, from a slow registry."""


class Skipped(Exception):
    """The suite cannot be installed here. Its row says so, and why; it is never counted as passed."""


@dataclasses.dataclass
class Outcome:
    """What a suite saw: one entry per case, in the order in which they ran."""

    cases: dict[str, str | None] = dataclasses.field(default_factory=dict)
    """The case's name, and what was wrong in one line; `None` if nothing was."""

    figures: list[str] = dataclasses.field(default_factory=list)
    """What was measured beside passing or failing, for people to read."""

    def passed(self, case: str) -> None:
        """Notes a case that passed. A case of that name that failed before stays failed."""
        self.cases.setdefault(case, None)

    def failed(self, case: str, seen: str) -> None:
        """Notes a case that failed, and what was seen."""
        self.cases[case] = " ".join(str(seen).split())[:400] or "no reason was given"

    def check(self, case: str, expected: object, seen: object) -> None:
        """Passes the case if both are equal."""
        if expected == seen:
            self.passed(case)
        else:
            self.failed(case, f"expected {expected!r}, saw {seen!r}")

    def figure(self, text: str) -> None:
        """Notes what was measured."""
        self.figures.append(text)


    def printed(self, done: subprocess.CompletedProcess[str], cases: Iterable[str]) -> Outcome:
        """Passes the cases that a client's program printed, a line each. The others fail with the last thing that it said."""
        lines = done.stdout.splitlines()
        for case in cases:
            if case in lines:
                self.passed(case)
            else:
                self.failed(case, last_line(done.stderr or done.stdout))
        if done.returncode != 0:
            self.failed("ends well", f"status {done.returncode}: {last_line(done.stderr)}")
        return self


@dataclasses.dataclass(frozen=True)
class Suite:
    """A suite or a family of clients that somebody else wrote."""

    name: str
    protocol: str
    version: str
    run: Callable[[Host, Tools], Outcome]
    known: dict[str, str] = dataclasses.field(default_factory=dict)
    """Cases that are known to fail, with the reason. One that passes has to leave this list."""


class Host:
    """A running host."""

    def __init__(self, binary: pathlib.Path, folders: Sequence[pathlib.Path], examples: pathlib.Path, scratch: pathlib.Path):
        self._binary = binary
        self._folders = folders
        self._examples = examples
        self._scratch = scratch
        self._process: subprocess.Popen[str] | None = None
        self._folder: pathlib.Path | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """`http://` and where it listens, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The id of its process."""
        assert self._process is not None, "the host runs"
        return self._process.pid

    @property
    def folder(self) -> pathlib.Path:
        """The plugin folder, which goes when the host goes."""
        assert self._folder is not None, "the host runs"
        return self._folder

    def built(self, plugin: str) -> dict[str, bytes]:
        """The files of a plugin as it was built: the component, and its manifest and WIT text if it has them."""
        folders = [*self._folders, self._examples]
        source = next((f for f in folders if (f / f"{plugin}.wasm").is_file()), None)
        if source is None:
            raise FileNotFoundError(f"{plugin}.wasm: `make plugins conformance-plugins examples` builds it")
        files = [source / f"{plugin}{suffix}" for suffix in (".wasm", ".toml", ".wit")]
        return {file.name: file.read_bytes() for file in files if file.is_file()}

    @contextlib.contextmanager
    def private(
        self,
        plugins: Sequence[str],
        config: str = "",
        manifests: dict[str, str] | None = None,
        files: dict[str, bytes] | None = None,
    ) -> Iterator[Host]:
        """A host of one's own: these plugins with their manifests, or with others; more files for the folder if need be."""
        host = Host(self._binary, self._folders, self._examples, self._scratch)
        content: dict[str, bytes] = {}
        for name in plugins:
            content |= self.built(name)
        content |= {f"{name}.toml": text.encode() for name, text in (manifests or {}).items()}
        content |= files or {}
        host._start(content, config)
        try:
            yield host
        finally:
            host._end()

    @contextlib.contextmanager
    def everything(self) -> Iterator[Host]:
        """A host with every plugin there is."""
        names = sorted({path.stem for folder in self._folders for path in folder.glob("*.wasm")})
        with self.private(names) as host:
            yield host

    def log(self) -> str:
        """What the host has said so far."""
        return (self.folder.parent / "log").read_text(errors="replace")

    def _start(self, content: dict[str, bytes], config: str) -> None:
        self._scratch.mkdir(parents=True, exist_ok=True)
        root = pathlib.Path(tempfile.mkdtemp(prefix="host-", dir=self._scratch))
        self._folder = root / "plugins"
        self._folder.mkdir()
        for name, data in content.items():
            (self._folder / name).write_bytes(data)
        command = [str(self._binary), "serve", str(self._folder), "--listen", "127.0.0.1:0"]
        if config:
            (root / "guesthouse.toml").write_text(config)
            command += ["--config", str(root / "guesthouse.toml")]
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._process = process
        started = threading.Event()

        def collect() -> None:
            with (root / "log").open("w") as log:
                for line in process.stdout or ():
                    log.write(line)
                    log.flush()
                    found = re.match(r"guesthouse \S+ on http://127\.0\.0\.1:(\d+),", line)
                    if found:
                        self.port = int(found[1])
                        started.set()
            started.set()

        threading.Thread(target=collect, daemon=True).start()
        if not started.wait(START_SECONDS) or not self.port:
            process.kill()
            raise RuntimeError(f"the host did not start:\n{self.log()}")

    def _end(self) -> None:
        assert self._process is not None, "the host was started"
        crashed = self._process.poll()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise RuntimeError(f"the host did not end when told to:\n{self.log()[-4000:]}") from None
        if crashed is not None:
            raise RuntimeError(f"the host ended by itself ({crashed}):\n{self.log()[-4000:]}")
        shutil.rmtree(self.folder.parent, ignore_errors=True)


class Tools:
    """What a suite runs. Everything is installed below `target/`, except for Debian packages, and only if it is not there yet."""

    _updated = False

    def __init__(self, name: str, scratch: pathlib.Path):
        self._name = name
        self.scratch = scratch
        self.scratch.mkdir(parents=True, exist_ok=True)

    def run(
        self,
        command: Sequence[str | os.PathLike[str]],
        *,
        env: dict[str, str] | None = None,
        input: str | None = None,
        cwd: pathlib.Path | None = None,
        timeout_seconds: float = 120,
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end and gives its status and output. A command that takes too long has the status -9."""
        words = [str(word) for word in command]
        try:
            done = subprocess.run(
                words,
                env={**os.environ, **(env or {})},
                **({"input": input} if input is not None else {"stdin": subprocess.DEVNULL}),
                cwd=cwd or self.scratch,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout_seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            said = [part.decode(errors="replace") if isinstance(part, bytes) else part or "" for part in (late.stdout, late.stderr)]
            done = subprocess.CompletedProcess(words, -9, said[0], f"{said[1]}\nnot done after {timeout_seconds} s")
        with (self.scratch / "commands.log").open("a") as log:
            log.write(f"$ {' '.join(words)}\n{done.stdout}{done.stderr}[{done.returncode}]\n")
        return done

    def python(self, requirements: Sequence[str]) -> pathlib.Path:
        """A Python of the suite's own with these packages; the scripts they bring lie beside it."""
        folder = self.scratch / "venv"
        interpreter = folder / "bin" / "python"
        if not self._is_installed(folder, requirements):
            shutil.rmtree(folder, ignore_errors=True)
            self._install([sys.executable, "-m", "venv", folder], "python3-venv")
            constraints = REPOSITORY / "tests" / "conformance" / "constraints.txt"
            pip = [interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            self._install([*pip, "--constraint", constraints, *requirements], "packages for Python")
            self._installed(folder, requirements)
        return interpreter

    def npm(self, packages: Sequence[str]) -> pathlib.Path:
        """The `node_modules` of the suite's own with these packages."""
        folder = self.scratch / "npm"
        if not self._is_installed(folder, packages):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            self.node()
            if not shutil.which("npm"):
                self.debian(["npm"])
            npm = ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", folder]
            self._install([*npm, *packages], "packages for Node")
            self._installed(folder, packages)
        return folder / "node_modules"

    def node(self) -> str:
        """Node.js."""
        if not shutil.which("node"):
            self.debian(["nodejs"])
        return shutil.which("node") or "node"

    def debian(self, packages: Sequence[str]) -> None:
        """Installs Debian packages that are missing, as root."""
        missing = [package for package in packages if not self._has_debian(package)]
        if not missing:
            return
        if not shutil.which("apt-get"):
            raise Skipped(f"needs what Debian calls {' '.join(missing)}")
        if os.geteuid() != 0:
            raise Skipped(f"run as root: apt-get install --no-install-recommends {' '.join(missing)}")
        env = {"DEBIAN_FRONTEND": "noninteractive"}
        if not Tools._updated:
            self.run(["apt-get", "update", "--quiet=2"], env=env, timeout_seconds=INSTALL_SECONDS)
            Tools._updated = True
        install = ["apt-get", "install", "--yes", "--no-remove", "--no-install-recommends", "--quiet=2", *missing]
        done = self.run(install, env=env, timeout_seconds=INSTALL_SECONDS)
        if done.returncode != 0:
            raise Skipped(f"apt-get cannot install {' '.join(missing)}: {last_line(done.stderr)}")

    def _has_debian(self, package: str) -> bool:
        done = subprocess.run(
            ["dpkg-query", "--show", "--showformat=${db:Status-Status}", package],
            capture_output=True, text=True, check=False,
        ) if shutil.which("dpkg-query") else None
        return done is not None and done.stdout == "installed"

    def _install(self, command: Sequence[str | os.PathLike[str]], what: str) -> None:
        done = self.run(command, timeout_seconds=INSTALL_SECONDS)
        if done.returncode != 0:
            raise Skipped(f"cannot install {what}: {last_line(done.stderr)}")

    def _is_installed(self, folder: pathlib.Path, wanted: Sequence[str]) -> bool:
        stamp = folder / "installed"
        return stamp.is_file() and stamp.read_text() == self._digest(wanted)

    def _installed(self, folder: pathlib.Path, wanted: Sequence[str]) -> None:
        (folder / "installed").write_text(self._digest(wanted))

    def _digest(self, wanted: Sequence[str]) -> str:
        constraints = (REPOSITORY / "tests" / "conformance" / "constraints.txt").read_bytes()
        return hashlib.sha256("\n".join(sorted(wanted)).encode() + constraints).hexdigest()


def last_line(text: str) -> str:
    """The last line that says something."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "it did not say why")
