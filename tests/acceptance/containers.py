"""The image as a user builds and runs it: `make image`, then podman, with nothing that outlives the tests but the base.

The base is made of Debian packages, so that no container registry is needed: it stands in for the official image of
the same Python and the same Debian. How big that one is, and which patches it has, this does not show.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.processes import START_S

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
BASE = "localhost/base:test"
IMAGE = "localhost/browsee-adapter:test"
TOOLS = ("podman", "runc", "mmdebstrap", "make")
BUILD_S = 500.0
USER = 10001

# What a machine needs that is a container itself: no systemd, and no right to raise limits above its own.
_CONTAINERS_CONF = """\
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
"""
_STORAGE_CONF = """\
[storage]
driver = "overlay"
graphroot = "{folder}/storage"
runroot = "{folder}/run"
"""


@dataclass(frozen=True, slots=True)
class Podman:
    """podman with images, volumes and containers of its own, all of them in one folder."""

    environ: Mapping[str, str]

    def __call__(self, *arguments: str, cwd: Path | None = None, expect: int = 0, within_s: float = 60) -> str:
        """What the command printed on stdout and, if it did not end well, also on stderr. Fails unless it ends so."""
        return _run(["podman", *arguments], environ=self.environ, cwd=cwd, expect=expect, within_s=within_s)

    def inspect(self, name: str) -> dict[str, Any]:
        """All that is known of a container or an image."""
        (known,) = json.loads(self("inspect", name))
        return dict(known)

    def log(self, name: str) -> list[dict[str, Any]]:
        """The telemetry that a container has logged so far."""
        done = subprocess.run(
            ["podman", "logs", name], env=self.environ, capture_output=True, text=True, check=True, timeout=START_S
        )
        return [json.loads(line) for line in done.stderr.splitlines() if line.startswith('{"name"')]

    @contextmanager
    def running(self, *arguments: str, cwd: Path | None = None) -> Iterator[str]:
        """The id of a container started with `podman run -d …`, which is gone at the end."""
        name = self("run", "--detach", "--pull=never", *arguments, cwd=cwd).strip()
        try:
            yield name
        finally:
            self("rm", "--force", "--time", "0", name)


@contextmanager
def image_in(folder: Path) -> Iterator[Podman]:
    """podman with IMAGE built by `make image`. Skips where that cannot be, but fails where CI is root."""
    lacking = [tool for tool in TOOLS if shutil.which(tool) is None]
    if os.geteuid() != 0:
        pytest.skip("needs root, to make a base and to run containers")
    if lacking:
        _unavailable(f"needs {', '.join(lacking)}: see scripts/install-image-tools")
    (folder / "containers.conf").write_text(_CONTAINERS_CONF, encoding="utf-8")
    (folder / "storage.conf").write_text(_STORAGE_CONF.format(folder=folder), encoding="utf-8")
    podman = Podman(
        {
            **os.environ,
            "CONTAINERS_CONF": str(folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
        }
    )
    try:
        podman("import", "-c", "ENV PATH=/usr/local/bin:/usr/bin:/bin", str(_base()), BASE)
        _make_image(podman, folder)
        yield podman
    finally:
        podman("rm", "--all", "--force", "--time", "0")


def _unavailable(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def _base() -> Path:
    """The root file system that stands in for the base the Dockerfile names; made once and kept in the checkout."""
    (suite,) = re.findall(r"(?m)^ARG BASE=python:3\.\d+-slim-(\w+)$", DOCKERFILE)
    file = ROOT / ".image" / f"{suite}.tar"
    if not file.exists():
        made = subprocess.run(
            [ROOT / "scripts" / "base-image", suite, file], capture_output=True, text=True, check=False, timeout=BUILD_S
        )
        if made.returncode != 0:
            _unavailable(f"cannot make a base: {made.stderr[-2000:]}")
    return file


def _make_image(podman: Podman, folder: Path) -> None:
    flags = ["--isolation", "chroot", "--network", "host", "--pull=never", "--build-arg", f"BASE={BASE}"]
    flags += _machine_flags(folder)
    environ = {**podman.environ, "IMAGE_BUILD_FLAGS": " ".join(flags)}
    command = ["make", "image", "BUILDER=podman", f"IMAGE={IMAGE}"]
    _run(command, environ=environ, cwd=ROOT, expect=0, within_s=BUILD_S)


def _machine_flags(folder: Path) -> list[str]:
    """What the build needs on this machine only: IMAGE_BUILD_FLAGS, else what pip itself is given here.

    A company's index and certificate work in the build too, and do not become part of the Dockerfile.
    """
    if "IMAGE_BUILD_FLAGS" in os.environ:
        return os.environ["IMAGE_BUILD_FLAGS"].split()
    found = _run([sys.executable, "-m", "pip", "config", "list"], environ=os.environ, cwd=None, expect=0, within_s=30)
    options = dict(re.findall(r"(?m)^\S+\.(cert|index-url)='(.+)'$", found))
    if not options:
        return []
    conf = folder / "pip.conf"
    conf.write_text("[global]\n" + "".join(f"{name} = {value}\n" for name, value in options.items()), encoding="utf-8")
    mounted = ["-v", f"{conf}:/etc/pip.conf:ro"]
    return [*mounted, "-v", f"{options['cert']}:{options['cert']}:ro"] if "cert" in options else mounted


def _run(command: Sequence[str], *, environ: Mapping[str, str], cwd: Path | None, expect: int, within_s: float) -> str:
    done = subprocess.run(command, env=environ, cwd=cwd, capture_output=True, text=True, check=False, timeout=within_s)
    assert done.returncode == expect, f"{command}: ended with {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout if expect == 0 else done.stdout + done.stderr
