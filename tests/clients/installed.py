"""The real clients that are installed here, and what to do about those that are not. Installs nothing itself."""

import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NODE = HERE / "node"
GO = HERE / "go"
JAVA = HERE / "java"
INSTALLED = HERE / ".installed"
"""One environment for each of `python/*.lock`, and the programs of Go and Java; `scripts/test-clients` makes them."""

_GO = "gopkg.in/segmentio/analytics-go.v3"
_JAVA = "com.segment.analytics.java:analytics"


@dataclass(frozen=True, slots=True)
class Client:
    """A library that sends by itself once it is asked to: `command`, then host, key and a file of calls.

    `lacking` says why it cannot be started here; empty if it can. `is_optional` where its language may be missing, in
    CI too.
    """

    name: str
    package: str
    version: str
    command: tuple[str, ...]
    lacking: str
    is_optional: bool = False

    @property
    def source(self) -> str:
        """The source it sends as, in the letters that the name of one may have."""
        return self.name.replace(".", "-")

    def is_needed(self) -> None:
        """Skip the test where it is not installed; where CI says that everything has to be, fail."""
        if self.lacking and self.is_optional:
            pytest.skip(self.lacking)
        needs(self.lacking)


def needs(lacking: str) -> None:
    """Skip the test for the reason `lacking`, or fail it in CI; nothing if there is no reason."""
    if lacking and os.environ.get("CI") == "true":
        pytest.fail(lacking)
    if lacking:
        pytest.skip(lacking)


def lacking_node() -> str:
    """Why nothing of Node can be run here; empty if it can."""
    if shutil.which("node") is None:
        return "node is not installed: scripts/install-test-tools does it as root"
    if not (NODE / "node_modules").is_dir():
        return "the Node clients are not installed: make test does it"
    return ""


def chromium() -> str | None:
    """Where Chromium is, under any of its names."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def lacking_browser() -> str:
    """Why no page can be opened here; empty if one can."""
    if chromium() is None:
        return "chromium is not installed: scripts/install-test-tools does it as root"
    return lacking_node()


def versions() -> dict[str, tuple[str, ...]]:
    """The packages that the tests run, with the versions they are pinned to."""
    found: dict[str, tuple[str, ...]] = {}
    for file in sorted((HERE / "python").glob("*.in")):
        package, _, version = file.read_text(encoding="utf-8").strip().partition("==")
        found[package] = (*found.get(package, ()), version)
    found |= {_GO: (_written(GO / "go.mod", rf"{re.escape(_GO)} v([\d.]+)"),)}
    found |= {_JAVA: (_written(JAVA / "pom.xml", r"<version>([\d.]+\.[\d.]+)</version>"),)}
    dependencies = json.loads((NODE / "package.json").read_text(encoding="utf-8"))["dependencies"]
    return found | {package: (version,) for package, version in dependencies.items()}


def _written(file: Path, pattern: str) -> str:
    found = re.search(pattern, file.read_text(encoding="utf-8"))
    assert found is not None, f"{file} names no version"
    return found[1]


def _go() -> Client:
    program = INSTALLED / "go" / "senders"
    lacking = "" if program.exists() else "Go's client is not built: make test does it where there is go"
    return Client("segment-go", _GO, versions()[_GO][0], (str(program),), lacking, is_optional=True)


def _java() -> Client:
    home = INSTALLED / "java"
    command = ("java", "-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp", f"{home}:{home}/lib/*", "Send")
    is_there = (home / "Send.class").exists() and shutil.which("java") is not None
    lacking = "" if is_there else "Java's client is not built: make test does it where there are mvn and a JDK"
    return Client("segment-java", _JAVA, versions()[_JAVA][0], command, lacking, is_optional=True)


def _python(name: str, library: str) -> Client:
    package, _, version = (HERE / "python" / f"{name}.in").read_text(encoding="utf-8").strip().partition("==")
    python = INSTALLED / name / "bin" / "python"
    lacking = "" if python.exists() else f"{package} {version} is not installed: make test does it"
    return Client(name, package, version, (str(python), str(HERE / "python" / "send.py"), library), lacking)


def _node(name: str, package: str, library: str) -> Client:
    command = ("node", "--import", str(NODE / "watch.js"), str(NODE / "send.js"), library)
    return Client(name, package, versions()[package][0], command, lacking_node())


SERVER_CLIENTS = (
    _python("segment-2.3.4", "segment.analytics"),
    _python("segment-2.4.0", "segment.analytics"),
    _python("rudder-2.1.9", "rudderstack.analytics"),
    _node("segment-node", "@segment/analytics-node", "segment"),
    _node("rudder-node", "@rudderstack/rudder-sdk-node", "rudderstack"),
    _go(),
    _java(),
)
